//! An action of the repository itself: `action.yaml` in the folder that a step's `uses` names.

use serde::{Deserialize, Serialize};

use super::convert::{literal, template};
use super::convert_steps::steps;
use super::model::Step;
use super::problem::{Problem, ProblemCode, Problems};
use super::schema_action::ACTION;
use super::{template_reader, yaml};
use crate::expressions::{Position, Template, TemplateValue};

/// Actions that use one another.
pub(super) const DEPTH_MAX: usize = 10;
/// The names that an action's file may have.
pub(super) const FILES: [&str; 2] = ["action.yml", "action.yaml"];

/// An action: what it takes, does and gives back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Its folder in the repository; empty for the root.
    pub folder: String,
    /// `inputs`, in the order of the file.
    pub inputs: Vec<ActionInput>,
    /// `outputs`: names, and texts that see the action's own steps.
    pub outputs: Vec<(String, Template)>,
    /// `runs`.
    pub runs: ActionRuns,
}

/// One input of an action. All values of actions are texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionInput {
    /// The key.
    pub name: String,
    /// `required`.
    pub required: bool,
    /// `default`.
    pub default: Option<Template>,
}

/// What an action does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ActionRuns {
    /// `using: composite`.
    Composite {
        /// `steps`.
        steps: Vec<Step>,
    },
    /// `using: node20` and the like: the machine's Node runs a file of the action.
    Node {
        /// `main`, a file below the action's folder.
        main: String,
    },
}

/// Reads an action's file. What is valid and not done is in the second list.
pub(super) fn read(
    folder: &str,
    path: &str,
    text: &str,
) -> Result<(Action, Vec<Problem>), Vec<Problem>> {
    let mut problems = Problems::new(path);
    let Some(node) = yaml::parse(text, &mut problems) else { return Err(problems.into_vec()) };
    let root = template_reader::read(&node, &ACTION, &mut problems);
    if !problems.is_empty() {
        return Err(problems.into_vec());
    }
    let mut unsupported = Problems::new(path);
    let runs = root.entry("runs").cloned().unwrap_or(TemplateValue::Null { at: root.position() });
    let entries = |key| root.entry(key).map(TemplateValue::entries).unwrap_or_default().iter();
    let inputs = entries("inputs").map(|(name, it)| ActionInput {
        name: name.source().into(),
        required: it.entry("required").and_then(flag).unwrap_or(false),
        default: it.entry("default").and_then(text_of),
    });
    let outputs = entries("outputs")
        .filter_map(|(name, it)| Some((name.source().to_owned(), template(it.entry("value")?)?)));
    let action = Action {
        folder: folder.into(),
        inputs: inputs.collect(),
        outputs: outputs.collect(),
        runs: convert_runs(&runs, &mut problems, &mut unsupported),
    };
    if problems.is_empty() {
        Ok((action, unsupported.into_vec()))
    } else {
        Err(problems.into_vec())
    }
}

fn convert_runs(
    runs: &TemplateValue,
    problems: &mut Problems<'_>,
    unsupported: &mut Problems<'_>,
) -> ActionRuns {
    let using = runs.entry("using").and_then(literal).unwrap_or_default();
    let mut refuse = |at: Position, what: &str, instead: &str| {
        let message = format!("{what} is not supported. {instead}");
        unsupported.add(ProblemCode::Unsupported, at, message);
    };
    if using == "composite" {
        let steps = runs.entry("steps").map(|it| steps(it, problems)).unwrap_or_default();
        return ActionRuns::Composite { steps };
    }
    if !using.starts_with("node") {
        let what = format!("An action that runs by '{using}'");
        refuse(runs.position(), &what, "Write it as a composite action");
    }
    for key in ["pre", "post"] {
        if let Some(at) = runs.key_position(key) {
            let what = format!("'{key}' of an action");
            refuse(at, &what, "Do it in a step of its own");
        }
    }
    ActionRuns::Node { main: runs.entry("main").and_then(literal).unwrap_or_default() }
}

fn flag(value: &TemplateValue) -> Option<bool> {
    match value {
        TemplateValue::Boolean { value, .. } => Some(*value),
        TemplateValue::Text(template) => Some(template.literal() == Some("true")),
        TemplateValue::Null { .. }
        | TemplateValue::Number { .. }
        | TemplateValue::List { .. }
        | TemplateValue::Map { .. } => None,
    }
}

/// A default of any kind is a text for the action.
fn text_of(value: &TemplateValue) -> Option<Template> {
    let at = value.position();
    match value {
        TemplateValue::Text(template) => Some(template.clone()),
        TemplateValue::Boolean { value, .. } => Some(Template::verbatim(&value.to_string(), at)),
        TemplateValue::Number { value, .. } => {
            Some(Template::verbatim(&crate::expressions::number_to_text(*value), at))
        }
        TemplateValue::Null { .. } | TemplateValue::List { .. } | TemplateValue::Map { .. } => None,
    }
}

/// The path that a local `uses` names, without `.` and `..`; `None`: it leaves the repository.
pub(super) fn folder_of(uses: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in uses.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
