//! The kustomization file: what it may say, and what is refused by name.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Code, Fault};
use crate::field_spec::FieldSpec;
use crate::node::{Fields, Node};
use crate::resource::{Gvk, Id};
use crate::selector::Selector;

type Result<T> = std::result::Result<T, Fault>;

/// A path or inline text, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) text: String,
    pub(crate) pointer: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Labels {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) fields: Vec<FieldSpec>,
    pub(crate) pointer: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) new_name: String,
    pub(crate) new_tag: String,
    pub(crate) tag_suffix: String,
    pub(crate) digest: String,
    pub(crate) pointer: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) count: i64,
    pub(crate) pointer: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Patch {
    pub(crate) path: String,
    pub(crate) patch: String,
    pub(crate) target: Option<Selector>,
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
    pub(crate) pointer: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) disable_name_suffix_hash: bool,
    pub(crate) immutable: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Generator {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) behavior: String,
    pub(crate) secret_type: String,
    pub(crate) literals: Vec<String>,
    pub(crate) files: Vec<String>,
    pub(crate) envs: Vec<String>,
    pub(crate) options: GeneratorOptions,
    pub(crate) pointer: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FieldOptions {
    pub(crate) delimiter: String,
    pub(crate) index: i64,
    pub(crate) create: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) id: Id,
    pub(crate) field_path: String,
    pub(crate) options: FieldOptions,
}

#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) select: Selector,
    pub(crate) reject: Vec<Selector>,
    pub(crate) field_paths: Vec<String>,
    pub(crate) options: FieldOptions,
}

#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    pub(crate) path: String,
    pub(crate) source: Option<Source>,
    pub(crate) source_value: Option<String>,
    pub(crate) targets: Vec<Target>,
    pub(crate) pointer: String,
}

#[derive(Debug, Clone)]
pub(crate) struct SortOptions {
    pub(crate) legacy: bool,
    pub(crate) orders: Option<(Vec<String>, Vec<String>)>,
}

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
    pub(crate) sort_options: Option<SortOptions>,
}

/// Fields of Kustomize that are refused, each with what to do instead.
const UNSUPPORTED: [(&str, &str); 13] = [
    ("buildMetadata", "leave it out; every rendering is a commit that names its source"),
    ("configurations", "use `labels.fields`, `patches` or `replacements`"),
    ("crds", "use `replacements` for references inside custom resources"),
    ("generators", "plugins would need a process; use `configMapGenerator` or `secretGenerator`"),
    ("helmChartInflationGenerator", "render the chart and commit its manifests"),
    ("helmCharts", "render the chart and commit its manifests"),
    ("helmGlobals", "render the chart and commit its manifests"),
    ("imageTags", "rename it to `images`"),
    ("inventory", "leave it out; it has no meaning any more"),
    ("openapi", "lists in custom resources are replaced whole; use a JSON 6902 patch"),
    ("transformers", "plugins would need a process; use the built-in fields"),
    ("validators", "plugins would need a process"),
    ("vars", "use `replacements`"),
];

const API_VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_API_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

impl Kustomization {
    pub(crate) fn read(value: &Value) -> Result<Self> {
        let mut fields = Node::root(value).fields()?;
        for (name, instead) in UNSUPPORTED {
            if let Some(node) = fields.take(name) {
                let message = format!("`{name}` is not supported: {instead}");
                return Err(Fault::new(Code::UnsupportedField, &node.pointer, message));
            }
        }
        let is_component = header(&mut fields)?;
        let mut resources = entries(&mut fields, "resources")?;
        resources.extend(entries(&mut fields, "bases")?);
        let read = Kustomization {
            is_component,
            resources,
            components: entries(&mut fields, "components")?,
            namespace: fields.string("namespace")?,
            name_prefix: fields.string("namePrefix")?,
            name_suffix: fields.string("nameSuffix")?,
            labels: each(&mut fields, "labels", labels)?,
            common_labels: fields.string_map("commonLabels")?,
            common_annotations: fields.string_map("commonAnnotations")?,
            images: each(&mut fields, "images", image)?,
            replicas: each(&mut fields, "replicas", replica)?,
            patches: each(&mut fields, "patches", patch)?,
            patches_strategic_merge: entries(&mut fields, "patchesStrategicMerge")?,
            patches_json6902: each(&mut fields, "patchesJson6902", patch)?,
            config_maps: each(&mut fields, "configMapGenerator", |node| generator(node, false))?,
            secrets: each(&mut fields, "secretGenerator", |node| generator(node, true))?,
            generator_options: fields
                .take("generatorOptions")
                .map(|node| generator_options(&node))
                .transpose()?,
            replacements: each(&mut fields, "replacements", replacement)?,
            sort_options: fields.take("sortOptions").map(|node| sort_options(&node)).transpose()?,
        };
        fields.finish()?;
        Ok(read)
    }
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
    if let Some(node) = fields.take("metadata") {
        let mut metadata = node.fields()?;
        metadata.string("name")?;
        metadata.string("namespace")?;
        metadata.string_map("labels")?;
        metadata.string_map("annotations")?;
        metadata.finish()?;
    }
    Ok(is_component)
}

fn each<T>(
    fields: &mut Fields<'_>,
    name: &str,
    read: impl Fn(&Node<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    fields.items(name)?.iter().map(read).collect()
}

fn entries(fields: &mut Fields<'_>, name: &str) -> Result<Vec<Entry>> {
    each(fields, name, |node| Ok(Entry { text: node.string()?, pointer: node.pointer.clone() }))
}

fn gvk(fields: &mut Fields<'_>) -> Result<Gvk> {
    Ok(Gvk {
        group: fields.string("group")?,
        version: fields.string("version")?,
        kind: fields.string("kind")?,
    })
}

fn id(fields: &mut Fields<'_>) -> Result<Id> {
    Ok(Id {
        gvk: gvk(fields)?,
        name: fields.string("name")?,
        namespace: fields.string("namespace")?,
    })
}

fn selector(node: &Node<'_>) -> Result<Selector> {
    let mut fields = node.fields()?;
    let id = id(&mut fields)?;
    let labels = fields.string("labelSelector")?;
    let annotations = fields.string("annotationSelector")?;
    fields.finish()?;
    Selector::new(id, &labels, &annotations)
        .map_err(|message| Fault::new(Code::InvalidValue, &node.pointer, message))
}

fn labels(node: &Node<'_>) -> Result<Labels> {
    let mut fields = node.fields()?;
    let read = Labels {
        pairs: fields.string_map("pairs")?,
        include_selectors: fields.boolean("includeSelectors")?,
        include_templates: fields.boolean("includeTemplates")?,
        fields: each(&mut fields, "fields", field_spec)?,
        pointer: node.pointer.clone(),
    };
    fields.finish()?;
    Ok(read)
}

fn field_spec(node: &Node<'_>) -> Result<FieldSpec> {
    let mut fields = node.fields()?;
    let gvk = gvk(&mut fields)?;
    let path = fields.string("path")?;
    let create = fields.boolean("create")?;
    fields.finish()?;
    Ok(FieldSpec::new(gvk, &path, create))
}

fn image(node: &Node<'_>) -> Result<Image> {
    let mut fields = node.fields()?;
    let read = Image {
        name: fields.string("name")?,
        new_name: fields.string("newName")?,
        new_tag: fields.string("newTag")?,
        tag_suffix: fields.string("tagSuffix")?,
        digest: fields.string("digest")?,
        pointer: node.pointer.clone(),
    };
    fields.finish()?;
    Ok(read)
}

fn replica(node: &Node<'_>) -> Result<Replica> {
    let mut fields = node.fields()?;
    let read = Replica {
        name: fields.string("name")?,
        count: fields.take("count").map_or(Ok(0), |count| count.integer())?,
        pointer: node.pointer.clone(),
    };
    fields.finish()?;
    Ok(read)
}

fn patch(node: &Node<'_>) -> Result<Patch> {
    let mut fields = node.fields()?;
    let mut read = Patch {
        path: fields.string("path")?,
        patch: fields.string("patch")?,
        target: fields.take("target").map(|target| selector(&target)).transpose()?,
        allow_name_change: false,
        allow_kind_change: false,
        pointer: node.pointer.clone(),
    };
    if let Some(options) = fields.take("options") {
        let mut options = options.fields()?;
        read.allow_name_change = options.boolean("allowNameChange")?;
        read.allow_kind_change = options.boolean("allowKindChange")?;
        options.finish()?;
    }
    fields.finish()?;
    Ok(read)
}

fn generator(node: &Node<'_>, is_secret: bool) -> Result<Generator> {
    let mut fields = node.fields()?;
    let mut envs = fields.strings("envs")?;
    envs.extend(fields.take("env").map(|env| env.string()).transpose()?);
    let read = Generator {
        name: fields.string("name")?,
        namespace: fields.string("namespace")?,
        behavior: fields.string("behavior")?,
        secret_type: if is_secret { fields.string("type")? } else { String::new() },
        literals: fields.strings("literals")?,
        files: fields.strings("files")?,
        envs,
        options: fields
            .take("options")
            .map(|options| generator_options(&options))
            .transpose()?
            .unwrap_or_default(),
        pointer: node.pointer.clone(),
    };
    fields.finish()?;
    Ok(read)
}

fn generator_options(node: &Node<'_>) -> Result<GeneratorOptions> {
    let mut fields = node.fields()?;
    let read = GeneratorOptions {
        labels: fields.string_map("labels")?,
        annotations: fields.string_map("annotations")?,
        disable_name_suffix_hash: fields.boolean("disableNameSuffixHash")?,
        immutable: fields.boolean("immutable")?,
    };
    fields.finish()?;
    Ok(read)
}

pub(crate) fn replacement(node: &Node<'_>) -> Result<Replacement> {
    let mut fields = node.fields()?;
    let read = Replacement {
        path: fields.string("path")?,
        source: fields.take("source").map(|source| replacement_source(&source)).transpose()?,
        source_value: fields.take("sourceValue").map(|value| value.string()).transpose()?,
        targets: each(&mut fields, "targets", replacement_target)?,
        pointer: node.pointer.clone(),
    };
    fields.finish()?;
    Ok(read)
}

fn replacement_source(node: &Node<'_>) -> Result<Source> {
    let mut fields = node.fields()?;
    let read = Source {
        id: id(&mut fields)?,
        field_path: fields.string("fieldPath")?,
        options: field_options(&mut fields)?,
    };
    fields.finish()?;
    Ok(read)
}

fn replacement_target(node: &Node<'_>) -> Result<Target> {
    let mut fields = node.fields()?;
    let Some(select) = fields.take("select") else {
        let message = "a target must `select` the objects that it changes";
        return Err(Fault::new(Code::InvalidValue, &node.pointer, message));
    };
    let read = Target {
        select: selector(&select)?,
        reject: each(&mut fields, "reject", selector)?,
        field_paths: fields.strings("fieldPaths")?,
        options: field_options(&mut fields)?,
    };
    fields.finish()?;
    Ok(read)
}

fn field_options(fields: &mut Fields<'_>) -> Result<FieldOptions> {
    let Some(node) = fields.take("options") else { return Ok(FieldOptions::default()) };
    let mut options = node.fields()?;
    let read = FieldOptions {
        delimiter: options.string("delimiter")?,
        index: options.take("index").map_or(Ok(0), |index| index.integer())?,
        create: options.boolean("create")?,
    };
    if let Some(encoding) = options.take("encoding") {
        let message = "`encoding` has no effect in Kustomize; remove it";
        return Err(Fault::new(Code::UnsupportedField, &encoding.pointer, message));
    }
    options.finish()?;
    Ok(read)
}

fn sort_options(node: &Node<'_>) -> Result<SortOptions> {
    let mut fields = node.fields()?;
    let order = fields.string("order")?;
    let orders = match fields.take("legacySortOptions") {
        None => None,
        Some(node) => {
            let mut legacy = node.fields()?;
            let first = legacy.strings("orderFirst")?;
            let last = legacy.strings("orderLast")?;
            legacy.finish()?;
            Some((first, last))
        }
    };
    fields.finish()?;
    match (order.as_str(), &orders) {
        ("legacy", _) | ("fifo", None) => Ok(SortOptions { legacy: order == "legacy", orders }),
        ("fifo", Some(_)) => Err(Fault::new(
            Code::InvalidValue,
            &node.pointer,
            "`legacySortOptions` needs `order: legacy`",
        )),
        _ => {
            let message = format!("`order` must be legacy or fifo, but is `{order}`");
            Err(Fault::new(Code::InvalidValue, &node.pointer, message))
        }
    }
}
