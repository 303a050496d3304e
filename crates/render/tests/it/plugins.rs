//! Programs that the operator named as renderers, run in the sandbox.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use render::{
    Asker, Content, PluginOptions, Programs, RenderError, RenderLimits, Renderers, Rendering,
    Request, SourceInput, Tool, render,
};
use serde_json::{Value, json};

use crate::charts::{launcher, no_charts, runtime};

fn program(folder: &Path, script: &str) -> Renderers {
    let file = folder.join("renderer");
    std::fs::write(&file, format!("#!/bin/sh\n{script}")).expect("a script");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("a program");
    let plugins = [("echo".to_owned(), file)].into();
    let programs = Programs { plugins, ..Programs::default() };
    Renderers::new(programs, launcher(), runtime().handle().clone())
}

fn rendered_by(renderers: &Renderers, name: &str) -> Result<Rendering, RenderError> {
    let tree: BTreeMap<String, Vec<u8>> =
        [("app/a.txt", "one"), ("app/b/c.txt", "two"), ("d", "three")]
            .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
            .into();
    let plugin = PluginOptions {
        name: name.into(),
        environment: vec![("REGION".into(), "eu-$ARGOCD_APP_NAME".into())],
        parameters: vec![json!({"name": "size", "map": {"a": "1"}})],
    };
    let application = Asker {
        name: "shop".into(),
        namespace: "store".into(),
        project: "team".into(),
        repo_url: "me/shop".into(),
        target_revision: "main".into(),
    };
    let (path, tool) = ("app".to_owned(), Some(Tool::Plugin));
    let request = Some(Request { path, tool, plugin, application, ..Request::default() });
    let content = Content::Tree(&tree);
    render(&[SourceInput { content, name: None, request, overridden: None }], renderers, &no_charts)
}

const MAP: &str =
    r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": "#;

#[test]
fn a_program_gets_its_source_and_what_is_asked() {
    let folder = testkit::temporary_folder();
    let script = format!("printf '{{\"manifests\": [{MAP}'; cat; printf '}}]}}'");
    let rendering = rendered_by(&program(folder.path(), &script), "echo").expect("rendered");
    let asked = json!({
        "version": 1,
        "application": {"name": "shop", "namespace": "store", "project": "team"},
        "source": {"repoURL": "me/shop", "targetRevision": "main", "path": "app"},
        "env": {"REGION": "eu-shop"},
        "parameters": [{"name": "size", "map": {"a": "1"}}],
    });
    assert_eq!(rendering.manifests[0]["data"], asked);
    assert!(rendering.opened[0].contains("app/"), "{:?}", rendering.opened);

    let script = format!(
        "files=$(cat source/a.txt source/b/c.txt; find source -type f | sort | tr '\\n' ' '; touch \
         source/x 2>/dev/null || printf fixed; ls /home /root | tr -d '\\n')
         printf '{{\"manifests\": [{MAP} \"%s\"}}], \"files\": [\"a.txt\"]}}' \"$files\""
    );
    let rendering = rendered_by(&program(folder.path(), &script), "echo").expect("rendered");
    let seen = rendering.manifests[0]["data"].as_str().unwrap_or_default().to_owned();
    assert!(seen.starts_with("onetwosource/a.txt source/b/c.txt fixed"), "{seen}");
    assert!(rendering.opened[0].contains("app/a.txt") && !rendering.opened[0].contains("app/"));
}

#[track_caller]
fn refused(script: &str, code: &str, needles: &[&str]) {
    let folder = testkit::temporary_folder();
    let limits = RenderLimits { cpu_seconds: 1, output_bytes: 1 << 20, ..RenderLimits::default() };
    let renderers = program(folder.path(), script).with_limits(limits);
    let error = rendered_by(&renderers, "echo").expect_err(script);
    assert_eq!(error.code, code, "{error}");
    for needle in needles {
        assert!(error.to_string().contains(needle), "{needle}: {error}");
    }
}

#[test]
fn what_a_program_answers_wrongly_is_refused() {
    let say = |answer: Value| format!("cat <<'END'\n{answer}\nEND\n");
    let fault = json!({"error": {"message": "no size", "file": "a.txt", "line": 3, "column": 4}});
    refused(&say(fault), "plugin-failed", &["app/a.txt:3:4: the renderer `echo` says: no size"]);
    let fault = json!({"error": {"message": "no size"}});
    refused(&say(fault), "plugin-failed", &["app: the renderer `echo` says: no size"]);
    refused(&say(json!({"manifest": []})), "plugin-failed", &["`manifest`", "no proper JSON"]);
    refused(&say(json!({"manifests": [{}]})), "invalid-object", &["wrong manifest 1", "`kind`"]);
    refused(&say(json!({"files": ["../d"]})), "plugin-failed", &["`../d`", "not in the source"]);
    refused("", "plugin-failed", &["no proper JSON"]);
    refused("echo broken >&2; exit 3", "plugin-failed", &["failed and says: broken"]);
    refused("exit 1", "plugin-failed", &["said nothing"]);
    refused("while :; do :; done", "plugin-budget", &["1 s of processor time"]);
    refused("yes", "plugin-budget", &["more than 1 MiB"]);
}

#[test]
fn a_program_that_nobody_named_is_refused_by_name() {
    let folder = testkit::temporary_folder();
    let error = rendered_by(&program(folder.path(), ""), "cdk").unwrap_err();
    assert_eq!(error.code, "plugin-missing");
    for needle in ["`cdk`", "it knows echo", "boucle up --renderer cdk=FILE"] {
        assert!(error.message.contains(needle), "{error}");
    }
}

#[test]
fn another_program_under_the_name_renders_again() {
    let folder = testkit::temporary_folder();
    let answer = |name: &str| {
        format!(
            "echo '{{\"manifests\": [{{\"apiVersion\": \"v1\", \"kind\": \"A\", \"metadata\": {{\"name\": \
             \"{name}\"}}}}]}}'"
        )
    };
    let kept = folder.path().join("kept");
    let name = |script: &str| {
        let renderers = program(folder.path(), script).keeping_in(kept.clone());
        rendered_by(&renderers, "echo").expect("rendered").manifests[0]["metadata"]["name"].clone()
    };
    assert_eq!(name(&answer("first")), "first");
    assert_eq!(name(&answer("second")), "second");
}
