//! A parsed value with the JSON pointer that led to it, read key by key: what is not asked for is
//! refused by name.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Code, Fault};
use crate::{place, scalar};

type Result<T> = std::result::Result<T, Fault>;

/// A value and where it was found.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    pub(crate) pointer: String,
    takes_any_text: bool,
}

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Node { value, pointer: String::new(), takes_any_text: false }
    }

    /// A file whose numbers and booleans are text where text is wanted; the real program reads
    /// every file so but the kustomization.
    pub(crate) fn lenient_root(value: &'a Value) -> Self {
        Node { value, pointer: String::new(), takes_any_text: true }
    }

    fn below(&self, value: &'a Value, segment: &str) -> Self {
        let pointer = format!("{}/{segment}", self.pointer);
        Node { value, pointer, takes_any_text: self.takes_any_text }
    }

    fn fault(&self, wanted: &str) -> Fault {
        let found = match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "a mapping",
        };
        let hint = if wanted == "a string" && !self.value.is_object() && !self.value.is_array() {
            "; put it in quotes"
        } else {
            ""
        };
        let name = self.pointer.rsplit('/').next().unwrap_or_default();
        let message = format!("`{name}` must be {wanted}, but is {found}{hint}");
        Fault::new(Code::InvalidValue, &self.pointer, message)
    }

    pub(crate) fn string(&self) -> Result<String> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Null => Ok(String::new()),
            Value::Bool(_) | Value::Number(_) if self.takes_any_text => {
                Ok(scalar::printed(self.value))
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(self.fault("a string"))
            }
        }
    }

    /// False for an empty value.
    pub(crate) fn boolean(&self) -> Result<bool> {
        match self.value {
            Value::Bool(flag) => Ok(*flag),
            Value::Null => Ok(false),
            Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                Err(self.fault("true or false"))
            }
        }
    }

    /// Zero for an empty value.
    pub(crate) fn integer(&self) -> Result<i64> {
        if self.value.is_null() {
            return Ok(0);
        }
        self.value.as_i64().ok_or_else(|| self.fault("a whole number"))
    }

    /// The items of a list; none for an empty value.
    pub(crate) fn items(&self) -> Result<Vec<Node<'a>>> {
        match self.value {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(index, value)| self.below(value, &index.to_string()))
                .collect()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                Err(self.fault("a list"))
            }
        }
    }

    pub(crate) fn strings(&self) -> Result<Vec<String>> {
        self.items()?.iter().map(Node::string).collect()
    }

    pub(crate) fn string_map(&self) -> Result<BTreeMap<String, String>> {
        self.entries()?
            .into_iter()
            .map(|(key, node)| Ok((key.to_owned(), node.string()?)))
            .collect()
    }

    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, Node<'a>)>> {
        match self.value {
            Value::Null => Ok(Vec::new()),
            Value::Object(map) => Ok(map
                .iter()
                .map(|(key, value)| (key.as_str(), self.below(value, &place::escape(key))))
                .collect()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(self.fault("a mapping"))
            }
        }
    }

    /// The fields of a mapping, each to be taken by name.
    pub(crate) fn fields(&self) -> Result<Fields<'a>> {
        let entries = self.entries()?;
        Ok(Fields { entries })
    }
}

/// A mapping's fields; [`Fields::finish`] refuses what was not taken.
pub(crate) struct Fields<'a> {
    entries: Vec<(&'a str, Node<'a>)>,
}

impl<'a> Fields<'a> {
    /// Takes a field; as in the real program its name may be written in other cases.
    pub(crate) fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let mut keys = self.entries.iter();
        let index = keys
            .position(|(key, _)| *key == name)
            .or_else(|| self.entries.iter().position(|(key, _)| key.eq_ignore_ascii_case(name)))?;
        Some(self.entries.remove(index).1)
    }

    pub(crate) fn string(&mut self, name: &str) -> Result<String> {
        self.take(name).map_or_else(|| Ok(String::new()), |node| node.string())
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Result<bool> {
        self.take(name).map_or(Ok(false), |node| node.boolean())
    }

    pub(crate) fn strings(&mut self, name: &str) -> Result<Vec<String>> {
        self.take(name).map_or_else(|| Ok(Vec::new()), |node| node.strings())
    }

    pub(crate) fn items(&mut self, name: &str) -> Result<Vec<Node<'a>>> {
        self.take(name).map_or_else(|| Ok(Vec::new()), |node| node.items())
    }

    pub(crate) fn string_map(&mut self, name: &str) -> Result<BTreeMap<String, String>> {
        self.take(name).map_or_else(|| Ok(BTreeMap::new()), |node| node.string_map())
    }

    /// Refuses by name what is left.
    pub(crate) fn finish(self) -> Result<()> {
        match self.entries.into_iter().next() {
            None => Ok(()),
            Some((key, node)) => {
                let message = format!("there is no field `{key}` here; remove it or correct it");
                Err(Fault::new(Code::UnknownField, &node.pointer, message))
            }
        }
    }
}
