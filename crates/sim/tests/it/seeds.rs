//! All rules hold over many seeds, and each checker notices when its rule is missing.

use sim::{Options, Rules, Violation, run, run_many};

use crate::shown;

#[test]
fn two_hundred_seeds_keep_every_rule() {
    let summary = run_many(0..200, Options::default());
    assert!(summary.failed.is_empty(), "{:#?}", summary.failed.iter().take(3).collect::<Vec<_>>());
    // A storm in which nothing happens would prove nothing.
    let counted = summary.statistics;
    assert!(counted.rollbacks > 50, "{counted:?}");
    assert!(counted.promotions > 500, "{counted:?}");
    assert!(counted.refused_orders > 50, "{counted:?}");
    assert!(counted.lost_races > 200, "{counted:?}");
}

#[test]
fn a_seed_gives_one_log() {
    let (first, again) = (run(7, Options::default()), run(7, Options::default()));
    assert_eq!(first, again);
    assert_ne!(first.log_digest, run(8, Options::default()).log_digest);
}

#[track_caller]
fn missed(without: impl Fn(&mut Rules), expected: Violation) {
    let mut options = Options::default();
    without(&mut options.rules);
    shown(0..100, |seed| run(seed, options), expected);
}

#[test]
fn without_the_expected_parent_pushes_are_lost() {
    missed(|rules| rules.expected_parent = false, Violation::PushLost);
}

#[test]
fn without_generations_the_world_moves_backwards() {
    missed(|rules| rules.generations = false, Violation::GenerationFell);
}

#[test]
fn without_turns_two_applies_meet() {
    missed(|rules| rules.one_apply_at_a_time = false, Violation::TwoAppliesAtOnce);
}

#[test]
fn without_gates_untested_builds_run() {
    missed(|rules| rules.gates = false, Violation::GateNotPassed);
}

#[test]
fn without_quarantine_a_bad_build_comes_back() {
    missed(|rules| rules.quarantine = false, Violation::QuarantinePromoted);
}

#[test]
fn without_the_window_rollbacks_repeat() {
    missed(|rules| rules.window = false, Violation::TwoRollbacksInWindow);
}
