//! `orphanedResources`: objects of a project's namespaces that belong to no application.

use super::{DestinationNames, Project};
use crate::glob::Glob;
use crate::objects::ObjectKey;

/// What clusters make in each namespace by themselves: group, kind and name; no name: any.
const MADE_BY_CLUSTERS: [(&str, &str, Option<&str>); 5] = [
    ("", "ServiceAccount", Some("default")),
    ("", "ConfigMap", Some("kube-root-ca.crt")),
    ("", "Endpoints", None),
    ("", "Event", None),
    ("events.k8s.io", "Event", None),
];

/// Whether a project looks for orphans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrphanRules {
    /// `warn`: whether its applications say which there are.
    pub warns: bool,
    /// `ignore`: those that are none.
    pub ignored: Vec<OrphanPattern>,
}

/// One entry of `orphanedResources.ignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanPattern {
    /// The API group; empty is the core group.
    pub group: Glob,
    /// The kind; `None`: any.
    pub kind: Option<Glob>,
    /// The name; `None`: any.
    pub name: Option<Glob>,
}

impl Project {
    /// Whether its applications say what is in a namespace and belongs to nobody. Of a namespace where it
    /// permits nothing, nothing is told either.
    #[must_use]
    pub fn warns_of(&self, place: &DestinationNames, namespace: &str) -> bool {
        self.orphans.as_ref().is_some_and(|rules| rules.warns)
            && self.permits_destination(place, namespace).is_ok()
    }

    /// Which of the objects that belong to nobody are orphans that the project warns of, in order. What it
    /// does not permit is somebody else's to look after.
    #[must_use]
    pub fn orphans(&self, unclaimed: Vec<ObjectKey>) -> Vec<ObjectKey> {
        let Some(rules) = self.orphans.as_ref().filter(|rules| rules.warns) else {
            return Vec::new();
        };
        let is_orphan = |object: &ObjectKey| {
            !is_made_by_cluster(object)
                && self.permits_kind(object, false).is_ok()
                && !rules.ignored.iter().any(|pattern| pattern.fits(object))
        };
        let mut orphans: Vec<ObjectKey> = unclaimed.into_iter().filter(is_orphan).collect();
        orphans.sort();
        orphans
    }
}

impl OrphanPattern {
    fn fits(&self, object: &ObjectKey) -> bool {
        let fits =
            |glob: &Option<Glob>, text: &str| glob.as_ref().is_none_or(|glob| glob.matches(text));
        self.group.matches(&object.group)
            && fits(&self.kind, &object.kind)
            && fits(&self.name, &object.name)
    }
}

fn is_made_by_cluster(object: &ObjectKey) -> bool {
    let is_api = object.group.is_empty()
        && object.kind == "Service"
        && object.namespace == "default"
        && object.name == "kubernetes";
    is_api
        || MADE_BY_CLUSTERS.iter().any(|(group, kind, name)| {
            object.group == *group
                && object.kind == *kind
                && name.is_none_or(|name| object.name == name)
        })
}
