//! Objectives (OpenSLO v1) and the burn rates that say when one is in danger.
//!
//! Rules are Google's multi-window, multi-burn-rate alerts for 30 days (SRE workbook, chapter 5):
//! a rule fires when the budget is used faster than its factor over a long *and* a short window.
//! For another time window T each window is scaled by T / 30 d, with a floor that metrics can carry:
//!
//! - short = max(T × short share, 4 × scrape interval): a rate needs two samples, and one scrape may fail twice;
//! - long = max(T × long share, 3 × short): so that one spike does not fill both windows;
//! - a rule is left out when its long window is not longer than the previous rule's, or longer than T.
//!
//! Where a floor holds, the factor stays: the rule then fires later in terms of budget, never earlier.

use std::fmt;

use serde::{Deserialize, Serialize};

mod openslo;
mod query;

pub use openslo::{ObjectiveProblem, read_objectives};
pub use query::{QueryProblem, windowed};

/// An objective, read from a file and valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// `metadata.name`; with a suffix `-2`, `-3` for further entries of `spec.objectives`.
    pub name: String,
    /// For people; the name when the file has none.
    pub display_name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// `spec.service`: the name of an OpenSLO `Service`.
    pub service: String,
    /// The share of good events that is promised, between 0 and 1 exclusive.
    pub target: f64,
    /// The time over which it is promised, in milliseconds.
    pub time_window_ms: u64,
    /// What is measured.
    pub indicator: Indicator,
    /// Fewer requests than this in a rule's long window say nothing. Annotation
    /// `boucle/minimum-requests`, default 10.
    pub minimum_requests: f64,
    /// The severities that are evaluated. Annotation `boucle/alerts`, default `page,ticket`.
    pub severities: Vec<Severity>,
}

/// What an objective measures. Queries are PromQL on counters; see [`windowed`] for their form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Indicator {
    /// Good events of all events.
    GoodOfTotal {
        /// The good ones.
        good: String,
        /// All of them.
        total: String,
    },
    /// Bad events of all events.
    BadOfTotal {
        /// The bad ones.
        bad: String,
        /// All of them.
        total: String,
    },
}

/// How urgent a burn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Somebody must look during working hours; holds a promotion.
    Ticket,
    /// Users are hurt now; makes a deployment sick.
    Page,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ticket => "ticket",
            Self::Page => "page",
        })
    }
}

/// One burn rate over two windows, with the queries that measure it.
#[derive(Debug, Clone, PartialEq)]
pub struct BurnRateRule {
    /// How urgent it is when it fires.
    pub severity: Severity,
    /// How many times faster than allowed the budget may be used before it fires.
    pub factor: f64,
    /// The share of bad events that is allowed: 1 − target.
    pub budget: f64,
    /// The long window: enough is lost to matter.
    pub long_window_ms: u64,
    /// The short window: it still goes on.
    pub short_window_ms: u64,
    /// The share of bad events over the long window, 0 to 1.
    pub long_query: String,
    /// The share of bad events over the short window, 0 to 1.
    pub short_query: String,
    /// The number of events in the long window.
    pub traffic_query: String,
}

/// How many events a rule was judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traffic {
    /// Events in the long window; `None` when the query had no answer.
    pub requests: Option<f64>,
    /// Fewer than this say nothing.
    pub minimum: f64,
}

/// What a rule says now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RuleOutcome {
    /// The budget is used too fast in both windows.
    Firing {
        /// The burn rate over the long window.
        burn: f64,
    },
    /// It is not.
    Quiet {
        /// The burn rate over the long window.
        burn: f64,
    },
    /// Nothing can be said: neither healthy nor firing.
    Unknown {
        /// Why not.
        reason: UnknownReason,
    },
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownReason {
    /// A query had no answer.
    NoData,
    /// An answer was not a number, or not a share between 0 and 1.
    NotAShare,
    /// Fewer events than needed.
    LittleTraffic,
    /// The metrics store refused or did not answer.
    QueryFailed,
    /// The objective has no rule to judge it by.
    NoRules,
}

impl UnknownReason {
    /// A stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoData => "no-data",
            Self::NotAShare => "not-a-share",
            Self::LittleTraffic => "little-traffic",
            Self::QueryFailed => "query-failed",
            Self::NoRules => "no-rules",
        }
    }
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoData => "the query has no answer; check that the service is scraped",
            Self::NotAShare => "the answer is not a share between 0 and 1; check the queries",
            Self::LittleTraffic => "too few requests in the window",
            Self::QueryFailed => "the metrics store refused the query or did not answer",
            Self::NoRules => "its time window is too short for any rule at this scrape interval",
        })
    }
}

/// Severity, factor, and the shares of 30 days of the long and the short window.
const GOOGLE_RULES: [(Severity, f64, u64, u64); 4] = [
    (Severity::Page, 14.4, 720, 8640), // 1 h, 5 min: 2 % of the budget
    (Severity::Page, 6.0, 120, 1440),  // 6 h, 30 min: 5 %
    (Severity::Ticket, 3.0, 30, 360),  // 1 d, 2 h: 10 %
    (Severity::Ticket, 1.0, 10, 120),  // 3 d, 6 h: 10 %
];

/// The rules of an objective, the most urgent first; see the top of this file for the formula.
/// A query that cannot be given a window was refused by [`read_objectives`]; it is refused again here.
pub fn burn_rate_rules(
    objective: &Objective,
    scrape_interval_ms: u64,
) -> Result<Vec<BurnRateRule>, QueryProblem> {
    let period = objective.time_window_ms;
    let mut rules: Vec<BurnRateRule> = Vec::new();
    for (severity, factor, long_parts, short_parts) in GOOGLE_RULES {
        let short = (period / short_parts).max(scrape_interval_ms.saturating_mul(4)).max(1);
        let long = (period / long_parts).max(short.saturating_mul(3));
        let longer = rules.last().is_none_or(|previous| previous.long_window_ms < long);
        if !longer || long > period {
            continue;
        }
        let (long_query, traffic_query) = objective.indicator.queries(long)?;
        let (short_query, _) = objective.indicator.queries(short)?;
        rules.push(BurnRateRule {
            severity,
            factor,
            budget: 1.0 - objective.target,
            long_window_ms: long,
            short_window_ms: short,
            long_query,
            short_query,
            traffic_query,
        });
    }
    rules.retain(|rule| objective.severities.contains(&rule.severity));
    Ok(rules)
}

impl Objective {
    /// The share of bad events over the whole time window, as a query.
    pub fn bad_share_query(&self) -> Result<String, QueryProblem> {
        self.indicator.queries(self.time_window_ms).map(|(share, _)| share)
    }

    /// How much of the budget a share of bad events uses: 1 is all of it. `None` for what is no
    /// number.
    #[must_use]
    pub fn budget_used(&self, bad_share: f64) -> Option<f64> {
        let budget = 1.0 - self.target;
        (bad_share.is_finite() && budget > 0.0).then(|| bad_share.max(0.0) / budget)
    }
}

impl Indicator {
    /// The share of bad events and the number of all events over a window.
    fn queries(&self, window_ms: u64) -> Result<(String, String), QueryProblem> {
        Ok(match self {
            Self::GoodOfTotal { good, total } => {
                let (good, total) = (windowed(good, window_ms)?, windowed(total, window_ms)?);
                (format!("1 - ({good} / {total})"), total)
            }
            Self::BadOfTotal { bad, total } => {
                let (bad, total) = (windowed(bad, window_ms)?, windowed(total, window_ms)?);
                // A counter of bad events does not exist before the first one.
                (format!("({bad} or 0 * {total}) / {total}"), total)
            }
        })
    }
}

/// What a rule says, from the shares of bad events over its windows.
///
/// No data, not a number and little traffic are `Unknown`: never healthy, never firing.
#[must_use]
pub fn evaluate(
    rule: &BurnRateRule,
    long: Option<f64>,
    short: Option<f64>,
    traffic: Traffic,
) -> RuleOutcome {
    let unknown = |reason| RuleOutcome::Unknown { reason };
    let Some(requests) = traffic.requests else { return unknown(UnknownReason::NoData) };
    if requests.is_nan() || requests < traffic.minimum {
        return unknown(UnknownReason::LittleTraffic);
    }
    let (Some(long), Some(short)) = (long, short) else { return unknown(UnknownReason::NoData) };
    // Extrapolation moves both counters alike, but rounding may leave the range by a hair.
    let share = -0.001..=1.001;
    if !share.contains(&long) || rule.budget <= 0.0 {
        return unknown(UnknownReason::NotAShare);
    }
    // No request at all in the short window: what burned may have stopped, or nobody can come in.
    if short.is_nan() {
        return unknown(UnknownReason::LittleTraffic);
    }
    if !share.contains(&short) {
        return unknown(UnknownReason::NotAShare);
    }
    let burn = long.max(0.0) / rule.budget;
    if burn > rule.factor && short / rule.budget > rule.factor {
        RuleOutcome::Firing { burn }
    } else {
        RuleOutcome::Quiet { burn }
    }
}
