//! `vars`: values of fields put where `$(NAME)` stands, at the places that the configuration names.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::alias;
use crate::error::{Code, Fault};
use crate::field_path;
use crate::field_spec::{Create, FieldSpec, Refusal};
use crate::node::Node;
use crate::parts::gvk;
use crate::resource::{Id, Resource, Resources, split_api_version};
use crate::scalar;

/// A name for the value of a field.
#[derive(Debug, Clone)]
pub(crate) struct Var {
    name: String,
    object: Id,
    field_path: String,
    pointer: String,
}

const DEFAULT_PATH: &str = "metadata.name";

impl Var {
    pub(crate) fn read(node: &Node<'_>) -> Result<Self, Fault> {
        let mut fields = node.fields()?;
        let name = fields.string("name")?;
        let mut object = Id::default();
        if let Some(node) = fields.take("objref") {
            let mut fields = node.fields()?;
            object.gvk = gvk(&mut fields)?;
            object.name = fields.string("name")?;
            object.namespace = fields.string("namespace")?;
            let api_version = fields.string("apiVersion")?;
            if !api_version.is_empty() {
                let (group, version) = split_api_version(&api_version);
                if !group.is_empty() {
                    object.gvk.group = group.into();
                }
                object.gvk.version = version.into();
            }
            fields.finish()?;
        }
        let mut field_path = String::new();
        if let Some(node) = fields.take("fieldref") {
            let mut fields = node.fields()?;
            field_path = fields.string("fieldPath")?;
            fields.finish()?;
        }
        if field_path.is_empty() {
            field_path = DEFAULT_PATH.into();
        }
        fields.finish()?;
        Ok(Var { name, object, field_path, pointer: node.pointer.clone() })
    }
}

/// The variables of a kustomization and its bases: the paths of their fields by name.
pub(crate) type Vars = BTreeMap<String, String>;

/// Notes on the objects which variables they give a value, and adds the variables.
pub(crate) fn add(known: &mut Vars, resources: &mut Resources, added: &[Var]) -> Result<(), Fault> {
    for var in added {
        let fault = |message: String| Fault::new(Code::InvalidValue, &var.pointer, message);
        let wanted = &var.object;
        let is_exact = !wanted.namespace.is_empty() || wanted.is_cluster_scoped();
        let is_meant = |id: &Id| {
            id.gvk == wanted.gvk
                && id.name == wanted.name
                && (!is_exact || id.effective_namespace() == wanted.effective_namespace())
        };
        let mut meant = resources.iter_mut().filter(|resource| resource.ids().iter().any(is_meant));
        if let Some(resource) = meant.next() {
            if meant.next().is_some() {
                return Err(fault(format!("several objects could be the {wanted} that is meant")));
            }
            resource.variables.push(var.name.clone());
        }
        merge(known, &var.name, &var.field_path).map_err(fault)?;
    }
    Ok(())
}

fn merge(known: &mut Vars, name: &str, path: &str) -> Result<(), String> {
    match known.insert(name.into(), path.into()) {
        None => Ok(()),
        Some(_) => Err(format!("there is already a variable `{name}`")),
    }
}

/// Adds a base's variables.
pub(crate) fn merge_all(known: &mut Vars, added: Vars) -> Result<(), String> {
    added.iter().try_for_each(|(name, path)| merge(known, name, path))
}

/// Replaces every variable in the fields that `specs` names.
pub(crate) fn resolve(
    resources: &mut [Resource],
    vars: &Vars,
    specs: &[FieldSpec],
) -> Result<(), Refusal> {
    if vars.is_empty() {
        return Ok(());
    }
    let mut values = BTreeMap::new();
    for (name, path) in vars {
        values.insert(name.as_str(), value(resources, name, path)?);
    }
    for resource in resources {
        let id = resource.id();
        for spec in specs {
            spec.apply(&mut resource.value, Create::Never, &mut |field| replace(field, &values))
                .map_err(|reason| format!("{id}: {reason}"))?;
            // A value that was put in is not looked at again.
            alias::spread(&mut resource.value, &mut resource.aliases);
        }
    }
    Ok(())
}

fn value(resources: &[Resource], name: &str, path: &str) -> Result<Value, Refusal> {
    let gives = |resource: &&Resource| resource.variables.iter().any(|given| given == name);
    let resource = resources
        .iter()
        .find(gives)
        .ok_or_else(|| format!("the variable `{name}` names no object that this build has"))?;
    let object = Value::Object(resource.value.clone());
    let found = field_path::lookup(&object, &indexed(path))?;
    // Nothing is a text, too, and mostly this one.
    let found =
        found.map(|found| if found.is_null() { Value::from("null") } else { found.clone() });
    found.ok_or_else(|| {
        format!("the variable `{name}` names a field that the {} lacks: `{path}`", resource.id())
    })
}

/// The parts of a path, in which `ports[0]` are two.
fn indexed(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for part in field_path::split(path) {
        let index = part.strip_suffix(']').and_then(|part| part.rsplit_once('['));
        match index {
            Some((field, index))
                if !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()) =>
            {
                if !field.is_empty() {
                    parts.push(field.to_owned());
                }
                parts.push(index.to_owned());
            }
            _ => parts.push(part),
        }
    }
    parts
}

fn replace(field: &mut Value, values: &BTreeMap<&str, Value>) -> Result<(), Refusal> {
    match field {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => *field = expanded(text, values),
        Value::Object(entries) => {
            for entry in entries.values_mut() {
                if let Value::String(text) = entry {
                    *entry = expanded(text, values);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let Value::String(text) = item else {
                    return Err("with `vars`, every item of this list must be text".into());
                };
                *item = expanded(text, values);
            }
        }
    }
    Ok(())
}

/// The text with the variables' values; the value itself, with its type, where the text is nothing
/// but one variable. `$$` stands for `$`, and an unknown variable stays.
fn expanded(text: &str, values: &BTreeMap<&str, Value>) -> Value {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        done.push_str(before);
        if let Some((name, behind)) =
            after.strip_prefix('(').and_then(|inner| inner.split_once(')'))
        {
            let value = values.get(name).filter(|value| scalar::is_scalar(value));
            if text.len() == name.len() + "$()".len() {
                return value.cloned().unwrap_or_else(|| Value::String(text.into()));
            }
            match value {
                Some(value) => done.push_str(&scalar::printed(value)),
                None => done.push_str(&format!("$({name})")),
            }
            rest = behind;
        } else if let Some(behind) = after.strip_prefix('$') {
            done.push('$');
            rest = behind;
        } else {
            done.push('$');
            // What follows cannot begin a variable.
            let next = after.chars().next().map_or(0, char::len_utf8);
            done.push_str(&after[..next]);
            rest = &after[next..];
        }
    }
    done.push_str(rest);
    Value::String(done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Value) {
        let values = BTreeMap::from([
            ("TEXT", json!("web")),
            ("NUMBER", json!(80)),
            ("FLAG", json!(true)),
            ("FLOAT", json!(1.5)),
            ("LIST", json!([1])),
        ]);
        assert_eq!(expanded(text, &values), expected, "{text}");
    }

    #[test]
    fn variables_are_replaced_as_kubernetes_does() {
        check("$(TEXT)", json!("web"));
        check("a-$(TEXT)-$(NUMBER).$(FLAG)", json!("a-web-80.true"));
        check("$(NUMBER)", json!(80));
        check("$(NUMBER) ", json!("80 "));
        check("$(FLAG)", json!(true));
        check("x$(FLOAT)", json!("x1.5"));
        check("$(LIST)", json!("$(LIST)"));
        check("a$(LIST)", json!("a$(LIST)"));
        check("$(ABSENT)$(TEXT)", json!("$(ABSENT)web"));
        check("$$(TEXT)", json!("$(TEXT)"));
        check("$$$(TEXT)", json!("$web"));
        check("$(TEXT", json!("$(TEXT"));
        check("$", json!("$"));
        check("cost $5", json!("cost $5"));
        check("a$", json!("a$"));
    }
}
