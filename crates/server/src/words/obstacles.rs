//! What stands in the way of a request that is well formed, and what to do next.

use std::fmt::{self, Display};

use ledger::{PullRequestNumber, Timestamp};

use super::{Said, some};

/// Why something cannot be done now.
pub enum Obstacle<'a> {
    /// Too many wrong passwords.
    SignInWaits {
        /// Whose.
        name: &'a str,
        /// Until when.
        until: Timestamp,
    },
    /// The password is wrong or there is no such account: the same for both.
    WrongPassword,
    /// The name has an account.
    AccountExists(&'a str),
    /// The one-time link was used from elsewhere.
    OtherMachine,
    /// The one-time link was used before or is too old.
    SetupUsed,
    /// The request names the server wrongly.
    ForeignName(&'a str),
    /// The request comes from a page of another site.
    ForeignPage(&'a str),
    /// A session's request does not say which page it comes from.
    NoPage,
    /// A repository has as many secrets as it may have.
    TooManySecrets {
        /// How many.
        max: usize,
    },
    /// A receiver of notifications was not reached or did not take a test.
    NotDelivered {
        /// Where it is.
        url: &'a str,
        /// What happened, from the network or the receiver.
        error: &'a dyn Display,
    },
    /// The secret that a notification is signed with is not there.
    NoSigningSecret {
        /// Its name as the configuration writes it.
        name: &'a str,
        /// Whose it would be.
        repository: &'a dyn Display,
    },
    /// The repository is there.
    RepositoryExists(&'a dyn Display),
    /// Somebody changed the file.
    FileChanged(&'a str),
    /// The branch is changed by pull requests into it only.
    ProtectedSource(&'a dyn Display),
    /// The pull request is merged or closed.
    NotOpen(PullRequestNumber),
    /// Nobody wished to merge it.
    NotQueued(PullRequestNumber),
    /// The caller saw an older version.
    NewerPatchSet {
        /// Of which pull request.
        number: PullRequestNumber,
        /// The newest.
        head: &'a dyn Display,
    },
    /// A merge waits; the reasons say for what.
    MergeWaits {
        /// Of which pull request.
        number: PullRequestNumber,
        /// For how many things.
        things: usize,
    },
    /// Nothing of it is left to merge.
    NothingToMerge(PullRequestNumber),
    /// It conflicts with its target.
    MergeConflicts {
        /// Which pull request.
        number: PullRequestNumber,
        /// Where.
        paths: &'a [String],
    },
    /// No commit in common with the branch that it asks to change.
    UnrelatedHistory(&'a dyn Display),
    /// The branch has all of it.
    NothingNew(&'a dyn Display),
    /// A run that goes on cannot be repeated.
    RunNotEnded(u64),
    /// A workflow is wrong; the reasons say where.
    WorkflowCannotRun,
    /// An overlay's kustomization cannot be edited.
    Overlay(&'a dyn Display),
    /// A build cannot be promoted; the reasons say why.
    CannotBePromoted {
        /// The artifact.
        artifact: &'a str,
        /// Where to.
        environment: &'a dyn Display,
    },
    /// An application was never rendered.
    NotRendered(&'a dyn Display),
    /// An application without an environment.
    NoEnvironment(&'a dyn Display),
    /// A cluster did not answer a question.
    ClusterSilent(&'a dyn Display),
    /// Nothing is under way that could be ended.
    NothingUnderWay(&'a dyn Display),
    /// The application is on no cluster, where alone there are actions.
    NoActionsHere(&'a dyn Display),
    /// An object changed between the look and the write of an action.
    ObjectChanged(&'a dyn Display),
    /// Two objects of an application have the name.
    AmbiguousObject {
        /// The name.
        object: &'a dyn Display,
        /// Those that say which.
        names: &'a dyn Display,
    },
    /// The cluster did not do an action, not all of it, or did not say.
    ActionFailed {
        /// On which object.
        object: &'a dyn Display,
        /// What was written before, and stays.
        written: Option<&'a dyn Display>,
        /// Whether nobody knows if the write that failed was done.
        is_unknown: bool,
        /// What it says.
        error: &'a dyn Display,
    },
    /// Nothing runs that could be taken back.
    NothingRuns,
    /// A rollback is refused; the reasons say why.
    CannotRollBack(&'a dyn Display),
    /// A rollback that was asked for was refused; the reasons say why.
    NotRolledBack(&'a dyn Display),
    /// A rollback that was asked for takes longer than the request.
    NotRolledBackYet(&'a dyn Display),
    /// Nothing of the change is left.
    NothingToRevert,
    /// Later changes build on the change.
    RevertConflicts(&'a [String]),
    /// The disk is full.
    DiskFull(&'a dyn Display),
    /// A fault of the server's.
    Internal(&'a dyn Display),
}

/// What to do next.
#[derive(Debug, Clone, Copy)]
pub enum Next {
    /// The command that shows what goes on.
    Status,
    /// The change is made again on what is there now.
    ReadAgain,
}

impl Display for Obstacle<'_> {
    #[expect(clippy::too_many_lines, reason = "one sentence for each variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignInWaits { name, until } => {
                write!(f, "too many wrong passwords for {name}; wait until {until}")
            }
            Self::WrongPassword => f.write_str("the name or the password is wrong"),
            Self::AccountExists(name) => write!(f, "{name} has an account already"),
            Self::OtherMachine => f.write_str("the link works on the server's machine only"),
            Self::SetupUsed => f.write_str("the link was used before or is too old"),
            Self::ForeignName(host) => write!(f, "this server is not called {host}"),
            Self::ForeignPage(origin) => {
                write!(f, "a page of {origin} may not change anything here")
            }
            Self::NoPage => f.write_str("a change by a session says which page it comes from"),
            Self::TooManySecrets { max } => write!(f, "a repository has at most {max} secrets"),
            Self::NotDelivered { url, error } => write!(f, "{url} was not told: {error}"),
            Self::NoSigningSecret { name, repository } => {
                write!(f, "{repository} has no secret `{name}`, which signs what is sent")
            }
            Self::RepositoryExists(name) => write!(f, "{name} is there already"),
            Self::FileChanged(path) => {
                write!(f, "{path} was changed by somebody else since you read it")
            }
            Self::ProtectedSource(branch) => {
                write!(f, "{branch} is protected; open a pull request into it")
            }
            Self::NotOpen(number) => write!(f, "#{number} is not open"),
            Self::NotQueued(number) => write!(f, "#{number} is not queued"),
            Self::NewerPatchSet { number, head } => {
                write!(f, "#{number} has a newer patch set, {head}")
            }
            Self::MergeWaits { number, things: 1 } => write!(f, "#{number} waits for one thing"),
            Self::MergeWaits { number, things } => write!(f, "#{number} waits for {things} things"),
            Self::NothingToMerge(number) => write!(f, "nothing of #{number} is left to merge"),
            Self::MergeConflicts { number, paths } => {
                write!(f, "#{number} conflicts in {}", paths.join(", "))
            }
            Self::UnrelatedHistory(target) => {
                write!(f, "it has no history in common with {target}")
            }
            Self::NothingNew(target) => write!(f, "{target} has all of it already"),
            Self::RunNotEnded(run) => write!(f, "run {run} has not ended yet"),
            Self::WorkflowCannotRun => f.write_str("the workflow cannot run"),
            Self::Overlay(error) | Self::DiskFull(error) | Self::Internal(error) => error.fmt(f),
            Self::CannotBePromoted { artifact, environment } => {
                write!(f, "{artifact} cannot go to {environment}")
            }
            Self::NotRendered(name) => write!(f, "{name} has not been rendered"),
            Self::NoEnvironment(name) => write!(f, "{name} belongs to no environment"),
            Self::ClusterSilent(error) => write!(f, "{error}"),
            Self::NothingUnderWay(name) => {
                write!(
                    f,
                    "no synchronisation of {name} is under way; `boucle app show {name}` says what it waits for"
                )
            }
            Self::NoActionsHere(name) => {
                write!(f, "{name} runs on no cluster, and there are actions on clusters only")
            }
            Self::ObjectChanged(object) => {
                write!(f, "{object} changed while the action looked at it; nothing was overwritten")
            }
            Self::AmbiguousObject { object, names } => {
                write!(f, "{object} may be several objects; name one of {names}")
            }
            Self::ActionFailed { object, written, is_unknown, error } => {
                match (written, is_unknown) {
                    (None, false) => write!(f, "the action on {object} was not done: {error}"),
                    (None, true) => write!(
                        f,
                        "whether the action on {object} was done is unknown, look at it before you try again: {error}"
                    ),
                    (Some(written), false) => write!(
                        f,
                        "the action on {object} wrote {written}, which stays, and not the rest: {error}"
                    ),
                    (Some(written), true) => write!(
                        f,
                        "the action on {object} wrote {written}, which stays; whether it wrote the rest is unknown, look at it before you try again: {error}"
                    ),
                }
            }
            Self::NothingRuns => f.write_str("nothing runs that could be taken back"),
            Self::CannotRollBack(environment) => write!(f, "{environment} cannot be rolled back"),
            Self::NotRolledBack(environment) => write!(f, "{environment} is not rolled back"),
            Self::NotRolledBackYet(environment) => {
                write!(f, "{environment} was not rolled back yet; the request stands")
            }
            Self::NothingToRevert => f.write_str("nothing of the change is left"),
            Self::RevertConflicts(paths) => {
                write!(f, "later changes build on it in {}", paths.join(", "))
            }
        }
    }
}

impl Said for Obstacle<'_> {
    #[expect(clippy::too_many_lines, reason = "one sentence for each variant")]
    fn french(&self) -> String {
        match self {
            Self::SignInWaits { name, until } => {
                format!("trop de mots de passe faux pour {name} ; attendez jusqu’à {until}")
            }
            Self::WrongPassword => "le nom ou le mot de passe est faux".into(),
            Self::AccountExists(name) => format!("{name} a déjà un compte"),
            Self::OtherMachine => "le lien ne sert que sur la machine du serveur".into(),
            Self::SetupUsed => "le lien a déjà servi ou a expiré".into(),
            Self::ForeignName(host) => format!("ce serveur ne s’appelle pas {host}"),
            Self::ForeignPage(origin) => {
                format!("une page de {origin} ne peut rien changer ici")
            }
            Self::NoPage => "un changement par une session dit de quelle page il vient".into(),
            Self::TooManySecrets { max } => format!("un dépôt a au plus {max} secrets"),
            Self::NotDelivered { url, error } => format!("{url} n’a rien reçu : {error}"),
            Self::NoSigningSecret { name, repository } => {
                format!("{repository} n’a pas de secret `{name}`, qui signe ce qui est envoyé")
            }
            Self::RepositoryExists(name) => format!("{name} est déjà là"),
            Self::FileChanged(path) => {
                format!("quelqu’un d’autre a changé {path} depuis que vous l’avez lu")
            }
            Self::ProtectedSource(branch) => {
                format!("{branch} est protégée ; ouvrez une demande de changement vers elle")
            }
            Self::NotOpen(number) => {
                format!("la demande de changement nº {number} n’est pas ouverte")
            }
            Self::NotQueued(number) => {
                format!("la demande de changement nº {number} n’est pas en file")
            }
            Self::NewerPatchSet { number, head } => {
                format!("la demande de changement nº {number} a une version plus récente, {head}")
            }
            Self::MergeWaits { number, things: 1 } => {
                format!("la demande de changement nº {number} attend une chose")
            }
            Self::MergeWaits { number, things } => {
                format!("la demande de changement nº {number} attend {things} choses")
            }
            Self::NothingToMerge(number) => {
                format!("il ne reste rien à fusionner de la demande de changement nº {number}")
            }
            Self::MergeConflicts { number, paths } => {
                format!("la demande de changement nº {number} est en conflit dans {}", some(paths))
            }
            Self::UnrelatedHistory(target) => {
                format!("elle n’a pas d’histoire commune avec {target}")
            }
            Self::NothingNew(target) => format!("{target} a déjà tout cela"),
            Self::RunNotEnded(run) => format!("l’exécution {run} n’est pas encore terminée"),
            Self::WorkflowCannotRun => "le workflow ne peut pas être exécuté".into(),
            Self::Overlay(error) => {
                format!("la kustomization ne peut pas être modifiée : {error}")
            }
            Self::CannotBePromoted { artifact, environment } => {
                format!("{artifact} ne peut pas aller en {environment}")
            }
            Self::NotRendered(name) => format!("{name} n’a pas encore de rendu"),
            Self::NoEnvironment(name) => format!("{name} n’appartient à aucun environnement"),
            Self::ClusterSilent(error) => {
                format!("le cluster ne répond pas à la question : {error}")
            }
            Self::NothingUnderWay(name) => format!(
                "aucune synchronisation de {name} n’est en cours ; `boucle app show {name}` dit ce qu’elle attend"
            ),
            Self::NoActionsHere(name) => {
                format!("{name} ne tourne sur aucun cluster, et les actions n’existent que là")
            }
            Self::ObjectChanged(object) => {
                format!("{object} a changé pendant que l’action le regardait ; rien n’a été écrasé")
            }
            Self::AmbiguousObject { object, names } => {
                format!("{object} peut désigner plusieurs objets ; nommez l’un de {names}")
            }
            Self::ActionFailed { object, written, is_unknown, error } => {
                match (written, is_unknown) {
                    (None, false) => format!("l’action sur {object} n’a pas été faite : {error}"),
                    (None, true) => format!(
                        "on ne sait pas si l’action sur {object} a été faite, regardez-le avant de réessayer : {error}"
                    ),
                    (Some(written), false) => format!(
                        "l’action sur {object} a écrit {written}, qui reste, mais pas la suite : {error}"
                    ),
                    (Some(written), true) => format!(
                        "l’action sur {object} a écrit {written}, qui reste ; on ne sait pas si elle a écrit la suite, regardez-le avant de réessayer : {error}"
                    ),
                }
            }
            Self::NothingRuns => "rien ne tourne qui pourrait être retiré".into(),
            Self::CannotRollBack(environment) => {
                format!("pas de retour arrière possible en {environment}")
            }
            Self::NotRolledBack(environment) => format!("pas de retour arrière en {environment}"),
            Self::NotRolledBackYet(environment) => {
                format!("pas encore de retour arrière en {environment} ; la demande reste valable")
            }
            Self::NothingToRevert => "il ne reste rien de ce changement".into(),
            Self::RevertConflicts(paths) => {
                format!("des changements plus récents s’appuient dessus dans {}", some(paths))
            }
            Self::DiskFull(error) => format!("le disque est plein : {error}"),
            Self::Internal(error) => format!("une opération a échoué : {error}"),
        }
    }
}

impl Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "boucle status",
            Self::ReadAgain => "read it again and repeat your change",
        })
    }
}

impl Said for Next {
    fn french(&self) -> String {
        match self {
            Self::Status => "boucle status",
            Self::ReadAgain => "relisez-le et refaites votre changement",
        }
        .into()
    }
}
