//! Pushes that must be refused: nothing moves, and the server still serves.

use std::path::Path;

use crate::git::{commit, git, works};
use crate::harness::Server;
use crate::http::{Answer, send};

struct Hosted {
    server: Server,
    work: tempfile::TempDir,
    data: tempfile::TempDir,
}

impl Hosted {
    fn new() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let work = tempfile::tempdir().expect("a folder");
        let server = Server::start(data.path(), &[]);
        assert_eq!(server.boucle(&["repo", "create", "me/one"]).code, 0);
        works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
        commit(work.path(), "file.txt", "one\n");
        let hosted = Self { server, work, data };
        works(hosted.work.path(), &["push", "--quiet", &hosted.address(), "main"]);
        hosted
    }

    fn address(&self) -> String {
        self.server.address("me/one")
    }

    fn refs(&self) -> String {
        git(self.work.path(), &["ls-remote", &self.address()]).out
    }

    /// Sends a push as a hostile client would write it.
    fn push_by_hand(&self, old: &str, new: &str, reference: &str, pack: &[u8]) -> Answer {
        let command = format!("{old} {new} {reference}\0 report-status\n");
        let mut body = format!("{:04x}{command}0000", command.len() + 4).into_bytes();
        body.extend_from_slice(pack);
        let token = std::fs::read_to_string(self.data.path().join("token")).expect("a token");
        let bearer = format!("Bearer {}", token.trim());
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/x-git-receive-pack-request"),
        ];
        send(&self.server, "POST", "/me/one/git-receive-pack", &headers, body)
    }

    /// Nothing moved, the refusal is in the ledger, and an ordinary push works.
    fn check_unharmed(&self, before: &str) {
        assert_eq!(self.refs(), before);
        assert_eq!(self.server.boucle(&["audit", "verify"]).code, 0);
        commit(self.work.path(), "after.txt", before);
        works(self.work.path(), &["push", "--quiet", &self.address(), "HEAD:refs/heads/after"]);
    }
}

const NOTHING: &str = "0000000000000000000000000000000000000000";
/// A pack without objects, with its checksum.
const EMPTY_PACK: &[u8] = b"PACK\0\0\0\x02\0\0\0\0\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e";

#[test]
fn a_corrupt_pack_moves_nothing() {
    let hosted = Hosted::new();
    let before = hosted.refs();
    let new = "1".repeat(40);
    let cut = &EMPTY_PACK[..EMPTY_PACK.len() - 3];
    let mut wrong = EMPTY_PACK.to_vec();
    wrong[20] ^= 0xff;
    for pack in [&b"PACK and then nothing that is one"[..], cut, &wrong, b""] {
        let answer = hosted.push_by_hand(NOTHING, &new, "refs/heads/bad", pack);
        let refused = answer.status >= 400
            || answer.body.contains("unpack ") && !answer.body.contains("unpack ok");
        assert!(refused, "{answer:?}");
        assert!(answer.status < 500, "{answer:?}");
    }
    // A pack that is whole but does not have the commit.
    let answer = hosted.push_by_hand(NOTHING, &new, "refs/heads/bad", EMPTY_PACK);
    assert!(answer.body.contains("ng refs/heads/bad"), "{answer:?}");
    hosted.check_unharmed(&before);
}

#[test]
fn names_that_git_refuses_are_refused() {
    let hosted = Hosted::new();
    let before = hosted.refs();
    let tip = git(hosted.work.path(), &["rev-parse", "HEAD"]).out.trim().to_owned();
    for name in [
        "refs/heads/a..b",
        "refs/heads/a b",
        "refs/heads/.a",
        "refs/heads/a.lock",
        "refs/heads/-",
        "main",
        "refs/heads/a~1",
        "refs/../x",
    ] {
        let answer = hosted.push_by_hand(NOTHING, &tip, name, EMPTY_PACK);
        let refused = answer.status >= 400 || answer.body.contains(&format!("ng {name}"));
        assert!(refused && answer.status < 500, "{name}: {answer:?}");
    }
    hosted.check_unharmed(&before);
}

#[test]
fn rewriting_history_is_refused_unless_it_is_allowed() {
    let hosted = Hosted::new();
    let work = hosted.work.path();
    works(work, &["push", "--quiet", &hosted.address(), "HEAD:refs/heads/topic"]);
    let before = hosted.refs();
    works(work, &["commit", "--quiet", "--amend", "--message", "another"]);
    let refused = git(work, &["push", "--force", &hosted.address(), "HEAD:refs/heads/topic"]);
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("non-fast-forward"), "{}", refused.err);
    hosted.check_unharmed(&before);
}

#[test]
fn two_gigabytes_against_a_limit_of_one_hundred_megabytes_are_refused_early() {
    let hosted = Hosted::new();
    let before = hosted.refs();
    let work = hosted.work.path();
    let file = std::fs::File::create(work.join("large.bin")).expect("a file");
    file.set_len(2_000_000_000).expect("a sparse file");
    // Zeros compress to little, so that the limit is met by the object and not by the transfer.
    works(work, &["config", "core.bigFileThreshold", "1m"]);
    works(work, &["config", "core.compression", "1"]);
    works(work, &["add", "--all"]);
    works(work, &["commit", "--quiet", "--message", "large"]);
    let memory_before = hosted.server.peak_kib();
    let refused = git(work, &["push", &hosted.address(), "HEAD:refs/heads/large"]);
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("file-too-large"), "{}", refused.err);
    let grown = hosted.server.peak_kib().saturating_sub(memory_before);
    assert!(grown < 64 * 1024, "the server grew by {grown} KiB");
    works(work, &["reset", "--quiet", "--hard", "HEAD~1"]);
    hosted.check_unharmed(&before);
    let left = std::fs::read_dir(hosted.data.path().join("git")).expect("its folder");
    for entry in left.flatten() {
        assert!(size_of(&entry.path()) < 1_000_000, "{} is left", entry.path().display());
    }
}

fn size_of(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return std::fs::metadata(path).map_or(0, |data| data.len());
    };
    entries.flatten().map(|entry| size_of(&entry.path())).sum()
}
