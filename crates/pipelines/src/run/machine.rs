//! One run: which of its jobs may start, which are skipped and why, and when it is over.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::{RunId, Timestamp};

use super::calls::CallEnd;
use super::decide::{GroupClaim, JobAgain, JobDecision, RunFacts};
use super::job::JobEnd;
use super::plan::{JobPlan, ServerContext};
use super::reasons::{CancelReason, EndReason, WaitReason};
use crate::facts::{Conclusion, JobKey, PipelineFact};
use crate::view::{JobRecord, JobState, RunRecord};
use crate::workflow::model::Workflow;

/// What a run knows of the server, besides its own facts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunSettings {
    /// The `vars` context.
    pub variables: BTreeMap<String, String>,
    /// What the server is called.
    pub server: ServerContext,
}

/// One run and all that is known of it.
#[derive(Debug, Clone)]
pub struct Run {
    pub(super) workflow: Arc<Workflow>,
    pub(super) record: RunRecord,
    pub(super) settings: RunSettings,
    /// The groups that were asked for, so that each is asked for once.
    claimed: BTreeMap<Option<JobKey>, String>,
    /// Why a job was told to stop; what it then reports is less precise.
    stopping: BTreeMap<JobKey, EndReason>,
    begun: bool,
    effects: Vec<RunEffect>,
}

/// Everything that can happen to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// It begins.
    Created,
    /// The server has started again; nothing of this run is running.
    Restored,
    /// The run (or the job) has its concurrency group.
    ConcurrencyGranted {
        /// The job; absent for the whole run.
        job: Option<JobKey>,
    },
    /// Another one holds the concurrency group.
    ConcurrencyHeld {
        /// The job; absent for the whole run.
        job: Option<JobKey>,
        /// Who holds it.
        holder: RunId,
        /// The holder's job; absent when the whole run holds it.
        holder_job: Option<JobKey>,
    },
    /// The job asks for a group that its own run holds, or a job that calls it: it would wait for ever.
    ConcurrencyHeldAbove {
        /// The job.
        job: JobKey,
        /// The job that holds it; absent when the whole run does.
        holder_job: Option<JobKey>,
    },
    /// A newer claim of the same group took a job's place.
    JobSuperseded {
        /// The job.
        job: JobKey,
        /// The newer run.
        by: RunId,
    },
    /// The runner began a job.
    JobStarted {
        /// The attempt that it belongs to.
        attempt: u32,
        /// The job.
        job: JobKey,
    },
    /// A job ended.
    JobEnded {
        /// The attempt that it belongs to.
        attempt: u32,
        /// The job.
        job: JobKey,
        /// How.
        end: JobEnd,
    },
    /// Something else that is only to be kept: the end of a step, an artifact.
    Noted {
        /// The fact.
        fact: PipelineFact,
    },
    /// Somebody wants it to stop.
    CancelRequested {
        /// Why.
        reason: CancelReason,
    },
    /// Somebody wants it again.
    RerunRequested {
        /// True: only what failed and what depends on it.
        failed_only: bool,
    },
    /// Time has passed.
    Tick,
}

/// What is to be done for a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEffect {
    /// Append this to the ledger, before any of the effects after it.
    Record(PipelineFact),
    /// Start a job.
    StartJob(Arc<JobPlan>),
    /// Stop a job.
    CancelJob {
        /// The job.
        job: JobKey,
        /// Why.
        reason: EndReason,
    },
    /// Ask for a concurrency group.
    Claim {
        /// The job; absent for the whole run.
        job: Option<JobKey>,
        /// The group as written.
        group: String,
        /// `cancel-in-progress`.
        cancel_in_progress: bool,
        /// `queue: max`.
        keep_all_pending: bool,
    },
    /// Give a concurrency group up, or the wait for it.
    Release {
        /// The job; absent for the whole run.
        job: Option<JobKey>,
        /// The group.
        group: String,
    },
}

impl Run {
    /// A run from its record: a new one, or one that a restart found.
    #[must_use]
    pub fn new(workflow: Arc<Workflow>, record: RunRecord, settings: RunSettings) -> Self {
        let begun = !record.current().jobs.is_empty();
        let (claimed, stopping) = (BTreeMap::new(), BTreeMap::new());
        Self { workflow, record, settings, claimed, stopping, begun, effects: Vec::new() }
    }

    /// All that is known of it.
    #[must_use]
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// Takes one event. What has no place in the run's state (a late answer, a second cancellation)
    /// changes nothing and gives no effect.
    #[must_use]
    pub fn step(&mut self, event: RunEvent, as_of: Timestamp) -> Vec<RunEffect> {
        match event {
            RunEvent::Created => self.create(as_of),
            RunEvent::Restored => self.restore(as_of),
            RunEvent::ConcurrencyGranted { job } => self.granted(job, as_of),
            RunEvent::ConcurrencyHeld { job, holder, holder_job } => {
                self.held(job, holder, holder_job, as_of);
            }
            RunEvent::ConcurrencyHeldAbove { job, holder_job } => {
                self.held_above(&job, holder_job.as_ref(), as_of);
            }
            RunEvent::JobSuperseded { job, by } => self.supersede(&job, by, as_of),
            RunEvent::JobStarted { attempt, job } => {
                if self.state(attempt, &job) == Some(&JobState::Queued) {
                    let run = self.record.run;
                    self.note(PipelineFact::JobStarted { run, attempt, job }, as_of);
                }
            }
            RunEvent::JobEnded { attempt, job, end } => {
                if matches!(self.state(attempt, &job), Some(JobState::Queued | JobState::Running)) {
                    self.job_ended(&job, end, as_of);
                }
            }
            RunEvent::Noted { fact } => self.note(fact, as_of),
            RunEvent::CancelRequested { reason } => self.cancel(reason, as_of),
            RunEvent::RerunRequested { failed_only } => self.rerun(failed_only, as_of),
            RunEvent::Tick => self.tick(as_of),
        }
        self.advance(as_of);
        std::mem::take(&mut self.effects)
    }

    fn state(&self, attempt: u32, job: &JobKey) -> Option<&JobState> {
        let current = self.record.current().attempt == attempt;
        self.record.job(job).filter(|_| current).map(|job| &job.state)
    }

    fn note(&mut self, fact: PipelineFact, as_of: Timestamp) {
        self.record.apply(&fact, as_of);
        self.effects.push(RunEffect::Record(fact));
    }

    fn create(&mut self, as_of: Timestamp) {
        if self.begun || self.record.conclusion().is_some() {
            return;
        }
        self.begun = true;
        let workflow = Arc::clone(&self.workflow);
        for job in &workflow.jobs {
            let name = job.name.as_ref().and_then(|name| name.literal()).unwrap_or(&job.id);
            self.note_created(&JobKey::new(&job.id, None), name.to_owned(), as_of);
        }
        match self.facts().run_concurrency() {
            Ok(Some(claim)) => self.claim(None, claim),
            Ok(None) => {}
            Err(reason) => self.end_all(&reason, as_of),
        }
    }

    fn note_created(&mut self, job: &JobKey, name: String, as_of: Timestamp) {
        let (run, attempt) = (self.record.run, self.record.current().attempt);
        let (parent, job) = (job.parent(), job.clone());
        let needs = self.facts().job(&job).map(|job| job.needs.as_slice()).unwrap_or_default();
        let needs = needs.iter().map(|need| JobKey::below(parent.as_ref(), need, None).to_string());
        let (needs, matrix, environment) = (needs.collect(), serde_json::Value::Null, None);
        let fact = PipelineFact::JobCreated { run, attempt, job, name, matrix, environment, needs };
        self.note(fact, as_of);
    }

    fn claim(&mut self, job: Option<JobKey>, claim: GroupClaim) {
        let GroupClaim { group, cancel_in_progress, keep_all_pending } = claim;
        self.claimed.insert(job.clone(), group.clone());
        self.effects.push(RunEffect::Claim { job, group, cancel_in_progress, keep_all_pending });
    }

    fn release(&mut self, job: Option<JobKey>) {
        if let Some(group) = self.claimed.remove(&job) {
            self.effects.push(RunEffect::Release { job, group });
        }
    }

    fn granted(&mut self, job: Option<JobKey>, as_of: Timestamp) {
        let Some(group) = self.claimed.get(&job) else { return };
        let (run, group) = (self.record.run, group.to_lowercase());
        self.note(PipelineFact::ConcurrencyGranted { run, job, group }, as_of);
    }

    fn held(
        &mut self,
        job: Option<JobKey>,
        holder: RunId,
        holder_job: Option<JobKey>,
        as_of: Timestamp,
    ) {
        let Some(group) = self.claimed.get(&job).cloned() else { return };
        let (run, attempt) = (self.record.run, self.record.current().attempt);
        let reason = WaitReason::ConcurrencyGroup { group, holder, holder_job };
        let fact = match job {
            None => PipelineFact::RunWaiting { run, reason },
            Some(job) => PipelineFact::JobWaiting { run, attempt, job, reason },
        };
        self.note(fact, as_of);
    }

    /// The holder gives the group up only after this job has ended.
    fn held_above(&mut self, job: &JobKey, holder_job: Option<&JobKey>, as_of: Timestamp) {
        let waits = |record: &JobRecord| matches!(record.state, JobState::Waiting { .. });
        if !self.record.job(job).is_some_and(waits) {
            return;
        }
        let Some(group) = self.claimed.get(&Some(job.clone())) else { return };
        let holder = match holder_job {
            None => "its own run".to_owned(),
            Some(caller) => format!("the job {caller}, which calls it,"),
        };
        let message = format!(
            "it would wait for ever for the concurrency group `{group}`: {holder} holds that group \
             until this job has ended; give one of the two another group"
        );
        self.end(job, Conclusion::Failure, Some(EndReason::InvalidJob { message }), as_of);
    }

    fn supersede(&mut self, job: &JobKey, by: RunId, as_of: Timestamp) {
        let group = self.claimed.get(&Some(job.clone())).cloned().unwrap_or_default();
        let reason = EndReason::Cancelled { reason: CancelReason::Superseded { group, by } };
        self.stop(job, reason, as_of);
    }

    /// Ends a job that waits, or tells the runner to.
    fn stop(&mut self, job: &JobKey, reason: EndReason, as_of: Timestamp) {
        match self.record.job(job).map(|record| &record.state) {
            Some(JobState::Waiting { .. }) => {
                self.end(job, Conclusion::Cancelled, Some(reason), as_of);
            }
            Some(JobState::Queued | JobState::Running) if self.facts().called(job).is_some() => {
                self.stopping.entry(job.clone()).or_insert(reason.clone());
                let below: Vec<_> =
                    self.record.jobs_below(Some(job)).map(|job| job.key.clone()).collect();
                for job in below {
                    self.stop(&job, reason.clone(), as_of);
                }
            }
            Some(JobState::Queued | JobState::Running) => {
                if !self.stopping.contains_key(job) {
                    self.stopping.insert(job.clone(), reason.clone());
                    self.effects.push(RunEffect::CancelJob { job: job.clone(), reason });
                }
            }
            Some(JobState::Ended { .. }) | None => {}
        }
    }

    /// Ends a job that never ran.
    fn end(
        &mut self,
        job: &JobKey,
        conclusion: Conclusion,
        reason: Option<EndReason>,
        as_of: Timestamp,
    ) {
        let (outputs, annotations) = (BTreeMap::new(), Vec::new());
        self.job_ended(job, JobEnd { conclusion, reason, outputs, annotations }, as_of);
    }

    fn job_ended(&mut self, key: &JobKey, end: JobEnd, as_of: Timestamp) {
        let (run, attempt, job) = (self.record.run, self.record.current().attempt, key.clone());
        let JobEnd { conclusion, mut reason, outputs, annotations } = end;
        if let Some(told) = self.stopping.remove(key)
            && conclusion == Conclusion::Cancelled
        {
            reason = Some(told);
        }
        let failed = conclusion == Conclusion::Failure;
        let tolerated = failed && self.facts().tolerates_failure(key);
        let fact = PipelineFact::JobEnded {
            run,
            attempt,
            job,
            conclusion,
            reason,
            outputs,
            annotations,
            tolerated,
        };
        self.note(fact, as_of);
        self.release(Some(key.clone()));
        if failed && !tolerated && self.facts().fail_fast(key) {
            let parent = key.parent();
            let others = self.record.jobs_of(parent.as_ref(), key.job());
            let others: Vec<_> = others.map(|job| job.key.clone()).collect();
            for other in others {
                self.stop(&other, EndReason::FailFast { failed: key.clone() }, as_of);
            }
        }
    }

    fn cancel(&mut self, reason: CancelReason, as_of: Timestamp) {
        if self.record.cancel.is_some() || self.record.conclusion().is_some() {
            return;
        }
        let run = self.record.run;
        self.note(PipelineFact::RunCancelRequested { run, reason: reason.clone() }, as_of);
        let reason = EndReason::Cancelled { reason };
        if self.waits_for_group() {
            self.end_all(&reason, as_of);
            return;
        }
        for job in self.keys(|record| match &record.state {
            JobState::Waiting { reason: WaitReason::Needs { .. } } | JobState::Ended { .. } => {
                false
            }
            JobState::Waiting { .. } => true,
            // The jobs of a called workflow are stopped one by one: some run even so.
            JobState::Queued | JobState::Running => self.facts().called(&record.key).is_none(),
        }) {
            self.stop(&job, reason.clone(), as_of);
        }
    }

    /// Ends every job that has not started, and with them the run.
    fn end_all(&mut self, reason: &EndReason, as_of: Timestamp) {
        let conclusion = match reason {
            EndReason::Cancelled { .. } => Conclusion::Cancelled,
            EndReason::NeedsNotSucceeded { .. }
            | EndReason::ConditionFalse { .. }
            | EndReason::StepFailed { .. }
            | EndReason::TimedOut { .. }
            | EndReason::FailFast { .. }
            | EndReason::Interrupted
            | EndReason::InvalidExpression { .. }
            | EndReason::InvalidJob { .. }
            | EndReason::CalledJobs { .. }
            | EndReason::NotSupported { .. }
            | EndReason::RunnerProblem { .. } => Conclusion::Failure,
        };
        for job in self.keys(|record| matches!(record.state, JobState::Waiting { .. })) {
            self.end(&job, conclusion, Some(reason.clone()), as_of);
        }
        self.end_run(conclusion, Some(reason.clone()), as_of);
    }

    fn end_run(&mut self, conclusion: Conclusion, reason: Option<EndReason>, as_of: Timestamp) {
        let (run, attempt) = (self.record.run, self.record.current().attempt);
        self.note(PipelineFact::RunEnded { run, attempt, conclusion, reason }, as_of);
        self.release(None);
    }

    /// What ran when the server stopped runs once more; what was queued is given out again.
    fn restore(&mut self, as_of: Timestamp) {
        if self.record.conclusion().is_some() {
            return;
        }
        if !self.begun {
            self.create(as_of);
            return;
        }
        let (run, attempt) = (self.record.run, self.record.current().attempt);
        if let Some(group) = self.record.concurrency.clone() {
            self.claimed.insert(None, group);
        } else if let Some(WaitReason::ConcurrencyGroup { group, .. }) = &self.record.waiting {
            self.claimed.insert(None, group.clone());
        } else if self.record.current().jobs.iter().all(|job| job.queued_at.is_none())
            && let Ok(Some(claim)) = self.facts().run_concurrency()
        {
            // The server stopped between the run's first fact and the answer of the group.
            self.claim(None, claim);
        }
        for job in self.record.current().jobs.clone() {
            if let Some(group) = job.concurrency.clone() {
                self.claimed.insert(Some(job.key.clone()), group);
            }
            if matches!(job.state, JobState::Queued | JobState::Running)
                && self.facts().called(&job.key).is_some()
            {
                if self.record.jobs_below(Some(&job.key)).next().is_none() {
                    self.create_called(&job.key, as_of);
                }
                continue;
            }
            match (&job.state, &self.record.cancel) {
                (JobState::Queued | JobState::Running, Some(reason)) => {
                    let reason = EndReason::Cancelled { reason: reason.clone() };
                    self.end(&job.key, Conclusion::Cancelled, Some(reason), as_of);
                }
                (JobState::Running, None) if job.interruptions > 0 => {
                    let reason = Some(EndReason::Interrupted);
                    self.end(&job.key, Conclusion::Failure, reason, as_of);
                }
                (JobState::Running, None) => {
                    let key = job.key.clone();
                    self.note(PipelineFact::JobInterrupted { run, attempt, job: key }, as_of);
                    self.start(&job.key, as_of);
                }
                (JobState::Queued, None) => self.start(&job.key, as_of),
                (JobState::Waiting { reason: WaitReason::ConcurrencyGroup { group, .. } }, _) => {
                    self.claimed.insert(Some(job.key.clone()), group.clone());
                }
                (JobState::Waiting { .. } | JobState::Ended { .. }, _) => {}
            }
        }
    }

    fn rerun(&mut self, failed_only: bool, as_of: Timestamp) {
        if self.record.conclusion().is_none() {
            return;
        }
        let again = self.facts().jobs_to_rerun(failed_only);
        let (run, attempt) = (self.record.run, self.record.current().attempt + 1);
        self.claimed.clear();
        self.stopping.clear();
        self.note(PipelineFact::RerunRequested { run, attempt, failed_only }, as_of);
        for JobAgain { key: job, name, matrix, environment } in again {
            if job.index().is_none() {
                self.note_created(&job, name, as_of);
                continue;
            }
            let needs = Vec::new();
            let fact =
                PipelineFact::JobCreated { run, attempt, job, name, matrix, environment, needs };
            self.note(fact, as_of);
        }
        match self.facts().run_concurrency() {
            Ok(Some(claim)) => self.claim(None, claim),
            Ok(None) => {}
            Err(reason) => self.end_all(&reason, as_of),
        }
    }

    /// The runner ends a job at its limit; this is for a runner that does not.
    fn tick(&mut self, as_of: Timestamp) {
        for key in self.keys(|record| record.state == JobState::Running) {
            if self.facts().called(&key).is_some() {
                continue;
            }
            let Ok(plan) = self.facts().plan(&key) else { continue };
            let started = self.record.job(&key).and_then(|job| job.started_at).unwrap_or(as_of);
            let minutes = plan.timeout_minutes;
            if as_of.since_ms(started) > i64::from(minutes) * 60_000 {
                self.stop(&key, EndReason::TimedOut { minutes }, as_of);
            }
        }
    }

    fn waits_for_group(&self) -> bool {
        self.claimed.contains_key(&None) && self.record.concurrency.is_none()
    }

    /// Looks at every job until nothing changes, and ends the run when all have ended.
    fn advance(&mut self, as_of: Timestamp) {
        loop {
            if !self.begun || self.record.conclusion().is_some() || self.waits_for_group() {
                return;
            }
            let known = self.record.current().jobs.len();
            let ended = self.keys(|job| job.conclusion().is_some()).len();
            for key in self.keys(|job| match &job.state {
                JobState::Waiting { reason: WaitReason::Needs { .. } } => true,
                JobState::Waiting { reason: WaitReason::MaxParallel { .. } } => true,
                JobState::Waiting { reason: WaitReason::ConcurrencyGroup { .. } } => {
                    job.concurrency.is_some()
                }
                JobState::Waiting { reason: WaitReason::Runner }
                | JobState::Queued
                | JobState::Running
                | JobState::Ended { .. } => false,
            }) {
                self.consider(&key, as_of);
            }
            for key in self.keys(|job| job.state == JobState::Running) {
                self.end_call(&key, as_of);
            }
            let jobs = self.record.current().jobs.len();
            let ended_now = self.keys(|job| job.conclusion().is_some()).len();
            if ended_now == jobs {
                let conclusion = self.facts().conclusion();
                self.end_run(conclusion, None, as_of);
            }
            // What ended without running, and what was called, lets others be decided.
            if ended_now == ended && jobs == known {
                return;
            }
        }
    }

    fn consider(&mut self, key: &JobKey, as_of: Timestamp) {
        let undecided = self.record.job(key).is_some_and(|job| {
            let needs = matches!(job.state, JobState::Waiting { reason: WaitReason::Needs { .. } });
            needs && key.index().is_none()
        });
        if !undecided {
            self.try_start(key, as_of);
        } else if self.facts().needs_ended(key) {
            self.decide(key, as_of);
        }
    }

    fn decide(&mut self, key: &JobKey, as_of: Timestamp) {
        match self.facts().decide(key) {
            JobDecision::End { conclusion, reason } => {
                self.end(key, conclusion, Some(reason), as_of);
            }
            JobDecision::Run { jobs } => {
                let (run, attempt) = (self.record.run, self.record.current().attempt);
                for created in &jobs {
                    let JobAgain { key: job, name, matrix, environment } = created.clone();
                    let same = self.record.job(&job).is_some_and(|record| {
                        record.name == name
                            && record.environment == environment
                            && record.matrix == matrix
                    });
                    if !same {
                        let needs = Vec::new();
                        let fact = PipelineFact::JobCreated {
                            run,
                            attempt,
                            job,
                            name,
                            matrix,
                            environment,
                            needs,
                        };
                        self.note(fact, as_of);
                    }
                }
                for created in jobs {
                    self.try_start(&created.key, as_of);
                }
            }
        }
    }

    fn try_start(&mut self, key: &JobKey, as_of: Timestamp) {
        let Some(record) = self.record.job(key) else { return };
        // The failure of another job of the matrix may have ended it since it was to be started.
        if !matches!(record.state, JobState::Waiting { .. }) {
            return;
        }
        if record.concurrency.is_none() {
            let claimed = self.claimed.contains_key(&Some(key.clone()));
            match self.facts().job_concurrency(key) {
                Ok(Some(_)) if claimed => return,
                Ok(Some(claim)) => return self.claim(Some(key.clone()), claim),
                Ok(None) => {}
                Err(reason) => return self.end(key, Conclusion::Failure, Some(reason), as_of),
            }
        }
        let waiting = record.state.clone();
        if let Some(limit) = self.facts().parallel_limit_reached(key) {
            let reason = WaitReason::MaxParallel { limit };
            if waiting != (JobState::Waiting { reason: reason.clone() }) {
                let (run, attempt) = (self.record.run, self.record.current().attempt);
                let job = key.clone();
                self.note(PipelineFact::JobWaiting { run, attempt, job, reason }, as_of);
            }
            return;
        }
        self.start(key, as_of);
    }

    /// A job that calls a workflow runs as long as the jobs of that workflow do.
    fn start_call(&mut self, key: &JobKey, as_of: Timestamp) {
        if let Err(reason) = self.facts().call_inputs(key) {
            return self.end(key, Conclusion::Failure, Some(reason), as_of);
        }
        let called = self.facts().called(key).map_or(0, |called| called.jobs.len());
        if let Err(reason) = self.facts().room_for(called) {
            return self.end(key, Conclusion::Failure, Some(reason), as_of);
        }
        let (run, attempt) = (self.record.run, self.record.current().attempt);
        let job = key.clone();
        self.note(PipelineFact::JobQueued { run, attempt, job: job.clone() }, as_of);
        self.note(PipelineFact::JobStarted { run, attempt, job }, as_of);
        self.create_called(key, as_of);
    }

    fn create_called(&mut self, key: &JobKey, as_of: Timestamp) {
        let Some(called) = self.facts().called(key).map(Arc::clone) else { return };
        for job in &called.jobs {
            let name = job.name.as_ref().and_then(|name| name.literal()).unwrap_or(&job.id);
            let name = self.facts().full_name(Some(key), name);
            self.note_created(&JobKey::below(Some(key), &job.id, None), name, as_of);
        }
    }

    fn end_call(&mut self, key: &JobKey, as_of: Timestamp) {
        let Some(end) = self.facts().call_end(key) else { return };
        let CallEnd { conclusion, reason, outputs } = end;
        let end = JobEnd { conclusion, reason, outputs, annotations: Vec::new() };
        self.job_ended(key, end, as_of);
    }

    fn start(&mut self, key: &JobKey, as_of: Timestamp) {
        if self.facts().called(key).is_some() {
            return self.start_call(key, as_of);
        }
        match self.facts().plan(key) {
            Ok(plan) => {
                let (run, attempt) = (self.record.run, self.record.current().attempt);
                if self.record.job(key).is_some_and(|job| job.state != JobState::Queued) {
                    let job = key.clone();
                    self.note(PipelineFact::JobQueued { run, attempt, job }, as_of);
                }
                self.effects.push(RunEffect::StartJob(Arc::new(plan)));
            }
            Err(reason) => self.end(key, Conclusion::Failure, Some(reason), as_of),
        }
    }

    fn keys(&self, wanted: impl Fn(&JobRecord) -> bool) -> Vec<JobKey> {
        let jobs = self.record.current().jobs.iter();
        jobs.filter(|job| wanted(job)).map(|job| job.key.clone()).collect()
    }

    fn facts(&self) -> RunFacts<'_> {
        RunFacts { workflow: &self.workflow, record: &self.record, settings: &self.settings }
    }
}
