//! The chart of a `HelmRelease`: a folder of Git, or one of a chart repository or a registry.

use serde_json::{Map, Value};

use super::flux::{first, git_source, named, relative};
use super::{Draft, charts_from, exact, is_true, text};
use crate::chart::is_exact;

/// Where the chart of a release is: a folder of Git, a chart repository or a registry.
pub(super) fn source(draft: &mut Draft, object: &Value, all: &[Value]) -> Map<String, Value> {
    let spec = &object["spec"];
    let namespace = text(object, "/metadata/namespace");
    let mut chart = spec["chart"]["spec"].clone();
    let reference = &spec["chartRef"];
    match text(reference, "/kind") {
        "HelmChart" => {
            if let Some(found) = named(draft, "HelmChart", reference, namespace, all) {
                chart = found["spec"].clone();
            }
        }
        "OCIRepository" => {
            let found = named(draft, "OCIRepository", reference, namespace, all);
            return found.map(|one| registry_source(draft, object, one)).unwrap_or_default();
        }
        _ => {}
    }
    let reference = &chart["sourceRef"];
    match text(reference, "/kind") {
        "GitRepository" => {
            let mut source = git_source(draft, object, reference, all);
            source.insert("path".into(), relative(text(&chart, "/chart")).into());
            source
        }
        "HelmRepository" => {
            let found = named(draft, "HelmRepository", reference, namespace, all);
            let Some(repository) = found else { return Map::new() };
            credentials(draft, &repository["spec"]);
            let mut source = Map::from_iter([
                ("repoURL".to_owned(), repository["spec"]["url"].clone()),
                ("chart".to_owned(), chart["chart"].clone()),
            ]);
            version(draft, object, text(&chart, "/version"), &mut source);
            source
        }
        kind => {
            draft.problem(format!(
                "its chart comes from a {}: commit the chart as a folder and name it by `path`",
                first(&[kind, "source of a kind that is not read"])
            ));
            Map::from_iter([("repoURL".to_owned(), Value::from(""))])
        }
    }
}

/// The chart that an `OCIRepository` is.
fn registry_source(draft: &mut Draft, object: &Value, found: &Value) -> Map<String, Value> {
    let spec = &found["spec"];
    credentials(draft, spec);
    if !text(spec, "/ref/digest").is_empty() {
        draft.note("the digest of its `ref` is left out: the version is pinned when it is fetched");
    }
    let wanted = first(&[text(spec, "/ref/semver"), text(spec, "/ref/tag")]);
    let mut source = Map::from_iter([("repoURL".to_owned(), spec["url"].clone())]);
    version(draft, object, wanted, &mut source);
    source
}

/// The files that an `OCIRepository` is. What runs is known by its digest, so a tag that moves and a
/// range become that.
pub(super) fn artifact_source(draft: &mut Draft, found: &Value) -> Map<String, Value> {
    let spec = &found["spec"];
    credentials(draft, spec);
    if !spec["layerSelector"].is_null() {
        draft.note("`layerSelector` is left out: an artifact has one layer here");
    }
    if !text(spec, "/ignore").is_empty() {
        draft.problem(
            "`ignore` of its source leaves files out: leave them out of the artifact instead",
        );
    }
    let wanted =
        first(&[text(spec, "/ref/digest"), text(spec, "/ref/semver"), text(spec, "/ref/tag")]);
    let runs = text(found, "/status/artifact/revision").rsplit_once('@').map_or("", |(_, one)| one);
    let is_pinned = is_exact(wanted) || wanted.starts_with("sha256:");
    let version = if is_pinned || runs.is_empty() {
        wanted
    } else {
        let follows = first(&[wanted, "latest"]);
        draft
            .note(format!("its source follows `{follows}`: the file names {runs}, which runs now"));
        runs
    };
    let source = Map::from_iter([
        ("repoURL".to_owned(), spec["url"].clone()),
        ("targetRevision".to_owned(), version.into()),
    ]);
    charts_from(draft, &source);
    source
}

/// The exact version; of a range the one that runs.
fn version(draft: &mut Draft, object: &Value, wanted: &str, source: &mut Map<String, Value>) {
    let runs = text(object, "/status/history/0/chartVersion");
    let version = exact(draft, "its chart", wanted, runs);
    source.insert("targetRevision".into(), version.into());
    charts_from(draft, source);
}

/// A name and a password are declared here; other credentials are not sent.
fn credentials(draft: &mut Draft, spec: &Value) {
    let provider = text(spec, "/provider");
    let has = |name: &str| !spec[name].is_null();
    if has("certSecretRef") || !matches!(provider, "" | "generic") {
        draft.problem(
            "its chart is fetched with a certificate or a cloud's credential, and none is sent here: push \
             it to this server's registry, or commit it as a folder and name it by `path`",
        );
    }
    if has("secretRef") {
        draft.note(format!(
            "declare the name and the password of the Secret `{}` with `boucle charts add {} --repository \
             OWNER/NAME --username NAME`",
            text(spec, "/secretRef/name"),
            text(spec, "/url")
        ));
    }
    if is_true(spec, "/passCredentials") {
        draft.note(
            "`passCredentials` is left out: credentials go to the host of their address alone",
        );
    }
    if has("verify") {
        draft
            .note("`verify` of its chart is not done: the digest is kept when it is fetched first");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Cluster, of_flux};
    use super::*;

    #[test]
    fn a_kustomization_of_an_artifact_names_its_version_or_what_runs() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let check = |reference: Value, expected: Result<&str, &str>| {
            let objects = [
                json!({
                    "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                    "metadata": { "name": "web", "namespace": "flux-system" },
                    "spec": {
                        "path": "./deploy", "sourceRef": { "kind": "OCIRepository", "name": "web" },
                    },
                }),
                json!({
                    "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
                    "metadata": { "name": "web", "namespace": "flux-system" },
                    "spec": reference,
                    "status": { "artifact": { "revision": format!("latest@{digest}") } },
                }),
            ];
            let cluster = Cluster { name: "prod", server: "https://10.0.0.1:6443" };
            let found = of_flux(&objects, cluster);
            let problems = found[0].problems.join("\n");
            match expected {
                Ok(version) => {
                    assert_eq!(problems, "");
                    let file: Value = yaml::document("a.yaml", &found[0].file).expect("valid");
                    let expected = json!({
                        "repoURL": "oci://r.example/team/web", "targetRevision": version, "path": "deploy",
                    });
                    assert_eq!(file["spec"]["source"], expected);
                    let read = crate::Application::parse("a.yaml", &found[0].file);
                    let source = read.expect("it is read here").source;
                    assert!(source.chart.is_some() && source.path == "deploy", "{source:?}");
                }
                Err(needle) => assert!(problems.contains(needle), "{needle}: {problems}"),
            }
        };
        let url = "oci://r.example/team/web";
        check(json!({ "url": url, "ref": { "tag": "1.2.3" } }), Ok("1.2.3"));
        check(json!({ "url": url, "ref": { "tag": "latest" } }), Ok(&digest));
        check(json!({ "url": url }), Ok(&digest));
        check(json!({ "url": url, "ref": { "semver": ">=1.0.0" } }), Ok(&digest));
        let other = format!("sha256:{}", "b".repeat(64));
        check(json!({ "url": url, "ref": { "digest": other, "tag": "1.2.3" } }), Ok(&other));
        check(json!({ "url": url, "ignore": "*.md" }), Err("`ignore`"));
        check(json!({ "url": url, "provider": "aws" }), Err("a cloud's credential"));
    }

    #[test]
    fn a_release_of_a_chart_from_elsewhere_names_its_version() {
        let release_of = |spec: &Value| {
            json!({
                "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
                "metadata": { "name": "web", "namespace": "flux-system" }, "spec": spec,
            })
        };
        let from = |kind: &str, spec: Value| {
            json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind,
                "metadata": { "name": "charts", "namespace": "flux-system" }, "spec": spec,
            })
        };
        let check = |release: Value, other: Value, expected: Result<Value, &str>| {
            let mut release = release_of(&release);
            release["status"] = json!({ "history": [{ "chartVersion": "6.7.1" }] });
            let found = of_flux(
                &[release.clone(), other],
                Cluster { name: "prod", server: "https://10.0.0.1:6443" },
            );
            let problems = found[0].problems.join("\n");
            match expected {
                Ok(expected) => {
                    let file: Value = yaml::document("a.yaml", &found[0].file).expect("valid");
                    let mut source = file["spec"]["source"].clone();
                    source.as_object_mut().map(|source| source.remove("helm"));
                    assert_eq!((source, problems.as_str()), (expected, ""), "{release}");
                    let named = found[0].notes.iter().any(|one| one.contains("--charts-from"));
                    assert!(named, "{:?}", found[0].notes);
                }
                Err(needle) => assert!(problems.contains(needle), "{needle}: {problems}"),
            }
        };
        let chart = |version: &str| {
            json!({ "chart": { "spec": {
                "chart": "podinfo", "version": version,
                "sourceRef": { "kind": "HelmRepository", "name": "charts" },
            } } })
        };
        let web = json!({ "url": "https://charts.example/x" });
        let exact = json!({
            "repoURL": "https://charts.example/x", "chart": "podinfo", "targetRevision": "6.7.1",
        });
        check(chart("6.7.1"), from("HelmRepository", web.clone()), Ok(exact.clone()));
        check(chart(">=6.0.0 <7"), from("HelmRepository", web), Ok(exact));
        let registry = json!({ "url": "oci://r.example/charts", "type": "oci" });
        let expected = json!({
            "repoURL": "oci://r.example/charts", "chart": "podinfo", "targetRevision": "6.7.0",
        });
        check(chart("6.7.0"), from("HelmRepository", registry.clone()), Ok(expected));
        let cloud = json!({ "url": "https://c.example", "certSecretRef": { "name": "s" } });
        check(chart("6.7.1"), from("HelmRepository", cloud), Err("certificate"));
        check(chart("6.7.1"), from("Bucket", registry), Err("no HelmRepository"));
        let reference = json!({ "chartRef": { "kind": "OCIRepository", "name": "charts" } });
        let one = json!({ "url": "oci://r.example/charts/podinfo", "ref": { "tag": "6.7.2" } });
        let expected =
            json!({ "repoURL": "oci://r.example/charts/podinfo", "targetRevision": "6.7.2" });
        check(reference.clone(), from("OCIRepository", one), Ok(expected));
        let newest = json!({ "url": "oci://r.example/charts/podinfo" });
        let expected =
            json!({ "repoURL": "oci://r.example/charts/podinfo", "targetRevision": "6.7.1" });
        check(reference, from("OCIRepository", newest), Ok(expected));
    }

    #[test]
    fn a_name_and_a_password_are_declared_by_a_command() {
        let release = json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": { "name": "web", "namespace": "flux-system" },
            "spec": { "chart": { "spec": {
                "chart": "podinfo", "version": "6.7.1",
                "sourceRef": { "kind": "HelmRepository", "name": "charts" },
            } } },
        });
        let repository = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository",
            "metadata": { "name": "charts", "namespace": "flux-system" },
            "spec": {
                "url": "https://charts.example/x", "secretRef": { "name": "s" }, "passCredentials": true,
            },
        });
        let cluster = Cluster { name: "prod", server: "https://10.0.0.1:6443" };
        let found = of_flux(&[release, repository], cluster);
        let notes = found[0].notes.join("\n");
        assert_eq!(found[0].problems.join("\n"), "");
        let command =
            "the Secret `s` with `boucle charts add https://charts.example/x --repository";
        assert!(notes.contains(command) && notes.contains("`passCredentials`"), "{notes}");
    }
}
