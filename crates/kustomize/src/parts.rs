//! The parts of a kustomization that its fields and the configuration objects of built-in plug-ins
//! share, and how each is read.

use std::collections::BTreeMap;

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

impl Entry {
    /// Whether the text is an object itself instead of the path of one.
    pub(crate) fn is_inline(&self) -> bool {
        self.text.contains('\n') || self.text.trim_start().starts_with('{')
    }
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

/// An object's `metadata` as far as configuration has any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
}

/// Takes `metadata`; labels and annotations have no meaning there.
pub(crate) fn metadata(fields: &mut Fields<'_>) -> Result<Metadata> {
    let Some(node) = fields.take("metadata") else { return Ok(Metadata::default()) };
    let mut fields = node.fields()?;
    let read = Metadata { name: fields.string("name")?, namespace: fields.string("namespace")? };
    fields.string_map("labels")?;
    fields.string_map("annotations")?;
    fields.finish()?;
    Ok(read)
}

pub(crate) fn each<T>(
    fields: &mut Fields<'_>,
    name: &str,
    read: impl Fn(&Node<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    fields.items(name)?.iter().map(read).collect()
}

pub(crate) fn entries(fields: &mut Fields<'_>, name: &str) -> Result<Vec<Entry>> {
    each(fields, name, |node| Ok(Entry { text: node.string()?, pointer: node.pointer.clone() }))
}

pub(crate) fn gvk(fields: &mut Fields<'_>) -> Result<Gvk> {
    Ok(Gvk {
        group: fields.string("group")?,
        version: fields.string("version")?,
        kind: fields.string("kind")?,
    })
}

pub(crate) fn id(fields: &mut Fields<'_>) -> Result<Id> {
    Ok(Id {
        gvk: gvk(fields)?,
        name: fields.string("name")?,
        namespace: fields.string("namespace")?,
        has_no_namespace: false,
    })
}

pub(crate) fn selector(node: &Node<'_>) -> Result<Selector> {
    let mut fields = node.fields()?;
    let id = id(&mut fields)?;
    let labels = fields.string("labelSelector")?;
    let annotations = fields.string("annotationSelector")?;
    fields.finish()?;
    Selector::new(id, &labels, &annotations)
        .map_err(|message| Fault::new(Code::InvalidValue, &node.pointer, message))
}

pub(crate) fn labels(node: &Node<'_>) -> Result<Labels> {
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

pub(crate) fn field_spec(node: &Node<'_>) -> Result<FieldSpec> {
    let mut fields = node.fields()?;
    let gvk = gvk(&mut fields)?;
    let path = fields.string("path")?;
    let create = fields.boolean("create")?;
    fields.finish()?;
    Ok(FieldSpec::new(gvk, &path, create))
}

pub(crate) fn image(node: &Node<'_>) -> Result<Image> {
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

pub(crate) fn replica(node: &Node<'_>) -> Result<Replica> {
    let mut fields = node.fields()?;
    let read = Replica {
        name: fields.string("name")?,
        count: fields.take("count").map_or(Ok(0), |count| count.integer())?,
        pointer: node.pointer.clone(),
    };
    fields.finish()?;
    Ok(read)
}

pub(crate) fn patch(node: &Node<'_>) -> Result<Patch> {
    let mut fields = node.fields()?;
    let read = patch_fields(&mut fields, &node.pointer)?;
    fields.finish()?;
    Ok(read)
}

pub(crate) fn patch_fields(fields: &mut Fields<'_>, pointer: &str) -> Result<Patch> {
    let mut read = Patch {
        path: fields.string("path")?,
        patch: fields.string("patch")?,
        target: fields.take("target").map(|target| selector(&target)).transpose()?,
        allow_name_change: false,
        allow_kind_change: false,
        pointer: pointer.into(),
    };
    if let Some(options) = fields.take("options") {
        let mut options = options.fields()?;
        read.allow_name_change = options.boolean("allowNameChange")?;
        read.allow_kind_change = options.boolean("allowKindChange")?;
        options.finish()?;
    }
    Ok(read)
}

pub(crate) fn generator(node: &Node<'_>, is_secret: bool) -> Result<Generator> {
    let mut fields = node.fields()?;
    // The older name for one of `envs`.
    let env = fields.take("env").map(|env| env.string()).transpose()?;
    let mut read = generator_fields(&mut fields, &node.pointer, is_secret)?;
    read.envs.extend(env);
    fields.finish()?;
    Ok(read)
}

pub(crate) fn generator_fields(
    fields: &mut Fields<'_>,
    pointer: &str,
    is_secret: bool,
) -> Result<Generator> {
    Ok(Generator {
        name: fields.string("name")?,
        namespace: fields.string("namespace")?,
        behavior: fields.string("behavior")?,
        secret_type: if is_secret { fields.string("type")? } else { String::new() },
        literals: fields.strings("literals")?,
        files: fields.strings("files")?,
        envs: fields.strings("envs")?,
        options: fields
            .take("options")
            .map(|options| generator_options(&options))
            .transpose()?
            .unwrap_or_default(),
        pointer: pointer.into(),
    })
}

pub(crate) fn generator_options(node: &Node<'_>) -> Result<GeneratorOptions> {
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

pub(crate) fn replacement_source(node: &Node<'_>) -> Result<Source> {
    let mut fields = node.fields()?;
    let read = Source {
        id: id(&mut fields)?,
        field_path: fields.string("fieldPath")?,
        options: field_options(&mut fields)?,
    };
    fields.finish()?;
    Ok(read)
}

pub(crate) fn replacement_target(node: &Node<'_>) -> Result<Target> {
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

pub(crate) fn field_options(fields: &mut Fields<'_>) -> Result<FieldOptions> {
    let Some(node) = fields.take("options") else { return Ok(FieldOptions::default()) };
    let mut options = node.fields()?;
    let read = FieldOptions {
        delimiter: options.string("delimiter")?,
        index: options.take("index").map_or(Ok(0), |index| index.integer())?,
        create: options.boolean("create")?,
    };
    // The real program reads it and does nothing with it.
    options.string("encoding")?;
    options.finish()?;
    Ok(read)
}

pub(crate) fn sort_options(node: &Node<'_>) -> Result<SortOptions> {
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
