//! Whether an object asks for the same as Git's file of its name.

use serde_json::Value;

use crate::application::{Application, Target};
use crate::migration::{self, Cluster};
use crate::source::Source;
use crate::windows::{Names, Reading};

/// Reads an object of a cluster as if it were a file, and compares what it asks for.
#[must_use]
pub fn read(object: &Value, file: &Application, here: Cluster<'_>, names: &Names<'_>) -> Reading {
    let object = match migration::read_argo_cd(object, here) {
        Ok(application) => application,
        Err(problem) => return Reading::Unreadable(problem),
    };
    let target = |application: &Application| match &application.destination.target {
        Target::Processes => None,
        Target::Cluster { address } => Some((names.cluster)(address)),
    };
    let sources = |application: &Application| -> Vec<Source> {
        let source = |source: &Source| Source {
            repo_url: (names.repository)(&source.repo_url),
            ..source.clone()
        };
        application.sources().map(source).collect()
    };
    Reading::of([
        ("spec.project", object.project == file.project),
        ("spec.source", sources(&object) == sources(file)),
        (
            "spec.destination",
            target(&object) == target(file)
                && object.destination.namespace == file.destination.namespace,
        ),
        ("spec.syncPolicy", object.sync == file.sync),
        ("spec.ignoreDifferences", object.ignore_differences == file.ignore_differences),
    ])
}
