//! Runs the real kustomize over the engine's cases and compares, or writes, what it says.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};

/// The version whose output the cases hold.
const VERSION: &str = "v5.7.1";

/// Runs the program at `kustomize` over every folder of `cases`: `in/overlay` (or `in`) is built
/// and compared with `expected.yaml`; with `expected.error` the program must refuse as well. With
/// `write`, `expected.yaml` is written instead.
pub fn run(kustomize: &Path, cases: &Path, write: bool) -> anyhow::Result<()> {
    let version = Command::new(kustomize).arg("version").output();
    let version = version.with_context(|| format!("failed to start {}", kustomize.display()))?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    ensure!(
        version == VERSION || version == "(devel)",
        "the cases are those of kustomize {VERSION}, but this is {version}"
    );
    let mut folders: Vec<_> = fs::read_dir(cases)
        .with_context(|| format!("failed to read {}", cases.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    folders.sort();
    let mut wrong = Vec::new();
    for folder in folders.iter().filter(|folder| folder.join("in").is_dir()) {
        if let Some(reason) = compare(kustomize, folder, write)? {
            wrong.push(format!("{}: {reason}", folder.display()));
        }
    }
    if !wrong.is_empty() {
        bail!("{} of {} cases differ:\n{}", wrong.len(), folders.len(), wrong.join("\n"));
    }
    Ok(())
}

/// Why a case differs; `None` when it does not.
fn compare(kustomize: &Path, case: &Path, write: bool) -> anyhow::Result<Option<String>> {
    let input = case.join("in");
    let overlay = input.join("overlay");
    let root = if overlay.is_dir() { overlay } else { input };
    let output = Command::new(kustomize).arg("build").arg(&root).output()?;
    let expected = case.join("expected.yaml");
    let is_refused = case.join("expected.error").is_file();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Ok((!is_refused).then(|| format!("the program refuses it: {said}")));
    }
    if is_refused {
        return Ok(Some("the program builds it, but the case says that it is refused".into()));
    }
    if write {
        fs::write(&expected, &output.stdout)?;
        return Ok(None);
    }
    let same = fs::read(&expected).is_ok_and(|text| text == output.stdout);
    Ok((!same).then(|| "expected.yaml is not what the program prints".into()))
}
