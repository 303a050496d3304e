//! A plain HTTP/1.1 client, so that a test sees exactly what a browser would send and get.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::harness::Server;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The value of the cookie that the answer sets.
    pub fn cookie(&self) -> Option<String> {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with("set-cookie:"))?;
        Some(line.split_once(':')?.1.trim().split(';').next()?.to_owned())
    }

    /// The stable code of a problem.
    #[track_caller]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A request's further header lines.
pub type Headers<'a> = &'a [(&'a str, &'a str)];

/// Sends one request on a connection of its own.
#[track_caller]
pub fn send(
    server: &Server,
    method: &str,
    path: &str,
    headers: Headers,
    body: impl AsRef<[u8]>,
) -> Answer {
    let mut stream = begin(server, method, path, headers, body);
    let mut text = Vec::new();
    stream.read_to_end(&mut text).expect("it answers");
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunk(body) } else { body.to_owned() };
    Answer { status, head: head.to_owned(), body }
}

/// The head of an answer whose body may never end.
#[track_caller]
pub fn head_of(server: &Server, path: &str, headers: Headers) -> String {
    let mut stream = begin(server, "GET", path, headers, "");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("it answers");
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

#[track_caller]
fn begin(
    server: &Server,
    method: &str,
    path: &str,
    headers: Headers,
    body: impl AsRef<[u8]>,
) -> TcpStream {
    let body = body.as_ref();
    let url = server.url();
    let host = url.strip_prefix("http://").expect("loopback");
    let mut stream = TcpStream::connect(host).expect("it listens");
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str(&format!("Host: {host}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).expect("it reads");
    stream.write_all(body).expect("it reads");
    stream
}

fn unchunk(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        body.push_str(rest.get(..size).unwrap_or(rest));
        text = rest.get(size + 2..).unwrap_or_default();
    }
    body
}
