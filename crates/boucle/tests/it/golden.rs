//! What the commands print, as people read it. Files under `tests/golden`; `SNAPSHOTS=overwrite`
//! writes them anew, and the difference is then read like any other.

use std::path::Path;

use clap::CommandFactory;
use snapbox::data::DataFormat;
use snapbox::{Assert, Data, Redactions};

use crate::harness::{Outcome, Server, command, run};

/// What differs from run to run, and the word that stands for it.
const CHANGING: [(&str, &str); 11] = [
    ("[TOKEN]", r"(?<redacted>\bboucle_[A-Za-z0-9_-]{43})"),
    ("[FACT]", r"(?m)^ (?<redacted>\d{2,})  "),
    ("[DIGEST]", r"(?<redacted>[0-9a-f]{64})"),
    ("[COMMIT]", r"(?<redacted>\b[0-9a-f]{40}\b)"),
    ("[ID]", r"(?<redacted>\b[0-9a-f]{32}\b)"),
    ("[REPLICA]", r"(?<redacted>\b[0-9a-f]{10}-[0-9a-f]{5}\b)"),
    ("[SHORT]", r"(?<redacted>\b[0-9a-f]{10}\b)"),
    ("[TIME]", r"(?<redacted>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"),
    ("[PORT]", r"127\.0\.0\.1:(?<redacted>\d+)"),
    ("[MS]", r"(?<redacted>\b\d+) ms\b"),
    ("[COUNT]", r"(?<redacted>\b\d+) (facts|faits)\b"),
];

/// What is asked of a server on which the demonstration has gone back once.
const WITH_SERVER: [&str; 76] = [
    "status",
    "env list",
    "app list",
    "app show hello-staging",
    "app history hello-staging",
    "app events hello-staging",
    "app diff hello-production",
    "diff hello-production",
    "wait hello-production",
    "pr list demo/hello",
    "pr show demo/hello 2",
    "pr diff demo/hello 2",
    "run list",
    "run show 1",
    "run watch 1",
    "repo list",
    "repo show demo/hello",
    "repo log demo/hello",
    "token list",
    "logs run/1/publish",
    "run results 1",
    "secret list demo/hello",
    "secret remove demo/hello none",
    "notification list demo/hello",
    "notification test demo/hello none",
    "open demo/hello#2",
    "open run/1/test",
    "audit list --kind repositories.pull_request_opened",
    "audit verify",
    "admin rebuild-views",
    "docs",
    "explain not-found",
    "repo create me/new",
    "app show none",
    "app rollback none",
    "pr show demo/hello 99",
    "logs run/1",
    "status --watch",
    "explain no-such-code",
    "docs no-such-topic",
    "app history",
    "token revoke none --quiet",
    "app confirm-deletions none Pod/none",
    "app sync none",
    "app unstick hello-staging",
    "app action list hello-staging",
    "app action run none Deployment/a/b restart",
    "cluster list",
    "cluster doctor none",
    "cluster add none --repository demo/hello --into deploy --kubeconfig /dev/null",
    "charts add none --repository demo/hello --username me --into deploy",
    "migrate argocd --cluster none --dry-run",
    "diff none",
    "wait none --timeout-seconds 1",
    "logs none",
    "trace none",
    "rollback none",
    "env promote demo/hello none --artifact hello --digest sha256:0",
    "incident show 99",
    "pr open demo/hello --head none",
    "pr checkout demo/hello 99",
    "pr review demo/hello 99 --approve",
    "pr approve demo/hello 99",
    "pr request-changes demo/hello 99 --body unclear",
    "pr comment demo/hello 99 --body seen",
    "pr merge demo/hello 2",
    "pr merge demo/hello 99",
    "pr close demo/hello 2",
    "run cancel 1",
    "run rerun 1 --failed",
    "run rerun 99",
    "run download 1 none",
    "run dispatch demo/hello none",
    "secret set demo/hello 1-wrong",
    "repo create demo/hello",
    "token create late --repository demo/hello",
];

/// What is asked where no server is.
const ALONE: [&str; 5] =
    ["env list", "completions bash", "up --metrics-url nonsense", "run none", "lint none"];

/// What a file cannot hold, since the machine shows in it; each is held by its content elsewhere.
const BY_CONTENT: [&str; 5] = ["doctor", "man", "incident list", "audit export", "demo break"];

#[test]
fn what_is_printed_is_what_was_agreed() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &["--demo"]);
    let broken = server.boucle(&["demo", "break", "--wait", "--timeout-seconds", "300"]);
    assert_eq!(broken.code, 11, "{}{}", broken.out, broken.err);
    for line in WITH_SERVER {
        check(data.path(), "en", line);
        check(data.path(), "fr", line);
    }
    // The parts of the loop work side by side, so that facts come in one order or another.
    let trace = run(command(data.path()).args(["trace", "run/1"])).out;
    for way in ["hello-production", "ci/test, success", "Promote hello to production"] {
        assert!(trace.contains(way), "{way}: {trace}");
    }
    // Which case comes first, and its numbers, depend on the machine: no file can hold them.
    let incident = run(command(data.path()).args(["--lang", "fr", "incident", "show", "1"]));
    let (title, step) = ("hello-production est malade\u{a0}: ", "\u{202f}; la mauvaise révision");
    assert!(incident.out.contains(title) && incident.out.contains(step), "{}", incident.out);
    let list = run(command(data.path()).args(["--lang", "fr", "incident", "list"]));
    assert!(list.out.contains(title), "{}", list.out);
    for english in ["is sick", "log lines", "series of metrics"] {
        assert!(!incident.out.contains(english), "{}", incident.out);
        assert!(!list.out.contains(english), "{}", list.out);
    }
}

#[test]
fn help_is_what_was_agreed() {
    let nowhere = tempfile::tempdir().expect("a folder");
    for path in commands() {
        check(nowhere.path(), "en", &format!("{path} --help"));
        check(nowhere.path(), "fr", &format!("{path} --help"));
    }
    for line in ALONE.into_iter().chain(["--help"]) {
        check(nowhere.path(), "en", line);
        check(nowhere.path(), "fr", line);
    }
}

#[test]
fn no_command_is_left_without_an_agreement() {
    let lines: Vec<&str> = WITH_SERVER.into_iter().chain(ALONE).chain(BY_CONTENT).collect();
    let held =
        |path: &str| lines.iter().any(|line| format!("{line} ").starts_with(&format!("{path} ")));
    let left: Vec<String> = commands().into_iter().filter(|path| !held(path)).collect();
    assert!(left.is_empty(), "no line of these is held by a file: {left:?}");
}

/// Every command that does something, as it is typed.
fn commands() -> Vec<String> {
    fn below(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        for inner in command.get_subcommands() {
            let path = format!("{path} {}", inner.get_name()).trim().to_owned();
            below(inner, &path, found);
            found.push(path);
        }
    }
    let mut found = Vec::new();
    below(&cli::Arguments::command(), "", &mut found);
    found
}

/// Holds what a line prints in a language against its file.
#[track_caller]
fn check(data: &Path, language: &str, line: &str) {
    let arguments = line.split(' ');
    let said = run(command(data).args(["--lang", language]).args(arguments));
    let mut redactions = Redactions::new();
    for (word, pattern) in CHANGING {
        let pattern = regex::Regex::new(pattern).expect("a pattern");
        redactions.insert(word, pattern).expect("a placeholder");
    }
    let folder = data.to_string_lossy().into_owned();
    redactions.insert("[DATA]", folder).expect("a placeholder");
    let text = redactions.redact(&transcript(line, &said));
    // The width of a column follows what changes in it.
    let text: Vec<String> = text.lines().map(one_gap).collect();
    let kind = if data.join("server.json").exists() { "with-server" } else { "alone" };
    let name: String =
        line.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let file = format!("{}/tests/golden/{kind}/{language}/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let expected = Data::read_from(Path::new(&file), None);
    Assert::new().action_env("SNAPSHOTS").eq(text.join("\n") + "\n", expected.raw());
}

#[test]
fn the_interface_is_what_its_document_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let document = server::openapi_document().expect("a document");
    let known = Data::read_from(Path::new(file), Some(DataFormat::Text));
    Assert::new().action_env("SNAPSHOTS").eq(document, known.raw());
}

fn transcript(line: &str, said: &Outcome) -> String {
    format!("$ boucle {line}\n{}{}= {}\n", said.out, said.err, said.code)
}

/// The same line with one width of gap between columns.
fn one_gap(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    let words: Vec<&str> =
        line.trim().split("  ").map(str::trim).filter(|w| !w.is_empty()).collect();
    format!("{}{}", &line[..indent.min(4)], words.join("  "))
}
