//! What pods write, and what is said of them: asked of the cluster when somebody wants to see it, and kept nowhere here.

use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt as _};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::RequestError;
use crate::identity::Identity;
use crate::requests::Ask;
use crate::{Cluster, Pod};

/// The longest piece of a log that is read at once.
const CHUNK_BYTES_MAX: usize = 256 * 1024;
/// Older text than this is not looked for: a cluster gives a log only from its beginning.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long somebody who follows a log waits for more of it.
const FOLLOW_MAX: Duration = Duration::from_secs(20);
/// How long the text that there is may take.
const READ_MAX: Duration = Duration::from_secs(10);
/// Events that are read at once.
const EVENTS_PAGE: u32 = 500;
/// Events of a namespace that are read: a cluster keeps them for an hour.
const EVENTS_MAX: usize = 10_000;

/// Which log.
#[derive(Debug, Clone, Copy)]
pub struct LogPart<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// The container; `None`: its only one.
    pub container: Option<&'a str>,
    /// That of the container's process before its last start.
    pub previous: bool,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// What it says.
    pub bytes: Vec<u8>,
    /// Where the next piece begins.
    pub next_offset: u64,
    /// Whether nothing follows.
    pub ended: bool,
}

/// What the cluster says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEvent {
    /// The object's API group; empty: the core one.
    pub group: String,
    /// The object's kind.
    pub kind: String,
    /// The object's namespace; empty: it has none.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Whether something may be wrong.
    pub is_warning: bool,
    /// What is said.
    pub event: Event,
}

/// What the cluster says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When it was last so, as the cluster writes it.
    pub at: String,
    /// One word: `BackOff`.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// How often.
    pub count: u64,
}

impl Cluster {
    /// What the cluster says of a pod, at most so many.
    pub async fn pod_events(
        &self,
        identity: &Identity,
        pod: &Pod,
        limit: u32,
    ) -> Result<Vec<Event>, RequestError> {
        let (namespace, name) = (&pod.namespace, &pod.name);
        let selector = format!("involvedObject.kind%3DPod%2CinvolvedObject.name%3D{name}");
        let query = format!("fieldSelector={selector}&limit={limit}");
        let events = self.events_by(identity, namespace, &query).await?;
        Ok(events.into_iter().map(|one| one.event).collect())
    }

    /// What the cluster says of the objects of a namespace, the oldest first, of 10,000 events at most;
    /// of those that have none, it says it in `default`.
    pub async fn events(
        &self,
        identity: &Identity,
        namespace: &str,
    ) -> Result<Vec<ObjectEvent>, RequestError> {
        self.events_by(identity, namespace, &format!("limit={EVENTS_PAGE}")).await
    }

    async fn events_by(
        &self,
        identity: &Identity,
        namespace: &str,
        query: &str,
    ) -> Result<Vec<ObjectEvent>, RequestError> {
        let mut events: Vec<ObjectEvent> = Vec::new();
        let mut next = String::new();
        let read = async {
            loop {
                let path = format!("/api/v1/namespaces/{namespace}/events?{query}{next}");
                let answer = self.inner.requests.ask(&Ask::get(identity, path)).await?;
                events.extend(answer.body["items"].as_array().into_iter().flatten().map(event_of));
                match answer.body["metadata"]["continue"].as_str() {
                    Some(token) if !token.is_empty() && events.len() < EVENTS_MAX => {
                        next = format!("&continue={token}");
                    }
                    Some(_) | None => return Ok(()),
                }
            }
        };
        self.within(READ_MAX, read).await?;
        events.sort_by(|one, other| one.event.at.cmp(&other.event.at));
        Ok(events)
    }

    /// The last lines of a log, each with the time at which it was written before it.
    pub async fn last_log_lines(
        &self,
        identity: &Identity,
        part: LogPart<'_>,
        lines: u32,
    ) -> Result<Vec<u8>, RequestError> {
        let query = format!("timestamps=true&tailLines={lines}&limitBytes={CHUNK_BYTES_MAX}");
        let read = async {
            let stream = self.log_stream(identity, part, &query).await?;
            let mut bytes = Vec::new();
            let limit = CHUNK_BYTES_MAX as u64;
            stream.take(limit).read_to_end(&mut bytes).await.map_err(|error| self.broken(error))?;
            Ok(bytes)
        };
        self.within(READ_MAX, read).await
    }

    /// A log from a place on. With `follow` the answer comes when there is more, or after a while
    /// with nothing.
    pub async fn log(
        &self,
        identity: &Identity,
        part: LogPart<'_>,
        offset: u64,
        follow: bool,
    ) -> Result<LogChunk, RequestError> {
        let query = format!("follow={follow}");
        let stream = self.within(READ_MAX, self.log_stream(identity, part, &query)).await?;
        let mut stream = std::pin::pin!(stream);
        let nothing = LogChunk { bytes: Vec::new(), next_offset: offset, ended: false };
        if offset >= LOG_BYTES_MAX {
            return Ok(LogChunk { ended: true, ..nothing });
        }
        let mut skipped = 0;
        let mut buffer = vec![0; CHUNK_BYTES_MAX];
        let read = async {
            loop {
                let length = stream.read(&mut buffer).await.map_err(|error| self.broken(error))?;
                let (begin, end) = (skipped, skipped + length as u64);
                skipped = end;
                if length == 0 || end > offset {
                    let from = usize::try_from(offset.saturating_sub(begin)).unwrap_or(length);
                    let bytes = buffer.get(from..length).unwrap_or_default().to_vec();
                    let next_offset = offset + bytes.len() as u64;
                    // Without following, an end is only the end of what was there just now.
                    return Ok(LogChunk { bytes, next_offset, ended: length == 0 });
                }
            }
        };
        match tokio::time::timeout(if follow { FOLLOW_MAX } else { READ_MAX }, read).await {
            Ok(read) => read,
            Err(_) => Ok(nothing),
        }
    }

    async fn log_stream(
        &self,
        identity: &Identity,
        part: LogPart<'_>,
        query: &str,
    ) -> Result<impl AsyncRead + use<>, RequestError> {
        let (namespace, pod) = (&part.pod.namespace, &part.pod.name);
        let mut path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/log?{query}");
        if part.previous {
            path.push_str("&previous=true");
        }
        // A name that Git made up must not become another part of the address.
        if let Some(container) = part.container.filter(|name| is_label(name)) {
            path.push_str("&container=");
            path.push_str(container);
        }
        let mut request = http::Request::get(path);
        if let Some(user) = identity.user() {
            request = request.header("Impersonate-User", user);
        }
        let requests = &self.inner.requests;
        let request = request
            .body(Vec::new())
            .map_err(|error| requests.unreachable(kube::Error::HttpError(error)))?;
        requests.client().request_stream(request).await.map_err(|error| {
            if let kube::Error::Api(status) = &error {
                let body = json!({ "message": status.message, "reason": status.reason });
                return RequestError::of_status(status.code, &body, identity, requests.cluster());
            }
            requests.unreachable(error)
        })
    }

    async fn within<T>(
        &self,
        after: Duration,
        work: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        tokio::time::timeout(after, work).await.unwrap_or_else(|_| {
            Err(RequestError::TimedOut { cluster: self.name().to_owned(), after })
        })
    }

    /// A log that breaks off says nothing about the cluster.
    fn broken(&self, error: std::io::Error) -> RequestError {
        let source = Box::new(kube::Error::ReadEvents(error));
        RequestError::Unreachable { cluster: self.name().to_owned(), source }
    }
}

fn event_of(event: &Value) -> ObjectEvent {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = &event["involvedObject"];
    // The newest of a series stands elsewhere than that of events of the old kind.
    let times = [&event["lastTimestamp"], &event["series"]["lastObservedTime"]];
    let times = times.into_iter().chain([&event["eventTime"], &event["firstTimestamp"]]);
    let counts = [&event["count"], &event["series"]["count"]];
    ObjectEvent {
        group: text(&of["apiVersion"]).split_once('/').map_or("", |(group, _)| group).to_owned(),
        kind: text(&of["kind"]),
        namespace: text(&of["namespace"]),
        name: text(&of["name"]),
        is_warning: event["type"] == "Warning",
        event: Event {
            at: times.map(text).find(|at| !at.is_empty()).unwrap_or_default(),
            reason: text(&event["reason"]),
            message: text(&event["message"]),
            count: counts.into_iter().find_map(Value::as_u64).unwrap_or(1),
        },
    }
}

fn is_label(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
