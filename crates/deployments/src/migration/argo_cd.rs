//! `Application` objects of Argo CD: the same file, without what only its controller writes.

use serde_json::{Map, Value};

use super::{Cluster, Draft, Migration, list, text, with_names_apart};
use crate::application::Application;
use crate::objects::ObjectKey;

/// Annotations that ask Argo CD for something once, or that a tool left.
const PASSING: [&str; 3] = [
    "argocd.argoproj.io/refresh",
    "argocd.argoproj.io/hydrate",
    "kubectl.kubernetes.io/last-applied-configuration",
];

/// How Argo CD calls the cluster that it runs on.
const OWN_CLUSTER: [&str; 2] = ["https://kubernetes.default.svc", "in-cluster"];

/// The applications of these objects; objects of other kinds are passed over.
#[must_use]
pub fn of_argo_cd(objects: &[Value], cluster: Cluster<'_>) -> Vec<Migration> {
    let applications = objects.iter().filter(|object| {
        object["kind"] == "Application" && text(object, "/apiVersion").starts_with("argoproj.io/")
    });
    with_names_apart(applications.filter_map(|one| of(one, cluster)).collect())
}

/// The application that an object asks for, read as a file would be; else what is wrong with it.
pub fn read_argo_cd(object: &Value, cluster: Cluster<'_>) -> Result<Application, String> {
    let migration = of(object, cluster).ok_or("it has no name")?;
    Application::parse("application.yaml", &migration.file).map_err(|refused| refused.message)
}

fn of(object: &Value, cluster: Cluster<'_>) -> Option<Migration> {
    let mut draft = Draft::of(object)?;
    let entries = |pointer| {
        let entries = object.pointer(pointer).and_then(Value::as_object).cloned();
        entries.unwrap_or_default()
    };
    draft.labels = entries("/metadata/labels");
    draft.annotations = entries("/metadata/annotations");
    draft.annotations.retain(|name, _| !PASSING.contains(&name.as_str()));
    draft.finalizers = list(object, "/metadata/finalizers").cloned().collect();
    draft.spec = entries("/spec");
    draft.objects = list(object, "/status/resources").map(resource).collect();
    owner(object, &mut draft);
    charts(object, &mut draft);
    destination(&mut draft, cluster);
    project(&mut draft);
    if !text(object, "/operation/sync/revision").is_empty() {
        draft.note("the operation that is under way is left to Argo CD");
    }
    Some(draft.finish())
}

/// An application that a set makes comes back when its file is committed beside the set.
fn owner(object: &Value, draft: &mut Draft) {
    let sets =
        list(object, "/metadata/ownerReferences").filter(|one| one["kind"] == "ApplicationSet");
    for set in sets {
        draft.problem(format!(
            "the ApplicationSet `{}` makes it: commit the set instead, without its `status`",
            text(set, "/name")
        ));
    }
}

/// A range of versions of a chart becomes the version that runs.
fn charts(object: &Value, draft: &mut Draft) {
    let one =
        draft.spec.get("source").map(|_| ("/source".to_owned(), "/status/sync/revision".into()));
    let several = draft.spec.get("sources").and_then(Value::as_array).map_or(0, Vec::len);
    let several = (0..several)
        .map(|index| (format!("/sources/{index}"), format!("/status/sync/revisions/{index}")));
    let places: Vec<(String, String)> = one.into_iter().chain(several).collect();
    let mut spec = Value::Object(std::mem::take(&mut draft.spec));
    for (place, revision) in places {
        let Some(source) = spec.pointer_mut(&place).and_then(Value::as_object_mut) else {
            continue;
        };
        let field = |name: &str| source.get(name).and_then(Value::as_str).unwrap_or_default();
        if field("chart").is_empty() && !field("repoURL").starts_with("oci://") {
            continue;
        }
        let (name, wanted) = (field("chart").to_owned(), field("targetRevision").to_owned());
        let what =
            format!("the chart `{}`", if name.is_empty() { field("repoURL") } else { &name });
        let version = super::exact(draft, &what, &wanted, text(object, &revision));
        source.insert("targetRevision".to_owned(), version.into());
        super::charts_from(draft, source);
    }
    if let Value::Object(spec) = spec {
        draft.spec = spec;
    }
}

/// The address of Argo CD's own cluster means another one anywhere else.
fn destination(draft: &mut Draft, cluster: Cluster<'_>) {
    let Some(destination) = draft.spec.get("destination") else { return };
    let (server, name) = (text(destination, "/server"), text(destination, "/name"));
    let namespace = text(destination, "/namespace");
    let is_here = OWN_CLUSTER.contains(&server)
        || OWN_CLUSTER.contains(&name)
        || server.trim_end_matches('/') == cluster.server.trim_end_matches('/');
    if !is_here {
        let other = if name.is_empty() { server } else { name };
        let note = format!("it goes to another cluster, `{other}`, which must be known here so");
        return draft.note(note);
    }
    let mut here = Map::from_iter([("name".to_owned(), Value::from(cluster.name))]);
    if !namespace.is_empty() {
        here.insert("namespace".to_owned(), namespace.into());
    }
    draft.spec.insert("destination".to_owned(), Value::Object(here));
}

fn project(draft: &mut Draft) {
    let project = draft.spec.get("project").and_then(Value::as_str).unwrap_or("default").to_owned();
    if project != "default" {
        draft.note(format!("commit its AppProject `{project}` too"));
    }
}

fn resource(value: &Value) -> ObjectKey {
    let field = |name| value[name].as_str().unwrap_or_default().to_owned();
    ObjectKey {
        group: field("group"),
        kind: field("kind"),
        namespace: field("namespace"),
        name: field("name"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chart_has_the_version_that_runs() {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": { "name": "web", "namespace": "argocd" },
            "spec": {
                "sources": [
                    { "repoURL": "https://git.example/v.git", "ref": "v", "targetRevision": "main" },
                    { "repoURL": "https://c.example", "chart": "podinfo", "targetRevision": "6.*" },
                    { "repoURL": "r.example/x", "chart": "redis", "targetRevision": "1.2.3" },
                ],
                "destination": { "server": "https://kubernetes.default.svc", "namespace": "live" },
            },
            "status": { "sync": { "revisions": ["abc", "6.7.1", "1.2.3"] } },
        });
        let cluster = Cluster { name: "prod", server: "https://10.0.0.1:6443" };
        let found = of_argo_cd(&[object], cluster);
        let file: Value = yaml::document("a.yaml", &found[0].file).expect("valid");
        assert_eq!(found[0].problems, Vec::<String>::new());
        let revision = |index: usize| file["spec"]["sources"][index]["targetRevision"].clone();
        assert_eq!([revision(0), revision(1), revision(2)], ["main", "6.7.1", "1.2.3"]);
        let notes = found[0].notes.join("\n");
        assert!(notes.contains("follows `6.*`"), "{notes}");
        assert!(notes.contains("--charts-from c.example") && notes.contains("from r.example"));
    }

    #[test]
    fn only_what_a_person_wrote_stays() {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {
                "name": "guestbook", "namespace": "argocd", "uid": "1", "resourceVersion": "7",
                "labels": { "team": "web" },
                "annotations": { "argocd.argoproj.io/refresh": "hard", "note": "kept" },
                "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            },
            "spec": {
                "project": "default",
                "source": { "repoURL": "https://git.example/apps.git", "path": "guestbook" },
                "destination": { "server": "https://kubernetes.default.svc", "namespace": "live" },
                "syncPolicy": { "automated": { "prune": true } },
            },
            "status": { "resources": [
                { "group": "apps", "kind": "Deployment", "namespace": "live", "name": "web",
                  "version": "v1", "status": "Synced" },
            ] },
        });
        let cluster = Cluster { name: "prod", server: "https://10.0.0.1:6443" };
        let found = of_argo_cd(&[object], cluster);
        let [migration] = &found[..] else { panic!("{found:?}") };
        assert_eq!(migration.problems, Vec::<String>::new());
        assert_eq!(migration.objects.len(), 1);
        assert_eq!(migration.objects[0].to_string(), "apps/Deployment live/web");
        let expected = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: guestbook
  labels:
    team: web
  annotations:
    note: kept
  finalizers:
    - resources-finalizer.argocd.argoproj.io
spec:
  project: default
  source:
    repoURL: https://git.example/apps.git
    path: guestbook
  destination:
    name: prod
    namespace: live
  syncPolicy:
    automated:
      prune: true
";
        let same = |text: &str| yaml::documents("a.yaml", text).expect("valid");
        assert_eq!(same(&migration.file), same(expected));
    }
}
