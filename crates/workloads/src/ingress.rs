//! All Ingress objects together: one loopback HTTP port that routes by host and path.
//!
//! One request a connection: the head is read, the request goes to a replica with
//! `Connection: close`, and the rest is copied. Upgrades (WebSocket) pass as they are.

use std::sync::Arc;
use std::time::Duration;

use ledger::ApplicationName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::event::ObjectKey;
use crate::model::{Backend, Body};
use crate::service::{Route, connect, join};
use crate::state::{Inner, State};

const HEAD_BYTES_MAX: usize = 32 << 10;
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);

pub(crate) fn serve(inner: &Arc<Inner>, listener: TcpListener) -> JoinHandle<()> {
    let inner = Arc::clone(inner);
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((client, _)) => {
                    let inner = Arc::clone(&inner);
                    tokio::spawn(async move {
                        // A client that breaks off is its own affair.
                        let _ = one_request(&inner, client).await;
                    });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    })
}

async fn one_request(inner: &Inner, mut client: TcpStream) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let head = tokio::time::timeout(HEAD_TIME_MAX, read_head(&mut client, &mut bytes)).await;
    let Some(end) = head.ok().and_then(Result::ok).flatten() else {
        return answer(&mut client, "400 Bad Request", "the request's head is not HTTP").await;
    };
    let Some(request) = Request::read(&bytes[..end]) else {
        return answer(&mut client, "400 Bad Request", "the request's head is not HTTP").await;
    };
    let route = route(&inner.state(), &request.host, &request.path);
    let Some(route) = route else {
        let text = "no Ingress has a rule for this host and path";
        return answer(&mut client, "404 Not Found", text).await;
    };
    let Some((chosen, mut replica)) = connect(inner, &route).await else {
        let text = format!("no replica of {} is ready", route.key);
        return answer(&mut client, "503 Service Unavailable", &text).await;
    };
    replica.write_all(request.forwarded().as_bytes()).await?;
    replica.write_all(&bytes[end + 4..]).await?;
    join(&chosen, &mut client, &mut replica).await;
    Ok(())
}

/// Reads until the empty line; says where it begins.
async fn read_head(client: &mut TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<Option<usize>> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            return Ok(Some(end));
        }
        if bytes.len() > HEAD_BYTES_MAX || client.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}

async fn answer(client: &mut TcpStream, status: &str, text: &str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{text}\n",
        text.len() + 1
    );
    client.write_all(head.as_bytes()).await?;
    client.shutdown().await
}

/// A request's head.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    line: String,
    host: String,
    path: String,
    headers: Vec<String>,
    upgrade: bool,
}

impl Request {
    fn read(head: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(head).ok()?;
        let mut lines = text.split("\r\n");
        let line = lines.next()?.to_owned();
        let target = line.split(' ').nth(1)?;
        if !line.contains(" HTTP/1.") || !target.starts_with('/') {
            return None;
        }
        let path = target.split(['?', '#']).next()?.to_owned();
        let headers: Vec<String> = lines.map(str::to_owned).collect();
        let field = |name: &str| {
            headers.iter().find_map(|header| {
                let (key, value) = header.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let host = field("host").unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).to_lowercase();
        let upgrade = field("upgrade").is_some();
        Some(Self { line, host, path, headers, upgrade })
    }

    /// The head as the replica gets it.
    fn forwarded(&self) -> String {
        let mut head = format!("{}\r\n", self.line);
        for header in &self.headers {
            let name = header.split(':').next().unwrap_or_default();
            let own = ["connection", "keep-alive", "x-forwarded-host", "x-forwarded-proto"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own));
            if self.upgrade || !own {
                head.push_str(header);
                head.push_str("\r\n");
            }
        }
        if !self.upgrade {
            head.push_str("Connection: close\r\n");
            head.push_str(&format!("X-Forwarded-Host: {}\r\n", self.host));
            head.push_str("X-Forwarded-Proto: http\r\n");
        }
        head.push_str("\r\n");
        head
    }
}

/// How well a rule fits; the largest wins: an exact host before a wildcard before none, an exact
/// path before a prefix, a longer path before a shorter one.
type Fit = (u8, u8, usize);

/// The best rule of all Ingress objects for a request.
fn route(state: &State, host: &str, path: &str) -> Option<Route> {
    let mut best: Option<(Fit, Route)> = None;
    for (application, held) in &state.applications {
        for (key, held) in &held.objects {
            let Body::Ingress(ingress) = &held.body else { continue };
            let mut consider = |fit: Fit, backend: &Backend| {
                if best.as_ref().is_none_or(|(other, _)| fit > *other)
                    && let Some(route) = to_service(state, application, key, backend)
                {
                    best = Some((fit, route));
                }
            };
            if let Some(backend) = &ingress.default_backend {
                consider((0, 0, 0), backend);
            }
            for rule in &ingress.rules {
                let Some(host_fit) = fit_host(rule.host.as_deref(), host) else { continue };
                for rule in rule.http.iter().flat_map(|http| &http.paths) {
                    let exact = rule.path_type.as_deref() == Some("Exact");
                    if let Some((path_fit, length)) = fit_path(&rule.path, exact, path) {
                        consider((host_fit, path_fit, length), &rule.backend);
                    }
                }
            }
        }
    }
    best.map(|(_, route)| route)
}

fn to_service(
    state: &State,
    application: &ApplicationName,
    ingress: &ObjectKey,
    backend: &Backend,
) -> Option<Route> {
    let key = ObjectKey {
        kind: "Service".to_owned(),
        namespace: ingress.namespace.clone(),
        name: backend.service.name.clone(),
    };
    let held = state.applications.get(application)?.objects.get(&key)?;
    let Body::Service(service) = &held.body else { return None };
    let wanted = &backend.service.port;
    let port = service.ports.iter().find(|port| {
        wanted.number == Some(port.port) || (wanted.name.is_some() && wanted.name == port.name)
    })?;
    Some(Route { application: application.clone(), key, port: port.port })
}

fn fit_host(rule: Option<&str>, host: &str) -> Option<u8> {
    match rule.map(str::to_lowercase) {
        None => Some(0),
        Some(rule) if rule.is_empty() => Some(0),
        Some(rule) if rule == host => Some(2),
        // `*.example.org` takes exactly one more label, as in Kubernetes.
        Some(rule) => rule
            .strip_prefix("*.")
            .is_some_and(|rest| host.split_once('.').is_some_and(|(_, tail)| tail == rest))
            .then_some(1),
    }
}

/// Prefixes are compared by whole path elements, as in Kubernetes.
fn fit_path(rule: &str, exact: bool, path: &str) -> Option<(u8, usize)> {
    if exact {
        return (rule == path).then_some((2, rule.len()));
    }
    let prefix = rule.trim_end_matches('/');
    let below = path.strip_prefix(prefix)?;
    (below.is_empty() || below.starts_with('/')).then_some((1, prefix.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_by_whole_elements() {
        for (rule, exact, path, expected) in [
            ("/", false, "/anything", true),
            ("/foo", false, "/foo", true),
            ("/foo", false, "/foo/", true),
            ("/foo/", false, "/foo", true),
            ("/foo", false, "/foo/bar", true),
            ("/foo", false, "/foobar", false),
            ("/foo", true, "/foo", true),
            ("/foo", true, "/foo/", false),
        ] {
            assert_eq!(fit_path(rule, exact, path).is_some(), expected, "{rule} {exact} {path}");
        }
    }

    #[test]
    fn hosts_fit_whole_or_by_one_label() {
        for (rule, host, expected) in [
            (None, "any", Some(0)),
            (Some("a.org"), "a.org", Some(2)),
            (Some("A.org"), "a.org", Some(2)),
            (Some("a.org"), "b.org", None),
            (Some("*.a.org"), "x.a.org", Some(1)),
            (Some("*.a.org"), "x.y.a.org", None),
            (Some("*.a.org"), "a.org", None),
        ] {
            assert_eq!(fit_host(rule, host), expected, "{rule:?} {host}");
        }
    }

    #[test]
    fn a_head_is_read_and_forwarded() {
        let head = b"GET /a?b HTTP/1.1\r\nHost: A.org:80\r\nConnection: keep-alive\r\nX: y";
        let request = Request::read(head).unwrap();
        assert_eq!((request.host.as_str(), request.path.as_str()), ("a.org", "/a"));
        assert_eq!(
            request.forwarded(),
            "GET /a?b HTTP/1.1\r\nHost: A.org:80\r\nX: y\r\nConnection: close\r\n\
             X-Forwarded-Host: a.org\r\nX-Forwarded-Proto: http\r\n\r\n"
        );
        assert_eq!(Request::read(b"nonsense"), None);
    }
}
