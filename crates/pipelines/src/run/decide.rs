//! The decisions about one job of a run, computed from the run's record alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::contexts;
use super::job::whole_minutes;
use super::machine::RunSettings;
use super::plan::{JobNetwork, JobPermissions, JobPlan, NeedResult, StrategyPlace};
use super::reasons::{AncestorResult, EndReason};
use crate::expressions::{Contexts, EvaluationError, Object, Status, Value};
use crate::facts::{Conclusion, JobKey};
use crate::view::{JobRecord, RunRecord};
use crate::workflow::matrix;
use crate::workflow::model::{Concurrency, Job, Workflow};

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
    pub id: String,
    pub index: Option<usize>,
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
        let named = self.base();
        let contexts = Contexts::new(&named);
        self.workflow
            .concurrency
            .as_ref()
            .map(|concurrency| claim(concurrency, &contexts))
            .transpose()
            .map_err(|error| invalid("concurrency", &error))
    }

    pub fn job_concurrency(&self, key: &JobKey) -> Result<Option<GroupClaim>, EndReason> {
        let Some((job, record)) = self.job_and_record(key) else { return Ok(None) };
        let named = self.of_combination(job, &Value::from_json(&record.matrix), key);
        let contexts = Contexts::new(&named);
        job.concurrency
            .as_ref()
            .map(|concurrency| claim(concurrency, &contexts))
            .transpose()
            .map_err(|error| invalid(&format!("jobs.{}.concurrency", job.id), &error))
    }

    /// Whether every job that this one needs has ended.
    pub fn needs_ended(&self, id: &str) -> bool {
        self.workflow
            .job(id)
            .is_some_and(|job| job.needs.iter().all(|need| self.result_of(need).is_some()))
    }

    /// What the jobs of one id came to together: for a matrix the worst of its combinations.
    fn result_of(&self, id: &str) -> Option<Conclusion> {
        let mut results = self.record.jobs_of(id).map(JobRecord::result).peekable();
        results.peek()?;
        let results: Vec<_> = results.collect::<Option<_>>()?;
        let has = |conclusion| results.contains(&conclusion);
        Some(if has(Conclusion::Failure) {
            Conclusion::Failure
        } else if has(Conclusion::Cancelled) {
            Conclusion::Cancelled
        } else if has(Conclusion::Success) {
            Conclusion::Success
        } else {
            Conclusion::Skipped
        })
    }

    /// All jobs that this one depends on, through others too, nearest first.
    fn ancestors(&self, id: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut level = self.workflow.job(id).map(|job| job.needs.clone()).unwrap_or_default();
        while !level.is_empty() {
            let mut next = Vec::new();
            for need in level {
                if found.iter().any(|known| known.eq_ignore_ascii_case(&need)) {
                    continue;
                }
                if let Some(job) = self.workflow.job(&need) {
                    next.extend(job.needs.iter().cloned());
                }
                found.push(need);
            }
            level = next;
        }
        found
    }

    /// Whether a job whose needs have ended runs, and as what.
    pub fn decide(&self, id: &str) -> JobDecision {
        let Some(job) = self.workflow.job(id) else {
            let message = format!("the workflow has no job `{id}`");
            let reason = EndReason::InvalidJob { message };
            return JobDecision::End { conclusion: Conclusion::Failure, reason };
        };
        let not_succeeded: Vec<_> = self
            .ancestors(id)
            .into_iter()
            .filter_map(|job| self.result_of(&job).map(|result| AncestorResult { job, result }))
            .filter(|ancestor| ancestor.result != Conclusion::Success)
            .collect();
        let cancelled = self.record.cancel.is_some();
        let status = Status {
            success: not_succeeded.is_empty() && !cancelled,
            failure: not_succeeded.iter().any(|it| it.result == Conclusion::Failure),
            cancelled,
        };
        let named = self.with_needs(job);
        let contexts = Contexts::new(&named).with_status(status);
        match job.condition.evaluate(&contexts) {
            Ok(true) => self.expand(job),
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
                let reason = invalid(&format!("jobs.{id}.if"), &error);
                JobDecision::End { conclusion: Conclusion::Failure, reason }
            }
        }
    }

    fn expand(&self, job: &Job) -> JobDecision {
        match self.combinations(job) {
            Ok(jobs) => JobDecision::Run { jobs },
            Err(reason) => JobDecision::End { conclusion: Conclusion::Failure, reason },
        }
    }

    fn combinations(&self, job: &Job) -> Result<Vec<JobAgain>, EndReason> {
        let Some(template) = &job.strategy.matrix else {
            return Ok(vec![self.describe(job, None, None)?]);
        };
        let named = self.with_needs(job);
        let matrix = template
            .evaluate(&Contexts::new(&named))
            .map_err(|error| invalid(&format!("jobs.{}.strategy.matrix", job.id), &error))?;
        let combinations = matrix::expand(&matrix)
            .map_err(|error| EndReason::InvalidJob { message: error.to_string() })?;
        combinations
            .into_iter()
            .enumerate()
            .map(|(index, combination)| self.describe(job, Some(index), Some(combination)))
            .collect()
    }

    fn describe(
        &self,
        job: &Job,
        index: Option<usize>,
        combination: Option<Object>,
    ) -> Result<JobAgain, EndReason> {
        let key = JobKey::new(&job.id, index);
        let values = combination.clone().map_or(Value::Null, Value::from);
        let named = self.of_combination(job, &values, &key);
        let contexts = Contexts::new(&named);
        let written = match &job.name {
            None => job.id.clone(),
            Some(name) => name
                .evaluate_text(&contexts)
                .map_err(|error| invalid(&format!("jobs.{}.name", job.id), &error))?,
        };
        // A name without expressions would be the same for every combination.
        let fixed = job.name.as_ref().is_none_or(|name| name.literal().is_some());
        let name = match combination {
            Some(combination) if fixed => matrix::display_name(&written, &combination),
            Some(_) | None => written,
        };
        let environment = match &job.environment {
            None => None,
            Some(environment) => {
                let text = environment.name.evaluate_text(&contexts);
                let name =
                    text.map_err(|error| invalid(&format!("jobs.{}.environment", job.id), &error))?;
                Some(name).filter(|name| !name.is_empty())
            }
        };
        let matrix = values.to_json();
        Ok(JobAgain { id: job.id.clone(), index, name, matrix, environment })
    }

    /// What the runner needs to run a job.
    pub fn plan(&self, key: &JobKey) -> Result<JobPlan, EndReason> {
        let Some((job, record)) = self.job_and_record(key) else {
            let message = format!("the workflow has no job `{}`", key.job());
            return Err(EndReason::InvalidJob { message });
        };
        let matrix = Value::from_json(&record.matrix);
        let named = self.of_combination(job, &matrix, key);
        let contexts = Contexts::new(&named);
        let of = |name: &str, error: &EvaluationError| {
            invalid(&format!("jobs.{}.{name}", job.id), error)
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
        let permissions = JobPermissions::decide(
            self.workflow.permissions.as_ref(),
            job.permissions.as_ref(),
            self.record.source.trusted,
        );
        Ok(JobPlan {
            run: self.record.run,
            attempt: self.record.current().attempt,
            key: key.clone(),
            name: record.name.clone(),
            source: self.record.source.clone(),
            workflow: Arc::clone(self.workflow),
            matrix,
            strategy: self.strategy(job, key),
            needs: self.needs(job),
            environment: record.environment.clone(),
            permissions,
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
        let job = self.workflow.job(key.job()).filter(|_| key.index().is_some());
        job.is_some_and(|job| self.strategy(job, key).fail_fast)
    }

    /// The limit of a job's matrix, when as many of its jobs run as it allows.
    pub fn parallel_limit_reached(&self, key: &JobKey) -> Option<u32> {
        let job = self.workflow.job(key.job()).filter(|_| key.index().is_some())?;
        job.strategy.max_parallel.as_ref()?;
        let limit = self.strategy(job, key).max_parallel;
        let busy = self
            .record
            .jobs_of(key.job())
            .filter(|job| job.key != *key && job.queued_at.is_some() && job.conclusion().is_none());
        (busy.count() >= limit as usize).then_some(limit)
    }

    /// How the run ends when every job has.
    pub fn conclusion(&self) -> Conclusion {
        let jobs = &self.record.current().jobs;
        let has = |wanted| jobs.iter().any(|job| job.result() == Some(wanted));
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

    /// The jobs that a re-run creates anew; the others keep their results.
    pub fn jobs_to_rerun(&self, failed_only: bool) -> Vec<JobAgain> {
        let whole = |id: &str| {
            let job = self.workflow.job(id);
            let name = job.and_then(|job| job.name.as_ref()).and_then(|name| name.literal());
            let (id, name) = (id.to_owned(), name.unwrap_or(id).to_owned());
            let (index, matrix, environment) = (None, serde_json::Value::Null, None);
            JobAgain { id, index, name, matrix, environment }
        };
        let ids = self.workflow.jobs.iter().map(|job| job.id.as_str());
        if !failed_only {
            return ids.map(whole).collect();
        }
        let failed = |job: &JobRecord| {
            matches!(job.conclusion(), Some(Conclusion::Failure | Conclusion::Cancelled))
        };
        let failed_ids: BTreeSet<_> = ids
            .clone()
            .filter(|id| self.record.jobs_of(id).any(failed))
            .map(str::to_ascii_lowercase)
            .collect();
        let mut again = Vec::new();
        for id in ids {
            let depends = self
                .ancestors(id)
                .iter()
                .any(|ancestor| failed_ids.contains(&ancestor.to_ascii_lowercase()));
            if depends
                || self.record.jobs_of(id).any(|job| failed(job) && job.key.index().is_none())
            {
                again.push(whole(id));
                continue;
            }
            again.extend(self.record.jobs_of(id).filter(|job| failed(job)).map(|job| JobAgain {
                id: id.to_owned(),
                index: job.key.index(),
                name: job.name.clone(),
                matrix: job.matrix.clone(),
                environment: job.environment.clone(),
            }));
        }
        again
    }

    fn strategy(&self, job: &Job, key: &JobKey) -> StrategyPlace {
        let named = self.with_needs(job);
        let contexts = Contexts::new(&named);
        let total = u32::try_from(self.record.jobs_of(&job.id).count()).unwrap_or(u32::MAX).max(1);
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

    fn needs(&self, job: &Job) -> BTreeMap<String, NeedResult> {
        job.needs
            .iter()
            .filter_map(|need| {
                let result = self.result_of(need)?;
                let mut outputs = BTreeMap::new();
                for record in self.record.jobs_of(need) {
                    outputs.extend(record.outputs.clone());
                }
                Some((need.clone(), NeedResult { result, outputs }))
            })
            .collect()
    }

    fn base(&self) -> Object {
        let source = &self.record.source;
        let attempt = self.record.current().attempt;
        let github = contexts::github(source, self.record.run, attempt, &self.settings.server);
        let mut named = Object::new();
        named.insert("github", github);
        named.insert("inputs", contexts::inputs(&source.inputs));
        named.insert("vars", contexts::texts(&self.settings.variables));
        named
    }

    fn with_needs(&self, job: &Job) -> Object {
        let mut named = self.base();
        named.insert("needs", contexts::needs(&self.needs(job)));
        named
    }

    fn of_combination(&self, job: &Job, matrix: &Value, key: &JobKey) -> Object {
        let mut named = self.with_needs(job);
        named.insert("matrix", matrix.clone());
        named.insert("strategy", contexts::strategy(&self.strategy(job, key)));
        named
    }

    fn job_and_record(&self, key: &JobKey) -> Option<(&Job, &JobRecord)> {
        Some((self.workflow.job(key.job())?, self.record.job(key)?))
    }
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

fn invalid(key: &str, error: &EvaluationError) -> EndReason {
    EndReason::InvalidExpression { key: key.to_owned(), message: error.to_string() }
}
