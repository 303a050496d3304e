//! `Kustomization` and `HelmRelease` objects of Flux, with the sources that they name.

use serde_json::{Map, Value, json};

use super::{Cluster, Draft, Migration, flux_chart, is_true, list, text, with_names_apart};
use crate::dependencies::DEPENDS_ON;
use crate::objects::ObjectKey;

/// The branch of a `GitRepository` that names no reference.
const DEFAULT_BRANCH: &str = "master";
/// Where Flux puts objects that name no namespace.
const DEFAULT_NAMESPACE: &str = "default";

/// Fields of a `Kustomization` that have no equal here, each with what to do.
const KUSTOMIZATION_PROBLEMS: [(&str, &str); 3] = [
    (
        "postBuild",
        "`postBuild` replaces variables in the manifests: write the values into the overlay instead",
    ),
    ("kubeConfig", "`kubeConfig` names another cluster: make it known here and name it instead"),
    (
        "healthCheckExprs",
        "`healthCheckExprs` judges custom resources: look whether their health is known here",
    ),
];

/// Fields of a `Kustomization` that need nothing here.
const KUSTOMIZATION_NOTES: [(&str, &str); 4] = [
    (
        "decryption",
        "`decryption`: give the age key with `boucle secret set REPOSITORY SOPS_AGE_KEY --decrypts`; \
         keys of PGP and of cloud services cannot be used",
    ),
    ("healthChecks", "`healthChecks` needs no list: the health of every object counts"),
    ("interval", "`interval` is not needed: changes are seen when they happen"),
    (
        "serviceAccountName",
        "`serviceAccountName` becomes `destinationServiceAccounts` of an AppProject",
    ),
];

/// The applications of these objects; objects of other kinds are passed over.
#[must_use]
pub fn of_flux(objects: &[Value], cluster: Cluster<'_>) -> Vec<Migration> {
    let found = objects.iter().filter_map(|object| {
        let group = text(object, "/apiVersion").split('/').next().unwrap_or_default();
        match (group, text(object, "/kind")) {
            ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
                kustomization(object, objects, cluster)
            }
            ("helm.toolkit.fluxcd.io", "HelmRelease") => release(object, objects, cluster),
            _ => None,
        }
    });
    with_names_apart(found.collect())
}

fn kustomization(object: &Value, all: &[Value], cluster: Cluster<'_>) -> Option<Migration> {
    let mut draft = Draft::of(object)?;
    let spec = &object["spec"];
    for (field, problem) in KUSTOMIZATION_PROBLEMS {
        if !spec[field].is_null() {
            draft.problem(problem);
        }
    }
    for (field, note) in KUSTOMIZATION_NOTES {
        if !spec[field].is_null() {
            draft.note(note);
        }
    }
    let reference = &spec["sourceRef"];
    let mut source = if text(reference, "/kind") == "OCIRepository" {
        let namespace = text(object, "/metadata/namespace");
        let found = named(&mut draft, "OCIRepository", reference, namespace, all);
        let found = found.map(|one| flux_chart::artifact_source(&mut draft, one));
        found.unwrap_or_else(|| Map::from_iter([("repoURL".to_owned(), Value::from(""))]))
    } else {
        git_source(&mut draft, object, reference, all)
    };
    source.insert("path".into(), relative(text(spec, "/path")).into());
    let options = overrides(&mut draft, spec);
    if !options.is_empty() {
        source.insert("kustomize".into(), Value::Object(options));
    }
    let prune = is_true(spec, "/prune");
    if prune && text(spec, "/deletionPolicy") != "Orphan" {
        draft.finalizers.push("resources-finalizer.argocd.argoproj.io".into());
    }
    draft.objects = list(object, "/status/inventory/entries").filter_map(entry).collect();
    let namespace = first(&[text(spec, "/targetNamespace"), DEFAULT_NAMESPACE]);
    Some(finish(draft, object, source, namespace, prune, cluster))
}

/// What Flux lays over the folder.
fn overrides(draft: &mut Draft, spec: &Value) -> Map<String, Value> {
    let mut options = Map::new();
    for name in ["namePrefix", "nameSuffix", "patches", "components", "ignoreMissingComponents"] {
        if !spec[name].is_null() {
            options.insert(name.into(), spec[name].clone());
        }
    }
    if !text(spec, "/targetNamespace").is_empty() {
        options.insert("namespace".into(), spec["targetNamespace"].clone());
    }
    let images: Vec<Value> = list(spec, "/images").map(image).collect();
    if !images.is_empty() {
        options.insert("images".into(), images.into());
    }
    let labels = &spec["commonMetadata"]["labels"];
    if !labels.is_null() {
        options.insert("commonLabels".into(), labels.clone());
        options.insert("labelWithoutSelector".into(), true.into());
    }
    let annotations = &spec["commonMetadata"]["annotations"];
    if !annotations.is_null() {
        options.insert("commonAnnotations".into(), annotations.clone());
    }
    if is_true(spec, "/force") {
        draft.note("`force` becomes the sync option `Force=true` of the objects that need it");
    }
    options
}

fn release(object: &Value, all: &[Value], cluster: Cluster<'_>) -> Option<Migration> {
    let mut draft = Draft::of(object)?;
    let spec = &object["spec"];
    let chart = &spec["chart"]["spec"];
    let mut source = flux_chart::source(&mut draft, object, all);
    if list(spec, "/valuesFrom").next().is_some() {
        draft.problem("`valuesFrom` reads values from the cluster: write them into Git instead");
    }
    if list(spec, "/postRenderers").next().is_some() {
        draft.problem("`postRenderers` changes what the chart renders: use an overlay instead");
    }
    if !spec["test"].is_null() || !spec["rollback"].is_null() {
        draft.note("`test` and `rollback` are not Helm's here: a rollback is a commit");
    }
    draft.note("Helm's own record of the release stays as it is, and is not used any more");
    let target = first(&[text(spec, "/targetNamespace"), &draft.from.namespace]).to_owned();
    let release_name = match (text(spec, "/releaseName"), text(spec, "/targetNamespace")) {
        ("", "") => draft.from.name.clone(),
        ("", namespace) => format!("{namespace}-{}", draft.from.name),
        (name, _) => name.to_owned(),
    };
    let mut helm = Map::from_iter([("releaseName".to_owned(), Value::from(release_name))]);
    if spec["values"].as_object().is_some_and(|values| !values.is_empty()) {
        helm.insert("valuesObject".into(), spec["values"].clone());
    }
    let files: Vec<Value> = list(chart, "/valuesFiles").cloned().collect();
    if !files.is_empty() {
        helm.insert("valueFiles".into(), files.into());
    }
    if text(spec, "/install/crds") == "Skip" {
        helm.insert("skipCrds".into(), true.into());
    }
    source.insert("helm".into(), Value::Object(helm));
    Some(finish(draft, object, source, &target, true, cluster))
}

/// The object that a reference names, in its namespace or the one of who refers to it.
pub(super) fn named<'a>(
    draft: &mut Draft,
    kind: &str,
    reference: &Value,
    own: &str,
    all: &'a [Value],
) -> Option<&'a Value> {
    let (name, namespace) =
        (text(reference, "/name"), first(&[text(reference, "/namespace"), own]));
    let found = all.iter().find(|one| {
        one["kind"] == kind
            && text(one, "/metadata/name") == name
            && text(one, "/metadata/namespace") == namespace
    });
    if found.is_none() {
        draft.problem(format!("there is no {kind} `{namespace}/{name}`"));
    }
    found
}

fn finish(
    mut draft: Draft,
    object: &Value,
    source: Map<String, Value>,
    namespace: &str,
    prune: bool,
    cluster: Cluster<'_>,
) -> Migration {
    let spec = &object["spec"];
    let waits: Vec<&str> = list(spec, "/dependsOn").map(|one| text(one, "/name")).collect();
    if !waits.is_empty() {
        draft.annotations.insert(DEPENDS_ON.into(), waits.join(",").into());
    }
    let policy = if is_true(spec, "/suspend") {
        draft.note("it is suspended: the application is synchronised only when a person asks");
        json!({})
    } else {
        json!({ "automated": { "prune": prune, "selfHeal": true } })
    };
    draft.spec = Map::from_iter([
        ("project".to_owned(), Value::from("default")),
        ("source".to_owned(), Value::Object(source)),
        ("destination".to_owned(), json!({ "name": cluster.name, "namespace": namespace })),
        ("syncPolicy".to_owned(), policy),
    ]);
    draft.finish()
}

/// The repository and the revision of the source that an object names.
pub(super) fn git_source(
    draft: &mut Draft,
    object: &Value,
    reference: &Value,
    all: &[Value],
) -> Map<String, Value> {
    let (kind, name) = (text(reference, "/kind"), text(reference, "/name"));
    let namespace = text(object, "/metadata/namespace");
    let mut source = Map::from_iter([("repoURL".to_owned(), Value::from(""))]);
    if kind != "GitRepository" {
        draft.problem(format!(
            "its source is the {kind} `{name}`: only Git and OCI registries are read"
        ));
        return source;
    }
    let Some(repository) = named(draft, kind, reference, namespace, all) else { return source };
    let spec = &repository["spec"];
    source.insert("repoURL".into(), spec["url"].clone());
    let reference = &spec["ref"];
    if !text(reference, "/semver").is_empty() {
        draft.problem("its source takes the newest tag of a range (`semver`): name one tag");
    }
    let revision = [
        text(reference, "/commit"),
        text(reference, "/name"),
        text(reference, "/tag"),
        text(reference, "/branch"),
        DEFAULT_BRANCH,
    ];
    source.insert("targetRevision".into(), first(&revision).into());
    if list(spec, "/include").next().is_some() {
        draft.problem("its source includes others (`include`): copy them into one repository");
    }
    if !spec["verify"].is_null() {
        draft.note(
            "`verify` of its source: require signed commits in the repository's review rules",
        );
    }
    source
}

/// `name=newName:newTag@digest`, as Argo CD writes it.
fn image(value: &Value) -> Value {
    let (name, new_name) = (text(value, "/name"), text(value, "/newName"));
    let mut image =
        if new_name.is_empty() { name.to_owned() } else { format!("{name}={new_name}") };
    let (tag, digest) = (text(value, "/newTag"), text(value, "/digest"));
    if !digest.is_empty() {
        image.push_str(&format!("@{digest}"));
    } else if !tag.is_empty() {
        image.push_str(&format!(":{tag}"));
    }
    image.into()
}

/// `namespace_name_group_kind`; no name of a namespace, group or kind has an underscore in it.
fn entry(value: &Value) -> Option<ObjectKey> {
    let id = value["id"].as_str()?;
    let (namespace, rest) = id.split_once('_')?;
    let (rest, kind) = rest.rsplit_once('_')?;
    let (name, group) = rest.rsplit_once('_')?;
    Some(ObjectKey {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        // Names of roles may have colons, which are written so.
        name: name.replace("__", ":"),
    })
}

pub(super) fn relative(path: &str) -> &str {
    match path.trim_start_matches("./").trim_matches('/') {
        "" => ".",
        path => path,
    }
}

/// The first text that says something.
pub(super) fn first<'a>(texts: &[&'a str]) -> &'a str {
    texts.iter().find(|text| !text.is_empty()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Cluster<'static> {
        Cluster { name: "prod", server: "https://10.0.0.1:6443" }
    }

    fn repository(reference: Value) -> Value {
        json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": { "name": "apps", "namespace": "flux-system" },
            "spec": { "url": "https://git.example/apps.git", "ref": reference },
        })
    }

    fn object(kind: &str, spec: Value) -> Value {
        let group = if kind == "HelmRelease" { "helm" } else { "kustomize" };
        json!({
            "apiVersion": format!("{group}.toolkit.fluxcd.io/v1"), "kind": kind,
            "metadata": { "name": "web", "namespace": "flux-system" },
            "spec": spec,
        })
    }

    #[track_caller]
    fn migrated(object: &Value, reference: Value) -> (Migration, Value) {
        let found = of_flux(&[object.clone(), repository(reference)], cluster());
        let [migration] = &found[..] else { panic!("{found:?}") };
        let file = yaml::document("a.yaml", &migration.file).expect("valid");
        (migration.clone(), file)
    }

    #[test]
    fn a_kustomization_becomes_a_folder_of_a_repository() {
        let mut web = object(
            "Kustomization",
            json!({
                "path": "./web/prod", "prune": true, "interval": "10m",
                "sourceRef": { "kind": "GitRepository", "name": "apps" },
                "targetNamespace": "live",
                "dependsOn": [{ "name": "database" }, { "name": "cache" }],
                "images": [{ "name": "web", "newName": "reg/web", "newTag": "1.2" }],
            }),
        );
        web["status"] = json!({ "inventory": { "entries": [
            { "id": "live_web_apps_Deployment", "v": "v1" },
            { "id": "_web__reader_rbac.authorization.k8s.io_ClusterRole", "v": "v1" },
        ] } });
        let (migration, file) = migrated(&web, json!({ "branch": "main" }));
        assert_eq!(migration.problems, Vec::<String>::new());
        assert_eq!(file["metadata"]["annotations"][DEPENDS_ON], "database,cache");
        let source = &file["spec"]["source"];
        assert_eq!(source["repoURL"], "https://git.example/apps.git");
        assert_eq!((text(source, "/path"), text(source, "/targetRevision")), ("web/prod", "main"));
        assert_eq!(source["kustomize"]["images"], json!(["web=reg/web:1.2"]));
        assert_eq!(file["spec"]["destination"], json!({ "name": "prod", "namespace": "live" }));
        let automated = json!({ "prune": true, "selfHeal": true });
        assert_eq!(file["spec"]["syncPolicy"]["automated"], automated);
        let objects: Vec<String> = migration.objects.iter().map(ObjectKey::to_string).collect();
        assert_eq!(
            objects,
            ["apps/Deployment live/web", "rbac.authorization.k8s.io/ClusterRole web:reader"]
        );
    }

    #[test]
    fn what_has_no_equal_is_said_by_name() {
        let check = |spec: Value, reference: Value, needle: &str| {
            let mut web = json!({ "sourceRef": { "kind": "GitRepository", "name": "apps" } });
            for (name, value) in spec.as_object().expect("fields") {
                web[name] = value.clone();
            }
            let (migration, _) = migrated(&object("Kustomization", web), reference);
            let found = migration.problems.iter().any(|problem| problem.contains(needle));
            assert!(found, "{needle}: {:?}", migration.problems);
        };
        check(json!({ "postBuild": { "substitute": {} } }), json!({}), "`postBuild`");
        check(json!({ "sourceRef": { "kind": "Bucket", "name": "b" } }), json!({}), "Bucket `b`");
        check(json!({}), json!({ "semver": ">=1.0" }), "`semver`");
        let lost = json!({ "sourceRef": { "kind": "GitRepository", "name": "none" } });
        check(lost, json!({}), "no GitRepository `flux-system/none`");
    }

    #[test]
    fn a_suspended_one_waits_for_people() {
        let spec =
            json!({ "suspend": true, "sourceRef": { "kind": "GitRepository", "name": "apps" } });
        let (migration, file) = migrated(&object("Kustomization", spec), json!({}));
        assert_eq!(file["spec"]["syncPolicy"], json!({}));
        assert_eq!(file["spec"]["source"]["targetRevision"], DEFAULT_BRANCH);
        assert!(migration.notes.iter().any(|note| note.contains("suspended")));
    }

    #[test]
    fn a_release_of_a_chart_in_git_becomes_a_chart() {
        let spec = json!({
            "targetNamespace": "live", "values": { "replicas": 2 },
            "chart": { "spec": {
                "chart": "./charts/web", "sourceRef": { "kind": "GitRepository", "name": "apps" },
            } },
        });
        let (migration, file) = migrated(&object("HelmRelease", spec), json!({ "tag": "v1" }));
        assert_eq!(migration.problems, Vec::<String>::new());
        let source = &file["spec"]["source"];
        assert_eq!((text(source, "/path"), text(source, "/targetRevision")), ("charts/web", "v1"));
        let helm = json!({ "releaseName": "live-web", "valuesObject": { "replicas": 2 } });
        assert_eq!(source["helm"], helm);
        let elsewhere = json!({ "chart": { "spec": {
            "chart": "web", "sourceRef": { "kind": "Bucket", "name": "charts" },
        } }, "valuesFrom": [{ "kind": "Secret", "name": "s" }] });
        let (migration, _) = migrated(&object("HelmRelease", elsewhere), json!({}));
        let problems = migration.problems.join("\n");
        assert!(problems.contains("a Bucket") && problems.contains("`valuesFrom`"), "{problems}");
    }
}
