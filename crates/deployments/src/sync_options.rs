//! How objects are written and deleted: Argo CD's sync options, of an application and of one object.
//!
//! An object's annotation goes before its application's list
//! (argo-cd, `docs/user-guide/sync-options.md`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::objects::annotation;

const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
const HELM_POLICY: &str = "helm.sh/resource-policy";

/// The options that hold for one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncOptions {
    /// `Prune`: whether it is deleted when it left Git.
    pub prune: Consent,
    /// `Delete`: whether it is deleted with its application.
    pub delete: Consent,
    /// `Validate`: whether a field that its kind does not have is refused.
    pub validate: bool,
    /// `Replace`: it is written whole instead of field by field.
    pub replace: bool,
    /// `Force`: it is deleted and made again when it cannot be written.
    pub force: bool,
    /// `PruneLast`: deletions come after the last wave.
    pub prune_last: bool,
    /// `PrunePropagationPolicy`: what becomes of what it owns.
    pub propagation: Propagation,
    /// `SkipDryRunOnMissingResource`: its kind may be unknown until something before it makes it known.
    pub kind_may_be_missing: bool,
    /// `ClientSideApplyMigration`: fields of those who wrote it before by other ways are taken over.
    pub takes_over: bool,
}

/// Whether a deletion may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// It may.
    Yes,
    /// Never.
    No,
    /// Once a person has confirmed it.
    Confirm,
}

/// What becomes of the objects that a deleted one owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Propagation {
    /// They go first.
    Foreground,
    /// They go afterwards.
    Background,
    /// They stay.
    Orphan,
}

/// Argo CD's defaults, except that fields are always written by the server.
impl Default for SyncOptions {
    fn default() -> Self {
        Self {
            prune: Consent::Yes,
            delete: Consent::Yes,
            validate: true,
            replace: false,
            force: false,
            prune_last: false,
            propagation: Propagation::Foreground,
            kind_may_be_missing: false,
            takes_over: true,
        }
    }
}

impl SyncOptions {
    /// The options of an object of an application with these.
    pub fn of(&self, manifest: &Value) -> Result<Self, String> {
        let mut options = self.clone();
        let list = annotation(manifest, SYNC_OPTIONS).unwrap_or_default();
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            options.take(entry).map_err(|why| format!("`{SYNC_OPTIONS}` has `{entry}`, {why}"))?;
        }
        // Helm's own word for the same; the safer of the two counts.
        if annotation(manifest, HELM_POLICY) == Some("keep") {
            options.delete = Consent::No;
        }
        Ok(options)
    }

    /// Takes one entry, or says why it cannot.
    pub(crate) fn take(&mut self, entry: &str) -> Result<(), &'static str> {
        match entry {
            "Prune=true" => self.prune = Consent::Yes,
            "Prune=false" => self.prune = Consent::No,
            "Prune=confirm" => self.prune = Consent::Confirm,
            "Delete=true" => self.delete = Consent::Yes,
            "Delete=false" => self.delete = Consent::No,
            "Delete=confirm" => self.delete = Consent::Confirm,
            "Validate=true" => self.validate = true,
            "Validate=false" => self.validate = false,
            "Replace=true" => self.replace = true,
            "Replace=false" => self.replace = false,
            "Force=true" => self.force = true,
            "Force=false" => self.force = false,
            "PruneLast=true" => self.prune_last = true,
            "PruneLast=false" => self.prune_last = false,
            "PrunePropagationPolicy=foreground" => self.propagation = Propagation::Foreground,
            "PrunePropagationPolicy=background" => self.propagation = Propagation::Background,
            "PrunePropagationPolicy=orphan" => self.propagation = Propagation::Orphan,
            "SkipDryRunOnMissingResource=true" => self.kind_may_be_missing = true,
            "SkipDryRunOnMissingResource=false" => self.kind_may_be_missing = false,
            "ClientSideApplyMigration=true" => self.takes_over = true,
            "ClientSideApplyMigration=false" => self.takes_over = false,
            // How every plan works here.
            "ServerSideApply=true"
            | "ApplyOutOfSyncOnly=true"
            | "RespectIgnoreDifferences=true"
            | "FailOnSharedResource=true" => {}
            "ServerSideApply=false" => {
                return Err("but the server always applies, so that only Git's fields are written");
            }
            "ApplyOutOfSyncOnly=false" => return Err("but what is equal to Git is never written"),
            "RespectIgnoreDifferences=false" => {
                return Err("but an ignored difference is never written over");
            }
            "FailOnSharedResource=false" => {
                return Err("but an object belongs to one application");
            }
            _ => return Err("which is not an option"),
        }
        Ok(())
    }
}
