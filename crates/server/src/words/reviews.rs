//! What is said of a change under review: its checks and its consequences.

use std::fmt::{self, Display};

use super::Said;

/// What a check's line says that no job explains.
pub enum CheckNote<'a> {
    /// Nothing reported it yet.
    NotReported,
    /// The workflow's own filters leave the change out; the summary was kept as English text.
    Filtered(&'a str),
    /// The workflow cannot be read; the summary names each place.
    Unreadable(&'a str),
}

/// What a merge does that no object shows.
pub enum Note<'a> {
    /// A build that does not exist yet is promoted after the merge.
    NewBuild {
        /// Of which artifact.
        artifact: &'a str,
        /// Because of these paths.
        paths: &'a [String],
    },
    /// Processes are replaced.
    Restart {
        /// Whose.
        object: &'a str,
        /// What differs.
        restart: &'a render::Restart,
    },
}

impl Display for CheckNote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReported => "not reported yet",
            Self::Filtered(summary) | Self::Unreadable(summary) => summary,
        })
    }
}

impl Said for CheckNote<'_> {
    fn french(&self) -> String {
        match self {
            Self::NotReported => "pas encore rendue".into(),
            Self::Filtered(_) => {
                "les filtres du workflow (branches, étiquettes ou chemins) laissent ce changement de côté"
                    .into()
            }
            Self::Unreadable(summary) => format!("le workflow ne peut pas être lu : {summary}"),
        }
    }
}

impl Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewBuild { artifact, paths } => write!(
                f,
                "a new build of {artifact} is promoted here after the merge, because of {}",
                paths.join(", ")
            ),
            Self::Restart { object, restart } => write!(f, "{object}: {}", restart.reason()),
        }
    }
}

impl Said for Note<'_> {
    fn french(&self) -> String {
        match self {
            Self::NewBuild { artifact, paths } => format!(
                "une nouvelle construction de {artifact} est promue ici après la fusion, à cause de {}",
                paths.join(", ")
            ),
            Self::Restart { object, restart } => {
                format!("{object} : le modèle de pod change à {}", restart.fields.join(", "))
            }
        }
    }
}
