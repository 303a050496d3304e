//! Hooks: objects that a synchronisation makes so that they do something once, and when they are
//! deleted again.
//!
//! Argo CD's annotations come first; an object without them is read by Helm's
//! (gitops-engine, `pkg/sync/hook`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::objects::annotation;
use crate::order::Phase;

const HOOK: &str = "argocd.argoproj.io/hook";
const DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
const HELM_HOOK: &str = "helm.sh/hook";
const HELM_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";

/// What a manifest is to a synchronisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It is kept equal to Git.
    Object,
    /// It runs in these phases; a comparison with Git passes it over.
    Hook(Hook),
    /// It is never written: `Skip`, and Helm's tests.
    Skipped,
}

/// When a hook runs and when it is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// In which phases; never empty.
    pub phases: BTreeSet<Phase>,
    /// When it is deleted; never empty.
    pub deletion: BTreeSet<HookDeletion>,
}

/// When a hook is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookDeletion {
    /// Once it has succeeded.
    HookSucceeded,
    /// Once it has failed.
    HookFailed,
    /// Before it is made the next time; what holds when nothing is said.
    BeforeHookCreation,
}

/// Reads the annotations; an error is the name that nobody knows.
pub fn role(manifest: &Value) -> Result<Role, String> {
    let (phases, known) = if let Some(list) = annotation(manifest, HOOK) {
        (argo_phases(list)?, true)
    } else if let Some(list) = annotation(manifest, HELM_HOOK) {
        // A definition that Helm installs before its hooks is an ordinary object here.
        let hooks = entries(list).any(|entry| entry != "crd-install");
        (Some(helm_phases(list)), hooks)
    } else {
        return Ok(Role::Object);
    };
    let Some(phases) = phases.filter(|phases| !known || !phases.is_empty()) else {
        return Ok(Role::Skipped);
    };
    if phases.is_empty() {
        return Ok(Role::Object);
    }
    Ok(Role::Hook(Hook { phases, deletion: deletion(manifest)? }))
}

/// `None`: `Skip` is among them.
fn argo_phases(list: &str) -> Result<Option<BTreeSet<Phase>>, String> {
    let mut phases = BTreeSet::new();
    for entry in entries(list) {
        phases.insert(match entry {
            "PreSync" => Phase::PreSync,
            "Sync" => Phase::Sync,
            "PostSync" => Phase::PostSync,
            "SyncFail" => Phase::SyncFail,
            "PreDelete" => Phase::PreDelete,
            "PostDelete" => Phase::PostDelete,
            "Skip" => return Ok(None),
            other => return Err(other.to_owned()),
        });
    }
    Ok(Some(phases))
}

/// Helm's hooks that no phase stands for (`test`, `pre-rollback`, …) run nowhere.
fn helm_phases(list: &str) -> BTreeSet<Phase> {
    let phase = |entry| match entry {
        "pre-install" | "pre-upgrade" => Some(Phase::PreSync),
        "post-install" | "post-upgrade" => Some(Phase::PostSync),
        "pre-delete" => Some(Phase::PreDelete),
        "post-delete" => Some(Phase::PostDelete),
        _ => None,
    };
    entries(list).filter_map(phase).collect()
}

fn deletion(manifest: &Value) -> Result<BTreeSet<HookDeletion>, String> {
    let list =
        annotation(manifest, DELETE_POLICY).or_else(|| annotation(manifest, HELM_DELETE_POLICY));
    let mut policies = BTreeSet::new();
    for entry in entries(list.unwrap_or_default()) {
        policies.insert(match entry {
            "HookSucceeded" | "hook-succeeded" => HookDeletion::HookSucceeded,
            "HookFailed" | "hook-failed" => HookDeletion::HookFailed,
            "BeforeHookCreation" | "before-hook-creation" => HookDeletion::BeforeHookCreation,
            other => return Err(other.to_owned()),
        });
    }
    if policies.is_empty() {
        policies.insert(HookDeletion::BeforeHookCreation);
    }
    Ok(policies)
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}
