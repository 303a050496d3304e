//! Charts of a chart repository and of this server's own registry, from a push to the rendered
//! commit, also while nobody answers.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;

use crate::charts::{CHART, CONFIGURATION, TEMPLATE, World, application, helm};
use crate::git::{commit, works};
use crate::harness::{Server, wait_for};

/// A chart repository on loopback, which can be made to answer nothing.
pub struct Site {
    pub folder: tempfile::TempDir,
    pub address: String,
    pub is_open: Arc<AtomicBool>,
    pub asked: Arc<AtomicUsize>,
}

impl Site {
    pub fn start() -> Self {
        Self::behind(None)
    }

    /// Answers only who says this name and this password.
    pub fn behind(login: Option<(&str, &str)>) -> Self {
        let login = login.map(|(name, password)| format!("Basic {}", encoded(name, password)));
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (is_open, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (root, open, count) =
            (folder.path().join("packed"), Arc::clone(&is_open), Arc::clone(&asked));
        // It ends with the process of the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                if open.load(Ordering::SeqCst) {
                    // A client that hangs up is its own affair.
                    let _ = answer(&stream, &root, login.as_deref());
                }
            }
        });
        Self { folder, address, is_open, asked }
    }

    /// Packs a chart of the name `web` in this version, whose object is called after its release.
    pub fn publish(&self, version: &str) {
        let chart = self.folder.path().join("web");
        std::fs::create_dir_all(chart.join("templates")).expect("a folder");
        std::fs::write(chart.join("Chart.yaml"), CHART.replace("1.0.0", version)).expect("a file");
        std::fs::write(chart.join("templates/a.yaml"), TEMPLATE).expect("a file");
        run_helm(self.folder.path(), &["package", "web", "--destination", "packed"]);
        run_helm(self.folder.path(), &["repo", "index", "packed"]);
    }
}

fn encoded(name: &str, password: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"))
}

fn answer(mut stream: &TcpStream, root: &Path, login: Option<&str>) -> std::io::Result<()> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
    reader.read_line(&mut line)?;
    let path =
        line.split_whitespace().nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let mut sent = None;
    while line.trim_end() != "" {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end().split_once(": ");
        sent = sent.or(header
            .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value.to_owned()));
    }
    let (status, body) = match std::fs::read(root.join(path)) {
        _ if login.is_some() && sent.as_deref() != login => ("401 Unauthorized", Vec::new()),
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}

pub fn run_helm(home: &Path, arguments: &[&str]) {
    let mut command = Command::new(helm());
    command.args(arguments).current_dir(home).env_clear().env("HOME", home);
    let ended = command.output().expect("helm starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// Writes what Helm needs to push as the owner of a server; the file.
pub fn log_in(home: &Path, address: &str, token: &str) -> String {
    let auth = encoded("owner", token);
    let text = format!("{{\"auths\": {{\"{address}\": {{\"auth\": \"{auth}\"}}}}}}");
    let file = home.join("registry.json");
    std::fs::write(&file, text).expect("it is written");
    file.to_string_lossy().into_owned()
}

fn source(site: &Site, version: &str) -> String {
    let address = &site.address;
    format!(
        "  sources:\n  - {{repoURL: 'http://{address}', chart: web, targetRevision: {version}, helm: \
         {{valueFiles: [$v/values/prod.yaml]}}}}\n  - {{repoURL: me/one, ref: v}}\n"
    )
}

/// A set that names the version of each of its applications.
fn set(site: &Site) -> String {
    let address = &site.address;
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: listed}}\nspec:\n  \
         goTemplate: true\n  generators: [{{list: {{elements: [{{name: listed, version: 1.0.0}}]}}}}]\n  \
         template:\n    metadata: {{name: '{{{{.name}}}}'}}\n    spec:\n      project: default\n      \
         source: {{repoURL: 'http://{address}', chart: web, targetRevision: '{{{{.version}}}}', helm: \
         {{valuesObject: {{colour: red}}}}}}\n      destination: {{name: local, namespace: shop}}\n"
    )
}

pub const FILE: &str = "shop/configmap-web.yaml";

#[test]
fn a_chart_is_fetched_once_and_stays_when_nobody_answers() {
    let site = Site::start();
    site.publish("1.0.0");
    let arguments = ["--helm", &helm(), "--charts-from", &site.address];
    let world = World::with(&["one"], &arguments);
    world.write("one", "boucle.yaml", CONFIGURATION);
    world.write("one", "values/prod.yaml", "colour: green\n");
    world.write("one", "apps/web.yaml", &application("web", &source(&site, "1.0.0")));
    let unnamed = "  source: {repoURL: 'https://charts.example.test', chart: x, targetRevision: \
                   1.0.0}\n";
    world.write("one", "apps/unnamed.yaml", &application("unnamed", unnamed));
    world.write("one", "apps/set.yaml", &set(&site));
    world.push("one");
    world.wait_rendered("one", "web", FILE, "colour: green");
    world.wait_rendered("one", "listed", "shop/configmap-listed.yaml", "colour: red");
    let said = world.reason("unnamed", "--charts-from charts.example.test");
    assert!(said.contains("x 1.0.0 of https://charts.example.test"), "{said}");
    let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.rendered"]).out;
    assert!(facts.contains("web 1.0.0 of http://") && facts.contains("sha256:"), "{facts}");

    // What was fetched needs nobody. The site takes connections and says nothing.
    site.is_open.store(false, Ordering::SeqCst);
    let asked = site.asked.load(Ordering::SeqCst);
    let propose = |number: &str, path: &str, text: &str| {
        world.write("one", path, text);
        commit(&world.folder("one"), "proposed.txt", &format!("{number}\n"));
        let address = world.server.address("me/one");
        works(&world.folder("one"), &["push", "--quiet", &address, "HEAD:refs/for/main"]);
        let shown = world.server.boucle(&["pr", "diff", "me/one", number]).json();
        let merged = world.server.boucle(&["pr", "merge", "me/one", number]);
        assert_eq!(merged.code, 0, "{}{}", merged.out, merged.err);
        shown["consequences"].to_string()
    };
    let shown = propose("1", "values/prod.yaml", "colour: blue\n");
    assert!(shown.contains("colour: blue"), "{shown}");
    world.wait_rendered("one", "web", FILE, "colour: blue");
    assert_eq!(site.asked.load(Ordering::SeqCst), asked, "nobody was asked again");

    // A version that cannot be had is waited for, beside everything else.
    let shown = propose("2", "apps/web.yaml", &application("web", &source(&site, "1.1.0")));
    assert!(shown.contains("chart-unavailable"), "{shown}");
    let said = world.reason("web", "cannot be fetched now");
    assert!(said.contains("web 1.1.0") && said.contains("what is deployed stays"), "{said}");
    let reasons = world.reasons("web");
    assert_eq!(reasons[0]["code"], "chart-unavailable", "{reasons:?}");
    assert!(world.rendered("one", "web", FILE).contains("colour: blue"));
    let plain = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    world.write("one", "plain/a.yaml", plain);
    propose(
        "3",
        "apps/plain.yaml",
        &application("plain", "  source: {repoURL: me/one, path: plain}\n"),
    );
    world.wait_rendered("one", "plain", "cluster/configmap-a.yaml", "name: a");
    site.publish("1.1.0");
    site.is_open.store(true, Ordering::SeqCst);
    wait_for("the newer chart", || {
        let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.rendered"]).out;
        facts.contains("web 1.1.0 of http://")
    });
    wait_for("no reason", || world.reasons("web").is_empty());

    // A start asks nobody either, and finds everything as it was.
    site.is_open.store(false, Ordering::SeqCst);
    let (asked, rendered) =
        (site.asked.load(Ordering::SeqCst), world.facts("deployments.rendered"));
    let World { server, work, data } = world;
    drop(server);
    let server = Server::start(data.path(), &arguments);
    let world = World { server, work, data };
    wait_for("the application", || {
        let shown = world.server.boucle(&["app", "show", "web"]).json();
        shown["application"]["sync"] == "synced"
    });
    assert_eq!(world.facts("deployments.rendered"), rendered);
    assert_eq!(site.asked.load(Ordering::SeqCst), asked);
    assert_eq!(world.server.boucle(&["admin", "rebuild-views"]).code, 0);
}

#[test]
fn a_chart_of_the_own_registry_is_read_by_those_who_may() {
    let site = Site::start();
    site.publish("1.0.0");
    let world = World::new(&["app", "charts"]);
    let address = world.server.url().trim_start_matches("http://").to_owned();
    let token = std::fs::read_to_string(world.data.path().join("token")).expect("a token");
    let settings = log_in(site.folder.path(), &address, token.trim());
    let to = format!("oci://{address}/me/charts");
    let push = |file: &str| {
        let arguments = ["push", file, &to, "--plain-http", "--registry-config", &settings];
        run_helm(site.folder.path(), &arguments);
    };
    push("packed/web-1.0.0.tgz");
    world.write("app", "boucle.yaml", CONFIGURATION);
    let values = "helm: {valuesObject: {colour: green}}";
    let short =
        format!("  source: {{repoURL: me/charts, chart: web, targetRevision: 1.0.0, {values}}}\n");
    world.write("app", "apps/web.yaml", &application("web", &short));
    let whole = format!("  source: {{repoURL: '{to}/web', targetRevision: 1.0.0, {values}}}\n");
    world.write("app", "apps/whole.yaml", &application("whole", &whole));
    world.write(
        "app",
        "parent/Chart.yaml",
        &format!(
            "{}dependencies: [{{name: web, version: 1.0.0, repository: '{to}'}}]\n",
            CHART.replace("web", "parent")
        ),
    );
    let parent = "  source: {repoURL: me/app, path: parent, helm: {valuesObject: {web: {colour: \
                  red}}}}\n";
    world.write("app", "apps/parent.yaml", &application("parent", parent));
    world.push("app");
    // The repository is private and does not name it.
    for name in ["web", "whole", "parent"] {
        let said = world.reason(name, "`sourceOf`");
        assert!(said.contains("me/charts") && said.contains("me/app"), "{said}");
    }
    world.write("charts", "boucle.yaml", "version: 1\nsourceOf: [me/app]\n");
    world.push("charts");
    world.wait_rendered("app", "web", FILE, "colour: green");
    world.wait_rendered("app", "whole", "shop/configmap-whole.yaml", "colour: green");
    world.wait_rendered("app", "parent", "shop/configmap-parent.yaml", "colour: red");

    // Other bytes under the same version are refused.
    std::fs::write(site.folder.path().join("web/more.txt"), "more").expect("it is written");
    site.publish("1.0.0");
    push("packed/web-1.0.0.tgz");
    world.write("app", "apps/web.yaml", &application("web", &short.replace("green", "blue")));
    world.push_to("app", "refs/for/main");
    let merged = world.server.boucle(&["pr", "merge", "me/app", "1"]);
    assert_eq!(merged.code, 0, "{}{}", merged.out, merged.err);
    let said = world.reason("web", "never changes");
    assert!(said.contains("name another version"), "{said}");
    assert!(world.rendered("app", "web", FILE).contains("colour: green"));
}
