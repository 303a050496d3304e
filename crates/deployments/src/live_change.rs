//! What a change that Git makes would change on a cluster, as far as it is worth reading.

use serde_json::{Map, Value};

/// The object as it is and as it would be: what Git speaks of, and whatever differs. Defaults and what
/// others added say nothing, so they are left out. `desired` is the manifest, `live` the object now,
/// `after` what the cluster would hold; all three without what only the cluster writes.
#[must_use]
pub fn live_change(desired: &Value, live: Option<&Value>, after: &Value) -> (Option<Value>, Value) {
    let (live, after) = both(Some(desired), live, Some(after));
    (live, after.unwrap_or_default())
}

type Pair = (Option<Value>, Option<Value>);

fn both(desired: Option<&Value>, live: Option<&Value>, after: Option<&Value>) -> Pair {
    match (live, after) {
        (Some(Value::Object(live)), Some(Value::Object(after))) => {
            fields(desired.and_then(Value::as_object), Some(live), after)
        }
        (None, Some(Value::Object(after))) if desired.is_some_and(Value::is_object) => {
            fields(desired.and_then(Value::as_object), None, after)
        }
        (Some(Value::Array(live)), Some(Value::Array(after))) => {
            items(desired.and_then(Value::as_array), live, after)
        }
        (None, Some(Value::Array(after))) if desired.is_some_and(Value::is_array) => {
            let (_, after) = items(desired.and_then(Value::as_array), &[], after);
            (None, after)
        }
        _ => (live.cloned(), after.cloned()),
    }
}

fn fields(
    desired: Option<&Map<String, Value>>,
    live: Option<&Map<String, Value>>,
    after: &Map<String, Value>,
) -> Pair {
    let (mut old, mut new) = (Map::new(), Map::new());
    let left = live.into_iter().flat_map(Map::keys).filter(|name| !after.contains_key(*name));
    for name in after.keys().chain(left) {
        let wanted = desired.and_then(|desired| desired.get(name));
        let (now, then) = (live.and_then(|live| live.get(name)), after.get(name));
        // What Git does not name of something new is a default.
        if wanted.is_none() && (now == then || live.is_none()) {
            continue;
        }
        let (now, then) = both(wanted, now, then);
        old.extend(now.map(|now| (name.clone(), now)));
        new.extend(then.map(|then| (name.clone(), then)));
    }
    (live.map(|_| Value::Object(old)), Some(Value::Object(new)))
}

/// Items are the same when they have the same name, else when they have the same place.
fn items(desired: Option<&Vec<Value>>, live: &[Value], after: &[Value]) -> Pair {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for (index, then) in after.iter().enumerate() {
        let wanted = desired.and_then(|desired| counterpart(desired, then, index));
        let now = counterpart(live, then, index);
        if wanted.is_none() && now == Some(then) && name(then).is_some() {
            continue;
        }
        let (now, then) = both(wanted, now, Some(then));
        old.extend(now);
        new.extend(then);
    }
    let goes = live.iter().enumerate();
    old.extend(
        goes.filter(|(index, now)| counterpart(after, now, *index).is_none())
            .map(|(_, now)| now.clone()),
    );
    (Some(Value::Array(old)), Some(Value::Array(new)))
}

fn counterpart<'a>(among: &'a [Value], item: &Value, index: usize) -> Option<&'a Value> {
    match name(item) {
        Some(wanted) => among.iter().find(|one| name(one) == Some(wanted)),
        None => among.get(index).filter(|one| name(one).is_none()),
    }
}

fn name(item: &Value) -> Option<&str> {
    item.get("name").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(desired: Value, live: Value, after: Value, old: Value, new: Value) {
        let (found_old, found_new) = live_change(&desired, Some(&live), &after);
        assert_eq!((found_old, found_new), (Some(old), new), "{desired} over {live}");
    }

    #[test]
    fn what_git_says_and_what_differs_is_shown() {
        // A default and what somebody added stay out.
        check(
            json!({"spec": {"a": 2}}),
            json!({"spec": {"a": 1, "default": true}, "added": 1}),
            json!({"spec": {"a": 2, "default": true}, "added": 1}),
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 2}}),
        );
        // What an admission changes on the way.
        check(
            json!({"spec": {"a": 2}}),
            json!({"spec": {"a": 1, "odd": {"x": 1, "same": 1}}}),
            json!({"spec": {"a": 3, "odd": {"x": 2, "same": 1}}}),
            json!({"spec": {"a": 1, "odd": {"x": 1}}}),
            json!({"spec": {"a": 3, "odd": {"x": 2}}}),
        );
        // What left Git goes; nothing of it stays.
        check(
            json!({"data": {}}),
            json!({"data": {"gone": "1", "theirs": "2"}}),
            json!({"data": {"theirs": "2"}}),
            json!({"data": {"gone": "1"}}),
            json!({"data": {}}),
        );
    }

    #[test]
    fn items_are_told_apart_by_name_and_else_by_place() {
        check(
            json!([{"name": "web", "image": "2"}]),
            json!([{"name": "mesh", "image": "m"}, {"name": "web", "image": "1", "tty": false}]),
            json!([{"name": "web", "image": "2", "tty": false}, {"name": "mesh", "image": "m"}]),
            json!([{"name": "web", "image": "1"}]),
            json!([{"name": "web", "image": "2"}]),
        );
        check(
            json!([{"name": "web"}]),
            json!([{"name": "web"}, {"name": "old", "image": "1"}]),
            json!([{"name": "web"}, {"name": "injected"}]),
            json!([{"name": "web"}, {"name": "old", "image": "1"}]),
            json!([{"name": "web"}, {"name": "injected"}]),
        );
        check(json!(["b"]), json!(["a", "b"]), json!(["b"]), json!(["a", "b"]), json!(["b"]));
    }

    #[test]
    fn a_new_object_is_shown_without_its_defaults() {
        let desired = json!({"spec": {"a": 1, "list": [{"name": "x"}]}});
        let after = json!({
            "spec": {"a": 1, "default": 1, "list": [{"name": "x", "default": 1}]}, "more": {},
        });
        assert_eq!(live_change(&desired, None, &after), (None, desired.clone()));
        // A value that an admission changed is not Git's.
        let after = json!({"spec": {"a": 2, "list": [{"name": "x"}]}});
        assert_eq!(live_change(&desired, None, &after), (None, after.clone()));
    }
}
