//! What is known of a cluster's objects: kept small, indexed by application.
//!
//! Two sources feed it: watches, one for each kind in use, and the answers to our own writes, so
//! that whoever wrote reads what it wrote. Of both the newer version of an object wins.

mod applications;
mod names;
mod object;
mod store;

pub use applications::Changes;
pub use object::PodState;
pub(crate) use object::{Seen, tracked_by, uid_text, version};
pub(crate) use store::{Freshness, KindId, Live, Store};
