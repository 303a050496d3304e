//! What a manifest is to a synchronisation.

use deployments::role;
use serde_json::{Value, json};

#[track_caller]
fn check(annotations: &Value, expected: &str) {
    let manifest = json!({"metadata": {"annotations": annotations}});
    let said = match role(&manifest) {
        Ok(deployments::Role::Object) => "object".to_owned(),
        Ok(deployments::Role::Skipped) => "skipped".to_owned(),
        Ok(deployments::Role::Hook(hook)) => format!("{:?} {:?}", hook.phases, hook.deletion),
        Err(unknown) => format!("unknown {unknown}"),
    };
    assert_eq!(said, expected, "{annotations}");
}

#[test]
fn annotations_say_what_a_manifest_is() {
    let hook = "argocd.argoproj.io/hook";
    let deletion = "argocd.argoproj.io/hook-delete-policy";
    check(&json!({}), "object");
    check(&json!({hook: "PreSync"}), "{PreSync} {BeforeHookCreation}");
    check(&json!({hook: " PostSync , PreSync "}), "{PreSync, PostSync} {BeforeHookCreation}");
    check(&json!({hook: "Skip"}), "skipped");
    check(&json!({hook: "PreSync,Skip"}), "skipped");
    check(&json!({hook: ""}), "skipped");
    check(&json!({hook: "Presync"}), "unknown Presync");
    check(
        &json!({hook: "SyncFail", deletion: "HookFailed, HookSucceeded"}),
        "{SyncFail} {HookSucceeded, HookFailed}",
    );
    check(&json!({hook: "Sync", deletion: "Never"}), "unknown Never");
    check(&json!({hook: "PreDelete,PostDelete"}), "{PreDelete, PostDelete} {BeforeHookCreation}");
}

#[test]
fn hooks_of_helm_run_where_they_belong() {
    let (hook, deletion) = ("helm.sh/hook", "helm.sh/hook-delete-policy");
    check(&json!({hook: "pre-install,pre-upgrade"}), "{PreSync} {BeforeHookCreation}");
    check(&json!({hook: "post-upgrade", deletion: "hook-succeeded"}), "{PostSync} {HookSucceeded}");
    check(&json!({hook: "pre-delete"}), "{PreDelete} {BeforeHookCreation}");
    check(&json!({hook: "crd-install"}), "object");
    check(&json!({hook: "test"}), "skipped");
    check(&json!({hook: "test-success,pre-rollback"}), "skipped");
    check(
        &json!({hook: "pre-install", "argocd.argoproj.io/hook": "PostSync"}),
        "{PostSync} {BeforeHookCreation}",
    );
}
