//! What an expression computes: six kinds, and how each is coerced into another.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::number::{number_to_text, text_to_number};

/// A value. Arrays and objects are shared: equality in the language is identity for them, as
/// GitHub has it; Rust's `==` compares their contents.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A double; the only kind of number.
    Number(f64),
    /// A text.
    String(String),
    /// A list.
    Array(Arc<Vec<Value>>),
    /// Names with values.
    Object(Arc<Object>),
}

/// Names with values in the order of insertion; names are found without regard to ASCII case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object {
    entries: Vec<(String, Value)>,
}

impl Object {
    /// An object without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(key, _)| equals_ignoring_case(key, name)).map(|(_, value)| value)
    }

    /// Sets a name; one that is there keeps its place and its spelling.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        let name = name.into();
        match self.entries.iter_mut().find(|(key, _)| equals_ignoring_case(key, &name)) {
            Some((_, existing)) => *existing = value.into(),
            None => self.entries.push((name, value.into())),
        }
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        let mut object = Self::new();
        for (name, value) in entries {
            object.insert(name, value);
        }
        object
    }
}

impl Value {
    /// The kind's name as GitHub prints it: `Null`, `Boolean`, `Number`, `String`, `Array`, `Object`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "Null",
            Self::Boolean(_) => "Boolean",
            Self::Number(_) => "Number",
            Self::String(_) => "String",
            Self::Array(_) => "Array",
            Self::Object(_) => "Object",
        }
    }

    /// Whether it is neither an array nor an object.
    #[must_use]
    pub fn is_primitive(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Object(_))
    }

    /// Whether an `if` counts it as true: not null, false, 0, NaN or the empty text.
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Boolean(value) => *value,
            Self::Number(value) => *value != 0.0 && !value.is_nan(),
            Self::String(value) => !value.is_empty(),
            Self::Array(_) | Self::Object(_) => true,
        }
    }

    /// The text that it becomes inside another text; arrays and objects become their kind's name.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(value) => number_to_text(*value),
            Self::String(value) => value.clone(),
            Self::Array(_) | Self::Object(_) => self.kind().into(),
        }
    }

    /// The number that it becomes in a comparison; NaN when there is none.
    #[must_use]
    pub fn to_number(&self) -> f64 {
        match self {
            Self::Null => 0.0,
            Self::Boolean(value) => f64::from(u8::from(*value)),
            Self::Number(value) => *value,
            Self::String(value) => text_to_number(value),
            Self::Array(_) | Self::Object(_) => f64::NAN,
        }
    }

    /// `==` of the language: loosely typed, texts without regard to case.
    #[must_use]
    pub fn loosely_equals(&self, other: &Self) -> bool {
        match coerce(self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(left), Self::Boolean(right)) => left == right,
            (Self::Number(left), Self::Number(right)) => left == right,
            (Self::String(left), Self::String(right)) => equals_ignoring_case(&left, &right),
            (Self::Array(left), Self::Array(right)) => Arc::ptr_eq(&left, &right),
            (Self::Object(left), Self::Object(right)) => Arc::ptr_eq(&left, &right),
            (
                Self::Null
                | Self::Boolean(_)
                | Self::Number(_)
                | Self::String(_)
                | Self::Array(_)
                | Self::Object(_),
                _,
            ) => false,
        }
    }

    /// How it stands to another by `<` and `>` of the language; `None` when neither holds.
    #[must_use]
    pub fn loosely_compares(&self, other: &Self) -> Option<Ordering> {
        match coerce(self, other) {
            (Self::Boolean(left), Self::Boolean(right)) => Some(left.cmp(&right)),
            (Self::Number(left), Self::Number(right)) => left.partial_cmp(&right),
            (Self::String(left), Self::String(right)) => Some(fold(&left).cmp(fold(&right))),
            (
                Self::Null
                | Self::Boolean(_)
                | Self::Number(_)
                | Self::String(_)
                | Self::Array(_)
                | Self::Object(_),
                _,
            ) => None,
        }
    }

    /// The same as JSON. Numbers without a fraction become integers; NaN and infinities null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Boolean(value) => (*value).into(),
            Self::Number(value) => number_to_json(*value),
            Self::String(value) => value.clone().into(),
            Self::Array(items) => items.iter().map(Self::to_json).collect(),
            Self::Object(object) => {
                let entries = object.iter().map(|(name, value)| (name.to_owned(), value.to_json()));
                serde_json::Value::Object(entries.collect())
            }
        }
    }

    /// A value from JSON.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Boolean(*value),
            serde_json::Value::Number(value) => Self::Number(value.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(value) => Self::String(value.clone()),
            serde_json::Value::Array(items) => items.iter().map(Self::from_json).collect(),
            serde_json::Value::Object(entries) => {
                let entries = entries.iter().map(|(name, value)| (name, Self::from_json(value)));
                Self::from(entries.collect::<Object>())
            }
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<Object> for Value {
    fn from(value: Object) -> Self {
        Self::Object(Arc::new(value))
    }
}

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Self::Array(Arc::new(value))
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::from(items.into_iter().collect::<Vec<_>>())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_json::Value::deserialize(deserializer).map(|json| Self::from_json(&json))
    }
}

/// Whether two texts are equal by .NET's `OrdinalIgnoreCase`, which GitHub uses everywhere.
pub(crate) fn equals_ignoring_case(left: &str, right: &str) -> bool {
    left == right || fold(left).eq(fold(right))
}

/// UTF-16 units in upper case by the simple mapping. Letters outside ASCII never become ASCII (`ı`
/// is not `I`) and never become several (`ß` stays).
pub(crate) fn fold(text: &str) -> impl Iterator<Item = u16> + '_ {
    text.chars().flat_map(|letter| {
        let mut upper = letter.to_uppercase();
        let folded = match (upper.next(), upper.next()) {
            (Some(single), None) if letter.is_ascii() || !single.is_ascii() => single,
            (Some(_), _) | (None, _) => letter,
        };
        let mut units = [0; 2];
        let count = folded.encode_utf16(&mut units).len();
        units.into_iter().take(count)
    })
}

/// Both sides as the operators see them: a text beside a number becomes a number, null and booleans
/// beside anything else become numbers.
fn coerce(left: &Value, right: &Value) -> (Value, Value) {
    let to_number = |value: &Value| Value::Number(value.to_number());
    match (left, right) {
        (Value::Null, Value::Null)
        | (Value::Boolean(_), Value::Boolean(_))
        | (Value::Number(_), Value::Number(_)) => (left.clone(), right.clone()),
        (Value::Number(_), Value::String(_)) => (left.clone(), to_number(right)),
        (Value::String(_), Value::Number(_)) => (to_number(left), right.clone()),
        (Value::Null | Value::Boolean(_), _) => coerce(&to_number(left), right),
        (_, Value::Null | Value::Boolean(_)) => coerce(left, &to_number(right)),
        (Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_), _) => {
            (left.clone(), right.clone())
        }
    }
}

fn number_to_json(value: f64) -> serde_json::Value {
    // Above 2^53 a double has no unit digit of its own, so the integer would claim too much.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the condition before it")]
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        return (value as i64).into();
    }
    serde_json::Number::from_f64(value).map_or(serde_json::Value::Null, serde_json::Value::Number)
}
