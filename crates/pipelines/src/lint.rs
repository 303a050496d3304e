//! What a workflow that is right may still do wrong: other people's text in scripts, code that can change
//! under its name, more permissions than needed, secrets where code is that nobody has accepted.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::expressions::{Position, Template};
use crate::run::actions::NativeAction;
use crate::workflow::model::{CallSecrets, Job, Permissions, Step, StepAction, Workflow};
use crate::workflow::{Problem, ProblemCode};

/// One remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// The stable name of the rule, or the code of the problem.
    pub rule: &'static str,
    /// The file's path in its repository.
    pub path: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// Column, from 1; 0 when the whole file is meant.
    pub column: u32,
    /// What is wrong and what to do instead.
    pub message: String,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is refused, or somebody else's code gets what it must not.
    Error,
    /// A job would not run.
    Unsupported,
    /// It works, and somebody may misuse it.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// `error`, `unsupported`, `warning`, `note`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Unsupported => "unsupported",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, rule, path, line, column, message } = self;
        let severity = severity.as_str();
        if *line == 0 {
            return write!(f, "{severity}: {path}: {message} [{rule}]");
        }
        write!(f, "{severity}: {path}:{line}:{column}: {message} [{rule}]")
    }
}

/// A file that was refused, as findings.
#[must_use]
pub fn of_problems(problems: &[Problem]) -> Vec<Finding> {
    problems.iter().map(of_problem).collect()
}

fn of_problem(problem: &Problem) -> Finding {
    let severity = match problem.code {
        ProblemCode::Unsupported => Severity::Unsupported,
        ProblemCode::WorkflowYaml
        | ProblemCode::WorkflowTooLarge
        | ProblemCode::WorkflowAnchor
        | ProblemCode::WorkflowUnexpectedValue
        | ProblemCode::WorkflowDuplicateKey
        | ProblemCode::WorkflowMissingKey
        | ProblemCode::WorkflowAmbiguous
        | ProblemCode::WorkflowExpression
        | ProblemCode::WorkflowExpressionNotAllowed
        | ProblemCode::WorkflowIdentifier
        | ProblemCode::WorkflowNeeds
        | ProblemCode::WorkflowMatrix
        | ProblemCode::WorkflowCall
        | ProblemCode::WorkflowContradiction => Severity::Error,
    };
    Finding {
        severity,
        rule: problem.code.code(),
        path: problem.path.clone(),
        line: problem.line,
        column: problem.column,
        message: problem.message.clone(),
    }
}

/// Everything that can be said of a workflow that was read, in the order of the file.
#[must_use]
pub fn lint(workflow: &Workflow) -> Vec<Finding> {
    let mut linter = Linter { path: &workflow.path, findings: Vec::new() };
    linter.findings.extend(workflow.all_unsupported().into_iter().map(of_problem));
    linter.permissions(workflow.permissions.as_ref(), workflow.permissions_at);
    for job in &workflow.jobs {
        linter.job(workflow, job);
    }
    let mut findings = linter.findings;
    findings.sort_by_key(|one| (one.line, one.column));
    findings
}

/// The findings as a SARIF log.
#[must_use]
pub fn sarif(findings: &[Finding]) -> Json {
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<_> = rules.into_iter().map(|rule| json!({"id": rule})).collect();
    let results: Vec<_> = findings
        .iter()
        .map(|finding| {
            let level = match finding.severity {
                Severity::Error | Severity::Unsupported => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            let region = json!({
                "startLine": finding.line.max(1),
                "startColumn": finding.column.max(1),
            });
            json!({
                "ruleId": finding.rule,
                "level": level,
                "message": {"text": finding.message},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": finding.path},
                    "region": region,
                }}],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": "boucle", "rules": rules}}, "results": results}],
    })
}

/// What others write: whoever opens a pull request or an issue, or comments on one. `*` is any name.
const UNTRUSTED: &[&str] = &[
    "github.head_ref",
    "github.event.issue.title",
    "github.event.issue.body",
    "github.event.pull_request.title",
    "github.event.pull_request.body",
    "github.event.pull_request.head.ref",
    "github.event.pull_request.head.label",
    "github.event.pull_request.head.repo.default_branch",
    "github.event.discussion.title",
    "github.event.discussion.body",
    "github.event.comment.body",
    "github.event.review.body",
    "github.event.review_comment.body",
    "github.event.pages.*.page_name",
    "github.event.commits.*.message",
    "github.event.commits.*.author.email",
    "github.event.commits.*.author.name",
    "github.event.head_commit.message",
    "github.event.head_commit.author.email",
    "github.event.head_commit.author.name",
    "github.event.workflow_run.head_branch",
    "github.event.workflow_run.head_commit.message",
    "github.event.merge_group.head_ref",
];

/// The code of somebody whose change was not accepted.
const UNMERGED: &[&str] = &[
    "github.head_ref",
    "github.event.pull_request.head.sha",
    "github.event.pull_request.head.ref",
    "github.event.workflow_run.head_sha",
    "github.event.workflow_run.head_branch",
];

struct Linter<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Linter<'_> {
    fn add(&mut self, severity: Severity, rule: &'static str, at: Position, message: String) {
        let Position { line, column } = at;
        let path = self.path.to_owned();
        self.findings.push(Finding { severity, rule, path, line, column, message });
    }

    fn permissions(&mut self, permissions: Option<&Permissions>, at: Option<Position>) {
        if let (Some(Permissions::WriteAll), Some(at)) = (permissions, at) {
            let message = "`write-all` lets every step write everything. Name the scopes that are \
                           needed";
            self.add(Severity::Warning, "wide-permissions", at, message.into());
        }
    }

    fn job(&mut self, workflow: &Workflow, job: &Job) {
        self.permissions(job.permissions.as_ref(), Some(job.at));
        if let Some(call) = &job.call {
            self.pinned(&call.uses, call.at);
            if call.secrets == CallSecrets::Inherit && !call.uses.starts_with("./") {
                let message = "`secrets: inherit` gives every secret to another repository. Name \
                               those that it needs";
                self.add(Severity::Warning, "secrets-inherited", call.at, message.into());
            }
        }
        let follows = workflow.events.workflow_run.is_some();
        for step in &job.steps {
            self.step(step, follows);
        }
        let uses_secret =
            |step: &&Step| templates(step).iter().any(|template| names_secret(template));
        if workflow.events.pull_request.is_some()
            && let Some(step) = job.steps.iter().find(uses_secret)
        {
            let message = "for a pull request this secret is empty: code that was not merged gets \
                           none";
            self.add(Severity::Note, "secret-in-unmerged-code", step.at, message.into());
        }
    }

    fn step(&mut self, step: &Step, follows: bool) {
        match &step.action {
            StepAction::Run { script, .. } => self.injected(script),
            StepAction::Uses { action, with, .. } => {
                if NativeAction::parse(action).is_err() {
                    self.pinned(action, step.at);
                }
                let is_script = action.starts_with("actions/github-script@");
                let is_checkout = action.starts_with("actions/checkout@");
                for (name, value) in with.literal_entries() {
                    for template in value.templates() {
                        if is_script && name.eq_ignore_ascii_case("script") {
                            self.injected(template);
                        }
                        if is_checkout && follows && name.eq_ignore_ascii_case("ref") {
                            self.unmerged(template);
                        }
                    }
                }
            }
        }
    }

    /// Whoever writes such a text writes a part of the script.
    fn injected(&mut self, script: &Template) {
        let sources = script.expressions().flat_map(|expression| expression.text_sources());
        let mut seen: Vec<String> = Vec::new();
        for source in sources.filter(|source| matches_any(source, UNTRUSTED)) {
            if seen.contains(&source) {
                continue;
            }
            let message = format!(
                "`{source}` is written by others and becomes a part of this script. Hand it in by \
                 `env` and use the variable"
            );
            self.add(Severity::Warning, "script-injection", script.position(), message);
            seen.push(source);
        }
    }

    fn unmerged(&mut self, reference: &Template) {
        let sources = reference.expressions().flat_map(|expression| expression.text_sources());
        for source in sources.filter(|source| matches_any(source, UNMERGED)) {
            let message = format!(
                "`{source}` is code that nobody has accepted, and a workflow_run has the secrets. \
                 Check the code in a workflow of pull_request"
            );
            self.add(Severity::Error, "unmerged-code-with-secrets", reference.position(), message);
        }
    }

    fn pinned(&mut self, uses: &str, at: Position) {
        if uses.starts_with("./") {
            return;
        }
        let pinned = match uses.strip_prefix("docker://") {
            Some(image) => image.contains("@sha256:"),
            None => uses.rsplit_once('@').is_some_and(|(_, version)| {
                version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
            }),
        };
        if !pinned {
            let message =
                format!("`{uses}` can become other code under the same name. Pin it by a commit");
            self.add(Severity::Warning, "unpinned-action", at, message);
        }
    }
}

/// Every text of a step that may hold expressions.
fn templates(step: &Step) -> Vec<&Template> {
    let mut found: Vec<&Template> = step.env.0.iter().flat_map(|it| it.templates()).collect();
    match &step.action {
        StepAction::Run { script, .. } => found.push(script),
        StepAction::Uses { with, .. } => {
            found.extend(with.0.iter().flat_map(|value| value.templates()));
        }
    }
    found
}

fn names_secret(template: &Template) -> bool {
    template.expressions().any(|expression| expression.uses_context("secrets"))
}

/// Whether a path is one of these, or holds one of them whole (`toJSON(github.event)`).
fn matches_any(path: &str, known: &[&str]) -> bool {
    let names: Vec<_> = path.split('.').collect();
    known.iter().any(|known| {
        let known: Vec<_> = known.split('.').collect();
        let same = |(one, other): (&&str, &&str)| one == other || *one == "*" || *other == "*";
        names.len() > 1 && names.len() <= known.len() && names.iter().zip(&known).all(same)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::read;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let workflow = read("w.yaml", text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let found: Vec<_> = lint(&workflow)
            .iter()
            .map(|it| format!("{} {}:{} {}", it.severity.as_str(), it.line, it.column, it.rule))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    fn step(on: &str, step: &str) -> String {
        format!("on: {on}\njobs:\n  a:\n    runs-on: x\n    steps:\n      - {step}\n")
    }

    #[test]
    fn scripts_with_other_peoples_text() {
        let run =
            |expression: &str| step("push", &format!("run: \"echo ${{{{ {expression} }}}}\""));
        let injected = ["warning 6:14 script-injection"];
        check(&run("github.event.pull_request.title"), &injected);
        check(&run("github['head_ref']"), &injected);
        check(&run("github.event.commits[0].message"), &injected);
        check(&run("join(github.event.commits.*.message)"), &injected);
        check(&run("toJSON(github.event)"), &injected);
        check(&run("github.head_ref || github.ref"), &injected);
        check(&run("github.head_ref == 'x'"), &[]);
        check(&run("contains(github.head_ref, 'x')"), &[]);
        check(&run("github.sha"), &[]);
        check(&step("push", "{run: 'echo $T', env: {T: '${{ github.head_ref }}'}}"), &[]);
    }

    #[test]
    fn code_and_permissions() {
        check(
            &step("push", "uses: some/action@v1"),
            &["warning 6:9 unpinned-action", "unsupported 6:15 unsupported"],
        );
        check(
            &step("push", &format!("uses: some/action@{}", "a".repeat(40))),
            &["unsupported 6:15 unsupported"],
        );
        check(&step("push", "uses: actions/checkout@v4"), &[]);
        check(
            "on: push\npermissions: write-all\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n",
            &["warning 2:1 wide-permissions"],
        );
        check(
            &step("pull_request", "run: '${{ secrets.A }}'"),
            &["note 6:9 secret-in-unmerged-code"],
        );
        check(
            &step(
                "{workflow_run: {workflows: CI}}",
                "{uses: actions/checkout@v4, with: {ref: '${{ github.event.workflow_run.head_sha }}'}}",
            ),
            &["error 6:49 unmerged-code-with-secrets"],
        );
    }

    #[test]
    fn a_sarif_log_names_rules_and_places() {
        let text = step("push", "run: 'echo ${{ github.head_ref }}'");
        let log = sarif(&lint(&read("w.yaml", &text).expect("valid")));
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "script-injection");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(
            (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
            (&json!("w.yaml"), &json!(6))
        );
        assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][0]["id"], "script-injection");
    }
}
