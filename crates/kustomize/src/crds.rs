//! `crds`: OpenAPI definitions whose extensions say which fields of custom resources hold names of
//! objects, labels, annotations and their own name.

use serde_json::Value;

use crate::config::{Config, NameReference, Purpose};
use crate::field_spec::FieldSpec;
use crate::resource::Gvk;

/// A definition that contains itself would have paths without end.
const DEPTH_MAX: usize = 32;

/// The fields that a file of definitions by type name tells.
pub(crate) fn read(definitions: &Value) -> Result<Config, String> {
    let mut config = Config::default();
    if definitions.is_null() {
        return Ok(config);
    }
    let Value::Object(types) = definitions else {
        return Err("the file must be a mapping of type names to definitions".into());
    };
    if types.values().any(|definition| !definition.is_object()) {
        return Err("every type must be a mapping with a `Schema`; a CustomResourceDefinition \
                    belongs into `resources`"
            .into());
    }
    for (name, definition) in types {
        let is_object = properties(definition).is_some_and(|properties| {
            ["kind", "apiVersion", "metadata"].iter().all(|field| properties.contains_key(*field))
        });
        if is_object {
            let kind = name.rsplit('.').next().unwrap_or(name);
            let walk = Walk { definitions, gvk: Gvk { kind: kind.into(), ..Gvk::default() } };
            walk.fields(definition, &mut Vec::new(), &mut config)?;
        }
    }
    Ok(config)
}

fn properties(definition: &Value) -> Option<&serde_json::Map<String, Value>> {
    let schema = definition.get("Schema").or_else(|| definition.get("schema"))?;
    schema.get("properties")?.as_object()
}

struct Walk<'a> {
    definitions: &'a Value,
    gvk: Gvk,
}

impl Walk<'_> {
    fn fields(
        &self,
        definition: &Value,
        path: &mut Vec<String>,
        config: &mut Config,
    ) -> Result<(), String> {
        if path.len() > DEPTH_MAX {
            return Err(format!("`{}` contains itself", path.join("/")));
        }
        for (name, property) in properties(definition).into_iter().flatten() {
            path.push(name.clone());
            self.field(property, path, config)?;
            let referred = property.get("$ref").and_then(Value::as_str);
            if let Some(definition) = referred.and_then(|name| self.definitions.get(name)) {
                self.fields(definition, path, config)?;
            }
            path.pop();
        }
        Ok(())
    }

    fn field(&self, property: &Value, path: &[String], config: &mut Config) -> Result<(), String> {
        let text = |name: &str| property.get(name).and_then(Value::as_str);
        let spec = |path: &str| FieldSpec::new(self.gvk.clone(), path, false);
        let here = path.join("/");
        for (extension, purpose) in [
            ("x-kubernetes-annotation", Purpose::CommonAnnotations),
            ("x-kubernetes-label-selector", Purpose::CommonLabels),
            ("x-kubernetes-identity", Purpose::NamePrefix),
        ] {
            if text(extension).is_some() {
                config.add(purpose, spec(&here))?;
            }
        }
        let version = text("x-kubernetes-object-ref-api-version");
        let kind = text("x-kubernetes-object-ref-kind");
        if let (Some(version), Some(kind)) = (version, kind) {
            let name = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
            let target = Gvk { group: String::new(), version: version.into(), kind: kind.into() };
            let referrers = vec![spec(&format!("{here}/{name}"))];
            config.add_reference(NameReference { target, referrers })?;
        }
        Ok(())
    }
}
