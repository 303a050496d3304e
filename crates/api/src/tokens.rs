//! Tokens of people and machines.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request for a token.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// The account or machine that it stands for.
    pub name: String,
    /// Whose it is.
    #[serde(default)]
    pub kind: TokenKind,
    /// What it may do.
    #[serde(default)]
    pub role: TokenRole,
    /// Only in this repository; everywhere when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// How long it is valid; 90 days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u32>,
}

/// Whose token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// A person's: reviews count.
    #[default]
    Person,
    /// A program's: reviews do not count.
    Machine,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenRole {
    /// Read repositories and their state.
    Read,
    /// Push, review and merge within the rules.
    #[default]
    Write,
    /// Also create repositories and tokens.
    Admin,
}

/// A new token. The secret is shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// Its id, for revoking it.
    pub id: String,
    /// The name.
    pub name: String,
    /// The secret.
    pub token: String,
    /// When it stops being valid.
    pub expires_at: String,
}

/// A token without its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Whose it is.
    pub kind: TokenKind,
    /// What it may do.
    pub role: TokenRole,
    /// Only in this repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it stops being valid.
    pub expires_at: String,
}
