//! Errors of the crates below that reach whoever asks, in French.

use database::AppendError;
use git_store::{RefUpdateError, StoreError};
use ledger::{AppendRefusal, InvalidId};

use super::Said;

impl Said for InvalidId {
    fn french(&self) -> String {
        format!("`{}` n’est pas {}", self.text, expected(self.expected))
    }
}

/// What would have been accepted. The phrases come from the types that were asked for; one that is
/// new here is quoted.
fn expected(phrase: &str) -> String {
    match phrase {
        "a Git object id (40 hexadecimal digits)" => {
            "un identifiant d’objet Git (40 chiffres hexadécimaux)"
        }
        "a commit id (40 hexadecimal digits)" => {
            "un identifiant de commit (40 chiffres hexadécimaux)"
        }
        "a tree id (40 hexadecimal digits)" => "un identifiant d’arbre (40 chiffres hexadécimaux)",
        "a repository name (owner/name)" => "un nom de dépôt (propriétaire/nom)",
        "a full ref name that git accepts (refs/heads/main)" => {
            "un nom complet de référence que git accepte (refs/heads/main)"
        }
        "an environment name (letters, digits, `-`, `_`, `.`; at most 100)" => {
            "un nom d’environnement (lettres, chiffres, `-`, `_`, `.` ; au plus 100)"
        }
        "an application name (letters, digits, `-`, `_`, `.`; at most 100)" => {
            "un nom d’application (lettres, chiffres, `-`, `_`, `.` ; au plus 100)"
        }
        "a digest (sha256: and 64 hexadecimal digits, or sha512: and 128)" => {
            "une empreinte (`sha256:` et 64 chiffres hexadécimaux, ou `sha512:` et 128)"
        }
        other => return format!("ce qui est attendu : {other}"),
    }
    .into()
}

impl Said for StoreError {
    fn french(&self) -> String {
        match self {
            Self::GitMissing(_) => {
                "le programme `git` ne démarre pas ; installez Git 2.38 ou plus récent".into()
            }
            Self::GitTooOld { found } => {
                format!("Git {found} est trop ancien ; installez Git 2.38 ou plus récent")
            }
            Self::Git { command, complaint } => format!("`git {command}` a échoué : {complaint}"),
            Self::Files { what, .. } => format!("une opération sur un fichier a échoué : {what}"),
            Self::Read { what, .. } => format!("une lecture a échoué : {what}"),
            Self::UnknownRepository(storage) => {
                format!("il n’y a pas de dépôt dans le dossier {storage}")
            }
            Self::RepositoryExists(storage) => {
                format!("il y a déjà un dépôt dans le dossier {storage}")
            }
            Self::NotFound { wanted, name } => {
                format!("il n’y a pas ceci dans ce dépôt : {} {name}", object(wanted))
            }
            Self::InvalidPath { path, reason } => {
                format!("le chemin `{path}` est refusé : {}", path_reason(reason))
            }
            Self::TooLarge { what, limit_bytes } => {
                let what = what.strip_prefix("the file with the id ");
                let what =
                    what.map_or("ceci".into(), |id| format!("le fichier d’identifiant {id}"));
                format!("{what} dépasse la limite de {limit_bytes} octets")
            }
        }
    }
}

impl Said for RefUpdateError {
    fn french(&self) -> String {
        match self {
            Self::Race { name, .. } => format!(
                "{name} a bougé entre-temps ; regardez à nouveau et refaites le changement s’il vaut encore"
            ),
            Self::NameTaken { name, existing } => format!(
                "{name} ne peut pas être à côté de {existing}, car l’une est un dossier de l’autre"
            ),
            Self::Store(error) => error.french(),
        }
    }
}

impl Said for AppendRefusal {
    fn french(&self) -> String {
        match self {
            Self::ParentMoved { subject, .. } => {
                format!("{subject} a avancé entre-temps ; regardez à nouveau et recommencez")
            }
        }
    }
}

impl Said for AppendError {
    fn french(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.french(),
            Self::Full => {
                "le disque est plein, rien n’a été enregistré ; libérez de l’espace et recommencez"
                    .into()
            }
            Self::Storage(_) => "le registre n’a pas pu être écrit".into(),
            Self::Closed => "le registre est fermé".into(),
        }
    }
}

/// A kind of Git object, as the store names it.
pub fn object(wanted: &str) -> &str {
    match wanted {
        "commit" => "le commit",
        "tree" => "l’arbre",
        "file" => "le fichier",
        "revision" => "la révision",
        other => other,
    }
}

fn path_reason(reason: &str) -> &str {
    match reason {
        "it is not a relative path of a file" => "ce n’est pas le chemin relatif d’un fichier",
        "it has characters that no file name may have, or is too long" => {
            "il a des caractères qu’aucun nom de fichier ne peut avoir, ou il est trop long"
        }
        "it has an empty part, `.` or `..`" => "il a une partie vide, `.` ou `..`",
        "it names Git's own folder" => "il nomme le dossier propre de Git",
        "its link leads to no readable path" => "son lien ne mène à aucun chemin lisible",
        "its link leaves the tree" => "son lien sort de l’arbre",
        "only files and links have content" => "seuls les fichiers et les liens ont un contenu",
        other => other,
    }
}
