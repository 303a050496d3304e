//! Charts, rendered by the real Helm.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use deployments::{Chart, ChartProblem};
use kustomize::{EntryKind, Tree};
use render::{
    Asker, ChartArchive, Content, HelmOptions, Parameter, Programs, RenderError, RenderLimits,
    Renderers, Rendering, Request, SourceInput, Tool, render,
};
use sandbox::Launcher;
use serde_json::{Value, json};
use testkit::kubernetes::programs::Program;

/// The runtime in which Helm is waited for.
pub fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("a runtime")
    })
}

/// A test's own `main` is not the sandbox's.
pub fn launcher() -> Launcher {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_render-sandbox-helper"));
    Launcher { program, arguments: Vec::new() }
}

/// The real Helm.
pub fn program() -> PathBuf {
    match Program::Helm.find_or_build() {
        Ok(program) => program,
        Err(error) => panic!("no helm: {error:#}"),
    }
}

/// What renders on this machine, with this Helm.
pub fn renderers(helm: Option<PathBuf>) -> Renderers {
    let jsonnet = launcher().program;
    let programs = Programs { helm, jsonnet, ..Programs::default() };
    Renderers::new(programs, launcher(), runtime().handle().clone())
}

/// The same, as the renderer runs it.
pub fn helm() -> &'static Renderers {
    static HELM: OnceLock<Renderers> = OnceLock::new();
    HELM.get_or_init(|| renderers(Some(program())))
}

type Files = BTreeMap<String, Vec<u8>>;

fn tree(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(path, text)| ((*path).into(), text.as_bytes().to_vec())).collect()
}

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\n";

/// Prints values as the data of one object.
const SETTINGS: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data:
  namespace: {{ .Release.Namespace }}
  values: {{ .Values | toJson | quote }}
";

fn chart(more: &[(&str, &str)]) -> Files {
    let mut files = tree(&[("web/Chart.yaml", CHART), ("web/templates/settings.yaml", SETTINGS)]);
    files.extend(tree(more));
    files
}

fn request(helm: HelmOptions) -> Request {
    let application = Asker { name: "app".into(), namespace: "shop".into(), ..Asker::default() };
    Request { path: "web".into(), helm, application, ..Request::default() }
}

/// For tests without charts from elsewhere.
pub fn no_charts(chart: &Chart) -> Result<Arc<ChartArchive>, ChartProblem> {
    let host = chart.host().unwrap_or_default().to_owned();
    Err(ChartProblem::HostNotNamed { chart: chart.clone(), host })
}

fn rendered_by(
    helm: &Renderers,
    files: &dyn Tree,
    request: Request,
) -> Result<Rendering, RenderError> {
    let content = Content::Tree(files);
    render(
        &[SourceInput { content, name: None, request: Some(request), overridden: None }],
        helm,
        &no_charts,
    )
}

#[track_caller]
fn rendered(files: &Files, options: HelmOptions) -> Rendering {
    match rendered_by(helm(), files, request(options)) {
        Ok(rendering) => rendering,
        Err(error) => panic!("{error}"),
    }
}

fn names(rendering: &Rendering) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let name = |one: &Value| format!("{} {}", text(&one["kind"]), text(&one["metadata"]["name"]));
    let mut names: Vec<String> = rendering.manifests.iter().map(name).collect();
    names.sort();
    names
}

/// The values that the chart's template saw.
#[track_caller]
fn check(files: &Files, options: HelmOptions, expected: Value) {
    let rendering = rendered(files, options);
    let data = rendering.manifests.iter().find_map(|one| one["data"]["values"].as_str());
    let values: Value = serde_json::from_str(data.expect("the settings")).expect("JSON");
    assert_eq!(values, expected);
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn parameter(name: &str, value: &str, force_string: bool) -> Parameter {
    Parameter { name: name.into(), value: value.into(), force_string }
}

#[test]
fn a_chart_is_rendered_for_its_application() {
    let files = chart(&[]);
    let rendering = rendered(&files, HelmOptions::default());
    assert_eq!(names(&rendering), ["ConfigMap app-settings"]);
    assert_eq!(rendering.manifests[0]["data"]["namespace"], "shop");
    let opened: Vec<&str> = rendering.opened[0]
        .iter()
        .map(String::as_str)
        .filter(|path| !path.contains("argocd"))
        .collect();
    let asked = ["Chart.yaml", "Kustomization", "kustomization.yaml", "kustomization.yml"];
    let asked = asked.map(|name| format!("web/{name}"));
    assert_eq!(opened, [&["web/".to_owned()][..], &asked[..]].concat());
    let options =
        HelmOptions { release_name: "other".into(), namespace: "far".into(), ..Default::default() };
    let rendering = rendered(&files, options);
    assert_eq!(names(&rendering), ["ConfigMap other-settings"]);
    assert_eq!(rendering.manifests[0]["data"]["namespace"], "far");
}

#[test]
fn values_win_over_each_other_as_in_argo_cd() {
    let files = chart(&[
        ("web/values.yaml", "a: chart\nb: chart\nc: chart\nd: chart\ne: chart\n"),
        ("web/one.yaml", "b: one\nc: one\nd: one\n"),
        ("shared/two.yaml", "c: two\nd: two\n"),
        ("web/text.txt", "from a file, as it is"),
    ]);
    let options = HelmOptions {
        value_files: texts(&["one.yaml", "/shared/two.yaml", "../shared/two.yaml"]),
        values: "d: application\n".into(),
        ..HelmOptions::default()
    };
    let expected = json!({"a": "chart", "b": "one", "c": "two", "d": "application", "e": "chart"});
    check(&files, options.clone(), expected);
    let options = HelmOptions {
        parameters: vec![
            parameter("a", "1", false),
            parameter("a", "2", false),
            parameter("b", "3", true),
            parameter("c", "{x,y}", false),
            parameter("d", "p,q", false),
            parameter("f.g[0]", "$ARGOCD_APP_NAME in $$", false),
        ],
        file_parameters: vec![("e".into(), "text.txt".into())],
        ..options
    };
    let expected = json!({"a": 2, "b": "3", "c": ["x", "y"], "d": "p,q",
        "e": "from a file, as it is", "f": {"g": ["app in $"]}});
    check(&files, options, expected);
}

#[test]
fn patterns_are_read_by_name_and_files_stand_where_they_are_named() {
    let files = chart(&[
        ("web/v/a.yaml", "last: a\n"),
        ("web/v/b.yaml", "last: b\n"),
        ("web/v/c.yaml", "last: c\n"),
        ("web/v/deep/d.yaml", "last: d\n"),
        ("all/e.yaml", "last: e\n"),
    ]);
    let last = |files_of: &[&str]| {
        (HelmOptions { value_files: texts(files_of), ..HelmOptions::default() }, files_of.join(" "))
    };
    for (list, expected) in [
        (last(&["v/*.yaml"]), "c"),
        (last(&["v/**/*.yaml"]), "d"),
        (last(&["v/*.yaml", "v/a.yaml"]), "a"),
        (last(&["v/[ab].yaml"]), "b"),
        (last(&["v/{a,b}*.yaml"]), "b"),
        (last(&["v/a.yaml", "/all/*.yaml"]), "e"),
        (last(&["v/$ARGOCD_APP_NAME*.yaml", "v/b.yaml"]), "b"),
    ] {
        let options = HelmOptions { ignore_missing_value_files: true, ..list.0 };
        let rendering = rendered(&files, options);
        let data = rendering.manifests[0]["data"]["values"].as_str().unwrap();
        assert_eq!(data, format!("{{\"last\":\"{expected}\"}}"), "{}", list.1);
    }
    let options = HelmOptions {
        value_files: texts(&["/all/*.yaml", "/all/no.yaml"]),
        ignore_missing_value_files: true,
        ..HelmOptions::default()
    };
    let opened = &rendered(&files, options).opened[0];
    assert!(opened.contains("all/") && !opened.contains("all/e.yaml"));
    assert!(opened.contains("all/no.yaml"), "a file that comes later changes the rendering");
}

#[test]
fn what_is_left_out_and_what_the_cluster_is_said_to_be() {
    let files = chart(&[
        (
            "web/crds/crd.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: crd}\n",
        ),
        (
            "web/templates/tests/t.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: test, annotations: {helm.sh/hook: test}}\n",
        ),
        (
            "web/templates/kube.yaml",
            "{{ if .Capabilities.APIVersions.Has \"example.org/v1/Thing\" }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: kube-{{ .Capabilities.KubeVersion.Minor }}}\n{{ end }}\n",
        ),
        ("web/templates/NOTES.txt", "not: [a manifest"),
        (
            "web/templates/found.yaml",
            "{{ if lookup \"v1\" \"Namespace\" \"\" \"default\" }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: found}\n{{ end }}\n",
        ),
        ("web/values.schema.json", r#"{"properties": {"port": {"type": "integer"}}}"#),
    ]);
    let all = ["ConfigMap app-settings", "CustomResourceDefinition crd", "Pod test"];
    assert_eq!(names(&rendered(&files, HelmOptions::default())), all);
    let options = HelmOptions {
        skip_crds: true,
        skip_tests: true,
        kube_version: "1.29.4".into(),
        api_versions: texts(&["example.org/v1/Thing"]),
        ..HelmOptions::default()
    };
    let names = names(&rendered(&files, options));
    assert_eq!(names, ["ConfigMap app-settings", "ConfigMap kube-29"]);
    let wrong = HelmOptions { values: "port: many".into(), ..HelmOptions::default() };
    check_refused(&files, wrong.clone(), "helm-failed", &["port", "integer"]);
    rendered(&files, HelmOptions { skip_schema_validation: true, ..wrong });
}

fn dependent(dependencies: &str) -> String {
    format!("{CHART}dependencies:\n{dependencies}")
}

fn part(name: &str) -> String {
    format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n")
}

const PART: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: part-{{ .Chart.Name }}}\n";

#[test]
fn dependencies_are_rendered_when_they_are_in_git() {
    let there = "- {name: inner, version: 0.1.0, repository: 'https://charts.example.test'}\n";
    let unpacked = chart(&[
        ("web/Chart.yaml", &dependent(there)),
        ("web/charts/inner/Chart.yaml", &part("inner")),
        ("web/charts/inner/templates/part.yaml", PART),
    ]);
    let both = ["ConfigMap app-settings", "ConfigMap part-inner"];
    assert_eq!(names(&rendered(&unpacked, HelmOptions::default())), both);

    let mut packed = chart(&[("web/Chart.yaml", &dependent(there))]);
    packed.insert("web/charts/inner-0.1.0.tgz".into(), package());
    assert_eq!(names(&rendered(&packed, HelmOptions::default())), both);

    let local = chart(&[
        (
            "web/Chart.yaml",
            &dependent("- {name: inner, version: 0.1.0, repository: 'file://../parts/inner'}\n"),
        ),
        (
            "parts/inner/Chart.yaml",
            &format!(
                "{}dependencies:\n- {{name: leaf, version: 0.1.0, repository: 'file://../leaf'}}\n",
                part("inner")
            ),
        ),
        ("parts/inner/templates/part.yaml", PART),
        ("parts/leaf/Chart.yaml", &part("leaf")),
        ("parts/leaf/templates/part.yaml", PART),
    ]);
    let rendering = rendered(&local, HelmOptions::default());
    let three = ["ConfigMap app-settings", "ConfigMap part-inner", "ConfigMap part-leaf"];
    assert_eq!(names(&rendering), three);
    for folder in ["web/", "parts/inner/", "parts/leaf/"] {
        assert!(rendering.opened[0].contains(folder), "{folder}: {:?}", rendering.opened);
    }
}

/// A chart as Helm packs it.
fn package() -> Vec<u8> {
    let folder = testkit::temporary_folder();
    let inner = folder.path().join("inner");
    std::fs::create_dir_all(inner.join("templates")).expect("a folder");
    std::fs::write(inner.join("Chart.yaml"), part("inner")).expect("a file");
    std::fs::write(inner.join("templates/part.yaml"), PART).expect("a file");
    let mut helm = std::process::Command::new(program());
    helm.arg("package").arg(&inner).arg("--destination").arg(folder.path());
    helm.env_clear().env("HOME", folder.path());
    let ended = helm.output().expect("helm starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    std::fs::read(folder.path().join("inner-0.1.0.tgz")).expect("it was packed")
}

#[track_caller]
fn check_refused(files: &Files, options: HelmOptions, code: &str, needles: &[&str]) {
    let error = rendered_by(helm(), files, request(options)).expect_err("refused");
    assert_eq!(error.code, code, "{error}");
    for needle in needles {
        assert!(error.to_string().contains(needle), "{needle}: {error}");
    }
}

#[test]
fn dependencies_that_are_elsewhere_are_refused_by_name() {
    let refused = |dependencies: &str, code: &str, needles: &[&str]| {
        let files = chart(&[("web/Chart.yaml", &dependent(dependencies))]);
        check_refused(&files, HelmOptions::default(), code, needles);
    };
    refused(
        "- {name: redis, version: 1.x, repository: 'https://charts.example.test'}\n",
        "chart-dependency",
        &["`redis`", "`1.x` is no exact version", "Chart.lock", "web/Chart.yaml"],
    );
    refused(
        "- {name: redis, version: 1.2.3, repository: 'oci://charts.example.test/x'}\n",
        "chart-host-not-named",
        &["redis 1.2.3", "--charts-from charts.example.test"],
    );
    refused(
        "- {name: redis, version: 1.2.3, repository: 'http://charts.example.test/x'}\n",
        "chart-dependency",
        &["without encryption"],
    );
    refused(
        "- {name: redis, version: 1.2.3, repository: '@stable'}\n",
        "chart-not-vendored",
        &["`web`", "`redis`", "`@stable`", "helm dependency build", "charts/"],
    );
    refused(
        "- {name: a, version: 1.x, repository: 'file://../../x'}\n",
        "path-outside-tree",
        &["leaves the repository"],
    );
    refused(
        "- {name: a, version: 1.x, repository: 'file:///etc'}\n",
        "path-outside-tree",
        &["leaves the repository"],
    );
    refused(
        "- {name: a, version: 1.x, repository: 'file://../none'}\n",
        "chart-dependency",
        &["`none`", "no folder"],
    );
    refused(
        "- {name: web, version: 1.x, repository: 'file://../web'}\n",
        "chart-dependency",
        &["`web` depends on itself"],
    );
}

#[test]
fn files_tell_what_a_folder_is_unless_the_application_does() {
    let mut files =
        chart(&[("web/plain.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n")]);
    let as_tool = |files: &Files, tool| {
        let request = Request { tool, ..request(HelmOptions::default()) };
        rendered_by(helm(), files, request)
    };
    let kinds = |rendering: &Rendering| names(rendering).join(" ");
    assert_eq!(kinds(&as_tool(&files, None).unwrap()), "ConfigMap app-settings");
    files.insert("web/kustomization.yaml".into(), b"resources: [plain.yaml]".to_vec());
    assert_eq!(kinds(&as_tool(&files, None).unwrap()), "Secret s", "as Argo CD finds it");
    assert_eq!(kinds(&as_tool(&files, Some(Tool::Helm)).unwrap()), "ConfigMap app-settings");
    let plain = tree(&[("web/plain.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n")]);
    let error = as_tool(&plain, Some(Tool::Helm)).unwrap_err();
    assert_eq!((error.code, error.file.as_str()), ("chart-missing", "web/Chart.yaml"));
    assert_eq!(as_tool(&plain, Some(Tool::Kustomize)).unwrap_err().code, "kustomization-missing");
    assert_eq!(kinds(&as_tool(&plain, Some(Tool::Directory)).unwrap()), "Secret s");
}

#[test]
fn sources_are_rendered_in_order_and_value_files_come_from_named_ones() {
    let (charts, settings) = (
        chart(&[("web/values.yaml", "a: chart\n")]),
        tree(&[
            ("prod/values.yaml", "a: prod\n"),
            (
                "extra/x.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-settings, namespace: shop}\ndata: {values: 'last'}\n",
            ),
        ]),
    );
    let value_files =
        |list: &[&str]| HelmOptions { value_files: texts(list), ..Default::default() };
    let sources = |options: HelmOptions, extra: bool| {
        let path = Request { path: "extra".into(), ..request(HelmOptions::default()) };
        render(
            &[
                SourceInput {
                    content: Content::Tree(&charts),
                    name: None,
                    request: Some(request(options)),
                    overridden: None,
                },
                SourceInput {
                    content: Content::Tree(&settings),
                    name: Some("s"),
                    request: extra.then_some(path),
                    overridden: None,
                },
            ],
            helm(),
            &no_charts,
        )
    };
    let rendering = sources(value_files(&["$s/prod/values.yaml"]), false).unwrap();
    assert_eq!(rendering.manifests[0]["data"]["values"], "{\"a\":\"prod\"}");
    assert!(rendering.opened[1].contains("prod/values.yaml"), "{:?}", rendering.opened);
    assert!(rendering.repeated.is_empty());
    let rendering = sources(value_files(&["$s/pr*/*.yaml"]), true).unwrap();
    assert_eq!(rendering.manifests.len(), 1);
    assert_eq!(rendering.manifests[0]["data"]["values"], "last", "the later source wins");
    assert_eq!(rendering.repeated[0].object, "ConfigMap shop/app-settings");
    assert_eq!(rendering.repeated[0].times, 2);
    for (file, code) in [
        ("$s/../x.yaml", "path-outside-tree"),
        ("$s", "file-not-found"),
        ("$s/none.yaml", "value-file-missing"),
        ("$other/values.yaml", "unknown-variable"),
    ] {
        let error = sources(value_files(&[file]), false).unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains("spec.sources[0]"), "{error}");
    }
}

#[test]
fn wrong_charts_are_refused_with_reasons() {
    let with = |path: &str, text: &str| chart(&[(path, text)]);
    let plain = HelmOptions::default;
    let files = |list: &[&str]| HelmOptions { value_files: texts(list), ..Default::default() };
    let cases: [(Files, HelmOptions, &str, &[&str]); 15] = [
        (
            with("web/Chart.yaml", "apiVersion: v9\nname: web\nversion: 1.0.0\n"),
            plain(),
            "chart-version",
            &["v9", "`v1` or `v2`"],
        ),
        (with("web/Chart.yaml", "name: [\n"), plain(), "invalid-yaml", &["web/Chart.yaml:"]),
        (
            with("web/templates/a.yaml", "{{ .Values.a | nope }}"),
            plain(),
            "helm-failed",
            &["templates/a.yaml", "nope"],
        ),
        (
            with("web/templates/a.yaml", "{{ required \"give a name\" .Values.a }}"),
            plain(),
            "helm-failed",
            &["give a name"],
        ),
        (with("web/templates/a.yaml", "a: [\n"), plain(), "helm-failed", &["a.yaml"]),
        (
            with("web/templates/a.yaml", "kind: Job\nmetadata: {name: x}\n"),
            plain(),
            "invalid-object",
            &["Job", "apiVersion"],
        ),
        (with("web/bad.yaml", "a: [\n"), files(&["bad.yaml"]), "helm-failed", &["web/bad.yaml"]),
        (
            chart(&[]),
            files(&["none.yaml"]),
            "value-file-missing",
            &["web/none.yaml", "ignoreMissingValueFiles"],
        ),
        (chart(&[]), files(&["*.no"]), "value-file-missing", &["*.no", "pattern"]),
        (chart(&[]), files(&["../../x.yaml"]), "path-outside-tree", &["leaves the repository"]),
        (chart(&[]), files(&["/../x.yaml"]), "path-outside-tree", &["leaves the repository"]),
        (chart(&[]), files(&["https://example.test/v.yaml"]), "remote-file", &["not fetched"]),
        (chart(&[]), files(&["templates"]), "invalid-value", &["folder"]),
        (
            chart(&[]),
            HelmOptions {
                file_parameters: vec![("a".into(), "/../../etc/passwd".into())],
                ..plain()
            },
            "path-outside-tree",
            &["leaves"],
        ),
        (
            chart(&[]),
            HelmOptions { release_name: "-x".into(), ..plain() },
            "helm-failed",
            &["release name"],
        ),
    ];
    for (files, options, code, needles) in cases {
        check_refused(&files, options, code, needles);
    }
}

/// A tree with a link at one path.
struct Linked(Files, &'static str);

impl Tree for Linked {
    fn kind(&self, path: &str) -> EntryKind {
        if path == self.1 { EntryKind::Symlink } else { self.0.kind(path) }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.read(path)
    }

    fn list(&self, path: &str) -> Vec<String> {
        self.0.list(path)
    }
}

#[test]
fn links_are_not_followed() {
    for (link, file) in [("web/templates/settings.yaml", "values.yaml"), ("v.yaml", "/v.yaml")] {
        let files = Linked(chart(&[("v.yaml", "a: 1"), ("web/values.yaml", "")]), link);
        let options = HelmOptions { value_files: texts(&[file]), ..HelmOptions::default() };
        let error = rendered_by(helm(), &files, request(options)).unwrap_err();
        assert!(error.message.contains("symbolic link"), "{error}");
        assert_eq!(error.file, link);
    }
}

/// Works for as long as it may.
const ENDLESS: &str = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
/// Prints two million letters.
const HUGE: &str = "# {{ repeat 2000000 \"x\" }}";
/// Holds a billion letters.
const GREEDY: &str = "{{ $a := repeat 100000000 \"x\" }}{{ $b := cat $a $a $a $a $a $a $a $a $a }}";

#[test]
fn what_a_chart_may_use_up_is_bounded() {
    let limits = RenderLimits {
        cpu_seconds: 2,
        output_bytes: 1 << 20,
        memory_bytes: 256 << 20,
        ..RenderLimits::default()
    };
    let new = |limits| renderers(Some(program())).with_limits(limits);
    let strict = new(limits);
    let refused = |helm: &Renderers, template: &str, needle: &str| {
        let files = chart(&[("web/templates/a.yaml", template)]);
        let error = rendered_by(helm, &files, request(HelmOptions::default())).unwrap_err();
        assert_eq!(error.code, "helm-budget", "{error}");
        assert!(error.message.contains(needle), "{error}");
    };
    refused(&strict, ENDLESS, "2 s of processor time");
    refused(&strict, HUGE, "more than 1 MiB");
    // Collecting memory near its limit takes processor time too, which must not end it first.
    refused(&new(RenderLimits { cpu_seconds: 30, ..limits }), GREEDY, "256 MiB of memory");
    let late = RenderLimits { time: Duration::from_millis(200), cpu_seconds: 60, ..limits };
    // Its version is asked within the same time; a slow machine is late there already.
    refused(&new(late), ENDLESS, "was ended");

    let mut large = chart(&[]);
    large.insert("web/files/large".into(), vec![b'x'; (64 << 20) + 1]);
    check_refused(&large, HelmOptions::default(), "too-large", &["64 MiB", "out of its folder"]);
    let mut many = chart(&[]);
    many.extend((0..10_001).map(|index| (format!("web/files/{index}"), Vec::new())));
    check_refused(&many, HelmOptions::default(), "too-large", &["10000 files"]);
}

#[test]
fn helm_sees_neither_the_machine_nor_its_environment() {
    let template = "apiVersion: v1
kind: ConfigMap
metadata: {name: seen}
data:
  passwd: {{ .Files.Get \"/etc/passwd\" | quote }}
  above: {{ .Files.Get \"../../../etc/passwd\" | quote }}
  host: {{ getHostByName \"localhost\" | quote }}
";
    let rendering = rendered(&chart(&[("web/templates/a.yaml", template)]), HelmOptions::default());
    let seen = rendering.manifests.iter().find(|one| one["metadata"]["name"] == "seen").unwrap();
    assert_eq!(seen["data"], json!({"passwd": "", "above": "", "host": ""}));
    let error = rendered_by(
        helm(),
        &chart(&[("web/templates/a.yaml", "{{ env \"HOME\" }}")]),
        request(HelmOptions::default()),
    );
    assert!(error.unwrap_err().message.contains("\"env\" not defined"));
}

#[test]
fn a_server_without_helm_or_with_another_one_says_so() {
    let without = renderers(None);
    let error = rendered_by(&without, &chart(&[]), request(HelmOptions::default())).unwrap_err();
    assert_eq!((error.code, error.file.as_str()), ("helm-missing", "web"));
    assert!(error.message.contains("--helm FILE"), "{error}");
    // Whatever it prints, it is no Helm 3.
    let other = renderers(Some("/bin/echo".into()));
    let error = rendered_by(&other, &chart(&[]), request(HelmOptions::default())).unwrap_err();
    assert_eq!(error.code, "helm-version", "{error}");
}

#[test]
fn a_chart_that_makes_something_up_gives_the_same_until_it_changes() {
    let folder = testkit::temporary_folder();
    let start = || {
        let helm = renderers(Some(program()));
        helm.keeping_in(folder.path().join("kept"))
    };
    let template = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: {{ randAlphaNum 20 }}}\n";
    let files = chart(&[("web/templates/settings.yaml", template)]);
    let with = |values: &str| HelmOptions { values: values.into(), ..HelmOptions::default() };
    let of = |helm: &Renderers, values: &str| {
        rendered_by(helm, &files, request(with(values))).unwrap().manifests
    };
    let first = of(&start(), "a: 1");
    assert_eq!(of(&start(), "a: 1"), first, "also after a start");
    assert_ne!(of(&start(), "a: 2"), first);
}
