//! Which `Application` files are read, and what the others are told.

use deployments::{Application, Consent, ObjectKey, Propagation, Target};

const GOOD: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: hello-staging
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  project: default
  source:
    repoURL: demo/hello
    path: deploy/overlays/staging/
    targetRevision: main
    kustomize: {images: ['hello=registry/demo/hello@sha256:ab', 'web:1.2'], namePrefix: a-}
  destination: {name: local, namespace: staging}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [CreateNamespace=true]
    retry: {limit: 2, backoff: {duration: 1m30s, factor: 3, maxDuration: 1h}}
  ignoreDifferences:
    - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}
";

#[test]
fn reads_what_argo_cd_reads() {
    let application = Application::parse("a.yaml", GOOD).unwrap();
    assert_eq!(application.name.as_str(), "hello-staging");
    assert_eq!(application.delete_objects_on_removal, Some(deployments::Propagation::Foreground));
    assert_eq!(application.source.path, "deploy/overlays/staging");
    assert_eq!(application.destination.target, Target::Processes);
    let retry = application.sync.retry;
    assert_eq!(
        (retry.limit, retry.first_ms, retry.factor, retry.longest_ms),
        (2, 90_000, 3, 3_600_000)
    );
    let key = |kind: &str| ObjectKey {
        group: "apps".into(),
        kind: kind.into(),
        namespace: "staging".into(),
        name: "hello".into(),
    };
    assert_eq!(application.ignored_pointers(&key("Deployment")), ["/spec/replicas"]);
    assert!(application.ignored_pointers(&key("StatefulSet")).is_empty());
    let kustomization = application.source.kustomize.unwrap().kustomization("../x");
    assert_eq!(
        kustomization,
        serde_json::json!({"resources": ["../x"], "namePrefix": "a-", "images": [
            {"name": "hello", "newName": "registry/demo/hello", "digest": "sha256:ab"},
            {"name": "web", "newTag": "1.2"},
        ]})
    );
}

#[test]
fn a_disabled_automation_is_none() {
    let text = GOOD.replace("{prune: true, selfHeal: true}", "{enabled: false, prune: true}");
    assert_eq!(Application::parse("a.yaml", &text).unwrap().automated(), None);
}

/// Replaces one text by another and checks where and why the file is refused.
#[track_caller]
fn refused(from: &str, to: &str, line: u64, needles: &[&str]) {
    assert!(GOOD.contains(from), "the test's own text");
    let error = Application::parse("a.yaml", &GOOD.replacen(from, to, 1)).unwrap_err();
    for needle in needles {
        assert!(error.message.contains(needle), "{error}");
    }
    assert_eq!(error.line, line, "{error}");
}

#[test]
fn refuses_by_name_and_place() {
    refused("  project: default", "  projetc: default", 7, &["projetc"]);
    refused(
        "    path:",
        "    helm: {releaseName: x}\n    path:",
        10,
        &["helm", "not supported yet"],
    );
    refused("  project:", "  sources: []\n  project:", 7, &["sources", "one `source`"]);
    refused(
        "jsonPointers: [/spec/replicas]",
        "jqPathExpressions: [.spec]",
        19,
        &["jqPathExpressions"],
    );
    refused("kind: Application", "kind: ApplicationSet", 2, &["ApplicationSet"]);
    refused("name: hello-staging", "name: ../x", 4, &["application name"]);
}

#[test]
fn refuses_values_that_do_not_fit() {
    refused("CreateNamespace=true", "Replace=yes", 1, &["Replace=yes", "not an option"]);
    refused("CreateNamespace=true", "ServerSideApply=false", 1, &["the server always applies"]);
    refused(
        "syncOptions: [CreateNamespace=true]",
        "managedNamespaceMetadata: {label: {}}",
        16,
        &["label"],
    );
    refused("1m30s", "1 minute", 1, &["1 minute", "duration"]);
    refused("deploy/overlays/staging/", "deploy/../../x", 1, &["leaves the repository"]);
    refused("name: local,", "name: local, server: https://x,", 1, &["both"]);
    refused("resources-finalizer.argocd", "other.argocd", 1, &["other.argocd"]);
    refused("[/spec/replicas]", "[spec]", 1, &["JSON pointer"]);
}

#[test]
fn options_of_an_object_go_before_those_of_its_application() {
    let text =
        GOOD.replace("[CreateNamespace=true]", "[Prune=confirm, Replace=true, PruneLast=true]");
    let application = Application::parse("a.yaml", &text).unwrap();
    let options = |list: &str| {
        let annotations = serde_json::json!({"argocd.argoproj.io/sync-options": list});
        let manifest = serde_json::json!({"metadata": {"annotations": annotations}});
        application.sync.options.of(&manifest)
    };
    let whole = options("").unwrap();
    assert_eq!((whole.prune, whole.replace, whole.prune_last), (Consent::Confirm, true, true));
    let own = options("Prune=false, Replace=false,PrunePropagationPolicy=orphan").unwrap();
    assert_eq!((own.prune, own.replace), (Consent::No, false));
    assert_eq!((own.propagation, own.prune_last), (Propagation::Orphan, true));
    let wrong = options("Prune=false,Purne=false").unwrap_err();
    assert!(wrong.contains("Purne=false"), "{wrong}");
}
