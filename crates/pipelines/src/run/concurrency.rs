//! Concurrency groups across runs: one runs, one waits, a newer one takes the place of the one that
//! waits.

use std::collections::{BTreeMap, VecDeque};

use ledger::{RepositoryName, RunId};

use crate::facts::JobKey;

/// How many may wait with `queue: max`: GitHub's limit.
pub const PENDING_MAX: usize = 100;

/// A run or job that wants its group for itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claimant {
    /// The run.
    pub run: RunId,
    /// The job; absent when the whole run claims.
    pub job: Option<JobKey>,
}

/// A claim for a group of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The repository; groups of different repositories never meet.
    pub repository: RepositoryName,
    /// The group's name as written; compared without regard to case.
    pub group: String,
    /// Who claims.
    pub claimant: Claimant,
    /// `cancel-in-progress`.
    pub cancel_in_progress: bool,
    /// `queue: max`: those that wait do so in order instead of replacing one another.
    pub keep_all_pending: bool,
}

/// The groups that somebody holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Groups {
    held: BTreeMap<(RepositoryName, String), Group>,
}

#[derive(Debug, Clone, PartialEq)]
struct Group {
    holder: Claimant,
    pending: VecDeque<Claimant>,
}

/// What comes of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ClaimOutcome {
    /// Who holds the group: the claimant itself when it may start.
    pub holder: Claimant,
    /// Those that must be cancelled: the one that waited before, and with `cancel-in-progress` the
    /// holder. A holder that is cancelled keeps the group until it has ended.
    pub cancel: Vec<Claimant>,
}

impl Groups {
    /// Asks for a group; the claimant waits when somebody else holds it.
    pub fn claim(&mut self, claim: Claim) -> ClaimOutcome {
        let key = (claim.repository, claim.group.to_lowercase());
        let claimant = claim.claimant;
        let Some(group) = self.held.get_mut(&key) else {
            self.held.insert(key, Group { holder: claimant.clone(), pending: VecDeque::new() });
            return ClaimOutcome { holder: claimant, cancel: Vec::new() };
        };
        let holder = group.holder.clone();
        if holder == claimant || group.pending.contains(&claimant) {
            return ClaimOutcome { holder, cancel: Vec::new() };
        }
        let mut cancel = Vec::new();
        if claim.cancel_in_progress {
            cancel.push(holder.clone());
        }
        if !claim.keep_all_pending {
            cancel.extend(group.pending.drain(..));
        } else if group.pending.len() >= PENDING_MAX {
            cancel.extend(group.pending.pop_front());
        }
        group.pending.push_back(claimant);
        ClaimOutcome { holder, cancel }
    }

    /// Gives a group up, or the wait for it. The one that may start now, when there is one.
    #[must_use]
    pub fn release(
        &mut self,
        repository: &RepositoryName,
        group: &str,
        claimant: &Claimant,
    ) -> Option<Claimant> {
        let key = (repository.clone(), group.to_lowercase());
        let held = self.held.get_mut(&key)?;
        if held.holder != *claimant {
            held.pending.retain(|pending| pending != claimant);
            return None;
        }
        match held.pending.pop_front() {
            Some(next) => {
                held.holder = next.clone();
                Some(next)
            }
            None => {
                self.held.remove(&key);
                None
            }
        }
    }

    /// Who holds a group.
    #[must_use]
    pub fn holder(&self, repository: &RepositoryName, group: &str) -> Option<&Claimant> {
        self.held.get(&(repository.clone(), group.to_lowercase())).map(|held| &held.holder)
    }

    /// Takes note of a holder or of one that waits, after a restart; holders first.
    pub fn restore(&mut self, repository: &RepositoryName, group: &str, claimant: Claimant) {
        let key = (repository.clone(), group.to_lowercase());
        match self.held.get_mut(&key) {
            Some(held) if held.holder != claimant => held.pending.push_back(claimant),
            Some(_) => {}
            None => {
                self.held.insert(key, Group { holder: claimant, pending: VecDeque::new() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each word is a claim `run[!][+]` (`!`: cancel in progress, `+`: queue max) or a release
    /// `-run`; the answer names the holder and the cancelled, or who starts next.
    #[track_caller]
    fn check(script: &str, expected: &str) {
        let repository = RepositoryName::new("demo/hello").expect("a name");
        let mut groups = Groups::default();
        let claimant =
            |digits: &str| Claimant { run: RunId(digits.parse().expect("a number")), job: None };
        let mut answers = Vec::new();
        for (index, word) in script.split(' ').enumerate() {
            // Written in changing case: names are compared without regard to it.
            let group = if index % 2 == 0 { "Deploy" } else { "deploy" };
            if let Some(run) = word.strip_prefix('-') {
                let next = groups.release(&repository, group, &claimant(run));
                answers.push(next.map_or("free".to_owned(), |next| format!("next {}", next.run)));
                continue;
            }
            let outcome = groups.claim(Claim {
                repository: repository.clone(),
                group: group.to_owned(),
                claimant: claimant(word.trim_end_matches(['!', '+'])),
                cancel_in_progress: word.contains('!'),
                keep_all_pending: word.contains('+'),
            });
            let cancelled: Vec<_> =
                outcome.cancel.iter().map(|it| format!("x{}", it.run)).collect();
            answers.push(format!("{}{}", outcome.holder.run, cancelled.concat()));
        }
        assert_eq!(answers.join(", "), expected);
    }

    #[test]
    fn one_runs_and_one_waits() {
        check("1", "1");
        check("1 2", "1, 1");
        check("1 2 3", "1, 1, 1x2");
        check("1 2 3 -1 -3", "1, 1, 1x2, next 3, free");
        check("1 2 -2 -1", "1, 1, free, free");
        check("1 1 -1", "1, 1, free");
        check("1 2!", "1, 1x1");
        check("1 2 3! -1", "1, 1, 1x1x2, next 3");
        check("1 2+ 3+ 4+ -1 -2", "1, 1, 1, 1, next 2, next 3");
        check("1 2+ 3", "1, 1, 1x2");
    }
}
