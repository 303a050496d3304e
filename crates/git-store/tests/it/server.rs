//! A small server over the store, with the simplest of all policies: what may be read is taken.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::{StreamExt, TryStreamExt};
use git_store::http::{
    self, CommandReport, Protocol, ReceiveLimits, ReceiveRefusal, Received, Report, Service,
};
use git_store::{GitStore, RefChange, Repository};
use ledger::RefName;
use repositories::facts::StorageId;
use testkit::Git;

/// A store with one repository, served until dropped.
pub struct Server {
    pub folder: tempfile::TempDir,
    pub store: GitStore,
    pub repository: Repository,
    pub url: String,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    runtime: tokio::runtime::Runtime,
}

/// What the server learned of a push.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub options: Vec<String>,
    pub atomic: bool,
    pub fast_forward: Vec<bool>,
    pub titles: Vec<String>,
    pub largest_file: Option<(String, u64)>,
}

#[derive(Clone)]
struct Shared {
    repository: Repository,
    limits: ReceiveLimits,
    seen: Arc<Mutex<Vec<Seen>>>,
}

pub const LIMITS: ReceiveLimits =
    ReceiveLimits { pack_bytes_max: 64_000_000, file_bytes_max: 1_000_000 };

impl Server {
    pub fn start() -> Self {
        Self::with_limits(LIMITS)
    }

    pub fn with_limits(limits: ReceiveLimits) -> Self {
        let folder = testkit::temporary_folder();
        let store = GitStore::open(&folder.path().join("store")).unwrap();
        let id = StorageId::new("0123456789abcdef").unwrap();
        let repository = store.create(&id, &main_branch()).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let shared = Shared { repository: repository.clone(), limits, seen: seen.clone() };
        let app = Router::new()
            .route("/{name}/info/refs", get(advertise))
            .route("/{name}/git-upload-pack", post(upload))
            .route("/{name}/git-receive-pack", post(receive))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(shared);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/hello.git", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { folder, store, repository, url, seen, runtime }
    }

    /// A new work tree with this server as `origin`.
    pub fn work_tree(&self, name: &str) -> Git {
        let git = Git::init(&self.path(name)).unwrap();
        git.run(&["remote", "add", "origin", &self.url]).unwrap();
        git
    }

    /// A clone of the repository.
    pub fn clone_into(&self, name: &str, arguments: &[&str]) -> Git {
        let path = self.path(name);
        let mut all = vec!["clone", "-q"];
        all.extend(arguments);
        let text = path.display().to_string();
        all.extend([self.url.as_str(), text.as_str()]);
        Git::new(self.folder.path()).run(&all).unwrap();
        Git::new(&path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `git` in the bare repository.
    pub fn bare(&self) -> Git {
        Git::new(self.repository.path())
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub fn last_seen(&self) -> Seen {
        self.seen.lock().unwrap().last().cloned().unwrap()
    }

    /// Nothing of a push that did not happen is left.
    pub fn assert_clean(&self) {
        let left = || std::fs::read_dir(self.path("store/quarantines")).unwrap().count();
        // A connection that broke off is noticed by the server a moment later.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while left() > 0 && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(left(), 0, "a quarantine was left behind");
        self.repository.check().unwrap();
    }
}

pub fn main_branch() -> RefName {
    RefName::of_branch("main").unwrap()
}

fn protocol(headers: &HeaderMap) -> Protocol {
    Protocol::from_header(headers.get("git-protocol").and_then(|value| value.to_str().ok()))
}

fn stream(headers: &HeaderMap, body: Body) -> http::ByteStream {
    let plain = body.into_data_stream().map_err(std::io::Error::other).boxed();
    let gzip = headers.get(header::CONTENT_ENCODING).is_some_and(|value| value == "gzip");
    if gzip { http::gunzip(plain, 1_000_000_000) } else { plain }
}

fn failed(error: impl std::fmt::Display) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}

fn typed(kind: &'static str, body: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], body).into_response()
}

async fn advertise(
    State(shared): State<Shared>,
    Path(_): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let service = query.iter().find(|(key, _)| key == "service").map(|(_, value)| value.as_str());
    let Some(service) = service.and_then(Service::from_name) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    match http::advertise(&shared.repository, service, protocol(&headers)).await {
        Ok(bytes) => typed(service.advertisement_type(), bytes),
        Err(error) => failed(error),
    }
}

async fn upload(State(shared): State<Shared>, headers: HeaderMap, body: Body) -> Response {
    let body = stream(&headers, body);
    match http::upload_pack(&shared.repository, protocol(&headers), body).await {
        Ok(answer) => typed(Service::UploadPack.result_type(), Body::from_stream(answer)),
        Err(error) => failed(error),
    }
}

async fn receive(State(shared): State<Shared>, headers: HeaderMap, body: Body) -> Response {
    let body = stream(&headers, body);
    let kind = Service::ReceivePack.result_type();
    match http::receive(&shared.repository, body, shared.limits).await {
        // A client that will send much asks first, with a request without commands.
        Ok(received) if received.commands().is_empty() => {
            typed(kind, received.report(&Report::default()))
        }
        Ok(mut received) => {
            let report = settle(&shared, &mut received);
            typed(kind, received.report(&report))
        }
        Err(ReceiveRefusal::Malformed(text)) => (StatusCode::BAD_REQUEST, text).into_response(),
        Err(ReceiveRefusal::Objects { response, .. }) => typed(kind, response),
        Err(ReceiveRefusal::Store(error)) => failed(error),
    }
}

/// Takes what is a fast-forward, all or nothing when that was asked for.
fn settle(shared: &Shared, received: &mut Received) -> Report {
    shared.seen.lock().unwrap().push(Seen {
        options: received.options().to_vec(),
        atomic: received.is_atomic(),
        fast_forward: received.commands().iter().map(|(_, facts)| facts.fast_forward).collect(),
        titles: received.commands().iter().map(|(_, facts)| facts.title.clone()).collect(),
        largest_file: received.largest_file().map(|file| (file.path.clone(), file.bytes)),
    });
    let refused = received.commands().iter().any(|(_, facts)| !facts.fast_forward);
    let mut changes = Vec::new();
    let mut report = Report::default();
    for (command, facts) in received.commands() {
        let reference = command.reference.clone();
        if !facts.fast_forward || (refused && received.is_atomic()) {
            let reason = "not a fast-forward, or beside one".into();
            report.commands.push(CommandReport::Refused { reference, reason });
            continue;
        }
        let name = RefName::new(reference.clone()).unwrap();
        changes.push(RefChange { name, old: command.old.clone(), new: command.new.clone() });
        report.commands.push(CommandReport::Accepted { reference });
    }
    report.messages.push("hello from the server".into());
    received.accept().unwrap();
    shared.repository.update_refs(&changes).unwrap();
    report
}
