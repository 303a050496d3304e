//! Passkeys: the challenges that they answer, and what is known of each. The browser's own forms are
//! given on as they are: `PublicKeyCredential` reads and writes them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A challenge for the browser, answered once within five minutes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PasskeyChallenge {
    /// Names it in the answer.
    pub challenge: String,
    /// For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
    #[schema(value_type = Object)]
    pub options: Value,
}

/// A passkey's answer, which signs its owner in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySignIn {
    /// Which challenge it answers.
    pub challenge: String,
    /// What `credential.toJSON()` gives.
    #[schema(value_type = Object)]
    pub credential: Value,
}

/// A passkey that the browser has just made.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    /// Which challenge it answers.
    pub challenge: String,
    /// What its owner calls it: 1 to 60 characters.
    pub label: String,
    /// What `credential.toJSON()` gives.
    #[schema(value_type = Object)]
    pub credential: Value,
}

/// The one-time link that a passkey is made for.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUpPasskey {
    /// What stands behind the `#` of the link.
    pub secret: String,
    /// The name to go by; the link of an invitation has one already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A passkey, without anything of its key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Passkey {
    /// Names it in its removal.
    pub id: String,
    /// What its owner calls it.
    pub label: String,
    /// Since when it signs them in.
    pub added_at: String,
    /// When it did so last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
}
