//! Calls cargo for the commands that build, check and test.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

/// How the test cluster's kubeconfig calls it.
const CONTEXT: &str = "boucle-test";

/// The project's root.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Builds the release binary.
pub fn release() -> Result<PathBuf> {
    let built = cargo(&["build", "--release", "--package", "boucle"]).status();
    anyhow::ensure!(built.context("cargo cannot be started")?.success(), "the build failed");
    Ok(target().join("release/boucle"))
}

/// The binary that `BOUCLE_BINARY` names, or else the release.
pub fn binary() -> Result<PathBuf> {
    match std::env::var_os("BOUCLE_BINARY") {
        Some(known) => Ok(PathBuf::from(known)),
        None => release(),
    }
}

/// Builds and starts the demonstration; this process becomes the server. The cluster stays until
/// `cargo xtask cluster down --node`.
pub fn demo(kubernetes: bool, mut arguments: Vec<String>) -> Result<bool> {
    use std::os::unix::process::CommandExt;
    if crate::web::is_possible() {
        anyhow::ensure!(crate::web::build_page()?, "the page does not build");
    } else {
        println!("npm is not installed: the binary gets the plain page instead of the whole one");
    }
    let binary = release()?;
    if kubernetes {
        let plane = testkit::kubernetes::shared_plane_with_node()?;
        let (state, _) = plane.up_with_node()?;
        plane.stay()?;
        let kubeconfig = state.kubeconfig.display().to_string();
        println!("Kubernetes {} with a real node: export KUBECONFIG={kubeconfig}", state.version);
        let placed = ["--kubeconfig", &kubeconfig, "--demo-cluster", CONTEXT];
        arguments.extend(placed.map(str::to_owned));
    }
    let error = Command::new(&binary).args(["up", "--demo"]).args(arguments).exec();
    Err(error).with_context(|| format!("{} cannot be started", binary.display()))
}

/// Every test, with the runner's own closing line.
pub fn test() -> Result<bool> {
    // One for all test programs; it is built first when it was not, and ends with this process.
    testkit::kubernetes::shared_state()?;
    succeeds(cargo(&["test", "--workspace", "--no-fail-fast"]))
}

/// Whether the sources are formatted.
pub fn format_check() -> Result<bool> {
    succeeds(cargo(&["fmt", "--all", "--check"]))
}

/// Whether the linter has nothing to say.
pub fn clippy() -> Result<bool> {
    succeeds(cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
}

/// Whether the documentation builds without a broken link.
pub fn documentation() -> Result<bool> {
    let mut command =
        cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
    // Private items are documented here, so a link to one is not broken.
    command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    succeeds(command)
}

/// Licences, bans and sources by `cargo deny`, where it is installed.
pub fn licences() -> Result<bool> {
    if Command::new("cargo-deny").arg("--version").output().is_err() {
        println!("cargo-deny is not installed; install it with `cargo install cargo-deny`");
        return Ok(true);
    }
    succeeds(cargo(&["deny", "check", "licenses", "bans", "sources"]))
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    // Build scripts watch these; what cargo said of this program would make them run again.
    let of_this_program =
        |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_this_program) {
            command.env_remove(name);
        }
    }
    command
}

fn succeeds(mut command: Command) -> Result<bool> {
    Ok(command.status().context("the program cannot be started")?.success())
}
