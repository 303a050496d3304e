//! Which `Application` files are read, and what the others are told.

use deployments::{Application, Consent, IgnoredFields, ObjectKey, Propagation, Target};

const GOOD: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: hello-staging
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  project: default
  source:
    repoURL: demo/hello
    path: deploy/overlays/staging/
    targetRevision: main
    kustomize: {images: ['hello=registry/demo/hello@sha256:ab', 'web:1.2'], namePrefix: a-}
  destination: {name: local, namespace: staging}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [CreateNamespace=true]
    retry: {limit: 2, backoff: {duration: 1m30s, factor: 3, maxDuration: 1h}}
  ignoreDifferences:
    - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}
";

#[test]
fn reads_what_argo_cd_reads() {
    let application = Application::parse("a.yaml", GOOD).unwrap();
    assert_eq!(application.name.as_str(), "hello-staging");
    assert_eq!(application.delete_objects_on_removal, Some(deployments::Propagation::Foreground));
    assert_eq!(application.source.path, "deploy/overlays/staging");
    assert_eq!(application.destination.target, Target::Processes);
    let retry = application.sync.retry;
    assert_eq!(
        (retry.limit, retry.first_ms, retry.factor, retry.longest_ms),
        (2, 90_000, 3, 3_600_000)
    );
    let key = |kind: &str| ObjectKey {
        group: "apps".into(),
        kind: kind.into(),
        namespace: "staging".into(),
        name: "hello".into(),
    };
    assert_eq!(application.ignored_fields(&key("Deployment")).json_pointers, ["/spec/replicas"]);
    assert_eq!(application.ignored_fields(&key("StatefulSet")), IgnoredFields::NONE);
    let kustomize = application.source.kustomize.unwrap();
    assert_eq!(kustomize.name_prefix, "a-");
    assert_eq!(kustomize.images, ["hello=registry/demo/hello@sha256:ab", "web:1.2"]);
}

#[test]
fn reads_every_change_of_a_kustomization() {
    let from = "namePrefix: a-}";
    let read = |fields: &str| {
        let text = GOOD.replace(from, &format!("{fields}}}"));
        Application::parse("a.yaml", &text).map(|application| application.source.kustomize.unwrap())
    };
    let all = read(
        "commonAnnotationsEnvsubst: true, forceCommonLabels: true, forceCommonAnnotations: true, \
         labelWithoutSelector: true, labelIncludeTemplates: true, ignoreMissingComponents: true, \
         patches: [{patch: x, target: {kind: Job}}], components: [../c], version: v5.7.1, \
         kubeVersion: '1.34', apiVersions: [a/v1]",
    )
    .unwrap();
    assert!(all.common_annotations_envsubst && all.force_common_labels);
    assert!(all.force_common_annotations && all.label_without_selector);
    assert!(all.label_include_templates && all.ignore_missing_components);
    assert_eq!(all.patches[0]["target"]["kind"], "Job");
    assert_eq!(all.components, ["../c"]);
    let kept: deployments::KustomizeOptions =
        serde_json::from_value(serde_json::to_value(&all).unwrap()).unwrap();
    assert_eq!(kept, all);
    assert!(read("version: v4.5.7").unwrap_err().message.contains("5.7.1"));
    assert!(read("patchez: []").unwrap_err().message.contains("patchez"));
}

#[test]
fn a_policy_that_says_nothing_is_none() {
    let from = GOOD.find("  syncPolicy:").unwrap();
    let to = GOOD.find("  ignoreDifferences:").unwrap();
    let text = format!("{}  syncPolicy:\n{}", &GOOD[..from], &GOOD[to..]);
    assert_eq!(
        Application::parse("a.yaml", &text).unwrap().sync,
        deployments::SyncPolicy::default()
    );
}

#[test]
fn a_disabled_automation_is_none() {
    let text = GOOD.replace("{prune: true, selfHeal: true}", "{enabled: false, prune: true}");
    assert_eq!(Application::parse("a.yaml", &text).unwrap().automated(), None);
}

/// Replaces one text by another and checks where and why the file is refused.
#[track_caller]
fn refused(from: &str, to: &str, line: u64, needles: &[&str]) {
    assert!(GOOD.contains(from), "the test's own text");
    let error = Application::parse("a.yaml", &GOOD.replacen(from, to, 1)).unwrap_err();
    for needle in needles {
        assert!(error.message.contains(needle), "{error}");
    }
    assert_eq!(error.line, line, "{error}");
}

#[test]
fn refuses_by_name_and_place() {
    refused("  project: default", "  projetc: default", 7, &["projetc"]);
    refused("    path:", "    chart: x\n    path:", 1, &["`spec.source` is a chart", "`path`"]);
    refused(
        "jsonPointers: [/spec/replicas]",
        "jqPathExpressions: ['.spec |= 1']",
        19,
        &["`.spec |= 1` is not a jq path", "change none"],
    );
    refused("kind: Application", "kind: ApplicationSet", 2, &["ApplicationSet"]);
    refused("name: hello-staging", "name: ../x", 4, &["application name"]);
}

#[test]
fn refuses_values_that_do_not_fit() {
    refused("CreateNamespace=true", "Replace=yes", 1, &["Replace=yes", "not an option"]);
    refused("CreateNamespace=true", "ServerSideApply=false", 1, &["the server always applies"]);
    refused(
        "syncOptions: [CreateNamespace=true]",
        "managedNamespaceMetadata: {label: {}}",
        16,
        &["label"],
    );
    refused("1m30s", "1 minute", 1, &["1 minute", "duration"]);
    refused("deploy/overlays/staging/", "deploy/../../x", 1, &["leaves the repository"]);
    refused("name: local,", "name: local, server: https://x,", 1, &["both"]);
    refused("resources-finalizer.argocd", "other.argocd", 1, &["other.argocd"]);
    refused("[/spec/replicas]", "[spec]", 1, &["JSON pointer"]);
}

/// The file with this in the place of its source.
fn with_source(text: &str) -> Result<Application, String> {
    let (before, rest) = GOOD.split_once("  source:").unwrap();
    let (_, after) = rest.split_once("  destination:").unwrap();
    let text = format!("{before}{text}  destination:{after}");
    Application::parse("a.yaml", &text).map_err(|error| error.to_string())
}

#[test]
fn reads_charts_that_are_not_in_git() {
    let check = |source: &str, expected: Result<&str, &str>| {
        let read = with_source(&format!("  source: {{{source}}}\n"));
        match (read, expected) {
            (Ok(read), Ok(expected)) => {
                let source = read.source;
                assert!(source.is_rendered() && source.path.is_empty(), "{source:?}");
                let chart = source.chart.expect("a chart");
                assert_eq!(chart.to_string(), expected);
            }
            (Err(said), Err(needle)) => assert!(said.contains(needle), "{source}: {said}"),
            (read, expected) => panic!("{source}: {read:?}, not {expected:?}"),
        }
    };
    let web = "repoURL: 'https://c.example', chart: web";
    check(&format!("{web}, targetRevision: 1.2.3"), Ok("web 1.2.3 of https://c.example"));
    let registry = "repoURL: r.example/charts, chart: web, targetRevision: 1.2.3, path: ''";
    check(registry, Ok("web 1.2.3 of oci://r.example/charts"));
    let whole = "repoURL: 'oci://r.example/charts/web', targetRevision: 1.2.3, path: .";
    check(whole, Ok("web 1.2.3 of oci://r.example/charts"));
    for range in ["", ", targetRevision: 1.2.*", ", targetRevision: '>=1'"] {
        check(&format!("{web}{range}"), Err("a newer one comes by a pull request"));
    }
    let more = |text: &str| format!("{web}, targetRevision: 1.2.3, {text}");
    check(&more("path: charts/web"), Err("taken whole"));
    check(&more("directory: {recurse: true}"), Err("rendered by Helm"));
    check(&more("kustomize: {}"), Err("rendered by Helm"));
    let lent = "  sources: [{repoURL: 'https://c.example', chart: web, targetRevision: 1.2.3, ref: \
                a}]\n";
    assert!(with_source(lent).unwrap_err().contains("only files of Git"));
    let several = "  sources: [{repoURL: me/values, ref: v}, {repoURL: 'https://c.example', chart: \
                   web, targetRevision: 1.2.3, helm: {valueFiles: [$v/a.yaml]}}]\n";
    assert!(with_source(several).unwrap().further_sources[0].chart.is_some());
}

#[test]
fn reads_how_a_chart_is_rendered() {
    let text = "  source:
    repoURL: me/one
    path: chart
    helm:
      releaseName: web
      namespace: other
      version: v3
      passCredentials: false
      valueFiles: [values.yaml, /shared/*.yaml]
      ignoreMissingValueFiles: true
      values: 'a: 1'
      valuesObject: {a: 2, ratio: 0.5, list: [x]}
      parameters: [{name: image.tag, value: '1', forceString: true}, {name: b}]
      fileParameters: [{name: text, path: files/a.txt}]
      skipCrds: true
      skipTests: true
      skipSchemaValidation: true
      kubeVersion: 1.30.0
      apiVersions: [example.org/v1]
";
    let helm = with_source(text).unwrap().source.helm.unwrap();
    assert_eq!(helm.values, r#"{"a":2,"ratio":0.5,"list":["x"]}"#, "the object wins");
    assert_eq!((helm.release_name.as_str(), helm.namespace.as_str()), ("web", "other"));
    assert_eq!(helm.value_files, ["values.yaml", "/shared/*.yaml"]);
    assert!(helm.parameters[0].force_string && helm.parameters[1].value.is_empty());
    assert_eq!(helm.file_parameters[0].path, "files/a.txt");
    assert!(helm.skip_crds && helm.skip_tests && helm.skip_schema_validation);
    assert!(helm.ignore_missing_value_files);
    assert_eq!((helm.kube_version.as_str(), helm.api_versions.len()), ("1.30.0", 1));
    let text = text.replace("valuesObject: {a: 2, ratio: 0.5, list: [x]}", "valuesObject: {}");
    assert_eq!(with_source(&text).unwrap().source.helm.unwrap().values, "a: 1");
}

#[test]
fn reads_how_jsonnet_is_evaluated_and_which_program_is_asked() {
    let one =
        |more: &str| with_source(&format!("  source: {{repoURL: me/one, path: a, {more}}}\n"));
    let jsonnet = one(
        "directory: {recurse: true, jsonnet: {libs: [vendor], extVars: [{name: a, value: b}], tlas: \
         [{name: c, value: '1 + 1', code: true}]}}",
    );
    let jsonnet = jsonnet.unwrap().source.directory.unwrap().jsonnet;
    assert_eq!(
        (jsonnet.libs.as_slice(), jsonnet.ext_vars[0].code),
        (&["vendor".to_owned()][..], false)
    );
    assert!(jsonnet.tlas[0].code && jsonnet.tlas[0].value == "1 + 1");
    let plugin = one(
        "plugin: {name: cdk, env: [{name: A, value: b}], parameters: [{name: size, string: '3'}, {name: \
         list, array: [a]}, {name: map, map: {a: b}}]}",
    );
    let plugin = plugin.unwrap().source.plugin.unwrap();
    assert_eq!((plugin.name.as_str(), plugin.env.len(), plugin.parameters.len()), ("cdk", 1, 3));
    for (more, needle) in [
        ("directory: {jsonnet: {lib: [a]}}", "lib"),
        ("directory: {jsonnet: {tlas: [{name: a}]}}", "value"),
        ("plugin: {}", "--renderer NAME=FILE"),
        ("plugin: {name: cdk, env: [{value: b}]}", "name"),
        ("plugin: {name: cdk, env: [{name: '', value: b}]}", "without a `name`"),
        ("plugin: {name: cdk, parameters: [{string: b}]}", "without a `name`"),
        ("plugin: {name: cdk, parameters: [{name: a, text: b}]}", "`text`"),
        ("plugin: {name: cdk, init: x}", "init"),
        ("plugin: {name: cdk}, kustomize: {}", "both `kustomize` and `plugin`"),
    ] {
        let said = one(more).unwrap_err();
        assert!(said.contains(needle), "{more}: {said}");
    }
}

#[test]
fn an_artifact_without_a_name_may_have_other_files() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let read = |more: &str| {
        let text = format!("  source: {{repoURL: 'oci://r.example/team/app', {more}}}\n");
        with_source(&text).map(|application| application.source)
    };
    let source = read("targetRevision: 1.2.3, path: deploy/, kustomize: {namePrefix: a-}").unwrap();
    assert_eq!((source.path.as_str(), source.is_rendered()), ("deploy", true));
    assert!(source.chart.is_some() && source.kustomize.is_some());
    let whole = read(&format!("targetRevision: '{digest}', path: .")).unwrap();
    assert_eq!((whole.path.as_str(), whole.chart.unwrap().digest()), ("", Some(digest.as_str())));
    assert!(read("targetRevision: latest, path: .").unwrap_err().contains("the digest `sha256:…`"));
    let lent = read("targetRevision: 1.2.3, path: .").map(drop);
    assert_eq!(lent, Ok(()));
}

#[test]
fn reads_several_sources_in_order() {
    let application = with_source(
        "  sources:
  - {repoURL: me/one, path: a}
  - {repoURL: me/two, ref: values, targetRevision: v1}
  - {repoURL: me/two, ref: more, path: b}
",
    )
    .unwrap();
    let sources: Vec<(&str, bool)> =
        application.sources().map(|one| (one.path.as_str(), one.is_rendered())).collect();
    assert_eq!(sources, [("a", true), ("", false), ("b", true)]);
    assert_eq!(application.further_sources[0].reference.as_deref(), Some("values"));
}

#[track_caller]
fn source_refused(text: &str, needles: &[&str]) {
    let error = with_source(text).unwrap_err();
    for needle in needles {
        assert!(error.contains(needle), "{needle}: {error}");
    }
}

#[test]
fn refuses_sources_by_name_and_reason() {
    let one = |more: &str| format!("  source: {{repoURL: me/one, path: a, {more}}}\n");
    source_refused("", &["`source` or `sources`"]);
    source_refused("  sources: []\n", &["`source` or `sources`"]);
    source_refused(&format!("{}  sources: [{{repoURL: a/b}}]\n", one("")), &["both `source` and"]);
    source_refused(&one("ref: x"), &["spec.source.ref", "spec.sources"]);
    source_refused(&one("helm: {version: v2}"), &["helm.version", "`v2`", "Helm 3"]);
    source_refused(&one("helm: {passCredentials: true}"), &["passCredentials", "network"]);
    source_refused(&one("helm: {vlaues: x}"), &["vlaues"]);
    source_refused(&one("helm: {valuesObject: [x]}"), &["a.yaml:"]);
    source_refused(&one("helm: {parameters: [{value: x}]}"), &["name"]);
    source_refused(&one("helm: {fileParameters: [{name: x, path: ''}]}"), &["its path"]);
    source_refused(&one("helm: {}, kustomize: {}"), &["both `kustomize` and `helm`"]);
    source_refused("  sources: [{repoURL: a/b, ref: x}]\n", &["only names", "`path`"]);
    source_refused(
        "  sources: [{repoURL: a/b, ref: x, path: a}, {repoURL: a/b, ref: x}]\n",
        &["two sources", "`x`"],
    );
    source_refused("  sources: [{repoURL: a/b, ref: x/y, path: a}]\n", &["`x/y`", "letters"]);
    source_refused(
        "  sources: [{repoURL: a/b, path: a}, {repoURL: a/b, ref: x, helm: {}}]\n",
        &["spec.sources[1]", "`helm` and no `path`"],
    );
    source_refused("  sources: [{repoURL: a/b, path: ../x}]\n", &["leaves the repository"]);
    let many = "  - {repoURL: a/b, path: a}\n".repeat(21);
    source_refused(&format!("  sources:\n{many}"), &["21", "at most 20"]);
}

#[test]
fn options_of_an_object_go_before_those_of_its_application() {
    let text =
        GOOD.replace("[CreateNamespace=true]", "[Prune=confirm, Replace=true, PruneLast=true]");
    let application = Application::parse("a.yaml", &text).unwrap();
    let options = |list: &str| {
        let annotations = serde_json::json!({"argocd.argoproj.io/sync-options": list});
        let manifest = serde_json::json!({"metadata": {"annotations": annotations}});
        application.sync.options.of(&manifest)
    };
    let whole = options("").unwrap();
    assert_eq!((whole.prune, whole.replace, whole.prune_last), (Consent::Confirm, true, true));
    let own = options("Prune=false, Replace=false,PrunePropagationPolicy=orphan").unwrap();
    assert_eq!((own.prune, own.replace), (Consent::No, false));
    assert_eq!((own.propagation, own.prune_last), (Propagation::Orphan, true));
    let kept =
        serde_json::json!({"metadata": {"annotations": {"helm.sh/resource-policy": "keep"}}});
    assert_eq!(application.sync.options.of(&kept).unwrap().delete, Consent::No);
    assert_eq!(options("").unwrap().delete, Consent::Yes);
    let wrong = options("Prune=false,Purne=false").unwrap_err();
    assert!(wrong.contains("Purne=false"), "{wrong}");
}
