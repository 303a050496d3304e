//! What the commands print, as people read it. Files under `tests/golden`; `SNAPSHOTS=overwrite`
//! writes them anew, and the difference is then read like any other.

use std::path::Path;

use snapbox::{Assert, Data, Redactions};

use crate::harness::{Outcome, Server, command, run};

/// What differs from run to run, and the word that stands for it.
const CHANGING: [(&str, &str); 10] = [
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

#[test]
fn what_is_printed_is_what_was_agreed() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &["--demo"]);
    let broken = server.boucle(&["demo", "break", "--wait", "--timeout-seconds", "300"]);
    assert_eq!(broken.code, 11, "{}{}", broken.out, broken.err);
    for line in [
        "status",
        "env list",
        "app list",
        "app show hello-staging",
        "app history hello-staging",
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
        "--quiet token revoke none",
    ] {
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
    for english in ["is sick", "log lines", "series of metrics"] {
        assert!(!incident.out.contains(english), "{}", incident.out);
    }
}

#[test]
fn help_is_what_was_agreed() {
    let nowhere = tempfile::tempdir().expect("a folder");
    for line in ["--help", "pr --help", "pr merge --help", "run --help", "up --help"] {
        check(nowhere.path(), "en", line);
        check(nowhere.path(), "fr", line);
    }
    check(nowhere.path(), "en", "env list");
    check(nowhere.path(), "fr", "env list");
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
