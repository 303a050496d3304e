//! `configMapGenerator` and `secretGenerator`.

use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::error::{Code, Fault};
use crate::parts::{Generator, GeneratorOptions};
use crate::provenance::{self, Origin};
use crate::resource::{Behavior, Resource, Resources};
use crate::schema::Kinds;

/// Reads a file of the kustomization's folder.
pub(crate) type ReadFile<'a> = dyn Fn(&str, &str) -> Result<Vec<u8>, Fault> + 'a;

/// Adds the object, or replaces or merges an existing one, as its `behavior` says.
pub(crate) fn absorb(
    resources: &mut Resources,
    mut made: Resource,
    origin: Option<Origin>,
    pointer: &str,
) -> Result<(), Fault> {
    let refuse = |code, message: String| Fault::new(code, pointer, message);
    if let Some(origin) = origin {
        origin.note(&mut made);
    }
    let id = made.id();
    let existing = resources.having_had(&id);
    let [index] = existing[..] else {
        if existing.len() > 1 {
            return Err(refuse(
                Code::GeneratorFailed,
                format!("several objects could be the {id} that is meant"),
            ));
        }
        if made.behavior != Behavior::Create {
            let message = format!("there is no {id} to merge with or to replace");
            return Err(refuse(Code::GeneratorFailed, message));
        }
        return resources.append(made).map_err(|id| {
            refuse(Code::DuplicateObject, format!("there is already an object {id}"))
        });
    };
    let old = &mut resources.list_mut()[index];
    match made.behavior {
        Behavior::Create => {
            let message = format!("{id} exists already; set `behavior: merge` or `replace`");
            Err(refuse(Code::DuplicateObject, message))
        }
        Behavior::Replace => {
            *old = inherit(made, old);
            Ok(())
        }
        Behavior::Merge => {
            let mut merged = inherit(made, old);
            for field in ["data", "binaryData"] {
                merge_data(&mut merged.value, &old.value, field);
            }
            provenance::keep_origin(&mut merged, old);
            *old = merged;
            Ok(())
        }
    }
}

/// Gives the new object the old one's name, history, labels and annotations; its own win.
fn inherit(mut made: Resource, old: &Resource) -> Resource {
    for field in ["labels", "annotations"] {
        let mut entries = old.strings(field);
        entries.extend(made.strings(field));
        made.set_strings(field, entries);
    }
    made.set_name(old.name());
    made.set_namespace(old.namespace());
    made.needs_hash &= old.needs_hash;
    made.behavior = old.behavior;
    made.is_generated = old.is_generated;
    made.previous.clone_from(&old.previous);
    made.prefixes.clone_from(&old.prefixes);
    made.suffixes.clone_from(&old.suffixes);
    made.variables.clone_from(&old.variables);
    made
}

fn merge_data(made: &mut Map<String, Value>, old: &Map<String, Value>, field: &str) {
    let Some(Value::Object(inherited)) = old.get(field) else { return };
    let mut merged = inherited.clone();
    if let Some(Value::Object(own)) = made.get(field) {
        merged.extend(own.clone());
    }
    if !merged.is_empty() {
        made.insert(field.into(), Value::Object(merged));
    }
}

/// A service account that stands for one of a cloud's.
pub(crate) fn service_account(
    name: &str,
    namespace: &str,
    account: &str,
    kinds: &Rc<Kinds>,
) -> Resource {
    let annotations = json!({ "iam.gke.io/gcp-service-account": account });
    let mut object = Map::new();
    object.insert("apiVersion".into(), json!("v1"));
    object.insert("kind".into(), json!("ServiceAccount"));
    object.insert("metadata".into(), json!({ "name": name, "annotations": annotations }));
    let mut made = Resource::new(object, kinds);
    made.set_namespace(namespace);
    made
}

/// Makes the ConfigMap or Secret.
pub(crate) fn make(
    generator: &Generator,
    global: Option<&GeneratorOptions>,
    is_secret: bool,
    read: &ReadFile<'_>,
    kinds: &Rc<Kinds>,
) -> Result<Resource, Fault> {
    let refuse = |message: String| Fault::new(Code::GeneratorFailed, &generator.pointer, message);
    if generator.name.is_empty() {
        return Err(refuse("a generator needs a `name`".into()));
    }
    let behavior = match generator.behavior.as_str() {
        "" | "create" => Behavior::Create,
        "replace" => Behavior::Replace,
        "merge" => Behavior::Merge,
        other => {
            return Err(refuse(format!(
                "`behavior` must be create, replace or merge, but is `{other}`"
            )));
        }
    };
    let options = merge_options(&generator.options, global);
    let kind = if is_secret { "Secret" } else { "ConfigMap" };
    let mut object = Map::new();
    object.insert("apiVersion".into(), json!("v1"));
    object.insert("kind".into(), json!(kind));
    object.insert("metadata".into(), json!({ "name": generator.name }));
    if is_secret {
        let secret_type = &generator.secret_type;
        let named = if secret_type.is_empty() { "Opaque" } else { secret_type };
        object.insert("type".into(), json!(named));
    }
    let data = collect(generator, read)?;
    if is_secret {
        let encoded = data.iter().map(|(key, bytes)| (key.clone(), Value::String(encode(bytes))));
        object.insert("data".into(), Value::Object(encoded.collect()));
    } else {
        put_data(&mut object, data);
    }
    if options.immutable {
        object.insert("immutable".into(), json!(true));
    }
    let mut made = Resource::new(object, kinds);
    made.set_namespace(&generator.namespace);
    for (field, entries) in [("labels", options.labels), ("annotations", options.annotations)] {
        made.set_strings(field, entries);
    }
    made.behavior = behavior;
    made.needs_hash = !options.disable_name_suffix_hash;
    made.is_generated = true;
    Ok(made)
}

/// A generator's own options win, except that a global `true` cannot be taken back.
fn merge_options(own: &GeneratorOptions, global: Option<&GeneratorOptions>) -> GeneratorOptions {
    let mut merged = own.clone();
    let Some(global) = global else { return merged };
    for (key, value) in &global.labels {
        merged.labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    for (key, value) in &global.annotations {
        merged.annotations.entry(key.clone()).or_insert_with(|| value.clone());
    }
    merged.disable_name_suffix_hash |= global.disable_name_suffix_hash;
    merged.immutable |= global.immutable;
    merged
}

fn put_data(object: &mut Map<String, Value>, data: BTreeMap<String, Vec<u8>>) {
    for (key, bytes) in data {
        let (field, text) = match String::from_utf8(bytes) {
            Ok(text) => ("data", text),
            Err(error) => ("binaryData", encode(error.as_bytes())),
        };
        let entries = object.entry(field).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(entries) = entries {
            entries.insert(key, Value::String(text));
        }
    }
}

/// Base64; from 70 characters on in lines of 70, as kustomize writes it and hashes it.
fn encode(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    if encoded.len() < 70 {
        return encoded;
    }
    let mut wrapped = String::with_capacity(encoded.len() + encoded.len() / 70 + 1);
    for (index, character) in encoded.chars().enumerate() {
        if index > 0 && index % 70 == 0 {
            wrapped.push('\n');
        }
        wrapped.push(character);
    }
    wrapped.push('\n');
    wrapped
}

fn collect(generator: &Generator, read: &ReadFile<'_>) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let refuse = |message: String| Fault::new(Code::GeneratorFailed, &generator.pointer, message);
    let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
    for path in &generator.envs {
        let content = read(path, &generator.pointer)?;
        let content = String::from_utf8(content)
            .map_err(|_| refuse(format!("`{path}` is not UTF-8; use `files` for binary data")))?;
        pairs.extend(env_lines(&content));
    }
    for literal in &generator.literals {
        let (key, value) = literal
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| refuse(format!("the literal `{literal}` must be `key=value`")))?;
        pairs.push((key.into(), unquote(value).into()));
    }
    for source in &generator.files {
        let (key, path) = file_source(source).map_err(refuse)?;
        pairs.push((key.into(), read(path, &generator.pointer)?));
    }
    let mut data = BTreeMap::new();
    for (key, value) in pairs {
        if data.contains_key(&key) {
            return Err(refuse(format!("the key `{key}` is given twice")));
        }
        data.insert(key, value);
    }
    Ok(data)
}

/// `KEY=value` lines; a line without `=` has an empty value, and `#` starts a comment line.
fn env_lines(content: &str) -> Vec<(String, Vec<u8>)> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let lines = content.lines().map(str::trim_start);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once('=').unwrap_or((line, "")))
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

fn unquote(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

fn file_source(source: &str) -> Result<(&str, &str), String> {
    match source.split_once('=') {
        None => Ok((source.rsplit('/').next().unwrap_or(source), source)),
        Some((_, path)) if path.contains('=') => {
            Err(format!("`{source}` has more than one `=`; rename the file or the key"))
        }
        Some(("", _)) => Err(format!("`{source}` has no key before `=`")),
        Some((_, "")) => Err(format!("`{source}` has no path after `=`")),
        Some((key, path)) => Ok((key, path)),
    }
}
