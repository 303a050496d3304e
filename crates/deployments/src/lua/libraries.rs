//! The names that a script sees: what computes, and nothing that reaches outside or differs from run
//! to run.

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::clock::Parts;
use super::sandbox::Budget;

/// What of Lua's base a script keeps. Gone are files (`dofile`), code from text (`load`,
/// `loadstring`), modules, coroutines (each would have its own count), the collector and environments.
const BASE: &[&str] = &[
    "_G",
    "_VERSION",
    "assert",
    "error",
    "getmetatable",
    "ipairs",
    "math",
    "next",
    "pairs",
    "pcall",
    "rawequal",
    "rawget",
    "rawset",
    "select",
    "setmetatable",
    "string",
    "table",
    "tonumber",
    "tostring",
    "type",
    "unpack",
    "xpcall",
];

/// `xpcall` whose handler runs after the error and not within it: there nothing is counted.
const XPCALL: &str = "local pcall = ... \
    return function(body, handler, ...) \
      local function ended(ok, ...) \
        if ok then return true, ... end \
        return false, handler(...) \
      end \
      return ended(pcall(body, ...)) \
    end";

/// Removes what is not listed and adds `os` with the time of the inputs.
pub(super) fn restrict(lua: &Lua, now_s: i64) -> mlua::Result<()> {
    let globals = lua.globals();
    let names: Vec<mlua::LuaString> = globals
        .pairs::<mlua::LuaString, Value>()
        .map(|pair| pair.map(|(name, _)| name))
        .collect::<mlua::Result<_>>()?;
    for name in names {
        if !BASE.iter().any(|kept| name.as_bytes() == kept.as_bytes()) {
            globals.raw_set(name, Value::Nil)?;
        }
    }
    let pcall: Function = globals.raw_get("pcall")?;
    globals.raw_set("xpcall", lua.load(XPCALL).call::<Function>(pcall)?)?;
    // What a script prints goes nowhere.
    globals.raw_set("print", lua.create_function(|_, _: mlua::MultiValue| Ok(()))?)?;
    globals.raw_set("os", clock(lua, now_s)?)?;
    if let Ok(math) = globals.raw_get::<Table>("math") {
        random(lua, &math)?;
    }
    Ok(())
}

/// Values that a function may give at once; more of them would be copied at each call.
const VALUES_MAX: i64 = 250;

/// Lets functions that work long within one instruction take from the budget by what they are given.
pub(super) fn charge(lua: &Lua, budget: &Budget) -> mlua::Result<()> {
    let globals = lua.globals();
    let unpack: Function = globals.raw_get("unpack")?;
    let mine = budget.clone();
    let few = move |_: &Lua, (table, from, to): (Table, Option<i64>, Option<i64>)| {
        let from = from.unwrap_or(1);
        let to = to.unwrap_or_else(|| i64::try_from(table.raw_len()).unwrap_or(i64::MAX));
        let count = to.saturating_sub(from).saturating_add(1);
        if count > VALUES_MAX {
            return Err(mlua::Error::runtime("too many results to unpack"));
        }
        mine.charge(count.max(0).unsigned_abs())?;
        unpack.call::<MultiValue>((table, from, to))
    };
    globals.raw_set("unpack", lua.create_function(few)?)?;
    let table: Table = globals.raw_get("table")?;
    // Only what is moved up or down: adding at the end is cheap.
    costs(lua, &table, "insert", budget, |given| if given.len() > 2 { length(given) } else { 0 })?;
    costs(lua, &table, "remove", budget, |given| if given.len() > 1 { length(given) } else { 0 })?;
    costs(lua, &table, "concat", budget, length)?;
    // It looks at every field, and nobody knows beforehand how many there are.
    costs(lua, &table, "maxn", budget, |_| 10_000)?;
    costs(lua, &globals, "tonumber", budget, |given| bytes(given).saturating_mul(16))?;
    costs(lua, &table, "sort", budget, |given| length(given).saturating_mul(8))?;
    if let Ok(string) = globals.raw_get::<Table>("string") {
        for name in ["byte", "format", "lower", "reverse", "sub", "upper"] {
            costs(lua, &string, name, budget, bytes)?;
        }
    }
    Ok(())
}

/// Puts a function in the place of one that takes what its arguments cost before it works.
fn costs(
    lua: &Lua,
    of: &Table,
    name: &str,
    budget: &Budget,
    cost: impl Fn(&MultiValue) -> u64 + 'static,
) -> mlua::Result<()> {
    let (own, mine): (Function, _) = (of.raw_get(name)?, budget.clone());
    let charged = move |_: &Lua, given: MultiValue| {
        mine.charge(cost(&given))?;
        own.call::<MultiValue>(given)
    };
    of.raw_set(name, lua.create_function(charged)?)
}

/// How many items the table has that a function is given.
fn length(given: &MultiValue) -> u64 {
    let table = given.front().and_then(Value::as_table);
    table.map_or(0, |table| u64::try_from(table.raw_len()).unwrap_or(u64::MAX))
}

/// The texts that a function is given, sixteen bytes an instruction.
fn bytes(given: &MultiValue) -> u64 {
    let texts = given.iter().filter_map(Value::as_string).map(|text| text.as_bytes().len());
    u64::try_from(texts.sum::<usize>() / 16).unwrap_or(u64::MAX)
}

/// `os` with `time` and `date` alone.
fn clock(lua: &Lua, now_s: i64) -> mlua::Result<Table> {
    let os = lua.create_table()?;
    let time = lua.create_function(move |_, parts: Option<Table>| {
        let Some(parts) = parts else { return Ok(now_s) };
        let part = |name: &str, otherwise: Option<i64>| -> mlua::Result<i64> {
            let given: Option<f64> = parts.get(name)?;
            #[expect(clippy::cast_possible_truncation, reason = "Lua's numbers saturate")]
            given.map(|number| number as i64).or(otherwise).ok_or_else(|| {
                mlua::Error::runtime(format!("field '{name}' missing in date table"))
            })
        };
        let parts = Parts {
            year: part("year", None)?,
            month: part("month", None)?,
            day: part("day", None)?,
            hour: part("hour", Some(12))?,
            minute: part("min", Some(0))?,
            second: part("sec", Some(0))?,
        };
        Ok(parts.moment_s())
    })?;
    let date =
        lua.create_function(move |lua, (format, moment): (Option<String>, Option<f64>)| {
            #[expect(clippy::cast_possible_truncation, reason = "Lua's numbers saturate")]
            let parts = Parts::of(moment.map_or(now_s, |moment| moment as i64));
            let format = format.unwrap_or_else(|| "%c".into());
            let format = format.strip_prefix('!').unwrap_or(&format);
            if !format.starts_with("*t") {
                return lua.create_string(parts.format(format)).map(Value::String);
            }
            let table = lua.create_table()?;
            for (name, part) in [
                ("year", parts.year),
                ("month", parts.month),
                ("day", parts.day),
                ("hour", parts.hour),
                ("min", parts.minute),
                ("sec", parts.second),
                ("wday", parts.day_of_week() + 1),
                ("yday", parts.day_of_year()),
            ] {
                table.raw_set(name, part)?;
            }
            table.raw_set("isdst", false)?;
            Ok(Value::Table(table))
        })?;
    os.raw_set("time", time)?;
    os.raw_set("date", date)?;
    Ok(os)
}

/// Numbers that look random and are the same in every run.
fn random(lua: &Lua, math: &Table) -> mlua::Result<()> {
    let state = std::cell::Cell::new(0x9e37_79b9_7f4a_7c15_u64);
    let random = move |_: &Lua, (low, high): (Option<f64>, Option<f64>)| {
        let mut next = state.get();
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        state.set(next);
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let share = (next >> 11) as f64 / (1_u64 << 53) as f64;
        match (low, high) {
            (None, _) => Ok(share),
            (Some(high), None) if high >= 1.0 => Ok((share * high.floor()).floor() + 1.0),
            (Some(low), Some(high)) if high >= low => {
                Ok(low.floor() + (share * (high.floor() - low.floor() + 1.0)).floor())
            }
            _ => Err(mlua::Error::runtime("bad argument to 'random' (interval is empty)")),
        }
    };
    math.raw_set("random", lua.create_function(random)?)?;
    math.raw_set("randomseed", lua.create_function(|_, _: mlua::MultiValue| Ok(()))?)
}
