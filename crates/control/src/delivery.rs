//! How a team delivers: DORA's five figures of one environment, each with the facts behind it.
//!
//! The definitions are those of the DORA programme (dora.dev, "DORA's software delivery performance
//! metrics"): two of throughput (change lead time, deployment frequency, failed deployment recovery
//! time belong together there) and two of instability (change fail rate, deployment rework rate).

use ledger::{Sequence, Timestamp};

/// What was delivered into one environment, and what went wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryInputs {
    /// Deployments, oldest first.
    pub deployments: Vec<Delivered>,
    /// Incidents, oldest first.
    pub incidents: Vec<Failure>,
    /// The period begins here.
    pub since: Timestamp,
    /// And ends here.
    pub as_of: Timestamp,
}

/// One deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The fact that says so.
    pub fact: Sequence,
    /// When.
    pub at: Timestamp,
    /// When the change behind it was committed; `None` when that is not known.
    pub committed_at: Option<Timestamp>,
    /// What it was for.
    pub purpose: Purpose,
    /// Whether it had to be taken back or made the environment sick.
    pub failed: bool,
}

/// What a deployment was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To bring a change.
    Change,
    /// To mend what an incident showed: a rollback, or the first change after one.
    Repair,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The fact that opened it.
    pub fact: Sequence,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was over; `None` while it goes on.
    pub over_at: Option<Timestamp>,
}

/// The five figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// From a commit to its deployment: the median, in milliseconds.
    pub lead_time_ms: Figure,
    /// Deployments a day.
    pub frequency_per_day: Figure,
    /// From the beginning of an incident to its end: the median, in milliseconds.
    pub recovery_time_ms: Figure,
    /// The share of changes that failed, 0 to 1.
    pub fail_rate: Figure,
    /// The share of deployments that were repairs, 0 to 1.
    pub rework_rate: Figure,
}

/// A number with the facts that it was counted from.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// `None`: nothing can be said yet.
    pub value: Option<f64>,
    /// Oldest first.
    pub facts: Vec<Sequence>,
}

/// Milliseconds in a day.
const DAY_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;

/// Counts. Equal inputs, equal answer.
#[must_use]
pub fn measure(inputs: &DeliveryInputs) -> Delivery {
    let within = |at: Timestamp| inputs.since <= at && at <= inputs.as_of;
    let deployments: Vec<&Delivered> =
        inputs.deployments.iter().filter(|one| within(one.at)).collect();
    let incidents: Vec<&Failure> =
        inputs.incidents.iter().filter(|one| within(one.began_at)).collect();
    let changes: Vec<&Delivered> =
        deployments.iter().copied().filter(|one| one.purpose == Purpose::Change).collect();
    let lead_times = deployments.iter().filter_map(|one| {
        let committed_at = one.committed_at?;
        Some((one.fact, one.at.since_ms(committed_at).max(0)))
    });
    let recoveries = incidents.iter().filter_map(|one| {
        let over_at = one.over_at?;
        Some((one.fact, over_at.since_ms(one.began_at).max(0)))
    });
    let days = inputs.as_of.since_ms(inputs.since) as f64 / DAY_MS;
    Delivery {
        lead_time_ms: median(lead_times),
        frequency_per_day: Figure {
            value: (days > 0.0).then(|| deployments.len() as f64 / days),
            facts: deployments.iter().map(|one| one.fact).collect(),
        },
        recovery_time_ms: median(recoveries),
        fail_rate: share(&changes, |one| one.failed),
        rework_rate: share(&deployments, |one| one.purpose == Purpose::Repair),
    }
}

fn median(values: impl Iterator<Item = (Sequence, i64)>) -> Figure {
    let (facts, mut values): (Vec<Sequence>, Vec<i64>) = values.unzip();
    values.sort_unstable();
    let middle = values.len() / 2;
    let value = match values.get(middle) {
        None => None,
        Some(upper) if values.len() % 2 == 0 => {
            Some((values[middle - 1] as f64 + *upper as f64) / 2.0)
        }
        Some(value) => Some(*value as f64),
    };
    Figure { value, facts }
}

/// The share of deployments that fit; the facts are those that do.
fn share(all: &[&Delivered], fits: impl Fn(&Delivered) -> bool) -> Figure {
    let facts: Vec<Sequence> = all.iter().filter(|one| fits(one)).map(|one| one.fact).collect();
    let value = (!all.is_empty()).then(|| facts.len() as f64 / all.len() as f64);
    Figure { value, facts }
}
