//! May it be merged, and if not, why.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Actor, CommitId, PullRequestNumber, Sequence, Timestamp};
use repositories::RepositoryFact;
use repositories::codeowners::CodeOwners;
use repositories::facts::{CheckState, Verdict};
use repositories::glob::Glob;
use repositories::policy::{MergeMethod, Policy, ProtectedPath};
use repositories::pull_request::{MergeInputs, People, Readiness, evaluate};
use repositories::reasons::MergeReason;
use repositories::view::{Check, PullRequest};

use crate::view::{World, branch, commit, repository, tree};

/// A pull request by Ada with the head `a` on the base `0`, to be changed by each case.
struct Case {
    world: World,
    number: PullRequestNumber,
    policy: Policy,
    code_owners: Option<CodeOwners>,
    people: People,
    target_tip: CommitId,
    merge_base: Option<CommitId>,
    changed: BTreeSet<String>,
    conflicts: Vec<String>,
    configuration_problems: Vec<MergeReason>,
    checks: BTreeMap<String, Check>,
    method: MergeMethod,
}

impl Case {
    fn new() -> Self {
        let mut world = World::new();
        let number = world.open(&Actor::person("ada"), "login");
        let writers = ["ada", "bob", "cleo"].map(String::from).into();
        Self {
            world,
            number,
            policy: Policy::default(),
            code_owners: None,
            people: People { writers, ..People::default() },
            target_tip: commit('0'),
            merge_base: Some(commit('0')),
            changed: ["src/a.rs".to_owned()].into(),
            conflicts: Vec::new(),
            configuration_problems: Vec::new(),
            checks: BTreeMap::new(),
            method: MergeMethod::Merge,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn approvals(self, count: u32) -> Self {
        self.with(|case| case.policy.required_approvals = count)
    }

    /// A judgement of the head `a` on the base `0`.
    fn review(self, by: &Actor, verdict: Verdict) -> Self {
        self.with(|case| {
            let fact = RepositoryFact::Reviewed {
                repository: repository(),
                number: case.number,
                patch_set: 1,
                verdict,
                head_tree: tree('a'),
                base: commit('0'),
                target: branch("main"),
                body: String::new(),
            };
            case.world.add(by, &fact);
        })
    }

    fn check_reported(self, name: &str, state: CheckState) -> Self {
        self.with(|case| {
            let check = Check {
                state,
                run: None,
                summary: String::new(),
                at: Timestamp(0),
                by: Actor::system("runs"),
                fact: Sequence(1),
            };
            case.checks.insert(name.into(), check);
        })
    }

    /// The head becomes the commit and tree of this digit.
    fn patch_set(self, digit: char) -> Self {
        self.with(|case| {
            let fact = RepositoryFact::PatchSetAdded {
                repository: repository(),
                number: case.number,
                patch_set: 2,
                head: commit('b'),
                head_tree: tree(digit),
                base: commit('0'),
            };
            case.world.add(&Actor::person("ada"), &fact);
        })
    }

    fn readiness(&self) -> Readiness {
        let one: &PullRequest = self.world.view.pull_request(&repository(), self.number).unwrap();
        evaluate(&MergeInputs {
            pull_request: one,
            policy: &self.policy,
            code_owners: self.code_owners.as_ref(),
            people: &self.people,
            target_tip: &self.target_tip,
            merge_base: self.merge_base.as_ref(),
            changed_paths: &self.changed,
            conflicts: &self.conflicts,
            configuration_problems: &self.configuration_problems,
            checks: &self.checks,
            method: self.method,
            as_of: Timestamp(2_000),
        })
    }
}

fn person(name: &str) -> Actor {
    Actor::person(name)
}

/// The codes of the reasons; none: it is ready.
fn check(case: &Case, expected: &[&str]) {
    let codes: Vec<&str> = match &case.readiness() {
        Readiness::Ready(_) => Vec::new(),
        Readiness::Waiting { on } => on.iter().map(|reason| reason.code()).collect(),
    };
    assert_eq!(codes, expected);
}

#[test]
fn a_permit_is_bound_to_what_was_judged() {
    let Readiness::Ready(permit) = Case::new().readiness() else { panic!("it should be ready") };
    assert_eq!(permit.head(), &commit('a'));
    assert_eq!(permit.head_tree(), &tree('a'));
    assert_eq!((permit.target_tip(), permit.merge_base()), (&commit('0'), &commit('0')));
    assert_eq!((permit.target(), permit.method()), (&branch("main"), MergeMethod::Merge));
}

#[test]
fn approvals_count_people_who_may_write_and_are_not_the_author() {
    let need = ["approvals-missing"];
    check(&Case::new().approvals(1), &need);
    check(&Case::new().approvals(1).review(&person("bob"), Verdict::Approve), &[]);
    check(&Case::new().approvals(1).review(&person("ada"), Verdict::Approve), &need);
    check(&Case::new().approvals(1).review(&person("stranger"), Verdict::Approve), &need);
    check(&Case::new().approvals(1).review(&Actor::machine("bob"), Verdict::Approve), &need);
    check(&Case::new().approvals(1).review(&Actor::system("bob"), Verdict::Approve), &need);
    check(&Case::new().approvals(1).review(&person("bob"), Verdict::Comment), &need);
    let twice = Case::new()
        .approvals(2)
        .review(&person("bob"), Verdict::Approve)
        .review(&person("bob"), Verdict::Approve);
    check(&twice, &need);
    check(&twice.review(&person("cleo"), Verdict::Approve), &[]);
}

#[test]
fn a_request_for_changes_blocks_until_the_same_person_approves() {
    let blocked = Case::new()
        .approvals(1)
        .review(&person("bob"), Verdict::Approve)
        .review(&person("cleo"), Verdict::RequestChanges);
    check(&blocked, &["changes-requested"]);
    let commented = blocked.review(&person("cleo"), Verdict::Comment);
    check(&commented, &["changes-requested"]);
    check(&commented.review(&person("cleo"), Verdict::Approve), &[]);
    check(&Case::new().review(&person("stranger"), Verdict::RequestChanges), &[]);
}

#[test]
fn an_approval_is_of_one_tree_on_one_base() {
    let approved = || Case::new().approvals(1).review(&person("bob"), Verdict::Approve);
    check(&approved().patch_set('b'), &["approvals-missing"]);
    // A new message on the same tree changes nothing that was approved.
    check(&approved().patch_set('a'), &[]);
    check(&approved().with(|case| case.merge_base = Some(commit('9'))), &["approvals-missing"]);
    // The target moved on; head and merge base are as they were.
    check(&approved().with(|case| case.target_tip = commit('9')), &[]);
    let lenient = |case: &mut Case| case.policy.dismiss_stale_approvals = false;
    check(&approved().patch_set('b').with(lenient), &[]);
    let sentence = match &approved().patch_set('b').readiness() {
        Readiness::Waiting { on } => on[0].to_string(),
        Readiness::Ready(_) => panic!("it should wait"),
    };
    assert!(sentence.contains("changed since bob approved"), "{sentence}");
}

#[test]
fn required_checks_are_of_this_commit_and_must_succeed() {
    let required = || Case::new().with(|case| case.policy.required_checks = vec!["ci/test".into()]);
    check(&required(), &["check-missing"]);
    let cases = [
        (CheckState::Queued, "check-pending"),
        (CheckState::Running, "check-pending"),
        (CheckState::Failure, "check-failed"),
        (CheckState::Cancelled, "check-failed"),
        (CheckState::Neutral, "check-failed"),
        (CheckState::SkippedByCondition, "check-failed"),
    ];
    for (state, code) in cases {
        check(&required().check_reported("ci/test", state), &[code]);
    }
    check(&required().check_reported("ci/test", CheckState::Success), &[]);
    check(&required().check_reported("ci/test", CheckState::Skipped), &[]);
    check(&required().check_reported("ci/other", CheckState::Success), &["check-missing"]);
}

#[test]
fn each_touched_rule_of_codeowners_needs_one_of_its_owners() {
    let owned = |file: &str, paths: &[&str]| {
        let (owners, invalid) = CodeOwners::parse(file);
        assert_eq!(invalid, []);
        let changed = paths.iter().map(|path| (*path).to_owned()).collect();
        Case::new().with(|case| {
            case.policy.code_owners = true;
            case.code_owners = Some(owners);
            case.changed = changed;
            case.people.teams.insert("org/docs".into(), ["cleo".to_owned()].into());
            case.people.emails.insert("b@example.test".into(), "bob".into());
        })
    };
    let file = "* @bob\n/docs/ @org/docs\n/free/\n/mail b@example.test\n/own @ada\n";
    let missing = "code-owner-approval-missing";
    check(&owned(file, &["a"]), &[missing]);
    check(&owned(file, &["a"]).review(&person("cleo"), Verdict::Approve), &[missing]);
    check(&owned(file, &["a"]).review(&person("bob"), Verdict::Approve), &[]);
    check(&owned(file, &["a", "docs/b"]), &[missing, missing]);
    check(&owned(file, &["a", "docs/b"]).review(&person("bob"), Verdict::Approve), &[missing]);
    check(&owned(file, &["docs/b"]).review(&person("cleo"), Verdict::Approve), &[]);
    check(&owned(file, &["mail"]).review(&person("bob"), Verdict::Approve), &[]);
    check(&owned(file, &["free/a"]), &[]);
    check(&owned(file, &["own"]).review(&person("ada"), Verdict::Approve), &[missing]);
    let off = |case: &mut Case| case.policy.code_owners = false;
    check(&owned(file, &["a"]).with(off), &[]);
    let stale = owned(file, &["a"]).review(&person("bob"), Verdict::Approve).patch_set('b');
    check(&stale, &[missing]);
}

#[test]
fn protected_paths_ask_for_more() {
    let protected = |paths: &[&str]| {
        let changed = paths.iter().map(|path| (*path).to_owned()).collect();
        Case::new().with(|case| {
            let glob = Glob::new("deploy/overlays/production/**").unwrap();
            case.policy.protected_paths = vec![ProtectedPath { paths: vec![glob], approvals: 1 }];
            case.changed = changed;
        })
    };
    check(&protected(&["deploy/overlays/staging/k.yaml"]), &[]);
    let missing = "protected-path-approvals-missing";
    check(&protected(&["a", "deploy/overlays/production/k.yaml"]), &[missing]);
    let approved = protected(&["deploy/overlays/production/k.yaml"]);
    check(&approved.review(&person("bob"), Verdict::Approve), &[]);
}

#[test]
fn the_state_of_the_pull_request_and_its_branches() {
    let conflicts = |case: &mut Case| case.conflicts = vec!["a".into()];
    check(&Case::new().with(conflicts), &["merge-conflicts"]);
    let unreadable = |case: &mut Case| {
        let (file, problem) = ("boucle.yaml".to_owned(), "unknown key `colour`".to_owned());
        case.configuration_problems =
            vec![MergeReason::InvalidConfiguration { file, line: 3, column: 1, problem }];
    };
    check(&Case::new().with(unreadable), &["invalid-configuration"]);
    check(&Case::new().with(|case| case.merge_base = None), &["unrelated-history"]);
    check(&Case::new().with(|case| case.merge_base = Some(commit('a'))), &["nothing-to-merge"]);
    let behind = |case: &mut Case| case.target_tip = commit('9');
    let strict = |case: &mut Case| case.policy.require_up_to_date = true;
    check(&Case::new().with(behind), &[]);
    check(&Case::new().with(behind).with(strict), &["out-of-date"]);
    let squash = |case: &mut Case| case.policy.merge_methods = [MergeMethod::Squash].into();
    check(&Case::new().with(squash), &["merge-method-not-allowed"]);
    let add = |fact: fn(PullRequestNumber) -> RepositoryFact| {
        move |case: &mut Case| drop(case.world.add(&person("ada"), &fact(case.number)))
    };
    let close = |number| RepositoryFact::PullRequestClosed { repository: repository(), number };
    check(&Case::new().with(add(close)), &["pull-request-closed"]);
    let draft = |number| RepositoryFact::PullRequestEdited {
        repository: repository(),
        number,
        title: None,
        description: None,
        draft: Some(true),
    };
    check(&Case::new().with(add(draft)), &["draft"]);
}
