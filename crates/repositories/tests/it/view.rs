//! Facts and what is folded from them; and small builders for the other tests.

use ledger::{
    Actor, ActorKind, CommitId, Draft, Fact, MemoryLedger, PullRequestNumber, RefName,
    RepositoryName, Subject, Timestamp, TreeId, View,
};
use repositories::RepositoryFact;
use repositories::access::{Role, Scope, Visibility};
use repositories::facts::{CheckState, RefMoveCause, StorageId};
use repositories::view::{PullRequestState, RepositoriesView};

pub fn repository() -> RepositoryName {
    RepositoryName::new("demo/hello").unwrap()
}

pub fn branch(name: &str) -> RefName {
    RefName::of_branch(name).unwrap()
}

/// A commit id of one repeated digit.
pub fn commit(digit: char) -> CommitId {
    CommitId::new(digit.to_string().repeat(40)).unwrap()
}

pub fn tree(digit: char) -> TreeId {
    TreeId::new(digit.to_string().repeat(40)).unwrap()
}

/// Facts in the order of their making, and the view folded from them.
#[derive(Default)]
pub struct World {
    ledger: MemoryLedger,
    pub view: RepositoriesView,
}

impl World {
    /// A world with the repository `demo/hello`.
    pub fn new() -> Self {
        let mut world = Self::default();
        world.add(
            &Actor::person("root"),
            &RepositoryFact::RepositoryCreated {
                repository: repository(),
                storage: StorageId::new("0123456789abcdef").unwrap(),
                default_branch: branch("main"),
                visibility: Visibility::Private,
            },
        );
        world
    }

    pub fn add(&mut self, actor: &Actor, fact: &RepositoryFact) -> Fact {
        let subject = Subject::repository(&repository());
        let draft = Draft::new(Timestamp(1_000), actor.clone(), subject, fact);
        let appended = self.ledger.append(vec![draft]).unwrap()[0].clone();
        self.view.apply(&appended);
        appended
    }

    /// A pull request of `author` with the head `a`, tree `a` on the base `0`.
    pub fn open(&mut self, author: &Actor, topic: &str) -> PullRequestNumber {
        let number = self.view.repository(&repository()).unwrap().next_pull_request();
        let fact = RepositoryFact::PullRequestOpened {
            repository: repository(),
            number,
            title: "Change".into(),
            description: String::new(),
            target: branch("main"),
            topic: Some(topic.into()),
            source: None,
            head: commit('a'),
            head_tree: tree('a'),
            base: commit('0'),
            draft: false,
        };
        self.add(author, &fact);
        number
    }
}

fn token(id: &str, role: Role, actor_kind: ActorKind) -> RepositoryFact {
    RepositoryFact::TokenCreated {
        id: id.into(),
        name: format!("{id}-name"),
        actor_kind,
        role,
        scope: Scope::Server,
        secret_sha256: format!("sha-{id}"),
        expires_at: None,
    }
}

#[test]
fn a_fact_is_kept_under_its_domain_and_read_back() {
    let mut world = World::new();
    let fact = RepositoryFact::RefMoved {
        repository: repository(),
        reference: branch("main"),
        old: None,
        new: Some(commit('a')),
        forced: false,
        by: RefMoveCause::Revert { reverted: commit('b') },
    };
    let kept = world.add(&Actor::person("ada"), &fact);
    assert_eq!(kept.kind, "repositories.ref_moved");
    assert_eq!(ledger::decode::<RepositoryFact>(&kept), Some(fact));
    let text = serde_json::to_string(&kept.body).unwrap();
    assert!(text.contains(r#""by":{"revert":{"reverted":"bbbb"#), "{text}");
}

#[test]
fn refs_and_intents_follow_their_facts() {
    let mut world = World::new();
    let ada = Actor::person("ada");
    let (repository_name, reference) = (repository(), branch("main"));
    let intent = |new| RepositoryFact::RefMoveIntended {
        repository: repository_name.clone(),
        reference: reference.clone(),
        old: None,
        new,
        by: RefMoveCause::Push,
        along: Vec::new(),
    };
    world.add(&ada, &intent(Some(commit('a'))));
    let now = |world: &World| {
        let one = world.view.repository(&repository()).unwrap().clone();
        (one.intents.len(), one.refs.get(&branch("main")).map(|state| state.commit.clone()))
    };
    assert_eq!(now(&world), (1, None));
    world.add(
        &ada,
        &RepositoryFact::RefMoveAbandoned {
            repository: repository(),
            reference: branch("main"),
            new: Some(commit('a')),
            code: "stale-ref".into(),
        },
    );
    assert_eq!(now(&world), (0, None));
    world.add(&ada, &intent(Some(commit('b'))));
    let moved = |old, new| RepositoryFact::RefMoved {
        repository: repository(),
        reference: branch("main"),
        old,
        new,
        forced: false,
        by: RefMoveCause::Push,
    };
    world.add(&ada, &moved(None, Some(commit('b'))));
    assert_eq!(now(&world), (0, Some(commit('b'))));
    world.add(&ada, &moved(Some(commit('b')), None));
    assert_eq!(now(&world), (0, None));
}

#[test]
fn patch_sets_are_all_kept_and_a_merge_ends_it() {
    let mut world = World::new();
    let number = world.open(&Actor::person("ada"), "login");
    world.add(
        &Actor::person("ada"),
        &RepositoryFact::PatchSetAdded {
            repository: repository(),
            number,
            patch_set: 2,
            head: commit('b'),
            head_tree: tree('b'),
            base: commit('0'),
        },
    );
    let one = world.view.pull_request(&repository(), number).unwrap();
    assert_eq!(one.patch_sets.len(), 2);
    assert_eq!(one.current().head, commit('b'));
    let found = |world: &World| {
        let one = world.view.repository(&repository()).unwrap();
        one.open_for_topic(&Actor::person("ada"), &branch("main"), "login").map(|one| one.number)
    };
    assert_eq!(found(&world), Some(number));
    world.add(
        &Actor::person("bob"),
        &RepositoryFact::PullRequestMerged {
            repository: repository(),
            number,
            merge_commit: commit('c'),
            method: repositories::policy::MergeMethod::Merge,
            head: commit('b'),
            base: commit('0'),
        },
    );
    let one = world.view.pull_request(&repository(), number).unwrap();
    assert!(matches!(&one.state, PullRequestState::Merged { by, .. } if by.name == "bob"));
    assert_eq!(found(&world), None);
    assert_eq!(world.open(&Actor::person("ada"), "login"), PullRequestNumber(number.0 + 1));
}

#[test]
fn a_revoked_token_gives_nothing() {
    let mut world = World::new();
    let root = Actor::person("root");
    world.add(&root, &token("one", Role::Write, ActorKind::Person));
    world.add(&root, &token("two", Role::Admin, ActorKind::Machine));
    let grant = world.view.grant("sha-one").unwrap();
    assert_eq!((grant.actor, grant.role), (Actor::person("one-name"), Some(Role::Write)));
    assert_eq!(world.view.grant("sha-none"), None);
    let writers = |world: &World| world.view.writers(&repository(), Timestamp(0));
    assert_eq!(writers(&world), ["one-name".to_owned()].into());
    world.add(&root, &RepositoryFact::TokenRevoked { id: "one".into() });
    assert_eq!(world.view.grant("sha-one"), None);
    assert_eq!(writers(&world), [].into());
}

#[test]
fn the_newest_report_of_a_check_counts() {
    let mut world = World::new();
    for state in [CheckState::Queued, CheckState::Running, CheckState::Success] {
        let fact = RepositoryFact::CheckReported {
            repository: repository(),
            commit: commit('a'),
            name: "ci/test".into(),
            state,
            run: None,
            summary: String::new(),
        };
        world.add(&Actor::system("runs"), &fact);
    }
    let one = world.view.repository(&repository()).unwrap();
    assert_eq!(one.checks[&commit('a')]["ci/test"].state, CheckState::Success);
    let text = serde_json::to_string(&world.view).unwrap();
    assert_eq!(serde_json::from_str::<RepositoriesView>(&text).unwrap(), world.view);
}

#[test]
fn a_pull_request_is_trusted_while_whom_it_comes_from_may_write() {
    let mut world = World::new();
    let (root, ada) = (Actor::person("root"), Actor::person("ada-name"));
    let robot = Actor::machine("robot-name");
    let first = world.open(&ada, "one");
    let second = world.open(&Actor::system("promote"), "two");
    let third = world.open(&robot, "three");
    let found = |world: &World| -> Vec<(u64, Option<String>)> {
        let open = world.view.open_pull_requests(&repository(), Timestamp(0));
        open.map(|(one, untrusted)| (one.number.0, untrusted.map(Actor::to_string))).collect()
    };
    let check = |world: &World, expected: [Option<&str>; 3]| {
        let expected = (1..).zip(expected.map(|one| one.map(str::to_owned)));
        assert_eq!(found(world), expected.collect::<Vec<_>>());
    };
    let (no_ada, no_robot) = (Some("person:ada-name"), Some("machine:robot-name"));
    check(&world, [no_ada, None, no_robot]);
    world.add(&root, &token("ada", Role::Write, ActorKind::Person));
    world.add(&root, &token("robot", Role::Read, ActorKind::Machine));
    check(&world, [None, None, no_robot]);
    world.add(&root, &token("robot2", Role::Write, ActorKind::Machine));
    world.add(&root, &token("bob", Role::Write, ActorKind::Person));
    check(&world, [None, None, no_robot]);
    let pushed = |number| RepositoryFact::PatchSetAdded {
        repository: repository(),
        number,
        patch_set: 2,
        head: commit('b'),
        head_tree: tree('b'),
        base: commit('0'),
    };
    world.add(&Actor::person("bob-name"), &pushed(first));
    check(&world, [None, None, no_robot]);
    // Who pushed last counts as who opened it does.
    world.add(&root, &RepositoryFact::TokenRevoked { id: "bob".into() });
    check(&world, [Some("person:bob-name"), None, no_robot]);
    for number in [first, second, third] {
        let closed = RepositoryFact::PullRequestClosed { repository: repository(), number };
        world.add(&root, &closed);
    }
    assert_eq!(found(&world), []);
}
