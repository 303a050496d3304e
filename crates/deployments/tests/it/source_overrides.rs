//! What a file beside a source may change of it.

use deployments::{Application, Source};
use serde_json::Value;

fn source(parts: &str) -> Source {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  source: \
         {{repoURL: me/one, path: a{parts}}}\n  destination: {{name: local}}\n"
    );
    Application::parse("a.yaml", &text).expect("an application").source
}

/// A source with a file laid over it is the same as one that says so itself.
#[track_caller]
fn check(before: &str, file: &str, after: &str) {
    let file: Value = yaml::document("o.yaml", file).expect("YAML");
    let found = source(before).overridden(&file).unwrap_or_else(|said| panic!("{file}: {said}"));
    assert_eq!(found, source(after), "{file}");
}

#[track_caller]
fn refused(before: &str, file: &str, needles: &[&str]) {
    let read: Value = yaml::document("o.yaml", file).expect("YAML");
    let said = source(before).overridden(&read).expect_err(file);
    for needle in needles {
        assert!(said.contains(needle), "{needle}: {said}");
    }
}

#[test]
fn a_file_is_merged_over_the_source() {
    check("", "kustomize: {namePrefix: x-}", ", kustomize: {namePrefix: x-}");
    check(
        ", kustomize: {namePrefix: a-, commonLabels: {a: b, c: d}, images: ['a:1', 'b:1']}",
        "kustomize: {commonLabels: {a: null, e: f}, images: ['a:2']}",
        ", kustomize: {namePrefix: a-, commonLabels: {c: d, e: f}, images: ['a:2']}",
    );
    check(
        ", helm: {valueFiles: [a.yaml], valuesObject: {a: {b: 1, c: 2}}, parameters: [{name: x}]}",
        "helm: {valuesObject: {a: {c: 3}}, valueFiles: [b.yaml]}",
        ", helm: {valueFiles: [b.yaml], valuesObject: {a: {b: 1, c: 3}}, parameters: [{name: x}]}",
    );
    check(", helm: {values: 'a: 1'}", "helm: {values: 'b: 2'}", ", helm: {values: 'b: 2'}");
    check(", helm: {skipCrds: true}", "helm: null", "");
    check(
        ", directory: {recurse: true}",
        "directory: {exclude: x}",
        ", directory: {recurse: true, exclude: x}",
    );
    check(
        ", directory: {jsonnet: {libs: [a]}}",
        "directory: {jsonnet: {tlas: [{name: size, value: v}]}}",
        ", directory: {jsonnet: {libs: [a], tlas: [{name: size, value: v}]}}",
    );
    check("", "plugin: {name: cdk}", ", plugin: {name: cdk}");
    check("", "{}", "");
}

#[test]
fn what_is_not_of_the_file_is_refused_by_name() {
    refused("", "repoURL: other/one", &["`repoURL`", "the application's file"]);
    refused("", "path: b", &["`path`"]);
    refused("", "[]", &["must be a mapping"]);
    refused("", "kustomize: {namePrefx: a}", &["namePrefx"]);
    refused("", "helm: {version: v2}", &["Helm 3"]);
    refused(", kustomize: {namePrefix: a-}", "helm: {}", &["both `kustomize` and `helm`"]);
    refused("", "plugin: {env: []}", &["no `name`", "--renderer"]);
}
