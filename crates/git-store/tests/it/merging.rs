//! Merges and reverts, beside what `git` makes of the same commits.

use git_store::{MergeOutcome, MergeRequest, RevertOutcome, Signature};
use ledger::{CommitId, Timestamp};
use repositories::policy::MergeMethod;
use testkit::Git;

use crate::server::Server;

fn id(text: &str) -> CommitId {
    CommitId::new(text).unwrap()
}

fn robot() -> Signature {
    Signature {
        name: "Boucle".into(),
        email: "b@example.test".into(),
        at: Timestamp(1_767_323_045_000),
    }
}

fn request(base: &str, head: &str, method: MergeMethod) -> MergeRequest {
    let (author, committer) = (robot(), robot());
    MergeRequest {
        base: id(base),
        head: id(head),
        method,
        message: "Merge".into(),
        author,
        committer,
    }
}

/// `main` and `side`, which both go on from one commit; gives their tips.
fn diverged(work: &Git, conflict: bool) -> (String, String) {
    let text: String = (0..30).map(|line| format!("line {line}\n")).collect();
    work.commit("first", &[("a.txt", &text), ("keep.txt", "k\n")]).unwrap();
    work.run(&["checkout", "-q", "-b", "side"]).unwrap();
    work.commit("one", &[("a.txt", &text.replace("line 3\n", "side 3\n"))]).unwrap();
    let side = work.commit("two", &[("b.txt", "new\n")]).unwrap();
    work.run(&["checkout", "-q", "main"]).unwrap();
    let line = if conflict { "line 3\n" } else { "line 25\n" };
    let main = work.commit("other", &[("a.txt", &text.replace(line, "main\n"))]).unwrap();
    work.run(&["push", "-q", "origin", "main", "side"]).unwrap();
    (main, side)
}

/// The parents of a commit of the server, and its files.
fn shape(server: &Server, commit: &CommitId) -> (usize, String) {
    server.repository.check().unwrap();
    let info = server.repository.commit(commit).unwrap();
    (info.parents.len(), info.tree.to_string())
}

fn merged(outcome: MergeOutcome) -> CommitId {
    let MergeOutcome::Merged { commit, .. } = outcome else { panic!("{outcome:?}") };
    commit
}

#[test]
fn each_method_gives_the_tree_that_git_gives() {
    let server = Server::start();
    let work = server.work_tree("work");
    let (main, side) = diverged(&work, false);
    work.run(&["merge", "-q", "--no-edit", "side"]).unwrap();
    let tree = work.run(&["rev-parse", "HEAD^{tree}"]).unwrap();
    for (method, parents) in
        [(MergeMethod::Merge, 2), (MergeMethod::Squash, 1), (MergeMethod::Rebase, 1)]
    {
        let commit = merged(server.repository.merge(&request(&main, &side, method)).unwrap());
        assert_eq!(shape(&server, &commit), (parents, tree.clone()), "{method:?}");
    }
    assert!(server.repository.conflicts(&id(&main), &id(&side)).unwrap().is_empty());
    server.assert_clean();
}

#[test]
fn a_rebase_keeps_authors_and_messages() {
    let server = Server::start();
    let work = server.work_tree("work");
    let (main, side) = diverged(&work, false);
    let commit =
        merged(server.repository.merge(&request(&main, &side, MergeMethod::Rebase)).unwrap());
    let log = server.repository.log(&commit, &[id(&main)], 0, 10).unwrap();
    let titles: Vec<&str> = log.commits.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(titles, ["two", "one"]);
    assert_eq!(log.commits[0].author.name, "Author");
    assert_eq!(log.commits[0].committer.name, "Boucle");
}

#[test]
fn conflicts_name_their_paths_and_leave_nothing() {
    let server = Server::start();
    let work = server.work_tree("work");
    let (main, side) = diverged(&work, true);
    for method in [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase] {
        let outcome = server.repository.merge(&request(&main, &side, method)).unwrap();
        assert_eq!(outcome, MergeOutcome::Conflicts { paths: vec!["a.txt".into()] }, "{method:?}");
    }
    assert_eq!(server.repository.conflicts(&id(&main), &id(&side)).unwrap(), ["a.txt"]);
    server.assert_clean();
}

#[test]
fn a_head_that_is_ahead_needs_no_merge_of_trees() {
    let server = Server::start();
    let work = server.work_tree("work");
    let first = work.commit("first", &[("a", "1")]).unwrap();
    let second = work.commit("second", &[("a", "2")]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let repository = &server.repository;
    let rebased = repository.merge(&request(&first, &second, MergeMethod::Rebase)).unwrap();
    assert_eq!(merged(rebased), id(&second));
    let commit = merged(repository.merge(&request(&first, &second, MergeMethod::Merge)).unwrap());
    assert_eq!(repository.tree_of(&commit).unwrap(), repository.tree_of(&id(&second)).unwrap());
    let nothing = repository.merge(&request(&second, &first, MergeMethod::Merge)).unwrap();
    assert_eq!(nothing, MergeOutcome::NothingToMerge);
}

#[test]
fn a_revert_takes_one_commit_back_and_keeps_later_ones() {
    let server = Server::start();
    let work = server.work_tree("work");
    let text: String = (0..30).map(|line| format!("line {line}\n")).collect();
    work.commit("first", &[("a", &text)]).unwrap();
    let bad = work.commit("bad", &[("a", &text.replace("line 3\n", "bad\n"))]).unwrap();
    let both = text.replace("line 3\n", "bad\n").replace("line 25\n", "good\n");
    let later = work.commit("later", &[("a", &both)]).unwrap();
    let on_top = work.commit("on top", &[("a", &both.replace("bad\n", "worse\n"))]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let revert = |bad: &str, onto: &str| {
        server.repository.revert(&id(bad), &id(onto), "Revert", &robot(), &robot()).unwrap()
    };
    let RevertOutcome::Reverted { commit, .. } = revert(&bad, &later) else { panic!() };
    let content = server.repository.file(&commit, "a", 10_000).unwrap().unwrap();
    assert_eq!(String::from_utf8(content).unwrap(), text.replace("line 25\n", "good\n"));
    let conflict = RevertOutcome::Conflicts { paths: vec!["a".into()] };
    assert_eq!(revert(&bad, &on_top), conflict);
    assert_eq!(revert(&bad, commit.as_str()), RevertOutcome::NothingToRevert);
    server.assert_clean();
}
