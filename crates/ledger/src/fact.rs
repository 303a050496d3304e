//! What is appended and what comes back: drafts, facts, the expected parent, views.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{Actor, Sequence, Subject, Timestamp};

/// The fact on the subject that a draft was based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The draft holds whatever came before: an observation.
    Anything,
    /// The draft holds only if this is still the newest fact on its subject (`None`: no fact yet).
    Parent(Option<Sequence>),
}

/// A fact that is not in the ledger yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// When it was true; from the observer's clock.
    pub at: Timestamp,
    /// Who did or decided it.
    pub actor: Actor,
    /// What it is about.
    pub subject: Subject,
    /// What it was based on.
    pub expected: Expected,
    /// The facts that led to it, oldest first; may be empty.
    pub causes: Vec<Sequence>,
    /// Why, as a stable code with arguments kept in the body; may be empty for observations.
    pub reason: String,
    /// `domain.name`, for example `repositories.ref_moved`.
    pub kind: String,
    /// The fact's own fields.
    pub body: Value,
}

impl Draft {
    /// A draft of a domain's fact that holds whatever came before.
    pub fn new<F: FactBody>(at: Timestamp, actor: Actor, subject: Subject, fact: &F) -> Self {
        let (kind, body) = encode(fact);
        let (expected, causes, reason) = (Expected::Anything, Vec::new(), String::new());
        Self { at, actor, subject, expected, causes, reason, kind, body }
    }

    /// The same draft, holding only after `parent`.
    #[must_use]
    pub fn expecting(mut self, parent: Option<Sequence>) -> Self {
        self.expected = Expected::Parent(parent);
        self
    }

    /// The same draft with a reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// The same draft with the facts that led to it.
    #[must_use]
    pub fn caused_by(mut self, causes: impl IntoIterator<Item = Sequence>) -> Self {
        self.causes.extend(causes);
        self
    }
}

/// A fact in the ledger. Its canonical JSON is the leaf of the hash tree, so fields are only added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Its place in the total order, from 1.
    pub sequence: Sequence,
    /// When it was true.
    pub at: Timestamp,
    /// Who did or decided it.
    pub actor: Actor,
    /// What it is about.
    pub subject: Subject,
    /// The fact on the same subject before this one.
    pub parent: Option<Sequence>,
    /// The facts that led to it.
    pub causes: Vec<Sequence>,
    /// Why.
    pub reason: String,
    /// `domain.name`.
    pub kind: String,
    /// The fact's own fields.
    pub body: Value,
}

/// Why a draft was not appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendRefusal {
    /// Somebody was faster; look again.
    #[error("{subject} has moved on: expected {expected:?} as its newest fact, found {actual:?}")]
    ParentMoved {
        /// The draft's subject.
        subject: Subject,
        /// What the draft was based on.
        expected: Option<Sequence>,
        /// What is there.
        actual: Option<Sequence>,
    },
}

/// A domain's facts: an enum with `#[serde(tag = "kind", rename_all = "snake_case")]`.
pub trait FactBody: Serialize + DeserializeOwned {
    /// The domain's name, the part of the kind before the dot.
    const DOMAIN: &'static str;
}

/// State folded from facts. Applying the same facts in the same order gives the same state.
pub trait View {
    /// Takes one more fact; facts of other domains are ignored.
    fn apply(&mut self, fact: &Fact);
}

/// The domain's fact in `fact`, or `None` when it belongs to another domain or a newer version.
pub fn decode<F: FactBody>(fact: &Fact) -> Option<F> {
    let name = fact.kind.strip_prefix(F::DOMAIN)?.strip_prefix('.')?;
    let Value::Object(fields) = &fact.body else { return None };
    let mut tagged = fields.clone();
    tagged.insert("kind".into(), Value::String(name.into()));
    serde_json::from_value(Value::Object(tagged)).ok()
}

/// Splits a domain's fact into its kind and body.
///
/// # Panics
/// When the type is not an internally tagged enum whose fields are JSON; that is a programmer's
/// error that every test of the domain would meet.
fn encode<F: FactBody>(fact: &F) -> (String, Value) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(fact) else {
        panic!("facts of {} must serialise to an object", F::DOMAIN)
    };
    let Some(Value::String(name)) = fields.shift_remove("kind") else {
        panic!("facts of {} must be tagged by `kind`", F::DOMAIN)
    };
    (format!("{}.{name}", F::DOMAIN), Value::Object(fields))
}
