//! Measures runs and the registry: `cargo xtask bench pipelines`.
//!
//! The registry's peer is Debian's `docker-registry`, with its own defaults, asked by the same client
//! alternating with Boucle, so that a slow moment of the machine meets both.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::measure::{self, Samples, elapsed_ms};
use super::result;
use super::server::Server;

/// Pushes that the latency of a first log byte is taken from.
const RUNS: usize = 50;
/// Of one blob.
const BLOB_BYTES: usize = 1_000_000_000;
const ROUNDS: usize = 3;
const IMAGE: &str = "bench/blobs";
/// What "flat" is for a server that takes and gives blobs ten times as large.
const MEMORY_MIB_MAX: f64 = 100.0;
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures everything and prints it; false when a limit is missed.
pub fn run(as_json: bool) -> Result<bool> {
    let binary = crate::build::binary()?;
    let folder = measure::Scratch::new()?;
    let mut results = Vec::new();
    first_bytes(&binary, folder.path(), &mut results)?;
    blobs(&binary, folder.path(), &mut results)?;
    super::report(&results, as_json)
}

fn first_bytes(binary: &Path, folder: &Path, results: &mut Vec<Value>) -> Result<()> {
    let server = Server::start_with(binary, &folder.join("runs-data"), &["--require-sandbox"])?;
    let samples = server.first_log_bytes(&folder.join("runs"), RUNS)?;
    let name = "ref accepted to first log byte in the whole sandbox, p99";
    results.push(result(name, samples.percentile(99), 50.0, "ms", samples.json()));
    Ok(())
}

/// A registry that is measured.
struct Registry {
    host: String,
    password: String,
    pushes: Samples,
    pulls: Samples,
}

fn blobs(binary: &Path, folder: &Path, results: &mut Vec<Value>) -> Result<()> {
    let server = Server::start(binary, &folder.join("blobs-data"), false)?;
    server.create_repository(IMAGE)?;
    let url = server.url()?;
    let host = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let peer = Peer::start(&folder.join("peer"))?;
    let mut ours = Registry::new(host, server.token());
    let mut theirs = Registry::new(peer.host.clone(), String::new());
    for round in 0..ROUNDS {
        eprintln!("a blob of 1 GB, {} of {ROUNDS}", round + 1);
        let blob = Blob::write(&folder.join("blob"), round)?;
        for registry in [&mut theirs, &mut ours] {
            registry.push(&blob)?;
            registry.pull(&blob)?;
        }
    }
    for (what, ours, theirs) in
        [("push", &ours.pushes, &theirs.pushes), ("pull", &ours.pulls, &theirs.pulls)]
    {
        let (ours_ms, theirs_ms) = (ours.percentile(50), theirs.percentile(50));
        let details = json!({"boucle_median_ms": ours_ms, "docker_registry_median_ms": theirs_ms});
        let name = format!("{what} of 1 GB / docker-registry");
        results.push(result(&name, ours_ms / theirs_ms, 1.0, "×", details));
    }
    let name = "peak memory of the server behind it";
    results.push(result(name, server.peak_mib()?, MEMORY_MIB_MAX, "MiB", Value::Null));
    Ok(())
}

/// Random bytes, others in each round: what a registry has already need not be stored.
struct Blob {
    file: PathBuf,
    digest: String,
}

impl Blob {
    fn write(path: &Path, round: usize) -> Result<Self> {
        let mut file = File::create(path).context("the blob cannot be written")?;
        let mut hasher = Sha256::new();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (round as u64 + 1);
        let mut piece = vec![0; 1_000_000];
        for _ in 0..BLOB_BYTES / piece.len() {
            for word in piece.chunks_exact_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                word.copy_from_slice(&state.to_le_bytes());
            }
            hasher.update(&piece);
            file.write_all(&piece)?;
        }
        file.sync_all()?;
        let digest = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok(Self { file: path.to_owned(), digest: format!("sha256:{digest}") })
    }
}

impl Registry {
    fn new(host: String, password: String) -> Self {
        Self { host, password, pushes: Samples::default(), pulls: Samples::default() }
    }

    /// As clients do it: begin an upload, send all, end it.
    fn push(&mut self, blob: &Blob) -> Result<()> {
        let start = Instant::now();
        let begun = self.ask("POST", &format!("/v2/{IMAGE}/blobs/uploads/"), None)?;
        ensure!(begun.status == 202, "an upload was refused: {}", begun.status);
        let location = begun.location.context("an upload has no address")?;
        let path = location.strip_prefix(&format!("http://{}", self.host)).unwrap_or(&location);
        let mark = if path.contains('?') { '&' } else { '?' };
        let sent =
            self.ask("PUT", &format!("{path}{mark}digest={}", blob.digest), Some(&blob.file))?;
        ensure!(sent.status == 201, "a blob was refused: {}", sent.status);
        self.pushes.add(elapsed_ms(start));
        Ok(())
    }

    fn pull(&mut self, blob: &Blob) -> Result<()> {
        let start = Instant::now();
        let given = self.ask("GET", &format!("/v2/{IMAGE}/blobs/{}", blob.digest), None)?;
        ensure!(
            given.status == 200 && given.size_bytes == BLOB_BYTES as u64,
            "a blob is not whole"
        );
        self.pulls.add(elapsed_ms(start));
        Ok(())
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Path>) -> Result<Answer> {
        let mut stream = TcpStream::connect(&self.host).context("the registry does not listen")?;
        let length = body.map_or(Ok(0), |file| file.metadata().map(|file| file.len()))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n",
            self.host, self.password,
        )?;
        if let Some(file) = body {
            std::io::copy(&mut File::open(file)?, &mut stream).context("the blob was not taken")?;
        }
        let mut reader = BufReader::with_capacity(256 << 10, stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut answer =
            Answer { status: status.context("no status")?, location: None, size_bytes: 0 };
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            if name.eq_ignore_ascii_case("location") {
                answer.location = Some(value.trim().to_owned());
            }
        }
        let mut piece = vec![0; 256 << 10];
        loop {
            match reader.read(&mut piece)? {
                0 => return Ok(answer),
                count => answer.size_bytes += count as u64,
            }
        }
    }
}

struct Answer {
    status: u16,
    location: Option<String>,
    size_bytes: u64,
}

/// Debian's registry; it ends when this is dropped.
struct Peer {
    child: Child,
    host: String,
}

impl Peer {
    fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let host = format!("127.0.0.1:{port}");
        let configuration = folder.join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '{host}'}}\n",
            folder.join("data").display()
        );
        std::fs::write(&configuration, text)?;
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context(
                "`docker-registry` cannot be started; install Debian's package of this name",
            )?;
        let peer = Self { child, host };
        let start = Instant::now();
        while TcpStream::connect(&peer.host).is_err() {
            ensure!(start.elapsed() < PATIENCE, "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ended by itself: nothing is left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
