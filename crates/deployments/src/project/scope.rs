//! What a plan knows of its application's project.

use std::sync::Arc;

use super::{DestinationNames, Project, ProjectRefusal, ServiceAccount};

/// The project of an application, with the names by which it judges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The project; `None`: no file declares it, or nobody can tell.
    pub project: Option<Arc<Project>>,
    /// The repositories that the application reads, each by every name of it.
    pub sources: Vec<Vec<String>>,
    /// Where it goes, by every name of it.
    pub place: DestinationNames,
}

/// Processes of this machine in a project that permits everything.
impl Default for Scope {
    fn default() -> Self {
        Self {
            project: Some(Arc::new(Project::permissive())),
            sources: Vec::new(),
            place: DestinationNames {
                server: Some("process://local".into()),
                name: Some("local".into()),
                namespace: String::new(),
            },
        }
    }
}

impl Scope {
    /// The service account that acts; `None`: Boucle itself does. Without a project nobody may.
    pub fn service_account(&self) -> Result<Option<ServiceAccount>, ProjectRefusal> {
        match &self.project {
            Some(project) => project.service_account(&self.place),
            None => Err(ProjectRefusal::ServiceAccount {
                place: self.place.to_string(),
                namespace: self.place.namespace.clone(),
            }),
        }
    }
}
