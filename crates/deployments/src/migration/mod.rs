//! What another tool's objects on a cluster become here: the files to commit, what changes hands by
//! them, and what would be different. Reading only: nothing is deleted, restarted or written by it.

mod argo_cd;
mod flux;
mod flux_chart;

use std::collections::BTreeMap;

use ledger::ApplicationName;
use serde_json::{Map, Value, json};

use crate::application::Application;
use crate::chart::{Chart, is_exact};
use crate::objects::ObjectKey;

pub use argo_cd::{of_argo_cd, read_argo_cd};
pub use flux::of_flux;

/// The tool that an object belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Argo CD: its `Application` objects.
    ArgoCd,
    /// Flux: its `Kustomization` and `HelmRelease` objects, and the sources that they name.
    Flux,
}

impl Tool {
    /// The kinds of its objects that are read: `apiVersion` and `kind`.
    #[must_use]
    pub const fn kinds(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::ArgoCd => &[("argoproj.io/v1alpha1", "Application")],
            Self::Flux => &[
                ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
                ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
                ("source.toolkit.fluxcd.io/v1", "GitRepository"),
                ("source.toolkit.fluxcd.io/v1", "HelmChart"),
                ("source.toolkit.fluxcd.io/v1", "HelmRepository"),
                ("source.toolkit.fluxcd.io/v1", "OCIRepository"),
            ],
        }
    }
}

/// One object of another tool, and the application that it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The object.
    pub from: ObjectKey,
    /// The name of the application.
    pub name: String,
    /// The `Application` file to commit; it may still have problems.
    pub file: String,
    /// Why the file would be refused, or would not do what the object does: to be settled first.
    pub problems: Vec<String>,
    /// What is done otherwise, and needs nothing.
    pub notes: Vec<String>,
    /// The objects that change hands.
    pub objects: Vec<ObjectKey>,
}

/// Where the cluster is known here, and how a tool names it.
#[derive(Debug, Clone, Copy)]
pub struct Cluster<'a> {
    /// Its name here: the context of the kubeconfig.
    pub name: &'a str,
    /// The address of its server.
    pub server: &'a str,
}

/// An application as it is put together.
struct Draft {
    from: ObjectKey,
    name: String,
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    finalizers: Vec<Value>,
    spec: Map<String, Value>,
    problems: Vec<String>,
    notes: Vec<String>,
    objects: Vec<ObjectKey>,
}

impl Draft {
    fn of(object: &Value) -> Option<Self> {
        let from = ObjectKey::of(object, "")?;
        Some(Self {
            name: from.name.clone(),
            from,
            labels: Map::new(),
            annotations: Map::new(),
            finalizers: Vec::new(),
            spec: Map::new(),
            problems: Vec::new(),
            notes: Vec::new(),
            objects: Vec::new(),
        })
    }

    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// The file, read once as it would be read in a pull request.
    fn finish(mut self) -> Migration {
        let mut metadata = json!({ "name": self.name });
        let lists = [("labels", self.labels), ("annotations", self.annotations)];
        for (name, entries) in lists.into_iter().filter(|(_, entries)| !entries.is_empty()) {
            metadata[name] = Value::Object(entries);
        }
        if !self.finalizers.is_empty() {
            metadata["finalizers"] = Value::Array(self.finalizers);
        }
        let manifest = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": metadata, "spec": self.spec,
        });
        let file = yaml::emit(&[manifest]);
        if ApplicationName::new(self.name.as_str()).is_err() {
            self.problems.push(format!("`{}` is no name of an application here", self.name));
        } else if let Err(refused) = Application::parse("application.yaml", &file) {
            self.problems.push(refused.message);
        }
        self.objects.sort();
        self.objects.dedup();
        Migration {
            from: self.from,
            name: self.name,
            file,
            problems: self.problems,
            notes: self.notes,
            objects: self.objects,
        }
    }
}

/// Says of each application that shares its name with another one.
fn with_names_apart(mut migrations: Vec<Migration>) -> Vec<Migration> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for migration in &migrations {
        *counts.entry(migration.name.clone()).or_default() += 1;
    }
    for migration in &mut migrations {
        if counts.get(&migration.name).is_some_and(|count| *count > 1) {
            migration.problems.push(format!(
                "there are several of the name `{}`; an application's name is its own here: rename \
                 all but one in its file",
                migration.name
            ));
        }
    }
    migrations.sort_by(|one, other| one.from.cmp(&other.from));
    migrations
}

/// The version to write for a chart: what is wanted if it is exact, else what runs.
fn exact(draft: &mut Draft, what: &str, wanted: &str, runs: &str) -> String {
    if is_exact(wanted) || !is_exact(runs) {
        return wanted.to_owned();
    }
    let range = if wanted.is_empty() { "the newest version" } else { wanted };
    draft.note(format!("{what} follows `{range}`: the file names {runs}, which runs now"));
    runs.to_owned()
}

/// Says which host the server has to be told of.
fn charts_from(draft: &mut Draft, source: &Map<String, Value>) {
    let field = |name| source.get(name).and_then(Value::as_str);
    let chart = Chart::of_source(
        field("repoURL").unwrap_or_default(),
        field("chart"),
        field("targetRevision").unwrap_or_default(),
    );
    if let Ok(chart) = chart
        && let Some(host) = chart.host()
    {
        let note = format!("start the server with `--charts-from {host}`, where its chart is");
        if !draft.notes.contains(&note) {
            draft.note(note);
        }
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn is_true(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(true)
}
