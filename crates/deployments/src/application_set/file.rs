//! The shape of an `ApplicationSet` file: every field of Argo CD's type, read or refused with a reason.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::plugin::PluginGenerator;
use super::providers::{PullRequestGenerator, ScmProviderGenerator};
use super::strategy::{self, Strategy};
use super::{ApplicationSet, Templates, Upkeep};
use crate::argo_cd_file::{ApiVersion, Metadata, NoStatus, refused};

refused!(
    no_differences,
    "`spec.ignoreApplicationDifferences` is not supported: nobody but Git changes an application \
     here; remove it"
);
refused!(no_decision, "the generator `clusterDecisionResource` is not supported yet");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetFile {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: Kind,
    metadata: Metadata<String, String>,
    spec: Spec,
    #[serde(default, rename = "status")]
    _status: NoStatus,
}

#[derive(Debug, Deserialize)]
enum Kind {
    ApplicationSet,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    #[serde(rename = "generators")]
    _generators: Vec<Generator>,
    template: Template,
    #[serde(default)]
    template_patch: Option<String>,
    #[serde(default)]
    go_template: bool,
    #[serde(default)]
    go_template_options: Vec<GoTemplateOption>,
    #[serde(default)]
    sync_policy: SyncPolicy,
    #[serde(default)]
    strategy: Strategy,
    /// What others wrote into an application stays; here nobody else writes any.
    #[serde(default, rename = "preservedFields")]
    _preserved_fields: Option<PreservedFields>,
    #[serde(default, rename = "ignoreApplicationDifferences", deserialize_with = "no_differences")]
    _ignore_application_differences: (),
    /// Selectors of nested generators always count, as they do since Argo CD 3.
    #[serde(default, rename = "applyNestedSelectors")]
    _apply_nested_selectors: bool,
}

#[derive(Debug, Deserialize)]
enum GoTemplateOption {
    #[serde(rename = "missingkey=error")]
    Error,
    #[serde(rename = "missingkey=default")]
    Default,
    #[serde(rename = "missingkey=invalid")]
    Invalid,
    #[serde(rename = "missingkey=zero")]
    Zero,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PreservedFields {
    #[serde(default, rename = "annotations")]
    _annotations: Vec<String>,
    #[serde(default, rename = "labels")]
    _labels: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct SyncPolicy {
    preserve_resources_on_deletion: bool,
    applications_sync: Upkeep,
}

/// What an application is made of; its values are templates and are checked when they are filled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    #[serde(default, rename = "metadata")]
    _metadata: TemplateMetadata,
    #[serde(default, rename = "spec")]
    _spec: Option<serde_json::Map<String, Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TemplateMetadata {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "namespace")]
    _namespace: String,
    #[serde(rename = "labels")]
    _labels: BTreeMap<String, String>,
    #[serde(rename = "annotations")]
    _annotations: BTreeMap<String, String>,
    #[serde(rename = "finalizers")]
    _finalizers: Vec<String>,
}

/// One generator, of the fields below exactly one and perhaps a selector.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Generator {
    #[serde(default)]
    pub(super) list: Option<ListGenerator>,
    #[serde(default)]
    pub(super) clusters: Option<ClustersGenerator>,
    #[serde(default)]
    pub(super) git: Option<GitGenerator>,
    #[serde(default)]
    pub(super) matrix: Option<NestedGenerator>,
    #[serde(default)]
    pub(super) merge: Option<NestedGenerator>,
    #[serde(default)]
    pub(super) scm_provider: Option<ScmProviderGenerator>,
    #[serde(default)]
    pub(super) pull_request: Option<PullRequestGenerator>,
    #[serde(default)]
    pub(super) plugin: Option<PluginGenerator>,
    #[serde(default)]
    pub(super) selector: Option<Selector>,
    #[serde(default, rename = "clusterDecisionResource", deserialize_with = "no_decision")]
    _cluster_decision_resource: (),
}

/// `list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListGenerator {
    #[serde(default)]
    pub(super) elements: Vec<serde_json::Map<String, Value>>,
    /// A list as text, which may be a template of an outer generator's parameters.
    #[serde(default)]
    pub(super) elements_yaml: Option<String>,
    #[serde(default, rename = "template")]
    _template: Option<Template>,
}

/// `clusters`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClustersGenerator {
    #[serde(default)]
    pub(super) selector: Option<Selector>,
    #[serde(default)]
    pub(super) values: BTreeMap<String, String>,
    #[serde(default, rename = "template")]
    _template: Option<Template>,
    #[serde(default, rename = "flatList", deserialize_with = "no_flat_list")]
    _flat_list: (),
}

refused!(no_flat_list, "`flatList` is not supported yet: one application is made of each cluster");

/// `git`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GitGenerator {
    #[serde(rename = "repoURL")]
    pub(super) repo_url: String,
    #[serde(default)]
    pub(super) revision: String,
    #[serde(default)]
    pub(super) directories: Vec<GitPath>,
    #[serde(default)]
    pub(super) files: Vec<GitPath>,
    #[serde(default)]
    pub(super) path_param_prefix: String,
    #[serde(default)]
    pub(super) values: BTreeMap<String, String>,
    /// How often Argo CD looks; here a commit is looked at when it is pushed.
    #[serde(default, rename = "requeueAfterSeconds")]
    _requeue_after_seconds: Option<i64>,
    #[serde(default, rename = "template")]
    _template: Option<Template>,
}

/// An entry of `directories` or `files`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GitPath {
    pub(super) path: String,
    #[serde(default)]
    pub(super) exclude: bool,
}

/// `matrix` and `merge`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NestedGenerator {
    /// Read as they are used: those of a matrix have parameters of each other.
    pub(super) generators: Vec<Value>,
    #[serde(default)]
    pub(super) merge_keys: Vec<String>,
    #[serde(default, rename = "template")]
    _template: Option<Template>,
}

/// A label selector.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Selector {
    pub(super) match_labels: BTreeMap<String, String>,
    pub(super) match_expressions: Vec<Expression>,
}

/// One expression of a selector.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expression {
    pub(super) key: String,
    pub(super) operator: Operator,
    #[serde(default)]
    pub(super) values: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

pub(super) fn parse(file: &str, text: &str) -> Result<ApplicationSet, yaml::YamlError> {
    let parsed: SetFile = yaml::document(file, text)?;
    let raw: Value = yaml::document(file, text)?;
    let at_start =
        |message: String| yaml::YamlError { file: file.into(), line: 1, column: 1, message };
    let spec = parsed.spec;
    let missing_is_error =
        spec.go_template_options.iter().any(|option| matches!(option, GoTemplateOption::Error));
    let templates = match spec.go_template {
        true => Templates::Go { missing_is_error },
        false => Templates::Short,
    };
    let part = |pointer: &str| raw.pointer(pointer).cloned().unwrap_or(Value::Null);
    let generators = match part("/spec/generators") {
        Value::Array(generators) => generators,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Vec::new()
        }
    };
    for (index, generator) in generators.iter().enumerate() {
        super::generators::check(generator, templates, super::generators::DEPTH_MAX)
            .map_err(|why| at_start(format!("`spec.generators[{index}]`: {why}")))?;
    }
    let set = ApplicationSet {
        name: parsed.metadata.name,
        templates,
        generators,
        template: part("/spec/template"),
        patch: spec.template_patch.filter(|patch| !patch.trim().is_empty()),
        upkeep: spec.sync_policy.applications_sync,
        steps: strategy::steps(spec.strategy).map_err(at_start)?,
        preserves: spec.sync_policy.preserve_resources_on_deletion,
    };
    check_templates(templates, &set.template).map_err(at_start)?;
    if let Some(patch) = &set.patch {
        templates.check(patch).map_err(|why| at_start(format!("`spec.templatePatch`: {why}")))?;
    }
    let _: Template = spec.template;
    Ok(set)
}

/// All texts within a template, so that an unknown function is refused at review.
fn check_templates(templates: Templates, value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => templates.check(text),
        Value::Array(items) => items.iter().try_for_each(|item| check_templates(templates, item)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            templates.check(name)?;
            check_templates(templates, value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
