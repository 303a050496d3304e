//! All rules hold over many seeds with clusters, with each kind of trouble by itself too, and each
//! checker notices when its rule is missing.

use sim::cluster::{Options, Rules, Statistics, Storms, Violation, run, run_many};

use crate::shown;

#[test]
fn fifty_seeds_keep_every_rule() {
    let summary = run_many(0..50, Options::default());
    assert!(summary.failed.is_empty(), "{:#?}", summary.failed.iter().take(3).collect::<Vec<_>>());
    // A storm in which nothing happens would prove nothing.
    let counted = summary.statistics;
    let all = [
        (counted.plans, 500),
        (counted.repairs, 50),
        (counted.deletions, 50),
        (counted.changed_meanwhile, 10),
        (counted.hooks, 200),
        (counted.removals, 10),
        (counted.unseen, 500),
        (counted.lost_watches, 1_000),
        (counted.lost_histories, 50),
        (counted.late_requests, 50),
        (counted.refused_wishes, 10),
        (counted.lost_races, 20),
        (counted.kills, 50),
        (counted.claims, 20),
    ];
    assert!(all.iter().all(|(found, least)| found >= least), "{counted:?}");
}

#[test]
fn a_seed_gives_one_log() {
    let (first, again) = (run(7, Options::default()), run(7, Options::default()));
    assert_eq!(first, again);
    assert_ne!(first.log_digest, run(8, Options::default()).log_digest);
}

/// One kind of trouble alone: every rule is kept, and it is seen that there was trouble.
#[track_caller]
fn check(storm: impl Fn(&mut Storms), happened: impl Fn(&Statistics) -> bool) {
    let mut options = Options { storms: Storms::NONE, ..Options::default() };
    // Without changes there is nothing to go wrong.
    options.storms.pushes = true;
    storm(&mut options.storms);
    let summary = run_many(1_000..1_006, options);
    assert!(summary.failed.is_empty(), "{:#?}", summary.failed);
    assert!(happened(&summary.statistics), "{:?}", summary.statistics);
}

#[test]
fn pushes_alone_need_no_repair() {
    check(|_| (), |counted| counted.plans > 20 && counted.repairs == 0 && counted.unseen == 0);
}

#[test]
fn lost_watches_decide_nothing() {
    check(
        |storms| storms.watches = true,
        |counted| counted.lost_watches > 50 && counted.unseen > 20 && counted.kills == 0,
    );
}

#[test]
fn late_requests_are_put_right() {
    check(|storms| storms.requests = true, |counted| counted.late_requests > 2);
}

#[test]
fn servers_that_are_away_come_back() {
    check(
        |storms| storms.servers = true,
        |counted| counted.lost_histories > 0 && counted.unseen > 10,
    );
}

#[test]
fn kills_lose_nothing() {
    check(|storms| storms.kills = true, |counted| counted.kills > 5);
}

#[test]
fn two_controllers_keep_their_own_fields() {
    check(|storms| storms.others = true, |counted| counted.repairs > 20);
}

#[track_caller]
fn missed(without: impl Fn(&mut Rules), expected: Violation) {
    let mut options = Options::default();
    without(&mut options.rules);
    shown(0..60, |seed| run(seed, options), expected);
}

#[test]
fn without_the_expected_parent_two_synchronisations_meet() {
    missed(|rules| rules.expected_parent = false, Violation::TwoOperationsAtOnce);
}

#[test]
fn without_generations_an_older_plan_overwrites_a_newer() {
    missed(|rules| rules.generations = false, Violation::OlderOverNewer);
}

#[test]
fn without_preconditions_objects_of_others_are_deleted() {
    missed(|rules| rules.preconditions = false, Violation::UntrackedDeleted);
}

#[test]
fn without_completeness_the_unseen_is_missing() {
    missed(|rules| rules.completeness = false, Violation::UnseenDecided);
}

#[test]
fn without_its_own_writes_a_wave_begins_too_early() {
    missed(|rules| rules.own_writes = false, Violation::WaveOutOfOrder);
}
