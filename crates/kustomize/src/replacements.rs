//! `replacements`: a value copied from one field into others.

use serde_json::Value;

use crate::error::{Code, Fault};
use crate::field_path::{self, Found, Make};
use crate::parts::{FieldOptions, Replacement, Source, Target};
use crate::resource::{Id, Resource, Resources};
use crate::scalar;

type Refusal = String;

/// What is copied when no path is given, and where to.
const DEFAULT_PATH: &str = "metadata.name";

/// Applies one replacement.
pub(crate) fn apply(resources: &mut Resources, replacement: &Replacement) -> Result<(), Fault> {
    let fault =
        |message: Refusal| Fault::new(Code::ReplacementFailed, &replacement.pointer, message);
    let value = match (&replacement.source, &replacement.source_value) {
        (Some(source), None) => read(resources, source).map_err(fault)?,
        (None, Some(text)) => Value::String(text.clone()),
        (Some(_), Some(_)) => {
            return Err(fault("`source` and `sourceValue` exclude each other".into()));
        }
        (None, None) => return Err(fault("a replacement needs a `source`".into())),
    };
    if replacement.targets.is_empty() {
        return Err(fault("a replacement needs `targets`".into()));
    }
    let is_untyped = replacement.source_value.is_some();
    for target in &replacement.targets {
        for resource in resources.iter_mut() {
            if is_meant(target, resource) {
                write(resource, target, &value, is_untyped)
                    .map_err(|reason| fault(format!("{}: {reason}", resource.id())))?;
            }
        }
    }
    Ok(())
}

fn read(resources: &Resources, source: &Source) -> Result<Value, Refusal> {
    let mut found = resources
        .iter()
        .filter(|resource| resource.ids().iter().any(|id| id.is_selected_by(&source.id)));
    let (first, second) = (found.next(), found.next());
    let Some(first) = first else { return Err("the source selects no object".into()) };
    if second.is_some() {
        return Err("the source selects more than one object".into());
    }
    let path = if source.field_path.is_empty() { DEFAULT_PATH } else { &source.field_path };
    let object = Value::Object(first.value.clone());
    let missing = || format!("the source {} has no field `{path}`", first.id());
    let value = field_path::lookup(&object, &field_path::split(path))?.ok_or_else(missing)?;
    let is_empty = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if is_empty {
        return Err(missing());
    }
    refine(value, &source.options)
}

/// The part of the value between two delimiters.
fn refine(value: &Value, options: &FieldOptions) -> Result<Value, Refusal> {
    if options.delimiter.is_empty() {
        return Ok(value.clone());
    }
    let text = scalar::text(value).ok_or("a `delimiter` needs one value, not a list or mapping")?;
    let part = usize::try_from(options.index)
        .ok()
        .and_then(|index| text.split(&options.delimiter).nth(index))
        .ok_or_else(|| format!("`{text}` has no part {}", options.index))?;
    Ok(if value.is_string() { Value::String(part.into()) } else { scalar::plain(part) })
}

fn is_meant(target: &Target, resource: &Resource) -> bool {
    let ids = resource.ids();
    let is_any = |wanted: &Id| ids.iter().any(|id| id.is_selected_by(wanted));
    let is_rejected = target.reject.iter().any(|reject| {
        (reject.has_requirements() && reject.fits_metadata(resource))
            || (!reject.id.is_empty() && is_any(&reject.id))
    });
    !is_rejected && target.select.fits_metadata(resource) && is_any(&target.select.id)
}

fn write(
    resource: &mut Resource,
    target: &Target,
    value: &Value,
    is_untyped: bool,
) -> Result<(), Refusal> {
    let default = [DEFAULT_PATH.to_owned()];
    let paths = if target.field_paths.is_empty() { &default[..] } else { &target.field_paths };
    let make = match (target.options.create, value) {
        (false, _) => Make::Nothing,
        (true, Value::Object(_)) => Make::Mapping,
        (true, Value::Array(_)) => Make::List,
        (true, _) => Make::Scalar,
    };
    for path in paths {
        let mut object = Value::Object(std::mem::take(&mut resource.value));
        let root = Found { value: &mut object, is_new: false };
        let outcome = field_path::for_each(root, &field_path::split(path), make, &mut |found| {
            set(found, &target.options, value, is_untyped)
        });
        if let Value::Object(object) = object {
            resource.value = object;
        }
        match outcome {
            Ok(0) => return Err(format!("there is no field `{path}`; set `options.create`")),
            Ok(_) => {}
            Err(reason) => return Err(format!("at `{path}`: {reason}")),
        }
    }
    Ok(())
}

fn set(
    found: Found<'_>,
    options: &FieldOptions,
    value: &Value,
    is_untyped: bool,
) -> Result<(), Refusal> {
    let Found { value: field, is_new } = found;
    if !scalar::is_scalar(field) {
        if !options.delimiter.is_empty() {
            return Err("a `delimiter` needs one value, not a list or mapping".into());
        }
        *field = match value.as_str() {
            Some(text) if is_untyped => scalar::plain(text),
            Some(_) | None => value.clone(),
        };
        return Ok(());
    }
    // A list or mapping has no text of its own, and the real program takes that.
    let text = scalar::text(value).unwrap_or_default();
    let text = if options.delimiter.is_empty() {
        text
    } else {
        let old = scalar::text(field).unwrap_or_default();
        let mut parts: Vec<&str> = old.split(&options.delimiter).collect();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &text),
            Ok(index) if index >= parts.len() => parts.push(&text),
            Ok(index) => parts[index] = &text,
        }
        parts.join(&options.delimiter)
    };
    let new = scalar::plain(&text);
    let fits = match field {
        Value::Bool(_) => new.is_boolean(),
        Value::Number(number) if number.is_f64() => new.is_number(),
        Value::Number(_) => new.is_i64() || new.is_u64(),
        Value::Null => new.is_null(),
        Value::String(_) | Value::Array(_) | Value::Object(_) => true,
    };
    if !fits && !is_new {
        return Err(format!("`{text}` cannot take the place of {field}, which is of another type"));
    }
    *field = if field.is_string() && !is_new { Value::String(text) } else { new };
    Ok(())
}
