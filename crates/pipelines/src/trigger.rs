//! Which workflows an event starts, and why the others stay silent.
//!
//! A workflow that listens to the event and is filtered out is an answer of its own: its required
//! checks then report "skipped" instead of waiting for ever.

use std::collections::BTreeMap;
use std::fmt;

use ledger::{CommitId, RefName};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::expressions::Value;
use crate::workflow::Workflow;
use crate::workflow::model::{
    Dispatch, DispatchInput, DispatchInputKind, PatternFilter, PullRequestFilter, PushFilter,
    Schedule, WorkflowRunFilter,
};
use crate::workflow::schedule::ZoneName;

/// What happened, and the workflows as they are in the tree that it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerInputs {
    /// What happened.
    pub event: Event,
    /// Paths and workflows, in the order of the paths.
    pub workflows: Vec<(String, Workflow)>,
}

/// What may start workflows.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A branch or a tag moved.
    Push {
        /// Which.
        reference: RefName,
        /// Its commit before; absent when it is new.
        before: Option<CommitId>,
        /// Its commit now; absent when it was deleted.
        after: Option<CommitId>,
        /// The paths that differ between the two, both names of a renamed one; absent when that is
        /// not known, and then path filters let the push pass.
        changed_paths: Option<Vec<String>>,
    },
    /// A pull request changed.
    PullRequest {
        /// The branch that it would be merged into.
        base: RefName,
        /// The branch or topic that holds the change.
        head: RefName,
        /// What happened to it.
        action: PullRequestAction,
        /// The paths that it changes; absent when that is not known.
        changed_paths: Option<Vec<String>>,
    },
    /// A branch or a tag is new.
    Create,
    /// A branch or a tag is gone.
    Delete,
    /// A run of another workflow began or ended.
    WorkflowRun {
        /// That workflow's name.
        workflow: String,
        /// `requested` or `completed`.
        action: &'static str,
        /// The branch that the other run is for.
        branch: String,
    },
    /// A time came.
    Schedule {
        /// The `cron` whose time it is.
        cron: String,
        /// The time zone that it is written for: the same text means another time in each.
        zone: ZoneName,
    },
    /// Somebody asks for a run.
    WorkflowDispatch {
        /// The branch or tag to run on.
        reference: RefName,
        /// The path of the workflow that is asked for.
        workflow: String,
        /// What they gave, by name.
        inputs: BTreeMap<String, String>,
    },
}

/// What happened to a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullRequestAction {
    /// It is new.
    Opened,
    /// It has a new patch set.
    Synchronize,
    /// It was closed and is open again.
    Reopened,
    /// It was closed, merged or not.
    Closed,
    /// Its title, text or base was changed.
    Edited,
}

impl PullRequestAction {
    /// The name in `types` and in `github.event.action`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Synchronize => "synchronize",
            Self::Reopened => "reopened",
            Self::Closed => "closed",
            Self::Edited => "edited",
        }
    }
}

/// What becomes of one workflow.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// A run starts.
    Run {
        /// The workflow's path.
        workflow: String,
        /// The inputs of a `workflow_dispatch`, defaults included and typed; else empty.
        inputs: BTreeMap<String, Json>,
    },
    /// None does.
    Skipped {
        /// The workflow's path.
        workflow: String,
        /// Why.
        reason: SkipReason,
    },
}

/// Why an event starts no run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum SkipReason {
    /// `on` does not name the event.
    EventNotListed {
        /// The event.
        event: String,
    },
    /// The pull request's activity is not among `types`.
    ActivityNotListed {
        /// What happened to it.
        activity: String,
    },
    /// The ref was deleted.
    RefDeleted {
        /// Which.
        reference: String,
    },
    /// The branch does not pass `branches`.
    BranchFiltered {
        /// Its name.
        branch: String,
    },
    /// The tag does not pass `tags`.
    TagFiltered {
        /// Its name.
        tag: String,
    },
    /// No changed path passes `paths`.
    PathsFiltered {
        /// How many paths changed.
        changed: usize,
    },
    /// Another workflow was asked for.
    NotAskedFor,
    /// An input is not one of the workflow's.
    InputUnknown {
        /// Its name.
        input: String,
    },
    /// A required input was not given and has no default.
    InputMissing {
        /// Its name.
        input: String,
    },
    /// An input has a value that its type does not allow.
    InputInvalid {
        /// Its name.
        input: String,
        /// What it takes.
        expected: String,
    },
}

impl SkipReason {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EventNotListed { .. } => "event-not-listed",
            Self::ActivityNotListed { .. } => "activity-not-listed",
            Self::RefDeleted { .. } => "ref-deleted",
            Self::BranchFiltered { .. } => "branch-filtered",
            Self::TagFiltered { .. } => "tag-filtered",
            Self::PathsFiltered { .. } => "paths-filtered",
            Self::NotAskedFor => "not-asked-for",
            Self::InputUnknown { .. } => "input-unknown",
            Self::InputMissing { .. } => "input-missing",
            Self::InputInvalid { .. } => "input-invalid",
        }
    }

    /// Whether the workflow listens to the event and a filter of its own left this one out; its
    /// checks then count as skipped.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        match self {
            Self::BranchFiltered { .. } | Self::TagFiltered { .. } | Self::PathsFiltered { .. } => {
                true
            }
            Self::EventNotListed { .. }
            | Self::ActivityNotListed { .. }
            | Self::RefDeleted { .. }
            | Self::NotAskedFor
            | Self::InputUnknown { .. }
            | Self::InputMissing { .. }
            | Self::InputInvalid { .. } => false,
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventNotListed { event } => {
                write!(f, "'on' does not name {event}; add it to start the workflow by it")
            }
            Self::ActivityNotListed { activity } => {
                write!(f, "'types' of pull_request does not name {activity}")
            }
            Self::RefDeleted { reference } => {
                write!(f, "{reference} was deleted, so there is nothing to run on")
            }
            Self::BranchFiltered { branch } => {
                write!(f, "the branch {branch} does not pass the workflow's filter of branches")
            }
            Self::TagFiltered { tag } => {
                write!(f, "the tag {tag} does not pass the workflow's filter of tags")
            }
            Self::PathsFiltered { changed } => {
                write!(
                    f,
                    "none of the {changed} changed paths passes the workflow's filter of paths"
                )
            }
            Self::NotAskedFor => f.write_str("another workflow was asked for"),
            Self::InputUnknown { input } => {
                write!(f, "the workflow has no input '{input}'; leave it out")
            }
            Self::InputMissing { input } => {
                write!(f, "the input '{input}' is required and has no default; give it")
            }
            Self::InputInvalid { input, expected } => {
                write!(f, "the input '{input}' takes {expected}")
            }
        }
    }
}

/// What becomes of each workflow, in the order of the inputs.
#[must_use]
pub fn decide(inputs: &TriggerInputs) -> Vec<Trigger> {
    let trigger = |(path, workflow): &(String, Workflow)| {
        let decision = match &inputs.event {
            Event::Push { reference, after, changed_paths, .. } => {
                push(workflow, reference, after.is_some(), changed_paths.as_deref())
            }
            Event::PullRequest { base, action, changed_paths, .. } => {
                pull_request(workflow, base, *action, changed_paths.as_deref())
            }
            Event::Create => listed(workflow.events.create, "create"),
            Event::Delete => listed(workflow.events.delete, "delete"),
            Event::WorkflowRun { workflow: other, action, branch } => {
                workflow_run(workflow, other, action, branch)
            }
            Event::Schedule { cron, zone } => {
                let is_due = |it: &Schedule| it.cron.as_str() == cron && it.zone == *zone;
                let has = workflow.events.schedule.iter().any(is_due);
                listed(has, "schedule")
            }
            Event::WorkflowDispatch { workflow: asked, inputs, .. } => {
                dispatch(path, workflow, asked, inputs)
            }
        };
        let workflow = path.clone();
        match decision {
            Ok(inputs) => Trigger::Run { workflow, inputs },
            Err(reason) => Trigger::Skipped { workflow, reason },
        }
    };
    inputs.workflows.iter().map(trigger).collect()
}

type Decision = Result<BTreeMap<String, Json>, SkipReason>;

fn push(
    workflow: &Workflow,
    reference: &RefName,
    exists: bool,
    changed_paths: Option<&[String]>,
) -> Decision {
    let filter = workflow.events.push.as_ref().ok_or_else(|| not_listed("push"))?;
    let PushFilter { branches, tags, paths } = filter;
    if !exists {
        return Err(SkipReason::RefDeleted { reference: reference.as_str().into() });
    }
    let text = reference.as_str();
    if let Some(tag) = text.strip_prefix("refs/tags/") {
        if !passes(tags, branches, tag) {
            return Err(SkipReason::TagFiltered { tag: tag.into() });
        }
        // Paths are not asked for tags: a tag changes none.
        return Ok(BTreeMap::new());
    }
    let branch = text.strip_prefix("refs/heads/").unwrap_or(text);
    if !passes(branches, tags, branch) {
        return Err(SkipReason::BranchFiltered { branch: branch.into() });
    }
    check_paths(paths, changed_paths)
}

fn listed(is_listed: bool, event: &str) -> Decision {
    if is_listed { Ok(BTreeMap::new()) } else { Err(not_listed(event)) }
}

/// The branches are those of the other run; a filter of them leaves no check behind, for the run that
/// would be is about another commit.
fn workflow_run(workflow: &Workflow, other: &str, action: &str, branch: &str) -> Decision {
    let filter = workflow.events.workflow_run.as_ref().ok_or_else(|| not_listed("workflow_run"))?;
    let WorkflowRunFilter { workflows, types, branches } = filter;
    if !workflows.iter().any(|name| name == other) {
        return Err(SkipReason::NotAskedFor);
    }
    let is_listed = if types.is_empty() {
        ["requested", "completed"].contains(&action)
    } else {
        types.iter().any(|name| name == action)
    };
    if !is_listed {
        return Err(not_listed(&format!("workflow_run: {action}")));
    }
    if !branches.passes(branch) {
        return Err(not_listed(&format!("workflow_run on {branch}")));
    }
    Ok(BTreeMap::new())
}

/// Whether a ref passes. With a filter for the other kind of ref alone, this kind never does.
fn passes(own: &PatternFilter, other: &PatternFilter, name: &str) -> bool {
    if own.is_empty() { other.is_empty() } else { own.passes(name) }
}

fn pull_request(
    workflow: &Workflow,
    base: &RefName,
    action: PullRequestAction,
    changed_paths: Option<&[String]>,
) -> Decision {
    let filter = workflow.events.pull_request.as_ref().ok_or_else(|| not_listed("pull_request"))?;
    let PullRequestFilter { types, branches, paths } = filter;
    let is_listed = if types.is_empty() {
        match action {
            PullRequestAction::Opened
            | PullRequestAction::Synchronize
            | PullRequestAction::Reopened => true,
            PullRequestAction::Closed | PullRequestAction::Edited => false,
        }
    } else {
        types.iter().any(|name| name == action.as_str())
    };
    if !is_listed {
        return Err(SkipReason::ActivityNotListed { activity: action.as_str().into() });
    }
    let branch = base.branch().unwrap_or(base.as_str());
    if !branches.passes(branch) {
        return Err(SkipReason::BranchFiltered { branch: branch.into() });
    }
    check_paths(paths, changed_paths)
}

fn check_paths(filter: &PatternFilter, changed: Option<&[String]>) -> Decision {
    let Some(changed) = changed else { return Ok(BTreeMap::new()) };
    if filter.passes_any(changed.iter().map(String::as_str)) {
        return Ok(BTreeMap::new());
    }
    Err(SkipReason::PathsFiltered { changed: changed.len() })
}

fn dispatch(
    path: &str,
    workflow: &Workflow,
    asked: &str,
    given: &BTreeMap<String, String>,
) -> Decision {
    let Dispatch { inputs } = workflow
        .events
        .workflow_dispatch
        .as_ref()
        .ok_or_else(|| not_listed("workflow_dispatch"))?;
    if path != asked {
        return Err(SkipReason::NotAskedFor);
    }
    let is_known = |name: &String| inputs.iter().any(|input| input.name.eq_ignore_ascii_case(name));
    if let Some(unknown) = given.keys().find(|name| !is_known(name)) {
        return Err(SkipReason::InputUnknown { input: unknown.clone() });
    }
    let mut values = BTreeMap::new();
    for input in inputs {
        let text = given
            .iter()
            .find(|(name, _)| input.name.eq_ignore_ascii_case(name))
            .map(|(_, text)| text);
        let text = match text.or(input.default.as_ref()) {
            Some(text) => text,
            None if input.required => {
                return Err(SkipReason::InputMissing { input: input.name.clone() });
            }
            None => "",
        };
        values.insert(input.name.clone(), typed(input, text)?);
    }
    Ok(values)
}

/// A text as the input's type has it. The empty text stands for "not given".
fn typed(input: &DispatchInput, text: &str) -> Result<Json, SkipReason> {
    let invalid =
        |expected: String| SkipReason::InputInvalid { input: input.name.clone(), expected };
    match &input.kind {
        DispatchInputKind::String | DispatchInputKind::Environment => Ok(text.into()),
        DispatchInputKind::Boolean => match text {
            "true" => Ok(true.into()),
            "false" | "" => Ok(false.into()),
            _ => Err(invalid("true or false".into())),
        },
        DispatchInputKind::Number => {
            let number = Value::from(text).to_number();
            if number.is_finite() {
                Ok(Value::Number(number).to_json())
            } else {
                Err(invalid("a number".into()))
            }
        }
        DispatchInputKind::Choice { options } => {
            if text.is_empty() || options.iter().any(|option| option == text) {
                Ok(text.into())
            } else {
                Err(invalid(format!("one of {}", options.join(", "))))
            }
        }
    }
}

fn not_listed(event: &str) -> SkipReason {
    SkipReason::EventNotListed { event: event.into() }
}
