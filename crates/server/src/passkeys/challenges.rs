//! What passkeys are asked: each challenge once, for five minutes, for what it was made for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::Timestamp;

use crate::secret;

/// As long as browsers wait for a finger by default.
const VALID_MS: i64 = 5 * 60 * 1000;
/// There are two kinds, a thousand together: whoever floods the one with challenges needs a one-time
/// link or a session to touch the other.
const KEPT_MAX: usize = 500;

/// What a challenge was made for: its answer counts for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The page that asked, `http://localhost:7070`.
    pub origin: String,
    /// What for.
    pub purpose: Purpose,
}

/// What a passkey is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The holder of a one-time link makes a passkey for an account of this name.
    Join {
        /// The account that there will be.
        name: String,
        /// SHA-256 of the link's secret.
        secret_sha256: String,
    },
    /// Somebody who signed in adds one.
    Add {
        /// Whose account.
        name: String,
    },
    /// Somebody signs in, and it is not known yet who.
    SignIn,
}

/// Challenges of one kind, in the order in which they were made; they do not outlive the server.
pub struct Challenges<Q>(Mutex<VecDeque<Asked<Q>>>);

struct Asked<Q> {
    id: String,
    bound: Bound,
    question: Q,
    ends_at: Timestamp,
}

impl<Q> Default for Challenges<Q> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q> Challenges<Q> {
    /// Keeps what the answer will be checked with; gives the challenge's id. Where there are too many,
    /// the oldest goes: a flood ends by itself, and keeps nobody out after it.
    pub fn ask(&self, bound: Bound, question: Q, now: Timestamp) -> String {
        let mut asked = self.lock();
        asked.retain(|one| now < one.ends_at);
        while asked.len() >= KEPT_MAX {
            asked.pop_front();
        }
        let id = secret::random_text();
        asked.push_back(Asked { id: id.clone(), bound, question, ends_at: now.plus_ms(VALID_MS) });
        id
    }

    /// Takes the challenge, which is gone then, whatever comes of it; `None` when it was used before,
    /// is too old, or was made for something else.
    pub fn take(&self, id: &str, bound: &Bound, now: Timestamp) -> Option<Q> {
        let mut asked = self.lock();
        let place = asked.iter().position(|one| one.id == id)?;
        let found = asked.remove(place)?;
        (now < found.ends_at && found.bound == *bound).then_some(found.question)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Asked<Q>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Timestamp = Timestamp(1_000);

    fn bound(purpose: Purpose) -> Bound {
        Bound { origin: "http://localhost:7070".into(), purpose }
    }

    fn join(name: &str, secret: &str) -> Bound {
        bound(Purpose::Join { name: name.into(), secret_sha256: secret.into() })
    }

    #[test]
    fn a_challenge_is_taken_once() {
        let challenges = Challenges::default();
        let id = challenges.ask(bound(Purpose::SignIn), 7, BEGIN);
        assert_eq!(challenges.take("unknown", &bound(Purpose::SignIn), BEGIN), None);
        assert_eq!(challenges.take(&id, &bound(Purpose::SignIn), BEGIN), Some(7));
        assert_eq!(challenges.take(&id, &bound(Purpose::SignIn), BEGIN), None);
    }

    #[test]
    fn a_challenge_ends_after_five_minutes() {
        let challenges = Challenges::default();
        for (after_ms, expected) in [(VALID_MS - 1, Some(())), (VALID_MS, None)] {
            let id = challenges.ask(bound(Purpose::SignIn), (), BEGIN);
            let now = BEGIN.plus_ms(after_ms);
            assert_eq!(challenges.take(&id, &bound(Purpose::SignIn), now), expected, "{after_ms}");
        }
    }

    #[test]
    fn a_challenge_counts_for_what_it_was_made_for_and_nothing_else() {
        let add = |name: &str| bound(Purpose::Add { name: name.into() });
        let elsewhere = Bound { origin: "http://localhost:1".into(), purpose: Purpose::SignIn };
        for (made_for, used_for) in [
            (join("ada", "one"), join("ada", "two")),
            (join("ada", "one"), join("eve", "one")),
            (join("ada", "one"), add("ada")),
            (add("ada"), add("eve")),
            (add("ada"), bound(Purpose::SignIn)),
            (bound(Purpose::SignIn), elsewhere),
        ] {
            let challenges = Challenges::default();
            let id = challenges.ask(made_for.clone(), (), BEGIN);
            assert_eq!(challenges.take(&id, &used_for, BEGIN), None, "{made_for:?} {used_for:?}");
            // A try for something else uses it up.
            assert_eq!(challenges.take(&id, &made_for, BEGIN), None, "{made_for:?} {used_for:?}");
        }
    }

    #[test]
    fn the_oldest_goes_where_there_are_too_many_and_the_ended_go_first() {
        let challenges = Challenges::default();
        let sign_in = bound(Purpose::SignIn);
        let ask = |now| challenges.ask(sign_in.clone(), (), now);
        let first = ask(BEGIN);
        let second = ask(BEGIN);
        for _ in 2..=KEPT_MAX {
            ask(BEGIN);
        }
        assert_eq!(challenges.lock().len(), KEPT_MAX);
        assert_eq!(challenges.take(&first, &sign_in, BEGIN), None);
        assert_eq!(challenges.take(&second, &sign_in, BEGIN), Some(()));
        ask(BEGIN.plus_ms(VALID_MS));
        assert_eq!(challenges.lock().len(), 1);
    }
}
