//! A server of its own for each test, and the command line that speaks to it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A state that has not come after this long never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; it ends when this is dropped, its data folder stays with the test.
pub struct Server {
    child: Child,
    data: PathBuf,
}

/// What a command gave.
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Outcome {
    /// The result as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

impl Server {
    /// Starts one on the folder and waits until it answers.
    pub fn start(data: &Path, arguments: &[&str]) -> Self {
        let _ = std::fs::remove_file(data.join("server.json"));
        let mut up = command(data);
        up.args(["up", "--port", "0"]).args(arguments).stdout(printed(data));
        let data = data.to_path_buf();
        Self::start_with(up, |_| data)
    }

    /// Starts one as somebody does who stands in a folder and names no other.
    pub fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        let data = folder.join("boucle-data");
        let mut up = Command::new(env!("CARGO_BIN_EXE_boucle"));
        up.env("LANG", "C").env_remove("BOUCLE_DATA").current_dir(folder);
        up.args(["up", "--port", "0"]).args(arguments).stdout(Stdio::null());
        Self::start_with(up, |_| data)
    }

    /// Starts one by this command and waits until it answers; `data` says where its folder is seen
    /// from here, given its process.
    pub fn start_with(mut up: Command, data: impl FnOnce(u32) -> PathBuf) -> Self {
        let child = up.spawn().expect("the binary starts");
        let data = data(child.id());
        let mut server = Self { child, data };
        wait_for("the server", || {
            let ended = server.child.try_wait().expect("it is ours");
            assert!(ended.is_none(), "the server ended at once: {ended:?}");
            server.data.join("server.json").exists() && server.boucle(&["status"]).code == 0
        });
        server
    }

    /// Runs a command against it, with JSON as the result.
    pub fn boucle(&self, arguments: &[&str]) -> Outcome {
        run(command(&self.data).args(arguments).args(["-o", "json"]))
    }

    /// The same in a folder.
    pub fn boucle_in(&self, folder: &Path, arguments: &[&str]) -> Outcome {
        run(command(&self.data).args(arguments).args(["-o", "json"]).current_dir(folder))
    }

    /// The same as somebody else.
    pub fn boucle_as(&self, token: &str, arguments: &[&str]) -> Outcome {
        let mut command = command(&self.data);
        run(command.args(arguments).args(["-o", "json"]).env("BOUCLE_TOKEN", token))
    }

    /// Its data folder, as seen from here.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What the server printed at its start.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(self.data.join("printed.txt")).expect("it printed something")
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        let status = self.boucle(&["status"]).json();
        status["url"].as_str().expect("it has an address").to_owned()
    }

    /// The server's process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it ever had.
    pub fn peak_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process());
        let text = std::fs::read_to_string(path).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }

    /// A clone address with the owner's token.
    pub fn address(&self, repository: &str) -> String {
        let url = self.url();
        let token = std::fs::read_to_string(self.data.join("token")).expect("the owner's token");
        let rest = url.strip_prefix("http://").expect("loopback");
        format!("http://owner:{}@{rest}/{repository}", token.trim())
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file for what the server prints; beside its own files, which it does not mind.
fn printed(data: &Path) -> Stdio {
    std::fs::File::create(data.join("printed.txt")).expect("a file").into()
}

/// The binary, with this data folder and nobody's settings.
pub fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boucle"));
    command.arg("--data").arg(data).env_remove("BOUCLE_URL").env_remove("BOUCLE_TOKEN");
    command.env("LANG", "C").env_remove("LC_ALL").env_remove("LC_MESSAGES");
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Outcome {
    outcome(&command.output().expect("the program starts"))
}

/// Runs a command to its end, with something to read.
pub fn run_with_input(command: &mut Command, input: &str) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
    outcome(&child.wait_with_output().expect("it ends"))
}

fn outcome(output: &Output) -> Outcome {
    Outcome {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Waits for a state.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
