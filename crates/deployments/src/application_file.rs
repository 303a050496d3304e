//! The shape of an `Application` file: every field of Argo CD's type, read or refused with a reason.

use ledger::ApplicationName;
use serde::Deserialize;

use crate::application::{
    Application, Automated, Destination, IgnoreDifference, NamespaceMetadata, Retry, SyncPolicy,
    Target,
};
use crate::argo_cd_file::{ApiVersion, Metadata, NoStatus, refused};
use crate::jq::JqPath;
use crate::source_file::{self, SourceFile};
use crate::sync_options::Propagation;

refused!(no_operation, "`operation` asks for one synchronisation; use `boucle app sync` instead");
refused!(
    no_hydrator,
    "`spec.sourceHydrator` is not supported: Boucle keeps every rendering in Git"
);

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ApplicationFile {
    api_version: ApiVersion,
    kind: Kind,
    metadata: Metadata<ApplicationName, String>,
    spec: Spec,
    #[serde(default, rename = "status")]
    _status: NoStatus,
    #[serde(default, rename = "operation", deserialize_with = "no_operation")]
    _operation: (),
}

#[derive(Debug, Deserialize)]
enum Kind {
    Application,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    #[serde(default = "default_project")]
    project: String,
    #[serde(default)]
    source: Option<SourceFile>,
    #[serde(default)]
    sources: Vec<SourceFile>,
    destination: DestinationFile,
    /// Nothing after the colon is nothing said, as for Argo CD.
    #[serde(default)]
    sync_policy: Option<SyncPolicyFile>,
    #[serde(default)]
    ignore_differences: Vec<IgnoreFile>,
    /// Links and remarks for people; they decide nothing.
    #[serde(default, rename = "info")]
    _info: Vec<InfoFile>,
    /// Boucle keeps the whole history, so any limit is kept.
    #[serde(default, rename = "revisionHistoryLimit")]
    _revision_history_limit: Option<u32>,
    #[serde(default, rename = "sourceHydrator", deserialize_with = "no_hydrator")]
    _source_hydrator: (),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InfoFile {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "value")]
    _value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DestinationFile {
    #[serde(default)]
    server: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    namespace: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct SyncPolicyFile {
    automated: Option<AutomatedFile>,
    sync_options: Vec<String>,
    retry: RetryFile,
    managed_namespace_metadata: NamespaceMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct AutomatedFile {
    enabled: Option<bool>,
    prune: bool,
    self_heal: bool,
    allow_empty: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RetryFile {
    limit: Option<i64>,
    /// Whether a newer revision replaces the one that is retried; Boucle always plans the newest.
    #[serde(rename = "refresh")]
    _refresh: Option<bool>,
    backoff: BackoffFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct BackoffFile {
    duration: Option<String>,
    factor: Option<u32>,
    max_duration: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IgnoreFile {
    #[serde(default)]
    group: String,
    kind: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    json_pointers: Vec<String>,
    #[serde(default)]
    jq_path_expressions: Vec<JqPath>,
    #[serde(default)]
    managed_fields_managers: Vec<String>,
}

fn default_project() -> String {
    "default".into()
}

/// The file as an application, or what is wrong with values that each were well formed.
pub(crate) fn convert(file: ApplicationFile) -> Result<Application, String> {
    let ApplicationFile { api_version: ApiVersion::V1Alpha1, kind: Kind::Application, .. } = file;
    let spec = file.spec;
    let (source, further_sources) = source_file::convert(spec.source, spec.sources)?;
    Ok(Application {
        name: file.metadata.name,
        delete_objects_on_removal: finalizer(&file.metadata.finalizers)?,
        labels: file.metadata.labels,
        annotations: file.metadata.annotations,
        project: spec.project,
        source,
        further_sources,
        destination: destination(spec.destination)?,
        sync: sync_policy(spec.sync_policy.unwrap_or_default())?,
        ignore_differences: spec
            .ignore_differences
            .into_iter()
            .map(ignore_difference)
            .collect::<Result<_, _>>()?,
        shared_ignore_differences: Vec::new(),
        rollout: None,
        pull_request: None,
    })
}

fn finalizer(finalizers: &[String]) -> Result<Option<Propagation>, String> {
    let mut deletes = None;
    for finalizer in finalizers {
        match finalizer.as_str() {
            "resources-finalizer.argocd.argoproj.io"
            | "resources-finalizer.argocd.argoproj.io/foreground" => {
                deletes = Some(Propagation::Foreground);
            }
            "resources-finalizer.argocd.argoproj.io/background" => {
                deletes = Some(Propagation::Background);
            }
            other => {
                return Err(format!("`metadata.finalizers` has `{other}`, which is not supported"));
            }
        }
    }
    Ok(deletes)
}

fn destination(file: DestinationFile) -> Result<Destination, String> {
    let target = match (file.server, file.name) {
        (Some(_), Some(_)) => {
            return Err("`spec.destination` has both `server` and `name`; keep one".into());
        }
        (None, None) => {
            return Err("`spec.destination` needs `name: local` (processes of this machine) or a \
                        `server`"
                .into());
        }
        (Some(server), None) if server == "process://local" => Target::Processes,
        (None, Some(name)) if name == "local" => Target::Processes,
        (Some(address), None) | (None, Some(address)) => Target::Cluster { address },
    };
    Ok(Destination { target, namespace: file.namespace })
}

fn sync_policy(file: SyncPolicyFile) -> Result<SyncPolicy, String> {
    let mut policy = SyncPolicy {
        automated: file.automated.filter(|automated| automated.enabled != Some(false)).map(
            |automated| Automated {
                prune: automated.prune,
                self_heal: automated.self_heal,
                allow_empty: automated.allow_empty,
            },
        ),
        retry: retry(&file.retry)?,
        namespace_metadata: file.managed_namespace_metadata,
        ..SyncPolicy::default()
    };
    for option in &file.sync_options {
        sync_option(&mut policy, option)?;
    }
    Ok(policy)
}

/// An option of `syncOptions`: taken, or refused by name.
fn sync_option(policy: &mut SyncPolicy, option: &str) -> Result<(), String> {
    match option {
        "CreateNamespace=true" => policy.create_namespace = true,
        "CreateNamespace=false" => policy.create_namespace = false,
        other => policy
            .options
            .take(other)
            .map_err(|why| format!("`spec.syncPolicy.syncOptions` has `{other}`, {why}"))?,
    }
    Ok(())
}

fn retry(file: &RetryFile) -> Result<Retry, String> {
    let defaults = Retry::default();
    let duration = |text: &Option<String>, default: i64| match text {
        None => Ok(default),
        Some(text) => duration_ms(text).ok_or_else(|| {
            format!(
                "`spec.syncPolicy.retry.backoff` has `{text}`, which is not a duration such as 5s"
            )
        }),
    };
    Ok(Retry {
        // Below zero is Argo CD's "for ever".
        limit: file.limit.map_or(defaults.limit, |limit| u32::try_from(limit).unwrap_or(u32::MAX)),
        first_ms: duration(&file.backoff.duration, defaults.first_ms)?,
        factor: file.backoff.factor.unwrap_or(defaults.factor).max(1),
        longest_ms: duration(&file.backoff.max_duration, defaults.longest_ms)?,
    })
}

fn ignore_difference(file: IgnoreFile) -> Result<IgnoreDifference, String> {
    if let Some(pointer) = file.json_pointers.iter().find(|pointer| !pointer.starts_with('/')) {
        return Err(format!(
            "`ignoreDifferences` has `{pointer}`, which is not a JSON pointer (/spec/…)"
        ));
    }
    Ok(IgnoreDifference {
        group: file.group,
        kind: file.kind,
        name: file.name.filter(|name| !name.is_empty()),
        namespace: file.namespace.filter(|namespace| !namespace.is_empty()),
        json_pointers: file.json_pointers,
        jq_paths: file.jq_path_expressions,
        managers: file.managed_fields_managers,
    })
}

/// Go's form of a duration (`1h30m`, `500ms`) or a plain number of seconds, in milliseconds.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return (seconds >= 0).then(|| seconds.checked_mul(1_000)).flatten();
    }
    let mut total: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: i64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let unit = match &after[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        total = total.checked_add(count.checked_mul(unit)?)?;
        rest = &after[letters..];
    }
    (!text.is_empty()).then_some(total)
}
