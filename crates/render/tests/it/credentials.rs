//! Where a credential for charts goes, and where it never does: hosts on loopback that write down what they
//! were sent.

use std::sync::{Arc, Mutex};

use deployments::{Chart, ChartProblem, CredentialOf};
use ledger::RepositoryName;
use render::{ChartCredential, digest_of, fetch_chart};

use crate::charts::runtime;
use crate::fetching::{Page, ask, chart, hosts, serve};

const ARCHIVE: &[u8] = b"an archive";
/// `reader:right`.
const RIGHT: &str = "Basic cmVhZGVyOnJpZ2h0";

/// What hosts were sent: which one, the path, `Authorization`.
type Seen = Arc<Mutex<Vec<(&'static str, String, String)>>>;

/// A host that writes down what it is sent; the answer by path and `Authorization`.
fn host(
    name: &'static str,
    seen: &Seen,
    answer: impl Fn(&str, &str) -> Page + Send + Sync + 'static,
) -> String {
    let seen = Arc::clone(seen);
    serve(Arc::new(move |request| {
        let text = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let (path, text) = (request.uri().path(), text.unwrap_or_default());
        seen.lock().expect("a list").push((name, path.to_owned(), text.to_owned()));
        answer(path, text)
    }))
}

/// A credential of this name for an address.
fn credential(url: &str, password: &str, tokens_from: Option<&str>) -> ChartCredential {
    let repository = RepositoryName::new("team/fleet").expect("a name");
    let of = CredentialOf { repository, secret: "CHARTS".into(), url: url.into() };
    ChartCredential::new(of, "reader", password, tokens_from)
}

/// The code and the sentence of a refusal; empty: the archive came.
fn outcome(chart: &Chart, named: &[&str], credential: Option<&ChartCredential>) -> [String; 2] {
    let fetched = runtime().block_on(fetch_chart(chart, &hosts(named), credential, ask));
    match fetched {
        Ok((bytes, _)) => {
            assert_eq!(bytes, ARCHIVE);
            [String::new(), String::new()]
        }
        Err(problem) => {
            assert!(!format!("{problem} {problem:?}").contains("right"), "{problem}");
            [ChartProblem::code(&problem).to_owned(), problem.to_string()]
        }
    }
}

fn index(url: &str) -> Page {
    let text = format!("entries: {{web: [{{version: 1.2.3, urls: ['{url}']}}]}}\n");
    (200, vec![], text.into_bytes())
}

fn moved(to: &str) -> Page {
    (302, vec![("Location", to.to_owned())], vec![])
}

fn challenged(text: &str) -> Page {
    (401, vec![("WWW-Authenticate", text.to_owned())], vec![])
}

#[test]
fn a_chart_repositorys_credential_goes_to_its_host_alone() {
    let seen = Seen::default();
    let other = host("other", &seen, |path, _| match path {
        "/web.tgz" => (200, vec![], ARCHIVE.to_vec()),
        "/closed.tgz" => challenged("Basic realm=\"x\""),
        _ => index("/web.tgz"),
    });
    let to = other.clone();
    let own = host("own", &seen, move |path, sent| match (path, sent) {
        (_, sent) if sent != RIGHT => challenged("Basic realm=\"x\""),
        ("/plain/index.yaml" | "/there/index.yaml", _) => index("/web.tgz"),
        ("/here/index.yaml", _) => moved("/there/index.yaml"),
        ("/away/index.yaml", _) => moved(&format!("http://{to}/index.yaml")),
        ("/link/index.yaml", _) => index(&format!("http://{to}/web.tgz")),
        ("/closed/index.yaml", _) => index(&format!("http://{to}/closed.tgz")),
        ("/forbidden/index.yaml", _) => (403, vec![], vec![]),
        ("/web.tgz", _) => (200, vec![], ARCHIVE.to_vec()),
        _ => (404, vec![], vec![]),
    });
    let here = format!("http://{own}");
    let (right, wrong) = (credential(&here, "right", None), credential(&here, "wrong", None));
    let for_others = credential(&format!("http://{other}"), "right", None);
    for (path, given, expected) in [
        ("plain", Some(&right), ["", ""]),
        ("here", Some(&right), ["", ""]),
        ("away", Some(&right), ["", ""]),
        ("link", Some(&right), ["", ""]),
        ("closed", Some(&right), ["chart-refused", "to its own host alone"]),
        ("forbidden", Some(&right), ["chart-credential-refused", "it answers 403"]),
        ("none", Some(&right), ["chart-refused", "the credential may not read it"]),
        (
            "plain",
            Some(&wrong),
            ["chart-credential-refused", "renew it with `boucle secret set team/fleet CHARTS`"],
        ),
        ("plain", None, ["chart-credential-missing", "boucle charts add http://127.0.0.1"]),
        ("plain", Some(&for_others), ["chart-refused", "to its own host alone"]),
    ] {
        let web = chart(&format!("{here}/{path}"), "web", "1.2.3");
        let found = outcome(&web, &[&own, &other], given);
        assert_eq!(found[0], expected[0], "{path}: {}", found[1]);
        assert!(found[1].contains(expected[1]), "{path}: {}", found[1]);
    }
    let seen = seen.lock().expect("a list");
    let of = |name| seen.iter().filter(move |(host, ..)| *host == name);
    assert_eq!(of("other").count(), 3, "{seen:?}");
    assert!(of("other").all(|(.., sent)| sent.is_empty()), "{seen:?}");
    assert!(!format!("{right:?}").contains("right"), "{right:?}");
}

/// A registry that answers manifests and layers to whoever has this, and otherwise challenges.
fn registry(
    seen: &Seen,
    key: &'static str,
    challenge: impl Fn() -> Page + Send + Sync + 'static,
    blobs: Option<String>,
) -> String {
    let digest = digest_of(ARCHIVE);
    let manifest = format!(
        "{{\"config\": {{\"mediaType\": \"application/vnd.cncf.helm.config.v1+json\", \"digest\": \
         \"{digest}\"}}, \"layers\": [{{\"mediaType\": \
         \"application/vnd.cncf.helm.chart.content.v1.tar+gzip\", \"digest\": \"{digest}\"}}]}}"
    );
    host("registry", seen, move |path, sent| {
        if path == "/token" {
            return match sent == RIGHT {
                true => (200, vec![], b"{\"token\": \"given\"}".to_vec()),
                false => (401, vec![], vec![]),
            };
        }
        if sent != key {
            return challenge();
        }
        match (path.contains("/blobs/"), &blobs) {
            (true, Some(host)) => moved(&format!("http://{host}/blob")),
            (true, None) => (200, vec![], ARCHIVE.to_vec()),
            (false, _) => (200, vec![], manifest.clone().into_bytes()),
        }
    })
}

fn of_registry(address: &str, service: &str) -> Chart {
    chart(&format!("oci://{address}/{service}"), "web", "1.2.3")
}

#[test]
fn a_registrys_credential_is_sent_as_it_asks() {
    let seen = Seen::default();
    let blobs = host("blobs", &seen, |_, _| (200, vec![], ARCHIVE.to_vec()));
    let basic = registry(&seen, RIGHT, || challenged("Basic realm=\"x\""), Some(blobs.clone()));
    let at = |address: &str, password: &str, tokens: Option<&str>| {
        credential(&format!("oci://{address}/team"), password, tokens)
    };
    let check =
        |address: &str, given: Option<&ChartCredential>, named: &[&str], expected: [&str; 2]| {
            let found = outcome(&of_registry(address, "team"), named, given);
            assert_eq!(found[0], expected[0], "{}", found[1]);
            assert!(found[1].contains(expected[1]), "{}", found[1]);
        };
    let all = [basic.as_str(), &blobs];
    check(&basic, Some(&at(&basic, "right", None)), &all, ["", ""]);
    check(&basic, Some(&at(&basic, "wrong", None)), &all, ["chart-credential-refused", "401"]);
    check(&basic, None, &all, ["chart-credential-missing", "is not public"]);

    // Tokens of the registry itself, and of another host.
    let itself = Arc::new(Mutex::new(String::new()));
    let realm = Arc::clone(&itself);
    let challenge = move || {
        let realm = realm.lock().expect("an address");
        challenged(&format!("Bearer realm=\"http://{realm}/token\",service=\"x\""))
    };
    let own = registry(&seen, "Bearer given", challenge, None);
    itself.lock().expect("an address").clone_from(&own);
    check(&own, Some(&at(&own, "right", None)), &[&own], ["", ""]);
    check(&own, Some(&at(&own, "wrong", None)), &[&own], ["chart-credential-refused", "401"]);
    let tokens = host("tokens", &seen, |_, sent| match sent == RIGHT {
        true => (200, vec![], b"{\"token\": \"given\"}".to_vec()),
        false => (401, vec![], vec![]),
    });
    let realm = tokens.clone();
    let other = registry(
        &seen,
        "Bearer given",
        move || challenged(&format!("Bearer realm=\"http://{realm}/t\",service=\"x\"")),
        Some(blobs.clone()),
    );
    let all = [other.as_str(), &tokens, &blobs];
    seen.lock().expect("a list").retain(|(host, ..)| *host == "blobs");
    check(
        &other,
        Some(&at(&other, "right", None)),
        &all,
        ["chart-credential-missing", &format!("--tokens-from {tokens}")],
    );
    assert!(seen.lock().expect("a list").iter().all(|(host, ..)| *host != "tokens"));
    check(&other, Some(&at(&other, "right", Some(&tokens))), &all, ["", ""]);
    check(
        &other,
        Some(&at(&other, "wrong", Some(&tokens))),
        &all,
        ["chart-credential-refused", "401"],
    );
    check(&other, None, &all, ["chart-credential-missing", "is not public"]);
    let seen = seen.lock().expect("a list");
    let sent = |name| {
        let of = seen.iter().filter(move |(host, ..)| *host == name);
        of.map(|(.., sent)| sent.as_str()).collect::<Vec<_>>()
    };
    assert!(sent("blobs").len() >= 2 && sent("blobs").iter().all(|one| one.is_empty()), "{seen:?}");
    assert!(sent("registry").iter().all(|one| !one.starts_with("Basic")), "{seen:?}");
}

#[test]
fn a_registry_that_moves_its_manifests_gives_no_token_away() {
    let seen = Seen::default();
    let own = Arc::new(Mutex::new(String::new()));
    let realm = Arc::clone(&own);
    let thief = host("thief", &seen, move |_, _| {
        let realm = realm.lock().expect("an address");
        challenged(&format!("Bearer realm=\"http://{realm}/token\""))
    });
    let to = thief.clone();
    let registry = host("registry", &seen, move |path, sent| match (path, sent) {
        ("/token", RIGHT) => (200, vec![], b"{\"token\": \"given\"}".to_vec()),
        _ => moved(&format!("http://{to}/manifest")),
    });
    own.lock().expect("an address").clone_from(&registry);
    let given = credential(&format!("oci://{registry}"), "right", None);
    let found = outcome(&of_registry(&registry, "x"), &[&registry, &thief], Some(&given));
    assert_eq!(found[0], "chart-refused", "{}", found[1]);
    let seen = seen.lock().expect("a list");
    let mut at_thief = seen.iter().filter(|(host, ..)| *host == "thief");
    assert!(at_thief.all(|(.., sent)| sent.is_empty()), "{seen:?}");
    assert!(seen.iter().all(|(_, path, _)| path != "/token"), "{seen:?}");
}
