//! Argo CD's `Application` objects of a cluster as windows to the applications that Git declares: what
//! is shown in them, and what tools ask for by writing into them.

mod operation_state;
mod request;
mod spec;
mod status;

pub use request::{Request, is_ending, request};
pub use spec::read;
pub use status::{Window, patch};

use serde_json::Value;

use crate::windows;

/// Who else writes the status: [`windows::other_writer`], but for the one thing that tools write there.
#[must_use]
pub fn other_writer(object: &Value, answered: Option<&Value>) -> Option<String> {
    windows::other_writer(object, answered).filter(|_| !is_ending(object))
}

/// The manifests' origin as the object names it: `source` or `sources`.
fn origin(object: &Value) -> impl Iterator<Item = (&'static str, Value)> {
    let one = |name| Some((name, object["spec"].get(name)?.clone()));
    ["source", "sources"].into_iter().filter_map(one)
}
