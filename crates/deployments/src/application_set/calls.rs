//! How templates' functions are called: their values, and what they may cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::{FuncMap, Template, TemplateError, Value as Go};
use serde_json::Value;

use super::template::{Budget, bounded};

/// How much a function is given and makes: bytes of texts, and one for each item.
const WEIGHT_MAX: u64 = 400_000;

pub(super) type Answer = gotmpl::Result<Go>;

/// Functions by name.
pub(super) struct Functions {
    pub(super) map: FuncMap,
    pub(super) budget: Budget,
}

impl Functions {
    /// A function of any number of arguments. Nothing that it makes is larger than the limit: a loop
    /// may double a text or a list in each turn, and lists share what they double.
    pub(super) fn any(
        &mut self,
        name: &'static str,
        function: impl Fn(&[Go]) -> Answer + Send + Sync + 'static,
    ) {
        let budget = self.budget.clone();
        let bounded = move |arguments: &[Go]| {
            let mut left = WEIGHT_MAX;
            arguments.iter().try_for_each(|argument| weigh(argument, &mut left))?;
            let made = function(arguments)?;
            weigh(&made, &mut left)?;
            budget.spend(WEIGHT_MAX - left)?;
            Ok(made)
        };
        self.map.insert(name.into(), Arc::new(bounded));
    }

    /// A function of exactly so many arguments.
    pub(super) fn exactly<const N: usize>(
        &mut self,
        name: &'static str,
        function: fn([&Go; N]) -> Answer,
    ) {
        self.any(name, move |arguments| {
            let arguments: Vec<&Go> = arguments.iter().collect();
            let given = arguments.len();
            let arguments = <[&Go; N]>::try_from(arguments).map_err(|_| {
                wrong(&format!("`{name}` takes {N} arguments and was given {given}"))
            })?;
            function(arguments)
        });
    }
}

/// Takes the bytes and items of a value from what is left.
fn weigh(value: &Go, left: &mut u64) -> gotmpl::Result<()> {
    let own = match value {
        Go::String(text) => text.len() as u64,
        Go::Map(fields) => fields.keys().map(|key| key.len() as u64 + 1).sum(),
        Go::Nil
        | Go::Bool(_)
        | Go::Int(_)
        | Go::Uint(_)
        | Go::Float(_)
        | Go::List(_)
        | Go::Function(_) => 0,
    };
    *left = left.checked_sub(own + 1).ok_or_else(|| wrong("a value is too large"))?;
    match value {
        Go::List(items) => items.iter().try_for_each(|item| weigh(item, left)),
        Go::Map(fields) => fields.values().try_for_each(|item| weigh(item, left)),
        Go::Nil
        | Go::Bool(_)
        | Go::Int(_)
        | Go::Uint(_)
        | Go::Float(_)
        | Go::String(_)
        | Go::Function(_) => Ok(()),
    }
}

/// The function as the library has it.
pub(super) fn native(name: &'static str, arguments: &[Go]) -> Answer {
    let items: String = (0..arguments.len()).map(|index| format!(" (index . {index})")).collect();
    let template = Template::new(name).parse(&format!("{{{{{name}{items}}}}}"))?;
    bounded(template.execute_to_string(&Go::List(arguments.to_vec().into()))?)
}

/// An error with these words.
pub(super) fn wrong(message: &str) -> TemplateError {
    TemplateError::Exec(message.into())
}

/// Parameters as the templates' values.
pub(super) fn to_go(value: &Value) -> Go {
    match value {
        Value::Null => Go::Nil,
        Value::Bool(yes) => Go::Bool(*yes),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Go::Int(whole),
            (None, Some(float)) => Go::Float(float),
            (None, None) => Go::Nil,
        },
        Value::String(text) => Go::String(text.as_str().into()),
        Value::Array(items) => Go::List(items.iter().map(to_go).collect()),
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| (Arc::from(name.as_str()), to_go(value)));
            Go::Map(Arc::new(fields.collect()))
        }
    }
}

pub(super) fn from_go(value: &Go) -> Value {
    match value {
        Go::Nil | Go::Function(_) => Value::Null,
        Go::Bool(yes) => Value::from(*yes),
        Go::Int(whole) => Value::from(*whole),
        Go::Uint(whole) => Value::from(*whole),
        Go::Float(float) => Value::from(*float),
        Go::String(text) => Value::from(text.as_ref()),
        Go::List(items) => Value::Array(items.iter().map(from_go).collect()),
        Go::Map(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.to_string(), from_go(value)));
            Value::Object(fields.collect())
        }
    }
}

pub(super) fn text(value: &Go) -> String {
    match value {
        Go::String(text) => text.to_string(),
        Go::Nil => String::new(),
        Go::Bool(_)
        | Go::Int(_)
        | Go::Uint(_)
        | Go::Float(_)
        | Go::List(_)
        | Go::Map(_)
        | Go::Function(_) => value.to_string(),
    }
}

pub(super) fn whole(value: &Go) -> gotmpl::Result<i64> {
    match value {
        Go::Int(number) => Ok(*number),
        Go::Uint(number) => i64::try_from(*number).map_err(|_| wrong("a number is too large")),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "Go's conversion cuts the fraction off"
        )]
        Go::Float(number) => Ok(*number as i64),
        Go::String(text) => {
            text.parse().map_err(|_| wrong(&format!("`{text}` is no whole number")))
        }
        Go::Bool(yes) => Ok(i64::from(*yes)),
        Go::Nil => Ok(0),
        Go::List(_) | Go::Map(_) | Go::Function(_) => Err(wrong("a number was expected")),
    }
}

pub(super) fn list(value: &Go) -> gotmpl::Result<Vec<Go>> {
    match value {
        Go::List(items) => Ok(items.to_vec()),
        Go::Nil => Ok(Vec::new()),
        Go::Bool(_)
        | Go::Int(_)
        | Go::Uint(_)
        | Go::Float(_)
        | Go::String(_)
        | Go::Map(_)
        | Go::Function(_) => Err(wrong("a list was expected")),
    }
}

pub(super) fn map(value: &Go) -> gotmpl::Result<BTreeMap<Arc<str>, Go>> {
    match value {
        Go::Map(fields) => Ok(fields.as_ref().clone()),
        Go::Nil => Ok(BTreeMap::new()),
        Go::Bool(_)
        | Go::Int(_)
        | Go::Uint(_)
        | Go::Float(_)
        | Go::String(_)
        | Go::List(_)
        | Go::Function(_) => Err(wrong("a map was expected")),
    }
}

pub(super) fn of_list(items: Vec<Go>) -> Answer {
    Ok(Go::List(items.into()))
}

pub(super) fn of_texts(items: impl IntoIterator<Item = String>) -> Answer {
    of_list(items.into_iter().map(|item| Go::String(item.into())).collect())
}
