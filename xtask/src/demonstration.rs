//! A server whose demonstration was played to its end, for whatever looks at it from outside.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::build;

/// A state that has not come after this long never will.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the demonstration ends with: it rolled back.
const ROLLED_BACK: i32 = 11;

/// The server; it ends and its folder goes when this is dropped.
pub struct Demonstration {
    /// The program.
    pub binary: PathBuf,
    /// Where it answers.
    pub url: String,
    /// The owner's token.
    pub token: String,
    server: Child,
    data: PathBuf,
}

impl Demonstration {
    /// Builds the release binary, starts it, and plays the whole story.
    pub fn played() -> Result<Self> {
        let binary = build::release()?;
        let data = std::env::temp_dir().join(format!("boucle-played-{}", std::process::id()));
        let server = Command::new(&binary)
            .args(["up", "--demo", "--port", "0", "--data"])
            .arg(&data)
            .stdout(Stdio::null())
            .spawn()
            .context("the server cannot be started")?;
        let (url, token) = (String::new(), String::new());
        let mut this = Self { binary, url, token, server, data };
        this.url = wait_for_url(&this.data)?;
        let story = Command::new(&this.binary)
            .args(["demo", "break", "--wait", "--data"])
            .arg(&this.data)
            .stdout(Stdio::null())
            .status();
        let ended = story.context("the demonstration cannot be started")?;
        anyhow::ensure!(ended.code() == Some(ROLLED_BACK), "the demonstration ended with {ended}");
        let token = std::fs::read_to_string(this.data.join("token"));
        this.token = token.context("the server has no token")?.trim().to_owned();
        Ok(this)
    }
}

impl Drop for Demonstration {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

fn wait_for_url(data: &Path) -> Result<String> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Ok(text) = std::fs::read_to_string(data.join("server.json")) {
            let known: serde_json::Value = serde_json::from_str(&text)?;
            return Ok(known["url"].as_str().unwrap_or_default().to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    anyhow::bail!("the server did not start within {} s", PATIENCE.as_secs())
}
