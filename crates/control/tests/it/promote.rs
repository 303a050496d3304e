//! Which digest goes where, by data.

use control::Configuration;
use control::promote::{
    EnvironmentState, PromoteInputs, Promotion, Proposal, Published, Written, decide,
};
use control::reasons::HoldReason;
use ledger::{
    Actor, ArtifactDigest, CommitId, EnvironmentName, IncidentId, PullRequestNumber, Timestamp,
};
use monitoring::Verdict;

pub fn digest(digit: char) -> ArtifactDigest {
    ArtifactDigest::new(format!("sha256:{}", digit.to_string().repeat(64))).unwrap()
}

pub fn name(text: &str) -> EnvironmentName {
    EnvironmentName::new(text).unwrap()
}

/// `published`: digits, oldest first; an upper-case letter has an open gate. `staging` and
/// `production`: the digest in the overlay.
pub fn inputs(published: &str, staging: Option<char>, production: Option<char>) -> PromoteInputs {
    let text = crate::configuration::GOOD.replace("approval: required, ", "");
    let state = |written: Option<char>| {
        let mut state = EnvironmentState::default();
        if let Some(digit) = written {
            let written = Written { digest: digest(digit), by_person: None };
            state.written.insert("hello".into(), written);
            state.running.insert(digest(digit), None);
            state.deployed_at.insert(digest(digit), Timestamp(10));
        }
        state
    };
    PromoteInputs {
        configuration: Configuration::parse("boucle.yaml", &text).unwrap(),
        tip: CommitId::new("f".repeat(40)).unwrap(),
        published: published
            .chars()
            .map(|digit| Published {
                artifact: "hello".into(),
                digest: digest(digit.to_ascii_lowercase()),
                gate_passed: !digit.is_ascii_uppercase(),
                at: Timestamp(0),
            })
            .collect(),
        environments: [(name("staging"), state(staging)), (name("production"), state(production))]
            .into(),
        quarantined: Default::default(),
        as_of: Timestamp(100),
    }
}

pub fn state<'a>(inputs: &'a mut PromoteInputs, environment: &str) -> &'a mut EnvironmentState {
    inputs.environments.get_mut(&name(environment)).unwrap()
}

#[track_caller]
fn check(inputs: &PromoteInputs, expected: &[&str]) {
    let found: Vec<String> = decide(inputs)
        .into_iter()
        .map(|step| {
            let digit = step.digest.as_str().chars().last().unwrap();
            let what = match step.promotion {
                Promotion::Commit { superseded, .. } if superseded.is_empty() => "commit".into(),
                Promotion::Commit { superseded, .. } => format!("commit over {}", superseded.len()),
                Promotion::PullRequest { .. } => "open".to_owned(),
                Promotion::Merge { number } => format!("merge #{number}"),
                Promotion::Close { number, .. } => format!("close #{number}"),
                Promotion::Waiting { reasons, .. } => {
                    format!(
                        "waits {}",
                        reasons.iter().map(|r| r.code()).collect::<Vec<_>>().join(" ")
                    )
                }
                Promotion::Held { reason, new } => {
                    format!("held {}{}", reason.code(), if new { " new" } else { "" })
                }
                Promotion::UpToDate => "up-to-date".into(),
            };
            format!("{} {digit}: {what}", step.environment)
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_first_environment_takes_the_newest() {
    check(
        &inputs("a", None, None),
        &["staging a: commit", "production a: waits not-deployed-before"],
    );
    check(
        &inputs("abc", Some('a'), Some('a')),
        &["staging c: commit over 1", "production c: waits not-deployed-before"],
    );
    check(
        &inputs("aB", Some('a'), Some('a')),
        &["staging b: waits gate-open", "production b: waits gate-open"],
    );
    check(
        &inputs("abC", Some('a'), Some('a')),
        &["staging b: commit", "production c: waits gate-open"],
    );
    check(&inputs("", None, None), &[]);
}

#[test]
fn the_next_one_waits_for_the_verification() {
    let mut inputs = inputs("ab", Some('b'), Some('a'));
    check(&inputs, &["staging b: up-to-date", "production b: waits not-verified-before"]);
    state(&mut inputs, "staging").running.insert(digest('b'), Some(Verdict::Inconclusive));
    check(&inputs, &["staging b: up-to-date", "production b: waits not-verified-before"]);
    let deadline = decide(&inputs).into_iter().find_map(|step| {
        if let Promotion::Waiting { deadline, .. } = step.promotion { deadline } else { None }
    });
    assert_eq!(deadline, Some(Timestamp(10 + 3_600_000)));
    state(&mut inputs, "staging").verified.insert(digest('b'));
    check(&inputs, &["staging b: up-to-date", "production b: open"]);
    let proposal = |waits_for: &[&str]| Proposal {
        number: PullRequestNumber(7),
        artifact: "hello".into(),
        digest: digest('b'),
        waits_for: waits_for.iter().map(|text| (*text).to_owned()).collect(),
    };
    state(&mut inputs, "production").proposals = vec![proposal(&["a check runs"])];
    check(&inputs, &["staging b: up-to-date", "production b: waits pull-request-waiting"]);
    state(&mut inputs, "production").proposals = vec![proposal(&[])];
    check(&inputs, &["staging b: up-to-date", "production b: merge #7"]);
    inputs.configuration.environments[1].approval = control::configuration::Approval::Required;
    check(&inputs, &["staging b: up-to-date", "production b: waits approval-missing"]);
    state(&mut inputs, "production").approved.insert(digest('b'));
    check(&inputs, &["staging b: up-to-date", "production b: merge #7"]);
}

#[test]
fn quarantine_is_shown_and_kept_out() {
    let mut inputs = inputs("ab", Some('a'), Some('a'));
    state(&mut inputs, "staging").verified.extend([digest('a'), digest('b')]);
    inputs.quarantined.insert(digest('b'), Some(IncidentId(3)));
    let held = [
        "staging b: held quarantined",
        "staging a: up-to-date",
        "production b: held quarantined",
        "production a: up-to-date",
    ];
    check(&inputs, &held);
    state(&mut inputs, "production").proposals = vec![Proposal {
        number: PullRequestNumber(7),
        artifact: "hello".into(),
        digest: digest('b'),
        waits_for: Vec::new(),
    }];
    check(&inputs, &[held[0], held[1], "production b: close #7", held[2], held[3]]);
}

#[test]
fn a_newer_verified_digest_replaces_a_proposal() {
    let mut inputs = inputs("abc", Some('c'), Some('a'));
    state(&mut inputs, "staging").verified.extend([digest('b'), digest('c')]);
    state(&mut inputs, "production").proposals = vec![Proposal {
        number: PullRequestNumber(7),
        artifact: "hello".into(),
        digest: digest('b'),
        waits_for: Vec::new(),
    }];
    check(&inputs, &["staging c: up-to-date", "production b: close #7", "production c: open"]);
}

#[test]
fn a_person_who_chose_an_older_one_is_left_alone() {
    let mut inputs = inputs("ab", Some('b'), Some('a'));
    state(&mut inputs, "staging").written.insert(
        "hello".into(),
        Written { digest: digest('a'), by_person: Some(Actor::person("ada")) },
    );
    check(
        &inputs,
        &["staging b: held chosen-by-person new", "production b: waits not-verified-before"],
    );
    state(&mut inputs, "staging").hold =
        Some(HoldReason::ChosenByPerson { actor: Actor::person("ada") });
    check(
        &inputs,
        &["staging b: held chosen-by-person", "production b: waits not-verified-before"],
    );
}
