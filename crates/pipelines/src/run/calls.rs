//! Jobs that call a workflow: which workflow a job is in, what it gets from its caller and gives back.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::contexts;
use super::decide::{RunFacts, invalid, key_path, worst};
use super::files::JOB_OUTPUT_BYTES_MAX;
use super::plan::{CallScope, JobPermissions};
use super::reasons::{AncestorResult, EndReason};
use crate::expressions::{Contexts, EvaluationError, Object, Value};
use crate::facts::{Conclusion, JobKey};
use crate::view::JobRecord;
use crate::workflow::model::{CallDefinition, CallInput, CallInputKind, Job, Workflow};

/// How a job that calls a workflow ended.
pub(super) struct CallEnd {
    pub conclusion: Conclusion,
    pub reason: Option<EndReason>,
    pub outputs: BTreeMap<String, String>,
}

impl<'a> RunFacts<'a> {
    /// The run's workflow, or the one that the job `parent` calls.
    pub fn workflow_below(&self, parent: Option<&JobKey>) -> Option<&'a Arc<Workflow>> {
        let Some(parent) = parent else { return Some(self.workflow) };
        self.job(parent)?.call.as_ref()?.workflow.as_ref()
    }

    /// The job with this key in its workflow.
    pub fn job(&self, key: &JobKey) -> Option<&'a Job> {
        self.workflow_below(key.parent().as_ref())?.job(key.job())
    }

    /// The workflow that a job calls.
    pub fn called(&self, key: &JobKey) -> Option<&'a Arc<Workflow>> {
        self.job(key)?.call.as_ref()?.workflow.as_ref()
    }

    /// The `inputs` of the run's workflow, or of the one that the job `parent` calls.
    pub fn inputs_below(
        &self,
        parent: Option<&JobKey>,
    ) -> Result<BTreeMap<String, Json>, EndReason> {
        match parent {
            None => Ok(self.record.source.inputs.clone()),
            Some(caller) => self.call_inputs(caller),
        }
    }

    /// What a job gives to the workflow that it calls, defaults included, each of its type.
    pub fn call_inputs(&self, key: &JobKey) -> Result<BTreeMap<String, Json>, EndReason> {
        let Some((job, record)) = self.job_and_record(key) else { return Ok(BTreeMap::new()) };
        let Some(call) = &job.call else { return Ok(BTreeMap::new()) };
        let definition = self.called(key).and_then(|called| called.events.workflow_call.as_ref());
        let Some(CallDefinition { inputs, .. }) = definition else { return Ok(BTreeMap::new()) };
        let of = |error: &EvaluationError| invalid(&format!("jobs.{}.with", key_path(key)), error);
        let named = self.of_combination(job, &Value::from_json(&record.matrix), key);
        let given = match &call.with.0 {
            Some(with) => with.evaluate(&Contexts::new(&named)).map_err(|error| of(&error))?,
            None => Value::Null,
        };
        let mut values = BTreeMap::new();
        for input in inputs {
            let value = match (given_value(&given, &input.name), &input.default) {
                (Some(value), _) => value,
                (None, Some(default)) => {
                    let mut of_default = named.clone();
                    of_default.insert("inputs", contexts::inputs(&values));
                    let value = default.evaluate(&Contexts::new(&of_default));
                    value.map_err(|error| of(&error))?
                }
                (None, None) => Value::Null,
            };
            let typed = typed(input, &value).map_err(|expected| EndReason::InvalidJob {
                message: format!("the input `{}` of `{}` takes {expected}", input.name, call.uses),
            })?;
            values.insert(input.name.clone(), typed);
        }
        Ok(values)
    }

    /// The calls down to a job, outermost first, with what its secrets are computed from.
    pub fn calls(&self, key: &JobKey) -> Vec<CallScope> {
        let mut scopes: Vec<_> =
            key.callers().filter_map(|caller| self.call_scope(&caller)).collect();
        scopes.reverse();
        scopes
    }

    fn call_scope(&self, key: &JobKey) -> Option<CallScope> {
        let (job, record) = self.job_and_record(key)?;
        let secrets = job.call.as_ref()?.secrets.clone();
        let named = self.of_combination(job, &Value::from_json(&record.matrix), key);
        Some(CallScope { secrets, named })
    }

    /// What a job may do: what it or its workflow asks for, and never more than its caller may.
    pub fn permissions(&self, key: &JobKey) -> JobPermissions {
        let parent = key.parent();
        let level = self.workflow_below(parent.as_ref()).and_then(|it| it.permissions.as_ref());
        let own = self.job(key).and_then(|job| job.permissions.as_ref());
        let trusted = self.record.source.trusted;
        let asked = JobPermissions::decide(level, own, trusted);
        match parent.map(|caller| self.permissions(&caller)) {
            None => asked,
            Some(caller) if level.is_none() && own.is_none() => caller,
            Some(caller) => asked.within(&caller),
        }
    }

    /// How a job that calls a workflow ended; `None`: not all jobs of that workflow have.
    pub fn call_end(&self, key: &JobKey) -> Option<CallEnd> {
        let called = self.called(key)?;
        let jobs: Vec<_> = self.record.jobs_below(Some(key)).collect();
        let results: Vec<_> = jobs.iter().map(|job| job.result()).collect::<Option<Vec<_>>>()?;
        let conclusion = worst(&results);
        let not_succeeded: Vec<_> = jobs.iter().filter_map(|job| not_succeeded(job)).collect();
        let reason = match conclusion {
            Conclusion::Failure => Some(EndReason::CalledJobs { jobs: not_succeeded }),
            Conclusion::Cancelled => {
                let cancel = self.record.cancel.clone();
                Some(match cancel {
                    Some(reason) => EndReason::Cancelled { reason },
                    None => EndReason::CalledJobs { jobs: not_succeeded },
                })
            }
            Conclusion::Success | Conclusion::Skipped => None,
        };
        Some(match self.call_outputs(key, called) {
            Ok(outputs) => CallEnd { conclusion, reason, outputs },
            Err(reason) => CallEnd {
                conclusion: Conclusion::Failure,
                reason: Some(reason),
                outputs: BTreeMap::new(),
            },
        })
    }

    fn call_outputs(
        &self,
        key: &JobKey,
        called: &Workflow,
    ) -> Result<BTreeMap<String, String>, EndReason> {
        let Some(definition) = &called.events.workflow_call else { return Ok(BTreeMap::new()) };
        let ended = called
            .jobs
            .iter()
            .filter_map(|job| Some((job.id.clone(), self.result_below(Some(key), &job.id)?)));
        let mut named = self.base(Some(key));
        named.insert("jobs", contexts::needs(&ended.collect()));
        let contexts = Contexts::new(&named);
        let place = |name: &str| format!("{}: on.workflow_call.outputs.{name}", called.path);
        let mut outputs = BTreeMap::new();
        for (name, value) in &definition.outputs {
            let text =
                value.evaluate_text(&contexts).map_err(|error| invalid(&place(name), &error))?;
            if !text.is_empty() {
                outputs.insert(name.clone(), text);
            }
        }
        let size: usize = outputs.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > JOB_OUTPUT_BYTES_MAX {
            let message = format!("{size} bytes; at most {JOB_OUTPUT_BYTES_MAX} are kept");
            return Err(EndReason::InvalidExpression { key: place("*"), message });
        }
        Ok(outputs)
    }
}

fn not_succeeded(job: &JobRecord) -> Option<AncestorResult> {
    let result = job.result()?;
    let is_bad = matches!(result, Conclusion::Failure | Conclusion::Cancelled);
    is_bad.then(|| AncestorResult { job: job.key.job().to_owned(), result })
}

fn given_value(given: &Value, name: &str) -> Option<Value> {
    match given {
        Value::Object(object) => object.get(name).cloned(),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}

/// A value as the input's type has it; an absent or empty one is the type's own default.
fn typed(input: &CallInput, value: &Value) -> Result<Json, &'static str> {
    let text = value.to_text();
    let is_empty = text.is_empty();
    match input.kind {
        CallInputKind::String if value.is_primitive() => Ok(text.into()),
        CallInputKind::String => Err("a text"),
        CallInputKind::Boolean => match text.as_str() {
            "true" => Ok(true.into()),
            "false" | "" => Ok(false.into()),
            _ => Err("true or false"),
        },
        CallInputKind::Number if is_empty => Ok(0.into()),
        CallInputKind::Number => {
            let number = value.to_number();
            if number.is_finite() { Ok(Value::Number(number).to_json()) } else { Err("a number") }
        }
    }
}

impl CallScope {
    /// The secrets of the called workflow from those of its caller.
    pub fn narrow(
        &self,
        secrets: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, String> {
        use crate::workflow::model::CallSecrets;
        match &self.secrets {
            CallSecrets::Inherit => Ok(secrets),
            CallSecrets::None => Ok(BTreeMap::new()),
            CallSecrets::Named(named) => {
                let mut contexts: Object = self.named.clone();
                contexts.insert("secrets", contexts::texts(&secrets));
                let values = named.evaluate(&Contexts::new(&contexts));
                let values = values.map_err(|error| error.to_string())?;
                Ok(values.into_iter().filter(|(_, value)| !value.is_empty()).collect())
            }
        }
    }
}
