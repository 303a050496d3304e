//! What was acknowledged, and whether it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::World;
use super::repository::wait_for_production;
use crate::git::{git, works};
use crate::harness::{Server, wait_for};

/// What the server acknowledged, written down by those who asked.
#[derive(Default)]
pub struct Acknowledged {
    /// Branch and commit.
    pub branches: Vec<(String, String)>,
    /// Every commit that was pushed to `notes`, in order, whether it was answered or not.
    pub notes: Vec<String>,
    /// How many of them were answered.
    pub notes_acknowledged: usize,
    /// Name and secret.
    pub tokens: Vec<(String, String)>,
    pull_requests: BTreeMap<u64, Expected>,
    /// Those that changed since the last look.
    changed: BTreeSet<u64>,
}

/// What a pull request must show.
#[derive(Default)]
pub struct Expected {
    /// Number and head.
    pub patch_sets: Vec<(u64, String)>,
    pub approved: bool,
    pub comments: Vec<String>,
    pub merged: Option<String>,
}

impl Acknowledged {
    pub fn pull_request(&mut self, number: u64) -> &mut Expected {
        self.changed.insert(number);
        self.pull_requests.entry(number).or_default()
    }
}

impl Expected {
    #[track_caller]
    fn check(&self, shown: &Value, refs: &str, when: &str) {
        let number = &shown["number"];
        let all = |field: &str| shown[field].as_array().cloned().unwrap_or_default();
        for (patch_set, head) in &self.patch_sets {
            let mut known = all("patch_sets").into_iter();
            let found =
                known.any(|one| one["number"] == *patch_set && one["head"] == head.as_str());
            assert!(found, "{when}: patch set {patch_set} of #{number} is lost: {shown}");
            let line = format!("{head} refs/changes/{number}/{patch_set}\n");
            assert!(refs.contains(&line), "{when}: the ref of {patch_set} of #{number} is lost");
        }
        let approved = all("reviews").iter().any(|review| review["verdict"] == "approve");
        assert!(approved || !self.approved, "{when}: the approval of #{number} is lost");
        for body in &self.comments {
            let found = all("comments").iter().any(|one| one["body"] == body.as_str());
            assert!(found, "{when}: `{body}` on #{number} is lost");
        }
        if let Some(commit) = &self.merged {
            assert_eq!(shown["state"], "merged", "{when}: the merge of #{number} is lost");
            assert_eq!(shown["merge_commit"], commit.as_str(), "{when}: #{number}");
        }
    }
}

impl World {
    pub fn note(&self, note: impl FnOnce(&mut Acknowledged)) {
        note(&mut self.lock(&self.acknowledged));
    }

    /// Everything that was acknowledged up to now is there. Refs, tokens and the ledger are looked
    /// at as a whole, pull requests where something changed since the last look.
    pub fn check(&self, server: &Server, when: &str) {
        let mut acknowledged = self.lock(&self.acknowledged);
        let store = self.store();
        let refs = git(&store, &["for-each-ref", "--format=%(objectname) %(refname)"]).out;
        for (branch, head) in &acknowledged.branches {
            let line = format!("{head} refs/heads/{branch}\n");
            assert!(refs.contains(&line), "{when}: the push of {branch} is lost");
        }
        self.check_notes(&acknowledged, &refs, when);
        let tokens = server.boucle(&["token", "list"]).out;
        for (name, _) in &acknowledged.tokens {
            assert!(tokens.contains(&format!("\"{name}\"")), "{when}: the token {name} is lost");
        }
        if let Some((name, token)) = acknowledged.tokens.last() {
            let listed = server.boucle_as(token, &["repo", "list"]);
            assert_eq!(listed.code, 0, "{when}: {name} opens nothing: {}", listed.err);
        }
        for number in std::mem::take(&mut acknowledged.changed) {
            let shown = server.boucle(&["pr", "show", "me/crash", &number.to_string()]);
            assert_eq!(shown.code, 0, "{when}: #{number} is lost: {}{}", shown.out, shown.err);
            let expected = &acknowledged.pull_requests[&number];
            expected.check(&shown.json(), &refs, when);
            if let Some(commit) = &expected.merged {
                works(&store, &["merge-base", "--is-ancestor", commit, "refs/heads/main"]);
            }
        }
        drop(acknowledged);
        let verified = server.boucle(&["audit", "verify"]);
        assert_eq!(verified.code, 0, "{when}: {}{}", verified.out, verified.err);
        self.check_processes(server, when);
    }

    /// The branch is where its last answered push put it, or further where the answer was lost.
    fn check_notes(&self, acknowledged: &Acknowledged, refs: &str, when: &str) {
        let mut lines = refs.lines();
        let tip = lines.find_map(|line| line.strip_suffix(" refs/heads/notes")).unwrap_or("");
        let place = acknowledged.notes.iter().position(|head| head == tip);
        let pushed = place.map_or(0, |place| place + 1);
        let least = acknowledged.notes_acknowledged;
        assert!(pushed >= least, "{when}: `notes` is at push {pushed}, {least} were answered");
    }

    /// No process of a killed server is left.
    fn check_processes(&self, server: &Server, when: &str) {
        let folders = ["git", "runner", "workloads"].map(|part| self.data.join(part));
        wait_for(&format!("{when}: the end of what the killed server had started"), || {
            super::jobs::processes_in(&folders)
                .iter()
                .all(|process| super::jobs::descends(*process, server.process()))
        });
    }

    /// Whether a commit came to `main` by an acknowledged merge.
    pub fn is_merged(&self, commit: &str) -> bool {
        let acknowledged = self.lock(&self.acknowledged);
        let mut expected = acknowledged.pull_requests.values();
        expected.any(|one| one.merged.as_deref() == Some(commit))
    }

    /// How much the server did meanwhile.
    pub fn summary(&self, server: &Server) -> String {
        let [runs, deployed, promoted] =
            ["pipelines.run_ended", "deployments.applied", "control.promoted"]
                .map(|kind| facts(server, kind).len());
        let asked = self.flight.summary();
        format!("{asked}; {runs} runs, {deployed} deployments, {promoted} promotions")
    }

    /// The loop finishes by itself: the last merged version runs, all runs end, nothing is left.
    pub fn check_end(&self, server: &Server, work: &Path) {
        let address = server.address("me/crash");
        works(work, &["fetch", "--quiet", &address, "main"]);
        let last = git(work, &["log", "-1", "--format=%H", "FETCH_HEAD", "--", "version.txt"]).out;
        wait_for_production(server, "the last version", |commit| commit == last.trim());
        wait_for("the end of all runs", || {
            facts(server, "pipelines.run_ended").len()
                == facts(server, "pipelines.run_created").len()
        });
        for ended in facts(server, "pipelines.run_ended") {
            assert_eq!(ended["body"]["conclusion"], "success", "nobody broke it: {ended}");
        }
        self.note(|all| all.changed.extend(all.pull_requests.keys().copied()));
        self.check(server, "at the end");
        let rebuilt = server.boucle(&["admin", "rebuild-views"]);
        assert_eq!(rebuilt.code, 0, "{}{}", rebuilt.out, rebuilt.err);
        works(&self.store(), &["fsck", "--full", "--strict"]);
        let clone = work.join("clone");
        works(work, &["clone", "--quiet", "--mirror", &address, &clone.to_string_lossy()]);
        works(&clone, &["fsck", "--full", "--strict"]);
        let quarantines = std::fs::read_dir(self.data.join("git/quarantines")).expect("a folder");
        assert_eq!(quarantines.count(), 0, "objects of interrupted pushes are left");
        let log = std::fs::read_to_string(self.data.join("log.txt")).expect("it is read");
        let panic = log.lines().find(|line| line.contains("panicked"));
        assert!(panic.is_none(), "the server panicked: {panic:?}");
    }

    /// The folder of the repository as the server keeps it.
    fn store(&self) -> PathBuf {
        let mut found = std::fs::read_dir(self.data.join("git/repositories")).expect("a folder");
        found.next().expect("a repository").expect("it is read").path()
    }
}

/// All facts of a kind.
fn facts(server: &Server, kind: &str) -> Vec<Value> {
    let listed = server.boucle(&["audit", "list", "--kind", kind, "--limit", "100000"]);
    listed.json().as_array().cloned().expect("facts")
}
