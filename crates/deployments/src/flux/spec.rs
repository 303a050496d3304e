//! Whether an object asks for the same as Git's file of its name.

use serde_json::Value;

use crate::application::{Application, Target};
use crate::migration::{self, Cluster};
use crate::source::Source;
use crate::windows::{Kind, Names, Reading};

/// Reads an object of a cluster as the file that it becomes, and compares what it asks for. `source` is
/// the object that it names as its source. What Flux has no word for, Git alone says.
#[must_use]
pub fn read(
    object: &Value,
    source: Option<&Value>,
    file: &Application,
    here: Cluster<'_>,
    names: &Names<'_>,
) -> Reading {
    let objects: Vec<Value> = std::iter::once(object).chain(source).cloned().collect();
    let found = migration::of_flux(&objects, here);
    let Some(migration) = found.first() else {
        return Reading::Unreadable("it has no name".into());
    };
    if let Some(problem) = migration.problems.first() {
        return Reading::Unreadable(problem.clone());
    }
    let wanted = match Application::parse("application.yaml", &migration.file) {
        Ok(wanted) => wanted,
        Err(refused) => return Reading::Unreadable(refused.message),
    };
    let target = |application: &Application| match &application.destination.target {
        Target::Processes => None,
        Target::Cluster { address } => Some((names.cluster)(address)),
    };
    let repositories = |application: &Application| -> Vec<String> {
        application.sources().map(|source| (names.repository)(&source.repo_url)).collect()
    };
    let revisions = |application: &Application| -> Vec<String> {
        application.sources().map(|source| source.target_revision.clone()).collect()
    };
    let paths = |application: &Application| -> Vec<String> {
        application.sources().map(|source| source.path.clone()).collect()
    };
    let others = |application: &Application| -> Vec<(Source, Option<Value>)> {
        application.sources().map(rest).collect()
    };
    // A Kustomization without it leaves the namespace to its manifests.
    let has_namespace =
        object["kind"] == Kind::HelmRelease.name() || object["spec"]["targetNamespace"].is_string();
    Reading::of([
        ("spec.sourceRef", repositories(&wanted) == repositories(file)),
        ("the source's spec.ref", revisions(&wanted) == revisions(file)),
        ("spec.path", paths(&wanted) == paths(file)),
        ("what is laid over it", others(&wanted) == others(file)),
        ("the cluster", target(&wanted) == target(file)),
        (
            "spec.targetNamespace",
            !has_namespace || wanted.destination.namespace == file.destination.namespace,
        ),
    ])
}

/// Everything of a source but where it is, and its chart's values: they are equal when they say the same.
fn rest(source: &Source) -> (Source, Option<Value>) {
    let mut rest = source.clone();
    for part in [&mut rest.repo_url, &mut rest.path, &mut rest.target_revision] {
        part.clear();
    }
    let values = rest.helm.as_mut().map(|helm| std::mem::take(&mut helm.values));
    let read = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    (rest, values.map(read))
}

/// The source that an object names: its kind and name, when it is one of the same namespace.
#[must_use]
pub fn source_of(object: &Value) -> Option<(&str, &str)> {
    let spec = &object["spec"];
    let mut all =
        [&spec["sourceRef"], &spec["chart"]["spec"]["sourceRef"], &spec["chartRef"]].into_iter();
    let named = all.find(|one| one.is_object())?;
    let namespace = named["namespace"].as_str().filter(|name| !name.is_empty());
    let is_here = namespace.is_none_or(|name| object["metadata"]["namespace"] == name);
    is_here.then_some((named["kind"].as_str()?, named["name"].as_str()?))
}
