//! The verdict on a deployment: what the watching found, as cases, and what follows from them.
//!
//! Unknown is never healthy. A revision is `Healthy` only after its window is over with enough
//! requests and nothing unknown; it is watched further after that, and can become `Sick` at any time.

use std::fmt;

use ledger::{ApplicationName, CommitId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::objective::{BurnRateRule, RuleOutcome, Severity, UnknownReason};

/// What follows from the cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing speaks against it, and enough was seen to say so.
    Healthy,
    /// Not enough was seen; holds a promotion, never starts a rollback.
    Inconclusive,
    /// At least one case says that users are hurt by this revision.
    Sick,
}

impl Verdict {
    /// A stable name: `healthy`, `inconclusive`, `sick`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Inconclusive => "inconclusive",
            Self::Sick => "sick",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Everything that the verdict may look at.
#[derive(Debug, Clone, PartialEq)]
pub struct AssessInputs {
    /// Whose deployment.
    pub application: ApplicationName,
    /// The commit that is deployed.
    pub revision: CommitId,
    /// When the last old replica was gone.
    pub deployed_at: Timestamp,
    /// When the inputs were true.
    pub as_of: Timestamp,
    /// How long a revision is watched before it can be healthy, in milliseconds.
    pub window_ms: i64,
    /// How many requests a revision must have had before it can be healthy; 0: none needed.
    pub minimum_requests: u64,
    /// Requests since `deployed_at`; `None` when nothing counts them.
    pub requests: Option<u64>,
    /// What the target says of the workload.
    pub health: WorkloadHealth,
    /// Replicas that ended and were started again since `deployed_at`.
    pub restarts: u64,
    /// How many restarts are tolerated in a window.
    pub restarts_allowed: u64,
    /// The checks from outside, with the answers since `deployed_at`.
    pub probes: Vec<ProbeObservation>,
    /// The objectives, with the outcome of each rule.
    pub objectives: Vec<ObjectiveObservation>,
    /// Scrape targets of this revision that did not give samples.
    pub scrapes_failing: Vec<ScrapeProblem>,
}

/// What the target says of the workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkloadHealth {
    /// All replicas are ready.
    Ready,
    /// A rollout is going on.
    Progressing,
    /// It did not become ready in time or cannot run.
    Degraded {
        /// Why, for a person.
        reason: String,
    },
    /// Nobody could say.
    Unknown {
        /// Why not, for a person.
        reason: String,
    },
}

/// A check from outside and its answers since the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeObservation {
    /// The check's name or address.
    pub name: String,
    /// How many times it was asked.
    pub asked: u64,
    /// How many of the last answers in a row were failures.
    pub failures_in_a_row: u64,
    /// How many failures in a row make it sick.
    pub failure_threshold: u64,
    /// The last answer, for a person; `None` before the first.
    pub last_answer: Option<String>,
}

/// An objective and the outcome of each of its rules.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectiveObservation {
    /// The objective's name.
    pub name: String,
    /// Each rule with its outcome.
    pub rules: Vec<(BurnRateRule, RuleOutcome)>,
    /// Since when it burns without a break; `None` when it does not burn.
    pub burning_since: Option<Timestamp>,
}

/// A scrape target that did not give samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeProblem {
    /// The target, as `http://127.0.0.1:1234/metrics`.
    pub target: String,
    /// What happened, for a person.
    pub problem: String,
}

/// The verdict with everything that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// What follows from the cases.
    pub verdict: Verdict,
    /// Everything that was found, the worst first; empty when all is well.
    pub cases: Vec<Case>,
    /// When the window is over; the earliest time at which the revision can be healthy.
    pub until: Timestamp,
}

impl Assessment {
    /// Whether a new fact is due: the verdict or the set of cases' codes differs.
    #[must_use]
    pub fn differs_from(&self, verdict: Verdict, cases: &[Case]) -> bool {
        let codes = |cases: &[Case]| {
            let mut codes: Vec<_> = cases.iter().map(Case::code).collect();
            codes.sort_unstable();
            codes.dedup();
            codes
        };
        self.verdict != verdict || codes(&self.cases) != codes(cases)
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Case {
    /// The workload cannot run or did not become ready.
    WorkloadDegraded {
        /// Why, for a person.
        reason: String,
    },
    /// Replicas end and are started again.
    RestartsTooMany {
        /// How many since the deployment.
        restarts: u64,
        /// How many are tolerated.
        allowed: u64,
    },
    /// A check from outside fails.
    ProbeFailing {
        /// The check.
        probe: String,
        /// How many times in a row.
        failures: u64,
        /// The last answer.
        last_answer: String,
    },
    /// An objective's budget is used too fast.
    ObjectiveBurning {
        /// Which.
        objective: String,
        /// The rule's severity.
        severity: Severity,
        /// The burn rate over the long window, in thousandths.
        burn_thousandths: u64,
        /// The rule's factor, in thousandths.
        factor_thousandths: u64,
        /// The rule's long window.
        long_window_ms: u64,
        /// The rule's short window.
        short_window_ms: u64,
        /// The evidence: the query over the long window.
        query: String,
    },
    /// An objective burned before this revision came, and its windows still hold that time.
    BurningBefore {
        /// Which.
        objective: String,
        /// Since when.
        since: Timestamp,
    },
    /// The workload is still changing.
    WorkloadProgressing,
    /// Nobody could say how the workload is.
    WorkloadUnknown {
        /// Why not, for a person.
        reason: String,
    },
    /// A check was not asked yet.
    ProbeSilent {
        /// The check.
        probe: String,
    },
    /// An objective cannot be said to hold.
    ObjectiveUnknown {
        /// Which.
        objective: String,
        /// Why not.
        reason: UnknownReason,
    },
    /// Metrics of this revision do not arrive.
    ScrapeFailing {
        /// The target.
        target: String,
        /// What happened, for a person.
        problem: String,
    },
    /// Too few requests to judge by.
    LittleTraffic {
        /// How many there were; `None`: nothing counts them.
        requests: Option<u64>,
        /// How many are needed.
        needed: u64,
    },
    /// The window is not over.
    WindowOpen {
        /// When it is over.
        until: Timestamp,
    },
    /// The clock went back behind the deployment.
    ClockBehind {
        /// When the deployment says that it happened.
        deployed_at: Timestamp,
    },
}

impl Case {
    /// A stable name, the same as in its JSON.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WorkloadDegraded { .. } => "workload-degraded",
            Self::RestartsTooMany { .. } => "restarts-too-many",
            Self::ProbeFailing { .. } => "probe-failing",
            Self::ObjectiveBurning { .. } => "objective-burning",
            Self::BurningBefore { .. } => "burning-before",
            Self::WorkloadProgressing => "workload-progressing",
            Self::WorkloadUnknown { .. } => "workload-unknown",
            Self::ProbeSilent { .. } => "probe-silent",
            Self::ObjectiveUnknown { .. } => "objective-unknown",
            Self::ScrapeFailing { .. } => "scrape-failing",
            Self::LittleTraffic { .. } => "little-traffic",
            Self::WindowOpen { .. } => "window-open",
            Self::ClockBehind { .. } => "clock-behind",
        }
    }

    /// The verdict that this case alone would give.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::WorkloadDegraded { .. }
            | Self::RestartsTooMany { .. }
            | Self::ProbeFailing { .. } => Verdict::Sick,
            Self::ObjectiveBurning { severity, .. } => match severity {
                Severity::Page => Verdict::Sick,
                Severity::Ticket => Verdict::Inconclusive,
            },
            Self::BurningBefore { .. }
            | Self::WorkloadProgressing
            | Self::WorkloadUnknown { .. }
            | Self::ProbeSilent { .. }
            | Self::ObjectiveUnknown { .. }
            | Self::ScrapeFailing { .. }
            | Self::LittleTraffic { .. }
            | Self::WindowOpen { .. }
            | Self::ClockBehind { .. } => Verdict::Inconclusive,
        }
    }
}

/// What, why and what comes next, in one sentence.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorkloadDegraded { reason } => write!(f, "the workload is degraded: {reason}"),
            Self::RestartsTooMany { restarts, allowed } => {
                write!(f, "replicas were restarted {restarts} times, {allowed} are tolerated")
            }
            Self::ProbeFailing { probe, failures, last_answer } => {
                write!(f, "{probe} failed {failures} times in a row, last with {last_answer}")
            }
            Self::ObjectiveBurning {
                objective,
                severity,
                burn_thousandths,
                factor_thousandths,
                long_window_ms,
                short_window_ms,
                query: _,
            } => write!(
                f,
                "objective {objective} uses its budget {} times as fast as allowed over {} and {} ({severity} at {})",
                Thousandths(*burn_thousandths),
                Span(*long_window_ms),
                Span(*short_window_ms),
                Thousandths(*factor_thousandths),
            ),
            Self::BurningBefore { objective, since } => write!(
                f,
                "objective {objective} burns since {since}, before this revision came; it is judged when the short window holds only this revision"
            ),
            Self::WorkloadProgressing => f.write_str("the workload is still changing"),
            Self::WorkloadUnknown { reason } => {
                write!(f, "the workload's health is not known: {reason}")
            }
            Self::ProbeSilent { probe } => write!(f, "{probe} has not answered yet"),
            Self::ObjectiveUnknown { objective, reason } => {
                write!(f, "objective {objective} cannot be judged: {reason}")
            }
            Self::ScrapeFailing { target, problem } => {
                write!(f, "no metrics from {target}: {problem}")
            }
            Self::LittleTraffic { requests: Some(requests), needed } => {
                write!(f, "{requests} requests so far, {needed} are needed to judge")
            }
            Self::LittleTraffic { requests: None, needed } => {
                write!(f, "nothing counts the requests, {needed} are needed to judge")
            }
            Self::WindowOpen { until } => write!(f, "watching until {until}"),
            Self::ClockBehind { deployed_at } => {
                write!(f, "the clock is behind the deployment of {deployed_at}; waiting for it")
            }
        }
    }
}

/// The verdict on a deployment. Equal inputs, equal answer.
#[must_use]
pub fn assess(inputs: &AssessInputs) -> Assessment {
    let until = inputs.deployed_at.plus_ms(inputs.window_ms);
    let mut cases = Vec::new();
    workload_cases(inputs, &mut cases);
    probe_cases(inputs, &mut cases);
    for objective in &inputs.objectives {
        objective_case(inputs, objective, &mut cases);
    }
    for scrape in &inputs.scrapes_failing {
        let (target, problem) = (scrape.target.clone(), scrape.problem.clone());
        cases.push(Case::ScrapeFailing { target, problem });
    }
    let needed = inputs.minimum_requests;
    if needed > 0 && inputs.requests.is_none_or(|requests| requests < needed) {
        cases.push(Case::LittleTraffic { requests: inputs.requests, needed });
    }
    if inputs.as_of < inputs.deployed_at {
        cases.push(Case::ClockBehind { deployed_at: inputs.deployed_at });
    } else if inputs.as_of < until {
        cases.push(Case::WindowOpen { until });
    }
    cases.sort_by_key(|case| std::cmp::Reverse(case.verdict()));
    let verdict = cases.iter().map(Case::verdict).max().unwrap_or(Verdict::Healthy);
    Assessment { verdict, cases, until }
}

fn workload_cases(inputs: &AssessInputs, cases: &mut Vec<Case>) {
    match &inputs.health {
        WorkloadHealth::Ready => {}
        WorkloadHealth::Progressing => cases.push(Case::WorkloadProgressing),
        WorkloadHealth::Degraded { reason } => {
            cases.push(Case::WorkloadDegraded { reason: reason.clone() });
        }
        WorkloadHealth::Unknown { reason } => {
            cases.push(Case::WorkloadUnknown { reason: reason.clone() });
        }
    }
    let (restarts, allowed) = (inputs.restarts, inputs.restarts_allowed);
    if restarts > allowed {
        cases.push(Case::RestartsTooMany { restarts, allowed });
    }
}

fn probe_cases(inputs: &AssessInputs, cases: &mut Vec<Case>) {
    for probe in &inputs.probes {
        let name = probe.name.clone();
        if probe.asked == 0 {
            cases.push(Case::ProbeSilent { probe: name });
        } else if probe.failures_in_a_row >= probe.failure_threshold.max(1) {
            let last_answer = probe.last_answer.clone().unwrap_or_else(|| "no answer".into());
            let failures = probe.failures_in_a_row;
            cases.push(Case::ProbeFailing { probe: name, failures, last_answer });
        }
    }
}

/// At most one case per objective: the worst rule that fires, else why nothing can be said.
fn objective_case(
    inputs: &AssessInputs,
    observation: &ObjectiveObservation,
    cases: &mut Vec<Case>,
) {
    let objective = observation.name.clone();
    let mut unknown = None;
    for (rule, outcome) in &observation.rules {
        match outcome {
            RuleOutcome::Quiet { .. } => {}
            RuleOutcome::Unknown { reason } => unknown = unknown.or(Some(*reason)),
            RuleOutcome::Firing { burn } => {
                cases.push(firing_case(inputs, observation, rule, *burn));
                return;
            }
        }
    }
    if observation.rules.is_empty() {
        unknown = Some(UnknownReason::NoRules);
    }
    match unknown {
        None => {}
        // Who asks for no traffic accepts that there may be none.
        Some(UnknownReason::LittleTraffic) if inputs.minimum_requests == 0 => {}
        Some(reason) => cases.push(Case::ObjectiveUnknown { objective, reason }),
    }
}

fn firing_case(
    inputs: &AssessInputs,
    observation: &ObjectiveObservation,
    rule: &BurnRateRule,
    burn: f64,
) -> Case {
    let objective = observation.name.clone();
    let own_time_ms = inputs.as_of.since_ms(inputs.deployed_at);
    let short_ms = i64::try_from(rule.short_window_ms).unwrap_or(i64::MAX);
    if let Some(since) = observation.burning_since
        && since < inputs.deployed_at
        && own_time_ms < short_ms
    {
        return Case::BurningBefore { objective, since };
    }
    Case::ObjectiveBurning {
        objective,
        severity: rule.severity,
        burn_thousandths: thousandths(burn),
        factor_thousandths: thousandths(rule.factor),
        long_window_ms: rule.long_window_ms,
        short_window_ms: rule.short_window_ms,
        query: rule.long_query.clone(),
    }
}

/// A rate as an integer; stops at the end of the range, and NaN is 0.
#[must_use]
pub fn thousandths(rate: f64) -> u64 {
    (rate * 1000.0).round() as u64
}

/// `14.4`.
struct Thousandths(u64);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{rest:03}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// `1h`, `90s`, `500ms`: the largest unit that divides.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::duration::format_ms(self.0))
    }
}
