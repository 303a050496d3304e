//! What the tests share: TLS provider, a small HTTP server with canned answers, a Prometheus.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use probes::{Dialer, EmbeddedOptions, EmbeddedStore, Metrics};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A dialer for tests; `own_ports` are denied to people.
pub fn dialer(own_ports: &[u16]) -> Dialer {
    // The second test in the process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Dialer::new(own_ports.iter().copied()).expect("a dialer")
}

/// An embedded store.
pub fn embedded() -> Metrics {
    let store = EmbeddedStore::new(EmbeddedOptions::default()).expect("a store");
    Metrics::Embedded(Arc::new(store))
}

/// Waits for a state, at most 20 s.
pub async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a canned server answers to a path.
#[derive(Debug, Clone)]
pub enum Canned {
    /// Status, further headers (each ending in `\r\n`) and body.
    Whole(u16, String, Vec<u8>),
    /// `200` and bytes of `x\n` without end, until the other side hangs up.
    Endless,
    /// Takes the request and never answers.
    Silent,
}

/// A server on loopback that answers each path as told and remembers the requests.
pub struct Server {
    pub address: SocketAddr,
    pub requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start(answer: impl Fn(&str) -> Canned + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (requests.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer) = (seen.clone(), answer.clone());
                tokio::spawn(async move { serve(stream, &seen, &*answer).await });
            }
        });
        Self { address, requests, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    answer: &(dyn Fn(&str) -> Canned + Send + Sync),
) -> Option<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let whole = loop {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
            })
            .unwrap_or(0_usize);
        if body.len() >= length {
            break text;
        }
    };
    let path = whole.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(whole);
    match answer(&path) {
        Canned::Whole(status, headers, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()?;
        }
        Canned::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await.ok()?;
            let lines = b"x 1\n".repeat(4096);
            while stream.write_all(&lines).await.is_ok() {}
        }
        Canned::Silent => std::future::pending().await,
    }
    Some(())
}

/// Debian's Prometheus on a free port, ended when dropped.
pub struct Prometheus {
    pub url: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one, or says that the machine is meant to be without (`BOUCLE_WITHOUT_PROMETHEUS=1`).
    #[expect(clippy::print_stdout, reason = "a test that is left out says so")]
    pub async fn start(scrape: &str) -> Option<Self> {
        if std::env::var_os("BOUCLE_WITHOUT_PROMETHEUS").is_some_and(|value| value == "1") {
            println!("BOUCLE_WITHOUT_PROMETHEUS=1: agreement with Prometheus is not tested");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let port = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let configuration = folder.path().join("prometheus.yml");
        std::fs::write(&configuration, scrape).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--web.enable-remote-write-receiver")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("no `prometheus` here: install Debian's prometheus, or set BOUCLE_WITHOUT_PROMETHEUS=1");
        let url = format!("http://127.0.0.1:{port}");
        let server = Self { url, child, _folder: folder };
        let dialer = dialer(&[]);
        let ready = format!("{}/-/ready", server.url);
        wait_for("Prometheus to be ready", async || {
            let request = probes::Request::get(&ready, probes::AddressPolicy::UserGiven);
            dialer.send(&request).await.ok().filter(|answer| answer.status == 200)
        })
        .await;
        Some(server)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
