//! The names that a script sees: what computes, and nothing that reaches outside or differs from run
//! to run.

use mlua::{Function, Lua, Table, Value};

use super::clock::Parts;

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
