//! The kustomization file: what it may say, and what is refused by name.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Code, Fault};
use crate::node::{Fields, Node};
use crate::parts::{
    self, Entry, Generator, GeneratorOptions, Image, Labels, Patch, Replacement, Replica,
    SortOptions, each, entries,
};
use crate::provenance::BuildMetadata;
use crate::schema::OpenApi;
use crate::vars::Var;

type Result<T> = std::result::Result<T, Fault>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Kustomization {
    pub(crate) is_component: bool,
    pub(crate) resources: Vec<Entry>,
    pub(crate) components: Vec<Entry>,
    pub(crate) namespace: String,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) labels: Vec<Labels>,
    pub(crate) common_labels: BTreeMap<String, String>,
    pub(crate) common_annotations: BTreeMap<String, String>,
    pub(crate) images: Vec<Image>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) patches_strategic_merge: Vec<Entry>,
    pub(crate) patches_json6902: Vec<Patch>,
    pub(crate) config_maps: Vec<Generator>,
    pub(crate) secrets: Vec<Generator>,
    pub(crate) generator_options: Option<GeneratorOptions>,
    pub(crate) replacements: Vec<Replacement>,
    pub(crate) vars: Vec<Var>,
    pub(crate) configurations: Vec<Entry>,
    pub(crate) crds: Vec<Entry>,
    pub(crate) open_api: Option<OpenApi>,
    pub(crate) generators: Vec<Entry>,
    pub(crate) transformers: Vec<Entry>,
    pub(crate) validators: Vec<Entry>,
    pub(crate) build_metadata: BuildMetadata,
    pub(crate) sort_options: Option<SortOptions>,
}

const API_VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_API_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

impl Kustomization {
    pub(crate) fn read(value: &Value) -> Result<Self> {
        let mut fields = Node::root(value).fields()?;
        refuse_charts(&mut fields)?;
        let is_component = header(&mut fields)?;
        // The older names of two lists, which come last.
        let mut resources = entries(&mut fields, "resources")?;
        resources.extend(entries(&mut fields, "bases")?);
        let mut images = each(&mut fields, "images", parts::image)?;
        images.extend(each(&mut fields, "imageTags", parts::image)?);
        let read = Kustomization {
            is_component,
            resources,
            components: entries(&mut fields, "components")?,
            namespace: fields.string("namespace")?,
            name_prefix: fields.string("namePrefix")?,
            name_suffix: fields.string("nameSuffix")?,
            labels: each(&mut fields, "labels", parts::labels)?,
            common_labels: fields.string_map("commonLabels")?,
            common_annotations: fields.string_map("commonAnnotations")?,
            images,
            replicas: each(&mut fields, "replicas", parts::replica)?,
            patches: each(&mut fields, "patches", parts::patch)?,
            patches_strategic_merge: entries(&mut fields, "patchesStrategicMerge")?,
            patches_json6902: each(&mut fields, "patchesJson6902", parts::patch)?,
            config_maps: each(&mut fields, "configMapGenerator", |node| {
                parts::generator(node, false)
            })?,
            secrets: each(&mut fields, "secretGenerator", |node| parts::generator(node, true))?,
            generator_options: optional(&mut fields, "generatorOptions", parts::generator_options)?,
            replacements: each(&mut fields, "replacements", parts::replacement)?,
            vars: each(&mut fields, "vars", Var::read)?,
            configurations: entries(&mut fields, "configurations")?,
            crds: entries(&mut fields, "crds")?,
            open_api: optional(&mut fields, "openapi", OpenApi::read)?.flatten(),
            generators: entries(&mut fields, "generators")?,
            transformers: entries(&mut fields, "transformers")?,
            validators: entries(&mut fields, "validators")?,
            build_metadata: BuildMetadata::read(&mut fields)?,
            sort_options: optional(&mut fields, "sortOptions", parts::sort_options)?,
        };
        fields.finish()?;
        Ok(read)
    }
}

/// Charts would need the `helm` program, which only a rendering has.
fn refuse_charts(fields: &mut Fields<'_>) -> Result<()> {
    for name in ["helmCharts", "helmChartInflationGenerator"] {
        if let Some(node) = fields.take(name)
            && !node.items()?.is_empty()
        {
            let message = format!(
                "`{name}` is not supported: let an application's `source.helm` render the chart, \
                 or commit its manifests"
            );
            return Err(Fault::new(Code::UnsupportedField, &node.pointer, message));
        }
    }
    // Without a chart they say nothing.
    fields.take("helmGlobals").map_or(Ok(()), |node| node.entries().map(drop))
}

/// Reads `apiVersion`, `kind` and `metadata`; true for a component.
fn header(fields: &mut Fields<'_>) -> Result<bool> {
    let kind = fields.string("kind")?;
    let is_component = kind == "Component";
    if !is_component && !kind.is_empty() && kind != "Kustomization" {
        let message = format!("`kind` must be Kustomization or Component, but is {kind}");
        return Err(Fault::new(Code::InvalidValue, "/kind", message));
    }
    let wanted = if is_component { COMPONENT_API_VERSION } else { API_VERSION };
    let found = fields.string("apiVersion")?;
    if !found.is_empty() && found != wanted {
        let message = format!("`apiVersion` must be {wanted}, but is {found}");
        return Err(Fault::new(Code::InvalidValue, "/apiVersion", message));
    }
    parts::metadata(fields)?;
    Ok(is_component)
}

fn optional<T>(
    fields: &mut Fields<'_>,
    name: &str,
    read: impl Fn(&Node<'_>) -> Result<T>,
) -> Result<Option<T>> {
    fields.take(name).filter(|node| !node.value.is_null()).map(|node| read(&node)).transpose()
}
