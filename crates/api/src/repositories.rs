//! Repositories and their refs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request for a new repository.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRepository {
    /// `owner/name`.
    pub name: String,
    /// Who may read it without a token.
    #[serde(default)]
    pub visibility: Visibility,
    /// The branch that pull requests go to; `main` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
}

/// Who may read a repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Whoever holds a token for it.
    #[default]
    Private,
    /// Everybody who reaches this server.
    Public,
}

/// A repository.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Repository {
    /// `owner/name`.
    pub name: String,
    /// Who may read it.
    pub visibility: Visibility,
    /// The branch that pull requests go to.
    pub default_branch: String,
    /// The address for `git clone`.
    pub clone_url: String,
    /// Branches and tags with the commit that each points to, by name.
    pub references: Vec<Reference>,
    /// What is wrong with `boucle.yaml` on the default branch; empty when it is valid or absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configuration_problems: Vec<crate::problem::Reason>,
}

/// A branch or tag.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Reference {
    /// The full name, `refs/heads/main`.
    pub name: String,
    /// The object that it points to.
    pub object: String,
}

/// A commit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Commit {
    /// The commit's id.
    pub id: String,
    /// The first line of the message.
    pub subject: String,
    /// The rest of the message.
    pub body: String,
    /// Name and address of the author.
    pub author: String,
    /// When it was committed.
    pub committed_at: String,
    /// The ids of its parents.
    pub parents: Vec<String>,
}
