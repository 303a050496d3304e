//! Argo CD's `Application` objects as windows: what is shown in them and what they ask for.

use deployments::argo_cd::{Request, Window, other_writer, patch, read, request};
use deployments::migration::Cluster;
use deployments::windows::{Counterpart, Names, Reading, STATUS_MANAGER, Shown, View};
use deployments::{
    Application, ApplicationState, BlockReason, Customizations, DeploymentFact, DeploymentsView,
    HealthStatus, PlanSummary, Step, SyncRequest, compare,
};
use ledger::{Actor, ApplicationName, MemoryLedger, RepositoryName, Timestamp, View as _};
use serde_json::{Value, json};

use crate::plan::{commit, live, object};
use crate::plan_cluster::on_cluster;

fn window() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": "app", "namespace": "argocd", "uid": "u", "resourceVersion": "7" },
        "spec": {
            "project": "default",
            "source": { "repoURL": "o/r", "path": "d", "targetRevision": "main" },
            "destination": { "server": "https://kubernetes.default.svc", "namespace": "n" },
            "syncPolicy": { "syncOptions": ["CreateNamespace=true"] },
        },
    })
}

pub fn name() -> ApplicationName {
    ApplicationName::new("app").unwrap()
}

/// Facts at these seconds.
pub fn state(facts: &[(i64, DeploymentFact)]) -> ApplicationState {
    let (mut ledger, mut view) = (MemoryLedger::default(), DeploymentsView::default());
    for (at, fact) in facts {
        let draft = fact.draft(Timestamp(at * 1_000), Actor::person("ada"));
        for fact in ledger.append(vec![draft]).unwrap() {
            view.apply(fact);
        }
    }
    view.applications.remove(&name()).unwrap_or_default()
}

pub fn planned(generation: u64) -> DeploymentFact {
    DeploymentFact::Planned {
        application: name(),
        generation,
        revision: commit('1'),
        rendered_commit: commit('2'),
        summary: PlanSummary::default(),
        images: Vec::new(),
    }
}

pub fn applied(generation: u64) -> DeploymentFact {
    DeploymentFact::Applied { application: name(), generation, outcome: "done".into() }
}

pub fn failed(generation: u64) -> DeploymentFact {
    let problem = "refused".to_owned();
    DeploymentFact::ApplyFailed { application: name(), generation, object: None, problem }
}

pub fn asked() -> DeploymentFact {
    DeploymentFact::SyncRequested { application: name(), prune: true }
}

pub fn unneeded() -> DeploymentFact {
    DeploymentFact::SyncUnneeded { application: name(), revision: commit('1') }
}

pub fn healthy(generation: u64) -> DeploymentFact {
    let (status, message) = (HealthStatus::Healthy, String::new());
    DeploymentFact::HealthChanged { application: name(), generation, status, message }
}

pub fn blocked(reason: BlockReason) -> DeploymentFact {
    let (revision, reasons) = (commit('1'), vec![reason]);
    DeploymentFact::PlanBlocked { application: name(), revision, reasons }
}

/// What the object would show at second 100.
fn shown_in(object: &Value, state: &ApplicationState, steps: Option<&[Step]>) -> Option<Value> {
    let revision = commit('1');
    let live = [live(&self::object("ConfigMap", "same")).manifest];
    let view = View {
        state,
        revision: Some(&revision),
        steps,
        live: &live,
        customizations: &Customizations::default(),
        images: &["b:1", "a:1", "b:1"],
        is_under_way: true,
        waits: &[],
    };
    decided(object, Counterpart::Same(view), None).map(|(patch, _)| patch)
}

fn decided(
    object: &Value,
    counterpart: Counterpart<'_>,
    refusal: Option<&str>,
) -> Option<(Value, Value)> {
    let as_of = Timestamp(100_000);
    patch(&Window { object, cluster: "east", counterpart, refusal, as_of }, None)
}

pub fn steps(desired: &[Value], lived: &[Value]) -> Vec<Step> {
    let mut lived: Vec<_> = lived.iter().map(live).collect();
    for one in &mut lived {
        one.manifest["metadata"]["namespace"] = "n".into();
    }
    compare(&on_cluster(desired, lived)).unwrap()
}

pub fn time(second: u32) -> String {
    format!("1970-01-01T00:{:02}:{:02}Z", second / 60, second % 60)
}

#[test]
fn an_application_is_shown_whole() {
    let state = state(&[(1, planned(1)), (2, applied(1)), (3, healthy(1))]);
    let same = [object("ConfigMap", "same")];
    let patch = shown_in(&window(), &state, Some(&steps(&same, &same))).unwrap();
    let source = window()["spec"]["source"].clone();
    let expected = json!({
        "metadata": { "resourceVersion": "7" },
        "status": {
            "sync": {
                "status": "Synced", "revision": commit('1').as_str(),
                "comparedTo": {
                    "source": source, "destination": window()["spec"]["destination"],
                },
            },
            "health": { "status": "Healthy", "lastTransitionTime": time(3) },
            "resources": [{
                "version": "v1", "kind": "ConfigMap", "namespace": "n", "name": "same",
                "status": "Synced",
            }],
            "history": [{
                "id": 1, "revision": commit('1').as_str(), "deployStartedAt": time(1),
                "deployedAt": time(2), "source": source,
            }],
            "operationState": {
                "phase": "Succeeded", "message": "successfully synced", "startedAt": time(1),
                "finishedAt": time(2),
                "operation": {
                    "initiatedBy": { "automated": true },
                    "sync": { "revision": commit('1').as_str() },
                },
                "syncResult": { "revision": commit('1').as_str(), "source": source },
            },
            "summary": { "images": ["a:1", "b:1"] },
            "reconciledAt": time(100), "observedAt": time(100),
        },
    });
    assert_eq!(patch, expected, "{patch:#}");
}

#[test]
fn what_is_shown_is_not_written_again() {
    let state = state(&[(1, planned(1)), (2, applied(1)), (3, healthy(1))]);
    let mut shown = window();
    shown["status"] = shown_in(&shown, &state, None).unwrap()["status"].clone();
    assert_eq!(shown_in(&shown, &state, None), None);
    // An object that asks is answered whatever it shows.
    for ask in ["argocd.argoproj.io/refresh", "argocd.argoproj.io/hydrate"] {
        let mut asks = shown.clone();
        asks["metadata"]["annotations"] = json!({ ask: "hard", "note": "kept" });
        let patch = shown_in(&asks, &state, None).unwrap();
        let metadata = json!({ "resourceVersion": "7", "annotations": { ask: null } });
        assert_eq!(patch["metadata"], metadata);
        let times = json!({ "reconciledAt": time(100), "observedAt": time(100) });
        assert_eq!(patch["status"], times);
    }
    // What Argo CD showed and Boucle does not is taken away.
    shown["status"]["sourceType"] = "Helm".into();
    let patch = shown_in(&shown, &state, None).unwrap();
    assert_eq!(patch["status"]["sourceType"], Value::Null);
}

#[test]
fn a_field_that_the_cluster_does_not_keep_is_not_written_for_ever() {
    let state = state(&[(1, planned(1)), (2, applied(1))]);
    let customizations = Customizations::default();
    let view = || View {
        state: &state,
        revision: None,
        steps: None,
        live: &[],
        customizations: &customizations,
        images: &[],
        is_under_way: false,
        waits: &[],
    };
    let as_of = Timestamp(100_000);
    let decide = |object: &Value, shown: Option<&Shown>| {
        let (counterpart, refusal) = (Counterpart::Same(view()), None);
        patch(&Window { object, cluster: "east", counterpart, refusal, as_of }, shown)
    };
    let (_, wanted) = decide(&window(), None).unwrap();
    let mut after = window();
    after["status"] = json!({ "health": wanted["health"], "reconciledAt": "sometime" });
    let shown = Shown { asked: wanted, answered: after["status"].clone() };
    assert!(decide(&after, None).is_some());
    assert_eq!(decide(&after, Some(&shown)), None);
    after["status"]["health"]["status"] = "Degraded".into();
    assert!(decide(&after, Some(&shown)).is_some(), "somebody changed it");
}

#[test]
fn the_worst_difference_counts() {
    let [same, other] = [object("ConfigMap", "same"), object("ConfigMap", "other")];
    let mut changed = same.clone();
    changed["spec"]["a"] = 2.into();
    let both = [same.clone(), other];
    let one = std::slice::from_ref(&same);
    let check = |desired: &[Value], lived: &[Value], sync: &str, resources: &[&str]| {
        let patch = shown_in(&window(), &state(&[]), Some(&steps(desired, lived))).unwrap();
        assert_eq!(patch["status"]["sync"]["status"], sync, "{patch:#}");
        let resources_of = patch["status"]["resources"].as_array().unwrap().iter();
        let found: Vec<String> = resources_of
            .map(|one| {
                let prune = if one["requiresPruning"] == true { " prune" } else { "" };
                let health = one.pointer("/health/status").and_then(Value::as_str);
                let health = health.map(|health| format!(" {health}")).unwrap_or_default();
                let text = |name: &str| one[name].as_str().unwrap().to_owned();
                format!("{} {}{prune}{health}", text("name"), text("status"))
            })
            .collect();
        assert_eq!(found, resources);
    };
    check(&[], &[], "Synced", &[]);
    check(&both, &both, "Synced", &["other Synced Missing", "same Synced"]);
    check(&both, one, "OutOfSync", &["other OutOfSync Missing", "same Synced"]);
    check(&[changed], one, "OutOfSync", &["same OutOfSync"]);
    let pruned = ["other OutOfSync prune Missing", "same Synced"];
    check(one, &both, "OutOfSync", &pruned);
    let patch = shown_in(&window(), &state(&[]), None).unwrap();
    assert_eq!(patch["status"]["sync"]["status"], "Unknown");
}

#[test]
fn the_newest_operation_is_shown() {
    let check = |facts: &[(i64, DeploymentFact)], expected: Value| {
        let patch = shown_in(&window(), &state(facts), Some(&[])).unwrap();
        let state = &patch["status"]["operationState"];
        let by = &state["operation"]["initiatedBy"];
        let by = if by["automated"] == true { json!("automation") } else { by["username"].clone() };
        let found =
            json!([state["phase"], by, state["startedAt"], state["finishedAt"], state["message"]]);
        assert_eq!(found, expected, "{facts:?}");
    };
    let (done, nothing) = ("successfully synced", "everything was as Git says");
    check(&[], json!([null, null, null, null, null]));
    check(&[(1, asked())], json!(["Running", "ada", time(1), null, "it is being planned"]));
    check(
        &[(1, planned(1))],
        json!(["Running", "automation", time(1), null, "objects are written"]),
    );
    let first = [(1, planned(1)), (2, applied(1))];
    check(&first, json!(["Succeeded", "automation", time(1), time(2), done]));
    let then = |more: &[(i64, DeploymentFact)]| [&first[..], more].concat();
    check(
        &then(&[(3, asked()), (4, unneeded())]),
        json!(["Succeeded", "ada", time(3), time(4), nothing]),
    );
    check(
        &then(&[(3, asked()), (4, planned(2)), (5, failed(2))]),
        json!(["Failed", "ada", time(3), time(5), "refused"]),
    );
    check(
        &then(&[(3, asked()), (4, unneeded()), (5, planned(2)), (6, applied(2))]),
        json!(["Succeeded", "automation", time(5), time(6), done]),
    );
    let reason = BlockReason::WouldDeleteEverything { deletions: Vec::new() };
    let message = reason.to_string();
    check(
        &then(&[(3, asked()), (4, blocked(reason))]),
        json!(["Running", "ada", time(3), null, message]),
    );
}

#[test]
fn a_permission_to_synchronise_ends_with_what_it_was_for() {
    let requested = |facts: &[(i64, DeploymentFact)]| state(facts).requested;
    assert_eq!(requested(&[(1, asked())]), Some(SyncRequest { prune: true }));
    assert_eq!(requested(&[(1, asked()), (2, planned(1))]), None);
    assert_eq!(requested(&[(1, asked()), (2, unneeded())]), None);
}

#[test]
fn an_operation_that_a_tool_ends_is_shown_so_until_it_has_ended() {
    let mut ending = window();
    ending["status"]["operationState"]["phase"] = "Terminating".into();
    let phase = |facts: &[(i64, DeploymentFact)]| {
        let patch = shown_in(&ending, &state(facts), Some(&[])).unwrap();
        patch["status"]["operationState"].get("phase").cloned()
    };
    assert_eq!(phase(&[(1, planned(1))]), None, "it stays");
    assert_eq!(phase(&[(1, planned(1)), (2, failed(1))]), Some(json!("Failed")));
}

#[test]
fn a_refusal_stays_until_something_newer_happens() {
    let before = [(1, planned(1)), (2, applied(1))];
    let mut asks = window();
    asks["operation"] = json!({ "sync": { "dryRun": true } });
    let (patch, _) = decided(&asks, Counterpart::Undeclared, Some("no")).unwrap();
    assert_eq!(patch["operation"], Value::Null);
    let mut refused = window();
    refused["status"] = patch["status"].clone();
    assert_eq!(refused["status"]["operationState"]["phase"], "Error");
    assert_eq!(refused["status"]["operationState"]["operation"], asks["operation"]);
    let phase = |facts: &[(i64, DeploymentFact)]| {
        let patch = shown_in(&refused, &state(facts), Some(&[])).unwrap();
        patch["status"].pointer("/operationState/phase").cloned()
    };
    assert_eq!(phase(&before), None, "it stays");
    let newer = [&before[..], &[(101, planned(2)), (102, applied(2))]].concat();
    assert_eq!(phase(&newer), Some(json!("Succeeded")));
}

#[test]
fn conditions_say_what_to_do_and_since_when() {
    let mut object = window();
    let (patch, _) = decided(&object, Counterpart::Undeclared, None).unwrap();
    let condition = &patch["status"]["conditions"][0];
    assert_eq!(condition["type"], "InvalidSpecError");
    assert_eq!(condition["lastTransitionTime"], time(100));
    let message = condition["message"].as_str().unwrap();
    assert!(message.contains("boucle migrate argocd --cluster east"), "{message}");
    assert_eq!(patch["status"]["sync"], json!({ "status": "Unknown" }));

    // One that was there before keeps its time, and another one does not.
    object["status"] = patch["status"].clone();
    object["status"]["conditions"][0]["lastTransitionTime"] = time(50).into();
    assert_eq!(decided(&object, Counterpart::Undeclared, None), None);
    let repository = RepositoryName::new("o/r").unwrap();
    let reading = Reading::Different(vec!["spec.source", "spec.project"]);
    let different = || Counterpart::Different { repository: &repository, reading: &reading };
    let (patch, _) = decided(&object, different(), None).unwrap();
    let condition = &patch["status"]["conditions"][0];
    assert_eq!(condition["lastTransitionTime"], time(100));
    let message = condition["message"].as_str().unwrap();
    assert!(message.contains("o/r in spec.source, spec.project"), "{message}");

    let wrong = |facts: &[(i64, DeploymentFact)]| {
        let patch = shown_in(&window(), &state(facts), Some(&[])).unwrap();
        let conditions = patch["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().map(|one| one["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let render_failed = DeploymentFact::RenderFailed {
        application: name(),
        commit: commit('1'),
        problem: "no".into(),
        chart: None,
    };
    assert_eq!(wrong(&[(1, render_failed)]), ["ComparisonError"]);
    assert_eq!(wrong(&[(1, blocked(BlockReason::ManualSync { changes: 1 }))]), [""; 0]);
    let reason = BlockReason::WouldDeleteEverything { deletions: Vec::new() };
    assert_eq!(wrong(&[(1, blocked(reason))]), ["SyncError"]);
    let mut going = window();
    going["metadata"]["deletionTimestamp"] = time(1).into();
    let patch = shown_in(&going, &state(&[]), Some(&[])).unwrap();
    assert_eq!(patch["status"]["conditions"][0]["type"], "DeletionError");
}

#[test]
fn what_another_tool_deployed_stays_readable_while_git_does_not_declare_it() {
    let mut object = window();
    let resources = json!([{ "kind": "ConfigMap", "name": "a", "status": "Synced" }]);
    object["status"] = json!({ "resources": resources, "sync": { "status": "Synced" } });
    let (patch, wanted) = decided(&object, Counterpart::Undeclared, None).unwrap();
    assert_eq!(patch["status"].get("resources"), None);
    assert_eq!(wanted["resources"], resources);
}

#[test]
fn an_operation_is_done_as_asked_or_not_at_all() {
    let check = |operation: Value, expected: Result<(bool, &str), &str>| {
        let mut object = window();
        object["operation"] = operation.clone();
        let found = request(&object, &commit('1')).unwrap();
        match (found, expected) {
            (Ok(Request { prune, by }), Ok(expected)) => {
                assert_eq!((prune, by.as_str()), expected, "{operation}");
            }
            (Err(why), Err(expected)) => {
                assert!(why.contains(expected), "{operation}: {why}");
            }
            (found, expected) => panic!("{operation}: {found:?}, not {expected:?}"),
        }
    };
    let sync = |sync: Value| json!({ "sync": sync });
    check(sync(json!({})), Ok((false, "somebody")));
    check(sync(json!({ "prune": true })), Ok((true, "somebody")));
    check(
        json!({ "initiatedBy": { "username": "ada" }, "sync": { "syncStrategy": { "hook": {} } } }),
        Ok((false, "ada")),
    );
    check(
        json!({ "initiatedBy": { "automated": true }, "retry": { "limit": 0 }, "sync": {} }),
        Ok((false, "an automation")),
    );
    check(sync(json!({ "revision": commit('1').as_str() })), Ok((false, "somebody")));
    check(sync(json!({ "revision": "main" })), Ok((false, "somebody")));
    check(
        sync(json!({ "source": window()["spec"]["source"], "revisions": [] })),
        Ok((false, "somebody")),
    );
    let options = ["CreateNamespace=true", "ServerSideApply=true"];
    check(sync(json!({ "syncOptions": options })), Ok((false, "somebody")));

    check(json!({}), Err("only a `sync`"));
    check(json!({ "info": [] }), Err("only a `sync`"));
    check(json!("now"), Err("cannot be read"));
    check(sync(json!({ "fast": true })), Err("fast"));
    check(sync(json!({ "dryRun": true })), Err("boucle app diff"));
    check(sync(json!({ "manifests": ["{}"] })), Err("`manifests`"));
    check(sync(json!({ "resources": [{ "kind": "Pod" }] })), Err("`resources`"));
    check(sync(json!({ "revision": commit('3').as_str() })), Err("boucle app rollback"));
    check(sync(json!({ "revisions": ["v1"] })), Err("boucle app rollback"));
    check(sync(json!({ "source": { "repoURL": "other" } })), Err("boucle app rollback"));
    check(sync(json!({ "sources": [] })), Err("boucle app rollback"));
    check(sync(json!({ "syncOptions": ["Replace=true"] })), Err("`Replace=true`"));
    check(sync(json!({ "syncStrategy": { "apply": {} } })), Err("hooks always run"));
    check(sync(json!({ "syncStrategy": { "hook": { "force": true } } })), Err("`Force=true`"));
    check(json!({ "retry": { "limit": 3 }, "sync": {} }), Err("`retry`"));
    assert_eq!(request(&window(), &commit('1')), None);
}

#[test]
fn a_file_and_an_object_are_compared_by_what_they_ask_for() {
    let file = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: app, labels: {only: here}}
spec:
  source: {repoURL: o/r, path: d, targetRevision: main}
  destination: {name: east, namespace: n}
  syncPolicy: {syncOptions: [CreateNamespace=true]}
";
    let file = Application::parse("app.yaml", file).unwrap();
    let repository = |address: &str| address.trim_start_matches("http://here/").to_owned();
    let cluster = |address: &str| address.replace("https://10.0.0.1:6443", "east");
    let names = Names { repository: &repository, cluster: &cluster };
    let here = Cluster { name: "east", server: "https://10.0.0.1:6443" };
    let check = |change: &dyn Fn(&mut Value), expected: &[&str]| {
        let mut object = window();
        change(&mut object["spec"]);
        match read(&object, &file, here, &names) {
            Reading::Same => assert_eq!(expected, &[] as &[&str]),
            Reading::Different(fields) => assert_eq!(fields, expected),
            Reading::Unreadable(problem) => {
                assert!(expected.iter().all(|part| problem.contains(part)), "{problem}");
            }
        }
    };
    check(&|_| (), &[]);
    check(&|spec| spec["source"]["repoURL"] = "http://here/o/r".into(), &[]);
    check(&|spec| spec["destination"]["server"] = "https://10.0.0.1:6443".into(), &[]);
    check(&|spec| spec["source"]["path"] = "e".into(), &["spec.source"]);
    check(&|spec| spec["destination"]["namespace"] = "m".into(), &["spec.destination"]);
    check(&|spec| spec["destination"]["server"] = "https://other".into(), &["spec.destination"]);
    check(&|spec| spec["project"] = "p".into(), &["spec.project"]);
    check(&|spec| spec["syncPolicy"] = json!({ "automated": {} }), &["spec.syncPolicy"]);
    let ignored = json!([{ "kind": "ConfigMap", "jsonPointers": ["/data"] }]);
    check(&|spec| spec["ignoreDifferences"] = ignored.clone(), &["spec.ignoreDifferences"]);
    check(&|spec| spec["unheard"] = "of".into(), &["unheard"]);
}

#[test]
fn two_controllers_do_not_write_one_status() {
    let entry = |manager: &str, part: &str, at: u32| json!({ "manager": manager, "time": time(at), "fieldsV1": { part: {} } });
    let check = |entries: Value, status: Value, answered: Option<Value>, expected: Option<&str>| {
        let mut object = window();
        object["metadata"]["managedFields"] = entries;
        object["status"] = status;
        assert_eq!(other_writer(&object, answered.as_ref()).as_deref(), expected, "{object}");
    };
    let argo = "argocd-application-controller";
    let other = |at| entry(argo, "f:status", at);
    let own = |at| entry(STATUS_MANAGER, "f:status", at);
    let status = json!({ "sync": {} });
    // Never written from here: it is taken over.
    check(json!([other(5)]), status.clone(), None, None);
    check(json!([other(5), own(6)]), status.clone(), None, None);
    check(json!([other(7), own(6)]), status.clone(), None, Some(argo));
    check(json!([own(6), entry("kubectl-edit", "f:spec", 8)]), status.clone(), None, None);
    // An object whose status was removed is free.
    check(json!([other(7), own(6)]), Value::Null, None, None);
    // What was written just now is known better than by times.
    check(json!([own(6), other(6)]), status.clone(), Some(status.clone()), None);
    check(json!([own(6), other(6)]), status.clone(), Some(json!({})), Some(argo));
    check(json!([own(6)]), status, Some(json!({})), Some("somebody"));
    let ending = json!({ "operationState": { "phase": "Terminating" } });
    check(json!([own(6), entry("kubectl", "f:status", 9)]), ending, Some(json!({})), None);
}
