//! The smallest HTTPS client that can ask a test cluster, so that tests need no client of Boucle's.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// Longer than the slowest answer of an overloaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks one API server on loopback with one token.
#[derive(Debug, Clone)]
pub struct Asker {
    port: u16,
    token: String,
    tls: Arc<ClientConfig>,
}

/// One connection that is kept: what a client that means to be fast does.
pub struct Session {
    stream: std::io::BufReader<StreamOwned<ClientConnection, TcpStream>>,
    token: String,
}

/// What the server said.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as JSON; a text when it is none.
    pub body: Value,
}

impl Asker {
    /// Trusts the certificates of this PEM text and shows this token.
    pub fn new(port: u16, certificates: &[u8], token: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(certificates) {
            roots.add(certificate.context("read the server's certificate")?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { port, token: token.to_owned(), tls: Arc::new(tls) })
    }

    /// A connection that is kept.
    pub fn session(&self) -> Result<Session> {
        let stream = std::io::BufReader::new(self.connect()?);
        Ok(Session { stream, token: self.token.clone() })
    }

    fn connect(&self) -> Result<StreamOwned<ClientConnection, TcpStream>> {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).context("connect")?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
        Ok(StreamOwned::new(ClientConnection::new(Arc::clone(&self.tls), name)?, socket))
    }

    /// One request on a connection of its own.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        self.ask_as(method, path, "application/json", body)
    }

    /// The same with a content type, for patches.
    pub fn ask_as(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = self.send(method, path, content_type, &body)?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            // Go closes the socket without TLS's own farewell.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error).context("read the answer"),
        }
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            bail!("the server ended the connection without an answer");
        };
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok(Answer {
            status: status.context("the answer has no status")?,
            body: serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)),
        })
    }
}

impl Asker {
    /// Sees what there is and every change of it, as (type of the event, object), until one is
    /// what somebody waits for; false when none is in time.
    pub fn watch(
        &self,
        path: &str,
        patience: Duration,
        mut is_wanted: impl FnMut(&str, &Value) -> bool,
    ) -> Result<bool> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{mark}watch=true&timeoutSeconds={}", patience.as_secs().max(1));
        let stream = self.send("GET", &path, "application/json", "")?;
        stream.sock.set_read_timeout(Some(patience + PATIENCE))?;
        let mut lines = std::io::BufReader::new(stream).lines();
        let head = lines.next().context("the server ended the connection")??;
        ensure!(head.split(' ').nth(1) == Some("200"), "GET {path}: {head}");
        for line in
            lines.skip_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).skip(1)
        {
            let line = match line {
                Ok(line) => line,
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error).context("read an event"),
            };
            let event: Value = serde_json::from_str(&line).context("an event is no JSON")?;
            if is_wanted(event["type"].as_str().unwrap_or_default(), &event["object"]) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Result<StreamOwned<ClientConnection, TcpStream>> {
        let mut stream = self.connect()?;
        // HTTP/1.0: the answer is not cut into chunks and ends with the connection.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nContent-Type: {content_type}\r\nAccept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )?;
        stream.flush()?;
        Ok(stream)
    }
}

impl Session {
    /// One request; gives the status. The answer is read to its end and not looked at.
    pub fn ask(&mut self, method: &str, path: &str, content_type: &str, body: &str) -> Result<u16> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nContent-Type: {content_type}\r\nAccept: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
            self.token,
        );
        let stream = self.stream.get_mut();
        stream.write_all(request.as_bytes())?;
        stream.flush()?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.context("the answer has no status")?;
        let (mut length, mut chunked) = (0, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(text) = header.strip_prefix("content-length:") {
                length = text.trim().parse().context("the length is no number")?;
            }
            chunked |= header == "transfer-encoding: chunked";
        }
        if !chunked {
            self.skip(length)?;
            return Ok(status);
        }
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let length = u64::from_str_radix(line.trim(), 16).context("a chunk has no length")?;
            // Each chunk, the last and empty one too, ends with a line's end.
            self.skip(length + 2)?;
            if length == 0 {
                return Ok(status);
            }
        }
    }

    fn skip(&mut self, bytes: u64) -> Result<()> {
        let skipped = std::io::copy(&mut (&mut self.stream).take(bytes), &mut std::io::sink())?;
        anyhow::ensure!(skipped == bytes, "the answer ended early");
        Ok(())
    }
}
