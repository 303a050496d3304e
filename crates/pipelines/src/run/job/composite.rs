//! Actions of the repository itself: composite ones as steps in a scope of their own, and those that the
//! machine's Node runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::environment::StepPlace;
use super::machine::{JobMachine, Obstacle, Running, empty_result};
use super::{ScriptStep, StepEffect, StepExit};
use crate::expressions::{Object, Value};
use crate::facts::AnnotationLevel;
use crate::run::contexts::texts;
use crate::workflow::action::Action;
use crate::workflow::model::{Step, Variables};

/// A composite action that runs.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// The action.
    pub action: Arc<Action>,
    /// The scope around it.
    pub outer: Option<usize>,
    /// Its `inputs`.
    pub inputs: Object,
    /// `env` of the steps that it is inside of.
    pub env: BTreeMap<String, String>,
    /// Its own `steps`.
    pub steps: Object,
    /// Why it failed, with the first of its steps that did.
    pub failed: Option<String>,
    /// Whether one of its steps was cancelled.
    pub cancelled: bool,
    /// The step that it is.
    pub running: Running,
}

impl JobMachine {
    /// Begins a composite action, or passes over all of it.
    pub(super) fn enter(
        &mut self,
        step: &Step,
        action: &Arc<Action>,
        inner: usize,
        after: usize,
    ) -> Result<StepEffect, Obstacle> {
        let (env, named) = self.step_env(step)?;
        let name = self.step_name(&named, step);
        if !self.runs(step, &named)? {
            let effect = self.skip(step, name);
            self.position = after;
            return Ok(effect);
        }
        let continue_on_error =
            self.evaluate(&named, |contexts| step.continue_on_error.evaluate(contexts))?;
        let inputs = self.action_inputs(action, step.action.inputs(), &named)?;
        let own: BTreeMap<_, _> =
            env.into_iter().filter(|(name, value)| self.env.get(name) != Some(value)).collect();
        let running = Running { id: step.id.clone(), name: name.clone(), continue_on_error };
        self.scopes[inner] = Some(Scope {
            action: Arc::clone(action),
            outer: self.scope,
            inputs: texts(&inputs),
            env: own,
            steps: Object::new(),
            failed: None,
            cancelled: false,
            running,
        });
        let (step, nested) = (self.place_of_step(), self.scope.is_some());
        self.position += 1;
        Ok(StepEffect::Enter { step, name, nested })
    }

    /// Ends a composite action with its outputs, as a step.
    pub(super) fn leave(&mut self, inner: usize) -> Result<StepEffect, Obstacle> {
        self.scope = Some(inner);
        let named = self.named(&self.env);
        let Some(scope) = self.scopes.get(inner).cloned().flatten() else {
            return Err(Obstacle::Problem("the action was never begun".to_owned()));
        };
        let mut outputs = BTreeMap::new();
        for (name, value) in &scope.action.outputs {
            let text = self.evaluate(&named, |contexts| value.evaluate_text(contexts));
            match text {
                Ok(text) => drop(outputs.insert(name.clone(), text)),
                Err(Obstacle::Hash(patterns)) => return Err(Obstacle::Hash(patterns)),
                Err(Obstacle::Problem(message)) => {
                    return Ok(self.close(scope, StepExit::Failed(message), outputs));
                }
            }
        }
        let exit = match (&scope.failed, scope.cancelled) {
            (Some(detail), _) => StepExit::Failed(detail.clone()),
            (None, true) => StepExit::Cancelled,
            (None, false) => StepExit::Code(0),
        };
        Ok(self.close(scope, exit, outputs))
    }

    fn close(
        &mut self,
        scope: Scope,
        exit: StepExit,
        outputs: BTreeMap<String, String>,
    ) -> StepEffect {
        self.scope = scope.outer;
        let (step, name, nested) =
            (self.place_of_step(), scope.running.name.clone(), scope.outer.is_some());
        let mut result = empty_result(exit);
        result.outputs = outputs;
        let count = self.end_step(scope.running, result);
        StepEffect::Leave { step, name, count, nested }
    }

    /// What an action is given: texts, defaults included. What it does not take is remarked on.
    fn action_inputs(
        &mut self,
        action: &Action,
        with: Option<&Variables>,
        named: &Object,
    ) -> Result<BTreeMap<String, String>, Obstacle> {
        let given = match with {
            Some(with) => self.evaluate(named, |contexts| with.evaluate(contexts))?,
            None => Vec::new(),
        };
        let mut inputs = BTreeMap::new();
        for input in &action.inputs {
            let found = given.iter().find(|(name, _)| name.eq_ignore_ascii_case(&input.name));
            let value = match (found, &input.default) {
                (Some((_, value)), _) => value.clone(),
                (None, Some(default)) => {
                    self.evaluate(named, |contexts| default.evaluate_text(contexts))?
                }
                (None, None) => String::new(),
            };
            inputs.insert(input.name.clone(), value);
        }
        for (name, _) in &given {
            if !action.inputs.iter().any(|input| input.name.eq_ignore_ascii_case(name)) {
                let known = inputs.keys().cloned().collect::<Vec<_>>().join(", ");
                let message = format!("unexpected input `{name}`; the action takes: {known}");
                self.annotate(AnnotationLevel::Warning, message);
            }
        }
        Ok(inputs)
    }

    /// An action that the machine's Node runs, as a script.
    pub(super) fn node(
        &mut self,
        step: &Step,
        action: &Action,
        main: &str,
        named: &Object,
        env: &BTreeMap<String, String>,
    ) -> Result<ScriptStep, Obstacle> {
        let inputs = self.action_inputs(action, step.action.inputs(), named)?;
        let folder = self.action_path(action);
        let mut env = env.clone();
        for (name, value) in inputs {
            env.insert(format!("INPUT_{}", name.replace(' ', "_").to_uppercase()), value);
        }
        let file = format!("{folder}/{main}").replace('\'', "'\\''");
        let script = format!("exec node '{file}'");
        let place = |files| StepPlace { id: &step.id, files, action_path: Some(folder.clone()) };
        let workspace = self.place.workspace.clone();
        self.script_of(script, None, workspace, &env, place)
    }

    /// Where the files of an action are, as steps see them.
    pub(super) fn action_path(&self, action: &Action) -> String {
        let workspace = &self.place.workspace;
        if action.folder.is_empty() {
            return workspace.clone();
        }
        format!("{workspace}/{}", action.folder)
    }

    /// The composite action that is at work.
    pub(super) fn current(&self) -> Option<&Scope> {
        self.scopes.get(self.scope?)?.as_ref()
    }

    /// The contexts of an action beside those of its job.
    pub(super) fn add_scope(&self, named: &mut Object) {
        let Some(scope) = self.current() else { return };
        named.insert("inputs", scope.inputs.clone());
        named.insert("steps", scope.steps.clone());
        // What a caller wants an action to know of its secrets it hands in.
        named.insert("secrets", Object::new());
        if let Some(Value::Object(github)) = named.get("github") {
            let mut github = github.as_ref().clone();
            github.insert("action_path", self.action_path(&scope.action));
            named.insert("github", github);
        }
    }
}
