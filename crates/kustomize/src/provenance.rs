//! `buildMetadata`: annotations that say where an object came from and what changed it, and the
//! label of the program.

use serde_json::{Map, Value};

use crate::alias;
use crate::error::{Code, Fault};
use crate::node::Fields;
use crate::resource::Resource;
use crate::scalar;

/// What the build notes on the objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BuildMetadata {
    keeps_origins: bool,
    keeps_transformations: bool,
    is_labelled: bool,
}

impl BuildMetadata {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let mut read = BuildMetadata::default();
        for node in fields.items("buildMetadata")? {
            let option = match node.string()?.as_str() {
                "originAnnotations" => &mut read.keeps_origins,
                "transformerAnnotations" => &mut read.keeps_transformations,
                "managedByLabel" => &mut read.is_labelled,
                other => {
                    let message = format!(
                        "`{other}` must be originAnnotations, transformerAnnotations or \
                         managedByLabel"
                    );
                    return Err(Fault::new(Code::InvalidValue, &node.pointer, message));
                }
            };
            *option = true;
        }
        Ok(read)
    }

    /// Whether anything has to be noted during the build.
    pub(crate) fn is_any(self) -> bool {
        self.keeps_origins || self.keeps_transformations || self.is_labelled
    }

    /// Takes away what is not wanted, whoever wrote it, and adds the label.
    pub(crate) fn finish(self, resource: &mut Resource) -> Result<(), String> {
        let Some(metadata) = resource.value.get_mut("metadata").and_then(Value::as_object_mut)
        else {
            return Ok(());
        };
        if self.is_labelled {
            let labels = metadata.entry("labels").or_insert(Value::Null);
            if labels.is_null() {
                *labels = Value::Object(Map::new());
            }
            let labels = labels.as_object_mut().ok_or("`metadata.labels` must be a mapping")?;
            labels.insert(MANAGED_BY_LABEL.into(), MANAGED_BY.into());
        }
        let annotations = metadata.get_mut("annotations").and_then(Value::as_object_mut);
        if let Some(annotations) = annotations {
            annotations.retain(|key, _| match key.as_str() {
                ORIGIN => self.keeps_origins,
                TRANSFORMATIONS => self.keeps_transformations,
                key => !is_internal(key),
            });
        }
        Ok(())
    }
}

const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
const MANAGED_BY: &str = "kustomize-v5.7.1";
const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// Annotations in which the real program and its functions keep their notes; they are never printed.
fn is_internal(key: &str) -> bool {
    const OWN: [&str; 15] = [
        "allowKindChange",
        "allowNameChange",
        "annotations-migration-resource-id",
        "generatorBehavior",
        "id",
        "index",
        "needsHashSuffix",
        "path",
        "prefixes",
        "previousKinds",
        "previousNames",
        "previousNamespaces",
        "refBy",
        "seqindent",
        "suffixes",
    ];
    const OLD: [&str; 3] =
        ["config.kubernetes.io/index", "config.kubernetes.io/path", "config.k8s.io/id"];
    match key.strip_prefix("internal.config.kubernetes.io/") {
        Some(name) => OWN.contains(&name),
        None => OLD.contains(&key),
    }
}

/// Where an object came from or what changed it, as the annotations say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin(Vec<(&'static str, String)>);

impl Origin {
    /// A file of objects; the path is seen from the folder that is built.
    pub(crate) fn file(path: &str) -> Self {
        Origin(vec![("path", path.into())])
    }

    /// A kustomization's own field.
    pub(crate) fn field(kustomization: &str, kind: &str) -> Self {
        Origin::configured(kustomization, "builtin", kind, "", "")
    }

    fn configured(path: &str, api_version: &str, kind: &str, name: &str, namespace: &str) -> Self {
        let entries = [
            ("configuredIn", path),
            ("apiVersion", api_version),
            ("kind", kind),
            ("name", name),
            ("namespace", namespace),
        ];
        Origin(entries.map(|(key, text)| (key, text.to_owned())).into())
    }

    /// The origin of what a plug-in's configuration object does.
    pub(crate) fn of_plugin(resource: &Resource) -> Option<Self> {
        let annotations = resource.strings("annotations");
        let documents = yaml::documents("origin", annotations.get(ORIGIN)?).ok()?;
        let path = documents.first()?.get("path").and_then(Value::as_str).unwrap_or_default();
        Some(Origin::configured(
            path,
            resource.api_version(),
            resource.kind(),
            resource.name(),
            resource.namespace(),
        ))
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, text) in self.0.iter().filter(|(_, text)| !text.is_empty()) {
            let is_below = matches!(*key, "apiVersion" | "kind" | "name" | "namespace");
            if *key == "apiVersion" {
                lines.push("configuredBy:".to_owned());
            }
            let indent = if is_below { "  " } else { "" };
            lines.push(format!("{indent}{key}: {}", quoted(text)));
        }
        lines
    }

    /// Notes it as the object's origin unless that is known.
    pub(crate) fn note(&self, resource: &mut Resource) {
        if !resource.has_annotation(ORIGIN) {
            self.set(resource);
        }
    }

    pub(crate) fn set(&self, resource: &mut Resource) {
        resource.annotate(ORIGIN, self.lines().iter().map(|line| format!("{line}\n")).collect());
    }

    /// Notes it as a change; as the origin when none is known.
    pub(crate) fn note_change(&self, resource: &mut Resource) {
        if !resource.has_annotation(ORIGIN) {
            self.set(resource);
            return;
        }
        let annotations = resource.strings("annotations");
        let mut text = annotations.get(TRANSFORMATIONS).cloned().unwrap_or_default();
        for (index, line) in self.lines().iter().enumerate() {
            text.push_str(if index == 0 { "- " } else { "  " });
            text.push_str(line);
            text.push('\n');
        }
        resource.annotate(TRANSFORMATIONS, text);
        alias::forget(&mut resource.aliases, "/metadata/annotations");
    }
}

/// Gives an object that was merged into another the other's origin.
pub(crate) fn keep_origin(merged: &mut Resource, old: &Resource) {
    if let Some(text) = old.strings("annotations").remove(ORIGIN) {
        merged.annotate(ORIGIN, text);
    }
}

/// The text as a YAML scalar, in quotes where the real program writes them.
fn quoted(text: &str) -> String {
    let followed_by_space = |rest: &str| rest.is_empty() || rest.starts_with(' ');
    let starts_badly = match text.chars().next() {
        Some(first @ ('-' | '?' | ':')) => followed_by_space(&text[first.len_utf8()..]),
        Some(first) => "#,[]{}&*!|>'\"%@` ".contains(first),
        None => true,
    };
    let is_plain = !starts_badly
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #");
    if !scalar::plain(text).is_string() {
        format!("\"{text}\"")
    } else if is_plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// `relative` as seen from where `base` is, without `.` and with `..` only at the start.
pub(crate) fn join(base: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(relative.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_may_lead_up() {
        for (base, relative, expected) in [
            ("", "a.yaml", "a.yaml"),
            ("", "../base", "../base"),
            ("../base", "../other/x", "../other/x"),
            ("../base", "./sub/../a", "../base/a"),
            ("../..", "../a", "../../../a"),
        ] {
            assert_eq!(join(base, relative), expected, "{base} {relative}");
        }
    }

    #[test]
    fn texts_are_quoted_where_yaml_needs_it() {
        for (text, expected) in [
            ("../a/b-1.yaml", "../a/b-1.yaml"),
            ("12", "\"12\""),
            ("a: b", "'a: b'"),
            ("-x", "-x"),
            ("a#b", "a#b"),
            ("a #b", "'a #b'"),
            ("it's", "it's"),
            ("*", "'*'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
