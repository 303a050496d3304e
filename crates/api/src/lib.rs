//! Wire types of the HTTP interface, version 1: what the server writes and the command line reads.
//!
//! Fields are only added within a version. Times are RFC 3339 in UTC, durations carry their unit in
//! the name, lists are pages with a cursor. Nothing here knows a domain's own types.

pub mod applications;
pub mod audit;
pub mod browse;
pub mod codes;
pub mod delivery;
pub mod environments;
pub mod incidents;
pub mod page;
pub mod passkeys;
pub mod people;
pub mod problem;
pub mod pull_requests;
pub mod repositories;
pub mod runs;
pub mod settings;
pub mod status;
pub mod tokens;
pub mod versions;
