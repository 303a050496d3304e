//! People with an account, and who is signed in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::passkeys::NewPasskey;
use crate::tokens::TokenRole;

/// Who sends this request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// False for a request without a valid session or token.
    pub signed_in: bool,
    /// The account's or machine's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As facts show it, `person:ada`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What it may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TokenRole>,
    /// The only repository that it counts for; absent: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether anybody has a password here; without, the one-time link is the only way in.
    pub passwords: bool,
    /// Whether anybody has a passkey here.
    pub passkeys: bool,
    /// Whether somebody with an account signed in: they have passkeys of their own to look after.
    pub account: bool,
}

/// A name and its password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's name.
    pub name: String,
    /// Its password.
    pub password: String,
}

/// The one-time link's secret, used to begin or to join.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// What stands behind the `#` of the link.
    pub secret: String,
    /// The name to go by; the link of an invitation has one already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At least 8 characters; absent, and no passkey either: only a session on this browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// In place of a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<NewPasskey>,
}

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// The name.
    pub name: String,
    /// What they may do.
    pub role: TokenRole,
    /// `invited` or `joined`.
    pub state: String,
    /// When they chose a password or a passkey first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<String>,
    /// Sessions and tokens that count now.
    pub tokens: u64,
}

/// A request to let somebody join.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitePerson {
    /// The name: letters, digits, `-`, `_`, `.`, `@`.
    pub name: String,
    /// What they may do.
    #[serde(default)]
    pub role: TokenRole,
}

/// The one-time link of somebody who may join, shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Whose.
    pub name: String,
    /// The address to open.
    pub link: String,
    /// When it ends.
    pub expires_at: String,
}
