//! What the server says, in the language of who asks. The English is each value's `Display`, next to
//! its decision; the French is here, in matches without `_`: a new variant does not compile without it.

mod actions;
mod clusters;
mod control;
mod deployments;
mod diagnosis;
mod errors;
mod files;
mod incidents;
mod kept;
mod malformed;
mod missing;
mod monitoring;
mod obstacles;
mod passkeys;
mod pipelines;
mod pushes;
mod repositories;
mod reviews;
#[cfg(test)]
mod tests;
mod trials;

use std::fmt;

use api::problem::Reason;

use crate::language::{self, Language};

pub use clusters::{ClusterLacks, WaitsForRoom};
pub use deployments::BeingRemoved;
pub use diagnosis::Finding;
pub use files::{
    ConfigurationProblem, Orphans, RenderFailed, RepeatedObject, Trouble, workflow_reason,
};
pub use incidents::{Step, Title, cases, evidence};
pub use malformed::Malformed;
pub use missing::Missing;
pub use obstacles::{Next, Obstacle};
pub use passkeys::PasskeyObstacle;
pub use pushes::PushNote;
pub use repositories::Who;
pub use reviews::{CheckNote, Note};
pub use trials::{ClusterRefuses, NotTried, WhyNotTried};

/// A sentence in both languages.
pub trait Said: fmt::Display {
    /// The sentence in French.
    fn french(&self) -> String;
}

/// A sentence that comes as text, in the language of the request as far as it is known.
pub fn kept(text: &str) -> String {
    match language::current() {
        Language::English => text.to_owned(),
        Language::French => kept::french(text),
    }
}

/// A reason: a sentence with a stable code.
pub trait Coded: Said {
    /// The code, the same in every language.
    fn code(&self) -> &'static str;
}

/// The sentence in the language of the request.
pub fn say(what: &(impl Said + ?Sized)) -> String {
    match language::current() {
        Language::English => what.to_string(),
        Language::French => what.french(),
    }
}

/// The reason as the interface shows it, in the language of the request.
pub fn reason(of: &(impl Coded + ?Sized)) -> Reason {
    Reason::new(of.code(), say(of))
}

/// `1 tâche`, `2 tâches`: French counts 0 as one.
fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number < 2 { one } else { many })
}

/// At most five, and how many more.
fn some(items: &[String]) -> String {
    let shown = items.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(5) {
        0 => shown,
        more => format!("{shown} et {more} de plus"),
    }
}
