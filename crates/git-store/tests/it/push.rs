//! Pushing with the real client.

use std::io::{Read, Write};
use std::net::TcpStream;

use git_store::http::ReceiveLimits;
use git_store::{RefChange, RefUpdateError};
use ledger::RefName;

use crate::server::{Server, main_branch};

#[test]
fn a_push_arrives_whole_and_durable_folders_hold_it() {
    let server = Server::start();
    let work = server.work_tree("work");
    let commit = work.commit("first\n\nwhy", &[("a.txt", "one\n"), ("b/c.txt", "two\n")]).unwrap();
    let said = work.try_run(&["push", "origin", "main"]).unwrap();
    assert!(said.success, "{}", said.stderr);
    assert!(said.stderr.contains("remote: hello from the server"), "{}", said.stderr);
    assert_eq!(server.bare().run(&["rev-parse", "main"]).unwrap(), commit);
    assert_eq!(server.last_seen().titles, ["first"]);
    assert_eq!(server.repository.resolve(&main_branch()).unwrap().unwrap().as_str(), commit);
    server.assert_clean();
}

#[test]
fn a_second_push_is_a_thin_pack_and_only_it_moves_the_ref() {
    let server = Server::start();
    let work = server.work_tree("work");
    let text: String = (0..2000).map(|line| format!("line {line}\n")).collect();
    work.commit("first", &[("a.txt", &text)]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let second = work.commit("second", &[("a.txt", &format!("{text}more\n"))]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    assert_eq!(server.bare().run(&["rev-parse", "main"]).unwrap(), second);
    assert_eq!(server.last_seen().fast_forward, [true]);
    // Two packs, no loose object: an accepted push is two files, forced to disk.
    let counted = server.bare().run(&["count-objects", "-v"]).unwrap();
    assert!(counted.contains("count: 0\n"), "{counted}");
    assert!(counted.contains("packs: 2\n"), "{counted}");
    server.assert_clean();
}

#[test]
fn a_forced_push_is_seen_as_one() {
    let server = Server::start();
    let work = server.work_tree("work");
    work.commit("first", &[("a.txt", "one")]).unwrap();
    let kept = work.commit("second", &[("a.txt", "two")]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    work.run(&["reset", "-q", "--hard", "HEAD~1"]).unwrap();
    work.commit("other", &[("a.txt", "three")]).unwrap();
    let said = work.try_run(&["push", "--force", "origin", "main"]).unwrap();
    assert!(!said.success);
    assert!(said.stderr.contains("not a fast-forward"), "{}", said.stderr);
    assert_eq!(server.last_seen().fast_forward, [false]);
    assert_eq!(server.bare().run(&["rev-parse", "main"]).unwrap(), kept);
    server.assert_clean();
}

#[test]
fn an_atomic_push_is_all_or_nothing() {
    let server = Server::start();
    let work = server.work_tree("work");
    work.commit("first", &[("a.txt", "one")]).unwrap();
    work.commit("second", &[("a.txt", "two")]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    work.run(&["branch", "side"]).unwrap();
    work.run(&["reset", "-q", "--hard", "HEAD~1"]).unwrap();
    work.commit("other", &[("a.txt", "three")]).unwrap();
    let atomic = ["push", "--atomic", "--force", "origin", "main", "side"];
    assert!(!work.try_run(&atomic).unwrap().success);
    assert!(server.last_seen().atomic);
    assert!(!server.bare().try_run(&["rev-parse", "--verify", "side"]).unwrap().success);
    let loose = ["push", "--force", "origin", "main", "side"];
    assert!(!work.try_run(&loose).unwrap().success);
    assert!(server.bare().try_run(&["rev-parse", "--verify", "side"]).unwrap().success);
    server.assert_clean();
}

#[test]
fn push_options_arrive_in_their_order() {
    let server = Server::start();
    let work = server.work_tree("work");
    work.commit("first", &[("a.txt", "one")]).unwrap();
    let push = ["push", "-q", "-o", "topic=login", "-o", "title=A b", "origin", "main"];
    work.run(&push).unwrap();
    assert_eq!(server.last_seen().options, ["topic=login", "title=A b"]);
}

#[test]
fn branches_are_deleted_and_a_thousand_refs_are_pushed() {
    let server = Server::start();
    let work = server.work_tree("work");
    let commit = work.commit("first", &[("a.txt", "one")]).unwrap();
    let refs: String = (0..1000).map(|n| format!("create refs/heads/b/{n} {commit}\n")).collect();
    std::fs::write(server.path("refs"), refs).unwrap();
    let mut command = work.command();
    command.args(["update-ref", "--stdin"]);
    command.stdin(std::fs::File::open(server.path("refs")).unwrap());
    assert!(command.status().unwrap().success());
    work.run(&["push", "-q", "origin", "main", "refs/heads/b/*:refs/heads/b/*"]).unwrap();
    assert_eq!(server.repository.references("refs/heads/b/").unwrap().len(), 1000);
    assert_eq!(work.run(&["ls-remote", "origin"]).unwrap().lines().count(), 1002);
    work.run(&["push", "-q", "origin", ":refs/heads/b/7"]).unwrap();
    assert_eq!(server.repository.references("refs/heads/b/").unwrap().len(), 999);
    server.assert_clean();
}

#[test]
fn a_large_chunked_push_arrives() {
    let server = Server::start();
    let work = server.work_tree("work").with("http.postBuffer", "65536");
    work.write("noise", noise(400_000)).unwrap();
    let commit = work.commit("noise", &[]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    assert_eq!(server.bare().run(&["rev-parse", "main"]).unwrap(), commit);
    assert_eq!(server.last_seen().largest_file, Some((String::new(), 400_000)));
    server.assert_clean();
}

#[test]
fn a_file_above_the_limit_is_named() {
    let server = Server::start();
    let work = server.work_tree("work");
    work.write("deep/large.bin", vec![0; 1_000_001]).unwrap();
    work.commit("large", &[]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let largest = server.last_seen().largest_file;
    assert_eq!(largest, Some(("deep/large.bin".into(), 1_000_001)));
}

#[test]
fn a_file_far_above_the_limit_is_stopped_before_it_is_received() {
    let server = Server::start();
    let work = server.work_tree("work").with("http.postBuffer", "65536");
    work.write("noise", noise(20_000_000)).unwrap();
    work.commit("noise", &[("small", "before")]).unwrap();
    let said = work.try_run(&["push", "origin", "main"]).unwrap();
    assert!(!said.success);
    assert!(said.stderr.contains("[file-too-large]"), "{}", said.stderr);
    assert!(said.stderr.contains("a file of 20000000 bytes"), "{}", said.stderr);
    // It was not received to its end: the caller never saw it.
    assert!(server.seen.lock().unwrap().is_empty());
    server.assert_clean();
}

#[test]
fn a_pack_above_the_limit_is_refused_with_a_reason() {
    let limits = ReceiveLimits { pack_bytes_max: 200_000, file_bytes_max: 1_000_000 };
    let server = Server::with_limits(limits);
    let work = server.work_tree("work").with("http.postBuffer", "65536");
    work.write("noise", noise(2_000_000)).unwrap();
    work.commit("noise", &[]).unwrap();
    let said = work.try_run(&["push", "origin", "main"]).unwrap();
    assert!(!said.success);
    assert!(said.stderr.contains("larger than the limit of 200000 bytes"), "{}", said.stderr);
    assert!(said.stderr.contains("pack-too-large"), "{}", said.stderr);
    assert!(server.repository.references("refs/").unwrap().is_empty());
    server.assert_clean();
}

#[test]
fn a_tree_with_a_git_folder_is_refused() {
    let server = Server::start();
    let work = server.work_tree("work");
    let blob = work.run(&["hash-object", "-w", "--stdin"]).unwrap();
    for name in [".git", ".GIT", "git~1", ".gi\u{200c}t"] {
        let tree = tree_with(&work, name, &blob);
        let commit = work.run(&["commit-tree", "-m", "evil", &tree]).unwrap();
        let said = work.try_run(&["push", "origin", &format!("{commit}:refs/heads/main")]).unwrap();
        assert!(!said.success, "{name} was taken");
        assert!(said.stderr.contains("dangerous-path"), "{name}: {}", said.stderr);
    }
    assert!(server.repository.references("refs/").unwrap().is_empty());
    server.assert_clean();
}

/// Bytes that no compression makes fewer.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn tree_with(work: &testkit::Git, name: &str, blob: &str) -> String {
    let mut content = format!("100644 {name}\0").into_bytes();
    let digits: Vec<u8> = blob.bytes().collect();
    for pair in digits.chunks(2) {
        let text = std::str::from_utf8(pair).unwrap();
        content.push(u8::from_str_radix(text, 16).unwrap());
    }
    work.write("tree", &content).unwrap();
    work.run(&["hash-object", "-t", "tree", "-w", "--literally", "tree"]).unwrap()
}

/// A request with this body; gives status line and body as text.
fn post(server: &Server, body: &[u8], length: usize) -> String {
    let address = server.url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /hello.git/git-receive-pack HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-git-receive-pack-request\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    if body.len() < length {
        return String::new();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn packet(text: &str) -> Vec<u8> {
    format!("{:04x}{text}", text.len() + 4).into_bytes()
}

/// A push of `main` with these bytes where the pack should be.
fn push_body(new: &str, pack: &[u8]) -> Vec<u8> {
    let zero = "0".repeat(40);
    let line = format!("{zero} {new} refs/heads/main\0report-status side-band-64k");
    [packet(&line), b"0000".to_vec(), pack.to_vec()].concat()
}

/// A good pack of one commit, and the commit.
fn good_pack(server: &Server) -> (String, Vec<u8>) {
    let work = server.work_tree("packed");
    let commit = work.commit("first", &[("a.txt", "one\n")]).unwrap();
    work.run(&["repack", "-q", "-a", "-d"]).unwrap();
    let folder = work.folder().join(".git/objects/pack");
    let pack = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pack = pack.filter(|path| path.extension().is_some_and(|end| end == "pack")).last();
    (commit, std::fs::read(pack.unwrap()).unwrap())
}

#[test]
fn a_corrupt_pack_leaves_nothing() {
    let server = Server::start();
    let (commit, pack) = good_pack(&server);
    let mut flipped = pack.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let cases: [(&str, Vec<u8>); 4] = [
        ("flipped", flipped),
        ("cut", pack[..pack.len() - 10].to_vec()),
        ("no pack", b"this is not a pack at all".to_vec()),
        ("empty", Vec::new()),
    ];
    for (name, bytes) in cases {
        let body = push_body(&commit, &bytes);
        let answer = post(&server, &body, body.len());
        assert!(answer.starts_with("HTTP/1.1 200"), "{name}: {answer}");
        assert!(answer.contains("corrupt-pack"), "{name}: {answer}");
        assert!(answer.contains("ng refs/heads/main"), "{name}: {answer}");
        assert!(server.repository.references("refs/").unwrap().is_empty(), "{name}");
        server.assert_clean();
    }
    // The same request with the good pack is taken, so that the cases fail for what they say.
    let body = push_body(&commit, &pack);
    let answer = post(&server, &body, body.len());
    assert!(answer.contains("ok refs/heads/main"), "{answer}");
}

#[test]
fn a_push_of_objects_that_are_not_there_is_refused() {
    let server = Server::start();
    let (_, pack) = good_pack(&server);
    let body = push_body(&"1".repeat(40), &pack);
    let answer = post(&server, &body, body.len());
    assert!(answer.contains("missing-objects"), "{answer}");
    server.assert_clean();
}

#[test]
fn a_broken_request_is_a_bad_request() {
    let server = Server::start();
    let zero = "0".repeat(40);
    let cases: [Vec<u8>; 4] = [
        b"zzzz".to_vec(),
        packet("what is this"),
        [packet(&format!("{zero} {zero} refs/heads/main\0atomic")), b"0001".to_vec()].concat(),
        packet(&format!("{zero} {} refs/heads/x\0push-cert", "1".repeat(40))),
    ];
    for body in cases {
        let answer = post(&server, &body, body.len());
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    server.assert_clean();
}

#[test]
fn a_client_that_dies_in_the_middle_leaves_nothing() {
    let server = Server::start();
    let (commit, pack) = good_pack(&server);
    let body = push_body(&commit, &pack);
    for end in [20, 120, body.len() - 1] {
        post(&server, &body[..end], body.len());
    }
    server.assert_clean();
    assert!(server.repository.references("refs/").unwrap().is_empty());
    let answer = post(&server, &body, body.len());
    assert!(answer.contains("ok refs/heads/main"), "{answer}");
}

#[test]
fn refs_move_together_or_not_at_all() {
    let server = Server::start();
    let work = server.work_tree("work");
    let first = work.commit("first", &[("a.txt", "one")]).unwrap();
    let second = work.commit("second", &[("a.txt", "two")]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let id = |text: &str| Some(ledger::ObjectId::new(text).unwrap());
    let change = |name: &str, old, new| RefChange { name: RefName::new(name).unwrap(), old, new };
    let lost = server.repository.update_refs(&[
        change("refs/heads/new", None, id(&first)),
        change("refs/heads/main", id(&first), id(&second)),
    ]);
    let Err(RefUpdateError::Race { name, actual, .. }) = lost else { panic!("{lost:?}") };
    assert_eq!((name, actual), (main_branch(), id(&second)));
    assert!(server.repository.resolve(&RefName::new("refs/heads/new").unwrap()).unwrap().is_none());
    let taken = server.repository.update_refs(&[change("refs/heads/main/x", None, id(&first))]);
    assert!(matches!(taken, Err(RefUpdateError::NameTaken { .. })), "{taken:?}");
    let both = [
        change("refs/heads/new", None, id(&first)),
        change("refs/heads/main", id(&second), id(&first)),
    ];
    server.repository.update_refs(&both).unwrap();
    assert_eq!(
        server.bare().run(&["rev-parse", "main", "new"]).unwrap(),
        format!("{first}\n{first}")
    );
    server.repository.update_refs(&[change("refs/heads/new", id(&first), None)]).unwrap();
    assert_eq!(server.repository.references("refs/heads/").unwrap().len(), 1);
}

#[test]
fn what_a_killed_process_left_is_removed_at_the_next_start() {
    let server = Server::start();
    let left = server.path("store/quarantines/objects-left/objects/pack");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("tmp_pack_x"), "half").unwrap();
    std::fs::write(server.repository.path().join("refs/heads/main.lock"), "").unwrap();
    let recovered = server.store.recover().unwrap();
    assert_eq!((recovered.quarantines, recovered.locks), (1, 1));
    let work = server.work_tree("work");
    work.commit("first", &[("a.txt", "one")]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    server.assert_clean();
}
