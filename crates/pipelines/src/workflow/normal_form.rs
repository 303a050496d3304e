//! A workflow as the JSON that GitHub's own reader makes of it, to compare the two.
//!
//! Nothing in Boucle reads it; the conformance command does.

use serde_json::{Map, Value as Json, json};

use super::calls::{Document, Rules};
use super::convert::{permissions, texts};
use super::model::{Access, Job, Permissions, Step};
use super::problem::Problem;
use crate::expressions::{Condition, Position, Template, TemplateValue};

/// The normal form of a file by the whole language, or its problems. `with_places` keeps the place
/// of each value.
pub fn normal_form(
    path: &str,
    text: &str,
    with_places: bool,
    rules: &Rules<'_>,
) -> Result<Json, Vec<Problem>> {
    let (document, files) = super::calls::load(path, text, rules)?;
    let printer = Printer { with_places, file: document.file };
    let mut json = printer.workflow(&document);
    if with_places {
        json["file-table"] = json!(files);
    }
    Ok(json)
}

struct Printer {
    with_places: bool,
    file: usize,
}

impl Printer {
    fn workflow(&self, document: &Document) -> Json {
        let root = &document.root;
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
        json.insert("jobs".into(), self.jobs(document, None));
        Json::Object(json)
    }

    /// `granted`: the permissions that callers wrote.
    fn jobs(&self, document: &Document, granted: Option<&Permissions>) -> Json {
        let entries = document.root.entry("jobs").map(TemplateValue::entries).unwrap_or_default();
        let jobs = entries.iter().zip(&document.workflow.jobs).map(|((key, value), job)| {
            match document.called.iter().find(|(id, _)| *id == job.id) {
                Some((_, called)) => self.calling_job(key, value, job, called),
                None if job.call.is_some() => Json::Object(self.common(key, value, job)),
                None => {
                    let level = document.workflow.permissions.as_ref().or(granted);
                    self.job(key, value, job, level)
                }
            }
        });
        jobs.collect()
    }

    /// What a job has whether it calls a workflow or not.
    fn common(&self, key: &Template, value: &TemplateValue, job: &Job) -> Map<String, Json> {
        let mut json = Map::new();
        json.insert("id".into(), self.text(key));
        let name = value.entry("name").map_or_else(|| self.text(key), |name| self.value(name));
        json.insert("name".into(), name);
        json.insert("if".into(), conditional(&job.condition));
        for name in ["strategy", "concurrency"] {
            self.copy(value, name, &mut json);
        }
        if !job.needs.is_empty() {
            json.insert("needs".into(), json!(job.needs));
        }
        json
    }

    fn calling_job(
        &self,
        key: &Template,
        value: &TemplateValue,
        job: &Job,
        called: &Document,
    ) -> Json {
        let mut json = self.common(key, value, job);
        json.insert("type".into(), "reusableWorkflowJob".into());
        json.entry("needs").or_insert(json!([]));
        let mut put = |name: &str, value: Option<Json>| {
            if let Some(value) = value {
                json.insert(name.into(), value);
            }
        };
        put("ref", value.entry("uses").map(|uses| self.value(uses)));
        let level = called.workflow.permissions.as_ref().or(called.granted.as_ref());
        put("permissions", level.map(scopes));
        put("input-values", value.entry("with").map(|with| self.value(with)));
        match value.entry("secrets") {
            Some(named @ TemplateValue::Map { .. }) => {
                put("secret-values", Some(self.value(named)));
            }
            Some(_) => put("inherit-secrets", Some(true.into())),
            None => {}
        }
        let inner = Self { with_places: self.with_places, file: called.file };
        let definition = called.root.entry("on").and_then(|on| on.entry("workflow_call"));
        let definition = |name: &str| definition?.entry(name).map(|value| inner.value(value));
        put("input-definitions", definition("inputs"));
        put("secret-definitions", definition("secrets"));
        put("outputs", definition("outputs"));
        put("jobs", Some(inner.jobs(called, called.granted.as_ref())));
        Json::Object(json)
    }

    fn job(
        &self,
        key: &Template,
        value: &TemplateValue,
        job: &Job,
        level: Option<&Permissions>,
    ) -> Json {
        let mut json = self.common(key, value, job);
        json.insert("type".into(), "job".into());
        if let Some(permissions) = job.permissions.as_ref().or(level) {
            json.insert("permissions".into(), scopes(permissions));
        }
        for name in [
            "continue-on-error",
            "timeout-minutes",
            "cancel-timeout-minutes",
            "env",
            "environment",
            "defaults",
            "runs-on",
            "container",
            "services",
            "outputs",
            "snapshot",
        ] {
            self.copy(value, name, &mut json);
        }
        if let Some(items) = value.entry("steps") {
            let plain =
                |item: &&TemplateValue| item.entry("run").is_some() || item.entry("uses").is_some();
            let steps = items.items().iter().filter(plain).zip(&job.steps);
            let steps = steps.map(|(item, step)| self.step(item, step));
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
        let mut json = json!({"type": kind, "file": self.file, "line": at.line, "col": at.column});
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
    let all =
        |access| Permissions::SCOPES.iter().map(|&scope| (scope.to_owned(), access)).collect();
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
