//! What is wrong with a request.

use std::fmt::{self, Display};

use render::sops::AgeKeysError;
use repositories::secrets::InvalidSecretName;

use super::Said;

/// What whoever asks has to write differently.
pub enum Malformed<'a> {
    /// A Git client that speaks the protocol of files.
    OldProtocol,
    /// A Git request with another content type.
    ContentType {
        /// The one that it must have.
        expected: &'a str,
    },
    /// Git's data cannot be read.
    GitData(&'a dyn Display),
    /// A body that is too large.
    BodyTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// A part of an address that is not what belongs there.
    Address(&'a dyn Display),
    /// A query that is not the one that belongs to the address.
    Query(&'a dyn Display),
    /// A body that is not the JSON that was expected.
    Body(&'a dyn Display),
    /// A page's size.
    Limit {
        /// The limit.
        max: usize,
        /// What was asked for.
        given: usize,
    },
    /// A cursor that this server never made.
    Cursor,
    /// The days of the delivery figures.
    Days {
        /// The limit.
        max: u32,
        /// What was asked for.
        given: u32,
    },
    /// A parameter that is neither of two words.
    Neither {
        /// The parameter.
        parameter: &'a str,
        /// The one word.
        one: &'a str,
        /// The other.
        other: &'a str,
        /// What was given.
        given: &'a str,
    },
    /// A text that is searched for.
    SearchedTooShort {
        /// How many characters it has at least.
        min: usize,
    },
    /// A text that is no time.
    Time(&'a str),
    /// A text that is no actor.
    ActorName(&'a str),
    /// A text that is no subject.
    SubjectName(&'a str),
    /// A text that is no name of an account or machine.
    AccountName(&'a str),
    /// A text that is no name of a secret.
    SecretName(&'a InvalidSecretName),
    /// A value that no secret has.
    SecretValue {
        /// How many bytes it has at least.
        bytes_min: usize,
        /// How many bytes it has at most.
        bytes_max: usize,
    },
    /// A text that is no address of an API server.
    ClusterAddress(&'a str),
    /// An address that has no charts.
    ChartsAddress(&'a str),
    /// A secret with two uses.
    TwoUses,
    /// A value that holds no age key.
    AgeKeys(&'a AgeKeysError),
    /// An invitation that was used without a password or passkey.
    InvitationWithoutWayIn,
    /// A password that is too short or too long.
    Password {
        /// How many characters it has at least.
        characters_min: usize,
        /// How many bytes it has at most.
        bytes_max: usize,
    },
    /// A comment without a text.
    EmptyComment,
    /// A comment on half a place.
    PathWithoutLine,
    /// A comment on line 0.
    LineZero,
    /// An edit without files or with a wrong title.
    Edit {
        /// How many characters a title has at most.
        title_max: usize,
    },
    /// An edit of something that is no file.
    NoFile(&'a str),
    /// A deletion that no plan holds back.
    NotHeldBack(&'a str),
}

impl Display for Malformed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldProtocol => {
                f.write_str("only smart HTTP is served; ask with a git of this century")
            }
            Self::ContentType { expected } => write!(f, "the content type must be {expected}"),
            Self::GitData(error)
            | Self::Body(error)
            | Self::Address(error)
            | Self::Query(error) => error.fmt(f),
            Self::BodyTooLarge { bytes_max } => {
                write!(f, "a request's body is at most {bytes_max} bytes")
            }
            Self::Limit { max, given } => write!(f, "`limit` is from 1 to {max}, not {given}"),
            Self::Cursor => f.write_str("`cursor` is not one that this server gave out"),
            Self::Days { max, given } => write!(f, "`days` is from 1 to {max}, not {given}"),
            Self::Neither { parameter, one, other, given } => {
                write!(f, "`{parameter}` is `{one}` or `{other}`, not `{given}`")
            }
            Self::SearchedTooShort { min } => write!(f, "`text` has at least {min} characters"),
            Self::Time(text) => {
                write!(f, "`{text}` is not a time such as 2026-01-31T12:00:00Z")
            }
            Self::ActorName(text) => write!(f, "`{text}` is not an actor such as person:ada"),
            Self::SubjectName(text) => {
                write!(f, "`{text}` is not a subject such as application:hello-production")
            }
            Self::AccountName(text) => {
                write!(f, "`{text}` is not a name of letters, digits, `-`, `_`, `.`, `@`")
            }
            Self::SecretName(error) => error.fmt(f),
            Self::SecretValue { bytes_min, bytes_max } => write!(
                f,
                "a secret's value is text of {bytes_min} to {bytes_max} bytes without a null byte; \
                 a shorter one could not be hidden in logs"
            ),
            Self::ClusterAddress(text) => {
                write!(f, "`{text}` is no address of an API server; it begins with `https://`")
            }
            Self::ChartsAddress(why) => f.write_str(why),
            Self::TwoUses => f.write_str(
                "a secret is for a cluster, for charts, for a plugin or decrypts: one of these",
            ),
            Self::AgeKeys(error) => error.fmt(f),
            Self::InvitationWithoutWayIn => {
                f.write_str("an invitation needs a `password` or a `passkey`")
            }
            Self::Password { characters_min, bytes_max } => write!(
                f,
                "a password has at least {characters_min} characters and at most {bytes_max} bytes"
            ),
            Self::EmptyComment => f.write_str("a comment has a text"),
            Self::PathWithoutLine => f.write_str("`path` and `line` come together"),
            Self::LineZero => f.write_str("`line` counts from 1"),
            Self::Edit { title_max } => {
                write!(f, "an edit has files and a title of 1 to {title_max} characters")
            }
            Self::NoFile(path) => write!(f, "{path} is no file"),
            Self::NotHeldBack(object) => {
                write!(f, "`{object}` is not among the deletions that are held back")
            }
        }
    }
}

impl Said for Malformed<'_> {
    fn french(&self) -> String {
        match self {
            Self::OldProtocol => {
                "seul le HTTP « smart » est servi ; demandez avec un git de ce siècle".into()
            }
            Self::ContentType { expected } => format!("le type du contenu doit être {expected}"),
            Self::GitData(error) => format!("les données de git ne sont pas lisibles : {error}"),
            Self::Address(error) => format!("l’adresse n’est pas celle attendue : {error}"),
            Self::Query(error) => {
                format!("les paramètres de l’adresse ne sont pas ceux attendus : {error}")
            }
            Self::Body(error) => {
                format!("le corps de la requête n’est pas celui attendu : {error}")
            }
            Self::BodyTooLarge { bytes_max } => {
                format!("le corps d’une requête a au plus {bytes_max} octets")
            }
            Self::Limit { max, given } => format!("`limit` va de 1 à {max}, pas {given}"),
            Self::Cursor => "`cursor` n’a pas été donné par ce serveur".into(),
            Self::Days { max, given } => format!("`days` va de 1 à {max}, pas {given}"),
            Self::Neither { parameter, one, other, given } => {
                format!("`{parameter}` est `{one}` ou `{other}`, pas `{given}`")
            }
            Self::SearchedTooShort { min } => format!("`text` a au moins {min} caractères"),
            Self::Time(text) => {
                format!("`{text}` n’est pas une date telle que 2026-01-31T12:00:00Z")
            }
            Self::ActorName(text) => format!("`{text}` n’est pas un acteur tel que person:ada"),
            Self::SubjectName(text) => {
                format!("`{text}` n’est pas un sujet tel que application:hello-production")
            }
            Self::AccountName(text) => {
                format!("`{text}` n’est pas un nom fait de lettres, chiffres, `-`, `_`, `.`, `@`")
            }
            Self::SecretName(error) => secret_name(error),
            Self::SecretValue { bytes_min, bytes_max } => format!(
                "la valeur d’un secret est un texte de {bytes_min} à {bytes_max} octets sans octet nul ; une valeur plus courte ne pourrait pas être cachée dans les journaux"
            ),
            Self::ClusterAddress(text) => format!(
                "`{text}` n’est pas l’adresse d’un serveur d’API ; elle commence par `https://`"
            ),
            Self::ChartsAddress(why) => format!("l’adresse n’est pas acceptée : {why}"),
            Self::TwoUses => {
                "un secret est pour un cluster, pour des charts, pour un plugin ou déchiffre : l’un des quatre"
                    .into()
            }
            Self::AgeKeys(AgeKeysError::Empty) => {
                "il n’y a pas de clé age ; `age-keygen` en crée une".into()
            }
            Self::AgeKeys(AgeKeysError::Line { line }) => format!(
                "la ligne {line} n’est pas une clé age ; une clé commence par `AGE-SECRET-KEY-1`"
            ),
            Self::InvitationWithoutWayIn => {
                "une invitation exige un `password` ou une `passkey`".into()
            }
            Self::Password { characters_min, bytes_max } => format!(
                "un mot de passe a au moins {characters_min} caractères et au plus {bytes_max} octets"
            ),
            Self::EmptyComment => "un commentaire a un texte".into(),
            Self::PathWithoutLine => "`path` et `line` vont ensemble".into(),
            Self::LineZero => "`line` compte à partir de 1".into(),
            Self::Edit { title_max } => {
                format!("une modification a des fichiers et un titre de 1 à {title_max} caractères")
            }
            Self::NoFile(path) => format!("{path} n’est pas un fichier"),
            Self::NotHeldBack(object) => {
                format!("`{object}` n’est pas parmi les suppressions retenues")
            }
        }
    }
}

fn secret_name(error: &InvalidSecretName) -> String {
    match error {
        InvalidSecretName::Form(text) => format!(
            "`{text}` n’est pas un nom de secret : une lettre ou `_`, puis des lettres, chiffres, `_` et `-`, 100 au plus en tout"
        ),
        InvalidSecretName::Reserved(text) => format!(
            "`{text}` commence par `GITHUB_`, comme ce que reçoit chaque tâche ; choisissez un autre nom"
        ),
    }
}
