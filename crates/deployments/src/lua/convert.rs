//! JSON to Lua's tables and back.

#![expect(clippy::wildcard_enum_match_arm, reason = "what JSON does not have is refused alike")]

use mlua::{Lua, Value};
use serde_json::{Map, Number, Value as Json};

/// How deep a returned table may be; one that contains itself has no end.
const DEPTH_MAX: usize = 100;

/// How many values a returned table may have: tables that contain one twice can stand for any number.
const VALUES_MAX: usize = 200_000;

/// An object as tables; `null` is what is not there.
pub(super) fn to_lua(lua: &Lua, json: &Json) -> mlua::Result<Value> {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or_default()),
        Json::String(text) => Value::String(lua.create_string(text)?),
        Json::Array(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for (index, item) in items.iter().enumerate() {
                table.raw_set(index + 1, to_lua(lua, item)?)?;
            }
            Value::Table(table)
        }
        Json::Object(fields) => {
            let table = lua.create_table_with_capacity(0, fields.len())?;
            for (name, value) in fields {
                table.raw_set(name.as_str(), to_lua(lua, value)?)?;
            }
            Value::Table(table)
        }
    })
}

/// What a script returned; `given` tells what an empty table was, and numbers that Lua rounded.
pub(super) fn to_json(value: &Value, given: &Json) -> Result<Json, String> {
    let mut left = VALUES_MAX;
    match value {
        // A list of changes: the object stands in each, or another of its kind does.
        Value::Table(table) if table.raw_len() > 0 => {
            let within = serde_json::json!({"resource": given});
            let items = table.sequence_values::<Value>().map(|item| {
                let item = item.map_err(|error| error.to_string())?;
                back(&item, Some(&within), DEPTH_MAX, &mut left)
            });
            items.collect::<Result<_, _>>().map(Json::Array)
        }
        one => back(one, Some(given), DEPTH_MAX, &mut left),
    }
}

fn back(
    value: &Value,
    given: Option<&Json>,
    depth: usize,
    left: &mut usize,
) -> Result<Json, String> {
    *left = left.checked_sub(1).ok_or("a table that is too large")?;
    match value {
        Value::Nil => Ok(Json::Null),
        Value::Boolean(flag) => Ok(Json::Bool(*flag)),
        Value::Integer(number) => {
            Ok(same_number(given, *number as f64).unwrap_or_else(|| Json::Number((*number).into())))
        }
        Value::Number(number) => number_of(given, *number),
        Value::String(text) => {
            let text = text.to_str().map_err(|_| "a text that is not UTF-8")?;
            Ok(Json::String(text.to_owned()))
        }
        Value::Table(table) => {
            let depth = depth.checked_sub(1).ok_or("a table that contains itself")?;
            table_of(table, given, depth, left)
        }
        other => Err(format!("a {} where a value is needed", other.type_name())),
    }
}

fn table_of(
    table: &mlua::Table,
    given: Option<&Json>,
    depth: usize,
    left: &mut usize,
) -> Result<Json, String> {
    let length = table.raw_len();
    if length > 0 {
        let of = |index: usize| given.and_then(|given| given.get(index));
        let items = (0..length).map(|index| {
            let item: Value = table.raw_get(index + 1).map_err(|error| error.to_string())?;
            back(&item, of(index), depth, left)
        });
        return items.collect::<Result<_, _>>().map(Json::Array);
    }
    let mut fields = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        let (name, value) = pair.map_err(|error| error.to_string())?;
        let name = match name {
            Value::String(name) => {
                name.to_str().map_err(|_| "a name that is not UTF-8")?.to_owned()
            }
            Value::Integer(number) => number.to_string(),
            other => return Err(format!("a table with a {} for a name", other.type_name())),
        };
        let within = given.and_then(|given| given.get(&name));
        fields.push((name, back(&value, within, depth, left)?));
    }
    if fields.is_empty() && !matches!(given, Some(Json::Object(_))) {
        return Ok(Json::Array(Vec::new()));
    }
    Ok(Json::Object(ordered(fields, given)))
}

/// Fields in the order in which they were given, then new ones by name: a table has no order.
fn ordered(mut fields: Vec<(String, Json)>, given: Option<&Json>) -> Map<String, Json> {
    let place = |name: &str| {
        let names = given.and_then(Json::as_object).map(Map::keys);
        names.and_then(|mut names| names.position(|it| it == name)).unwrap_or(usize::MAX)
    };
    fields.sort_by_cached_key(|(name, _)| (place(name), name.clone()));
    fields.into_iter().collect()
}

/// The number that was given, when Lua's is that one: beyond 2^53 Lua rounds.
fn same_number(given: Option<&Json>, number: f64) -> Option<Json> {
    let given = given.filter(|given| given.is_number())?;
    (given.as_f64() == Some(number)).then(|| given.clone())
}

fn number_of(given: Option<&Json>, number: f64) -> Result<Json, String> {
    /// Up to here each whole number has its own place.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if let Some(given) = same_number(given, number) {
        return Ok(given);
    }
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        return Ok(Json::Number((number as i64).into()));
    }
    Number::from_f64(number).map(Json::Number).ok_or_else(|| "a number that is none".to_owned())
}
