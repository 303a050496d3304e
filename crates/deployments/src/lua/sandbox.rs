//! Where a script runs: which names it sees, how long, with how much memory.

use std::cell::Cell;
use std::rc::Rc;

use mlua::chunk::ChunkMode;
use mlua::{Error, HookTriggers, Lua, LuaOptions, StdLib, Value, VmState};
use serde_json::Value as Json;

use super::{ScriptError, convert, libraries, strings};

/// A large object takes a script some thousand instructions; a hundred scripts at this limit take a
/// second or two together.
const INSTRUCTIONS_MAX: u64 = 5_000_000;

/// An object of a megabyte takes some ten of Lua's.
const MEMORY_MAX_BYTES: usize = 32 << 20;

/// How many instructions pass between two looks.
const LOOK_EVERY: u32 = 100;

/// Memory that is held beyond this is paid for.
const HELD_FREE_BYTES: usize = 64 << 10;

/// It costs as much as this part of it in instructions at each look: what copies much in one
/// instruction does not get away with it.
const BYTES_PER_INSTRUCTION: usize = 256;

/// What a script has left.
#[derive(Clone)]
pub(super) struct Budget(Rc<Cell<u64>>);

impl Budget {
    /// Takes from it; an error when there is not enough.
    pub fn charge(&self, instructions: u64) -> mlua::Result<()> {
        match self.0.get().checked_sub(instructions) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => {
                self.0.set(0);
                Err(Error::runtime("too many instructions"))
            }
        }
    }

    pub fn left(&self) -> u64 {
        self.0.get()
    }

    pub fn set(&self, left: u64) {
        self.0.set(left);
    }
}

/// What a script is given beside its text.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// The global `obj`.
    pub object: &'a Json,
    /// The global `actionParams`, for an action.
    pub parameters: Option<&'a Json>,
    /// Whether strings and numbers have their libraries.
    pub with_libraries: bool,
    /// What `os.time()` says, in seconds since 1970.
    pub now_s: i64,
}

/// Runs a script; what it returns, as JSON.
pub(super) fn run(script: &str, given: Given<'_>) -> Result<Json, ScriptError> {
    let budget = Budget(Rc::new(Cell::new(INSTRUCTIONS_MAX)));
    within(script, given, &budget).map_err(|error| refusal(&error, &budget))
}

/// Why it ended before its end.
enum Ending {
    Lua(Error),
    Return(String),
}

impl From<Error> for Ending {
    fn from(error: Error) -> Self {
        Self::Lua(error)
    }
}

fn within(script: &str, given: Given<'_>, budget: &Budget) -> Result<Json, Ending> {
    let libraries = if given.with_libraries {
        StdLib::TABLE | StdLib::STRING | StdLib::MATH
    } else {
        StdLib::TABLE
    };
    let lua = Lua::new_with(libraries, LuaOptions::new())?;
    lua.set_memory_limit(MEMORY_MAX_BYTES)?;
    libraries::restrict(&lua, given.now_s)?;
    libraries::charge(&lua, budget)?;
    if given.with_libraries {
        strings::replace(&lua, budget)?;
    }
    lua.globals().raw_set("obj", convert::to_lua(&lua, given.object)?)?;
    if let Some(parameters) = given.parameters {
        lua.globals().raw_set("actionParams", convert::to_lua(&lua, parameters)?)?;
    }
    count(&lua, budget)?;
    // Text only: Lua does not check byte code, which could do anything.
    let chunk = lua.load(script).set_name("=script").set_mode(ChunkMode::Text);
    let value: Value = chunk.eval()?;
    lua.remove_hook();
    convert::to_json(&value, given.object).map_err(Ending::Return)
}

/// Counts instructions and the memory that is held. When nothing is left every further instruction
/// fails, so that a script cannot catch the error and go on.
fn count(lua: &Lua, budget: &Budget) -> mlua::Result<()> {
    let held_before = lua.used_memory() + HELD_FREE_BYTES;
    let of_looks = budget.clone();
    lua.set_hook(HookTriggers::new().every_nth_instruction(LOOK_EVERY), move |lua, _| {
        let held = lua.used_memory().saturating_sub(held_before) / BYTES_PER_INSTRUCTION;
        let cost = u64::from(LOOK_EVERY) + u64::try_from(held).unwrap_or(u64::MAX);
        of_looks.charge(cost).map(|()| VmState::Continue).inspect_err(|_| {
            let always = HookTriggers::new().every_nth_instruction(1);
            let refuse =
                |_: &Lua, _: &mlua::debug::Debug| Err(Error::runtime("too many instructions"));
            // It can only fail for want of memory, which ends the script as well.
            lua.set_hook(always, refuse).unwrap_or_default();
        })
    })
}

fn refusal(ending: &Ending, budget: &Budget) -> ScriptError {
    let error = match ending {
        Ending::Return(what) => return ScriptError::WrongReturn(what.clone()),
        Ending::Lua(error) => error,
    };
    if budget.left() == 0 {
        return ScriptError::TooLong { instructions: INSTRUCTIONS_MAX };
    }
    let mut cause = error;
    while let Error::CallbackError { cause: inner, .. } = cause {
        cause = inner;
    }
    if matches!(cause, Error::MemoryError(_)) || cause.to_string().contains("not enough memory") {
        return ScriptError::TooMuchMemory { bytes: MEMORY_MAX_BYTES };
    }
    let text = if let Error::SyntaxError { message, .. } | Error::RuntimeError(message) = cause {
        message.clone()
    } else {
        cause.to_string()
    };
    placed(&text, &error.to_string())
}

/// Lua begins its messages with `script:3: `; an error of a function of ours has its place only in
/// the trace of calls.
fn placed(text: &str, trace: &str) -> ScriptError {
    let first = text.split("\nstack traceback:").next().unwrap_or(text).trim();
    let at = |text: &str| -> Option<(u32, usize)> {
        let rest = &text[text.find("script:")? + "script:".len()..];
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        Some((rest[..digits].parse().ok()?, text.len() - rest.len() + digits))
    };
    let (line, message) = match at(first) {
        Some((line, end)) if first.starts_with("script:") => {
            (Some(line), first[end..].trim_start_matches(':').trim())
        }
        _ => (at(trace).map(|(line, _)| line), first),
    };
    ScriptError::Failed { line, message: message.to_owned() }
}
