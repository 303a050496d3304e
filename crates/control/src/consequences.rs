//! What merging a pull request does to each environment, told before the merge.

use std::collections::{BTreeMap, BTreeSet};

use deployments::{ObjectKey, changed_fields};
use ledger::{ApplicationName, EnvironmentName};
use repositories::glob::Glob;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::configuration::{Artifact, Configuration};

/// Everything that the answer may look at.
#[derive(Debug, Clone)]
pub struct ConsequenceInputs {
    /// `boucle.yaml` of the base.
    pub configuration: Configuration,
    /// The paths that the pull request changes.
    pub changed_paths: Vec<String>,
    /// The renderings of each application, before and after.
    pub renderings: Vec<RenderingPair>,
}

/// An application's manifests before and after.
#[derive(Debug, Clone)]
pub struct RenderingPair {
    /// Which application.
    pub application: ApplicationName,
    /// The environment that it is, when it is one.
    pub environment: Option<EnvironmentName>,
    /// The namespace of objects that name none.
    pub namespace: String,
    /// Whether objects that leave Git are deleted.
    pub prunes: bool,
    /// At the base; an error is the reason why it cannot be rendered.
    pub before: Result<Vec<Value>, String>,
    /// At the head.
    pub after: Result<Vec<Value>, String>,
}

/// What a pull request does, application by application.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Consequences {
    /// One for each application whose objects or builds change.
    pub applications: Vec<ApplicationConsequences>,
}

/// What a pull request does to one application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationConsequences {
    /// Which.
    pub application: ApplicationName,
    /// The environment that it is.
    pub environment: Option<EnvironmentName>,
    /// Why the change cannot be rendered; then the merge would change nothing here.
    pub problem: Option<String>,
    /// The objects that change.
    pub objects: Vec<ObjectConsequence>,
    /// The new builds that would be promoted here.
    pub builds: Vec<BuildConsequence>,
}

/// What happens to one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectConsequence {
    /// Which.
    pub object: ObjectKey,
    /// What.
    pub change: ObjectChange,
    /// Whether its processes are replaced.
    pub restarts: bool,
    /// Whether it says who may do what (roles, network policies, quotas).
    pub is_policy: bool,
    /// As YAML before; empty when it is new.
    pub before: String,
    /// As YAML after; empty when it goes.
    pub after: String,
}

/// What happens to an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ObjectChange {
    /// It is new.
    Created,
    /// These fields change, as JSON pointers.
    Changed {
        /// The pointers.
        fields: Vec<String>,
    },
    /// It leaves Git and is deleted.
    Pruned,
    /// It leaves Git and stays, because pruning is off.
    Orphaned,
}

/// A new build that would be promoted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildConsequence {
    /// The artifact's name.
    pub artifact: String,
    /// The changed paths that it is built from.
    pub because_of: Vec<String>,
    /// The workloads that run it.
    pub restarts: Vec<ObjectKey>,
}

impl BuildConsequence {
    /// "a new build of `hello` will be promoted here and restarts apps/Deployment production/hello".
    #[must_use]
    pub fn sentence(&self) -> String {
        let workloads: Vec<String> = self.restarts.iter().map(ToString::to_string).collect();
        let effect = if workloads.is_empty() {
            "restarts nothing".to_owned()
        } else {
            format!("restarts {}", workloads.join(", "))
        };
        format!("a new build of `{}` will be promoted here and {effect}", self.artifact)
    }
}

/// What the pull request does. Equal inputs, equal answer.
#[must_use]
pub fn consequences(inputs: &ConsequenceInputs) -> Consequences {
    let builds: Vec<(&Artifact, Vec<String>)> = inputs
        .configuration
        .artifacts
        .iter()
        .map(|artifact| (artifact, paths_of(artifact, &inputs.changed_paths)))
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    let applications = inputs
        .renderings
        .iter()
        .map(|pair| of_application(pair, &builds))
        .filter(|found| {
            found.problem.is_some() || !found.objects.is_empty() || !found.builds.is_empty()
        })
        .collect();
    Consequences { applications }
}

/// The changed paths that an artifact is built from.
#[must_use]
pub fn paths_of(artifact: &Artifact, changed: &[String]) -> Vec<String> {
    let globs: Vec<Glob> = artifact.paths.iter().filter_map(|path| Glob::new(path).ok()).collect();
    changed.iter().filter(|path| globs.iter().any(|glob| glob.matches(path))).cloned().collect()
}

fn of_application(
    pair: &RenderingPair,
    builds: &[(&Artifact, Vec<String>)],
) -> ApplicationConsequences {
    let empty = Vec::new();
    // A base that cannot be rendered deploys nothing, so everything is new.
    let before = by_key(pair.before.as_ref().unwrap_or(&empty), &pair.namespace);
    let (objects, problem, after) = match &pair.after {
        Ok(after) => {
            let after = by_key(after, &pair.namespace);
            (differences(&before, &after, pair.prunes), None, after)
        }
        Err(problem) => (Vec::new(), Some(problem.clone()), before),
    };
    let promoted = if pair.environment.is_some() { builds } else { &[] };
    let builds = promoted
        .iter()
        .map(|(artifact, paths)| BuildConsequence {
            artifact: artifact.name.clone(),
            because_of: paths.clone(),
            restarts: after
                .iter()
                .filter(|(object, manifest)| object.is_workload() && runs(manifest, &artifact.name))
                .map(|(object, _)| object.clone())
                .collect(),
        })
        .collect();
    let (application, environment) = (pair.application.clone(), pair.environment.clone());
    ApplicationConsequences { application, environment, problem, objects, builds }
}

fn by_key<'a>(manifests: &'a [Value], namespace: &str) -> BTreeMap<ObjectKey, &'a Value> {
    manifests
        .iter()
        .filter_map(|manifest| Some((ObjectKey::of(manifest, namespace)?, manifest)))
        .collect()
}

fn differences(
    before: &BTreeMap<ObjectKey, &Value>,
    after: &BTreeMap<ObjectKey, &Value>,
    prunes: bool,
) -> Vec<ObjectConsequence> {
    let keys: BTreeSet<&ObjectKey> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter_map(|object| {
            let (old, new) = (before.get(object).copied(), after.get(object).copied());
            let change = match (old, new) {
                (None, _) => ObjectChange::Created,
                (Some(_), None) if prunes => ObjectChange::Pruned,
                (Some(_), None) => ObjectChange::Orphaned,
                (Some(old), Some(new)) => {
                    let fields = changed_fields(new, old, Some(old), &[]);
                    if fields.is_empty() {
                        return None;
                    }
                    ObjectChange::Changed { fields }
                }
            };
            let restarts = object.is_workload()
                && matches!(&change, ObjectChange::Changed { fields }
                    if fields.iter().any(|field| field.starts_with("/spec/template")));
            let text = |value: Option<&Value>| {
                value.map_or_else(String::new, |value| yaml::emit(std::slice::from_ref(value)))
            };
            Some(ObjectConsequence {
                object: object.clone(),
                change,
                restarts,
                is_policy: is_policy(object),
                before: text(old),
                after: text(new),
            })
        })
        .collect()
}

fn is_policy(object: &ObjectKey) -> bool {
    match object.group.as_str() {
        "rbac.authorization.k8s.io" | "policy" | "admissionregistration.k8s.io" => true,
        "networking.k8s.io" => object.kind == "NetworkPolicy",
        "" => matches!(object.kind.as_str(), "ServiceAccount" | "ResourceQuota" | "LimitRange"),
        _ => false,
    }
}

/// Whether a workload's containers run the image: its name, or a path that ends with it, whatever
/// its tag or digest.
fn runs(manifest: &Value, image: &str) -> bool {
    match manifest {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let is_this =
                name == "image" && value.as_str().is_some_and(|text| is_image(text, image));
            is_this || runs(value, image)
        }),
        Value::Array(items) => items.iter().any(|item| runs(item, image)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_image(text: &str, image: &str) -> bool {
    let name = text.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    name == image || name.ends_with(&format!("/{image}"))
}
