//! Sets that make applications of the repositories of the server and of open pull requests.

use serde_json::Value;

use crate::git::{git, works};
use crate::harness::wait_for;
use crate::kubernetes::{CONFIG_MAP, World};
use crate::projects::Local;

fn map(name: &str) -> String {
    CONFIG_MAP.replace("settings", name)
}

/// A set whose applications are told apart by a text of their generator's parameters.
fn set(generators: &str, name: &str, source: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: generated}}
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators: [{generators}]
  template:
    metadata: {{name: '{name}'}}
    spec:
      source: {source}
      destination: {{name: local, namespace: '{name}'}}
      syncPolicy: {{automated: {{prune: true}}}}
"
    )
}

const PULL_REQUESTS: &str = "{pullRequest: {gitea: {owner: me, repo: one}}}";
const HEAD: &str = "{repoURL: me/one, path: deploy, targetRevision: '{{.head_sha}}'}";

impl Local {
    fn has_map(&self, application: &str, name: &str) -> bool {
        let shown = self.server.boucle(&["app", "show", application]);
        shown.code == 0 && self.is_synced(application) && {
            let names = shown.json()["resources"].to_string();
            names.contains(&format!("\"name\":\"{name}\""))
        }
    }

    /// Pushes what is in the folder by hand, as whoever holds the token.
    fn push(&self, token: Option<&str>, reference: &str, options: &[&str]) {
        works(self.work.path(), &["add", "--all"]);
        works(self.work.path(), &["commit", "--quiet", "--allow-empty", "--message", "change"]);
        let own = self.server.address("me/one");
        let address = match token {
            None => own,
            Some(token) => {
                let (scheme, rest) = own.split_once("://").expect("an address");
                let place = rest.split_once('@').expect("a token").1;
                format!("{scheme}://x:{token}@{place}")
            }
        };
        let refspec = format!("HEAD:{reference}");
        let options = options.iter().flat_map(|option| ["-o", option]);
        let line: Vec<&str> = ["push", "--quiet"].into_iter().chain(options).collect();
        works(self.work.path(), &[&line[..], &[&address, &refspec]].concat());
    }

    fn to(&self, branch: &str) {
        let address = self.server.address("me/one");
        works(self.work.path(), &["fetch", "--quiet", &address, branch]);
        works(self.work.path(), &["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    }

    fn head(&self) -> String {
        git(self.work.path(), &["rev-parse", "HEAD"]).out.trim().to_owned()
    }

    fn done(&self) {
        assert_eq!(self.server.boucle(&["audit", "verify"]).code, 0);
        let rebuilt = self.server.boucle(&["admin", "rebuild-views"]);
        assert_eq!(rebuilt.code, 0, "{}{}", rebuilt.out, rebuilt.err);
    }
}

#[test]
fn a_pull_request_is_deployed_while_it_is_open() {
    let set = set(PULL_REQUESTS, "pr-{{.number}}", HEAD);
    let local = Local::new(&[("apps/set.yaml", &set), ("deploy/map.yaml", &map("main"))]);
    local.write("deploy/map.yaml", &map("first"));
    local.push(None, "refs/for/main", &["topic=one"]);
    wait_for("the head", || local.has_map("pr-1", "first"));
    let shown = local.application("pr-1").expect("it is there");
    assert_eq!(shown["revision"], local.head());
    // The next version follows, and the page of the pull request has its application.
    local.write("deploy/map.yaml", &map("second"));
    local.push(None, "refs/for/main", &["topic=one"]);
    wait_for("the new head", || local.has_map("pr-1", "second"));
    let pull_request = local.server.boucle(&["pr", "show", "me/one", "1"]).json();
    assert_eq!(pull_request["previews"], serde_json::json!(["pr-1"]), "{pull_request}");
    // One of two is half, and both at once are more: they are closed, and so they go.
    local.to("main");
    local.write("deploy/map.yaml", &map("third"));
    local.push(None, "refs/for/main", &["topic=two"]);
    wait_for("another one", || local.has_map("pr-2", "third"));
    assert_eq!(local.server.boucle(&["pr", "close", "me/one", "1"]).code, 0);
    assert_eq!(local.server.boucle(&["pr", "merge", "me/one", "2"]).code, 0);
    wait_for("their end", || {
        local.application("pr-1").is_none() && local.application("pr-2").is_none()
    });
    local.done();
}

#[test]
fn a_branch_of_a_pull_request_is_followed_and_filters_choose() {
    let generator = "{pullRequest: {github: {owner: me, repo: one}, \
                     filters: [{branchMatch: ^feature/}]}}";
    let source = "{repoURL: me/one, path: deploy, targetRevision: '{{.branch}}'}";
    let set = set(generator, "pr-{{.branch_slug}}", source);
    let local = Local::new(&[("apps/set.yaml", &set), ("deploy/map.yaml", &map("main"))]);
    for branch in ["feature/Basket_of", "other"] {
        local.to("main");
        local.write("deploy/map.yaml", &map(&branch.replace(['/', '_'], "-").to_lowercase()));
        local.push(None, &format!("refs/heads/{branch}"), &[]);
        let opened = local.server.boucle(&["pr", "open", "me/one", "--head", branch]);
        assert_eq!(opened.code, 0, "{}{}", opened.out, opened.err);
    }
    wait_for("the branch", || local.has_map("pr-feature-basket-of", "feature-basket-of"));
    assert!(local.application("pr-other").is_none());
    local.to("feature/Basket_of");
    local.write("deploy/map.yaml", &map("later"));
    local.push(None, "refs/heads/feature/Basket_of", &[]);
    wait_for("the push", || local.has_map("pr-feature-basket-of", "later"));
    // What is proposed is compared with itself, not with the pull request's own application.
    let consequences = local.server.boucle(&["pr", "show", "me/one", "2"]).json();
    assert_eq!(consequences["readiness"]["ready"], true, "{consequences}");
    local.done();
}

#[test]
fn what_comes_from_somebody_who_may_not_write_is_left_out_and_said_so() {
    let set = set(PULL_REQUESTS, "pr-{{.number}}", HEAD);
    let local = Local::new(&[("apps/set.yaml", &set), ("deploy/map.yaml", &map("main"))]);
    let made = local.server.boucle(&["token", "create", "kim"]).json();
    let token = made["token"].as_str().expect("a token");
    local.write("deploy/map.yaml", &map("kims"));
    local.push(Some(token), "refs/for/main", &["topic=one"]);
    wait_for("the head", || local.has_map("pr-1", "kims"));
    let id = made["id"].as_str().expect("an id");
    let revoked = local.server.boucle(&["token", "revoke", id]);
    assert_eq!(revoked.code, 0, "{}{}", revoked.out, revoked.err);
    wait_for("its end", || local.application("pr-1").is_none());
    let said = |value: &Value| {
        let text = value.to_string();
        assert!(text.contains("pull-request-left-out"), "{text}");
        assert!(text.contains("person:kim") && text.contains("apps/set.yaml"), "{text}");
    };
    said(&local.server.boucle(&["repo", "show", "me/one"]).json()["configuration_problems"]);
    said(&local.server.boucle(&["pr", "show", "me/one", "1"]).json()["left_out"]);
    // It stands in nobody's way.
    local.to("main");
    local.write("deploy/map.yaml", &map("mine"));
    local.push(None, "refs/for/main", &["topic=two"]);
    wait_for("mine", || local.has_map("pr-2", "mine"));
    assert_eq!(local.server.boucle(&["pr", "merge", "me/one", "2"]).code, 0);
    wait_for("its end", || local.application("pr-2").is_none());
    local.done();
}

#[test]
fn the_objects_of_a_pull_request_go_with_it_also_after_a_kill() {
    let world = World::with(
        |name| {
            let set = set(
                "{pullRequest: {gitea: {owner: me, repo: east}}}",
                &format!("{name}-{{{{.number}}}}"),
                "{repoURL: me/east, path: deploy, targetRevision: '{{.head_sha}}'}",
            );
            let own = format!("namespace: '{name}-{{{{.number}}}}'");
            let set = set.replace(&own, &format!("namespace: {name}"));
            vec![("set.yaml", set.replace("name: local", "name: boucle-test"))]
        },
        &[("map.yaml", CONFIG_MAP)],
    );
    world.write("deploy/map.yaml", &map("preview"));
    works(world.folder(), &["add", "--all"]);
    works(world.folder(), &["commit", "--quiet", "--message", "preview"]);
    let address = world.server.address("me/east");
    works(world.folder(), &["push", "--quiet", &address, "HEAD:refs/for/main"]);
    wait_for("its map", || world.get("configmaps", "preview").is_some());
    assert_eq!(world.server.boucle(&["pr", "close", "me/east", "1"]).code, 0);
    let world = world.restart();
    wait_for("the end of its map", || world.get("configmaps", "preview").is_none());
    let name = format!("{}-1", world.name());
    wait_for("its end", || world.server.boucle(&["app", "show", &name]).code != 0);
    assert_eq!(world.server.boucle(&["audit", "verify"]).code, 0);
}

#[test]
fn repositories_of_an_owner_come_and_go_with_what_they_consent_to() {
    let generator = "{scmProvider: {gitea: {owner: shop}, filters: [{pathsExist: [deploy]}]}}";
    let source = "{repoURL: '{{.url}}', path: deploy, targetRevision: '{{.branch}}'}";
    let set = set(generator, "shop-{{.repository}}", source);
    let local = Local::new(&[]);
    let fill = |name: &str, boucle: Option<&str>| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = "deploy";
        std::fs::create_dir_all(folder.path().join(path)).expect("a folder");
        let write = |file: &str, text: &str| {
            std::fs::write(folder.path().join(file), text).expect("it is written");
        };
        boucle.into_iter().for_each(|text| write("boucle.yaml", text));
        write(&format!("{path}/map.yaml"), &map(name.trim_start_matches("shop/")));
        works(folder.path(), &["init", "--quiet", "--initial-branch", "main"]);
        works(folder.path(), &["add", "--all"]);
        works(folder.path(), &["commit", "--quiet", "--message", "begin"]);
        let address = local.server.address(name);
        works(folder.path(), &["push", "--quiet", &address, "HEAD:main"]);
        folder
    };
    let make = |name: &str, more: &[&str]| {
        let line = [&["repo", "create", name], more].concat();
        assert_eq!(local.server.boucle(&line).code, 0, "{line:?}");
    };
    make("shop/api", &[]);
    fill("shop/api", Some("version: 1\nsourceOf: [me/one]\n"));
    make("shop/hidden", &[]);
    fill("shop/hidden", Some("version: 1\n"));
    make("shop/empty", &["--public"]);
    local.write("apps/set.yaml", &set);
    local.merge("1");
    wait_for("the first", || local.has_map("shop-api", "api"));
    make("shop/web", &["--public"]);
    let web = fill("shop/web", None);
    wait_for("the new one", || local.has_map("shop-web", "web"));
    for name in ["shop-hidden", "shop-empty"] {
        assert!(local.application(name).is_none(), "{name}");
    }
    // Without the folder it is none of them any more.
    works(web.path(), &["mv", "deploy", "other"]);
    works(web.path(), &["commit", "--quiet", "--message", "moved"]);
    let address = local.server.address("shop/web");
    works(web.path(), &["push", "--quiet", &address, "HEAD:main"]);
    wait_for("its end", || local.application("shop-web").is_none());
    assert!(local.has_map("shop-api", "api"));
    local.done();
}

#[test]
fn files_of_another_repository_are_followed() {
    let generator = "{git: {repoURL: me/list, revision: main, files: [{path: '*.yaml'}]}}";
    let source = "{repoURL: me/one, path: '{{.folder}}', targetRevision: main}";
    let set = set(generator, "app-{{.name}}", source);
    let local = Local::new(&[("deploy/map.yaml", &map("one"))]);
    local.write("apps/set.yaml", &set);
    local.propose("1");
    let refused = local.server.boucle(&["pr", "show", "me/one", "1"]).json();
    assert!(refused["readiness"].to_string().contains("me/list is not there"), "{refused}");
    assert_eq!(local.server.boucle(&["repo", "create", "me/list", "--public"]).code, 0);
    let list = tempfile::tempdir().expect("a folder");
    works(list.path(), &["init", "--quiet", "--initial-branch", "main"]);
    let push = |name: &str| {
        let text = format!("name: {name}\nfolder: deploy\n");
        crate::git::commit(list.path(), &format!("{name}.yaml"), &text);
        let address = local.server.address("me/list");
        works(list.path(), &["push", "--quiet", &address, "HEAD:main"]);
    };
    push("first");
    let merged = local.server.boucle(&["pr", "merge", "me/one", "1"]);
    assert_eq!(merged.code, 0, "{}{}", merged.out, merged.err);
    wait_for("the first", || local.has_map("app-first", "one"));
    push("second");
    wait_for("the second", || local.has_map("app-second", "one"));
    local.done();
}

#[test]
fn a_set_that_failed_over_a_file_is_expanded_once_that_is_mended() {
    let generator = "{git: {repoURL: me/one, revision: HEAD, files: [{path: 'teams/*.json'}]}}";
    let source = "{repoURL: me/one, path: deploy, targetRevision: main}";
    let local = Local::new(&[
        ("apps/set.yaml", &set(generator, "team-{{.name}}", source)),
        ("deploy/map.yaml", &map("one")),
        ("teams/a.json", "{"),
    ]);
    wait_for("its problem", || {
        let shown = local.server.boucle(&["repo", "show", "me/one"]).json();
        shown["configuration_problems"].to_string().contains("invalid-application-set")
    });
    local.write("teams/a.json", r#"{"name": "a"}"#);
    local.merge("1");
    wait_for("its application", || local.has_map("team-a", "one"));
    local.done();
}

#[test]
fn a_branch_takes_no_other_application_by_its_name() {
    let pulls = set(PULL_REQUESTS, "{{.branch_slug}}", HEAD);
    let list = set(
        "{list: {elements: [{name: production}]}}",
        "{{.name}}",
        "{repoURL: me/one, path: deploy, targetRevision: main}",
    );
    let local = Local::new(&[
        ("apps/a.yaml", &pulls),
        ("apps/b.yaml", &list.replace("name: generated", "name: listed")),
        ("deploy/map.yaml", &map("main")),
    ]);
    wait_for("production", || local.has_map("production", "main"));
    local.write("deploy/map.yaml", &map("proposed"));
    local.push(None, "refs/heads/production", &[]);
    let opened = local.server.boucle(&["pr", "open", "me/one", "--head", "production"]);
    assert_eq!(opened.code, 0, "{}{}", opened.out, opened.err);
    wait_for("what is said of it", || {
        let shown = local.server.boucle(&["repo", "show", "me/one"]).json();
        shown["configuration_problems"].to_string().contains("duplicate-application")
    });
    assert!(local.has_map("production", "main"));
    local.done();
}
