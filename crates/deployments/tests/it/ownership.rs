//! Differences by who owns a field.

use deployments::ownership::{Comparison, Difference, Holder, difference, prepared, without};
use deployments::{IgnoredFields, JqPath};
use serde_json::{Value, json};

/// A manifest and what the cluster holds, both without what every object has.
struct Case<'a> {
    desired: Value,
    live: Value,
    /// What we own.
    ours: Value,
    /// Who else owns what: name, subresource, fields.
    others: &'a [(&'a str, &'a str, Value)],
    how: Comparison<'a>,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self {
            desired: json!({}),
            live: json!({}),
            ours: json!({}),
            others: &[],
            how: Comparison::default(),
        }
    }
}

fn compare(case: Case<'_>) -> Difference {
    let entry = |manager: &str, operation: &str, subresource: &str, fields: &Value| {
        json!({
            "manager": manager, "operation": operation, "subresource": subresource,
            "fieldsType": "FieldsV1", "fieldsV1": fields,
        })
    };
    let mut entries = vec![entry("boucle", "Apply", "", &case.ours)];
    for (manager, subresource, fields) in case.others {
        entries.push(entry(manager, "Update", subresource, fields));
    }
    let mut live = case.live;
    live["metadata"]["managedFields"] = json!(entries);
    difference(&case.desired, &live, &case.how)
}

fn check(case: Case<'_>, changed: &[&str]) {
    let difference = compare(case);
    assert_eq!(difference.pointers(), changed);
    assert!(difference.unsure.is_empty(), "unsure of {:?}", difference.unsure);
}

/// One container as Git has it, as the cluster has it, and as we own it.
fn container(desired: Value, live: Value, owned: Value, changed: &[&str]) {
    let list = |item: Value| json!({ "spec": { "containers": [item] } });
    let mut key = json!({ ".": {}, "f:name": {} });
    key.as_object_mut().unwrap().extend(owned.as_object().unwrap().clone());
    check(
        Case {
            desired: list(desired),
            live: list(live),
            ours: json!({ "f:spec": { "f:containers": { "k:{\"name\":\"app\"}": key } } }),
            ..Case::default()
        },
        changed,
    );
}

#[test]
fn equal_objects_do_not_differ() {
    check(
        Case {
            desired: json!({ "spec": { "replicas": 2 } }),
            live: json!({ "spec": { "replicas": 2, "paused": false }, "status": { "x": 1 } }),
            ours: json!({ "f:spec": { "f:replicas": {} } }),
            ..Case::default()
        },
        &[],
    );
}

#[test]
fn what_git_sets_otherwise_differs() {
    check(
        Case {
            desired: json!({ "spec": { "replicas": 2, "paused": true } }),
            live: json!({ "spec": { "replicas": 3 } }),
            ours: json!({ "f:spec": { "f:replicas": {} } }),
            ..Case::default()
        },
        &["/spec/paused", "/spec/replicas"],
    );
}

#[test]
fn a_person_who_took_a_field_is_named() {
    let difference = compare(Case {
        desired: json!({ "spec": { "replicas": 2 } }),
        live: json!({ "spec": { "replicas": 9 } }),
        others: &[("kubectl-edit", "", json!({ "f:spec": { "f:replicas": {} } }))],
        ..Case::default()
    });
    let holder = Holder { manager: "kubectl-edit".into(), subresource: String::new() };
    assert_eq!(difference.changed, [("/spec/replicas".into(), Some(holder))].into());
}

#[test]
fn an_autoscaler_keeps_its_replicas() {
    let scaled = |manager: &'static str| {
        compare(Case {
            desired: json!({ "spec": { "replicas": 2, "paused": true } }),
            live: json!({ "spec": { "replicas": 9, "paused": true } }),
            ours: json!({ "f:spec": { "f:paused": {} } }),
            others: &[(manager, "scale", json!({ "f:spec": { "f:replicas": {} } }))],
            ..Case::default()
        })
    };
    let autoscaler = scaled("kube-controller-manager");
    assert!(autoscaler.is_empty());
    assert_eq!(autoscaler.yielded.keys().collect::<Vec<_>>(), ["/spec/replicas"]);
    assert_eq!(scaled("kubectl").pointers(), ["/spec/replicas"], "a person is drift");
}

#[test]
fn managers_that_the_application_yields_to_keep_their_fields() {
    let difference = compare(Case {
        desired: json!({ "spec": { "a": 1, "b": 1 } }),
        live: json!({ "spec": { "a": 2, "b": 2 } }),
        others: &[("operator", "", json!({ "f:spec": { "f:a": {}, "f:b": {} } }))],
        how: Comparison { yields_to: &["operator"], ..Comparison::default() },
        ..Case::default()
    });
    assert!(difference.is_empty());
    assert_eq!(difference.yielded.len(), 2);
}

#[test]
fn ignored_fields_do_not_count_and_stay_with_who_holds_them() {
    let difference = compare(Case {
        desired: json!({ "spec": { "a": { "x": 1 }, "b": 1, "ab": 1 } }),
        live: json!({ "spec": { "a": { "x": 2 }, "b": 2, "ab": 2 } }),
        others: &[("operator", "", json!({ "f:spec": { "f:a": { "f:x": {} } } }))],
        how: Comparison {
            ignored: &IgnoredFields {
                json_pointers: vec!["/spec/a".into(), "/spec/b".into()],
                jq_paths: Vec::new(),
            },
            ..Comparison::default()
        },
        ..Case::default()
    });
    assert_eq!(difference.pointers(), ["/spec/ab"]);
    assert_eq!(difference.yielded.keys().collect::<Vec<_>>(), ["/spec/a/x"]);
}

/// Git's second container is the cluster's first: a field that is named by what is in an item is
/// left alone there and nowhere else.
#[test]
fn expressions_name_fields_on_each_side_where_they_are() {
    let containers = |items: &[(&str, &str)]| -> Value {
        let items = items.iter().map(|(name, image)| json!({ "name": name, "image": image }));
        json!({ "spec": { "containers": items.collect::<Vec<_>>() } })
    };
    let expression = ".spec.containers[] | select(.name == \"proxy\") | .image";
    let owned = json!({ "f:name": {}, "f:image": {} });
    let difference = compare(Case {
        desired: containers(&[("app", "app:2"), ("proxy", "proxy:1")]),
        live: containers(&[("proxy", "proxy:9"), ("app", "app:1"), ("old", "old:1")]),
        ours: json!({ "f:spec": { "f:containers": {
            "k:{\"name\":\"app\"}": owned, "k:{\"name\":\"proxy\"}": owned, "k:{\"name\":\"old\"}": owned,
        } } }),
        how: Comparison {
            ignored: &IgnoredFields {
                json_pointers: Vec::new(),
                jq_paths: vec![JqPath::parse(expression).unwrap()],
            },
            ..Comparison::default()
        },
        ..Case::default()
    });
    assert_eq!(difference.pointers(), ["/spec/containers/0/image", "/spec/containers/2"]);
}

#[test]
fn what_left_git_differs_only_where_we_own_it() {
    check(
        Case {
            desired: json!({ "metadata": { "name": "a" }, "spec": { "replicas": 1 } }),
            live: json!({
                "metadata": { "name": "a", "annotations": { "ours/one": "1", "theirs": "2" } },
                "spec": { "replicas": 1, "paused": true, "progress": 600 },
            }),
            ours: json!({
                "f:metadata": { "f:annotations": { "f:ours/one": {} } },
                "f:spec": { "f:replicas": {}, "f:paused": {} },
            }),
            others: &[(
                "other",
                "",
                json!({ "f:metadata": { "f:annotations": { ".": {}, "f:theirs": {} } } }),
            )],
            ..Case::default()
        },
        &["/metadata/annotations/ours~1one", "/spec/paused"],
    );
}

#[test]
fn what_left_git_and_the_cluster_does_not_differ() {
    check(
        Case {
            live: json!({ "spec": {} }),
            ours: json!({ "f:spec": { "f:gone": {} } }),
            ..Case::default()
        },
        &[],
    );
}

#[test]
fn items_with_keys_are_compared_by_them() {
    let ours = json!({ "f:spec": { "f:containers": {
        "k:{\"name\":\"app\"}": { ".": {}, "f:name": {}, "f:image": {} },
        "k:{\"name\":\"old\"}": { ".": {}, "f:name": {}, "f:image": {} },
    } } });
    check(
        Case {
            desired: json!({ "spec": { "containers": [
                { "name": "new", "image": "n" },
                { "name": "app", "image": "b" },
            ] } }),
            live: json!({ "spec": { "containers": [
                { "name": "injected", "image": "proxy" },
                { "name": "old", "image": "o" },
                { "name": "app", "image": "a", "imagePullPolicy": "Always" },
            ] } }),
            ours,
            ..Case::default()
        },
        // Two of Git's, and the place of the leftover in the live list.
        &["/spec/containers/0", "/spec/containers/1", "/spec/containers/1/image"],
    );
}

#[test]
fn the_order_of_keyed_items_does_not_count() {
    let item = |name: &str| json!({ "name": name, "value": name });
    check(
        Case {
            desired: json!({ "spec": { "env": [item("a"), item("b")] } }),
            live: json!({ "spec": { "env": [item("b"), item("z"), item("a")] } }),
            ours: json!({ "f:spec": { "f:env": {
                "k:{\"name\":\"a\"}": { ".": {}, "f:name": {}, "f:value": {} },
                "k:{\"name\":\"b\"}": { ".": {}, "f:name": {}, "f:value": {} },
            } } }),
            ..Case::default()
        },
        &[],
    );
}

#[test]
fn a_port_without_a_protocol_is_the_one_of_tcp() {
    check(
        Case {
            desired: json!({ "spec": { "ports": [
                { "port": 53, "name": "a" },
                { "port": 53, "protocol": "UDP", "name": "b" },
            ] } }),
            live: json!({ "spec": { "ports": [
                { "port": 53, "protocol": "UDP", "name": "b" },
                { "port": 53, "protocol": "TCP", "name": "a", "targetPort": 53 },
            ] } }),
            ours: json!({ "f:spec": { "f:ports": {
                "k:{\"port\":53,\"protocol\":\"TCP\"}": { ".": {}, "f:name": {}, "f:port": {} },
                "k:{\"port\":53,\"protocol\":\"UDP\"}": { ".": {}, "f:name": {}, "f:port": {} },
            } } }),
            ..Case::default()
        },
        &[],
    );
}

#[test]
fn sets_are_compared_by_value() {
    check(
        Case {
            desired: json!({ "metadata": { "finalizers": ["b", "new"] } }),
            live: json!({ "metadata": { "finalizers": ["theirs", "b", "old"] } }),
            ours: json!({ "f:metadata": { "f:finalizers": { "v:\"b\"": {}, "v:\"old\"": {} } } }),
            others: &[(
                "other",
                "",
                json!({ "f:metadata": { "f:finalizers": { ".": {}, "v:\"theirs\"": {} } } }),
            )],
            ..Case::default()
        },
        &["/metadata/finalizers/1", "/metadata/finalizers/2"],
    );
}

/// `spec.rules` is one value that we own.
fn rules(desired: Value, live: Value, applied: Option<Value>) -> Difference {
    let whole = |rules: Value| json!({ "spec": { "rules": rules } });
    let applied = applied.map(whole);
    compare(Case {
        desired: whole(desired),
        live: whole(live),
        ours: json!({ "f:spec": { "f:rules": {} } }),
        how: Comparison { applied: applied.as_ref(), ..Comparison::default() },
        ..Case::default()
    })
}

#[test]
fn lists_that_are_one_value_are_compared_in_order() {
    assert_eq!(rules(json!(["a", "b"]), json!(["b", "a"]), None).changed.len(), 2);
    assert_eq!(rules(json!(["a"]), json!(["a", "b"]), None).pointers(), ["/spec/rules"]);
    assert_eq!(rules(json!([{ "a": 1 }]), json!([{ "a": 1 }]), None), Difference::default());
}

#[test]
fn known_defaults_inside_of_one_value_do_not_count() {
    let found = rules(json!([{ "port": 80 }]), json!([{ "port": 80, "protocol": "TCP" }]), None);
    assert_eq!(found, Difference::default());
}

#[test]
fn an_unknown_field_inside_of_one_value_is_said_to_be_unknown() {
    let (desired, live) = (json!([{ "a": 1 }]), json!([{ "a": 1, "b": 2 }]));
    let unknown = rules(desired.clone(), live.clone(), None);
    assert!(unknown.is_empty());
    assert_eq!(unknown.unsure, ["/spec/rules/0/b"]);
    let leftover = rules(desired.clone(), live.clone(), Some(live.clone()));
    assert_eq!(leftover.pointers(), ["/spec/rules/0/b"]);
    let default = rules(desired.clone(), live, Some(desired));
    assert_eq!(default, Difference::default());
}

#[test]
fn one_value_that_somebody_else_took_differs() {
    check(
        Case {
            desired: json!({ "spec": { "nodeSelector": { "disk": "fast" } } }),
            live: json!({ "spec": { "nodeSelector": { "disk": "fast", "zone": "a" } } }),
            others: &[("kubectl-edit", "", json!({ "f:spec": { "f:nodeSelector": {} } }))],
            ..Case::default()
        },
        &["/spec/nodeSelector/zone"],
    );
}

#[test]
fn quantities_are_compared_by_their_amount() {
    for (desired, live, changed) in [
        ("1000m", json!("1"), &[][..]),
        ("1", json!(1), &[]),
        ("1024Mi", json!("1Gi"), &[]),
        ("0.5", json!("500m"), &[]),
        ("100m", json!("200m"), &["/spec/containers/0/resources/limits/cpu"]),
    ] {
        container(
            json!({ "name": "app", "resources": { "limits": { "cpu": desired } } }),
            json!({ "name": "app", "resources": { "limits": { "cpu": live } } }),
            json!({ "f:resources": { "f:limits": { "f:cpu": {} } } }),
            changed,
        );
    }
}

#[test]
fn a_users_own_texts_are_never_read_as_amounts() {
    check(
        Case {
            desired: json!({ "data": { "requests": "1000m", "timeout": "60s", "port": "80" } }),
            live: json!({ "data": { "requests": "1", "timeout": "1m", "port": 80 } }),
            ..Case::default()
        },
        &["/data/port", "/data/requests", "/data/timeout"],
    );
}

#[test]
fn durations_are_compared_by_their_length() {
    check(
        Case {
            desired: json!({ "spec": { "interval": "1h30m", "timeout": "60s", "duration": "1h" } }),
            live: json!({
                "spec": { "interval": "1h30m0s", "timeout": "1m0s", "duration": "2h0m0s" },
            }),
            ..Case::default()
        },
        &["/spec/duration"],
    );
}

#[test]
fn numbers_and_texts_of_them_are_one_where_kubernetes_says_so() {
    check(
        Case {
            desired: json!({ "spec": { "maxSurge": 1, "minAvailable": "50%", "count": 1.0, "x": 1 } }),
            live: json!({ "spec": { "maxSurge": "1", "minAvailable": "51%", "count": 1, "x": "1" } }),
            ..Case::default()
        },
        &["/spec/minAvailable", "/spec/x"],
    );
}

#[test]
fn nothing_in_git_asks_for_nothing() {
    check(
        Case {
            desired: json!({ "spec": { "a": null, "b": {}, "c": [], "d": { "e": null } } }),
            live: json!({ "spec": { "a": 1 } }),
            ..Case::default()
        },
        &[],
    );
}

#[test]
fn a_null_where_we_own_a_field_takes_it_away() {
    check(
        Case {
            desired: json!({ "spec": { "a": null } }),
            live: json!({ "spec": { "a": 1 } }),
            ours: json!({ "f:spec": { "f:a": {} } }),
            ..Case::default()
        },
        &["/spec/a"],
    );
}

#[test]
fn a_namespace_of_a_kind_that_has_none_does_not_differ() {
    check(
        Case {
            desired: json!({ "metadata": { "name": "a", "namespace": "n" } }),
            live: json!({ "metadata": { "name": "a" } }),
            ..Case::default()
        },
        &[],
    );
}

#[test]
fn another_version_and_the_status_do_not_differ() {
    check(
        Case {
            desired: json!({ "apiVersion": "apps/v1", "kind": "A", "status": { "x": 1 } }),
            live: json!({ "apiVersion": "apps/v1beta1", "kind": "A", "status": { "x": 2 } }),
            ..Case::default()
        },
        &[],
    );
}

#[test]
fn an_object_that_we_never_applied_differs_where_git_says_otherwise() {
    check(
        Case {
            desired: json!({ "metadata": { "annotations": { "a": "1" } }, "spec": { "x": 1 } }),
            live: json!({ "metadata": {}, "spec": { "x": 1, "y": 2 } }),
            others: &[("kubectl", "", json!({ "f:spec": { "f:x": {}, "f:y": {} } }))],
            ..Case::default()
        },
        &["/metadata/annotations"],
    );
}

#[test]
fn secrets_are_prepared_as_the_cluster_gives_them_back() {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "s", "creationTimestamp": null },
        "data": { "a": "b2xk", "b": "eA==" },
        "stringData": { "a": "new" },
        "status": {},
    });
    let expected = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "s" },
        "data": { "a": "bmV3", "b": "eA==" },
    });
    assert_eq!(prepared(&secret), expected);
}

#[test]
fn fields_are_left_out_by_pointer() {
    let manifest = json!({ "spec": { "replicas": 2, "a/b": 1, "list": [1, 2] } });
    let left = without(&manifest, ["/spec/replicas", "/spec/a~1b", "/spec/list/0", "/no/such"]);
    assert_eq!(left, json!({ "spec": { "list": [1, 2] } }));
}
