//! Jsonnet: which files an evaluation gets, decided from the tree alone, and what it came to.
//!
//! An evaluation cannot be interrupted, so it runs in the sandbox, as the program that this one is
//! with another first argument.

mod evaluate;
mod imports;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kustomize::{EntryKind, Tree};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Fault, RenderError};
use crate::file_set::FileSet;
use crate::helm::Variables;
use crate::process::{Key, Words, Work, Workshop};
use crate::request::{JsonnetOptions, JsonnetVariable};

pub use evaluate::jsonnet_main;

/// The first argument by which a program's `main` knows that it must call [`jsonnet_main`].
pub const JSONNET_ARGUMENT: &str = "__jsonnet";
/// The evaluator: another one may come to something else.
const EVALUATOR: &str = "jsonnet 1 rsjsonnet 0.5";
/// The order among the files that the evaluation gets.
const ORDER_FILE: &str = "order.json";
/// The files of the tree among them.
const FILES_FOLDER: &str = "files";

/// What the evaluation is asked.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The files that are evaluated.
    pub(crate) entries: Vec<String>,
    /// Where imports are looked for beside their files; the last is looked at first.
    pub(crate) libraries: Vec<String>,
    pub(crate) external: Vec<Variable>,
    pub(crate) arguments: Vec<Variable>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) is_code: bool,
}

/// What it answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// By entry.
    Results(BTreeMap<String, Value>),
    Error(Fault),
}

/// What an evaluation reads.
pub(crate) struct Planned {
    pub(crate) order: Order,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) opened: BTreeSet<String>,
}

/// Decides what the evaluation of some files of a folder gets.
pub(crate) fn plan(
    tree: &dyn Tree,
    folder: &str,
    entries: Vec<String>,
    options: &JsonnetOptions,
    variables: &Variables<'_>,
) -> Result<Planned, RenderError> {
    let mut libraries = vec![folder.to_owned()];
    for library in &options.libraries {
        let path = imports::joined("", library).ok_or_else(|| RenderError::outside(library))?;
        libraries.push(path);
    }
    let read = |list: &[JsonnetVariable]| -> Result<Vec<Variable>, RenderError> {
        let one = |one: &JsonnetVariable| {
            let value = variables.substitute(&one.value)?;
            Ok(Variable { name: one.name.clone(), value, is_code: one.is_code })
        };
        list.iter().map(one).collect()
    };
    let order = Order {
        entries,
        libraries,
        external: read(&options.external)?,
        arguments: read(&options.arguments)?,
    };
    let mut load =
        Load { tree, set: FileSet::default(), seen: BTreeSet::new(), opened: BTreeSet::new() };
    let mut open: Vec<String> = order.entries.clone();
    let given = order.external.iter().chain(&order.arguments).filter(|one| one.is_code);
    for variable in given {
        open.extend(load.imported(None, &variable.value, &order.libraries)?);
    }
    while let Some(path) = open.pop() {
        let Some(text) = load.unseen(&path)? else { continue };
        let folder = imports::folder_of(&path).to_owned();
        open.extend(load.imported(Some(&folder), &text, &order.libraries)?);
    }
    Ok(Planned { order, files: load.set.files, opened: load.opened })
}

/// Files on their way to an evaluation.
struct Load<'a> {
    tree: &'a dyn Tree,
    set: FileSet,
    /// What was looked at for its imports.
    seen: BTreeSet<String>,
    opened: BTreeSet<String>,
}

impl Load<'_> {
    /// The text of a file whose imports were not looked at before.
    fn unseen(&mut self, path: &str) -> Result<Option<String>, RenderError> {
        if !self.seen.insert(path.to_owned()) {
            return Ok(None);
        }
        let content = self.read(path)?;
        Ok(Some(String::from_utf8_lossy(content).into_owned()))
    }

    fn read(&mut self, path: &str) -> Result<&[u8], RenderError> {
        let place = format!("{FILES_FOLDER}/{path}");
        self.opened.insert(path.to_owned());
        if self.set.files.contains_key(&place) {
            return Ok(&self.set.files[&place]);
        }
        self.set.read(self.tree, path, place)
    }

    /// The files that a text imports as Jsonnet; others are read at once. What is not there is left to
    /// the evaluation, which may never come to it.
    fn imported(
        &mut self,
        folder: Option<&str>,
        text: &str,
        libraries: &[String],
    ) -> Result<Vec<String>, RenderError> {
        let mut code = Vec::new();
        for import in imports::imports(text) {
            for path in imports::candidates(folder, &import.path, libraries) {
                let kind = self.tree.kind(&path);
                self.opened.insert(path.clone());
                match kind {
                    EntryKind::Symlink => return Err(RenderError::link(&path)),
                    EntryKind::File if import.is_code => code.push(path),
                    EntryKind::File => {
                        self.read(&path)?;
                    }
                    EntryKind::Directory | EntryKind::Absent => continue,
                }
                break;
            }
        }
        Ok(code)
    }
}

/// The values of the entries, each with its file. Blocks.
pub(crate) fn run(
    workshop: &Workshop,
    program: &Path,
    folder: &str,
    planned: Planned,
) -> Result<Vec<(String, Value)>, RenderError> {
    let Planned { order, mut files, .. } = planned;
    let text = serde_json::to_vec(&order).unwrap_or_default();
    let mut key = Key::default();
    key.put(EVALUATOR.as_bytes());
    key.put(&text);
    for (place, content) in &files {
        key.put(place.as_bytes());
        key.put(content);
    }
    files.insert(ORDER_FILE.into(), text);
    let arguments = [JSONNET_ARGUMENT.to_owned()];
    let words = Words {
        program: "the evaluation of Jsonnet",
        subject: "the folder's Jsonnet",
        endless: "a function may call itself without end",
        greedy: "it may build something without end",
        budget: "jsonnet-budget",
        failed: "jsonnet-failed",
        folder,
    };
    let work = Work {
        program,
        arguments: &arguments,
        environment: BTreeMap::new(),
        files: &files,
        input: Some(ORDER_FILE),
        words,
    };
    let output = workshop.answer(key.end(), &work, said)?;
    let failed = |message: String| {
        RenderError::whole(words.failed, folder, format!("the evaluation: {message}"))
    };
    match serde_json::from_slice(&output).map_err(|error| failed(error.to_string()))? {
        Answer::Error(fault) => Err(fault.refusal(words.failed, folder)),
        Answer::Results(mut results) => {
            let value = |entry: String| results.remove(&entry).map(|value| (entry, value));
            Ok(order.entries.into_iter().filter_map(value).collect())
        }
    }
}

/// A fault of the text is an answer, so this is one of the evaluator.
fn said(complaint: &str) -> String {
    match complaint.lines().next_back().unwrap_or_default().trim() {
        "" => "the evaluation ended without an answer; values or expressions may lie too deep in each \
               other"
            .into(),
        line => format!("the evaluation ended without an answer: {line}"),
    }
}
