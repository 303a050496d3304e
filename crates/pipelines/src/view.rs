//! The state of runs, folded from facts: what the API shows and what a run is restored from.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{
    ArtifactDigest, CommitId, Fact, RepositoryName, RunId, Sequence, Timestamp, View, decode,
};
use serde::{Deserialize, Serialize};

use crate::facts::{Annotation, Conclusion, JobKey, PipelineFact, PublishedKind, RunSource};
use crate::gate::GateKey;
use crate::run::reasons::{CancelReason, EndReason, WaitReason};

/// Every run of the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PipelinesView {
    /// Runs by id.
    pub runs: BTreeMap<RunId, RunRecord>,
    /// The runs of each repository, oldest first.
    pub by_repository: BTreeMap<RepositoryName, Vec<RunId>>,
    /// What was published, by digest, oldest first.
    pub published: BTreeMap<ArtifactDigest, Vec<PublishedArtifact>>,
    /// Gates by repository, name and key.
    pub gates: BTreeMap<RepositoryName, BTreeMap<String, BTreeMap<GateKey, GateResult>>>,
    /// The run number that each workflow of each repository reached.
    pub numbers: BTreeMap<RepositoryName, BTreeMap<String, u64>>,
}

/// One run with all its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its id.
    pub run: RunId,
    /// Where it comes from.
    pub source: RunSource,
    /// When it was created.
    pub created_at: Timestamp,
    /// What the whole run waits for, before any of its jobs may start.
    pub waiting: Option<WaitReason>,
    /// The concurrency group that the whole run holds, lower case.
    pub concurrency: Option<String>,
    /// Why it is to stop; cleared by a re-run.
    pub cancel: Option<CancelReason>,
    /// Its attempts, oldest first; never empty.
    pub attempts: Vec<AttemptRecord>,
    /// Files that jobs stored, by name; the newest attempt's win.
    pub artifacts: BTreeMap<String, UploadedArtifact>,
    /// What jobs published.
    pub published: BTreeSet<ArtifactDigest>,
}

/// One attempt of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// From 1.
    pub attempt: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Its jobs in the order in which they became known.
    pub jobs: Vec<JobRecord>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// Why it ended without running its jobs.
    pub reason: Option<EndReason>,
}

/// One job of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Its key; logs are found by it.
    pub key: JobKey,
    /// Its name as people see it.
    pub name: String,
    /// Its combination of the matrix; null without one.
    pub matrix: serde_json::Value,
    /// The ids of the jobs that it needs.
    pub needs: Vec<String>,
    /// The environment that it deploys to.
    pub environment: Option<String>,
    /// The attempt that it ran in: an earlier one when a re-run kept its result.
    pub attempt: u32,
    /// Where it is.
    pub state: JobState,
    /// The concurrency group that it holds, lower case.
    pub concurrency: Option<String>,
    /// How often the server stopped while it ran.
    pub interruptions: u32,
    /// When it was given to the runner.
    pub queued_at: Option<Timestamp>,
    /// When the runner started it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its steps that ended, in order.
    pub steps: Vec<StepRecord>,
    /// Why it ended as it did.
    pub reason: Option<EndReason>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// What its steps remarked.
    pub annotations: Vec<Annotation>,
    /// True when its failure does not fail the run.
    pub tolerated: bool,
}

/// Where a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// It may not start yet.
    Waiting {
        /// Why.
        reason: WaitReason,
    },
    /// The runner has it.
    Queued,
    /// It runs.
    Running,
    /// It ended.
    Ended {
        /// How.
        conclusion: Conclusion,
    },
}

/// One step that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its place in the job, from 0.
    pub step: u32,
    /// Its name as people see it.
    pub name: String,
    /// Its result after `continue-on-error`.
    pub conclusion: Conclusion,
    /// Its result before `continue-on-error`.
    pub outcome: Conclusion,
    /// How long it ran.
    pub duration_ms: u64,
}

/// Files that a job stored for later jobs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedArtifact {
    /// Their content.
    pub digest: ArtifactDigest,
    /// Their size.
    pub size_bytes: u64,
    /// The attempt that stored them.
    pub attempt: u32,
}

/// An image or artifact in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedArtifact {
    /// The repository whose run published it.
    pub repository: RepositoryName,
    /// Its name below the repository's.
    pub name: String,
    /// Image or artifact.
    pub published: PublishedKind,
    /// The run.
    pub run: RunId,
    /// The job.
    pub job: JobKey,
    /// The commit that it was built from.
    pub commit: CommitId,
    /// When.
    pub at: Timestamp,
    /// The fact, for tracing.
    pub sequence: Sequence,
}

/// The newest answer of a gate for one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateResult {
    /// Whether it passed.
    pub passed: bool,
    /// The run that decided it.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
}

impl View for PipelinesView {
    fn apply(&mut self, fact: &Fact) {
        let Some(pipeline_fact) = decode::<PipelineFact>(fact) else { return };
        if let PipelineFact::RunCreated { run, source } = &pipeline_fact {
            self.create(*run, source, fact.at);
        } else if let Some(record) = self.runs.get_mut(&pipeline_fact.run()) {
            record.apply(&pipeline_fact, fact.at);
        }
        self.index(pipeline_fact, fact);
    }
}

impl PipelinesView {
    /// The id that the next run gets.
    #[must_use]
    pub fn next_run(&self) -> RunId {
        RunId(self.runs.last_key_value().map_or(0, |(run, _)| run.0) + 1)
    }

    /// The number that the next run of a workflow gets, from 1.
    #[must_use]
    pub fn next_number(&self, repository: &RepositoryName, workflow: &str) -> u64 {
        self.numbers.get(repository).and_then(|of| of.get(workflow)).copied().unwrap_or(0) + 1
    }

    /// The runs that have not ended, oldest first.
    pub fn unfinished(&self) -> impl Iterator<Item = &RunRecord> {
        self.runs.values().filter(|record| record.conclusion().is_none())
    }

    /// The newest answer of a gate for a key.
    #[must_use]
    pub fn gate(
        &self,
        repository: &RepositoryName,
        gate: &str,
        key: &GateKey,
    ) -> Option<&GateResult> {
        self.gates.get(repository)?.get(gate)?.get(key)
    }

    fn create(&mut self, run: RunId, source: &RunSource, at: Timestamp) {
        self.by_repository.entry(source.repository.clone()).or_default().push(run);
        let numbers = self.numbers.entry(source.repository.clone()).or_default();
        let reached = numbers.entry(source.workflow.clone()).or_default();
        *reached = source.number.max(*reached);
        self.runs.insert(run, RunRecord::new(run, source.clone(), at));
    }

    fn index(&mut self, pipeline_fact: PipelineFact, fact: &Fact) {
        match pipeline_fact {
            PipelineFact::ArtifactPublished {
                run,
                job,
                repository,
                name,
                published,
                digest,
                commit,
                ..
            } => {
                let (at, sequence) = (fact.at, fact.sequence);
                self.published.entry(digest).or_default().push(PublishedArtifact {
                    repository,
                    name,
                    published,
                    run,
                    job,
                    commit,
                    at,
                    sequence,
                });
            }
            PipelineFact::GatePassed { repository, gate, key, run } => {
                self.set_gate(repository, gate, key, GateResult { passed: true, run, at: fact.at });
            }
            PipelineFact::GateFailed { repository, gate, key, run } => {
                self.set_gate(
                    repository,
                    gate,
                    key,
                    GateResult { passed: false, run, at: fact.at },
                );
            }
            PipelineFact::RunCreated { .. }
            | PipelineFact::RunWaiting { .. }
            | PipelineFact::ConcurrencyGranted { .. }
            | PipelineFact::JobCreated { .. }
            | PipelineFact::JobWaiting { .. }
            | PipelineFact::JobQueued { .. }
            | PipelineFact::JobStarted { .. }
            | PipelineFact::JobInterrupted { .. }
            | PipelineFact::StepEnded { .. }
            | PipelineFact::JobEnded { .. }
            | PipelineFact::RunCancelRequested { .. }
            | PipelineFact::RunEnded { .. }
            | PipelineFact::RerunRequested { .. }
            | PipelineFact::ArtifactUploaded { .. } => {}
        }
    }

    fn set_gate(
        &mut self,
        repository: RepositoryName,
        gate: String,
        key: GateKey,
        result: GateResult,
    ) {
        self.gates.entry(repository).or_default().entry(gate).or_default().insert(key, result);
    }
}

impl RunRecord {
    /// A run that has done nothing yet.
    #[must_use]
    pub fn new(run: RunId, source: RunSource, at: Timestamp) -> Self {
        Self {
            run,
            source,
            created_at: at,
            waiting: None,
            concurrency: None,
            cancel: None,
            attempts: vec![AttemptRecord::new(1, at, Vec::new())],
            artifacts: BTreeMap::new(),
            published: BTreeSet::new(),
        }
    }

    /// The newest attempt.
    ///
    /// # Panics
    /// Never: a record is made with one attempt and none is removed.
    #[must_use]
    pub fn current(&self) -> &AttemptRecord {
        self.attempts.last().expect("a run has an attempt")
    }

    /// How the newest attempt ended.
    #[must_use]
    pub fn conclusion(&self) -> Option<Conclusion> {
        self.current().conclusion
    }

    /// The newest attempt's job with this key.
    #[must_use]
    pub fn job(&self, key: &JobKey) -> Option<&JobRecord> {
        self.current().jobs.iter().find(|job| job.key == *key)
    }

    /// The newest attempt's jobs of one id, in the run's workflow or in one that the job `parent`
    /// calls: several for a matrix.
    pub fn jobs_of<'a>(
        &'a self,
        parent: Option<&'a JobKey>,
        id: &'a str,
    ) -> impl Iterator<Item = &'a JobRecord> {
        self.jobs_below(parent).filter(move |job| job.key.job().eq_ignore_ascii_case(id))
    }

    /// The newest attempt's jobs of the run's workflow, or of the one that the job `parent` calls.
    pub fn jobs_below<'a>(
        &'a self,
        parent: Option<&'a JobKey>,
    ) -> impl Iterator<Item = &'a JobRecord> {
        self.current().jobs.iter().filter(move |job| job.key.parent().as_ref() == parent)
    }

    /// Takes one fact about this run.
    pub fn apply(&mut self, fact: &PipelineFact, at: Timestamp) {
        match fact {
            PipelineFact::RunWaiting { reason, .. } => self.waiting = Some(reason.clone()),
            PipelineFact::ConcurrencyGranted { job: None, group, .. } => {
                self.waiting = None;
                self.concurrency = Some(group.clone());
            }
            PipelineFact::RunCancelRequested { reason, .. } => self.cancel = Some(reason.clone()),
            PipelineFact::RunEnded { conclusion, reason, .. } => self.end(*conclusion, reason, at),
            PipelineFact::RerunRequested { attempt, failed_only, .. } => {
                self.rerun(*attempt, *failed_only, at);
            }
            PipelineFact::ArtifactUploaded { attempt, name, digest, size_bytes, .. } => {
                let (digest, size_bytes, attempt) = (digest.clone(), *size_bytes, *attempt);
                self.artifacts
                    .insert(name.clone(), UploadedArtifact { digest, size_bytes, attempt });
            }
            PipelineFact::ArtifactPublished { digest, .. } => {
                self.published.insert(digest.clone());
            }
            PipelineFact::JobCreated { attempt, job, name, matrix, environment, needs, .. } => {
                let mut record = JobRecord::new(job, name, matrix, *attempt, needs);
                record.environment.clone_from(environment);
                self.add_job(record);
            }
            PipelineFact::ConcurrencyGranted { job: Some(job), .. }
            | PipelineFact::JobWaiting { job, .. }
            | PipelineFact::JobQueued { job, .. }
            | PipelineFact::JobStarted { job, .. }
            | PipelineFact::JobInterrupted { job, .. }
            | PipelineFact::StepEnded { job, .. }
            | PipelineFact::JobEnded { job, .. } => {
                let jobs = self.attempts.last_mut().map(|attempt| attempt.jobs.iter_mut());
                if let Some(record) = jobs.and_then(|mut jobs| jobs.find(|it| it.key == *job)) {
                    record.apply(fact, at);
                }
            }
            PipelineFact::RunCreated { .. }
            | PipelineFact::GatePassed { .. }
            | PipelineFact::GateFailed { .. } => {}
        }
    }

    fn end(&mut self, conclusion: Conclusion, reason: &Option<EndReason>, at: Timestamp) {
        self.waiting = None;
        self.concurrency = None;
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.ended_at = Some(at);
            attempt.conclusion = Some(conclusion);
            attempt.reason.clone_from(reason);
        }
    }

    /// Combinations of a matrix take the place of the job that they expand, and the other way round
    /// when it is expanded anew; what they called goes with them. The job stays where it was in the
    /// list.
    fn add_job(&mut self, record: JobRecord) {
        let Some(attempt) = self.attempts.last_mut() else { return };
        let parent = record.key.parent();
        let is_same_id = |key: &JobKey| key.job() == record.key.job() && key.parent() == parent;
        let replaced = |key: &JobKey| {
            let whole = key.index().is_none() || record.key.index().is_none();
            *key == record.key || (whole && is_same_id(key))
        };
        let of_same_id = |job: &JobRecord| is_same_id(&job.key);
        let before = attempt.jobs.iter().position(of_same_id).unwrap_or(attempt.jobs.len());
        let gone = |key: &JobKey| replaced(key) || key.callers().any(|caller| replaced(&caller));
        attempt.jobs.retain(|job| !gone(&job.key));
        let siblings = attempt
            .jobs
            .iter()
            .filter(|job| of_same_id(job) && job.key.index() < record.key.index());
        let place = before + siblings.count();
        attempt.jobs.insert(place.min(attempt.jobs.len()), record);
    }

    /// What succeeded or was skipped stays when only failures run again. What depends on a job that
    /// runs again is replaced by the run itself, which knows the workflow, by creating it anew.
    fn rerun(&mut self, attempt: u32, failed_only: bool, at: Timestamp) {
        let kept = |job: &&JobRecord| {
            failed_only
                && matches!(job.conclusion(), Some(Conclusion::Success | Conclusion::Skipped))
        };
        let jobs = self.current().jobs.iter().filter(kept).cloned().collect();
        self.attempts.push(AttemptRecord::new(attempt, at, jobs));
        self.cancel = None;
        self.waiting = None;
    }
}

impl AttemptRecord {
    fn new(attempt: u32, at: Timestamp, jobs: Vec<JobRecord>) -> Self {
        let (ended_at, conclusion, reason) = (None, None, None);
        Self { attempt, created_at: at, jobs, ended_at, conclusion, reason }
    }
}

impl JobRecord {
    fn new(
        key: &JobKey,
        name: &str,
        matrix: &serde_json::Value,
        attempt: u32,
        needs: &[String],
    ) -> Self {
        Self {
            key: key.clone(),
            name: name.to_owned(),
            matrix: matrix.clone(),
            needs: needs.to_vec(),
            environment: None,
            attempt,
            state: JobState::Waiting { reason: WaitReason::Needs { jobs: needs.to_vec() } },
            concurrency: None,
            interruptions: 0,
            queued_at: None,
            started_at: None,
            ended_at: None,
            steps: Vec::new(),
            reason: None,
            outputs: BTreeMap::new(),
            annotations: Vec::new(),
            tolerated: false,
        }
    }

    /// How it ended.
    #[must_use]
    pub fn conclusion(&self) -> Option<Conclusion> {
        match self.state {
            JobState::Ended { conclusion } => Some(conclusion),
            JobState::Waiting { .. } | JobState::Queued | JobState::Running => None,
        }
    }

    /// What jobs that need it see: a tolerated failure counts as success.
    #[must_use]
    pub fn result(&self) -> Option<Conclusion> {
        match self.conclusion() {
            Some(Conclusion::Failure) if self.tolerated => Some(Conclusion::Success),
            conclusion => conclusion,
        }
    }

    fn apply(&mut self, fact: &PipelineFact, at: Timestamp) {
        match fact {
            PipelineFact::JobWaiting { reason, .. } => {
                self.state = JobState::Waiting { reason: reason.clone() };
            }
            PipelineFact::ConcurrencyGranted { group, .. } => {
                self.concurrency = Some(group.clone());
            }
            PipelineFact::JobQueued { .. } => {
                self.state = JobState::Queued;
                self.queued_at = Some(at);
            }
            PipelineFact::JobStarted { .. } => {
                self.state = JobState::Running;
                self.started_at = Some(at);
            }
            PipelineFact::JobInterrupted { .. } => {
                self.interruptions += 1;
                self.steps.clear();
                self.state = JobState::Queued;
            }
            PipelineFact::StepEnded { step, name, conclusion, outcome, duration_ms, .. } => {
                let (step, duration_ms) = (*step, *duration_ms);
                let (conclusion, outcome) = (*conclusion, *outcome);
                let name = name.clone();
                self.steps.push(StepRecord { step, name, conclusion, outcome, duration_ms });
            }
            PipelineFact::JobEnded {
                conclusion, reason, outputs, annotations, tolerated, ..
            } => {
                self.state = JobState::Ended { conclusion: *conclusion };
                self.concurrency = None;
                self.ended_at = Some(at);
                self.reason.clone_from(reason);
                self.outputs.clone_from(outputs);
                self.annotations.clone_from(annotations);
                self.tolerated = *tolerated;
            }
            PipelineFact::RunCreated { .. }
            | PipelineFact::RunWaiting { .. }
            | PipelineFact::JobCreated { .. }
            | PipelineFact::RunCancelRequested { .. }
            | PipelineFact::RunEnded { .. }
            | PipelineFact::RerunRequested { .. }
            | PipelineFact::ArtifactUploaded { .. }
            | PipelineFact::ArtifactPublished { .. }
            | PipelineFact::GatePassed { .. }
            | PipelineFact::GateFailed { .. } => {}
        }
    }
}
