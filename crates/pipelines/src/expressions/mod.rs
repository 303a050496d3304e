//! GitHub's expression language: `${{ }}` and `if`.
//!
//! [`Expression::parse`] reads one, [`Expression::evaluate`] computes it in [`Contexts`];
//! [`Template`] is a text with expressions in it, [`Condition`] an `if`.

mod ast;
mod template;
mod value;

pub use ast::Expression;
pub use template::{Amount, Condition, Flag, Position, Template, TemplateValue};
pub use value::{Object, Value};
