//! Runs and jobs driven by scripts: a workflow's text, what happens, and the story that comes of it.

mod actions;
mod calls;
mod jobs;
mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::{CommitId, RefName, RepositoryName, TreeId};

use crate::facts::{EventName, RunSource};
use crate::workflow::{self, Workflow};

/// A workflow with `on: push` and the given jobs, and after lines `--- path` the files that it calls.
#[track_caller]
fn workflow(text: &str) -> Arc<Workflow> {
    let mut parts = text.split("--- ");
    let text = format!("on: push\n{}", parts.next().unwrap_or_default());
    let files: BTreeMap<_, _> = parts.filter_map(|part| part.split_once('\n')).collect();
    let file = |path: &str| files.get(path).map(|text| (*text).to_owned());
    match workflow::read_in_repository(".github/workflows/ci.yaml", &text, &file) {
        Ok(workflow) => Arc::new(workflow),
        Err(problems) => panic!("{problems:?}"),
    }
}

fn source() -> RunSource {
    RunSource {
        repository: RepositoryName::new("demo/hello").expect("a name"),
        workflow: ".github/workflows/ci.yaml".into(),
        name: "ci".into(),
        event: EventName::Push,
        reference: RefName::new("refs/heads/main").expect("a ref"),
        commit: CommitId::new("1".repeat(40)).expect("an id"),
        tree: TreeId::new("2".repeat(40)).expect("an id"),
        before: None,
        pull_request: None,
        trusted: true,
        actor: "ada".into(),
        inputs: BTreeMap::new(),
        payload: serde_json::Map::new(),
        number: 7,
    }
}
