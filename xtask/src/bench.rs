//! Measures the loop beside its floor, in one run: `cargo xtask bench loop`; the page: `bench web`; a
//! cluster: `bench kubernetes`; runs and the registry: `bench pipelines`.
//!
//! Times on the server come from the facts' own clock; times of a client are of whole commands. The
//! floor of push and clone is `git http-backend` behind the plainest server, on the same files.

mod cgi;
pub mod kubernetes;
pub mod measure;
pub mod pipelines;
pub mod server;
pub mod web;

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use measure::{Samples, median_ms};
use server::Server;

/// How often push and clone are repeated, alternating with the floor.
const ROUNDS: usize = 7;
/// How many pushes the latency of a first log byte is taken from.
const RUNS: usize = 20;
/// How many merges the latency of a new replica is taken from.
const MERGES: usize = 10;

/// Measures everything and prints it; false when a limit is missed.
pub fn run(as_json: bool) -> Result<bool> {
    let binary = crate::build::release()?;
    let folder = measure::Scratch::new()?;
    let mut results = Vec::new();
    start_and_idle(&binary, folder.path(), &mut results)?;
    push_and_clone(&binary, folder.path(), &mut results)?;
    latencies(&binary, folder.path(), &mut results)?;
    one_of_many(&binary, folder.path(), &mut results)?;
    report(&results, as_json)
}

/// Prints results; false when a limit is missed. Nothing measured misses its limit.
fn report(results: &[Value], as_json: bool) -> Result<bool> {
    let good = !results.is_empty() && results.iter().all(|result| result["passed"] == true);
    if as_json {
        println!("{}", serde_json::to_string_pretty(&json!({"passed": good, "results": results}))?);
        return Ok(good);
    }
    println!("{:<52} {:>12} {:>12}  ", "measured", "value", "limit");
    for result in results {
        let mark = if result["passed"] == true { "ok" } else { "MISSED" };
        // JSON knows no infinity: what could not be measured has no value.
        let value = result["value"].as_f64().unwrap_or(f64::INFINITY);
        println!(
            "{:<52} {value:>12.2} {:>12.2}  {} {mark}",
            result["name"].as_str().unwrap_or_default(),
            result["limit"].as_f64().unwrap_or_default(),
            result["unit"].as_str().unwrap_or_default(),
        );
        if let Some(problem) = result["details"]["problem"].as_str() {
            println!("    {problem}");
        }
    }
    Ok(good)
}

fn result(name: &str, value: f64, limit: f64, unit: &str, details: Value) -> Value {
    let passed = value.is_finite() && value <= limit;
    json!({"name": name, "value": value, "limit": limit, "unit": unit, "passed": passed,
        "details": details})
}

fn start_and_idle(binary: &Path, folder: &Path, results: &mut Vec<Value>) -> Result<()> {
    let mut starts = Samples::default();
    let mut memory_mib = 0.0;
    for round in 0..5 {
        let server = Server::start(binary, &folder.join(format!("start-{round}")), false)?;
        starts.add(server.ready_ms);
        memory_mib = server.resident_mib_when_calm()?;
    }
    results.push(result(
        "process start to ready, worst",
        starts.max(),
        2000.0,
        "ms",
        starts.json(),
    ));
    results.push(result("idle memory", memory_mib, 80.0, "MiB", Value::Null));
    Ok(())
}

fn push_and_clone(binary: &Path, folder: &Path, results: &mut Vec<Value>) -> Result<()> {
    let source = measure::repository_of_objects(&folder.join("source"), 10_000)?;
    let server = Server::start(binary, &folder.join("git"), false)?;
    let ours = server.create_repository("bench/git")?;
    measure::git(&source, &["push", "--quiet", &server.with_token(&ours), "main:refs/heads/main"])?;
    let floor = cgi::Backend::start(&source)?;
    let (mut our_clones, mut floor_clones) = (Vec::new(), Vec::new());
    let (mut our_pushes, mut floor_pushes) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let clone = folder.join(format!("clone-{round}"));
        our_clones.push(measure::clone(&server.with_token(&ours), &clone)?);
        floor_clones.push(measure::clone(&floor.url(), &folder.join(format!("floor-{round}")))?);
        let branch = format!("HEAD:refs/heads/round-{round}");
        measure::commit(&source, round)?;
        our_pushes.push(measure::timed(
            &source,
            &["push", "--quiet", &server.with_token(&ours), &branch],
        )?);
        floor_pushes.push(measure::timed(&source, &["push", "--quiet", &floor.url(), &branch])?);
    }
    for (name, ours, floor) in [
        ("clone of 10,000 objects / git http-backend", our_clones, floor_clones),
        ("push of one commit / git http-backend", our_pushes, floor_pushes),
    ] {
        let (ours_ms, floor_ms) = (median_ms(&ours), median_ms(&floor));
        let details = json!({"ours_median_ms": ours_ms, "floor_median_ms": floor_ms});
        results.push(result(name, ours_ms / floor_ms, 1.3, "×", details));
    }
    Ok(())
}

fn latencies(binary: &Path, folder: &Path, results: &mut Vec<Value>) -> Result<()> {
    let server = Server::start(binary, &folder.join("latency"), true)?;
    let first_byte = server.first_log_bytes(&folder.join("runs"), RUNS)?;
    let name = "push accepted to first log byte, p99";
    results.push(result(name, first_byte.percentile(99), 100.0, "ms", first_byte.json()));
    let ready = server.merges_to_ready(&folder.join("merges"), MERGES)?;
    results.push(result(
        "merge to new replica ready, p95",
        ready.percentile(95),
        1000.0,
        "ms",
        ready.json(),
    ));
    Ok(())
}

fn one_of_many(binary: &Path, folder: &Path, results: &mut Vec<Value>) -> Result<()> {
    let server = Server::start(binary, &folder.join("many"), false)?;
    let (apply, touched) = server.one_of_hundred(&folder.join("hundred"))?;
    results.push(result("one of 100 applications, push to apply", apply, 300.0, "ms", Value::Null));
    results.push(result("applications rendered for it", touched, 1.0, "", Value::Null));
    Ok(())
}
