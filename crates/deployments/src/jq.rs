//! jq expressions that name fields (`ignoreDifferences` of Argo CD): read strictly, run in bounds.
//!
//! jq is a whole language; an expression here only has to name fields. What could work for long or
//! make large values is therefore refused when the file is read, so that running one needs no clock:
//! every part of an expression sees a part of the one object and nothing else.

use std::fmt;
use std::sync::Arc;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::path::Part;
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::Val;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The longest expression, in bytes.
const LENGTH_MAX: usize = 1_000;

/// How often one expression may branch: each multiplies the work by the size of an object.
const BRANCHES_MAX: usize = 8;

/// `..` visits all that is below, whatever the depth.
const BRANCHES_OF_RECURSION: usize = 4;

/// How many fields of one object an expression names at most; more are left out.
const FIELDS_MAX: usize = 10_000;

/// What may be called: it looks at a value or passes it on.
const CALLS: &[&str] = &[
    "all",
    "any",
    "arrays",
    "ascii_downcase",
    "ascii_upcase",
    "booleans",
    "contains",
    "empty",
    "endswith",
    "false",
    "first",
    "getpath",
    "has",
    "in",
    "index",
    "inside",
    "isempty",
    "iterables",
    "keys",
    "last",
    "length",
    "ltrimstr",
    "not",
    "null",
    "nulls",
    "numbers",
    "objects",
    "rtrimstr",
    "scalars",
    "select",
    "startswith",
    "strings",
    "test",
    "tonumber",
    "tostring",
    "true",
    "type",
    "values",
];

type Data = data::JustLut<Val>;

/// An expression that names fields of an object: `.spec.containers[] | select(.name == "a") | .image`.
#[derive(Clone)]
pub struct JqPath {
    text: String,
    filter: Arc<jaq_core::Filter<Data>>,
}

impl JqPath {
    /// Reads an expression; an error says what is wrong with it, or what of jq may not be used here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` is not a jq path: {why}");
        if text.len() > LENGTH_MAX {
            return Err(wrong(&format!("it is longer than {LENGTH_MAX} characters")));
        }
        let term = jaq_core::load::parse(text, |parser| parser.term())
            .ok_or_else(|| wrong("its syntax is not valid"))?;
        let mut bounds = Bounds { branches: 0 };
        bounds.term(&term).map_err(|why| wrong(&why))?;
        if bounds.branches > BRANCHES_MAX {
            return Err(wrong("it has too many of `.[]`, `,` and `..`; make several of it"));
        }
        let filter = compile(text).ok_or_else(|| {
            wrong("it calls something with another number of arguments than jq has for it")
        })?;
        Ok(Self { text: text.to_owned(), filter: Arc::new(filter) })
    }

    /// The JSON pointers of the fields that it names in an object, also of those that the object
    /// lacks. Where it does not fit the object it names nothing, as with Argo CD.
    #[must_use]
    pub fn pointers(&self, object: &Value) -> Vec<String> {
        let Ok(input) = Val::deserialize(object) else { return Vec::new() };
        let context = Ctx::<Data>::new(&self.filter.lut, Vars::new([]));
        self.filter
            .id
            .run((context, input))
            .map(unwrap_valr)
            .map_while(Result::ok)
            .take(FIELDS_MAX)
            .filter_map(|path| pointer(&path, object))
            .collect()
    }
}

/// The fields of one object that do not count when it is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoredFields {
    /// RFC 6901.
    pub json_pointers: Vec<String>,
    /// Expressions that name fields.
    pub jq_paths: Vec<JqPath>,
}

impl IgnoredFields {
    /// Every field counts.
    pub const NONE: Self = Self { json_pointers: Vec::new(), jq_paths: Vec::new() };

    /// Where they are in an object: in Git's manifest and in the live object the items of a list may
    /// stand elsewhere.
    #[must_use]
    pub fn pointers(&self, object: &Value) -> Vec<String> {
        let named = self.jq_paths.iter().flat_map(|path| path.pointers(object));
        self.json_pointers.iter().cloned().chain(named).collect()
    }
}

impl fmt::Debug for JqPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JqPath").field(&self.text).finish()
    }
}

impl PartialEq for JqPath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for JqPath {}

impl Serialize for JqPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for JqPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The expression as a program that gives the paths of what it names.
fn compile(text: &str) -> Option<jaq_core::Filter<Data>> {
    // A comment at the expression's end must not hide the parenthesis.
    let code = format!("path({text}\n)");
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let file = File { code: code.as_str(), path: () };
    let modules = Loader::new(definitions).load(&arena, file).ok()?;
    Compiler::default().with_funs(functions).compile(modules).ok()
}

/// A path of jq as a JSON pointer; an index from the end needs the list that it is of.
fn pointer(path: &Val, object: &Value) -> Option<String> {
    let Val::Arr(parts) = path else { return None };
    let mut pointer = String::new();
    let mut at = Some(object);
    for part in parts.iter() {
        let name = match part {
            Val::TStr(name) => String::from_utf8_lossy(name).into_owned(),
            Val::Num(number) => {
                let index: i64 = number.to_string().parse().ok()?;
                let length = at.and_then(Value::as_array).map_or(0, Vec::len);
                let from_start =
                    if index < 0 { index + i64::try_from(length).ok()? } else { index };
                usize::try_from(from_start).ok()?.to_string()
            }
            Val::Null | Val::Bool(_) | Val::BStr(_) | Val::Arr(_) | Val::Obj(_) => return None,
        };
        at = at.and_then(|value| match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            Value::Object(fields) => fields.get(&name),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        });
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
    Some(pointer)
}

/// Walks an expression and refuses what could run for long.
struct Bounds {
    branches: usize,
}

impl Bounds {
    fn term(&mut self, term: &Term<&str>) -> Result<(), String> {
        let refused = |what: &str| Err(format!("{what} may not be used here"));
        match term {
            Term::Id | Term::Num(_) => Ok(()),
            Term::Recurse => {
                self.branches += BRANCHES_OF_RECURSION;
                Ok(())
            }
            Term::Str(None, parts) if is_plain(parts) => Ok(()),
            Term::Str(None, _) => refused("a text with `\\(…)`"),
            Term::Str(Some(format), _) => refused(&format!("`{format}`")),
            Term::Arr(items) => match items {
                Some(items) if !is_constant(items) => refused("a list of other than constants"),
                Some(_) | None => Ok(()),
            },
            Term::Obj(_) => refused("the making of an object"),
            Term::Neg(term) => self.term(term),
            Term::BinOp(left, operation, right) => {
                self.operation(operation)?;
                self.term(left)?;
                self.term(right)
            }
            Term::Label(..) | Term::Break(_) => refused("`label`"),
            Term::Fold(name, ..) => refused(&format!("`{name}`")),
            Term::TryCatch(tried, caught) => {
                self.term(tried)?;
                caught.as_ref().map_or(Ok(()), |caught| self.term(caught))
            }
            Term::IfThenElse(cases, otherwise) => {
                for (condition, then) in cases {
                    self.term(condition)?;
                    self.term(then)?;
                }
                otherwise.as_ref().map_or(Ok(()), |otherwise| self.term(otherwise))
            }
            Term::Def(..) => refused("`def`"),
            Term::Call(name, arguments) => self.call(name, arguments),
            Term::Var(name) => refused(&format!("`{name}`")),
            Term::Path(head, path) => {
                self.term(head)?;
                path.0.iter().try_for_each(|(part, _)| match part {
                    Part::Index(index) => self.term(index),
                    Part::Range(None, None) => {
                        self.branches += 1;
                        Ok(())
                    }
                    Part::Range(..) => refused("a part of a list (`[1:2]`)"),
                })
            }
        }
    }

    fn operation(&mut self, operation: &BinaryOp<&str>) -> Result<(), String> {
        match operation {
            BinaryOp::Pipe(None)
            | BinaryOp::Alt
            | BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Cmp(_) => Ok(()),
            BinaryOp::Comma => {
                self.branches += 1;
                Ok(())
            }
            BinaryOp::Pipe(Some(_)) => Err("`as` may not be used here".into()),
            BinaryOp::Math(_) => Err("arithmetic may not be used here".into()),
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                Err("it names fields that are left out and may change none".into())
            }
        }
    }

    fn call(&mut self, name: &str, arguments: &[Term<&str>]) -> Result<(), String> {
        if !CALLS.contains(&name) {
            return Err(format!("`{name}` may not be used here"));
        }
        match name {
            "any" | "all" => self.branches += 1,
            "test" => arguments.iter().try_for_each(is_simple_pattern)?,
            _ => {}
        }
        arguments.iter().try_for_each(|argument| self.term(argument))
    }
}

fn is_constant(term: &Term<&str>) -> bool {
    if let Term::BinOp(left, BinaryOp::Comma, right) = term {
        return is_constant(left) && is_constant(right);
    }
    if let Term::Str(None, parts) = term {
        return is_plain(parts);
    }
    matches!(term, Term::Num(_))
}

/// Whether a text is the same whatever the object.
fn is_plain(parts: &[StrPart<&str, Term<&str>>]) -> bool {
    parts.iter().all(|part| matches!(part, StrPart::Str(_) | StrPart::Char(_)))
}

/// A pattern is a text of the expression itself, without counted repetitions: those can be nested
/// into a program of any size.
fn is_simple_pattern(term: &Term<&str>) -> Result<(), String> {
    let Term::Str(None, parts) = term else {
        return Err("the pattern of `test` must be a text".into());
    };
    let counted =
        |part: &StrPart<&str, Term<&str>>| matches!(part, StrPart::Str(text) if text.contains('{'));
    if parts.iter().any(counted) {
        return Err("the pattern of `test` may not have `{…}`".into());
    }
    Ok(())
}
