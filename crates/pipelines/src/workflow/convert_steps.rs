//! Steps: what each does, and its id, given or made up.

use std::collections::BTreeSet;

use super::convert::{amount, condition, flag, invalid_identifier, literal, template};
use super::model::{Step, StepAction, Variables};
use super::problem::{ProblemCode, Problems};
use crate::expressions::{Flag, TemplateValue};

/// The steps of a job. Steps beside others are left out: `supported` notes them, and their job does
/// not run.
pub(super) fn steps(value: &TemplateValue, problems: &mut Problems<'_>) -> Vec<Step> {
    let mut taken = given_ids(value, problems);
    value.items().iter().filter_map(|item| step(item, &mut taken, problems)).collect()
}

/// Letters, digits, `-` and `_`, not beginning with a digit or `-`, at most 99 of them.
pub(super) fn is_identifier(id: &str) -> bool {
    let mut letters = id.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
        && id.len() < 100
}

/// The ids that the steps were given, in lower case, checked.
fn given_ids(value: &TemplateValue, problems: &mut Problems<'_>) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    let inner = |item| match TemplateValue::entry(item, "parallel") {
        Some(group) => group.items().iter().collect(),
        None => vec![item],
    };
    for item in value.items().iter().flat_map(inner) {
        let Some(id) = item.entry("id") else { continue };
        let (text, at) = (literal(id).unwrap_or_default(), id.position());
        let message = if !is_identifier(&text) {
            invalid_identifier(&text)
        } else if text.starts_with("__") {
            format!("The identifier '{text}' is invalid. IDs starting with '__' are reserved.")
        } else if !taken.insert(text.to_lowercase()) {
            format!("The identifier '{text}' may not be used more than once within the same scope.")
        } else {
            continue;
        };
        problems.add(ProblemCode::WorkflowIdentifier, at, message);
    }
    taken
}

fn step(
    item: &TemplateValue,
    taken: &mut BTreeSet<String>,
    problems: &mut Problems<'_>,
) -> Option<Step> {
    let at = item.position();
    let (action, made_up) = match (item.entry("run"), item.entry("uses")) {
        (Some(script), _) => {
            let run = StepAction::Run {
                script: template(script)?,
                shell: item.entry("shell").and_then(template),
                working_directory: item.entry("working-directory").and_then(template),
            };
            (run, "__run".into())
        }
        (None, Some(uses)) => {
            let action = literal(uses)?;
            check_action(&action, uses, problems);
            let made_up = id_of_action(&action);
            let with = Variables(item.entry("with").cloned());
            (StepAction::Uses { action, with, local: None }, made_up)
        }
        (None, None) => return None,
    };
    let id = match item.entry("id").and_then(literal) {
        Some(id) => id,
        None => free_id(&made_up, taken),
    };
    Some(Step {
        id,
        at,
        name: item.entry("name").and_then(template),
        condition: condition(item.entry("if"), at, problems),
        env: Variables(item.entry("env").cloned()),
        continue_on_error: item.entry("continue-on-error").map_or(Flag::Fixed(false), flag),
        timeout_minutes: item.entry("timeout-minutes").and_then(amount),
        action,
    })
}

/// An action of another repository has a version; actions of the server itself need none.
fn check_action(action: &str, value: &TemplateValue, problems: &mut Problems<'_>) {
    let local = action.starts_with("docker://") || is_local(action);
    if local || action.starts_with("boucle/") {
        return;
    }
    let named = action
        .split_once('@')
        .filter(|(name, version)| !version.is_empty() && name.split('/').count() >= 2)
        .is_some_and(|(name, _)| name.split('/').all(|segment| !segment.is_empty()));
    if !named {
        let message = format!("Expected format {{org}}/{{repo}}[/path]@ref. Actual '{action}'");
        problems.add(ProblemCode::WorkflowUnexpectedValue, value.position(), message);
    }
}

pub(super) fn is_local(action: &str) -> bool {
    action.starts_with("./") || action.starts_with(".\\")
}

/// `actions/checkout@v4` → `__actions_checkout`, `docker://alpine:3` → `__alpine_3`.
fn id_of_action(action: &str) -> String {
    if is_local(action) {
        return "__self".into();
    }
    let name = match action.strip_prefix("docker://") {
        Some(image) => image,
        None => action.split('@').next().unwrap_or(action),
    };
    let name: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
        .collect();
    format!("__{name}")
}

fn free_id(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let mut id = wanted.to_owned();
    let mut number = 1;
    while !taken.insert(id.to_lowercase()) {
        number += 1;
        id = format!("{wanted}_{number}");
    }
    id
}
