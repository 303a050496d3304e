//! The functions on texts whose work depends on more than their instructions: patterns, repetition.

#![expect(clippy::wildcard_enum_match_arm, reason = "what is no text is refused alike")]

use mlua::{Error, Function, Lua, LuaString, MultiValue, Table, Value};

use super::pattern::{self, Capture, Match, PatternError};
use super::sandbox::Budget;

/// Puts functions that keep to the budget in the place of Lua's own.
pub(super) fn replace(lua: &Lua, budget: &Budget) -> mlua::Result<()> {
    let string: Table = lua.globals().raw_get("string")?;
    string.raw_set("dump", Value::Nil)?;
    let mine = budget.clone();
    let find =
        lua.create_function(move |lua, arguments: (LuaString, LuaString, Option<f64>, Value)| {
            let (text, sought, start, plain) = arguments;
            let is_plain = !matches!(plain, Value::Nil | Value::Boolean(false));
            found(lua, &mine, &text, &sought, start, Wanted::Place { is_plain })
        })?;
    string.raw_set("find", find)?;
    let mine = budget.clone();
    let matched =
        lua.create_function(move |lua, arguments: (LuaString, LuaString, Option<f64>)| {
            let (text, sought, start) = arguments;
            found(lua, &mine, &text, &sought, start, Wanted::Captures)
        })?;
    string.raw_set("match", matched)?;
    let mine = budget.clone();
    let every = lua.create_function(move |lua, (text, sought): (LuaString, LuaString)| {
        iterate(lua, mine.clone(), text, sought)
    })?;
    string.raw_set("gmatch", every.clone())?;
    string.raw_set("gfind", every)?;
    let mine = budget.clone();
    type Arguments = (LuaString, LuaString, Value, Option<f64>);
    let gsub = lua.create_function(move |lua, (text, sought, by, most): Arguments| {
        substitute(lua, &mine, &text, &sought, &by, most)
    })?;
    string.raw_set("gsub", gsub)?;
    let mine = budget.clone();
    let rep = lua.create_function(move |lua, (text, times): (LuaString, f64)| {
        let bytes = text.as_bytes();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let times = times.max(0.0) as usize;
        let total = bytes.len().saturating_mul(times);
        // Refused before it is made, as Lua does: the text would be outside of what Lua counts.
        if total > lua.used_memory().saturating_add(MADE_MAX_BYTES) {
            return Err(Error::MemoryError("not enough memory".into()));
        }
        mine.charge(u64::try_from(total / 16).unwrap_or(u64::MAX))?;
        lua.create_string(bytes.repeat(if bytes.is_empty() { 0 } else { times }))
    })?;
    string.raw_set("rep", rep)
}

/// What a call costs beside its steps.
const MATCH_COST: u64 = 10;

/// The largest text that is made outside of what Lua counts.
const MADE_MAX_BYTES: usize = 8 << 20;

#[derive(Clone, Copy)]
enum Wanted {
    Place { is_plain: bool },
    Captures,
}

fn find_match(
    budget: &Budget,
    text: &[u8],
    sought: &[u8],
    start: usize,
) -> mlua::Result<Option<Match>> {
    budget.charge(MATCH_COST)?;
    let mut left = budget.left();
    let found = pattern::find(text, sought, start, &mut left);
    budget.set(left);
    found.map_err(|error| match error {
        PatternError::Malformed(what) => Error::runtime(what),
        PatternError::TooLong => {
            budget.set(0);
            Error::runtime("too many instructions")
        }
    })
}

/// `string.find` and `string.match`.
fn found(
    lua: &Lua,
    budget: &Budget,
    text: &LuaString,
    sought: &LuaString,
    start: Option<f64>,
    wanted: Wanted,
) -> mlua::Result<MultiValue> {
    let (text, sought) = (text.as_bytes(), sought.as_bytes());
    let Some(start) = place(start, text.len()) else { return nothing(lua) };
    let is_plain = matches!(wanted, Wanted::Place { is_plain: true });
    let found = if is_plain {
        budget.charge(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
        let from = if sought.is_empty() {
            Some(start)
        } else {
            text[start..]
                .windows(sought.len())
                .position(|part| part == &*sought)
                .map(|at| at + start)
        };
        from.map(|from| Match { from, to: from + sought.len(), captures: Vec::new() })
    } else {
        find_match(budget, &text, &sought, start)?
    };
    let Some(found) = found else { return nothing(lua) };
    let mut values = MultiValue::new();
    if let Wanted::Place { .. } = wanted {
        values.push_back(number(found.from + 1));
        values.push_back(number(found.to));
        if found.captures.is_empty() {
            return Ok(values);
        }
    }
    for value in captures(lua, &text, &found)? {
        values.push_back(value);
    }
    Ok(values)
}

fn nothing(_: &Lua) -> mlua::Result<MultiValue> {
    Ok(MultiValue::from_iter([Value::Nil]))
}

#[expect(clippy::cast_precision_loss, reason = "a text has fewer than 2^53 bytes")]
fn number(place: usize) -> Value {
    Value::Number(place as f64)
}

/// A place from 0; negative ones count from the end. `None` beyond the text.
fn place(start: Option<f64>, length: usize) -> Option<usize> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let start = start.unwrap_or(1.0) as i64;
    let length_signed = i64::try_from(length).ok()?;
    let start = if start < 0 { (length_signed + start).max(0) } else { (start - 1).max(0) };
    usize::try_from(start).ok().filter(|start| *start <= length)
}

/// What the parentheses hold; the whole match where there are none.
fn captures(lua: &Lua, text: &[u8], found: &Match) -> mlua::Result<Vec<Value>> {
    if found.captures.is_empty() {
        return Ok(vec![Value::String(lua.create_string(&text[found.from..found.to])?)]);
    }
    let of = |capture: &Capture| match *capture {
        Capture::Text(from, to) => lua.create_string(&text[from..to]).map(Value::String),
        Capture::Place(place) => Ok(number(place)),
        Capture::Open(_) => Err(Error::runtime("unfinished capture")),
    };
    found.captures.iter().map(of).collect()
}

/// `string.gmatch`.
fn iterate(
    lua: &Lua,
    budget: Budget,
    text: LuaString,
    sought: LuaString,
) -> mlua::Result<Function> {
    let next = std::cell::Cell::new(0_usize);
    lua.create_function(move |lua, _: MultiValue| {
        let (text, sought) = (text.as_bytes(), sought.as_bytes());
        if next.get() > text.len() {
            return nothing(lua);
        }
        let Some(found) = find_match(&budget, &text, &sought, next.get())? else {
            next.set(text.len() + 1);
            return nothing(lua);
        };
        // An empty match must not be found again.
        next.set(if found.to == found.from { found.to + 1 } else { found.to });
        Ok(MultiValue::from_iter(captures(lua, &text, &found)?))
    })
}

/// `string.gsub`.
fn substitute(
    lua: &Lua,
    budget: &Budget,
    text: &LuaString,
    sought: &LuaString,
    by: &Value,
    most: Option<f64>,
) -> mlua::Result<(LuaString, f64)> {
    let (text, sought) = (text.as_bytes(), sought.as_bytes());
    let most = most.unwrap_or(f64::INFINITY);
    let (mut made, mut at, mut count) = (Vec::new(), 0, 0.0);
    while count < most && at <= text.len() {
        let Some(found) = find_match(budget, &text, &sought, at)? else { break };
        count += 1.0;
        made.extend_from_slice(&text[at..found.from]);
        made.extend_from_slice(&substitution(lua, &text, &found, by)?);
        budget.charge(u64::try_from(made.len() / 64).unwrap_or(u64::MAX))?;
        if made.len() > MADE_MAX_BYTES {
            return Err(Error::MemoryError("not enough memory".into()));
        }
        at = found.to;
        if found.to == found.from {
            made.extend(text.get(at));
            at += 1;
        }
        if sought.starts_with(b"^") {
            break;
        }
    }
    made.extend_from_slice(text.get(at..).unwrap_or_default());
    Ok((lua.create_string(made)?, count))
}

/// What stands in the place of one match.
fn substitution(lua: &Lua, text: &[u8], found: &Match, by: &Value) -> mlua::Result<Vec<u8>> {
    let whole = &text[found.from..found.to];
    let values = captures(lua, text, found)?;
    let value = match by {
        Value::String(template) => return filled(&template.as_bytes(), whole, &values),
        Value::Number(_) | Value::Integer(_) => {
            let template = by.to_string()?;
            return filled(template.as_bytes(), whole, &values);
        }
        Value::Table(table) => {
            let first = values.into_iter().next().unwrap_or(Value::Nil);
            table.get::<Value>(first)?
        }
        Value::Function(function) => function.call::<Value>(MultiValue::from_iter(values))?,
        other => {
            let kind = other.type_name();
            let message =
                format!("bad argument #3 to 'gsub' (string/function/table expected, got {kind})");
            return Err(Error::runtime(message));
        }
    };
    match value {
        Value::Nil | Value::Boolean(false) => Ok(whole.to_vec()),
        Value::String(text) => Ok(text.as_bytes().to_vec()),
        Value::Number(_) | Value::Integer(_) => Ok(value.to_string()?.into_bytes()),
        other => {
            Err(Error::runtime(format!("invalid replacement value (a {})", other.type_name())))
        }
    }
}

/// A template with `%1` for what the first parentheses hold and `%0` for all.
fn filled(template: &[u8], whole: &[u8], values: &[Value]) -> mlua::Result<Vec<u8>> {
    let mut made = Vec::new();
    let mut letters = template.iter();
    while let Some(&letter) = letters.next() {
        if letter != b'%' {
            made.push(letter);
            continue;
        }
        match letters.next() {
            Some(b'0') => made.extend_from_slice(whole),
            Some(digit @ b'1'..=b'9') => match values.get(usize::from(digit - b'1')) {
                Some(Value::String(text)) => made.extend_from_slice(&text.as_bytes()),
                Some(value) => made.extend_from_slice(value.to_string()?.as_bytes()),
                None => return Err(Error::runtime("invalid capture index")),
            },
            Some(&other) => made.push(other),
            None => made.push(b'%'),
        }
    }
    Ok(made)
}
