//! `boucle.yaml`: what is read, what is refused and where; and digests written into overlays.

use control::Configuration;
use control::configuration::{Approval, RollbackMode};
use control::overlay::{image_digest, set_image};
use ledger::ArtifactDigest;
use monitoring::NotificationEvent;

pub const GOOD: &str = "\
version: 1
review: {branches: [release/*], requiredApprovals: 1, requiredChecks: [ci/test], codeOwners: true, mergeMethods: [merge], protectedPaths: [{paths: [\"deploy/**\"], approvals: 2}]}
artifacts:
  - {name: hello, workflow: ci, paths: [\"src/**\"]}
applications: deploy/applications
objectives: deploy/objectives
environments:
  - {name: staging, path: deploy/overlays/staging, application: hello-staging, verification: {window: 5s, minimumRequests: 20}}
  - {name: production, path: deploy/overlays/production, application: hello-production, approval: required, rollback: {mode: ask, window: 30m}}
notifications:
  - {webhook: {url: 'http://127.0.0.1:9/', secret: HOOK}, on: [incident]}
";

#[test]
fn reads_the_whole_file() {
    let configuration = Configuration::parse("boucle.yaml", GOOD).unwrap();
    let policy = configuration.policy();
    assert_eq!(
        (policy.required_approvals, policy.code_owners, policy.protected.len()),
        (1, true, 1)
    );
    assert_eq!(policy.approvals_for(["deploy/x/y"]), 2);
    let [staging, production] = &configuration.environments[..] else { panic!("two environments") };
    assert_eq!(
        (staging.verification.window.ms, staging.verification.minimum_requests),
        (5_000, 20)
    );
    assert_eq!(
        (staging.approval, staging.rollback.mode),
        (Approval::None, RollbackMode::Automatic)
    );
    assert_eq!(production.approval, Approval::Required);
    assert_eq!(
        (production.rollback.mode, production.rollback.window.ms),
        (RollbackMode::Ask, 1_800_000)
    );
    assert!(configuration.notifications[0].on.contains(&NotificationEvent::Incident));
    assert_eq!(Configuration::parse("b", "version: 1").unwrap().policy(), Default::default());
}

#[track_caller]
fn refused(from: &str, to: &str, line: u64, needle: &str) {
    assert!(GOOD.contains(from), "the test's own text");
    let error = Configuration::parse("boucle.yaml", &GOOD.replacen(from, to, 1)).unwrap_err();
    assert!(error.message.contains(needle), "{error}");
    assert_eq!(error.line, line, "{error}");
    assert!(error.column > 1 || line == 1, "{error}");
}

#[test]
fn refuses_with_a_place() {
    refused("window: 5s", "windows: 5s", 8, "windows");
    refused("version: 1", "version: 2", 1, "version 2 is not known");
    refused("name: production", "name: staging", 9, "`staging` is named twice");
    refused("hello-production", "hello-staging", 9, "in two environments");
    refused("overlays/production", "overlays/staging", 9, "each needs its own");
    refused("\"src/**\"", "\"src/***\"", 4, "three asterisks");
    refused("ci/test", "test", 4 - 2, "<workflow>/<job>");
    refused("[merge]", "[]", 2, "mergeMethods");
    refused("30m", "soon", 9, "duration");
    refused("http://127", "ftp://127", 11, "webhook");
    refused("deploy/objectives", "../objectives", 6, "below the root");
}

fn digest(digit: char) -> ArtifactDigest {
    ArtifactDigest::new(format!("sha256:{}", digit.to_string().repeat(64))).unwrap()
}

#[track_caller]
fn written(before: &str, after: &str) {
    let found = set_image("k.yaml", before, "hello", None, &digest('b')).unwrap();
    assert_eq!(found, after);
    assert_eq!(image_digest("k.yaml", &found, "hello").unwrap(), Some(digest('b')));
}

#[test]
fn a_promotion_changes_one_line() {
    let text = |digest| {
        format!("# ours\nimages:\n- name: hello # the service\n  digest: {digest}\nnamespace: n\n")
    };
    written(&text(digest('a')), &text(digest('b')));
}

#[test]
fn a_promotion_adds_what_is_missing() {
    let fresh =
        set_image("k.yaml", "namespace: web\n", "hello", Some("r/hello"), &digest('b')).unwrap();
    assert_eq!(image_digest("k.yaml", &fresh, "hello").unwrap(), Some(digest('b')));
    assert!(fresh.contains("namespace: web") && fresh.contains("newName: r/hello"), "{fresh}");
    // Two digests: the other image keeps its own, and a tag beside a digest goes.
    let other = format!(
        "images:\n- {{name: web, digest: '{}'}}\n- {{name: hello, newTag: x}}\n",
        digest('c')
    );
    let found = set_image("k.yaml", &other, "hello", None, &digest('b')).unwrap();
    assert_eq!(image_digest("k.yaml", &found, "web").unwrap(), Some(digest('c')));
    assert_eq!(image_digest("k.yaml", &found, "hello").unwrap(), Some(digest('b')));
    assert!(!found.contains("newTag"), "{found}");
    assert!(set_image("k.yaml", "images: 3", "hello", None, &digest('b')).is_err());
    assert!(set_image("k.yaml", "- a", "hello", None, &digest('b')).is_err());
}
