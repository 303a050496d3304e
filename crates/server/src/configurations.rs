//! What a commit configures: `boucle.yaml`, applications, objectives, and the digests that the
//! overlays name. Read from Git once per content, never from a working tree.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use control::configuration::Configuration;
use deployments::project::Projects;
use deployments::{
    Application, ApplicationState, ChartAccess, Customizations, DeclaredCluster, DeclaredPlugin,
};
use git_store::{EntryKind, Repository};
use ledger::{
    ApplicationName, ArtifactDigest, CommitId, EnvironmentName, ObjectId, RefName, RepositoryName,
};
use monitoring::Objective;
use repositories::policy::Policy;

use crate::declarations::{self, DeclaredSet};
use crate::outlook::{Moment, Onlooker, Outlook};
use crate::state::{Locks, Server};
use crate::words::{ConfigurationProblem, Trouble};

/// The file that joins everything.
pub const CONFIGURATION_FILE: &str = "boucle.yaml";
/// The largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1_000_000;

/// What the commits of each repository configure; the newest of each is kept.
#[derive(Default)]
pub struct Configurations {
    newest: Mutex<BTreeMap<RepositoryName, Arc<RepositoryConfiguration>>>,
    /// Whose applications each repository is a source of, by the commit that says so.
    consents: Mutex<BTreeMap<RepositoryName, Consents>>,
    /// One reads, and the others take over what it read.
    reading: Locks,
}

/// The commit, and what its `boucle.yaml` says; `None`: that cannot be read.
type Consents = (CommitId, Option<Vec<RepositoryName>>);

/// What one commit configures.
#[derive(Debug)]
pub struct RepositoryConfiguration {
    /// The commit.
    pub commit: CommitId,
    /// `boucle.yaml`; the default when it is absent or wrong.
    pub configuration: Configuration,
    /// The review rules.
    pub policy: Policy,
    /// Applications with the files that declare them.
    pub applications: Vec<(String, Application)>,
    /// The projects that applications name.
    pub projects: Projects,
    /// The sets that generate applications, by name.
    pub sets: BTreeMap<String, DeclaredSet>,
    /// The clusters that its applications may go to, besides those of the server.
    pub clusters: Vec<DeclaredCluster>,
    /// Which charts are behind which credentials.
    pub charts: Vec<ChartAccess>,
    /// The services that its sets are given parameters by.
    pub plugins: Vec<DeclaredPlugin>,
    /// How objects of the applications are judged.
    pub customizations: Arc<Customizations>,
    /// Objectives.
    pub objectives: Vec<Objective>,
    /// The digest of each artifact in each environment's overlay.
    pub written: BTreeMap<(EnvironmentName, String), ArtifactDigest>,
    /// What is wrong, with places.
    pub problems: Vec<ConfigurationProblem>,
    /// What sets make nothing of, and services that did not answer them, which is wrong of nobody's file.
    pub notes: Vec<ConfigurationProblem>,
    /// What the sets saw of the server besides the commit.
    pub outlook: Outlook,
    /// When it was known last that they would see the same.
    seen_at: Mutex<Moment>,
    /// The objects that all of this was read from.
    sources: Vec<Option<ObjectId>>,
}

impl Configurations {
    /// What the tip of the default branch configures; `None` for an empty repository.
    pub async fn of_default_branch(
        &self,
        server: &Arc<Server>,
        name: &RepositoryName,
    ) -> anyhow::Result<Option<Arc<RepositoryConfiguration>>> {
        let tip = {
            let views = server.recorder.views();
            let Some(repository) = views.repositories.repository(name) else { return Ok(None) };
            repository.refs.get(&repository.default_branch).map(|state| state.commit.clone())
        };
        match tip {
            None => Ok(None),
            Some(tip) => self.of_commit(server, name, &tip).await.map(Some),
        }
    }

    /// What a commit configures.
    pub async fn of_commit(
        &self,
        server: &Arc<Server>,
        name: &RepositoryName,
        commit: &CommitId,
    ) -> anyhow::Result<Arc<RepositoryConfiguration>> {
        let current = || self.newest(name).filter(|known| known.is_of(server, name, commit));
        if let Some(known) = current() {
            return Ok(known);
        }
        let lock = self.reading.of(name);
        let _held = lock.lock().await;
        if let Some(known) = current() {
            return Ok(known);
        }
        let configuration = read_aside(server, name, commit, self.newest(name)).await?;
        let mut kept = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name.clone(), Arc::clone(&configuration));
        Ok(configuration)
    }

    /// What some commit configures, without taking the place of the tip's.
    pub async fn read_once(
        &self,
        server: &Arc<Server>,
        name: &RepositoryName,
        commit: &CommitId,
    ) -> anyhow::Result<Arc<RepositoryConfiguration>> {
        let known = self.newest(name);
        if let Some(known) = known.as_ref().filter(|known| known.is_of(server, name, commit)) {
            return Ok(Arc::clone(known));
        }
        read_aside(server, name, commit, known).await
    }

    /// Whose applications may be rendered from a repository by its `boucle.yaml` at its tip; `None` while
    /// that cannot be read as such.
    pub fn consents(
        &self,
        server: &Server,
        name: &RepositoryName,
        tip: &CommitId,
    ) -> anyhow::Result<Option<Vec<RepositoryName>>> {
        let mut known = self.consents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, consents)) = known.get(name).filter(|(commit, _)| commit == tip) {
            return Ok(consents.clone());
        }
        let store = server.repository(name)?;
        let mut problems = Vec::new();
        let read = read_configuration(&store, tip, &mut problems)?;
        let consents = problems.is_empty().then_some(read.source_of);
        known.insert(name.clone(), (tip.clone(), consents.clone()));
        Ok(consents)
    }

    fn newest(&self, name: &RepositoryName) -> Option<Arc<RepositoryConfiguration>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// Reading takes a thread of its own.
async fn read_aside(
    server: &Arc<Server>,
    name: &RepositoryName,
    commit: &CommitId,
    known: Option<Arc<RepositoryConfiguration>>,
) -> anyhow::Result<Arc<RepositoryConfiguration>> {
    let repository = server.repository(name)?;
    let (server, name, commit) = (Arc::clone(server), name.clone(), commit.clone());
    let read = move || {
        let reading = Reading { server: &server, name: &name, repository: &repository };
        reading.read(&commit, known.as_deref())
    };
    let read = tokio::task::spawn_blocking(read).await.context("reading was interrupted")??;
    Ok(Arc::new(read))
}

impl Server {
    /// Whether the name of an application belongs to another repository, which declared it first.
    #[must_use]
    pub fn is_name_taken(&self, repository: &RepositoryName, name: &ApplicationName) -> bool {
        let views = self.recorder.views();
        let known = views.deployments.applications.get(name);
        known.is_some_and(|known| belongs_elsewhere(known, repository))
    }

    /// What is wrong with what a commit configures, names of others included.
    #[must_use]
    pub fn problems_of(
        &self,
        repository: &RepositoryName,
        configured: &RepositoryConfiguration,
    ) -> Vec<ConfigurationProblem> {
        let all = configured.applications.iter();
        let taken = all.filter(|(_, one)| self.is_name_taken(repository, &one.name));
        let taken = taken.map(|(file, one)| {
            let what = Trouble::NameTaken { application: one.name.to_string() };
            whole_file("duplicate-application", file, what)
        });
        configured.problems.iter().cloned().chain(taken).collect()
    }
}

/// Whether an application is another repository's, also while its objects are still going.
#[must_use]
pub fn belongs_elsewhere(known: &ApplicationState, repository: &RepositoryName) -> bool {
    let going = known.removal.as_ref().map(|removal| &removal.declaration);
    known.declaration.as_ref().or(going).is_some_and(|known| known.repository != *repository)
}

impl RepositoryConfiguration {
    /// Whether it is of the commit, and its sets would see the same now.
    fn is_of(&self, server: &Server, name: &RepositoryName, commit: &CommitId) -> bool {
        if self.commit != *commit {
            return false;
        }
        let seen_at = || self.seen_at.lock().unwrap_or_else(PoisonError::into_inner);
        // What changes while it is looked at is looked at again.
        let now = server.moment();
        if *seen_at() == now {
            return true;
        }
        let is_current = self.outlook.is_current(server, name);
        if is_current {
            *seen_at() = now;
        }
        is_current
    }

    /// Whether it may declare more applications than are known, and its sets ask more than is known.
    #[must_use]
    pub fn may_hide_applications(&self) -> bool {
        let mut all = self.problems.iter().chain(&self.notes);
        all.any(ConfigurationProblem::may_hide_applications)
    }

    /// The set that generates an application.
    #[must_use]
    pub fn set_of(&self, application: &ledger::ApplicationName) -> Option<&str> {
        let mut sets = self.sets.iter();
        let set = sets.find(|(_, set)| set.applications.contains(application));
        set.map(|(name, _)| name.as_str())
    }

    /// The environment that an application is.
    #[must_use]
    pub fn environment_of(
        &self,
        application: &ledger::ApplicationName,
    ) -> Option<&control::configuration::Environment> {
        self.configuration.environments.iter().find(|one| one.application == *application)
    }
}

/// What is read where.
struct Reading<'a> {
    server: &'a Server,
    name: &'a RepositoryName,
    repository: &'a Repository,
}

impl Reading<'_> {
    /// Reads everything, or takes over what was read from the same objects.
    fn read(
        &self,
        commit: &CommitId,
        known: Option<&RepositoryConfiguration>,
    ) -> anyhow::Result<RepositoryConfiguration> {
        let Self { server, name, repository } = self;
        // What changes while it is read is looked at again.
        let seen_at = Mutex::new(server.moment());
        let mut problems = Vec::new();
        let configuration = read_configuration(repository, commit, &mut problems)?;
        let sources = sources(repository, commit, &configuration)?;
        if let Some(known) = known
            && self.is_same(commit, known, &sources)?
        {
            return Ok(RepositoryConfiguration {
                commit: commit.clone(),
                configuration,
                policy: known.policy.clone(),
                applications: known.applications.clone(),
                projects: known.projects.clone(),
                sets: known.sets.clone(),
                clusters: known.clusters.clone(),
                charts: known.charts.clone(),
                plugins: known.plugins.clone(),
                customizations: Arc::clone(&known.customizations),
                objectives: known.objectives.clone(),
                written: known.written.clone(),
                problems: known.problems.clone(),
                notes: known.notes.clone(),
                outlook: known.outlook.clone(),
                seen_at,
                sources,
            });
        }
        let files = yaml_files(repository, commit, &configuration.applications)?;
        let reader = repository.reader(&repository.tree_of(commit)?);
        let surroundings = server.surroundings(name);
        let onlooker = Onlooker::new(server, name, &surroundings, reader);
        let declared = declarations::read(files, &surroundings, &onlooker);
        problems.extend(declared.problems);
        let objectives =
            read_objectives(repository, commit, &configuration.objectives, &mut problems)?;
        let written = read_written(repository, commit, &configuration, &mut problems)?;
        let mut policy = configuration.policy();
        // Without the file nobody has asked for protection (docs/decisions/0004).
        policy.protect_default_branch = sources.first().is_some_and(Option::is_some);
        Ok(RepositoryConfiguration {
            commit: commit.clone(),
            configuration,
            policy,
            applications: declared.applications,
            projects: declared.projects,
            sets: declared.sets,
            clusters: declared.clusters,
            charts: declared.charts,
            plugins: declared.plugins,
            customizations: declared
                .customizations
                .map(|(_, read)| read)
                .unwrap_or_default()
                .into(),
            objectives,
            written,
            problems,
            notes: declared.notes,
            outlook: onlooker.into_outlook(),
            seen_at,
            sources,
        })
    }

    fn is_same(
        &self,
        commit: &CommitId,
        known: &RepositoryConfiguration,
        sources: &[Option<ObjectId>],
    ) -> anyhow::Result<bool> {
        if known.sources != sources || !known.outlook.is_current(self.server, self.name) {
            return Ok(false);
        }
        let mut said = known.problems.iter().chain(&known.notes);
        let reads_files =
            known.sets.values().any(|set| set.reads_files) || said.any(may_read_files);
        let tree = |commit: &CommitId| self.repository.tree_of(commit);
        Ok(!reads_files || tree(&known.commit)? == tree(commit)?)
    }
}

/// What a set looked at that could not be expanded is not known: any file may mend it, also what it asks a
/// service that refuses.
fn may_read_files(problem: &ConfigurationProblem) -> bool {
    matches!(problem.code, "invalid-application-set" | "plugin-unanswered")
}

fn sources(
    repository: &Repository,
    commit: &CommitId,
    configuration: &Configuration,
) -> anyhow::Result<Vec<Option<ObjectId>>> {
    let mut paths = vec![CONFIGURATION_FILE];
    paths.extend([configuration.applications.as_str(), configuration.objectives.as_str()]);
    paths.extend(configuration.environments.iter().map(|one| one.path.as_str()));
    let reader = repository.reader(&repository.tree_of(commit)?);
    let object = |path: &str| -> anyhow::Result<Option<ObjectId>> {
        if path.is_empty() {
            return Ok(None);
        }
        Ok(reader.entry(path)?.map(|(_, id)| id))
    };
    paths.into_iter().map(object).collect()
}

fn read_configuration(
    repository: &Repository,
    commit: &CommitId,
    problems: &mut Vec<ConfigurationProblem>,
) -> anyhow::Result<Configuration> {
    let Some(text) = text(repository, commit, CONFIGURATION_FILE)? else {
        return Ok(Configuration::default());
    };
    Ok(Configuration::parse(CONFIGURATION_FILE, &text).unwrap_or_else(|error| {
        problems.push(yaml_problem("invalid-configuration", &error));
        Configuration::default()
    }))
}

fn read_objectives(
    repository: &Repository,
    commit: &CommitId,
    folder: &str,
    problems: &mut Vec<ConfigurationProblem>,
) -> anyhow::Result<Vec<Objective>> {
    let mut objectives = Vec::new();
    for (path, text) in yaml_files(repository, commit, folder)? {
        match monitoring::read_objectives(&path, &text) {
            Ok(read) => objectives.extend(read),
            Err(error) => {
                let what = Trouble::Refused(error.to_string());
                problems.push(whole_file("invalid-objective", &path, what));
            }
        }
    }
    Ok(objectives)
}

fn read_written(
    repository: &Repository,
    commit: &CommitId,
    configuration: &Configuration,
    problems: &mut Vec<ConfigurationProblem>,
) -> anyhow::Result<BTreeMap<(EnvironmentName, String), ArtifactDigest>> {
    let mut written = BTreeMap::new();
    for environment in &configuration.environments {
        let path = format!("{}/kustomization.yaml", environment.path);
        let Some(text) = text(repository, commit, &path)? else {
            let environment = environment.name.to_string();
            let what = Trouble::OverlayMissing { environment, path };
            problems.push(whole_file("overlay-missing", CONFIGURATION_FILE, what));
            continue;
        };
        for artifact in &configuration.artifacts {
            match control::overlay::image_digest(&path, &text, &artifact.name) {
                Ok(Some(digest)) => {
                    written.insert((environment.name.clone(), artifact.name.clone()), digest);
                }
                Ok(None) => {}
                Err(error) => {
                    let what = Trouble::Refused(error.to_string());
                    problems.push(whole_file("invalid-overlay", &path, what));
                }
            }
        }
    }
    Ok(written)
}

/// The YAML files directly in a folder, by path.
fn yaml_files(
    repository: &Repository,
    commit: &CommitId,
    folder: &str,
) -> anyhow::Result<Vec<(String, String)>> {
    if folder.is_empty() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in repository.list(commit, folder)?.unwrap_or_default() {
        let is_yaml = entry.path.ends_with(".yaml") || entry.path.ends_with(".yml");
        let is_file = matches!(entry.kind, EntryKind::File | EntryKind::Executable);
        if is_yaml && is_file {
            let bytes = repository.blob(&entry.id, FILE_BYTES_MAX)?;
            files.push((entry.path, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(files)
}

/// The text of a file of a commit; `None` when there is no such file.
pub fn text(
    repository: &Repository,
    commit: &CommitId,
    path: &str,
) -> anyhow::Result<Option<String>> {
    let bytes = repository.file(commit, path, FILE_BYTES_MAX)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// The tip of a branch, `main` or in full.
pub fn branch_ref(branch: &str) -> Result<RefName, ledger::InvalidId> {
    if branch.starts_with("refs/") { RefName::new(branch) } else { RefName::of_branch(branch) }
}

/// What a reader says, with its place.
pub fn yaml_problem(code: &'static str, error: &yaml::YamlError) -> ConfigurationProblem {
    let place = (error.line > 0).then_some((error.line, error.column));
    let what = Trouble::Refused(error.message.clone());
    ConfigurationProblem { place, ..whole_file(code, &error.file, what) }
}

/// Something that is wrong with a whole file.
pub fn whole_file(code: &'static str, file: &str, what: Trouble) -> ConfigurationProblem {
    ConfigurationProblem { code, file: file.into(), place: None, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_sets_whose_files_are_not_known() {
        for (code, expected) in [
            ("invalid-application-set", true),
            ("plugin-unanswered", true),
            ("plugin-unheard", false),
            ("application-left-out", false),
            ("invalid-application", false),
        ] {
            let problem = whole_file(code, "apps/all.yaml", Trouble::Refused("no".into()));
            assert_eq!(may_read_files(&problem), expected, "{code}");
        }
    }
}
