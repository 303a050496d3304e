//! A workflow as the JSON that GitHub's own reader makes of it, to compare the two.
//!
//! Nothing in Boucle reads it; the conformance command does.

use serde_json::{Map, Value as Json, json};

use super::convert::{condition, permissions, texts};
use super::model::{Access, Permissions, Step, Workflow};
use super::problem::{Problem, Problems};
use crate::expressions::{Condition, Position, Template, TemplateValue};

/// Every scope that `read-all` and `write-all` mean.
const SCOPES: &[&str] = &[
    "actions",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "id-token",
    "issues",
    "packages",
    "pages",
    "pull-requests",
    "repository-projects",
    "security-events",
    "statuses",
];

/// The normal form of a file by the whole language, or its problems. `with_places` keeps the place
/// of each value; `length_max` bounds the file in UTF-16 units (GitHub's bound when absent).
pub fn normal_form(
    path: &str,
    text: &str,
    with_places: bool,
    length_max: Option<usize>,
) -> Result<Json, Vec<Problem>> {
    let length_max = length_max.unwrap_or(super::FILE_LENGTH_MAX);
    let (root, workflow) = super::read_language(path, text, length_max)?;
    let printer = Printer { with_places };
    let mut json = printer.workflow(path, &root, &workflow);
    if with_places {
        json["file-table"] = json!([path]);
    }
    Ok(json)
}

struct Printer {
    with_places: bool,
}

impl Printer {
    fn workflow(&self, path: &str, root: &TemplateValue, workflow: &Workflow) -> Json {
        let mut json = Map::new();
        for name in ["defaults", "env", "concurrency"] {
            self.copy(root, name, &mut json);
        }
        if let Some(value) = root.entry("permissions") {
            json.insert("permissions".into(), scopes(&permissions(value)));
        }
        if let Some(events) = root.entry("on").map(events) {
            json.insert("events".into(), events);
        }
        let jobs = root.entry("jobs").map(TemplateValue::entries).unwrap_or_default();
        let jobs = jobs.iter().map(|(key, job)| {
            let steps = workflow.job(key.source()).map(|job| job.steps.as_slice());
            self.job(path, key, job, root, steps.unwrap_or_default())
        });
        json.insert("jobs".into(), jobs.collect());
        Json::Object(json)
    }

    fn job(
        &self,
        path: &str,
        key: &Template,
        job: &TemplateValue,
        root: &TemplateValue,
        steps: &[Step],
    ) -> Json {
        let mut json = Map::new();
        json.insert("type".into(), "job".into());
        json.insert("id".into(), self.text(key));
        let name = job.entry("name").map_or_else(|| self.text(key), |name| self.value(name));
        json.insert("name".into(), name);
        let needs = job.entry("needs").map(texts).unwrap_or_default();
        if !needs.is_empty() {
            let needs = needs.into_iter().map(|(need, _)| Json::from(need));
            json.insert("needs".into(), needs.collect());
        }
        let condition = condition(job.entry("if"), key.position(), &mut Problems::new(path));
        json.insert("if".into(), conditional(&condition));
        if let Some(value) = job.entry("permissions").or(root.entry("permissions")) {
            json.insert("permissions".into(), scopes(&permissions(value)));
        }
        for name in [
            "strategy",
            "continue-on-error",
            "timeout-minutes",
            "cancel-timeout-minutes",
            "concurrency",
            "env",
            "environment",
            "defaults",
            "runs-on",
            "container",
            "services",
            "outputs",
            "snapshot",
        ] {
            self.copy(job, name, &mut json);
        }
        if let Some(items) = job.entry("steps") {
            let steps = items.items().iter().zip(steps).map(|(item, step)| self.step(item, step));
            json.insert("steps".into(), steps.collect());
        }
        Json::Object(json)
    }

    fn step(&self, item: &TemplateValue, step: &Step) -> Json {
        let mut json = Map::new();
        json.insert("id".into(), step.id.clone().into());
        json.insert("if".into(), conditional(&step.condition));
        for name in [
            "name",
            "continue-on-error",
            "timeout-minutes",
            "env",
            "working-directory",
            "shell",
            "run",
            "uses",
            "with",
        ] {
            self.copy(item, name, &mut json);
        }
        Json::Object(json)
    }

    fn copy(&self, from: &TemplateValue, name: &str, into: &mut Map<String, Json>) {
        if let Some(value) = from.entry(name) {
            into.insert(name.into(), self.value(value));
        }
    }

    fn value(&self, value: &TemplateValue) -> Json {
        match value {
            TemplateValue::Null { at } => self.placed(7, *at, None).unwrap_or(Json::Null),
            TemplateValue::Boolean { value, at } => {
                let json = Json::from(*value);
                self.placed(5, *at, Some(("bool", json.clone()))).unwrap_or(json)
            }
            TemplateValue::Number { value, at } => {
                let json = number(*value);
                self.placed(6, *at, Some(("num", json.clone()))).unwrap_or(json)
            }
            TemplateValue::Text(template) => self.text(template),
            TemplateValue::List { items, at } => {
                let items = items.iter().map(|item| self.value(item)).collect();
                self.always(1, *at, ("seq", items))
            }
            TemplateValue::Map { entries, at } => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| json!({"Key": self.text(key), "Value": self.value(value)}));
                self.always(2, *at, ("map", entries.collect()))
            }
        }
    }

    fn text(&self, template: &Template) -> Json {
        let at = template.position();
        match template.as_expression_text() {
            Some(directive) if directive == "insert" => {
                self.always(4, at, ("directive", directive.into()))
            }
            Some(expression) => self.always(3, at, ("expr", expression.into())),
            None => {
                let text = Json::from(template.literal().unwrap_or(template.source()));
                self.placed(0, at, Some(("lit", text.clone()))).unwrap_or(text)
            }
        }
    }

    /// `{"type": …}` with the place, when places are kept.
    fn placed(&self, kind: u8, at: Position, value: Option<(&str, Json)>) -> Option<Json> {
        if !self.with_places {
            return None;
        }
        let mut json = json!({"type": kind, "file": 1, "line": at.line, "col": at.column});
        if let Some((name, value)) = value {
            json[name] = value;
        }
        Some(json)
    }

    fn always(&self, kind: u8, at: Position, (name, value): (&str, Json)) -> Json {
        let placed = self.placed(kind, at, Some((name, value.clone())));
        placed.unwrap_or_else(|| json!({"type": kind, name: value}))
    }
}

fn conditional(condition: &Condition) -> Json {
    json!({"type": 3, "expr": condition.effective_text()})
}

/// Numbers that JSON lacks are printed as texts.
fn number(value: f64) -> Json {
    if value.is_finite() {
        return crate::expressions::Value::Number(value).to_json();
    }
    crate::expressions::number_to_text(value).into()
}

/// Scopes with their levels; one without access is left out.
fn scopes(permissions: &Permissions) -> Json {
    let all = |access| SCOPES.iter().map(|&scope| (scope.to_owned(), access)).collect();
    let named = match permissions {
        Permissions::ReadAll => all(Access::Read),
        Permissions::WriteAll => all(Access::Write),
        Permissions::Named { scopes } => scopes.clone(),
    };
    let scopes = named.into_iter().filter_map(|(scope, access)| match access {
        Access::None => None,
        Access::Read => Some((scope, Json::from("read"))),
        Access::Write => Some((scope, Json::from("write"))),
    });
    Json::Object(scopes.collect())
}

/// Events with their settings, as plain JSON.
fn events(on: &TemplateValue) -> Json {
    let named = texts(on).into_iter().map(|(name, _)| (name, json!({})));
    let configured = on.entries().iter().map(|(name, it)| (name.source().to_owned(), event(it)));
    Json::Object(named.chain(configured).collect())
}

fn event(settings: &TemplateValue) -> Json {
    let entries = settings.entries().iter().map(|(name, value)| {
        let value = match value {
            TemplateValue::Text(_) | TemplateValue::List { .. } => {
                texts(value).into_iter().map(|(text, _)| Json::from(text)).collect()
            }
            TemplateValue::Null { .. }
            | TemplateValue::Boolean { .. }
            | TemplateValue::Number { .. }
            | TemplateValue::Map { .. } => bare(value),
        };
        (name.source().to_owned(), value)
    });
    Json::Object(entries.collect())
}

fn bare(value: &TemplateValue) -> Json {
    match value {
        TemplateValue::Null { .. } => Json::Null,
        TemplateValue::Boolean { value, .. } => (*value).into(),
        TemplateValue::Number { value, .. } => number(*value),
        TemplateValue::Text(template) => template.source().into(),
        TemplateValue::List { items, .. } => items.iter().map(bare).collect(),
        TemplateValue::Map { entries, .. } => {
            let entries = entries.iter().map(|(key, value)| (key.source().to_owned(), bare(value)));
            Json::Object(entries.collect())
        }
    }
}
