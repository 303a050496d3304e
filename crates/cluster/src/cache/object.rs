//! One object as it came, made small: all of what is managed, 256 bytes of anything else.

use std::cell::RefCell;
use std::io::Read as _;
use std::net::IpAddr;

use deployments::{ObjectKey, TRACKING_ANNOTATION};
use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::core::{ApiResource, DynamicObject};
use ledger::ApplicationName;
use serde_json::{Value, json};

/// What client-side tools leave: a second copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
thread_local! {
    /// Its tables are a hundred times larger than what it packs.
    static PACKER: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// Below this compression gains nothing.
const COMPRESSED_FROM: usize = 512;
/// The longest message of a container that waits; the projection must stay small.
const MESSAGE_MAX: usize = 96;
/// Between the parts of what is kept of a pod; in no text that a cluster writes.
const SEPARATOR: char = '\u{1f}';

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
            seen.summary = Some(PodState::of(&object.data).summary().into());
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

/// What is known of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodState {
    /// `status.phase`.
    pub phase: String,
    /// Whether it takes requests.
    pub ready: bool,
    /// `status.podIP`.
    pub address: Option<IpAddr>,
    /// How often its containers were started again.
    pub restarts: u64,
    /// The first container that waits.
    waiting: Option<Waiting>,
}

/// A container that waits, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    container: String,
    reason: String,
    message: String,
}

impl PodState {
    /// Reads it from a pod.
    #[must_use]
    pub fn of(pod: &Value) -> Self {
        let list = |pointer| pod.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let waiting = list("/status/initContainerStatuses")
            .chain(list("/status/containerStatuses"))
            .find_map(|container| Some((container, container.pointer("/state/waiting")?)));
        Self {
            phase: pod.pointer("/status/phase").map(text).unwrap_or_default(),
            ready: list("/status/conditions")
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True"),
            address: pod.pointer("/status/podIP").and_then(|ip| ip.as_str()?.parse().ok()),
            restarts: list("/status/containerStatuses")
                .filter_map(|container| container["restartCount"].as_u64())
                .sum(),
            waiting: waiting.map(|(container, waiting)| Waiting {
                container: text(&container["name"]),
                reason: text(&waiting["reason"]),
                message: text(&waiting["message"]),
            }),
        }
    }

    /// As a line that is kept instead of the object.
    fn summary(&self) -> String {
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        let (phase, ready, restarts) = (&self.phase, u8::from(self.ready), self.restarts);
        let mut summary =
            format!("{phase}{SEPARATOR}{ready}{SEPARATOR}{address}{SEPARATOR}{restarts}");
        if let Some(waiting) = &self.waiting {
            for text in [&waiting.container, &waiting.reason, &waiting.message] {
                summary.push(SEPARATOR);
                summary.extend(text.chars().take(MESSAGE_MAX));
            }
        }
        summary
    }

    /// Reads the line back.
    pub(crate) fn of_summary(summary: &str) -> Self {
        let mut parts = summary.split(SEPARATOR);
        let mut next = || parts.next().unwrap_or_default();
        let (phase, ready, address, restarts) = (next(), next(), next(), next());
        let (container, reason, message) = (next(), next(), next());
        Self {
            phase: phase.to_owned(),
            ready: ready == "1",
            address: address.parse().ok(),
            restarts: restarts.parse().unwrap_or(0),
            waiting: (!reason.is_empty()).then(|| Waiting {
                container: container.to_owned(),
                reason: reason.to_owned(),
                message: message.to_owned(),
            }),
        }
    }

    /// As the object's status.
    pub(crate) fn status(&self) -> Value {
        let ready = if self.ready { "True" } else { "False" };
        let mut status = json!({
            "phase": self.phase, "conditions": [{ "type": "Ready", "status": ready }],
        });
        if let Some(address) = self.address {
            status["podIP"] = address.to_string().into();
        }
        if let Some(waiting) = &self.waiting {
            status["containerStatuses"] = json!([{
                "name": waiting.container,
                "restartCount": self.restarts,
                "state": { "waiting": { "reason": waiting.reason, "message": waiting.message } },
            }]);
        }
        status
    }
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
        let mut packed = Vec::with_capacity(bytes.len() + 1);
        packed.push(1);
        let state = PACKER.with_borrow_mut(|packer| {
            packer.reset();
            packer.compress_vec(bytes, &mut packed, FlushCompress::Finish)
        });
        // What would not become smaller is kept as it is.
        if matches!(state, Ok(Status::StreamEnd)) {
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
        let status = PodState::of_summary(&PodState::of(&data).summary()).status();
        assert_eq!(status["phase"], "Pending");
        let waiting = status.pointer("/containerStatuses/0/state/waiting").cloned();
        assert_eq!(waiting, Some(json!({ "reason": "ErrImagePull", "message": "no" })));
    }

    #[test]
    fn what_is_known_of_a_pod_fits_into_a_line() {
        let data = json!({ "status": {
            "phase": "Running", "podIP": "10.1.2.3",
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "restartCount": 2 }, { "restartCount": 1 }],
        } });
        let state = PodState::of(&data);
        assert_eq!((state.ready, state.restarts), (true, 3));
        assert_eq!(state.address, Some([10, 1, 2, 3].into()));
        assert_eq!(PodState::of_summary(&state.summary()), state);
    }
}
