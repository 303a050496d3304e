//! `boucle.yaml`: the glue for which no format exists. Described in `docs/boucle-yaml.md`.

use std::collections::BTreeSet;

use ledger::{ApplicationName, EnvironmentName, RepositoryName};
use monitoring::NotificationEvent;
use repositories::glob::Glob;
use repositories::policy::{MergeMethod, Policy, ProtectedPath};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// The whole file; every part but `version` may be absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// 1.
    pub version: Version,
    /// What changes need before they are merged.
    #[serde(default)]
    pub review: Review,
    /// What the workflows publish and the environments run.
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    /// The folder of `Application` files, without trailing slash; empty: none.
    #[serde(default)]
    pub applications: String,
    /// The folder of OpenSLO files, without trailing slash; empty: none.
    #[serde(default)]
    pub objectives: String,
    /// Repositories whose applications may be rendered from this one although it is private.
    #[serde(default, rename = "sourceOf")]
    pub source_of: Vec<RepositoryName>,
    /// In the order of promotion.
    #[serde(default)]
    pub environments: Vec<Environment>,
    /// Who is told about what.
    #[serde(default)]
    pub notifications: Vec<NotificationRoute>,
}

/// The version of the format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Version;

/// What changes need before they are merged; turned into [`Policy`] by [`Configuration::policy`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Review {
    /// Branches that only a merge moves, as globs; the default branch always is one.
    pub branches: Vec<String>,
    /// How many people other than the author must approve.
    pub required_approvals: u32,
    /// `<workflow file stem>/<job id>`.
    pub required_checks: Vec<String>,
    /// Whether CODEOWNERS must approve.
    pub code_owners: bool,
    /// Whether a new head or merge base ends an approval.
    pub dismiss_stale_approvals: bool,
    /// Whether the head must contain the target's tip.
    pub require_up_to_date: bool,
    /// How a pull request may be merged.
    pub merge_methods: BTreeSet<MergeMethod>,
    /// Paths that need more approvals.
    pub protected_paths: Vec<PathRule>,
    /// Whether unprotected branches may be rewritten.
    pub allow_force_push: bool,
    /// The largest file, in bytes; `None`: the server's limit.
    pub file_bytes_max: Option<u64>,
}

/// Paths that need more approvals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathRule {
    /// Globs, relative to the root.
    pub paths: Vec<String>,
    /// How many approvals.
    pub approvals: u32,
}

/// Something that a workflow publishes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Its name: in `boucle/publish`, and in the `images` of a kustomization.
    pub name: String,
    /// The stem of the workflow's file: `ci` for `.github/workflows/ci.yaml`.
    pub workflow: String,
    /// What it is built from: globs, relative to the root. Its gate is keyed by their trees.
    pub paths: Vec<String>,
}

/// One place where the artifacts run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// The folder whose kustomization a promotion changes.
    pub path: String,
    /// The application that deploys it.
    pub application: ApplicationName,
    /// Whether a person must approve a promotion into it.
    #[serde(default)]
    pub approval: Approval,
    /// When a deployment counts as verified.
    #[serde(default)]
    pub verification: Verification,
    /// What happens to a sick deployment.
    #[serde(default)]
    pub rollback: RollbackPolicy,
}

/// Whether a person must approve a promotion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// Green gates are enough.
    #[default]
    None,
    /// A person approves the pull request.
    Required,
}

/// When a deployment counts as verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Verification {
    /// How long it is watched.
    pub window: Duration,
    /// How many requests it must have answered; fewer is inconclusive.
    pub minimum_requests: u64,
    /// How long an inconclusive verification holds the next environment before a person is asked.
    pub deadline: Duration,
}

/// What happens to a sick deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RollbackPolicy {
    /// Who decides.
    pub mode: RollbackMode,
    /// At most one automatic rollback in this time.
    pub window: Duration,
}

/// Who decides about a rollback.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackMode {
    /// Boucle reverts.
    #[default]
    Automatic,
    /// Boucle stops promotions and leaves the rest to people.
    Freeze,
    /// Boucle prepares the revert and asks a person.
    Ask,
}

/// A length of time; written `500ms`, `5s`, `2m`, `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Duration {
    /// In milliseconds.
    pub ms: i64,
}

/// A receiver of notifications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationRoute {
    /// The route's name; `webhook` when absent.
    #[serde(default = "default_route_name")]
    pub name: String,
    /// Where it goes.
    pub webhook: Webhook,
    /// About what; all when absent.
    #[serde(default = "NotificationEvent::all")]
    pub on: BTreeSet<NotificationEvent>,
}

/// An HTTP receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// `http://` or `https://`.
    pub url: String,
    /// The name of the repository's secret that signs the body; never the secret itself.
    pub secret: String,
}

fn default_route_name() -> String {
    "webhook".into()
}

/// No approval, all merge methods, stale approvals dismissed.
impl Default for Review {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            branches: Vec::new(),
            required_approvals: policy.required_approvals,
            required_checks: Vec::new(),
            code_owners: false,
            dismiss_stale_approvals: policy.dismiss_stale_approvals,
            require_up_to_date: policy.require_up_to_date,
            merge_methods: policy.merge_methods,
            protected_paths: Vec::new(),
            allow_force_push: policy.allow_force_push,
            file_bytes_max: None,
        }
    }
}

/// A minute of watching, no traffic needed, and a person is asked after an hour.
impl Default for Verification {
    fn default() -> Self {
        let (window, deadline) = (Duration { ms: 60_000 }, Duration { ms: 3_600_000 });
        Self { window, minimum_requests: 0, deadline }
    }
}

/// Automatic, at most once an hour.
impl Default for RollbackPolicy {
    fn default() -> Self {
        Self { mode: RollbackMode::default(), window: Duration { ms: 3_600_000 } }
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(D::Error::custom(format!("version {other} is not known; write 1"))),
        }
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        monitoring::duration::parse_ms(&text)
            .and_then(|ms| i64::try_from(ms).ok())
            .map(|ms| Self { ms })
            .ok_or_else(|| {
                D::Error::custom(format!("`{text}` is not a duration such as 30s, 5m or 1h"))
            })
    }
}

impl Configuration {
    /// Reads and cross-checks a file; the first thing that is wrong comes back with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, yaml::YamlError> {
        let configuration: Self = yaml::document(file, text)?;
        match configuration.problem() {
            None => Ok(configuration),
            Some((value, message)) => {
                let (line, column) = place_of(text, &value);
                Err(yaml::YamlError { file: file.into(), line, column, message })
            }
        }
    }

    /// The review rules as the repository's policy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let review = &self.review;
        // `problem` refused what is no glob, so nothing is lost here.
        let globs =
            |texts: &[String]| texts.iter().filter_map(|text| Glob::new(text).ok()).collect();
        let default = Policy::default();
        Policy {
            protected: globs(&review.branches),
            required_approvals: review.required_approvals,
            required_checks: review.required_checks.clone(),
            code_owners: review.code_owners,
            dismiss_stale_approvals: review.dismiss_stale_approvals,
            require_up_to_date: review.require_up_to_date,
            merge_methods: review.merge_methods.clone(),
            protected_paths: review
                .protected_paths
                .iter()
                .map(|rule| ProtectedPath { paths: globs(&rule.paths), approvals: rule.approvals })
                .collect(),
            allow_force_push: review.allow_force_push,
            file_bytes_max: review.file_bytes_max.unwrap_or(default.file_bytes_max),
            ..default
        }
    }

    /// The environment that an application deploys.
    #[must_use]
    pub fn environment_of(&self, application: &ApplicationName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.application == *application)
    }

    /// An environment by its name.
    #[must_use]
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == *name)
    }

    /// The first thing that each value alone does not show: the value to point at, and what is wrong.
    fn problem(&self) -> Option<(String, String)> {
        self.name_problem().or_else(|| self.glob_problem()).or_else(|| self.value_problem())
    }

    fn name_problem(&self) -> Option<(String, String)> {
        let mut seen = BTreeSet::new();
        for artifact in &self.artifacts {
            if !seen.insert(artifact.name.as_str()) {
                return Some(refusal(
                    &artifact.name,
                    format!("artifact `{}` is named twice", artifact.name),
                ));
            }
        }
        let (mut names, mut applications, mut paths) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for environment in &self.environments {
            let Environment { name, application, path, .. } = environment;
            if !names.insert(name) {
                return Some(refusal(
                    name.as_str(),
                    format!("environment `{name}` is named twice"),
                ));
            }
            if !applications.insert(application) {
                let message = format!("application `{application}` is in two environments");
                return Some(refusal(application.as_str(), message));
            }
            if !paths.insert(path) {
                let message = format!("path `{path}` is in two environments; each needs its own");
                return Some(refusal(path, message));
            }
        }
        let mut routes = BTreeSet::new();
        let twice = self.notifications.iter().find(|route| !routes.insert(route.name.as_str()))?;
        Some(refusal(&twice.name, format!("notification `{}` is named twice", twice.name)))
    }

    fn glob_problem(&self) -> Option<(String, String)> {
        let review = &self.review;
        let of_rules = review.protected_paths.iter().flat_map(|rule| &rule.paths);
        let of_artifacts = self.artifacts.iter().flat_map(|artifact| &artifact.paths);
        review.branches.iter().chain(of_rules).chain(of_artifacts).find_map(|text| {
            Glob::new(text)
                .err()
                .map(|error| refusal(text, format!("`{text}` is no pattern: {error}")))
        })
    }

    fn value_problem(&self) -> Option<(String, String)> {
        if self.review.merge_methods.is_empty() {
            let message = "`mergeMethods` is empty, so nothing could be merged; name at least one";
            return Some(refusal("mergeMethods", message.into()));
        }
        let check = |text: &&String| text.split('/').filter(|part| !part.is_empty()).count() != 2;
        if let Some(text) = self.review.required_checks.iter().find(check) {
            let message = format!("check `{text}` is not of the form <workflow>/<job>");
            return Some(refusal(text, message));
        }
        if let Some(artifact) = self.artifacts.iter().find(|artifact| artifact.paths.is_empty()) {
            let message = format!("artifact `{}` is built from no path", artifact.name);
            return Some(refusal(&artifact.name, message));
        }
        let folders = self.environments.iter().map(|environment| &environment.path);
        for path in folders.chain([&self.applications, &self.objectives]) {
            let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
            if leaves || path.ends_with('/') {
                let message = format!(
                    "`{path}` must be a folder below the root, without a slash at its ends"
                );
                return Some(refusal(path, message));
            }
        }
        if let Some(environment) =
            self.environments.iter().find(|environment| environment.path.is_empty())
        {
            let message = format!("environment `{}` has an empty path", environment.name);
            return Some(refusal(environment.name.as_str(), message));
        }
        let scheme = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        let route = self.notifications.iter().find(|route| !scheme(&route.webhook.url))?;
        let message = format!("`{}` is no address of a webhook (https://…)", route.webhook.url);
        Some(refusal(&route.webhook.url, message))
    }
}

fn refusal(value: &str, message: String) -> (String, String) {
    (value.into(), message)
}

/// Where a value was written last, from 1; the last place is the second one of a duplicate.
fn place_of(text: &str, value: &str) -> (u64, u64) {
    if value.is_empty() {
        return (1, 1);
    }
    let found = text.lines().enumerate().filter_map(|(line, content)| {
        content.rfind(value).map(|column| (line as u64 + 1, column as u64 + 1))
    });
    found.last().unwrap_or((1, 1))
}
