//! What hosts said to the credentials for charts. Accounts are locked after some wrong passwords, whichever
//! chart is asked for with them: what was refused for one chart is not tried with the next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deployments::{ChartProblem, CredentialTrouble};
use ledger::{RepositoryName, Timestamp};
use repositories::secrets::SecretRecord;
use tokio::sync::OwnedMutexGuard;

use super::{Access, FETCH_TIME, RETRY_MAX_MS};

/// Of more credentials than this, those that were not refused are forgotten: they only wait for each other.
const KNOWN_MAX: usize = 1_000;

/// What is known of credentials.
#[derive(Default)]
pub(super) struct Credentials(Mutex<BTreeMap<Key, Known>>);

/// The repository that declares it, the secret, and the name that is said with it.
type Key = (RepositoryName, String, String);

struct Known {
    /// Another value of the secret is another credential, of which nothing is known.
    record: SecretRecord,
    verdict: Verdict,
    turn: Arc<tokio::sync::Mutex<()>>,
}

enum Verdict {
    Untried,
    Taken,
    Refused { trouble: CredentialTrouble, until: Timestamp },
}

impl Credentials {
    /// Why a credential is not tried now, and until when.
    pub(super) fn refusal(
        &self,
        access: &Access,
        now: Timestamp,
    ) -> Option<(CredentialTrouble, Timestamp)> {
        let all = self.all();
        let known = all.get(&key(access)).filter(|known| known.record == access.record)?;
        match &known.verdict {
            Verdict::Refused { trouble, until } if now < *until => Some((trouble.clone(), *until)),
            Verdict::Refused { .. } | Verdict::Untried | Verdict::Taken => None,
        }
    }

    /// Waits for who tries a credential that no host took yet: all learn from one try. Behind a host that
    /// is silent nobody waits longer than a fetch may take.
    pub(super) async fn turn(
        &self,
        access: &Access,
        now: Timestamp,
    ) -> Option<OwnedMutexGuard<()>> {
        let turn = self.untaken(access, now)?;
        let held = tokio::time::timeout(FETCH_TIME, turn.lock_owned()).await.ok()?;
        // Taken meanwhile: then all may try at once.
        self.untaken(access, now).map(|_| held)
    }

    /// Remembers what was said to a password, by the HTTP status. A host that took it and refuses a
    /// chart, or the token that was had for it, says nothing about other charts.
    pub(super) fn learn(
        &self,
        access: &Access,
        status: u16,
        problem: Option<&ChartProblem>,
        now: Timestamp,
    ) {
        let verdict = match status {
            200..=399 => Verdict::Taken,
            401 => {
                let Some(ChartProblem::Credential { trouble, .. }) = problem else { return };
                let until = Timestamp(now.0.saturating_add(RETRY_MAX_MS));
                Verdict::Refused { trouble: trouble.clone(), until }
            }
            _ => return,
        };
        let mut all = self.all();
        // Of a value that was replaced meanwhile nothing is kept.
        if let Some(known) = all.get_mut(&key(access)).filter(|one| one.record == access.record) {
            known.verdict = verdict;
        }
    }

    /// Whose turn it is to try a credential; `None`: it was taken.
    fn untaken(&self, access: &Access, now: Timestamp) -> Option<Arc<tokio::sync::Mutex<()>>> {
        let mut all = self.all();
        if all.len() >= KNOWN_MAX {
            all.retain(|_, known| match &known.verdict {
                Verdict::Refused { until, .. } => now < *until,
                Verdict::Untried | Verdict::Taken => false,
            });
        }
        let known = all.entry(key(access)).or_insert_with(|| Known::untried(&access.record));
        if known.record != access.record {
            *known = Known::untried(&access.record);
        }
        match &known.verdict {
            Verdict::Taken => None,
            Verdict::Untried | Verdict::Refused { .. } => Some(Arc::clone(&known.turn)),
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn untried(record: &SecretRecord) -> Self {
        Self { record: record.clone(), verdict: Verdict::Untried, turn: Arc::default() }
    }
}

fn key(access: &Access) -> Key {
    (access.of.repository.clone(), access.of.secret.clone(), access.username.clone())
}

#[cfg(test)]
mod tests {
    use deployments::{Chart, CredentialOf};
    use ledger::Actor;
    use repositories::secrets::SecretUse;

    use super::*;

    fn access(secret: &str, username: &str, set_at: i64) -> Access {
        let repository = RepositoryName::new("team/fleet").unwrap();
        let url = "https://c.example".to_owned();
        Access {
            of: CredentialOf { repository, secret: secret.into(), url: url.clone() },
            username: username.into(),
            record: SecretRecord {
                set_at: Timestamp(set_at),
                set_by: Actor::person("ada"),
                used_by: SecretUse::Charts { url, tokens_from: None },
            },
            tokens_from: None,
        }
    }

    fn refused(access: &Access, status: u16) -> ChartProblem {
        let chart = Chart::of_dependency("https://c.example", "web", "1.2.3").unwrap();
        let trouble = CredentialTrouble::Refused { host: "c.example".into(), status };
        ChartProblem::Credential { chart, of: access.of.clone(), trouble }
    }

    /// What is known after one fetch that ended so: whether others may try, and whether at once.
    #[track_caller]
    fn check(status: u16, problem: Option<u16>, may_try: bool, at_once: bool) {
        let (known, one) = (Credentials::default(), access("CHARTS", "reader", 1));
        assert!(known.untaken(&one, Timestamp(0)).is_some(), "nobody tried it");
        let problem = problem.map(|status| refused(&one, status));
        known.learn(&one, status, problem.as_ref(), Timestamp(0));
        let found = known.refusal(&one, Timestamp(RETRY_MAX_MS - 1));
        assert_eq!(found.is_none(), may_try, "{status} {found:?}");
        assert_eq!(known.untaken(&one, Timestamp(0)).is_none(), at_once, "{status}");
        assert_eq!(known.refusal(&one, Timestamp(RETRY_MAX_MS)), None, "{status}: not for ever");
        for other in [
            access("CHARTS", "reader", 2),
            access("CHARTS", "writer", 1),
            access("OTHER", "reader", 1),
        ] {
            assert_eq!(known.refusal(&other, Timestamp(0)), None, "{status} {other:?}");
        }
    }

    #[test]
    fn a_refused_password_is_refused_for_all_charts() {
        check(401, Some(401), false, false);
        check(200, None, true, true);
        check(302, None, true, true);
        // A token that was had for the password opens other charts, perhaps.
        check(200, Some(401), true, true);
        check(403, Some(403), true, false);
        check(404, None, true, false);
        check(503, None, true, false);
        check(0, None, true, false);
    }

    #[test]
    fn what_is_said_to_a_replaced_value_is_not_kept() {
        let (known, new) = (Credentials::default(), access("CHARTS", "reader", 2));
        let old = access("CHARTS", "reader", 1);
        assert!(known.untaken(&old, Timestamp(0)).is_some());
        assert!(known.untaken(&new, Timestamp(0)).is_some());
        known.learn(&old, 401, Some(&refused(&old, 401)), Timestamp(0));
        assert_eq!(known.refusal(&old, Timestamp(0)), None);
        assert_eq!(known.refusal(&new, Timestamp(0)), None);
    }

    #[tokio::test]
    async fn one_tries_while_the_others_wait() {
        let (known, one) = (Credentials::default(), access("CHARTS", "reader", 1));
        let held = known.turn(&one, Timestamp(0)).await;
        assert!(held.is_some());
        let turn = known.untaken(&one, Timestamp(0)).unwrap();
        assert!(turn.try_lock().is_err(), "it is somebody's");
        known.learn(&one, 200, None, Timestamp(0));
        drop(held);
        assert!(known.turn(&one, Timestamp(0)).await.is_none(), "it was taken");
    }
}
