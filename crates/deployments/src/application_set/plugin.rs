//! `plugin`: a service that somebody runs gives the sets of parameters. It is asked elsewhere; here is what
//! it is asked, and what its answer means.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::file::Template;
use super::generators::{Expansion, Obstacle};
use super::parameters::{Parameters, flat};
use super::{APPLICATIONS_MAX, Unheard};

/// The largest input: it is a question, not a store.
const INPUT_BYTES_MAX: usize = 100_000;

/// `plugin`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PluginGenerator {
    config_map_ref: ConfigMapReference,
    #[serde(default)]
    input: Input,
    #[serde(default)]
    requeue_after_seconds: Option<i64>,
    #[serde(default)]
    values: BTreeMap<String, String>,
    #[serde(default, rename = "template")]
    _template: Option<Template>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigMapReference {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Input {
    parameters: Map<String, Value>,
}

/// What a service is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PluginQuestion {
    /// The ConfigMap that names the service.
    pub plugin: String,
    /// The set that asks.
    pub set: String,
    /// The parameters of `input`, as JSON.
    pub input: String,
}

/// What a service answered last.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginAnswer {
    /// The sets of parameters.
    pub parameters: Arc<Vec<Map<String, Value>>>,
    /// Why there is no newer answer, when it was asked again in vain.
    pub problem: Option<String>,
}

/// An answer, or why there is none.
pub type Answered = Result<PluginAnswer, Obstacle>;

impl PluginGenerator {
    /// Whether it can give something at all.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.requeue_after_seconds {
            Some(seconds) if seconds < 0 => Err("`requeueAfterSeconds` is below 0".into()),
            Some(_) | None => Ok(()),
        }
    }
}

impl PluginQuestion {
    /// What is sent.
    #[must_use]
    pub fn body(&self) -> String {
        let input: Value = serde_json::from_str(&self.input).unwrap_or_default();
        json!({"applicationSetName": self.set, "input": {"parameters": input}}).to_string()
    }
}

/// The sets of parameters of an answer. One without a list is not one with an empty list.
pub fn plugin_parameters(body: &[u8]) -> Result<Vec<Map<String, Value>>, String> {
    #[derive(Deserialize)]
    struct Body {
        output: Output,
    }
    #[derive(Deserialize)]
    struct Output {
        parameters: Vec<Map<String, Value>>,
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        // Without what it quotes: whoever reads this may not read all that the service says.
        let place = format!("line {}, column {}", error.line(), error.column());
        format!("the answer is not `{{\"output\": {{\"parameters\": [{{…}}]}}}}` in JSON ({place})")
    })?;
    let parameters = body.output.parameters;
    if parameters.len() > APPLICATIONS_MAX {
        return Err(format!("the answer has more than {APPLICATIONS_MAX} sets of parameters"));
    }
    Ok(parameters)
}

impl Expansion<'_> {
    /// What the service answered last.
    pub(super) fn plugin(
        &self,
        generator: &PluginGenerator,
        outer: &Parameters,
    ) -> Result<Vec<Parameters>, Obstacle> {
        let input = Value::Object(generator.input.parameters.clone());
        let question = PluginQuestion {
            plugin: generator.config_map_ref.name.clone(),
            set: self.set.to_owned(),
            input: input.to_string(),
        };
        if question.input.len() > INPUT_BYTES_MAX {
            let why = format!("`input.parameters` is larger than {INPUT_BYTES_MAX} bytes");
            return Err(why.into());
        }
        let answer = (self.inputs.plugin)(&question, generator.requeue_after_seconds)?;
        if let Some(problem) = answer.problem {
            let plugin = question.plugin;
            self.unheard.borrow_mut().insert(Unheard { plugin, problem });
        }
        let asked = json!({"input": {"parameters": input}});
        let mut sets = Vec::new();
        for given in answer.parameters.iter() {
            let mut set = given.clone();
            set.insert("generator".into(), asked.clone());
            if !self.renderer.templates.are_go() {
                set = flat(&set);
            }
            self.add_values(&generator.values, outer, &mut set)?;
            sets.push(set);
        }
        Ok(sets)
    }
}
