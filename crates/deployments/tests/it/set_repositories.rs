//! What sets make of the repositories of the server and of their pull requests.

use deployments::application_set::{
    KnownPullRequest, KnownRepository, LeftOut, Origin, PullRequestId, WhyLeftOut,
};
use ledger::{Actor, CommitId, PullRequestNumber, RepositoryName};

use crate::application_set::{GO, check, expanded, fails, set};

const MAIN: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const NEXT: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn commit(text: &str) -> CommitId {
    CommitId::new(text).unwrap()
}

fn repository(name: &str) -> RepositoryName {
    RepositoryName::new(name).unwrap()
}

/// `shop/api` with two branches and `shop/web` with one.
pub fn repositories(owner: &str, all_branches: bool) -> Result<Vec<KnownRepository>, String> {
    if owner != "shop" {
        return Err(format!("{owner} has no repository here"));
    }
    let known = |name: &str, branches: &[(&str, &str)]| KnownRepository {
        name: repository(&format!("shop/{name}")),
        id: format!("{name}-0001"),
        url: format!("https://boucle.test/shop/{name}"),
        branches: branches
            .iter()
            .filter(|(branch, _)| all_branches || *branch == "main")
            .map(|(branch, tip)| ((*branch).to_owned(), commit(tip)))
            .collect(),
    };
    Ok(vec![
        known("api", &[("main", MAIN), ("Feature/One", NEXT)]),
        known("web", &[("main", MAIN)]),
    ])
}

/// Two that are trusted and one that is not.
pub fn pull_requests(name: &str) -> Result<Vec<KnownPullRequest>, String> {
    if name != "shop/api" {
        return Err(format!("the repository {name} is not there"));
    }
    let known = |number: u64, title: &str, branch: &str, target: &str| KnownPullRequest {
        id: PullRequestId { repository: repository(name), number: PullRequestNumber(number) },
        title: title.into(),
        author: "ada".into(),
        branch: branch.into(),
        target: target.into(),
        head: commit(NEXT),
        untrusted: (number == 9).then(|| Actor::person("mallory")),
    };
    Ok(vec![
        known(7, "Add a basket", "Feature/Basket_of-things", "main"),
        known(8, "Repair it", "refs/pull/8/head", "release/1.0"),
        known(9, "Add a miner", "feature/miner", "main"),
    ])
}

/// Only what `main` of `shop/api` has.
pub fn has_path(name: &RepositoryName, tip: &CommitId, path: &str) -> Result<bool, String> {
    match path {
        "broken" => Err("the tree cannot be read".into()),
        path => Ok(name.as_str() == "shop/api" && tip.as_str() == MAIN && path == "deploy"),
    }
}

#[test]
fn repositories_of_an_owner() {
    let of = |more: &str| format!("[{{scmProvider: {{gitea: {{owner: shop}}{more}}}}}]");
    check(&of(""), "{{repository}}", "{{branch}}", "", &["api main", "web main"]);
    check(
        &of(""),
        "{{.organization}}-{{.repository}}-{{.repository_id}}",
        "{{.url}}",
        GO,
        &[
            "shop-api-api-0001 https://boucle.test/shop/api",
            "shop-web-web-0001 https://boucle.test/shop/web",
        ],
    );
    check(
        &of(", values: {where: '{{.sha}}'}"),
        "{{.repository}}{{.labels}}",
        "{{.short_sha}}/{{.short_sha_7}}/{{.values.where}}",
        GO,
        &[&format!("api aaaaaaaa/aaaaaaa/{MAIN}"), &format!("web aaaaaaaa/aaaaaaa/{MAIN}")],
    );
    for named in [
        "{github: {organization: shop, allBranches: true}}",
        "{gitlab: {group: shop, allBranches: true, includeSubgroups: true, insecure: false}}",
        "{gitea: {owner: shop, allBranches: true, api: 'https://boucle.test/'}, cloneProtocol: https}",
    ] {
        check(
            &format!("[{{scmProvider: {named}}}]"),
            "{{repository}}-{{branchNormalized}}",
            "{{short_sha_7}}",
            "",
            &["api-feature-one bbbbbbb", "api-main aaaaaaa", "web-main aaaaaaa"],
        );
    }
}

#[test]
fn filters_of_repositories() {
    let of = |filters: &str| {
        format!(
            "[{{scmProvider: {{gitea: {{owner: shop, allBranches: true}}, filters: {filters}}}}}]"
        )
    };
    let check = |filters: &str, expected: &[&str]| {
        check(&of(filters), "{{repository}}-{{branchNormalized}}", "p", "", expected);
    };
    check("[{repositoryMatch: ^w}]", &["web-main p"]);
    check("[{branchMatch: ^Feature}]", &["api-feature-one p"]);
    check("[{pathsExist: [deploy/]}]", &["api-main p"]);
    check("[{pathsDoNotExist: [deploy]}]", &["api-feature-one p", "web-main p"]);
    check("[{pathsExist: [deploy], branchMatch: ^Feature}]", &[]);
    check(
        "[{repositoryMatch: web}, {branchMatch: ^Feature}]",
        &["api-feature-one p", "web-main p"],
    );
    fails(&set(&of("[{repositoryMatch: '('}]"), "a", "p", ""), "`filters[0]`: `(` is no regular");
    fails(&set(&of("[{labelMatch: x}]"), "a", "p", ""), "have no labels");
    // What is not known is not taken as absent.
    fails(&set(&of("[{pathsExist: [broken]}]"), "a", "p", ""), "the tree cannot be read");
}

#[test]
fn pull_requests_of_a_repository() {
    let of = |more: &str| format!("[{{pullRequest: {{gitea: {{owner: shop, repo: api}}{more}}}}}]");
    check(
        &of(""),
        "pr-{{number}}-{{branch_slug}}",
        "{{head_sha}}",
        "",
        &[
            &format!("pr-7-feature-basket-of-things {NEXT}"),
            &format!("pr-8-refs-pull-8-head {NEXT}"),
        ],
    );
    check(
        &of(", values: {title: '{{.title}}'}"),
        "{{.author}}-{{.number}}-{{.target_branch_slug}}-{{len .labels}}",
        "{{.values.title}}/{{.branch}}/{{.target_branch}}/{{.head_short_sha}}/{{.head_short_sha_7}}",
        GO,
        &[
            "ada-7-main-0 Add a basket/Feature/Basket_of-things/main/bbbbbbbb/bbbbbbb",
            "ada-8-release-1-0-0 Repair it/refs/pull/8/head/release/1.0/bbbbbbbb/bbbbbbb",
        ],
    );
    for named in ["{github: {owner: shop, repo: api}}", "{gitlab: {project: shop/api}}"] {
        check(
            &format!("[{{pullRequest: {named}}}]"),
            "pr-{{number}}",
            "p",
            "",
            &["pr-7 p", "pr-8 p"],
        );
    }
    let check = |filters: &str, expected: &[&str]| {
        check(&of(&format!(", filters: {filters}")), "pr-{{number}}", "p", "", expected);
    };
    check("[{titleMatch: ^Add}]", &["pr-7 p"]);
    check("[{branchMatch: ^refs}]", &["pr-8 p"]);
    check("[{targetBranchMatch: '^release/'}, {titleMatch: basket}]", &["pr-7 p", "pr-8 p"]);
    check("[{targetBranchMatch: '^release/', titleMatch: basket}]", &[]);
}

#[test]
fn applications_know_their_pull_request_and_what_is_left_out_is_said() {
    let pull = "{pullRequest: {gitea: {owner: shop, repo: api}}}";
    let list = "{list: {elements: [{part: a}, {part: b}]}}";
    let of = |generators: &str, name: &str| {
        let expanded = expanded(&set(generators, name, "p", "")).unwrap();
        let known = |one: &deployments::Application| {
            format!("{} {}", one.name, one.pull_request.as_ref().unwrap())
        };
        let left_out = expanded.left_out.iter().map(|one| match (&one.of, &one.why) {
            (Origin::PullRequest(id), WhyLeftOut::Untrusted(actor)) => format!("{id} {actor}"),
            other => format!("{other:?}"),
        });
        let left_out: Vec<String> = left_out.collect();
        assert_eq!(left_out, ["9 of shop/api person:mallory"]);
        expanded.applications.iter().map(known).collect::<Vec<_>>()
    };
    let both = ["7-a 7 of shop/api", "7-b 7 of shop/api", "8-a 8 of shop/api", "8-b 8 of shop/api"];
    let matrix = |one: &str, other: &str| format!("[{{matrix: {{generators: [{one}, {other}]}}}}]");
    assert_eq!(of(&matrix(pull, list), "{{number}}-{{part}}"), both);
    let mut found = of(&matrix(list, pull), "{{number}}-{{part}}");
    found.sort();
    assert_eq!(found, both);
    let merge = format!(
        "[{{merge: {{mergeKeys: [number], generators: [{pull}, {{list: {{elements: \
         [{{number: '8', part: x}}]}}}}]}}}}]"
    );
    assert_eq!(of(&merge, "pr-{{number}}"), ["pr-7 7 of shop/api", "pr-8 8 of shop/api"]);
    // One name that cannot be stops no other.
    let branches = "[{scmProvider: {gitea: {owner: shop, allBranches: true}}}]";
    let some = expanded(&set(branches, "{{repository}}-{{branch}}", "p", "")).unwrap();
    let names: Vec<_> = some.applications.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["api-main", "web-main"]);
    let left: Vec<_> = some.left_out.into_iter().collect();
    let (repository, branch) = (repository("shop/api"), "Feature/One".to_owned());
    let why = WhyLeftOut::NoName("api-Feature/One".into());
    assert_eq!(left, [LeftOut { of: Origin::Branch { repository, branch }, why }]);
    let some =
        expanded(&set("[{pullRequest: {gitea: {owner: shop, repo: api}}}]", "{{branch}}", "p", ""));
    assert!(some.is_ok_and(|some| some.applications.is_empty() && some.left_out.len() == 3));
    // Where no branch could have a name the template is wrong.
    fails(&set(branches, "{{repository}}!{{branch}}", "p", ""), "makes no application");
    fails(&set(branches, "{{.nothing}}", "p", "  goTemplate: true"), "makes no application");
    fails(&set(branches, "{{nothing}}", "p", ""), "makes no application");
    // Whom the filters do not want is not left out.
    let filtered =
        "[{pullRequest: {gitea: {owner: shop, repo: api}, filters: [{titleMatch: it}]}}]";
    let filtered = expanded(&set(filtered, "pr-{{number}}", "p", "")).unwrap();
    assert_eq!((filtered.applications.len(), filtered.left_out.len()), (1, 0));
}

#[test]
fn a_name_that_cannot_be_is_of_whoever_chose_it() {
    let branches = "{scmProvider: {gitea: {owner: shop, allBranches: true}}}";
    let owner = "{scmProvider: {gitea: {owner: shop}}}";
    let pull = "{pullRequest: {gitea: {owner: shop, repo: api}}}";
    let list = "{list: {elements: [{env: dev}, {env: eu/west}]}}";
    let derived = "{list: {elements: [{called: '{{.branch}}-a'}]}}";
    let matrix = |one: &str, other: &str| format!("[{{matrix: {{generators: [{one}, {other}]}}}}]");
    let merge = |more: &str| {
        format!(
            "[{{merge: {{mergeKeys: [repository, branch], generators: [{branches}, {more}]}}}}]"
        )
    };
    // The file's: nothing of the set is taken as gone.
    let of_file = |generators: &str, name: &str| {
        fails(&set(generators, name, "p", GO), "makes no application");
        let name = name.replace("{{.", "{{");
        fails(&set(generators, &name, "p", ""), "makes no application");
    };
    of_file(&matrix(branches, list), "{{.repository}}-{{.branchNormalized}}-{{.env}}");
    of_file(&matrix(list, branches), "{{.repository}}-{{.branchNormalized}}-{{.env}}");
    of_file(&matrix(list, pull), "{{.number}}-{{.env}}");
    let part = "{list: {elements: [{repository: api, branch: Feature/One, env: a/b}, \
                {repository: api, branch: main, env: a}, {repository: web, branch: main, env: b}]}}";
    of_file(&merge(part), "{{.repository}}-{{.branchNormalized}}-{{.env}}");
    // Theirs: only theirs is left out.
    let of_others = |generators: &str, name: &str, names: &[&str], left_out: usize| {
        let some = expanded(&set(generators, name, "p", GO)).unwrap();
        let found: Vec<_> = some.applications.iter().map(|one| one.name.as_str()).collect();
        assert_eq!((found.as_slice(), some.left_out.len()), (names, left_out), "{generators}");
    };
    let dev = "{list: {elements: [{env: dev}]}}";
    let name = "{{.repository}}-{{.branch}}-{{.env}}";
    of_others(&matrix(branches, dev), name, &["api-main-dev", "web-main-dev"], 1);
    of_others(&matrix(dev, branches), name, &["api-main-dev", "web-main-dev"], 1);
    let name = "{{.repository}}-{{.called}}";
    of_others(&matrix(branches, derived), name, &["api-main-a", "web-main-a"], 1);
    // Two pull requests with two repositories, and one that is not trusted.
    of_others(&matrix(pull, owner), "{{.number}}-{{.url}}", &[], 5);
    let part = part.replace("a/b", "c");
    let name = "{{.repository}}-{{.branch}}-{{.env}}";
    of_others(&merge(&part), name, &["api-main-a", "web-main-b"], 1);
}

#[test]
fn what_is_not_of_this_server_is_refused() {
    let check = |generator: &str, needle: &str| {
        fails(&set(&format!("[{generator}]"), "{{number}}", "p", ""), needle);
    };
    let scm = |fields: &str| format!("{{scmProvider: {fields}}}");
    let pull = |fields: &str| format!("{{pullRequest: {fields}}}");
    check(&scm("{gitea: {owner: shop, api: 'https://gitea.test'}}"), "is another server");
    check(
        &pull("{github: {owner: shop, repo: api, api: 'https://api.x.test'}}"),
        "push shop/api here",
    );
    check(&scm("{gitea: {owner: nobody}}"), "nobody has no repository here");
    check(&pull("{gitea: {owner: shop, repo: none}}"), "shop/none is not there");
    check(&scm("{gitea: {owner: shop}, github: {organization: shop}}"), "exactly one of `gitea`");
    check(&pull("{}"), "exactly one of `gitea`");
    check(&scm("{bitbucket: {owner: shop}}"), "by `gitea`, `github` or `gitlab`");
    check(&pull("{azuredevops: {}}"), "by `gitea`, `github` or `gitlab`");
    check(&scm("{gitea: {owner: shop, tokenRef: {secretName: s, key: k}}}"), "without one");
    check(&pull("{github: {owner: shop, repo: api, appSecretName: s}}"), "without one");
    check(&pull("{gitlab: {project: shop/api, caRef: {}}}"), "remove `caRef`");
    check(&scm("{gitea: {owner: shop, insecure: true}}"), "remove `insecure`");
    check(&scm("{gitlab: {group: shop, topic: x}}"), "remove `topic`");
    check(&scm("{gitea: {owner: shop}, cloneProtocol: ssh}"), "`cloneProtocol` is `ssh`");
    check(&pull("{gitea: {owner: shop, repo: api, labels: [preview]}}"), "has `preview`");
    check(
        &pull("{gitlab: {project: shop/api, pullRequestState: merged}}"),
        "open pull requests only",
    );
    check(
        &pull("{gitea: {owner: shop, repo: api}, continueOnRepoNotFoundError: true}"),
        "remove `continueOnRepoNotFoundError`",
    );
    check(&pull("{gitea: {owner: shop, repo: api, other: 1}}"), "unknown field `other`");
}

#[test]
fn a_patch_moves_no_application_of_a_pull_request_elsewhere() {
    let patched = |generator: &str, name: &str, patch: &str| {
        let patch = format!("{GO}\n  templatePatch: |\n    {patch}\n");
        set(&format!("[{generator}]"), name, "p", &patch)
    };
    let pull = "{pullRequest: {gitea: {owner: shop, repo: api}, filters: [{titleMatch: it}]}}";
    for (patch, field) in [
        ("spec: {project: '{{.title}}'}", "spec.project"),
        ("spec: {destination: {namespace: other}}", "spec.destination"),
        ("spec: {source: {repoURL: shop/web}}", "spec.source.repoURL"),
        ("spec: {sources: [{repoURL: shop/web, path: p}]}", "spec.sources"),
    ] {
        fails(
            &patched(pull, "a-{{.number}}", patch),
            &format!("may not change `{field}` of a pull request's"),
        );
    }
    let labelled = "metadata: {labels: {title: '{{.title}}'}}";
    let applications = expanded(&patched(pull, "a-{{.number}}", labelled)).unwrap().applications;
    assert_eq!(applications[0].labels["title"], "Repair it");
    let owner = "{scmProvider: {gitea: {owner: shop}}}";
    let applications =
        expanded(&patched(owner, "{{.repository}}", "spec: {project: own}")).unwrap().applications;
    assert_eq!(applications[0].project, "own");
}
