//! The two forms of templates: Go's, and the short one that knows names only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gotmpl::{FuncMap, MissingKey, Template, Value as GoValue};
use serde_json::Value;

use super::parameters::{Parameters, text_of};
use super::{calls, functions};

/// The longest text that a template gives; names and patches are short.
const TEXT_BYTES_MAX: usize = 100_000;
/// How often all loops of a template turn.
const TURNS_MAX: u64 = 10_000;
/// What all templates of an expansion cost: bytes that functions take and make. Copying as much takes
/// less than a second.
const COST_MAX: u64 = 500_000_000;
/// What a template costs before it does anything: it is read, and a turn of a loop is not counted.
const RENDERING_COST: u64 = 2_000;

/// Which templates a set has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Templates {
    /// `{{name}}`; what is not known stays as it is written.
    Short,
    /// Go's, with `goTemplate: true`.
    Go {
        /// `missingkey=error` among `goTemplateOptions`.
        missing_is_error: bool,
    },
}

impl Templates {
    /// Whether the form is Go's.
    #[must_use]
    pub fn are_go(self) -> bool {
        matches!(self, Self::Go { .. })
    }

    /// Whether the text can be a template at all, without parameters.
    pub fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Short => Ok(()),
            Self::Go { missing_is_error } => {
                go(missing_is_error, text, functions::all(&Budget::new())).map(drop)
            }
        }
    }
}

/// Templates with what all of them together may cost.
pub(super) struct Renderer {
    pub(super) templates: Templates,
    functions: FuncMap,
    budget: Budget,
}

/// What the templates of one expansion may still cost. It is counted and not timed, so that an
/// expansion ends at the same place on every machine.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<AtomicU64>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(COST_MAX)))
    }

    pub(super) fn spend(&self, cost: u64) -> gotmpl::Result<()> {
        let spent =
            self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost));
        spent.map(drop).map_err(|_| calls::wrong("the templates of the set do too much"))
    }
}

impl Renderer {
    pub(super) fn new(templates: Templates) -> Self {
        let budget = Budget::new();
        let functions = if templates.are_go() { functions::all(&budget) } else { FuncMap::new() };
        Self { templates, functions, budget }
    }

    pub(super) fn render(&self, text: &str, parameters: &Parameters) -> Result<String, String> {
        match self.templates {
            Templates::Short => Ok(short(text, parameters)),
            Templates::Go { .. } if !text.contains("{{") => Ok(text.to_owned()),
            Templates::Go { missing_is_error } => {
                let wrong = |error| format!("`{}`: {error}", shortened(text));
                self.budget.spend(RENDERING_COST).map_err(wrong)?;
                let template = go(missing_is_error, text, self.functions.clone())?;
                let mut bounded = Bounded(String::new());
                let data = calls::to_go(&Value::Object(parameters.clone()));
                template.execute_fmt(&mut bounded, &data).map_err(wrong)?;
                Ok(bounded.0)
            }
        }
    }

    /// All texts within a value, the names of fields included.
    pub(super) fn render_all(
        &self,
        value: &Value,
        parameters: &Parameters,
    ) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::from(self.render(text, parameters)?),
            Value::Array(items) => {
                let items = items.iter().map(|item| self.render_all(item, parameters));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| {
                    Ok((self.render(name, parameters)?, self.render_all(value, parameters)?))
                });
                Value::Object(fields.collect::<Result<_, String>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }
}

fn go(missing_is_error: bool, text: &str, functions: FuncMap) -> Result<Template, String> {
    let missing = if missing_is_error { MissingKey::Error } else { MissingKey::Invalid };
    let template = Template::new("template").missing_key(missing).max_range_iters(TURNS_MAX);
    template.funcs(functions).parse(text).map_err(|error| format!("`{}`: {error}", shortened(text)))
}

fn shortened(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn short(text: &str, parameters: &Parameters) -> String {
    let (mut rendered, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        rendered.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else {
            rendered.push_str("{{");
            rest = after;
            continue;
        };
        match parameters.get(name.trim()) {
            Some(value) => rendered.push_str(&text_of(value)),
            None => rendered.push_str(&format!("{{{{{name}}}}}")),
        }
        rest = behind;
    }
    rendered.push_str(rest);
    rendered
}

/// A text that does not grow beyond the limit.
struct Bounded(String);

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > TEXT_BYTES_MAX {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// Texts of functions are bounded too: a loop may double one in each turn.
pub(super) fn bounded(text: String) -> gotmpl::Result<GoValue> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(calls::wrong("the text is too long"));
    }
    Ok(GoValue::String(text.into()))
}
