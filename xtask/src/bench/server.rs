//! The server under measurement, driven by its own command line.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::measure::{Samples, git};

/// How long anything may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long thousands of applications may take: each is rendered, committed and applied by itself.
const PATIENCE_MANY: Duration = Duration::from_secs(30 * 60);

/// A running server; it ends when this is dropped.
pub struct Server {
    binary: PathBuf,
    data: PathBuf,
    child: Child,
    /// From the start of the process until it was ready, by its own clock.
    pub ready_ms: f64,
}

impl Server {
    /// Starts one on a free port and waits until it is ready.
    pub fn start(binary: &Path, data: &Path, demo: bool) -> Result<Self> {
        Self::start_with(binary, data, if demo { &["--demo"] } else { &[] })
    }

    /// The same with these arguments of `boucle up`.
    pub fn start_with(binary: &Path, data: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["up", "--port", "0", "--data"]).arg(data).args(arguments);
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("the server cannot be started")?;
        let (binary, data) = (binary.to_path_buf(), data.to_path_buf());
        let mut server = Self { binary, data, child, ready_ms: 0.0 };
        let status = wait_for("the server to be ready", || {
            let status = server.ask(&["status"]).ok()?;
            status["ready_after_ms"].as_f64().filter(|ms| *ms > 0.0)
        })?;
        server.ready_ms = status;
        Ok(server)
    }

    /// The most memory that it ever had.
    pub fn peak_mib(&self) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.context("the system does not say how much memory it used")? / 1024.0)
    }

    /// The processor's time that it used so far, in milliseconds.
    pub fn processor_ms(&self) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name, in parentheses, may hold blanks.
        let (_, rest) = text.rsplit_once(')').context("the system says nothing of the process")?;
        let ticks =
            rest.split_whitespace().skip(11).take(2).filter_map(|one| one.parse::<f64>().ok());
        // Linux counts in hundredths of a second for every program.
        Ok(ticks.sum::<f64>() * 10.0)
    }

    /// Resident memory once two readings a second apart agree within a MiB.
    pub fn resident_mib_when_calm(&self) -> Result<f64> {
        let read = || -> Result<f64> {
            let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
            let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            Ok(kib.context("the system does not say how much memory it uses")? / 1024.0)
        };
        let mut before = read()?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_secs(1));
            let now = read()?;
            if (now - before).abs() < 1.0 {
                return Ok(now);
            }
            before = now;
        }
        bail!("the memory does not settle")
    }

    /// Makes a repository; gives its clone address.
    pub fn create_repository(&self, name: &str) -> Result<String> {
        let made = self.ask(&["repo", "create", name])?;
        Ok(made["clone_url"].as_str().context("no clone address")?.to_owned())
    }

    /// The address with the owner's token as its password.
    pub fn with_token(&self, url: &str) -> String {
        url.replacen("http://", &format!("http://bench:{}@", self.token()), 1)
    }

    /// The owner's token.
    pub fn token(&self) -> String {
        let token = std::fs::read_to_string(self.data.join("token")).unwrap_or_default();
        token.trim().to_owned()
    }

    /// Where the page is.
    pub fn url(&self) -> Result<String> {
        let status = self.ask(&["status"])?;
        Ok(status["url"].as_str().context("the server does not say its address")?.to_owned())
    }

    /// The newest run of a repository, once it has ended well.
    pub fn ended_run(&self, repository: &str) -> Result<u64> {
        wait_for("a run that ended well", || {
            let list = self.ask(&["run", "list", "--repository", repository]).ok()?;
            let run = list.as_array()?.first()?;
            (run["conclusion"] == "success").then(|| run["id"].as_u64())?
        })
    }

    /// Opens a pull request; gives its number.
    pub fn open_pull_request(&self, repository: &str, branch: &str) -> Result<u64> {
        let opened = self.ask(&["pr", "open", repository, "--head", branch])?;
        opened["number"].as_u64().context("the pull request has no number")
    }

    /// From a push being accepted to the first byte of its first step's log.
    pub fn first_log_bytes(&self, folder: &Path, runs: usize) -> Result<Samples> {
        let url = self.with_token(&self.create_repository("bench/runs")?);
        std::fs::create_dir_all(folder.join(".github/workflows"))?;
        let workflow =
            "on: push\njobs:\n  one:\n    runs-on: boucle\n    steps:\n      - run: echo ready\n";
        std::fs::write(folder.join(".github/workflows/one.yaml"), workflow)?;
        git(folder, &["init", "--quiet", "--initial-branch", "main"])?;
        let mut samples = Samples::default();
        for round in 0..runs {
            super::measure::commit(folder, round)?;
            git(folder, &["push", "--quiet", &url, "main"])?;
            let commit = git(folder, &["rev-parse", "HEAD"])?;
            let run = wait_for("a run", || {
                let list = self.ask(&["run", "list", "--repository", "bench/runs"]).ok()?;
                let mut runs = list.as_array()?.iter();
                let run = runs.find(|run| run["commit"] == commit.as_str())?;
                (run["state"] == "completed").then(|| run["id"].as_u64())?
            })?;
            let moved = self.fact_time("repositories.ref_moved", |fact| {
                fact["body"]["repository"] == "bench/runs" && fact["body"]["new"] == commit.as_str()
            })?;
            let log = self.text(&["logs", &format!("run/{run}/one")])?;
            let first = log.lines().find(|line| line.split_whitespace().nth(1) == Some("0"));
            let first = first.context("the step has no log")?;
            let written = parse_ms(first.split_whitespace().next().unwrap_or_default())?;
            samples.add(written - moved);
        }
        Ok(samples)
    }

    /// Waits until the demonstration runs; gives the digest of its image.
    pub fn wait_for_demonstration(&self) -> Result<String> {
        wait_for("the demonstration's image", || {
            let list = self.ask(&["env", "list"]).ok()?;
            let digest = list[0]["artifacts"][0]["digest"].as_str()?.to_owned();
            (list[0]["health"] == "healthy").then_some(digest)
        })
    }

    /// From a merge to the new replica taking requests, with the image of the demonstration.
    pub fn merges_to_ready(&self, folder: &Path, merges: usize) -> Result<Samples> {
        let digest = self.wait_for_demonstration()?;
        let url = self.with_token(&self.create_repository("bench/merges")?);
        std::fs::create_dir_all(folder.join("app"))?;
        std::fs::create_dir_all(folder.join("applications"))?;
        std::fs::write(folder.join("boucle.yaml"), "version: 1\napplications: applications\n")?;
        std::fs::write(
            folder.join("applications/one.yaml"),
            application("bench-one", "bench/merges", "app"),
        )?;
        let write = |round: usize| {
            std::fs::write(folder.join("app/deployment.yaml"), deployment(&digest, round))
        };
        write(0)?;
        git(folder, &["init", "--quiet", "--initial-branch", "main"])?;
        super::measure::commit(folder, 0)?;
        git(folder, &["push", "--quiet", &url, "main"])?;
        self.wait_for_health("bench-one", 1)?;
        let mut samples = Samples::default();
        for round in 1..=merges {
            write(round)?;
            super::measure::commit(folder, round)?;
            let branch = format!("round-{round}");
            git(folder, &["push", "--quiet", &url, &format!("HEAD:refs/heads/{branch}")])?;
            let opened = self.ask(&["pr", "open", "bench/merges", "--head", &branch])?;
            let number = opened["number"].to_string();
            self.ask(&["pr", "merge", "bench/merges", &number, "--method", "rebase"])?;
            let generation = round as u64 + 1;
            self.wait_for_health("bench-one", generation)?;
            let merged = self.fact_time("repositories.pull_request_merged", |fact| {
                fact["body"]["repository"] == "bench/merges"
                    && fact["body"]["number"].as_u64() == opened["number"].as_u64()
            })?;
            let ready = self.fact_time("deployments.health_changed", |fact| {
                fact["body"]["application"] == "bench-one"
                    && fact["body"]["status"]
                        .as_str()
                        .is_some_and(|one| one.eq_ignore_ascii_case("healthy"))
                    && fact["body"]["generation"] == generation
            })?;
            samples.add(ready - merged);
        }
        Ok(samples)
    }

    /// From the push of one change among 100 applications to its apply, and how many were rendered.
    pub fn one_of_hundred(&self, folder: &Path) -> Result<(f64, f64)> {
        let url =
            self.push_applications(folder, "bench/hundred", 100, |number| objects(number, 0))?;
        self.wait_for_synced(100, PATIENCE)?;
        std::fs::write(folder.join("apps/42/objects.yaml"), objects(42, 1))?;
        super::measure::commit(folder, 1)?;
        git(folder, &["push", "--quiet", &url, "HEAD:refs/heads/change"])?;
        let opened = self.ask(&["pr", "open", "bench/hundred", "--head", "change"])?;
        let number = opened["number"].to_string();
        self.ask(&["pr", "merge", "bench/hundred", &number, "--method", "rebase"])?;
        wait_for("the change", || {
            let one = self.ask(&["app", "show", "many-42"]).ok()?;
            (one["application"]["generation"] == 2 && one["application"]["sync"] == "synced")
                .then_some(())
        })?;
        let moved = self.facts("repositories.ref_moved")?.into_iter().next();
        let moved = parse_ms(moved.context("nothing moved")?["at"].as_str().unwrap_or_default())?;
        let applied =
            self.fact_time("deployments.applied", |fact| fact["body"]["application"] == "many-42")?;
        let rendered = self.facts("deployments.rendered")?;
        let after = rendered.iter().filter_map(|fact| parse_ms(fact["at"].as_str()?).ok());
        Ok((applied - moved, after.filter(|at| *at >= moved).count() as f64))
    }

    /// Declares this many applications of one object each, and waits until all of them run.
    pub fn many_applications(&self, folder: &Path, count: usize) -> Result<()> {
        self.push_applications(folder, "bench/many", count, |number| object(number, 0, 0))?;
        self.wait_for_synced(count, PATIENCE_MANY)
    }

    /// Pushes a repository of applications; gives its address.
    fn push_applications(
        &self,
        folder: &Path,
        repository: &str,
        count: usize,
        manifests: impl Fn(usize) -> String,
    ) -> Result<String> {
        let url = self.with_token(&self.create_repository(repository)?);
        std::fs::create_dir_all(folder.join("applications"))?;
        std::fs::write(folder.join("boucle.yaml"), "version: 1\napplications: applications\n")?;
        for number in 0..count {
            let (name, path) = (format!("many-{number}"), format!("apps/{number}"));
            std::fs::create_dir_all(folder.join(&path))?;
            let file = folder.join(format!("applications/{number}.yaml"));
            std::fs::write(file, application(&name, repository, &path))?;
            std::fs::write(folder.join(path).join("objects.yaml"), manifests(number))?;
        }
        git(folder, &["init", "--quiet", "--initial-branch", "main"])?;
        super::measure::commit(folder, 0)?;
        git(folder, &["push", "--quiet", &url, "main"])?;
        Ok(url)
    }

    /// Waits until so many applications are as Git says.
    pub fn wait_until_synced(&self, count: usize) -> Result<()> {
        self.wait_for_synced(count, PATIENCE_MANY)
    }

    fn wait_for_synced(&self, count: usize, patience: Duration) -> Result<()> {
        wait_at_most(patience, &format!("{count} applications"), || {
            // Asking for so many is work that would keep the server from taking them in.
            std::thread::sleep(Duration::from_millis(count as u64 / 2));
            let list = self.ask(&["app", "list"]).ok()?;
            let many = list.as_array()?.iter().filter(|one| {
                one["sync"] == "synced"
                    && one["name"].as_str().is_some_and(|name| name.starts_with("many-"))
            });
            (many.count() == count).then_some(())
        })
    }

    fn wait_for_health(&self, application: &str, generation: u64) -> Result<()> {
        wait_for("a healthy application", || {
            let one = self.ask(&["app", "show", application]).ok()?;
            let one = &one["application"];
            (one["health"] == "healthy" && one["generation"] == generation).then_some(())
        })
    }

    /// When the newest fact of a kind that fits was true, in milliseconds.
    fn fact_time(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> Result<f64> {
        let facts = self.facts(kind)?;
        let fact = facts.iter().find(|fact| fits(fact)).with_context(|| format!("no {kind}"))?;
        parse_ms(fact["at"].as_str().unwrap_or_default())
    }

    /// Facts of a kind, newest first.
    fn facts(&self, kind: &str) -> Result<Vec<Value>> {
        let facts = self.ask(&["audit", "list", "--kind", kind, "--limit", "500"])?;
        Ok(facts.as_array().cloned().unwrap_or_default())
    }

    fn ask(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.run(arguments, "json")?;
        serde_json::from_str(&text)
            .with_context(|| format!("boucle {} gave no JSON", arguments.join(" ")))
    }

    fn text(&self, arguments: &[&str]) -> Result<String> {
        self.run(arguments, "table")
    }

    fn run(&self, arguments: &[&str], format: &str) -> Result<String> {
        let mut command = Command::new(&self.binary);
        command.args(arguments).args(["-o", format, "--data"]).arg(&self.data);
        let output = command.output().context("the program cannot be started")?;
        let said = String::from_utf8_lossy(&output.stderr);
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        anyhow::ensure!(
            output.status.success(),
            "boucle {} failed: {said}{answer}",
            arguments.join(" ")
        );
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &process]).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer.
fn wait_for<T>(what: &str, ask: impl FnMut() -> Option<T>) -> Result<T> {
    wait_at_most(PATIENCE, what, ask)
}

fn wait_at_most<T>(
    patience: Duration,
    what: &str,
    mut ask: impl FnMut() -> Option<T>,
) -> Result<T> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("{what} did not come within {} s", patience.as_secs())
}

/// Milliseconds within the day of a time such as `2026-01-02T03:04:05.678Z`.
fn parse_ms(text: &str) -> Result<f64> {
    let clock = text.split('T').nth(1).context("not a time")?.trim_end_matches('Z');
    let mut parts = clock.split(':').map(|part| part.parse::<f64>().unwrap_or_default());
    let mut next = || parts.next().unwrap_or_default();
    Ok((next() * 3600.0 + next() * 60.0 + next()) * 1000.0)
}

fn application(name: &str, repository: &str, path: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\nspec:\n  \
         project: default\n  source:\n    repoURL: {repository}\n    path: {path}\n    \
         targetRevision: main\n  destination:\n    name: local\n    namespace: bench\n  \
         syncPolicy:\n    automated:\n      prune: true\n      selfHeal: true\n"
    )
}

fn deployment(digest: &str, round: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: one\n  namespace: bench\nspec:\n  \
         replicas: 1\n  selector:\n    matchLabels:\n      app: one\n  template:\n    metadata:\n      \
         labels:\n        app: one\n      annotations:\n        round: \"{round}\"\n    spec:\n      \
         containers:\n        - name: hello\n          image: demo/hello/hello@{digest}\n          \
         ports:\n            - name: http\n              containerPort: 8080\n          \
         readinessProbe:\n            httpGet:\n              path: /healthz\n              port: http\n"
    )
}

fn objects(number: usize, version: usize) -> String {
    let map = |index: usize| object(number, index, version);
    let service = format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: many-{number}\n  namespace: bench\nspec:\n  \
         selector:\n    app: many-{number}\n  ports:\n    - port: 80\n"
    );
    format!("{}---\n{}---\n{}---\n{service}", map(0), map(1), map(2))
}

fn object(number: usize, index: usize, version: usize) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: many-{number}-{index}\n  \
         namespace: bench\ndata:\n  version: \"{version}\"\n"
    )
}
