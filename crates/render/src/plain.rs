//! Folders of plain manifests and of Jsonnet.

use std::collections::BTreeSet;

use kustomize::{EntryKind, Tree};
use serde_json::Value;

use crate::Folder;
use crate::error::RenderError;
use crate::helm::Variables;
use crate::jsonnet;
use crate::renderers::Renderers;
use crate::request::{DirectoryOptions, JsonnetOptions};

/// How the name of a file ends that is evaluated.
const JSONNET: &str = ".jsonnet";

/// The most files that one folder may have; more would hold up every other rendering.
const FILES_MAX: usize = 10_000;
/// The most bytes that one folder may have.
const BYTES_MAX: usize = 64 << 20;
/// The deepest folder that is looked into.
const DEPTH_MAX: usize = 64;

/// What evaluates the Jsonnet of a folder, and for whom.
pub(crate) type Evaluator<'a> = (&'a Renderers, Variables<'a>);

/// Reads every `*.yaml`, `*.yml` and `*.json` of the folder, by name; with an evaluator every
/// `*.jsonnet` too.
pub(crate) fn read(
    tree: &dyn Tree,
    folder: &str,
    options: &DirectoryOptions,
    evaluator: Option<&Evaluator<'_>>,
) -> Result<Folder, RenderError> {
    if tree.kind(folder) != EntryKind::Directory {
        return Err(RenderError::whole("file-not-found", folder, "there is no such folder"));
    }
    let mut walk = Walk {
        tree,
        options,
        evaluates: evaluator.is_some(),
        root: folder,
        include: patterns(&options.include),
        exclude: patterns(&options.exclude),
        paths: Vec::new(),
        opened: BTreeSet::new(),
    };
    walk.folder(folder, 0)?;
    let Walk { paths, mut opened, .. } = walk;
    let (programs, paths): (Vec<String>, Vec<String>) =
        paths.into_iter().partition(|path| path.ends_with(JSONNET));
    let mut manifests = Vec::new();
    if let Some(evaluator) = evaluator.filter(|_| !programs.is_empty()) {
        let folder = evaluate(tree, folder, programs, &options.jsonnet, evaluator)?;
        manifests = folder.manifests;
        opened.extend(folder.opened);
    }
    let mut bytes = 0;
    for path in paths {
        let content = tree.read(&path).unwrap_or_default();
        bytes += content.len();
        if bytes > BYTES_MAX {
            let message = "the folder holds too many bytes; split it";
            return Err(RenderError::whole("too-large", folder, message));
        }
        let text = String::from_utf8(content)
            .map_err(|_| RenderError::whole("invalid-yaml", &path, "the file is not UTF-8"))?;
        for (index, document) in yaml::documents(&path, &text)?.into_iter().enumerate() {
            unfold(document, &mut manifests).map_err(|message| {
                let message = format!("document {}: {message}", index + 1);
                RenderError::whole("invalid-object", &path, message)
            })?;
        }
        opened.insert(path);
    }
    refuse_duplicates(&manifests, folder)?;
    Ok(Folder { manifests, opened })
}

/// The objects that Jsonnet comes to: each file is one, or a list of them.
fn evaluate(
    tree: &dyn Tree,
    folder: &str,
    files: Vec<String>,
    options: &JsonnetOptions,
    (renderers, variables): &Evaluator<'_>,
) -> Result<Folder, RenderError> {
    let planned = jsonnet::plan(tree, folder, files, options, variables)?;
    let opened = planned.opened.clone();
    let mut manifests = Vec::new();
    for (file, value) in jsonnet::run(&renderers.workshop, &renderers.jsonnet, folder, planned)? {
        let values = if let Value::Array(values) = value { values } else { vec![value] };
        for (index, value) in values.into_iter().enumerate() {
            unfold(value, &mut manifests).map_err(|message| {
                let message = format!("value {}: {message}", index + 1);
                RenderError::whole("invalid-object", &file, message)
            })?;
        }
    }
    Ok(Folder { manifests, opened })
}

struct Walk<'a> {
    tree: &'a dyn Tree,
    options: &'a DirectoryOptions,
    evaluates: bool,
    root: &'a str,
    include: Vec<String>,
    exclude: Vec<String>,
    paths: Vec<String>,
    opened: BTreeSet<String>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &str, depth: usize) -> Result<(), RenderError> {
        if depth > DEPTH_MAX || self.paths.len() > FILES_MAX {
            let message = "the folder has too many files or folders; split it";
            return Err(RenderError::whole("too-large", folder, message));
        }
        self.opened.insert(format!("{folder}/"));
        let mut names = self.tree.list(folder);
        names.sort();
        for name in names {
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            match self.tree.kind(&path) {
                EntryKind::Directory if self.options.recurse => self.folder(&path, depth + 1)?,
                EntryKind::File if self.is_wanted(&path) => self.paths.push(path),
                EntryKind::Symlink if self.is_wanted(&path) => {
                    let message = "a manifest cannot be a symbolic link";
                    return Err(RenderError::whole("symbolic-link", &path, message));
                }
                EntryKind::Directory | EntryKind::File | EntryKind::Symlink | EntryKind::Absent => {
                }
            }
        }
        Ok(())
    }

    fn is_wanted(&self, path: &str) -> bool {
        let below = path.strip_prefix(self.root).unwrap_or(path);
        let below = below.strip_prefix('/').unwrap_or(below);
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| glob(pattern, below));
        let is_manifest =
            [".yaml", ".yml", ".json"].iter().any(|extension| path.ends_with(extension));
        (is_manifest || self.evaluates && path.ends_with(JSONNET))
            && (self.include.is_empty() || fits(&self.include))
            && !fits(&self.exclude)
    }
}

/// `{a,b}` names several patterns.
fn patterns(text: &str) -> Vec<String> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    match inner {
        None if text.is_empty() => Vec::new(),
        None => vec![text.to_owned()],
        Some(inner) => inner.split(',').map(|pattern| pattern.trim().to_owned()).collect(),
    }
}

/// `*` stands for any characters, also `/` (as in Argo CD), `?` for one.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut position, mut star) = (0, 0, None);
    while position < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[position] => {
                at += 1;
                position += 1;
            }
            Some(_) | None => match star {
                Some((star_at, star_position)) => {
                    at = star_at + 1;
                    position = star_position + 1;
                    star = Some((star_at, position));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// Adds the object, or the items of a list.
pub(crate) fn unfold(document: Value, manifests: &mut Vec<Value>) -> Result<(), String> {
    let text =
        |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if !document.is_object() {
        return Err("an object must be a mapping".into());
    }
    let kind = text("/kind").to_owned();
    if kind.is_empty() {
        return Err("the object has no `kind`".into());
    }
    if kind.ends_with("List")
        && let Some(items) = document.get("items")
    {
        let Value::Array(items) = items else {
            return Err(format!("`items` of a {kind} must be a list"));
        };
        return items.iter().try_for_each(|item| unfold(item.clone(), manifests));
    }
    if text("/apiVersion").is_empty() {
        return Err(format!("the {kind} has no `apiVersion`"));
    }
    if text("/metadata/name").is_empty() {
        return Err(format!("the {kind} has no `metadata.name`"));
    }
    manifests.push(document);
    Ok(())
}

fn refuse_duplicates(manifests: &[Value], folder: &str) -> Result<(), RenderError> {
    let mut seen = BTreeSet::new();
    for manifest in manifests {
        let text =
            |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let group = text("/apiVersion").split_once('/').map_or("", |(group, _)| group);
        let (kind, name) = (text("/kind"), text("/metadata/name"));
        if !seen.insert((group, kind, text("/metadata/namespace"), name)) {
            let message = format!("there are two objects {kind} `{name}`");
            return Err(RenderError::whole("duplicate-object", folder, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_cross_folders_as_in_argo_cd() {
        for (pattern, text, expected) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "sub/a.yaml", true),
            ("sub/*", "sub/a.yaml", true),
            ("?.yaml", "ab.yaml", false),
            ("a*b*c", "a-b-b-c", true),
            ("a", "ab", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
