//! A live object as the checks read it: its kind, its status and its conditions.

use serde_json::Value;

use crate::objects::text;

/// An object with the parts of it that most checks need.
pub(super) struct Subject<'a> {
    pub object: &'a Value,
    pub group: &'a str,
    pub kind: &'a str,
    pub conditions: Vec<Condition<'a>>,
}

/// One entry of `status.conditions`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition<'a> {
    pub kind: &'a str,
    pub status: &'a str,
    pub reason: &'a str,
    pub message: &'a str,
    /// Cluster API's weight of a condition that is not met.
    pub severity: &'a str,
    /// Which generation it speaks of.
    pub observed: Option<i64>,
}

impl<'a> Condition<'a> {
    fn of(value: &'a Value) -> Self {
        let field = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        Self {
            kind: field("type"),
            // Written by hand, `True` may be a truth value rather than a text.
            status: match value.get("status").and_then(Value::as_bool) {
                Some(true) => "True",
                Some(false) => "False",
                None => field("status"),
            },
            reason: field("reason"),
            message: field("message"),
            severity: field("severity"),
            observed: value.get("observedGeneration").and_then(integer),
        }
    }

    pub fn is_true(&self) -> bool {
        self.status == "True"
    }

    pub fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// The message; the reason where there is none.
    pub fn says(&self) -> &'a str {
        if self.message.is_empty() { self.reason } else { self.message }
    }
}

/// The conditions of a list, of which some controllers keep several.
pub(super) fn conditions_of(list: Option<&Value>) -> Vec<Condition<'_>> {
    list.and_then(Value::as_array).into_iter().flatten().map(Condition::of).collect()
}

impl<'a> Subject<'a> {
    /// `None` for what is not an object of a kind.
    pub fn of(object: &'a Value) -> Option<Self> {
        let group = text(object, "/apiVersion")?.rsplit_once('/').map_or("", |(group, _)| group);
        let kind = text(object, "/kind")?;
        // The second place is that of Crossplane's first releases.
        let conditions = ["/status/conditions", "/status/conditionedStatus/conditions"]
            .into_iter()
            .map(|pointer| conditions_of(object.pointer(pointer)))
            .find(|conditions| !conditions.is_empty())
            .unwrap_or_default();
        Some(Self { object, group, kind, conditions })
    }

    pub fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.object.pointer(pointer).filter(|value| !value.is_null())
    }

    /// A text, and not an empty one.
    pub fn text(&self, pointer: &str) -> Option<&'a str> {
        text(self.object, pointer).filter(|text| !text.is_empty())
    }

    pub fn number(&self, pointer: &str) -> Option<i64> {
        integer(self.object.pointer(pointer)?)
    }

    pub fn count(&self, pointer: &str) -> i64 {
        self.number(pointer).unwrap_or(0)
    }

    pub fn flag(&self, pointer: &str) -> Option<bool> {
        self.object.pointer(pointer)?.as_bool()
    }

    /// The members of a list, or the values of a mapping.
    pub fn items(&self, pointer: &str) -> Vec<&'a Value> {
        match self.object.pointer(pointer) {
            Some(Value::Array(items)) => items.iter().collect(),
            Some(Value::Object(fields)) => fields.values().collect(),
            _ => Vec::new(),
        }
    }

    pub fn name(&self) -> &'a str {
        self.text("/metadata/name").unwrap_or_default()
    }

    pub fn condition(&self, kind: &str) -> Option<&Condition<'a>> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// Whether a controller has written anything yet.
    pub fn has_status(&self) -> bool {
        match self.object.get("status") {
            None | Some(Value::Null) => false,
            Some(Value::Object(fields)) => !fields.is_empty(),
            Some(_) => true,
        }
    }

    pub fn generation(&self) -> Option<i64> {
        self.number("/metadata/generation")
    }

    /// The controller speaks of an older specification than the present one.
    pub fn is_stale(&self) -> bool {
        let Some(generation) = self.generation() else { return false };
        ["/status/observedGeneration", "/status/lastEvaluatedGeneration"]
            .into_iter()
            .filter_map(|pointer| self.number(pointer))
            .any(|observed| observed < generation)
    }

    /// What is said of an object whose newest specification nobody has looked at.
    pub fn awaits_observation(&self) -> String {
        format!("Waiting for {} spec update to be observed", self.kind)
    }

    /// Whether a condition speaks of an older specification than the present one.
    pub fn is_older(&self, condition: &Condition<'_>) -> bool {
        matches!((condition.observed, self.generation()), (Some(seen), Some(now)) if seen < now)
    }
}

/// A whole number; some controllers write theirs as text.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
