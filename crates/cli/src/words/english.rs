//! The sentences in English.

use api::runs::AnnotationLevel;

use super::{ApplicationLabels, Column, IncidentLabels, Words};
use crate::commands::cluster_add::KubeconfigProblem;

/// English.
pub struct English;

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

impl Words for English {
    fn column(&self, column: Column) -> &'static str {
        match column {
            Column::Address => "address",
            Column::Actor => "actor",
            Column::Application => "application",
            Column::Artifact => "artifact",
            Column::At => "at",
            Column::Author => "author",
            Column::Clone => "clone",
            Column::Code => "code",
            Column::Commit => "commit",
            Column::DefaultBranch => "default branch",
            Column::Environment => "environment",
            Column::Event => "event",
            Column::Expires => "expires",
            Column::Generation => "generation",
            Column::Health => "health",
            Column::Id => "id",
            Column::Kind => "kind",
            Column::Message => "message",
            Column::Name => "name",
            Column::Namespace => "namespace",
            Column::Number => "number",
            Column::Opened => "opened",
            Column::Outcome => "outcome",
            Column::Ready => "ready",
            Column::Reason => "reason",
            Column::Rendered => "rendered",
            Column::Repository => "repository",
            Column::Revision => "revision",
            Column::Role => "role",
            Column::Run => "run",
            Column::For => "for",
            Column::Secret => "secret",
            Column::Sequence => "#",
            Column::State => "state",
            Column::Subject => "subject",
            Column::Sync => "sync",
            Column::Title => "title",
            Column::Topic => "topic",
            Column::Verdict => "verdict",
            Column::Version => "version",
            Column::WaitsFor => "waits for",
            Column::What => "what",
            Column::When => "when",
            Column::Who => "who",
            Column::Workflow => "workflow",
        }
    }

    fn state<'a>(&self, state: &'a str) -> &'a str {
        match state {
            "out_of_sync" => "out of sync",
            "skipped_by_condition" => "skipped",
            "changes_requested" => "changes requested",
            other => other,
        }
    }

    fn yes(&self, yes: bool) -> &'static str {
        if yes { "yes" } else { "no" }
    }

    fn none(&self) -> &'static str {
        "none"
    }

    fn none_yet(&self) -> &'static str {
        "none yet"
    }

    fn error(&self, text: &str) -> String {
        format!("error: {text}")
    }

    fn problem(&self, code: &str, detail: &str) -> String {
        format!("error[{code}]: {detail}")
    }

    fn caused_by(&self, cause: &str) -> String {
        format!("  caused by: {cause}")
    }

    fn next(&self, command: &str) -> String {
        format!("  try: {command}")
    }

    fn unreachable(&self, url: &str) -> String {
        format!(
            "cannot reach the server at {url}\n  try: boucle up, or name another by BOUCLE_URL or --data"
        )
    }

    fn no_server(&self, folder: &str) -> String {
        format!(
            "no server is known for the data folder {folder}\n  try: boucle up --data {folder}, or set BOUCLE_URL and BOUCLE_TOKEN"
        )
    }

    fn needs_terminal(&self) -> &'static str {
        "the full-screen view needs a terminal\n  try: boucle status"
    }

    fn unknown_code(&self, code: &str) -> String {
        format!("`{code}` is not a code of this version\n  try: boucle explain")
    }

    fn unknown_topic(&self, topic: &str) -> String {
        format!("there is no page on `{topic}`\n  try: boucle docs")
    }

    fn log_name_wrong(&self) -> &'static str {
        "a run's log is named run/NUMBER/JOB, for example run/3/test"
    }

    fn asking(&self) -> &'static str {
        "waiting for the server"
    }

    fn status(&self, version: &str, url: &str) -> String {
        format!("boucle {version} at {url}")
    }

    fn counts(&self, runs: u64, incidents: u64, facts: u64) -> String {
        format!(
            "{} active, {} open, {}",
            count(runs, "run", "runs"),
            count(incidents, "incident", "incidents"),
            count(facts, "fact", "facts")
        )
    }

    fn watch_keys(&self) -> &'static str {
        "↑↓ select   q quit"
    }

    fn waiting(&self, application: &str, health: &str, sync: &str) -> String {
        format!("waiting for {application}: {health}, {sync}")
    }

    fn application_is(&self, application: &str, health: &str) -> String {
        format!("{application} is {health}")
    }

    fn still(&self, application: &str, health: &str, sync: &str, seconds: u64) -> String {
        format!("{application} is still {health} and {sync} after {seconds} s")
    }

    fn no_difference(&self) -> &'static str {
        "no difference: what runs equals Git"
    }

    fn reverts(&self, revert: &str, reverted: &str) -> String {
        format!("{revert} reverts {reverted}")
    }

    fn would_revert(&self, commit: &str, subject: &str) -> String {
        format!("a revert commit would take back {commit} “{subject}”:")
    }

    fn repository_made(&self, name: &str) -> String {
        format!("made {name}")
    }

    fn promoted(&self, artifact: &str, environment: &str) -> String {
        format!("{artifact} goes to {environment}")
    }

    fn promotion_proposed(&self, artifact: &str, environment: &str, number: u64) -> String {
        format!("pull request #{number} promotes {artifact} to {environment}; it waits for review")
    }

    fn valid_until(&self, time: &str) -> String {
        format!("valid until {time}")
    }

    fn revoked(&self) -> &'static str {
        "revoked"
    }

    fn removed(&self) -> &'static str {
        "removed"
    }

    fn ask_secret(&self) -> &'static str {
        "Value (not shown): "
    }

    fn secret_use(&self, decrypts: bool) -> &'static str {
        if decrypts { "SOPS files" } else { "jobs" }
    }

    fn secret_set(&self, name: &str, of_jobs: bool) -> String {
        match of_jobs {
            true => format!("{name} is set; jobs that start from now on get it"),
            false => format!("{name} is set, and used from now on"),
        }
    }

    fn missing_secret(&self, name: &str) -> String {
        format!("{name} (missing)")
    }

    fn told(&self, route: &str) -> String {
        format!("{route} took the test")
    }

    fn annotation(&self, level: AnnotationLevel, job: &str, text: &str) -> String {
        let level = match level {
            AnnotationLevel::Notice => "notice",
            AnnotationLevel::Warning => "warning",
            AnnotationLevel::Error => "error",
        };
        format!("{level} of {job}: {text}")
    }

    fn stored(&self, name: &str, bytes: u64) -> String {
        format!("stored {name}, {bytes} bytes")
    }

    fn downloaded(&self, file: &str, bytes: u64) -> String {
        format!("wrote {file}, {bytes} bytes")
    }

    fn synchronisation_asked(&self, application: &str) -> String {
        format!("{application} is synchronised now; `boucle app show {application}` follows it")
    }

    fn synchronisation_ended(&self, application: &str) -> String {
        format!("the synchronisation of {application} ends")
    }

    fn action_done(&self, action: &str, object: &str) -> String {
        format!("{action} is done on {object}")
    }

    fn deletions_confirmed(&self, application: &str) -> String {
        format!("confirmed; {application} is planned again")
    }

    fn views_rebuilt(&self, facts: u64, identical: bool) -> String {
        let facts = count(facts, "fact", "facts");
        if identical {
            format!("views rebuilt from {facts}: identical")
        } else {
            format!("views rebuilt from {facts}: they differed and were replaced")
        }
    }

    fn opened(&self, url: &str) -> String {
        format!("opening {url}")
    }

    fn pages_written(&self, pages: usize, folder: &str) -> String {
        format!("{} written to {folder}", count(pages as u64, "page", "pages"))
    }

    fn verified(&self, facts: u64, origin: &str) -> String {
        format!("verified: all {facts} facts of {origin} are as they were signed")
    }

    fn not_verified(&self, problem: &str) -> String {
        format!("NOT verified: {problem}")
    }

    fn own_key(&self) -> &'static str {
        "checked with the export's own key; give --key to know who signed"
    }

    fn application_labels(&self) -> ApplicationLabels {
        ApplicationLabels {
            revision: "revision  ",
            generation: "generation",
            image: "image     ",
            address: "address   ",
            waits_for: "waits for ",
        }
    }

    fn incident_labels(&self) -> IncidentLabels {
        IncidentLabels {
            found: "found      ",
            suspect: "suspect    ",
            brought: "brought    ",
            evidence: "evidence   ",
            reverted_by: "reverted by",
            next: "next       ",
        }
    }

    fn incident(&self, id: u64, state: &str, title: &str) -> String {
        format!("incident {id} ({state}) — {title}")
    }

    fn in_since(&self, environment: &str, time: &str) -> String {
        format!("in {environment} since {time}")
    }

    fn brought_by(&self, pull_request: u64, author: Option<&str>) -> String {
        format!("by pull request #{pull_request} of {}", author.unwrap_or("unknown"))
    }

    fn patch_set(&self, number: u64, time: &str, author: &str) -> String {
        format!("patch set {number} ({time}), by {author}")
    }

    fn check(&self, name: &str, state: &str, required: bool, summary: &str) -> String {
        let required = if required { " (required)" } else { "" };
        format!("check  {name} {state}{required} {summary}")
    }

    fn review(&self, verdict: &str, reviewer: &str, current: bool) -> String {
        let stale = if current { "" } else { " (of an older patch set)" };
        format!("review {verdict} by {reviewer}{stale}")
    }

    fn reviewed(&self, verdict: &str, patch_set: u64, reviewer: &str) -> String {
        format!("{verdict} on patch set {patch_set} by {reviewer}")
    }

    fn merged_as(&self, commit: &str) -> String {
        format!("merged as {commit}")
    }

    fn preview(&self, application: &str) -> String {
        format!("deployed as {application}")
    }

    fn ready_to_merge(&self) -> &'static str {
        "ready to merge"
    }

    fn not_ready(&self) -> &'static str {
        "cannot be merged yet:"
    }

    fn restarts(&self, what: &str) -> String {
        format!("restarts {what}")
    }

    fn deletes(&self, what: &str) -> String {
        format!("deletes {what}")
    }

    fn live_change(&self, unified: &str) -> String {
        match unified {
            "" => "on the cluster nothing changes: it is so already\n".into(),
            _ => format!("on the cluster this changes instead:\n{unified}"),
        }
    }

    fn note(&self, what: &str) -> String {
        format!("note: {what}")
    }

    fn checked_out(&self, branch: &str, patch_set: u64) -> String {
        format!("on branch {branch}, patch set {patch_set}")
    }

    fn run(&self, id: u64, name: &str, event: &str, commit: &str, state: &str) -> String {
        format!("run {id} — {name} on {event} ({commit}): {state}")
    }

    fn job_changed(&self, job: &str, state: &str) -> String {
        format!("{job:<30} {state}")
    }

    fn workflows_fine(&self, number: usize) -> String {
        let workflows = count(number as u64, "workflow", "workflows");
        format!("{workflows}, nothing is wrong")
    }

    fn name_one_of(&self, workflows: &str) -> String {
        format!("name one of {workflows}")
    }

    fn no_job(&self, workflow: &str, job: &str) -> String {
        format!("{workflow} has no job {job}")
    }

    fn no_workflows(&self, folder: &str) -> String {
        format!("there is no {folder} here\n  try: go to the repository's root")
    }

    fn no_workflow(&self, workflow: Option<&str>, folder: &str) -> String {
        format!("{} is not in {folder}", workflow.unwrap_or("any workflow"))
    }

    fn data_in_use(&self, folder: &str, process: Option<u32>) -> String {
        let process = process.map_or("another process".into(), |id| format!("process {id}"));
        format!(
            "{folder} is in use by {process}\n  try: stop that process, or name another folder by --data"
        )
    }

    fn migration(&self, from: &str, name: &str, objects: usize) -> String {
        format!("{from} becomes the application {name}; objects that change hands: {objects}")
    }

    fn migrations(&self, found: usize, with_problems: usize) -> String {
        format!("found: {found}, with something to settle first (!): {with_problems}")
    }

    fn migration_written(&self, count: usize, folder: &str) -> String {
        format!("Files written to {folder}: {count}. Nothing was changed on the cluster.")
    }

    fn cluster_added(&self, name: &str, secret: &str, file: &str) -> String {
        format!(
            "{file} declares {name}; its credential is the secret {secret}, which nothing but this cluster gets. Commit the file and open a pull request; `boucle cluster list` shows it once it is merged."
        )
    }

    fn charts_added(&self, url: &str, secret: &str, file: &str) -> String {
        format!(
            "{file} declares who asks for charts at {url}; the password is the secret {secret}, which is sent nowhere else. Commit the file and open a pull request; it counts once it is merged."
        )
    }

    fn kubeconfig_problem(&self, problem: &KubeconfigProblem) -> String {
        match problem {
            KubeconfigProblem::Nowhere => {
                "there is no kubeconfig; name one with --kubeconfig".into()
            }
            KubeconfigProblem::NoContext { context, known } => format!(
                "the kubeconfig has no context {context}; it has: {}",
                known.join(", ")
            ),
            KubeconfigProblem::Incomplete { context } => {
                format!("the cluster or the user of the context {context} is not in the kubeconfig")
            }
            KubeconfigProblem::Program { user } => format!(
                "a program gives the credential of {user}, and a file in Git never says which program the server runs; make a service account and a kubeconfig with its token (`kubectl create token`), or start the server with this kubeconfig (`boucle up --kubeconfig`)"
            ),
            KubeconfigProblem::NoCredential { user } => {
                format!("{user} has neither a token nor a certificate with its key")
            }
            KubeconfigProblem::Insecure => {
                "the kubeconfig does not verify the API server's certificate; give its `certificate-authority-data` instead of `insecure-skip-tls-verify`".into()
            }
            KubeconfigProblem::Proxy => {
                "the API server is behind a proxy, which is not supported; give an address that the server reaches".into()
            }
            KubeconfigProblem::Address { server } => {
                format!("{server} is no address of an API server; it begins with https://")
            }
            KubeconfigProblem::FileExists { file } => {
                format!("{} exists; remove it or choose another --name", file.display())
            }
        }
    }

    fn demo_waits(&self) -> &'static str {
        "waiting for the first version to be healthy in production"
    }

    fn demo_absent(&self) -> &'static str {
        "this server does not host the demonstration\n  try: boucle up --demo"
    }

    fn demo_run_failed(&self, run: u64) -> String {
        format!("the first build failed\n  try: boucle run show {run}")
    }

    fn demo_merged(&self) -> &'static str {
        "merged; the build, staging and production follow by themselves"
    }

    fn demo_pull_request_merged(&self, number: u64) -> String {
        format!("pull request #{number} is merged\n  watch: boucle status")
    }

    fn demo_late(&self, seconds: u64) -> String {
        format!("the demonstration did not finish within {seconds} s\n  try: boucle status")
    }

    fn demo_left_to_people(&self) -> &'static str {
        "the change is sick and was not taken back: that is left to people\n  try: boucle status"
    }

    fn demo_check_failed(&self, check: &str, summary: &str, run: u64) -> String {
        format!("the check {check} failed: {summary}\n  try: boucle logs run/{run}/test")
    }

    fn stage<'a>(&self, stage: &'a str) -> &'a str {
        match stage {
            "pull_request_opened" => "pull request opened",
            "checks_passed" => "checks passed",
            "staging_deployed" => "staging deployed",
            "staging_verified" => "staging verified",
            "production_deployed" => "production deployed",
            "production_redeployed" => "production redeployed",
            "objective_tripped" => "objective tripped",
            "incident_opened" => "incident opened",
            "evidence_saved" => "evidence saved",
            "rolled_back" => "rolled back",
            "healthy_again" => "healthy again",
            other => other,
        }
    }

    fn story(&self, seconds: f64) -> String {
        format!("production was rolled back and is healthy again after {seconds:.1} s")
    }

    fn story_labels(&self) -> [&'static str; 5] {
        ["change      ", "bad revision", "evidence    ", "revert      ", "more        "]
    }
}
