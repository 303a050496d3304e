//! Why a push or an access is refused, and what Git's client prints of a push, in French.

use std::fmt;

use ledger::PullRequestNumber;
use repositories::access::{DenialReason, Denied, Permission, Resource};
use repositories::push::PushReason;

use super::{Coded, Said};

impl Said for PushReason {
    fn french(&self) -> String {
        match self {
            Self::AccessDenied { denied } => denied.french(),
            Self::InvalidRefName { name } => format!(
                "`{name}` n’est pas un nom de référence que Git accepte ; choisissez-en un autre"
            ),
            Self::RefNotOpenToPush { name } => format!(
                "`{name}` n’est pas ouverte aux poussées ; poussez vers refs/heads/, refs/tags/ ou refs/for/"
            ),
            Self::ProtectedBranch { branch } => format!(
                "{branch} est protégée ; proposez le changement par `git push origin HEAD:refs/for/{branch}`"
            ),
            Self::DefaultBranchDeletion { branch } => {
                format!("{branch} est la branche par défaut et ne peut pas être supprimée")
            }
            Self::NonFastForward { name } => format!(
                "{name} a des commits que la vôtre ne contient pas ; récupérez et rebasez ou fusionnez, puis poussez de nouveau"
            ),
            Self::TagExists { name } => {
                format!("{name} est déjà là et les étiquettes ne bougent pas ; prenez un autre nom")
            }
            Self::Stale { name } => {
                format!("{name} a bougé entre-temps ; récupérez, puis poussez de nouveau")
            }
            Self::NotACommit { name } => {
                format!("{name} doit désigner un commit ; poussez un commit")
            }
            Self::UnknownTarget { name } => format!(
                "`{name}` ne nomme aucune branche ; poussez vers refs/for/<branche> ou refs/for/<branche>/<sujet>"
            ),
            Self::UnrelatedHistory { target } => format!(
                "le changement n’a pas d’histoire commune avec {target} ; fondez-le sur cette branche"
            ),
            Self::NothingNew { target } => format!(
                "{target} ou sa demande de changement a déjà ce commit ; proposez quelque chose de nouveau"
            ),
            Self::PatchSetNotAsked { number } => format!(
                "ceci ne contient pas la dernière version de la demande de changement nº {number} ; pour la remplacer poussez avec `-o force-push`, ou ouvrez-en une autre avec `-o topic=NOM`"
            ),
            Self::DuplicateRef { name } => {
                format!("`{name}` est deux fois dans cette poussée ; poussez-la une fois")
            }
            Self::FileTooLarge { path, bytes, limit_bytes } => format!(
                "le fichier `{path}` a {bytes} octets et la limite est {limit_bytes} ; retirez-le des commits, ou relevez review.fileBytesMax dans boucle.yaml"
            ),
            Self::UnknownOption { option } => format!(
                "l’option de poussée `{option}` n’est pas connue ; il y a topic, title, description, draft et force-push"
            ),
            Self::AtomicPushRefused => {
                "une autre référence de cette poussée atomique a été refusée ; voyez sa raison"
                    .into()
            }
        }
    }
}

impl Coded for PushReason {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Said for DenialReason {
    fn french(&self) -> String {
        match self {
            Self::NotAuthenticated => {
                "la requête n’a pas de jeton valable ; créez-en un par `boucle token create`".into()
            }
            Self::Expired => "le jeton a expiré ; demandez-en un nouveau".into(),
            Self::OutOfScope => {
                "le jeton est pour un autre dépôt ; prenez-en un qui couvre celui-ci".into()
            }
            Self::RoleTooSmall { needed } => {
                format!("il faut le rôle `{}` ; demandez-le à un administrateur", needed.code())
            }
        }
    }
}

impl Coded for DenialReason {
    fn code(&self) -> &'static str {
        DenialReason::code(*self)
    }
}

impl Said for Denied {
    fn french(&self) -> String {
        let resource = match &self.resource {
            Resource::Server => "le serveur".to_owned(),
            Resource::Repository { name, .. } => name.to_string(),
        };
        let (what, reason) = (permission(self.permission), self.reason.french());
        format!("{} n’a pas le droit de {what} ({resource}) : {reason}", self.actor)
    }
}

/// What a push did, as Git's client prints it.
#[derive(Debug)]
pub enum PushNote<'a> {
    /// A pull request was opened.
    Opened {
        /// Its number.
        number: PullRequestNumber,
        /// Its title.
        title: &'a str,
    },
    /// A pull request has a new version.
    PatchSet {
        /// Which pull request.
        number: PullRequestNumber,
        /// Which version.
        patch_set: u32,
    },
    /// A ref stays where it is.
    Refused {
        /// Which ref.
        reference: &'a str,
        /// Why.
        reason: &'a PushReason,
    },
}

impl fmt::Display for PushNote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { number, title } => write!(f, "opened pull request #{number}: {title}"),
            Self::PatchSet { number, patch_set } => {
                write!(f, "pull request #{number}, patch set {patch_set}")
            }
            Self::Refused { reference, reason } => write!(f, "{reference}: {reason}"),
        }
    }
}

impl Said for PushNote<'_> {
    fn french(&self) -> String {
        match self {
            Self::Opened { number, title } => {
                format!("demande de changement nº {number} ouverte : {title}")
            }
            Self::PatchSet { number, patch_set } => {
                format!("demande de changement nº {number}, jeu {patch_set}")
            }
            Self::Refused { reference, reason } => format!("{reference} : {}", reason.french()),
        }
    }
}

fn permission(permission: Permission) -> &'static str {
    match permission {
        Permission::ReadServer => "consulter le serveur",
        Permission::ReadAudit => "lire le registre",
        Permission::AdministerServer => "administrer le serveur",
        Permission::ManageTokens => "gérer les jetons",
        Permission::CreateRepository => "créer un dépôt",
        Permission::ReadRepository => "lire le dépôt",
        Permission::PushRepository => "pousser",
        Permission::ProposeChange => "proposer un changement",
        Permission::Comment => "commenter",
        Permission::Review => "relire",
        Permission::Merge => "fusionner",
        Permission::ReportCheck => "rendre une vérification",
        Permission::OperateRuns => "lancer ou arrêter des exécutions",
        Permission::PublishArtifacts => "publier des artefacts",
        Permission::OperateDeployments => "déployer ou revenir en arrière",
        Permission::AdministerRepository => "administrer le dépôt",
    }
}
