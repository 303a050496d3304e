//! YAML values with templates inside, and the switches and counts that may be computed.

use serde::{Deserialize, Serialize};

use super::{Contexts, EvaluationError, Object, Position, Template, Value, text_to_number};

/// Any YAML value; texts are templates, and so are keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TemplateValue {
    /// Nothing.
    Null {
        /// Where.
        at: Position,
    },
    /// `true` or `false`.
    Boolean {
        /// Which.
        value: bool,
        /// Where.
        at: Position,
    },
    /// A number.
    Number {
        /// Which.
        value: f64,
        /// Where.
        at: Position,
    },
    /// A text, possibly computed.
    Text(Template),
    /// A list.
    List {
        /// In order.
        items: Vec<TemplateValue>,
        /// Where.
        at: Position,
    },
    /// A mapping.
    Map {
        /// In order. The key `${{ insert }}` puts a computed mapping in its place.
        entries: Vec<(Template, TemplateValue)>,
        /// Where.
        at: Position,
    },
}

/// A switch: fixed, or computed by an expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Written as `true` or `false`, or the default.
    Fixed(bool),
    /// One expression.
    Computed(Template),
}

/// A count: fixed, or computed by an expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// Written as a number.
    Fixed(f64),
    /// One expression.
    Computed(Template),
}

impl TemplateValue {
    /// Where it is written.
    #[must_use]
    pub fn position(&self) -> Position {
        match self {
            Self::Null { at }
            | Self::Boolean { at, .. }
            | Self::Number { at, .. }
            | Self::List { at, .. }
            | Self::Map { at, .. } => *at,
            Self::Text(template) => template.position(),
        }
    }

    /// The value with every expression computed.
    pub fn evaluate(&self, contexts: &Contexts<'_>) -> Result<Value, EvaluationError> {
        match self {
            Self::Null { .. } => Ok(Value::Null),
            Self::Boolean { value, .. } => Ok((*value).into()),
            Self::Number { value, .. } => Ok((*value).into()),
            Self::Text(template) => template.evaluate(contexts),
            Self::List { items, .. } => items.iter().map(|item| item.evaluate(contexts)).collect(),
            Self::Map { entries, .. } => {
                let mut object = Object::new();
                for (key, value) in entries {
                    insert(&mut object, key, value, contexts)?;
                }
                Ok(object.into())
            }
        }
    }

    /// Every template in it, keys included, in order.
    #[must_use]
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Null { .. } | Self::Boolean { .. } | Self::Number { .. } => Vec::new(),
            Self::Text(template) => vec![template],
            Self::List { items, .. } => items.iter().flat_map(Self::templates).collect(),
            Self::Map { entries, .. } => entries
                .iter()
                .flat_map(|(key, value)| std::iter::once(key).chain(value.templates()))
                .collect(),
        }
    }
}

impl Flag {
    /// The switch in these contexts.
    pub fn evaluate(&self, contexts: &Contexts<'_>) -> Result<bool, EvaluationError> {
        match self {
            Self::Fixed(value) => Ok(*value),
            Self::Computed(template) => match template.evaluate(contexts)? {
                Value::Boolean(value) => Ok(value),
                Value::String(text) if text == "true" => Ok(true),
                Value::String(text) if text == "false" => Ok(false),
                value @ (Value::Null
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_)) => Err(EvaluationError::NotABoolean {
                    at: template.position(),
                    found: value.to_text(),
                }),
            },
        }
    }
}

impl Amount {
    /// The count in these contexts.
    pub fn evaluate(&self, contexts: &Contexts<'_>) -> Result<f64, EvaluationError> {
        match self {
            Self::Fixed(value) => Ok(*value),
            Self::Computed(template) => {
                let value = template.evaluate(contexts)?;
                let number = match &value {
                    Value::Number(number) => *number,
                    Value::String(text) if !text.trim().is_empty() => text_to_number(text),
                    Value::Null
                    | Value::Boolean(_)
                    | Value::String(_)
                    | Value::Array(_)
                    | Value::Object(_) => f64::NAN,
                };
                if number.is_nan() {
                    let at = template.position();
                    return Err(EvaluationError::NotANumber { at, found: value.to_text() });
                }
                Ok(number)
            }
        }
    }
}

fn insert(
    object: &mut Object,
    key: &Template,
    value: &TemplateValue,
    contexts: &Contexts<'_>,
) -> Result<(), EvaluationError> {
    let not_a_key = || EvaluationError::NotAKey { at: key.position() };
    let is_insert = key
        .sole_expression()
        .is_some_and(|expression| expression.source().eq_ignore_ascii_case("insert"));
    if is_insert {
        let Value::Object(inserted) = value.evaluate(contexts)? else { return Err(not_a_key()) };
        for (name, value) in inserted.iter() {
            object.insert(name, value.clone());
        }
        return Ok(());
    }
    let name = key.evaluate(contexts)?;
    if !name.is_primitive() {
        return Err(not_a_key());
    }
    object.insert(name.to_text(), value.evaluate(contexts)?);
    Ok(())
}
