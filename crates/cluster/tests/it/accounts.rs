//! In whose name things are done, and what is missing for it.

use cluster::{
    Applied, Cluster, Connection, Credential, Deployer, Identity, KindInUse, PutOptions, Secret,
};
use serde_json::{Value, json};

use crate::{World, config_map, until, world};

const RBAC: &str = "apis/rbac.authorization.k8s.io/v1";

fn deployer(world: &World) -> Identity {
    Identity::ServiceAccount { namespace: world.namespace().into(), name: "deployer".into() }
}

fn create(world: &World, path: &str, body: &Value) -> Value {
    let answer = world.kubernetes.ask("POST", path, Some(body));
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

/// Lets the account write the ConfigMaps of its namespace.
fn allow_config_maps(world: &World) {
    let rule = json!({
        "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch"],
    });
    let role = json!({ "metadata": { "name": "deployer" }, "rules": [rule] });
    create(world, &world.path(RBAC, "roles"), &role);
    let binding = json!({
        "metadata": { "name": "deployer" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer",
        },
        "subjects": [{
            "kind": "ServiceAccount", "name": "deployer", "namespace": world.namespace(),
        }],
    });
    create(world, &world.path(RBAC, "rolebindings"), &binding);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_does_what_it_may_and_nothing_else() {
    let world = world(&[("v1", "ConfigMap")]).await;
    let (identity, manifest) = (deployer(&world), config_map("one", json!({})));
    let put = || world.put_with(&identity, &manifest, PutOptions::default());
    let refusal = put().await.unwrap_err();
    assert_eq!(refusal.code(), "cluster-forbidden");
    let source = std::error::Error::source(&refusal).unwrap().to_string();
    let account = format!("the service account {}/deployer may not", world.namespace());
    assert!(source.starts_with(&account), "{source}");

    allow_config_maps(&world);
    // The authorizer learns of the role by a watch of its own.
    let applied = until_ok(&world, put).await;
    assert_eq!(applied, Applied::Created);
    let key = world.key("", "ConfigMap", "one");
    assert!(world.cluster.get(&identity, &key).await.unwrap().is_some());
    // Deletions too: Boucle's own rights would be enough.
    let refusal = world.delete_as(&identity, key.clone()).await.unwrap_err();
    assert_eq!(refusal.code(), "cluster-forbidden");
    assert_eq!(world.delete(key).await.unwrap(), Applied::Deleted);
}

async fn until_ok<F, T, E>(world: &World, attempt: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, E>>,
{
    let attempts = async {
        loop {
            match attempt().await {
                Ok(done) => return done,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    match tokio::time::timeout(crate::PATIENCE, attempts).await {
        Ok(done) => done,
        Err(_) => panic!("it never succeeded in {}", world.namespace()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_act_for_others_nothing_is_done() {
    let world = world(&[]).await;
    let limited = limited(&world).await;
    until(&limited, "the cluster answers", || limited.reachability().is_reachable().then_some(()))
        .await;
    let key = world.key("", "ConfigMap", "any");
    let wait_for_kinds = until_ok(&world, || async {
        if limited.served_kinds().is_empty() { Err(()) } else { Ok(()) }
    });
    wait_for_kinds.await;
    let error = limited.get(&deployer(&world), &key).await.unwrap_err();
    assert_eq!(error.code(), "cannot-impersonate");
    assert!(error.to_string().contains("never falls back"), "{error}");

    let missing = limited
        .doctor(Some(&Deployer {
            identity: deployer(&world),
            namespace: world.namespace().to_owned(),
        }))
        .await
        .unwrap();
    assert_eq!(missing.len(), 1);
    assert_eq!((&*missing[0].verb, &*missing[0].resource), ("impersonate", "serviceaccounts"));
    let own = limited.doctor(None).await.unwrap();
    let verbs: Vec<&str> = own.iter().map(|one| one.verb.as_str()).collect();
    assert_eq!(verbs, ["get", "list", "watch"], "of namespaces: {own:?}");
    limited.close();
}

/// Boucle with the token of an account that may do nothing.
async fn limited(world: &World) -> Cluster {
    let account = json!({ "metadata": { "name": "limited" } });
    create(world, &world.path("api/v1", "serviceaccounts"), &account);
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {},
    });
    let path = world.path("api/v1", "serviceaccounts/limited/token");
    let answer = create(world, &path, &request);
    let state = world.kubernetes.state();
    let connection = Connection::Address {
        server: state.server.clone(),
        credential: Credential::Token(Secret::new(answer["status"]["token"].as_str().unwrap())),
        certificate_authority: Some(state.certificates().unwrap()),
        server_name: None,
    };
    Cluster::open("limited", connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_a_deployer_lacks() {
    let world = world(&[("v1", "ConfigMap")]).await;
    assert_eq!(world.cluster.doctor(None).await.unwrap(), [], "the administrator lacks nothing");
    allow_config_maps(&world);
    let who = Deployer { identity: deployer(&world), namespace: world.namespace().to_owned() };
    let missing = until_ok(&world, || async {
        let missing = world.cluster.doctor(Some(&who)).await.unwrap();
        let of_config_maps: Vec<String> = missing
            .iter()
            .filter(|one| one.resource == "configmaps")
            .map(|one| one.verb.clone())
            .collect();
        // The authorizer learns of the role by a watch of its own.
        if of_config_maps.len() == 1 { Ok(of_config_maps) } else { Err(()) }
    })
    .await;
    assert_eq!(missing, ["delete"]);
    let kinds = [KindInUse::new("v1", "ConfigMap")];
    world.cluster.watch_kinds(&kinds.into());
}
