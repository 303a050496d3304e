//! What to run and inside what: the whole order that goes to the helper, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::protections::Protection;

/// One program and the place that it runs in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The program: an absolute path inside, or a bare name that is looked up in the spec's `PATH`.
    pub program: PathBuf,
    /// Its arguments, without the program's name.
    pub arguments: Vec<String>,
    /// Its whole environment; nothing of the caller's own environment is added.
    pub environment: BTreeMap<String, String>,
    /// Where it starts, as a path inside.
    pub working_directory: PathBuf,
    /// The file that is its standard input, as an absolute path inside; `None`: there is nothing to
    /// read.
    #[serde(default)]
    pub input: Option<PathBuf>,
    /// What `/` is.
    pub root: Root,
    /// Overlays placed over the root, before the binds.
    #[serde(default)]
    pub overlays: Vec<Overlay>,
    /// Files and folders of the machine placed over the root, in this order.
    #[serde(default)]
    pub binds: Vec<Bind>,
    /// Which network it sees.
    pub network: Network,
    /// What it may use up.
    #[serde(default)]
    pub limits: Limits,
    /// Its host name.
    pub hostname: String,
    /// Protections without which the program must not start: [`SpawnError::Refused`](crate::SpawnError::Refused).
    #[serde(default)]
    pub require: BTreeSet<Protection>,
}

impl Spec {
    /// The program alone: system folders read-only, own `/tmp` and `/home`, no network, no limits.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            working_directory: PathBuf::from("/"),
            input: None,
            root: Root::System,
            overlays: Vec::new(),
            binds: Vec::new(),
            network: Network::Isolated,
            limits: Limits::default(),
            hostname: "sandbox".to_owned(),
            require: BTreeSet::new(),
        }
    }
}

/// What `/` is inside. In every form `/tmp`, `/home`, `/root`, `/dev` and `/proc` are private.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Root {
    /// The machine's system folders (`/usr`, `/bin`, `/lib*`, a minimal `/etc`), read-only.
    System,
    /// An unpacked image, read-only, laid over the machine's system folders.
    Image {
        /// The folder that holds the image's root.
        folder: PathBuf,
    },
    /// A complete root file system: lower folders (the first is on top) under a writable one.
    Overlay {
        /// Read-only layers, the topmost first.
        lower: Vec<PathBuf>,
        /// Where changes go.
        upper: PathBuf,
        /// An empty folder on the same file system as `upper`.
        work: PathBuf,
    },
}

/// A writable view of read-only folders, placed at `target`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overlay {
    /// Read-only layers, the topmost first.
    pub lower: Vec<PathBuf>,
    /// Where changes go.
    pub upper: PathBuf,
    /// An empty folder on the same file system as `upper`.
    pub work: PathBuf,
    /// The absolute path inside.
    pub target: PathBuf,
}

/// A file or folder of the machine that is visible inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bind {
    /// On the machine; symbolic links are followed once, at the start.
    pub source: PathBuf,
    /// The absolute path inside; none of its parents may be a symbolic link.
    pub target: PathBuf,
    /// Whether changes inside change the source.
    pub writable: bool,
}

impl Bind {
    /// Visible inside at the same path, read-only.
    #[must_use]
    pub fn read_only(path: impl Into<PathBuf>) -> Self {
        let source = path.into();
        Self { target: source.clone(), source, writable: false }
    }
}

/// Which network the program sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// A loopback interface of its own and nothing else.
    Isolated,
    /// The machine's network.
    Host,
}

/// What the program and all its children may use up together. `None`: as the caller itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Resident memory of the whole tree; by cgroup, else the data segment of each process.
    pub memory_bytes: Option<u64>,
    /// Processes and threads of the whole tree.
    pub processes: Option<u64>,
    /// Open files of each process.
    pub open_files: Option<u64>,
    /// Processor share of the whole tree, in thousandths of one core.
    pub cpu_millicores: Option<u64>,
    /// Processor time of each process.
    pub cpu_seconds: Option<u64>,
    /// Size of any file written.
    pub file_bytes: Option<u64>,
}
