//! What files beside a source change of it: Argo CD's `.argocd-source.yaml`, which is laid over the
//! source as a merge patch (RFC 7386).

use serde_json::{Map, Value, json};

use crate::source::{HelmOptions, Source};
use crate::source_file::{self, Parts};

impl Source {
    /// The source with what a file beside it changes; `file` is what the file says.
    pub fn overridden(&self, file: &Value) -> Result<Self, String> {
        let Value::Object(changes) = file else {
            return Err(
                "it must be a mapping with `helm`, `kustomize`, `directory` or `plugin`".into()
            );
        };
        if let Some(name) = changes.keys().find(|name| !Parts::NAMES.contains(&name.as_str())) {
            return Err(format!(
                "`{name}` cannot be changed here: `helm`, `kustomize`, `directory` and `plugin` can; the \
                 rest is what the application's file says"
            ));
        }
        let mut parts = self.parts();
        merge(&mut parts, file);
        let parts = Parts::read(parts)?;
        source_file::with_parts(self.clone(), parts, "the source")
    }

    /// The parts as a file has them.
    fn parts(&self) -> Value {
        let mut parts = Map::new();
        let mut put = |name: &str, part: Option<Value>| {
            parts.extend(part.map(|part| (name.to_owned(), part)));
        };
        put("kustomize", self.kustomize.as_ref().map(|part| json!(part)));
        put("directory", self.directory.as_ref().map(|part| json!(part)));
        put("plugin", self.plugin.as_ref().map(|part| json!(part)));
        put("helm", self.helm.as_ref().map(helm));
        Value::Object(parts)
    }
}

/// Values that were an object are kept as JSON, and are an object for a patch.
fn helm(options: &HelmOptions) -> Value {
    let values: Option<Value> = serde_json::from_str(&options.values).ok();
    let object = values.filter(Value::is_object);
    let mut helm = json!({
        "releaseName": options.release_name,
        "namespace": options.namespace,
        "valueFiles": options.value_files,
        "ignoreMissingValueFiles": options.ignore_missing_value_files,
        "parameters": options.parameters,
        "fileParameters": options.file_parameters,
        "skipCrds": options.skip_crds,
        "skipTests": options.skip_tests,
        "skipSchemaValidation": options.skip_schema_validation,
        "kubeVersion": options.kube_version,
        "apiVersions": options.api_versions,
    });
    match object {
        Some(object) => helm["valuesObject"] = object,
        None => helm["values"] = options.values.clone().into(),
    }
    helm
}

/// A mapping is merged, `null` removes, anything else replaces: lists too.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (name, change) in changes {
        if change.is_null() {
            fields.shift_remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}
