//! The conformance program of the OCI distribution specification, run against a registry on this machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::kubernetes::programs::Program;

/// With what is in the specification's main branch beside the last release.
const VERSION: &str = "dev";

/// What the program found, by what was asked for: `Pass`, `FAIL`, `Error`, `Skip`, `Disabled`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Found {
    /// The requests: `Blob chunked`.
    pub apis: BTreeMap<String, String>,
    /// The contents: `Nested Index`.
    pub data: BTreeMap<String, String>,
}

impl Found {
    /// All of both.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let both = self.apis.iter().chain(&self.data);
        both.map(|(name, outcome)| (name.as_str(), outcome.as_str()))
    }
}

/// Runs the program, which is built first when it was not. The registry at `host` (`127.0.0.1:80`)
/// has two images that nothing was pushed to; the report of each request is in `folder`.
pub fn conformance(host: &str, password: &str, images: [&str; 2], folder: &Path) -> Result<Found> {
    let program = Program::Distribution.find_or_build()?;
    // It fails where a case does; what it found says which.
    Command::new(program)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .envs([
            ("OCI_VERSION", VERSION),
            ("OCI_REGISTRY", host),
            ("OCI_TLS", "disabled"),
            ("OCI_USERNAME", "conformance"),
            ("OCI_PASSWORD", password),
            ("OCI_REPO1", images[0]),
            ("OCI_REPO2", images[1]),
        ])
        .env("OCI_RESULTS_DIR", folder)
        .status()
        .context("the conformance program cannot be started")?;
    let file = folder.join("results.yaml");
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("the conformance program left no {}", file.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("read {}", file.display()))
}
