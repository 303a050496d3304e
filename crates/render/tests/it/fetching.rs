//! Charts from chart repositories and registries: packed, indexed and pushed by the real Helm, served
//! on loopback, fetched by the dialer that the server has, and rendered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use deployments::{Chart, ChartProblem};
use probes::{AddressPolicy, DialError, Dialer};
use registry::http::{Access, Authorise};
use registry::{Limits, Registry};
use render::{
    Answer, ArchiveForm, Ask, Asker, ChartArchive, ChartHosts, ChartStore, Content, HelmOptions,
    NoAnswer, RenderError, Rendering, SourceInput, Tool, digest_of, fetch_chart, render,
};
use tokio::net::TcpListener;

use crate::charts::{helm, program, runtime};

const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Chart.Name }}-{{ \
                        .Release.Name }}}\ndata: {version: {{ .Chart.Version }}, colour: {{ \
                        .Values.colour | default \"none\" }}}\n";

/// A status, headers and a body.
pub type Page = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// What is asked for, with its query and headers, and the answer.
pub type Answers = Arc<dyn Fn(&Request) -> Page + Send + Sync>;

/// Serves on loopback; gives `127.0.0.1:PORT`.
pub fn serve(answers: Answers) -> String {
    let router = axum::Router::new().fallback(move |request: Request| {
        let answers = Arc::clone(&answers);
        async move {
            let (status, headers, body) = answers(&request);
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).expect("an answer")
        }
    });
    listen(router)
}

fn listen(router: axum::Router) -> String {
    let listener = runtime().block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    runtime().spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    address.to_string()
}

/// Serves the files of a folder.
fn serve_folder(folder: PathBuf) -> String {
    serve(Arc::new(move |request| {
        match std::fs::read(folder.join(request.uri().path().trim_start_matches('/'))) {
            Ok(bytes) => (200, Vec::new(), bytes),
            Err(_) => (404, Vec::new(), b"no".to_vec()),
        }
    }))
}

fn dialer() -> &'static Dialer {
    static DIALER: OnceLock<Dialer> = OnceLock::new();
    DIALER.get_or_init(|| {
        // Installed by another test of this process already: equally good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Dialer::new([]).expect("a dialer")
    })
}

pub fn hosts(hosts: &[&str]) -> ChartHosts {
    let texts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    ChartHosts::parse(&texts).expect("hosts")
}

pub async fn ask(ask: Ask) -> Result<Answer, NoAnswer> {
    let mut request = probes::Request::get(ask.url, AddressPolicy::UserGiven);
    request.body_bytes_max = ask.body_bytes_max;
    request.timeout_ms = 2_000;
    for (name, value) in ask.headers {
        request = request.header(name, value);
    }
    let answer = dialer().send(&request).await.map_err(|error| match error {
        DialError::TooLarge { .. } => NoAnswer::TooLarge,
        error @ (DialError::UrlInvalid { .. }
        | DialError::Denied(_)
        | DialError::Connect { .. }
        | DialError::Timeout { .. }
        | DialError::Redirect { .. }
        | DialError::Broken { .. }) => NoAnswer::Silent(error.of_host().to_string()),
    })?;
    let probes::Answer { status, location, challenge, body, .. } = answer;
    Ok(Answer { status, location, challenge, body })
}

fn fetched(chart: &Chart, hosts: &ChartHosts) -> Result<Vec<u8>, ChartProblem> {
    runtime().block_on(fetch_chart(chart, hosts, None, ask)).map(|(bytes, _)| bytes)
}

pub fn chart(address: &str, name: &str, version: &str) -> Chart {
    Chart::of_dependency(address, name, version).expect("a chart")
}

fn run_helm(home: &Path, arguments: &[&str]) {
    let mut helm = Command::new(program());
    helm.args(arguments).current_dir(home).env_clear().env("HOME", home);
    let ended = helm.output().expect("helm starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

fn write(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
    std::fs::write(file, text).expect("it is written");
}

/// Packs charts of these names and versions into `packed/` of a folder.
fn pack(folder: &Path, charts: &[(&str, &str)]) {
    for (name, version) in charts {
        let about = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
        write(folder, &format!("{name}/Chart.yaml"), &about);
        write(folder, &format!("{name}/templates/a.yaml"), TEMPLATE);
        run_helm(folder, &["package", name, "--destination", "packed"]);
    }
}

/// A chart repository of the real Helm on loopback; its folder and its address.
fn chart_repository(charts: &[(&str, &str)]) -> (tempfile::TempDir, String) {
    let folder = testkit::temporary_folder();
    pack(folder.path(), charts);
    run_helm(folder.path(), &["repo", "index", "packed"]);
    let address = serve_folder(folder.path().join("packed"));
    (folder, address)
}

fn rendered(
    chart: &Chart,
    find: &dyn Fn(&Chart) -> Result<Arc<ChartArchive>, ChartProblem>,
    options: HelmOptions,
) -> Result<Rendering, RenderError> {
    let application = Asker { name: "app".into(), namespace: "shop".into(), ..Asker::default() };
    let request = render::Request {
        tool: Some(Tool::Helm),
        helm: options,
        application,
        ..Default::default()
    };
    let content = Content::Chart(chart);
    render(
        &[SourceInput { content, name: None, request: Some(request), overridden: None }],
        helm(),
        find,
    )
}

#[test]
fn a_chart_of_a_repository_is_fetched_kept_and_rendered() {
    let (folder, address) = chart_repository(&[("web", "1.2.3"), ("web", "1.2.4")]);
    let web = chart(&format!("http://{address}"), "web", "1.2.3");
    let named = hosts(&[&address]);
    let bytes = fetched(&web, &named).expect("the chart");
    let packed = std::fs::read(folder.path().join("packed/web-1.2.3.tgz")).expect("packed");
    assert_eq!(bytes, packed);

    let data = testkit::temporary_folder();
    let store = ChartStore::in_folder(data.path());
    assert_eq!(store.get(&web, None), Ok(None));
    store.keep(&web, &bytes, ArchiveForm::Chart, None).expect("it is new");
    let find = |chart: &Chart| match store.get(chart, None) {
        Ok(found) => Ok(Arc::new(found.expect("it is kept"))),
        Err(problem) => Err(problem),
    };
    let options = HelmOptions { values: "colour: red".into(), ..HelmOptions::default() };
    let rendering = rendered(&web, &find, options).expect("a rendering");
    assert_eq!(rendering.manifests[0]["metadata"]["name"], "web-app");
    assert_eq!(rendering.manifests[0]["data"]["colour"], "red");
    assert_eq!(rendering.charts[&web.to_string()], digest_of(&packed));

    // What a version holds never changes.
    let other = std::fs::read(folder.path().join("packed/web-1.2.4.tgz")).expect("packed");
    let said = store.keep(&web, &other, ArchiveForm::Chart, None).expect_err("another version");
    assert!(said.to_string().contains("holds `web` 1.2.4"), "{said}");
    write(folder.path(), "web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.3\n");
    write(folder.path(), "web/more.txt", "more");
    run_helm(folder.path(), &["package", "web", "--destination", "again"]);
    let changed = std::fs::read(folder.path().join("again/web-1.2.3.tgz")).expect("packed");
    let said = store.keep(&web, &changed, ArchiveForm::Chart, None).expect_err("other bytes");
    assert_eq!(said.code(), "chart-changed");
    let empty = testkit::temporary_folder();
    let empty = ChartStore::in_folder(empty.path());
    let said = empty
        .keep(&web, &changed, ArchiveForm::Chart, Some(&digest_of(&packed)))
        .expect_err("other bytes");
    assert_eq!(said.code(), "chart-changed", "what is on record counts, whatever the folder has");

    // What cannot be kept is not there.
    let blocked = folder.path().join("blocked");
    std::fs::write(&blocked, "a file").expect("it is written");
    let said = ChartStore::in_folder(&blocked)
        .keep(&web, &packed, ArchiveForm::Chart, None)
        .expect_err("no folder");
    assert_eq!(said.code(), "chart-unavailable");
    assert!(said.to_string().contains("cannot be kept"), "{said}");

    // A damaged archive is as if it were not there, and comes back as it was.
    let file = data.path().join("sha256").join(digest_of(&packed).trim_start_matches("sha256:"));
    std::fs::write(&file, b"damaged").expect("it is written");
    assert_eq!(store.get(&web, None), Ok(None));
    let said = store.keep(&web, &changed, ArchiveForm::Chart, None).expect_err("other bytes");
    assert_eq!(said.code(), "chart-changed");
    store.keep(&web, &packed, ArchiveForm::Chart, None).expect("the same");
    assert!(store.get(&web, None).is_ok_and(|found| found.is_some()));
}

/// The pages of repositories that are each special in one way.
fn pages(real: &str, packed: &[u8], index: &str) -> BTreeMap<String, Page> {
    let entry = |url: &str, digest: &str| {
        format!("entries: {{web: [{{version: 1.2.3, urls: ['{url}'], digest: '{digest}'}}]}}\n")
    };
    let digest = digest_of(packed);
    let signed = |to: &str| vec![("Location", format!("{to}?X-Amz-Signature=abc"))];
    [
        ("/empty/index.yaml", (200, vec![], b"entries: {}".to_vec())),
        ("/html/index.yaml", (200, vec![], b"entries: [".to_vec())),
        ("/down/index.yaml", (503, vec![], vec![])),
        (
            "/closed/index.yaml",
            (401, vec![("WWW-Authenticate", "Basic realm=\"x\"".into())], vec![]),
        ),
        ("/round/index.yaml", (302, vec![("Location", "/round/index.yaml".into())], vec![])),
        (
            "/moved/index.yaml",
            (301, vec![("Location", format!("http://{real}/index.yaml"))], vec![]),
        ),
        ("/moved/web-1.2.3.tgz", (200, vec![], packed.to_vec())),
        (
            "/away/index.yaml",
            (307, vec![("Location", "https://unnamed.example/index.yaml".into())], vec![]),
        ),
        ("/other/index.yaml", (200, vec![], entry("https://unnamed.example/a.tgz", "").into())),
        (
            "/link/index.yaml",
            (200, vec![], entry(&format!("http://{real}/web-1.2.3.tgz"), "").into()),
        ),
        ("/wrong/index.yaml", (200, vec![], entry("a.tgz", &"0".repeat(64)).into())),
        ("/wrong/a.tgz", (200, vec![], packed.to_vec())),
        ("/right/index.yaml", (200, vec![], entry("/wrong/a.tgz", &digest).into())),
        // As registries redirect to what holds their files.
        ("/busy/index.yaml", (302, signed("/down/index.yaml"), vec![])),
        ("/signed/index.yaml", (200, vec![], entry("b.tgz", &"0".repeat(64)).into())),
        ("/signed/b.tgz", (307, signed("/wrong/a.tgz"), vec![])),
        ("/plain/index.yaml", (307, signed("http://unnamed.example/a.tgz"), vec![])),
        ("/gone/index.yaml", (200, vec![], entry("none.tgz", "").into())),
        ("/same/index.yaml", (200, vec![], index.as_bytes().to_vec())),
        ("/same/web-1.2.3.tgz", (200, vec![], packed.to_vec())),
        ("/large/index.yaml", (200, vec![], vec![b' '; (32 << 20) + 1])),
    ]
    .into_iter()
    .map(|(path, page)| (path.to_owned(), page))
    .collect()
}

#[test]
fn what_a_repository_answers_is_taken_or_refused_by_name() {
    let (folder, real) = chart_repository(&[("web", "1.2.3")]);
    let packed = std::fs::read(folder.path().join("packed/web-1.2.3.tgz")).expect("packed");
    let index = std::fs::read_to_string(folder.path().join("packed/index.yaml")).expect("an index");
    let elsewhere = serve_folder(folder.path().join("packed"));
    let pages = pages(&real, &packed, &index);
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let remember = Arc::clone(&seen);
    let address = serve(Arc::new(move |request| {
        let secret = request.headers().contains_key("authorization");
        remember.lock().expect("a list").push(format!("{} {secret}", request.uri().path()));
        pages.get(request.uri().path()).cloned().unwrap_or((404, vec![], vec![]))
    }));
    let named = hosts(&[&address, &real]);
    for (path, expected) in [
        ("same", Ok(())),
        ("moved", Ok(())),
        ("link", Ok(())),
        ("right", Ok(())),
        ("none", Err(("chart-refused", "404"))),
        ("empty", Err(("chart-refused", "no chart of the name `web`"))),
        ("html", Err(("chart-refused", "its index.yaml:"))),
        ("down", Err(("chart-unavailable", "503"))),
        ("closed", Err(("chart-credential-missing", "boucle charts add"))),
        ("round", Err(("chart-refused", "too often"))),
        ("away", Err(("chart-host-not-named", "--charts-from unnamed.example"))),
        ("other", Err(("chart-host-not-named", "--charts-from unnamed.example"))),
        ("wrong", Err(("chart-refused", "was announced"))),
        ("busy", Err(("chart-unavailable", "/down/index.yaml answers 503"))),
        ("signed", Err(("chart-refused", "/wrong/a.tgz gives sha256:"))),
        ("plain", Err(("chart-refused", "`http://unnamed.example/a.tgz` is not encrypted"))),
        ("gone", Err(("chart-refused", "404"))),
        ("large", Err(("chart-refused", "more than 32 MiB"))),
    ] {
        let web = chart(&format!("http://{address}/{path}"), "web", "1.2.3");
        match (fetched(&web, &named), expected) {
            (Ok(found), Ok(())) => assert_eq!(found, packed, "{path}"),
            (Err(problem), Err((code, needle))) => {
                assert_eq!(problem.code(), code, "{path}: {problem}");
                assert!(problem.to_string().contains(needle), "{path}: {problem}");
                assert!(!problem.to_string().contains("X-Amz"), "{path}: {problem}");
            }
            (found, expected) => panic!("{path}: {found:?}, not {expected:?}"),
        }
    }
    let seen = seen.lock().expect("a list");
    assert!(seen.iter().all(|line| line.ends_with("false")), "no credentials: {seen:?}");
    let web = chart(&format!("http://{elsewhere}"), "web", "1.2.3");
    let said = fetched(&web, &named).expect_err("not named");
    assert_eq!(said.code(), "chart-host-not-named");
    let nobody = chart("http://127.0.0.1:1", "web", "1.2.3");
    let said = fetched(&nobody, &hosts(&["127.0.0.1:1"])).expect_err("nobody answers");
    assert_eq!(said.code(), "chart-unavailable");
}

/// This project's registry on loopback with a chart that the real Helm pushed as `demo/charts/web`.
fn chart_registry() -> (tempfile::TempDir, String) {
    let folder = testkit::temporary_folder();
    pack(folder.path(), &[("web", "1.2.3+build.1")]);
    let registry =
        Registry::open(&folder.path().join("data"), Limits::default()).expect("a registry");
    let allow: Authorise = Arc::new(|_| Box::pin(async { Access::Allowed }));
    let address = listen(registry::http::routes(registry, allow));
    let to = format!("oci://{address}/demo/charts");
    let file = "packed/web-1.2.3+build.1.tgz";
    run_helm(folder.path(), &["push", file, &to, "--plain-http"]);
    (folder, address)
}

#[test]
fn a_chart_of_a_registry_is_fetched_and_rendered() {
    let (folder, address) = chart_registry();
    let packed = std::fs::read(folder.path().join("packed/web-1.2.3+build.1.tgz")).expect("packed");
    let web = chart(&format!("oci://{address}/demo/charts"), "web", "1.2.3+build.1");
    let bytes = fetched(&web, &hosts(&[&address])).expect("the chart");
    assert_eq!(bytes, packed);
    let find = |chart: &Chart| {
        Ok(Arc::new(ChartArchive::of(chart, &packed, ArchiveForm::Chart, None).expect("a chart")))
    };
    let rendering = rendered(&web, &find, HelmOptions::default()).expect("a rendering");
    assert_eq!(rendering.manifests[0]["data"]["version"], "1.2.3+build.1");
    let none = chart(&format!("oci://{address}/demo/charts"), "web", "1.2.4");
    let said = fetched(&none, &hosts(&[&address])).expect_err("no such version");
    assert_eq!(said.code(), "chart-refused");
}

/// Files as `flux push artifact` and others pack them.
fn tarred(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).expect("an entry");
    }
    builder.into_inner().expect("an archive")
}

/// An artifact in a registry, and its manifest's digest.
fn artifact(kind: &str, layer: Vec<u8>) -> (String, String) {
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}")},
        "layers": [{"mediaType": kind, "digest": digest_of(&layer), "size": layer.len()}],
    });
    let manifest = manifest.to_string().into_bytes();
    let digest = digest_of(&manifest);
    let named = digest.clone();
    let address = serve(Arc::new(move |request| match request.uri().path() {
        "/v2/team/app/manifests/1.2.3" => (200, vec![], manifest.clone()),
        path if path == format!("/v2/team/app/manifests/{named}") => {
            (200, vec![], manifest.clone())
        }
        // A registry that answers with something else than it was asked for.
        path if path.starts_with("/v2/team/app/manifests/sha256:") => {
            (200, vec![], manifest.clone())
        }
        path if path.starts_with("/v2/team/app/blobs/") => (200, vec![], layer.clone()),
        _ => (404, vec![], vec![]),
    }));
    (address, digest)
}

/// What an application of an artifact renders to, as names.
fn of_artifact(
    address: &str,
    version: &str,
    request: render::Request,
) -> Result<Vec<String>, RenderError> {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  source: \
         {{repoURL: 'oci://{address}/team/app', targetRevision: '{version}', path: .}}\n  destination: \
         {{name: local}}\n"
    );
    let application = deployments::Application::parse("a.yaml", &text).expect("an application");
    let chart = application.source.chart.expect("what is not in Git");
    let store = testkit::temporary_folder();
    let store = ChartStore::in_folder(store.path());
    let find = |chart: &Chart| {
        let hosts = hosts(&[address]);
        let fetch = fetch_chart(chart, &hosts, None, ask);
        let (bytes, form) = runtime().block_on(fetch)?;
        store.keep(chart, &bytes, form, None)?;
        Ok(Arc::new(store.get(chart, None)?.expect("it was kept")))
    };
    let content = Content::Chart(&chart);
    let input = SourceInput { content, name: None, request: Some(request), overridden: None };
    let rendering = render(&[input], helm(), &find)?;
    assert_eq!(rendering.charts.len(), 1, "its digest is on record");
    let names = rendering.manifests.iter().filter_map(|one| one["metadata"]["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

#[test]
fn other_files_of_a_registry_are_rendered_as_those_of_a_repository() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let files = tarred(&[
        ("plain/a.yaml", map),
        ("kustomize/kustomization.yaml", "namePrefix: k-\nresources: [a.yaml]\n"),
        ("kustomize/a.yaml", map),
    ]);
    let at = |path: &str| render::Request { path: path.into(), ..render::Request::default() };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &files).expect("memory");
    let zipped = gzip.finish().expect("memory");
    for (kind, layer) in [
        ("application/vnd.oci.image.layer.v1.tar+gzip", &zipped),
        ("application/vnd.cncf.flux.content.v1.tar+gzip", &zipped),
        ("application/vnd.oci.image.layer.v1.tar", &files),
    ] {
        let (address, digest) = artifact(kind, layer.clone());
        assert_eq!(of_artifact(&address, "1.2.3", at("plain")).expect(kind), ["a"]);
        assert_eq!(of_artifact(&address, &digest, at("kustomize")).expect(kind), ["k-a"]);
        let whole = render::Request {
            directory: render::DirectoryOptions {
                recurse: true,
                exclude: "kustomize/*".into(),
                ..render::DirectoryOptions::default()
            },
            ..at("")
        };
        assert_eq!(of_artifact(&address, "1.2.3", whole).expect(kind), ["a"]);
        let other = format!("sha256:{}", "0".repeat(64));
        let said = of_artifact(&address, &other, at("plain")).expect_err("another manifest");
        assert_eq!(said.code, "chart-refused", "{said}");
        assert!(said.message.contains(&other), "{said}");
        let said = of_artifact(&address, "1.2.3", at("none")).expect_err("no such folder");
        assert!(said.to_string().contains("in the artifact app 1.2.3 of oci://"), "{said}");
    }
    let (address, _) = artifact("application/octet-stream", files);
    let said = of_artifact(&address, "1.2.3", at("plain")).expect_err("no such files");
    assert!(said.message.contains("`application/octet-stream`"), "{said}");
}

/// What a registry that wants a token says, and what it saw.
#[derive(Default)]
struct Guard {
    seen: Mutex<Vec<String>>,
}

#[test]
fn a_registry_gives_anybody_a_token_for_what_is_public() {
    let (folder, real) = chart_registry();
    let packed = std::fs::read(folder.path().join("packed/web-1.2.3+build.1.tgz")).expect("packed");
    let ask_real = move |path: &str| {
        let mut request =
            probes::Request::get(format!("http://{real}{path}"), AddressPolicy::UserGiven);
        request = request.header("Accept", "application/vnd.oci.image.manifest.v1+json");
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(dialer().send(&request)).expect("an answer")
        })
        .body
    };
    // Blobs are on another host, as large registries have it, and that one must get no token.
    let guard = Arc::new(Guard::default());
    let (of_blobs, bytes) = (Arc::clone(&guard), packed.clone());
    let blobs = serve(Arc::new(move |request| {
        let has_token = request.headers().contains_key("authorization");
        of_blobs.seen.lock().expect("a list").push(format!("blob {has_token}"));
        (200, vec![], bytes.clone())
    }));
    let of_tokens = Arc::clone(&guard);
    let tokens = serve(Arc::new(move |request| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let has_token = request.headers().contains_key("authorization");
        of_tokens.seen.lock().expect("a list").push(format!("token {has_token} {query}"));
        match query.contains("closed") {
            true => (403, vec![], vec![]),
            false => (200, vec![], br#"{"token":"for-anybody"}"#.to_vec()),
        }
    }));
    let (to, realm) = (blobs.clone(), tokens.clone());
    let address = serve(Arc::new(move |request| {
        let path = request.uri().path();
        let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let service = path.split('/').nth(2).unwrap_or_default();
        if token != Some("Bearer for-anybody") || service == "never" {
            let challenge = format!("Bearer realm=\"http://{realm}/token\",service=\"{service}\"");
            return (401, vec![("WWW-Authenticate", challenge)], vec![]);
        }
        if path.contains("/blobs/") {
            return (307, vec![("Location", format!("http://{to}/a-blob"))], vec![]);
        }
        (200, vec![], ask_real("/v2/demo/charts/web/manifests/1.2.3_build.1"))
    }));
    let web = |path: &str| chart(&format!("oci://{address}/{path}"), "web", "1.2.3+build.1");
    let all = hosts(&[&address, &blobs, &tokens]);
    assert_eq!(fetched(&web("open"), &all).expect("the chart"), packed);
    {
        let seen = guard.seen.lock().expect("a list");
        let scope = "service=open&scope=repository%3Aopen%2Fweb%3Apull";
        assert_eq!(*seen, [format!("token false {scope}"), "blob false".to_owned()]);
    }
    for (path, named, code) in [
        ("closed", &all, "chart-refused"),
        ("never", &all, "chart-credential-missing"),
        ("open", &hosts(&[&address, &blobs]), "chart-host-not-named"),
        ("open", &hosts(&[&address, &tokens]), "chart-host-not-named"),
    ] {
        let said = fetched(&web(path), named).expect_err(path);
        assert_eq!(said.code(), code, "{path}: {said}");
    }
}

/// The chart `parent` in Git, which depends on others; its files.
fn parent(folder: &Path, dependencies: &str) -> BTreeMap<String, Vec<u8>> {
    let about =
        format!("apiVersion: v2\nname: parent\nversion: 0.1.0\ndependencies:\n{dependencies}");
    write(folder, "parent/Chart.yaml", &about);
    write(folder, "parent/templates/a.yaml", TEMPLATE);
    ["Chart.yaml", "Chart.lock", "templates/a.yaml"]
        .into_iter()
        .filter_map(|path| {
            let bytes = std::fs::read(folder.join("parent").join(path)).ok()?;
            Some((format!("parent/{path}"), bytes))
        })
        .collect()
}

#[test]
fn dependencies_are_fetched_in_the_version_of_the_lock() {
    let (folder, address) =
        chart_repository(&[("web", "1.2.3"), ("web", "1.3.0"), ("db", "2.0.0")]);
    let (_registry, oci) = chart_registry();
    let named = hosts(&[&address, &oci]);
    let find = |chart: &Chart| {
        let bytes = fetched(chart, &named)?;
        Ok(Arc::new(ChartArchive::of(chart, &bytes, ArchiveForm::Chart, None).expect("a chart")))
    };
    let names = |files: &BTreeMap<String, Vec<u8>>| {
        let application = Asker { name: "app".into(), ..Asker::default() };
        let request =
            render::Request { path: "parent".into(), application, ..render::Request::default() };
        let content = Content::Tree(files);
        let input = SourceInput { content, name: None, request: Some(request), overridden: None };
        render(&[input], helm(), &find).map(|rendering| {
            let name = |one: &serde_json::Value| {
                let version = one["data"]["version"].as_str().unwrap_or_default().to_owned();
                format!("{} {version}", one["metadata"]["name"].as_str().unwrap_or_default())
            };
            let mut names: Vec<String> = rendering.manifests.iter().map(name).collect();
            names.sort();
            (names, rendering.charts)
        })
    };
    let range = format!(
        "- {{name: web, version: '>=1.2.0 <1.3.0 || 1.0.0', repository: 'http://{address}', \
         import-values: [{{parent: b, child: a}}, data]}}\n- {{name: db, version: ^2.0.0, \
         repository: 'http://{address}', condition: db.enabled, tags: [a, b], alias: }}\n"
    );
    let files = parent(folder.path(), &range);
    let said = names(&files).expect_err("a range without a lock");
    assert!(said.to_string().contains("Chart.lock"), "{said}");
    run_helm(folder.path(), &["dependency", "update", "parent"]);
    let files = parent(folder.path(), &range);
    let (found, charts) = names(&files).expect("a rendering");
    assert_eq!(found, ["db-app 2.0.0", "parent-app 0.1.0", "web-app 1.2.3"]);
    let kept: Vec<&String> = charts.keys().collect();
    let [db, web] = ["db 2.0.0", "web 1.2.3"].map(|one| format!("{one} of http://{address}"));
    assert_eq!(kept, [&db, &web]);

    // A lock of another list says nothing.
    let other = parent(folder.path(), &range.replace("<1.3.0", "<1.4.0"));
    let said = names(&other).expect_err("another list");
    assert_eq!((said.code, said.file.as_str()), ("chart-lock", "parent/Chart.lock"));

    std::fs::remove_file(folder.path().join("parent/Chart.lock")).expect("there was one");
    let exact = format!(
        "- {{name: web, version: 1.3.0, repository: 'http://{address}'}}\n- {{name: web, version: \
         1.2.3+build.1, repository: 'oci://{oci}/demo/charts', alias: other}}\n"
    );
    let (found, _) = names(&parent(folder.path(), &exact)).expect("a rendering");
    assert_eq!(found, ["other-app 1.2.3+build.1", "parent-app 0.1.0", "web-app 1.3.0"]);
    let missing = exact.replace("1.3.0", "1.9.0").replace(&oci, "127.0.0.1:1");
    let said = names(&parent(folder.path(), &missing)).expect_err("neither is there");
    assert_eq!(said.chart.map(|one| one.code()), Some("chart-refused"));
}
