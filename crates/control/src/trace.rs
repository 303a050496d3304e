//! From anything to the commit, author, run and deployment that it came from; and back.
//!
//! Facts name each other through commits, digests, runs, pull requests, incidents and generations.
//! From what was asked, the trace follows these names. It never follows an application's or an
//! environment's name: those would lead everywhere.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{
    Actor, ApplicationName, ArtifactDigest, CommitId, Fact, IncidentId, PullRequestNumber,
    RepositoryName, RunId, Sequence, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a trace starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceQuery {
    /// A commit.
    Commit(CommitId),
    /// An artifact.
    Digest(ArtifactDigest),
    /// A run.
    Run(RunId),
    /// A pull request.
    PullRequest(RepositoryName, PullRequestNumber),
    /// An incident.
    Incident(IncidentId),
    /// An application, or one of its objects: what runs now.
    Application(ApplicationName),
    /// An application at a generation.
    Deployment(ApplicationName, u64),
}

/// One fact of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceStep {
    /// The fact.
    pub sequence: Sequence,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// `domain.name`.
    pub kind: String,
    /// What it is about, as it is displayed.
    pub subject: String,
    /// The fact's own fields.
    pub body: Value,
    /// How many names lie between it and what was asked.
    pub distance: u32,
}

/// A name that facts share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    Commit(String),
    Digest(String),
    Run(u64),
    PullRequest(String, u64),
    Incident(u64),
    Deployment(String, u64),
}

/// How far a trace goes: commit → run → digest → promotion → deployment → assessment → incident →
/// rollback is seven names.
const DISTANCE_MAX: u32 = 8;

/// The facts that belong to what was asked, in the order in which they happened; empty when nothing
/// is known of it.
#[must_use]
pub fn trace(facts: &[Fact], query: &TraceQuery) -> Vec<TraceStep> {
    let links: Vec<BTreeSet<Link>> = facts.iter().map(links_of).collect();
    let mut places: BTreeMap<&Link, Vec<usize>> = BTreeMap::new();
    for (index, of_fact) in links.iter().enumerate() {
        for link in of_fact {
            places.entry(link).or_default().push(index);
        }
    }
    let Some(start) = start(facts, query) else { return Vec::new() };
    let mut found: BTreeMap<usize, u32> = BTreeMap::new();
    let mut seen = BTreeSet::from([start.clone()]);
    let mut edge = vec![start];
    for distance in 0..DISTANCE_MAX {
        let mut next = Vec::new();
        for index in edge.iter().filter_map(|link| places.get(link)).flatten() {
            found.entry(*index).or_insert(distance);
            // A commit of many files is rendered by many applications; following their generations
            // from a run would tell other applications' stories, so only new names are followed.
            let new = links[*index].iter().filter(|link| !seen.contains(*link));
            next.extend(new.cloned());
        }
        seen.extend(next.iter().cloned());
        edge = next;
    }
    found
        .into_iter()
        .map(|(index, distance)| {
            let fact = &facts[index];
            TraceStep {
                sequence: fact.sequence,
                at: fact.at,
                actor: fact.actor.clone(),
                kind: fact.kind.clone(),
                subject: fact.subject.to_string(),
                body: fact.body.clone(),
                distance,
            }
        })
        .collect()
}

fn start(facts: &[Fact], query: &TraceQuery) -> Option<Link> {
    Some(match query {
        TraceQuery::Commit(commit) => Link::Commit(commit.to_string()),
        TraceQuery::Digest(digest) => Link::Digest(digest.to_string()),
        TraceQuery::Run(run) => Link::Run(run.0),
        TraceQuery::PullRequest(repository, number) => {
            Link::PullRequest(repository.to_string(), number.0)
        }
        TraceQuery::Incident(incident) => Link::Incident(incident.0),
        TraceQuery::Deployment(application, generation) => {
            Link::Deployment(application.to_string(), *generation)
        }
        TraceQuery::Application(application) => {
            let applied = facts.iter().rev().find(|fact| {
                fact.kind == "deployments.applied"
                    && fact.body.get("application").and_then(Value::as_str)
                        == Some(application.as_str())
            })?;
            let generation = applied.body.get("generation")?.as_u64()?;
            Link::Deployment(application.to_string(), generation)
        }
    })
}

/// The names that a fact gives. Fields that name what was before (`old`, `base`, `before`) are left
/// out: they would lead from every commit to all of history.
fn links_of(fact: &Fact) -> BTreeSet<Link> {
    let mut links = BTreeSet::new();
    // What runs in an environment says nothing of how it got there when its commit is only the tip
    // at that time, so observations link by their deployment.
    let observes = matches!(
        fact.kind.as_str(),
        "deployments.health_changed" | "deployments.plan_blocked" | "monitoring.objective_changed"
    );
    collect(&fact.body, observes, &mut links);
    links
}

fn collect(value: &Value, observes: bool, links: &mut BTreeSet<Link>) {
    let Value::Object(fields) = value else { return };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let number = |name: &str| fields.get(name).and_then(Value::as_u64);
    let commits = [
        "commit",
        "new",
        "merge_commit",
        "head",
        "head_commit",
        "revision",
        "bad_commit",
        "revert_commit",
    ];
    if !observes {
        links
            .extend(commits.iter().filter_map(|name| text(name)).map(|id| Link::Commit(id.into())));
    }
    links.extend(
        text("digest").filter(|id| id.starts_with("sha256:")).map(|id| Link::Digest(id.into())),
    );
    links.extend(number("run").map(Link::Run));
    links.extend(number("incident").map(Link::Incident));
    if let Some(repository) = text("repository") {
        let numbers = ["number", "pull_request"].iter().filter_map(|name| number(name));
        links.extend(numbers.map(|number| Link::PullRequest(repository.into(), number)));
    }
    if let (Some(application), Some(generation)) = (text("application"), number("generation")) {
        links.insert(Link::Deployment(application.into(), generation));
    }
    for (name, value) in fields {
        if matches!(name.as_str(), "source" | "suspect" | "action" | "resolution" | "by") {
            collect(value, observes, links);
        }
    }
}
