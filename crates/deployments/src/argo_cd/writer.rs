//! Who else writes the status of an object: two controllers of one object undo each other for ever.

use serde_json::Value;

use super::request::is_ending;

/// The field manager that statuses are written as; not that of deployed objects, because an
/// `Application` may be one of those too.
pub const STATUS_MANAGER: &str = "boucle-status";

/// Who wrote the status after it was written from here; `None`: nobody, or it never was. `answered` is
/// the status as it was after the last write, when that is known. An object whose status was removed
/// is free again.
#[must_use]
pub fn other_writer(object: &Value, answered: Option<&Value>) -> Option<String> {
    let status = object.get("status").filter(|status| !status.is_null())?;
    // The one thing that tools write there.
    if is_ending(object) || answered.is_some_and(|answered| answered == status) {
        return None;
    }
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let writers = entries.into_iter().flatten().filter_map(|entry| {
        entry["fieldsV1"].get("f:status")?;
        // Times of one format, which are in order as texts.
        Some((entry["time"].as_str().unwrap_or_default(), entry["manager"].as_str()?))
    });
    let (own, others): (Vec<_>, Vec<_>) =
        writers.partition(|(_, manager)| *manager == STATUS_MANAGER);
    let newest = others.into_iter().max();
    match (answered, own.into_iter().max()) {
        (Some(_), _) => Some(newest.map_or("somebody", |(_, manager)| manager).to_owned()),
        (None, Some((written, _))) => {
            newest.filter(|(at, _)| *at > written).map(|(_, manager)| manager.to_owned())
        }
        (None, None) => None,
    }
}
