//! Flux's objects of a cluster as windows to the applications that Git declares: what is shown in their
//! status, and what the `flux` program asks for by writing into them. They declare nothing themselves.

mod conditions;
mod request;
mod source;
mod spec;
mod verdict;
mod workload;

pub use request::{Request, held_by, request};
pub use source::{Origin, Reference, SourceWindow, patch as patch_source, reference};
pub use spec::{read, source_of};
pub use workload::{Window, patch};

use serde_json::{Value, json};

use crate::windows::{Shown, merge};

/// A status as one patch, and the status that it makes; `None`: it is shown already.
fn status_patch(object: &Value, wanted: Value, shown: Option<&Shown>) -> Option<(Value, Value)> {
    let before = object.get("status").cloned().unwrap_or_else(|| json!({}));
    let is_known = |shown: &Shown| shown.asked == wanted && shown.answered == before;
    if shown.is_some_and(is_known) {
        return None;
    }
    let status = merge::patch(&before, &wanted)?;
    let version = &object["metadata"]["resourceVersion"];
    Some((json!({ "metadata": { "resourceVersion": version }, "status": status }), wanted))
}
