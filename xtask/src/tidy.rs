//! The rules of the tree, checked: layers, first lines, lengths, the pure crates' bans.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::build::root;

/// What each crate of the project may use of the project. The order is the reading order; what is
/// not listed is forbidden.
const LAYERS: &[(&str, &[&str])] = &[
    ("ledger", &[]),
    ("yaml", &[]),
    ("kustomize", &["yaml"]),
    ("repositories", &["ledger"]),
    ("pipelines", &["ledger"]),
    ("deployments", &["ledger", "yaml"]),
    ("monitoring", &["ledger", "yaml"]),
    ("control", &["ledger", "yaml", "repositories", "deployments", "monitoring"]),
    ("git-store", &["ledger", "repositories"]),
    ("sandbox", &[]),
    ("runner", &["ledger", "pipelines", "sandbox"]),
    ("render", &["deployments", "kustomize", "sandbox", "yaml"]),
    ("workloads", &["ledger", "deployments", "sandbox"]),
    ("cluster", &["ledger", "deployments"]),
    ("probes", &["ledger", "monitoring"]),
    ("registry", &["ledger"]),
    ("database", &["ledger"]),
    ("api", &[]),
    (
        "server",
        &[
            "api",
            "ledger",
            "yaml",
            "kustomize",
            "repositories",
            "pipelines",
            "deployments",
            "monitoring",
            "control",
            "git-store",
            "sandbox",
            "runner",
            "render",
            "cluster",
            "workloads",
            "probes",
            "registry",
            "database",
        ],
    ),
    ("cli", &["api", "ledger"]),
    ("boucle", &["cli", "ledger", "pipelines", "runner", "sandbox", "server"]),
    ("sim", &["ledger", "repositories", "pipelines", "deployments", "monitoring", "control"]),
    ("testkit", &[]),
    ("xtask", &["deployments", "kustomize", "pipelines", "repositories", "sim", "testkit", "yaml"]),
];

/// Crates that decide and so have no input or output of their own.
const PURE: &[&str] = &[
    "ledger",
    "yaml",
    "kustomize",
    "repositories",
    "pipelines",
    "deployments",
    "monitoring",
    "control",
    "sim",
];

/// Packages that a pure crate must not reach, directly or through others.
const FORBIDDEN_IN_PURE: &[&str] =
    &["tokio", "reqwest", "hyper", "sqlx", "gix", "nix", "axum", "rand", "mio", "socket2"];

/// A file may have this many lines; longer ones hide their rooms.
const LINES_MAX: usize = 800;

/// Checks everything; false when something was found, which is printed.
pub fn check() -> Result<bool> {
    let mut findings = Vec::new();
    layers(&mut findings)?;
    pure_bans(&mut findings)?;
    sources(&mut findings)?;
    decisions(&mut findings)?;
    findings.iter().for_each(|finding| println!("{finding}"));
    Ok(findings.is_empty())
}

/// Normal dependencies, held to the table; pure crates also through everything they reach.
fn layers(findings: &mut Vec<String>) -> Result<()> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .context("cargo cannot be started")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let graph = Graph::read(&metadata);
    let table: BTreeMap<&str, BTreeSet<&str>> =
        LAYERS.iter().map(|(name, allowed)| (*name, allowed.iter().copied().collect())).collect();
    for member in &graph.members {
        let Some(allowed) = table.get(member.as_str()) else {
            findings.push(format!("the crate {member} is not in the table of layers"));
            continue;
        };
        for used in graph.direct(member).filter(|used| graph.members.contains(*used)) {
            if !allowed.contains(used.as_str()) {
                findings.push(format!("{member} uses {used}, which its layer does not allow"));
            }
        }
    }
    for name in table.keys().filter(|name| !graph.members.contains(**name)) {
        findings.push(format!("the table of layers names {name}, which is not there"));
    }
    for pure in PURE {
        for reached in graph.reached(pure) {
            if FORBIDDEN_IN_PURE.contains(&reached.as_str()) {
                findings.push(format!("{pure} is pure and reaches {reached}"));
            }
        }
    }
    Ok(())
}

/// Normal dependencies by package name.
struct Graph {
    members: BTreeSet<String>,
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn read(metadata: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let names: BTreeMap<String, String> = list(&metadata["packages"])
            .iter()
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let name = |id: &Value| names.get(&text(id)).cloned().unwrap_or_default();
        let members = list(&metadata["workspace_members"]).iter().map(&name).collect();
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let of = edges.entry(name(&node["id"])).or_default();
            for dependency in list(&node["deps"]) {
                let kinds = list(&dependency["dep_kinds"]);
                if kinds.iter().any(|kind| kind["kind"].is_null()) {
                    of.insert(name(&dependency["pkg"]));
                }
            }
        }
        Self { members, edges }
    }

    fn direct(&self, name: &str) -> impl Iterator<Item = &String> {
        self.edges.get(name).into_iter().flatten()
    }

    fn reached(&self, name: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![name.to_owned()];
        while let Some(next) = waiting.pop() {
            for used in self.direct(&next) {
                if reached.insert(used.clone()) {
                    waiting.push(used.clone());
                }
            }
        }
        reached
    }
}

/// A `clippy.toml` in a crate replaces the root's, so the pure ones must stay equal.
fn pure_bans(findings: &mut Vec<String>) -> Result<()> {
    let file = |name: &str| root().join("crates").join(name).join("clippy.toml");
    let first = std::fs::read_to_string(file(PURE[0])).context("the pure crates have no bans")?;
    for name in PURE {
        if std::fs::read_to_string(file(name)).ok().as_ref() != Some(&first) {
            findings.push(format!("crates/{name}/clippy.toml differs from crates/{}'s", PURE[0]));
        }
    }
    Ok(())
}

/// Each source file says what it is for, and is short enough to be read.
fn sources(findings: &mut Vec<String>) -> Result<()> {
    for file in files(&["*.rs"])? {
        let text = std::fs::read_to_string(root().join(&file))?;
        let shown = file.display();
        if !text.starts_with("//!") {
            findings.push(format!("{shown}:1: does not begin with a `//!` line"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            findings.push(format!("{shown}: {lines} lines, at most {LINES_MAX} are allowed"));
        }
        for (number, line) in text.lines().enumerate() {
            // Put together here, so that this file does not find itself.
            let markers = [["FIX", "ME"].concat(), ["dbg", "!("].concat()];
            if markers.iter().any(|marker| line.contains(marker.as_str())) {
                findings.push(format!("{shown}:{}: unfinished: {}", number + 1, line.trim()));
            }
        }
    }
    Ok(())
}

/// Every decision record can be found from their list.
fn decisions(findings: &mut Vec<String>) -> Result<()> {
    let list = std::fs::read_to_string(root().join("docs/decisions/README.md"))
        .context("docs/decisions has no README.md")?;
    for file in files(&["docs/decisions/*.md"])? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name != "README.md" && !list.contains(&name) {
            findings.push(format!("docs/decisions/{name} is not in the list"));
        }
    }
    Ok(())
}

/// Files that git tracks, so that what is ignored is not judged.
fn files(patterns: &[&str]) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "--"])
        .args(patterns)
        .current_dir(root())
        .output()
        .context("git cannot be started")?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(|line| Path::new(line).to_path_buf()).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_keeps_its_rules() {
        assert!(super::check().expect("the tree can be read"), "the findings are printed above");
    }
}
