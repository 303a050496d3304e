//! What is to be rendered, in the words of an Application's source.

use std::collections::BTreeMap;

use crate::error::RenderError;

/// A folder and how to render it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The folder in the tree; `.` or the empty path for its root.
    pub path: String,
    /// What `spec.source.kustomize` adds to the kustomization.
    pub kustomize: KustomizeOverrides,
    /// How `spec.source.directory` reads plain manifests.
    pub directory: DirectoryOptions,
}

impl Request {
    /// The folder without `.`; refused when it leaves the tree.
    pub(crate) fn folder(&self) -> Result<String, RenderError> {
        let mut parts = Vec::new();
        for part in self.path.split('/') {
            match part {
                "" | "." => {}
                ".." => return Err(RenderError::outside(&self.path)),
                name => parts.push(name),
            }
        }
        if self.path.starts_with('/') {
            return Err(RenderError::outside(&self.path));
        }
        Ok(parts.join("/"))
    }
}

/// What Argo CD's `spec.source.kustomize` may change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KustomizeOverrides {
    /// Put before every name.
    pub name_prefix: String,
    /// Put behind every name.
    pub name_suffix: String,
    /// `name`, `name:tag`, `name@digest` or `old=new:tag`, as `kustomize edit set image` takes it.
    pub images: Vec<String>,
    /// Labels for every object, its selectors and templates.
    pub common_labels: BTreeMap<String, String>,
    /// Annotations for every object and its templates.
    pub common_annotations: BTreeMap<String, String>,
    /// The namespace of every object that can have one.
    pub namespace: String,
    /// The number of replicas by workload name.
    pub replicas: BTreeMap<String, i64>,
}

impl KustomizeOverrides {
    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == KustomizeOverrides::default()
    }
}

/// What Argo CD's `spec.source.directory` may say; patterns are globs on the path below the
/// folder, or lists of them as `{a,b}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryOptions {
    /// Whether folders below are read too.
    pub recurse: bool,
    /// Only files that match; empty for all.
    pub include: String,
    /// Files that match are left out, also included ones.
    pub exclude: String,
}
