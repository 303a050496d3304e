//! Which applications of a set are removed. A set that suddenly gives much less has more often lost
//! its inputs than its purpose.

use std::collections::BTreeSet;

use ledger::ApplicationName;

/// A set and what was generated from it before.
#[derive(Debug, Clone, Copy)]
pub struct SetRemovals<'a> {
    /// The applications that it had.
    pub before: &'a BTreeSet<ApplicationName>,
    /// Those that it generates now.
    pub now: &'a BTreeSet<ApplicationName>,
    /// Whether it removes at all: `applicationsSync`.
    pub removes: bool,
    /// Removals that a person confirmed.
    pub confirmed: &'a BTreeSet<ApplicationName>,
}

/// What becomes of the applications that a set no longer generates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// These are removed.
    Remove(BTreeSet<ApplicationName>),
    /// None is: the set keeps what it once made.
    Keep,
    /// None is before a person confirms these: they are more than one and more than half.
    Hold(BTreeSet<ApplicationName>),
}

/// Equal inputs, equal answer.
#[must_use]
pub fn removals(inputs: &SetRemovals<'_>) -> Removal {
    let gone: BTreeSet<ApplicationName> = inputs.before.difference(inputs.now).cloned().collect();
    if gone.is_empty() {
        return Removal::Remove(gone);
    }
    if !inputs.removes {
        return Removal::Keep;
    }
    let many = gone.len() > 1 && gone.len() * 2 > inputs.before.len();
    if many && !gone.is_subset(inputs.confirmed) {
        return Removal::Hold(gone);
    }
    Removal::Remove(gone)
}
