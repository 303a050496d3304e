//! The page: builds it, checks it, and drives it in a real browser.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::build;

/// A state that has not come after this long never will.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether Node's package manager is here.
pub fn is_possible() -> bool {
    Command::new("npm").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Builds the page into `web/dist/page`, from where the next build of the binary takes it.
pub fn build_page() -> Result<bool> {
    install()?;
    npm(&["run", "--silent", "build"])
}

/// Lints, type checks, tests and weighs the page.
pub fn check() -> Result<bool> {
    install()?;
    Ok(npm(&["run", "--silent", "check"])?
        && npm(&["run", "--silent", "test"])?
        && npm(&["run", "--silent", "build"])?
        && npm(&["run", "--silent", "size"])?)
}

/// Plays the demonstration's whole story, then visits every screen in Chromium with axe and plays what
/// people do there: both themes, both languages, wide and narrow, once by keyboard alone.
pub fn drive(screens: &Path) -> Result<bool> {
    anyhow::ensure!(build_page()?, "the page does not build");
    let binary = build::release()?;
    let data = std::env::temp_dir().join(format!("boucle-e2e-{}", std::process::id()));
    let server = Command::new(&binary)
        .args(["up", "--demo", "--port", "0", "--data"])
        .arg(&data)
        .stdout(Stdio::null())
        .spawn()
        .context("the server cannot be started")?;
    let server = Running(server, data.clone());
    let url = wait_for_url(&data)?;
    let story = Command::new(&binary)
        .args(["demo", "break", "--wait", "--data"])
        .arg(&data)
        .stdout(Stdio::null())
        .status();
    let ended = story.context("the demonstration cannot be started")?;
    anyhow::ensure!(ended.code() == Some(11), "the demonstration ended with {ended}");
    let token = std::fs::read_to_string(data.join("token")).context("the server has no token")?;
    let in_chromium = |script: &str| {
        let status = Command::new("npm")
            .args(["run", "--silent", script])
            .current_dir(folder())
            .env("BOUCLE_URL", &url)
            .env("BOUCLE_TOKEN", token.trim())
            .env("SCREENS", screens)
            .status();
        status.map(|status| status.success()).context("npm cannot be started")
    };
    // The flows decide things, so they come last.
    let well = in_chromium("screens")? && in_chromium("flows")?;
    drop(server);
    Ok(well)
}

/// A server of one's own; it ends and its folder goes when this is dropped.
struct Running(Child, std::path::PathBuf);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        let _ = std::fs::remove_dir_all(&self.1);
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

/// Installs what the lock file names, once for each state of it, without running its scripts.
fn install() -> Result<()> {
    let installed = folder().join("node_modules/.package-lock.json");
    let age = |path: &Path| std::fs::metadata(path).and_then(|data| data.modified()).ok();
    let fresh = age(&installed) >= age(&folder().join("package-lock.json"));
    if fresh && installed.exists() {
        return Ok(());
    }
    anyhow::ensure!(npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?, "npm ci failed");
    Ok(())
}

fn folder() -> std::path::PathBuf {
    build::root().join("web")
}

fn npm(arguments: &[&str]) -> Result<bool> {
    let status = Command::new("npm").args(arguments).current_dir(folder()).status();
    Ok(status.context("npm cannot be started; install Node 20 with npm")?.success())
}
