//! What stands in the way of a passkey.

use std::fmt::{self, Display};

use super::Said;

/// Why a passkey is not asked for, taken, or removed.
pub enum PasskeyObstacle<'a> {
    /// A one-time link that was used for a password and a passkey at once.
    WithPassword,
    /// What a passkey is called.
    Label {
        /// How many characters it has at most.
        characters_max: usize,
    },
    /// The page's address has no name that a passkey could be tied to.
    NeedsName(&'a str),
    /// The challenge was used, is too old or was made for something else.
    ChallengeOver,
    /// No passkey of an account that is here: the same for all of these.
    Unknown,
    /// What the browser sent does not hold.
    Unproven(&'a dyn Display),
    /// The account has this very passkey.
    Known,
    /// The account has as many as it can.
    Full {
        /// How many.
        max: usize,
    },
    /// Nothing else lets its owner in.
    LastWayIn(&'a str),
    /// A token, or a session without an account.
    NoAccount,
}

impl Display for PasskeyObstacle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithPassword => f.write_str(
                "`password` and `passkey` do not go together; choose one, add the other later",
            ),
            Self::Label { characters_max } => {
                write!(f, "a passkey's `label` is one line of 1 to {characters_max} characters")
            }
            Self::NeedsName(address) => {
                write!(
                    f,
                    "passkeys need a name, and {address} is an address; open localhost instead"
                )
            }
            Self::ChallengeOver => {
                f.write_str("the challenge was used, is too old or was made for something else")
            }
            Self::Unknown => f.write_str("this passkey signs nobody in here"),
            Self::Unproven(error) => write!(f, "the answer proves no passkey: {error}"),
            Self::Known => f.write_str("the account has this passkey already"),
            Self::Full { max } => write!(f, "an account has at most {max} passkeys"),
            Self::LastWayIn(label) => {
                write!(f, "without {label} nothing would let you in: there is no password")
            }
            Self::NoAccount => {
                f.write_str("passkeys belong to people with an account who signed in")
            }
        }
    }
}

impl Said for PasskeyObstacle<'_> {
    fn french(&self) -> String {
        match self {
            Self::WithPassword => {
                "`password` et `passkey` ne vont pas ensemble ; choisissez l’un, ajoutez l’autre après"
                    .into()
            }
            Self::Label { characters_max } => {
                format!("le `label` d’une clé d’accès a une ligne de 1 à {characters_max} caractères")
            }
            Self::NeedsName(address) => format!(
                "les clés d’accès exigent un nom, et {address} est une adresse ; ouvrez localhost"
            ),
            Self::ChallengeOver => {
                "le défi a déjà servi, a expiré ou était fait pour autre chose".into()
            }
            Self::Unknown => "cette clé d’accès ne connecte personne ici".into(),
            Self::Unproven(error) => {
                format!("la réponse ne prouve aucune clé d’accès : {error}")
            }
            Self::Known => "le compte a déjà cette clé d’accès".into(),
            Self::Full { max } => format!("un compte a au plus {max} clés d’accès"),
            Self::LastWayIn(label) => {
                format!(
                    "sans {label}, plus rien ne vous laisserait entrer : il n’y a pas de mot de passe"
                )
            }
            Self::NoAccount => {
                "les clés d’accès sont aux personnes qui ont un compte et se sont connectées".into()
            }
        }
    }
}
