//! The shapes of `scmProvider` and `pullRequest`. Argo CD asks other servers; here the repositories of
//! this server are meant, whichever of three providers a file names them by.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::file::Template;
use crate::argo_cd_file::refused;

refused!(
    no_token,
    "`tokenRef` names a secret of another server; the repositories of this server are read without \
     one: remove it"
);
refused!(
    no_app,
    "`appSecretName` names a secret of another server; the repositories of this server are read \
     without one: remove it"
);
refused!(
    no_authority,
    "the repositories of this server are read without a connection; remove `caRef`"
);
refused!(
    no_topic,
    "repositories of this server have no topics; choose them by `filters` and remove `topic`"
);
refused!(
    no_label_match,
    "repositories of this server have no labels; choose them by `repositoryMatch` and remove \
     `labelMatch`"
);
refused!(
    no_provider,
    "repositories of this server are named by `gitea`, `github` or `gitlab`, without `api`; push \
     those of another server here and use one of these"
);

/// `scmProvider`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ScmProviderGenerator {
    #[serde(default)]
    gitea: Option<GiteaOwner>,
    #[serde(default)]
    github: Option<GithubOrganization>,
    #[serde(default)]
    gitlab: Option<GitlabGroup>,
    #[serde(default)]
    pub(super) filters: Vec<RepositoryFilter>,
    #[serde(default, rename = "cloneProtocol")]
    _clone_protocol: CloneProtocol,
    #[serde(default)]
    pub(super) values: BTreeMap<String, String>,
    /// How often Argo CD looks; here facts say when something changed.
    #[serde(default, rename = "requeueAfterSeconds")]
    _requeue_after_seconds: Option<i64>,
    #[serde(default, rename = "template")]
    _template: Option<Template>,
    #[serde(default, rename = "bitbucket", deserialize_with = "no_provider")]
    _bitbucket: (),
    #[serde(default, rename = "bitbucketServer", deserialize_with = "no_provider")]
    _bitbucket_server: (),
    #[serde(default, rename = "azureDevOps", deserialize_with = "no_provider")]
    _azure_dev_ops: (),
    #[serde(default, rename = "awsCodeCommit", deserialize_with = "no_provider")]
    _aws_code_commit: (),
}

/// `pullRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PullRequestGenerator {
    #[serde(default)]
    gitea: Option<OwnedRepository>,
    #[serde(default)]
    github: Option<OwnedRepository>,
    #[serde(default)]
    gitlab: Option<GitlabProject>,
    #[serde(default)]
    pub(super) filters: Vec<PullRequestFilter>,
    #[serde(default)]
    pub(super) values: BTreeMap<String, String>,
    #[serde(default, rename = "requeueAfterSeconds")]
    _requeue_after_seconds: Option<i64>,
    #[serde(
        default,
        rename = "continueOnRepoNotFoundError",
        deserialize_with = "not_without_repository"
    )]
    _continue_on_repo_not_found_error: (),
    #[serde(default, rename = "template")]
    _template: Option<Template>,
    #[serde(default, rename = "bitbucket", deserialize_with = "no_provider")]
    _bitbucket: (),
    #[serde(default, rename = "bitbucketServer", deserialize_with = "no_provider")]
    _bitbucket_server: (),
    #[serde(default, rename = "azuredevops", deserialize_with = "no_provider")]
    _azure_dev_ops: (),
}

/// What is asked for of this server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    /// The server's address, if the file has one.
    pub(super) api: &'a str,
    /// The owner of repositories, or one repository.
    pub(super) name: String,
    /// `allBranches`.
    pub(super) all_branches: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GiteaOwner {
    owner: String,
    #[serde(default)]
    api: String,
    #[serde(default)]
    all_branches: bool,
    #[serde(default, rename = "tokenRef", deserialize_with = "no_token")]
    _token_ref: (),
    #[serde(default, rename = "insecure", deserialize_with = "not_insecure")]
    _insecure: (),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GithubOrganization {
    organization: String,
    #[serde(default)]
    api: String,
    #[serde(default)]
    all_branches: bool,
    #[serde(default, rename = "tokenRef", deserialize_with = "no_token")]
    _token_ref: (),
    #[serde(default, rename = "appSecretName", deserialize_with = "no_app")]
    _app_secret_name: (),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GitlabGroup {
    group: String,
    #[serde(default)]
    api: String,
    #[serde(default)]
    all_branches: bool,
    /// Names of this server have two parts: there are no subgroups.
    #[serde(default, rename = "includeSubgroups")]
    _include_subgroups: bool,
    /// Nor are repositories shared between owners.
    #[serde(default, rename = "includeSharedProjects")]
    _include_shared_projects: Option<bool>,
    #[serde(default, rename = "topic", deserialize_with = "no_topic")]
    _topic: (),
    #[serde(default, rename = "tokenRef", deserialize_with = "no_token")]
    _token_ref: (),
    #[serde(default, rename = "insecure", deserialize_with = "not_insecure")]
    _insecure: (),
    #[serde(default, rename = "caRef", deserialize_with = "no_authority")]
    _ca_ref: (),
}

/// `gitea` and `github` of `pullRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OwnedRepository {
    owner: String,
    repo: String,
    #[serde(default)]
    api: String,
    #[serde(default, rename = "labels")]
    _labels: NoLabels,
    #[serde(default, rename = "tokenRef", deserialize_with = "no_token")]
    _token_ref: (),
    #[serde(default, rename = "appSecretName", deserialize_with = "no_app")]
    _app_secret_name: (),
    #[serde(default, rename = "insecure", deserialize_with = "not_insecure")]
    _insecure: (),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GitlabProject {
    project: String,
    #[serde(default)]
    api: String,
    #[serde(default, rename = "labels")]
    _labels: NoLabels,
    #[serde(default, rename = "pullRequestState")]
    _pull_request_state: Opened,
    #[serde(default, rename = "tokenRef", deserialize_with = "no_token")]
    _token_ref: (),
    #[serde(default, rename = "insecure", deserialize_with = "not_insecure")]
    _insecure: (),
    #[serde(default, rename = "caRef", deserialize_with = "no_authority")]
    _ca_ref: (),
}

/// An entry of `filters` of `scmProvider`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RepositoryFilter {
    pub(super) repository_match: Option<String>,
    pub(super) branch_match: Option<String>,
    pub(super) paths_exist: Vec<String>,
    pub(super) paths_do_not_exist: Vec<String>,
    #[serde(rename = "labelMatch", deserialize_with = "no_label_match")]
    _label_match: (),
}

/// An entry of `filters` of `pullRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct PullRequestFilter {
    pub(super) branch_match: Option<String>,
    pub(super) target_branch_match: Option<String>,
    pub(super) title_match: Option<String>,
}

#[derive(Debug, Default)]
struct CloneProtocol;

#[derive(Debug, Default)]
struct NoLabels;

#[derive(Debug, Default)]
struct Opened;

impl ScmProviderGenerator {
    /// Whose repositories.
    pub(super) fn asked(&self) -> Result<Asked<'_>, String> {
        let gitea = self.gitea.as_ref().map(|one| (&one.api, &one.owner, one.all_branches));
        let github =
            self.github.as_ref().map(|one| (&one.api, &one.organization, one.all_branches));
        let gitlab = self.gitlab.as_ref().map(|one| (&one.api, &one.group, one.all_branches));
        let (api, name, all_branches) = only("scmProvider", [gitea, github, gitlab])?;
        Ok(Asked { api, name: name.clone(), all_branches })
    }
}

impl PullRequestGenerator {
    /// Of which repository.
    pub(super) fn asked(&self) -> Result<Asked<'_>, String> {
        let gitea = self.gitea.as_ref().map(|one| (&one.api, one.name()));
        let github = self.github.as_ref().map(|one| (&one.api, one.name()));
        let gitlab = self.gitlab.as_ref().map(|one| (&one.api, one.project.clone()));
        let (api, name) = only("pullRequest", [gitea, github, gitlab])?;
        Ok(Asked { api, name, all_branches: false })
    }
}

impl OwnedRepository {
    fn name(&self) -> String {
        format!("{}/{}", self.owner, self.repo)
    }
}

fn only<T>(kind: &str, named: [Option<T>; 3]) -> Result<T, String> {
    let mut named = named.into_iter().flatten();
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) | (None, _) => {
            Err(format!("`{kind}` has exactly one of `gitea`, `github`, `gitlab`"))
        }
    }
}

fn not_insecure<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match bool::deserialize(deserializer)? {
        false => Ok(()),
        true => Err(serde::de::Error::custom(
            "the repositories of this server are read without a connection; remove `insecure`",
        )),
    }
}

fn not_without_repository<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match bool::deserialize(deserializer)? {
        false => Ok(()),
        true => Err(serde::de::Error::custom(
            "a repository that is not found is never taken for one without pull requests; remove \
             `continueOnRepoNotFoundError`",
        )),
    }
}

impl<'de> Deserialize<'de> for CloneProtocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "" | "https" => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "`cloneProtocol` is `{other}`; addresses of this server are those of its page: use \
                 `https` or remove it"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for NoLabels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Vec::<String>::deserialize(deserializer)?.first() {
            None => Ok(Self),
            Some(label) => Err(serde::de::Error::custom(format!(
                "pull requests of this server have no labels, and so none has `{label}`; choose them \
                 by `filters` (`titleMatch`, `branchMatch`) and remove `labels`"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for Opened {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "" | "opened" => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "`pullRequestState` is `{other}`; applications are made of open pull requests only"
            ))),
        }
    }
}
