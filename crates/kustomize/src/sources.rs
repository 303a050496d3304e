//! How a build finds its kustomizations and the files that they name.

use serde_json::Value;

use crate::FILE_NAMES;
use crate::accumulate::Builder;
use crate::error::{BuildError, Code, Fault};
use crate::kustomization::Kustomization;
use crate::node::Node;
use crate::parts::Entry;
use crate::schema::{Document, OpenApi};
use crate::tree::{self, BadPath, EntryKind, Missing};
use crate::{place, provenance};

/// A folder's kustomization.
pub(crate) struct Target {
    pub(crate) folder: String,
    pub(crate) path: String,
    text: String,
    pub(crate) kustomization: Kustomization,
    /// The folder as seen from the one that is built, where origins are noted.
    pub(crate) origin: Option<String>,
}

impl Target {
    pub(crate) fn error(&self, fault: Fault) -> BuildError {
        let (line, column) = place::of_pointer(&self.text, &fault.pointer).unwrap_or((1, 1));
        BuildError {
            code: fault.code,
            file: self.path.clone(),
            line,
            column,
            message: fault.message,
        }
    }

    /// A file or folder as seen from the one that is built, where origins are noted.
    pub(crate) fn origin_of(&self, relative: &str) -> Option<String> {
        self.origin.as_ref().map(|origin| provenance::join(origin, relative))
    }

    /// The kustomization file itself, as origins name it.
    pub(crate) fn origin_of_file(&self) -> Option<String> {
        self.origin_of(self.path.rsplit('/').next().unwrap_or_default())
    }
}

impl Builder<'_> {
    /// The kustomization in a folder; `origin` is the folder as seen from the one that is built.
    pub(crate) fn load(&self, folder: &str, origin: Option<String>) -> Result<Target, BuildError> {
        let in_folder = |name: &str| {
            if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
        };
        let mut found = Vec::new();
        for path in FILE_NAMES.map(in_folder) {
            match self.reader.kind(&path) {
                EntryKind::File => found.push(path),
                EntryKind::Symlink => {
                    let message = "a kustomization cannot be a symbolic link";
                    return Err(BuildError::whole(Code::Symlink, &path, message));
                }
                EntryKind::Absent | EntryKind::Directory => {}
            }
        }
        let path = match &found[..] {
            [path] => path.clone(),
            [] => {
                let message = format!("there is no {} here", FILE_NAMES.join(", "));
                return Err(BuildError::whole(Code::NoKustomization, folder, message));
            }
            _ => {
                let message = format!("keep only one of {}", found.join(", "));
                return Err(BuildError::whole(Code::SeveralKustomizations, folder, message));
            }
        };
        let text = self.text(&path)?;
        let documents = yaml::documents(&path, &text)?;
        let [value] = &documents[..] else {
            let message = "a kustomization is one document that says something";
            return Err(BuildError::whole(Code::InvalidValue, &path, message));
        };
        let mut target = Target {
            folder: folder.into(),
            path,
            text,
            kustomization: Kustomization::default(),
            origin,
        };
        let says_nothing = value.as_object().is_some_and(|fields| {
            fields.keys().all(|field| field == "apiVersion" || field == "kind")
        });
        if says_nothing {
            let message = "the kustomization is empty";
            return Err(target.error(Fault::new(Code::InvalidValue, "", message)));
        }
        target.kustomization = Kustomization::read(value).map_err(|fault| target.error(fault))?;
        self.decide_schema(&target)?;
        Ok(target)
    }

    /// Reads the OpenAPI document that the kustomization names, unless another one decided.
    fn decide_schema(&self, target: &Target) -> Result<(), BuildError> {
        let Some(open_api) = &target.kustomization.open_api else { return Ok(()) };
        match open_api {
            OpenApi::BuiltIn => self.kinds.decide(None),
            OpenApi::File(entry) => {
                let (path, text) = self.file_text(target, entry)?;
                if !self.kinds.is_decided() {
                    let root = document(&path, &text)?;
                    self.kinds.decide(Some(Document::new(root)));
                }
            }
        }
        Ok(())
    }

    /// The text of a file that an entry of the kustomization names.
    pub(crate) fn file_text(
        &self,
        target: &Target,
        entry: &Entry,
    ) -> Result<(String, String), BuildError> {
        let (path, bytes) =
            self.file(target, &entry.text, &entry.pointer).map_err(|fault| target.error(fault))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| BuildError::whole(Code::InvalidYaml, &path, "the file is not UTF-8"))?;
        Ok((path, text))
    }

    /// What `read` makes of the one document of a file that the kustomization names.
    pub(crate) fn read_file<T>(
        &self,
        target: &Target,
        entry: &Entry,
        read: impl FnOnce(&Node<'_>) -> Result<T, Fault>,
    ) -> Result<T, BuildError> {
        let (path, text) = self.file_text(target, entry)?;
        let value = document(&path, &text)?;
        read(&Node::lenient_root(&value)).map_err(|fault| {
            let (line, column) = place::of_pointer(&text, &fault.pointer).unwrap_or((1, 1));
            BuildError { code: fault.code, file: path, line, column, message: fault.message }
        })
    }

    fn text(&self, path: &str) -> Result<String, BuildError> {
        let bytes = self.reader.read(path).map_err(|missing| {
            let (code, message) = missing_file(missing, path);
            BuildError::whole(code, path, message)
        })?;
        String::from_utf8(bytes)
            .map_err(|_| BuildError::whole(Code::InvalidYaml, path, "the file is not UTF-8"))
    }

    /// The folder that the entry names; `None` when it names something else.
    pub(crate) fn folder(
        &self,
        target: &Target,
        entry: &Entry,
        visited: &[&str],
    ) -> Result<Option<String>, Fault> {
        let fault = |code, message: String| Fault::new(code, &entry.pointer, message);
        if is_remote(&entry.text) {
            let message =
                format!("`{}` is on another machine; copy it into the repository", entry.text);
            return Err(fault(Code::RemoteResource, message));
        }
        let path = inside(&target.folder, &entry.text, &entry.pointer)?;
        match self.reader.kind(&path) {
            EntryKind::File => Ok(None),
            EntryKind::Absent => {
                let message = format!("`{path}` does not exist");
                Err(fault(Code::FileNotFound, message))
            }
            EntryKind::Symlink => {
                Err(fault(Code::Symlink, format!("`{path}` is or passes a symbolic link")))
            }
            EntryKind::Directory => {
                if visited.iter().any(|visited| tree::is_within(visited, &path)) {
                    let message = format!("`{}` includes the folder that it is in", entry.text);
                    return Err(fault(Code::Cycle, message));
                }
                Ok(Some(path))
            }
        }
    }

    /// A plain file below the kustomization's own folder.
    pub(crate) fn file(
        &self,
        target: &Target,
        text: &str,
        pointer: &str,
    ) -> Result<(String, Vec<u8>), Fault> {
        let path = inside(&target.folder, text, pointer)?;
        if !tree::is_within(&path, &target.folder) {
            let message = format!(
                "`{text}` is outside the kustomization's folder; only folders may be elsewhere"
            );
            return Err(Fault::new(Code::PathOutsideTree, pointer, message));
        }
        match self.reader.read(&path) {
            Ok(bytes) => Ok((path, bytes)),
            Err(missing) => {
                let (code, message) = missing_file(missing, &path);
                Err(Fault::new(code, pointer, message))
            }
        }
    }
}

/// The one document of a file; nothing for an empty file.
fn document(path: &str, text: &str) -> Result<Value, BuildError> {
    if text.starts_with('{')
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(value);
    }
    let mut documents = yaml::documents(path, text)?;
    if documents.len() > 1 {
        let message = "the file must be one document";
        return Err(BuildError::whole(Code::InvalidValue, path, message));
    }
    Ok(documents.pop().unwrap_or_default())
}

fn inside(folder: &str, text: &str, pointer: &str) -> Result<String, Fault> {
    tree::join(folder, text).map_err(|bad| {
        let (code, message) = match bad {
            BadPath::Empty => (Code::InvalidValue, "the path is empty".to_owned()),
            BadPath::Absolute => {
                (Code::PathOutsideTree, format!("`{text}` is absolute; write it from here"))
            }
            BadPath::Outside => (Code::PathOutsideTree, format!("`{text}` leaves the repository")),
            BadPath::Unprintable => {
                (Code::InvalidValue, format!("{text:?} has characters that no path here has"))
            }
        };
        Fault::new(code, pointer, message)
    })
}

fn missing_file(missing: Missing, path: &str) -> (Code, String) {
    match missing {
        Missing::Absent => (Code::FileNotFound, format!("`{path}` does not exist")),
        Missing::Directory => (Code::FileNotFound, format!("`{path}` is a folder, not a file")),
        Missing::Symlink => (Code::Symlink, format!("`{path}` is or passes a symbolic link")),
        Missing::TooMuch => {
            (Code::TooLarge, "the build reads too many files or bytes; split it".to_owned())
        }
    }
}

/// Whether the text is a URL or a Git address.
fn is_remote(text: &str) -> bool {
    text.contains("://")
        || text.contains("?ref=")
        || ["git@", "git::", "github.com/", "github.com:"]
            .iter()
            .any(|start| text.starts_with(start))
}
