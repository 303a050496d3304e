//! Paths of `replacements`: dots, `[name=value]` for list items, indexes, and `*`.

use regex::Regex;
use serde_json::{Map, Value};

use crate::field_spec::split_at;
use crate::scalar;

type Refusal = String;

/// What is made where a path leads to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Nothing,
    Scalar,
    Mapping,
    List,
}

/// The parts of a path: `a.[b=c.d].[e.f].g` has `a`, `[b=c.d]`, `e.f` and `g`.
pub(crate) fn split(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut pieces = split_at(path, '.').into_iter();
    while let Some(piece) = pieces.next() {
        if !piece.starts_with('[') || piece.ends_with(']') {
            parts.push(piece);
            continue;
        }
        let mut bracketed = piece;
        for piece in pieces.by_ref() {
            bracketed.push('.');
            bracketed.push_str(&piece);
            if piece.ends_with(']') {
                break;
            }
        }
        if bracketed.contains('=') {
            parts.push(bracketed);
        } else {
            parts.push(bracketed.trim_matches(['[', ']']).into());
        }
    }
    parts
}

enum Part<'a> {
    Field(&'a str),
    Index(usize),
    Every,
    /// A list item by the text of a field (or, with an empty field, its own).
    Item(&'a str, &'a str),
}

fn part(text: &str) -> Result<Part<'_>, Refusal> {
    if let Ok(index) = text.parse() {
        return Ok(Part::Index(index));
    }
    if text == "*" {
        return Ok(Part::Every);
    }
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        None => Ok(Part::Field(text)),
        Some(inner) => match inner.split_once('=') {
            Some((field, value)) => Ok(Part::Item(field, value)),
            None => Err(format!("`{text}` must be `[field=value]`")),
        },
    }
}

/// The one value at the path.
pub(crate) fn lookup<'a>(value: &'a Value, path: &[String]) -> Result<Option<&'a Value>, Refusal> {
    let mut found = value;
    for text in path.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        let next = match (part(text), text) {
            (_, "-") => items(found, text)?.last(),
            (Ok(Part::Every), _) => return Err("`*` is not possible in a source".into()),
            (Ok(Part::Index(index)), _) => items(found, text)?.get(index),
            (Ok(Part::Item(field, wanted)), _) => items(found, text)?
                .iter()
                .find(|item| item_text(item, field).is_some_and(|text| text == wanted)),
            (Ok(Part::Field(name)), _) => fields(found, name)?.and_then(|fields| fields.get(name)),
            (Err(reason), _) => return Err(reason),
        };
        match next {
            Some(next) => found = next,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

fn items<'a>(value: &'a Value, text: &str) -> Result<&'a [Value], Refusal> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("`{text}` needs a list"))
}

fn fields<'a>(value: &'a Value, name: &str) -> Result<Option<&'a Map<String, Value>>, Refusal> {
    match value {
        Value::Object(fields) => Ok(Some(fields)),
        Value::Null => Ok(None),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(format!("`{name}` needs a mapping"))
        }
    }
}

fn item_text(item: &Value, field: &str) -> Option<String> {
    if field.is_empty() { scalar::text(item) } else { item.get(field).and_then(scalar::text) }
}

/// A field that a path led to, and whether it was just made.
pub(crate) struct Found<'a> {
    pub(crate) value: &'a mut Value,
    pub(crate) is_new: bool,
}

/// Hands every value at the path to `write`; counts them.
pub(crate) fn for_each(
    found: Found<'_>,
    path: &[String],
    make: Make,
    write: &mut dyn FnMut(Found<'_>) -> Result<(), Refusal>,
) -> Result<usize, Refusal> {
    let Some((head, rest)) = path.split_first() else {
        write(found)?;
        return Ok(1);
    };
    match part(head)? {
        Part::Field(name) => in_field(found.value, name, rest, make, write),
        Part::Index(index) => at_index(found.value, index, rest, make, write),
        Part::Every => {
            let Value::Array(items) = found.value else {
                return Err("`*` needs a list".into());
            };
            let mut count = 0;
            for value in items {
                count += for_each(Found { value, is_new: false }, rest, make, write)?;
            }
            Ok(count)
        }
        Part::Item(field, pattern) => in_items(found.value, field, pattern, rest, make, write),
    }
}

/// What stands before `rest` when it is made.
fn made(rest: &[String], make: Make) -> Value {
    let kind = match rest.first().map(|text| part(text)) {
        None => make,
        Some(Ok(Part::Index(_) | Part::Item(..))) => Make::List,
        Some(_) => Make::Mapping,
    };
    match kind {
        Make::Nothing | Make::Scalar => Value::Null,
        Make::Mapping => Value::Object(Map::new()),
        Make::List => Value::Array(Vec::new()),
    }
}

fn in_field(
    value: &mut Value,
    name: &str,
    rest: &[String],
    make: Make,
    write: &mut dyn FnMut(Found<'_>) -> Result<(), Refusal>,
) -> Result<usize, Refusal> {
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Null if make == Make::Nothing => return Ok(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(format!("`{name}` needs a mapping"));
        }
    };
    let is_new = !fields.contains_key(name);
    if is_new && make == Make::Nothing {
        return Ok(0);
    }
    let value = fields.entry(name).or_insert_with(|| made(rest, make));
    for_each(Found { value, is_new }, rest, make, write)
}

fn at_index(
    value: &mut Value,
    index: usize,
    rest: &[String],
    make: Make,
    write: &mut dyn FnMut(Found<'_>) -> Result<(), Refusal>,
) -> Result<usize, Refusal> {
    let Value::Array(items) = value else { return Err(format!("`{index}` needs a list")) };
    let is_new = items.len() == index && make != Make::Nothing;
    if is_new {
        items.push(made(rest, make));
    }
    let count = items.len();
    match items.get_mut(index) {
        Some(value) => for_each(Found { value, is_new }, rest, make, write),
        None => Err(format!("there is no item {index}, only {count}")),
    }
}

fn in_items(
    value: &mut Value,
    field: &str,
    pattern: &str,
    rest: &[String],
    make: Make,
    write: &mut dyn FnMut(Found<'_>) -> Result<(), Refusal>,
) -> Result<usize, Refusal> {
    let Value::Array(items) = value else {
        return Err(format!("`[{field}={pattern}]` needs a list"));
    };
    let regex =
        Regex::new(pattern).map_err(|_| format!("`{pattern}` is not a regular expression"))?;
    let mut count = 0;
    for value in items.iter_mut() {
        if item_text(value, field).is_some_and(|text| regex.is_match(text.trim())) {
            count += for_each(Found { value, is_new: false }, rest, make, write)?;
        }
    }
    if count > 0 || make == Make::Nothing {
        return Ok(count);
    }
    let text = scalar::plain(pattern);
    let item = if field.is_empty() {
        text
    } else {
        Value::Object(Map::from_iter([(field.to_owned(), text)]))
    };
    items.push(item);
    match items.last_mut() {
        Some(value) => for_each(Found { value, is_new: true }, rest, make, write),
        None => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_at_dots_outside_brackets() {
        for (path, expected) in [
            ("a.b", vec!["a", "b"]),
            ("a\\.b.c", vec!["a.b", "c"]),
            ("a.[b=c.d].e", vec!["a", "[b=c.d]", "e"]),
            ("a.[b.c/d].e", vec!["a", "b.c/d", "e"]),
            ("a.[=x].0.*", vec!["a", "[=x]", "0", "*"]),
        ] {
            assert_eq!(split(path), expected, "{path}");
        }
    }
}
