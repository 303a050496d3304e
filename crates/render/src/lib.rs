//! Turns a folder of a tree into manifests, names the files that a rendered commit holds, and says
//! what differs between two renderings.
//!
//! A folder with a kustomization is built by `kustomize`; any other is a folder of plain
//! manifests. Absent on purpose: Helm, Jsonnet, plugins, and every other renderer that needs a
//! process.

mod difference;
mod error;
mod files;
mod overrides;
mod plain;
mod request;

use std::collections::BTreeSet;

use kustomize::{EntryKind, FILE_NAMES, Tree};
use serde_json::Value;

pub use difference::{Change, ObjectDifference, Restart, difference};
pub use error::RenderError;
pub use files::files;
pub use request::{DirectoryOptions, KustomizeOverrides, Request};

/// What a request rendered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// The manifests, lists unfolded; each has `apiVersion`, `kind` and `metadata.name`.
    pub manifests: Vec<Value>,
    /// Every path that was asked for, also absent ones; a path that ends in `/` stands for the
    /// names in that folder. Equal content at all of them renders to the same manifests.
    pub opened: BTreeSet<String>,
}

/// Renders the folder that the request names.
pub fn render(tree: &dyn Tree, request: &Request) -> Result<Rendering, RenderError> {
    let folder = request.folder()?;
    let in_folder = |name: &str| {
        if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
    };
    let asked: BTreeSet<String> = FILE_NAMES.into_iter().map(in_folder).collect();
    let has_kustomization = asked.iter().any(|path| tree.kind(path) != EntryKind::Absent);
    let mut rendering = if has_kustomization {
        overrides::build(tree, &folder, &request.kustomize)?
    } else {
        if !request.kustomize.is_empty() {
            return Err(RenderError::no_kustomization(&folder));
        }
        plain::read(tree, &folder, &request.directory)?
    };
    rendering.opened.extend(asked);
    Ok(rendering)
}
