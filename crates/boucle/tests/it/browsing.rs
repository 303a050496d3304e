//! Reading a repository through the interface, changing it in the page, and merging when ready.

use serde_json::{Value, json};

use crate::git::{commit, works};
use crate::harness::{Server, wait_for};
use crate::http::{Answer, send};

struct Hosted {
    server: Server,
    token: String,
    _data: tempfile::TempDir,
    work: tempfile::TempDir,
}

impl Hosted {
    fn new(files: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let work = tempfile::tempdir().expect("a folder");
        let server = Server::start(data.path(), &[]);
        assert_eq!(server.boucle(&["repo", "create", "me/one"]).code, 0);
        works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
        for (path, text) in files {
            let parent = work.path().join(path).parent().map(std::path::Path::to_path_buf);
            std::fs::create_dir_all(parent.expect("a folder")).expect("it is made");
            commit(work.path(), path, text);
        }
        works(work.path(), &["push", "--quiet", &server.address("me/one"), "main"]);
        let token = std::fs::read_to_string(data.path().join("token")).expect("a token");
        Self { server, token: format!("Bearer {}", token.trim()), _data: data, work }
    }

    fn ask(&self, method: &str, rest: &str, body: &Value) -> Answer {
        let path = format!("/api/v1/repositories/me/one{rest}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(&self.server, method, &path, &[("Authorization", &self.token)], &body)
    }

    fn get(&self, rest: &str) -> Answer {
        self.ask("GET", rest, &Value::Null)
    }
}

#[test]
fn folders_files_authors_and_texts_are_shown() {
    let long = "x".repeat(2_000_000);
    let hosted = Hosted::new(&[
        ("README.md", "# One\n<script>alert(1)</script>\n"),
        ("src/a.txt", "alpha\nbeta\n"),
        ("src/large.txt", &long),
        ("src/a.txt", "alpha\ngamma\n"),
    ]);
    let root = hosted.get("/folder").json();
    let names: Vec<&str> = root["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|entry| entry["name"].as_str())
        .collect();
    assert_eq!(names, ["src", "README.md"]);
    assert_eq!(root["readme"]["path"], "README.md");
    let file = hosted.get("/file?path=src/a.txt").json();
    assert_eq!(file["text"], "alpha\ngamma\n");
    let large = hosted.get("/file?path=src/large.txt").json();
    assert_eq!((&large["without_text"], &large["text"]), (&json!("too_large"), &Value::Null));
    let raw = hosted.get("/raw?path=README.md");
    assert!(raw.head.contains("attachment") && raw.head.contains("nosniff"), "{}", raw.head);
    let blame = hosted.get("/blame?path=src/a.txt").json();
    assert_eq!(blame["spans"].as_array().map(Vec::len), Some(2), "{blame}");
    let history = hosted.get("/commits?path=src/a.txt").json();
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2), "{history}");
    let found = hosted.get("/search?text=GAMMA").json();
    assert_eq!(
        (&found["matches"][0]["path"], &found["matches"][0]["line"]),
        (&json!("src/a.txt"), &json!(2))
    );
    let branches = hosted.get("/references").json();
    assert_eq!(
        (&branches["items"][0]["name"], &branches["items"][0]["default"]),
        (&json!("main"), &json!(true))
    );
    for (rest, status) in [
        ("/file?path=../../etc/passwd", 404),
        ("/file?path=nothing", 404),
        ("/folder?revision=nothing", 404),
        ("/search?text=x", 400),
        ("/references?kind=other", 400),
    ] {
        assert_eq!(hosted.get(rest).status, status, "{rest}");
    }
}

#[test]
fn an_edit_in_the_page_is_a_pull_request_and_the_slower_of_two_is_told() {
    let hosted = Hosted::new(&[("boucle.yaml", "version: 1\nreview:\n  requiredApprovals: 1\n")]);
    let object = hosted.get("/file?path=boucle.yaml").json()["object"].clone();
    let edit = |text: &str| {
        json!({"title": "Change the rules", "edits": [
            {"path": "boucle.yaml", "text": text, "expected_object": object}]})
    };
    let opened =
        hosted.ask("POST", "/edits", &edit("version: 1\nreview:\n  requiredApprovals: 2\n"));
    assert_eq!(opened.status, 200, "{opened:?}");
    assert_eq!(opened.json()["number"], 1);

    // Whoever wished for the merge gets it when the approval is there.
    let wished = hosted.ask("POST", "/pull-requests/1/merge", &json!({"when_ready": true}));
    assert_eq!(wished.json()["queued"]["by"], "person:owner", "{wished:?}");
    let made = hosted.server.boucle(&["token", "create", "colleague"]).json();
    let colleague = made["token"].as_str().expect("a token");
    let approved = hosted.server.boucle_as(colleague, &["pr", "approve", "me/one", "1"]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    wait_for("the merge", || hosted.get("/pull-requests/1").json()["state"] == "merged");

    let late = hosted.ask("POST", "/edits", &edit("version: 1\n"));
    assert_eq!((late.status, late.code().as_str()), (409, "moved-on"), "{late:?}");
    let escape = json!({"title": "x", "edits": [{"path": "../x", "text": "x"}]});
    assert!((400..500).contains(&hosted.ask("POST", "/edits", &escape).status));
}

#[test]
fn a_new_patch_set_ends_the_wish_to_merge() {
    let hosted = Hosted::new(&[("boucle.yaml", "version: 1\nreview:\n  requiredApprovals: 1\n")]);
    let address = hosted.server.address("me/one");
    commit(hosted.work.path(), "change.txt", "one\n");
    works(hosted.work.path(), &["push", "--quiet", &address, "HEAD:refs/for/main"]);
    let wished = hosted.ask("POST", "/pull-requests/1/merge", &json!({"when_ready": true}));
    assert!(wished.json()["queued"].is_object(), "{wished:?}");
    commit(hosted.work.path(), "change.txt", "two\n");
    works(hosted.work.path(), &["push", "--quiet", &address, "HEAD:refs/for/main"]);
    wait_for("the end of the wish", || {
        let number = hosted.get("/pull-requests").json()["items"].as_array().map_or(0, Vec::len);
        let one = hosted.get("/pull-requests/1").json();
        number > 1 || one["queued"].is_null()
    });
}

#[test]
fn a_patch_set_from_the_page_is_compared_with_the_one_before() {
    let hosted = Hosted::new(&[
        ("boucle.yaml", "version: 1\nreview:\n  requiredApprovals: 1\n"),
        ("a.txt", "one\ntwo\nthree\n"),
        ("b.txt", "one\n"),
    ]);
    let address = hosted.server.address("me/one");
    commit(hosted.work.path(), "a.txt", "one\nTWO\nthree\n");
    works(hosted.work.path(), &["push", "--quiet", &address, "HEAD:refs/heads/change"]);
    let opened = hosted.ask("POST", "/pull-requests", &json!({"head": "change", "title": "Two"}));
    let first = opened.json();
    assert_eq!(first["source"], "change", "{first}");

    let file = format!("/file?path=a.txt&revision={}", first["head"].as_str().expect("a head"));
    let object = hosted.get(&file).json()["object"].clone();
    let amend = |head: &Value, path: &str, object: &Value, text: &str| {
        let edits = json!([{"path": path, "text": text, "expected_object": object}]);
        let body = json!({"title": "Apply a suggestion", "expected_head": head, "edits": edits});
        hosted.ask("POST", "/pull-requests/1/edits", &body)
    };
    let amended = amend(&first["head"], "a.txt", &object, "one\nTWO\nTHREE\n").json();
    assert_eq!(amended["patch_set"], 2, "{amended}");
    let branches = hosted.get("/references").json();
    let of_change = |one: &&Value| one["name"] == "change";
    let change = branches["items"].as_array().expect("branches").iter().find(of_change);
    assert_eq!(change.expect("the branch")["commit"]["id"], amended["head"], "{branches}");

    let changed = |rest: &str| {
        let difference = hosted.get(&format!("/pull-requests/1/difference{rest}")).json();
        let files = difference["files"].as_array().expect("files").iter();
        let unified: Vec<String> =
            files.filter_map(|file| file["unified"].as_str()).map(str::to_owned).collect();
        (unified.join(""), difference["includes_target"].clone())
    };
    assert!(changed("").0.contains("+TWO"));
    let (since, _) = changed("?from_patch_set=1");
    assert!(since.contains("+THREE") && !since.contains("+TWO"), "{since}");

    // What the target brought meanwhile is not what the author changed.
    works(hosted.work.path(), &["fetch", "--quiet", &address, "change"]);
    works(hosted.work.path(), &["checkout", "--quiet", "-b", "beside", "HEAD~1"]);
    commit(hosted.work.path(), "b.txt", "one\ntwo\n");
    works(hosted.work.path(), &["push", "--quiet", &address, "HEAD:refs/heads/beside"]);
    hosted.ask("POST", "/pull-requests", &json!({"head": "beside"}));
    let made = hosted.server.boucle(&["token", "create", "colleague"]).json();
    let colleague = made["token"].as_str().expect("a token");
    hosted.server.boucle_as(colleague, &["pr", "approve", "me/one", "2"]);
    assert_eq!(hosted.server.boucle(&["pr", "merge", "me/one", "2"]).code, 0);
    works(hosted.work.path(), &["fetch", "--quiet", &address, "main"]);
    works(hosted.work.path(), &["checkout", "--quiet", "--detach", "FETCH_HEAD"]);
    works(hosted.work.path(), &["fetch", "--quiet", &address, "change"]);
    works(hosted.work.path(), &["merge", "--quiet", "--no-edit", "FETCH_HEAD"]);
    works(hosted.work.path(), &["push", "--quiet", &address, "HEAD:refs/heads/change"]);
    assert_eq!(hosted.get("/pull-requests/1").json()["patch_set"], 3);
    assert_eq!(changed("?from_patch_set=2"), (String::new(), json!(false)));
    assert!(changed("?from_patch_set=1").0.contains("+THREE"));

    for (head, path, object, status, code) in [
        (&first["head"], "a.txt", &object, 409, "moved-on"),
        (&json!("0".repeat(40)), "a.txt", &object, 409, "moved-on"),
        (&json!("main"), "a.txt", &object, 422, "invalid-name"),
    ] {
        let refused = amend(head, path, object, "x\n");
        assert_eq!((refused.status, refused.code().as_str()), (status, code), "{refused:?}");
    }
    let now = hosted.get("/pull-requests/1").json()["head"].clone();
    assert_eq!(amend(&now, "a.txt", &object, "x\n").code(), "moved-on");
    assert_eq!(hosted.get("/pull-requests/1/difference?from_patch_set=9").status, 404);
}

#[test]
fn answers_are_compressed_for_who_understands_it_and_streams_are_not() {
    let hosted = Hosted::new(&[("a.txt", &"one line as the other\n".repeat(200))]);
    let ask = |path: &str, accepts: &str| {
        let headers = [("Authorization", hosted.token.as_str()), ("Accept-Encoding", accepts)];
        crate::http::head_of(&hosted.server, path, &headers).to_lowercase()
    };
    let file = "/api/v1/repositories/me/one/file?path=a.txt";
    assert!(ask(file, "gzip").contains("content-encoding: gzip"));
    assert!(!ask(file, "identity").contains("content-encoding"));
    assert!(!ask("/api/v1/events", "gzip").contains("content-encoding"));
}
