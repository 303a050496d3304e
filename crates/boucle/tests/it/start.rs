//! Starting, and who may do what.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{Server, command, run};
use crate::http::send;

#[test]
fn a_data_folder_has_one_server() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let second = run(command(data.path()).args(["up", "--port", "0"]));
    assert_eq!(second.code, 3, "{}", second.err);
    assert!(second.err.contains(&server.process().to_string()), "{}", second.err);
}

#[test]
fn tokens_permit_what_their_role_says() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let made = server.boucle(&["token", "create", "reader", "--role", "read"]).json();
    let token = made["token"].as_str().expect("a token").to_owned();
    assert_eq!(server.boucle_as(&token, &["repo", "create", "a/b"]).code, 5);
    assert_eq!(server.boucle_as("boucle_unknown", &["status"]).code, 4);
    let denied = server.boucle(&["audit", "list", "--kind", "repositories.access_denied"]).json();
    assert_eq!(denied.as_array().map(Vec::len), Some(1), "{denied}");
    let listed = server.boucle(&["token", "list"]);
    assert!(!listed.out.contains(&token), "a listed token shows its secret");
    assert_eq!(server.boucle(&["repo", "show", "no/thing"]).code, 6);
}

#[test]
fn what_does_not_need_a_server_works_without_one() {
    let data = tempfile::tempdir().expect("a folder");
    assert_eq!(run(command(data.path()).args(["explain", "not-ready", "--lang", "fr"])).code, 0);
    assert_eq!(run(command(data.path()).args(["explain", "no-such-code"])).code, 2);
    assert_eq!(run(command(data.path()).args(["status"])).code, 3);
}

#[test]
fn anonymous_requests_reach_only_what_is_public() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let status = server.boucle(&["status"]).json();
    let host = status["url"].as_str().and_then(|url| url.strip_prefix("http://")).expect("a host");
    for (path, expected) in [
        ("/healthz", "200"),
        ("/api/v1/openapi.json", "200"),
        ("/api/v1/status", "401"),
        ("/api/v1/facts", "401"),
        ("/api/v1/tokens", "401"),
        ("/api/v1/passkeys", "401"),
        ("/prometheus/api/v1/labels", "401"),
        ("/v2/", "401"),
        ("/no/thing/info/refs?service=git-upload-pack", "401"),
    ] {
        let mut stream = TcpStream::connect(host).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert_eq!(answer.split(' ').nth(1), Some(expected), "{path}: {answer}");
    }
}

#[test]
fn an_address_that_does_not_fit_is_refused_like_everything_else() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let token = std::fs::read_to_string(data.path().join("token")).expect("the owner's token");
    let bearer = format!("Bearer {}", token.trim());
    for (path, named) in [
        ("/api/v1/runs/one", "one"),
        ("/api/v1/runs?limit=many", "limit"),
        ("/api/v1/runs?repositry=me/app", "repositry"),
        ("/api/v1/tokens?page=2", "page"),
        ("/api/v1/runs/1/log", "job"),
    ] {
        let headers = [("Authorization", bearer.as_str()), ("Accept-Language", "fr")];
        let refused = send(&server, "GET", path, &headers, "");
        assert_eq!((refused.status, refused.code().as_str()), (400, "invalid-request"), "{path}");
        let detail = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains(named) && detail.contains("adresse"), "{path}: {detail}");
    }
}
