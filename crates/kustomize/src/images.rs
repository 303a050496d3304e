//! `images`: new names, tags and digests for the containers' images.

use regex::Regex;
use serde_json::{Map, Value};

use crate::error::{Code, Fault};
use crate::field_spec::{Create, FieldSpec, Refusal};
use crate::parts::Image;
use crate::resource::Resources;

/// Applies one entry of `images` to every object but custom resource definitions.
pub(crate) fn apply(
    resources: &mut Resources,
    image: &Image,
    specs: &[FieldSpec],
) -> Result<(), Fault> {
    let pattern = format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name);
    let pattern = Regex::new(&pattern).map_err(|_| {
        let message = format!("`{}` cannot name an image", image.name);
        Fault::new(Code::InvalidValue, &image.pointer, message)
    })?;
    let change = Change { image, pattern };
    for resource in resources.iter_mut() {
        if resource.kind() == "CustomResourceDefinition" {
            continue;
        }
        change.search_mapping(&mut resource.value);
        for spec in specs {
            // An image that nobody wrote has no name that could be meant.
            spec.apply(&mut resource.value, Create::Never, &mut |field| change.field(field))
                .map_err(|reason| {
                    let message = format!("{}: {reason}", resource.id());
                    Fault::new(Code::TransformFailed, &image.pointer, message)
                })?;
        }
    }
    Ok(())
}

struct Change<'a> {
    image: &'a Image,
    pattern: Regex,
}

impl Change<'_> {
    fn search(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.search(item)),
            Value::Object(object) => self.search_mapping(object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn search_mapping(&self, object: &mut Map<String, Value>) {
        for (key, value) in object.iter_mut() {
            self.search(value);
            if key != "containers" && key != "initContainers" {
                continue;
            }
            for container in value.as_array_mut().into_iter().flatten() {
                if let Some(Value::String(reference)) = container.get_mut("image") {
                    self.reference(reference);
                }
            }
        }
    }

    fn field(&self, field: &mut Value) -> Result<(), Refusal> {
        match field {
            Value::String(reference) => {
                self.reference(reference);
                Ok(())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
            Value::Array(_) | Value::Object(_) => Err("an image must be a string".into()),
        }
    }

    fn reference(&self, reference: &mut String) {
        if !self.pattern.is_match(reference) {
            return;
        }
        let image = self.image;
        let (mut name, mut tag, mut digest) = split(reference);
        if !image.new_name.is_empty() {
            name.clone_from(&image.new_name);
        }
        if !image.new_tag.is_empty() || !image.digest.is_empty() {
            tag.clone_from(&image.new_tag);
            digest.clone_from(&image.digest);
        } else if !image.tag_suffix.is_empty() {
            tag.push_str(&image.tag_suffix);
            digest.clear();
        }
        if !tag.is_empty() {
            name = format!("{name}:{tag}");
        }
        if !digest.is_empty() {
            name = format!("{name}@{digest}");
        }
        *reference = name;
    }
}

/// Name, tag and digest; a `:` before the first `/` is a port.
fn split(reference: &str) -> (String, String, String) {
    let (rest, digest) = reference.split_once('@').unwrap_or((reference, ""));
    let path = rest.find('/').unwrap_or(0);
    match rest[path..].find(':') {
        Some(colon) => {
            let (name, tag) = rest.split_at(path + colon);
            (name.into(), tag[1..].into(), digest.into())
        }
        None => (rest.into(), String::new(), digest.into()),
    }
}
