//! What becomes of a push.

use std::collections::BTreeSet;

use ledger::{Actor, ObjectId, Timestamp};
use repositories::access::{Grant, Resource, Role, Scope, Visibility};
use repositories::policy::Policy;
use repositories::push::{
    Command, CommandFacts, CommandOutcome, LargeFile, PushInputs, decide, proposal_target,
};

use crate::view::{World, branch, commit, repository, tree};

/// A push, to be changed by each case.
struct Push {
    role: Option<Role>,
    actor: Actor,
    policy: Policy,
    commands: Vec<(Command, CommandFacts)>,
    branches: BTreeSet<ledger::RefName>,
    largest: Option<LargeFile>,
    options: Vec<String>,
    atomic: bool,
    world: World,
}

fn object(digit: char) -> Option<ObjectId> {
    Some(ObjectId::new(digit.to_string().repeat(40)).unwrap())
}

impl Push {
    fn of(reference: &str, old: Option<char>, new: Option<char>) -> Self {
        Self {
            role: Some(Role::Write),
            actor: Actor::person("ada"),
            policy: Policy::default(),
            commands: vec![command(reference, old, new)],
            branches: [branch("main"), branch("feature"), branch("a/b")].into(),
            largest: None,
            options: Vec::new(),
            atomic: false,
            world: World::new(),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn outcomes(&self) -> Vec<CommandOutcome> {
        let grant = Grant {
            actor: self.actor.clone(),
            role: self.role,
            scope: Scope::Server,
            expires_at: None,
        };
        let resource = Resource::Repository { name: repository(), visibility: Visibility::Private };
        let inputs = PushInputs {
            grant: &grant,
            resource: &resource,
            repository: self.world.view.repository(&repository()).unwrap(),
            policy: &self.policy,
            commands: &self.commands,
            branches: &self.branches,
            largest_file: self.largest.as_ref(),
            options: &self.options,
            atomic: self.atomic,
            as_of: Timestamp(1_000),
        };
        decide(&inputs).outcomes
    }
}

fn command(reference: &str, old: Option<char>, new: Option<char>) -> (Command, CommandFacts) {
    let facts = CommandFacts {
        commit: new.map(commit),
        tree: new.map(tree),
        fast_forward: true,
        title: "Title of the commit".into(),
        description: "Why".into(),
        merge_base: Some(commit('0')),
    };
    let reference = reference.into();
    (Command { reference, old: old.and_then(object), new: new.and_then(object) }, facts)
}

/// One word for each command: `accept`, `force`, `open`, `patch-set 2`, or the codes of a refusal.
fn check(push: &Push, expected: &[&str]) {
    let said: Vec<String> = push
        .outcomes()
        .iter()
        .map(|outcome| match outcome {
            CommandOutcome::Accept { forced: false, .. } => "accept".into(),
            CommandOutcome::Accept { forced: true, .. } => "force".into(),
            CommandOutcome::OpenPullRequest { .. } => "open".into(),
            CommandOutcome::AddPatchSet { patch_set, .. } => format!("patch-set {patch_set}"),
            CommandOutcome::Refuse { reasons } => {
                reasons.iter().map(|reason| reason.code()).collect::<Vec<_>>().join(" ")
            }
        })
        .collect();
    let pushed: Vec<_> = push.commands.iter().map(|(one, _)| one.reference.clone()).collect();
    assert_eq!(said, expected, "{pushed:?}");
}

#[test]
fn branches_and_tags() {
    let rewind = |push: &mut Push| push.commands[0].1.fast_forward = false;
    let allow = |push: &mut Push| push.policy.allow_force_push = true;
    check(&Push::of("refs/heads/feature", Some('1'), Some('2')), &["accept"]);
    check(&Push::of("refs/heads/new", None, Some('2')), &["accept"]);
    check(&Push::of("refs/heads/feature", Some('1'), None), &["accept"]);
    check(
        &Push::of("refs/heads/feature", Some('1'), Some('2')).with(rewind),
        &["non-fast-forward"],
    );
    check(
        &Push::of("refs/heads/feature", Some('1'), Some('2')).with(rewind).with(allow),
        &["force"],
    );
    check(&Push::of("refs/tags/v1", None, Some('2')), &["accept"]);
    check(&Push::of("refs/tags/v1", Some('1'), Some('2')), &["tag-exists"]);
    check(&Push::of("refs/tags/v1", Some('1'), None), &["accept"]);
    let no_commit = |push: &mut Push| push.commands[0].1.commit = None;
    check(&Push::of("refs/heads/new", None, Some('2')).with(no_commit), &["not-a-commit"]);
}

#[test]
fn protected_branches() {
    let empty = |push: &mut Push| push.branches.clear();
    let admin = |push: &mut Push| push.role = Some(Role::Admin);
    let may = |push: &mut Push| push.policy.allow_administrator_push = true;
    let more = |push: &mut Push| {
        push.policy.protected = vec![repositories::glob::Glob::new("release/**").unwrap()];
        push.policy.allow_force_push = true;
    };
    let rewind = |push: &mut Push| push.commands[0].1.fast_forward = false;
    let main = || Push::of("refs/heads/main", Some('1'), Some('2'));
    check(&main(), &["protected-branch"]);
    check(&main().with(|push| push.policy = Policy::unwritten()), &["accept"]);
    check(&main().with(admin), &["protected-branch"]);
    check(&main().with(may), &["protected-branch"]);
    check(&main().with(admin).with(may), &["accept"]);
    check(&main().with(admin).with(may).with(rewind), &["non-fast-forward"]);
    check(&main().with(rewind), &["protected-branch non-fast-forward"]);
    check(&Push::of("refs/heads/main", Some('1'), None).with(admin), &["default-branch-deletion"]);
    check(&Push::of("refs/heads/main", None, Some('2')).with(empty), &["accept"]);
    check(&Push::of("refs/heads/release/1/x", None, Some('2')).with(more), &["protected-branch"]);
    check(&Push::of("refs/heads/release/1", Some('1'), None).with(more), &["protected-branch"]);
    check(&Push::of("refs/heads/other", Some('1'), Some('2')).with(more), &["accept"]);
}

#[test]
fn names_that_are_not_open() {
    let not_open =
        ["refs/changes/1/1", "refs/boucle/rendered/a", "refs/notes/x", "refs/pull/1/head"];
    for name in not_open {
        check(&Push::of(name, None, Some('2')), &["ref-not-open-to-push"]);
    }
    let invalid = ["HEAD", "refs/heads/a..b", "refs/heads/-x", "refs/heads/a b", "refs/heads/.x"];
    for name in invalid {
        check(&Push::of(name, None, Some('2')), &["invalid-ref-name"]);
    }
}

#[test]
fn who_may_push() {
    let read = |push: &mut Push| push.role = Some(Role::Read);
    let nobody = |push: &mut Push| push.role = None;
    for reference in ["refs/heads/new", "refs/tags/v1", "refs/for/main", "refs/changes/1/1"] {
        check(&Push::of(reference, None, Some('2')).with(read), &["access-denied"]);
        check(&Push::of(reference, None, Some('2')).with(nobody), &["access-denied"]);
    }
}

#[test]
fn every_ref_is_decided_by_itself_unless_atomic() {
    let add =
        |push: &mut Push| push.commands.push(command("refs/heads/main", Some('1'), Some('2')));
    let atomic = |push: &mut Push| push.atomic = true;
    let good = || Push::of("refs/heads/new", None, Some('2'));
    check(&good().with(add), &["accept", "protected-branch"]);
    check(&good().with(add).with(atomic), &["atomic-push-refused", "protected-branch"]);
    check(&good().with(atomic), &["accept"]);
    let twice = |push: &mut Push| push.commands.push(command("refs/heads/new", None, Some('3')));
    check(&good().with(twice), &["duplicate-ref", "duplicate-ref"]);
}

#[test]
fn files_above_the_limit() {
    let of_bytes = |bytes| {
        move |push: &mut Push| push.largest = Some(LargeFile { path: "a.bin".into(), bytes })
    };
    let new = || Push::of("refs/heads/new", None, Some('2'));
    check(&new().with(of_bytes(100_000_000)), &["accept"]);
    check(&new().with(of_bytes(100_000_001)), &["file-too-large"]);
    let large = &new().with(of_bytes(2_000_000_000)).outcomes()[0];
    let CommandOutcome::Refuse { reasons } = large else { panic!("{large:?}") };
    let sentence = reasons[0].to_string();
    assert!(sentence.contains("`a.bin` has 2000000000 bytes"), "{sentence}");
}

#[test]
fn proposals_open_and_update_pull_requests() {
    let base = |push: &mut Push| push.commands[0].1.merge_base = Some(commit('2'));
    let unrelated = |push: &mut Push| push.commands[0].1.merge_base = None;
    let known = |push: &mut Push| {
        push.world.open(&Actor::person("ada"), "login");
    };
    let others = |push: &mut Push| {
        push.world.open(&Actor::person("bob"), "login");
    };
    let rewind = |push: &mut Push| push.commands[0].1.fast_forward = false;
    let force = |push: &mut Push| push.options.push("force-push=true".into());
    let login = || Push::of("refs/for/main/login", None, Some('2'));
    check(&Push::of("refs/for/main", None, Some('2')), &["open"]);
    check(&login(), &["open"]);
    check(&login().with(known), &["patch-set 2"]);
    check(&login().with(others), &["open"]);
    check(&login().with(known).with(rewind), &["patch-set-not-asked"]);
    check(&login().with(known).with(rewind).with(force), &["patch-set 2"]);
    check(&Push::of("refs/for/main/login", None, Some('a')).with(known), &["nothing-new"]);
    check(&login().with(base), &["nothing-new"]);
    check(&login().with(unrelated), &["unrelated-history"]);
    check(&Push::of("refs/for/nothing", None, Some('2')), &["unknown-target"]);
    check(&Push::of("refs/for/main", None, None), &["not-a-commit"]);
}

#[test]
fn push_options_name_the_pull_request() {
    let options = |push: &mut Push| {
        push.options = ["topic=t", "title=T", "description=D", "draft"].map(String::from).into();
    };
    let opened = &Push::of("refs/for/main", None, Some('2')).with(options).outcomes()[0];
    let CommandOutcome::OpenPullRequest { topic, title, description, draft, .. } = opened else {
        panic!("{opened:?}")
    };
    assert_eq!((topic.as_str(), title.as_str(), description.as_str()), ("t", "T", "D"));
    assert!(draft);
    let plain = &Push::of("refs/for/main", None, Some('2')).outcomes()[0];
    let CommandOutcome::OpenPullRequest { topic, title, description, draft, .. } = plain else {
        panic!("{plain:?}")
    };
    let expected = ("ada", "Title of the commit", "Why");
    assert_eq!((topic.as_str(), title.as_str(), description.as_str()), expected);
    assert!(!draft);
    let unknown = |push: &mut Push| push.options.push("ci.skip".into());
    check(&Push::of("refs/heads/new", None, Some('2')).with(unknown), &["unknown-push-option"]);
}

#[test]
fn the_longest_branch_is_the_target() {
    let branches = [branch("a"), branch("a/b")].into();
    let target = |name: &str| {
        let (target, topic) = proposal_target(name, &branches)?;
        Some(format!("{} {}", target.branch().unwrap(), topic.unwrap_or_default()))
    };
    assert_eq!(target("refs/for/a/b/c/d"), Some("a/b c/d".into()));
    assert_eq!(target("refs/for/a/c"), Some("a c".into()));
    assert_eq!(target("refs/for/a"), Some("a ".into()));
    assert_eq!(target("refs/for/x"), None);
    assert_eq!(target("refs/heads/a"), None);
}
