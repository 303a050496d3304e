//! Jsonnet, evaluated in the sandbox. Expected values are what the reference implementation (0.20)
//! answers.

use std::collections::BTreeMap;

use render::{
    Content, DirectoryOptions, JsonnetOptions, JsonnetVariable, RenderError, RenderLimits,
    Renderers, Rendering, Request, SourceInput, render,
};
use serde_json::{Value, json};

use crate::charts::{no_charts, renderers};

fn request(jsonnet: JsonnetOptions) -> Request {
    let directory = DirectoryOptions { jsonnet, ..DirectoryOptions::default() };
    Request { path: "app".into(), directory, ..Request::default() }
}

fn rendered_by(
    renderers: &Renderers,
    tree: &[(&str, &str)],
    jsonnet: JsonnetOptions,
) -> Result<Rendering, RenderError> {
    let tree: BTreeMap<String, Vec<u8>> =
        tree.iter().map(|(path, text)| ((*path).into(), text.as_bytes().to_vec())).collect();
    let (content, request) = (Content::Tree(&tree), Some(request(jsonnet)));
    render(&[SourceInput { content, name: None, request, overridden: None }], renderers, &no_charts)
}

fn rendered(tree: &[(&str, &str)], jsonnet: JsonnetOptions) -> Result<Rendering, RenderError> {
    rendered_by(&renderers(None), tree, jsonnet)
}

/// Functions that make objects, as libraries have them.
const LIBRARY: &str = "{ map(name, data):: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name }, \
                       data: data } }";

/// One expression as the data of an object.
#[track_caller]
fn check(expression: &str, expected: Value) {
    let text = format!("local k = import 'k.libsonnet';\nk.map('a', {{ value: {expression} }})");
    let tree = [("app/a.jsonnet", text.as_str()), ("app/k.libsonnet", LIBRARY)];
    let rendering = rendered(&tree, JsonnetOptions::default());
    let rendering = rendering.unwrap_or_else(|error| panic!("{expression}: {error}"));
    assert_eq!(rendering.manifests[0]["data"]["value"], expected, "{expression}");
}

#[test]
fn values_are_those_of_the_reference_implementation() {
    check("1 + 2", json!(3));
    check("9007199254740991", json!(9_007_199_254_740_991_i64));
    check("1e15", json!(1_000_000_000_000_000_i64));
    check("-0.5", json!(-0.5));
    check("10 / 4", json!(2.5));
    check("std.format('%05d|%.2f|%x', [42, 3.14159, 255])", json!("00042|3.14|ff"));
    check("[x * x for x in std.range(1, 4) if x % 2 == 0]", json!([4, 16]));
    check(
        "({ a: 1, b: { d: 7 } } + { b+: { c: 2, e: super.d } }).b",
        json!({"c": 2, "d": 7, "e": 7}),
    );
    check("1e20", json!(1e20));
    check("0.1 + 0.2", json!(0.300_000_000_000_000_04));
    check("std.manifestYamlDoc({ a: [1, { b: null }] })", json!("\"a\":\n- 1\n- \"b\": null"));
}

#[test]
fn a_folder_is_its_manifests_and_what_its_jsonnet_comes_to() {
    let tree = [
        ("app/a.jsonnet", "local k = import 'k.libsonnet'; [k.map('a1', {n: 1}), k.map('a2', {})]"),
        ("app/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"),
        (
            "app/c.jsonnet",
            "function(name, count=1) (import 'vendor.libsonnet').map(name + std.extVar('suffix'), \
             { count: count, text: importstr '../text.txt', list: std.extVar('list') })",
        ),
        ("app/k.libsonnet", LIBRARY),
        ("lib/one/vendor.libsonnet", "error 'the last library is looked at first'"),
        ("lib/two/vendor.libsonnet", LIBRARY),
        ("text.txt", "a text"),
        ("app/never.libsonnet", "error 'it is not imported'"),
    ];
    let text = |name: &str, value: &str, is_code| JsonnetVariable {
        name: name.into(),
        value: value.into(),
        is_code,
    };
    let options = JsonnetOptions {
        external: vec![text("suffix", "-x", false), text("list", "[1, 2 + 3]", true)],
        arguments: vec![text("name", "c", false), text("count", "2 + 2", true)],
        libraries: vec!["lib/one".into(), "lib/two".into()],
    };
    let rendering = rendered(&tree, options).expect("rendered");
    let names: Vec<&str> =
        rendering.manifests.iter().filter_map(|one| one["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["a1", "a2", "c-x", "b"]);
    let data = json!({"count": 4, "text": "a text", "list": [1, 5]});
    assert_eq!(rendering.manifests[2]["data"], data);
    let opened = &rendering.opened[0];
    for path in [
        "app/a.jsonnet",
        "app/k.libsonnet",
        "app/vendor.libsonnet",
        "lib/two/vendor.libsonnet",
        "text.txt",
        "app/",
    ] {
        assert!(opened.contains(path), "{path}: {opened:?}");
    }
    assert!(
        !opened.contains("app/never.libsonnet") && !opened.contains("lib/one/vendor.libsonnet")
    );
}

#[track_caller]
fn refused(tree: &[(&str, &str)], code: &str, needles: &[&str]) {
    let error = match rendered(tree, JsonnetOptions::default()) {
        Err(error) => error,
        Ok(rendering) => panic!("{tree:?} is rendered: {:?}", rendering.manifests),
    };
    assert_eq!(error.code, code, "{error}");
    for needle in needles {
        assert!(error.to_string().contains(needle), "{needle}: {error}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let one = |text: &'static str| [("app/a.jsonnet", text)];
    let failed = "jsonnet-failed";
    refused(&one("{\n  a: 1,\n  b: }"), failed, &["app/a.jsonnet:3:6:", "cannot stand here"]);
    refused(&one("{ a: 'x }"), failed, &["app/a.jsonnet:1:6:", "no end"]);
    refused(&one("\n{ a: x }"), failed, &["app/a.jsonnet:2:6:", "no variable `x`"]);
    refused(&one("error 'on purpose'"), failed, &["app/a.jsonnet:1:1: on purpose"]);
    refused(&one("{ a: {}.b }"), failed, &["app/a.jsonnet:1:6:", "no field `b`"]);
    refused(&one("{ a: std.extVar('x') }"), failed, &["app/a.jsonnet:1:6:", "`x`", "extVars"]);
    refused(&one("function(x) x"), failed, &["app/a.jsonnet", "`x`", "tlas"]);
    refused(&one("{ a: function() 1 }"), failed, &["a function is no value"]);
    refused(&one("local f(x) = 1 + f(x); f(1)"), failed, &["500 calls"]);
    refused(&one("local a = b, b = a; a"), failed, &["compute itself"]);
    refused(&one("{ kind: 'A' }"), "invalid-object", &["app/a.jsonnet: value 1", "apiVersion"]);
    refused(&one("[1]"), "invalid-object", &["must be a mapping"]);
    refused(
        &[("app/a.jsonnet", "import 'b.libsonnet'"), ("app/b.libsonnet", "{\n a: 1 +\n}")],
        failed,
        &["app/b.libsonnet:3:1:"],
    );
}

#[test]
fn imports_stay_in_the_repository() {
    for path in [
        "/etc/passwd",
        "../../etc/passwd",
        "../../../../etc/passwd",
        "/order.json",
        "../order.json",
        "none.libsonnet",
        "file:///etc/passwd",
    ] {
        for word in ["import", "importstr", "importbin"] {
            let text = format!("{{ a: {word} '{path}' }}");
            let tree = [("app/a.jsonnet", text.as_str())];
            refused(&tree, "jsonnet-failed", &["app/a.jsonnet:1:6:", path, "no file"]);
        }
    }
    // Where it is never come to, it is not missed.
    let text = "{ apiVersion: 'v1', kind: 'A', metadata: { name: 'a' }, x:: import 'none' }";
    let rendering = rendered(&[("app/a.jsonnet", text)], JsonnetOptions::default()).unwrap();
    assert!(rendering.opened[0].contains("app/none"), "another commit may bring it");
    let outside = JsonnetOptions { libraries: vec!["../x".into()], ..JsonnetOptions::default() };
    let error = rendered(&[("app/a.jsonnet", "{}")], outside).unwrap_err();
    assert_eq!(error.code, "path-outside-tree");
}

#[test]
fn what_an_evaluation_may_use_up_is_bounded() {
    let limits = RenderLimits {
        cpu_seconds: 2,
        output_bytes: 1 << 20,
        memory_bytes: 128 << 20,
        ..RenderLimits::default()
    };
    let strict = renderers(None).with_limits(limits);
    for (text, needle) in [
        (
            "local f(n) = if n == 0 then 0 else f(n - 1) tailstrict; f(1e15)",
            "2 s of processor time",
        ),
        ("local f(n) = if n == 0 then '' else f(n - 1) + f(n - 1); f(60)", "2 s of processor time"),
        ("local f(s) = f(s + s) tailstrict; f('aaaaaaaa')", "of memory"),
        ("std.repeat('x', 2000000)", "more than 1 MiB"),
    ] {
        let error = rendered_by(&strict, &[("app/a.jsonnet", text)], JsonnetOptions::default());
        let error = error.expect_err(text);
        assert_eq!((error.code, error.file.as_str()), ("jsonnet-budget", "app"), "{text}: {error}");
        assert!(error.message.contains(needle), "{text}: {error}");
    }
    let deep = "[".repeat(100_000);
    let error = rendered_by(&strict, &[("app/a.jsonnet", &deep)], JsonnetOptions::default());
    assert!(error.unwrap_err().code.starts_with("jsonnet-"), "a deep text ends, however");
}
