//! Who wrote what into an object. Two controllers of one status undo each other for ever.

use serde_json::Value;

/// The field manager that statuses are written as; not that of deployed objects, because an object that
/// is answered may be one of those too.
pub const STATUS_MANAGER: &str = "boucle-status";

/// Who wrote the status after it was written from here; `None`: nobody, or it never was. `answered` is
/// the status as it was after the last write, when that is known. An object whose status was removed
/// is free again.
#[must_use]
pub fn other_writer(object: &Value, answered: Option<&Value>) -> Option<String> {
    let status = object.get("status").filter(|status| !is_removed(status))?;
    if answered.is_some_and(|answered| answered == status) {
        return None;
    }
    let (own, others): (Vec<_>, Vec<_>) =
        writers(object, &["f:status"]).partition(|(_, manager)| *manager == STATUS_MANAGER);
    let newest = others.into_iter().max();
    match (answered, own.into_iter().max()) {
        (Some(_), _) => Some(newest.map_or("somebody", |(_, manager)| manager).to_owned()),
        (None, Some((written, _))) => {
            newest.filter(|(at, _)| *at > written).map(|(_, manager)| manager.to_owned())
        }
        (None, None) => None,
    }
}

/// Who wrote a field last, as the object says: the name of a program. Nobody has checked it.
#[must_use]
pub fn asked_by(object: &Value, field: &[&str]) -> String {
    let newest = writers(object, field).max();
    newest.map_or("somebody", |(_, manager)| manager).to_owned()
}

/// Where a definition has a default for it, a status that was removed is that.
fn is_removed(status: &Value) -> bool {
    let default = serde_json::json!({ "observedGeneration": -1 });
    status.is_null() || *status == default
}

/// When and who, of those who own a field. Times are of one format, which is in order as text.
fn writers<'a>(object: &'a Value, field: &[&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(move |entry| {
        field.iter().try_fold(&entry["fieldsV1"], |fields, name| fields.get(*name))?;
        Some((entry["time"].as_str().unwrap_or_default(), entry["manager"].as_str()?))
    })
}
