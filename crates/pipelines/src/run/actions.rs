//! The actions that the runner has built in, and what each takes. There are no others: nothing is
//! downloaded to run a step.

use std::collections::BTreeMap;

/// A built-in action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NativeAction {
    /// `actions/checkout`.
    Checkout,
    /// `actions/upload-artifact`.
    UploadArtifact,
    /// `actions/download-artifact`.
    DownloadArtifact,
    /// `boucle/publish`.
    Publish,
}

/// Why a `uses` or its `with` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionProblem {
    /// Code of somebody else, or of the repository itself.
    #[error(
        "the action `{action}` is not built in, and Boucle runs no code from elsewhere; built in \
         are actions/checkout, actions/upload-artifact, actions/download-artifact and \
         boucle/publish; write a `run` step instead, or an action in this repository"
    )]
    NotBuiltIn {
        /// As written.
        action: String,
    },
    /// A version that does not exist.
    #[error("`{action}` names no version of this action that Boucle knows; use {newest}")]
    UnknownVersion {
        /// As written.
        action: String,
        /// The newest one, whole.
        newest: String,
    },
    /// An input that the action does not take.
    #[error("`{action}` has no input `{input}`; it takes {known}")]
    UnknownInput {
        /// The action.
        action: &'static str,
        /// The input.
        input: String,
        /// What it takes, separated by commas.
        known: String,
    },
    /// An input without which it cannot work.
    #[error("`{action}` needs the input `{input}`")]
    MissingInput {
        /// The action.
        action: &'static str,
        /// The input.
        input: &'static str,
    },
}

impl NativeAction {
    /// Every built-in action.
    pub const ALL: [Self; 4] =
        [Self::Checkout, Self::UploadArtifact, Self::DownloadArtifact, Self::Publish];

    /// The action that a `uses` names.
    pub fn parse(uses: &str) -> Result<Self, ActionProblem> {
        let (name, version) = uses.split_once('@').unwrap_or((uses, ""));
        let found = Self::ALL.into_iter().find(|action| name.eq_ignore_ascii_case(action.name()));
        let Some(action) = found else {
            return Err(ActionProblem::NotBuiltIn { action: uses.to_owned() });
        };
        if action.has_version(version) {
            return Ok(action);
        }
        let newest = format!("{}@v{}", action.name(), action.newest_version());
        Err(ActionProblem::UnknownVersion { action: uses.to_owned(), newest })
    }

    /// Its name without a version.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkout => "actions/checkout",
            Self::UploadArtifact => "actions/upload-artifact",
            Self::DownloadArtifact => "actions/download-artifact",
            Self::Publish => "boucle/publish",
        }
    }

    /// The inputs that it takes.
    #[must_use]
    pub fn inputs(self) -> &'static [&'static str] {
        match self {
            Self::Checkout => &["repository", "ref", "path", "clean", "fetch-depth"],
            Self::UploadArtifact => {
                &["name", "path", "if-no-files-found", "overwrite", "include-hidden-files"]
            }
            Self::DownloadArtifact => &["name", "path", "pattern", "merge-multiple"],
            Self::Publish => &[
                "name",
                "path",
                "kind",
                "entrypoint",
                "command",
                "env",
                "ports",
                "labels",
                "working-directory",
            ],
        }
    }

    /// Refuses inputs that it does not take and the absence of those that it needs. Names are
    /// without regard to case; an input of a known name comes back in lower case.
    pub fn check(
        self,
        inputs: Vec<(String, String)>,
    ) -> Result<BTreeMap<String, String>, ActionProblem> {
        let action = self.name();
        let mut checked = BTreeMap::new();
        for (name, value) in inputs {
            let lower = name.to_ascii_lowercase();
            if !self.inputs().contains(&lower.as_str()) {
                let known = self.inputs().join(", ");
                return Err(ActionProblem::UnknownInput { action, input: name, known });
            }
            checked.insert(lower, value);
        }
        let needed: &[&'static str] = match self {
            Self::Checkout | Self::DownloadArtifact => &[],
            Self::UploadArtifact => &["path"],
            Self::Publish => &["name", "path"],
        };
        let present = |input: &str| checked.get(input).is_some_and(|value| !value.is_empty());
        match needed.iter().find(|input| !present(input)) {
            Some(input) => Err(ActionProblem::MissingInput { action, input }),
            None => Ok(checked),
        }
    }

    fn newest_version(self) -> u32 {
        match self {
            Self::Checkout => 6,
            Self::UploadArtifact => 7,
            Self::DownloadArtifact => 8,
            Self::Publish => 1,
        }
    }

    /// `v4`, `v4.1`, `v4.1.2`, or a commit: whoever pins a commit gets the built-in action too.
    fn has_version(self, version: &str) -> bool {
        if version.is_empty() {
            return self == Self::Publish;
        }
        let commit = version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        let numbers = version.strip_prefix('v').map(|text| text.split('.').collect::<Vec<_>>());
        let numbered = numbers.is_some_and(|numbers| {
            let major =
                numbers[0].parse().is_ok_and(|it| (1..=self.newest_version()).contains(&it));
            major
                && numbers.len() <= 3
                && numbers.iter().all(|number| number.parse::<u32>().is_ok())
        });
        numbered || (commit && self != Self::Publish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uses: &str, expected: &str) {
        let text = match NativeAction::parse(uses) {
            Ok(action) => action.name().to_owned(),
            Err(ActionProblem::NotBuiltIn { .. }) => "not built in".to_owned(),
            Err(problem) => problem.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn names_and_versions() {
        check("actions/checkout@v4", "actions/checkout");
        check("Actions/Checkout@v1", "actions/checkout");
        check("actions/checkout@v4.2.1", "actions/checkout");
        check("actions/checkout@0123456789abcdef0123456789abcdef01234567", "actions/checkout");
        check(
            "actions/checkout@v9",
            "`actions/checkout@v9` names no version of this action that Boucle knows; use \
             actions/checkout@v6",
        );
        check("actions/upload-artifact@v4", "actions/upload-artifact");
        check("boucle/publish", "boucle/publish");
        check("boucle/publish@v1", "boucle/publish");
        check("actions/setup-node@v4", "not built in");
        check("./local", "not built in");
        check("docker://alpine:3", "not built in");
    }

    #[test]
    fn inputs() {
        let check = |action: NativeAction, inputs: &[(&str, &str)]| {
            let inputs = inputs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            action.check(inputs).map(|_| ()).map_err(|problem| problem.to_string())
        };
        assert_eq!(check(NativeAction::Checkout, &[("REF", "main")]), Ok(()));
        assert_eq!(
            check(NativeAction::Checkout, &[("submodules", "true")]),
            Err("`actions/checkout` has no input `submodules`; it takes repository, ref, path, \
                 clean, fetch-depth"
                .to_owned())
        );
        assert_eq!(
            check(NativeAction::UploadArtifact, &[("path", "")]),
            Err("`actions/upload-artifact` needs the input `path`".to_owned())
        );
    }
}
