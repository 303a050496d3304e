//! The registry, judged by the specification's own program.

use anyhow::{Context as _, Result};

use super::{DISTRIBUTION, Outcome, Suite};
use crate::bench::measure::Scratch;
use crate::bench::server::Server;

const IMAGES: [&str; 2] = ["conformance/one", "conformance/two"];

/// Starts a server and lets the program push to it, pull from it and delete.
pub(super) fn judge() -> Result<Suite> {
    let binary = crate::build::binary()?;
    let scratch = Scratch::new()?;
    let server = Server::start(&binary, &scratch.path().join("data"), false)?;
    for image in IMAGES {
        server.create_repository(image)?;
    }
    let url = server.url()?;
    let host = url.strip_prefix("http://").context("the server's address is no HTTP address")?;
    let results = scratch.path().join("results");
    std::fs::create_dir(&results)?;
    let host = host.trim_end_matches('/');
    let found = testkit::distribution::conformance(host, &server.token(), IMAGES, &results)?;
    let mut suite = Suite::named(DISTRIBUTION.to_owned());
    for (name, outcome) in found.all() {
        let outcome = match outcome {
            "Pass" => Outcome::Passed,
            // What the specification leaves to a registry, and what the program does not ask for.
            "Skip" | "Disabled" => Outcome::Unsupported,
            failed => Outcome::Failed(failed.to_owned()),
        };
        suite.record(name, outcome);
    }
    Ok(suite)
}
