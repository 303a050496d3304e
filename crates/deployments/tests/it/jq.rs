//! Which fields an expression of `jqPathExpressions` names, and which expressions are refused.

use deployments::JqPath;
use serde_json::{Value, json};

fn object() -> Value {
    json!({
        "metadata": { "name": "web", "annotations": { "a/b~c": "1", "z": "2" } },
        "spec": {
            "replicas": 2,
            "containers": [
                { "name": "app", "image": "app:1", "env": [{ "name": "A" }, { "name": "B" }] },
                { "name": "proxy", "image": "proxy:1" },
            ],
        },
    })
}

#[track_caller]
fn check(expression: &str, pointers: &[&str]) {
    let path = JqPath::parse(expression).unwrap();
    assert_eq!(path.pointers(&object()), pointers, "{expression}");
}

#[test]
fn names_fields() {
    check(".spec.replicas", &["/spec/replicas"]);
    check("# why\n.spec.replicas # and where", &["/spec/replicas"]);
    check(".metadata.annotations[\"a/b~c\"]", &["/metadata/annotations/a~1b~0c"]);
    check(".spec.containers[].image", &["/spec/containers/0/image", "/spec/containers/1/image"]);
    check(".spec.containers[-1]", &["/spec/containers/1"]);
    check(".spec.containers | last | .image", &["/spec/containers/1/image"]);
    check(
        ".spec.containers[] | select(.name == \"proxy\") | .image",
        &["/spec/containers/1/image"],
    );
    check(
        ".spec.containers[] | select(.env) | .env[] | select(.name | test(\"^B$\"))",
        &["/spec/containers/0/env/1"],
    );
    check(".spec.containers[] | select(any(.env[]?; .name == \"A\"))", &["/spec/containers/0"]);
    check(
        ".metadata.annotations | .[\"z\"], .[\"y\"]",
        &["/metadata/annotations/z", "/metadata/annotations/y"],
    );
    check("if .spec.paused then empty else .spec.replicas end", &["/spec/replicas"]);
    check(".spec.paused // .spec.replicas", &["/spec/replicas"]);
    check(".. | select(.name? == \"B\")", &["/spec/containers/0/env/1"]);
    check("getpath([\"spec\", \"replicas\"])", &["/spec/replicas"]);
}

/// An object of another shape has none of the fields; it is no error.
#[test]
fn names_nothing_where_it_does_not_fit() {
    check(".spec.volumes[].name", &[]);
    check(".spec.replicas.count", &[]);
    check(".spec | keys", &[]);
    check(".spec.containers[] | select(.name == \"none\")", &[]);
}

#[track_caller]
fn refused(expression: &str, needle: &str) {
    let why = JqPath::parse(expression).unwrap_err();
    assert!(why.contains(needle), "{why}");
}

#[test]
fn refuses_what_is_no_path_by_what_it_is() {
    refused("select(", "syntax");
    refused("", "syntax");
    refused(".a) | (.b", "syntax");
    refused(".spec.replicas = 1", "change none");
    refused("del(.spec)", "`del`");
    refused("select(.a; .b; .c)", "number of arguments");
    refused("nothing_of_this_name", "`nothing_of_this_name`");
    refused("$ENV.HOME", "`$ENV`");
    refused("env", "`env`");
    refused("input", "`input`");
    refused("now", "`now`");
    refused(".a[1:2]", "a part of a list");
    refused("@base64", "`@base64`");
}

/// Each would work for ever, or make something as large as it likes, if it were run.
#[test]
fn refuses_what_could_run_for_long() {
    refused("repeat(.)", "`repeat`");
    refused("range(1e12)", "`range`");
    refused("recurse(.)", "`recurse`");
    refused("until(false; .)", "`until`");
    refused("def f: f; f", "`def`");
    refused("reduce .[] as $x (0; .)", "`reduce`");
    refused(". as $x | $x", "`as`");
    refused("label $out | .a", "`label`");
    refused("select((\"a\" * 1000000000) == .)", "arithmetic");
    refused("select([., .] | length > 1)", "a list of other than constants");
    refused("{a: .}", "the making of an object");
    refused("select(\"\\(.)\" == .)", "a text with");
    refused(".. | .. | ..", "too many");
    refused("(.,.) | ".repeat(9).trim_end_matches(" | "), "too many");
    refused(".a | test(\"(a{1000}){1000}\")", "may not have `{");
    refused(".a | test(.b)", "must be a text");
    refused(&format!(".{}", "a".repeat(1_001)), "longer than 1000");
}
