//! Which permissions are missing, found out before they are needed.

use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::error::RequestError;
use crate::identity::Identity;
use crate::inner::Inner;
use crate::kinds::Resource;
use crate::requests::Ask;

/// What Boucle's own account does with a kind: it watches.
const OWN_VERBS: [&str; 3] = ["get", "list", "watch"];
/// What whoever deploys does with it.
const DEPLOY_VERBS: [&str; 4] = ["get", "create", "patch", "delete"];
/// What it does with objects that it follows.
const FOLLOW_VERBS: [&str; 2] = ["list", "watch"];
/// Questions at once; the door itself lets twenty through.
const QUESTIONS: usize = 20;

/// Something that an account may not do and must.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingPermission {
    /// `patch`.
    pub verb: String,
    /// `apps`; empty: the core group.
    pub group: String,
    /// `deployments`, `kustomizations/status`.
    pub resource: String,
    /// Where; empty: everywhere.
    pub namespace: String,
    /// The server's reason, when it gives one.
    pub reason: String,
}

/// Where something is deployed, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployer {
    /// Who.
    pub identity: Identity,
    /// Where.
    pub namespace: String,
}

/// One question.
struct Question {
    identity: Identity,
    verb: &'static str,
    group: String,
    resource: String,
    subresource: &'static str,
    name: String,
    namespace: String,
}

pub(crate) async fn doctor(
    inner: &Inner,
    used: &[Resource],
    deployer: Option<&Deployer>,
) -> Result<Vec<MissingPermission>, RequestError> {
    let mut questions = Vec::new();
    for resource in used {
        let mut ask = |identity: &Identity, verb, namespace: &str| {
            questions.push(Question {
                identity: identity.clone(),
                verb,
                group: resource.api.group.clone(),
                resource: resource.api.plural.clone(),
                subresource: "",
                name: String::new(),
                namespace: namespace.to_owned(),
            });
        };
        OWN_VERBS.iter().for_each(|verb| ask(&Identity::Own, verb, ""));
        if let Some(deployer) = deployer {
            let namespace = if resource.namespaced { deployer.namespace.as_str() } else { "" };
            DEPLOY_VERBS.iter().for_each(|verb| ask(&deployer.identity, verb, namespace));
        }
    }
    let kinds = inner.kinds();
    let followed = inner.followed();
    for (objects, resource) in followed.iter().filter_map(|one| Some((one, kinds.get(&one.kind)?)))
    {
        let follow = FOLLOW_VERBS.map(|verb| (verb, ""));
        // And it answers in them.
        let all = follow.into_iter().chain([("patch", objects.part.name())]);
        questions.extend(all.map(|(verb, subresource)| Question {
            identity: Identity::Own,
            verb,
            group: resource.api.group.clone(),
            resource: resource.api.plural.clone(),
            subresource,
            name: String::new(),
            namespace: objects.namespace.clone(),
        }));
    }
    if let Some(Deployer { identity: Identity::ServiceAccount { namespace, name }, .. }) = deployer
    {
        let impersonate = Question {
            identity: Identity::Own,
            verb: "impersonate",
            group: String::new(),
            resource: "serviceaccounts".to_owned(),
            subresource: "",
            name: name.clone(),
            namespace: namespace.clone(),
        };
        // Without it nothing can be asked in that account's name.
        if let Some(missing) = impersonate.ask(inner).await? {
            return Ok(vec![missing]);
        }
    }
    let asked = futures::stream::iter(questions)
        .map(|question| async move { question.ask(inner).await })
        .buffer_unordered(QUESTIONS);
    let answers: Vec<Result<Option<MissingPermission>, RequestError>> = asked.collect().await;
    let mut missing = Vec::new();
    for answer in answers {
        missing.extend(answer?);
    }
    missing.sort();
    missing.dedup();
    Ok(missing)
}

impl Question {
    async fn ask(&self, inner: &Inner) -> Result<Option<MissingPermission>, RequestError> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": self.verb,
                "group": self.group,
                "resource": self.resource,
                "subresource": self.subresource,
                "name": self.name,
                "namespace": self.namespace,
            } },
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned();
        let answer = inner.requests.ask(&Ask::post(&self.identity, path, &review)).await?;
        let status = &answer.body["status"];
        if status["allowed"] == Value::Bool(true) {
            return Ok(None);
        }
        Ok(Some(MissingPermission {
            verb: self.verb.to_owned(),
            group: self.group.clone(),
            resource: match self.subresource {
                "" => self.resource.clone(),
                part => format!("{}/{part}", self.resource),
            },
            namespace: self.namespace.clone(),
            reason: status["reason"].as_str().unwrap_or_default().to_owned(),
        }))
    }
}
