//! Alerts: Prometheus' rule files and the states that a rule goes through.

use std::collections::BTreeMap;

use ledger::Timestamp;
use serde::{Deserialize, Serialize};
use yaml::YamlError;

use crate::duration::parse_ms;

/// A rule that says when something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule {
    /// The group that it stands in.
    pub group: String,
    /// The alert's name.
    pub name: String,
    /// True when the query gives at least one series.
    pub query: String,
    /// How often it is evaluated; `None`: as often as the server does.
    pub interval_ms: Option<u64>,
    /// How long it must be true before it fires.
    pub for_ms: u64,
    /// How long it fires on after it was last true.
    pub keep_firing_for_ms: u64,
    /// The group's and the rule's labels; the rule's win.
    pub labels: BTreeMap<String, String>,
    /// Texts for people, as written.
    pub annotations: BTreeMap<String, String>,
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum AlertState {
    /// Not true.
    #[default]
    Inactive,
    /// True, but not for long enough.
    Pending {
        /// Since when it is true.
        since: Timestamp,
    },
    /// True for long enough.
    Firing {
        /// Since when it fires.
        since: Timestamp,
        /// When it was last seen true.
        last_true: Timestamp,
    },
    /// It fired and does not any more.
    Resolved {
        /// Since when.
        at: Timestamp,
    },
}

impl AlertState {
    /// A stable name: `inactive`, `pending`, `firing`, `resolved`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending { .. } => "pending",
            Self::Firing { .. } => "firing",
            Self::Resolved { .. } => "resolved",
        }
    }
}

/// What one evaluation of the query said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// At least one series.
    True,
    /// No series.
    False,
    /// The query failed: it is not known.
    Unknown,
}

/// The next state. What is not known changes nothing: it neither fires nor resolves.
#[must_use]
pub fn step(
    state: AlertState,
    rule: &AlertRule,
    observation: Observation,
    as_of: Timestamp,
) -> AlertState {
    let lasted =
        |since: Timestamp, ms: u64| as_of.since_ms(since) >= i64::try_from(ms).unwrap_or(i64::MAX);
    let raise = |since: Timestamp| {
        if lasted(since, rule.for_ms) {
            AlertState::Firing { since: as_of, last_true: as_of }
        } else {
            AlertState::Pending { since }
        }
    };
    match (state, observation) {
        (state, Observation::Unknown) => state,
        (AlertState::Inactive | AlertState::Resolved { .. }, Observation::True) => raise(as_of),
        (AlertState::Pending { since }, Observation::True) => raise(since),
        (AlertState::Firing { since, last_true: _ }, Observation::True) => {
            AlertState::Firing { since, last_true: as_of }
        }
        (AlertState::Inactive | AlertState::Pending { .. }, Observation::False) => {
            AlertState::Inactive
        }
        (AlertState::Firing { last_true, .. }, Observation::False)
            if rule.keep_firing_for_ms > 0 && !lasted(last_true, rule.keep_firing_for_ms) =>
        {
            state
        }
        (AlertState::Firing { .. }, Observation::False) => AlertState::Resolved { at: as_of },
        (AlertState::Resolved { .. }, Observation::False) => state,
    }
}

/// Why a rule file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFileProblem {
    /// Not YAML, an unknown key, or a value of the wrong form.
    #[error("{0}")]
    Syntax(YamlError),
    /// Understood, but not possible.
    #[error("{file}: group {group}, rule {rule}: {reason}")]
    Refused {
        /// The file's path in its repository.
        file: String,
        /// The group's name.
        group: String,
        /// The rule's name, or its number from 1.
        rule: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

impl RuleFileProblem {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "rule-file-invalid",
            Self::Refused { .. } => "rule-refused",
        }
    }
}

/// The alerts of a Prometheus rule file. Recording rules are refused: metrics are disposable here.
pub fn read_rules(file: &str, text: &str) -> Result<Vec<AlertRule>, RuleFileProblem> {
    let content: RuleFile = yaml::document(file, text).map_err(RuleFileProblem::Syntax)?;
    let mut rules: Vec<AlertRule> = Vec::new();
    for group in content.groups {
        for (number, rule) in (1..).zip(group.rules.iter()) {
            let name = rule.alert.clone().or_else(|| rule.record.clone());
            let name = name.unwrap_or_else(|| format!("{number}"));
            let read = alert_rule(&group, rule).map_err(|reason| RuleFileProblem::Refused {
                file: file.into(),
                group: group.name.clone(),
                rule: name,
                reason,
            })?;
            rules.push(read);
        }
    }
    Ok(rules)
}

fn alert_rule(group: &RuleGroup, rule: &Rule) -> Result<AlertRule, String> {
    let name = match (&rule.alert, &rule.record) {
        (Some(name), None) => name.clone(),
        (None, Some(_)) => {
            return Err("recording rules are not kept by the embedded store; connect a Prometheus server and put the rule there".into());
        }
        (Some(_), Some(_)) => return Err("write `alert` or `record`, not both".into()),
        (None, None) => return Err("write `alert` and its name".into()),
    };
    if group.limit.is_some() || group.query_offset.is_some() {
        return Err(
            "`limit` and `query_offset` of a group are not supported; leave them out".into()
        );
    }
    let duration = |key: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => parse_ms(text)
            .map(Some)
            .ok_or_else(|| format!("`{key}: {text}` is not a duration; write 30s or 5m")),
    };
    let mut labels = group.labels.clone();
    labels.extend(rule.labels.clone());
    Ok(AlertRule {
        group: group.name.clone(),
        name,
        query: rule.expr.trim().into(),
        interval_ms: duration("interval", &group.interval)?,
        for_ms: duration("for", &rule.hold)?.unwrap_or(0),
        keep_firing_for_ms: duration("keep_firing_for", &rule.keep_firing_for)?.unwrap_or(0),
        labels,
        annotations: rule.annotations.clone(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    groups: Vec<RuleGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleGroup {
    name: String,
    #[serde(default)]
    interval: Option<String>,
    #[serde(default)]
    limit: Option<u64>,
    #[serde(default)]
    query_offset: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    alert: Option<String>,
    #[serde(default)]
    record: Option<String>,
    expr: String,
    #[serde(default, rename = "for")]
    hold: Option<String>,
    #[serde(default)]
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}
