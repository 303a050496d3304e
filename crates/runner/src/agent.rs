//! The shell inside a job's sandbox that starts one step after another.
//!
//! All steps of a job share one sandbox, so that a server that one step starts is there for the
//! next. The agent reads the path of a step from a named pipe, runs it in a process group of its own,
//! and prints the end marker that [`EndFinder`] looks for after everything that the step printed.
//! A step could print the marker of its own job: it would only deceive itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pipelines::run::job::ScriptStep;
use sandbox::{Child, Exit, Handle, Launcher, Output, SpawnError, Spec, Streams};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;

use crate::layout::Layout;
use crate::output::{EndFinder, Found};

/// How long a step that is told to end may take before the sandbox is killed: GitHub's 7.5 s to
/// react and 2.5 s more.
pub const TERMINATE_GRACE: Duration = Duration::from_secs(10);

/// `$1`: the nonce, `$2`: the pipe. `setsid` gives the step a process group, so that it can be told
/// to end as a whole; a background job of a shell ignores SIGINT, which `env` undoes.
const AGENT: &str = r#"
nonce=$1
exec 3<"$2"
step=
trap 'test -n "$step" && kill -s TERM -- "-$step" 2>/dev/null' TERM
reset=
if env --default-signal=INT,QUIT true 2>/dev/null; then reset='env --default-signal=INT,QUIT'; fi
while IFS= read -r script <&3; do
  setsid $reset sh "$script" 3<&- </dev/null 2>&1 &
  step=$!
  wait "$step"; code=$?
  while kill -0 "$step" 2>/dev/null; do wait "$step"; code=$?; done
  step=
  printf '\000%s %s\n' "$nonce" "$code"
done
"#;

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    stdout: tokio::process::ChildStdout,
    control: pipe::Sender,
    finder: EndFinder,
    exchange: PathBuf,
    exchange_inside: String,
}

/// What a running script gives.
#[derive(Debug)]
pub enum Progress {
    /// It printed this.
    Output(Vec<u8>),
    /// It ended with this code, after printing this.
    Ended {
        /// What it printed last.
        output: Vec<u8>,
        /// Its exit code.
        code: i32,
    },
    /// The whole sandbox is gone.
    Lost {
        /// What it printed last.
        output: Vec<u8>,
        /// How it ended.
        exit: Option<Exit>,
    },
}

impl Agent {
    /// Starts the sandbox. `spec` has everything but the program.
    pub async fn start(
        layout: &Layout,
        mut spec: Spec,
        launcher: &Launcher,
        path: &str,
        number: u32,
    ) -> Result<Self, AgentError> {
        let nonce = nonce();
        let name = format!("control_{number}");
        let control_path = layout.exchange.join(&name);
        let inside = &layout.inside.exchange;
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
        nix::unistd::mkfifo(&control_path, mode).map_err(io::Error::from)?;
        let control = pipe::OpenOptions::new().read_write(true).open_sender(&control_path)?;
        spec.program = PathBuf::from("sh");
        spec.arguments = ["-c", AGENT, "boucle-agent", nonce.as_str()].map(str::to_owned).to_vec();
        spec.arguments.push(format!("{inside}/{name}"));
        spec.environment.insert("PATH".to_owned(), path.to_owned());
        let streams = Streams { stdout: Output::Pipe, stderr: Output::Null };
        let mut child = sandbox::spawn(&spec, launcher, streams).await?;
        let stdout = child.take_stdout().ok_or(AgentError::NoOutput)?;
        let (exchange, exchange_inside) = (layout.exchange.clone(), inside.clone());
        let finder = EndFinder::new(&nonce);
        Ok(Self { child, stdout, control, finder, exchange, exchange_inside })
    }

    /// What holds for this sandbox.
    #[must_use]
    pub fn protections(&self) -> &sandbox::Protections {
        self.child.protections()
    }

    /// Tells the step, from elsewhere, to end.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.child.handle()
    }

    /// Begins a script that was written by [`write_step`].
    pub async fn begin(&mut self, name: &str) -> io::Result<()> {
        let line = format!("{}/{name}\n", self.exchange_inside);
        self.control.write_all(line.as_bytes()).await
    }

    /// What comes next of the script that runs. May be dropped and called again.
    pub async fn progress(&mut self) -> io::Result<Progress> {
        // The pipe may hold the end of this step already.
        let found = self.finder.push(&[]);
        if let Some(code) = found.exit_code {
            return Ok(Progress::Ended { output: found.output, code });
        }
        if !found.output.is_empty() {
            return Ok(Progress::Output(found.output));
        }
        let mut buffer = vec![0; 64 * 1024];
        let read = self.stdout.read(&mut buffer).await?;
        if read == 0 {
            let exit = self.child.wait().await.ok();
            return Ok(Progress::Lost { output: self.finder.rest(), exit });
        }
        let Found { output, exit_code } = self.finder.push(&buffer[..read]);
        Ok(match exit_code {
            None => Progress::Output(output),
            Some(code) => Progress::Ended { output, code },
        })
    }

    /// Runs a script of the runner itself and gives what it prints.
    pub async fn run_plain(&mut self, name: &str, script: &str) -> io::Result<(i32, Vec<u8>)> {
        fs::write(self.exchange.join(name), script)?;
        self.begin(name).await?;
        let mut printed = Vec::new();
        loop {
            match self.progress().await? {
                Progress::Output(output) => printed.extend(output),
                Progress::Ended { output, code } => {
                    printed.extend(output);
                    return Ok((code, printed));
                }
                Progress::Lost { .. } => {
                    return Err(io::Error::other("the sandbox of the job ended"));
                }
            }
        }
    }

    /// Runs a script of the runner itself and writes what it prints into a new file of the machine,
    /// at most `limit_bytes`; its exit code.
    pub async fn run_to_file(
        &mut self,
        name: &str,
        script: &str,
        into: &Path,
        limit_bytes: u64,
    ) -> io::Result<i32> {
        fs::write(self.exchange.join(name), script)?;
        self.begin(name).await?;
        let mut file = tokio::fs::File::create_new(into).await?;
        let mut written = 0;
        loop {
            let (output, ended) = match self.progress().await? {
                Progress::Output(output) => (output, None),
                Progress::Ended { output, code } => (output, Some(code)),
                Progress::Lost { .. } => {
                    return Err(io::Error::other("the sandbox of the job ended"));
                }
            };
            written += output.len() as u64;
            if written <= limit_bytes {
                file.write_all(&output).await?;
            }
            if let Some(code) = ended {
                file.flush().await?;
                if written > limit_bytes {
                    let message = format!("the files have more than {limit_bytes} bytes");
                    return Err(io::Error::other(message));
                }
                return Ok(code);
            }
        }
    }

    /// Ends everything in the sandbox.
    pub async fn kill(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "cannot end a job's sandbox");
        }
    }
}

/// Why an agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The sandbox.
    #[error("the sandbox did not start")]
    Spawn(#[from] SpawnError),
    /// The pipe or a folder.
    #[error("the job's folder cannot be prepared")]
    Io(#[from] io::Error),
    /// The sandbox gave no output pipe.
    #[error("the sandbox has no output")]
    NoOutput,
}

/// Writes a step's script and the wrapper that gives it its folder and environment; the wrapper's
/// name.
pub fn write_step(layout: &Layout, step: &ScriptStep) -> io::Result<String> {
    let number = step.step;
    let script = format!("script_{number}{}", step.shell.extension);
    fs::write(layout.exchange.join(&script), &step.script)?;
    for file in ["env", "output", "path", "state", "summary"] {
        layout.create_command_file(&format!("{file}_{number}"))?;
    }
    let script_path = format!("{}/{script}", layout.inside.exchange);
    let mut wrapper = String::new();
    if let Some(path) = step.environment.get("PATH") {
        wrapper.push_str(&format!("PATH={}\n", quote(path)));
    }
    wrapper.push_str(&format!("cd {} || exit 1\n", quote(&step.working_directory)));
    let mut keyword = "if";
    for candidate in &step.shell.candidates {
        let Some(program) = candidate.first() else { continue };
        let words: Vec<_> =
            candidate.iter().map(|word| quote(&word.replace("{0}", &script_path))).collect();
        let (program, words) = (quote(program), words.join(" "));
        wrapper.push_str(&format!(
            "{keyword} command -v {program} >/dev/null 2>&1; then set -- {words}\n"
        ));
        keyword = "elif";
    }
    let names: Vec<_> =
        step.shell.candidates.iter().filter_map(|words| words.first().cloned()).collect();
    let missing = quote(&format!("none of these programs is there: {}", names.join(", ")));
    wrapper.push_str(&format!("else echo {missing}; exit 127; fi\nexec env -i"));
    for (name, value) in &step.environment {
        wrapper.push_str(&format!(" {}", quote(&format!("{name}={value}"))));
    }
    wrapper.push_str(" \"$@\"\n");
    let name = format!("step_{number}");
    fs::write(layout.exchange.join(&name), wrapper)?;
    Ok(name)
}

/// The text as one word of a shell.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Unguessable enough that no program prints it by accident.
fn nonce() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let number = RandomState::new().hash_one(std::process::id());
    format!("boucle-{number:016x}")
}
