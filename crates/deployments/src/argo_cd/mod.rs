//! Argo CD's `Application` objects of a cluster as windows to the applications that Git declares: what
//! is shown in them, and what tools ask for by writing into them. They declare nothing themselves.

mod merge;
mod operation_state;
mod request;
mod spec;
mod status;
mod writer;

pub use request::{Request, is_ending, request};
pub use spec::{Names, Reading, read};
pub use status::{Counterpart, Shown, View, Window, patch};
pub use writer::{STATUS_MANAGER, other_writer};

use ledger::Timestamp;
use serde_json::Value;

/// As Kubernetes writes times: whole seconds.
fn seconds(at: Timestamp) -> String {
    let text = at.to_string();
    let whole = text.split_once('.').map(|(whole, _)| format!("{whole}Z"));
    whole.unwrap_or(text)
}

/// The manifests' origin as the object names it: `source` or `sources`.
fn origin(object: &Value) -> impl Iterator<Item = (&'static str, Value)> {
    let one = |name| Some((name, object["spec"].get(name)?.clone()));
    ["source", "sources"].into_iter().filter_map(one)
}
