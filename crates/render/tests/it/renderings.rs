//! Folders rendered.

use std::collections::BTreeMap;

use render::{
    Content, DirectoryOptions, KustomizeOverrides, RenderError, Rendering, Request, SourceInput,
    Tool, files, render,
};
use serde_json::Value;

use crate::charts::{no_charts, renderers};

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
                          template: {spec: {containers: [{name: web, image: 'web:1'}]}}\n";

fn rendered(tree: &[(&str, &str)], request: &Request) -> Result<Rendering, RenderError> {
    let tree: BTreeMap<String, Vec<u8>> =
        tree.iter().map(|(path, text)| ((*path).into(), text.as_bytes().to_vec())).collect();
    let helm = renderers(None);
    let (content, request) = (Content::Tree(&tree), Some(request.clone()));
    render(&[SourceInput { content, name: None, request, overridden: None }], &helm, &no_charts)
}

fn request(path: &str) -> Request {
    Request { path: path.into(), ..Request::default() }
}

fn names(rendering: &Rendering) -> Vec<&str> {
    let name = |manifest: &'_ Value| manifest.pointer("/metadata/name").is_some();
    assert!(rendering.manifests.iter().all(name));
    rendering.manifests.iter().filter_map(|one| one["metadata"]["name"].as_str()).collect()
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

#[test]
fn a_plain_folder_is_read_by_name_and_lists_are_unfolded() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n";
    let tree = [
        ("app/b.yml", &*config_map("b")),
        ("app/a.yaml", &*format!("{}---\n{}", config_map("a1"), config_map("a2"))),
        ("app/l.json", list),
        ("app/notes.txt", "not: [read"),
        ("app/sub/c.yaml", &*config_map("c")),
    ];
    let flat = rendered(&tree, &request("app")).expect("rendered");
    assert_eq!(names(&flat), ["a1", "a2", "b", "s"]);
    assert!(flat.opened[0].contains("app/") && flat.opened[0].contains("app/kustomization.yaml"));
    assert!(
        !flat.opened[0].contains("app/notes.txt") && !flat.opened[0].contains("app/sub/c.yaml")
    );
    let directory = DirectoryOptions {
        recurse: true,
        exclude: "{b*,l*}".into(),
        ..DirectoryOptions::default()
    };
    let deep = rendered(&tree, &Request { directory, ..request("./app/") }).expect("rendered");
    assert_eq!(names(&deep), ["a1", "a2", "c"]);
}

#[test]
fn a_kustomization_is_built_and_the_application_may_change_it() {
    for (path, file) in [("app", "app/kustomization.yaml"), (".", "Kustomization")] {
        let folder =
            file.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let tree = [
            (file, "resources: [web.yaml]\nnamePrefix: p-\n"),
            (&*format!("{folder}web.yaml"), DEPLOYMENT),
        ];
        let plain = rendered(&tree, &request(path)).expect("rendered");
        assert_eq!(names(&plain), ["p-web"]);
        let kustomize = KustomizeOverrides {
            name_suffix: "-s".into(),
            images: vec!["web=host:5000/other:2".into()],
            namespace: "shop".into(),
            common_labels: BTreeMap::from([("team".into(), "blue".into())]),
            replicas: BTreeMap::from([("web".into(), 3)]),
            ..KustomizeOverrides::default()
        };
        let changed = rendered(&tree, &Request { kustomize, ..request(path) }).expect("rendered");
        let web = &changed.manifests[0];
        assert_eq!(names(&changed), ["p-web-s"]);
        assert_eq!(web["metadata"]["namespace"], "shop");
        assert_eq!(web["spec"]["replicas"], 3);
        assert_eq!(web["spec"]["selector"]["matchLabels"]["team"], "blue");
        assert_eq!(web["spec"]["template"]["spec"]["containers"][0]["image"], "host:5000/other:2");
        assert_eq!(changed.opened, plain.opened, "the same files decide");
    }
}

/// The kustomization that the application changes, and what comes of it.
#[track_caller]
fn check_override(own: &str, overrides: KustomizeOverrides, pointer: &str, expected: Value) {
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n\
                     commonAnnotations: {component: 'yes'}\n";
    let tree = [
        ("app/kustomization.yaml", &*format!("resources: [web.yaml]\n{own}")),
        ("app/web.yaml", DEPLOYMENT),
        ("component/kustomization.yaml", component),
    ];
    let application = render::Asker { name: "shop".into(), ..Default::default() };
    let request = Request { kustomize: overrides, application, ..request("app") };
    let rendering = rendered(&tree, &request).expect("rendered");
    let found = rendering.manifests[0].pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(found, expected, "{own}: {}", rendering.manifests[0]);
}

const IMAGE: &str = "/spec/template/spec/containers/0/image";
const LABELS: &str = "/metadata/labels";

#[test]
fn the_application_edits_the_kustomization_as_argo_cd_does() {
    let overrides = KustomizeOverrides::default;
    let images = |images: &[&str]| KustomizeOverrides {
        images: images.iter().map(|image| (*image).into()).collect(),
        ..overrides()
    };
    let entry = "images: [{name: web, newName: mine/web, newTag: '2'}]\n";
    check_override(entry, images(&["web:3"]), IMAGE, "web:3".into());
    check_override(entry, images(&["web=*:3"]), IMAGE, "mine/web:3".into());
    check_override(entry, images(&["web=other:*"]), IMAGE, "other:2".into());
    check_override(entry, images(&["web@sha256:ab"]), IMAGE, "web@sha256:ab".into());
    check_override(entry, images(&["x:1"]), IMAGE, "mine/web:2".into());
    check_override(
        "imageTags: [{name: web, newTag: '2'}]\n",
        images(&["x:1"]),
        IMAGE,
        "web:2".into(),
    );
    check_override("", images(&["web:$ARGOCD_APP_NAME"]), IMAGE, "web:shop".into());
    let prefix = KustomizeOverrides { name_prefix: "b-".into(), ..overrides() };
    check_override("namePrefix: a-\n", prefix, "/metadata/name", "b-web".into());
    let replicas = KustomizeOverrides { replicas: [("web".into(), 4)].into(), ..overrides() };
    let own = "replicas: [{name: web, count: 2}]\n";
    check_override(own, replicas, "/spec/replicas", 4.into());
    let labels = |force: bool, plain: bool, templates: bool| KustomizeOverrides {
        common_labels: [("a".into(), "$ARGOCD_APP_NAME".into())].into(),
        forces_labels: force,
        labels_without_selector: plain,
        labels_in_templates: templates,
        ..overrides()
    };
    let (a, none) = (serde_json::json!({"a": "shop"}), Value::Null);
    let (selector, template) = ("/spec/selector", "/spec/template/metadata/labels");
    check_override("", labels(false, false, false), template, a.clone());
    check_override("", labels(false, true, false), LABELS, a.clone());
    check_override("", labels(false, true, false), template, none.clone());
    check_override("", labels(false, true, true), template, a.clone());
    check_override("", labels(false, true, true), selector, none);
    check_override("commonLabels: {a: b}\n", labels(true, false, false), LABELS, a.clone());
    let own = "labels: [{pairs: {a: b}}]\n";
    check_override(own, labels(true, true, false), LABELS, a);
    let annotations = |expanded: bool| KustomizeOverrides {
        common_annotations: [("of".into(), "$ARGOCD_APP_NAME".into())].into(),
        expands_annotations: expanded,
        ..overrides()
    };
    let of = "/metadata/annotations/of";
    check_override("", annotations(false), of, "$ARGOCD_APP_NAME".into());
    check_override("", annotations(true), of, "shop".into());
    let patch = serde_json::json!({"target": {"kind": "Deployment"},
        "patch": "[{op: add, path: /spec/paused, value: true}]"});
    let patches = KustomizeOverrides { patches: vec![patch], ..overrides() };
    check_override("namePrefix: a-\n", patches, "/spec/paused", true.into());
    let components = KustomizeOverrides {
        components: vec!["../component".into(), "../absent".into()],
        ignores_missing_components: true,
        ..overrides()
    };
    let component = "/metadata/annotations/component";
    check_override("components: [../component]\n", components, component, "yes".into());
}

#[track_caller]
fn check_override_refused(own: &str, overrides: KustomizeOverrides, word: &str) {
    let own = format!("resources: [web.yaml]\n{own}");
    let tree = [("app/kustomization.yaml", &*own), ("app/web.yaml", DEPLOYMENT)];
    let error = rendered(&tree, &Request { kustomize: overrides, ..request("app") });
    let error = error.expect_err("refused");
    assert!(error.message.contains(word) && error.line == 0, "{error}");
}

#[test]
fn changes_that_do_not_fit_are_refused() {
    let overrides = KustomizeOverrides::default;
    let common_labels = BTreeMap::from([("a".into(), "b".into())]);
    let labels = KustomizeOverrides { common_labels, ..overrides() };
    check_override_refused("commonLabels: {a: c}\n", labels.clone(), "forceCommonLabels");
    let templates = KustomizeOverrides { labels_in_templates: true, ..labels };
    check_override_refused("", templates, "labelWithoutSelector");
    let components = KustomizeOverrides { components: vec!["../absent".into()], ..overrides() };
    check_override_refused("", components, "`absent`");
    let patches = vec![serde_json::json!({"patc": "x"})];
    let patches = KustomizeOverrides { patches, ..overrides() };
    check_override_refused("", patches, "`patc`");
    let image = KustomizeOverrides { images: vec!["=x".into()], ..overrides() };
    check_override_refused("", image, "old=new:tag");
}

#[track_caller]
fn check_refused(tree: &[(&str, &str)], request: &Request, code: &str, place: (&str, u64)) {
    let error = rendered(tree, request).expect_err("refused");
    assert_eq!((error.code, error.file.as_str(), error.line), (code, place.0, place.1), "{error}");
}

#[test]
fn what_cannot_be_rendered_is_refused_with_its_place() {
    check_refused(&[("a", "")], &request("app"), "file-not-found", ("app", 0));
    check_refused(&[("a", "")], &request("../app"), "path-outside-tree", ("../app", 0));
    check_refused(
        &[("app/kustomization.yaml", "resources: []\nnope: 1\n")],
        &request("app"),
        "unknown-field",
        ("app/kustomization.yaml", 2),
    );
    check_refused(&[("app/a.yaml", "a: [")], &request("app"), "invalid-yaml", ("app/a.yaml", 1));
    for text in [
        "kind: A\nmetadata: {name: a}\n",
        "apiVersion: v1\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: A\n",
        "just text\n",
    ] {
        check_refused(
            &[("app/a.yaml", text)],
            &request("app"),
            "invalid-object",
            ("app/a.yaml", 0),
        );
    }
    let twice = [("app/a.yaml", &*config_map("a")), ("app/b.yaml", &*config_map("a"))];
    check_refused(&twice, &request("app"), "duplicate-object", ("app", 0));
    let kustomize = KustomizeOverrides { namespace: "n".into(), ..KustomizeOverrides::default() };
    let tool = Some(Tool::Kustomize);
    let overridden = Request { kustomize, tool, ..request("app") };
    check_refused(&twice, &overridden, "kustomization-missing", ("app", 0));
    let kustomize =
        KustomizeOverrides { replicas: BTreeMap::from([("x".into(), 1)]), ..Default::default() };
    let tree =
        [("app/kustomization.yaml", "resources: [web.yaml]\n"), ("app/web.yaml", DEPLOYMENT)];
    check_refused(&tree, &Request { kustomize, ..request("app") }, "transform-failed", ("app", 0));
}

#[test]
fn a_rendered_commit_has_one_file_an_object_with_a_stable_name() {
    let manifest = |text: &str| yaml::document::<Value>("m", text).expect("valid");
    let manifests = [
        manifest("{apiVersion: v1, kind: Secret, metadata: {name: 'a:b', namespace: shop}}"),
        manifest("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"),
        manifest("{apiVersion: a.example/v1, kind: Job, metadata: {name: x, namespace: shop}}"),
        manifest("{apiVersion: b.example/v1, kind: Job, metadata: {name: x, namespace: shop}}"),
    ];
    let files = files(&manifests);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "cluster/namespace-shop.yaml",
            "shop/job.a.example-x.yaml",
            "shop/job.b.example-x.yaml",
            "shop/secret-a_3a_b.yaml",
        ]
    );
    let read = |name: &str| yaml::documents(name, &files[name]).expect("valid");
    assert_eq!(read("shop/secret-a_3a_b.yaml"), [manifests[0].clone()]);
}
