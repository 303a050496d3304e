//! Programs that the operator named as renderers: one JSON document in, one out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use kustomize::{EntryKind, Tree};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::Folder;
use crate::error::{Fault, RenderError};
use crate::file_set::FileSet;
use crate::helm::{Variables, below};
use crate::plain::unfold;
use crate::process::{COMPLAINT_BYTES_MAX, Identity, Key, Words, Work, Workshop};
use crate::request::Request;

/// The form of what is asked and answered.
const FORMAT_VERSION: u64 = 1;
/// What is asked, among the files that the program gets.
const ORDER_FILE: &str = "order.json";
/// The source's folder among them.
const SOURCE_FOLDER: &str = "source";

/// The programs by the names under which applications ask for them.
#[derive(Debug, Default)]
pub(crate) struct Plugins {
    programs: BTreeMap<String, PathBuf>,
    /// By program, which file it was and its digest.
    digests: Mutex<BTreeMap<PathBuf, (Identity, String)>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default)]
    manifests: Vec<Value>,
    /// What was read, relative to the source; absent: everything.
    #[serde(default)]
    files: Option<Vec<String>>,
    #[serde(default)]
    error: Option<Fault>,
}

impl Plugins {
    pub(crate) fn new(programs: BTreeMap<String, PathBuf>) -> Self {
        Self { programs, digests: Mutex::default() }
    }

    /// Asks the program that the application names. Blocks.
    pub(crate) fn run(
        &self,
        workshop: &Workshop,
        tree: &dyn Tree,
        folder: &str,
        request: &Request,
    ) -> Result<Folder, RenderError> {
        let name = request.plugin.name.as_str();
        let program = self.program(name, folder)?;
        if tree.kind(folder) != EntryKind::Directory {
            return Err(RenderError::whole("file-not-found", folder, "there is no such folder"));
        }
        let mut set = FileSet::default();
        set.read_folder(tree, folder, SOURCE_FOLDER, 0)?;
        let order = order(request)?;
        let mut key = Key::default();
        key.put(b"plug-in");
        key.put(name.as_bytes());
        key.put(self.digest(program, folder)?.as_bytes());
        key.put(&order);
        for (place, content) in &set.files {
            key.put(place.as_bytes());
            key.put(content);
        }
        set.files.insert(ORDER_FILE.into(), order);
        let called = format!("the renderer `{name}`");
        let words = Words {
            program: &called,
            subject: "the source",
            endless: "it may not end for these files",
            greedy: "it may read too much at once",
            budget: "plugin-budget",
            failed: "plugin-failed",
            folder,
        };
        let variables = [("PATH", "/usr/bin:/bin"), ("HOME", "/tmp")];
        let work = Work {
            program,
            arguments: &[],
            environment: variables.map(|(name, value)| (name.into(), value.into())).into(),
            files: &set.files,
            input: Some(ORDER_FILE),
            words,
        };
        let output = workshop.answer(key.end(), &work, |complaint| said(&called, complaint))?;
        taken(&output, folder, &called)
    }

    fn program(&self, name: &str, folder: &str) -> Result<&Path, RenderError> {
        self.programs.get(name).map(PathBuf::as_path).ok_or_else(|| {
            let known: Vec<&str> = self.programs.keys().map(String::as_str).collect();
            let known = match known.as_slice() {
                [] => "it knows none".to_owned(),
                names => format!("it knows {}", names.join(", ")),
            };
            let message = format!(
                "the application names the renderer `{name}`, and this server has none of that name \
                 ({known}); start it with `boucle up --renderer {name}=FILE`"
            );
            RenderError::whole("plugin-missing", folder, message)
        })
    }

    /// The program is part of what decides the outcome.
    fn digest(&self, program: &Path, folder: &str) -> Result<String, RenderError> {
        let identity = Identity::of(program);
        let mut known = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(identity), Some((of, digest))) = (&identity, known.get(program))
            && identity == of
        {
            return Ok(digest.clone());
        }
        let bytes = std::fs::read(program).map_err(|error| {
            let message = format!("the renderer {} cannot be read: {error}", program.display());
            RenderError::whole("plugin-failed", folder, message)
        })?;
        let digest = hex::encode(Sha256::digest(&bytes));
        if let Some(identity) = identity {
            known.insert(program.to_owned(), (identity, digest.clone()));
        }
        Ok(digest)
    }
}

fn order(request: &Request) -> Result<Vec<u8>, RenderError> {
    let variables = Variables { application: &request.application, path: &request.path };
    let mut environment = serde_json::Map::new();
    for (name, value) in &request.plugin.environment {
        environment.insert(name.clone(), variables.substitute(value)?.into());
    }
    let application = &request.application;
    let order = json!({
        "version": FORMAT_VERSION,
        "application": {
            "name": application.name,
            "namespace": application.namespace,
            "project": application.project,
        },
        "source": {
            "repoURL": application.repo_url,
            "targetRevision": application.target_revision,
            "path": request.path,
        },
        "env": environment,
        "parameters": request.plugin.parameters,
    });
    Ok(order.to_string().into_bytes())
}

/// What the program answered.
fn taken(output: &[u8], folder: &str, called: &str) -> Result<Folder, RenderError> {
    let wrong = |message: String| {
        RenderError::whole("plugin-failed", folder, format!("{called} {message}"))
    };
    let answer: Answer = serde_json::from_slice(output)
        .map_err(|error| wrong(format!("answers no proper JSON document: {error}")))?;
    if let Some(fault) = answer.error {
        let file = if fault.file.is_empty() { String::new() } else { below(folder, &fault.file) };
        let message = format!("{called} says: {}", fault.message);
        return Err(Fault { file, message, ..fault }.refusal("plugin-failed", folder));
    }
    let mut manifests = Vec::new();
    for (index, manifest) in answer.manifests.into_iter().enumerate() {
        unfold(manifest, &mut manifests).map_err(|message| {
            let message = format!("{called} answers a wrong manifest {}: {message}", index + 1);
            RenderError::whole("invalid-object", folder, message)
        })?;
    }
    let mut opened = BTreeSet::new();
    match answer.files {
        None => drop(opened.insert(format!("{folder}/"))),
        Some(files) => {
            for file in files {
                let is_inside = !file.starts_with('/') && !file.split('/').any(|part| part == "..");
                if !is_inside {
                    return Err(wrong(format!(
                        "names the file `{file}`, which is not in the source"
                    )));
                }
                opened.insert(below(folder, &file));
            }
        }
    }
    Ok(Folder { manifests, opened })
}

/// The program's own words.
fn said(called: &str, complaint: &str) -> String {
    let text = complaint.trim();
    if text.is_empty() {
        return format!("{called} failed and said nothing");
    }
    let end = text.floor_char_boundary(COMPLAINT_BYTES_MAX);
    let more = if end < text.len() { " …" } else { "" };
    format!("{called} failed and says: {}{more}", &text[..end])
}
