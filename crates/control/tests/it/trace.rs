//! A trace tells the whole story and no other.

use control::trace::{TraceQuery, trace};
use ledger::{
    Actor, ApplicationName, ArtifactDigest, CommitId, Draft, Expected, Fact, IncidentId,
    MemoryLedger, PullRequestNumber, RepositoryName, RunId, Subject, Timestamp,
};
use serde_json::{Value, json};

fn hex(digit: char) -> String {
    digit.to_string().repeat(40)
}

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// Two stories, a and b, that share the repository, the application and the branch.
fn facts() -> Vec<Fact> {
    let mut ledger = MemoryLedger::default();
    let mut push = |kind: &str, body: Value| {
        let draft = Draft {
            at: Timestamp(0),
            actor: Actor::system("test"),
            subject: Subject::server(),
            expected: Expected::Anything,
            causes: Vec::new(),
            reason: String::new(),
            kind: kind.into(),
            body,
        };
        ledger.append(vec![draft]).unwrap();
    };
    for (index, story) in ['a', 'b'].into_iter().enumerate() {
        let number = index as u64 + 1;
        let (head, merge) = (hex(story), hex((b'1' + index as u8) as char));
        let promoted = hex((b'5' + index as u8) as char);
        let before = hex((b'0' + index as u8) as char);
        push(
            "repositories.pull_request_opened",
            json!({"repository": "demo/hello", "number": number, "head": head, "base": before}),
        );
        push(
            "repositories.pull_request_merged",
            json!({"repository": "demo/hello", "number": number, "merge_commit": merge, "head": head, "base": before}),
        );
        push(
            "pipelines.run_created",
            json!({"run": number, "source": {"commit": merge, "before": before}}),
        );
        push(
            "pipelines.artifact_published",
            json!({"run": number, "digest": digest(story), "commit": merge}),
        );
        push(
            "control.promoted",
            json!({"environment": "staging", "digest": digest(story), "commit": promoted}),
        );
        push(
            "deployments.planned",
            json!({"application": "app", "generation": number, "revision": promoted}),
        );
        push("deployments.applied", json!({"application": "app", "generation": number}));
    }
    push(
        "monitoring.incident_opened",
        json!({"incident": 1, "application": "app", "suspect": {"commit": hex('6')}}),
    );
    ledger.facts().to_vec()
}

#[track_caller]
fn check(query: &TraceQuery, expected: &[u64]) {
    let found: Vec<u64> = trace(&facts(), query).iter().map(|step| step.sequence.0).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_way_into_a_story_tells_all_of_it() {
    let (a, b) = ([1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15]);
    let commit = |digit| TraceQuery::Commit(CommitId::new(hex(digit)).unwrap());
    let application = || ApplicationName::new("app").unwrap();
    check(&commit('a'), &a);
    check(&commit('5'), &a);
    check(&TraceQuery::Digest(ArtifactDigest::new(digest('a')).unwrap()), &a);
    check(&TraceQuery::Run(RunId(1)), &a);
    let repository = RepositoryName::new("demo/hello").unwrap();
    check(&TraceQuery::PullRequest(repository, PullRequestNumber(2)), &b);
    check(&TraceQuery::Incident(IncidentId(1)), &b);
    check(&TraceQuery::Application(application()), &b);
    check(&TraceQuery::Deployment(application(), 1), &a);
    check(&TraceQuery::Run(RunId(9)), &[]);
    check(&TraceQuery::Application(ApplicationName::new("none").unwrap()), &[]);
}
