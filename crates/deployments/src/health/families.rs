//! Which conventions a group's controllers follow.
//!
//! A line of the tables (`delivery`: platforms and delivery; `operators`: what runs on them) says
//! that a kind has a health at all, so that an object without a status is not done yet, and where its
//! family deviates from `general`. Published semantics of the kinds' interfaces; a kind that is in no
//! table is read by the common conventions and may say nothing.

use super::general::{self, Traits, UNKNOWN_KIND};
use super::subject::Subject;
use super::{Health, delivery, operators};

/// Kinds that share conventions.
pub(super) struct Family {
    /// API groups; `*.` stands for any beginning.
    pub groups: &'static [&'static str],
    /// Empty: every kind of the groups.
    pub kinds: &'static [&'static str],
    /// How they deviate.
    pub traits: Traits,
}

impl Family {
    pub const fn new(
        groups: &'static [&'static str],
        kinds: &'static [&'static str],
        traits: Traits,
    ) -> Self {
        Self { groups, kinds, traits }
    }

    fn has(&self, subject: &Subject<'_>) -> bool {
        let is_group = |pattern: &&str| match pattern.strip_prefix('*') {
            Some(end) => subject.group.ends_with(end),
            None => subject.group == *pattern,
        };
        self.groups.iter().any(is_group)
            && (self.kinds.is_empty() || self.kinds.contains(&subject.kind))
    }
}

/// The health by the first family that the object belongs to.
pub(super) fn assess(subject: &Subject<'_>) -> Option<Health> {
    let mut tables = delivery::FAMILIES.iter().chain(operators::FAMILIES);
    match tables.find(|family| family.has(subject)) {
        Some(family) => general::assess(subject, &family.traits),
        // A CronJob or a Namespace is not more or less healthy.
        None if is_of_kubernetes(subject.group) => None,
        None => general::assess(subject, &UNKNOWN_KIND),
    }
}

fn is_of_kubernetes(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io")
}
