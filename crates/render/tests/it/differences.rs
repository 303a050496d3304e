//! Differences between renderings.

use render::{Change, difference};
use serde_json::{Value, json};

fn deployment(image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [
            {"name": "web", "image": image}
        ]}}},
    })
}

fn secret(entries: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": entries})
}

#[test]
fn equal_renderings_do_not_differ_whatever_the_order() {
    let (a, b) = (deployment("web:1", 1), secret(json!({"k": "dg=="})));
    assert_eq!(difference(&[a.clone(), b.clone()], &[b, a]), []);
}

#[test]
fn a_changed_pod_template_restarts_the_workload() {
    let found = difference(&[deployment("web:1", 1)], &[deployment("web:2", 1)]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].change, Change::Changed);
    assert!(
        found[0].text.contains("-      - image: web:1\n+      - image: web:2\n"),
        "{}",
        found[0].text
    );
    let restart = found[0].restart.as_ref().expect("a restart");
    assert_eq!(restart.fields, ["spec.containers[web].image"]);
}

#[test]
fn more_replicas_restart_nothing() {
    let found = difference(&[deployment("web:1", 1)], &[deployment("web:1", 2)]);
    assert_eq!((found.len(), &found[0].restart), (1, &None));
}

#[test]
fn objects_come_and_go() {
    let found = difference(&[deployment("web:1", 1)], &[secret(json!({}))]);
    let changes: Vec<_> = found.iter().map(|one| (one.kind.as_str(), one.change)).collect();
    assert_eq!(changes, [("Deployment", Change::Deleted), ("Secret", Change::Created)]);
    assert!(found[0].text.contains("-kind: Deployment") && found[1].text.contains("+kind: Secret"));
}

#[test]
fn values_of_a_secret_are_hidden_but_their_change_shows() {
    let before = secret(json!({"same": "c2VjcmV0", "other": "b2xk", "gone": "eA=="}));
    let after = secret(json!({"same": "c2VjcmV0", "other": "bmV3", "come": "eQ=="}));
    let text = &difference(&[before], &[after])[0].text;
    for value in ["c2VjcmV0", "b2xk", "bmV3", "eA==", "eQ=="] {
        assert!(!text.contains(value), "{text}");
    }
    for line in ["-  other:", "+  other:", "-  gone:", "+  come:", "   same:"] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
