//! What becomes of the objects of an application that is removed, by data.

use deployments::{
    BlockReason, Declaration, DeploymentFact, DeploymentsView, Inventory, LiveObject, PlanInputs,
    PreviousPlan, Propagation, Removal, RemovalDecision, SyncRequest, plan_removal,
};
use ledger::{Actor, MemoryLedger, RepositoryName, Timestamp, View as _};
use serde_json::{Value, json};

use crate::plan::{commit, hold, inputs, live, object, short};
use crate::plan_cluster::{annotated, hook, on_cluster};

const WAVE: &str = "argocd.argoproj.io/sync-wave";
const OPTIONS: &str = "argocd.argoproj.io/sync-options";

fn removal(inputs: &PlanInputs) -> Removal {
    let application = inputs.application.clone();
    Removal {
        declaration: Declaration {
            repository: RepositoryName::new("o/r").unwrap(),
            environment: None,
            set: None,
            kept: None,
            step: None,
            source: application.source.clone(),
            further_sources: Vec::new(),
            destination: application.destination.clone(),
            commit: commit('1'),
            deletes_objects: true,
        },
        application: Box::new(application),
        commit: commit('3'),
        since: Timestamp(50),
        generation: 4,
        together: 1,
        of: 1,
    }
}

/// The decision in short: `delete ConfigMap/a`, `blocked mass-removal`, `done`.
#[track_caller]
fn check(inputs: &PlanInputs, removal: &Removal, expected: &[&str]) {
    let found = match plan_removal(inputs, removal) {
        RemovalDecision::Done => vec!["done".to_owned()],
        RemovalDecision::Plan(plan) => short(&plan.steps),
        RemovalDecision::Blocked { reasons } => {
            reasons.iter().map(|reason| format!("blocked {}", reason.code())).collect()
        }
    };
    assert_eq!(found, expected);
}

fn previous(generation: u64, applied_at: Option<i64>) -> Option<PreviousPlan> {
    Some(PreviousPlan {
        generation,
        rendered_commit: commit('2'),
        applied_at: applied_at.map(Timestamp),
        failures: u32::from(applied_at.is_none()),
        failed_at: applied_at.is_none().then_some(Timestamp(99)),
        problem: String::new(),
    })
}

fn all(manifests: &[Value]) -> Vec<LiveObject> {
    manifests.iter().map(live).collect()
}

#[test]
fn what_it_owns_goes_the_last_wave_and_kind_first() {
    let manifests = [
        object("ConfigMap", "a"),
        object("Deployment", "b"),
        annotated(object("Service", "late"), WAVE, "2"),
        annotated(object("Secret", "kept"), OPTIONS, "Delete=false"),
    ];
    let mut foreign = live(&object("ConfigMap", "foreign"));
    foreign.manifest["metadata"]["annotations"] = json!({});
    let objects = all(&manifests).into_iter().chain([foreign]).collect();
    let inputs = inputs(&manifests, objects);
    check(
        &inputs,
        &removal(&inputs),
        &["delete Service/late", "delete Deployment/b", "delete ConfigMap/a", "kept Secret/kept"],
    );
}

#[test]
fn what_stays_does_not_keep_a_removal_open() {
    let kept = annotated(object("Secret", "kept"), OPTIONS, "Delete=false");
    let unreadable = annotated(object("Secret", "odd"), OPTIONS, "Delete=perhaps");
    let nothing = inputs(&[], Vec::new());
    check(&nothing, &removal(&nothing), &["done"]);
    let some = inputs(&[], all(&[kept, unreadable]));
    check(&some, &removal(&some), &["done"]);
    let mut whole = inputs(&[], all(&[object("ConfigMap", "a")]));
    whole.application.sync.options.delete = deployments::Consent::No;
    check(&whole, &removal(&whole), &["done"]);
}

#[test]
fn hooks_run_around_the_deletion_once() {
    let manifests =
        [hook("before", "PreDelete"), object("ConfigMap", "a"), hook("after", "PostDelete")];
    let mut inputs = on_cluster(&manifests, all(&manifests[1..2]));
    let removal = removal(&inputs);
    let steps = ["delete ConfigMap/a", "create Job/before", "create Job/after"];
    check(&inputs, &removal, &steps);
    // Everything is gone, but the removal's plan has not ended: the hooks have yet to run.
    inputs.inventory.as_mut().unwrap().objects.clear();
    inputs.previous = previous(4, Some(40));
    check(&inputs, &removal, &["create Job/before", "create Job/after"]);
    inputs.previous = previous(5, Some(90));
    check(&inputs, &removal, &["done"]);
    // A hook of the removal that is left belongs to its own policy; one of a deployment goes.
    inputs.inventory.as_mut().unwrap().objects =
        all(&[hook("before", "PreDelete"), hook("migrate", "PreSync")]);
    check(&inputs, &removal, &["delete Job/migrate", "create Job/before", "create Job/after"]);
}

#[test]
fn nothing_is_deleted_on_a_partial_observation_or_too_soon() {
    let manifests = [object("ConfigMap", "a")];
    let whole = inputs(&manifests, all(&manifests));
    let removal = removal(&whole);
    let with = |change: &dyn Fn(&mut PlanInputs)| {
        let mut changed = whole.clone();
        change(&mut changed);
        changed
    };
    let partial = |inputs: &mut PlanInputs| {
        inputs.inventory = Some(Inventory { complete: false, ..Inventory::default() });
    };
    check(&with(&partial), &removal, &["blocked inventory-missing"]);
    check(&with(&|inputs| inputs.inventory = None), &removal, &["blocked inventory-missing"]);
    check(
        &with(&|one| one.previous = previous(4, Some(200))),
        &removal,
        &["blocked inventory-stale"],
    );
    let mut unknown = on_cluster(&manifests, all(&manifests));
    unknown.cluster = None;
    check(&unknown, &removal, &["blocked cluster-unavailable"]);
    // A plan of the removal that failed waits, one before it does not count, and a person may ask.
    let failed = |one: &mut PlanInputs| one.previous = previous(5, None);
    check(&with(&failed), &removal, &["blocked retry-later"]);
    check(&with(&|one| one.previous = previous(4, None)), &removal, &["delete ConfigMap/a"]);
    let asked = |one: &mut PlanInputs| {
        failed(one);
        one.requested = Some(SyncRequest { prune: false });
    };
    check(&with(&asked), &removal, &["delete ConfigMap/a"]);
}

#[test]
fn a_person_is_asked_for_what_wants_it() {
    let manifests =
        [annotated(object("ConfigMap", "a"), OPTIONS, "Delete=confirm"), object("ConfigMap", "b")];
    let mut inputs = inputs(&manifests, all(&manifests));
    let removal = removal(&inputs);
    let RemovalDecision::Blocked { reasons } = plan_removal(&inputs, &removal) else {
        panic!("it is held back");
    };
    let [BlockReason::DeletionNeedsConfirmation { deletions }] = reasons.as_slice() else {
        panic!("{reasons:?}");
    };
    assert_eq!(deletions.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a"]);
    inputs.confirmed = deletions.iter().cloned().collect();
    check(&inputs, &removal, &["delete ConfigMap/b", "delete ConfigMap/a"]);
}

#[test]
fn what_is_held_stays_until_it_is_let_go() {
    let manifests = [object("ConfigMap", "a")];
    let mut inputs = inputs(&manifests, all(&manifests));
    let removal = removal(&inputs);
    inputs.holds = vec![hold()];
    check(&inputs, &removal, &["blocked held"]);
    inputs.holds.clear();
    check(&inputs, &removal, &["delete ConfigMap/a"]);
}

#[test]
fn many_at_once_stop_and_ask() {
    let manifests = [object("ConfigMap", "a")];
    let mut inputs = inputs(&manifests, all(&manifests));
    let of = |together, of| Removal { together, of, ..removal(&inputs) };
    check(&inputs, &of(1, 1), &["delete ConfigMap/a"]);
    check(&inputs, &of(2, 3), &["blocked mass-removal"]);
    check(&inputs, &of(3, 10), &["delete ConfigMap/a"]);
    check(&inputs, &of(4, 10), &["blocked mass-removal"]);
    let held = of(2, 3);
    inputs.confirmed = [deployments::ObjectKey::of(&manifests[0], "n").unwrap()].into();
    check(&inputs, &held, &["delete ConfigMap/a"]);
}

#[test]
fn the_view_keeps_what_a_removal_needs_until_it_is_done() {
    let (mut ledger, mut view) = (MemoryLedger::default(), DeploymentsView::default());
    let mut take = |fact: &DeploymentFact| {
        let draft = fact.draft(Timestamp(10), Actor::system("test"));
        ledger.append(vec![draft]).unwrap().iter().for_each(|fact| view.apply(fact));
        view.applications[fact.application()].clone()
    };
    let application = inputs(&[], Vec::new()).application;
    let name = application.name.clone();
    let declared = DeploymentFact::ApplicationDeclared {
        application: name.clone(),
        repository: RepositoryName::new("o/r").unwrap(),
        environment: None,
        set: None,
        kept: None,
        step: None,
        source: application.source.clone(),
        further_sources: Vec::new(),
        destination: application.destination.clone(),
        commit: commit('1'),
        deletes_objects: true,
    };
    let removed = |deletes: bool| DeploymentFact::ApplicationRemoved {
        application: name.clone(),
        commit: commit('3'),
        deletes_objects: deletes,
        declared: deletes.then(|| Box::new(application.clone())),
        together: 1,
        of: 1,
    };
    take(&declared);
    let gone = take(&removed(true));
    assert!(gone.declaration.is_none() && gone.declared().is_some());
    assert_eq!(gone.removal.map(|removal| removal.commit), Some(commit('3')));
    let done = take(&DeploymentFact::ObjectsDeleted { application: name.clone() });
    assert!(done.declared().is_none());
    // Without the finalizer nothing is kept, and a file that is back ends a removal.
    take(&declared);
    assert!(take(&removed(false)).declared().is_none());
    take(&declared);
    take(&removed(true));
    let back = take(&declared);
    assert!(back.removal.is_none() && back.declaration.is_some());
}

#[test]
fn finalizers_say_what_becomes_of_what_objects_own() {
    let of = |finalizers: &str| {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: app, finalizers: \
             [{finalizers}]}}\nspec:\n  source: {{repoURL: o/r, path: d}}\n  destination: {{name: \
             local, namespace: n}}\n"
        );
        let read = deployments::Application::parse("app.yaml", &text).unwrap();
        read.delete_objects_on_removal
    };
    assert_eq!(of(""), None);
    assert_eq!(of("resources-finalizer.argocd.argoproj.io"), Some(Propagation::Foreground));
    let background = "resources-finalizer.argocd.argoproj.io/background";
    assert_eq!(of(background), Some(Propagation::Background));
}
