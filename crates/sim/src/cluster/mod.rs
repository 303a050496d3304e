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

use std::ops::Range;

pub use options::{Options, Rules, Statistics, Storms, Violation};
use simulation::Simulation;

use crate::seeds;

/// What one seed gave.
pub type Outcome = seeds::Outcome<Violation, Statistics>;
/// What many seeds gave.
pub type Summary = seeds::Summary<Violation, Statistics>;

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
    seeds::run_each(seeds, Violation::NotRepeatable, |seed| run(seed, options))
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
    text.push_str(&summary.failures("cluster seed"));
    text
}
