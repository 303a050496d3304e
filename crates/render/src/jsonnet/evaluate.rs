//! The evaluation itself: reads an order from standard input, and the files below the working
//! directory; prints one answer.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use rsjsonnet_lang::arena::Arena;
use rsjsonnet_lang::interner::InternedStr;
use rsjsonnet_lang::program::{
    Callbacks, EvalError, EvalErrorKind, EvalStackTraceItem, ImportError, LoadError, NativeError,
    Program, Thunk, Value,
};
use rsjsonnet_lang::span::{SourceId, SpanContext, SpanId};

use super::imports::{candidates, folder_of};
use super::words;
use super::{FILES_FOLDER, Order, Variable};
use crate::error::Fault;

/// The calls in each other that the reference implementation allows.
pub(super) const STACK_FRAMES_MAX: usize = 500;

/// Evaluates what the sandbox was given.
pub fn jsonnet_main() -> ! {
    let code = match answer() {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            1
        }
    };
    std::process::exit(code)
}

fn answer() -> std::io::Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let order: Order = serde_json::from_str(&text)?;
    let mut output = std::io::stdout().lock();
    match evaluated(&order) {
        // Put together as text, so that numbers stay as the evaluator writes them.
        Ok(results) => {
            let one = |(entry, json): (&String, &String)| {
                format!("{}:{json}", serde_json::Value::from(entry.as_str()))
            };
            let all: Vec<String> = order.entries.iter().zip(&results).map(one).collect();
            write!(output, "{{\"results\":{{{}}}}}", all.join(","))?;
        }
        Err(fault) => write!(output, "{}", serde_json::json!({ "error": fault }))?,
    }
    output.flush()
}

/// The entries' values as JSON.
fn evaluated(order: &Order) -> Result<Vec<String>, Fault> {
    let arena = Arena::new();
    let mut program = Program::new(&arena);
    program.set_max_stack(STACK_FRAMES_MAX);
    let mut files = Files { libraries: &order.libraries, ..Files::default() };
    // The last one of a name counts.
    let external: BTreeMap<&str, &Variable> =
        order.external.iter().map(|one| (one.name.as_str(), one)).collect();
    for (name, variable) in external {
        let value = files.variable(&mut program, variable, "extVars")?;
        let name = program.intern_str(name);
        program.add_ext_var(name, &value);
    }
    let mut arguments = BTreeMap::new();
    for variable in &order.arguments {
        let value = files.variable(&mut program, variable, "tlas")?;
        arguments.insert(variable.name.as_str(), (program.intern_str(&variable.name), value));
    }
    let arguments: Vec<_> = arguments.into_values().collect();
    let mut results = Vec::new();
    for entry in &order.entries {
        let thunk = files.load(&mut program, entry)?;
        let value = program.eval_value(&thunk, &mut files).and_then(|value| {
            if value.is_function() {
                program.eval_call(&thunk, &[], &arguments, &mut files)
            } else {
                Ok(value)
            }
        });
        let json = value.and_then(|value| program.manifest_json(&value, false));
        results.push(json.map_err(|error| files.fault(&program, &error, entry))?);
    }
    Ok(results)
}

/// Files of the tree, by their paths from its root.
#[derive(Default)]
struct Files<'p, 'o> {
    libraries: &'o [String],
    /// The name and the text of each source; a text of the application has a name only for people.
    sources: HashMap<SourceId, Source>,
    loaded: HashMap<String, Thunk<'p>>,
    /// Why the newest import failed.
    failure: Option<Fault>,
}

struct Source {
    file: Option<String>,
    text: Vec<u8>,
}

impl<'p> Files<'p, '_> {
    fn load(&mut self, program: &mut Program<'p>, path: &str) -> Result<Thunk<'p>, Fault> {
        if let Some(known) = self.loaded.get(path) {
            return Ok(known.clone());
        }
        let text = fs::read(Path::new(FILES_FOLDER).join(path)).map_err(|error| Fault {
            message: format!("the file cannot be read: {error}"),
            file: path.to_owned(),
            ..Fault::default()
        })?;
        let source = Source { file: Some(path.to_owned()), text };
        let thunk = self.source(program, source, path)?;
        self.loaded.insert(path.to_owned(), thunk.clone());
        Ok(thunk)
    }

    fn source(
        &mut self,
        program: &mut Program<'p>,
        source: Source,
        name: &str,
    ) -> Result<Thunk<'p>, Fault> {
        let length = source.text.len();
        let (context, id) = program.span_manager_mut().insert_source_context(length);
        let loaded = program.load_source(context, &source.text, true, name);
        self.sources.insert(id, source);
        loaded.map_err(|error| {
            let (span, message) = match &error {
                LoadError::Lex(error) => words::of_letters(error),
                LoadError::Parse(error) => words::of_syntax(error),
                LoadError::Analyze(error) => words::of_names(error),
            };
            let (file, line, column) =
                self.place(program, span).unwrap_or_else(|| (String::new(), 0, 0));
            let message = if file.is_empty() { format!("{name}: {message}") } else { message };
            Fault { message, file, line, column }
        })
    }

    fn variable(
        &mut self,
        program: &mut Program<'p>,
        variable: &Variable,
        list: &str,
    ) -> Result<Thunk<'p>, Fault> {
        if !variable.is_code {
            return Ok(program.value_to_thunk(&Value::string(&variable.value)));
        }
        let source = Source { file: None, text: variable.value.clone().into_bytes() };
        self.source(program, source, &format!("`{}` of `jsonnet.{list}`", variable.name))
    }

    /// The file of a place, its line and its column; `None`: it is in no file of the tree.
    fn place(&self, program: &Program<'p>, span: SpanId) -> Option<(String, u64, u64)> {
        let (context, start, _) = program.span_manager().get_span(span);
        let SpanContext::Source(id) = program.span_manager().get_context(context);
        let Source { file, text } = self.sources.get(id)?;
        let before = text.get(..start)?;
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let start_of_line = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = 1 + String::from_utf8_lossy(&before[start_of_line..]).chars().count();
        Some((file.clone()?, line as u64, column as u64))
    }

    /// The place nearest to what went wrong.
    fn fault(&mut self, program: &Program<'p>, error: &EvalError, entry: &str) -> Fault {
        let (span, message) = words::of_evaluation(&error.kind);
        if matches!(error.kind, EvalErrorKind::ImportFailed { .. })
            && let Some(failure) = self.failure.take().filter(|one| !one.file.is_empty())
        {
            return failure;
        }
        let spans = error.stack_trace.iter().rev().filter_map(|item| match item {
            EvalStackTraceItem::Expr { span }
            | EvalStackTraceItem::Variable { span, .. }
            | EvalStackTraceItem::Import { span } => Some(*span),
            EvalStackTraceItem::Call { span, .. }
            | EvalStackTraceItem::ArrayItem { span, .. }
            | EvalStackTraceItem::ObjectField { span, .. } => *span,
            EvalStackTraceItem::CompareArrayItem { .. }
            | EvalStackTraceItem::CompareObjectField { .. }
            | EvalStackTraceItem::ManifestArrayItem { .. }
            | EvalStackTraceItem::ManifestObjectField { .. } => None,
        });
        let place = span.into_iter().chain(spans).find_map(|span| self.place(program, span));
        let (file, line, column) = place.unwrap_or_else(|| (entry.to_owned(), 0, 0));
        Fault { message, file, line, column }
    }

    /// The path of an import, as it is in the tree.
    fn found(
        &mut self,
        program: &Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<String, ImportError> {
        let own = self.place(program, from).map(|(file, _, _)| folder_of(&file).to_owned());
        let is_there = |path: &String| Path::new(FILES_FOLDER).join(path).is_file();
        let found = candidates(own.as_deref(), path, self.libraries).into_iter().find(is_there);
        found.ok_or_else(|| {
            self.failure = None;
            ImportError
        })
    }

    fn bytes(
        &mut self,
        program: &Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<Vec<u8>, ImportError> {
        let path = self.found(program, from, path)?;
        fs::read(Path::new(FILES_FOLDER).join(path)).map_err(|_| ImportError)
    }
}

impl<'p> Callbacks<'p> for Files<'p, '_> {
    fn import(
        &mut self,
        program: &mut Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<Thunk<'p>, ImportError> {
        let path = self.found(program, from, path)?;
        self.load(program, &path).map_err(|fault| {
            self.failure = Some(fault);
            ImportError
        })
    }

    fn import_str(
        &mut self,
        program: &mut Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<String, ImportError> {
        let bytes = self.bytes(program, from, path)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn import_bin(
        &mut self,
        program: &mut Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<Vec<u8>, ImportError> {
        self.bytes(program, from, path)
    }

    /// Nobody looks at it.
    fn trace(&mut self, _: &mut Program<'p>, _: &str, _: &[EvalStackTraceItem]) {}

    /// None is registered, so none is called.
    fn native_call(
        &mut self,
        _: &mut Program<'p>,
        _: InternedStr<'p>,
        _: &[Value<'p>],
    ) -> Result<Value<'p>, NativeError> {
        Err(NativeError)
    }
}
