//! Turns folders of trees into manifests, names the files that a rendered commit holds, and says
//! what differs between two renderings.
//!
//! A folder with a kustomization is built by `kustomize`, in this process; one with a chart by the
//! `helm` program, in a sandbox; any other is a folder of plain manifests and of Jsonnet, which is
//! evaluated in the sandbox too, as are the programs that the operator named as renderers. What is
//! read, and what a program is asked, is decided from trees alone, as is what is asked to fetch what
//! is in no Git repository. Absent on purpose: the network itself.

mod charts;
mod compact;
mod difference;
mod error;
mod file_set;
mod files;
mod folder;
mod helm;
mod jsonnet;
mod outputs;
mod overrides;
mod plain;
mod plugin;
mod process;
mod renderers;
mod request;
mod several;
pub mod sops;

use std::collections::BTreeSet;

use kustomize::{EntryKind, FILE_NAMES, Tree};
use serde_json::Value;

pub use charts::{
    ARCHIVE_BYTES_MAX, Answer, ArchiveForm, ArchiveLayer, Ask, ChartArchive, ChartCredential,
    ChartHosts, ChartStore, FindChart, NoAnswer, archive_layer, digest_of, fetch_chart, may_ask,
};
pub use difference::{Change, ObjectDifference, Restart, difference};
pub use error::RenderError;
pub use files::files;
pub use jsonnet::{JSONNET_ARGUMENT, jsonnet_main};
pub use process::RenderLimits;
pub use renderers::{Programs, Renderers};
pub use request::{
    Asker, DirectoryOptions, HelmOptions, JsonnetOptions, JsonnetVariable, KustomizeOverrides,
    Parameter, PluginOptions, Request, Tool,
};
pub use several::{Content, Overridden, Rendering, Repeated, SourceInput, render};

/// What one folder came to.
pub(crate) struct Folder {
    /// The manifests, lists unfolded; each has `apiVersion`, `kind` and `metadata.name`.
    pub(crate) manifests: Vec<Value>,
    /// Every path that was asked for, also absent ones; a path that ends in `/` stands for the
    /// names in that folder.
    pub(crate) opened: BTreeSet<String>,
}

/// The manifests of a tree that holds nothing else, such as a rendered commit.
pub fn plain_manifests(tree: &dyn Tree) -> Result<Vec<Value>, RenderError> {
    let options = DirectoryOptions { recurse: true, ..DirectoryOptions::default() };
    plain::read(tree, "", &options, None).map(|folder| folder.manifests)
}

/// What renders the folder, by what the application says, else by its files: Argo CD takes a
/// kustomization first, then a chart. With the paths that were looked at.
pub(crate) fn tool(tree: &dyn Tree, folder: &str, request: &Request) -> (Tool, BTreeSet<String>) {
    if let Some(tool) = request.tool {
        return (tool, BTreeSet::new());
    }
    let is_there = |path: &String| tree.kind(path) != EntryKind::Absent;
    let mut asked: BTreeSet<String> =
        FILE_NAMES.into_iter().map(|name| helm::below(folder, name)).collect();
    if asked.iter().any(is_there) {
        return (Tool::Kustomize, asked);
    }
    let chart = helm::below(folder, helm::CHART_FILE);
    let tool = if is_there(&chart) { Tool::Helm } else { Tool::Directory };
    asked.insert(chart);
    (tool, asked)
}
