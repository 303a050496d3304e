//! Asks a replica how it is: one HTTP request, one connection, or one command.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::model::{HttpGet, Probe};
use crate::report::{ProbeAnswer, ProbeKind};
use crate::state::now;

/// As much of an answer's body as is kept.
const BODY_BYTES_MAX: usize = 4 << 10;
/// A head that is longer is nonsense.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// What a probe needs to know of the process that it asks.
pub(crate) struct Target<'a> {
    /// The real port behind the probe's; `None` for a command.
    pub(crate) port: Option<u16>,
    /// What a command runs in: the replica's own sandbox, made once more.
    pub(crate) sandbox: &'a sandbox::Spec,
    pub(crate) launcher: &'a sandbox::Launcher,
}

/// Asks once, for at most the probe's time-out.
pub(crate) async fn ask(kind: ProbeKind, probe: &Probe, target: &Target<'_>) -> ProbeAnswer {
    let limit = Duration::from_secs(probe.timeout_seconds);
    let (success, status, body) = match timeout(limit, once(probe, target)).await {
        Ok(Ok((success, status, body))) => (success, status, body),
        Ok(Err(error)) => (false, None, error.to_string()),
        Err(_) => (false, None, format!("no answer within {} s", probe.timeout_seconds)),
    };
    ProbeAnswer { at: now(), probe: kind, success, status, body }
}

async fn once(probe: &Probe, target: &Target<'_>) -> io::Result<(bool, Option<i32>, String)> {
    if let Some(exec) = &probe.exec {
        return command(&exec.command, target).await;
    }
    let port = target.port.ok_or_else(|| io::Error::other("the port is not known"))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect(address).await?;
    match &probe.http_get {
        Some(get) => http(&mut stream, get, port).await,
        None => Ok((true, None, "connected".to_owned())),
    }
}

/// Success is a status from 200 to 399, as for Kubernetes.
async fn http(
    stream: &mut TcpStream,
    get: &HttpGet,
    port: u16,
) -> io::Result<(bool, Option<i32>, String)> {
    let path = if get.path.starts_with('/') { &get.path } else { &format!("/{}", get.path) };
    let mut head = format!("GET {path} HTTP/1.1\r\n");
    let given = |name: &str| get.http_headers.iter().any(|h| h.name.eq_ignore_ascii_case(name));
    if !given("host") {
        head.push_str(&format!("Host: 127.0.0.1:{port}\r\n"));
    }
    if !given("user-agent") {
        head.push_str("User-Agent: boucle-probe\r\n");
    }
    for header in &get.http_headers {
        head.push_str(&format!("{}: {}\r\n", header.name, header.value));
    }
    head.push_str("Accept: */*\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    let ended = read_answer(stream, &mut answer).await;
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        ended?;
        return Err(io::Error::other("the answer is not HTTP"));
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.trim().parse::<i32>().ok())
        .ok_or_else(|| io::Error::other("the answer is not HTTP"))?;
    let body = &answer[end + 4..];
    let body = String::from_utf8_lossy(&body[..body.len().min(BODY_BYTES_MAX)]).into_owned();
    Ok(((200..400).contains(&status), Some(status), body))
}

/// Reads until the answer is complete, long enough, or the replica closes: a server may keep the
/// connection open although it was asked to close it.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<()> {
    loop {
        if answer.len() >= HEAD_BYTES_MAX + BODY_BYTES_MAX {
            return Ok(());
        }
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = answer.len() - end - 4;
            let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
            let field =
                |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let length = field("content-length:").and_then(|length| length.parse::<usize>().ok());
            let chunked = field("transfer-encoding:") == Some("chunked");
            if body >= length.unwrap_or(usize::MAX).min(BODY_BYTES_MAX)
                || (chunked && answer.ends_with(b"0\r\n\r\n"))
            {
                return Ok(());
            }
        }
        if stream.read_buf(answer).await? == 0 {
            return Ok(());
        }
    }
}

async fn command(words: &[String], target: &Target<'_>) -> io::Result<(bool, Option<i32>, String)> {
    let mut spec = target.sandbox.clone();
    let Some((program, arguments)) = words.split_first() else {
        return Err(io::Error::other("the command is empty"));
    };
    spec.program = program.into();
    spec.arguments = arguments.to_vec();
    let streams = sandbox::Streams { stdout: sandbox::Output::Pipe, stderr: sandbox::Output::Null };
    let mut child =
        sandbox::spawn(&spec, target.launcher, streams).await.map_err(io::Error::other)?;
    let mut output = Vec::new();
    if let Some(stdout) = child.take_stdout() {
        stdout.take(BODY_BYTES_MAX as u64).read_to_end(&mut output).await?;
    }
    let exit = child.wait().await?;
    Ok((exit.success(), exit.code, String::from_utf8_lossy(&output).into_owned()))
}
