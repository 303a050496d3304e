//! Follows one bad change through the loop and tells what happened, from the facts alone.

use std::time::Instant;

use api::audit::Fact;
use api::incidents::Incident;
use api::pull_requests::PullRequest;
use serde::Serialize;

use crate::client::Client;
use crate::events::Events;
use crate::failure::Failure;
use crate::output::{self, Output};
use crate::words::Words;

/// The story as `boucle demo break --wait` prints it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Story {
    /// The change.
    pub change: Change,
    /// What was bad.
    pub bad_revision: BadRevision,
    /// Where the saved evidence is.
    pub evidence: String,
    /// The commit that put production right.
    pub revert_commit: String,
    /// The incident's number.
    pub incident: u64,
    /// How long each stage took.
    pub stages: Vec<Stage>,
    /// From the push to production being healthy again.
    pub total_seconds: f64,
    #[serde(skip)]
    out: Output,
    #[serde(skip)]
    begun: Option<Instant>,
    #[serde(skip)]
    previous: Option<Instant>,
}

/// The change that was brought.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Change {
    /// The pull request's number.
    pub pull_request: u64,
    /// Its title.
    pub title: String,
    /// The commit that was reviewed.
    pub head: String,
    /// The commit of the merge.
    pub merge_commit: String,
}

/// What was deployed and is in quarantine now.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BadRevision {
    /// The commit that was rolled back.
    pub commit: String,
    /// The image's digest.
    pub digest: String,
}

/// One stage of the loop.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// Its name.
    pub stage: String,
    /// How long it took after the stage before it.
    pub seconds: f64,
}

impl Story {
    /// Begins now.
    #[must_use]
    pub fn begin(now: Instant, out: Output) -> Self {
        Self { out, begun: Some(now), previous: Some(now), ..Self::default() }
    }

    /// A stage was reached.
    pub fn reached(&mut self, stage: &str) {
        if self.stages.iter().any(|known| known.stage == stage) {
            return;
        }
        let now = Instant::now();
        let seconds = |from: Option<Instant>| {
            let elapsed = from.map(|from| now - from).unwrap_or_default();
            (elapsed.as_secs_f64() * 1000.0).round() / 1000.0
        };
        let (stage_seconds, total_seconds) = (seconds(self.previous), seconds(self.begun));
        let name = self.out.words().stage(stage);
        self.out.say(&format!("{total_seconds:>7.2} s  {name}"));
        self.stages.push(Stage { stage: stage.to_owned(), seconds: stage_seconds });
        self.total_seconds = total_seconds;
        self.previous = Some(now);
    }

    /// The pull request was opened.
    pub fn change(&mut self, pull_request: &PullRequest) {
        self.change.pull_request = pull_request.number;
        self.change.title = pull_request.title.clone();
        self.change.head = pull_request.head.clone();
    }

    /// The pull request was merged.
    pub fn merged(&mut self, pull_request: &PullRequest) {
        self.change.merge_commit = pull_request.merge_commit.clone().unwrap_or_default();
    }

    /// Takes one fact; true once production is healthy again.
    fn take(&mut self, fact: &Fact) -> bool {
        let text = |field: &str| fact.body[field].as_str().unwrap_or_default().to_owned();
        let on = |application: &str| {
            fact.subject == format!("application:{application}")
                || fact.body["application"] == application
        };
        match fact.kind.as_str() {
            "pipelines.artifact_published" => {
                self.bad_revision.digest = text("digest");
                self.reached("built");
            }
            "deployments.applied" if on("hello-staging") => self.reached("staging_deployed"),
            "monitoring.assessed"
                if on("hello-staging")
                    && text("verdict") == "healthy"
                    && self.has("staging_deployed") =>
            {
                self.reached("staging_verified");
            }
            "deployments.applied" if on("hello-production") => {
                if !self.has("rolled_back") && self.has("staging_verified") {
                    self.reached("production_deployed");
                } else if self.has("rolled_back") {
                    self.reached("production_redeployed");
                }
            }
            "monitoring.objective_changed" if on("hello-production") => {
                let burns = fact.body["state"]["state"] == "burning";
                if burns && self.has("production_deployed") && !self.has("rolled_back") {
                    self.reached("objective_tripped");
                }
            }
            "monitoring.incident_opened" => {
                self.incident = fact.body["incident"].as_u64().unwrap_or_default();
                self.reached("incident_opened");
            }
            "monitoring.evidence_saved" => {
                self.evidence = text("digest");
                self.reached("evidence_saved");
            }
            "control.rolled_back" => {
                self.revert_commit = text("revert_commit");
                self.bad_revision.commit = text("bad_commit");
                self.reached("rolled_back");
            }
            "control.quarantined" => self.reached("quarantined"),
            "monitoring.incident_resolved" => {
                self.reached("healthy_again");
                return self.has("rolled_back");
            }
            _ => {}
        }
        false
    }

    fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|known| known.stage == stage)
    }
}

/// Follows the facts until production is healthy again.
pub async fn follow(
    client: &Client,
    mut story: Story,
    events: &mut Events,
) -> Result<Story, Failure> {
    loop {
        let fact = events.next().await?;
        if story.take(&fact) {
            let incident: Incident = client.get(&format!("/incidents/{}", story.incident)).await?;
            if let Some(evidence) = incident.evidence {
                story.evidence = evidence.digest;
            }
            return Ok(story);
        }
    }
}

/// The story for people.
pub fn describe(story: &Story, words: &dyn Words) -> String {
    let [change, bad, evidence, revert, more] = words.story_labels();
    format!(
        "{}\n\
         {change}  #{} “{}” ({})\n\
         {bad}  {} ({})\n\
         {evidence}  {}\n\
         {revert}  {}\n\
         {more}  boucle incident show {}",
        words.story(story.total_seconds),
        story.change.pull_request,
        story.change.title,
        output::short(&story.change.merge_commit),
        output::short(&story.bad_revision.commit),
        output::short(&story.bad_revision.digest),
        story.evidence,
        story.revert_commit,
        story.incident
    )
}
