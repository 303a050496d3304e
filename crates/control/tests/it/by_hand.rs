//! What comes of a person's wish to promote a build, by data.

use control::Configuration;
use control::promote::{
    ByHand, EnvironmentState, PromoteInputs, Promotion, Proposal, by_hand, decide,
};
use control::reasons::HoldReason;
use ledger::PullRequestNumber;
use monitoring::Verdict;

use crate::promote::{digest, inputs, name, state};

#[track_caller]
fn check(inputs: &PromoteInputs, environment: &str, digit: char, expected: &str) {
    let steps = decide(inputs);
    let found = match by_hand(inputs, &steps, &name(environment), "hello", &digest(digit)) {
        ByHand::Approve => "approve".to_owned(),
        ByHand::Propose(step) => {
            assert_eq!((step.environment, step.digest), (name(environment), digest(digit)));
            assert!(matches!(step.promotion, Promotion::PullRequest { .. }));
            "propose".to_owned()
        }
        ByHand::Refused(reasons) => {
            reasons.iter().map(|reason| reason.code()).collect::<Vec<_>>().join(" ")
        }
    };
    assert_eq!(found, expected, "{digit} to {environment}");
}

fn verified(state: &mut EnvironmentState, digits: &str) {
    state.verified = digits.chars().map(digest).collect();
}

#[test]
fn an_older_build_that_was_verified_is_proposed() {
    let mut inputs = inputs("abc", Some('c'), Some('b'));
    verified(state(&mut inputs, "staging"), "ab");
    check(&inputs, "production", 'a', "propose");
    check(&inputs, "staging", 'a', "propose");
    check(&inputs, "production", 'b', "already-there");
    check(&inputs, "production", 'c', "not-verified-before");
}

#[test]
fn what_goes_by_itself_needs_nobody() {
    let mut inputs = inputs("ab", Some('b'), Some('a'));
    state(&mut inputs, "staging").running.insert(digest('b'), Some(Verdict::Healthy));
    verified(state(&mut inputs, "staging"), "ab");
    check(&inputs, "production", 'b', "on-its-way");
    let hold = HoldReason::Frozen { incident: None };
    state(&mut inputs, "production").hold = Some(hold);
    check(&inputs, "production", 'b', "propose");
}

#[test]
fn what_waits_for_an_approval_is_approved() {
    let mut inputs = inputs("ab", Some('b'), Some('a'));
    inputs.configuration = Configuration::parse("boucle.yaml", crate::configuration::GOOD).unwrap();
    verified(state(&mut inputs, "staging"), "ab");
    check(&inputs, "production", 'b', "on-its-way");
    let proposal = Proposal {
        number: PullRequestNumber(7),
        artifact: "hello".into(),
        digest: digest('b'),
        waits_for: Vec::new(),
    };
    state(&mut inputs, "production").proposals.push(proposal);
    check(&inputs, "production", 'b', "approve");
    state(&mut inputs, "production").approved.insert(digest('b'));
    check(&inputs, "production", 'b', "on-its-way");
}

#[test]
fn what_must_not_go_there_is_refused() {
    let mut inputs = inputs("aBc", Some('a'), None);
    inputs.quarantined.insert(digest('c'), None);
    check(&inputs, "staging", 'b', "gate-open");
    check(&inputs, "staging", 'c', "quarantined");
    check(&inputs, "staging", 'f', "not-published");
    check(&inputs, "elsewhere", 'a', "not-published");
}
