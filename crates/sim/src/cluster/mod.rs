//! Clusters in the simulation: real decisions about a made-up Kubernetes, from one seed.
//!
//! Three applications on two clusters. Watches break, stall and lose their history; requests come
//! late, twice, after a restart or never; API servers are away, busy, or start again; Boucle is killed
//! between what it records and what it does. People with `kubectl`, an autoscaler and a second
//! controller write the same objects, and two applications claim one.
//!
//! What decides is real: plans by ownership, synchronisations with waves and hooks, removals, health.
//! What acts is a model: [`network`] of the hand (crate `cluster`), [`cache`] of its watches, [`api`]
//! of an API server. Reading order: [`simulation`], [`reconcile`], [`operate`], [`network`], [`checks`].

mod api;
mod cache;
mod checks;
mod controllers;
mod fields;
mod git;
mod network;
mod object;
mod operate;
mod options;
mod others;
mod reconcile;
mod rest;
mod simulation;
mod storm;

use std::fmt::Write as _;
use std::ops::Range;

pub use options::{Options, Rules, Statistics, Storms, Violation};
use simulation::Simulation;

/// What one seed gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What must not be seen and was, each once.
    pub violations: Vec<Violation>,
    /// The log as one number; the same seed gives the same.
    pub log_digest: u64,
    /// What happened.
    pub statistics: Statistics,
}

/// What many seeds gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many seeds ran.
    pub seeds: u64,
    /// The seeds with violations.
    pub failed: Vec<Outcome>,
    /// Everything that happened, added up.
    pub statistics: Statistics,
}

/// One seed from an empty ledger to rest.
#[must_use]
pub fn run(seed: u64, options: Options) -> Outcome {
    let mut simulation = Simulation::new(seed, options);
    for _ in 0..options.stormy_ticks {
        simulation.stormy_step();
    }
    simulation.begin_calm();
    for helped in [false, true] {
        if helped {
            simulation.help();
        }
        simulation.come_to_rest();
        simulation.check_rest(helped);
    }
    simulation.check_ledger();
    simulation.check_views();
    Outcome {
        seed,
        violations: simulation.violations.iter().copied().collect(),
        log_digest: simulation.log_digest(),
        statistics: simulation.statistics,
    }
}

/// Each seed of a range; every tenth runs twice and must give the same log.
#[must_use]
pub fn run_many(seeds: Range<u64>, options: Options) -> Summary {
    let mut summary = Summary::default();
    for seed in seeds {
        let mut outcome = run(seed, options);
        if seed % 10 == 0 && run(seed, options).log_digest != outcome.log_digest {
            outcome.violations.push(Violation::NotRepeatable);
        }
        summary.seeds += 1;
        summary.statistics.add(&outcome.statistics);
        if !outcome.violations.is_empty() {
            summary.failed.push(outcome);
        }
    }
    summary
}

/// The summary as text for a terminal.
pub(crate) fn report(summary: &Summary) -> String {
    let counted = summary.statistics;
    let mut text = format!(
        "{} seeds with clusters: {} facts, {} plans, {} repairs, {} writes, {} deletions, {} hooks, \
         {} removals\n\
         faults: {} lost watches, {} lost histories, {} looks at what was not seen, {} late requests, \
         {} refused wishes, {} lost races, {} kills, {} objects replaced meanwhile, {} claimed twice\n",
        summary.seeds,
        counted.facts,
        counted.plans,
        counted.repairs,
        counted.writes,
        counted.deletions,
        counted.hooks,
        counted.removals,
        counted.lost_watches,
        counted.lost_histories,
        counted.unseen,
        counted.late_requests,
        counted.refused_wishes,
        counted.lost_races,
        counted.kills,
        counted.changed_meanwhile,
        counted.claims,
    );
    for outcome in &summary.failed {
        let names: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "cluster seed {}: {}", outcome.seed, names.join(", "));
    }
    let _ = writeln!(text, "{} seeds with violations", summary.failed.len());
    text
}
