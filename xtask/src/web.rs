//! The page: builds it, checks it, and drives it in a real browser.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::build;
use crate::demonstration::Demonstration;

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
/// people do there: both themes, both languages, wide and narrow, once by keyboard alone; passkeys on
/// servers of their own; last, what they should not have to fear.
pub fn drive(screens: &Path) -> Result<bool> {
    anyhow::ensure!(build_page()?, "the page does not build");
    let played = Demonstration::played()?;
    let in_chromium = |script: &str| {
        let status = Command::new("npm")
            .args(["run", "--silent", script])
            .current_dir(folder())
            .env("BOUCLE_URL", &played.url)
            .env("BOUCLE_TOKEN", &played.token)
            .env("BOUCLE_BINARY", &played.binary)
            .env("SCREENS", screens)
            .status();
        status.map(|status| status.success()).context("npm cannot be started")
    };
    // The flows decide things, and bad input leaves its repositories behind.
    Ok(in_chromium("screens")?
        && in_chromium("passkeys")?
        && in_chromium("flows")?
        && in_chromium("bad-input")?)
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
