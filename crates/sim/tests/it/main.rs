//! The loop as a whole: many seeds, rules switched off, and operators' sessions.

mod clusters;
mod scenarios;
mod seeds;

use std::fmt::Display;
use std::ops::Range;

use sim::seeds::Outcome;

/// Without a rule, some seed shows what the rule prevents.
#[track_caller]
fn shown<Violation: PartialEq + Display, Statistics>(
    mut seeds: Range<u64>,
    run: impl Fn(u64) -> Outcome<Violation, Statistics>,
    expected: Violation,
) {
    let shown = seeds.any(|seed| run(seed).violations.contains(&expected));
    assert!(shown, "no seed showed {expected}");
}
