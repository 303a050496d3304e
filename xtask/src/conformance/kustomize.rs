//! What kustomizations render to, judged by what the real program printed, or prints.
//!
//! A case is a folder with `in` (built at `in/overlay` when there is one) and `expected.yaml` or
//! `expected.error`, or a folder with a kustomization beside one of these. What has no expectation
//! is judged by the program itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use kustomize::{BuildError, Code, EntryKind, FILE_NAMES, Tree};
use serde_json::Value as Json;
use testkit::kubernetes::programs::Program;

use super::{Outcome, Suite};

/// Judges every case, at any depth.
pub fn judge(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new(folder);
    for case in cases(folder)? {
        let name = case.folder.strip_prefix(folder).unwrap_or(&case.folder).display().to_string();
        suite.record(&name, case.judge().with_context(|| format!("case {name}"))?);
    }
    if suite.total == 0 {
        bail!("no test data in {}", folder.display());
    }
    Ok(suite)
}

/// One case.
#[derive(Debug)]
struct Case {
    folder: PathBuf,
    /// Nothing outside of it can be reached.
    tree: PathBuf,
    /// The kustomization below the tree; empty for the tree itself.
    root: String,
}

/// What the real program does with a case.
#[derive(Debug)]
enum Expected {
    Objects(Vec<Json>),
    Refusal,
}

impl Case {
    fn judge(&self) -> Result<Outcome> {
        let built = kustomize::build(&Disk(&self.tree), &self.root);
        let expected = self.expected()?;
        Ok(match (built, expected) {
            (Err(_), Expected::Refusal) => Outcome::Passed,
            (Ok(_), Expected::Refusal) => Outcome::Failed("built, but should be refused".into()),
            (Err(error), Expected::Objects(_)) if is_unsupported(&error) => Outcome::Unsupported,
            (Err(error), Expected::Objects(_)) => Outcome::Failed(format!("refused: {error}")),
            (Ok(built), Expected::Objects(wanted)) => {
                difference(&built.manifests, &wanted).map_or(Outcome::Passed, Outcome::Failed)
            }
        })
    }

    fn expected(&self) -> Result<Expected> {
        let file = self.folder.join("expected.yaml");
        if file.is_file() {
            let text = fs::read_to_string(&file)?;
            return objects(&text).with_context(|| format!("{} is not YAML", file.display()));
        }
        if self.folder.join("expected.error").is_file() {
            return Ok(Expected::Refusal);
        }
        let program = program()?;
        let output = Command::new(&program)
            .arg("build")
            .arg(self.tree.join(&self.root))
            .output()
            .with_context(|| format!("failed to start {}", program.display()))?;
        if !output.status.success() {
            return Ok(Expected::Refusal);
        }
        objects(&String::from_utf8_lossy(&output.stdout)).context("the program prints no YAML")
    }
}

/// What is refused by name, whatever the kustomization is for.
fn is_unsupported(error: &BuildError) -> bool {
    matches!(error.code, Code::UnsupportedField | Code::RemoteResource)
}

fn program() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("KUSTOMIZE").filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    Program::Kustomize.find()?.context(
        "a case without an expectation needs the real kustomize: name it in KUSTOMIZE, or run \
         `cargo xtask cluster build --renderers`",
    )
}

fn objects(text: &str) -> Result<Expected> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    let documents: Vec<Json> = serde_saphyr::from_multiple_with_options(text, options)?;
    Ok(Expected::Objects(documents.into_iter().filter(|value| !value.is_null()).collect()))
}

/// The first object that differs; `None` when none does.
fn difference(built: &[Json], expected: &[Json]) -> Option<String> {
    let name = |object: &Json| {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or("?");
        format!("{} {}", text("/kind"), text("/metadata/name"))
    };
    let differs = built.iter().zip(expected).position(|(built, expected)| built != expected);
    match differs {
        Some(at) if name(&built[at]) != name(&expected[at]) => {
            Some(format!("{} where {} belongs", name(&built[at]), name(&expected[at])))
        }
        Some(at) => {
            Some(format!("{} is {}, expected {}", name(&built[at]), built[at], expected[at]))
        }
        None if built.len() == expected.len() => None,
        None => Some(format!("{} objects, expected {}", built.len(), expected.len())),
    }
}

/// Every case, sorted. Below one folder of the suite, kustomizations without an expectation count
/// only where nothing has one: they are the bases of those that have.
fn cases(suite: &Path) -> Result<Vec<Case>> {
    let mut found = Vec::new();
    let mut groups = folders(suite)?;
    groups.insert(0, suite.to_path_buf());
    for (index, group) in groups.into_iter().enumerate() {
        let (mut expected, mut bare) = (Vec::new(), Vec::new());
        let mut waiting = vec![group];
        while let Some(folder) = waiting.pop() {
            if folder.join("in").is_dir() {
                let tree = folder.join("in");
                let has_overlay = tree.join("overlay").is_dir();
                let root = if has_overlay { "overlay".into() } else { String::new() };
                expected.push(Case { folder, tree, root });
                continue;
            }
            // The suite's own folder is the first group, without what is below.
            if index > 0 {
                waiting.extend(folders(&folder)?);
            }
            let Some(text) = kustomization(&folder) else { continue };
            let root = folder.strip_prefix(suite).unwrap_or(&folder).display().to_string();
            let has_expectation =
                ["expected.yaml", "expected.error"].iter().any(|name| folder.join(name).is_file());
            let case = Case { folder, tree: suite.to_path_buf(), root };
            if has_expectation {
                expected.push(case);
            } else if !text.contains("kind: Component") {
                bare.push(case);
            }
        }
        found.extend(if expected.is_empty() { bare } else { expected });
    }
    found.sort_by(|left, right| left.folder.cmp(&right.folder));
    Ok(found)
}

fn kustomization(folder: &Path) -> Option<String> {
    FILE_NAMES.iter().find_map(|name| fs::read_to_string(folder.join(name)).ok())
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("no test data at {}", folder.display()))?;
    let mut folders = BTreeSet::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.insert(entry.path());
        }
    }
    Ok(folders.into_iter().collect())
}

/// A folder on disk as a tree.
struct Disk<'a>(&'a Path);

impl Disk<'_> {
    /// Where the path is; `None` behind a symbolic link.
    fn place(&self, path: &str) -> Option<PathBuf> {
        let mut place = self.0.to_path_buf();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if place != self.0 && place.is_symlink() {
                return None;
            }
            place.push(part);
        }
        Some(place)
    }
}

impl Tree for Disk<'_> {
    fn kind(&self, path: &str) -> EntryKind {
        let kind = self.place(path).and_then(|place| fs::symlink_metadata(place).ok());
        match kind.map(|metadata| metadata.file_type()) {
            None => EntryKind::Absent,
            Some(kind) if kind.is_symlink() => EntryKind::Symlink,
            Some(kind) if kind.is_dir() => EntryKind::Directory,
            Some(_) => EntryKind::File,
        }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.place(path).filter(|place| !place.is_symlink())?).ok()
    }

    fn list(&self, path: &str) -> Vec<String> {
        let entries = self.place(path).and_then(|place| fs::read_dir(place).ok());
        let names = entries.into_iter().flatten().filter_map(Result::ok);
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

    fn write(folder: &Path, path: &str, text: &str) -> Result<()> {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap_or(folder))?;
        Ok(fs::write(file, text)?)
    }

    #[test]
    fn cases_of_both_shapes_are_judged() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("boucle-kustomize-{}", std::process::id()));
        let prefixed = MAP.replace("name: a", "name: p-a");
        for (path, text) in [
            ("one/deep/in/overlay/kustomization.yaml", "resources: [../base]\nnamePrefix: p-\n"),
            ("one/deep/in/base/kustomization.yaml", "resources: [a.yaml]\n"),
            ("one/deep/in/base/a.yaml", MAP),
            ("one/deep/expected.yaml", &prefixed),
            ("two/overlay/kustomization.yaml", "resources: [../base]\n"),
            ("two/overlay/expected.yaml", &prefixed),
            ("two/base/kustomization.yaml", "resources: [a.yaml]\n"),
            ("two/base/a.yaml", MAP),
            ("three/in/kustomization.yaml", "resources: [absent.yaml]\n"),
            ("three/expected.error", "whatever the other program says"),
            ("four/in/kustomization.yaml", "helmCharts: [{name: a}]\n"),
            ("four/expected.yaml", MAP),
        ] {
            write(&folder, path, text)?;
        }
        let suite = judge(&folder);
        fs::remove_dir_all(&folder)?;
        let suite = suite?;
        assert_eq!((suite.passed, suite.failed, suite.unsupported), (2, 1, 1), "{suite:?}");
        assert_eq!(suite.failures, ["two/overlay: ConfigMap a where ConfigMap p-a belongs"]);
        assert!(judge(&folder).is_err(), "a folder that is not there is no pass");
        Ok(())
    }
}
