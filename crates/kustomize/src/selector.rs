//! Which objects a patch or a replacement means: anchored regular expressions for identities, and
//! Kubernetes' label selectors for labels and annotations.

use std::collections::BTreeMap;

use regex::Regex;

use crate::resource::{Id, Resource};

/// A patch's or replacement's selector.
#[derive(Debug, Clone)]
pub(crate) struct Selector {
    pub(crate) id: Id,
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
    has_requirements: bool,
}

impl Selector {
    pub(crate) fn new(id: Id, labels: &str, annotations: &str) -> Result<Self, String> {
        Ok(Selector {
            group: anchored(&id.gvk.group)?,
            version: anchored(&id.gvk.version)?,
            kind: anchored(&id.gvk.kind)?,
            name: anchored(&id.name)?,
            namespace: anchored(&id.namespace)?,
            labels: requirements(labels)?,
            annotations: requirements(annotations)?,
            has_requirements: !labels.is_empty() || !annotations.is_empty(),
            id,
        })
    }

    /// Whether a patch with this target changes the object: names and namespaces match as they are
    /// or as they were loaded.
    pub(crate) fn selects(&self, resource: &Resource) -> bool {
        let original = resource.original_id();
        let fits = |regex: &Option<Regex>, text: &str| {
            regex.as_ref().is_none_or(|regex| regex.is_match(text))
        };
        let gvk = resource.gvk();
        (fits(&self.namespace, original.effective_namespace())
            || fits(&self.namespace, resource.effective_namespace()))
            && (fits(&self.name, &original.name) || fits(&self.name, resource.name()))
            && fits(&self.group, &gvk.group)
            && fits(&self.version, &gvk.version)
            && fits(&self.kind, &gvk.kind)
            && self.fits_metadata(resource)
    }

    /// Whether labels and annotations fit.
    pub(crate) fn fits_metadata(&self, resource: &Resource) -> bool {
        fit(&self.labels, || resource.strings("labels"))
            && fit(&self.annotations, || resource.strings("annotations"))
    }

    /// Whether it says anything about labels or annotations.
    pub(crate) fn has_requirements(&self) -> bool {
        self.has_requirements
    }
}

fn fit(requirements: &[Requirement], entries: impl Fn() -> BTreeMap<String, String>) -> bool {
    if requirements.is_empty() {
        return true;
    }
    let entries = entries();
    requirements.iter().all(|requirement| requirement.is_met_by(&entries))
}

fn anchored(pattern: &str) -> Result<Option<Regex>, String> {
    if pattern.is_empty() {
        return Ok(None);
    }
    match Regex::new(&format!("^(?:{pattern})$")) {
        Ok(regex) => Ok(Some(regex)),
        Err(_) => Err(format!("`{pattern}` is not a regular expression")),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    Exists,
    DoesNotExist,
    In(Vec<String>),
    NotIn(Vec<String>),
    GreaterThan(i64),
    LessThan(i64),
}

impl Requirement {
    fn is_met_by(&self, entries: &BTreeMap<String, String>) -> bool {
        let found = entries.get(&self.key);
        let number = || found.and_then(|text| text.parse::<i64>().ok());
        match &self.operator {
            Operator::Exists => found.is_some(),
            Operator::DoesNotExist => found.is_none(),
            Operator::In(values) => found.is_some_and(|text| values.contains(text)),
            Operator::NotIn(values) => found.is_none_or(|text| !values.contains(text)),
            Operator::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Operator::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

/// Reads `a=b,c!=d,e in (f,g),h,!i,j>1`.
fn requirements(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parts = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if !text.trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts.into_iter().map(|part| requirement(part.trim())).collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let refuse = || format!("`{text}` is not a requirement of a label selector");
    let of = |key: &str, operator| {
        let key = key.trim();
        let is_key = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '/')
        };
        if key.is_empty() || !key.chars().all(is_key) {
            return Err(refuse());
        }
        Ok(Requirement { key: key.into(), operator })
    };
    if let Some(key) = text.strip_prefix('!') {
        return of(key, Operator::DoesNotExist);
    }
    if let Some((head, values)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let values: Vec<String> = values.split(',').map(|value| value.trim().into()).collect();
        let (key, operator) = head.trim().rsplit_once(char::is_whitespace).ok_or_else(refuse)?;
        return match operator {
            "in" => of(key, Operator::In(values)),
            "notin" => of(key, Operator::NotIn(values)),
            _ => Err(refuse()),
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return of(key, Operator::NotIn(vec![value.trim().into()]));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return of(key, Operator::In(vec![value.trim().into()]));
    }
    if let Some((key, bound)) = text.split_once('>') {
        return of(key, Operator::GreaterThan(bound.trim().parse().map_err(|_| refuse())?));
    }
    if let Some((key, bound)) = text.split_once('<') {
        return of(key, Operator::LessThan(bound.trim().parse().map_err(|_| refuse())?));
    }
    of(text, Operator::Exists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(selector: &str, labels: &[(&str, &str)], expected: bool) {
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let requirements = requirements(selector).expect("a selector");
        let met = requirements.iter().all(|requirement| requirement.is_met_by(&labels));
        assert_eq!(met, expected, "{selector}");
    }

    #[test]
    fn labels_are_selected_as_kubernetes_does() {
        let labels = [("app", "web"), ("tier", "3")];
        check("", &labels, true);
        check("app=web", &labels, true);
        check("app == api", &labels, false);
        check("app!=api,tier", &labels, true);
        check("absent!=x", &labels, true);
        check("app in (api, web)", &labels, true);
        check("app notin (api,web)", &labels, false);
        check("!app", &labels, false);
        check("!absent", &labels, true);
        check("tier>2,tier<4", &labels, true);
        check("tier>3", &labels, false);
    }

    #[test]
    fn what_is_no_requirement_is_refused() {
        for text in ["a b", "app in web)", "tier>x", "=x", "a=b,"] {
            assert!(requirements(text).is_err(), "{text}");
        }
    }
}
