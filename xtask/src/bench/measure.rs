//! Samples, temporary folders and git, for the measurements.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Measured values of one kind.
#[derive(Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds one.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The largest; infinite when there is none, so that nothing measured passes nothing.
    pub fn max(&self) -> f64 {
        self.0.iter().copied().reduce(f64::max).unwrap_or(f64::INFINITY)
    }

    /// The smallest value that at least `percent` of the samples do not exceed.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::INFINITY)
    }

    /// All of them.
    pub fn json(&self) -> Value {
        json!({"samples_ms": self.0})
    }
}

/// The median of some durations.
pub fn median_ms(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::INFINITY)
}

/// A folder that goes when this is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one in the system's place for such folders.
    pub fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("boucle-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).context("no temporary folder can be made")?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Milliseconds since `start`.
pub fn elapsed_ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

/// Runs git with nobody's settings; gives its output.
pub fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = command(folder).args(arguments).output().context("git cannot be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "git {} failed: {said}", arguments.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// How long a git command takes.
pub fn timed(folder: &Path, arguments: &[&str]) -> Result<f64> {
    let start = Instant::now();
    git(folder, arguments)?;
    Ok(elapsed_ms(start))
}

/// How long a clone takes.
pub fn clone(url: &str, into: &Path) -> Result<f64> {
    let target = into.to_string_lossy();
    timed(Path::new("."), &["clone", "--quiet", "--bare", url, &target])
}

/// A commit that changes one file.
pub fn commit(folder: &Path, round: usize) -> Result<()> {
    std::fs::write(folder.join("round.txt"), format!("{round}\n"))?;
    git(folder, &["add", "--all"])?;
    git(folder, &["commit", "--quiet", "--message", &format!("Round {round}")])?;
    Ok(())
}

/// A repository with about so many objects: three a commit (commit, tree, file).
pub fn repository_of_objects(folder: &Path, objects: usize) -> Result<PathBuf> {
    use std::io::Write;
    std::fs::create_dir_all(folder)?;
    git(folder, &["init", "--quiet", "--initial-branch", "main"])?;
    let mut import = command(folder)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .context("git cannot be started")?;
    let mut input = import.stdin.take().context("git has no input")?;
    for number in 0..objects / 3 {
        let text =
            format!("content of version {number}\n{}\n", "line of text\n".repeat(number % 40));
        let message = format!("Version {number}");
        write!(
            input,
            "commit refs/heads/main\ncommitter bench <bench@localhost> {} +0000\ndata {}\n{message}\n\
             M 100644 inline file-{}.txt\ndata {}\n{text}\n",
            1_700_000_000 + number,
            message.len(),
            number % 200,
            text.len()
        )?;
    }
    drop(input);
    anyhow::ensure!(import.wait()?.success(), "git fast-import failed");
    git(folder, &["reset", "--quiet", "--hard", "main"])?;
    Ok(folder.to_path_buf())
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .envs([("GIT_AUTHOR_NAME", "bench"), ("GIT_COMMITTER_NAME", "bench")])
        .envs([
            ("GIT_AUTHOR_EMAIL", "bench@localhost"),
            ("GIT_COMMITTER_EMAIL", "bench@localhost"),
        ]);
    command
}
