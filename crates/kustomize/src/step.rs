//! The steps that change objects: what a kustomization's fields and the configuration objects of
//! built-in transformers come to.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::config::{Purpose, Shared, Specs, add_spec};
use crate::error::{Code, Fault};
use crate::field_path::{self, Found, Make};
use crate::field_spec::{self, FieldSpec, Refusal};
use crate::kustomization::Kustomization;
use crate::parts::{Entry, Image, Labels, Patch, Replacement, Replica};
use crate::resource::{Gvk, Resource, Resources};
use crate::scalar;
use crate::selector::Selector;
use crate::transform::{Affix, Namespace, Subjects};

/// One step, with what it writes.
#[derive(Debug, Clone)]
pub(crate) enum Step<'a> {
    /// Strategic merge patches, each inline or a path.
    StrategicPatches(Cow<'a, [Entry]>),
    Patch(Cow<'a, Patch>),
    Namespace(Namespace, Specs),
    Affix(Affix, Cow<'a, str>, Specs),
    Labels(Entries<'a>),
    Annotations(Entries<'a>),
    /// A JSON 6902 patch and nothing else.
    Operations(Cow<'a, Patch>),
    Replicas(Cow<'a, Replica>, Specs),
    Image(Cow<'a, Image>, Specs),
    Replacements(Cow<'a, [Replacement]>),
    AddValue(AddedValue),
    Hash,
}

/// Labels or annotations and where they are written.
#[derive(Debug, Clone)]
pub(crate) struct Entries<'a> {
    pub(crate) pairs: Cow<'a, BTreeMap<String, String>>,
    pub(crate) specs: Specs,
    pub(crate) pointer: Cow<'a, str>,
}

impl Step<'_> {
    /// The name of the built-in transformer.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Step::StrategicPatches(_) => "PatchStrategicMergeTransformer",
            Step::Patch(_) => "PatchTransformer",
            Step::Namespace(..) => "NamespaceTransformer",
            Step::Affix(Affix::Prefix, ..) => "PrefixTransformer",
            Step::Affix(Affix::Suffix, ..) => "SuffixTransformer",
            Step::Labels(_) => "LabelTransformer",
            Step::Annotations(_) => "AnnotationsTransformer",
            Step::Operations(_) => "PatchJson6902Transformer",
            Step::Replicas(..) => "ReplicaCountTransformer",
            Step::Image(..) => "ImageTagTransformer",
            Step::Replacements(_) => "ReplacementTransformer",
            Step::AddValue(_) => "ValueAddTransformer",
            Step::Hash => "HashTransformer",
        }
    }
}

impl Step<'_> {
    /// Whether it may write single labels and annotations that exist already. Steps of labels and
    /// annotations see to them themselves.
    pub(crate) fn may_change_entries(&self) -> bool {
        match self {
            Step::StrategicPatches(_)
            | Step::Patch(_)
            | Step::Replacements(_)
            | Step::AddValue(_) => true,
            Step::Namespace(..)
            | Step::Affix(..)
            | Step::Labels(_)
            | Step::Annotations(_)
            | Step::Operations(_)
            | Step::Replicas(..)
            | Step::Image(..)
            | Step::Hash => false,
        }
    }
}

impl Kustomization {
    /// What the fields come to, in the order in which the real program does it.
    pub(crate) fn steps(&self, config: &Shared) -> Result<Vec<Step<'_>>, Fault> {
        let specs = |purpose| Arc::clone(config.specs(purpose));
        let mut steps = Vec::new();
        if !self.patches_strategic_merge.is_empty() {
            steps.push(Step::StrategicPatches(Cow::Borrowed(&self.patches_strategic_merge)));
        }
        steps.extend(self.patches.iter().map(|patch| Step::Patch(Cow::Borrowed(patch))));
        if !self.namespace.is_empty() {
            let namespace = Namespace::new(&self.namespace, false, Subjects::Default);
            steps.push(Step::Namespace(namespace, specs(Purpose::Namespace)));
        }
        for (affix, text, purpose) in [
            (Affix::Prefix, &self.name_prefix, Purpose::NamePrefix),
            (Affix::Suffix, &self.name_suffix, Purpose::NameSuffix),
        ] {
            if !text.is_empty() {
                steps.push(Step::Affix(affix, Cow::Borrowed(text), specs(purpose)));
            }
        }
        for labels in &self.labels {
            steps.push(Step::Labels(entries(labels, config)?));
        }
        if !self.labels.is_empty() || !self.common_labels.is_empty() {
            steps.push(Step::Labels(Entries {
                pairs: Cow::Borrowed(&self.common_labels),
                specs: specs(Purpose::CommonLabels),
                pointer: Cow::Borrowed("/commonLabels"),
            }));
        }
        if !self.common_annotations.is_empty() {
            steps.push(Step::Annotations(Entries {
                pairs: Cow::Borrowed(&self.common_annotations),
                specs: specs(Purpose::CommonAnnotations),
                pointer: Cow::Borrowed("/commonAnnotations"),
            }));
        }
        let operations = self.patches_json6902.iter().map(Cow::Borrowed).map(Step::Operations);
        let replicas = self.replicas.iter().map(Cow::Borrowed);
        let images = self.images.iter().map(Cow::Borrowed);
        steps.extend(operations);
        steps.extend(replicas.map(|replica| Step::Replicas(replica, specs(Purpose::Replicas))));
        steps.extend(images.map(|image| Step::Image(image, specs(Purpose::Images))));
        if !self.replacements.is_empty() {
            steps.push(Step::Replacements(Cow::Borrowed(&self.replacements)));
        }
        Ok(steps)
    }
}

/// One entry of `labels`.
fn entries<'a>(labels: &'a Labels, config: &Shared) -> Result<Entries<'a>, Fault> {
    let mut specs = labels.fields.clone();
    let everywhere: &[FieldSpec] = match (labels.include_selectors, labels.include_templates) {
        (true, _) => config.specs(Purpose::CommonLabels),
        (false, true) => config.specs(Purpose::TemplateLabels),
        (false, false) => &[],
    };
    let only_metadata = FieldSpec::new(Gvk::default(), "metadata/labels", true);
    let last = (!labels.include_selectors).then_some(only_metadata);
    let configured = config.specs(Purpose::Labels).iter();
    for spec in configured.chain(everywhere).cloned().chain(last) {
        add_spec(&mut specs, spec)
            .map_err(|reason| Fault::new(Code::InvalidValue, &labels.pointer, reason))?;
    }
    Ok(Entries {
        pairs: Cow::Borrowed(&labels.pairs),
        specs: specs.into(),
        pointer: Cow::Borrowed(&labels.pointer),
    })
}

/// A value put into fields, whole or as a part of a path.
#[derive(Debug, Clone)]
pub(crate) struct AddedValue {
    /// Empty for the name of the kustomization's folder.
    pub(crate) value: String,
    pub(crate) targets: Vec<ValueTarget>,
    /// A file with further targets.
    pub(crate) targets_path: String,
}

/// Where a value is put.
#[derive(Debug, Clone)]
pub(crate) struct ValueTarget {
    pub(crate) selector: Option<Selector>,
    pub(crate) field_path: String,
    /// Which part of a path the value becomes, from 1; 0 replaces the whole.
    pub(crate) position: usize,
}

impl ValueTarget {
    pub(crate) fn apply(
        &self,
        resources: &mut Resources,
        value: &str,
        pointer: &str,
    ) -> Result<(), Fault> {
        let namespace = Namespace::new(value, false, Subjects::Default);
        let parts: Vec<String> = field_spec::split_at(&self.field_path, '/')
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        for resource in resources.iter_mut() {
            if self.selector.as_ref().is_some_and(|selector| !selector.selects(resource)) {
                continue;
            }
            let outcome = if self.field_path == "metadata/namespace" {
                namespace.put(resource, &[])
            } else {
                self.put(resource, &parts, value)
            };
            outcome.map_err(|reason| {
                let message = format!("{}: at `{}`: {reason}", resource.id(), self.field_path);
                Fault::new(Code::TransformFailed, pointer, message)
            })?;
        }
        Ok(())
    }

    fn put(&self, resource: &mut Resource, parts: &[String], value: &str) -> Result<(), Refusal> {
        let mut object = Value::Object(std::mem::take(&mut resource.value));
        let root = Found { value: &mut object, is_new: false };
        let outcome = field_path::for_each(root, parts, Make::Scalar, &mut |found| {
            let old = scalar::text(found.value).ok_or("the field must hold one value")?;
            let new = match self.position {
                0 => value.to_owned(),
                position => insert_part(&old, position - 1, value),
            };
            *found.value = scalar::rewritten(found.value, &new);
            Ok(())
        });
        if let Value::Object(object) = object {
            resource.value = object;
        }
        outcome.map(drop)
    }
}

/// The path with a further part at `position`; a leading `/` stays where it is.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_becomes_a_part_of_a_path() {
        for (path, position, expected) in [
            ("", 0, "new"),
            ("/", 0, "/new"),
            ("a", 0, "new/a"),
            ("/a", 0, "/new/a"),
            ("a", 9, "a/new"),
            ("/a/b/c", 2, "/a/b/new/c"),
        ] {
            assert_eq!(insert_part(path, position, "new"), expected, "{path}");
        }
    }
}
