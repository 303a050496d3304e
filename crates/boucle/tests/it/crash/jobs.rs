//! Processes of a server: what it started ends with it, and a job that was killed begins again.

use std::path::PathBuf;

use crate::git::{commit, works};
use crate::harness::{Server, wait_for};

/// Processes that work in one of these folders: by their arguments, folder or mounts.
pub fn processes_in(folders: &[PathBuf]) -> Vec<u32> {
    let folders: Vec<String> =
        folders.iter().map(|folder| folder.to_string_lossy().into_owned()).collect();
    let is_in = |text: &str| folders.iter().any(|folder| text.contains(folder));
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("the processes").flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let text = |file: &str| std::fs::read(entry.path().join(file)).unwrap_or_default();
        let folder = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        if is_in(&String::from_utf8_lossy(&text("cmdline")).replace('\0', " "))
            || is_in(&String::from_utf8_lossy(&text("mountinfo")))
            || is_in(&folder.to_string_lossy())
        {
            found.push(process);
        }
    }
    found
}

/// Whether `process` is `ancestor` or was started by it or its children; true when it is gone.
pub fn descends(mut process: u32, ancestor: u32) -> bool {
    while process != ancestor {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
            return true;
        };
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let mut fields = after_name.split_whitespace();
        let state = fields.next().unwrap_or("Z");
        let parent = fields.next().and_then(|field| field.parse().ok()).unwrap_or(0);
        if matches!(state, "Z" | "X") {
            return true;
        }
        if parent <= 1 {
            return false;
        }
        process = parent;
    }
    true
}

/// How many processes sleep for exactly this long; nobody else does.
fn sleepers(seconds: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("the processes").flatten();
    let arguments = processes.map(|entry| std::fs::read(entry.path().join("cmdline")));
    let wanted = format!("sleep\0{seconds}\0");
    arguments.flatten().filter(|arguments| arguments.ends_with(wanted.as_bytes())).count()
}

#[test]
fn a_job_ends_with_its_killed_server_and_begins_again_with_the_next() {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.boucle(&["repo", "create", "me/long"]).code, 0);
    let seconds = format!("9{}", std::process::id());
    // One process in the foreground, one behind it, one that left its session.
    let workflow = format!(
        "on: push\njobs:\n  long:\n    runs-on: boucle\n    steps:\n      - run: |\n          \
         sleep {seconds} &\n          setsid sleep {seconds} &\n          sleep {seconds}\n"
    );
    works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
    std::fs::create_dir_all(work.path().join(".github/workflows")).expect("a folder");
    commit(work.path(), ".github/workflows/ci.yaml", &workflow);
    works(work.path(), &["push", "--quiet", &server.address("me/long"), "main"]);
    wait_for("the job", || sleepers(&seconds) == 3);
    server.kill();
    wait_for("the end of the job with its server", || sleepers(&seconds) == 0);
    let server = Server::start(data.path(), &[]);
    wait_for("the job once more", || sleepers(&seconds) == 3);
    assert_eq!(server.boucle(&["run", "cancel", "1"]).code, 0);
    wait_for("the run to be cancelled", || {
        server.boucle(&["run", "show", "1"]).json()["conclusion"] == "cancelled"
    });
    wait_for("the end of the job", || sleepers(&seconds) == 0);
}
