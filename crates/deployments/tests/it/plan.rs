//! What the planner answers, by data: desired and live objects in one line each.

use std::collections::BTreeSet;
use std::sync::Arc;

use deployments::{
    Action, Application, Decision, Hold, Holder, Inventory, LiveObject, ObjectKey, PlanInputs,
    PlanPolicy, PreviousPlan, SyncRequest, plan, tracked,
};
use ledger::{CommitId, Timestamp};
use serde_json::{Value, json};

pub fn commit(digit: char) -> CommitId {
    CommitId::new(digit.to_string().repeat(40)).unwrap()
}

pub fn application(spec: &str) -> Application {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: app}}\nspec:\n  \
         source: {{repoURL: o/r, path: d}}\n  destination: {{name: local, namespace: n}}\n{spec}"
    );
    Application::parse("app.yaml", &text).unwrap()
}

const AUTOMATED: &str = "  syncPolicy: {automated: {prune: true, selfHeal: true}}";

pub fn object(kind: &str, name: &str) -> Value {
    let version = match kind {
        "Deployment" | "StatefulSet" => "apps/v1",
        "Job" => "batch/v1",
        "Ingress" => "networking.k8s.io/v1",
        _ => "v1",
    };
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": {"a": 1}})
}

fn key(manifest: &Value) -> ObjectKey {
    ObjectKey::of(manifest, "n").unwrap()
}

pub fn live(manifest: &Value) -> LiveObject {
    let applied = tracked(manifest, &key(manifest), "app");
    LiveObject { manifest: applied.clone(), applied: Some(applied) }
}

pub fn inputs(desired: &[Value], live: Vec<LiveObject>) -> PlanInputs {
    let kinds = [
        "apps/Deployment",
        "apps/StatefulSet",
        "batch/Job",
        "ConfigMap",
        "Secret",
        "Service",
        "networking.k8s.io/Ingress",
    ];
    PlanInputs {
        application: application(AUTOMATED),
        scope: deployments::project::Scope::default(),
        waits_for: Vec::new(),
        step_wait: None,
        revision: commit('1'),
        rendered_commit: commit('2'),
        desired: desired.to_vec().into(),
        inventory: Some(Inventory {
            as_of: Timestamp(100),
            complete: true,
            namespaces: None,
            objects: live,
        }),
        // Another revision was applied before this one.
        previous: Some(deployments::PreviousPlan {
            generation: 1,
            rendered_commit: commit('0'),
            applied_at: Some(Timestamp(1)),
            failures: 0,
            failed_at: None,
            problem: String::new(),
        }),
        repairs: Vec::new(),
        parent: None,
        supported_kinds: Arc::new(kinds.into_iter().map(str::to_owned).collect()),
        cluster: None,
        problems: Vec::new(),
        policy: PlanPolicy::default(),
        confirmed: BTreeSet::new(),
        holds: Vec::new(),
        requested: None,
        as_of: Timestamp(100),
    }
}

/// Steps in short: `create ConfigMap/a`.
pub fn short(steps: &[deployments::Step]) -> Vec<String> {
    let name = |action| match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Unchanged => "unchanged",
        Action::Blocked => "kept",
    };
    let restart = |restarts| if restarts { " restarts" } else { "" };
    let step = |step: &deployments::Step| {
        let ObjectKey { kind, name: object, .. } = &step.object;
        format!("{} {kind}/{object}{}", name(step.action), restart(step.restarts))
    };
    steps.iter().map(step).collect()
}

/// The decision in short: `create ConfigMap/a`, `blocked mass-deletion`, `up-to-date`.
#[track_caller]
pub fn check(inputs: &PlanInputs, expected: &[&str]) {
    let found = match plan(inputs) {
        Decision::Plan(plan) => short(&plan.steps),
        Decision::UpToDate(kept) => [vec!["up-to-date".to_owned()], short(&kept)].concat(),
        Decision::Arrived { generation } => vec![format!("arrived at {generation}")],
        Decision::Blocked { reasons } => {
            reasons.iter().map(|reason| format!("blocked {}", reason.code())).collect()
        }
    };
    assert_eq!(found, expected, "{:?}", plan(inputs));
}

#[test]
fn orders_by_phase_wave_kind_and_name() {
    let wave = |mut manifest: Value, name: &str, value: &str| {
        manifest["metadata"]["annotations"] = json!({name: value});
        manifest
    };
    let desired = [
        object("Ingress", "i"),
        object("Deployment", "b"),
        object("Deployment", "a"),
        object("Service", "s"),
        object("ConfigMap", "c"),
        wave(object("Deployment", "first"), "argocd.argoproj.io/sync-wave", "-1"),
        wave(object("Job", "after"), "argocd.argoproj.io/hook", "PostSync"),
        wave(object("Job", "migrate"), "argocd.argoproj.io/hook", "PreSync"),
        wave(object("Job", "never"), "argocd.argoproj.io/hook", "Skip"),
    ];
    check(
        &inputs(&desired, vec![]),
        &[
            "create Job/migrate",
            "create Deployment/first",
            "create ConfigMap/c",
            "create Service/s",
            "create Deployment/a",
            "create Deployment/b",
            "create Ingress/i",
            "create Job/after",
        ],
    );
    let wrong = [
        wave(object("Job", "x"), "argocd.argoproj.io/hook", "SyncFail"),
        wave(object("Job", "y"), "argocd.argoproj.io/sync-wave", "soon"),
    ];
    check(&inputs(&wrong, vec![]), &["blocked invalid-order", "blocked invalid-order"]);
}

#[test]
fn compares_only_what_git_sets() {
    let desired = object("Deployment", "a");
    let mut with_status = live(&desired);
    with_status.manifest["status"] = json!({"replicas": 1});
    with_status.manifest["spec"]["defaulted"] = json!(true);
    check(
        &inputs(std::slice::from_ref(&desired), vec![with_status.clone()]),
        &["up-to-date", "unchanged Deployment/a"],
    );
    let mut changed = desired.clone();
    changed["spec"]["template"] = json!({"x": 1});
    check(&inputs(&[changed], vec![with_status.clone()]), &["update Deployment/a restarts"]);
    let mut scaled = desired.clone();
    scaled["spec"]["a"] = json!(2);
    check(&inputs(&[scaled], vec![with_status]), &["update Deployment/a"]);
}

#[test]
fn a_field_that_left_git_is_a_change_and_a_quantity_is_not() {
    let mut before = object("Deployment", "a");
    before["spec"]["gone"] = json!(1);
    check(&inputs(&[object("Deployment", "a")], vec![live(&before)]), &["update Deployment/a"]);
    let limits = |value: Value| {
        let mut manifest = object("Deployment", "a");
        manifest["spec"]["template"] = json!({"limits": {"cpu": value}});
        manifest
    };
    check(
        &inputs(&[limits(json!("1"))], vec![live(&limits(json!("1000m")))]),
        &["up-to-date", "unchanged Deployment/a"],
    );
    check(
        &inputs(&[limits(json!(2))], vec![live(&limits(json!("1")))]),
        &["update Deployment/a restarts"],
    );
}

/// Whoever deployed it: what equals Git is taken over by a plan that writes nothing, so that it is
/// known what runs.
#[test]
fn what_somebody_else_deployed_is_taken_over_without_a_write() {
    let mut inputs = inputs(&[object("Deployment", "a")], vec![live(&object("Deployment", "a"))]);
    check(&inputs, &["up-to-date", "unchanged Deployment/a"]);
    inputs.previous = None;
    check(&inputs, &["unchanged Deployment/a"]);
    inputs.application = application("  syncPolicy: {}");
    check(&inputs, &["unchanged Deployment/a"]);
    // Without an object there is nothing to take over.
    inputs.desired = Arc::new(Vec::new());
    inputs.inventory.as_mut().unwrap().objects.clear();
    check(&inputs, &["up-to-date"]);
}

#[test]
fn ignored_differences_do_not_count() {
    let mut inputs = inputs(&[object("Deployment", "a")], vec![]);
    let mut other = live(&object("Deployment", "a"));
    other.manifest["spec"]["a"] = json!(7);
    inputs.inventory.as_mut().unwrap().objects = vec![other];
    check(&inputs, &["update Deployment/a"]);
    inputs.application = application(&format!(
        "{AUTOMATED}\n  ignoreDifferences: [{{group: apps, kind: Deployment, jsonPointers: [/spec/a]}}]"
    ));
    check(&inputs, &["up-to-date", "unchanged Deployment/a"]);
}

#[test]
fn prunes_only_its_own_in_reverse() {
    let (a, b) = (object("ConfigMap", "a"), object("Deployment", "b"));
    let keep = object("ConfigMap", "keep");
    let mut foreign = live(&object("Secret", "foreign"));
    foreign.manifest = tracked(&foreign.manifest, &key(&foreign.manifest), "other");
    let mut untracked = live(&object("Secret", "untracked"));
    untracked.manifest["metadata"]["annotations"] = json!({});
    let mut inputs = inputs(
        std::slice::from_ref(&keep),
        vec![live(&a), live(&b), live(&keep), foreign, untracked],
    );
    inputs.policy.deletion_percent_max = 70;
    check(&inputs, &["unchanged ConfigMap/keep", "delete Deployment/b", "delete ConfigMap/a"]);
    inputs.application = application("  syncPolicy: {automated: {}}");
    check(
        &inputs,
        &["up-to-date", "unchanged ConfigMap/keep", "kept Deployment/b", "kept ConfigMap/a"],
    );
    inputs.requested = Some(SyncRequest { prune: true });
    check(&inputs, &["unchanged ConfigMap/keep", "delete Deployment/b", "delete ConfigMap/a"]);
}

#[test]
fn a_copied_tracking_id_owns_nothing() {
    let keep = object("ConfigMap", "keep");
    let mut copied = live(&object("ConfigMap", "original"));
    copied.manifest["metadata"]["name"] = json!("copy");
    check(
        &inputs(std::slice::from_ref(&keep), vec![live(&keep), copied]),
        &["up-to-date", "unchanged ConfigMap/keep"],
    );
}

#[test]
fn a_mass_deletion_stops_until_exactly_it_is_confirmed() {
    let all: Vec<Value> = (0..6).map(|n| object("ConfigMap", &format!("c{n}"))).collect();
    let mut inputs = inputs(&all[..3], all.iter().map(live).collect());
    check(&inputs, &["blocked mass-deletion"]);
    inputs.confirmed = all[3..5].iter().map(key).collect();
    check(&inputs, &["blocked mass-deletion"]);
    inputs.confirmed = all[3..].iter().map(key).collect();
    check(
        &inputs,
        &[
            "unchanged ConfigMap/c0",
            "unchanged ConfigMap/c1",
            "unchanged ConfigMap/c2",
            "delete ConfigMap/c5",
            "delete ConfigMap/c4",
            "delete ConfigMap/c3",
        ],
    );
    inputs.confirmed.clear();
    inputs.desired = Arc::default();
    check(&inputs, &["blocked would-delete-everything"]);
}

#[test]
fn confirmation_on_request() {
    let (keep, go) = (object("ConfigMap", "keep"), object("ConfigMap", "go"));
    let mut inputs = inputs(std::slice::from_ref(&keep), vec![live(&keep), live(&go)]);
    inputs.application =
        application("  syncPolicy: {automated: {prune: true}, syncOptions: [Prune=confirm]}");
    check(&inputs, &["blocked deletion-needs-confirmation"]);
    inputs.confirmed = [key(&go)].into();
    check(&inputs, &["unchanged ConfigMap/keep", "delete ConfigMap/go"]);
}

#[test]
fn nothing_on_missing_data() {
    let mut inputs = inputs(&[object("ConfigMap", "a")], vec![]);
    inputs.inventory.as_mut().unwrap().complete = false;
    check(&inputs, &["blocked inventory-missing"]);
    inputs.inventory = None;
    check(&inputs, &["blocked inventory-missing"]);
}

fn previous(rendered: char, applied_at: Option<i64>, failures: u32) -> PreviousPlan {
    PreviousPlan {
        generation: 4,
        rendered_commit: commit(rendered),
        applied_at: applied_at.map(Timestamp),
        failures,
        failed_at: (failures > 0).then_some(Timestamp(100)),
        problem: if failures > 0 { "it is immutable".into() } else { String::new() },
    }
}

#[test]
fn an_observation_from_before_the_last_apply_decides_nothing() {
    let mut inputs = inputs(&[object("ConfigMap", "a")], vec![]);
    inputs.previous = Some(previous('9', Some(101), 0));
    check(&inputs, &["blocked inventory-stale"]);
    inputs.previous = Some(previous('9', Some(100), 0));
    let Decision::Plan(plan) = plan(&inputs) else { panic!("expected a plan") };
    assert_eq!(plan.generation, 5);
}

#[test]
fn a_plan_whose_end_nobody_recorded_is_ended_by_what_is_there() {
    let there = object("ConfigMap", "a");
    let mut inputs = inputs(std::slice::from_ref(&there), vec![live(&there)]);
    inputs.previous = Some(previous('2', Some(50), 0));
    check(&inputs, &["up-to-date", "unchanged ConfigMap/a"]);
    inputs.previous = Some(previous('2', None, 0));
    check(&inputs, &["arrived at 4"]);
    // Also when it failed and somebody put it right by hand.
    inputs.previous = Some(previous('2', None, 6));
    check(&inputs, &["arrived at 4"]);
    // Of another rendering, it was never carried out: what runs is planned as what it is.
    inputs.previous = Some(previous('9', None, 0));
    check(&inputs, &["unchanged ConfigMap/a"]);
    let Decision::Plan(plan) = plan(&inputs) else { panic!("expected a plan") };
    assert_eq!(plan.generation, 5);
    inputs.inventory.as_mut().unwrap().objects.clear();
    inputs.previous = Some(previous('2', None, 0));
    check(&inputs, &["create ConfigMap/a"]);
}

#[test]
fn one_wrong_object_stops_all() {
    let unknown = json!({"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": "w"}});
    check(&inputs(&[object("ConfigMap", "a"), unknown], vec![]), &["blocked unknown-kind"]);
    check(
        &inputs(&[object("ConfigMap", "a"), object("ConfigMap", "a")], vec![]),
        &["blocked duplicate-object"],
    );
    check(&inputs(&[json!({"kind": "ConfigMap"})], vec![]), &["blocked not-an-object"]);
    let mut theirs = live(&object("ConfigMap", "a"));
    theirs.manifest = tracked(&theirs.manifest, &key(&theirs.manifest), "other");
    check(&inputs(&[object("ConfigMap", "a")], vec![theirs]), &["blocked owned-by-another"]);
    let mut cluster = inputs(&[object("ConfigMap", "a")], vec![]);
    cluster.application.destination.target =
        deployments::Target::Cluster { address: "https://kubernetes.default.svc".into() };
    check(&cluster, &["blocked cluster-unavailable"]);
    let mut invalid = inputs(&[object("Deployment", "a")], vec![]);
    invalid.problems =
        vec![(key(&object("Deployment", "a")), "the image is not in the registry".into())];
    check(&invalid, &["blocked invalid-manifest"]);
}

#[test]
fn namespaces_must_exist() {
    let mut inputs = inputs(&[object("ConfigMap", "a")], vec![]);
    inputs.inventory.as_mut().unwrap().namespaces = Some(BTreeSet::from(["other".to_owned()]));
    check(&inputs, &["blocked namespace-missing"]);
    inputs.application =
        application("  syncPolicy: {automated: {}, syncOptions: [CreateNamespace=true]}");
    check(&inputs, &["create ConfigMap/a"]);
    inputs.application.destination.namespace.clear();
    check(&inputs, &["blocked namespace-missing"]);
}

#[test]
fn automation_off_waits_for_a_person() {
    let mut inputs = inputs(&[object("ConfigMap", "a")], vec![]);
    inputs.application = application("");
    check(&inputs, &["blocked manual-sync"]);
    inputs.requested = Some(SyncRequest { prune: false });
    check(&inputs, &["create ConfigMap/a"]);
}

/// A hold by an object of Flux.
pub fn hold() -> Hold {
    let holder = "Kustomization flux-system/app of the cluster east".to_owned();
    let holder = Holder::try_from(holder).unwrap();
    Hold { holder, by: "flux".into(), since: Timestamp(0) }
}

#[test]
fn what_is_held_waits_for_a_person() {
    let same = object("ConfigMap", "a");
    let mut inputs = inputs(&[object("ConfigMap", "b")], vec![live(&same)]);
    inputs.holds = vec![hold()];
    check(&inputs, &["blocked held"]);
    inputs.requested = Some(SyncRequest { prune: true });
    check(&inputs, &["create ConfigMap/b", "delete ConfigMap/a"]);
    // Neither is drift put back.
    inputs.requested = None;
    inputs.previous = Some(previous('2', Some(50), 0));
    check(&inputs, &["blocked held"]);
    inputs.holds.clear();
    check(&inputs, &["create ConfigMap/b", "delete ConfigMap/a"]);
}

#[test]
fn drift_is_healed_only_when_asked_for() {
    let mut inputs = inputs(&[object("ConfigMap", "a")], vec![]);
    inputs.previous = Some(previous('2', Some(50), 0));
    check(&inputs, &["create ConfigMap/a"]);
    inputs.application = application("  syncPolicy: {automated: {prune: true}}");
    check(&inputs, &["blocked self-heal-off"]);
    inputs.rendered_commit = commit('3');
    check(&inputs, &["create ConfigMap/a"]);
}

#[test]
fn failed_applies_wait_longer_and_end() {
    let mut inputs = inputs(&[object("ConfigMap", "a")], vec![]);
    inputs.previous = Some(previous('2', None, 2));
    inputs.as_of = Timestamp(100 + 9_999);
    check(&inputs, &["blocked retry-later"]);
    inputs.as_of = Timestamp(100 + 10_000);
    check(&inputs, &["create ConfigMap/a"]);
    inputs.previous = Some(previous('2', None, 6));
    inputs.as_of = Timestamp(10_000_000);
    check(&inputs, &["blocked retries-exhausted"]);
    let Decision::Blocked { reasons } = plan(&inputs) else { panic!("it is blocked") };
    assert!(reasons[0].to_string().ends_with("the last time: it is immutable"), "{}", reasons[0]);
    inputs.requested = Some(SyncRequest { prune: false });
    check(&inputs, &["create ConfigMap/a"]);
}

#[test]
fn repairs_wait_when_somebody_changes_it_each_time() {
    let mut inputs = inputs(&[object("ConfigMap", "a")], vec![]);
    inputs.previous = Some(previous('2', Some(50), 0));
    inputs.as_of = Timestamp(10_000);
    inputs.repairs = [1, 2, 3, 9_000].map(Timestamp).to_vec();
    check(&inputs, &["blocked repair-later"]);
    inputs.as_of = Timestamp(11_000);
    check(&inputs, &["create ConfigMap/a"]);
    inputs.as_of = Timestamp(10_000);
    inputs.requested = Some(SyncRequest { prune: false });
    check(&inputs, &["create ConfigMap/a"]);
    // What Git brings does not wait for it.
    inputs.requested = None;
    inputs.rendered_commit = commit('3');
    check(&inputs, &["create ConfigMap/a"]);
}

/// A live object of a target that says who owns which field.
fn owned(manifest: &Value, managers: &Value) -> LiveObject {
    let mut live = live(manifest);
    live.manifest["metadata"]["managedFields"] = managers.clone();
    live.applied = None;
    live
}

#[test]
fn a_target_that_knows_owners_is_compared_by_them() {
    let manifest = object("Deployment", "web");
    let defaulted = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web"}, "spec": {"a": 1, "strategy": {"type": "RollingUpdate"}}});
    let ours = json!([{"manager": "boucle", "operation": "Apply",
        "fieldsV1": {"f:spec": {"f:a": {}}}}]);
    let inputs_of = |live| inputs(std::slice::from_ref(&manifest), vec![live]);
    check(&inputs_of(owned(&defaulted, &ours)), &["up-to-date", "unchanged Deployment/web"]);

    let mut taken = defaulted;
    taken["spec"]["a"] = 2.into();
    let theirs = json!([{"manager": "kubectl-edit", "operation": "Update",
        "fieldsV1": {"f:spec": {"f:a": {}}}}]);
    let inputs = inputs_of(owned(&taken, &theirs));
    check(&inputs, &["update Deployment/web"]);
    let Decision::Plan(plan) = plan(&inputs) else { panic!("no plan") };
    assert_eq!(plan.steps[0].reason, "differs from Git in /spec/a (held by `kubectl-edit`)");
}
