//! `on` into the events that start the workflow.

use super::convert::{literal, texts};
use super::model::{
    CallDefinition, CallInput, CallInputKind, CallSecret, Dispatch, DispatchInput,
    DispatchInputKind, Events, PatternFilter, PullRequestFilter, PushFilter, Schedule,
    WorkflowRunFilter,
};
use super::problem::{ProblemCode, Problems};
use super::schedule::{Cron, ZoneName};
use crate::expressions::{TemplateValue, number_to_text};

/// The events that the engine takes; `supported` names the others.
pub(super) fn events(value: Option<&TemplateValue>, problems: &mut Problems<'_>) -> Events {
    let mut events = Events::default();
    let Some(value) = value else { return events };
    for (name, _) in texts(value) {
        match name.as_str() {
            "push" => events.push = Some(PushFilter::default()),
            "pull_request" => events.pull_request = Some(PullRequestFilter::default()),
            "workflow_dispatch" => events.workflow_dispatch = Some(Dispatch::default()),
            "workflow_call" => events.workflow_call = Some(CallDefinition::default()),
            "workflow_run" => events.workflow_run = Some(WorkflowRunFilter::default()),
            "create" => events.create = true,
            "delete" => events.delete = true,
            _ => {}
        }
    }
    for (name, settings) in value.entries() {
        check_filters(settings, problems);
        match name.source() {
            "push" => {
                events.push = Some(PushFilter {
                    branches: filter(settings, "branches"),
                    tags: filter(settings, "tags"),
                    paths: filter(settings, "paths"),
                });
            }
            "pull_request" => {
                events.pull_request = Some(PullRequestFilter {
                    types: names(settings, "types"),
                    branches: filter(settings, "branches"),
                    paths: filter(settings, "paths"),
                });
            }
            "workflow_dispatch" => {
                let inputs = settings.entry("inputs").map(TemplateValue::entries);
                let inputs = inputs.unwrap_or_default().iter();
                let inputs = inputs.map(|(name, it)| dispatch_input(name.source(), it, problems));
                events.workflow_dispatch = Some(Dispatch { inputs: inputs.collect() });
            }
            "workflow_call" => events.workflow_call = Some(call(settings)),
            "workflow_run" => {
                events.workflow_run = Some(WorkflowRunFilter {
                    workflows: names(settings, "workflows"),
                    types: names(settings, "types"),
                    branches: filter(settings, "branches"),
                });
            }
            "schedule" => {
                let items = settings.items().iter();
                events.schedule = items.filter_map(|item| schedule(item, problems)).collect();
            }
            "create" => events.create = true,
            "delete" => events.delete = true,
            _ => {}
        }
    }
    events
}

fn names(event: &TemplateValue, key: &str) -> Vec<String> {
    let names = event.entry(key).map(texts).unwrap_or_default();
    names.into_iter().map(|(name, _)| name).collect()
}

fn filter(event: &TemplateValue, name: &str) -> PatternFilter {
    let written = |key: &str| event.entry(key).map(|_| names(event, key));
    PatternFilter { only: written(name), ignore: written(&format!("{name}-ignore")) }
}

/// Every pattern of every event is one, also of an event that starts nothing here.
fn check_filters(event: &TemplateValue, problems: &mut Problems<'_>) {
    for name in ["branches", "tags", "paths"] {
        let ignore_name = format!("{name}-ignore");
        for key in [name, &ignore_name] {
            for (pattern, at) in event.entry(key).map(texts).unwrap_or_default() {
                if let Err(error) = super::filters::Pattern::parse(&pattern) {
                    problems.add(ProblemCode::WorkflowUnexpectedValue, at, error.to_string());
                }
            }
        }
        if event.entry(name).is_some() && event.entry(&ignore_name).is_some() {
            let at = event.key_position(&ignore_name).unwrap_or(event.position());
            let message = format!(
                "'{name}' and '{ignore_name}' cannot both be used for one event. Write the \
                 exceptions into '{name}' with '!'"
            );
            problems.add(ProblemCode::WorkflowContradiction, at, message);
        }
    }
}

fn schedule(item: &TemplateValue, problems: &mut Problems<'_>) -> Option<Schedule> {
    let mut refuse = |value: &TemplateValue, message: String| {
        problems.add(ProblemCode::WorkflowUnexpectedValue, value.position(), message);
    };
    let written = item.entry("cron")?;
    let cron = Cron::try_from(literal(written)?).map_err(|error| refuse(written, error)).ok();
    let zone = match item.entry("timezone") {
        None => ZoneName::default(),
        Some(zone) => {
            ZoneName::try_from(literal(zone)?).map_err(|error| refuse(zone, error)).ok()?
        }
    };
    Some(Schedule { cron: cron?, zone })
}

fn call(settings: &TemplateValue) -> CallDefinition {
    let entries = |key| settings.entry(key).map(TemplateValue::entries).unwrap_or_default().iter();
    let is_required = |it: &TemplateValue| {
        matches!(it.entry("required"), Some(TemplateValue::Boolean { value: true, .. }))
    };
    let input = |(name, it): &(crate::expressions::Template, TemplateValue)| CallInput {
        name: name.source().into(),
        required: is_required(it),
        default: it.entry("default").cloned(),
        kind: match it.entry("type").and_then(literal).as_deref() {
            Some("boolean") => CallInputKind::Boolean,
            Some("number") => CallInputKind::Number,
            Some(_) | None => CallInputKind::String,
        },
    };
    let outputs = entries("outputs").filter_map(|(name, it)| {
        Some((name.source().to_owned(), super::convert::template(it.entry("value")?)?))
    });
    CallDefinition {
        inputs: entries("inputs").map(input).collect(),
        secrets: entries("secrets")
            .map(|(name, it)| CallSecret { name: name.source().into(), required: is_required(it) })
            .collect(),
        outputs: outputs.collect(),
    }
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
