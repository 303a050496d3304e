//! Which files an application's value files and file parameters are.

use std::collections::{BTreeMap, BTreeSet};

use kustomize::EntryKind;

use super::glob;
use super::{Sources, Variables, below};
use crate::error::RenderError;
use crate::file_set::{DEPTH_MAX, FILES_MAX};
use crate::request::HelmOptions;

/// A file: of which source, and its path there.
pub(crate) type Place = (usize, String);

/// Finds files in the sources, and notes what it looked at.
pub(crate) struct Resolver<'a> {
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) own: usize,
    pub(crate) folder: &'a str,
    pub(crate) variables: &'a Variables<'a>,
    pub(crate) opened: &'a mut BTreeMap<usize, BTreeSet<String>>,
}

impl Resolver<'_> {
    /// The value files in their order, each once. A file that is also named without a pattern stands
    /// where it is named.
    pub(crate) fn value_files(&mut self, options: &HelmOptions) -> Result<Vec<Place>, RenderError> {
        let wanted: Vec<Place> =
            options.value_files.iter().map(|raw| self.place(raw)).collect::<Result<_, _>>()?;
        let named: BTreeSet<&Place> =
            wanted.iter().filter(|(_, path)| !glob::is_pattern(path)).collect();
        let mut found: Vec<Place> = Vec::new();
        for (place, raw) in wanted.iter().zip(&options.value_files) {
            if glob::is_pattern(&place.1) {
                let matches = self.matches(place, raw)?;
                if matches.is_empty() && !options.ignore_missing_value_files {
                    return Err(missing(raw, "no file fits this pattern of `valueFiles`"));
                }
                let others = matches.into_iter().map(|path| (place.0, path));
                let others = others.filter(|other| !named.contains(other));
                let new: Vec<Place> = others.filter(|other| !found.contains(other)).collect();
                found.extend(new);
            } else if self.is_file(place, raw)? {
                if !found.contains(place) {
                    found.push(place.clone());
                }
            } else if !options.ignore_missing_value_files {
                return Err(missing(&place.1, "there is no such value file"));
            }
        }
        Ok(found)
    }

    /// The file parameters by name.
    pub(crate) fn file_parameters(
        &mut self,
        options: &HelmOptions,
    ) -> Result<BTreeMap<String, Place>, RenderError> {
        let mut parameters = BTreeMap::new();
        for (name, raw) in &options.file_parameters {
            let place = self.place(raw)?;
            if !self.is_file(&place, raw)? {
                let what =
                    format!("there is no such file, which `fileParameters` names for `{name}`");
                return Err(RenderError::whole("file-not-found", &place.1, what));
            }
            parameters.insert(name.clone(), place);
        }
        Ok(parameters)
    }

    /// Relative to the chart, from the root with `/`, of another source with `$name/`.
    fn place(&self, raw: &str) -> Result<Place, RenderError> {
        let named = raw.strip_prefix('$').map(|rest| rest.split_once('/').unwrap_or((rest, "")));
        if let Some((name, path)) = named
            && let Some(source) = self.sources.named.get(name)
        {
            let path = joined("", &self.variables.substitute(path)?, raw)?;
            if path.is_empty() {
                let message = format!("`{raw}` names a source and no file of it");
                return Err(RenderError::whole("file-not-found", raw, message));
            }
            return Ok((*source, path));
        }
        let text = self.variables.substitute(raw)?;
        if text.contains("://") {
            let message = "value files are not fetched; commit the file and name its path";
            return Err(RenderError::whole("remote-file", &text, message));
        }
        let path = match text.strip_prefix('/') {
            Some(rest) => joined("", rest, raw)?,
            None => joined(self.folder, &text, raw)?,
        };
        Ok((self.own, path))
    }

    fn is_file(&mut self, (source, path): &Place, raw: &str) -> Result<bool, RenderError> {
        self.opened.entry(*source).or_default().insert(path.clone());
        let refused = |message: &str| Err(RenderError::whole("invalid-value", path, message));
        match self.sources.trees[*source].kind(path) {
            EntryKind::File => Ok(true),
            EntryKind::Absent => Ok(false),
            EntryKind::Directory => refused(&format!("`{raw}` is a folder; name a file")),
            EntryKind::Symlink => {
                refused("a value file cannot be a symbolic link; name the file that it leads to")
            }
        }
    }

    /// The files that fit a pattern, by path.
    fn matches(
        &mut self,
        (source, pattern): &Place,
        raw: &str,
    ) -> Result<Vec<String>, RenderError> {
        let patterns = glob::alternatives(pattern).ok_or_else(|| {
            let message = format!("`{raw}` stands for too many patterns");
            RenderError::whole("invalid-value", raw, message)
        })?;
        let fixed: Vec<&str> = pattern
            .split('/')
            .take_while(|part| !glob::is_pattern(part) && !part.contains('{'))
            .collect();
        // The last part is a name, also when it is fixed.
        let depth = fixed.len().min(pattern.split('/').count() - 1);
        let root = fixed[..depth].join("/");
        let tree = self.sources.trees[*source];
        let opened = self.opened.entry(*source).or_default();
        let is_deep = pattern.contains("**");
        let longest = if is_deep { DEPTH_MAX } else { pattern.split('/').count() - depth };
        let (mut found, mut waiting, mut seen) = (Vec::new(), vec![(root, 1)], 0);
        while let Some((folder, level)) = waiting.pop() {
            opened.insert(format!("{folder}/"));
            for name in tree.list(&folder) {
                seen += 1;
                if seen > FILES_MAX {
                    let message = format!("`{raw}` looks at more than {FILES_MAX} files");
                    return Err(RenderError::whole("too-large", &folder, message));
                }
                let path = below(&folder, &name);
                match tree.kind(&path) {
                    EntryKind::Directory if level < longest => waiting.push((path, level + 1)),
                    EntryKind::File if patterns.iter().any(|one| glob::fits(one, &path)) => {
                        found.push(path);
                    }
                    EntryKind::Directory
                    | EntryKind::File
                    | EntryKind::Symlink
                    | EntryKind::Absent => {}
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

fn missing(path: &str, what: &str) -> RenderError {
    let message = format!("{what}; add it, or set `ignoreMissingValueFiles: true`");
    RenderError::whole("value-file-missing", path, message)
}

/// A relative path as seen from a folder; one that leaves the tree is refused.
pub(crate) fn joined(folder: &str, relative: &str, raw: &str) -> Result<String, RenderError> {
    if relative.contains(['\0', '\\', '\n']) {
        let message = "the path has characters that no file name here may have";
        return Err(RenderError::whole("invalid-value", raw, message));
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| RenderError::outside(raw))?;
            }
            name => parts.push(name),
        }
    }
    Ok(parts.join("/"))
}
