//! A workflow with the workflows that it calls: each read once for each call, the call checked against
//! what is called, permissions only narrowed on the way down.

use std::sync::Arc;

use super::action::{self, ActionRuns};
use super::model::{
    Access, Call, CallDefinition, CallSecrets, Job, Permissions, Step, StepAction, Workflow,
};
use super::problem::{Problem, ProblemCode, Problems, WHOLE_FILE};
use crate::expressions::{Position, TemplateValue};

/// Workflows that call one another, the first one not counted. GitHub's.
pub(super) const DEPTH_MAX: usize = 10;
/// Calls of a file and of what it calls, together. GitHub allows 50 files; ten levels of files that
/// call two others each are a thousand.
const CALLS_MAX: usize = 1_000;
/// What the values of a file and of all that it calls weigh as GitHub counts them. GitHub's.
const WEIGHT_MAX: usize = 10 * 1024 * 1024;

/// Gives the text of a file; `None`: it is not at hand.
pub type Texts<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a call is resolved with.
pub struct Rules<'a> {
    /// The text of a called workflow by its `uses`; `None`: it is not at hand.
    pub called: Texts<'a>,
    /// The text of a file of the repository by its path, for its own actions; `None`: there is no
    /// repository at hand.
    pub file: Option<Texts<'a>>,
    /// UTF-16 units of one file.
    pub length_max: usize,
    /// What the values of all files weigh.
    pub weight_max: usize,
    /// Workflows that call one another.
    pub depth_max: usize,
    /// What a workflow without `permissions` may do; `None`: anything.
    pub permissions: Option<Permissions>,
}

impl<'a> Rules<'a> {
    /// GitHub's limits, and whatever permissions are asked for.
    #[must_use]
    pub fn new(called: Texts<'a>) -> Self {
        Self {
            called,
            file: None,
            length_max: super::FILE_LENGTH_MAX,
            weight_max: WEIGHT_MAX,
            depth_max: DEPTH_MAX,
            permissions: None,
        }
    }
}

/// A file that was read, with what it calls.
#[derive(Debug)]
pub(super) struct Document {
    /// Its values.
    pub root: TemplateValue,
    /// What they make.
    pub workflow: Workflow,
    /// Its place in the table of files, from 1.
    pub file: usize,
    /// The permissions that its callers wrote for it; `None`: they wrote none.
    pub granted: Option<Permissions>,
    /// The called files, by the job that calls.
    pub called: Vec<(String, Self)>,
}

/// A file and what it calls, and the paths of them all.
pub(super) fn load(
    path: &str,
    text: &str,
    rules: &Rules<'_>,
) -> Result<(Document, Vec<String>), Vec<Problem>> {
    let mut loader =
        Loader { rules, files: Vec::new(), problems: Vec::new(), calls: 0, weight: 0, full: false };
    let document = loader.load(path, text, 0, None);
    match document {
        Some(document) if loader.problems.is_empty() => Ok((document, loader.files)),
        Some(_) | None => Err(loader.problems),
    }
}

/// Why a `uses` of a job names no workflow.
pub(super) fn wrong_reference(uses: &str) -> Option<String> {
    if is_local(uses) {
        return uses.contains('@').then(|| {
            format!("A workflow of the same repository is called without a version: '{uses}'")
        });
    }
    let named = uses.split_once('@').is_some_and(|(path, version)| {
        !version.is_empty()
            && path.split('/').count() >= 3
            && path.split('/').all(|segment| !segment.is_empty())
    });
    (!named)
        .then(|| format!("Expected format {{owner}}/{{repo}}/{{path}}@{{ref}}. Actual '{uses}'"))
}

/// Whether a `uses` names a file of the caller's own repository.
pub(super) fn is_local(uses: &str) -> bool {
    uses.starts_with("./")
}

struct Loader<'r> {
    rules: &'r Rules<'r>,
    files: Vec<String>,
    problems: Vec<Problem>,
    calls: usize,
    weight: usize,
    full: bool,
}

impl Loader<'_> {
    fn load(
        &mut self,
        path: &str,
        text: &str,
        depth: usize,
        granted: Option<Permissions>,
    ) -> Option<Document> {
        let file = self.file(path);
        let (root, mut workflow) = match super::read_language(path, text, self.rules.length_max) {
            Ok(read) => read,
            Err(problems) => {
                self.add_all(problems);
                return None;
            }
        };
        self.weight += weight_of_text(path) + weight(&root);
        if self.weight > self.rules.weight_max {
            self.refuse_whole(path, "Maximum object size exceeded".into());
            return None;
        }
        super::supported::check(path, &root, &mut workflow);
        let level = workflow.permissions.clone().or(granted.clone());
        let mut called = Vec::new();
        let mut jobs = std::mem::take(&mut workflow.jobs);
        for job in &mut jobs {
            if self.full {
                return None;
            }
            let mut steps = std::mem::take(&mut job.steps);
            for step in &mut steps {
                self.resolve(path, step, 0, &mut job.unsupported);
            }
            job.steps = steps;
            let (id, at) = (job.id.clone(), job.at);
            let granted = job.permissions.clone().or(level.clone());
            let allowed = granted.clone().or(self.rules.permissions.clone());
            let Some(call) = &mut job.call else { continue };
            let Some(document) = self.call(path, call, depth, granted) else {
                continue;
            };
            let mut problems = Problems::new(path);
            check_arguments(call, &document.workflow, &mut problems);
            check_permissions(at, &call.uses, &document.workflow, allowed.as_ref(), &mut problems);
            self.add_all(problems.into_vec());
            call.workflow = Some(Arc::new(document.workflow.clone()));
            called.push((id, document));
        }
        workflow.jobs = jobs;
        super::supported::check_calls(path, &mut workflow);
        super::supported::limit(&mut workflow);
        Some(Document { root, workflow, file, granted, called })
    }

    fn call(
        &mut self,
        path: &str,
        call: &Call,
        depth: usize,
        granted: Option<Permissions>,
    ) -> Option<Document> {
        let text = (self.rules.called)(&call.uses)?;
        self.calls += 1;
        if depth >= self.rules.depth_max {
            let message =
                format!("Nested reusable workflow depth exceeded {}.", self.rules.depth_max);
            self.refuse_whole(path, message);
            return None;
        }
        if self.calls > CALLS_MAX {
            let message = format!("More than {CALLS_MAX} workflows are called, one by another");
            self.refuse_whole(path, message);
            return None;
        }
        self.load(&call.uses, &text, depth + 1, granted)
    }

    /// Reads the action of the repository that a step uses, and those that it uses.
    fn resolve(
        &mut self,
        path: &str,
        step: &mut Step,
        depth: usize,
        unsupported: &mut Vec<Problem>,
    ) {
        let at = step.at;
        let has_limit = step.timeout_minutes.is_some();
        let StepAction::Uses { action: uses, local, .. } = &mut step.action else { return };
        if !is_local(uses) {
            return;
        }
        let mut problems = Problems::new(path);
        let mut note = |message: String| problems.add(ProblemCode::Unsupported, at, message);
        let Some(file) = self.rules.file else {
            note(format!("The action '{uses}' was not read with its workflow"));
            return unsupported.extend(problems.into_vec());
        };
        let folder = action::folder_of(uses);
        let place = |name: &str| {
            let folder = folder.as_deref()?;
            Some(if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") })
        };
        let found = action::FILES.iter().filter_map(|name| place(name));
        let found = found.filter_map(|path| Some((file(&path)?, path))).next();
        let Some((text, action_path)) = found else {
            note(format!(
                "The action '{uses}' is not supported: there is no action.yml in that folder of \
                 this repository"
            ));
            return unsupported.extend(problems.into_vec());
        };
        if has_limit {
            note(
                "'timeout-minutes' of a step that uses an action of the repository is not \
                  supported. Write it at the job"
                    .into(),
            );
        }
        unsupported.extend(problems.into_vec());
        self.calls += 1;
        self.weight += weight_of_text(&text);
        if self.weight > self.rules.weight_max || self.calls > CALLS_MAX {
            return self.refuse_whole(path, "Maximum object size exceeded".into());
        }
        if depth >= action::DEPTH_MAX {
            let message = format!("Actions that use one another: more than {}", action::DEPTH_MAX);
            return self.refuse_whole(&action_path, message);
        }
        match action::read(&folder.unwrap_or_default(), &action_path, &text) {
            Ok((mut action, parts)) => {
                unsupported.extend(parts);
                if let ActionRuns::Composite { steps } = &mut action.runs {
                    super::supported::check_steps(&action_path, steps, unsupported);
                    for step in steps {
                        if self.full {
                            return;
                        }
                        self.resolve(&action_path, step, depth + 1, unsupported);
                    }
                }
                *local = Some(Arc::new(action));
            }
            Err(problems) => self.add_all(problems),
        }
    }

    fn file(&mut self, path: &str) -> usize {
        let known = self.files.iter().position(|file| file == path);
        let place = known.unwrap_or_else(|| {
            self.files.push(path.to_owned());
            self.files.len() - 1
        });
        place + 1
    }

    fn refuse_whole(&mut self, path: &str, message: String) {
        let mut problems = Problems::new(path);
        problems.add(ProblemCode::WorkflowTooLarge, WHOLE_FILE, message);
        self.add_all(problems.into_vec());
        self.full = true;
    }

    /// A file that is called twice is wrong once.
    fn add_all(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }
}

/// Inputs and secrets of a call, by names without regard to case.
fn check_arguments(call: &Call, called: &Workflow, problems: &mut Problems<'_>) {
    let mut refuse = |at: Position, message: String| {
        problems.add(ProblemCode::WorkflowCall, at, message);
    };
    let Some(CallDefinition { inputs, secrets, .. }) = &called.events.workflow_call else {
        return refuse(
            call.at,
            "workflow_call key is not defined in the referenced workflow.".into(),
        );
    };
    let given: Vec<_> = call.with.literal_entries().collect();
    let has = |given: &[(&str, &TemplateValue)], name: &str| {
        given.iter().any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    for input in inputs.iter().filter(|input| input.required && !has(&given, &input.name)) {
        let name = &input.name;
        refuse(call.at, format!("Input {name} is required, but not provided while calling."));
    }
    for (name, value) in &given {
        if !inputs.iter().any(|input| input.name.eq_ignore_ascii_case(name)) {
            let message =
                format!("Invalid input, {name} is not defined in the referenced workflow.");
            refuse(value.position(), message);
        }
    }
    let named: Vec<_> = match &call.secrets {
        CallSecrets::Inherit => return,
        CallSecrets::None => Vec::new(),
        CallSecrets::Named(named) => named.literal_entries().collect(),
    };
    for secret in secrets.iter().filter(|secret| secret.required && !has(&named, &secret.name)) {
        let name = &secret.name;
        refuse(call.at, format!("Secret {name} is required, but not provided while calling."));
    }
    for (name, value) in &named {
        if !secrets.iter().any(|secret| secret.name.eq_ignore_ascii_case(name)) {
            let message =
                format!("Invalid secret, {name} is not defined in the referenced workflow.");
            refuse(value.position(), message);
        }
    }
}

/// What is called asks for no more than its caller may do.
fn check_permissions(
    at: Position,
    uses: &str,
    called: &Workflow,
    allowed: Option<&Permissions>,
    problems: &mut Problems<'_>,
) {
    let Some(allowed) = allowed else { return };
    let mut check = |who: String, asked: Option<&Permissions>| {
        let exceeding: Vec<_> = asked.map_or_else(Vec::new, |asked| exceeding(asked, allowed));
        if exceeding.is_empty() {
            return;
        }
        let list = |of: &Permissions| {
            let levels = exceeding.iter().map(|scope| format!("{scope}: {}", of.access(scope)));
            levels.collect::<Vec<_>>().join(", ")
        };
        let message = format!(
            "Error calling workflow '{uses}'. {who} is requesting '{}', but is only allowed '{}'.",
            asked.map(list).unwrap_or_default(),
            list(allowed),
        );
        problems.add(ProblemCode::WorkflowCall, at, message);
    };
    check(format!("The workflow '{uses}'"), called.permissions.as_ref());
    for job in &called.jobs {
        check(format!("The nested job '{}'", shown_name(job)), job.permissions.as_ref());
    }
}

fn shown_name(job: &Job) -> &str {
    job.name.as_ref().map_or(job.id.as_str(), |name| name.source())
}

/// The scopes for which more is asked than is allowed.
fn exceeding(asked: &Permissions, allowed: &Permissions) -> Vec<String> {
    let named = match asked {
        Permissions::ReadAll | Permissions::WriteAll => Permissions::SCOPES.to_vec(),
        Permissions::Named { scopes } => scopes.iter().map(|(scope, _)| scope.as_str()).collect(),
    };
    let exceeds = |scope: &&str| asked.access(scope) > allowed.access(scope);
    named.into_iter().filter(exceeds).map(str::to_owned).collect()
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// GitHub counts 24 bytes for a value, 26 for a text and 2 for each of its UTF-16 units.
fn weight(value: &TemplateValue) -> usize {
    const VALUE: usize = 24;
    match value {
        TemplateValue::Null { .. }
        | TemplateValue::Boolean { .. }
        | TemplateValue::Number { .. } => VALUE,
        TemplateValue::Text(template) => VALUE + weight_of_template(template),
        TemplateValue::List { items, .. } => VALUE + items.iter().map(weight).sum::<usize>(),
        TemplateValue::Map { entries, .. } => {
            let entry = |(key, value): &(crate::expressions::Template, TemplateValue)| {
                VALUE + weight_of_template(key) + weight(value)
            };
            VALUE + entries.iter().map(entry).sum::<usize>()
        }
    }
}

fn weight_of_template(template: &crate::expressions::Template) -> usize {
    match template.as_expression_text() {
        Some(expression) => weight_of_text(&expression),
        None => weight_of_text(template.literal().unwrap_or(template.source())),
    }
}

fn weight_of_text(text: &str) -> usize {
    26 + 2 * text.encode_utf16().count()
}
