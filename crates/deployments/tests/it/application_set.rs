//! What `ApplicationSet` files expand to, and which are refused.

use std::collections::BTreeSet;
use std::rc::Rc;

use deployments::application_set::{
    ApplicationSet, CommitFiles, Expanded, KnownCluster, Removals, SetError, SetInputs,
    SetRemovals, Upkeep, removals,
};
use deployments::{Application, Rollout, Target};
use ledger::ApplicationName;

use crate::{set_plugin, set_repositories};

fn text(spec: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: shops}}\nspec:\n\
         {spec}\n"
    )
}

/// A set whose applications are told apart by their names and paths.
pub fn set(generators: &str, name: &str, path: &str, more: &str) -> String {
    text(&format!(
        "  generators: {generators}\n  template:\n    metadata: {{name: '{name}'}}\n    spec:\n      \
         source: {{repoURL: o/r, path: '{path}'}}\n      \
         destination: {{name: local, namespace: n}}\n{more}"
    ))
}

const FILES: [(&str, &str); 8] = [
    ("apps/.hidden/x/a.yaml", ""),
    ("apps/Shop_One/kustomization.yaml", ""),
    ("apps/two/config.json", r#"{"name": "two", "size": {"replicas": 3}}"#),
    ("apps/two/deep/config.json", r#"[{"name": "a"}, {"name": "b"}]"#),
    ("apps/two/wrong.json", "7"),
    ("boucle.yaml", ""),
    ("other/three/x.yaml", ""),
    ("zeros/config.yaml", "port: 1000000\nflag: true\n"),
];

fn expand(text: &str) -> Result<Vec<Application>, String> {
    expanded(text).map(|expanded| expanded.applications)
}

/// With the clusters, the files and the repositories of the tests.
pub fn expanded(text: &str) -> Result<Expanded, String> {
    ApplicationSet::parse("set.yaml", text).map_err(|error| error.to_string())?;
    expanded_or(text).map_err(|error| error.to_string())
}

/// The same of a set that can be read.
pub fn expanded_or(text: &str) -> Result<Expanded, SetError> {
    let set = ApplicationSet::parse("set.yaml", text).unwrap();
    let clusters = [("east", "eu"), ("west", "us")].map(|(name, region)| KnownCluster {
        name: name.into(),
        server: format!("https://{name}:6443"),
        labels: [("region".to_owned(), region.to_owned())].into(),
        annotations: [("owner".to_owned(), format!("team-{name}"))].into(),
    });
    let files = |url: &str, revision: &str| match (url, revision) {
        ("o/r", "" | "HEAD") => Ok(Rc::new(CommitFiles {
            paths: FILES.iter().map(|(path, _)| (*path).to_owned()).collect(),
            read: Box::new(|path| {
                FILES.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned())
            }),
        })),
        (url, revision) => Err(format!("there is no {revision} in {url}")),
    };
    let inputs = SetInputs {
        clusters: &clusters,
        server_url: "https://boucle.test",
        files: &files,
        repositories: &set_repositories::repositories,
        pull_requests: &set_repositories::pull_requests,
        plugin: &set_plugin::answer,
        has_path: &set_repositories::has_path,
    };
    set.expand("set.yaml", &inputs)
}

/// The place that an application with these labels has by a strategy.
pub fn placed(strategy: &str, labels: &str) -> Result<Option<Rollout>, String> {
    let spec = format!(
        "  generators: [{{list: {{elements: [{{}}]}}}}]\n  strategy: {strategy}\n  template:\n    \
         metadata: {{name: a, labels: {labels}}}\n    spec:\n      source: {{repoURL: o/r, path: p}}\n      \
         destination: {{name: local}}"
    );
    expand(&text(&spec)).map(|applications| applications[0].rollout.clone())
}

/// Each application as `name path`.
#[track_caller]
pub fn check(generators: &str, name: &str, path: &str, more: &str, expected: &[&str]) {
    let applications = expand(&set(generators, name, path, more)).unwrap();
    let found: Vec<String> =
        applications.iter().map(|one| format!("{} {}", one.name, one.source.path)).collect();
    assert_eq!(found, expected);
}

#[track_caller]
pub fn fails(text: &str, needle: &str) {
    let error = expand(text).unwrap_err();
    assert!(error.contains(needle), "{error}\nhas not: {needle}");
}

pub const GO: &str = "  goTemplate: true\n  goTemplateOptions: [missingkey=error]";

#[test]
fn lists() {
    let two = "[{list: {elements: [{a: x, values: {b: v}}, {a: z, values: {b: w}}]}}]";
    check(two, "{{a}}-{{ values.b }}", "{{unknown}}", "", &["x-v {{unknown}}", "z-w {{unknown}}"]);
    check(two, "{{.a}}-{{.values.b}}", "p", GO, &["x-v p", "z-w p"]);
    check(
        "[{list: {elements: [{a: 1}], elementsYaml: '[{a: two}]'}}]",
        "n{{.a}}",
        "p",
        GO,
        &["n1 p", "ntwo p"],
    );
    check("[{list: {elements: []}}]", "{{.a}}", "p", GO, &[]);
    fails(&set("[{list: {elements: [{a: 1}]}}]", "{{a}}", "p", ""), "`a` of an element is no text");
    fails(&set("[{list: {elements: [{a: x}]}}]", "{{.b}}", "p", GO), "{a: x}");
    fails(&set("[{list: {elements: [{a: x}, {a: x}]}}]", "{{a}}", "p", ""), "called `x`");
    fails(&set("[{list: {elements: [{a: X!}]}}]", "{{a}}", "p", ""), "makes no application");
}

#[test]
fn git_directories() {
    let git = |entries: &str, more: &str| {
        format!("[{{git: {{repoURL: o/r, revision: HEAD, directories: {entries}{more}}}}}]")
    };
    check(
        &git("[{path: 'apps/*'}]", ""),
        "{{path.basenameNormalized}}",
        "{{path}}",
        "",
        &["shop-one apps/Shop_One", "two apps/two"],
    );
    check(
        &git("[{path: 'apps/*'}, {path: apps/Shop_One, exclude: true}]", ""),
        "{{path[1]}}",
        "{{path.basename}}",
        "",
        &["two two"],
    );
}

#[test]
fn git_directories_in_go_templates() {
    let git = |entries: &str, more: &str| {
        format!("[{{git: {{repoURL: o/r, revision: HEAD, directories: {entries}{more}}}}}]")
    };
    check(
        &git("[{path: '*'}]", ""),
        "{{.path.basename}}-{{len .path.segments}}",
        "{{.path.path}}",
        GO,
        &["apps-1 apps", "other-1 other", "zeros-1 zeros"],
    );
    check(
        &git(
            "[{path: 'apps/two/*'}]",
            ", pathParamPrefix: my, values: {up: '{{index .my.path.segments 1}}'}",
        ),
        "{{.my.path.basename}}-{{.values.up}}",
        "{{.my.path.path}}",
        GO,
        &["deep-two apps/two/deep"],
    );
    fails(
        &set("[{git: {repoURL: o/other, revision: HEAD, directories: [{path: a}]}}]", "a", "p", GO),
        "there is no HEAD in o/other",
    );
    fails(
        &set("[{git: {repoURL: o/r, revision: HEAD}}]", "a", "p", GO),
        "either `directories` or `files`",
    );
}

#[test]
fn git_files() {
    let git =
        |entries: &str| format!("[{{git: {{repoURL: o/r, revision: HEAD, files: {entries}}}}}]");
    // A star goes through folders, as Argo CD's default does.
    check(
        &git("[{path: 'apps/*/config.json'}]"),
        "{{name}}",
        "{{path}}",
        "",
        &["two apps/two", "a apps/two/deep", "b apps/two/deep"],
    );
    check(
        &git("[{path: 'apps/*/config.json'}, {path: '*/deep/*', exclude: true}]"),
        "{{name}}-{{size.replicas}}",
        "{{path.filename}}",
        "",
        &["two-3 config.json"],
    );
    check(
        &git("[{path: zeros/config.yaml}]"),
        "n{{.port}}-{{.flag}}",
        "{{.path.path}}/{{.path.filenameNormalized}}",
        GO,
        &["n1000000-true zeros/config.yaml"],
    );
    fails(&set(&git("[{path: 'apps/two/wrong.json'}]"), "a", "p", GO), "neither a map nor a list");
}

#[test]
fn clusters() {
    check(
        "[{clusters: {}}]",
        "{{name}}",
        "{{server}}-{{metadata.labels.region}}",
        "",
        &["east https://east:6443-eu", "west https://west:6443-us"],
    );
    let go = "{{.nameNormalized}}-{{.values.x}}";
    check(
        "[{clusters: {selector: {matchLabels: {region: us}}, values: {x: '{{.metadata.labels.region}}'}}}]",
        go,
        "p",
        GO,
        &["west-us p"],
    );
    check(
        "[{clusters: {}}]",
        "{{.name}}",
        "{{.metadata.annotations.owner}}",
        GO,
        &["east team-east", "west team-west"],
    );
    check(
        "[{clusters: {}}]",
        "{{name}}",
        "{{metadata.annotations.owner}}",
        "",
        &["east team-east", "west team-west"],
    );
    let all = "[{clusters: {selector: {matchLabels: {argocd.argoproj.io/secret-type: cluster}, \
               matchExpressions: [{key: region, operator: NotIn, values: [us]}]}}}]";
    check(all, "{{name}}", "p", "", &["east p"]);
}

#[test]
fn matrix_and_merge() {
    let matrix = "[{matrix: {generators: [{clusters: {}}, {list: {elements: [{a: x}, {a: z}]}}]}}]";
    check(matrix, "{{name}}-{{a}}", "p", "", &["east-x p", "east-z p", "west-x p", "west-z p"]);
    // The second generator's fields are templates of the first's parameters.
    let within = "[{matrix: {generators: [\
        {git: {repoURL: o/r, revision: HEAD, directories: [{path: 'apps/two'}]}}, \
        {git: {repoURL: o/r, revision: HEAD, pathParamPrefix: f, files: [{path: '{{.path.path}}/config.json'}]}}]}}]";
    check(within, "{{.name}}", "{{.f.path.path}}", GO, &["two apps/two"]);
    let text = "[{matrix: {generators: [{list: {elements: [{a: [p, q]}]}}, \
                {list: {elementsYaml: '{{ .a | toJson | printf \"[{b: %s}]\" }}'}}]}}]";
    check(text, "{{join \"-\" .b}}", "x", GO, &["p-q x"]);
    // `values` are filled once, from both; what was filled in is no template.
    let values = "[{matrix: {generators: [{list: {elements: [{a: x, t: '{{.a}}'}]}}, \
                  {list: {elements: [{b: w}]}}]}}]";
    check(values, "{{.a}}-{{.b}}", "{{.t}}", GO, &["x-w {{.a}}"]);
    let values = "[{matrix: {generators: [{list: {elements: [{a: x, t: '{{.path.basename}}'}]}}, \
                  {git: {repoURL: o/r, directories: [{path: apps/two}], \
                  values: {v: '{{.a}}-{{.path.basename}}', w: '{{.t}}'}}}]}}]";
    check(values, "{{.values.v}}", "{{.values.w}}", GO, &["x-two {{.path.basename}}"]);
    let short = values.replace("{{.", "{{");
    check(&short, "{{values.v}}", "{{values.w}}", "", &["x-two {{path.basename}}"]);
    let inner = "{matrix: {generators: [{git: {repoURL: o/r, directories: [{path: 'apps/two'}]}}, \
                 {clusters: {values: {v: '{{.a}}-{{.path.basename}}-{{.name}}'}}}]}}";
    let nested =
        format!("[{{matrix: {{generators: [{{list: {{elements: [{{a: x}}]}}}}, {inner}]}}}}]");
    check(&nested, "{{.values.v}}", "p", GO, &["x-two-east p", "x-two-west p"]);
    let same =
        "[{matrix: {generators: [{list: {elements: [{a: x}]}}, {list: {elements: [{a: z}]}}]}}]";
    fails(&set(same, "{{a}}", "p", ""), "both generators of `matrix` give `a`");
    check(same, "{{.a}}", "p", GO, &["x p"]);
    let merge = "[{merge: {mergeKeys: [k], generators: [\
        {list: {elements: [{k: a, v: one}, {k: b, v: two}]}}, \
        {list: {elements: [{k: b, v: changed}, {k: c, v: never}]}}]}}]";
    check(merge, "{{k}}-{{v}}", "p", "", &["a-one p", "b-changed p"]);
    check(merge, "{{.k}}-{{.v}}", "p", GO, &["a-one p", "b-changed p"]);
    let twice = merge.replace("{k: c, v: never}", "{k: b, v: never}");
    fails(&set(&twice, "{{k}}", "p", ""), "do not tell the sets apart");
    let nested = format!(
        "[{{matrix: {{generators: [{}, {{list: {{elements: [{{z: s}}]}}}}]}}}}]",
        &merge[1..merge.len() - 1]
    );
    check(&nested, "{{k}}-{{z}}", "p", "", &["a-s p", "b-s p"]);
    let deep = format!(
        "[{{matrix: {{generators: [{}, {{clusters: {{}}}}]}}}}]",
        &nested[1..nested.len() - 1]
    );
    fails(&set(&deep, "{{k}}", "p", ""), "nested too deeply");
    fails(&set("[{matrix: {generators: [{clusters: {}}]}}]", "a", "p", ""), "exactly two");
    let two = "[{merge: {generators: [{clusters: {}}, {clusters: {}}]}}]";
    fails(&set(two, "a", "p", ""), "mergeKeys");
}

#[test]
fn selectors_choose_among_what_was_generated() {
    let selected = "[{clusters: {}, selector: {matchLabels: {metadata.labels.region: eu}}}]";
    check(selected, "{{name}}", "p", "", &["east p"]);
    check(selected, "{{.name}}", "p", GO, &["east p"]);
    let listed = "[{list: {elements: [{a: x}, {a: w}, {b: z, a: z}]}, selector: {matchExpressions: \
                  [{key: b, operator: DoesNotExist}, {key: a, operator: In, values: [w, z]}]}}]";
    check(listed, "{{a}}", "p", "", &["w p"]);
}

#[test]
fn functions_of_go_templates() {
    let check = |template: &str, expected: &str| {
        let elements =
            "[{list: {elements: [{a: 'Feature/Some_Branch', n: 3, l: [x, w, x], m: {k: v}}]}}]";
        check(elements, "app", template, GO, &[&format!("app {expected}")]);
    };
    check("{{.a | lower | replace \"/\" \"-\"}}", "feature-some_branch");
    check("{{.a | normalize}}", "feature-some-branch");
    check("{{slugify .a}}", "feature-some-branch");
    check("{{slugify 9 true .a}}", "feature");
    check("{{slugify 9 false .a}}", "feature-s");
    check("{{trunc 3 .a}}{{trunc -2 .a}}", "Feach");
    check("{{default \"d\" .m.k}}-{{get .m \"x\" | default \"d\"}}", "v-d");
    check("{{join \"+\" (uniq .l)}}{{add .n 1}}", "x+w4");
    check("{{if has \"w\" .l}}yes{{else}}no{{end}}", "yes");
    check("{{range $i, $x := .l}}{{$i}}{{$x}}{{end}}", "0x1w2x");
    check("{{ternary \"a\" \"b\" (eq .n 3)}}", "a");
    check("{{.m | toJson | b64enc | b64dec}}", "{\"k\":\"v\"}");
    check("{{(splitList \"/\" .a) | first}}", "Feature");
    check("{{regexReplaceAll \"[^a-z]+\" .a \".\"}}", ".eature.ome.ranch");
    check("{{dig \"m\" \"none\" \"d\" .}}", "d");
    check("{{(fromYaml \"a: {b: 1}\").a.b}}", "1");
    let refused = |template: &str, needle: &str| {
        fails(&set("[{list: {elements: [{a: x}]}}]", "app", template, GO), needle);
    };
    refused("{{env \"HOME\"}}", "env");
    refused("{{getHostByName \"x\"}}", "getHostByName");
    refused("{{now}}", "now");
    refused("{{.a", "unclosed");
    refused("{{range until 9999}}{{range until 9999}}{{end}}{{end}}", "makes no application");
    refused("{{repeat 999999999 .a}}", "too long");
    refused("{{printf \"%999999d\" 1}}", "no width");
    refused("{{$x := list .a}}{{range until 60}}{{$x = list $x $x}}{{end}}{{$x}}", "too large");
    refused("{{$x := .a}}{{range until 40}}{{$x = printf \"%s%s\" $x $x}}{{end}}{{$x}}", "too l");
}

#[test]
fn templates_of_generators_and_patches() {
    let own = "[{list: {elements: [{a: x}], template: {metadata: {labels: {b: '{{a}}'}}, \
               spec: {project: special, source: {path: own}}}}}, {list: {elements: [{a: w}]}}]";
    check(own, "{{a}}", "p", "", &["x own", "w p"]);
    let applications = expand(&set(own, "{{a}}", "p", "")).unwrap();
    assert_eq!(applications[0].project, "special");
    assert_eq!(applications[0].labels["b"], "x");
    let patch = "  templatePatch: |\n    spec:\n      syncPolicy:\n        automated:\n          \
                 prune: {{.prune}}\n      {{- if .prune}}\n      project: null\n      {{- end}}\n";
    let generators = "[{list: {elements: [{a: x, prune: true}, {a: w, prune: false}]}}]";
    let applications = expand(&set(generators, "{{.a}}", "p", &format!("{GO}\n{patch}"))).unwrap();
    let prunes: Vec<bool> =
        applications.iter().map(|one| one.sync.automated.unwrap().prune).collect();
    assert_eq!(prunes, [true, false]);
    let named = "  templatePatch: 'metadata: {name: other}'";
    fails(
        &set(generators, "{{.a}}", "p", &format!("{GO}\n{named}")),
        "may not change `metadata.name`",
    );
}

#[test]
fn removing_an_application_takes_its_objects_unless_the_set_preserves() {
    let one = |more: &str| expand(&set("[{list: {elements: [{a: x}]}}]", "x", "p", more)).unwrap();
    assert!(one("")[0].delete_objects_on_removal.is_some());
    assert!(
        one("  syncPolicy: {preserveResourcesOnDeletion: true}")[0]
            .delete_objects_on_removal
            .is_none()
    );
    assert_eq!(one("")[0].destination.target, Target::Processes);
}

#[test]
fn what_cannot_be_done_is_refused_by_name_and_place() {
    let refused = |generators: &str, more: &str, line: u64, needle: &str| {
        let text = set(generators, "x", "p", more);
        let error = ApplicationSet::parse("set.yaml", &text).unwrap_err();
        assert!(error.message.contains(needle), "{error}");
        assert_eq!(error.line, line, "{error}");
    };
    let list = "[{list: {elements: []}}]";
    refused("[{scmProvider: {github: {}}}]", "", 5, "organization");
    refused("[{pullRequest: {}}]", "", 1, "`pullRequest` has exactly one of");
    refused("[{plugin: {}}]", "", 5, "configMapRef");
    refused("[{clusterDecisionResource: {}}]", "", 5, "clusterDecisionResource");
    refused("[{clusters: {flatList: true}}]", "", 5, "flatList");
    refused("[{lists: {}}]", "", 5, "lists");
    refused("[{}]", "", 1, "exactly one");
    refused("[{git: {repoURL: a, directories: [{path: a, excluded: true}]}}]", "", 5, "excluded");
    refused(list, "  strategy: {type: Other}", 11, "Other");
    refused(list, "  strategy: {type: RollingSync}", 1, "rollingSync.steps");
    refused(list, "  syncPolicy: {applicationsSync: create}", 11, "`create-only`");
    refused(list, "  ignoreApplicationDifferences: []", 11, "ignoreApplicationDifferences");
    refused(list, "  goTemplateOptions: [missingkey=other]", 11, "missingkey=other");
    refused(list, "  unknown: 1", 11, "unknown");
    let accepted = "  strategy: {type: AllAtOnce}\n  preservedFields: {annotations: [a]}\n  \
                    syncPolicy: {applicationsSync: create-update}\n  applyNestedSelectors: true";
    let read = ApplicationSet::parse("set.yaml", &set(list, "x", "p", accepted)).unwrap();
    assert!(read.upkeep == Upkeep::CreateUpdate && read.steps.is_none() && !read.reads_files());
    for (policy, upkeep) in [
        ("sync", Upkeep::Sync),
        ("create-only", Upkeep::CreateOnly),
        ("create-delete", Upkeep::CreateDelete),
    ] {
        let policy = format!("  syncPolicy: {{applicationsSync: {policy}}}");
        let read = ApplicationSet::parse("set.yaml", &set(list, "x", "p", &policy)).unwrap();
        assert_eq!(read.upkeep, upkeep);
    }
}

#[test]
fn a_set_that_suddenly_gives_much_less_removes_nothing_by_itself() {
    let names = |text: &str| -> BTreeSet<ApplicationName> {
        text.split_whitespace().map(|name| ApplicationName::new(name).unwrap()).collect()
    };
    let check = |before: &str, now: &str, ended: &str, confirmed: &str, expected: [&str; 2]| {
        let (before, now, confirmed) = (names(before), names(now), names(confirmed));
        let ended = names(ended);
        let (before, now, ended, confirmed) = (&before, &now, &ended, &confirmed);
        let inputs = SetRemovals { before, now, ended, removes: true, is_told: false, confirmed };
        let expected = Removals { removed: names(expected[0]), held: names(expected[1]) };
        assert_eq!(removals(&inputs), expected);
        let keeps = SetRemovals { removes: false, ..inputs };
        assert_eq!(removals(&keeps), Removals::default());
    };
    // Half is enough when a service gives the parameters, and an empty answer always.
    let check_told = |before: &str, now: &str, expected: [&str; 2]| {
        let (before, now, none) = (names(before), names(now), names(""));
        let (before, now, ended, confirmed) = (&before, &now, &none, &none);
        let inputs = SetRemovals { before, now, ended, removes: true, is_told: true, confirmed };
        let expected = Removals { removed: names(expected[0]), held: names(expected[1]) };
        assert_eq!(removals(&inputs), expected);
    };
    check_told("a", "", ["", "a"]);
    check_told("a", "b", ["", "a"]);
    check_told("a b", "a", ["b", ""]);
    check_told("a b", "", ["", "a b"]);
    check_told("a b c d", "a b", ["", "c d"]);
    check_told("a b c d e", "a b c", ["d e", ""]);
    check("a b", "a b c", "", "", ["", ""]);
    check("a", "", "", "", ["a", ""]);
    check("a b", "a", "", "", ["b", ""]);
    check("a b c d", "a b", "", "", ["c d", ""]);
    check("a b c", "a", "", "", ["", "b c"]);
    check("a b", "", "", "", ["", "a b"]);
    check("a b c", "a", "", "b", ["", "b c"]);
    check("a b c", "a", "", "b c", ["b c", ""]);
    // New ones do not make up for those that are gone.
    check("a b c", "x y z", "", "", ["", "a b c"]);
    // That a pull request ended is no loss, and says nothing of the others.
    check("a b", "", "a b", "", ["a b", ""]);
    check("a b c", "", "a", "", ["a", "b c"]);
    check("a b c d e", "a b", "e", "", ["c d e", ""]);
    check("a b", "a b", "a b", "", ["", ""]);
}
