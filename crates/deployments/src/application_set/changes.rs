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
    /// Those of pull requests that were merged or closed: that they end is known, and no input lost.
    pub ended: &'a BTreeSet<ApplicationName>,
    /// Whether it removes at all: `applicationsSync`.
    pub removes: bool,
    /// Whether a service gives its parameters, which is changed without a review.
    pub is_told: bool,
    /// Removals that a person confirmed.
    pub confirmed: &'a BTreeSet<ApplicationName>,
}

/// What becomes of the applications that a set no longer generates; the others stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removals {
    /// These are removed.
    pub removed: BTreeSet<ApplicationName>,
    /// None of these is before a person confirms them: they are more than one and more than half. Of a set
    /// that a service tells what there is, half is enough, and so is the only one.
    pub held: BTreeSet<ApplicationName>,
}

/// Equal inputs, equal answer.
#[must_use]
pub fn removals(inputs: &SetRemovals<'_>) -> Removals {
    if !inputs.removes {
        return Removals::default();
    }
    let mut removed: BTreeSet<ApplicationName> =
        inputs.before.difference(inputs.now).cloned().collect();
    let lost: BTreeSet<ApplicationName> = removed.difference(inputs.ended).cloned().collect();
    let had = inputs.before.len() - (removed.len() - lost.len());
    let many = match inputs.is_told {
        false => lost.len() > 1 && lost.len() * 2 > had,
        true => lost.len() * 2 >= had && (lost.len() > 1 || had == 1),
    };
    if !many || lost.is_subset(inputs.confirmed) {
        return Removals { removed, held: BTreeSet::new() };
    }
    removed.retain(|name| !lost.contains(name));
    Removals { removed, held: lost }
}
