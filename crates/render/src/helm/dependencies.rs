//! What a chart depends on: all of it is in Git, or the rendering is refused.

use std::collections::BTreeMap;

use kustomize::{EntryKind, Tree};
use serde::Deserialize;

use super::values::joined;
use super::{CHART_FILE, Load, below};
use crate::error::RenderError;

/// A chart of a chart of … more often than this is a circle.
const NESTED_MAX: usize = 16;
/// Where charts of `apiVersion: v1` say it.
const REQUIREMENTS_FILE: &str = "requirements.yaml";

/// What is read of a chart; the rest is Helm's to judge.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChartFile {
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    name: Option<String>,
    dependencies: Option<Vec<Dependency>>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
struct Dependency {
    name: Option<String>,
    version: Option<String>,
    repository: Option<String>,
}

/// Adds what the chart at `place` of the order, from `folder` of the tree, names and does not hold.
pub(crate) fn add_dependencies(
    load: &mut Load,
    tree: &dyn Tree,
    folder: &str,
    place: &str,
    nested: usize,
) -> Result<(), RenderError> {
    let path = below(folder, CHART_FILE);
    if tree.kind(&path) != EntryKind::File {
        let message = "there is no such file, so that this folder is no chart";
        return Err(RenderError::whole("chart-missing", &path, message));
    }
    let chart: ChartFile = read(load, &path, &format!("{place}/{CHART_FILE}"))?;
    // Helm 3 reads later ones as if they were its own.
    if let Some(version) = chart.api_version.filter(|one| !matches!(one.as_str(), "v1" | "v2")) {
        let message = format!("`apiVersion: {version}` is not supported: a chart has `v1` or `v2`");
        return Err(RenderError::whole("chart-version", &path, message));
    }
    let chart_name = chart.name.unwrap_or_default();
    let mut dependencies = chart.dependencies.unwrap_or_default();
    let requirements = format!("{place}/{REQUIREMENTS_FILE}");
    if load.order.files.contains_key(&requirements) {
        let file: ChartFile = read(load, &below(folder, REQUIREMENTS_FILE), &requirements)?;
        dependencies.extend(file.dependencies.unwrap_or_default());
    }
    let held = held(load, place);
    for dependency in dependencies {
        let name = dependency.name.clone().unwrap_or_default();
        // Helm says what is wrong with a nameless one.
        if name.is_empty() || held.iter().any(|held| held.is(&name)) {
            continue;
        }
        let from = local(&dependency, folder, &path)?
            .ok_or_else(|| not_vendored(&path, &chart_name, &name, &dependency))?;
        if nested >= NESTED_MAX || name.contains(['/', '\\']) || name.starts_with('.') {
            let message = format!("the chart `{name}` depends on itself or has no proper name");
            return Err(RenderError::whole("chart-dependency", &path, message));
        }
        if tree.kind(&from) != EntryKind::Directory {
            let message =
                format!("the dependency `{name}` is to be in `{from}`, which is no folder");
            return Err(RenderError::whole("chart-dependency", &path, message));
        }
        load.opened.insert(format!("{from}/"));
        let inner = format!("{place}/charts/{name}");
        load.folder(tree, &from, &inner, nested)?;
        add_dependencies(load, tree, &from, &inner, nested + 1)?;
    }
    Ok(())
}

fn read(load: &Load, path: &str, place: &str) -> Result<ChartFile, RenderError> {
    let content = load.order.files.get(place).cloned().unwrap_or_default();
    let text = String::from_utf8(content)
        .map_err(|_| RenderError::whole("invalid-yaml", path, "the file is not UTF-8"))?;
    if text.trim().is_empty() {
        return Ok(ChartFile::default());
    }
    Ok(yaml::document(path, &text)?)
}

/// A chart in the folder `charts`: its own folder, or packed.
enum Held {
    Folder { folder: String, name: String },
    Packed(String),
}

impl Held {
    fn is(&self, wanted: &str) -> bool {
        match self {
            Held::Folder { folder, name } => folder == wanted || name == wanted,
            // `name-1.2.3.tgz`, and a name may have dashes itself.
            Held::Packed(file) => file.strip_prefix(wanted).is_some_and(|rest| {
                let version = rest.strip_prefix('-').unwrap_or(rest);
                version == ".tgz"
                    || version.starts_with(|c: char| c.is_ascii_digit())
                    || version
                        .strip_prefix('v')
                        .is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
            }),
        }
    }
}

fn held(load: &Load, place: &str) -> Vec<Held> {
    let below = format!("{place}/charts/");
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    let mut held = Vec::new();
    let files = load.order.files.range(below.clone()..);
    for (path, content) in files.take_while(|(path, _)| path.starts_with(&below)) {
        let rest = &path[below.len()..];
        match rest.split_once('/') {
            None if rest.ends_with(".tgz") => held.push(Held::Packed(rest.to_owned())),
            Some((folder, CHART_FILE)) => {
                let text = String::from_utf8_lossy(content);
                let chart: Result<ChartFile, _> = yaml::document(path, &text);
                let name = chart.ok().and_then(|chart| chart.name).unwrap_or_default();
                folders.insert(folder.to_owned(), name);
            }
            None | Some(_) => {}
        }
    }
    held.extend(folders.into_iter().map(|(folder, name)| Held::Folder { folder, name }));
    held
}

/// The folder of a dependency in the same repository; `None`: it is elsewhere.
fn local(dependency: &Dependency, folder: &str, file: &str) -> Result<Option<String>, RenderError> {
    let repository = dependency.repository.as_deref().unwrap_or_default();
    let Some(path) = repository.strip_prefix("file://") else { return Ok(None) };
    if path.starts_with('/') {
        let message = format!("`{repository}` leaves the repository; name a folder of it");
        return Err(RenderError::whole("path-outside-tree", file, message));
    }
    joined(folder, path, repository).map(Some)
}

fn not_vendored(file: &str, chart: &str, name: &str, dependency: &Dependency) -> RenderError {
    let version = dependency.version.as_deref().unwrap_or_default();
    let place = match dependency.repository.as_deref() {
        None | Some("") => "no repository".to_owned(),
        Some(repository) => format!("`{repository}`"),
    };
    let message = format!(
        "the chart `{chart}` depends on `{name}` {version} of {place}, which is not in its folder \
         `charts`; charts are not fetched: run `helm dependency build` and commit `charts/`"
    );
    RenderError::whole("chart-not-vendored", file, message)
}
