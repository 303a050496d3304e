//! One file of the folder of applications, by its kind.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::application::Application;
use crate::application_set::ApplicationSet;
use crate::chart_access::ChartAccess;
use crate::cluster_file::DeclaredCluster;
use crate::core_file::ConfigMapFile;
use crate::customizations_file;
use crate::lua::Customizations;
use crate::plugin_file::DeclaredPlugin;
use crate::project::Project;
use crate::secret_file::TYPE_LABEL;

/// What a file declares.
#[derive(Debug, Clone)]
pub enum Declared {
    /// An application.
    Application(Box<Application>),
    /// A project.
    Project(Box<Project>),
    /// Applications that are generated.
    Set(Box<ApplicationSet>),
    /// How objects are judged and compared.
    Customizations(Box<Customizations>),
    /// A cluster.
    Cluster(Box<DeclaredCluster>),
    /// Charts behind a credential.
    Charts(Box<ChartAccess>),
    /// A service that gives sets parameters.
    Plugin(Box<DeclaredPlugin>),
}

/// Which of Argo CD's kinds a file says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclaredKind {
    /// `Application`, or anything that nobody knows, which the reader of applications refuses.
    Application,
    /// `AppProject`.
    Project,
    /// `ApplicationSet`.
    Set,
    /// The ConfigMap `argocd-cm`.
    Customizations,
    /// A cluster's Secret, or one that nobody knows.
    Cluster,
    /// A Secret of charts behind a credential.
    Charts,
    /// A ConfigMap of a service that gives sets parameters.
    Plugin,
}

impl Declared {
    /// Reads the one object of a file.
    pub fn parse(file: &str, text: &str) -> Result<Self, yaml::YamlError> {
        match DeclaredKind::of(file, text) {
            DeclaredKind::Application => {
                Application::parse(file, text).map(Box::new).map(Self::Application)
            }
            DeclaredKind::Project => Project::parse(file, text).map(Box::new).map(Self::Project),
            DeclaredKind::Set => ApplicationSet::parse(file, text).map(Box::new).map(Self::Set),
            DeclaredKind::Customizations => {
                customizations_file::parse(file, text).map(Box::new).map(Self::Customizations)
            }
            DeclaredKind::Cluster => {
                DeclaredCluster::parse(file, text).map(Box::new).map(Self::Cluster)
            }
            DeclaredKind::Charts => ChartAccess::parse(file, text).map(Box::new).map(Self::Charts),
            DeclaredKind::Plugin => {
                DeclaredPlugin::parse(file, text).map(Box::new).map(Self::Plugin)
            }
        }
    }
}

impl DeclaredKind {
    /// What the file says, whether or not it can be read.
    #[must_use]
    pub fn of(file: &str, text: &str) -> Self {
        let kind = text.lines().find_map(|line| {
            let rest = line.strip_prefix("kind:")?;
            Some(rest.split('#').next().unwrap_or(rest).trim().trim_matches(['"', '\'']).to_owned())
        });
        let kind = kind.or_else(|| yaml::document::<Head>(file, text).ok().map(|head| head.kind));
        match kind.as_deref() {
            Some("AppProject") => Self::Project,
            Some("ApplicationSet") => Self::Set,
            Some("ConfigMap") => of_config_map(file, text),
            Some("Secret") if is_of_charts(file, text) => Self::Charts,
            Some("Secret") => Self::Cluster,
            Some(_) | None => Self::Application,
        }
    }
}

/// What a ConfigMap is for: its name says it, or that it has an address.
fn of_config_map(file: &str, text: &str) -> DeclaredKind {
    let Ok(read) = yaml::document::<ConfigMapFile>(file, text) else {
        return DeclaredKind::Customizations;
    };
    match read.name != customizations_file::NAME && read.data.contains_key("baseUrl") {
        true => DeclaredKind::Plugin,
        false => DeclaredKind::Customizations,
    }
}

/// Whether the label of a Secret says that it is one of repositories.
fn is_of_charts(file: &str, text: &str) -> bool {
    let labelled = yaml::document::<Labelled>(file, text).ok();
    let label = labelled.and_then(|mut one| one.metadata.labels.remove(TYPE_LABEL));
    matches!(label.as_deref(), Some("repository" | "repo-creds"))
}

#[derive(Deserialize)]
struct Labelled {
    metadata: Labels,
}

#[derive(Deserialize)]
struct Labels {
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// For files that are not written line by line.
#[derive(Deserialize)]
struct Head {
    kind: String,
}
