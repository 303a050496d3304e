//! The wishes on disk: one file an object, exactly the manifest that was applied, and one index an
//! application with what the manifests do not say. A file that does not match its index was altered
//! by hand.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ledger::{ApplicationName, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::event::ObjectKey;

const INDEX: &str = "index.json";

/// What is kept of an application besides its manifests.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Index {
    /// The newest generation that was applied.
    pub(crate) newest_generation: u64,
    /// By file name.
    pub(crate) objects: BTreeMap<String, Entry>,
}

/// What is kept of an object besides its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its names.
    pub(crate) key: ObjectKey,
    /// SHA-256 of the file, in hexadecimal digits.
    pub(crate) digest: String,
    /// Grows with each change of the manifest.
    pub(crate) generation: u64,
    /// A name of this life of the object; a new one after a deletion.
    pub(crate) uid: String,
    /// When it was made.
    pub(crate) created_at: Timestamp,
}

/// How far a job has come; kept, because a finished job must not run again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobState {
    /// The object's generation that this is about.
    pub(crate) generation: u64,
    pub(crate) succeeded: u32,
    pub(crate) failed: u32,
    pub(crate) started_at: Timestamp,
    /// Whether it reached its end, and how.
    pub(crate) end: Option<JobEnd>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobEnd {
    pub(crate) complete: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) at: Timestamp,
}

/// The folder that holds all of it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    root: PathBuf,
}

impl Store {
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let root = data.join("desired");
        for folder in [&root, &data.join("jobs")] {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { root })
    }

    pub(crate) fn applications(&self) -> io::Result<Vec<(ApplicationName, Index)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(application) = ApplicationName::new(name) else { continue };
            found.push((application, read_json(&entry.path().join(INDEX))?.unwrap_or_default()));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// The file of an object.
    pub(crate) fn file(&self, application: &ApplicationName, key: &ObjectKey) -> PathBuf {
        self.root.join(application.as_str()).join(file_name(key))
    }

    pub(crate) fn put(
        &self,
        application: &ApplicationName,
        key: &ObjectKey,
        bytes: &[u8],
    ) -> io::Result<()> {
        let file = self.file(application, key);
        if let Some(folder) = file.parent()
            && !folder.exists()
        {
            fs::create_dir_all(folder)?;
            sync_folder(&self.root)?;
        }
        write(&file, bytes)
    }

    pub(crate) fn remove(&self, application: &ApplicationName, key: &ObjectKey) -> io::Result<()> {
        match fs::remove_file(self.file(application, key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(crate) fn put_index(&self, application: &ApplicationName, index: &Index) -> io::Result<()> {
        let folder = self.root.join(application.as_str());
        fs::create_dir_all(&folder)?;
        write(&folder.join(INDEX), &serde_json::to_vec_pretty(index).map_err(io::Error::other)?)
    }

    pub(crate) fn job(
        &self,
        application: &ApplicationName,
        key: &ObjectKey,
    ) -> io::Result<Option<JobState>> {
        read_json(&self.job_file(application, key))
    }

    pub(crate) fn put_job(
        &self,
        application: &ApplicationName,
        key: &ObjectKey,
        state: &JobState,
    ) -> io::Result<()> {
        let bytes = serde_json::to_vec(state).map_err(io::Error::other)?;
        write(&self.job_file(application, key), &bytes)
    }

    pub(crate) fn remove_job(&self, application: &ApplicationName, key: &ObjectKey) {
        // A job that never ran has no file.
        let _ = fs::remove_file(self.job_file(application, key));
    }

    fn job_file(&self, application: &ApplicationName, key: &ObjectKey) -> PathBuf {
        let name = format!("{application}.{}", file_name(key));
        self.root.with_file_name("jobs").join(name)
    }
}

/// The name under which an object is kept; `_` is in no Kubernetes name, so it separates.
pub(crate) fn file_name(key: &ObjectKey) -> String {
    format!("{}_{}_{}.json", key.kind.to_lowercase(), key.namespace, key.name)
}

/// The manifest as it is written.
pub(crate) fn bytes(manifest: &Value) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(manifest).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A file that is not there is `None`; one that cannot be read is an error.
pub(crate) fn read_json<T: DeserializeOwned>(file: &Path) -> io::Result<Option<T>> {
    match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| io::Error::other(format!("{}: {error}", file.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whole or not at all, also after a power loss.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let temporary = file.with_extension("new");
    let result = (|| {
        let mut options = File::options();
        let mut target =
            options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        target.write_all(bytes)?;
        target.sync_all()?;
        fs::rename(&temporary, file)?;
        file.parent().map_or(Ok(()), sync_folder)
    })();
    if result.is_err() {
        // The disk may be full: leave nothing half written.
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
