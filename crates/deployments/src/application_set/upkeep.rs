//! What a set does with the applications that it has generated: `applicationsSync`.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::application::Application;

/// Which changes of the set reach applications that are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Upkeep {
    /// All of them.
    #[default]
    Sync,
    /// They change, and stay when they are no longer generated.
    CreateUpdate,
    /// They keep the form in which they were generated first, and go when they no longer are.
    CreateDelete,
    /// They keep their first form, and stay.
    CreateOnly,
}

impl Upkeep {
    /// Whether an application becomes what the set generates now.
    #[must_use]
    pub fn updates(self) -> bool {
        match self {
            Self::Sync | Self::CreateUpdate => true,
            Self::CreateDelete | Self::CreateOnly => false,
        }
    }

    /// Whether an application that is no longer generated is removed.
    #[must_use]
    pub fn removes(self) -> bool {
        match self {
            Self::Sync | Self::CreateDelete => true,
            Self::CreateUpdate | Self::CreateOnly => false,
        }
    }

    /// The form in which an application goes on, of what the set generates now and what it was;
    /// `None`: it ends.
    #[must_use]
    pub fn form<'a>(
        self,
        generated: Option<&'a Application>,
        kept: Option<&'a Application>,
    ) -> Option<&'a Application> {
        match generated {
            Some(_) if self.updates() => generated,
            Some(_) => kept.or(generated),
            None => kept.filter(|_| !self.removes()),
        }
    }
}

impl<'de> Deserialize<'de> for Upkeep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "sync" => Ok(Self::Sync),
            "create-update" => Ok(Self::CreateUpdate),
            "create-delete" => Ok(Self::CreateDelete),
            "create-only" => Ok(Self::CreateOnly),
            other => Err(D::Error::custom(format!(
                "`applicationsSync` is `{other}`; use `sync`, `create-update`, `create-delete` or \
                 `create-only`"
            ))),
        }
    }
}
