//! What a chart depends on: in its folder, in its repository, or fetched in one exact version.

use std::collections::BTreeMap;

use deployments::Chart;
use kustomize::{EntryKind, Tree};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::lock::{Dependency, Lock};
use super::values::joined;
use super::{CHART_FILE, Load, below};
use crate::error::RenderError;

/// A chart of a chart of … more often than this is a circle.
const NESTED_MAX: usize = 16;
/// Where charts of `apiVersion: v1` say it.
const REQUIREMENTS_FILE: &str = "requirements.yaml";

/// Their locks, in the same order.
const LOCK_FILES: [&str; 2] = ["Chart.lock", "requirements.lock"];

/// What is read of a chart; the rest is Helm's to judge.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChartFile {
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    name: Option<String>,
    dependencies: Option<Vec<Dependency>>,
}

/// Adds what the chart at `place` of the order, from `folder` of the tree, names and does not hold.
pub(crate) fn add_dependencies(
    load: &mut Load<'_>,
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
    let mut lists = vec![(CHART_FILE, LOCK_FILES[0], chart.dependencies.unwrap_or_default())];
    let requirements = format!("{place}/{REQUIREMENTS_FILE}");
    if load.set.files.contains_key(&requirements) {
        let file: ChartFile = read(load, &below(folder, REQUIREMENTS_FILE), &requirements)?;
        lists.push((REQUIREMENTS_FILE, LOCK_FILES[1], file.dependencies.unwrap_or_default()));
    }
    let held = held(load, place);
    for (file, lock, wanted) in lists {
        let list = List {
            chart: chart.name.clone().unwrap_or_default(),
            path: below(folder, file),
            lock: (below(folder, lock), format!("{place}/{lock}")),
            wanted,
        };
        for (index, dependency) in list.wanted.iter().enumerate() {
            let name = &dependency.name;
            // Helm says what is wrong with a nameless one.
            if name.is_empty() || held.iter().any(|held| held.is(name)) {
                continue;
            }
            if nested >= NESTED_MAX || name.contains(['/', '\\']) || name.starts_with('.') {
                let message = format!("the chart `{name}` depends on itself or has no proper name");
                return Err(RenderError::whole("chart-dependency", &list.path, message));
            }
            match local(dependency, folder, &list.path)? {
                Some(from) => add_local(load, tree, &list, name, &from, (place, nested))?,
                None => {
                    let chart = list.fetched(load, index)?;
                    add_fetched(load, &list, &chart, (place, nested))?;
                }
            }
        }
    }
    Ok(())
}

/// The dependencies that one file of a chart names.
struct List {
    /// The chart that has them.
    chart: String,
    /// The file.
    path: String,
    /// Its lock: the path, and the place in the order.
    lock: (String, String),
    wanted: Vec<Dependency>,
}

/// A folder of the same repository.
fn add_local(
    load: &mut Load<'_>,
    tree: &dyn Tree,
    list: &List,
    name: &str,
    from: &str,
    (place, nested): (&str, usize),
) -> Result<(), RenderError> {
    if tree.kind(from) != EntryKind::Directory {
        let message = format!("the dependency `{name}` is to be in `{from}`, which is no folder");
        return Err(RenderError::whole("chart-dependency", &list.path, message));
    }
    load.opened.insert(format!("{from}/"));
    let inner = format!("{place}/charts/{name}");
    load.set.read_folder(tree, from, &inner, nested)?;
    add_dependencies(load, tree, from, &inner, nested + 1)
}

/// A chart of a chart repository or a registry, with what it does not hold itself.
fn add_fetched(
    load: &mut Load<'_>,
    list: &List,
    chart: &Chart,
    (place, nested): (&str, usize),
) -> Result<(), RenderError> {
    // All that are missing are asked for before the first refusal is told.
    let archive = match load.find(chart) {
        Ok(archive) => archive,
        Err(problem) => {
            load.missing.push(RenderError::chart(&list.path, problem));
            return Ok(());
        }
    };
    let inner = format!("{place}/charts/{}-{}", chart.name, chart.version);
    // What is looked at in an archive is no path of the repository.
    let opened = std::mem::take(&mut load.opened);
    let added = load
        .set
        .read_folder(&archive.files, "", &inner, nested)
        .and_then(|()| add_dependencies(load, &archive.files, "", &inner, nested + 1));
    load.opened = opened;
    added.map_err(|error| RenderError {
        message: format!("{} (in the chart {chart})", error.message),
        ..error
    })
}

impl List {
    /// Which chart a dependency is that is neither in the chart nor in its repository.
    fn fetched(&self, load: &Load<'_>, index: usize) -> Result<Chart, RenderError> {
        let dependency = &self.wanted[index];
        let address = dependency.repository.as_str();
        let is_fetched =
            ["https://", "http://", "oci://"].iter().any(|scheme| address.starts_with(scheme));
        if !is_fetched {
            return Err(self.not_vendored(dependency));
        }
        let (path, place) = &self.lock;
        let version = if load.set.files.contains_key(place) {
            let lock: Lock = read(load, path, place)?;
            let version = lock.version(&self.wanted, index).map(str::to_owned);
            version.ok_or_else(|| {
                let message = format!(
                    "it was not made for `{}` as it is; run `helm dependency update` and commit it",
                    self.path
                );
                RenderError::whole("chart-lock", path, message)
            })?
        } else {
            dependency.version.clone()
        };
        Chart::of_dependency(address, &dependency.name, &version).map_err(|problem| {
            let message = format!(
                "the dependency `{}`: {problem}; a range needs the `{path}` that `helm dependency \
                 update` writes",
                dependency.name
            );
            RenderError::whole("chart-dependency", &self.path, message)
        })
    }

    fn not_vendored(&self, dependency: &Dependency) -> RenderError {
        let Dependency { name, version, .. } = dependency;
        let place = match dependency.repository.as_str() {
            "" => "no repository".to_owned(),
            repository => format!("`{repository}`"),
        };
        let message = format!(
            "the chart `{}` depends on `{name}` {version} of {place}, which is not in its folder \
             `charts`; name its `https://…` or `oci://…`, or run `helm dependency build` and commit \
             `charts/`",
            self.chart
        );
        RenderError::whole("chart-not-vendored", &self.path, message)
    }
}

fn read<T: DeserializeOwned + Default>(
    load: &Load<'_>,
    path: &str,
    place: &str,
) -> Result<T, RenderError> {
    let content = load.set.files.get(place).cloned().unwrap_or_default();
    let text = String::from_utf8(content)
        .map_err(|_| RenderError::whole("invalid-yaml", path, "the file is not UTF-8"))?;
    if text.trim().is_empty() {
        return Ok(T::default());
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

fn held(load: &Load<'_>, place: &str) -> Vec<Held> {
    let below = format!("{place}/charts/");
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    let mut held = Vec::new();
    let files = load.set.files.range(below.clone()..);
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
    let repository = dependency.repository.as_str();
    let Some(path) = repository.strip_prefix("file://") else { return Ok(None) };
    if path.starts_with('/') {
        let message = format!("`{repository}` leaves the repository; name a folder of it");
        return Err(RenderError::whole("path-outside-tree", file, message));
    }
    joined(folder, path, repository).map(Some)
}
