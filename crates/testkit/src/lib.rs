//! Fixtures for tests: a `git` that no machine's settings reach, a real Kubernetes, a
//! judge of registries, and folders
//! that clean up.

pub mod distribution;
pub mod kubernetes;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

pub use kubernetes::{
    PrivateCluster, TestCluster, cluster, cluster_with_node, private_cluster, private_cluster_with,
};

/// The real `git` in one folder, with a fixed person and time and without anybody's settings.
#[derive(Debug, Clone)]
pub struct Git {
    folder: PathBuf,
    configuration: Vec<(String, String)>,
}

/// What a run of `git` gave.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Whether it ended with 0.
    pub success: bool,
    /// What it printed, without the last line's end.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Git {
    /// `git` in this folder; the folder need not be a repository yet.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), configuration: Vec::new() }
    }

    /// A new repository with the branch `main` in this folder, which is made when it is not there.
    pub fn init(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let git = Self::new(folder);
        git.run(&["init", "-q", "-b", "main"])?;
        Ok(git)
    }

    /// The same, with one more setting for each run, as `git -c key=value`.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.configuration.push((key.into(), value.into()));
        self
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command with the fixed surroundings; the caller adds arguments.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let fixed = [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_AUTHOR_NAME", "Author"),
            ("GIT_AUTHOR_EMAIL", "author@example.test"),
            ("GIT_AUTHOR_DATE", "2026-01-02T03:04:05+00:00"),
            ("GIT_COMMITTER_NAME", "Committer"),
            ("GIT_COMMITTER_EMAIL", "committer@example.test"),
            ("GIT_COMMITTER_DATE", "2026-01-02T03:04:05+00:00"),
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
        ];
        command.envs(fixed);
        for (key, value) in &self.configuration {
            command.arg("-c").arg(format!("{key}={value}"));
        }
        command
    }

    /// Runs `git` and gives what it printed; an end other than 0 is an error with its complaint.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String> {
        let ran = self.try_run(arguments)?;
        if !ran.success {
            let shown: Vec<_> = arguments.iter().map(|a| a.as_ref().to_string_lossy()).collect();
            bail!("git {} failed: {}", shown.join(" "), ran.stderr.trim());
        }
        Ok(ran.stdout)
    }

    /// Runs `git` and gives how it ended.
    pub fn try_run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Ran> {
        let mut command = self.command();
        let output = command.args(arguments).stdin(Stdio::null()).output().context("run git")?;
        Ok(ran(&output))
    }

    /// Writes a file, making its folders.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let full = self.folder.join(path);
        if let Some(parent) = full.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("make {}", parent.display()))?;
        }
        std::fs::write(&full, content).with_context(|| format!("write {}", full.display()))
    }

    /// Writes the files, commits everything and gives the commit's id.
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) -> Result<String> {
        for (path, content) in files {
            self.write(path, content)?;
        }
        self.run(&["add", "-A"])?;
        self.run(&["commit", "-q", "--allow-empty", "-m", message])?;
        self.head()
    }

    /// The commit that is checked out.
    pub fn head(&self) -> Result<String> {
        self.run(&["rev-parse", "HEAD"])
    }
}

/// A folder that is removed when the value is dropped.
///
/// # Panics
/// When the system's folder for temporary files cannot be written.
#[must_use]
pub fn temporary_folder() -> tempfile::TempDir {
    match tempfile::Builder::new().prefix("boucle-test-").tempdir() {
        Ok(folder) => folder,
        Err(error) => panic!("a temporary folder cannot be made: {error}"),
    }
}

fn ran(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    Ran {
        success: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}
