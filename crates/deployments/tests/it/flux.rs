//! Flux's objects as windows: what is shown in their status and what they ask for.

use deployments::flux::{
    Origin, Reference, Request, SourceWindow, Window, held_by, patch, patch_source, read,
    reference, request,
};
use deployments::migration::Cluster;
use deployments::windows::{Counterpart, Kind, Names, Reading, Shown, View, other_writer};
use deployments::{
    Application, ApplicationState, BlockReason, Customizations, DeploymentFact, HealthStatus,
    Holder, Step,
};
use ledger::{ApplicationName, RepositoryName, Timestamp};
use serde_json::{Value, json};

use crate::argo_cd::{
    applied, asked, blocked, failed, healthy, name, planned, state, steps, time, unneeded,
};
use crate::plan::{commit, live, object};

const ASKED_AT: &str = "reconcile.fluxcd.io/requestedAt";

fn kustomization() -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {
            "name": "app", "namespace": "flux-system", "generation": 3, "resourceVersion": "7",
        },
        "spec": {
            "interval": "10m", "path": "./d", "prune": true,
            "sourceRef": { "kind": "GitRepository", "name": "fleet" },
        },
        "status": { "observedGeneration": -1 },
    })
}

fn source() -> Value {
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {
            "name": "fleet", "namespace": "flux-system", "generation": 1, "resourceVersion": "5",
        },
        "spec": { "interval": "1m", "url": "http://here/o/r", "ref": { "branch": "main" } },
    })
}

fn view<'a>(
    state: &'a ApplicationState,
    steps: Option<&'a [Step]>,
    live: &'a [Value],
    customizations: &'a Customizations,
    revision: &'a ledger::CommitId,
) -> View<'a> {
    View {
        state,
        revision: Some(revision),
        steps,
        live,
        customizations,
        images: &[],
        is_under_way: false,
        waits: &[],
    }
}

/// The status of an object of this kind at second 100.
fn shown_by(kind: Kind, object: &Value, state: &ApplicationState, steps: Option<&[Step]>) -> Value {
    let customizations = Customizations::default();
    let live = [live(&self::object("ConfigMap", "same")).manifest];
    let revision = commit('1');
    let window = Window {
        kind,
        object,
        cluster: "east",
        counterpart: Counterpart::Same(view(state, steps, &live, &customizations, &revision)),
        reference: "main",
        handled: None,
        as_of: Timestamp(100_000),
    };
    patch(&window, None).map(|(_, status)| status).unwrap_or_default()
}

fn undeclared<'a>(object: &'a Value, handled: Option<&'a str>) -> Window<'a> {
    Window {
        kind: Kind::Kustomization,
        object,
        cluster: "east",
        counterpart: Counterpart::Undeclared,
        reference: "",
        handled,
        as_of: Timestamp(100_000),
    }
}

fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let mut conditions = status["conditions"].as_array().expect("a list").iter();
    conditions.find(|one| one["type"] == kind)
}

/// `Ready=True ReconciliationSucceeded`, with the conditions beside it.
fn in_short(status: &Value) -> String {
    let conditions = status["conditions"].as_array().expect("a list").iter();
    let text = |one: &Value, name: &str| one[name].as_str().expect("text").to_owned();
    let words: Vec<String> = conditions
        .map(|one| format!("{}={} {}", text(one, "type"), text(one, "status"), text(one, "reason")))
        .collect();
    words.join(", ")
}

fn revision() -> String {
    format!("main@sha1:{}", commit('1'))
}

#[test]
fn an_application_is_shown_whole() {
    let state = state(&[(1, planned(1)), (2, applied(1)), (3, healthy(1))]);
    let same = [object("ConfigMap", "same")];
    let status =
        shown_by(Kind::Kustomization, &kustomization(), &state, Some(&steps(&same, &same)));
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message,
            "observedGeneration": 3, "lastTransitionTime": time(100),
        })
    };
    let applied = format!("Applied revision: {}", revision());
    let expected = json!({
        "conditions": [
            condition("Ready", "ReconciliationSucceeded", &applied),
            condition("Healthy", "Succeeded", ""),
        ],
        "inventory": { "entries": [{ "id": "n_same__ConfigMap", "v": "v1" }] },
        "lastAppliedRevision": revision(),
        "lastAttemptedRevision": revision(),
        "observedGeneration": 3,
    });
    assert_eq!(status, expected, "{status:#}");

    let status = shown_by(Kind::HelmRelease, &kustomization(), &state, Some(&[]));
    assert_eq!(in_short(&status), "Ready=True ReconciliationSucceeded");
    // No release of Helm's is there, and none is made up.
    assert_eq!(status.get("history"), None);
    assert_eq!(status.get("lastAppliedRevision"), None);
    assert_eq!(status["lastAttemptedRevision"], revision());
}

#[test]
fn what_is_shown_is_not_written_again_and_times_stay() {
    let first = state(&[(1, planned(1)), (2, applied(1)), (3, healthy(1))]);
    let mut shown = kustomization();
    shown["status"] = shown_by(Kind::Kustomization, &shown, &first, Some(&[]));
    shown["status"]["conditions"][0]["lastTransitionTime"] = time(50).into();
    let again = shown_by(Kind::Kustomization, &shown, &first, Some(&[]));
    assert_eq!(again, Value::Null, "nothing changed");
    // Another revision is no transition.
    let next = state(&[(1, planned(1)), (2, applied(1)), (3, healthy(1)), (4, failed(1))]);
    let status = shown_by(Kind::Kustomization, &shown, &next, Some(&[]));
    let ready = condition(&status, "Ready").unwrap();
    assert_eq!(
        (&ready["status"], &ready["lastTransitionTime"]),
        (&json!("False"), &json!(time(100)))
    );
    shown["metadata"]["generation"] = 4.into();
    let status = shown_by(Kind::Kustomization, &shown, &first, Some(&[]));
    let ready = condition(&status, "Ready").unwrap();
    assert_eq!(ready["observedGeneration"], 4);
    assert_eq!(ready["lastTransitionTime"], time(50));
}

#[test]
fn a_field_that_the_cluster_does_not_keep_is_not_written_for_ever() {
    let mut object = kustomization();
    let (_, wanted) = patch(&undeclared(&object, None), None).unwrap();
    let kept = json!({ "observedGeneration": 3 });
    let shown = Shown { asked: wanted, answered: kept.clone() };
    object["status"] = kept;
    assert!(patch(&undeclared(&object, None), None).is_some());
    assert_eq!(patch(&undeclared(&object, None), Some(&shown)), None);
    object["status"]["observedGeneration"] = 2.into();
    assert!(patch(&undeclared(&object, None), Some(&shown)).is_some(), "somebody changed it");
}

fn sick(generation: u64) -> DeploymentFact {
    let (status, message) = (HealthStatus::Degraded, "it crashes".to_owned());
    DeploymentFact::HealthChanged { application: name(), generation, status, message }
}

fn holder() -> Holder {
    Holder::try_from("Kustomization flux-system/app of the cluster east".to_owned()).unwrap()
}

fn held() -> DeploymentFact {
    DeploymentFact::AutomationHeld { application: name(), holder: holder(), by: "flux".into() }
}

fn released() -> DeploymentFact {
    DeploymentFact::AutomationReleased { application: name(), holder: holder() }
}

/// The object of an application of which these facts are on record.
#[track_caller]
fn check(facts: &[(i64, DeploymentFact)], steps: Option<&[Step]>, expected: &str, message: &str) {
    let status = shown_by(Kind::HelmRelease, &kustomization(), &state(facts), steps);
    assert_eq!(in_short(&status), expected, "{status:#}");
    let ready = condition(&status, "Ready").unwrap();
    assert!(ready["message"].to_string().contains(message), "{status:#}");
}

const MOVING: &str = "Reconciling=True Progressing, Ready=Unknown Progressing";
const READY: &str = "Ready=True ReconciliationSucceeded";

#[test]
fn conditions_say_how_far_it_has_come() {
    let new = steps(&[object("ConfigMap", "new")], &[]);
    let (new, none) = (Some(&new[..]), Some(&[][..]));
    let done = [(1, planned(1)), (2, applied(1)), (3, healthy(1))];
    let then = |more: &[(i64, DeploymentFact)]| [&done[..], more].concat();
    check(&done, none, READY, &revision());
    check(&done, None, MOVING, "not seen yet");
    check(&done, new, MOVING, "being planned");
    check(&[(1, planned(1))], new, MOVING, "objects are written");
    check(
        &then(&[(4, sick(1))]),
        none,
        "Stalled=True HealthCheckFailed, Ready=False HealthCheckFailed",
        "it crashes",
    );
    let render_failed = DeploymentFact::RenderFailed {
        application: name(),
        commit: commit('1'),
        problem: "no such file".into(),
        chart: None,
    };
    check(
        &then(&[(4, render_failed)]),
        none,
        "Stalled=True BuildFailed, Ready=False BuildFailed",
        "no such file",
    );

    let reason = |reason| blocked(reason);
    let manual = || reason(BlockReason::ManualSync { changes: 2 });
    check(&then(&[(4, manual())]), new, "Ready=False WaitsForRequest", "2 changes wait");
    let fuse = BlockReason::WouldDeleteEverything { deletions: Vec::new() };
    let stalled = "Stalled=True PruneFailed, Ready=False PruneFailed";
    check(&then(&[(4, reason(fuse.clone()))]), new, stalled, "would delete every object");
    let waits = BlockReason::WaitsForDependency {
        application: ApplicationName::new("database").unwrap(),
        wait: deployments::DependencyWait::NotRendered,
    };
    let expected = "Reconciling=True ProgressingWithRetry, Ready=False DependencyNotReady";
    check(&then(&[(4, reason(waits))]), new, expected, "database");

    // Asked for: what held back only what nobody asked for says nothing any more, the rest does.
    check(&then(&[(4, manual()), (5, asked())]), new, MOVING, "being planned");
    check(&then(&[(4, reason(fuse)), (5, asked())]), new, stalled, "would delete");
    check(&then(&[(4, asked()), (5, unneeded())]), none, READY, &revision());
    check(
        &then(&[(4, asked()), (5, planned(2)), (6, applied(2)), (7, healthy(2))]),
        none,
        READY,
        "",
    );

    // It failed: whoever waits is told at once, unless it is tried again.
    let failure = [(4, asked()), (5, planned(2)), (6, failed(2))];
    let failure = then(&failure);
    let retried = "Reconciling=True ProgressingWithRetry, Ready=False ReconciliationFailed";
    let stalled = "Stalled=True ReconciliationFailed, Ready=False ReconciliationFailed";
    check(&failure, new, retried, "refused");
    let and = |more: DeploymentFact| [&failure[..], &[(7, more)]].concat();
    check(&and(manual()), new, stalled, "refused");
    let later =
        BlockReason::RetryLater { failures: 1, until: Timestamp(9_000), problem: String::new() };
    check(&and(reason(later)), new, retried, "tried again");
    check(
        &and(reason(BlockReason::RetriesExhausted { failures: 6, problem: String::new() })),
        new,
        stalled,
        "limit",
    );
    check(&and(asked()), new, MOVING, "being planned");
}

#[test]
fn a_hold_is_seen_before_and_while_something_waits() {
    let new = steps(&[object("ConfigMap", "new")], &[]);
    let done = [(1, planned(1)), (2, applied(1)), (3, healthy(1)), (4, held())];
    check(&done, Some(&[]), READY, "it is suspended");
    let reason = BlockReason::Held { holder: holder(), by: "flux".into() };
    let waits = [&done[..], &[(5, blocked(reason))]].concat();
    check(&waits, Some(&new), "Ready=False Suspended", "Kustomization flux-system/app");
    let released = [&done[..], &[(5, released())]].concat();
    check(&released, Some(&[]), READY, "Applied revision");
    assert_eq!(state(&done).holds.len(), 1);
    assert!(state(&released).holds.is_empty());
}

#[test]
fn an_object_that_git_does_not_declare_keeps_what_flux_recorded() {
    let mut object = kustomization();
    let inventory = json!({ "entries": [{ "id": "n_a__ConfigMap", "v": "v1" }] });
    object["status"] = json!({ "inventory": inventory, "lastAppliedRevision": "main@sha1:1" });
    let (patch, wanted) = patch(&undeclared(&object, Some("now")), None).unwrap();
    assert_eq!(in_short(&wanted), "Stalled=True NotDeclared, Ready=False NotDeclared");
    assert_eq!(wanted["inventory"], inventory);
    assert_eq!(patch["status"].get("inventory"), None);
    assert_eq!(patch["metadata"], json!({ "resourceVersion": "7" }));
    // Who asked is told, too.
    assert_eq!(wanted["lastHandledReconcileAt"], "now");
    let message = wanted["conditions"][1]["message"].as_str().unwrap();
    assert!(message.contains("boucle migrate flux --cluster east"), "{message}");
    // And so does one of which nothing was deployed from here.
    let status = shown_by(Kind::Kustomization, &object, &state(&[]), Some(&[]));
    assert_eq!(status["inventory"], inventory);

    let repository = RepositoryName::new("o/r").unwrap();
    let reading = Reading::Different(vec!["spec.path"]);
    let counterpart = Counterpart::Different { repository: &repository, reading: &reading };
    let window = Window { counterpart, ..undeclared(&object, None) };
    let (_, wanted) = deployments::flux::patch(&window, None).unwrap();
    assert_eq!(in_short(&wanted), "Stalled=True NotAsDeclared, Ready=False NotAsDeclared");
    let message = wanted["conditions"][1]["message"].as_str().unwrap();
    assert!(message.contains("o/r in spec.path"), "{message}");

    object["metadata"]["deletionTimestamp"] = time(1).into();
    let status = shown_by(Kind::Kustomization, &object, &state(&[]), Some(&[]));
    assert!(status["conditions"][1]["message"].to_string().contains("finalizers"), "{status:#}");
}

fn asks(object: &mut Value, at: &str) {
    object["metadata"]["annotations"] = json!({ ASKED_AT: at });
    object["metadata"]["managedFields"] = json!([
        { "manager": "kubectl-edit", "time": time(1), "fieldsV1": { "f:spec": { "f:suspend": {} } } },
        { "manager": "flux", "time": time(2), "fieldsV1": {
            "f:metadata": { "f:annotations": { format!("f:{ASKED_AT}"): {} } },
        } },
    ]);
}

#[test]
fn a_request_is_one_until_it_was_handled() {
    let mut object = kustomization();
    assert_eq!(request(&object, Kind::Kustomization), None);
    asks(&mut object, "now");
    let asked = |prune| Some(Request { token: "now".into(), prune, by: "flux".into() });
    assert_eq!(request(&object, Kind::Kustomization), asked(true));
    object["spec"]["prune"] = false.into();
    assert_eq!(request(&object, Kind::Kustomization), asked(false));
    assert_eq!(request(&object, Kind::HelmRelease), asked(true));
    object["status"]["lastHandledReconcileAt"] = "before".into();
    assert_eq!(request(&object, Kind::Kustomization), asked(false));
    // One that is suspended asks for nothing until it goes on.
    object["spec"]["suspend"] = true.into();
    assert_eq!(request(&object, Kind::Kustomization), None);
    assert_eq!(held_by(&object).as_deref(), Some("kubectl-edit"));
    object["spec"]["suspend"] = false.into();
    assert_eq!(held_by(&object), None);
    object["status"]["lastHandledReconcileAt"] = "now".into();
    assert_eq!(request(&object, Kind::Kustomization), None);
}

#[test]
fn a_forced_release_is_answered_as_such() {
    let mut object = kustomization();
    asks(&mut object, "now");
    object["metadata"]["annotations"]["reconcile.fluxcd.io/forceAt"] = "now".into();
    object["metadata"]["annotations"]["reconcile.fluxcd.io/resetAt"] = "earlier".into();
    let window = Window { kind: Kind::HelmRelease, ..undeclared(&object, Some("now")) };
    let (_, status) = patch(&window, None).unwrap();
    assert_eq!(status["lastHandledForceAt"], "now");
    assert_eq!(status.get("lastHandledResetAt"), None);
}

#[test]
fn a_file_and_an_object_are_compared_by_what_they_ask_for() {
    let file = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: app}
spec:
  project: anything
  source: {repoURL: o/r, path: d, targetRevision: main}
  destination: {name: east, namespace: anywhere}
  syncPolicy: {syncOptions: [CreateNamespace=true]}
";
    let file = Application::parse("app.yaml", file).unwrap();
    let repository = |address: &str| address.trim_start_matches("http://here/").to_owned();
    let cluster = |address: &str| address.replace("https://10.0.0.1:6443", "east");
    let names = Names { repository: &repository, cluster: &cluster };
    let here = Cluster { name: "east", server: "https://10.0.0.1:6443" };
    let check = |change: &dyn Fn(&mut Value, &mut Value), expected: &[&str]| {
        let (mut object, mut source) = (kustomization(), source());
        change(&mut object["spec"], &mut source["spec"]);
        match read(&object, Some(&source), &file, here, &names) {
            Reading::Same => assert_eq!(expected, &[] as &[&str]),
            Reading::Different(fields) => assert_eq!(fields, expected),
            Reading::Unreadable(problem) => {
                let said = expected.iter().all(|part| problem.contains(part));
                assert!(said && !expected.is_empty(), "{problem}");
            }
        }
    };
    check(&|_, _| (), &[]);
    check(&|spec, _| spec["suspend"] = true.into(), &[]);
    check(&|spec, _| spec["prune"] = false.into(), &[]);
    check(&|spec, _| spec["path"] = "e".into(), &["spec.path"]);
    check(
        &|spec, _| spec["targetNamespace"] = "n".into(),
        &["what is laid over it", "spec.targetNamespace"],
    );
    check(&|spec, _| spec["namePrefix"] = "n-".into(), &["what is laid over it"]);
    check(&|_, source| source["url"] = "http://elsewhere/o/r".into(), &["spec.sourceRef"]);
    check(&|_, source| source["ref"]["branch"] = "live".into(), &["the source's spec.ref"]);
    check(&|spec, _| spec["postBuild"] = json!({ "substitute": {} }), &["`postBuild`"]);
    let lost = json!({ "kind": "GitRepository", "name": "other" });
    check(&|spec, _| spec["sourceRef"] = lost.clone(), &["no GitRepository"]);
}

#[test]
fn a_release_and_its_file_are_compared_by_what_their_values_say() {
    let file = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: app}
spec:
  source:
    repoURL: o/r
    path: charts/app
    targetRevision: main
    helm: {releaseName: n-app, valuesObject: {b: 1, a: {d: 1, c: 2}}}
  destination: {name: east, namespace: n}
";
    let file = Application::parse("app.yaml", file).unwrap();
    let repository = |address: &str| address.trim_start_matches("http://here/").to_owned();
    let cluster = |address: &str| address.to_owned();
    let names = Names { repository: &repository, cluster: &cluster };
    let here = Cluster { name: "east", server: "https://10.0.0.1:6443" };
    let release = |values: Value| {
        json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": { "name": "app", "namespace": "flux-system" },
            "spec": {
                "chart": { "spec": {
                    "chart": "./charts/app",
                    "sourceRef": { "kind": "GitRepository", "name": "fleet" },
                } },
                "targetNamespace": "n", "values": values,
            },
        })
    };
    let read = |values| read(&release(values), Some(&source()), &file, here, &names);
    assert_eq!(read(json!({ "a": { "c": 2, "d": 1 }, "b": 1 })), Reading::Same);
    let other = read(json!({ "a": { "c": 2, "d": 1 }, "b": 2 }));
    assert_eq!(other, Reading::Different(vec!["what is laid over it"]));
}

#[test]
fn a_source_shows_where_its_reference_stands() {
    let repository = RepositoryName::new("o/r").unwrap();
    let commit = commit('1');
    let reader = name();
    let here = |tip| Origin::Here {
        repository: &repository,
        address: "http://here/o/r",
        reference: "main",
        tip,
    };
    let shown = |kind, object: &Value, origin| {
        let window = SourceWindow { kind, object, origin, as_of: Timestamp(100_000) };
        patch_source(&window, None).map(|(_, status)| status)
    };
    let git = Kind::GitRepository;
    let mut object = source();
    let status = shown(git, &object, here(Some((&commit, Some(Timestamp(9_000)))))).unwrap();
    assert_eq!(in_short(&status), "Ready=True Succeeded");
    let artifact = json!({
        "revision": revision(), "digest": format!("sha1:{commit}"), "lastUpdateTime": time(9),
        "path": "o/r", "url": "http://here/o/r",
    });
    assert_eq!(status["artifact"], artifact);
    object["status"] = status;
    // A commit that nobody moved to keeps the time at which it was seen.
    assert_eq!(shown(git, &object, here(Some((&commit, None)))), None);
    asks(&mut object, "now");
    let status = shown(git, &object, here(Some((&commit, None)))).unwrap();
    assert_eq!(status["lastHandledReconcileAt"], "now");

    let stalled = |kind, object: &Value, origin, reason: &str, message: &str| {
        let status = shown(kind, object, origin).unwrap();
        assert_eq!(in_short(&status), format!("Stalled=True {reason}, Ready=False {reason}"));
        assert_eq!(status.get("artifact"), None);
        let found = status["conditions"][1]["message"].as_str().unwrap();
        assert!(found.contains(message), "{found}");
    };
    let mut ranged = source();
    ranged["spec"]["ref"] = json!({ "semver": "1.x" });
    let nobody: &[&ApplicationName] = &[];
    stalled(git, &source(), here(None), "GitOperationFailed", "no `main`");
    stalled(git, &ranged, here(None), "GitOperationFailed", "`semver`");
    stalled(git, &source(), Origin::Elsewhere { readers: nobody }, "InvalidURL", "push it here");
    let charts = Origin::Elsewhere { readers: nobody };
    stalled(Kind::HelmRepository, &source(), charts, "InvalidURL", "no application");
    object["spec"]["suspend"] = true.into();
    let status = shown(git, &object, here(Some((&commit, None)))).unwrap();
    assert_eq!(in_short(&status), "Stalled=True Suspended, Ready=False Suspended");

    let read = Origin::Elsewhere { readers: &[&reader] };
    let status = shown(Kind::HelmRepository, &source(), read).unwrap();
    assert_eq!(in_short(&status), "Ready=True Succeeded");
}

#[test]
fn a_source_follows_what_flux_would() {
    let check = |wanted: Value, expected: Reference<'_>| {
        let mut object = source();
        object["spec"]["ref"] = wanted;
        assert_eq!(reference(&object), expected);
    };
    check(Value::Null, Reference::Branch("master"));
    check(json!({ "branch": "b" }), Reference::Branch("b"));
    check(json!({ "branch": "b", "tag": "t" }), Reference::Tag("t"));
    check(json!({ "tag": "t", "semver": "1.x" }), Reference::Range);
    check(json!({ "semver": "1.x", "name": "refs/heads/n" }), Reference::Name("refs/heads/n"));
    check(json!({ "name": "n", "commit": "c", "branch": "b" }), Reference::Commit("c"));
}

#[test]
fn a_status_that_was_removed_is_free_again() {
    let mut object = kustomization();
    let answered = json!({ "observedGeneration": 3 });
    assert_eq!(other_writer(&object, Some(&answered)), None, "the definition's default");
    object["status"] = json!({ "observedGeneration": 3, "conditions": [] });
    object["metadata"]["managedFields"] = json!([
        { "manager": "kustomize-controller", "time": time(9), "fieldsV1": { "f:status": {} } },
    ]);
    let other = other_writer(&object, Some(&answered));
    assert_eq!(other.as_deref(), Some("kustomize-controller"));
}
