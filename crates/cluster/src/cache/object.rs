//! One object as it came, made small: all of what is managed, 256 bytes of anything else.

use std::io::{Read as _, Write as _};

use deployments::{ObjectKey, TRACKING_ANNOTATION};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::core::{ApiResource, DynamicObject};
use ledger::ApplicationName;
use serde_json::{Value, json};

/// What client-side tools leave: a second copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Below this compression gains nothing.
const COMPRESSED_FROM: usize = 512;
/// The longest message of a container that waits; the projection must stay small.
const MESSAGE_MAX: usize = 96;

/// The 16 bytes of an object's uid; all zero: none.
pub(crate) type Uid = [u8; 16];

/// An object as it came, ready to be kept.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub namespace: String,
    pub name: String,
    pub uid: Uid,
    /// The object that controls it, or the first that owns it.
    pub owner: Uid,
    pub resource_version: u64,
    /// What is known of a pod.
    pub summary: Option<Box<str>>,
    /// All of it, when an application's tracking id names it.
    pub managed: Option<SeenManaged>,
}

/// An object that belongs to an application.
#[derive(Debug, Clone)]
pub(crate) struct SeenManaged {
    pub application: ApplicationName,
    /// Packed, without its version and without who owns which field.
    pub body: Box<[u8]>,
    /// The reduced `managedFields`.
    pub managers: String,
}

impl Seen {
    /// Reads an object; `None` when it has no name.
    pub fn of(api: &ApiResource, mut object: DynamicObject) -> Option<Self> {
        let metadata = &mut object.metadata;
        let name = metadata.name.clone()?;
        let namespace = metadata.namespace.clone().unwrap_or_default();
        let owners = metadata.owner_references.as_deref().unwrap_or_default();
        let owner = owners.iter().find(|one| one.controller == Some(true)).or(owners.first());
        let mut seen = Self {
            uid: uid(metadata.uid.as_deref().unwrap_or_default()),
            owner: owner.map(|owner| uid(&owner.uid)).unwrap_or_default(),
            resource_version: version(metadata),
            summary: None,
            managed: None,
            namespace,
            name,
        };
        if let Some(application) = application(api, &seen, metadata) {
            let managers = reduced(metadata.managed_fields.take().unwrap_or_default());
            metadata.resource_version = None;
            if let Some(annotations) = metadata.annotations.as_mut() {
                annotations.remove(LAST_APPLIED);
            }
            let mut value = serde_json::to_value(&object).ok()?;
            // Items of lists do not say what they are.
            value["apiVersion"] = Value::from(api.api_version.as_str());
            value["kind"] = Value::from(api.kind.as_str());
            let body = pack(value.to_string().as_bytes());
            seen.managed = Some(SeenManaged { application, body, managers });
        } else if api.group.is_empty() && api.kind == "Pod" {
            seen.summary = Some(pod_summary(&object.data).into());
        }
        Some(seen)
    }
}

/// The version of an object; servers promise that it grows only since 1.35, all have kept it.
pub(crate) fn version(metadata: &ObjectMeta) -> u64 {
    metadata.resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Whose object it is, by its tracking id.
fn application(api: &ApiResource, seen: &Seen, metadata: &ObjectMeta) -> Option<ApplicationName> {
    let id = metadata.annotations.as_ref()?.get(TRACKING_ANNOTATION)?;
    let key = ObjectKey {
        group: api.group.clone(),
        kind: api.kind.clone(),
        namespace: seen.namespace.clone(),
        name: seen.name.clone(),
    };
    tracked_by(id, &key)
}

/// The application of a tracking id. One that does not name the object that carries it was copied
/// with the object (as from a Deployment to its replica sets) and says nothing.
pub(crate) fn tracked_by(id: &str, key: &ObjectKey) -> Option<ApplicationName> {
    let mut key = key.clone();
    if key.namespace.is_empty() {
        // Whoever wrote the id need not have known that the kind has no namespace.
        let place = id.rsplit(':').next().and_then(|place| place.split_once('/'));
        key.namespace = place.map(|(namespace, _)| namespace.to_owned()).unwrap_or_default();
    }
    let carried = json!({ "metadata": { "annotations": { TRACKING_ANNOTATION: id } } });
    ApplicationName::new(deployments::owner(&carried, &key)?).ok()
}

/// Who owns which field, without times and without the status, as JSON.
fn reduced(entries: Vec<ManagedFieldsEntry>) -> String {
    let entries: Vec<Value> = entries
        .into_iter()
        .filter(|entry| entry.subresource.as_deref() != Some("status"))
        .filter_map(|entry| {
            let mut fields = entry.fields_v1?.0;
            if let Some(fields) = fields.as_object_mut() {
                fields.shift_remove("f:status");
            }
            let mut reduced = json!({
                "manager": entry.manager, "operation": entry.operation, "fieldsV1": fields,
            });
            if let Some(subresource) = entry.subresource.filter(|name| !name.is_empty()) {
                reduced["subresource"] = subresource.into();
            }
            Some(reduced)
        })
        .collect();
    Value::from(entries).to_string()
}

/// `phase`, whether it is ready, and for the first container that waits its name, reason, message.
fn pod_summary(data: &Value) -> String {
    let phase = data.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default();
    let list = |pointer| data.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let ready = list("/status/conditions")
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    let waiting = list("/status/initContainerStatuses")
        .chain(list("/status/containerStatuses"))
        .find_map(|container| Some((container, container.pointer("/state/waiting")?)));
    let mut summary = format!("{phase}\u{1f}{}", u8::from(ready));
    if let Some((container, waiting)) = waiting {
        for text in [&container["name"], &waiting["reason"], &waiting["message"]] {
            let text = text.as_str().unwrap_or_default();
            summary.push('\u{1f}');
            summary.extend(text.chars().take(MESSAGE_MAX));
        }
    }
    summary
}

/// The summary of a pod as its status.
pub(crate) fn pod_status(summary: &str) -> Value {
    let mut parts = summary.split('\u{1f}');
    let mut next = || parts.next().unwrap_or_default();
    let (phase, ready) = (next(), next() == "1");
    let (container, reason, message) = (next(), next(), next());
    let mut status = json!({
        "phase": phase,
        "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }],
    });
    if !reason.is_empty() {
        status["containerStatuses"] = json!([{
            "name": container,
            "state": { "waiting": { "reason": reason, "message": message } },
        }]);
    }
    status
}

/// The bytes of a uid; one that is no UUID is hashed, so that it still tells objects apart.
pub(crate) fn uid(text: &str) -> Uid {
    let mut bytes = [0; 16];
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    if digits.len() == 32 {
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::try_from(pair[0] * 16 + pair[1]).unwrap_or_default();
        }
    } else if !text.is_empty() {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        for (half, salt) in bytes.chunks_mut(8).zip(0_u8..) {
            let mut hasher = DefaultHasher::new();
            (salt, text).hash(&mut hasher);
            half.copy_from_slice(&hasher.finish().to_be_bytes());
        }
    }
    bytes
}

/// The text of a uid.
pub(crate) fn uid_text(uid: Uid) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in uid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// The first byte says whether the rest is compressed.
fn pack(bytes: &[u8]) -> Box<[u8]> {
    if bytes.len() >= COMPRESSED_FROM {
        let mut encoder = DeflateEncoder::new(vec![1], Compression::fast());
        // Writing into memory does not fail; if it did, the bytes are kept as they are.
        if encoder.write_all(bytes).is_ok()
            && let Ok(packed) = encoder.finish()
        {
            return packed.into();
        }
    }
    [&[0], bytes].concat().into()
}

/// What was packed.
pub(crate) fn unpack(packed: &[u8]) -> Value {
    let Some((compressed, rest)) = packed.split_first() else { return Value::Null };
    let parsed = if *compressed == 1 {
        let mut bytes = Vec::new();
        match DeflateDecoder::new(rest).read_to_end(&mut bytes) {
            Ok(_) => serde_json::from_slice(&bytes),
            Err(_) => return Value::Null,
        }
    } else {
        serde_json::from_slice(rest)
    };
    parsed.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        for size in [1, 100, 5_000] {
            let value = json!({ "text": "abc".repeat(size) });
            assert_eq!(unpack(&pack(value.to_string().as_bytes())), value);
        }
    }

    #[test]
    fn a_uid_comes_back() {
        let text = "0f8fad5b-d9cb-469f-a165-70867728950e";
        assert_eq!(uid_text(uid(text)), text);
        assert_eq!(uid(""), [0; 16]);
        assert_ne!(uid("some-other-form"), uid("another-form"));
    }

    #[test]
    fn a_pod_that_waits_says_why() {
        let data = json!({ "status": {
            "phase": "Pending",
            "containerStatuses": [{
                "name": "app", "state": { "waiting": { "reason": "ErrImagePull", "message": "no" } },
            }],
        } });
        let status = pod_status(&pod_summary(&data));
        assert_eq!(status["phase"], "Pending");
        let waiting = status.pointer("/containerStatuses/0/state/waiting").cloned();
        assert_eq!(waiting, Some(json!({ "reason": "ErrImagePull", "message": "no" })));
    }
}
