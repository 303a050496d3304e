//! A Kustomize engine: files in, manifests out.
//!
//! It does what `kustomize build` of version 5.7.1 does, object by object, and refuses every key
//! that it does not know by name with its place: nothing is ignored. The real program is the oracle
//! (`tests/cases`). It reads only through [`Tree`], which is usually a Git tree, and says afterwards
//! which paths it asked for, so that a caller can tell whether a later commit changes the outcome.
//!
//! Absent on purpose: plug-ins that are not built in, Helm, remote bases and everything else that
//! would need a process or a network; following symbolic links; schemas in comments of manifests.
//! Lists of kinds without a schema are replaced whole, as the program does.

mod accumulate;
mod alias;
mod apply;
mod config;
mod crds;
mod default_config;
pub mod edit;
mod error;
mod field_path;
mod field_spec;
mod generate;
mod hash;
mod images;
mod json_patch;
mod kinds;
mod kustomization;
mod merge;
mod name_references;
mod node;
mod objects;
mod parts;
mod patches;
mod place;
mod plugin;
mod provenance;
mod reference_table;
mod replacements;
mod resource;
mod scalar;
mod schema;
mod selector;
mod sort;
mod sources;
mod step;
mod transform;
mod tree;
mod vars;

use std::collections::BTreeSet;

use serde_json::Value;

pub use accumulate::build;
pub use error::{BuildError, Code};
pub use tree::{EntryKind, Tree};

/// The names under which a folder's kustomization is looked for, in this order.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What a folder renders to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The manifests in the order that kustomize prints them.
    pub manifests: Vec<Value>,
    /// Every file that was asked for, also those that were absent; a later tree that is equal at
    /// all of them renders to the same manifests.
    pub opened: BTreeSet<String>,
}
