//! By which names a project judges an application: those of this server, of its repositories and of
//! its clusters.

use deployments::application_set::KnownCluster;
use deployments::project::{
    DestinationNames, Permission, ProjectRefusal, Projects, Scope, permits,
};
use deployments::{Application, DeclaredCluster, Source, Target};
use ledger::RepositoryName;

use crate::http::repository_of_url;
use crate::state::Server;

/// What this server calls things, for files of one repository.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The repository.
    repository: RepositoryName,
    /// Its default branch, without `refs/heads/`.
    default_branch: String,
    /// Its own address.
    url: String,
    /// The clusters that its files may mean.
    clusters: Vec<KnownCluster>,
}

impl Server {
    /// What this server calls things.
    pub fn surroundings(&self, repository: &RepositoryName) -> Surroundings {
        let default_branch = {
            let views = self.recorder.views();
            let known = views.repositories.repository(repository);
            known.map(|known| known.default_branch.to_string()).unwrap_or_default()
        };
        Surroundings {
            repository: repository.clone(),
            default_branch: default_branch.trim_start_matches("refs/heads/").to_owned(),
            url: self.url.clone(),
            clusters: self.clusters.shared_names(),
        }
    }
}

impl Surroundings {
    /// With the clusters that files of the commit declare. One that has the name or the address of
    /// another is left out, and given back.
    #[must_use]
    pub fn with<'a>(
        &self,
        declared: impl IntoIterator<Item = &'a DeclaredCluster>,
    ) -> (Self, Vec<&'a DeclaredCluster>) {
        let (mut surroundings, mut taken) = (self.clone(), Vec::new());
        for cluster in declared {
            let mut known = surroundings.clusters.iter();
            if known.any(|one| cluster.is_called(&one.name) || cluster.is_called(&one.server)) {
                taken.push(cluster);
                continue;
            }
            surroundings.clusters.push(KnownCluster {
                name: cluster.name.clone(),
                server: cluster.server.clone(),
                labels: cluster.labels.clone(),
                annotations: cluster.annotations.clone(),
            });
        }
        (surroundings, taken)
    }

    /// The clusters, as sets see them.
    #[must_use]
    pub fn clusters(&self) -> &[KnownCluster] {
        &self.clusters
    }

    /// Whether a repository and a revision mean the commit that is read.
    #[must_use]
    pub fn is_here(&self, url: &str, revision: &str) -> bool {
        repository_of_url(url, &self.url).as_ref() == Some(&self.repository)
            && (matches!(revision, "" | "HEAD") || revision == self.default_branch)
    }

    /// The project of an application, with all names of what it reads and where it goes.
    #[must_use]
    pub fn scope(&self, application: &Application, projects: &Projects) -> Scope {
        let names = |source: &Source| {
            let url = &source.repo_url;
            let here = repository_of_url(url, &self.url).as_ref().map(RepositoryName::to_string);
            let also = here.filter(|here| here != url);
            // Charts have one name however their place is written.
            let place = source.chart.as_ref().map(|chart| chart.place.to_string());
            let place = place.filter(|place| place != url);
            [Some(url.clone()), also, place].into_iter().flatten().collect()
        };
        Scope {
            project: projects.find(&application.project),
            sources: application.sources().map(names).collect(),
            place: self.place(application),
        }
    }

    fn place(&self, application: &Application) -> DestinationNames {
        let namespace = application.destination.namespace.clone();
        let (server, name) = match &application.destination.target {
            Target::Processes => (Some("process://local".to_owned()), Some("local".to_owned())),
            Target::Cluster { address } => {
                let same = |one: &&KnownCluster| {
                    one.name == *address
                        || one.server.trim_end_matches('/') == address.trim_end_matches('/')
                };
                match self.clusters.iter().find(same) {
                    Some(one) => (Some(one.server.clone()), Some(one.name.clone())),
                    None if address.contains("://") => (Some(address.clone()), None),
                    None => (None, Some(address.clone())),
                }
            }
        };
        DestinationNames { server, name, namespace }
    }
}

/// What a project does not permit of an application whatever it renders to.
#[must_use]
pub fn refusals(scope: &Scope) -> Vec<ProjectRefusal> {
    let Some(project) = &scope.project else { return Vec::new() };
    let (sources, place) = (scope.sources.as_slice(), &scope.place);
    permits(project, &Permission { sources, place, objects: &[], cluster_scoped: None })
}
