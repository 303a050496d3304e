//! Boucle's reading of other projects' languages, judged by data that those projects publish.
//!
//! The data stay outside the project; a folder that is not there is an error and never a pass.

mod distribution;
mod health;
mod kustomize;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use pipelines::expressions::{Contexts, Expression, Object, Scope, Value};
use pipelines::workflow::model::{Access, Permissions};
use pipelines::workflow::{self, Problem, Rules};
use repositories::codeowners::Pattern;
use serde::Serialize;
use serde_json::Value as Json;

/// The outcome of every suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// One per suite.
    pub suites: Vec<Suite>,
}

/// The outcome of one suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suite {
    /// The folder's name.
    pub suite: String,
    /// Cases as expected.
    pub passed: usize,
    /// Cases not as expected.
    pub failed: usize,
    /// All cases.
    pub total: usize,
    /// Cases that use what Boucle refuses by name as not supported.
    pub unsupported: usize,
    /// Of the accepted workflows those that Boucle also runs whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runnable: Option<Share>,
    /// What is judged beside the cases, and fails none of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Share>,
    /// The names of the failed cases, with what came instead.
    pub failures: Vec<String>,
}

/// How many of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Share {
    /// As expected.
    pub passed: usize,
    /// All that have an expectation.
    pub total: usize,
}

enum Outcome {
    Passed,
    Unsupported,
    Failed(String),
}

type Judge = fn(&Path) -> Result<Suite>;

/// Each suite: the folder's name and who judges what is in it.
const SUITES: &[(&str, Judge)] = &[
    ("github-expressions", expressions),
    ("github-workflows", workflows),
    ("actionlint-ok", accepted),
    ("codeowners", codeowners),
    ("health", health::judge),
    ("kustomize", kustomize::judge),
];

/// The suite whose judge is a program, and that needs no folder.
const DISTRIBUTION: &str = "distribution";

/// Runs the suites of these names, or every one that has a folder.
pub fn run(vectors: Option<&Path>, names: &[String]) -> Result<Report> {
    let known = |name: &String| SUITES.iter().any(|(suite, _)| suite == name);
    if let Some(unknown) = names.iter().find(|name| !known(name) && *name != DISTRIBUTION) {
        let all: Vec<_> = SUITES.iter().map(|(suite, _)| *suite).collect();
        bail!("there is no suite {unknown}; there are {}, {DISTRIBUTION}", all.join(", "));
    }
    let wanted = |suite: &str| names.is_empty() || names.iter().any(|name| name == suite);
    let mut suites = Vec::new();
    for (suite, judge) in SUITES.iter().filter(|(suite, _)| wanted(suite)) {
        let vectors = vectors.with_context(|| {
            format!(
                "name the folder of the suite {suite} with --vectors; only {DISTRIBUTION} has none"
            )
        })?;
        suites.push(judge(&vectors.join(suite))?);
    }
    if names.iter().any(|name| name == DISTRIBUTION) {
        suites.push(distribution::judge()?);
    }
    Ok(Report { suites })
}

impl Suite {
    fn new(folder: &Path) -> Self {
        let suite = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        Self::named(suite.unwrap_or_default())
    }

    fn named(suite: String) -> Self {
        Self {
            suite,
            passed: 0,
            failed: 0,
            unsupported: 0,
            total: 0,
            runnable: None,
            messages: None,
            failures: Vec::new(),
        }
    }

    fn record(&mut self, name: &str, outcome: Outcome) {
        self.total += 1;
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Unsupported => self.unsupported += 1,
            Outcome::Failed(why) => {
                self.failed += 1;
                self.failures.push(format!("{name}: {why}"));
            }
        }
    }
}

impl Suite {
    /// Counts an accepted workflow.
    fn count_runnable(&mut self, runs: Option<bool>) {
        let Some(runs) = runs else { return };
        let share = self.runnable.get_or_insert_default();
        share.total += 1;
        share.passed += usize::from(runs);
    }
}

/// The files of a folder with one of the extensions, sorted; an empty folder is an error.
fn files(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("no test data at {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|it| extensions.iter().any(|wanted| it == *wanted)) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("no test data in {}", folder.display());
    }
    Ok(files)
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read_json(path: &Path) -> Result<Json> {
    let text = fs::read_to_string(path)?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

fn expressions(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new(folder);
    for file in files(folder, &["json"])? {
        let groups = read_json(&file)?;
        for (group, cases) in groups.as_object().into_iter().flatten() {
            for (index, case) in cases.as_array().into_iter().flatten().enumerate() {
                let name = format!("{}/{group}/{index}", name_of(&file));
                suite.record(&name, expression(case));
            }
        }
    }
    Ok(suite)
}

fn expression(case: &Json) -> Outcome {
    let text = case["expr"].as_str().unwrap_or_default();
    let named = match Value::from_json(&case["contexts"]) {
        Value::Object(object) => object.as_ref().clone(),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Object::new()
        }
    };
    let names: Vec<_> = named.iter().map(|(name, _)| name).collect();
    let scope = Scope { contexts: Some(&names), functions: None };
    let found = match Expression::parse(text, scope) {
        Err(error) => Err((error.kind.code(), error.message)),
        Ok(expression) => expression
            .evaluate(&Contexts::new(&named))
            .map_err(|error| ("evaluation", error.to_string())),
    };
    match (found, case.get("result"), case.get("err")) {
        (Ok(value), Some(expected), _) => {
            let same = value.kind() == expected["kind"]
                && same_value(&value, &Value::from_json(&expected["value"]));
            if same { Outcome::Passed } else { Outcome::Failed(format!("{text} gave {value:?}")) }
        }
        (Err((kind, message)), _, Some(expected)) => {
            let begins = expected["value"].as_str().is_some_and(|it| message.starts_with(it));
            if expected["kind"] == kind && begins {
                Outcome::Passed
            } else {
                Outcome::Failed(format!("{text} was refused otherwise: {kind}: {message}"))
            }
        }
        (Ok(value), ..) => Outcome::Failed(format!("{text} gave {value:?}")),
        (Err((kind, message)), ..) => {
            Outcome::Failed(format!("{text} was refused: {kind}: {message}"))
        }
    }
}

/// Equality by contents; NaN equals NaN, and JSON's lack of it (a text) counts as the number.
fn same_value(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) => found == expected,
        (Value::Number(_), Value::String(text)) => found.to_text() == *text,
        _ => found == expected,
    }
}

fn workflows(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new(folder);
    for file in files(folder, &["yml", "yaml"])? {
        let name = name_of(&file);
        let text = fs::read_to_string(&file)?;
        let (outcome, runs) = workflow_case(&name, &text)?;
        suite.record(&name, outcome);
        suite.count_runnable(runs);
    }
    Ok(suite)
}

/// How the reader did, and whether Boucle runs what it accepted.
fn workflow_case(name: &str, text: &str) -> Result<(Outcome, Option<bool>)> {
    let parts = split(text);
    let [options, workflow, files @ .., expected] = parts.as_slice() else {
        bail!("{name} has no options, workflow and expected result");
    };
    let expected: Json = serde_json::from_str(expected)
        .with_context(|| format!("the expected result of {name} is not JSON"))?;
    let path = format!(".github/workflows/{name}");
    let called = |uses: &str| {
        let mut pairs = files.chunks_exact(2);
        pairs.find(|pair| pair[0].trim() == uses).map(|pair| pair[1].clone())
    };
    let rules = rules(options, &called);
    let with_places = option(options, "include-source").is_some_and(|it| it.starts_with("true"));
    let read = workflow::normal_form(&path, workflow, with_places, &rules);
    let runs = workflow::read_with(&path, workflow, &rules)
        .ok()
        .map(|workflow| workflow.all_unsupported().is_empty());
    let outcome = match (read, expected.get("errors").and_then(Json::as_array)) {
        (Ok(found), None) => compare_forms(found, &expected),
        (Err(problems), None) => Outcome::Failed(format!("refused: {}", lines(&problems))),
        (Err(problems), Some(expected)) => compare_problems(&problems, expected),
        (Ok(_), Some(expected)) => Outcome::Failed(format!("accepted, expected {expected:?}")),
    };
    Ok((outcome, runs))
}

/// The limits and permissions that a case is read with.
fn rules<'a>(options: &str, called: &'a dyn Fn(&str) -> Option<String>) -> Rules<'a> {
    let mut rules = Rules::new(called);
    let number = |name| option(options, name).and_then(|value| value.parse().ok());
    rules.length_max = number("max-file-size").unwrap_or(rules.length_max);
    rules.weight_max = number("max-result-size").unwrap_or(rules.weight_max);
    rules.depth_max = number("max-nested-reusable-workflows-depth").unwrap_or(rules.depth_max);
    if option(options, "permissions-policy") == Some("LimitedRead") {
        let scopes = ["contents", "packages"].map(|scope| (scope.to_owned(), Access::Read));
        rules.permissions = Some(Permissions::Named { scopes: scopes.into() });
    }
    rules
}

/// The parts between the lines of three hyphens.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" {
            if let Some(part) = parts.last_mut() {
                part.truncate(part.trim_end_matches(['\r', '\n']).len());
            }
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
        }
    }
    parts
}

fn option<'a>(options: &'a str, name: &str) -> Option<&'a str> {
    options
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(|value| value.split('#').next().unwrap_or(value).trim())
}

/// Events are in the expected form only where its authors' readers keep them.
fn compare_forms(mut found: Json, expected: &Json) -> Outcome {
    if expected.get("events").is_none()
        && let Some(object) = found.as_object_mut()
    {
        object.remove("events");
    }
    if found == *expected { Outcome::Passed } else { Outcome::Failed(difference(&found, expected)) }
}

fn difference(found: &Json, expected: &Json) -> String {
    match (found, expected) {
        (Json::Object(found), Json::Object(expected)) => {
            let names = expected.keys().chain(found.keys());
            for name in names {
                let (left, right) = (found.get(name), expected.get(name));
                if left != right {
                    let (left, right) = (left.unwrap_or(&Json::Null), right.unwrap_or(&Json::Null));
                    return format!("{name}: {}", difference(left, right));
                }
            }
        }
        (Json::Array(found), Json::Array(expected)) if found.len() == expected.len() => {
            let pairs = found.iter().zip(expected).enumerate();
            for (index, (left, right)) in pairs {
                if left != right {
                    return format!("{index}: {}", difference(left, right));
                }
            }
        }
        _ => {}
    }
    format!("found {found}, expected {expected}")
}

/// Each expected place is reported, and no other line.
fn compare_problems(problems: &[Problem], expected: &[Json]) -> Outcome {
    let wanted: Vec<_> =
        expected.iter().filter_map(|error| place(error["Message"].as_str()?)).collect();
    let found: Vec<_> = problems.iter().map(|problem| (problem.line, problem.column)).collect();
    let complete = wanted.iter().all(|place| found.contains(place));
    let exact = wanted.is_empty() || found.iter().all(|place| wanted.contains(place));
    if complete && exact {
        return Outcome::Passed;
    }
    Outcome::Failed(format!("expected {wanted:?}, reported {}", lines(problems)))
}

/// `… (Line: 3, Col: 5): …`
fn place(message: &str) -> Option<(u32, u32)> {
    let (line, rest) = message.split_once("(Line: ")?.1.split_once(", Col: ")?;
    let (column, _) = rest.split_once(')')?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}

fn accepted(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new(folder);
    for file in files(folder, &["yml", "yaml"])? {
        let name = name_of(&file);
        let text = fs::read_to_string(&file)?;
        let read = workflow::read(&format!(".github/workflows/{name}"), &text);
        suite.count_runnable(read.as_ref().ok().map(|it| it.all_unsupported().is_empty()));
        let outcome = match read {
            Ok(_) => Outcome::Passed,
            Err(problems) => Outcome::Failed(lines(&problems)),
        };
        suite.record(&name, outcome);
    }
    Ok(suite)
}

fn codeowners(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new(folder);
    for file in files(folder, &["json"])? {
        for case in read_json(&file)?.as_array().into_iter().flatten() {
            let name = case["name"].as_str().unwrap_or_default();
            suite.record(name, owners(case));
        }
    }
    Ok(suite)
}

fn owners(case: &Json) -> Outcome {
    let text = case["pattern"].as_str().unwrap_or_default();
    let pattern = match Pattern::new(text) {
        Ok(pattern) => pattern,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    for (path, expected) in case["paths"].as_object().into_iter().flatten() {
        if pattern.matches(path) != *expected {
            return Outcome::Failed(format!("'{text}' on '{path}' should be {expected}"));
        }
    }
    Outcome::Passed
}
