//! Which jobs start, wait and are skipped.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::{Actor, Draft, MemoryLedger, RunId, Timestamp, View as _};

use super::{source, workflow};
use crate::facts::{Conclusion, JobKey, PipelineFact};
use crate::run::job::JobEnd;
use crate::run::reasons::CancelReason;
use crate::run::{Effect, JobPlan, RunEvent, RunSettings, Scheduler};
use crate::view::{JobState, PipelinesView};

/// A server in small: a scheduler, the facts that it recorded, and the jobs that it gave out.
pub(super) struct World {
    scheduler: Scheduler,
    ledger: MemoryLedger,
    text: String,
    clock_ms: i64,
    said: Vec<String>,
    pub(super) plans: Vec<Arc<JobPlan>>,
}

impl World {
    pub(super) fn new(text: &str) -> Self {
        let (scheduler, ledger) = (Scheduler::default(), MemoryLedger::default());
        Self {
            scheduler,
            ledger,
            text: text.into(),
            clock_ms: 0,
            said: Vec::new(),
            plans: Vec::new(),
        }
    }

    fn now(&mut self) -> Timestamp {
        self.clock_ms += 1000;
        Timestamp(self.clock_ms)
    }

    pub(super) fn view(&self) -> PipelinesView {
        let mut view = PipelinesView::default();
        self.ledger.facts().iter().for_each(|fact| view.apply(fact));
        view
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the test tells of these facts only")]
    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Record(fact) => {
                    match &fact {
                        PipelineFact::RunEnded { run, conclusion, .. } => {
                            self.said.push(format!("{run} {conclusion}"));
                        }
                        PipelineFact::JobEnded { run, job, conclusion, reason, .. } => {
                            let view = self.view();
                            let record = view.runs[run].job(job);
                            let ran = record.is_some_and(|job| job.queued_at.is_some());
                            if !ran {
                                let code = reason.as_ref().map_or("-", |it| it.code());
                                self.said.push(format!("{job} {conclusion}({code})"));
                            }
                        }
                        PipelineFact::JobWaiting { job, reason, .. } => {
                            self.said.push(format!("{job} waits({})", reason.code()));
                        }
                        PipelineFact::RunWaiting { run, reason } => {
                            self.said.push(format!("{run} waits({})", reason.code()));
                        }
                        _ => {}
                    }
                    let at = Timestamp(self.clock_ms);
                    let draft = Draft::new(at, Actor::system("test"), fact.subject(), &fact);
                    self.ledger.append(vec![draft]).expect("nothing is expected");
                }
                Effect::StartJob(plan) => {
                    self.said.push(format!("+{}", plan.key));
                    self.plans.push(plan);
                }
                Effect::CancelJob { job, reason, .. } => {
                    self.said.push(format!("x{job}({})", reason.code()));
                }
            }
        }
    }

    /// `new`, `job=ok`, `job=failed`, `job=cancelled`, `job~started`, `cancel`, `restart`, `rerun`,
    /// `rerun-failed`; a word may begin with the run and a colon, without it run 1 is meant.
    pub(super) fn act(&mut self, word: &str) {
        let (run, word) = word.split_once(':').unwrap_or(("1", word));
        let run = RunId(run.parse().expect("a number"));
        let now = self.now();
        let workflow = workflow(&self.text);
        let settings = RunSettings::default();
        let effects = if word == "new" {
            self.scheduler.create(run, source(), workflow, settings, now)
        } else if word == "cancel" {
            let reason = CancelReason::Requested { by: "ada".into() };
            self.scheduler.step(run, RunEvent::CancelRequested { reason }, now)
        } else if word == "restart" {
            let view = self.view();
            let runs = view.unfinished().cloned();
            let runs = runs.map(|it| (it, workflow.clone(), settings.clone())).collect();
            self.scheduler = Scheduler::default();
            self.scheduler.restore(runs, now)
        } else if let Some(rest) = word.strip_prefix("rerun") {
            let record = self.view().runs[&run].clone();
            let failed_only = rest == "-failed";
            self.scheduler.rerun(record, workflow, settings, failed_only, now)
        } else if let Some((job, _)) = word.split_once('~') {
            let (attempt, job) = (self.attempt(run), self.key(run, job));
            self.scheduler.step(run, RunEvent::JobStarted { attempt, job }, now)
        } else {
            let (job, result) = word.split_once('=').expect("job=result");
            let conclusion = match result {
                "ok" => Conclusion::Success,
                "failed" => Conclusion::Failure,
                "cancelled" => Conclusion::Cancelled,
                other => panic!("{other}"),
            };
            let outputs = BTreeMap::from([("list".to_owned(), r#"["x","y"]"#.to_owned())]);
            let end = JobEnd { conclusion, reason: None, outputs, annotations: Vec::new() };
            let (attempt, job) = (self.attempt(run), self.key(run, job));
            self.scheduler.step(run, RunEvent::JobEnded { attempt, job, end }, now)
        };
        self.take(effects);
    }

    fn attempt(&self, run: RunId) -> u32 {
        self.view().runs[&run].current().attempt
    }

    fn key(&self, run: RunId, job: &str) -> JobKey {
        let view = self.view();
        let jobs = &view.runs[&run].current().jobs;
        let found = jobs.iter().find(|it| it.key.as_str() == job);
        found.unwrap_or_else(|| panic!("no job {job}")).key.clone()
    }
}

/// Acts word by word; what each brings about is joined by blanks, the acts by ` | `.
#[track_caller]
pub(super) fn check(text: &str, script: &str, expected: &str) {
    let mut world = World::new(text);
    let mut story = Vec::new();
    for word in script.split(' ') {
        world.act(word);
        story.push(std::mem::take(&mut world.said).join(" "));
    }
    assert_eq!(story.join(" | "), expected, "{script}");
}

/// Jobs in short: `id needs… [extra YAML]`.
fn jobs(lines: &[(&str, &str, &str)]) -> String {
    let mut text = String::from("jobs:\n");
    for (id, needs, extra) in lines {
        text.push_str(&format!("  {id}:\n    runs-on: boucle\n    needs: [{needs}]\n"));
        for line in extra.lines() {
            text.push_str(&format!("    {line}\n"));
        }
        text.push_str("    steps: [{run: 'true'}]\n");
    }
    text.replace("    needs: []\n", "")
}

#[test]
fn jobs_follow_their_needs() {
    let chain = jobs(&[("a", "", ""), ("b", "a", ""), ("c", "b", "")]);
    check(&chain, "new a=ok b=ok c=ok", "+a | +b | +c | 1 success");
    check(
        &chain,
        "new a=failed",
        "+a | b skipped(needs-not-succeeded) c skipped(needs-not-succeeded) 1 failure",
    );
    let diamond = jobs(&[("a", "", ""), ("b", "a", ""), ("c", "a", ""), ("d", "b, c", "")]);
    check(&diamond, "new a=ok c=ok b=ok d=ok", "+a | +b +c |  | +d | 1 success");
}

#[test]
fn success_asks_all_ancestors() {
    // A fails, B runs anyway and succeeds, C needs only B: GitHub skips C, for success() is about
    // every ancestor.
    let transitive = jobs(&[("a", "", ""), ("b", "a", "if: always()"), ("c", "b", "")]);
    check(&transitive, "new a=failed b=ok", "+a | +b | c skipped(needs-not-succeeded) 1 failure");
    let failure = jobs(&[("a", "", ""), ("b", "a", "if: failure()"), ("c", "a", "if: success()")]);
    check(&failure, "new a=failed b=ok", "+a | +b c skipped(condition-false) | 1 failure");
    check(&failure, "new a=ok c=ok", "+a | b skipped(condition-false) +c | 1 success");
    let skipped = jobs(&[("a", "", "if: false"), ("b", "a", ""), ("c", "a", "if: always()")]);
    check(
        &skipped,
        "new c=ok",
        "a skipped(condition-false) b skipped(needs-not-succeeded) +c | 1 success",
    );
    let nothing = jobs(&[("a", "", "if: github.event_name == 'pull_request'")]);
    check(&nothing, "new", "a skipped(condition-false) 1 skipped");
}

#[test]
fn results_and_outputs_are_seen() {
    let result = jobs(&[
        ("a", "", "continue-on-error: true"),
        ("b", "a", "if: needs.a.result == 'success' && needs.a.outputs.list != ''"),
    ]);
    check(&result, "new a=failed b=ok", "+a | +b | 1 success");
    let broken = jobs(&[("a", "", ""), ("b", "a", "if: fromJSON(needs.a.outputs.nothing)")]);
    check(&broken, "new a=ok", "+a | b failure(invalid-expression) 1 failure");
}

#[test]
fn a_matrix_is_expanded() {
    let matrix =
        jobs(&[("a", "", "strategy: {matrix: {v: [1, 2], exclude: [{v: 2}], include: [{w: 3}]}}")]);
    check(&matrix, "new a.0=ok", "+a.0 | 1 success");
    let dynamic = jobs(&[
        ("a", "", ""),
        ("b", "a", "strategy: {matrix: {v: \"${{ fromJSON(needs.a.outputs.list) }}\"}}"),
        ("c", "b", ""),
    ]);
    check(&dynamic, "new a=ok b.0=ok b.1=ok c=ok", "+a | +b.0 +b.1 |  | +c | 1 success");
    let empty = jobs(&[("a", "", "strategy: {matrix: {v: \"${{ fromJSON('[]') }}\"}}")]);
    check(&empty, "new", "a failure(invalid-job) 1 failure");
}

#[test]
fn a_failure_ends_its_matrix() {
    let fast = jobs(&[("a", "", "strategy: {matrix: {v: [1, 2, 3]}, max-parallel: 2}")]);
    check(
        &fast,
        "new a.0=failed a.1=cancelled",
        "+a.0 +a.1 a.2 waits(max-parallel) | xa.1(fail-fast) a.2 cancelled(fail-fast) | 1 failure",
    );
    check(
        &fast,
        "new a.1=ok a.0=ok a.2=ok",
        "+a.0 +a.1 a.2 waits(max-parallel) | +a.2 |  | 1 success",
    );
    let slow = jobs(&[("a", "", "strategy: {fail-fast: false, matrix: {v: [1, 2]}}")]);
    check(&slow, "new a.0=failed a.1=ok", "+a.0 +a.1 |  | 1 failure");
    let tolerant = jobs(&[(
        "a",
        "",
        "continue-on-error: ${{ matrix.v == 1 }}\nstrategy: {matrix: {v: [1, 2]}}",
    )]);
    check(&tolerant, "new a.0=failed a.1=ok", "+a.0 +a.1 |  | 1 success");
}

#[test]
fn a_run_is_cancelled() {
    let text = jobs(&[("a", "", ""), ("b", "a", ""), ("c", "a", "if: always()")]);
    check(
        &text,
        "new cancel a=cancelled c=ok",
        "+a | xa(cancelled) | b cancelled(cancelled) +c | 1 cancelled",
    );
    check(&text, "new cancel cancel", "+a | xa(cancelled) | ");
}

#[test]
fn groups_let_one_run_and_one_wait() {
    let text = format!("concurrency: Deploy\n{}", jobs(&[("a", "", "")]));
    check(
        &text,
        "new 2:new 3:new 1:a=ok 3:a=ok",
        "+a | 2 waits(concurrency-group) | 3 waits(concurrency-group) a cancelled(cancelled) 2 \
         cancelled | 1 success +a | 3 success",
    );
    let text = text.replace("Deploy", "{group: deploy, cancel-in-progress: true}");
    check(
        &text,
        "new 2:new 1:a=cancelled 2:a=ok",
        "+a | 2 waits(concurrency-group) xa(cancelled) | 1 cancelled +a | 2 success",
    );
    let text = jobs(&[("a", "", "concurrency: one"), ("b", "", "concurrency: ONE")]);
    check(&text, "new a=ok b=ok", "+a b waits(concurrency-group) | +b | 1 success");
}

#[test]
fn a_restart_takes_up_what_was_there() {
    let text = jobs(&[("a", "", ""), ("b", "a", "")]);
    check(&text, "new restart a=ok b=ok", "+a | +a | +b | 1 success");
    check(&text, "new a~started restart a~started a=ok b=ok", "+a |  | +a |  | +b | 1 success");
    check(
        &text,
        "new a~started restart a~started restart",
        "+a |  | +a |  | b skipped(needs-not-succeeded) 1 failure",
    );
    check(
        &text,
        "new a~started cancel restart",
        "+a |  | xa(cancelled) | b cancelled(cancelled) 1 cancelled",
    );
    let text = format!("concurrency: deploy\n{}", jobs(&[("a", "", "")]));
    check(
        &text,
        "new 2:new restart 1:a=ok 2:a=ok",
        "+a | 2 waits(concurrency-group) | +a | 1 success +a | 2 success",
    );
}

#[test]
fn a_rerun_keeps_what_succeeded() {
    let text = jobs(&[("a", "", ""), ("b", "", ""), ("c", "b", ""), ("d", "a", "")]);
    let first = "new a=ok b=failed d=ok";
    check(
        &text,
        &format!("{first} rerun-failed b=ok c=ok"),
        "+a +b | +d | c skipped(needs-not-succeeded) | 1 failure | +b | +c | 1 success",
    );
    check(
        &text,
        &format!("{first} rerun"),
        "+a +b | +d | c skipped(needs-not-succeeded) | 1 failure | +a +b",
    );
    let matrix =
        jobs(&[("a", "", "strategy: {fail-fast: false, matrix: {v: [1, 2]}}"), ("b", "a", "")]);
    check(
        &matrix,
        "new a.0=ok a.1=failed rerun-failed a.1=ok b=ok",
        "+a.0 +a.1 |  | b skipped(needs-not-succeeded) 1 failure | +a.1 | +b | 1 success",
    );
}

#[test]
fn late_answers_change_nothing() {
    let text = jobs(&[("a", "", ""), ("b", "a", "")]);
    check(&text, "new a=ok a=failed b=ok", "+a | +b |  | 1 success");
}

/// Whatever the moment of a restart, the run that goes on ends like the one that was left alone.
#[test]
fn a_restart_at_any_moment_ends_the_same() {
    let text = jobs(&[
        ("a", "", ""),
        ("b", "a", "strategy: {matrix: {v: [1, 2, 3]}, max-parallel: 1}"),
        ("c", "b", "concurrency: one"),
    ]);
    let script = ["new", "a=ok", "b.0=ok", "b.1=ok", "b.2=ok", "c=ok"];
    for restart in 1..script.len() {
        let mut world = World::new(&text);
        for (index, word) in script.iter().enumerate() {
            if index == restart {
                world.act("restart");
            }
            world.act(word);
        }
        let view = world.view();
        let record = &view.runs[&RunId(1)];
        assert_eq!(record.conclusion(), Some(Conclusion::Success), "restart before {restart}");
        let ended = JobState::Ended { conclusion: Conclusion::Success };
        assert!(record.current().jobs.iter().all(|job| job.state == ended));
        assert_eq!(record.current().jobs.len(), 5);
    }
}
