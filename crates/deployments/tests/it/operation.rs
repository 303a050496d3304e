//! Operations: order, waits, hooks, failures, deadlines.

use std::collections::BTreeMap;

use deployments::{
    Act, Action, Health, HealthStatus, Next, ObjectKey, Observed, Operation, Role, Step,
    TRACKING_ANNOTATION, role,
};
use ledger::Timestamp;
use serde_json::{Value, json};

const WAVE_MS_MAX: i64 = 60_000;

/// An operation on a target that is played here: what is applied exists, with the health that the
/// test gives it.
struct Played {
    operation: Operation,
    steps: Vec<Step>,
    there: BTreeMap<ObjectKey, Observed>,
    now: Timestamp,
}

impl Played {
    /// Each object is `KIND/NAME`, then `key=value` for annotations (`hook`, `wave`, `deletion`) and
    /// `delete`, `unchanged` or `untracked`.
    fn new(objects: &[&str]) -> Self {
        Self::with(objects, false)
    }

    fn with(objects: &[&str], prune_last: bool) -> Self {
        let steps: Vec<Step> = objects.iter().map(|text| step(text)).collect();
        let operation = Operation::begin(&steps, prune_last, WAVE_MS_MAX);
        let mut played =
            Self { operation, steps, there: BTreeMap::new(), now: Timestamp::default() };
        let old: Vec<ObjectKey> = played
            .steps
            .iter()
            .filter(|step| matches!(step.action, Action::Delete | Action::Unchanged))
            .map(|step| step.object.clone())
            .collect();
        old.into_iter().for_each(|key| played.is(&key.name.clone(), HealthStatus::Healthy));
        played
    }

    fn key(&self, name: &str) -> ObjectKey {
        let step = self.steps.iter().find(|step| step.object.name == name).expect("an object");
        step.object.clone()
    }

    fn is(&mut self, name: &str, status: HealthStatus) {
        let health = Health { status, message: format!("{name} is {status}") };
        self.there.insert(self.key(name), Observed { health, is_going: false });
    }

    fn is_gone(&mut self, name: &str) {
        self.there.remove(&self.key(name));
    }

    /// What happens next, in short; writes happen at once, as objects that progress.
    fn next(&mut self) -> String {
        let seen = if self.operation.looks() { self.there.clone() } else { BTreeMap::new() };
        match self.operation.next(&seen, self.now) {
            Next::Act(acts) => {
                let said: Vec<String> = acts.iter().map(|act| self.act(*act)).collect();
                said.join(" ")
            }
            Next::Wait { waits, .. } => {
                let said: Vec<String> = waits
                    .iter()
                    .map(|wait| format!("{}: {}", wait.object.name, wait.reason))
                    .collect();
                format!("wait {}", said.join("; "))
            }
            Next::End { failure, delete } => {
                let delete: Vec<&str> = delete.iter().map(|key| key.name.as_str()).collect();
                let outcome = failure.map_or("succeeded".into(), |one| {
                    format!("failed {}: {}", one.object.name, one.problem)
                });
                format!("{outcome} -[{}]", delete.join(" "))
            }
        }
    }

    fn act(&mut self, act: Act) -> String {
        self.operation.report(act, Ok(()));
        let name = |index: usize| self.steps[index].object.name.clone();
        match act {
            Act::Apply(index) => {
                let name = name(index);
                let manifest = self.steps[index].manifest.as_ref().expect("a manifest");
                if deployments::annotation(manifest, TRACKING_ANNOTATION).is_some() {
                    self.is(&name, HealthStatus::Progressing);
                }
                format!("+{name}")
            }
            Act::Delete(index) => format!("-{}", name(index)),
            Act::Clear(index) => format!("~{}", name(index)),
        }
    }

    #[track_caller]
    fn expect(&mut self, said: &str) {
        assert_eq!(self.next(), said);
    }
}

fn step(text: &str) -> Step {
    let mut words = text.split(' ');
    let (kind, name) = words.next().and_then(|word| word.split_once('/')).expect("KIND/NAME");
    let mut annotations = serde_json::Map::new();
    annotations.insert(TRACKING_ANNOTATION.into(), Value::from("a:of it"));
    let (mut action, mut phase, mut wave) = (Action::Create, deployments::Phase::Sync, 0);
    for word in words {
        match word.split_once('=') {
            Some(("hook", list)) => {
                annotations.insert("argocd.argoproj.io/hook".into(), Value::from(list));
            }
            Some(("deletion", list)) => {
                let name = "argocd.argoproj.io/hook-delete-policy";
                annotations.insert(name.into(), Value::from(list));
            }
            Some(("wave", number)) => wave = number.parse().expect("a number"),
            _ if word == "untracked" => {
                annotations.remove(TRACKING_ANNOTATION);
            }
            _ if word == "delete" => action = Action::Delete,
            _ if word == "unchanged" => action = Action::Unchanged,
            _ => panic!("{word}"),
        }
    }
    let manifest = json!({
        "apiVersion": "v1", "kind": kind,
        "metadata": {"name": name, "namespace": "n", "annotations": annotations},
    });
    let hook = match role(&manifest).expect("hooks that are known") {
        Role::Hook(hook) => Some(hook),
        Role::Object | Role::Skipped => None,
    };
    if let Some(hook) = &hook {
        phase = *hook.phases.first().expect("a phase");
    }
    let object = ObjectKey::of(&manifest, "n").expect("a key");
    let manifest = (action != Action::Delete).then_some(manifest);
    Step {
        action,
        object,
        reason: String::new(),
        restarts: false,
        changed: Vec::new(),
        phase,
        wave,
        manifest,
        hook,
    }
}

#[test]
fn one_wave_ends_when_everything_is_written_in_the_kinds_order() {
    let mut played = Played::new(&["Deployment/d", "Service/s", "ConfigMap/a", "ConfigMap/b"]);
    played.expect("+a +b");
    played.expect("+s");
    played.expect("+d");
    played.expect("succeeded -[]");
}

#[test]
fn a_wave_waits_until_the_one_before_is_healthy() {
    let mut played = Played::new(&["Deployment/late wave=1", "Deployment/early wave=-1"]);
    played.expect("+early");
    played.expect("wait early: it is Progressing: early is Progressing");
    played.is("early", HealthStatus::Suspended);
    played.expect("wait early: it is Suspended: early is Suspended");
    played.is("early", HealthStatus::Healthy);
    played.expect("+late");
    played.is("late", HealthStatus::Healthy);
    played.expect("succeeded -[]");
}

#[test]
fn a_namespace_that_nobody_tracks_is_not_looked_for() {
    let mut played = Played::new(&["Namespace/n untracked wave=-1", "Job/before hook=PreSync"]);
    played.expect("+before");
    played.is("before", HealthStatus::Healthy);
    played.expect("+n");
    played.expect("succeeded -[]");
}

#[test]
fn what_does_not_change_is_waited_for_and_not_written() {
    let mut played = Played::new(&["Deployment/old unchanged wave=-1", "Deployment/new"]);
    played.is("old", HealthStatus::Progressing);
    played.expect("wait old: it is Progressing: old is Progressing");
    played.is("old", HealthStatus::Healthy);
    played.expect("+new");
}

#[test]
fn a_sick_wave_ends_the_operation() {
    let mut played = Played::new(&["Deployment/late wave=1", "Deployment/early"]);
    played.expect("+early");
    played.is("early", HealthStatus::Degraded);
    played.expect("failed early: early is Degraded -[]");
}

#[test]
fn hooks_run_around_the_objects_and_go_as_their_policies_say() {
    let mut played = Played::new(&[
        "Job/before hook=PreSync deletion=HookSucceeded",
        "Deployment/d",
        "Job/after hook=PostSync",
        "Job/sorry hook=SyncFail",
    ]);
    played.expect("+before");
    played.expect("wait before: the hook has not finished: before is Progressing");
    played.is("before", HealthStatus::Healthy);
    played.expect("+d");
    played.is("d", HealthStatus::Healthy);
    played.expect("+after");
    played.is("after", HealthStatus::Healthy);
    played.expect("succeeded -[before]");
}

#[test]
fn a_failed_hook_runs_the_hooks_for_failures() {
    let mut played = Played::new(&[
        "Job/before hook=PreSync deletion=HookFailed",
        "Deployment/d",
        "Job/sorry hook=SyncFail deletion=HookSucceeded,HookFailed",
    ]);
    played.expect("+before");
    played.is("before", HealthStatus::Degraded);
    played.expect("+sorry");
    played.is("sorry", HealthStatus::Healthy);
    played.expect("failed before: before is Degraded -[before sorry]");
}

#[test]
fn what_a_hook_left_the_time_before_is_cleared_first() {
    let mut played = Played::new(&["Job/before hook=PreSync", "Deployment/d"]);
    played.is("before", HealthStatus::Healthy);
    played.expect("~before");
    played.expect("wait before: it is being deleted; its finalizers may hold it");
    played.is_gone("before");
    played.expect("+before");
}

#[test]
fn a_hook_that_is_kept_is_written_over() {
    let mut played = Played::new(&["Job/before hook=PreSync deletion=HookFailed", "Deployment/d"]);
    played.is("before", HealthStatus::Healthy);
    played.expect("+before");
}

#[test]
fn a_hook_that_vanishes_has_failed() {
    let mut played = Played::new(&["Job/before hook=PreSync", "Deployment/d"]);
    played.expect("+before");
    played.is_gone("before");
    played.expect("failed before: it is missing: somebody may have deleted it -[]");
}

#[test]
fn deletions_follow_the_writes_of_their_wave_in_reverse() {
    let mut played = Played::new(&[
        "ConfigMap/first wave=0 delete",
        "ConfigMap/last wave=2 delete",
        "Deployment/last-too wave=2 delete",
        "ConfigMap/kept wave=2",
    ]);
    played.expect("-last-too");
    played.expect("-last");
    played.expect(
        "wait last: it is being deleted; its finalizers may hold it; \
         last-too: it is being deleted; its finalizers may hold it",
    );
    played.is_gone("last");
    played.is_gone("last-too");
    played.expect("+kept");
    played.expect("-first");
    played.is("kept", HealthStatus::Healthy);
    played.is_gone("first");
    played.expect("succeeded -[]");
}

#[test]
fn deletions_may_all_come_last() {
    let mut played =
        Played::with(&["ConfigMap/gone wave=-3 delete", "ConfigMap/kept wave=2"], true);
    played.expect("+kept");
    played.is("kept", HealthStatus::Healthy);
    played.expect("-gone");
    played.is_gone("gone");
    played.expect("succeeded -[]");
}

#[test]
fn a_wave_that_takes_too_long_ends_the_operation() {
    let mut played = Played::new(&["Deployment/early", "Deployment/late wave=1"]);
    played.expect("+early");
    played.expect("wait early: it is Progressing: early is Progressing");
    played.now = played.now.plus_ms(WAVE_MS_MAX - 1);
    played.expect("wait early: it is Progressing: early is Progressing");
    played.now = played.now.plus_ms(1);
    played.expect(
        "failed early: its wave was not done after 60 s: it is Progressing: early is Progressing -[]",
    );
}

#[test]
fn a_refused_write_ends_the_operation() {
    let mut played = Played::new(&["Deployment/early", "Deployment/late wave=1"]);
    played.operation.report(Act::Apply(0), Err("the admission said no".into()));
    played.expect("failed early: the admission said no -[]");
}

#[test]
fn somebody_may_end_it_at_any_time() {
    let mut played = Played::new(&[
        "Job/before hook=PreSync",
        "Deployment/d",
        "Job/sorry hook=SyncFail deletion=HookFailed",
    ]);
    played.expect("+before");
    played.operation.end("a person ended it");
    played.expect("+sorry");
    played.is("sorry", HealthStatus::Degraded);
    played.expect("failed before: a person ended it -[sorry]");
}

#[test]
fn an_operation_with_nothing_to_do_is_over() {
    Played::new(&[]).expect("succeeded -[]");
    let mut played = Played::new(&["Deployment/d unchanged"]);
    played.expect("succeeded -[]");
    played.operation.end("too late");
    played.expect("succeeded -[]");
}
