//! How people come to have passwords and passkeys, and what they may take away.

use ledger::{Actor, ActorKind, Timestamp};
use repositories::access::{Role, Scope};
use repositories::facts::RepositoryFact;
use repositories::people::{PasskeyRemoval, SignIn};

use crate::view::World;

fn invited(name: &str) -> RepositoryFact {
    let (name, role) = (name.to_owned(), Role::Write);
    let secret_sha256 = format!("sha-of-{name}");
    RepositoryFact::PersonInvited { name, role, secret_sha256, expires_at: Timestamp(1_000_000) }
}

fn password(name: &str) -> RepositoryFact {
    RepositoryFact::PasswordChosen { name: name.into() }
}

fn added(name: &str, id: &str) -> RepositoryFact {
    let label = format!("the key {id}");
    RepositoryFact::PasskeyAdded { name: name.into(), id: id.into(), label }
}

fn removed(name: &str, id: &str) -> RepositoryFact {
    RepositoryFact::PasskeyRemoved { name: name.into(), id: id.into() }
}

#[track_caller]
fn check(facts: &[RepositoryFact], id: &str, expected: PasskeyRemoval) {
    let mut world = World::new();
    for fact in facts {
        world.add(&Actor::person("ada"), fact);
    }
    let person = world.view.people.get("ada").expect("an account");
    assert_eq!(person.may_remove_passkey(id), expected, "{facts:?}");
}

#[test]
fn the_last_way_in_stays() {
    use PasskeyRemoval::{Allowed, LastWayIn, Unknown};
    let ada = || invited("ada");
    check(&[ada(), added("ada", "a")], "a", LastWayIn);
    check(&[ada(), added("ada", "a")], "b", Unknown);
    check(&[ada(), added("ada", "a"), added("ada", "b")], "a", Allowed);
    check(&[ada(), added("ada", "a"), added("ada", "b"), removed("ada", "a")], "b", LastWayIn);
    check(&[ada(), added("ada", "a"), removed("ada", "a")], "a", Unknown);
    check(&[ada(), password("ada"), added("ada", "a")], "a", Allowed);
    check(&[ada(), added("ada", "a"), ada(), password("ada")], "a", Allowed);
    // A new account of the name has nothing of the old one.
    let gone = RepositoryFact::PersonRemoved { name: "ada".into() };
    check(&[ada(), password("ada"), added("ada", "a"), gone.clone(), ada()], "a", Unknown);
    let again = added("ada", "b");
    check(&[ada(), password("ada"), added("ada", "a"), gone, ada(), again], "b", LastWayIn);
}

#[test]
fn a_passkey_uses_the_invitation_and_leaves_wrong_passwords_counted() {
    let mut world = World::new();
    let ada = Actor::person("ada");
    world.add(&ada, &invited("ada"));
    assert_eq!(world.view.invited("sha-of-ada", Timestamp(0)), Some("ada"));
    world.add(&ada, &added("ada", "a"));
    assert_eq!(world.view.invited("sha-of-ada", Timestamp(0)), None);
    let person = &world.view.people["ada"];
    assert!(person.joined_at.is_some() && !person.has_password);
    for _ in 0..5 {
        world.add(&ada, &RepositoryFact::SignInRefused { name: "ada".into() });
    }
    world.add(&ada, &added("ada", "b"));
    let person = &world.view.people["ada"];
    assert!(matches!(person.sign_in(Timestamp(0)), SignIn::Waiting { .. }));
}

#[test]
fn only_the_session_of_somebody_with_an_account_has_one() {
    let mut world = World::new();
    let ada = Actor::person("ada");
    let token = |id: &str, name: &str| RepositoryFact::TokenCreated {
        id: id.into(),
        name: name.into(),
        actor_kind: ActorKind::Person,
        role: Role::Read,
        scope: Scope::Server,
        secret_sha256: format!("sha-{id}"),
        expires_at: None,
    };
    let signed_in = |name: &str, token: &str| RepositoryFact::SignedIn {
        name: name.into(),
        token: token.into(),
    };
    world.add(&ada, &invited("ada"));
    world.add(&ada, &added("ada", "a"));
    for (id, name) in [("session", "ada"), ("handed-out", "ada"), ("first-link", "owner")] {
        world.add(&ada, &token(id, name));
    }
    world.add(&ada, &signed_in("ada", "session"));
    world.add(&ada, &signed_in("owner", "first-link"));
    let of = |world: &World, id: &str| {
        world.view.account_of_session(&format!("sha-{id}")).map(str::to_owned)
    };
    assert_eq!(of(&world, "session").as_deref(), Some("ada"));
    assert_eq!(of(&world, "handed-out"), None);
    assert_eq!(of(&world, "first-link"), None);
    world.add(&ada, &RepositoryFact::PersonRemoved { name: "ada".into() });
    assert_eq!(of(&world, "session"), None);
}
