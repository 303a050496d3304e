//! All runs that have not ended: gives each event to its run and settles who holds which group.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ledger::{RunId, Timestamp};

use super::concurrency::{Claim, Claimant, Groups};
use super::machine::{Run, RunEffect, RunEvent, RunSettings};
use super::plan::JobPlan;
use super::reasons::{CancelReason, EndReason, WaitReason};
use crate::facts::{JobKey, PipelineFact, RunSource};
use crate::view::{JobState, RunRecord};
use crate::workflow::model::Workflow;

/// The runs that have not ended, and the groups that they hold. It is rebuilt from the view by
/// [`Scheduler::restore`].
#[derive(Debug, Clone, Default)]
pub struct Scheduler {
    runs: BTreeMap<RunId, Run>,
    groups: Groups,
}

/// What is to be done, in this order: what is recorded comes before what is done because of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Append this to the ledger.
    Record(PipelineFact),
    /// Start a job; starting one that runs already changes nothing.
    StartJob(Arc<JobPlan>),
    /// Stop a job.
    CancelJob {
        /// The run.
        run: RunId,
        /// Its attempt.
        attempt: u32,
        /// The job.
        job: JobKey,
        /// Why.
        reason: EndReason,
    },
}

impl Scheduler {
    /// A new run begins. Its first fact is among the effects.
    #[must_use]
    pub fn create(
        &mut self,
        run: RunId,
        source: RunSource,
        workflow: Arc<Workflow>,
        settings: RunSettings,
        as_of: Timestamp,
    ) -> Vec<Effect> {
        let record = RunRecord::new(run, source.clone(), as_of);
        self.runs.insert(run, Run::new(workflow, record, settings));
        let mut effects = vec![Effect::Record(PipelineFact::RunCreated { run, source })];
        effects.extend(self.step(run, RunEvent::Created, as_of));
        effects
    }

    /// Takes up the runs that had not ended when the server stopped, oldest first.
    #[must_use]
    pub fn restore(
        &mut self,
        runs: Vec<(RunRecord, Arc<Workflow>, RunSettings)>,
        as_of: Timestamp,
    ) -> Vec<Effect> {
        for (record, _, _) in &runs {
            self.restore_held(record);
        }
        for (record, _, _) in &runs {
            self.restore_pending(record);
        }
        let ids: Vec<_> = runs.iter().map(|(record, _, _)| record.run).collect();
        for (record, workflow, settings) in runs {
            self.runs.insert(record.run, Run::new(workflow, record, settings));
        }
        let mut effects = Vec::new();
        for run in ids {
            effects.extend(self.step(run, RunEvent::Restored, as_of));
            effects.extend(self.grant_held(run, as_of));
        }
        effects
    }

    /// A run that has ended begins again with a new attempt.
    #[must_use]
    pub fn rerun(
        &mut self,
        record: RunRecord,
        workflow: Arc<Workflow>,
        settings: RunSettings,
        failed_only: bool,
        as_of: Timestamp,
    ) -> Vec<Effect> {
        let run = record.run;
        self.runs.entry(run).or_insert_with(|| Run::new(workflow, record, settings));
        self.step(run, RunEvent::RerunRequested { failed_only }, as_of)
    }

    /// Gives an event to a run. A run that has ended or never was has no answer.
    #[must_use]
    pub fn step(&mut self, run: RunId, event: RunEvent, as_of: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut events = VecDeque::from([(run, event)]);
        while let Some((run, event)) = events.pop_front() {
            let Some(machine) = self.runs.get_mut(&run) else { continue };
            let stepped = machine.step(event, as_of);
            let repository = machine.record().source.repository.clone();
            let attempt = machine.record().current().attempt;
            let ended = machine.record().conclusion().is_some();
            for effect in stepped {
                match effect {
                    RunEffect::Record(fact) => effects.push(Effect::Record(fact)),
                    RunEffect::StartJob(plan) => effects.push(Effect::StartJob(plan)),
                    RunEffect::CancelJob { job, reason } => {
                        effects.push(Effect::CancelJob { run, attempt, job, reason });
                    }
                    RunEffect::Claim { job, group, cancel_in_progress, keep_all_pending } => {
                        let (repository, claimant) = (repository.clone(), Claimant { run, job });
                        events.extend(self.claim(Claim {
                            repository,
                            group,
                            claimant,
                            cancel_in_progress,
                            keep_all_pending,
                        }));
                    }
                    RunEffect::Release { job, group } => {
                        let next = self.groups.release(&repository, &group, &Claimant { run, job });
                        events.extend(next.map(granted));
                    }
                }
            }
            if ended {
                self.runs.remove(&run);
            }
        }
        effects
    }

    /// A run that has not ended.
    #[must_use]
    pub fn run(&self, run: RunId) -> Option<&Run> {
        self.runs.get(&run)
    }

    /// The runs that have not ended, oldest first.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    fn claim(&mut self, claim: Claim) -> Vec<(RunId, RunEvent)> {
        let (claimant, group) = (claim.claimant.clone(), claim.group.clone());
        if let (Some(job), Some(holder)) =
            (&claimant.job, self.groups.holder(&claim.repository, &group))
            && is_above(holder, claimant.run, job)
        {
            let (job, holder_job) = (job.clone(), holder.job.clone());
            return vec![(claimant.run, RunEvent::ConcurrencyHeldAbove { job, holder_job })];
        }
        let outcome = self.groups.claim(claim);
        let mut events = Vec::new();
        if outcome.holder == claimant {
            events.push(granted(claimant.clone()));
        } else {
            let (job, holder) = (claimant.job.clone(), outcome.holder.run);
            let holder_job = outcome.holder.job;
            events.push((claimant.run, RunEvent::ConcurrencyHeld { job, holder, holder_job }));
        }
        for loser in outcome.cancel {
            let by = claimant.run;
            let event = match loser.job {
                None => {
                    let reason = CancelReason::Superseded { group: group.clone(), by };
                    RunEvent::CancelRequested { reason }
                }
                Some(job) => RunEvent::JobSuperseded { job, by },
            };
            events.push((loser.run, event));
        }
        events
    }

    fn restore_held(&mut self, record: &RunRecord) {
        let (repository, run) = (&record.source.repository, record.run);
        if let Some(group) = &record.concurrency {
            self.groups.restore(repository, group, Claimant { run, job: None });
        }
        for job in &record.current().jobs {
            if let Some(group) = &job.concurrency {
                let claimant = Claimant { run, job: Some(job.key.clone()) };
                self.groups.restore(repository, group, claimant);
            }
        }
    }

    fn restore_pending(&mut self, record: &RunRecord) {
        let (repository, run) = (&record.source.repository, record.run);
        if let (Some(WaitReason::ConcurrencyGroup { group, .. }), None) =
            (&record.waiting, &record.concurrency)
        {
            self.groups.restore(repository, group, Claimant { run, job: None });
        }
        for job in &record.current().jobs {
            if let (
                JobState::Waiting { reason: WaitReason::ConcurrencyGroup { group, .. } },
                None,
            ) = (&job.state, &job.concurrency)
            {
                let claimant = Claimant { run, job: Some(job.key.clone()) };
                self.groups.restore(repository, group, claimant);
            }
        }
    }

    /// The server may have stopped after a holder ended and before the next one was told.
    fn grant_held(&mut self, run: RunId, as_of: Timestamp) -> Vec<Effect> {
        let Some(machine) = self.runs.get(&run) else { return Vec::new() };
        let record = machine.record().clone();
        let holds = |group: &str, job: Option<JobKey>| {
            self.groups.holder(&record.source.repository, group) == Some(&Claimant { run, job })
        };
        let mut events = Vec::new();
        if let (Some(WaitReason::ConcurrencyGroup { group, .. }), None) =
            (&record.waiting, &record.concurrency)
            && holds(group, None)
        {
            events.push(RunEvent::ConcurrencyGranted { job: None });
        }
        for job in &record.current().jobs {
            if let (JobState::Waiting { reason: WaitReason::ConcurrencyGroup { group, .. } }, None) =
                (&job.state, &job.concurrency)
                && holds(group, Some(job.key.clone()))
            {
                events.push(RunEvent::ConcurrencyGranted { job: Some(job.key.clone()) });
            }
        }
        events.into_iter().flat_map(|event| self.step(run, event, as_of)).collect()
    }
}

/// Whether the holder ends only after the claimant: its own run, or a job that calls it.
fn is_above(holder: &Claimant, run: RunId, job: &JobKey) -> bool {
    holder.run == run
        && holder.job.as_ref().is_none_or(|above| job.callers().any(|caller| caller == *above))
}

fn granted(claimant: Claimant) -> (RunId, RunEvent) {
    (claimant.run, RunEvent::ConcurrencyGranted { job: claimant.job })
}
