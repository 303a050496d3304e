//! A tree into a value. `&&` and `||` give one of their operands and look no further than needed.

use std::cmp::Ordering;

use super::ast::{Comparison, Node};
use super::functions;
use super::{Contexts, EvaluationError, Expression, Value};

/// A value, and whether it came out of `.*`: on such an array an index goes to each item.
pub(super) struct Evaluated {
    pub value: Value,
    filtered: bool,
}

impl Evaluated {
    pub fn plain(value: Value) -> Self {
        Self { value, filtered: false }
    }

    fn filtered(items: impl IntoIterator<Item = Value>) -> Self {
        Self { value: items.into_iter().collect(), filtered: true }
    }
}

impl Expression {
    /// The value in these contexts.
    pub fn evaluate(&self, contexts: &Contexts<'_>) -> Result<Value, EvaluationError> {
        evaluate(&self.root, contexts).map(|evaluated| evaluated.value)
    }
}

/// The parser bounds the depth, so that recursion is safe.
pub(super) fn evaluate(node: &Node, contexts: &Contexts<'_>) -> Result<Evaluated, EvaluationError> {
    match node {
        Node::Literal(value) => Ok(Evaluated::plain(value.clone())),
        Node::Context(name) => Ok(Evaluated::plain(contexts.get(name))),
        Node::Index(of, index) => {
            let of = evaluate(of, contexts)?;
            let index = evaluate(index, contexts)?.value;
            Ok(take(&of, &index))
        }
        Node::Wildcard(of) => Ok(take_all(&evaluate(of, contexts)?)),
        Node::Not(inner) => {
            let inner = evaluate(inner, contexts)?.value;
            Ok(Evaluated::plain((!inner.is_truthy()).into()))
        }
        Node::Compare(comparison, left, right) => {
            let left = evaluate(left, contexts)?.value;
            let right = evaluate(right, contexts)?.value;
            Ok(Evaluated::plain(compare(*comparison, &left, &right).into()))
        }
        Node::And(operands) => first_where(operands, contexts, |value| !value.is_truthy()),
        Node::Or(operands) => first_where(operands, contexts, Value::is_truthy),
        Node::Call { function, arguments } => functions::call(*function, arguments, contexts),
    }
}

/// The first operand that ends the chain, or the last one.
fn first_where(
    operands: &[Node],
    contexts: &Contexts<'_>,
    ends: impl Fn(&Value) -> bool,
) -> Result<Evaluated, EvaluationError> {
    let mut last = Evaluated::plain(Value::Null);
    for operand in operands {
        last = evaluate(operand, contexts)?;
        if ends(&last.value) {
            break;
        }
    }
    Ok(last)
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> bool {
    let is = |ordering| left.loosely_compares(right) == Some(ordering);
    match comparison {
        Comparison::Equal => left.loosely_equals(right),
        Comparison::NotEqual => !left.loosely_equals(right),
        Comparison::Less => is(Ordering::Less),
        Comparison::LessOrEqual => left.loosely_equals(right) || is(Ordering::Less),
        Comparison::Greater => is(Ordering::Greater),
        Comparison::GreaterOrEqual => left.loosely_equals(right) || is(Ordering::Greater),
    }
}

fn take(of: &Evaluated, index: &Value) -> Evaluated {
    if of.filtered
        && let Value::Array(items) = &of.value
    {
        return Evaluated::filtered(items.iter().filter_map(|item| item_of(item, index)));
    }
    Evaluated::plain(item_of(&of.value, index).unwrap_or_default())
}

fn take_all(of: &Evaluated) -> Evaluated {
    if of.filtered
        && let Value::Array(items) = &of.value
    {
        return Evaluated::filtered(items.iter().flat_map(items_of));
    }
    Evaluated::filtered(items_of(&of.value))
}

fn items_of(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.to_vec(),
        Value::Object(object) => object.iter().map(|(_, value)| value.clone()).collect(),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn item_of(value: &Value, index: &Value) -> Option<Value> {
    match value {
        Value::Array(items) => {
            let number = index.to_number().floor();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a float cast saturates, and no array is that long"
            )]
            let position = (number >= 0.0 && number.is_finite()).then_some(number as usize)?;
            items.get(position).cloned()
        }
        Value::Object(object) if index.is_primitive() => object.get(&index.to_text()).cloned(),
        Value::Object(_)
        | Value::Null
        | Value::Boolean(_)
        | Value::Number(_)
        | Value::String(_) => None,
    }
}
