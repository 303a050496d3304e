//! Mends the names by which objects name each other, after prefixes, suffixes, hashes, namespaces
//! and patches changed the named ones.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::config::NameReference;
use crate::field_spec::{Create, FieldSpec, Refusal};
use crate::resource::{Gvk, Id, Resource};

/// What is remembered of each object while the others are changed.
struct Candidate {
    name: String,
    namespace: String,
    id: Id,
    previous: Vec<Id>,
    is_cluster_scoped: bool,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    original_namespace: String,
}

impl Candidate {
    fn new(resource: &Resource) -> Self {
        Candidate {
            name: resource.name().into(),
            namespace: resource.namespace().into(),
            id: resource.id(),
            previous: resource.previous_ids(),
            is_cluster_scoped: resource.is_cluster_scoped(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
            original_namespace: resource.original_id().effective_namespace().into(),
        }
    }

    fn was(&self, kind: &Gvk) -> bool {
        self.previous.iter().any(|id| id.gvk.is_selected_by(kind))
    }

    /// Whether both got the same prefixes and suffixes last; none at all fits everything when
    /// `allow_none`.
    fn has_same_affixes(&self, other: &Candidate, allow_none: bool) -> bool {
        let same = |own: &[String], others: &[String]| {
            if own.is_empty() || others.is_empty() {
                return allow_none || own.len() == others.len();
            }
            own.ends_with(others) || others.ends_with(own)
        };
        same(&self.prefixes, &other.prefixes) && same(&self.suffixes, &other.suffixes)
    }
}

/// Rewrites every reference; fails when a name may mean several objects that differ.
pub(crate) fn mend(
    resources: &mut [Resource],
    references: &[NameReference],
) -> Result<(), Refusal> {
    let candidates: Vec<Candidate> = resources.iter().map(Candidate::new).collect();
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        for id in &candidate.previous {
            let indexes = by_name.entry(&id.name).or_default();
            if indexes.last() != Some(&index) {
                indexes.push(index);
            }
        }
    }
    if by_name.is_empty() {
        return Ok(());
    }
    let mut paths = BTreeMap::new();
    for (index, resource) in resources.iter_mut().enumerate() {
        let original = candidates[index].previous.first();
        let gvk = original.map_or_else(|| resource.gvk(), |id| id.gvk.clone());
        let specs = paths.entry(gvk).or_insert_with_key(|gvk| specs_for(gvk, references));
        let role = role_reference(&resource.value);
        for (target, spec) in specs.iter() {
            let mending = Mending {
                candidates: &candidates,
                by_name: &by_name,
                referrer: &candidates[index],
                service_account_namespaces: service_account_namespaces(resource),
                target,
                role: if spec.path.ends_with("roleRef/name") { role.as_ref() } else { None },
            };
            spec.apply_to_any(&mut resource.value, Create::Never, &mut |field| {
                mending.field(field)
            })
            .map_err(|reason| format!("{}: {reason}", candidates[index].id))?;
        }
    }
    Ok(())
}

/// The fields to mend in objects that were loaded as this kind, with the kinds that they name.
fn specs_for<'a>(original: &Gvk, references: &'a [NameReference]) -> Vec<(&'a Gvk, &'a FieldSpec)> {
    let all = references.iter().flat_map(|reference| {
        reference.referrers.iter().map(move |spec| (&reference.target, spec))
    });
    all.filter(|(_, spec)| original.is_selected_by(&spec.gvk)).collect()
}

fn role_reference(object: &Map<String, Value>) -> Option<Gvk> {
    let reference = object.get("roleRef")?;
    let text = |field: &str| reference.get(field).and_then(Value::as_str).map(str::to_owned);
    Some(Gvk { group: text("apiGroup")?, version: String::new(), kind: text("kind")? })
}

/// The namespaces of the service accounts that a RoleBinding names.
fn service_account_namespaces(resource: &Resource) -> Vec<String> {
    if resource.kind() != "RoleBinding" {
        return Vec::new();
    }
    let subjects = resource.value.get("subjects").and_then(Value::as_array);
    subjects
        .into_iter()
        .flatten()
        .filter(|subject| subject.get("kind").and_then(Value::as_str) == Some("ServiceAccount"))
        .filter_map(|subject| subject.get("namespace").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

struct Mending<'a> {
    candidates: &'a [Candidate],
    by_name: &'a BTreeMap<&'a str, Vec<usize>>,
    referrer: &'a Candidate,
    service_account_namespaces: Vec<String>,
    target: &'a Gvk,
    role: Option<&'a Gvk>,
}

impl Mending<'_> {
    fn field(&self, field: &mut Value) -> Result<(), Refusal> {
        match field {
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
            Value::String(name) => self.name(name),
            Value::Object(reference) => self.mapping(reference),
            Value::Array(items) => items.iter_mut().try_for_each(|item| match item {
                Value::Array(_) => Err("a list in a list cannot name objects".into()),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_) => self.field(item),
            }),
        }
    }

    fn name(&self, name: &mut String) -> Result<(), Refusal> {
        let found = self.select(name, None)?;
        if let Some(found) = found {
            name.clone_from(&found.name);
        }
        Ok(())
    }

    fn mapping(&self, reference: &mut Map<String, Value>) -> Result<(), Refusal> {
        let Some(name) = reference.get("name") else {
            return Err("a reference needs a `name`".into());
        };
        let name = name.as_str().unwrap_or_default().to_owned();
        let namespace = reference.get("namespace").map(|name| name.as_str().unwrap_or_default());
        let Some(found) = self.select(&name, Some(namespace))? else { return Ok(()) };
        if found.name == name && found.namespace.is_empty() {
            return Ok(());
        }
        let (name, namespace) = (found.name.clone(), found.namespace.clone());
        reference.insert("name".into(), Value::String(name));
        if !namespace.is_empty() {
            reference.insert("namespace".into(), Value::String(namespace));
        }
        Ok(())
    }

    /// The object that `name` means; with a mapping's namespace, when it has one, as well.
    fn select(
        &self,
        name: &str,
        mapping: Option<Option<&str>>,
    ) -> Result<Option<&Candidate>, Refusal> {
        let Some(named) = self.by_name.get(name) else { return Ok(None) };
        let reachable = named
            .iter()
            .map(|index| &self.candidates[*index])
            .filter(|candidate| self.reaches(candidate));
        let reachable: Vec<&Candidate> = match mapping.flatten() {
            None => reachable.collect(),
            Some(namespace) => self.in_namespace(namespace, reachable.collect()),
        };
        let mut found: Vec<&Candidate> = reachable
            .into_iter()
            .filter(|candidate| candidate.was(self.target))
            .filter(|candidate| self.role.is_none_or(|role| candidate.was(role)))
            .filter(|candidate| self.is_near(candidate))
            .collect();
        if found.len() == 1 {
            return Ok(found.pop());
        }
        found.retain(|candidate| candidate.has_same_affixes(self.referrer, true));
        if found.len() > 1 {
            found.retain(|candidate| candidate.has_same_affixes(self.referrer, false));
        }
        let Some(first) = found.first() else { return Ok(None) };
        let is_same = |candidate: &&Candidate| {
            candidate.name == first.name
                && (mapping.is_none() || candidate.namespace == first.namespace)
        };
        if found.iter().all(is_same) {
            return Ok(Some(first));
        }
        let names: Vec<String> = found.iter().map(|candidate| candidate.id.to_string()).collect();
        Err(format!("`{name}` may mean {}; give them different names", names.join(" or ")))
    }

    fn reaches(&self, candidate: &Candidate) -> bool {
        self.referrer.is_cluster_scoped
            || candidate.is_cluster_scoped
            || self.is_in_same_namespace(candidate)
            || self.service_account_namespaces.contains(&candidate.namespace)
    }

    fn is_in_same_namespace(&self, candidate: &Candidate) -> bool {
        candidate.id.effective_namespace() == self.referrer.id.effective_namespace()
    }

    fn is_near(&self, candidate: &Candidate) -> bool {
        self.referrer.is_cluster_scoped
            || candidate.is_cluster_scoped
            || candidate.id.gvk.kind == "ServiceAccount"
            || self.is_in_same_namespace(candidate)
    }

    /// Those that were loaded with the namespace, or else those that have it now.
    fn in_namespace<'c>(&self, namespace: &str, of: Vec<&'c Candidate>) -> Vec<&'c Candidate> {
        let had_it = |candidate: &Candidate| candidate.original_namespace == namespace;
        let is_known =
            self.candidates.iter().any(|candidate| had_it(candidate) && self.reaches(candidate));
        of.into_iter()
            .filter(|candidate| {
                if is_known {
                    had_it(candidate)
                } else {
                    candidate.id.effective_namespace() == namespace
                }
            })
            .collect()
    }
}
