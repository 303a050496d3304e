//! The sandbox against the real kernel: what a program inside can and cannot do.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a helper fails its test, as it should")]

mod isolation;
mod life;
mod limits;
mod roots;

use std::path::PathBuf;

use sandbox::{Child, Exit, Launcher, Spec, Streams, spawn};
use tokio::io::AsyncReadExt as _;

/// What a program said and how it ended.
#[derive(Debug)]
struct Outcome {
    stdout: String,
    stderr: String,
    exit: Exit,
}

fn launcher() -> Launcher {
    Launcher {
        program: PathBuf::from(env!("CARGO_BIN_EXE_sandbox-helper")),
        arguments: vec![sandbox::HELPER_ARGUMENT.to_owned()],
    }
}

/// A shell script with a plain `PATH`.
fn shell(script: &str) -> Spec {
    let mut spec = Spec::new("/bin/sh");
    spec.arguments = vec!["-c".to_owned(), script.to_owned()];
    spec.environment.insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
    spec
}

async fn start(spec: &Spec) -> Child {
    spawn(spec, &launcher(), Streams::default()).await.unwrap()
}

async fn run(spec: &Spec) -> Outcome {
    let mut child = start(spec).await;
    let (mut out, mut err) = (child.take_stdout().unwrap(), child.take_stderr().unwrap());
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let (_, _, exit) = tokio::join!(
        out.read_to_string(&mut stdout),
        err.read_to_string(&mut stderr),
        child.wait()
    );
    Outcome { stdout, stderr, exit: exit.unwrap() }
}

/// Runs the script and compares what it printed.
async fn check(script: &str, expected: &str) {
    let outcome = run(&shell(script)).await;
    assert_eq!(outcome.stdout.trim(), expected, "script: {script}\n{}", outcome.stderr);
}
