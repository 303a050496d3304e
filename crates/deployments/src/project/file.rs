//! The shape of an `AppProject` file: every field of Argo CD's type, read or refused with a reason.

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::permits::normal_address;
use super::{DestinationRule, KindRule, Project, Schedule, ServiceAccountRule, SyncWindow};
use super::{OrphanPattern, OrphanRules, WindowKind, ZoneName};
use crate::application_file::duration_ms;
use crate::argo_cd_file::{ApiVersion, Metadata, NoStatus};
use crate::glob::{Glob, Rule};

/// The longest window: longer than a leap year it would be no window.
const WINDOW_MS_MAX: i64 = 366 * 24 * 60 * 60 * 1_000;
/// The most entries of any list: each is compared with each object.
const ENTRIES_MAX: usize = 1_000;

/// Makes a reader that refuses a field of Argo CD's unless its value asks for nothing.
macro_rules! refused_value {
    ($name:ident, $type:ty, $why:literal) => {
        fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
            let given = Option::<$type>::deserialize(deserializer)?.unwrap_or_default();
            if given == <$type>::default() { Ok(()) } else { Err(D::Error::custom($why)) }
        }
    };
}

/// Something was given, whatever it is.
#[derive(Debug, Default, PartialEq)]
struct Given(bool);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

refused_value!(
    no_signatures,
    Vec<IgnoredAny>,
    "`spec.signatureKeys` is not supported yet: signatures of commits are not verified here, and \
     nothing would hold what it asks for; a protected branch with required reviews (`boucle.yaml`) says \
     whose commits are deployed"
);
refused_value!(
    no_integrity,
    Given,
    "`spec.sourceIntegrity` is not supported yet: signatures of commits are not verified here, and \
     nothing would hold what it asks for; a protected branch with required reviews (`boucle.yaml`) says \
     whose commits are deployed"
);
refused_value!(
    no_scoped,
    bool,
    "`spec.permitOnlyProjectScopedClusters` is not supported yet: the clusters of a kubeconfig \
     belong to no project; name them in `destinations`"
);
refused_value!(
    no_policies,
    Vec<String>,
    "`policies` of a role is not supported: who may do what with an application is the role on the \
     repository that declares it, `read` to look, `write` to synchronise, act and roll back, `admin` to \
     change rules; for a narrower one, declare the applications in a repository of their own"
);
refused_value!(
    no_groups,
    Vec<String>,
    "`groups` of a role is not supported: there are no groups of people here, each has a role on the \
     repository that declares the application"
);
refused_value!(
    no_tokens,
    Vec<IgnoredAny>,
    "`jwtTokens` of a role is not supported: a token for the applications of one repository is made \
     with `boucle token create NAME --repository OWNER/NAME --role ROLE`, and revoked by its id"
);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProjectFile {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: Kind,
    metadata: Metadata<ProjectName, Finalizer>,
    #[serde(default)]
    spec: Spec,
    #[serde(default, rename = "status")]
    _status: NoStatus,
}

#[derive(Debug, Deserialize)]
enum Kind {
    AppProject,
}

/// A project whose file is gone permits nothing while applications name it, which is what Argo CD's
/// finalizer is for.
#[derive(Debug, Deserialize)]
enum Finalizer {
    #[serde(rename = "resources-finalizer.argocd.argoproj.io")]
    Resources,
}

/// A name as objects of Kubernetes have it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct ProjectName(String);

impl TryFrom<String> for ProjectName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = |one: char| {
            one.is_ascii_lowercase() || one.is_ascii_digit() || matches!(one, '-' | '.')
        };
        let (first, last) = (text.chars().next(), text.chars().last());
        let ends = |one: Option<char>| one.is_some_and(|one| one.is_ascii_alphanumeric());
        if text.len() > 253 || !ends(first) || !ends(last) || !text.chars().all(known) {
            return Err(format!("`{text}` is no name of a project: a-z, 0-9, `-` and `.`"));
        }
        Ok(Self(text))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Spec {
    source_repos: Vec<SourceRule>,
    destinations: Vec<Destination>,
    /// For people; it decides nothing.
    #[serde(rename = "description")]
    _description: String,
    #[serde(rename = "roles")]
    _roles: Vec<RoleFile>,
    cluster_resource_whitelist: Vec<KindRule>,
    cluster_resource_blacklist: Vec<KindRule>,
    namespace_resource_whitelist: Option<Vec<NamespacedKind>>,
    namespace_resource_blacklist: Vec<NamespacedKind>,
    sync_windows: Vec<Window>,
    /// Namespaces of Argo CD's from which applications may come besides its own. Files of Git are
    /// in none, so that any value means the same.
    #[serde(rename = "sourceNamespaces")]
    _source_namespaces: Vec<String>,
    destination_service_accounts: Vec<Account>,
    orphaned_resources: Option<Orphans>,
    #[serde(rename = "signatureKeys", deserialize_with = "no_signatures")]
    _signature_keys: (),
    #[serde(rename = "sourceIntegrity", deserialize_with = "no_integrity")]
    _source_integrity: (),
    #[serde(rename = "permitOnlyProjectScopedClusters", deserialize_with = "no_scoped")]
    _permit_only_project_scoped_clusters: (),
}

/// A rule for addresses of repositories, which are compared without regard to case.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct SourceRule(Rule);

impl TryFrom<String> for SourceRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        rule(normal_address(&text)).map(Self)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Destination {
    #[serde(default)]
    server: Option<DestinationPattern>,
    #[serde(default)]
    name: Option<DestinationPattern>,
    #[serde(default = "no_namespace")]
    namespace: DestinationPattern,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct DestinationPattern(Rule);

impl TryFrom<String> for DestinationPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        rule(text).map(Self)
    }
}

fn rule(text: String) -> Result<Rule, String> {
    let rule = Rule::try_from(text)?;
    if rule.denies && rule.glob == Glob::everything() {
        return Err("`!*` would deny everything; leave the list empty instead".into());
    }
    Ok(rule)
}

/// An entry without a namespace is for applications without one.
fn no_namespace() -> DestinationPattern {
    DestinationPattern(Rule { glob: Glob::nothing(), denies: false })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RoleFile {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "policies", deserialize_with = "no_policies")]
    _policies: (),
    #[serde(default, rename = "groups", deserialize_with = "no_groups")]
    _groups: (),
    #[serde(default, rename = "jwtTokens", deserialize_with = "no_tokens")]
    _jwt_tokens: (),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamespacedKind {
    group: Glob,
    kind: Glob,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "WindowFile")]
struct Window(SyncWindow);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WindowFile {
    kind: WindowKind,
    schedule: Schedule,
    duration: WindowDuration,
    #[serde(default)]
    time_zone: Option<ZoneName>,
    #[serde(default)]
    applications: Vec<Glob>,
    #[serde(default)]
    namespaces: Vec<Glob>,
    #[serde(default)]
    clusters: Vec<Glob>,
    #[serde(default)]
    and_operator: bool,
    #[serde(default)]
    manual_sync: bool,
    #[serde(default)]
    sync_overrun: Option<bool>,
    #[serde(default, rename = "description")]
    _description: String,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct WindowDuration(i64);

impl TryFrom<String> for WindowDuration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // A number without unit is none of Go's durations.
        let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
        let known = duration_ms(&text).filter(|ms| has_unit && (1..=WINDOW_MS_MAX).contains(ms));
        known.map(Self).ok_or_else(|| {
            format!("`{text}` is no duration of a window, such as 1h30m, of at most 366 days")
        })
    }
}

impl TryFrom<WindowFile> for Window {
    type Error = String;

    fn try_from(file: WindowFile) -> Result<Self, String> {
        if file.applications.is_empty() && file.namespaces.is_empty() && file.clusters.is_empty() {
            return Err(
                "a window needs `applications`, `namespaces` or `clusters`; `['*']` is all \
                        of them"
                    .into(),
            );
        }
        if file.sync_overrun == Some(false) {
            return Err(
                "`syncOverrun: false` is not supported: what was begun within a window is \
                        brought to its end, so that nothing stays half written"
                    .into(),
            );
        }
        Ok(Self(SyncWindow {
            kind: file.kind,
            schedule: file.schedule,
            zone: file.time_zone.unwrap_or_default(),
            duration_ms: file.duration.0,
            applications: file.applications,
            namespaces: file.namespaces,
            clusters: file.clusters,
            all_must_match: file.and_operator,
            manual: file.manual_sync,
        }))
    }
}

/// Argo CD warns unless it is told otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Orphans {
    #[serde(default)]
    warn: Option<bool>,
    #[serde(default)]
    ignore: Vec<Orphan>,
}

/// Argo CD reads an absent group as the core one, and an absent kind or name as any.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Orphan {
    #[serde(default = "Glob::nothing")]
    group: Glob,
    #[serde(default)]
    kind: Option<Glob>,
    #[serde(default)]
    name: Option<Glob>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Account {
    server: Glob,
    namespace: Glob,
    default_service_account: AccountName,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct AccountName(String);

impl TryFrom<String> for AccountName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let known = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '.');
        let is_name = |part: &&str| !part.is_empty() && part.chars().all(known);
        if parts.len() > 2 || !parts.iter().all(is_name) {
            return Err(format!(
                "`{text}` is no service account: `NAME` of the destination's namespace, or \
                 `NAMESPACE:NAME`"
            ));
        }
        Ok(Self(text))
    }
}

pub(super) fn parse(file: &str, text: &str) -> Result<Project, yaml::YamlError> {
    let parsed: ProjectFile = yaml::document(file, text)?;
    let spec = parsed.spec;
    let lengths = [
        spec.source_repos.len(),
        spec.destinations.len(),
        spec.cluster_resource_whitelist.len(),
        spec.cluster_resource_blacklist.len(),
        spec.namespace_resource_whitelist.as_ref().map_or(0, Vec::len),
        spec.namespace_resource_blacklist.len(),
        spec.sync_windows.len(),
        spec.destination_service_accounts.len(),
        spec.orphaned_resources.as_ref().map_or(0, |orphans| orphans.ignore.len()),
    ];
    if lengths.into_iter().any(|length| length > ENTRIES_MAX) {
        let message = format!("a list of the project has more than {ENTRIES_MAX} entries");
        return Err(yaml::YamlError { file: file.into(), line: 1, column: 1, message });
    }
    let kinds = |list: Vec<NamespacedKind>| -> Vec<KindRule> {
        let kind = |one: NamespacedKind| KindRule { group: one.group, kind: one.kind, name: None };
        list.into_iter().map(kind).collect()
    };
    Ok(Project {
        name: parsed.metadata.name.0,
        source_repos: spec.source_repos.into_iter().map(|one| one.0).collect(),
        destinations: spec.destinations.into_iter().map(destination).collect(),
        cluster_kinds: spec.cluster_resource_whitelist,
        denied_cluster_kinds: spec.cluster_resource_blacklist,
        namespaced_kinds: spec.namespace_resource_whitelist.map(kinds),
        denied_namespaced_kinds: kinds(spec.namespace_resource_blacklist),
        windows: spec.sync_windows.into_iter().map(|one| one.0).collect(),
        service_accounts: spec.destination_service_accounts.into_iter().map(account).collect(),
        orphans: spec.orphaned_resources.map(orphans),
    })
}

fn destination(file: Destination) -> DestinationRule {
    DestinationRule {
        server: file.server.map(|one| one.0),
        name: file.name.map(|one| one.0),
        namespace: file.namespace.0,
    }
}

fn orphans(file: Orphans) -> OrphanRules {
    let said = |glob: Option<Glob>| glob.filter(|glob| !glob.as_str().is_empty());
    let pattern = |one: Orphan| OrphanPattern {
        group: one.group,
        kind: said(one.kind),
        name: said(one.name),
    };
    OrphanRules {
        warns: file.warn.unwrap_or(true),
        ignored: file.ignore.into_iter().map(pattern).collect(),
    }
}

fn account(file: Account) -> ServiceAccountRule {
    let account = file.default_service_account.0;
    ServiceAccountRule { server: file.server, namespace: file.namespace, account }
}
