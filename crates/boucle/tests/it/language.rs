//! What the server says is in the language of who asks: a request's, a command's, git's.

use std::path::Path;

use crate::git::{commit, git, works};
use crate::harness::{Server, command, run};
use crate::http::send;

#[test]
fn a_refused_merge_is_explained_in_the_language_of_who_asks() {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let (server, address) = with_a_change(data.path(), work.path());
    works(work.path(), &["push", "--quiet", &address, "HEAD:refs/for/main"]);

    let token = std::fs::read_to_string(data.path().join("token")).expect("a token");
    let bearer = format!("Bearer {}", token.trim());
    for (accepted, language, title, detail, message, who) in [
        (
            "en-GB, fr;q=0.5",
            "en",
            "The pull request cannot be merged yet",
            "#1 waits for one thing",
            "it has 0 of 1 approvals by people other than its author; ask for a review",
            "somebody else who may write",
        ),
        (
            "de, fr-CA;q=0.8, en;q=0.5",
            "fr",
            "La demande ne peut pas encore être fusionnée",
            "la demande de changement nº\u{a0}1 attend une chose",
            "elle a 0 approbation sur 1 par d’autres que son auteur\u{202f}; demandez une relecture",
            "une autre personne qui peut écrire",
        ),
    ] {
        let headers = [("Authorization", bearer.as_str()), ("Accept-Language", accepted)];
        let path = "/api/v1/repositories/me/one/pull-requests/1/merge";
        let refused = send(&server, "POST", path, &headers, "{}");
        let problem = refused.json();
        assert_eq!((refused.status, problem["code"].as_str()), (409, Some("not-ready")));
        assert_eq!(problem["title"], title);
        assert_eq!(problem["detail"], detail);
        assert_eq!(problem["reasons"][0]["code"], "approvals-missing");
        assert_eq!(problem["reasons"][0]["message"], message);
        assert_eq!(problem["reasons"][0]["who"], who);
        let head = refused.head.to_lowercase();
        assert!(head.contains(&format!("content-language: {language}\r\n")), "{head}");
        assert!(head.contains("vary: accept-language"), "{head}");

        let line = ["--lang", language, "pr", "merge", "me/one", "1"];
        let merged = run(command(data.path()).args(line));
        assert_eq!(merged.code, 3, "{}{}", merged.out, merged.err);
        assert!(merged.err.contains(detail) && merged.err.contains(message), "{}", merged.err);
    }
}

#[test]
fn gits_own_language_reaches_the_reasons_of_a_push() {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let (server, address) = with_a_change(data.path(), work.path());
    let french = format!("http.{}.extraHeader=Accept-Language: fr", server.url());
    let refused = git(work.path(), &["-c", &french, "push", &address, "main"]);
    assert!(refused.err.contains("main est protégée\u{202f}; proposez"), "{}", refused.err);
    let refused = git(work.path(), &["push", &address, "main"]);
    assert!(refused.err.contains("main is protected; propose"), "{}", refused.err);
    // The ledger keeps one language, whatever was asked in.
    let facts = server.boucle(&["audit", "list", "--kind", "repositories.push_refused"]).json();
    let facts = facts.to_string();
    assert_eq!(facts.matches("main is protected; propose").count(), 2, "{facts}");
    assert!(!facts.contains("protégée"), "{facts}");
}

#[test]
fn what_is_nowhere_and_how_the_server_is_are_said_in_french_too() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let missing = send(&server, "GET", "/api/v1/nowhere", &[("Accept-Language", "fr")], "");
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["title"], "Rien de ce nom, ou pas pour ce jeton");
    let doctor = run(command(data.path()).args(["--lang", "fr", "doctor"]));
    assert!(doctor.out.contains("écrit et signé"), "{}{}", doctor.out, doctor.err);
    let bare = send(&server, "GET", "/api/v1/nowhere", &[], "");
    assert_eq!(bare.json()["title"], "There is no such thing, or it is not yours to see");
}

/// A server with `me/one`, whose default branch is protected, and a change that is not pushed yet.
fn with_a_change(data: &Path, work: &Path) -> (Server, String) {
    let server = Server::start(data, &[]);
    assert_eq!(server.boucle(&["repo", "create", "me/one"]).code, 0);
    let address = server.address("me/one");
    works(work, &["init", "--quiet", "--initial-branch", "main"]);
    commit(work, "boucle.yaml", "version: 1\nreview:\n  requiredApprovals: 1\n");
    works(work, &["push", "--quiet", &address, "main"]);
    commit(work, "change.txt", "one\n");
    (server, address)
}
