//! The machine itself: which step is next, and what its end changes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::composite::Scope;
use super::environment::{StepPlace, fixed_contexts, step_environment};
use super::program::{self, Entry, What};
use super::{
    ActionStep, JobContexts, JobEnd, ScriptStep, StepCount, StepEffect, StepExit, StepResult,
};
use crate::expressions::{Contexts, EvaluationError, Object, Status, Template};
use crate::facts::{Annotation, AnnotationLevel, Conclusion};
use crate::run::actions::NativeAction;
use crate::run::contexts::texts;
use crate::run::files::{self, CommandFilePaths, JOB_OUTPUT_BYTES_MAX};
use crate::run::plan::JobPlan;
use crate::run::reasons::EndReason;
use crate::run::shell::Shell;
use crate::workflow::action::ActionRuns;
use crate::workflow::model::{Job, RunDefaults, Step, StepAction};

/// The steps of one job.
#[derive(Debug, Clone)]
pub struct JobMachine {
    plan: Arc<JobPlan>,
    pub(super) place: JobContexts,
    job: Option<Job>,
    program: Arc<[Entry]>,
    fixed: Object,
    /// `env` of workflow and job, and what `GITHUB_ENV` added.
    pub(super) env: BTreeMap<String, String>,
    prepended_paths: Vec<String>,
    steps: Object,
    /// The composite actions that were begun, and the one that is at work.
    pub(super) scopes: Vec<Option<Scope>>,
    pub(super) scope: Option<usize>,
    /// The entry of the program that is next, or that runs.
    pub(super) position: usize,
    begun: bool,
    running: Option<Running>,
    failure: Option<EndReason>,
    cancelled: Option<EndReason>,
    given_up: bool,
    hashes: BTreeMap<Vec<String>, Result<String, String>>,
    asked: Option<Vec<String>>,
    annotations: Vec<Annotation>,
    secrets: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Running {
    pub id: String,
    pub name: String,
    pub continue_on_error: bool,
}

/// Why a step cannot be prepared.
pub(super) enum Obstacle {
    /// An expression needs the hash of files first.
    Hash(Vec<String>),
    /// It cannot run at all.
    Problem(String),
}

impl JobMachine {
    /// A job that has not begun. Without the job in the plan's workflow it fails at once.
    #[must_use]
    pub fn new(plan: Arc<JobPlan>, place: JobContexts) -> Self {
        let job = plan.workflow.job(plan.key.job()).cloned();
        let (program, scopes) = program::of(job.as_ref());
        let narrowed =
            plan.calls.iter().try_fold(place.secrets.clone(), |secrets, call| call.narrow(secrets));
        let (secrets, failure) = match narrowed {
            Ok(secrets) => (secrets, None),
            Err(message) => {
                let key = "secrets".to_owned();
                (BTreeMap::new(), Some(EndReason::InvalidExpression { key, message }))
            }
        };
        let fixed = fixed_contexts(&plan, &place, &secrets);
        let known = place.secrets.values().chain(secrets.values());
        let secrets: BTreeSet<_> = known.filter(|value| !value.is_empty()).cloned().collect();
        let given_up = failure.is_some();
        Self {
            plan,
            place,
            job,
            program,
            fixed,
            env: BTreeMap::new(),
            prepended_paths: Vec::new(),
            steps: Object::new(),
            scopes: vec![None; scopes],
            scope: None,
            position: 0,
            begun: false,
            running: None,
            failure,
            cancelled: None,
            given_up,
            hashes: BTreeMap::new(),
            asked: None,
            annotations: Vec::new(),
            secrets: secrets.into_iter().collect(),
        }
    }

    /// What must not be seen in its log: the secrets of its caller, and those made of them.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }

    /// What to do next.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it answers for ever; it is no iterator")]
    pub fn next(&mut self) -> StepEffect {
        self.advance()
    }

    /// The step of the last effect ended; how it counts.
    pub fn ended(&mut self, result: StepResult) -> StepCount {
        match self.running.take() {
            Some(running) => self.end_step(running, result),
            None => StepCount { conclusion: Conclusion::Skipped, outcome: Conclusion::Skipped },
        }
    }

    /// The hash that the last effect asked for, or why there is none.
    pub fn hashed(&mut self, answer: Result<String, String>) {
        if let Some(patterns) = self.asked.take() {
            self.hashes.insert(patterns, answer);
        }
    }

    /// From now on `cancelled()` holds. The runner ends the step that runs.
    pub fn cancel(&mut self, reason: EndReason) {
        self.cancelled.get_or_insert(reason);
    }

    /// No further step runs, whatever its condition says: the time for cleaning up is over.
    pub fn give_up(&mut self) {
        self.given_up = true;
    }

    fn advance(&mut self) -> StepEffect {
        let Some(job) = self.job.clone() else {
            let message = format!("the workflow has no job `{}`", self.plan.key.job());
            self.failure.get_or_insert(EndReason::InvalidJob { message });
            return self.finish(None);
        };
        if !self.begun {
            match self.begin(&job) {
                Ok(()) => self.begun = true,
                Err(Obstacle::Hash(patterns)) => return self.ask(patterns),
                Err(Obstacle::Problem(message)) => {
                    let key = format!("jobs.{}.env", job.id);
                    self.failure.get_or_insert(EndReason::InvalidExpression { key, message });
                    return self.finish(None);
                }
            }
        }
        let program = Arc::clone(&self.program);
        let Some(entry) = program.get(self.position) else {
            self.scope = None;
            return self.finish(Some(&job));
        };
        self.scope = entry.scope;
        let (effect, step) = match &entry.what {
            What::Step(step) => (self.prepare(&job, step), Some((step, self.position + 1))),
            What::Enter { step, action, inner, after } => {
                (self.enter(step, action, *inner, *after), Some((step, *after)))
            }
            What::Leave { inner } => (self.leave(*inner), None),
        };
        match (effect, step) {
            (Ok(effect), _) => effect,
            (Err(Obstacle::Hash(patterns)), _) => self.ask(patterns),
            (Err(Obstacle::Problem(detail)), Some((step, after))) => {
                let effect = self.reject(step, detail);
                self.position = after;
                effect
            }
            (Err(Obstacle::Problem(message)), None) => {
                self.failure.get_or_insert(EndReason::InvalidJob { message });
                self.finish(None)
            }
        }
    }

    fn ask(&mut self, patterns: Vec<String>) -> StepEffect {
        self.asked = Some(patterns.clone());
        StepEffect::HashFiles { patterns }
    }

    fn begin(&mut self, job: &Job) -> Result<(), Obstacle> {
        for variables in [self.plan.workflow.env.clone(), job.env.clone()] {
            let env = self.env.clone();
            let named = self.named(&env);
            let values = self.evaluate(&named, |contexts| variables.evaluate(contexts))?;
            self.env.extend(values);
        }
        Ok(())
    }

    /// A step's variables, and the contexts with them.
    pub(super) fn step_env(
        &self,
        step: &Step,
    ) -> Result<(BTreeMap<String, String>, Object), Obstacle> {
        let mut env = self.env.clone();
        env.extend(self.current().into_iter().flat_map(|scope| scope.env.clone()));
        let named = self.named(&env);
        env.extend(self.evaluate(&named, |contexts| step.env.evaluate(contexts))?);
        let named = self.named(&env);
        Ok((env, named))
    }

    pub(super) fn runs(&self, step: &Step, named: &Object) -> Result<bool, Obstacle> {
        if self.given_up {
            return Ok(false);
        }
        self.evaluate(named, |contexts| step.condition.evaluate(contexts))
    }

    fn prepare(&mut self, job: &Job, step: &Step) -> Result<StepEffect, Obstacle> {
        let (env, named) = self.step_env(step)?;
        let name = self.step_name(&named, step);
        if !self.runs(step, &named)? {
            return Ok(self.skip(step, name));
        }
        let continue_on_error =
            self.evaluate(&named, |contexts| step.continue_on_error.evaluate(contexts))?;
        let timeout_minutes = match &step.timeout_minutes {
            None => None,
            Some(amount) => {
                Some(whole_minutes(self.evaluate(&named, |contexts| amount.evaluate(contexts))?))
            }
        };
        let effect = match &step.action {
            StepAction::Run { .. } => {
                let mut script = self.script(&named, job, step, &env)?;
                (script.name, script.timeout_minutes) = (name.clone(), timeout_minutes);
                StepEffect::RunScript(script)
            }
            StepAction::Uses { local: Some(action), .. } => {
                let ActionRuns::Node { main } = &action.runs else {
                    return Err(Obstacle::Problem("the action has no steps".to_owned()));
                };
                let mut script = self.node(step, action, main, &named, &env)?;
                (script.name, script.timeout_minutes) = (name.clone(), timeout_minutes);
                StepEffect::RunScript(script)
            }
            StepAction::Uses { action, with, local: None } => {
                let inputs = self.evaluate(&named, |contexts| with.evaluate(contexts))?;
                let problem = |problem: crate::run::actions::ActionProblem| {
                    Obstacle::Problem(problem.to_string())
                };
                let action = NativeAction::parse(action).map_err(problem)?;
                let inputs = action.check(inputs).map_err(problem)?;
                let (step, name) = (self.place_of_step(), name.clone());
                let nested = self.scope.is_some();
                StepEffect::RunAction(ActionStep {
                    step,
                    name,
                    nested,
                    action,
                    inputs,
                    timeout_minutes,
                })
            }
        };
        self.running = Some(Running { id: step.id.clone(), name, continue_on_error });
        Ok(effect)
    }

    fn script(
        &self,
        named: &Object,
        job: &Job,
        step: &Step,
        env: &BTreeMap<String, String>,
    ) -> Result<ScriptStep, Obstacle> {
        let StepAction::Run { script, shell, working_directory } = &step.action else {
            return Err(Obstacle::Problem("it is no script".to_owned()));
        };
        // The defaults of a job do not reach into an action.
        let nearest = |own: &Option<Template>, of: fn(&RunDefaults) -> &Option<Template>| {
            let outside = self.scope.is_none();
            let around = [&job.defaults, &self.plan.workflow.defaults].into_iter();
            let mut around = around.filter(|_| outside).filter_map(|it| of(it).clone());
            own.clone().or_else(|| around.next())
        };
        let text = |template: Option<Template>| match template {
            None => Ok(None),
            Some(template) => {
                self.evaluate(named, |contexts| template.evaluate_text(contexts)).map(Some)
            }
        };
        let shell = text(nearest(shell, |defaults| &defaults.shell))?;
        let folder = text(nearest(working_directory, |defaults| &defaults.working_directory))?;
        let folder = folder.unwrap_or_default();
        let workspace = &self.place.workspace;
        let folder = match folder.as_str() {
            "" => workspace.clone(),
            absolute if absolute.starts_with('/') => absolute.to_owned(),
            relative => format!("{workspace}/{relative}"),
        };
        let script = self.evaluate(named, |contexts| script.evaluate_text(contexts))?;
        let action_path = self.current().map(|scope| self.action_path(&scope.action));
        let place = |files| StepPlace { id: &step.id, files, action_path };
        self.script_of(script, shell.as_deref(), folder, env, place)
    }

    /// A script whose name and limit are not known yet.
    pub(super) fn script_of<'a>(
        &self,
        script: String,
        shell: Option<&str>,
        working_directory: String,
        env: &BTreeMap<String, String>,
        place: impl FnOnce(CommandFilePaths) -> StepPlace<'a>,
    ) -> Result<ScriptStep, Obstacle> {
        let shell = Shell::named(shell.filter(|shell| !shell.is_empty()))
            .map_err(|problem| Obstacle::Problem(problem.to_string()))?;
        let step = self.place_of_step();
        let files = CommandFilePaths::of(&self.place.command_files, step as usize);
        let place = place(files.clone());
        let environment =
            step_environment(&self.plan, &self.place, env, &place, &self.prepended_paths);
        Ok(ScriptStep {
            step,
            name: String::new(),
            nested: self.scope.is_some(),
            script,
            shell,
            working_directory,
            environment,
            files,
            timeout_minutes: None,
        })
    }

    pub(super) fn skip(&mut self, step: &Step, name: String) -> StepEffect {
        let reason = if self.given_up {
            "the time for cleaning up after a cancellation is over".to_owned()
        } else if self.status().success
            || (step.condition.asks_status() && !step.condition.source().is_empty())
        {
            format!("its condition `{}` is false", step.condition.source())
        } else if self.cancelled.is_some() {
            "the job was cancelled".to_owned()
        } else {
            "an earlier step failed".to_owned()
        };
        let (place, nested) = (self.place_of_step(), self.scope.is_some());
        self.record(step.id.clone(), Conclusion::Skipped, Conclusion::Skipped, BTreeMap::new());
        StepEffect::Skip { step: place, name, nested, reason }
    }

    /// A step that fails before it runs, for example because of an expression.
    fn reject(&mut self, step: &Step, detail: String) -> StepEffect {
        let named = self.named(&self.env);
        let name = self.step_name(&named, step);
        let continued = self.evaluate(&named, |contexts| step.continue_on_error.evaluate(contexts));
        let continue_on_error = matches!(continued, Ok(true));
        let (place, nested) = (self.place_of_step(), self.scope.is_some());
        let running = Running { id: step.id.clone(), name: name.clone(), continue_on_error };
        self.annotate(AnnotationLevel::Error, detail.clone());
        let result = empty_result(StepExit::Failed(detail.clone()));
        let count = self.end_step(running, result);
        StepEffect::Reject { step: place, name, nested, count, detail }
    }

    pub(super) fn end_step(&mut self, running: Running, result: StepResult) -> StepCount {
        self.secrets.extend(result.masks.into_iter().filter(|mask| !mask.is_empty()));
        for annotation in result.annotations {
            self.keep(annotation);
        }
        let mut outputs = result.outputs;
        let files = self.read_files(&result.files, &mut outputs);
        let detail = match (&result.exit, files) {
            (StepExit::Code(0), Ok(())) => None,
            (StepExit::Code(0), Err(problem)) => {
                self.annotate(AnnotationLevel::Error, problem.clone());
                Some(problem)
            }
            (StepExit::Code(code @ 137), _) => {
                Some(format!("exit code {code} (killed; often because of the memory limit)"))
            }
            (StepExit::Code(code), _) => Some(format!("exit code {code}")),
            (StepExit::Signal(signal), _) => Some(format!("killed by signal {signal}")),
            (StepExit::OutOfMemory, _) => {
                Some("it needed more memory than a job may have, and was killed".to_owned())
            }
            (StepExit::TimedOut, _) => Some("it ran longer than its `timeout-minutes`".to_owned()),
            (StepExit::Cancelled, _) => Some("cancelled".to_owned()),
            (StepExit::Failed(detail), _) => Some(detail.clone()),
        };
        let outcome = match (&detail, &result.exit) {
            (None, _) => Conclusion::Success,
            (Some(_), StepExit::Cancelled) => Conclusion::Cancelled,
            (Some(_), _) => Conclusion::Failure,
        };
        let continued = outcome == Conclusion::Failure && running.continue_on_error;
        let conclusion = if continued { Conclusion::Success } else { outcome };
        let (step, name) = (self.place_of_step(), running.name);
        let detail = detail.unwrap_or_default();
        match self.scope.and_then(|scope| self.scopes.get_mut(scope)?.as_mut()) {
            Some(scope) if conclusion == Conclusion::Failure => {
                scope.failed.get_or_insert(format!("{name}: {detail}"));
            }
            Some(scope) => scope.cancelled |= conclusion == Conclusion::Cancelled,
            None if conclusion == Conclusion::Failure => {
                self.failure.get_or_insert(EndReason::StepFailed { step, name, detail });
            }
            None => {}
        }
        self.record(running.id, conclusion, outcome, outputs);
        StepCount { conclusion, outcome }
    }

    fn read_files(
        &mut self,
        files: &files::CommandFiles,
        outputs: &mut BTreeMap<String, String>,
    ) -> Result<(), String> {
        let env = files::environment(&files.env).map_err(|problem| problem.to_string());
        let set = files::entries("GITHUB_OUTPUT", &files.output);
        let state = files::entries("GITHUB_STATE", &files.state);
        let mut problem = None;
        match env {
            Ok(entries) => self.env.extend(entries),
            Err(error) => problem = Some(error),
        }
        match set {
            Ok(entries) => outputs.extend(entries),
            Err(error) => problem = problem.or(Some(error.to_string())),
        }
        if let Err(error) = state {
            problem = problem.or(Some(error.to_string()));
        }
        self.prepended_paths.extend(files::paths(&files.path));
        problem.map_or(Ok(()), Err)
    }

    fn record(
        &mut self,
        id: String,
        conclusion: Conclusion,
        outcome: Conclusion,
        outputs: BTreeMap<String, String>,
    ) {
        if !id.starts_with("__") {
            let mut step = Object::new();
            step.insert("outputs", texts(&outputs));
            step.insert("outcome", outcome.as_str());
            step.insert("conclusion", conclusion.as_str());
            match self.scope.and_then(|scope| self.scopes.get_mut(scope)?.as_mut()) {
                Some(scope) => scope.steps.insert(id, step),
                None => self.steps.insert(id, step),
            }
        }
        self.position += 1;
        // The step may have changed any file.
        self.hashes.clear();
    }

    fn finish(&mut self, job: Option<&Job>) -> StepEffect {
        let mut outputs = BTreeMap::new();
        if let Some(job) = job.filter(|_| !self.given_up) {
            let named = self.named(&self.env);
            match self.evaluate(&named, |contexts| job.outputs.evaluate(contexts)) {
                Ok(values) => outputs = self.checked_outputs(job, values),
                Err(Obstacle::Hash(patterns)) => return self.ask(patterns),
                Err(Obstacle::Problem(message)) => {
                    let key = format!("jobs.{}.outputs", job.id);
                    self.failure.get_or_insert(EndReason::InvalidExpression { key, message });
                }
            }
        }
        let (conclusion, reason) = match (self.cancelled.take(), self.failure.take()) {
            (Some(reason), _) => (Conclusion::Cancelled, Some(reason)),
            (None, Some(reason)) => (Conclusion::Failure, Some(reason)),
            (None, None) => (Conclusion::Success, None),
        };
        let annotations = std::mem::take(&mut self.annotations);
        StepEffect::Finish(JobEnd { conclusion, reason, outputs, annotations })
    }

    /// An output that holds a secret would end in the ledger for ever: it is left out, and said.
    fn checked_outputs(
        &mut self,
        job: &Job,
        values: Vec<(String, String)>,
    ) -> BTreeMap<String, String> {
        let mut outputs = BTreeMap::new();
        for (name, value) in values {
            if self.secrets.iter().any(|secret| value.contains(secret.as_str())) {
                let message = format!("the output `{name}` is left out because it holds a secret");
                self.annotate(AnnotationLevel::Warning, message);
            } else if !value.is_empty() {
                outputs.insert(name, value);
            }
        }
        let size: usize = outputs.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > JOB_OUTPUT_BYTES_MAX {
            let key = format!("jobs.{}.outputs", job.id);
            let message = format!("{size} bytes; at most {JOB_OUTPUT_BYTES_MAX} are kept");
            self.failure.get_or_insert(EndReason::InvalidExpression { key, message });
            return BTreeMap::new();
        }
        outputs
    }

    /// Inside an action its own steps decide.
    fn status(&self) -> Status {
        let failed = match self.current() {
            Some(scope) => scope.failed.is_some(),
            None => self.failure.is_some(),
        };
        match (&self.cancelled, failed) {
            (Some(_), _) => Status::CANCELLED,
            (None, true) => Status::FAILURE,
            (None, false) => Status::SUCCESS,
        }
    }

    pub(super) fn named(&self, env: &BTreeMap<String, String>) -> Object {
        let status = match (&self.cancelled, &self.failure) {
            (Some(_), _) => Conclusion::Cancelled,
            (None, Some(_)) => Conclusion::Failure,
            (None, None) => Conclusion::Success,
        };
        let job: Object = [("status", status.as_str())].into_iter().collect();
        let mut named = self.fixed.clone();
        named.insert("env", texts(env));
        named.insert("steps", self.steps.clone());
        named.insert("job", job);
        self.add_scope(&mut named);
        named
    }

    pub(super) fn evaluate<T>(
        &self,
        named: &Object,
        compute: impl FnOnce(&Contexts<'_>) -> Result<T, EvaluationError>,
    ) -> Result<T, Obstacle> {
        let asked = RefCell::new(None);
        let hash_files = |patterns: &[String]| match self.hashes.get(patterns) {
            Some(answer) => answer.clone(),
            None => {
                asked.replace(Some(patterns.to_vec()));
                Err("not known yet".to_owned())
            }
        };
        let contexts = Contexts::new(named).with_status(self.status()).with_files(&hash_files);
        let result = compute(&contexts);
        match (result, asked.take()) {
            (Ok(value), _) => Ok(value),
            (Err(_), Some(patterns)) => Err(Obstacle::Hash(patterns)),
            (Err(error), None) => Err(Obstacle::Problem(error.to_string())),
        }
    }

    /// A name that cannot be computed is shown as written; that is no reason to fail.
    pub(super) fn step_name(&self, named: &Object, step: &Step) -> String {
        let template = match (&step.name, &step.action) {
            (Some(name), _) => name,
            (None, StepAction::Run { script, .. }) => script,
            (None, StepAction::Uses { action, .. }) => return format!("Run {action}"),
        };
        let text = self.evaluate(named, |contexts| template.evaluate_text(contexts));
        let text = text.unwrap_or_else(|_| template.source().to_owned());
        match step.name {
            Some(_) => text,
            None => format!("Run {}", text.trim_start().lines().next().unwrap_or_default()),
        }
    }

    pub(super) fn place_of_step(&self) -> u32 {
        self.program.get(self.position).map_or(0, |entry| entry.top)
    }

    pub(super) fn annotate(&mut self, level: AnnotationLevel, message: String) {
        let (title, file, line, column) = (None, None, None, None);
        self.keep(Annotation { level, message, title, file, line, column });
    }

    fn keep(&mut self, annotation: Annotation) {
        if self.annotations.len() < Annotation::PER_JOB_MAX {
            self.annotations.push(annotation);
        }
    }
}

/// The end of a step that said nothing.
pub(super) fn empty_result(exit: StepExit) -> StepResult {
    StepResult {
        exit,
        files: files::CommandFiles::default(),
        outputs: BTreeMap::new(),
        annotations: Vec::new(),
        masks: Vec::new(),
    }
}

/// A fraction of a minute is dropped as GitHub does, but no limit becomes none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
pub(crate) fn whole_minutes(minutes: f64) -> u32 {
    minutes.clamp(1.0, f64::from(u32::MAX)) as u32
}
