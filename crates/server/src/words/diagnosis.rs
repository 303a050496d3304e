//! What the server says of itself.

use std::fmt::{self, Display};

use super::{Said, kept};

/// One line of the diagnosis.
pub enum Finding<'a> {
    /// A name, a version or another program's message: the same in every language.
    Verbatim(&'a str),
    /// The ledger was written and signed.
    Signed,
    /// A layer of the sandbox holds.
    Enforced,
    /// How much room is left where the data is.
    Free {
        /// The folder.
        folder: &'a str,
        /// How much is left.
        mebibytes: u64,
    },
    /// The clock is not behind the ledger.
    ClockRight,
    /// The clock was set back.
    ClockBehind {
        /// By how much.
        seconds: i64,
    },
    /// An object whose status another program writes.
    OtherWriter {
        /// Its kind.
        kind: &'a str,
        /// Its name.
        name: &'a str,
        /// The program's field manager.
        writer: &'a str,
    },
}

impl Display for Finding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verbatim(text) => f.write_str(text),
            Self::Signed => f.write_str("written and signed"),
            Self::Enforced => f.write_str("enforced"),
            Self::Free { folder, mebibytes } => write!(f, "{folder}, {mebibytes} MiB free"),
            Self::ClockRight => f.write_str("not behind the ledger"),
            Self::ClockBehind { seconds } => write!(
                f,
                "the machine's clock is {seconds} s behind the ledger; time goes on there"
            ),
            Self::OtherWriter { kind, name, writer } => write!(
                f,
                "`{writer}` writes the status of the {kind} `{name}`, which is left to it; \
                 stop it, then remove the object's status"
            ),
        }
    }
}

impl Said for Finding<'_> {
    fn french(&self) -> String {
        match self {
            Self::Verbatim(text) => kept::french(text),
            Self::Signed => "écrit et signé".into(),
            Self::Enforced => "en vigueur".into(),
            Self::Free { folder, mebibytes } => format!("{folder}, {mebibytes} Mio libres"),
            Self::ClockRight => "pas en retard sur le registre".into(),
            Self::ClockBehind { seconds } => format!(
                "l’horloge de la machine a {seconds} s de retard sur le registre ; le temps y continue"
            ),
            Self::OtherWriter { kind, name, writer } => format!(
                "« {writer} » écrit l’état de l’objet {kind} « {name} », qui lui est laissé ; arrêtez-le, puis enlevez l’état de l’objet"
            ),
        }
    }
}
