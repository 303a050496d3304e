//! The people of the crash test. What is not answered they leave, and begin anew; what is refused
//! although nobody was killed fails the test.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::World;
use super::flight::Kind;
use super::repository::everywhere;
use crate::git::{commit, git, works};
use crate::harness::{Outcome, command, run, wait_for};

/// Somebody who does the same again and again.
pub trait Person: Send {
    fn round(&mut self, world: &World);
}

/// Brings versions to `main` as it should be done: branch, pull request, review, merge.
pub struct Merger {
    work: PathBuf,
    rounds: u32,
}

/// Pushes to a branch and to one pull request that is never merged, and makes tokens.
pub struct Writer {
    work: PathBuf,
    rounds: u32,
}

impl Merger {
    pub fn new(work: &Path) -> Self {
        Self { work: own_clone(work, "merger"), rounds: 0 }
    }

    /// The stages of one round; `None` where a kill ended it.
    fn merge_one(&mut self, world: &World) -> Option<()> {
        self.rounds += 1;
        let (work, round) = (&self.work, self.rounds);
        (git(work, &["fetch", "--quiet", &world.address(), "main"]).code == 0).then_some(())?;
        works(work, &["reset", "--quiet", "--hard", "FETCH_HEAD"]);
        commit(work, "version.txt", &format!("{round}\n"));
        let head = git(work, &["rev-parse", "HEAD"]).out.trim().to_owned();
        let branch = format!("round-{round}");
        world.push(work, &format!("HEAD:refs/heads/{branch}"), Kind::Push)?;
        world.note(|all| all.branches.push((branch.clone(), head.clone())));
        let arguments = ["pr", "open", "me/crash", "--head", &branch];
        let opened = world.ask(Kind::Open, &world.owner, &arguments)?;
        let number = opened["number"].as_u64().expect("a number");
        let of = number.to_string();
        world.note(|all| all.pull_request(number).patch_sets.push((1, head.clone())));
        world.ask(Kind::Approve, &world.reviewer, &["pr", "approve", "me/crash", &of])?;
        world.note(|all| all.pull_request(number).approved = true);
        let body = format!("a remark on {round}");
        let arguments = ["pr", "comment", "me/crash", &of, "--body", &body];
        world.ask(Kind::Comment, &world.reviewer, &arguments)?;
        world.note(|all| all.pull_request(number).comments.push(body));
        let arguments = ["pr", "merge", "me/crash", &of, "--method", "squash"];
        let merged = world.ask(Kind::Merge, &world.owner, &arguments)?;
        let commit = merged["merge_commit"].as_str().expect("a commit").to_owned();
        world.note(|all| all.pull_request(number).merged = Some(commit.clone()));
        world.flight.begins(Kind::Loop);
        world.let_it_arrive(&commit);
        Some(())
    }
}

impl Person for Merger {
    fn round(&mut self, world: &World) {
        // A round that a kill ended is left as it is: the next one is a new change.
        let _ = self.merge_one(world);
    }
}

impl Writer {
    pub fn new(work: &Path) -> Self {
        Self { work: own_clone(work, "writer"), rounds: 0 }
    }

    fn write_one(&mut self, world: &World) -> Option<()> {
        self.rounds += 1;
        let (work, round) = (&self.work, self.rounds);
        commit(work, "notes.txt", &format!("{round}\n"));
        let head = git(work, &["rev-parse", "HEAD"]).out.trim().to_owned();
        world.note(|all| all.notes.push(head.clone()));
        world.push(work, "HEAD:refs/heads/notes", Kind::Push)?;
        world.note(|all| all.notes_acknowledged = all.notes.len());
        let said = world.push(work, "HEAD:refs/for/main", Kind::Propose)?;
        let (number, patch_set) = proposal(&said.err);
        world.note(|all| all.pull_request(number).patch_sets.push((patch_set, head)));
        let name = format!("machine-{round}");
        let made = world.ask(Kind::Token, &world.owner, &["token", "create", &name])?;
        let token = made["token"].as_str().expect("a token").to_owned();
        world.note(|all| all.tokens.push((name, token)));
        Some(())
    }
}

impl Person for Writer {
    fn round(&mut self, world: &World) {
        let _ = self.write_one(world);
    }
}

/// A clone for one person, beside that of the others.
fn own_clone(from: &Path, name: &str) -> PathBuf {
    let own = from.with_file_name(name);
    works(from, &["clone", "--quiet", ".", &own.to_string_lossy()]);
    own
}

/// The pull request and patch set that a push to `refs/for/` was told.
fn proposal(said: &str) -> (u64, u64) {
    let number = |before: &str| -> Option<u64> {
        let rest = &said[said.find(before)? + before.len()..];
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    };
    let opened = number("opened pull request #").map(|number| (number, 1));
    let added = || Some((number("pull request #")?, number("patch set ")?));
    opened.or_else(added).unwrap_or_else(|| panic!("no pull request is named: {said}"))
}

impl World {
    pub fn address(&self) -> String {
        let url = self.lock(&self.url).clone();
        let rest = url.strip_prefix("http://").expect("loopback");
        format!("http://owner:{}@{rest}/me/crash", self.owner)
    }

    /// Waits until a version is in production, through one kill: a merge that comes before the last
    /// one was verified would replace it, and production would see none of them.
    fn let_it_arrive(&self, commit: &str) {
        let kills = self.flight.kills();
        wait_for("a version in production, or the second kill", || {
            let mut ask = command(&self.data);
            ask.args(["env", "list", "-o", "json"]).env("BOUCLE_TOKEN", &self.owner);
            self.flight.is_over()
                || self.flight.kills() >= kills + 2
                || everywhere(&run(&mut ask).out, |running| running == commit)
        });
    }

    /// Pushes; `None` when a kill came between and it is not known what became of it.
    fn push(&self, work: &Path, what: &str, kind: Kind) -> Option<Outcome> {
        let address = self.address();
        let (said, disturbed) = self.flight.during(kind, || git(work, &["push", &address, what]));
        assert!(said.code == 0 || disturbed, "push {what}: {}{}", said.out, said.err);
        (said.code == 0).then_some(said)
    }

    /// Asks by the command line; `None` when a kill came between or somebody was faster.
    fn ask(&self, kind: Kind, token: &str, arguments: &[&str]) -> Option<Value> {
        let mut ask = command(&self.data);
        ask.args(arguments).args(["-o", "json"]).env("BOUCLE_TOKEN", token);
        let (said, disturbed) = self.flight.during(kind, || run(&mut ask));
        if said.code == 0 {
            return Some(said.json());
        }
        let moved_on = said.code == 3 && said.out.contains("\"moved-on\"");
        assert!(moved_on || disturbed, "{arguments:?}: {}{}", said.out, said.err);
        None
    }
}
