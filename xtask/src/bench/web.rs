//! Measures the page in a real browser: `cargo xtask bench web`.
//!
//! What the page shows is made here, by pushes and commands as people make it; what it costs is
//! measured by `web/bench`, which drives Chromium.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::measure::{self, elapsed_ms, git};
use super::server::Server;

/// Each changed line is one that goes and one that comes.
const CHANGED_LINES: usize = 10_000;
const LOG_LINES: usize = 1_000_000;
/// Names a binary that is measured instead of one that is built.
const BINARY: &str = "BOUCLE_BINARY";

const BUSY: &str = "bench/busy";
const WORKFLOW: &str = ".github/workflows/work.yaml";
const COUNT: &str =
    "on: push\njobs:\n  count:\n    runs-on: boucle\n    steps:\n      - run: seq 1 1000000\n";
const WORK: &str = "on: workflow_dispatch\njobs:\n  work:\n    runs-on: boucle\n    steps:\n      - run: echo busy\n";

/// How much is made and how long it is watched.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Applications beside which the page is measured.
    pub applications: usize,
    /// How long the memory is watched.
    pub minutes: u64,
}

/// Measures everything and prints it; false when a limit is missed.
pub fn run(as_json: bool, size: Size) -> Result<bool> {
    let binary = binary()?;
    let folder = measure::Scratch::new()?;
    let server = Server::start(&binary, &folder.path().join("web"), true)?;
    server.wait_for_demonstration()?;
    // Once as a newcomer has it, and with everything else beside much.
    let mut results = in_chromium(&server, &json!({"applications": 0}), &["first-load"])?;
    let world = make_world(&server, folder.path(), size)?;
    results.extend(in_chromium(&server, &world, &[])?);
    super::report(&results, as_json)
}

fn binary() -> Result<PathBuf> {
    if let Some(known) = std::env::var_os(BINARY) {
        return Ok(known.into());
    }
    anyhow::ensure!(crate::web::build_page()?, "the page does not build");
    crate::build::release()
}

fn make_world(server: &Server, folder: &Path, size: Size) -> Result<Value> {
    let Size { applications, minutes } = size;
    let log = long_log(server, &folder.join("long"))?;
    let difference = long_difference(server, &folder.join("large"))?;
    workflow(server, &folder.join("busy"), BUSY, WORK)?;
    eprintln!("taking in {applications} applications");
    let taken_in = Instant::now();
    server.many_applications(&folder.join("many"), applications)?;
    let seconds = elapsed_ms(taken_in) / 1000.0;
    eprintln!("{applications} applications were taken in after {seconds:.0} s");
    Ok(json!({
        "applications": applications,
        "difference": difference,
        "differenceLines": 2 * CHANGED_LINES,
        "log": log,
        "logLines": LOG_LINES,
        "busy": BUSY,
        "workflow": WORKFLOW,
        "minutes": minutes,
    }))
}

/// A run whose job printed many lines; its address.
fn long_log(server: &Server, folder: &Path) -> Result<String> {
    workflow(server, folder, "bench/long", COUNT)?;
    let run = server.ended_run("bench/long")?;
    Ok(format!("/runs/{run}?job=count"))
}

/// A repository with one workflow.
fn workflow(server: &Server, folder: &Path, name: &str, text: &str) -> Result<()> {
    let url = server.with_token(&server.create_repository(name)?);
    std::fs::create_dir_all(folder.join(".github/workflows"))?;
    std::fs::write(folder.join(WORKFLOW), text)?;
    git(folder, &["init", "--quiet", "--initial-branch", "main"])?;
    measure::commit(folder, 0)?;
    git(folder, &["push", "--quiet", &url, "main"])?;
    Ok(())
}

/// A pull request that changes every line of a long file; its address.
fn long_difference(server: &Server, folder: &Path) -> Result<String> {
    let url = server.with_token(&server.create_repository("bench/large")?);
    std::fs::create_dir_all(folder)?;
    git(folder, &["init", "--quiet", "--initial-branch", "main"])?;
    for (round, word) in ["name", "title"].into_iter().enumerate() {
        let line =
            |row| format!("const ROW_{row}: (&str, u32) = (\"{word} of row {row}\", {row});\n");
        std::fs::write(folder.join("rows.rs"), (0..CHANGED_LINES).map(line).collect::<String>())?;
        measure::commit(folder, round)?;
        let target = if round == 0 { "main" } else { "change" };
        git(folder, &["push", "--quiet", &url, &format!("HEAD:refs/heads/{target}")])?;
    }
    let number = server.open_pull_request("bench/large", "change")?;
    Ok(format!("/repositories/bench/large/pull-requests/{number}"))
}

/// Measures what is named, or everything.
fn in_chromium(server: &Server, world: &Value, measures: &[&str]) -> Result<Vec<Value>> {
    let output = Command::new("npm")
        .args(["run", "--silent", "bench", "--"])
        .args(measures)
        .current_dir(crate::build::root().join("web"))
        .env("BOUCLE_URL", server.url()?)
        .env("BOUCLE_TOKEN", server.token())
        .env("BOUCLE_WORLD", world.to_string())
        .stderr(Stdio::inherit())
        .output()
        .context("npm cannot be started; install Node 20 with npm")?;
    anyhow::ensure!(output.status.success(), "the measurement ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("the measurement gave no JSON")
}
