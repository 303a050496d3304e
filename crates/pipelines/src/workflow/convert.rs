//! Values that the language allows into the typed workflow, with the rules that span several keys.

use std::collections::BTreeMap;

use super::convert_steps::{is_identifier, steps};
use super::model::{
    Access, Call, CallSecrets, Concurrency, EnvironmentReference, JOBS_MAX, Job, Permissions,
    RunDefaults, RunsOn, Strategy, Variables, Workflow,
};
use super::problem::{ProblemCode, Problems};
use crate::expressions::{Amount, Condition, Flag, Position, Scope, Template, TemplateValue};

/// The workflow of a file; the workflows that it calls are not read yet.
pub(super) fn workflow(path: &str, root: &TemplateValue, problems: &mut Problems<'_>) -> Workflow {
    let jobs = match root.entry("jobs") {
        Some(value) => jobs(value, problems),
        None => Vec::new(),
    };
    Workflow {
        path: path.into(),
        name: root.entry("name").and_then(literal).filter(|name| !name.is_empty()),
        run_name: root.entry("run-name").and_then(template),
        events: super::convert_events::events(root.entry("on"), problems),
        permissions: root.entry("permissions").map(permissions),
        permissions_at: root.key_position("permissions"),
        env: Variables(root.entry("env").cloned()),
        defaults: defaults(root.entry("defaults")),
        concurrency: root.entry("concurrency").and_then(|value| concurrency(value, problems)),
        jobs,
        unsupported: Vec::new(),
    }
}

fn jobs(value: &TemplateValue, problems: &mut Problems<'_>) -> Vec<Job> {
    let entries = value.entries();
    let mut jobs = Vec::new();
    if let Some((first_too_many, _)) = entries.get(JOBS_MAX) {
        let message = format!("{} jobs; at most {JOBS_MAX} are allowed", entries.len());
        problems.add(ProblemCode::WorkflowTooLarge, first_too_many.position(), message);
        return jobs;
    }
    for (key, job_value) in entries {
        let id = key.source();
        if !is_identifier(id) {
            problems.add(ProblemCode::WorkflowIdentifier, key.position(), invalid_identifier(id));
        }
        jobs.push(job(id, key.position(), job_value, problems));
    }
    check_needs(value, problems);
    jobs
}

/// GitHub's sentence about an id, its doubled "and" included.
pub(super) fn invalid_identifier(id: &str) -> String {
    format!(
        "The identifier '{id}' is invalid. IDs may only contain alphanumeric characters, '_', and \
         '-'. IDs must start with a letter or '_' and and must be less than 100 characters."
    )
}

/// Every need is a job, and one can begin.
fn check_needs(jobs: &TemplateValue, problems: &mut Problems<'_>) {
    let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, job) in jobs.entries() {
        let needs = job.entry("needs").map(texts).unwrap_or_default();
        let needs = needs.iter().map(|(need, _)| need.to_lowercase()).collect();
        graph.insert(key.source().to_lowercase(), needs);
    }
    if !graph.values().any(Vec::is_empty) {
        let message = "The workflow must contain at least one job with no dependencies.";
        problems.add(ProblemCode::WorkflowNeeds, jobs.position(), message);
        if graph.values().flatten().all(|need| graph.contains_key(need)) {
            return;
        }
    }
    for (key, job) in jobs.entries() {
        let id = key.source();
        for (need, at) in job.entry("needs").map(texts).unwrap_or_default() {
            let message = if !graph.contains_key(&need.to_lowercase()) {
                format!("Job '{id}' depends on unknown job '{need}'.")
            } else if reaches(&graph, &need.to_lowercase(), &id.to_lowercase()) {
                format!(
                    "Job '{id}' depends on job '{need}' which creates a cycle in the dependency \
                     graph."
                )
            } else {
                continue;
            };
            problems.add(ProblemCode::WorkflowNeeds, at, message);
        }
    }
}

/// Whether `from` needs `to`, directly or through others.
fn reaches(graph: &BTreeMap<String, Vec<String>>, from: &str, to: &str) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut pending = vec![from];
    while let Some(id) = pending.pop() {
        if id == to {
            return true;
        }
        if seen.insert(id) {
            pending.extend(graph.get(id).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

fn job(id: &str, at: Position, value: &TemplateValue, problems: &mut Problems<'_>) -> Job {
    Job {
        id: id.into(),
        at,
        name: value.entry("name").and_then(template),
        needs: value
            .entry("needs")
            .map(texts)
            .unwrap_or_default()
            .into_iter()
            .map(|(need, _)| need)
            .collect(),
        condition: condition(value.entry("if"), at, problems),
        runs_on: runs_on(value.entry("runs-on")),
        permissions: value.entry("permissions").map(permissions),
        environment: value.entry("environment").and_then(environment),
        concurrency: value.entry("concurrency").and_then(|value| concurrency(value, problems)),
        outputs: Variables(value.entry("outputs").cloned()),
        env: Variables(value.entry("env").cloned()),
        defaults: defaults(value.entry("defaults")),
        strategy: strategy(value.entry("strategy"), problems),
        timeout_minutes: value.entry("timeout-minutes").and_then(amount),
        continue_on_error: value.entry("continue-on-error").map_or(Flag::Fixed(false), flag),
        steps: value.entry("steps").map(|value| steps(value, problems)).unwrap_or_default(),
        call: call(value, problems),
        unsupported: Vec::new(),
    }
}

fn call(job: &TemplateValue, problems: &mut Problems<'_>) -> Option<Call> {
    let written = job.entry("uses")?;
    let (uses, at) = (literal(written)?, written.position());
    // A quoted text in an expression names nothing that could be checked.
    let is_plain = template(written).is_some_and(|it| !it.source().contains("${{"));
    if let Some(message) = super::calls::wrong_reference(&uses).filter(|_| is_plain) {
        problems.add(ProblemCode::WorkflowUnexpectedValue, at, message);
    }
    let secrets = match job.entry("secrets") {
        None => CallSecrets::None,
        Some(mapping @ TemplateValue::Map { .. }) => {
            CallSecrets::Named(Variables(Some(mapping.clone())))
        }
        Some(_) => CallSecrets::Inherit,
    };
    let with = Variables(job.entry("with").cloned());
    Some(Call { uses, at, with, secrets, workflow: None })
}

/// `if`; checked by the reader already, so what is refused here is only an `if` that its rewriting
/// made too deep.
pub(super) fn condition(
    value: Option<&TemplateValue>,
    at: Position,
    problems: &mut Problems<'_>,
) -> Condition {
    let Some(TemplateValue::Text(text)) = value else { return Condition::success(at) };
    Condition::parse(text.source(), text.position(), Scope::ANY).unwrap_or_else(|error| {
        problems.add(ProblemCode::WorkflowExpression, text.position(), error.to_string());
        Condition::success(at)
    })
}

fn runs_on(value: Option<&TemplateValue>) -> RunsOn {
    match value {
        Some(mapping @ TemplateValue::Map { .. }) => RunsOn {
            labels: mapping.entry("labels").cloned(),
            group: mapping.entry("group").and_then(template),
        },
        other => RunsOn { labels: other.cloned(), group: None },
    }
}

/// Absent for the empty text, which GitHub takes for no environment.
fn environment(value: &TemplateValue) -> Option<EnvironmentReference> {
    let name = template(value).or_else(|| value.entry("name").and_then(template))?;
    let url = value.entry("url").and_then(template);
    (!name.source().is_empty()).then_some(EnvironmentReference { name, url })
}

fn concurrency(value: &TemplateValue, problems: &mut Problems<'_>) -> Option<Concurrency> {
    let mapping = matches!(value, TemplateValue::Map { .. });
    let group = if mapping { value.entry("group") } else { Some(value) };
    let group = group.and_then(template)?;
    if group.source().is_empty() {
        let message = "Concurrency group name cannot be empty";
        problems.add(ProblemCode::WorkflowContradiction, group.position(), message);
        return None;
    }
    let cancel_in_progress = value.entry("cancel-in-progress").map_or(Flag::Fixed(false), flag);
    let keep_all_pending = value.entry("queue").and_then(literal).as_deref() == Some("max");
    if keep_all_pending && cancel_in_progress == Flag::Fixed(true) {
        let message = "'queue: max' cannot be combined with 'cancel-in-progress: true'";
        problems.add(ProblemCode::WorkflowContradiction, value.position(), message);
    }
    Some(Concurrency { group, cancel_in_progress, keep_all_pending })
}

fn strategy(value: Option<&TemplateValue>, problems: &mut Problems<'_>) -> Strategy {
    let entry = |name| value.and_then(|value| value.entry(name));
    let matrix = entry("matrix");
    if let Some(matrix @ TemplateValue::Map { at, entries }) = matrix {
        for (key, vector) in entries {
            if let TemplateValue::List { items, at } = vector
                && items.is_empty()
                && !["include", "exclude"].contains(&key.source())
            {
                let message =
                    format!("Matrix vector '{}' does not contain any values", key.source());
                problems.add(ProblemCode::WorkflowMatrix, *at, message);
            }
        }
        let only_filters = entries.iter().all(|(key, _)| key.source() == "exclude");
        if only_filters && matrix.entry("include").is_none() {
            problems.add(
                ProblemCode::WorkflowMatrix,
                *at,
                "Matrix must define at least one vector",
            );
        }
    }
    Strategy {
        matrix: matrix.cloned(),
        fail_fast: entry("fail-fast").map_or(Flag::Fixed(true), flag),
        max_parallel: entry("max-parallel").and_then(amount),
    }
}

fn defaults(value: Option<&TemplateValue>) -> RunDefaults {
    let run = value.and_then(|value| value.entry("run"));
    RunDefaults {
        shell: run.and_then(|run| run.entry("shell")).and_then(template),
        working_directory: run.and_then(|run| run.entry("working-directory")).and_then(template),
    }
}

pub(super) fn permissions(value: &TemplateValue) -> Permissions {
    match literal(value).as_deref() {
        Some("read-all") => return Permissions::ReadAll,
        Some("write-all") => return Permissions::WriteAll,
        Some(_) | None => {}
    }
    let access = |value: &TemplateValue| match literal(value).as_deref() {
        Some("read") => Access::Read,
        Some("write") => Access::Write,
        Some(_) | None => Access::None,
    };
    let scopes = value
        .entries()
        .iter()
        .map(|(scope, level)| (scope.source().to_owned(), access(level)))
        .collect();
    Permissions::Named { scopes }
}

impl TemplateValue {
    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[(Template, Self)] {
        match self {
            Self::Map { entries, .. } => entries,
            Self::Null { .. }
            | Self::Boolean { .. }
            | Self::Number { .. }
            | Self::Text(_)
            | Self::List { .. } => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List { items, .. } => items,
            Self::Null { .. }
            | Self::Boolean { .. }
            | Self::Number { .. }
            | Self::Text(_)
            | Self::Map { .. } => &[],
        }
    }

    /// The value of a key, as it is written in the language's table.
    pub(super) fn entry(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.source() == name).map(|(_, value)| value)
    }

    /// The key itself, for its place.
    pub(super) fn key_position(&self, name: &str) -> Option<Position> {
        self.entries().iter().find(|(key, _)| key.source() == name).map(|(key, _)| key.position())
    }
}

/// A text, possibly computed.
pub(super) fn template(value: &TemplateValue) -> Option<Template> {
    match value {
        TemplateValue::Text(template) => Some(template.clone()),
        TemplateValue::Null { .. }
        | TemplateValue::Boolean { .. }
        | TemplateValue::Number { .. }
        | TemplateValue::List { .. }
        | TemplateValue::Map { .. } => None,
    }
}

/// A text without expressions.
pub(super) fn literal(value: &TemplateValue) -> Option<String> {
    template(value)?.literal().map(str::to_owned)
}

/// One text or several, with their places.
pub(super) fn texts(value: &TemplateValue) -> Vec<(String, Position)> {
    match value {
        TemplateValue::Text(template) => {
            let text = template.literal().unwrap_or(template.source());
            vec![(text.into(), template.position())]
        }
        TemplateValue::List { items, .. } => items.iter().flat_map(texts).collect(),
        TemplateValue::Null { .. }
        | TemplateValue::Boolean { .. }
        | TemplateValue::Number { .. }
        | TemplateValue::Map { .. } => Vec::new(),
    }
}

pub(super) fn flag(value: &TemplateValue) -> Flag {
    match value {
        TemplateValue::Text(template) => Flag::Computed(template.clone()),
        TemplateValue::Boolean { value, .. } => Flag::Fixed(*value),
        TemplateValue::Null { .. }
        | TemplateValue::Number { .. }
        | TemplateValue::List { .. }
        | TemplateValue::Map { .. } => Flag::Fixed(false),
    }
}

pub(super) fn amount(value: &TemplateValue) -> Option<Amount> {
    match value {
        TemplateValue::Text(template) => Some(Amount::Computed(template.clone())),
        TemplateValue::Number { value, .. } => Some(Amount::Fixed(*value)),
        TemplateValue::Null { .. }
        | TemplateValue::Boolean { .. }
        | TemplateValue::List { .. }
        | TemplateValue::Map { .. } => None,
    }
}
