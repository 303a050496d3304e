//! Who may do what: roles, permissions, and the permit that an operation demands.

use std::fmt;

use ledger::{Actor, RepositoryName, Timestamp};
use serde::{Deserialize, Serialize};

/// What somebody may do, each role with all that the one before has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Read,
    /// Propose, review, merge, run, operate.
    Write,
    /// Change rules, people and tokens.
    Admin,
}

/// Where a role counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The server and every repository.
    Server,
    /// One repository, and the applications declared in it.
    Repository(RepositoryName),
}

/// Who sees a repository without a role on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody who reaches the server.
    Public,
    /// Those who have a role on it.
    Private,
}

/// What an actor was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who.
    pub actor: Actor,
    /// What they may do; `None` for somebody without a role.
    pub role: Option<Role>,
    /// Where.
    pub scope: Scope,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// An operation that somebody must be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See the server's status, services, incidents and events.
    ReadServer,
    /// Read and export the ledger.
    ReadAudit,
    /// Change what the server is: views, shutdown, demonstration.
    AdministerServer,
    /// Make and revoke tokens.
    ManageTokens,
    /// Make a repository.
    CreateRepository,
    /// Clone, fetch, browse.
    ReadRepository,
    /// Push branches and tags.
    PushRepository,
    /// Open, update and close pull requests.
    ProposeChange,
    /// Comment on pull requests.
    Comment,
    /// Approve or ask for changes.
    Review,
    /// Merge a pull request that is ready.
    Merge,
    /// Report a check's result for a commit.
    ReportCheck,
    /// Start, cancel and repeat runs.
    OperateRuns,
    /// Publish and delete artifacts.
    PublishArtifacts,
    /// Promote, roll back, confirm deletions, lift holds and quarantines.
    OperateDeployments,
    /// Change a repository's settings.
    AdministerRepository,
}

/// What a permission is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// The server itself.
    Server,
    /// A repository and what is declared in it.
    Repository {
        /// Its name.
        name: RepositoryName,
        /// Who sees it without a role.
        visibility: Visibility,
    },
}

/// The proof that a permission was checked. Only [`permit`] makes one; operations ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    actor: Actor,
    permission: Permission,
    resource: Resource,
}

/// A permission that was not given; recorded as a fact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{actor} may not {permission} on {resource}: {reason}")]
pub struct Denied {
    /// Who asked.
    pub actor: Actor,
    /// What for.
    pub permission: Permission,
    /// Of what.
    pub resource: Resource,
    /// Why not.
    pub reason: DenialReason,
}

/// Why a permission was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenialReason {
    /// The request had no valid token.
    NotAuthenticated,
    /// The grant has ended.
    Expired,
    /// The grant is for another repository, or for one where the server is asked for.
    OutOfScope,
    /// The role is too small.
    RoleTooSmall {
        /// The role that would do.
        needed: Role,
    },
}

/// Whether `grant` allows `permission` on `resource` at `as_of`.
pub fn permit(
    grant: &Grant,
    permission: Permission,
    resource: &Resource,
    as_of: Timestamp,
) -> Result<Permit, Denied> {
    match denial(grant, permission, resource, as_of) {
        None => Ok(Permit { actor: grant.actor.clone(), permission, resource: resource.clone() }),
        Some(reason) => {
            let (actor, resource) = (grant.actor.clone(), resource.clone());
            Err(Denied { actor, permission, resource, reason })
        }
    }
}

/// The permit of Boucle's own reconcilers, which act under the rules of the decisions that they
/// carry out instead of a role. `part` is the reconciler's name.
#[must_use]
pub fn system_permit(part: &str, permission: Permission, resource: Resource) -> Permit {
    Permit { actor: Actor::system(part), permission, resource }
}

/// Whether applications of the repository `reader` may be rendered from the files of `source`: what
/// they render to is shown to everybody who may read `reader`, now or later, so it takes that everybody
/// may read `source`, or that `source` itself names `reader` (`consents`). `visibility` is `None` for a
/// repository that is not there.
#[must_use]
pub fn may_render_from(
    reader: &RepositoryName,
    source: &RepositoryName,
    visibility: Option<Visibility>,
    consents: &[RepositoryName],
) -> bool {
    match visibility {
        _ if reader == source => true,
        None => false,
        Some(Visibility::Public) => true,
        Some(Visibility::Private) => consents.contains(reader),
    }
}

fn denial(
    grant: &Grant,
    permission: Permission,
    resource: &Resource,
    as_of: Timestamp,
) -> Option<DenialReason> {
    if grant.expires_at.is_some_and(|end| end <= as_of) {
        return Some(DenialReason::Expired);
    }
    if let Resource::Repository { visibility: Visibility::Public, .. } = resource
        && permission == Permission::ReadRepository
    {
        return None;
    }
    let Some(role) = grant.role else { return Some(DenialReason::NotAuthenticated) };
    let in_scope = match (&grant.scope, resource) {
        (Scope::Server, _) => true,
        (Scope::Repository(own), Resource::Repository { name, .. }) => own == name,
        // Whoever may look at one repository may see that the server is well.
        (Scope::Repository(_), Resource::Server) => permission == Permission::ReadServer,
    };
    if !in_scope {
        return Some(DenialReason::OutOfScope);
    }
    let needed = permission.role();
    (role < needed).then_some(DenialReason::RoleTooSmall { needed })
}

impl Permit {
    /// Who may.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What they may.
    #[must_use]
    pub fn permission(&self) -> Permission {
        self.permission
    }

    /// On what.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }
}

impl Grant {
    /// What a request without a token has.
    #[must_use]
    pub fn nobody() -> Self {
        let (role, expires_at) = (None, None);
        Self { actor: Actor::anonymous(), role, scope: Scope::Server, expires_at }
    }
}

impl Permission {
    /// Every permission, for tests that walk all of them.
    pub const ALL: [Self; 16] = [
        Self::ReadServer,
        Self::ReadAudit,
        Self::AdministerServer,
        Self::ManageTokens,
        Self::CreateRepository,
        Self::ReadRepository,
        Self::PushRepository,
        Self::ProposeChange,
        Self::Comment,
        Self::Review,
        Self::Merge,
        Self::ReportCheck,
        Self::OperateRuns,
        Self::PublishArtifacts,
        Self::OperateDeployments,
        Self::AdministerRepository,
    ];

    /// The smallest role that has it.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            Self::ReadServer | Self::ReadRepository => Role::Read,
            Self::PushRepository
            | Self::ProposeChange
            | Self::Comment
            | Self::Review
            | Self::Merge
            | Self::ReportCheck
            | Self::OperateRuns
            | Self::PublishArtifacts
            | Self::OperateDeployments => Role::Write,
            Self::ReadAudit
            | Self::AdministerServer
            | Self::ManageTokens
            | Self::CreateRepository
            | Self::AdministerRepository => Role::Admin,
        }
    }

    /// The stable code: `read-repository`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ReadServer => "read-server",
            Self::ReadAudit => "read-audit",
            Self::AdministerServer => "administer-server",
            Self::ManageTokens => "manage-tokens",
            Self::CreateRepository => "create-repository",
            Self::ReadRepository => "read-repository",
            Self::PushRepository => "push-repository",
            Self::ProposeChange => "propose-change",
            Self::Comment => "comment",
            Self::Review => "review",
            Self::Merge => "merge",
            Self::ReportCheck => "report-check",
            Self::OperateRuns => "operate-runs",
            Self::PublishArtifacts => "publish-artifacts",
            Self::OperateDeployments => "operate-deployments",
            Self::AdministerRepository => "administer-repository",
        }
    }
}

impl DenialReason {
    /// The stable code: `not-authenticated`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAuthenticated => "not-authenticated",
            Self::Expired => "token-expired",
            Self::OutOfScope => "out-of-scope",
            Self::RoleTooSmall { .. } => "role-too-small",
        }
    }
}

impl Role {
    /// The stable name: `read`, `write`, `admin`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("the server"),
            Self::Repository { name, .. } => name.fmt(f),
        }
    }
}

impl fmt::Display for DenialReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAuthenticated => {
                f.write_str("the request has no valid token; make one with `boucle token create`")
            }
            Self::Expired => f.write_str("the token has expired; ask for a new one"),
            Self::OutOfScope => {
                f.write_str("the token is for another repository; use one that covers this")
            }
            Self::RoleTooSmall { needed } => {
                write!(f, "it takes the role `{}`; ask an administrator for it", needed.code())
            }
        }
    }
}
