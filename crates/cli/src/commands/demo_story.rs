//! Follows one bad change through the loop and tells what happened, from the facts alone.

use std::collections::BTreeSet;
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

/// What production's visitors meet: on a cluster a change reaches them by a canary first.
const PRODUCTION: [&str; 2] = ["hello-canary", "hello-production"];

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
    /// Those of [`PRODUCTION`] that run the change.
    #[serde(skip)]
    changed: BTreeSet<&'static str>,
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

    /// Takes one fact.
    fn take(&mut self, fact: &Fact) -> Progress {
        let text = |field: &str| fact.body[field].as_str().unwrap_or_default().to_owned();
        let on = |application: &str| {
            fact.subject == format!("application:{application}")
                || fact.body["application"] == application
        };
        let met = PRODUCTION.into_iter().find(|name| on(name));
        // What is said of the version before it belongs to another story.
        let of_change = if self.has("staging_verified") {
            met.is_some_and(|name| self.changed.contains(name))
        } else {
            on("hello-staging") && self.has("staging_deployed")
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
            "deployments.applied" if met.is_some() => {
                if self.has("rolled_back") {
                    self.reached("production_redeployed");
                } else if self.has("staging_verified") {
                    self.changed.extend(met);
                    self.reached("production_deployed");
                }
            }
            "monitoring.objective_changed" if met.is_some() && of_change => {
                let burns = fact.body["state"]["state"] == "burning";
                if burns && !self.has("rolled_back") {
                    self.reached("objective_tripped");
                }
            }
            "monitoring.incident_opened" if of_change => {
                self.incident = fact.body["incident"].as_u64().unwrap_or_default();
                self.reached("incident_opened");
            }
            "monitoring.evidence_saved" if of_change => {
                self.evidence = text("digest");
                self.reached("evidence_saved");
            }
            "control.rolled_back" if of_change => {
                self.revert_commit = text("revert_commit");
                self.bad_revision.commit = text("bad_commit");
                // An incident that was open already was not opened for it.
                self.incident = fact.body["incident"].as_u64().unwrap_or(self.incident);
                self.reached("rolled_back");
            }
            // Nothing comes by itself after a refusal or a question: both ask a person.
            "control.rollback_refused" | "control.rollback_asked" if of_change => {
                return Progress::LeftToPeople;
            }
            "control.quarantined" if self.has("rolled_back") => self.reached("quarantined"),
            "monitoring.incident_resolved" if fact.body["incident"] == self.incident => {
                self.reached("healthy_again");
                if self.has("rolled_back") {
                    return Progress::Done;
                }
            }
            _ => {}
        }
        Progress::Going
    }

    fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|known| known.stage == stage)
    }
}

/// How far a story has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// More facts will come.
    Going,
    /// Production is healthy again.
    Done,
    /// Production is sick, and the loop waits for a person.
    LeftToPeople,
}

/// Follows the facts until production is healthy again, or until that is left to people.
pub async fn follow(
    client: &Client,
    mut story: Story,
    events: &mut Events,
) -> Result<Story, Failure> {
    loop {
        let fact = events.next().await?;
        match story.take(&fact) {
            Progress::Going => {}
            Progress::LeftToPeople => {
                let message = story.out.words().demo_left_to_people();
                return Err(Failure::Precondition(message.into()));
            }
            Progress::Done => {
                let path = format!("/incidents/{}", story.incident);
                let incident: Incident = client.get(&path).await?;
                if let Some(evidence) = incident.evidence {
                    story.evidence = evidence.digest;
                }
                return Ok(story);
            }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fact(kind: &str, body: Value) -> Fact {
        let value = json!({
            "sequence": 1, "at": "2026-01-01T00:00:00Z", "actor": "system:loop",
            "subject": "application:none", "kind": kind, "reason": "", "body": body,
        });
        serde_json::from_value(value).expect("a fact")
    }

    fn check(facts: &[(&str, Value)], progress: Progress, last_stage: &str) {
        let mut story = Story::begin(Instant::now(), Output::default());
        let mut came = Progress::Going;
        for (kind, body) in facts {
            came = story.take(&fact(kind, body.clone()));
        }
        let stage = story.stages.last().map_or("", |stage| stage.stage.as_str());
        assert_eq!((came, stage), (progress, last_stage), "{facts:?}");
    }

    #[test]
    fn a_story_ends_when_the_change_is_gone_or_left_to_people() {
        let staging = || json!({"application": "hello-staging", "verdict": "healthy"});
        let production = || json!({"application": "hello-production", "incident": 7});
        let up_to_production = [
            ("deployments.applied", staging()),
            ("monitoring.assessed", staging()),
            ("deployments.applied", production()),
        ];
        let and = |more: &[(&'static str, Value)]| [&up_to_production[..], more].concat();
        let refused = ("control.rollback_refused", production());
        let rolled_back = ("control.rolled_back", production());
        let resolved =
            |incident: u64| ("monitoring.incident_resolved", json!({"incident": incident}));
        check(&up_to_production, Progress::Going, "production_deployed");
        check(&and(std::slice::from_ref(&refused)), Progress::LeftToPeople, "production_deployed");
        let asked = ("control.rollback_asked", production());
        check(&and(&[asked]), Progress::LeftToPeople, "production_deployed");
        check(&and(&[rolled_back.clone(), resolved(7)]), Progress::Done, "healthy_again");
        check(&and(&[rolled_back.clone(), resolved(6)]), Progress::Going, "rolled_back");
        // The version before was sick: that says nothing of the change.
        check(std::slice::from_ref(&refused), Progress::Going, "");
        check(&[("monitoring.incident_opened", production())], Progress::Going, "");
        // Staging may find it already.
        let found = [
            ("deployments.applied", staging()),
            ("control.rolled_back", json!({"application": "hello-staging", "incident": 3})),
            resolved(3),
        ];
        check(&found, Progress::Done, "healthy_again");
        // And a canary before production.
        let canary = || json!({"application": "hello-canary", "incident": 4});
        let by_canary = [
            ("deployments.applied", staging()),
            ("monitoring.assessed", staging()),
            ("deployments.applied", canary()),
            ("control.rolled_back", canary()),
            ("monitoring.incident_resolved", json!({"incident": 4})),
        ];
        check(&by_canary, Progress::Done, "healthy_again");
        // What is said of production while only the canary runs the change is not about it.
        let of_production = [&by_canary[..3], &[refused]].concat();
        check(&of_production, Progress::Going, "production_deployed");
    }
}
