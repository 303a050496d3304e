//! Whatever renders by a program of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sandbox::Launcher;
use tokio::runtime::Handle;

use crate::helm::Helm;
use crate::outputs::Outputs;
use crate::plugin::Plugins;
use crate::process::{RenderLimits, Workshop};

/// The programs of this machine.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    /// `helm`; `None`: there is none, and charts are refused.
    pub helm: Option<PathBuf>,
    /// The program that calls [`jsonnet_main`](crate::jsonnet_main).
    pub jsonnet: PathBuf,
    /// What the operator named as renderers, by name.
    pub plugins: BTreeMap<String, PathBuf>,
}

/// The programs, and the place where they run.
#[derive(Debug)]
pub struct Renderers {
    pub(crate) workshop: Workshop,
    pub(crate) helm: Helm,
    pub(crate) jsonnet: PathBuf,
    pub(crate) plugins: Plugins,
}

impl Renderers {
    /// Prepares; nothing runs before the first source that needs it.
    #[must_use]
    pub fn new(programs: Programs, launcher: Launcher, runtime: Handle) -> Self {
        Self {
            workshop: Workshop::new(launcher, runtime),
            helm: Helm::new(programs.helm),
            jsonnet: programs.jsonnet,
            plugins: Plugins::new(programs.plugins),
        }
    }

    /// Keeps what was printed in a folder, also for the next start: a chart that makes up passwords
    /// gives the same ones until it or its values change.
    #[must_use]
    pub fn keeping_in(mut self, folder: PathBuf) -> Self {
        self.workshop.outputs = Some(Outputs::in_folder(folder));
        self
    }

    /// With other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: RenderLimits) -> Self {
        self.workshop.limits = limits;
        self
    }

    /// The first `helm` of a `PATH`.
    #[must_use]
    pub fn helm_on_path(path: &std::ffi::OsStr) -> Option<PathBuf> {
        std::env::split_paths(path).map(|folder| folder.join("helm")).find(|file| file.is_file())
    }
}
