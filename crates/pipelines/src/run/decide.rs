//! The decisions about one job of a run, computed from the run's record alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::contexts;
use super::job::whole_minutes;
use super::machine::RunSettings;
use super::plan::{JobNetwork, JobPlan, NeedResult, StrategyPlace};
use super::reasons::{AncestorResult, EndReason};
use crate::expressions::{Contexts, EvaluationError, Object, Status, Value};
use crate::facts::{Conclusion, JobKey};
use crate::view::{JobRecord, RunRecord};
use crate::workflow::matrix;
use crate::workflow::model::{Concurrency, JOBS_MAX, Job, Workflow};

/// GitHub's limit of a job that names none.
const TIMEOUT_MINUTES_DEFAULT: f64 = 360.0;

/// Everything that a decision about a run looks at.
#[derive(Clone, Copy)]
pub(super) struct RunFacts<'a> {
    pub workflow: &'a Arc<Workflow>,
    pub record: &'a RunRecord,
    pub settings: &'a RunSettings,
}

/// Whether a job runs.
pub(super) enum JobDecision {
    /// It does not.
    End { conclusion: Conclusion, reason: EndReason },
    /// It does, as one job or as one for each combination of its matrix.
    Run { jobs: Vec<JobAgain> },
}

/// A job to create.
#[derive(Debug, Clone)]
pub(super) struct JobAgain {
    pub key: JobKey,
    pub name: String,
    pub matrix: serde_json::Value,
    pub environment: Option<String>,
}

/// A concurrency group that a run or a job asks for.
pub(super) struct GroupClaim {
    pub group: String,
    pub cancel_in_progress: bool,
    pub keep_all_pending: bool,
}

impl RunFacts<'_> {
    pub fn run_concurrency(&self) -> Result<Option<GroupClaim>, EndReason> {
        let named = self.base(None);
        let contexts = Contexts::new(&named);
        self.workflow
            .concurrency
            .as_ref()
            .map(|concurrency| claim(concurrency, &contexts))
            .transpose()
            .map_err(|error| invalid("concurrency", &error))
    }

    /// The group of a job; a called workflow's is that of the job that calls it.
    pub fn job_concurrency(&self, key: &JobKey) -> Result<Option<GroupClaim>, EndReason> {
        let Some((job, record)) = self.job_and_record(key) else { return Ok(None) };
        let of = |error: &EvaluationError| {
            invalid(&format!("jobs.{}.concurrency", key_path(key)), error)
        };
        if let Some(concurrency) = &job.concurrency {
            let named = self.of_combination(job, &Value::from_json(&record.matrix), key);
            return claim(concurrency, &Contexts::new(&named))
                .map(Some)
                .map_err(|error| of(&error));
        }
        let called = job.call.as_ref().and_then(|call| call.workflow.as_ref());
        let Some(concurrency) = called.and_then(|called| called.concurrency.as_ref()) else {
            return Ok(None);
        };
        self.call_inputs(key)?;
        let named = self.base(Some(key));
        claim(concurrency, &Contexts::new(&named)).map(Some).map_err(|error| of(&error))
    }

    /// Whether every job that this one needs has ended.
    pub fn needs_ended(&self, key: &JobKey) -> bool {
        let parent = key.parent();
        let ended = |need: &String| self.result_of(parent.as_ref(), need).is_some();
        self.job(key).is_some_and(|job| job.needs.iter().all(ended))
    }

    /// What the jobs of one id came to together: for a matrix the worst of its combinations.
    fn result_of(&self, parent: Option<&JobKey>, id: &str) -> Option<Conclusion> {
        let mut results = self.record.jobs_of(parent, id).map(JobRecord::result).peekable();
        results.peek()?;
        let results: Vec<_> = results.collect::<Option<_>>()?;
        Some(worst(&results))
    }

    /// All jobs that this one depends on, through others too, nearest first.
    fn ancestors(&self, key: &JobKey) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let Some(workflow) = self.workflow_below(key.parent().as_ref()) else { return found };
        let mut level = workflow.job(key.job()).map(|job| job.needs.clone()).unwrap_or_default();
        while !level.is_empty() {
            let mut next = Vec::new();
            for need in level {
                if found.iter().any(|known| known.eq_ignore_ascii_case(&need)) {
                    continue;
                }
                if let Some(job) = workflow.job(&need) {
                    next.extend(job.needs.iter().cloned());
                }
                found.push(need);
            }
            level = next;
        }
        found
    }

    /// Whether a job whose needs have ended runs, and as what.
    pub fn decide(&self, key: &JobKey) -> JobDecision {
        let Some(job) = self.job(key) else {
            let message = format!("the workflow has no job `{key}`");
            let reason = EndReason::InvalidJob { message };
            return JobDecision::End { conclusion: Conclusion::Failure, reason };
        };
        let not_succeeded: Vec<_> = self
            .ancestors(key)
            .into_iter()
            .filter_map(|job| {
                let result = self.result_of(key.parent().as_ref(), &job)?;
                Some(AncestorResult { job, result })
            })
            .filter(|ancestor| ancestor.result != Conclusion::Success)
            .collect();
        let cancelled = self.record.cancel.is_some();
        let status = Status {
            success: not_succeeded.is_empty() && !cancelled,
            failure: not_succeeded.iter().any(|it| it.result == Conclusion::Failure),
            cancelled,
        };
        let named = self.with_needs(job, key);
        let contexts = Contexts::new(&named).with_status(status);
        match job.condition.evaluate(&contexts) {
            Ok(true) if !job.unsupported.is_empty() => {
                let parts = job.unsupported.iter().map(ToString::to_string).collect();
                let reason = EndReason::NotSupported { parts };
                JobDecision::End { conclusion: Conclusion::Failure, reason }
            }
            Ok(true) => self.expand(job, key),
            Ok(false) => {
                let skipped = |reason| JobDecision::End { conclusion: Conclusion::Skipped, reason };
                if job.condition.asks_status() && !job.condition.source().is_empty() {
                    let condition = job.condition.source().to_owned();
                    skipped(EndReason::ConditionFalse { condition })
                } else if let Some(reason) = self.record.cancel.clone() {
                    let reason = EndReason::Cancelled { reason };
                    JobDecision::End { conclusion: Conclusion::Cancelled, reason }
                } else if !not_succeeded.is_empty() {
                    skipped(EndReason::NeedsNotSucceeded { ancestors: not_succeeded })
                } else {
                    let condition = job.condition.source().to_owned();
                    skipped(EndReason::ConditionFalse { condition })
                }
            }
            Err(error) => {
                let reason = invalid(&format!("jobs.{}.if", key_path(key)), &error);
                JobDecision::End { conclusion: Conclusion::Failure, reason }
            }
        }
    }

    fn expand(&self, job: &Job, key: &JobKey) -> JobDecision {
        match self.combinations(job, key) {
            Ok(jobs) => JobDecision::Run { jobs },
            Err(reason) => JobDecision::End { conclusion: Conclusion::Failure, reason },
        }
    }

    fn combinations(&self, job: &Job, key: &JobKey) -> Result<Vec<JobAgain>, EndReason> {
        let parent = key.parent();
        let Some(template) = &job.strategy.matrix else {
            let key = JobKey::below(parent.as_ref(), &job.id, None);
            return Ok(vec![self.describe(job, key, None)?]);
        };
        let named = self.with_needs(job, key);
        let matrix = template
            .evaluate(&Contexts::new(&named))
            .map_err(|error| invalid(&format!("jobs.{}.strategy.matrix", key_path(key)), &error))?;
        let combinations = matrix::expand(&matrix)
            .map_err(|error| EndReason::InvalidJob { message: error.to_string() })?;
        // What a re-run left is there already; the job itself gives its place to the first one.
        let there = self.record.jobs_of(parent.as_ref(), &job.id).count();
        self.room_for(combinations.len().saturating_sub(there))?;
        combinations
            .into_iter()
            .enumerate()
            .map(|(index, combination)| {
                let key = JobKey::below(parent.as_ref(), &job.id, Some(index));
                self.describe(job, key, Some(combination))
            })
            .collect()
    }

    /// Whether the attempt may have so many more jobs.
    pub fn room_for(&self, more: usize) -> Result<(), EndReason> {
        let jobs = self.record.current().jobs.len();
        if more == 0 || jobs + more <= JOBS_MAX {
            return Ok(());
        }
        let message = format!(
            "it would make {more} more jobs, and the run has {jobs}; at most {JOBS_MAX} are allowed, \
             those of called workflows and matrices included"
        );
        Err(EndReason::InvalidJob { message })
    }

    fn describe(
        &self,
        job: &Job,
        key: JobKey,
        combination: Option<Object>,
    ) -> Result<JobAgain, EndReason> {
        let values = combination.clone().map_or(Value::Null, Value::from);
        let named = self.of_combination(job, &values, &key);
        let contexts = Contexts::new(&named);
        let written = match &job.name {
            None => job.id.clone(),
            Some(name) => name
                .evaluate_text(&contexts)
                .map_err(|error| invalid(&format!("jobs.{}.name", key_path(&key)), &error))?,
        };
        // A name without expressions would be the same for every combination.
        let fixed = job.name.as_ref().is_none_or(|name| name.literal().is_some());
        let name = match combination {
            Some(combination) if fixed => matrix::display_name(&written, &combination),
            Some(_) | None => written,
        };
        let name = self.full_name(key.parent().as_ref(), &name);
        let environment = match &job.environment {
            None => None,
            Some(environment) => {
                let text = environment.name.evaluate_text(&contexts);
                let name = text.map_err(|error| {
                    invalid(&format!("jobs.{}.environment", key_path(&key)), &error)
                })?;
                Some(name).filter(|name| !name.is_empty())
            }
        };
        let matrix = values.to_json();
        Ok(JobAgain { key, name, matrix, environment })
    }

    /// `caller / job`, as people see it.
    pub fn full_name(&self, parent: Option<&JobKey>, name: &str) -> String {
        match parent.and_then(|parent| self.record.job(parent)) {
            Some(caller) => format!("{} / {name}", caller.name),
            None => name.to_owned(),
        }
    }

    /// What the runner needs to run a job.
    pub fn plan(&self, key: &JobKey) -> Result<JobPlan, EndReason> {
        let Some((job, record)) = self.job_and_record(key) else {
            let message = format!("the workflow has no job `{key}`");
            return Err(EndReason::InvalidJob { message });
        };
        let parent = key.parent();
        let Some(workflow) = self.workflow_below(parent.as_ref()) else {
            let message = format!("the workflow of the job `{key}` is not there");
            return Err(EndReason::InvalidJob { message });
        };
        let matrix = Value::from_json(&record.matrix);
        let named = self.of_combination(job, &matrix, key);
        let contexts = Contexts::new(&named);
        let of = |name: &str, error: &EvaluationError| {
            invalid(&format!("jobs.{}.{name}", key_path(key)), error)
        };
        let minutes = match &job.timeout_minutes {
            None => TIMEOUT_MINUTES_DEFAULT,
            Some(amount) => {
                amount.evaluate(&contexts).map_err(|error| of("timeout-minutes", &error))?
            }
        };
        let continue_on_error = job
            .continue_on_error
            .evaluate(&contexts)
            .map_err(|error| of("continue-on-error", &error))?;
        Ok(JobPlan {
            run: self.record.run,
            attempt: self.record.current().attempt,
            key: key.clone(),
            name: record.name.clone(),
            source: self.record.source.clone(),
            workflow: Arc::clone(workflow),
            inputs: self.inputs_below(parent.as_ref())?,
            calls: self.calls(key),
            matrix,
            strategy: self.strategy(job, key),
            needs: self.needs(job, key),
            environment: record.environment.clone(),
            permissions: self.permissions(key),
            timeout_minutes: whole_minutes(minutes),
            continue_on_error,
            network: JobNetwork::Isolated,
            server: self.settings.server.clone(),
        })
    }

    pub fn tolerates_failure(&self, key: &JobKey) -> bool {
        self.plan(key).is_ok_and(|plan| plan.continue_on_error)
    }

    pub fn fail_fast(&self, key: &JobKey) -> bool {
        let job = self.job(key).filter(|_| key.index().is_some());
        job.is_some_and(|job| self.strategy(job, key).fail_fast)
    }

    /// The limit of a job's matrix, when as many of its jobs run as it allows.
    pub fn parallel_limit_reached(&self, key: &JobKey) -> Option<u32> {
        let job = self.job(key).filter(|_| key.index().is_some())?;
        job.strategy.max_parallel.as_ref()?;
        let limit = self.strategy(job, key).max_parallel;
        let parent = key.parent();
        let busy = self
            .record
            .jobs_of(parent.as_ref(), key.job())
            .filter(|job| job.key != *key && job.queued_at.is_some() && job.conclusion().is_none());
        (busy.count() >= limit as usize).then_some(limit)
    }

    /// How the run ends when every job has.
    pub fn conclusion(&self) -> Conclusion {
        let jobs = &self.record.current().jobs;
        worst(&jobs.iter().filter_map(JobRecord::result).collect::<Vec<_>>())
    }

    /// The jobs that a re-run creates anew; the others keep their results. A job that calls a workflow
    /// runs again with all of it.
    pub fn jobs_to_rerun(&self, failed_only: bool) -> Vec<JobAgain> {
        let whole = |id: &str| {
            let job = self.workflow.job(id);
            let name = job.and_then(|job| job.name.as_ref()).and_then(|name| name.literal());
            let (key, name) = (JobKey::new(id, None), name.unwrap_or(id).to_owned());
            let (matrix, environment) = (serde_json::Value::Null, None);
            JobAgain { key, name, matrix, environment }
        };
        let ids = self.workflow.jobs.iter().map(|job| job.id.as_str());
        if !failed_only {
            return ids.map(whole).collect();
        }
        let own = |job: &JobRecord| {
            matches!(job.conclusion(), Some(Conclusion::Failure | Conclusion::Cancelled))
        };
        let failed = |job: &JobRecord| {
            let mut all = self.record.current().jobs.iter();
            own(job) || all.any(|it| own(it) && it.key.callers().any(|caller| caller == job.key))
        };
        let failed_ids: BTreeSet<_> = ids
            .clone()
            .filter(|id| self.record.jobs_of(None, id).any(failed))
            .map(str::to_ascii_lowercase)
            .collect();
        let mut again = Vec::new();
        for id in ids {
            let depends = self
                .ancestors(&JobKey::new(id, None))
                .iter()
                .any(|ancestor| failed_ids.contains(&ancestor.to_ascii_lowercase()));
            let of_id = || self.record.jobs_of(None, id);
            if depends || of_id().any(|job| failed(job) && job.key.index().is_none()) {
                again.push(whole(id));
                continue;
            }
            again.extend(of_id().filter(|job| failed(job)).map(|job| JobAgain {
                key: job.key.clone(),
                name: job.name.clone(),
                matrix: job.matrix.clone(),
                environment: job.environment.clone(),
            }));
        }
        again
    }

    fn strategy(&self, job: &Job, key: &JobKey) -> StrategyPlace {
        self.strategy_in(job, key, &self.with_needs(job, key))
    }

    fn strategy_in(&self, job: &Job, key: &JobKey, named: &Object) -> StrategyPlace {
        let contexts = Contexts::new(named);
        let parent = key.parent();
        let total = self.record.jobs_of(parent.as_ref(), &job.id).count();
        let total = u32::try_from(total).unwrap_or(u32::MAX).max(1);
        // A switch that cannot be computed falls to the default of the language.
        let fail_fast = job.strategy.fail_fast.evaluate(&contexts).unwrap_or(true);
        let limit = job.strategy.max_parallel.as_ref().map(|limit| limit.evaluate(&contexts));
        let max_parallel = match limit {
            Some(Ok(limit)) => whole_minutes(limit).max(1),
            Some(Err(_)) | None => total,
        };
        let index = u32::try_from(key.index().unwrap_or(0)).unwrap_or(0);
        StrategyPlace { fail_fast, index, total, max_parallel }
    }

    fn needs(&self, job: &Job, key: &JobKey) -> BTreeMap<String, NeedResult> {
        let parent = key.parent();
        let result = |need: &String| {
            let result = self.result_below(parent.as_ref(), need)?;
            Some((need.clone(), result))
        };
        job.needs.iter().filter_map(result).collect()
    }

    /// How the jobs of one id ended, with their outputs.
    pub(super) fn result_below(&self, parent: Option<&JobKey>, id: &str) -> Option<NeedResult> {
        let result = self.result_of(parent, id)?;
        let mut outputs = BTreeMap::new();
        for record in self.record.jobs_of(parent, id) {
            outputs.extend(record.outputs.clone());
        }
        Some(NeedResult { result, outputs })
    }

    /// What every job of the run's workflow, or of the one that the job `parent` calls, sees.
    pub(super) fn base(&self, parent: Option<&JobKey>) -> Object {
        let source = &self.record.source;
        let attempt = self.record.current().attempt;
        let github = contexts::github(source, self.record.run, attempt, &self.settings.server);
        let mut named = Object::new();
        named.insert("github", github);
        // A call with wrong inputs has ended before anything below it is asked for.
        named.insert("inputs", contexts::inputs(&self.inputs_below(parent).unwrap_or_default()));
        named.insert("vars", contexts::texts(&self.settings.variables));
        named
    }

    fn with_needs(&self, job: &Job, key: &JobKey) -> Object {
        let mut named = self.base(key.parent().as_ref());
        named.insert("needs", contexts::needs(&self.needs(job, key)));
        named
    }

    pub(super) fn of_combination(&self, job: &Job, matrix: &Value, key: &JobKey) -> Object {
        let mut named = self.with_needs(job, key);
        // From what is at hand: calls in calls would look at everything above them twice each.
        let strategy = contexts::strategy(&self.strategy_in(job, key, &named));
        named.insert("matrix", matrix.clone());
        named.insert("strategy", strategy);
        named
    }

    pub(super) fn job_and_record(&self, key: &JobKey) -> Option<(&Job, &JobRecord)> {
        Some((self.job(key)?, self.record.job(key)?))
    }
}

/// What several jobs came to together.
pub(super) fn worst(results: &[Conclusion]) -> Conclusion {
    let has = |conclusion| results.contains(&conclusion);
    if has(Conclusion::Failure) {
        Conclusion::Failure
    } else if has(Conclusion::Cancelled) {
        Conclusion::Cancelled
    } else if has(Conclusion::Success) {
        Conclusion::Success
    } else {
        Conclusion::Skipped
    }
}

/// The job as its keys in the files are named: `deploy.jobs.build`.
pub(super) fn key_path(key: &JobKey) -> String {
    let callers: Vec<_> = key.callers().collect();
    let ids = callers.iter().rev().chain([key]).map(JobKey::job);
    ids.collect::<Vec<_>>().join(".jobs.")
}

fn claim(
    concurrency: &Concurrency,
    contexts: &Contexts<'_>,
) -> Result<GroupClaim, EvaluationError> {
    Ok(GroupClaim {
        group: concurrency.group.evaluate_text(contexts)?,
        cancel_in_progress: concurrency.cancel_in_progress.evaluate(contexts)?,
        keep_all_pending: concurrency.keep_all_pending,
    })
}

pub(super) fn invalid(key: &str, error: &EvaluationError) -> EndReason {
    EndReason::InvalidExpression { key: key.to_owned(), message: error.to_string() }
}
