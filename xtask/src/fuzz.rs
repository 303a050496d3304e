//! Asks the interface what its OpenAPI document allows and what it does not, in thousands of cases:
//! whatever is asked, the server must answer without an error of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::build;
use crate::demonstration::Demonstration;

/// The version that the configuration was written for.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// A stream never ends, so a case of it would wait for nothing.
const STREAM: &str = "/api/v1/events";

/// Runs Schemathesis over a server whose demonstration was played; false when it found something.
pub fn run(cases: u32, seed: u64) -> Result<bool> {
    let program = installed()?;
    let played = Demonstration::played()?;
    let status = Command::new(program)
        .arg("--config-file")
        .arg(build::root().join("xtask/schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/api/v1/openapi.json", played.url))
        .args(["--url", &played.url, "--exclude-path", STREAM])
        .args(["--checks", "not_a_server_error", "--request-timeout", "15"])
        .args(["--max-examples", &cases.to_string(), "--seed", &seed.to_string()])
        .args(["--header", &format!("Authorization: Bearer {}", played.token)])
        .current_dir(std::env::temp_dir())
        .status();
    Ok(status.context("Schemathesis cannot be started")?.success())
}

/// Installs it from PyPI into a folder of its own, once for each version.
fn installed() -> Result<PathBuf> {
    let folder = build::target().join(SCHEMATHESIS.replace("==", "-"));
    let program = folder.join("bin/schemathesis");
    if program.exists() {
        return Ok(program);
    }
    python(Path::new("python3"), &["-m", "venv", &folder.to_string_lossy()])?;
    python(&folder.join("bin/python"), &["-m", "pip", "install", "--quiet", SCHEMATHESIS])?;
    Ok(program)
}

fn python(program: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program).args(arguments).status();
    let status = status.context("Python cannot be started; install python3 with venv")?;
    anyhow::ensure!(status.success(), "python {} failed", arguments.join(" "));
    Ok(())
}
