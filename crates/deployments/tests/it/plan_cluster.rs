//! What the planner answers where others write fields of the same objects: clusters.

use std::collections::BTreeSet;
use std::sync::Arc;

use deployments::project::{DestinationNames, Project, Scope};
use deployments::{ClusterFacts, Decision, LiveObject, PlanInputs, Target, plan, tracked};
use ledger::Timestamp;
use serde_json::{Value, json};

use crate::plan::{check, inputs, live, object};

pub fn on_cluster(desired: &[Value], live: Vec<LiveObject>) -> PlanInputs {
    let mut inputs = inputs(desired, live);
    inputs.application.destination.target = Target::Cluster { address: "east".into() };
    inputs.cluster =
        Some(ClusterFacts { cluster_scoped: Arc::new(["x.io/Zone".to_owned()].into()) });
    Arc::make_mut(&mut inputs.supported_kinds).insert("x.io/Zone".into());
    inputs.inventory.as_mut().unwrap().namespaces = Some(BTreeSet::from(["n".to_owned()]));
    inputs
}

pub fn annotated(mut manifest: Value, name: &str, value: &str) -> Value {
    manifest["metadata"]["annotations"][name] = Value::from(value);
    manifest
}

pub fn hook(name: &str, phases: &str) -> Value {
    annotated(object("Job", name), "argocd.argoproj.io/hook", phases)
}

/// A live object whose fields are owned as these managers say.
fn owned(manifest: &Value, managers: Value) -> LiveObject {
    let mut one = live(manifest);
    one.manifest["metadata"]["managedFields"] = managers;
    one.applied = None;
    one
}

#[test]
fn a_field_of_another_manager_is_no_difference() {
    let desired = object("Deployment", "a");
    let mut lived = desired.clone();
    lived["spec"]["replicas"] = json!(7);
    let ours = json!([{
        "manager": "boucle", "operation": "Apply", "fieldsV1": {"f:spec": {"f:a": {}}},
    }]);
    check(
        &on_cluster(std::slice::from_ref(&desired), vec![owned(&lived, ours)]),
        &["up-to-date", "unchanged Deployment/a"],
    );
    let ours = json!([{
        "manager": "boucle", "operation": "Apply",
        "fieldsV1": {"f:spec": {"f:a": {}, "f:replicas": {}}},
    }]);
    check(&on_cluster(&[desired], vec![owned(&lived, ours)]), &["update Deployment/a"]);
}

#[test]
fn hooks_run_with_what_is_written_and_are_no_difference() {
    let rendering =
        [hook("before", "PreSync"), object("ConfigMap", "a"), hook("both", "PostSync,SyncFail")];
    check(
        &on_cluster(&rendering, Vec::new()),
        &["create ConfigMap/a", "create Job/before", "create Job/both", "create Job/both"],
    );
    let there = vec![live(&object("ConfigMap", "a")), live(&hook("before", "PreSync"))];
    let mut inputs = on_cluster(&rendering, there);
    check(&inputs, &["up-to-date", "unchanged ConfigMap/a"]);
    inputs.requested = Some(deployments::SyncRequest { prune: false });
    check(
        &inputs,
        &["unchanged ConfigMap/a", "create Job/before", "create Job/both", "create Job/both"],
    );
}

#[test]
fn hooks_that_left_git_are_not_pruned() {
    let there = vec![live(&object("ConfigMap", "a")), live(&hook("old", "PreSync"))];
    check(
        &on_cluster(&[object("ConfigMap", "a")], there),
        &["up-to-date", "unchanged ConfigMap/a"],
    );
}

#[test]
fn hooks_of_a_removal_do_not_run_in_a_synchronisation() {
    let rendering =
        [hook("bye", "PreDelete,PostDelete"), hook("never", "Skip"), object("ConfigMap", "a")];
    check(&on_cluster(&rendering, Vec::new()), &["create ConfigMap/a"]);
}

#[test]
fn a_hook_without_a_name_is_a_new_object_each_time() {
    let mut manifest = hook("x", "PreSync");
    manifest["metadata"].as_object_mut().unwrap().remove("name");
    manifest["metadata"]["generateName"] = "migrate-".into();
    let rendering = [manifest, object("ConfigMap", "a")];
    check(
        &on_cluster(&rendering, Vec::new()),
        &["create ConfigMap/a", "create Job/migrate-1111111-2-0"],
    );
}

#[test]
fn a_kind_may_come_with_its_definition() {
    let widget = json!({"apiVersion": "y.io/v1", "kind": "Widget", "metadata": {"name": "w"}});
    check(&on_cluster(std::slice::from_ref(&widget), Vec::new()), &["blocked unknown-kind"]);
    let option = ("argocd.argoproj.io/sync-options", "SkipDryRunOnMissingResource=true");
    let patient = annotated(widget.clone(), option.0, option.1);
    check(&on_cluster(&[patient], Vec::new()), &["create Widget/w"]);
    let mut inputs = on_cluster(&[], Vec::new());
    Arc::make_mut(&mut inputs.supported_kinds)
        .insert("apiextensions.k8s.io/CustomResourceDefinition".into());
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.y.io"},
        "spec": {"group": "y.io", "names": {"kind": "Widget"}},
    });
    inputs.desired = vec![widget, definition].into();
    check(&inputs, &["create CustomResourceDefinition/widgets.y.io", "create Widget/w"]);
}

#[test]
fn a_custom_kind_may_have_no_namespace() {
    let zone = json!({"apiVersion": "x.io/v1", "kind": "Zone", "metadata": {"name": "z"}});
    let Decision::Plan(plan) = plan(&on_cluster(&[zone], Vec::new())) else { panic!("a plan") };
    assert_eq!(plan.steps[0].object.namespace, "");
}

#[test]
fn a_namespace_is_made_first_when_the_application_asks_for_it() {
    let mut inputs = on_cluster(&[hook("before", "PreSync"), object("ConfigMap", "a")], Vec::new());
    inputs.inventory.as_mut().unwrap().namespaces = Some(BTreeSet::new());
    check(&inputs, &["blocked namespace-missing", "blocked namespace-missing"]);
    inputs.application.sync.create_namespace = true;
    let labels = &mut inputs.application.sync.namespace_metadata.labels;
    labels.insert("team".into(), "blue".into());
    check(&inputs, &["create ConfigMap/a", "create Job/before", "create Namespace/n"]);
    let Decision::Plan(plan) = plan(&inputs) else { panic!("a plan") };
    let made = plan.steps.last().unwrap();
    assert_eq!(made.phase, deployments::Phase::PreSync);
    assert_eq!(made.manifest.as_ref().unwrap()["metadata"]["labels"]["team"], "blue");
}

#[test]
fn a_cluster_that_nobody_knows_is_not_planned_for() {
    let mut inputs = on_cluster(&[object("ConfigMap", "a")], Vec::new());
    inputs.cluster = None;
    check(&inputs, &["blocked cluster-unavailable"]);
}

#[test]
fn a_plan_with_hooks_that_was_cut_off_is_made_again() {
    let rendering = [object("ConfigMap", "a"), hook("after", "PostSync")];
    let mut inputs = on_cluster(&rendering, vec![live(&object("ConfigMap", "a"))]);
    inputs.previous = Some(deployments::PreviousPlan {
        generation: 3,
        rendered_commit: inputs.rendered_commit.clone(),
        applied_at: None,
        failures: 0,
        failed_at: None,
        problem: String::new(),
    });
    check(&inputs, &["unchanged ConfigMap/a", "create Job/after"]);
    inputs.previous.as_mut().unwrap().applied_at = Some(Timestamp(1));
    check(&inputs, &["up-to-date", "unchanged ConfigMap/a"]);
}

#[test]
fn options_that_cannot_be_read_are_refused() {
    let odd = annotated(object("ConfigMap", "a"), "argocd.argoproj.io/sync-options", "Purne=false");
    check(&on_cluster(std::slice::from_ref(&odd), Vec::new()), &["blocked invalid-order"]);
    let there = vec![live(&odd), live(&object("ConfigMap", "b"))];
    let mut inputs = on_cluster(&[object("ConfigMap", "b")], there);
    check(&inputs, &["up-to-date", "unchanged ConfigMap/b", "kept ConfigMap/a"]);
    inputs.inventory.as_mut().unwrap().objects[0].manifest =
        tracked(&object("ConfigMap", "a"), &deployments::ObjectKey::of(&odd, "n").unwrap(), "app");
    check(&inputs, &["unchanged ConfigMap/b", "delete ConfigMap/a"]);
}

/// A plan in a project.
fn in_project(spec: &str, desired: &[Value], live: Vec<LiveObject>) -> PlanInputs {
    let mut inputs = on_cluster(desired, live);
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: team}}\nspec:\n  \
         sourceRepos: ['*']\n  destinations: [{{name: east, namespace: n}}]\n{spec}"
    );
    inputs.scope = Scope {
        project: Some(Arc::new(Project::parse("p.yaml", &text).unwrap())),
        sources: vec![vec!["o/r".to_owned()]],
        place: DestinationNames { name: Some("east".into()), server: None, namespace: "n".into() },
    };
    inputs
}

#[test]
fn a_project_permits_what_is_written_and_what_is_deleted() {
    let rendering = [object("ConfigMap", "a")];
    check(&in_project("", &rendering, Vec::new()), &["create ConfigMap/a"]);
    let mut zone = json!({"apiVersion": "x.io/v1", "kind": "Zone", "metadata": {"name": "z"}});
    check(
        &in_project("", &[rendering[0].clone(), zone.clone()], Vec::new()),
        &["blocked project-refuses"],
    );
    let listed = "  clusterResourceWhitelist: [{group: x.io, kind: Zone}]";
    check(&in_project(listed, std::slice::from_ref(&zone), Vec::new()), &["create Zone/z"]);
    zone["kind"] = "Other".into();
    // A hook is written too.
    let hooks = "  namespaceResourceWhitelist: [{group: '', kind: ConfigMap}]";
    let with_hook = [rendering[0].clone(), hook("h", "PreSync")];
    check(&in_project(hooks, &with_hook, Vec::new()), &["blocked project-refuses"]);
    let secret = vec![live(&object("ConfigMap", "a")), live(&object("Secret", "s"))];
    check(&in_project(hooks, &rendering, secret.clone()), &["blocked project-refuses"]);
    check(&in_project("", &rendering, secret), &["unchanged ConfigMap/a", "delete Secret/s"]);
    let mut inputs = in_project("", &rendering, Vec::new());
    inputs.scope.project = None;
    check(&inputs, &["blocked project-missing"]);
}

#[test]
fn a_namespace_that_is_made_is_of_a_kind_without_namespace() {
    let make = |spec: &str| {
        let mut inputs = in_project(spec, &[object("ConfigMap", "a")], Vec::new());
        inputs.application.sync.create_namespace = true;
        inputs.application.destination.namespace = "n".into();
        inputs.inventory.as_mut().unwrap().namespaces = Some(BTreeSet::new());
        inputs
    };
    check(&make(""), &["blocked project-refuses"]);
    let listed = "  clusterResourceWhitelist: [{group: '', kind: Namespace}]";
    check(&make(listed), &["create ConfigMap/a", "create Namespace/n"]);
}

#[test]
fn a_window_holds_changes_back_and_nothing_else() {
    let windows = |manual: bool| {
        format!(
            "  syncWindows: [{{kind: deny, schedule: '0 0 1 1 *', duration: 1h, \
             applications: ['*'], manualSync: {manual}}}]"
        )
    };
    let desired = [object("ConfigMap", "a")];
    // The test's clock is a moment after the beginning of 1970.
    let held = in_project(&windows(false), &desired, Vec::new());
    check(&held, &["blocked sync-window"]);
    let Decision::Blocked { reasons } = plan(&held) else { panic!("blocked") };
    assert_eq!(reasons[0].deadline(), Some(Timestamp(3_600_000)));
    let there = vec![live(&desired[0])];
    check(&in_project(&windows(false), &desired, there), &["up-to-date", "unchanged ConfigMap/a"]);
    let mut asked = held;
    asked.requested = Some(deployments::SyncRequest { prune: false });
    check(&asked, &["blocked sync-window"]);
    let mut asked = in_project(&windows(true), &desired, Vec::new());
    check(&asked, &["blocked sync-window"]);
    asked.requested = Some(deployments::SyncRequest { prune: false });
    check(&asked, &["create ConfigMap/a"]);
}
