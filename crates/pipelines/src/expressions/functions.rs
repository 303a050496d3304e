//! The functions of the language.

use super::ast::{Function, Node};
use super::evaluate::{Evaluated, evaluate};
use super::value::fold;
use super::{Contexts, EvaluationError, Value, number_to_text};

/// What one value, or the arguments of one call together, may weigh; texts weigh two bytes a UTF-16 unit.
const MEMORY_MAX_BYTES: usize = 1024 * 1024;

pub(super) fn call(
    function: Function,
    arguments: &[Node],
    contexts: &Contexts<'_>,
) -> Result<Evaluated, EvaluationError> {
    if function == Function::Case {
        return case(arguments, contexts);
    }
    let values = arguments
        .iter()
        .map(|argument| evaluate(argument, contexts).map(|evaluated| evaluated.value))
        .collect::<Result<Vec<_>, _>>()?;
    check_memory(arguments, &values)?;
    let first = values.first().unwrap_or(&Value::Null);
    let second = values.get(1).unwrap_or(&Value::Null);
    let value = match function {
        Function::Contains => contains(first, second).into(),
        Function::StartsWith => compare_texts(first, second, <[u16]>::starts_with).into(),
        Function::EndsWith => compare_texts(first, second, <[u16]>::ends_with).into(),
        Function::Format => limited(format(&first.to_text(), &values[1..])?)?,
        Function::Join => limited(join(first, values.get(1))?)?,
        Function::ToJson => limited(to_json(first)?)?,
        Function::FromJson => from_json(&first.to_text())?,
        Function::HashFiles => hash_files(&values, contexts)?,
        Function::Success if !values.is_empty() => {
            values.iter().all(|job| result_of(job, contexts) == "success").into()
        }
        Function::Failure if !values.is_empty() => {
            values.iter().any(|job| result_of(job, contexts) == "failure").into()
        }
        Function::Success => contexts.status.success.into(),
        Function::Failure => contexts.status.failure.into(),
        Function::Cancelled => contexts.status.cancelled.into(),
        Function::Always => true.into(),
        Function::Case => Value::Null,
    };
    Ok(Evaluated::plain(value))
}

/// Predicates and values in turn, then what else; only what is needed is computed.
fn case(arguments: &[Node], contexts: &Contexts<'_>) -> Result<Evaluated, EvaluationError> {
    let (pairs, default) = arguments.as_chunks::<2>();
    for [predicate, value] in pairs {
        match evaluate(predicate, contexts)?.value {
            Value::Boolean(true) => return evaluate(value, contexts),
            Value::Boolean(false) => {}
            Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => return Err(EvaluationError::CaseNotBoolean),
        }
    }
    default.first().map_or(Ok(Evaluated::plain(Value::Null)), |node| evaluate(node, contexts))
}

fn contains(search: &Value, item: &Value) -> bool {
    match search {
        Value::Array(items) => items.iter().any(|candidate| candidate.loosely_equals(item)),
        Value::Object(_) => false,
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::String(_) => {
            compare_texts(search, item, |text, part| {
                part.is_empty() || text.windows(part.len()).any(|window| window == part)
            })
        }
    }
}

/// A comparison of two texts without regard to case; false when either is no primitive value.
fn compare_texts(left: &Value, right: &Value, compare: impl Fn(&[u16], &[u16]) -> bool) -> bool {
    if !left.is_primitive() || !right.is_primitive() {
        return false;
    }
    let folded = |value: &Value| fold(&value.to_text()).collect::<Vec<_>>();
    compare(&folded(left), &folded(right))
}

fn format(format: &str, values: &[Value]) -> Result<String, EvaluationError> {
    let invalid = || EvaluationError::InvalidFormat { format: format.into() };
    let mut text = String::new();
    let mut rest = format;
    while let Some(brace) = rest.find(['{', '}']) {
        text.push_str(&rest[..brace]);
        rest = &rest[brace..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            text.push_str(&rest[..1]);
            rest = &rest[2..];
            continue;
        }
        let (number, after) =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).ok_or_else(invalid)?;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse::<u8>().ok().filter(|_| digits).ok_or_else(invalid)?;
        let value = values
            .get(usize::from(number))
            .ok_or_else(|| EvaluationError::MissingFormatArgument { format: format.into() })?;
        append(&mut text, &value.to_text())?;
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

fn join(items: &Value, separator: Option<&Value>) -> Result<String, EvaluationError> {
    let Value::Array(array) = items else {
        return Ok(if items.is_primitive() { items.to_text() } else { String::new() });
    };
    let separator = match separator {
        Some(separator) if separator.is_primitive() => separator.to_text(),
        Some(_) | None => ",".into(),
    };
    let mut text = String::new();
    for (index, item) in array.iter().enumerate() {
        if index > 0 {
            append(&mut text, &separator)?;
        }
        append(&mut text, &item.to_text())?;
    }
    Ok(text)
}

fn to_json(value: &Value) -> Result<String, EvaluationError> {
    let mut text = String::new();
    write_json(&mut text, value, 0)?;
    Ok(text)
}

fn write_json(text: &mut String, value: &Value, level: usize) -> Result<(), EvaluationError> {
    match value {
        Value::Null => append(text, "null"),
        Value::Boolean(_) => append(text, &value.to_text()),
        Value::Number(number) => append(text, &number_to_text(*number)),
        Value::String(string) => append(text, &quote(string)),
        Value::Array(items) => {
            let items = items.iter().map(|item| (None, item));
            write_json_items(text, ('[', ']'), items, level)
        }
        Value::Object(object) => {
            let items = object.iter().map(|(name, value)| (Some(name), value));
            write_json_items(text, ('{', '}'), items, level)
        }
    }
}

fn write_json_items<'a>(
    text: &mut String,
    (open, close): (char, char),
    items: impl ExactSizeIterator<Item = (Option<&'a str>, &'a Value)>,
    level: usize,
) -> Result<(), EvaluationError> {
    text.push(open);
    let is_empty = items.len() == 0;
    for (index, (name, value)) in items.enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        append(text, &"  ".repeat(level + 1))?;
        if let Some(name) = name {
            append(text, &quote(name))?;
            text.push_str(": ");
        }
        write_json(text, value, level + 1)?;
    }
    if !is_empty {
        text.push('\n');
        append(text, &"  ".repeat(level))?;
    }
    text.push(close);
    Ok(())
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn from_json(text: &str) -> Result<Value, EvaluationError> {
    serde_json::from_str::<serde_json::Value>(text)
        .map(|json| Value::from_json(&json))
        .map_err(|error| EvaluationError::InvalidJson { reason: error.to_string() })
}

fn hash_files(patterns: &[Value], contexts: &Contexts<'_>) -> Result<Value, EvaluationError> {
    let patterns = patterns.iter().map(Value::to_text).collect::<Vec<_>>();
    let hash = contexts.hash_files.ok_or_else(|| EvaluationError::HashFiles {
        reason: "no workspace is at hand here; call it in a step".into(),
    })?;
    hash(&patterns).map(Value::String).map_err(|reason| EvaluationError::HashFiles { reason })
}

/// The result of a job that this one needs, as `success('id')` asks for it.
fn result_of(job: &Value, contexts: &Contexts<'_>) -> String {
    let property = |value: &Value, name: &str| match value {
        Value::Object(object) => object.get(name).cloned().unwrap_or_default(),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Value::Null
        }
    };
    let needs: Value = contexts.get("needs");
    property(&property(&needs, &job.to_text()), "result").to_text()
}

fn limited(text: String) -> Result<Value, EvaluationError> {
    if weight(&text) > MEMORY_MAX_BYTES {
        return Err(EvaluationError::MemoryExceeded);
    }
    Ok(Value::String(text))
}

/// Bounds what the arguments that were computed weigh together.
fn check_memory(arguments: &[Node], values: &[Value]) -> Result<(), EvaluationError> {
    let computed = arguments.iter().zip(values).filter_map(|(node, value)| match (node, value) {
        (Node::Call { .. }, Value::String(text)) => Some(weight(text)),
        _ => None,
    });
    if computed.sum::<usize>() > MEMORY_MAX_BYTES {
        return Err(EvaluationError::MemoryExceeded);
    }
    Ok(())
}

/// Appends unless the text becomes too heavy, so that a small expression cannot fill the memory.
fn append(text: &mut String, more: &str) -> Result<(), EvaluationError> {
    if text.len() + more.len() > 2 * MEMORY_MAX_BYTES {
        return Err(EvaluationError::MemoryExceeded);
    }
    text.push_str(more);
    Ok(())
}

fn weight(text: &str) -> usize {
    2 * text.encode_utf16().count()
}
