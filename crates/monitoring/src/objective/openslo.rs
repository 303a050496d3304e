//! Reads OpenSLO v1 files: `SLO` and `Service`. What is not understood is refused by name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use yaml::YamlError;

use super::{Indicator, Objective, QueryProblem, Severity, windowed};
use crate::duration::parse_ms;

/// Why an objective's file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectiveProblem {
    /// Not YAML, an unknown key, or a value of the wrong form.
    #[error("{0}")]
    Syntax(YamlError),
    /// Understood, but not possible.
    #[error("{file}:{line}:1: {object}: {reason}")]
    Refused {
        /// The file's path in its repository.
        file: String,
        /// The document's first line, from 1.
        line: u64,
        /// `SLO/availability`.
        object: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
}

impl ObjectiveProblem {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "objective-file-invalid",
            Self::Refused { .. } => "objective-refused",
        }
    }
}

/// The objectives of a file. `Service` objects are checked and give none.
pub fn read_objectives(file: &str, text: &str) -> Result<Vec<Objective>, ObjectiveProblem> {
    let mut objectives = Vec::new();
    for (line, document) in split(text) {
        let syntax = ObjectiveProblem::Syntax;
        let head: Head = yaml::document(file, &document).map_err(syntax)?;
        let refuse = |reason: String| ObjectiveProblem::Refused {
            file: file.into(),
            line,
            object: format!("{}/{}", head.kind, head.metadata.name),
            reason,
        };
        if head.api_version != "openslo/v1" {
            return Err(refuse(format!(
                "apiVersion `{}` is not supported; write `openslo/v1`",
                head.api_version
            )));
        }
        match head.kind.as_str() {
            "Service" => drop(yaml::document::<ServiceDocument>(file, &document).map_err(syntax)?),
            "SLO" => {
                let slo: SloDocument = yaml::document(file, &document).map_err(syntax)?;
                objectives.extend(slo.objectives().map_err(refuse)?);
            }
            kind => {
                return Err(refuse(format!(
                    "kind `{kind}` is not supported; write the indicator inside the `SLO`, and routes for notifications in boucle.yaml"
                )));
            }
        }
    }
    Ok(objectives)
}

/// Each document with its first line (from 1), after as many empty lines as keep its places true.
fn split(text: &str) -> Vec<(u64, String)> {
    let (mut documents, mut start, mut current) = (Vec::new(), 1, String::new());
    let mut finish = |start: u64, current: &str| {
        let has_content = current
            .lines()
            .any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
        if has_content {
            let padding = "\n".repeat(usize::try_from(start - 1).unwrap_or(0));
            documents.push((start, format!("{padding}{current}")));
        }
    };
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_end() == "---" {
            finish(start, &current);
            (start, current) = (number + 1, String::new());
        } else {
            current.push_str(line);
            current.push('\n');
        }
    }
    finish(start, &current);
    documents
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    metadata: HeadMetadata,
}

#[derive(Deserialize)]
struct HeadMetadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read so that their form is checked")]
struct ServiceDocument {
    api_version: String,
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    spec: ServiceSpec,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that its form is checked")]
struct ServiceSpec {
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "labels are free; read so that their form is checked")]
    labels: BTreeMap<String, Value>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SloDocument {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: Metadata,
    spec: SloSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SloSpec {
    #[serde(default)]
    description: String,
    service: String,
    indicator: IndicatorDocument,
    time_window: Vec<TimeWindow>,
    #[serde(default)]
    budgeting_method: Option<String>,
    objectives: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IndicatorDocument {
    #[serde(default, rename = "metadata")]
    _metadata: Option<Metadata>,
    spec: IndicatorSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct IndicatorSpec {
    #[serde(default, rename = "description")]
    _description: Option<String>,
    ratio_metric: RatioMetric,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RatioMetric {
    #[serde(default)]
    counter: Option<bool>,
    #[serde(default)]
    good: Option<Metric>,
    #[serde(default)]
    bad: Option<Metric>,
    total: Metric,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Metric {
    metric_source: MetricSource,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricSource {
    #[serde(rename = "type")]
    kind: String,
    spec: MetricQuery,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricQuery {
    query: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TimeWindow {
    duration: String,
    is_rolling: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Target {
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    target: Option<f64>,
    #[serde(default)]
    target_percent: Option<f64>,
}

impl SloDocument {
    fn objectives(self) -> Result<Vec<Objective>, String> {
        let indicator = self.spec.indicator.spec.ratio_metric.indicator()?;
        let time_window_ms = time_window_ms(&self.spec.time_window)?;
        if let Some(method) = &self.spec.budgeting_method
            && method != "Occurrences"
        {
            return Err(format!(
                "budgetingMethod `{method}` is not supported; write `Occurrences`"
            ));
        }
        if self.spec.objectives.is_empty() {
            return Err("`objectives` is empty; write at least one with a `target`".into());
        }
        let (minimum_requests, severities) = annotations(&self.metadata.annotations)?;
        let name = self.metadata.name;
        let title = self.metadata.display_name.unwrap_or_else(|| name.clone());
        let mut objectives = Vec::new();
        for (number, target) in (1..).zip(self.spec.objectives) {
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            objectives.push(Objective {
                name: format!("{name}{suffix}"),
                display_name: target.display_name.clone().unwrap_or_else(|| title.clone()),
                description: self.spec.description.clone(),
                service: self.spec.service.clone(),
                target: target.share()?,
                time_window_ms,
                indicator: indicator.clone(),
                minimum_requests,
                severities: severities.clone(),
            });
        }
        Ok(objectives)
    }
}

impl RatioMetric {
    fn indicator(self) -> Result<Indicator, String> {
        if self.counter != Some(true) {
            return Err(
                "`ratioMetric` needs `counter: true`: only counters have a burn rate".into()
            );
        }
        let total = self.total.query()?;
        match (self.good, self.bad) {
            (Some(good), None) => Ok(Indicator::GoodOfTotal { good: good.query()?, total }),
            (None, Some(bad)) => Ok(Indicator::BadOfTotal { bad: bad.query()?, total }),
            (Some(_), Some(_)) => Err("write `good` or `bad`, not both".into()),
            (None, None) => Err("`ratioMetric` needs `good` or `bad` beside `total`".into()),
        }
    }
}

impl Metric {
    fn query(self) -> Result<String, String> {
        let source = self.metric_source;
        if !source.kind.eq_ignore_ascii_case("prometheus") {
            return Err(format!(
                "metricSource type `{}` is not supported; write `Prometheus`",
                source.kind
            ));
        }
        windowed(&source.spec.query, 1000).map_err(|problem: QueryProblem| problem.to_string())?;
        Ok(source.spec.query.trim().to_owned())
    }
}

impl Target {
    fn share(&self) -> Result<f64, String> {
        let share = match (self.target, self.target_percent) {
            (Some(share), None) => share,
            (None, Some(percent)) => percent / 100.0,
            (None, None) => return Err("an objective needs `target` or `targetPercent`".into()),
            (Some(_), Some(_)) => return Err("write `target` or `targetPercent`, not both".into()),
        };
        if share > 0.0 && share < 1.0 {
            Ok(share)
        } else {
            Err(format!(
                "a target of {share} leaves no budget or promises nothing; write a share between 0 and 1, such as 0.99"
            ))
        }
    }
}

fn time_window_ms(windows: &[TimeWindow]) -> Result<u64, String> {
    let [window] = windows else {
        return Err(format!("`timeWindow` has {} entries; write exactly one", windows.len()));
    };
    if !window.is_rolling {
        return Err("calendar windows are not supported; write `isRolling: true`".into());
    }
    match parse_ms(&window.duration) {
        Some(ms) if ms >= 60_000 => Ok(ms),
        Some(_) => Err(format!("a time window of {} is too short; at least 1m", window.duration)),
        None => Err(format!(
            "`{}` is not a rolling duration; write 30d, 4w, 6h or 10m",
            window.duration
        )),
    }
}

/// The minimum of requests and the severities; other annotations of ours are refused.
fn annotations(annotations: &BTreeMap<String, String>) -> Result<(f64, Vec<Severity>), String> {
    let (mut minimum_requests, mut severities) = (10.0, vec![Severity::Page, Severity::Ticket]);
    for (name, text) in annotations {
        match name.strip_prefix("boucle/") {
            None => {}
            Some("minimum-requests") => {
                let number: u32 = text
                    .parse()
                    .map_err(|_| format!("annotation {name}: `{text}` is not a whole number"))?;
                minimum_requests = f64::from(number);
            }
            Some("alerts") => {
                severities = text.split(',').map(severity).collect::<Result<_, _>>()?;
            }
            Some(_) => {
                return Err(format!(
                    "annotation `{name}` is unknown; there are boucle/minimum-requests and boucle/alerts"
                ));
            }
        }
    }
    Ok((minimum_requests, severities))
}

fn severity(text: &str) -> Result<Severity, String> {
    match text.trim() {
        "page" => Ok(Severity::Page),
        "ticket" => Ok(Severity::Ticket),
        other => Err(format!("annotation boucle/alerts: `{other}` is not `page` or `ticket`")),
    }
}
