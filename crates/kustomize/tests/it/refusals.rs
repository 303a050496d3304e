//! What is refused although the real program might do it, and the place that is named.

use kustomize::{BuildError, Code, EntryKind, Tree, build};

use crate::tree;

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n";

fn refused(kustomization: &str) -> BuildError {
    let files =
        tree::of(&[("app/kustomization.yaml", kustomization), ("app/web.yaml", DEPLOYMENT)]);
    build(&files, "app").expect_err("refused")
}

#[track_caller]
fn check(kustomization: &str, code: Code, line: u64, column: u64, word: &str) {
    let error = refused(kustomization);
    assert_eq!((error.code, error.line, error.column), (code, line, column), "{error}");
    assert_eq!(error.file, "app/kustomization.yaml");
    assert!(error.message.contains(word), "{error}");
}

#[test]
fn charts_are_refused_by_name_and_place() {
    for field in ["helmCharts", "helmChartInflationGenerator"] {
        let text = format!("resources:\n- web.yaml\n\n{field}: [{{name: a}}]\n");
        check(&text, Code::UnsupportedField, 4, 1, "source.helm");
    }
    let plugin = "generators:\n- |-\n  apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  \
                  metadata: {name: a}\n";
    check(plugin, Code::UnsupportedField, 3, 3, "source.helm");
}

#[test]
fn plug_ins_are_refused_by_name_and_place() {
    for field in ["generators", "transformers", "validators"] {
        let text = format!(
            "resources: [web.yaml]\n{field}:\n- |-\n  apiVersion: example.org/v1\n  kind: \
             Sweeper\n  metadata: {{name: a}}\n"
        );
        check(&text, Code::UnsupportedField, 4, 3, "Sweeper `a`: plug-ins of `example.org/v1`");
    }
    let unknown = "transformers:\n- |-\n  apiVersion: builtin\n  kind: LabelTransformer\n  \
                   metadata: {name: a}\n  label: {a: b}\n";
    check(unknown, Code::UnknownField, 3, 3, "`label`");
}

#[test]
fn unknown_keys_are_refused_by_name_and_place() {
    check("resources: [web.yaml]\nresorces: []\n", Code::UnknownField, 2, 1, "`resorces`");
    check(
        "patches:\n- path: p\n  target:\n    kind: A\n    lable: b\n",
        Code::UnknownField,
        5,
        5,
        "`lable`",
    );
    check("configMapGenerator:\n- name: a\n  type: Opaque\n", Code::UnknownField, 3, 3, "`type`");
    check("buildMetadata: [origins]\n", Code::InvalidValue, 1, 17, "`origins`");
    check("openapi: {file: a}\n", Code::UnknownField, 1, 11, "`file`");
    check("vars: [{name: a, objref: {knd: b}}]\n", Code::UnknownField, 1, 27, "`knd`");
}

#[test]
fn remote_bases_are_refused() {
    for remote in [
        "https://example.com/base.yaml",
        "git@example.com:a/b.git",
        "github.com/a/b//c?ref=v1",
        "ssh://git@example.com/a",
    ] {
        let text = format!("resources:\n- web.yaml\n- {remote}\n");
        check(&text, Code::RemoteResource, 3, 3, remote);
    }
}

#[test]
fn paths_that_leave_the_tree_are_refused() {
    check("resources:\n- ../../outside\n", Code::PathOutsideTree, 2, 3, "../../outside");
    check("resources:\n- /etc/passwd\n", Code::PathOutsideTree, 2, 3, "absolute");
    check(
        "configMapGenerator:\n- name: a\n  files: [../secret]\n",
        Code::PathOutsideTree,
        2,
        3,
        "../secret",
    );
}

#[test]
fn directives_that_only_kubectl_computes_are_refused() {
    let text = "resources: [web.yaml]\npatches:\n- patch: |-\n    apiVersion: apps/v1\n    \
                kind: Deployment\n    metadata: {name: web}\n    $setElementOrder/x: []\n";
    check(text, Code::PatchFailed, 3, 3, "$setElementOrder/x");
}

/// A tree in which one path is a symbolic link.
struct Linked(tree::Files, &'static str);

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
fn symbolic_links_are_refused_wherever_they_are() {
    for (text, link) in [
        ("resources: [web.yaml]\n", "app/web.yaml"),
        ("resources: [sub]\n", "app/sub"),
        ("resources: [sub/deep.yaml]\n", "app/sub"),
        ("configMapGenerator: [{name: a, files: [sub/f]}]\n", "app/sub"),
        ("namePrefix: a\n", "app/kustomization.yml"),
    ] {
        let files = tree::of(&[("app/kustomization.yaml", text)]);
        let error = build(&Linked(files, link), "app").expect_err("refused");
        assert_eq!(error.code, Code::Symlink, "{text}: {error}");
    }
}

#[test]
fn everything_that_was_asked_for_is_told_also_what_is_absent() {
    let files = tree::of(&[
        (
            "app/kustomization.yaml",
            "resources: [../base]\nconfigMapGenerator: [{name: a, files: [f]}]\n",
        ),
        ("app/f", "x"),
        ("base/kustomization.yml", "resources: [web.yaml]\n"),
        ("base/web.yaml", DEPLOYMENT),
        ("unrelated/x", ""),
    ]);
    let opened: Vec<String> = build(&files, "app").expect("built").opened.into_iter().collect();
    assert_eq!(
        opened,
        [
            "app/Kustomization",
            "app/f",
            "app/kustomization.yaml",
            "app/kustomization.yml",
            "base/Kustomization",
            "base/kustomization.yaml",
            "base/kustomization.yml",
            "base/web.yaml",
        ]
    );
}

#[test]
fn bases_that_double_at_every_level_stop_at_the_budget() {
    let mut files = tree::Files::new();
    for level in 0..40 {
        for side in ["a", "b"] {
            let next = level + 1;
            let text = format!("namePrefix: {side}\nresources: [../a{next}, ../b{next}]\n");
            files.insert(format!("{side}{level}/kustomization.yaml"), text.into_bytes());
        }
    }
    for side in ["a40", "b40"] {
        let text = b"configMapGenerator: [{name: x, literals: [a=b]}]\n".to_vec();
        files.insert(format!("{side}/kustomization.yaml"), text);
    }
    let error = build(&files, "a0").expect_err("too large");
    assert!(matches!(error.code, Code::TooLarge | Code::DuplicateObject), "{error}");
}

#[test]
fn an_error_in_a_configuration_names_its_place() {
    let files = tree::of(&[
        ("app/kustomization.yaml", "configurations: [fields.yaml]\n"),
        ("app/fields.yaml", "images:\n- path: spec/image\n  creat: true\n"),
    ]);
    let error = build(&files, "app").expect_err("refused");
    assert_eq!(error.code, Code::UnknownField, "{error}");
    assert_eq!((error.file.as_str(), error.line, error.column), ("app/fields.yaml", 3, 3));
}

#[test]
fn a_definition_that_contains_itself_is_refused() {
    let crds = r#"{"a.Widget": {"Schema": {"properties": {"kind": {}, "apiVersion": {}, "metadata": {},
        "spec": {"$ref": "a.Widget"}}}}}"#;
    let files = tree::of(&[("kustomization.yaml", "crds: [a.json]\n"), ("a.json", crds)]);
    let error = build(&files, "").expect_err("refused");
    assert_eq!(error.code, Code::InvalidValue, "{error}");
    assert!(error.message.contains("contains itself"), "{error}");
}

#[test]
fn an_error_in_a_resource_names_its_document() {
    let files = tree::of(&[
        ("kustomization.yaml", "resources: [all.yaml]\n"),
        ("all.yaml", "apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\nkind: B\n"),
    ]);
    let error = build(&files, "").expect_err("refused");
    assert_eq!((error.file.as_str(), error.line, error.column), ("all.yaml", 5, 1), "{error}");
}
