//! Which repository Secrets are read, for which charts they are, and what is refused by name.

use deployments::{Chart, ChartAccess, ChartLogin, Declared, DeclaredKind, charts_address};

fn file(kind: &str, values: &[(&str, &str)]) -> String {
    let values: String =
        values.iter().map(|(key, value)| format!("  {key}: '{value}'\n")).collect();
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: charts\n  labels:\n    \
         argocd.argoproj.io/secret-type: {kind}\nstringData:\n{values}"
    )
}

const LOGIN: [(&str, &str); 2] = [("username", "reader"), ("password", "$CHARTS")];

/// What a Secret with these values declares, or why it is refused.
fn read(kind: &str, values: &[(&str, &str)]) -> Result<ChartAccess, String> {
    let text = file(kind, values);
    assert_eq!(DeclaredKind::of("a.yaml", &text), DeclaredKind::Charts, "{text}");
    match Declared::parse("a.yaml", &text) {
        Ok(Declared::Charts(access)) => Ok(*access),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn an_address_has_one_form() {
    for (text, expected) in [
        ("https://C.example/x/", Ok("https://c.example/x")),
        ("https://c.example:443", Ok("https://c.example")),
        ("https://c.example:8443/X", Ok("https://c.example:8443/X")),
        ("http://127.0.0.1:80/x", Ok("http://127.0.0.1/x")),
        ("oci://R.example:443/a/b/", Ok("oci://r.example/a/b")),
        ("oci://localhost:5000", Ok("oci://localhost:5000")),
        ("http://c.example", Err("without encryption")),
        ("oci://me/shop", Err("has no host")),
        ("https://me:word@c.example", Err("name or password")),
        ("https://c.example/a/%2e%2E/b", Err("no proper address")),
        ("https://c.example/a/..%2fb", Err("no proper address")),
        ("https://c.example/a/..%2Fb", Err("no proper address")),
        ("https://c.example/a/%2e%2e%5cb", Err("no proper address")),
        ("https://c.example/a/..%5Cb", Err("no proper address")),
        ("https://c.example/a/..;/b", Err("no proper address")),
        ("https://c.example/a/..;x=y/b", Err("no proper address")),
        ("https://c.example/a/%252e%252e/b", Err("no proper address")),
        ("oci://r.example/a/..%2fb", Err("no proper address")),
        ("https://c.example/a%20b/..c", Ok("https://c.example/a%20b/..c")),
        ("c.example", Err("no address of charts")),
    ] {
        match (charts_address(text), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(why), Err(needle)) => assert!(why.contains(needle), "{text}: {why}"),
            (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn a_secret_says_who_asks_for_which_charts() {
    let login = || Some(ChartLogin { username: "reader".into(), secret: "CHARTS".into() });
    let check = |kind, values: &[(&str, &str)], url: &str, login: Option<ChartLogin>| {
        let expected = ChartAccess { url: url.into(), is_prefix: kind == "repo-creds", login };
        assert_eq!(read(kind, values), Ok(expected));
    };
    let [username, password] = LOGIN;
    let web = ("url", "https://c.example/x");
    let helm = ("type", "helm");
    check("repository", &[helm, web, username, password], web.1, login());
    check("repo-creds", &[helm, web, username, password], web.1, login());
    check("repository", &[helm, web, ("name", "stable"), ("insecure", "false")], web.1, None);
    let oci = ("enableOCI", "true");
    let registry = ("url", "r.example/team");
    check(
        "repository",
        &[helm, registry, oci, username, password],
        "oci://r.example/team",
        login(),
    );
    let artifact = ("url", "oci://r.example/team/web");
    check("repository", &[("type", "oci"), artifact, username, password], artifact.1, login());
}

#[test]
fn what_is_not_taken_is_refused_by_name() {
    let web = ("url", "https://c.example");
    for (values, needle) in [
        (vec![("type", "git"), web], "`type` is `git`"),
        (vec![web], "`type` is `git`"),
        (vec![("type", "helm")], "no `url`"),
        (vec![("type", "helm"), ("url", "r.example/x")], "no address of charts"),
        (vec![("type", "helm"), web, ("username", "me")], "`username` and `password`"),
        (vec![("type", "helm"), web, ("password", "$A")], "`username` and `password`"),
        (vec![("type", "helm"), web, ("username", "a:b"), ("password", "$A")], "a colon"),
        (vec![("type", "helm"), web, ("username", "me"), ("password", "word")], "name of a secret"),
        (vec![("type", "helm"), web, ("insecure", "true")], "`insecure` is refused"),
        (vec![("type", "helm"), web, ("project", "x")], "`sourceRepos`"),
        (vec![("type", "helm"), web, ("tlsClientCertKey", "x")], "`tlsClientCertKey`"),
        (vec![("type", "helm"), web, ("bearerToken", "x")], "as `password`"),
        (vec![("type", "helm"), web, ("gcpServiceAccountKey", "x")], "a token of the registry"),
        (vec![("type", "helm"), web, ("proxy", "x")], "`proxy`"),
        (vec![("type", "helm"), web, ("sshPrivateKey", "x")], "for repositories of Git"),
        (vec![("type", "helm"), web, ("nonsense", "x")], "`nonsense` is no value"),
    ] {
        let said = read("repository", &values).expect_err(needle);
        assert!(said.contains(needle), "{said}\nhas not: {needle}");
        assert!(!said.contains("word;"), "the value is not repeated: {said}");
    }
    let cluster = file("cluster", &[]);
    assert_eq!(DeclaredKind::of("a.yaml", &cluster), DeclaredKind::Cluster);
}

#[test]
fn the_nearest_declaration_is_for_a_chart() {
    let [username, password] = LOGIN;
    let one = |kind, url, name: &'static str| {
        let form = if url == "r.example/team" || url == "r.example" { "true" } else { "false" };
        let values =
            [("type", "helm"), ("url", url), ("enableOCI", form), ("username", name), password];
        read(kind, &values).unwrap()
    };
    let all = [
        one("repo-creds", "https://c.example", "host"),
        one("repo-creds", "https://c.example/team", "team"),
        one("repository", "https://c.example/team/a", "exact"),
        one("repository", "r.example/team", "registry"),
        one("repo-creds", "r.example", "registries"),
        read("repository", &[("type", "helm"), ("url", "https://c.example/public")]).unwrap(),
    ];
    assert_eq!(username.1, "reader");
    for (address, expected) in [
        ("https://c.example", Some("host")),
        ("https://C.example:443/other", Some("host")),
        ("https://c.example/public", Some("host")),
        ("https://c.example/team", Some("team")),
        ("https://c.example/team/b", Some("team")),
        ("https://c.example/team-b", Some("host")),
        ("https://c.example/team/a", Some("exact")),
        ("https://c.example/team/a/b", Some("team")),
        ("https://c.example.attacker", None),
        ("https://c.example:8443/team", None),
        ("oci://c.example/team", None),
        ("oci://r.example/team", Some("registry")),
        ("oci://r.example/team/b", Some("registries")),
        ("oci://r.example:5000/team", None),
        ("https://r.example/team", None),
    ] {
        let chart = Chart::of_dependency(address, "web", "1.2.3").unwrap();
        let found = ChartAccess::find(&all, &chart).map(|(_, login)| login.username.as_str());
        assert_eq!(found, expected, "{address}");
    }
}
