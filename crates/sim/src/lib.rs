//! A seeded simulation of the whole loop: the real decisions, a made-up world, one thread.
//!
//! Messages come late, twice, out of order or never; two deciders act at once; people push while a
//! rollback is decided; deciders crash; the clock jumps; data is missing. [`run`] checks all the
//! while what must never be seen. [`scenario`] plays an operator's session without faults; [`cluster`]
//! is the same for Kubernetes: lost watches, late applies, other controllers.
//!
//! Absent on purpose: the hands. They are tested against the real thing, each in its own crate.

mod checks;
pub mod cluster;
mod deciders;
mod options;
mod rng;
pub mod scenario;
pub mod seeds;
mod simulation;
mod storm;
mod views;
mod world;

use std::ops::Range;

pub use options::{Options, Rules, Statistics, Violation};
use simulation::Simulation;

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
    simulation.calm = true;
    // Orders that are still on their way arrive; the clock is right again.
    simulation.silent_until = 0;
    for _ in 0..options.calm_ticks {
        simulation.calm_step();
    }
    simulation.check_end();
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

/// One seed in so many has clusters too: three applications with all of their objects take several
/// times as long as an environment.
const CLUSTER_SHARE: u64 = 4;

/// The summary of `seeds` seeds as text for a terminal, and whether all rules were kept.
#[must_use]
pub fn cli_report(seeds: u64) -> (String, bool) {
    let summary = run_many(0..seeds, Options::default());
    let counted = summary.statistics;
    let mut text = format!(
        "{} seeds: {} facts, {} pushes, {} promotions, {} rollbacks, {} applies\n\
         faults: {} lost messages, {} refused older orders, {} lost races, {} crashes\n",
        summary.seeds,
        counted.facts,
        counted.pushes,
        counted.promotions,
        counted.rollbacks,
        counted.applies,
        counted.lost_messages,
        counted.refused_orders,
        counted.lost_races,
        counted.crashes,
    );
    text.push_str(&summary.failures("seed"));
    let clusters = cluster::run_many(0..seeds.div_ceil(CLUSTER_SHARE), cluster::Options::default());
    text.push_str(&cluster::report(&clusters));
    (text, summary.failed.is_empty() && clusters.failed.is_empty())
}
