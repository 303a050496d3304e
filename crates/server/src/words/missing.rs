//! What is not there, or not for whoever asks: both look the same so that names cannot be guessed.

use std::fmt::{self, Display};

use super::Said;
use super::errors::object;

/// A thing that somebody asked for.
pub enum Missing<'a> {
    /// A repository.
    Repository(&'a dyn Display),
    /// A ref.
    Reference(&'a dyn Display),
    /// A branch.
    Branch(&'a dyn Display),
    /// A revision, in any of git's spellings.
    Revision(&'a dyn Display),
    /// A folder of a repository.
    Folder(&'a dyn Display),
    /// A file of a repository.
    File(&'a dyn Display),
    /// An object of Git's.
    Object {
        /// Its kind.
        wanted: &'a str,
        /// How it was named.
        name: &'a dyn Display,
    },
    /// A workflow.
    Workflow(&'a dyn Display),
    /// An environment.
    Environment(&'a dyn Display),
    /// Any environment.
    AnyEnvironment,
    /// A cluster.
    Cluster(&'a dyn Display),
    /// An application.
    Application(&'a dyn Display),
    /// A generation of an application.
    Generation {
        /// Its number.
        generation: u64,
        /// Whose.
        application: &'a dyn Display,
    },
    /// A replica.
    Replica(&'a dyn Display),
    /// A pull request.
    PullRequest(&'a dyn Display),
    /// An earlier version of a pull request.
    PatchSet {
        /// Which.
        patch_set: u32,
        /// Of which pull request.
        number: &'a dyn Display,
    },
    /// A run.
    Run(u64),
    /// A job of a run.
    Job {
        /// Its key.
        job: &'a dyn Display,
        /// Its run.
        run: u64,
    },
    /// An attempt of a run.
    Attempt {
        /// Its number.
        attempt: u32,
        /// Its run.
        run: u64,
    },
    /// Files that a job stored.
    RunArtifact {
        /// Their name.
        name: &'a dyn Display,
        /// The run.
        run: u64,
    },
    /// A secret.
    Secret {
        /// Its name.
        name: &'a dyn Display,
        /// The repository whose it would be.
        repository: &'a dyn Display,
    },
    /// A receiver of notifications.
    NotificationRoute(&'a dyn Display),
    /// An incident.
    Incident(&'a dyn Display),
    /// Saved evidence.
    Evidence,
    /// A token.
    Token,
    /// An account.
    Account,
    /// A passkey of one's own.
    Passkey,
    /// An address of the interface or the page.
    Address(&'a dyn Display),
    /// Something that a person named.
    Anything(&'a dyn Display),
}

impl Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(name) => write!(f, "the repository {name}"),
            Self::Reference(name) => write!(f, "the ref {name}"),
            Self::Branch(name) => write!(f, "the branch {name}"),
            Self::Revision(name) => write!(f, "the revision {name}"),
            Self::Folder(path) => write!(f, "the folder {path}"),
            Self::File(path) => write!(f, "the file {path}"),
            Self::Object { wanted, name } => write!(f, "the {wanted} {name}"),
            Self::Workflow(name) => write!(f, "the workflow {name}"),
            Self::Environment(name) => write!(f, "the environment {name}"),
            Self::AnyEnvironment => f.write_str("an environment of the repository"),
            Self::Cluster(name) => write!(f, "the cluster {name}"),
            Self::Application(name) => write!(f, "the application {name}"),
            Self::Generation { generation, application } => {
                write!(f, "generation {generation} of {application}")
            }
            Self::Replica(name) => write!(f, "the replica {name}"),
            Self::PullRequest(number) => write!(f, "pull request #{number}"),
            Self::PatchSet { patch_set, number } => {
                write!(f, "patch set {patch_set} of pull request #{number}")
            }
            Self::Run(run) => write!(f, "run {run}"),
            Self::Job { job, run } => write!(f, "the job {job} of run {run}"),
            Self::Attempt { attempt, run } => write!(f, "attempt {attempt} of run {run}"),
            Self::RunArtifact { name, run } => write!(f, "the artifact {name} of run {run}"),
            Self::Secret { name, repository } => write!(f, "the secret {name} of {repository}"),
            Self::NotificationRoute(name) => write!(f, "the notification route {name}"),
            Self::Incident(incident) => write!(f, "incident {incident}"),
            Self::Evidence => f.write_str("the evidence"),
            Self::Token => f.write_str("the token"),
            Self::Account => f.write_str("the account"),
            Self::Passkey => f.write_str("the passkey"),
            Self::Address(path) => write!(f, "the address {path}"),
            Self::Anything(text) => write!(f, "`{text}`"),
        }?;
        f.write_str(" is not here, or not for this token")
    }
}

impl Said for Missing<'_> {
    fn french(&self) -> String {
        let what = match self {
            Self::Repository(name) => format!("le dépôt {name}"),
            Self::Reference(name) => format!("la référence {name}"),
            Self::Branch(name) => format!("la branche {name}"),
            Self::Revision(name) => format!("la révision {name}"),
            Self::Folder(path) => format!("le dossier {path}"),
            Self::File(path) => format!("le fichier {path}"),
            Self::Object { wanted, name } => format!("{} {name}", object(wanted)),
            Self::Workflow(name) => format!("le workflow {name}"),
            Self::Environment(name) => format!("l’environnement {name}"),
            Self::AnyEnvironment => "un environnement du dépôt".into(),
            Self::Cluster(name) => format!("le cluster {name}"),
            Self::Application(name) => format!("l’application {name}"),
            Self::Generation { generation, application } => {
                format!("la génération {generation} de {application}")
            }
            Self::Replica(name) => format!("la réplique {name}"),
            Self::PullRequest(number) => format!("la demande de changement nº {number}"),
            Self::PatchSet { patch_set, number } => {
                format!("la version {patch_set} de la demande de changement nº {number}")
            }
            Self::Run(run) => format!("l’exécution {run}"),
            Self::Job { job, run } => format!("la tâche {job} de l’exécution {run}"),
            Self::Attempt { attempt, run } => {
                format!("l’essai {attempt} de l’exécution {run}")
            }
            Self::RunArtifact { name, run } => format!("l’artefact {name} de l’exécution {run}"),
            Self::Secret { name, repository } => format!("le secret {name} de {repository}"),
            Self::NotificationRoute(name) => format!("la route de notification {name}"),
            Self::Incident(incident) => format!("l’incident {incident}"),
            Self::Evidence => "la preuve".into(),
            Self::Token => "le jeton".into(),
            Self::Account => "le compte".into(),
            Self::Passkey => "la clé d’accès".into(),
            Self::Address(path) => format!("l’adresse {path}"),
            Self::Anything(text) => format!("`{text}`"),
        };
        format!("{what} n’est pas ici, ou pas pour ce jeton")
    }
}
