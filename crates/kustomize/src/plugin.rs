//! The configuration objects of built-in generators and transformers.

use std::borrow::Cow;

use serde_json::Value;

use crate::config::Specs;
use crate::error::{Code, Fault};
use crate::node::{Fields, Node};
use crate::parts::{self, Entry, Generator, Metadata, Patch, each, field_spec, selector};
use crate::resource::Resource;
use crate::step::{AddedValue, Entries, Step, ValueTarget};
use crate::transform::{Affix, Namespace, Subjects};

type Result<T> = std::result::Result<T, Fault>;

/// What a configuration object comes to.
#[derive(Debug)]
pub(crate) enum Plugin {
    Generator(Generated),
    Transformer(Vec<Step<'static>>),
}

/// An object to generate.
#[derive(Debug)]
pub(crate) enum Generated {
    ConfigMap(Generator),
    Secret(Generator),
    /// A service account that stands for one of a cloud's.
    ServiceAccount {
        name: String,
        namespace: String,
        account: String,
    },
}

const API_VERSION: &str = "builtin";

/// Reads a configuration object; `pointer` is the place that names it.
pub(crate) fn read(resource: &Resource, pointer: &str) -> Result<Plugin> {
    let value = Value::Object(resource.value.clone());
    Reader { pointer }.read(resource, &value).map_err(|fault| {
        let message = format!("{} `{}`: {}", resource.kind(), resource.name(), fault.message);
        Fault::new(fault.code, pointer, message)
    })
}

struct Reader<'a> {
    pointer: &'a str,
}

impl Reader<'_> {
    fn refuse<T>(&self, code: Code, message: impl Into<String>) -> Result<T> {
        Err(Fault::new(code, self.pointer, message))
    }

    fn read(&self, resource: &Resource, value: &Value) -> Result<Plugin> {
        let mut fields = Node::lenient_root(value).fields()?;
        if fields.string("apiVersion")? != API_VERSION {
            return self.refuse(
                Code::UnsupportedField,
                format!(
                    "plug-ins of `{}` are not supported, because they would need a process; use \
                     what is built in (`apiVersion: {API_VERSION}`), or commit what it makes",
                    resource.api_version()
                ),
            );
        }
        fields.take("kind");
        let metadata = parts::metadata(&mut fields)?;
        let plugin = match self.generator(resource.kind(), &metadata, &mut fields)? {
            Some(generated) => Plugin::Generator(generated),
            None => {
                Plugin::Transformer(self.transformer(resource.kind(), &metadata, &mut fields)?)
            }
        };
        fields.finish()?;
        Ok(plugin)
    }

    fn generator(
        &self,
        kind: &str,
        metadata: &Metadata,
        fields: &mut Fields<'_>,
    ) -> Result<Option<Generated>> {
        let data = |fields: &mut Fields<'_>, is_secret| {
            let mut generator = parts::generator_fields(fields, self.pointer, is_secret)?;
            if generator.name.is_empty() {
                generator.name.clone_from(&metadata.name);
            }
            if generator.namespace.is_empty() {
                generator.namespace.clone_from(&metadata.namespace);
            }
            Ok(generator)
        };
        match kind {
            "ConfigMapGenerator" => data(fields, false).map(Generated::ConfigMap).map(Some),
            "SecretGenerator" => data(fields, true).map(Generated::Secret).map(Some),
            "IAMPolicyGenerator" => self.service_account(fields).map(Some),
            "HelmChartInflationGenerator" => self.refuse(
                Code::UnsupportedField,
                "a chart is not rendered here: let an application's `source.helm` render it, or \
                 commit its manifests",
            ),
            _ => Ok(None),
        }
    }

    fn service_account(&self, fields: &mut Fields<'_>) -> Result<Generated> {
        let cloud = fields.string("cloud")?;
        if cloud != "gke" {
            return self
                .refuse(Code::GeneratorFailed, format!("`cloud` must be gke, but is `{cloud}`"));
        }
        let mut texts = |name: &str, keys: [&str; 2]| -> Result<[String; 2]> {
            let Some(node) = fields.take(name) else { return Ok([String::new(), String::new()]) };
            let mut fields = node.fields()?;
            let read = [fields.string(keys[0])?, fields.string(keys[1])?];
            fields.finish()?;
            Ok(read)
        };
        let [name, namespace] = texts("kubernetesService", ["name", "namespace"])?;
        let [account, project] = texts("serviceAccount", ["name", "projectId"])?;
        let account = format!("{account}@{project}.iam.gserviceaccount.com");
        Ok(Generated::ServiceAccount { name, namespace, account })
    }

    fn transformer(
        &self,
        kind: &str,
        metadata: &Metadata,
        fields: &mut Fields<'_>,
    ) -> Result<Vec<Step<'static>>> {
        let step = match kind {
            "PrefixTransformer" => self.affix(Affix::Prefix, fields)?,
            "SuffixTransformer" => self.affix(Affix::Suffix, fields)?,
            "PrefixSuffixTransformer" => {
                let (prefix, suffix) = (fields.string("prefix")?, fields.string("suffix")?);
                let specs = self.required_specs(fields)?;
                return Ok(vec![
                    Step::Affix(Affix::Prefix, prefix.into(), Specs::clone(&specs)),
                    Step::Affix(Affix::Suffix, suffix.into(), specs),
                ]);
            }
            "NamespaceTransformer" => return self.namespace(metadata, fields),
            "LabelTransformer" => Step::Labels(self.entries("labels", fields)?),
            "AnnotationsTransformer" => Step::Annotations(self.entries("annotations", fields)?),
            "ImageTagTransformer" => {
                let image = fields.take("imageTag").map(|node| parts::image(&node)).transpose()?;
                let mut image = image.unwrap_or_default();
                image.pointer = self.pointer.into();
                Step::Image(Cow::Owned(image), specs(fields)?)
            }
            "ReplicaCountTransformer" => {
                let Some(replica) = fields.take("replica") else {
                    return self.refuse(Code::InvalidValue, "the `replica` is missing");
                };
                let mut replica = parts::replica(&replica)?;
                replica.pointer = self.pointer.into();
                Step::Replicas(Cow::Owned(replica), specs(fields)?)
            }
            "PatchTransformer" => {
                Step::Patch(Cow::Owned(parts::patch_fields(fields, self.pointer)?))
            }
            "PatchStrategicMergeTransformer" => self.strategic_patches(fields)?,
            "PatchJson6902Transformer" => self.operations(fields)?,
            "ReplacementTransformer" => {
                let mut read = each(fields, "replacements", parts::replacement)?;
                for replacement in &mut read {
                    replacement.pointer = self.pointer.into();
                }
                Step::Replacements(Cow::Owned(read))
            }
            "ValueAddTransformer" => self.value(fields)?,
            "HashTransformer" => Step::Hash,
            other => {
                return self.refuse(
                    Code::InvalidValue,
                    format!("there is no generator or transformer `{other}` built in"),
                );
            }
        };
        Ok(vec![step])
    }

    fn affix(&self, affix: Affix, fields: &mut Fields<'_>) -> Result<Step<'static>> {
        let key = match affix {
            Affix::Prefix => "prefix",
            Affix::Suffix => "suffix",
        };
        let text = fields.string(key)?;
        Ok(Step::Affix(affix, text.into(), self.required_specs(fields)?))
    }

    fn required_specs(&self, fields: &mut Fields<'_>) -> Result<Specs> {
        match fields.take("fieldSpecs").filter(|node| !node.value.is_null()) {
            Some(node) => node.items()?.iter().map(field_spec).collect(),
            None => self.refuse(
                Code::InvalidValue,
                "`fieldSpecs` is missing; names are at `path: metadata/name`",
            ),
        }
    }

    fn namespace(
        &self,
        metadata: &Metadata,
        fields: &mut Fields<'_>,
    ) -> Result<Vec<Step<'static>>> {
        let specs = specs(fields)?;
        let is_unset_only = fields.boolean("unsetOnly")?;
        let subjects = match fields.string("setRoleBindingSubjects")?.as_str() {
            "" | "defaultOnly" => Subjects::Default,
            "allServiceAccounts" => Subjects::ServiceAccounts,
            "none" => Subjects::None,
            other => {
                return self.refuse(
                    Code::InvalidValue,
                    format!(
                        "`setRoleBindingSubjects` must be defaultOnly, allServiceAccounts or \
                         none, but is `{other}`"
                    ),
                );
            }
        };
        if metadata.namespace.is_empty() {
            return Ok(Vec::new());
        }
        let namespace = Namespace::new(&metadata.namespace, is_unset_only, subjects);
        Ok(vec![Step::Namespace(namespace, specs)])
    }

    fn entries(&self, key: &str, fields: &mut Fields<'_>) -> Result<Entries<'static>> {
        Ok(Entries {
            pairs: Cow::Owned(fields.string_map(key)?),
            specs: specs(fields)?,
            pointer: Cow::Owned(self.pointer.into()),
        })
    }

    fn strategic_patches(&self, fields: &mut Fields<'_>) -> Result<Step<'static>> {
        let mut texts = fields.strings("paths")?;
        texts.extend(Some(fields.string("patches")?).filter(|text| !text.is_empty()));
        if texts.is_empty() {
            return self.refuse(Code::PatchFailed, "it needs `paths` or `patches`");
        }
        let entry = |text| Entry { text, pointer: self.pointer.into() };
        Ok(Step::StrategicPatches(texts.into_iter().map(entry).collect()))
    }

    fn operations(&self, fields: &mut Fields<'_>) -> Result<Step<'static>> {
        let target = fields.take("target").map(|node| selector(&node)).transpose()?;
        if target.as_ref().is_none_or(|target| target.id.name.is_empty()) {
            return self.refuse(Code::PatchFailed, "its `target` needs a `name`");
        }
        Ok(Step::Operations(Cow::Owned(Patch {
            path: fields.string("path")?,
            patch: fields.string("jsonOp")?,
            target,
            allow_name_change: false,
            allow_kind_change: false,
            pointer: self.pointer.into(),
        })))
    }

    fn value(&self, fields: &mut Fields<'_>) -> Result<Step<'static>> {
        let added = AddedValue {
            value: fields.string("value")?.trim().into(),
            targets: each(fields, "targets", value_target)?,
            targets_path: fields.string("targetFilePath")?,
        };
        if added.targets.is_empty() && added.targets_path.is_empty() {
            return self.refuse(Code::InvalidValue, "it needs `targets`");
        }
        Ok(Step::AddValue(added))
    }
}

fn specs(fields: &mut Fields<'_>) -> Result<Specs> {
    each(fields, "fieldSpecs", field_spec).map(Specs::from)
}

/// The file of a value's targets.
pub(crate) fn value_targets(root: &Node<'_>) -> Result<Vec<ValueTarget>> {
    let mut fields = root.fields()?;
    let targets = each(&mut fields, "targets", value_target)?;
    fields.finish()?;
    Ok(targets)
}

fn value_target(node: &Node<'_>) -> Result<ValueTarget> {
    let mut fields = node.fields()?;
    let refuse = |message: &str| Err(Fault::new(Code::InvalidValue, &node.pointer, message));
    let selector = fields.take("selector").map(|node| selector(&node)).transpose()?;
    let field_path = fields.string("fieldPath")?;
    if field_path.is_empty() {
        return refuse("`fieldPath` is missing");
    }
    let position = fields.take("filePathPosition").map_or(Ok(0), |node| node.integer())?;
    let Ok(position) = usize::try_from(position) else {
        return refuse("`filePathPosition` cannot be negative");
    };
    fields.finish()?;
    Ok(ValueTarget { selector, field_path, position })
}
