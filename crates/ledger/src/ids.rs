//! Typed ids and names shared by every domain; each is parsed once, at the door.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not a valid id or name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct InvalidId {
    /// The text as it came.
    pub text: String,
    /// What would have been accepted, as a phrase: "a repository name (owner/name)".
    pub expected: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses the text, refusing what is not of this form.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId { text, expected: $expected }) }
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// A fact's place in the ledger; the first fact is 1.
    Sequence
);
number_id!(
    /// A run of a workflow; counted over the whole server.
    RunId
);
number_id!(
    /// A pull request; counted per repository.
    PullRequestNumber
);
number_id!(
    /// An incident; counted over the whole server.
    IncidentId
);

text_id!(
    /// A Git object by its SHA-1, 40 lower-case hexadecimal digits.
    ObjectId,
    "a Git object id (40 hexadecimal digits)",
    is_object_id
);
text_id!(
    /// A commit's object id.
    CommitId,
    "a commit id (40 hexadecimal digits)",
    is_object_id
);
text_id!(
    /// A tree's object id: equal trees, equal content.
    TreeId,
    "a tree id (40 hexadecimal digits)",
    is_object_id
);
text_id!(
    /// `owner/name`, each part of letters, digits, `-`, `_` and `.`, not starting with `.` or `-`.
    RepositoryName,
    "a repository name (owner/name)",
    |text| {
        let mut parts = text.split('/');
        let (Some(owner), Some(name), None) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        is_name(owner) && is_name(name) && !name.ends_with(".git")
    }
);
text_id!(
    /// A full ref name such as `refs/heads/main`, by the rules of git-check-ref-format(1).
    RefName,
    "a full ref name that git accepts (refs/heads/main)",
    is_ref_name
);
text_id!(
    /// The name of an environment: staging, production.
    EnvironmentName,
    "an environment name (letters, digits, `-`, `_`, `.`; at most 100)",
    is_name
);
text_id!(
    /// The name of an application, unique on the server.
    ApplicationName,
    "an application name (letters, digits, `-`, `_`, `.`; at most 100)",
    is_name
);
text_id!(
    /// A content digest in OCI's form, with lower-case hexadecimal digits: `sha256:` and 64 of them, or
    /// `sha512:` and 128.
    ArtifactDigest,
    "a digest (sha256: and 64 hexadecimal digits, or sha512: and 128)",
    |text| match text.split_once(':') {
        Some(("sha256", digits)) => is_hex(digits, 64),
        Some(("sha512", digits)) => is_hex(digits, 128),
        Some(_) | None => false,
    }
);

impl ArtifactDigest {
    /// `sha256` or `sha512`.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// The digits alone. Those of two algorithms differ in their number.
    #[must_use]
    pub fn hexadecimal(&self) -> &str {
        self.0.split(':').next_back().unwrap_or_default()
    }
}

impl RepositoryName {
    /// The part before the slash.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The part after the slash.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }
}

impl RefName {
    /// The branch's name when the ref is below `refs/heads/`.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.0.strip_prefix("refs/heads/")
    }

    /// The ref of a branch.
    pub fn of_branch(branch: &str) -> Result<Self, InvalidId> {
        Self::new(format!("refs/heads/{branch}"))
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time `ms` milliseconds later; stops at the ends of the range instead of wrapping.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Reads RFC 3339; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        Some(Self(time.as_millisecond()))
    }

    /// Milliseconds from `earlier` to this time; negative when the clock went back.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person with an account.
    Person,
    /// A program that holds a token.
    Machine,
    /// Boucle itself; the name is the reconciler's.
    System,
    /// Nobody known: a request without a valid token.
    Anonymous,
}

/// Who did something: a kind and a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// What sort of actor.
    pub kind: ActorKind,
    /// The account's, token's or reconciler's name.
    pub name: String,
}

impl Actor {
    /// A person's account.
    #[must_use]
    pub fn person(name: &str) -> Self {
        Self { kind: ActorKind::Person, name: name.into() }
    }

    /// A machine's token.
    #[must_use]
    pub fn machine(name: &str) -> Self {
        Self { kind: ActorKind::Machine, name: name.into() }
    }

    /// A part of Boucle.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { kind: ActorKind::System, name: name.into() }
    }

    /// A request without a valid token.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { kind: ActorKind::Anonymous, name: "anonymous".into() }
    }
}

/// `person:ada`, `system:rollback`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ActorKind::Person => "person",
            ActorKind::Machine => "machine",
            ActorKind::System => "system",
            ActorKind::Anonymous => "anonymous",
        };
        write!(f, "{kind}:{}", self.name)
    }
}

/// What a fact is about; facts on one subject form a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// The server itself: accounts, tokens, settings.
    Server,
    /// `owner/name`.
    Repository,
    /// `owner/name refs/heads/main`.
    Ref,
    /// `owner/name#1`.
    PullRequest,
    /// The run's number.
    Run,
    /// The application's name.
    Application,
    /// `owner/name environment`: where promotions go.
    Environment,
    /// `sha256:…`: an artifact.
    Artifact,
    /// `application objective`.
    Objective,
    /// The incident's number.
    Incident,
}

/// What a fact is about: a kind and a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// What sort of thing.
    pub kind: SubjectKind,
    /// Its name, in the form that [`SubjectKind`] gives.
    pub name: String,
}

impl Subject {
    /// The server itself.
    #[must_use]
    pub fn server() -> Self {
        Self { kind: SubjectKind::Server, name: "server".into() }
    }
    /// A repository.
    #[must_use]
    pub fn repository(name: &RepositoryName) -> Self {
        Self { kind: SubjectKind::Repository, name: name.to_string() }
    }
    /// A ref of a repository.
    #[must_use]
    pub fn reference(repository: &RepositoryName, reference: &RefName) -> Self {
        Self { kind: SubjectKind::Ref, name: format!("{repository} {reference}") }
    }
    /// A pull request.
    #[must_use]
    pub fn pull_request(repository: &RepositoryName, number: PullRequestNumber) -> Self {
        Self { kind: SubjectKind::PullRequest, name: format!("{repository}#{number}") }
    }
    /// A run of a workflow.
    #[must_use]
    pub fn run(run: RunId) -> Self {
        Self { kind: SubjectKind::Run, name: run.to_string() }
    }
    /// An application.
    #[must_use]
    pub fn application(name: &ApplicationName) -> Self {
        Self { kind: SubjectKind::Application, name: name.to_string() }
    }
    /// An environment of a repository.
    #[must_use]
    pub fn environment(repository: &RepositoryName, environment: &EnvironmentName) -> Self {
        Self { kind: SubjectKind::Environment, name: format!("{repository} {environment}") }
    }
    /// An artifact.
    #[must_use]
    pub fn artifact(digest: &ArtifactDigest) -> Self {
        Self { kind: SubjectKind::Artifact, name: digest.to_string() }
    }
    /// An objective of an application.
    #[must_use]
    pub fn objective(application: &ApplicationName, objective: &str) -> Self {
        Self { kind: SubjectKind::Objective, name: format!("{application} {objective}") }
    }
    /// An incident.
    #[must_use]
    pub fn incident(incident: IncidentId) -> Self {
        Self { kind: SubjectKind::Incident, name: incident.to_string() }
    }
}

/// `pull-request:demo/hello#1`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            SubjectKind::Server => "server",
            SubjectKind::Repository => "repository",
            SubjectKind::Ref => "ref",
            SubjectKind::PullRequest => "pull-request",
            SubjectKind::Run => "run",
            SubjectKind::Application => "application",
            SubjectKind::Environment => "environment",
            SubjectKind::Artifact => "artifact",
            SubjectKind::Objective => "objective",
            SubjectKind::Incident => "incident",
        };
        write!(f, "{kind}:{}", self.name)
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_object_id(text: &str) -> bool {
    is_hex(text, 40)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 100
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// git-check-ref-format(1), with at least three components.
fn is_ref_name(text: &str) -> bool {
    let clean = text.starts_with("refs/")
        && text.len() <= 1024
        && !text.ends_with(['/', '.'])
        && !text.contains("..")
        && !text.contains("@{")
        && !text.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c));
    clean
        && text.split('/').count() >= 3
        && text.split('/').all(|part| {
            !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with(".lock")
        })
}
