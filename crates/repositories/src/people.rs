//! People with an account: how they join, sign in and leave. Passwords and keys are not here: only the
//! hands that check them see them.

use std::collections::BTreeMap;

use ledger::{Fact, Timestamp};
use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::facts::RepositoryFact;
use crate::view::RepositoriesView;

/// So many wrong passwords in a row cost nothing: people mistype.
const REFUSALS_FREE: u32 = 4;
/// The wait after the next one; it doubles from then on.
const WAIT_FIRST_MS: i64 = 2_000;
/// The longest wait. Guessing then takes 96 tries a day, and the person who is locked out waits for a
/// coffee.
const WAIT_MAX_MS: i64 = 15 * 60 * 1000;
/// More keys than anybody carries; each is read whenever its owner signs in.
pub const PASSKEYS_MAX: usize = 50;

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// What they may do, on the whole server.
    pub role: Role,
    /// The link that lets them choose a way in; `None` once it was used.
    pub invitation: Option<Invitation>,
    /// When they chose a way in first.
    pub joined_at: Option<Timestamp>,
    /// Whether one of them is a password.
    pub has_password: bool,
    /// Their passkeys, by id.
    pub passkeys: BTreeMap<String, Passkey>,
    /// When their account ended.
    pub removed_at: Option<Timestamp>,
    /// Wrong passwords since the last right one.
    pub refusals: u32,
    /// When the last wrong one was.
    pub refused_at: Option<Timestamp>,
}

/// A one-time link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// SHA-256 of its secret, lower-case hexadecimal.
    pub secret_sha256: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A passkey, without anything of its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// What its owner calls it.
    pub label: String,
    /// Since when it signs them in.
    pub added_at: Timestamp,
}

/// Whether a passkey can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyRemoval {
    /// It can.
    Allowed,
    /// There is no such passkey.
    Unknown,
    /// Without it nothing would let its owner in.
    LastWayIn,
}

/// Whether a password of this person is looked at now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// It is.
    Allowed,
    /// Not before this time: too many wrong ones in a row.
    Waiting {
        /// When.
        until: Timestamp,
    },
    /// Never: there is no such account, or it ended, or it has no password yet.
    Refused,
}

impl Person {
    /// Somebody without any way in yet.
    fn new(role: Role) -> Self {
        Self {
            role,
            invitation: None,
            joined_at: None,
            has_password: false,
            passkeys: BTreeMap::new(),
            removed_at: None,
            refusals: 0,
            refused_at: None,
        }
    }

    /// Whether a password is looked at, so that guessing has no chance.
    #[must_use]
    pub fn sign_in(&self, as_of: Timestamp) -> SignIn {
        if self.joined_at.is_none() || self.removed_at.is_some() {
            return SignIn::Refused;
        }
        let Some(beyond) = self.refusals.checked_sub(REFUSALS_FREE + 1) else {
            return SignIn::Allowed;
        };
        let wait_ms = WAIT_FIRST_MS.saturating_mul(1 << beyond.min(20)).min(WAIT_MAX_MS);
        match self.refused_at.map(|at| at.plus_ms(wait_ms)) {
            Some(until) if as_of < until => SignIn::Waiting { until },
            Some(_) | None => SignIn::Allowed,
        }
    }

    /// Whether this passkey can be removed: never the last way in.
    #[must_use]
    pub fn may_remove_passkey(&self, id: &str) -> PasskeyRemoval {
        if !self.passkeys.contains_key(id) {
            PasskeyRemoval::Unknown
        } else if !self.has_password && self.passkeys.len() == 1 {
            PasskeyRemoval::LastWayIn
        } else {
            PasskeyRemoval::Allowed
        }
    }

    /// Whether this account exists now.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.removed_at.is_none()
    }
}

impl RepositoriesView {
    /// The account that a session's secret belongs to; `None` for a token that was handed out and for
    /// somebody without an account.
    #[must_use]
    pub fn account_of_session(&self, secret_sha256: &str) -> Option<&str> {
        let mut sessions = self.tokens.values().filter(|token| token.session);
        let own = sessions
            .find(|token| token.secret_sha256 == secret_sha256 && token.revoked_at.is_none())?;
        let person = self.people.get(&own.name)?;
        (person.is_here() && person.joined_at.is_some()).then_some(own.name.as_str())
    }

    /// The name of whoever was invited by this secret, if the link still counts.
    #[must_use]
    pub fn invited(&self, secret_sha256: &str, as_of: Timestamp) -> Option<&str> {
        let mut people = self.people.iter().filter(|(_, person)| person.is_here());
        let found = people.find(|(_, person)| {
            person.invitation.as_ref().is_some_and(|invitation| {
                invitation.secret_sha256 == secret_sha256 && as_of < invitation.expires_at
            })
        });
        found.map(|(name, _)| name.as_str())
    }
}

/// Takes a fact about people; `None` when it is none, or about nobody who is known.
pub(crate) fn fold(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    match body {
        RepositoryFact::PersonInvited { name, role, secret_sha256, expires_at } => {
            let invitation = Some(Invitation { secret_sha256, expires_at });
            let known = view.people.get(&name).filter(|person| person.is_here()).cloned();
            let known = known.unwrap_or_else(|| Person::new(role));
            let person = Person { role, invitation, ..known };
            view.people.insert(name, person);
        }
        RepositoryFact::PasswordChosen { name } => {
            let person = view.people.get_mut(&name)?;
            person.invitation = None;
            person.joined_at.get_or_insert(fact.at);
            person.has_password = true;
            (person.refusals, person.refused_at) = (0, None);
        }
        RepositoryFact::PasskeyAdded { name, id, label } => {
            let person = view.people.get_mut(&name)?;
            // Wrong passwords go on to count: a passkey says nothing about who typed them.
            person.invitation = None;
            person.joined_at.get_or_insert(fact.at);
            person.passkeys.insert(id, Passkey { label, added_at: fact.at });
        }
        RepositoryFact::PasskeyRemoved { name, id } => {
            view.people.get_mut(&name)?.passkeys.remove(&id);
        }
        RepositoryFact::SignedIn { name, token } => {
            // Also of whoever has no account: the first link opens a session without one.
            if let Some(token) = view.tokens.get_mut(&token) {
                token.session = true;
            }
            let person = view.people.get_mut(&name)?;
            (person.refusals, person.refused_at) = (0, None);
        }
        RepositoryFact::SignInRefused { name } => {
            let person = view.people.get_mut(&name)?;
            person.refusals = person.refusals.saturating_add(1);
            person.refused_at = Some(fact.at);
        }
        RepositoryFact::PersonRemoved { name } => {
            view.people.get_mut(&name)?.removed_at.get_or_insert(fact.at);
            let own = view.tokens.values_mut().filter(|token| token.name == name);
            for token in own.filter(|token| token.actor_kind == ledger::ActorKind::Person) {
                token.revoked_at.get_or_insert(fact.at);
            }
        }
        RepositoryFact::RepositoryCreated { .. }
        | RepositoryFact::RefMoveIntended { .. }
        | RepositoryFact::RefMoved { .. }
        | RepositoryFact::RefMoveAbandoned { .. }
        | RepositoryFact::PushRefused { .. }
        | RepositoryFact::PullRequestOpened { .. }
        | RepositoryFact::PatchSetAdded { .. }
        | RepositoryFact::PullRequestEdited { .. }
        | RepositoryFact::Reviewed { .. }
        | RepositoryFact::Commented { .. }
        | RepositoryFact::CheckReported { .. }
        | RepositoryFact::PullRequestMerged { .. }
        | RepositoryFact::PullRequestClosed { .. }
        | RepositoryFact::MergeQueued { .. }
        | RepositoryFact::MergeUnqueued { .. }
        | RepositoryFact::TokenCreated { .. }
        | RepositoryFact::TokenRevoked { .. }
        | RepositoryFact::SecretSet { .. }
        | RepositoryFact::SecretRemoved { .. }
        | RepositoryFact::AccessDenied { .. } => return None,
    }
    Some(())
}
