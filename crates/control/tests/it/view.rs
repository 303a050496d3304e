//! The view is the facts, folded.

use control::facts::RollbackRule;
use control::reasons::HoldReason;
use control::{ControlFact, ControlView};
use ledger::{
    Actor, ApplicationName, ArtifactDigest, CommitId, EnvironmentName, IncidentId, MemoryLedger,
    RepositoryName, Timestamp, View,
};

#[test]
#[expect(clippy::too_many_lines, reason = "one story, fact by fact")]
fn quarantine_holds_and_rollbacks() {
    let repository = RepositoryName::new("demo/hello").unwrap();
    let environment = EnvironmentName::new("production").unwrap();
    let application = ApplicationName::new("app").unwrap();
    let digest = ArtifactDigest::new(format!("sha256:{}", "a".repeat(64))).unwrap();
    let commit = CommitId::new("1".repeat(40)).unwrap();
    let place = || (repository.clone(), environment.clone());
    let mut ledger = MemoryLedger::default();
    let mut view = ControlView::default();
    let mut take = |view: &mut ControlView, at: i64, fact: ControlFact| {
        for fact in ledger.append(vec![fact.draft(Timestamp(at), Actor::person("ada"))]).unwrap() {
            view.apply(fact);
        }
    };
    let rolled_back = |rule| {
        let (repository, environment) = place();
        ControlFact::RolledBack {
            repository,
            environment,
            application: application.clone(),
            bad_commit: commit.clone(),
            revert_commit: commit.clone(),
            digest: Some(digest.clone()),
            incident: Some(IncidentId(1)),
            rule,
        }
    };
    take(&mut view, 1, rolled_back(RollbackRule::Automatic));
    take(&mut view, 2, rolled_back(RollbackRule::Requested));
    let (r, e) = place();
    let (revision, incident) = (commit.clone(), Some(IncidentId(1)));
    take(
        &mut view,
        3,
        ControlFact::Quarantined {
            repository: r,
            digest: Some(digest.clone()),
            revision,
            environment: e,
            incident,
        },
    );
    let (r, e) = place();
    take(
        &mut view,
        4,
        ControlFact::AutomationHeld {
            repository: r,
            environment: e,
            reason: HoldReason::Frozen { incident },
        },
    );
    let state = view.environment(&repository, &environment).unwrap();
    assert_eq!(state.automatic_rollbacks(&application), [Timestamp(1)]);
    assert_eq!(state.hold.as_ref().unwrap().1, Timestamp(4));
    assert_eq!(view.repositories[&repository].quarantined[&digest].since, Timestamp(3));
    let text = serde_json::to_string(&view).unwrap();
    assert_eq!(serde_json::from_str::<ControlView>(&text).unwrap(), view);
    let (r, e) = place();
    take(&mut view, 5, ControlFact::AutomationResumed { repository: r, environment: e });
    let (r, e) = place();
    take(
        &mut view,
        6,
        ControlFact::QuarantineLifted {
            repository: r,
            digest: digest.clone(),
            environment: e,
            why: "x".into(),
        },
    );
    assert!(view.repositories[&repository].quarantined.is_empty());
    assert_eq!(view.environment(&repository, &environment).unwrap().hold, None);
}

/// Steps: `a` and `b` are promotions of these digests, `!` takes the newest back, `>` resumes.
#[track_caller]
fn check_chosen(steps: &str, written: char, expected: bool) {
    let repository = RepositoryName::new("demo/hello").unwrap();
    let environment = EnvironmentName::new("staging").unwrap();
    let digest = |digit: char| {
        ArtifactDigest::new(format!("sha256:{}", digit.to_string().repeat(64))).unwrap()
    };
    let commit = CommitId::new("1".repeat(40)).unwrap();
    let mut ledger = MemoryLedger::default();
    let mut view = ControlView::default();
    for (at, step) in steps.chars().enumerate() {
        let (repository, environment) = (repository.clone(), environment.clone());
        let fact = match step {
            '!' => ControlFact::RolledBack {
                repository,
                environment,
                application: ApplicationName::new("app").unwrap(),
                bad_commit: commit.clone(),
                revert_commit: commit.clone(),
                digest: None,
                incident: None,
                rule: RollbackRule::Automatic,
            },
            '>' => ControlFact::AutomationResumed { repository, environment },
            digit => ControlFact::Promoted {
                repository,
                environment,
                artifact: "app".into(),
                digest: digest(digit),
                commit: commit.clone(),
                pull_request: None,
            },
        };
        let at = Timestamp(i64::try_from(at).unwrap());
        for fact in ledger.append(vec![fact.draft(at, Actor::person("ada"))]).unwrap() {
            view.apply(fact);
        }
    }
    let state = view.environment(&repository, &environment).unwrap();
    assert_eq!(state.is_chosen("app", &digest(written)), expected, "{steps} then {written}");
}

#[test]
fn a_digest_that_boucle_did_not_bring_last_was_chosen() {
    check_chosen("ab", 'b', false);
    check_chosen("ab", 'a', true);
    check_chosen("ab", 'c', true);
    check_chosen("ab!", 'a', false);
    check_chosen("ab>", 'a', false);
    check_chosen("a>b", 'a', true);
}
