//! The floor: `git http-backend` behind the plainest server, on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use super::measure::git;

/// A running server; it ends when this is dropped.
pub struct Backend {
    port: u16,
    stopping: Arc<AtomicBool>,
}

impl Backend {
    /// Serves a bare copy of a repository.
    pub fn start(source: &Path) -> Result<Self> {
        let root = source.with_extension("floor");
        std::fs::create_dir_all(&root)?;
        let bare = root.join("floor.git");
        let target = bare.to_string_lossy();
        git(source, &["clone", "--quiet", "--bare", ".", &target])?;
        git(&bare, &["config", "http.receivepack", "true"])?;
        let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
        let port = listener.local_addr()?.port();
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let root = root.clone();
                std::thread::spawn(move || stream.map(|stream| serve(&stream, &root)));
            }
        });
        Ok(Self { port, stopping })
    }

    /// The repository's address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/floor.git", self.port)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // The listener notices it at its next connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Requests on one connection until it ends.
fn serve(stream: &TcpStream, root: &PathBuf) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut parts = line.split_whitespace();
        let (method, target) =
            (parts.next().unwrap_or("GET").to_owned(), parts.next().unwrap_or("/"));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut backend = Command::new("git");
        backend
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("REMOTE_USER", "bench")
            .env("REQUEST_METHOD", &method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query);
        let (mut length, mut chunked, mut expects) = (0_u64, false, false);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "transfer-encoding" => chunked = value == "chunked",
                "expect" => expects = true,
                "content-type" => drop(backend.env("CONTENT_TYPE", value)),
                "content-encoding" => drop(backend.env("HTTP_CONTENT_ENCODING", value)),
                "git-protocol" => drop(backend.env("GIT_PROTOCOL", value)),
                _ => {}
            }
        }
        let mut stream = stream;
        if expects {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body =
            if chunked { read_chunks(&mut reader)? } else { read_exactly(&mut reader, length)? };
        let answer = run(backend.env("CONTENT_LENGTH", body.len().to_string()), &body)?;
        stream.write_all(&answer)?;
    }
}

fn run(backend: &mut Command, body: &[u8]) -> Result<Vec<u8>> {
    let mut child = backend
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("git http-backend cannot be started")?;
    let mut input = child.stdin.take().context("it has no input")?;
    let body = body.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&body));
    let output = child.wait_with_output()?;
    // A backend that refuses early closes its input.
    let _ = writer.join();
    let end = output.stdout.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let (head, content) = output.stdout.split_at(end + 4);
    let head = String::from_utf8_lossy(head);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let kept = head.trim_end().lines().filter(|line| !line.starts_with("Status:"));
    let mut answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", content.len());
    kept.for_each(|line| answer.push_str(&format!("{line}\r\n")));
    let mut answer = (answer + "\r\n").into_bytes();
    answer.extend_from_slice(content);
    Ok(answer)
}

fn read_exactly(reader: &mut impl Read, length: u64) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).context("a chunk has no size")?;
        body.extend(read_exactly(reader, size)?);
        let mut end = String::new();
        reader.read_line(&mut end)?;
        if size == 0 {
            return Ok(body);
        }
    }
}
