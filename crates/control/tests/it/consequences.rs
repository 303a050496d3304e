//! What a pull request is said to do.

use control::Configuration;
use control::consequences::{ConsequenceInputs, RenderingPair, consequences};
use ledger::{ApplicationName, EnvironmentName};
use serde_json::{Value, json};

fn deployment(image: &str, replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hello"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"image": image}]}}}})
}

fn role() -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}})
}

fn check(before: &[Value], after: Result<&[Value], &str>, paths: &[&str], expected: &[&str]) {
    let inputs = ConsequenceInputs {
        configuration: Configuration::parse("boucle.yaml", crate::configuration::GOOD).unwrap(),
        changed_paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        renderings: vec![RenderingPair {
            application: ApplicationName::new("hello-staging").unwrap(),
            environment: Some(EnvironmentName::new("staging").unwrap()),
            namespace: "n".into(),
            prunes: true,
            before: Ok(before.to_vec()),
            after: after.map(<[Value]>::to_vec).map_err(str::to_owned),
        }],
    };
    let mut found = Vec::new();
    for application in consequences(&inputs).applications {
        found.extend(application.problem);
        for object in application.objects {
            let restarts = if object.restarts { " restarts" } else { "" };
            let policy = if object.is_policy { " policy" } else { "" };
            let change = serde_json::to_value(&object.change).unwrap();
            found.push(format!(
                "{} {}{restarts}{policy}",
                change["kind"].as_str().unwrap(),
                object.object
            ));
        }
        found.extend(application.builds.iter().map(|build| build.sentence()));
    }
    assert_eq!(found, expected);
}

#[test]
fn says_what_changes_restarts_and_goes() {
    let old = [deployment("r/hello@sha256:1", 1), role()];
    check(&old, Ok(&old), &["README.md"], &[]);
    check(
        &old,
        Ok(&[deployment("r/hello@sha256:1", 2), role()]),
        &[],
        &["changed apps/Deployment n/hello"],
    );
    check(
        &old,
        Ok(&[deployment("r/hello@sha256:2", 1), role()]),
        &[],
        &["changed apps/Deployment n/hello restarts"],
    );
    check(&old, Ok(&old[..1]), &[], &["pruned rbac.authorization.k8s.io/Role n/r policy"]);
    check(&[], Ok(&old[..1]), &[], &["created apps/Deployment n/hello"]);
    check(
        &old,
        Err("kustomization.yaml:3:1: unknown key"),
        &[],
        &["kustomization.yaml:3:1: unknown key"],
    );
}

#[test]
fn says_what_a_new_build_restarts() {
    let sentence =
        "a new build of `hello` will be promoted here and restarts apps/Deployment n/hello";
    let old = [deployment("127.0.0.1:5000/demo/hello@sha256:1", 1)];
    check(&old, Ok(&old), &["src/main.rs"], &[sentence]);
    let other = [deployment("127.0.0.1:5000/demo/othello:1", 1)];
    check(
        &other,
        Ok(&other),
        &["src/main.rs"],
        &["a new build of `hello` will be promoted here and restarts nothing"],
    );
}
