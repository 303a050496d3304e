//! The health of objects, judged by the tests that Argo CD keeps beside its health scripts.
//!
//! A folder per kind has a `health_test.yaml` that names input objects and the health of each. The
//! status decides; messages are counted beside it, since most of them are that project's own prose.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use deployments::assess_health;
use serde_json::Value as Json;

use super::{Outcome, Share, Suite};

/// Judges every case of every kind.
pub fn judge(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new(folder);
    let mut messages = Share::default();
    for file in tests(folder)? {
        let within = file.parent().unwrap_or(folder);
        let kind = within.strip_prefix(folder).unwrap_or(within).display().to_string();
        let document = read(&file)?;
        for case in field(&document, "tests").and_then(Json::as_array).into_iter().flatten() {
            let input = field(case, "inputpath").and_then(Json::as_str);
            let input = input.with_context(|| format!("a case of {kind} names no input"))?;
            let object = read(&within.join(input))?;
            let expected = field(case, "healthstatus").unwrap_or(&Json::Null);
            let outcome = compare(&object, expected, &mut messages);
            suite.record(&format!("{kind}/{}", input.trim_start_matches("testdata/")), outcome);
        }
    }
    suite.messages = Some(messages);
    Ok(suite)
}

fn compare(object: &Json, expected: &Json, messages: &mut Share) -> Outcome {
    let (found, message) = assess_health(object)
        .map_or_else(|| ("none", String::new()), |health| (health.status.name(), health.message));
    if let Some(wanted) = field(expected, "message").and_then(Json::as_str) {
        messages.total += 1;
        messages.passed += usize::from(wanted == message);
    }
    let wanted = field(expected, "status").and_then(Json::as_str).unwrap_or_default();
    if found == wanted {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("found {found} ({message}), expected {wanted}"))
    }
}

/// A field by its name in any case: some cases have `inputpath` for `inputPath`.
fn field<'a>(object: &'a Json, name: &str) -> Option<&'a Json> {
    let fields = object.as_object()?;
    fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The first document of a file. Of a key that stands twice the last counts, as for the judges; files
/// that people give are refused for it (crate `yaml`).
fn read(path: &Path) -> Result<Json> {
    let text =
        fs::read_to_string(path).with_context(|| format!("no test data at {}", path.display()))?;
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
    };
    let documents: Vec<Json> = serde_saphyr::from_multiple_with_options(&text, options)
        .with_context(|| format!("{} is not YAML", path.display()))?;
    documents.into_iter().next().with_context(|| format!("{} is empty", path.display()))
}

/// Every `health_test.yaml` below the folder, sorted; none is an error.
fn tests(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(next) = waiting.pop() {
        let entries =
            fs::read_dir(&next).with_context(|| format!("no test data at {}", next.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.file_name().is_some_and(|name| name == "health_test.yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("no test data in {}", folder.display());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A made-up kind in a folder of its own: no case of the judges is kept here.
    #[test]
    fn cases_are_read_and_named() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("boucle-health-{}", std::process::id()));
        let kind = folder.join("a.example/Thing");
        fs::create_dir_all(kind.join("testdata"))?;
        fs::write(
            kind.join("health_test.yaml"),
            "tests:\n\
             - {healthStatus: {status: Healthy, message: fine}, inputPath: testdata/a.yaml}\n\
             - {healthStatus: {status: Degraded, message: other}, inputpath: testdata/a.yaml}\n",
        )?;
        let object = "apiVersion: a.example/v1\nkind: Thing\nstatus: {conditions: \
                      [{type: Ready, status: 'True', message: fine}]}\n";
        fs::write(kind.join("testdata/a.yaml"), object)?;
        let suite = judge(&folder);
        fs::remove_dir_all(&folder)?;
        let suite = suite?;
        assert_eq!((suite.passed, suite.failed, suite.total), (1, 1, 2));
        assert_eq!(suite.messages, Some(Share { passed: 1, total: 2 }));
        let failure = "a.example/Thing/a.yaml: found Healthy (fine), expected Degraded";
        assert_eq!(suite.failures, [failure]);
        assert!(judge(&folder).is_err(), "a folder that is not there is no pass");
        Ok(())
    }

    /// The judges' data are read where they lie at run time; a copy would soon be another judge.
    #[test]
    fn no_judges_data_are_kept_in_the_project() -> Result<()> {
        let output = Command::new("git")
            .args(["ls-files", "--", "*health_test.yaml", "*/resource_customizations/*"])
            .current_dir(crate::build::root())
            .output()?;
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        Ok(())
    }
}
