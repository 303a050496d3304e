//! The shape of `spec.source` and `spec.sources`: every field of Argo CD's type, read or refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::chart::Chart;
use crate::source::{
    DirectoryOptions, HelmFileParameter, HelmOptions, HelmParameter, KustomizeOptions,
    PluginOptions, Source,
};

/// More sources than this are another application.
const SOURCES_MAX: usize = 20;

/// One source.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SourceFile {
    #[serde(rename = "repoURL")]
    repo_url: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    target_revision: String,
    #[serde(default)]
    kustomize: Option<KustomizeFile>,
    #[serde(default)]
    directory: Option<DirectoryOptions>,
    #[serde(default)]
    helm: Option<HelmFile>,
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    /// A label in Argo CD's page.
    #[serde(default, rename = "name")]
    _name: Option<String>,
    /// A chart of a chart repository or a registry.
    #[serde(default)]
    chart: Option<String>,
    #[serde(default)]
    plugin: Option<PluginOptions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct KustomizeFile {
    name_prefix: String,
    name_suffix: String,
    namespace: String,
    common_labels: BTreeMap<String, String>,
    common_annotations: BTreeMap<String, String>,
    images: Vec<String>,
    replicas: Vec<crate::source::ReplicaCount>,
    common_annotations_envsubst: bool,
    force_common_labels: bool,
    force_common_annotations: bool,
    label_without_selector: bool,
    label_include_templates: bool,
    patches: Vec<Value>,
    components: Vec<String>,
    ignore_missing_components: bool,
    #[serde(rename = "version", deserialize_with = "kustomize_version")]
    _version: (),
    /// Only charts in a kustomization would ask for these, and such charts are refused.
    #[serde(rename = "kubeVersion")]
    _kube_version: String,
    #[serde(rename = "apiVersions")]
    _api_versions: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct HelmFile {
    release_name: String,
    namespace: String,
    value_files: Vec<String>,
    ignore_missing_value_files: bool,
    values: String,
    values_object: Option<serde_json::Map<String, Value>>,
    parameters: Vec<HelmParameter>,
    file_parameters: Vec<HelmFileParameter>,
    skip_crds: bool,
    skip_tests: bool,
    skip_schema_validation: bool,
    kube_version: String,
    api_versions: Vec<String>,
    #[serde(rename = "version", deserialize_with = "helm_version")]
    _version: (),
    #[serde(rename = "passCredentials", deserialize_with = "no_credentials")]
    _pass_credentials: (),
}

/// Argo CD reads no other one since its version 3, and neither does Boucle.
fn helm_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "" | "v3" => Ok(()),
        other => Err(D::Error::custom(format!(
            "`helm.version` `{other}` is not supported: charts are rendered by Helm 3; leave it out"
        ))),
    }
}

/// The one whose outcome the engine has.
fn kustomize_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match String::deserialize(deserializer)?.trim_start_matches('v') {
        "" | "5.7.1" => Ok(()),
        other => Err(D::Error::custom(format!(
            "`kustomize.version` `{other}` is not supported: kustomizations are built as version \
             5.7.1 builds them; leave it out"
        ))),
    }
}

fn no_credentials<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    if bool::deserialize(deserializer)? {
        return Err(D::Error::custom(
            "`helm.passCredentials` is not supported: charts are rendered without network and \
             credentials",
        ));
    }
    Ok(())
}

/// The first source and the others.
pub(crate) fn convert(
    one: Option<SourceFile>,
    several: Vec<SourceFile>,
) -> Result<(Source, Vec<Source>), String> {
    match (one, several.is_empty()) {
        (Some(_), false) => Err(
            "`spec` has both `source` and `sources`; keep one (Argo CD would pass over `source`)"
                .into(),
        ),
        (None, true) => Err("`spec` needs a `source` or `sources`".into()),
        (Some(one), true) => {
            if one.reference.is_some() {
                return Err("`spec.source.ref` names a source for others; it belongs to \
                            `spec.sources`"
                    .into());
            }
            Ok((source(one, "spec.source")?, Vec::new()))
        }
        (None, false) => {
            if several.len() > SOURCES_MAX {
                return Err(format!(
                    "`spec.sources` has {} entries, at most {SOURCES_MAX} are allowed",
                    several.len()
                ));
            }
            let place = |index: usize| format!("spec.sources[{index}]");
            let read = several.into_iter().enumerate();
            let read: Vec<Source> =
                read.map(|(index, one)| source(one, &place(index))).collect::<Result<_, _>>()?;
            distinct(&read)?;
            let mut sources = read.into_iter();
            let first = sources.next().ok_or("`spec.sources` is empty")?;
            Ok((first, sources.collect()))
        }
    }
}

fn distinct(sources: &[Source]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for name in sources.iter().filter_map(|source| source.reference.as_ref()) {
        if !names.insert(name) {
            return Err(format!("`spec.sources` has two sources with the `ref` `{name}`"));
        }
    }
    if !sources.iter().any(Source::is_rendered) {
        return Err("`spec.sources` has only names (`ref`); give one of them a `path`".into());
    }
    Ok(())
}

fn source(file: SourceFile, place: &str) -> Result<Source, String> {
    if file.repo_url.is_empty() {
        return Err(format!("`{place}.repoURL` is empty"));
    }
    let chart = chart(&file, place)?;
    let only_named = file.reference.is_some() && file.path.is_empty();
    let parts = Parts {
        kustomize: file.kustomize,
        directory: file.directory,
        helm: file.helm,
        plugin: file.plugin,
    };
    if let (true, Some(name)) = (only_named, parts.given().first()) {
        return Err(format!("`{place}` has `{name}` and no `path` that it could be of"));
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if let Some(name) =
        file.reference.as_ref().filter(|name| name.is_empty() || !name.chars().all(is_word))
    {
        return Err(format!("`{place}.ref` `{name}` must consist of letters, digits, `-` and `_`"));
    }
    let path = file.path.trim_end_matches('/').trim_start_matches("./").to_owned();
    if path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return Err(format!("`{place}.path` `{path}` leaves the repository"));
    }
    let source = Source {
        repo_url: file.repo_url,
        path: match (&chart, path.as_str()) {
            (Some(_), ".") => String::new(),
            (None, "") if !only_named => ".".into(),
            (Some(_) | None, _) => path,
        },
        target_revision: if file.target_revision.is_empty() {
            "HEAD".into()
        } else {
            file.target_revision
        },
        kustomize: None,
        directory: None,
        plugin: None,
        helm: None,
        reference: file.reference,
        chart,
    };
    with_parts(source, parts, place)
}

/// How a source is rendered, as a file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parts {
    #[serde(default)]
    kustomize: Option<KustomizeFile>,
    #[serde(default)]
    directory: Option<DirectoryOptions>,
    #[serde(default)]
    helm: Option<HelmFile>,
    #[serde(default)]
    plugin: Option<PluginOptions>,
}

impl Parts {
    pub(crate) const NAMES: [&str; 4] = ["kustomize", "directory", "helm", "plugin"];

    pub(crate) fn read(file: Value) -> Result<Self, String> {
        serde_json::from_value(file).map_err(|error| error.to_string())
    }

    fn given(&self) -> Vec<&'static str> {
        let is_there = [
            self.kustomize.is_some(),
            self.directory.is_some(),
            self.helm.is_some(),
            self.plugin.is_some(),
        ];
        let given = Self::NAMES.into_iter().zip(is_there);
        given.filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
    }
}

/// The source rendered so; `place` is what it is called.
pub(crate) fn with_parts(source: Source, parts: Parts, place: &str) -> Result<Source, String> {
    if let [one, other, ..] = parts.given()[..] {
        return Err(format!("`{place}` has both `{one}` and `{other}`; keep one"));
    }
    Ok(Source {
        kustomize: parts.kustomize.map(kustomize),
        directory: parts.directory,
        plugin: parts.plugin.map(|plugin| checked_plugin(plugin, place)).transpose()?,
        helm: parts.helm.map(|file| helm(file, place)).transpose()?,
        ..source
    })
}

/// The chart, when the source is one of a chart repository or a registry.
fn chart(file: &SourceFile, place: &str) -> Result<Option<Chart>, String> {
    let name = file.chart.as_deref().filter(|name| !name.is_empty());
    if name.is_none() && !file.repo_url.starts_with("oci://") {
        return Ok(None);
    }
    let refuse = |what: String| Err(format!("`{place}` {what}"));
    // Without a name it may be an artifact with other files.
    if name.is_some() && !matches!(file.path.trim_end_matches('/'), "" | ".") {
        let path = &file.path;
        return refuse(format!("is a chart and has the `path` `{path}`; a chart is taken whole"));
    }
    let other = file.kustomize.is_some() || file.directory.is_some() || file.plugin.is_some();
    if name.is_some() && other {
        return refuse(
            "is a chart and has `kustomize`, `directory` or `plugin`; it is rendered by Helm"
                .into(),
        );
    }
    if file.reference.is_some() {
        return refuse(
            "is a chart and has a `ref`; only files of Git repositories are lent".into(),
        );
    }
    match Chart::of_source(&file.repo_url, name, &file.target_revision) {
        Ok(chart) => Ok(Some(chart)),
        Err(problem) => Err(format!("`{place}`: {problem}")),
    }
}

/// A program is found by its name: here none is asked whether a source is for it.
fn checked_plugin(plugin: PluginOptions, place: &str) -> Result<PluginOptions, String> {
    if plugin.name.is_empty() {
        return Err(format!(
            "`{place}.plugin` has no `name`; write the name under which `boucle up --renderer NAME=FILE` \
             has the program"
        ));
    }
    let names = plugin.env.iter().map(|one| one.name.as_str());
    let named =
        |one: &Value| one.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if names
        .map(str::to_owned)
        .chain(plugin.parameters.iter().map(named))
        .any(|name| name.is_empty())
    {
        return Err(format!("`{place}.plugin` has a variable or a parameter without a `name`"));
    }
    for parameter in &plugin.parameters {
        let known = ["name", "string", "array", "map"];
        let mut keys = parameter.as_object().into_iter().flat_map(serde_json::Map::keys);
        if let Some(key) = keys.find(|key| !known.contains(&key.as_str())) {
            return Err(format!(
                "`{place}.plugin.parameters` has the unknown field `{key}`; there are {}",
                known.map(|name| format!("`{name}`")).join(", ")
            ));
        }
    }
    Ok(plugin)
}

fn kustomize(options: KustomizeFile) -> KustomizeOptions {
    KustomizeOptions {
        name_prefix: options.name_prefix,
        name_suffix: options.name_suffix,
        namespace: options.namespace,
        common_labels: options.common_labels,
        common_annotations: options.common_annotations,
        images: options.images,
        replicas: options.replicas,
        common_annotations_envsubst: options.common_annotations_envsubst,
        force_common_labels: options.force_common_labels,
        force_common_annotations: options.force_common_annotations,
        label_without_selector: options.label_without_selector,
        label_include_templates: options.label_include_templates,
        patches: options.patches,
        components: options.components,
        ignore_missing_components: options.ignore_missing_components,
    }
}

fn helm(file: HelmFile, place: &str) -> Result<HelmOptions, String> {
    let nameless = file.parameters.iter().any(|one| one.name.is_empty())
        || file.file_parameters.iter().any(|one| one.name.is_empty() || one.path.is_empty());
    if nameless {
        return Err(format!("`{place}.helm` has a parameter without its name or its path"));
    }
    // JSON is YAML, and text has one form only: numbers of a value are kept as they were written.
    let object = file.values_object.filter(|object| !object.is_empty());
    Ok(HelmOptions {
        release_name: file.release_name,
        namespace: file.namespace,
        value_files: file.value_files,
        ignore_missing_value_files: file.ignore_missing_value_files,
        values: object.map_or(file.values, |object| Value::Object(object).to_string()),
        parameters: file.parameters,
        file_parameters: file.file_parameters,
        skip_crds: file.skip_crds,
        skip_tests: file.skip_tests,
        skip_schema_validation: file.skip_schema_validation,
        kube_version: file.kube_version,
        api_versions: file.api_versions,
    })
}
