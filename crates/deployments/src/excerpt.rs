//! What of a live object is worth reading beside what Git says.
//!
//! Left out are defaults and what others added: they never make a difference, and among hundreds of
//! such lines nobody finds the one that does.

use serde_json::{Map, Value};

use crate::compare::join;

/// The live object as far as Git speaks of it, with whatever differs. `changed` are the pointers of
/// [`crate::differing_fields`].
#[must_use]
pub fn excerpt(desired: &Value, live: &Value, changed: &[String]) -> Value {
    Excerpt { changed }.value("", desired, live)
}

struct Excerpt<'a> {
    changed: &'a [String],
}

impl Excerpt<'_> {
    fn value(&self, path: &str, desired: &Value, live: &Value) -> Value {
        match (desired, live) {
            (Value::Object(desired), Value::Object(live)) => {
                let kept: Map<String, Value> = live
                    .iter()
                    .filter_map(|(name, value)| {
                        let child = join(path, name);
                        let kept = match desired.get(name) {
                            Some(desired) => self.value(&child, desired, value),
                            None if self.differs(&child) => value.clone(),
                            None => return None,
                        };
                        Some((name.clone(), kept))
                    })
                    .collect();
                Value::Object(kept)
            }
            (Value::Array(desired), Value::Array(live)) => {
                let items = live.iter().enumerate().filter_map(|(index, item)| {
                    match counterpart(desired, item, index, live.len()) {
                        Some(known) => {
                            let child = join(path, &known.to_string());
                            Some(self.value(&child, &desired[known], item))
                        }
                        // Where items have names, one that others added does not count; one that
                        // left Git is named as a whole.
                        None if name(item).is_some() => {
                            let child = join(path, &index.to_string());
                            self.changed.contains(&child).then(|| item.clone())
                        }
                        None => Some(item.clone()),
                    }
                });
                Value::Array(items.collect())
            }
            (_, live) => live.clone(),
        }
    }

    /// Whether something differs at a field or below it.
    fn differs(&self, path: &str) -> bool {
        self.changed.iter().any(|changed| {
            let below = changed.strip_prefix(path);
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        })
    }
}

/// The item of Git's list that a live item is: by name, or by its place in a list of equal length.
fn counterpart(desired: &[Value], item: &Value, index: usize, length: usize) -> Option<usize> {
    match name(item) {
        Some(named) => desired.iter().position(|one| name(one) == Some(named)),
        None => (desired.len() == length).then_some(index),
    }
}

fn name(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(desired: &Value, live: &Value, changed: &[&str], expected: &Value) {
        let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
        assert_eq!(excerpt(desired, live, &changed), *expected);
    }

    #[test]
    fn defaults_are_left_out_and_differences_stay() {
        let desired = json!({"spec": {"replicas": 1, "template": {"containers": [
            {"name": "web", "image": "web:2", "ports": [{"containerPort": 80}]},
        ]}}});
        let live = json!({
            "spec": {"replicas": 3, "strategy": "default", "paused": true, "template": {
                "restartPolicy": "Always",
                "containers": [
                    {"name": "sidecar", "image": "mesh"},
                    {"name": "web", "image": "web:1", "pullPolicy": "Always",
                        "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                ],
            }},
            "status": {"replicas": 3},
        });
        let differing = ["/spec/replicas", "/spec/template/containers/0/image", "/spec/paused"];
        let expected = json!({"spec": {"replicas": 3, "paused": true, "template": {"containers": [
            {"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]},
        ]}}});
        check(&desired, &live, &differing, &expected);
    }

    #[test]
    fn lists_of_another_length_and_items_that_left_git_stay() {
        let desired = json!({"args": ["a"], "env": [{"name": "A", "value": "1"}]});
        let live = json!({"args": ["a", "b"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C"}]});
        let expected = json!({"args": ["a", "b"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]});
        check(&desired, &live, &["/args/1", "/env/1"], &expected);
        check(&json!({"a": 1}), &json!({"a": {"b": 1}}), &["/a"], &json!({"a": {"b": 1}}));
        // `/spec/ab` is not below `/spec/a`.
        check(&json!({}), &json!({"a": 1, "ab": 2}), &["/ab"], &json!({"ab": 2}));
    }
}
