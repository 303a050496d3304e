//! When a sick deployment is taken back, by data.

use control::configuration::{RollbackMode, RollbackPolicy};
use control::rollback::{ChangeCause, RenderingChange, RollbackDecision, RollbackInputs, decide};
use ledger::{ApplicationName, ArtifactDigest, CommitId, EnvironmentName, IncidentId, Timestamp};
use monitoring::Verdict;

fn commit(digit: char) -> CommitId {
    CommitId::new(digit.to_string().repeat(40)).unwrap()
}

/// Changes, newest first: the commit's digit and `p`romotion, `r`ollback, `e`lsewhere or
/// `o`ther. The rendering after a commit has the commit's own digit. The newest one runs and is sick.
fn inputs(changes: &[(char, char)], healthy: &str) -> RollbackInputs {
    let change = |(digit, cause): &(char, char)| RenderingChange {
        commit: commit(*digit),
        rendering: commit(*digit),
        cause: match cause {
            'p' => ChangeCause::Promotion {
                digest: ArtifactDigest::new(format!("sha256:{}", digit.to_string().repeat(64)))
                    .unwrap(),
            },
            'r' => ChangeCause::Rollback,
            'e' => ChangeCause::Elsewhere,
            _ => ChangeCause::Other,
        },
    };
    RollbackInputs {
        application: ApplicationName::new("app").unwrap(),
        environment: EnvironmentName::new("production").unwrap(),
        policy: RollbackPolicy::default(),
        verdict: Verdict::Sick,
        assessed_generation: 3,
        running_generation: 3,
        running_rendering: changes.first().map_or(commit('0'), |(digit, _)| commit(*digit)),
        tip: commit('f'),
        changes: changes.iter().map(change).collect(),
        healthy: healthy.chars().map(commit).collect(),
        rollbacks: Vec::new(),
        incident: Some(IncidentId(1)),
        held: false,
        asked: false,
        approved: None,
        requested: false,
        as_of: Timestamp(10_000_000),
    }
}

#[track_caller]
fn check(inputs: &RollbackInputs, expected: &str) {
    let digit = |commit: &CommitId| commit.as_str().chars().next().unwrap();
    let found = match decide(inputs) {
        RollbackDecision::RollBack { commit, expecting, digest, rule, .. } => {
            assert_eq!(expecting, inputs.tip);
            let quarantine = if digest.is_some() { " quarantine" } else { "" };
            format!("revert {}{quarantine} {rule:?}", digit(&commit))
        }
        RollbackDecision::Freeze { .. } => "freeze".into(),
        RollbackDecision::Ask { commits, .. } => {
            format!("ask {}", commits.iter().map(digit).collect::<String>())
        }
        RollbackDecision::No { reasons } => {
            format!("no {}", reasons.iter().map(|r| r.code()).collect::<Vec<_>>().join(" "))
        }
    };
    assert_eq!(found, expected);
}

#[test]
fn takes_back_the_change_that_brought_it() {
    check(&inputs(&[('2', 'p'), ('1', 'p')], "1"), "revert 2 quarantine Automatic");
    check(&inputs(&[('2', 'o'), ('1', 'p')], "1"), "revert 2 Automatic");
    // A person's change on top of the promotion is kept.
    check(&inputs(&[('3', 'o'), ('2', 'p'), ('1', 'p')], "1"), "revert 2 quarantine Automatic");
    // No commit here brought it: none is taken back, whoever asks.
    let elsewhere = inputs(&[('2', 'e'), ('2', 'p'), ('1', 'p')], "1");
    check(&elsewhere, "no changed-elsewhere");
    check(&RollbackInputs { requested: true, ..elsewhere }, "no changed-elsewhere");
    // Two suspects: a person says which.
    check(&inputs(&[('3', 'o'), ('2', 'o'), ('1', 'p')], "1"), "ask 32");
    check(&inputs(&[('3', 'p'), ('2', 'p'), ('1', 'p')], "1"), "ask 32");
}

#[test]
fn does_nothing_without_evidence() {
    let with = |verdict| RollbackInputs { verdict, ..inputs(&[('2', 'p'), ('1', 'p')], "1") };
    check(&with(Verdict::Inconclusive), "no inconclusive");
    check(&with(Verdict::Healthy), "no not-sick");
    let stale = RollbackInputs { running_generation: 4, ..inputs(&[('2', 'p'), ('1', 'p')], "1") };
    check(&stale, "no not-deployed");
    let newer =
        RollbackInputs { running_rendering: commit('1'), ..inputs(&[('2', 'p'), ('1', 'p')], "") };
    check(&newer, "no newer-change-on-its-way");
}

#[test]
fn needs_a_state_that_was_healthy() {
    check(&inputs(&[('2', 'p'), ('1', 'p')], ""), "no no-healthy-revision");
    check(&inputs(&[('1', 'p')], "1"), "no no-healthy-revision");
    check(&inputs(&[], ""), "no no-healthy-revision");
    // It was healthy once and is sick now: what was before it is taken.
    check(&inputs(&[('2', 'p'), ('1', 'p')], "12"), "revert 2 quarantine Automatic");
}

#[test]
fn never_a_rollback_of_a_rollback_nor_two_in_a_window() {
    check(&inputs(&[('3', 'r'), ('2', 'p'), ('1', 'p')], "1"), "no rollback-of-rollback");
    let mut again = inputs(&[('2', 'p'), ('1', 'p')], "1");
    again.rollbacks = vec![Timestamp(10_000_000 - 3_599_999)];
    check(&again, "no window-used");
    again.rollbacks = vec![Timestamp(10_000_000 - 3_600_000)];
    check(&again, "revert 2 quarantine Automatic");
    again.rollbacks = vec![Timestamp(20_000_000)];
    check(&again, "no window-used");
    again.requested = true;
    check(&again, "revert 2 quarantine Requested");
}

#[test]
fn the_mode_says_who_decides() {
    let with = |mode| {
        let mut inputs = inputs(&[('2', 'p'), ('1', 'p')], "1");
        inputs.policy.mode = mode;
        inputs
    };
    check(&with(RollbackMode::Freeze), "freeze");
    check(&RollbackInputs { held: true, ..with(RollbackMode::Freeze) }, "no already-frozen");
    check(&with(RollbackMode::Ask), "ask 2");
    check(&RollbackInputs { asked: true, ..with(RollbackMode::Ask) }, "no awaiting-answer");
    let approved =
        RollbackInputs { asked: true, approved: Some(commit('2')), ..with(RollbackMode::Ask) };
    check(&approved, "revert 2 quarantine Approved");
    check(
        &RollbackInputs {
            requested: true,
            verdict: Verdict::Healthy,
            ..with(RollbackMode::Freeze)
        },
        "revert 2 quarantine Requested",
    );
}
