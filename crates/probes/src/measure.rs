//! Asks the metrics what objectives and alerts need; what it means is decided in `monitoring`.

use std::collections::BTreeMap;

use ledger::{ApplicationName, EnvironmentName, Timestamp};
use monitoring::alert::{AlertRule, Observation};
use monitoring::{
    BurnRateRule, Objective, RuleOutcome, Traffic, UnknownReason, burn_rate_rules, evaluate,
};

use crate::query::scoped;
use crate::store::{Metrics, MetricsError, QueryValue};

/// What an objective or alert is asked for: labels that every selector gets unless it has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(BTreeMap<String, String>);

impl Scope {
    /// One application in one environment.
    #[must_use]
    pub fn of(application: &ApplicationName, environment: &EnvironmentName) -> Self {
        Self(BTreeMap::from([
            ("application".into(), application.to_string()),
            ("environment".into(), environment.to_string()),
        ]))
    }

    /// The same with one label more, such as `revision`.
    #[must_use]
    pub fn with(mut self, label: &str, value: impl Into<String>) -> Self {
        self.0.insert(label.into(), value.into());
        self
    }
}

/// The rules of an objective with their queries scoped; no rule when a query cannot be scoped.
#[must_use]
pub fn scoped_rules(
    objective: &Objective,
    scope: &Scope,
    scrape_interval_ms: u64,
) -> Vec<BurnRateRule> {
    let rules = burn_rate_rules(objective, scrape_interval_ms).unwrap_or_default();
    let scope_rule = |rule: BurnRateRule| {
        Some(BurnRateRule {
            long_query: scoped(&rule.long_query, &scope.0).ok()?,
            short_query: scoped(&rule.short_query, &scope.0).ok()?,
            traffic_query: scoped(&rule.traffic_query, &scope.0).ok()?,
            ..rule
        })
    };
    rules.into_iter().filter_map(scope_rule).collect()
}

/// Each rule with its outcome. An objective without rules gives none, which is unknown, not met.
pub async fn measure(
    metrics: &Metrics,
    objective: &Objective,
    scope: &Scope,
    scrape_interval_ms: u64,
    at: Timestamp,
) -> Vec<(BurnRateRule, RuleOutcome)> {
    let mut outcomes = Vec::new();
    for rule in scoped_rules(objective, scope, scrape_interval_ms) {
        let outcome = match measure_rule(metrics, objective, &rule, at).await {
            Ok(outcome) => outcome,
            Err(problem) => {
                tracing::warn!(%problem, objective = objective.name, "an objective cannot be measured");
                RuleOutcome::Unknown { reason: UnknownReason::QueryFailed }
            }
        };
        outcomes.push((rule, outcome));
    }
    outcomes
}

async fn measure_rule(
    metrics: &Metrics,
    objective: &Objective,
    rule: &BurnRateRule,
    at: Timestamp,
) -> Result<RuleOutcome, MetricsError> {
    let requests = metrics.instant(&rule.traffic_query, at).await?.single();
    let traffic = Traffic { requests, minimum: objective.minimum_requests };
    let long = metrics.instant(&rule.long_query, at).await?.single();
    let short = metrics.instant(&rule.short_query, at).await?.single();
    Ok(evaluate(rule, long, short, traffic))
}

/// How much of an objective's budget is used: 1 is all of it. `None` without data.
pub async fn budget_used(
    metrics: &Metrics,
    objective: &Objective,
    scope: &Scope,
    at: Timestamp,
) -> Result<Option<f64>, MetricsError> {
    let Ok(query) = objective.bad_share_query() else { return Ok(None) };
    let value = metrics.instant(&scoped(&query, &scope.0)?, at).await?.single();
    Ok(value.and_then(|share| objective.budget_used(share)))
}

/// How many events an objective has counted over a window: for the minimum of an assessment.
pub async fn requests_since(
    metrics: &Metrics,
    objective: &Objective,
    scope: &Scope,
    window_ms: u64,
    at: Timestamp,
) -> Result<Option<u64>, MetricsError> {
    let total = match &objective.indicator {
        monitoring::objective::Indicator::GoodOfTotal { total, .. }
        | monitoring::objective::Indicator::BadOfTotal { total, .. } => total,
    };
    let Ok(query) = monitoring::objective::windowed(total, window_ms.max(1)) else {
        return Ok(None);
    };
    let value = metrics.instant(&scoped(&query, &scope.0)?, at).await?.single();
    Ok(value.filter(|number| number.is_finite()).map(|number| number.max(0.0).round() as u64))
}

/// What an alert's query says now.
pub async fn observe(
    metrics: &Metrics,
    rule: &AlertRule,
    scope: Option<&Scope>,
    at: Timestamp,
) -> Observation {
    let query = match scope {
        None => Ok(rule.query.clone()),
        Some(scope) => scoped(&rule.query, &scope.0),
    };
    let Ok(query) = query else { return Observation::Unknown };
    match metrics.instant(&query, at).await {
        Ok(QueryValue::Vector(vector)) if vector.is_empty() => Observation::False,
        Ok(QueryValue::Vector(_)) => Observation::True,
        // Prometheus takes a scalar for a vector of one series.
        Ok(QueryValue::Scalar(_)) => Observation::True,
        Ok(QueryValue::Text(_) | QueryValue::Matrix(_)) | Err(_) => Observation::Unknown,
    }
}
