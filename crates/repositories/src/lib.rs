//! Push policy, pull requests, reviews, owners and merge rules: decisions about a hosted repository.
//!
//! Read in this order: [`facts`] (what happened), [`view`] (what is now so), [`policy`] (what a team
//! asks for), [`access`] (who may do what), [`push`] (what becomes of a push), [`pull_request`] (may
//! it be merged, and if not, why), [`people`] (who signs in). [`codeowners`] and [`glob`] are what these read patterns with.
//!
//! Absent on purpose: objects, refs on disk and the wire protocol (crate `git-store`), the reading
//! of `boucle.yaml` (crate `control`), storage of facts (crate `database`).

pub mod access;
pub mod codeowners;
pub mod facts;
mod fold;
pub mod glob;
pub mod people;
pub mod policy;
pub mod pull_request;
pub mod push;
mod push_reasons;
pub mod reasons;
pub mod secrets;
pub mod view;

pub use facts::RepositoryFact;
pub use view::RepositoriesView;
