//! GitHub's expression language: `${{ }}` and `if`.
//!
//! [`Expression::parse`] reads one, [`Expression::evaluate`] computes it in [`Contexts`];
//! [`Template`] is a text with expressions in it, [`Condition`] an `if`, [`TemplateValue`] any YAML
//! value with templates inside.

mod ast;
mod contexts;
mod error;
mod evaluate;
mod functions;
mod lexer;
mod number;
mod parser;
mod template;
mod template_value;
mod value;

pub use ast::Expression;
pub use contexts::{Contexts, HashFiles, Status};
pub use error::{EvaluationError, SyntaxError, SyntaxErrorKind};
pub use parser::{FunctionSignature, Scope};
pub use template::{Condition, Position, Template, TemplateError};
pub use template_value::{Amount, Flag, TemplateValue};
pub use value::{Object, Value};

pub(crate) use number::{number_to_text, text_to_number};
pub(crate) use value::equals_ignoring_case;
