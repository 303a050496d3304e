//! What is to be rendered, in the words of an Application's source.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::RenderError;

/// A folder and how to render it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The folder in the tree; `.` or the empty path for its root.
    pub path: String,
    /// What the application says that the folder is; `None`: its files tell.
    pub tool: Option<Tool>,
    /// What `spec.source.kustomize` adds to the kustomization.
    pub kustomize: KustomizeOverrides,
    /// How `spec.source.directory` reads plain manifests.
    pub directory: DirectoryOptions,
    /// How `spec.source.helm` renders a chart.
    pub helm: HelmOptions,
    /// What `spec.source.plugin` asks of a program.
    pub plugin: PluginOptions,
    /// The application that asks.
    pub application: Asker,
}

/// What renders a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// A kustomization.
    Kustomize,
    /// A chart.
    Helm,
    /// Plain manifests and Jsonnet.
    Directory,
    /// A program that the operator named.
    Plugin,
}

/// What a rendering may ask of its application: names, and what `$ARGOCD_APP_…` stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asker {
    /// `metadata.name`.
    pub name: String,
    /// `spec.destination.namespace`.
    pub namespace: String,
    /// `spec.project`.
    pub project: String,
    /// `repoURL` of the source.
    pub repo_url: String,
    /// `targetRevision` of the source.
    pub target_revision: String,
}

impl Request {
    /// The folder without `.`; refused when it leaves the tree.
    pub(crate) fn folder(&self) -> Result<String, RenderError> {
        let mut parts = Vec::new();
        for part in self.path.split('/') {
            match part {
                "" | "." => {}
                ".." => return Err(RenderError::outside(&self.path)),
                name => parts.push(name),
            }
        }
        if self.path.starts_with('/') {
            return Err(RenderError::outside(&self.path));
        }
        Ok(parts.join("/"))
    }
}

/// What Argo CD's `spec.source.kustomize` may change, in the folder's own kustomization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KustomizeOverrides {
    /// Put before every name, in the place of the kustomization's own.
    pub name_prefix: String,
    /// Put behind every name, in the place of the kustomization's own.
    pub name_suffix: String,
    /// `name`, `name:tag`, `name@digest` or `old=new:tag`, as `kustomize edit set image` takes it.
    pub images: Vec<String>,
    /// Labels for every object, its selectors and templates.
    pub common_labels: BTreeMap<String, String>,
    /// Annotations for every object and its templates.
    pub common_annotations: BTreeMap<String, String>,
    /// The namespace of every object that can have one.
    pub namespace: String,
    /// The number of replicas by workload name.
    pub replicas: BTreeMap<String, i64>,
    /// Whether `$ARGOCD_APP_…` is replaced in the annotations; in labels and images it always is.
    pub expands_annotations: bool,
    /// Whether labels replace those that the kustomization has.
    pub forces_labels: bool,
    /// Whether annotations replace those that the kustomization has.
    pub forces_annotations: bool,
    /// Whether labels are left out of selectors and templates.
    pub labels_without_selector: bool,
    /// Whether labels that are left out of selectors are in templates all the same.
    pub labels_in_templates: bool,
    /// Further entries of `patches`.
    pub patches: Vec<Value>,
    /// Further entries of `components`, as seen from the folder.
    pub components: Vec<String>,
    /// Whether a component that does not exist is left out.
    pub ignores_missing_components: bool,
}

impl KustomizeOverrides {
    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == KustomizeOverrides::default()
    }
}

/// What Argo CD's `spec.source.directory` may say; patterns are globs on the path below the
/// folder, or lists of them as `{a,b}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryOptions {
    /// Whether folders below are read too.
    pub recurse: bool,
    /// Only files that match; empty for all.
    pub include: String,
    /// Files that match are left out, also included ones.
    pub exclude: String,
    /// How files that are Jsonnet are evaluated.
    pub jsonnet: JsonnetOptions,
}

/// What Argo CD's `spec.source.directory.jsonnet` may say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonnetOptions {
    /// What `std.extVar` gives.
    pub external: Vec<JsonnetVariable>,
    /// What a file that is a function is called with.
    pub arguments: Vec<JsonnetVariable>,
    /// Folders in which imports are looked for, from the repository's root; the last is looked at
    /// first.
    pub libraries: Vec<String>,
}

/// A value by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonnetVariable {
    /// Its name.
    pub name: String,
    /// A text.
    pub value: String,
    /// Whether the text is Jsonnet.
    pub is_code: bool,
}

/// What Argo CD's `spec.source.plugin` may say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PluginOptions {
    /// Which program.
    pub name: String,
    /// Values by name.
    pub environment: Vec<(String, String)>,
    /// Anything else, as the application has it.
    pub parameters: Vec<Value>,
}

/// What Argo CD's `spec.source.helm` may say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HelmOptions {
    /// The release; empty: the application's name.
    pub release_name: String,
    /// The namespace; empty: the destination's.
    pub namespace: String,
    /// Files of values, the last wins: relative to the chart, from the root with `/`, of another
    /// source with `$name/`; globs.
    pub value_files: Vec<String>,
    /// Whether a value file may be missing.
    pub ignore_missing_value_files: bool,
    /// YAML that wins over the files.
    pub values: String,
    /// Values that win over YAML.
    pub parameters: Vec<Parameter>,
    /// Values by name that are the texts of files.
    pub file_parameters: Vec<(String, String)>,
    /// Leave out the folder `crds`.
    pub skip_crds: bool,
    /// Leave out test hooks.
    pub skip_tests: bool,
    /// Do not check values against `values.schema.json`.
    pub skip_schema_validation: bool,
    /// `.Capabilities.KubeVersion`; empty: Helm's own.
    pub kube_version: String,
    /// Added to `.Capabilities.APIVersions`.
    pub api_versions: Vec<String>,
}

/// One value by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// `image.tag`.
    pub name: String,
    /// The value.
    pub value: String,
    /// Whether it is text whatever it looks like.
    pub force_string: bool,
}
