//! `on` into the events that start the workflow.

use super::convert::{literal, texts};
use super::model::{
    Dispatch, DispatchInput, DispatchInputKind, Events, PatternFilter, PullRequestFilter,
    PushFilter,
};
use super::problem::{ProblemCode, Problems};
use crate::expressions::{TemplateValue, number_to_text};

/// The events that Boucle knows; `supported` refuses the others.
pub(super) fn events(value: Option<&TemplateValue>, problems: &mut Problems<'_>) -> Events {
    let mut events = Events::default();
    let Some(value) = value else { return events };
    for (name, _) in texts(value) {
        match name.as_str() {
            "push" => events.push = Some(PushFilter::default()),
            "pull_request" => events.pull_request = Some(PullRequestFilter::default()),
            "workflow_dispatch" => events.workflow_dispatch = Some(Dispatch::default()),
            _ => {}
        }
    }
    if let Some(push) = value.entry("push") {
        events.push = Some(PushFilter {
            branches: filter(push, "branches", problems),
            tags: filter(push, "tags", problems),
            paths: filter(push, "paths", problems),
        });
    }
    if let Some(pull_request) = value.entry("pull_request") {
        let types = pull_request.entry("types").map(texts).unwrap_or_default();
        events.pull_request = Some(PullRequestFilter {
            types: types.into_iter().map(|(name, _)| name).collect(),
            branches: filter(pull_request, "branches", problems),
            paths: filter(pull_request, "paths", problems),
        });
    }
    if let Some(dispatch) = value.entry("workflow_dispatch") {
        let inputs = dispatch.entry("inputs").map(TemplateValue::entries).unwrap_or_default();
        let inputs = inputs
            .iter()
            .map(|(name, input)| dispatch_input(name.source(), input, problems))
            .collect();
        events.workflow_dispatch = Some(Dispatch { inputs });
    }
    events
}

fn filter(event: &TemplateValue, name: &str, problems: &mut Problems<'_>) -> PatternFilter {
    let ignore_name = format!("{name}-ignore");
    let patterns = |key: &str, problems: &mut Problems<'_>| {
        let patterns = texts(event.entry(key)?);
        for (pattern, at) in &patterns {
            if let Err(error) = super::filters::Pattern::parse(pattern) {
                problems.add(ProblemCode::WorkflowUnexpectedValue, *at, error.to_string());
            }
        }
        Some(patterns.into_iter().map(|(pattern, _)| pattern).collect::<Vec<_>>())
    };
    let filter =
        PatternFilter { only: patterns(name, problems), ignore: patterns(&ignore_name, problems) };
    if filter.only.is_some() && filter.ignore.is_some() {
        let at = event.key_position(&ignore_name).unwrap_or(event.position());
        let message = format!(
            "'{name}' and '{ignore_name}' cannot both be used for one event. Write the exceptions \
             into '{name}' with '!'"
        );
        problems.add(ProblemCode::WorkflowContradiction, at, message);
    }
    filter
}

fn dispatch_input(name: &str, value: &TemplateValue, problems: &mut Problems<'_>) -> DispatchInput {
    let options = value.entry("options").map(texts).unwrap_or_default();
    let options: Vec<_> = options.into_iter().map(|(option, _)| option).collect();
    let default = value.entry("default").and_then(scalar_text);
    let kind = match value.entry("type").and_then(literal).as_deref() {
        Some("boolean") => DispatchInputKind::Boolean,
        Some("number") => DispatchInputKind::Number,
        Some("environment") => DispatchInputKind::Environment,
        Some("choice") => DispatchInputKind::Choice { options: options.clone() },
        Some(_) | None => DispatchInputKind::String,
    };
    if let DispatchInputKind::Choice { options } = &kind {
        let message = if options.is_empty() {
            Some(format!("The input '{name}' is a choice without 'options'"))
        } else {
            default.as_ref().filter(|default| !options.contains(default)).map(|default| {
                format!("The default '{default}' of the input '{name}' is not one of its options")
            })
        };
        if let Some(message) = message {
            problems.add(ProblemCode::WorkflowContradiction, value.position(), message);
        }
    }
    DispatchInput {
        name: name.into(),
        description: value.entry("description").and_then(literal),
        required: matches!(
            value.entry("required"),
            Some(TemplateValue::Boolean { value: true, .. })
        ),
        default,
        kind,
    }
}

fn scalar_text(value: &TemplateValue) -> Option<String> {
    match value {
        TemplateValue::Boolean { value, .. } => Some(value.to_string()),
        TemplateValue::Number { value, .. } => Some(number_to_text(*value)),
        TemplateValue::Text(template) => Some(template.source().into()),
        TemplateValue::Null { .. } | TemplateValue::List { .. } | TemplateValue::Map { .. } => None,
    }
}
