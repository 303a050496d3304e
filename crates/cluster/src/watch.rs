//! Watches one kind: reads all of it once, then only what changes.
//!
//! A broken connection goes on where it ended; a history that is gone is read anew. While it does
//! not know that it sees everything it says so, and nobody takes absence for a fact.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::core::{DynamicObject, WatchEvent};

use crate::cache::{Freshness, KindId, Seen, Store, version};
use crate::error::RequestError;
use crate::followed::Objects;
use crate::identity::Identity;
use crate::inner::Inner;
use crate::kinds::Resource;
use crate::reachability::Reachability;
use crate::requests::{Ask, chain, jittered};

/// How long the server keeps a watch.
const WATCH_SECONDS: u32 = 290;
/// Servers say each minute that nothing happened; this long without a word is a dead connection.
const SILENCE_MAX: Duration = Duration::from_secs(100);
/// Items of one page, where the server cannot stream all of them.
const PAGE: u32 = 500;
/// A connection that ends sooner was broken: going on at once could be going on for ever.
const SHORTEST: Duration = Duration::from_secs(1);
/// The wait after a first failure; it doubles.
const BACK_OFF: Duration = Duration::from_millis(250);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// What is watched and where it goes.
pub(crate) struct Watch {
    pub inner: Arc<Inner>,
    pub resource: Resource,
    pub purpose: Purpose,
}

/// What the watch is for.
#[derive(Clone)]
pub(crate) enum Purpose {
    /// Its objects are kept, as long as this is the kind's session: a task that was told to end
    /// may still be at its last event when the next one begins.
    Objects(KindId, u32),
    /// Its objects define kinds: only that they change matters.
    Definitions,
    /// Those of one namespace are kept whole.
    Followed(Arc<Objects>),
}

/// Why a session ended.
enum End {
    /// It ended without a reason: as agreed, when it lasted.
    Expired,
    /// The history is no longer there.
    Gone,
    /// There is no such kind.
    NoKind,
    /// The server cannot stream all objects.
    NoStreaming,
    /// Anything else.
    Failed(String),
}

impl Watch {
    /// Runs until it is cancelled.
    pub async fn run(self) {
        let (mut position, mut streaming, mut failures) = (None, true, 0_u32);
        loop {
            let had_position = position.is_some();
            let began = tokio::time::Instant::now();
            let end = self.session(&mut position, streaming, &mut failures).await;
            match end {
                End::Expired if began.elapsed() >= SHORTEST => continue,
                End::Expired => self.lag("the cluster closes each connection at once".into()),
                End::NoStreaming => {
                    streaming = false;
                    continue;
                }
                // At once, but only once: a server that loses its history again is in trouble.
                End::Gone if had_position => {
                    tracing::info!(kind = %self.resource.api.kind, "history is gone, reading anew");
                    self.lag("the cluster no longer had the history, all is read anew".into());
                    position = None;
                    continue;
                }
                End::Gone => {
                    position = None;
                    self.lag("the cluster loses its history".into());
                }
                End::NoKind => {
                    self.lag("the cluster no longer has this kind".into());
                    self.inner.refresh_soon();
                }
                End::Failed(reason) => self.lag(reason),
            }
            failures += 1;
            let longest = BACK_OFF.saturating_mul(1 << failures.min(10)).min(BACK_OFF_MAX);
            tokio::select! {
                () = tokio::time::sleep(longest / 2 + jittered(longest / 2)) => {}
                () = self.reachable_again() => {}
            }
        }
    }

    /// Waits until a cluster that could not be reached can be.
    async fn reachable_again(&self) {
        let mut state = self.inner.requests.observer().subscribe();
        if state.wait_for(|state| !state.is_reachable()).await.is_ok() {
            let _ = state.wait_for(Reachability::is_reachable).await;
        }
        tokio::time::sleep(jittered(BACK_OFF)).await;
    }

    fn lag(&self, reason: String) {
        if !matches!(self.purpose, Purpose::Objects(..)) {
            tracing::info!(kind = %self.resource.api.kind, reason, "it is not watched now");
        }
        self.set_freshness(Freshness::Lagging(reason));
    }

    fn is_of_definitions(&self) -> bool {
        matches!(self.purpose, Purpose::Definitions)
    }

    fn set_freshness(&self, freshness: Freshness) {
        match &self.purpose {
            Purpose::Followed(objects) => objects.set_freshness(&freshness),
            Purpose::Objects(..) | Purpose::Definitions => {
                self.change(|store, kind| store.set_freshness(kind, freshness));
            }
        }
    }

    /// All objects are going to be read.
    fn begin(&self) {
        match &self.purpose {
            Purpose::Followed(objects) => objects.begin(),
            Purpose::Objects(..) | Purpose::Definitions => self.change(Store::begin),
        }
    }

    /// All objects were read.
    fn finish(&self) {
        match &self.purpose {
            Purpose::Followed(objects) => objects.finish(),
            Purpose::Objects(..) | Purpose::Definitions => self.change(Store::finish),
        }
    }

    /// Changes what is known of this kind; nothing when it defines kinds, or when another task has
    /// taken it over.
    fn change(&self, change: impl FnOnce(&mut Store, KindId)) {
        if let Purpose::Objects(kind, session) = self.purpose {
            self.inner.change(|store| {
                if store.session(kind) == session {
                    change(store, kind);
                }
            });
        }
    }

    /// One connection, from its beginning to its end.
    async fn session(
        &self,
        position: &mut Option<String>,
        streaming: bool,
        failures: &mut u32,
    ) -> End {
        let initial = position.is_none();
        if initial && !streaming {
            match self.list().await {
                Ok(at) => *position = Some(at),
                Err(error) => return end_of(error),
            }
        }
        let reads_all = initial && streaming;
        let path = self.path(position.as_deref(), reads_all);
        let mut request = http::Request::get(path);
        if self.is_of_definitions() {
            request = request.header(
                http::header::ACCEPT,
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            );
        }
        let Ok(request) = request.body(Vec::new()) else {
            return End::Failed("the path of the kind is no address".into());
        };
        let opened = self.inner.requests.client().request_events::<DynamicObject>(request);
        let opened = match tokio::time::timeout(SILENCE_MAX, opened).await {
            Ok(opened) => opened,
            Err(_) => return End::Failed("the cluster did not answer in time".into()),
        };
        let mut events = match opened {
            Ok(events) => Box::pin(events),
            Err(kube::Error::Api(status)) if reads_all && matches!(status.code, 400 | 422) => {
                return End::NoStreaming;
            }
            Err(error) => return self.failed(error),
        };
        self.inner.requests.observer().answered(None);
        if self.is_of_definitions() {
            self.inner.refresh_soon();
        } else if reads_all {
            self.begin();
        } else {
            self.set_freshness(Freshness::Current);
        }
        loop {
            let event = match tokio::time::timeout(SILENCE_MAX, events.next()).await {
                Ok(Some(Ok(event))) => event,
                Ok(Some(Err(error))) => return self.failed(error),
                Ok(None) => return End::Expired,
                Err(_) => return End::Failed("the cluster was silent for too long".into()),
            };
            if let Some(end) = self.take(event, position) {
                return end;
            }
            if position.is_some() {
                *failures = 0;
            }
        }
    }

    /// One event; the end of the session when it says so.
    fn take(&self, event: WatchEvent<DynamicObject>, position: &mut Option<String>) -> Option<End> {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                // Before all were read a position would leave out those that are still to come.
                if position.is_some() {
                    position.clone_from(&object.metadata.resource_version);
                }
                self.put(object);
            }
            WatchEvent::Deleted(object) => {
                if position.is_some() {
                    position.clone_from(&object.metadata.resource_version);
                }
                self.remove(&object);
            }
            WatchEvent::Bookmark(bookmark) => {
                let annotations = &bookmark.metadata.annotations;
                if annotations.contains_key("k8s.io/initial-events-end") {
                    *position = Some(bookmark.metadata.resource_version);
                    self.finish();
                } else if position.is_some() {
                    *position = Some(bookmark.metadata.resource_version);
                }
            }
            WatchEvent::Error(status) if status.code == 410 => return Some(End::Gone),
            WatchEvent::Error(status) => return Some(End::Failed(status.message)),
        }
        None
    }

    fn put(&self, object: DynamicObject) {
        match &self.purpose {
            Purpose::Definitions => self.inner.refresh_soon(),
            Purpose::Followed(objects) => objects.put(object),
            Purpose::Objects(..) => {
                // Reading and packing is most of the work and needs no lock.
                if let Some(seen) = Seen::of(&self.resource.api, object) {
                    self.change(|store, kind| store.put(kind, seen));
                }
            }
        }
    }

    fn remove(&self, object: &DynamicObject) {
        match &self.purpose {
            Purpose::Definitions => self.inner.refresh_soon(),
            Purpose::Followed(objects) => objects.remove(object),
            Purpose::Objects(..) => {
                let metadata = &object.metadata;
                let namespace = metadata.namespace.as_deref().unwrap_or_default();
                let name = metadata.name.as_deref().unwrap_or_default();
                let at = version(metadata);
                self.change(|store, kind| store.remove(kind, namespace, name, at));
            }
        }
    }

    /// All objects in pages; gives the version at which they were true.
    async fn list(&self) -> Result<String, RequestError> {
        self.begin();
        let mut next = String::new();
        loop {
            let mut path = format!("{}?limit={PAGE}", self.resource.path(self.namespace()));
            if !next.is_empty() {
                path.push_str(&format!("&continue={next}"));
            }
            let mut answer = self.inner.requests.ask(&Ask::get(&Identity::Own, path)).await?;
            if let Some(items) = answer.body["items"].as_array_mut() {
                for item in std::mem::take(items) {
                    if let Ok(object) = serde_json::from_value(item) {
                        self.put(object);
                    }
                }
            }
            let text = |name: &str| answer.body["metadata"][name].as_str().unwrap_or_default();
            next = text("continue").to_owned();
            if next.is_empty() {
                let at = text("resourceVersion").to_owned();
                self.finish();
                return Ok(at);
            }
        }
    }

    fn namespace(&self) -> Option<&str> {
        match &self.purpose {
            Purpose::Followed(objects) => Some(&objects.namespace),
            Purpose::Objects(..) | Purpose::Definitions => None,
        }
    }

    fn path(&self, position: Option<&str>, reads_all: bool) -> String {
        let mut path = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}",
            self.resource.path(self.namespace())
        );
        if reads_all {
            // Without a version: as new as the request, whichever server answers.
            path.push_str("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
        } else if let Some(position) = position {
            path.push_str(&format!("&resourceVersion={position}"));
        }
        path
    }

    fn failed(&self, error: kube::Error) -> End {
        if let kube::Error::Api(status) = &error {
            if status.code == 401 {
                self.inner.requests.unauthorized();
            }
            return match status.code {
                410 => End::Gone,
                404 => End::NoKind,
                _ => End::Failed(status.message.clone()),
            };
        }
        let reason = chain(&error);
        self.inner.requests.observer().failed(reason.clone());
        End::Failed(reason)
    }
}

fn end_of(error: RequestError) -> End {
    match error {
        RequestError::Gone => End::Gone,
        RequestError::NotFound { .. } => End::NoKind,
        RequestError::Unreachable { .. }
        | RequestError::TimedOut { .. }
        | RequestError::Busy { .. }
        | RequestError::Unauthorized { .. }
        | RequestError::CannotImpersonate { .. }
        | RequestError::Forbidden { .. }
        | RequestError::Conflict { .. }
        | RequestError::Refused { .. }
        | RequestError::Unreadable { .. } => End::Failed(chain(&error)),
    }
}
