//! Objects of other tools on clusters as windows to the applications that Git declares: what is the same
//! of all of them. They declare nothing themselves.

pub(crate) mod merge;
mod writer;

pub use writer::{STATUS_MANAGER, asked_by, other_writer};

use ledger::{CommitId, RepositoryName, Timestamp};
use serde_json::Value;

use crate::lua::Customizations;
use crate::migration::Tool;
use crate::operation::Wait;
use crate::planner::Step;
use crate::view::ApplicationState;

/// The kinds of objects that are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Argo CD's.
    Application,
    /// Flux's, with a folder of a source.
    Kustomization,
    /// Flux's, with a chart.
    HelmRelease,
    /// Flux's, a source.
    GitRepository,
    /// Flux's, a source.
    OciRepository,
    /// Flux's, a source.
    HelmRepository,
}

impl Kind {
    /// Those of a tool. What others name comes before them.
    #[must_use]
    pub const fn of(tool: Tool) -> &'static [Self] {
        match tool {
            Tool::ArgoCd => &[Self::Application],
            Tool::Flux => &[
                Self::GitRepository,
                Self::OciRepository,
                Self::HelmRepository,
                Self::Kustomization,
                Self::HelmRelease,
            ],
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn tool(self) -> Tool {
        match self {
            Self::Application => Tool::ArgoCd,
            Self::Kustomization
            | Self::HelmRelease
            | Self::GitRepository
            | Self::OciRepository
            | Self::HelmRepository => Tool::Flux,
        }
    }

    /// Whether an object of it may hold the application of its name.
    #[must_use]
    pub const fn may_hold(self) -> bool {
        match self {
            Self::Kustomization | Self::HelmRelease => true,
            Self::Application
            | Self::GitRepository
            | Self::OciRepository
            | Self::HelmRepository => false,
        }
    }

    /// As manifests name its version.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Application => "argoproj.io/v1alpha1",
            Self::Kustomization => "kustomize.toolkit.fluxcd.io/v1",
            Self::HelmRelease => "helm.toolkit.fluxcd.io/v2",
            Self::GitRepository | Self::OciRepository | Self::HelmRepository => {
                "source.toolkit.fluxcd.io/v1"
            }
        }
    }

    /// As manifests name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::GitRepository => "GitRepository",
            Self::OciRepository => "OCIRepository",
            Self::HelmRepository => "HelmRepository",
        }
    }
}

/// How names of one thing become one name.
pub struct Names<'a> {
    /// Of a repository, by its address.
    pub repository: &'a dyn Fn(&str) -> String,
    /// Of a cluster, by its name or address.
    pub cluster: &'a dyn Fn(&str) -> String,
}

/// An object beside Git's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It asks for the same.
    Same,
    /// It asks for something else, in these fields.
    Different(Vec<&'static str>),
    /// No file of Git could ask for it.
    Unreadable(String),
}

impl Reading {
    /// Of fields that are the same or not.
    pub(crate) fn of(same: impl IntoIterator<Item = (&'static str, bool)>) -> Self {
        let different: Vec<&str> =
            same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect();
        if different.is_empty() { Self::Same } else { Self::Different(different) }
    }

    /// What it says, of the file in this repository.
    pub(crate) fn in_words(&self, repository: &RepositoryName) -> String {
        match self {
            Self::Unreadable(problem) => {
                format!("cannot be read as the file in {repository}: {problem}")
            }
            Self::Same => format!("differs from the file in {repository}"),
            Self::Different(fields) => {
                format!("differs from the file in {repository} in {}", fields.join(", "))
            }
        }
    }
}

/// What Git has of an object's name.
pub enum Counterpart<'a> {
    /// No file.
    Undeclared,
    /// A file that says something else.
    Different {
        /// Where it is.
        repository: &'a RepositoryName,
        /// What is between them.
        reading: &'a Reading,
    },
    /// A file that says the same.
    Same(View<'a>),
}

/// What is known of an application.
pub struct View<'a> {
    /// From facts.
    pub state: &'a ApplicationState,
    /// The commit that Git asks for now; `None`: it was not rendered yet.
    pub revision: Option<&'a CommitId>,
    /// How its objects compare with Git; `None`: what is there cannot be seen as it is.
    pub steps: Option<&'a [Step]>,
    /// Its objects as they are.
    pub live: &'a [Value],
    /// How they are judged.
    pub customizations: &'a Customizations,
    /// The images of its containers.
    pub images: &'a [&'a str],
    /// Whether an operation is under way.
    pub is_under_way: bool,
    /// What that waits for.
    pub waits: &'a [Wait],
}

/// What was written last: the status as it was asked for, and as it was afterwards. They differ where
/// the cluster does not keep a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// As asked for.
    pub asked: Value,
    /// As it was then.
    pub answered: Value,
}

/// Whether an object is on its way out.
pub(crate) fn is_going(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// As Kubernetes writes times: whole seconds.
pub(crate) fn seconds(at: Timestamp) -> String {
    let text = at.to_string();
    let whole = text.split_once('.').map(|(whole, _)| format!("{whole}Z"));
    whole.unwrap_or(text)
}
