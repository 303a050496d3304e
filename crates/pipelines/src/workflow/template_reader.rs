//! YAML nodes into values that the table of the language allows, every expression parsed.
//!
//! It goes on after a problem, so that a person sees all of them at once.

use std::collections::BTreeSet;

use super::problem::{ProblemCode, Problems};
use super::schema::{Definition, Mapping, Shape};
use super::yaml::{Node, NodeKind};
use crate::expressions::{
    Condition, FunctionSignature, Position, Scope, Template, TemplateError, TemplateValue,
};

/// Reads a node as the definition says. What was wrong is in `problems`; the value is then partial.
pub(super) fn read(
    node: &Node,
    definition: &'static Definition,
    problems: &mut Problems<'_>,
) -> TemplateValue {
    Reader { problems }.value(node, Expected::of(definition, &Expected::default()))
}

/// What may stand at a place, one-ofs resolved, and what its expressions may use.
#[derive(Debug, Clone, Default)]
struct Expected {
    shapes: Vec<&'static Shape>,
    contexts: Vec<&'static str>,
    functions: Vec<FunctionSignature<'static>>,
}

impl Expected {
    fn of(definition: &'static Definition, parent: &Self) -> Self {
        let mut expected = Self { shapes: Vec::new(), ..parent.clone() };
        if !definition.contexts.is_empty() {
            expected.contexts.extend(definition.contexts);
            expected.functions.splice(0..0, definition.functions.iter().copied());
        }
        collect(&definition.shape, &mut expected.shapes);
        expected
    }

    fn scope(&self) -> Scope<'_> {
        Scope { contexts: Some(&self.contexts), functions: Some(&self.functions) }
    }

    fn allows_expressions(&self) -> bool {
        !self.contexts.is_empty()
    }

    fn mappings(&self) -> Vec<&'static Mapping> {
        let mapping = |shape: &&'static Shape| match shape {
            Shape::Mapping(mapping) => Some(mapping),
            Shape::Any => Some(&ANY_MAPPING),
            Shape::Null
            | Shape::Boolean
            | Shape::Number
            | Shape::Text
            | Shape::NonEmptyText
            | Shape::Condition
            | Shape::Constant(_)
            | Shape::Sequence(_)
            | Shape::OneOf(_) => None,
        };
        self.shapes.iter().filter_map(mapping).collect()
    }

    fn items(&self) -> Option<&'static Definition> {
        self.shapes.iter().find_map(|shape| match shape {
            Shape::Sequence(item) => Some(*item),
            Shape::Any => Some(&ANY),
            Shape::Null
            | Shape::Boolean
            | Shape::Number
            | Shape::Text
            | Shape::NonEmptyText
            | Shape::Condition
            | Shape::Constant(_)
            | Shape::Mapping(_)
            | Shape::OneOf(_) => None,
        })
    }

    fn is_condition(&self) -> bool {
        self.shapes.iter().any(|shape| matches!(shape, Shape::Condition))
    }
}

static ANY: Definition = Definition { contexts: &[], functions: &[], shape: Shape::Any };
static ANY_MAPPING: Mapping = Mapping { properties: &[], loose: Some(&ANY) };

fn collect(shape: &'static Shape, into: &mut Vec<&'static Shape>) {
    match shape {
        Shape::OneOf(definitions) => {
            for definition in *definitions {
                collect(&definition.shape, into);
            }
        }
        Shape::Null
        | Shape::Boolean
        | Shape::Number
        | Shape::Text
        | Shape::NonEmptyText
        | Shape::Condition
        | Shape::Constant(_)
        | Shape::Any
        | Shape::Sequence(_)
        | Shape::Mapping(_) => into.push(shape),
    }
}

struct Reader<'p, 'a> {
    problems: &'p mut Problems<'a>,
}

/// A scalar key, read: a name, or an expression.
enum Key {
    Name(String, Template),
    Computed(Template),
}

impl Reader<'_, '_> {
    fn value(&mut self, node: &Node, expected: Expected) -> TemplateValue {
        let at = node.at;
        match &node.kind {
            NodeKind::Sequence(nodes) => match expected.items() {
                Some(item) => {
                    let item = Expected::of(item, &expected);
                    let items = nodes.iter().map(|node| self.value(node, item.clone())).collect();
                    TemplateValue::List { items, at }
                }
                None => self.unexpected(at, "A sequence was not expected"),
            },
            NodeKind::Mapping(entries) => {
                let mappings = expected.mappings();
                if mappings.is_empty() {
                    return self.unexpected(at, "A mapping was not expected");
                }
                self.mapping(at, entries, mappings, &expected)
            }
            NodeKind::Null | NodeKind::Boolean(_) | NodeKind::Number(_) | NodeKind::Text(_) => {
                self.scalar(node, &expected)
            }
        }
    }

    fn unexpected(&mut self, at: Position, message: impl Into<String>) -> TemplateValue {
        self.problems.add(ProblemCode::WorkflowUnexpectedValue, at, message);
        TemplateValue::Null { at }
    }

    fn mapping(
        &mut self,
        at: Position,
        entries: &[(Node, Node)],
        mut mappings: Vec<&'static Mapping>,
        expected: &Expected,
    ) -> TemplateValue {
        let mut names = BTreeSet::new();
        let mut has_computed_key = false;
        let mut read = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let (name, key_template) = match self.key(key, expected) {
                Some(Key::Name(name, template)) => (name, template),
                Some(Key::Computed(template)) => {
                    has_computed_key = true;
                    let definition = mappings.iter().find_map(|mapping| mapping.loose);
                    let inner = Expected::of(definition.unwrap_or(&ANY), expected);
                    let inner =
                        if is_insert(&template) { Expected::of(&ANY, expected) } else { inner };
                    read.push((template, self.value(value, inner)));
                    continue;
                }
                None => continue,
            };
            if !names.insert(name.to_lowercase()) {
                let message = format!("'{name}' is already defined");
                self.problems.add(ProblemCode::WorkflowDuplicateKey, key.at, message);
                continue;
            }
            if let Some(definition) = known(&mut mappings, &name) {
                read.push((key_template, self.value(value, Expected::of(definition, expected))));
            } else if let Some(definition) = mappings.iter().find_map(|mapping| mapping.loose) {
                if name.is_empty() {
                    self.unexpected(key.at, "Unexpected value ''");
                }
                read.push((key_template, self.value(value, Expected::of(definition, expected))));
            } else {
                self.unexpected(key.at, format!("Unexpected value '{name}'"));
            }
        }
        self.check_complete(at, &mappings, &names, has_computed_key);
        TemplateValue::Map { entries: read, at }
    }

    fn check_complete(
        &mut self,
        at: Position,
        mappings: &[&'static Mapping],
        names: &BTreeSet<String>,
        has_computed_key: bool,
    ) {
        let [mapping] = mappings else {
            let distinguishing = distinguishing(mappings).join(", ");
            let message = format!(
                "There's not enough info to determine what you meant. Add one of these \
                 properties: {distinguishing}"
            );
            self.problems.add(ProblemCode::WorkflowAmbiguous, at, message);
            return;
        };
        if has_computed_key {
            return;
        }
        for property in mapping.properties {
            if property.required && !names.contains(property.name) {
                let message = format!("Required property is missing: {}", property.name);
                self.problems.add(ProblemCode::WorkflowMissingKey, at, message);
            }
        }
    }

    fn key(&mut self, node: &Node, expected: &Expected) -> Option<Key> {
        let Some(text) = node.scalar_text() else {
            self.unexpected(node.at, "A text was expected as key");
            return None;
        };
        if !text.contains("${{") {
            return Some(Key::Name(text.clone(), Template::verbatim(&text, node.at)));
        }
        if insert_of(&text) {
            if expected.allows_expressions() {
                return Some(Key::Computed(Template::insert(node.at)));
            }
            self.not_allowed(node.at);
            return None;
        }
        match self.template(&text, node.at, expected) {
            Some(_) if !expected.allows_expressions() => {
                self.not_allowed(node.at);
                None
            }
            Some(template) => Some(Key::Computed(template)),
            None => None,
        }
    }

    fn scalar(&mut self, node: &Node, expected: &Expected) -> TemplateValue {
        let at = node.at;
        if let NodeKind::Text(text) = &node.kind {
            if text.contains("${{") {
                if let Some(template) = self.template(text, at, expected) {
                    return self.computed(template, expected);
                }
            } else if expected.is_condition() {
                self.condition(text, at, expected);
            }
        }
        let plain = match &node.kind {
            NodeKind::Null => TemplateValue::Null { at },
            NodeKind::Boolean(value) => TemplateValue::Boolean { value: *value, at },
            NodeKind::Number(value) => TemplateValue::Number { value: *value, at },
            NodeKind::Text(text) => TemplateValue::Text(Template::verbatim(text, at)),
            NodeKind::Sequence(_) | NodeKind::Mapping(_) => return TemplateValue::Null { at },
        };
        let text = node.scalar_text().unwrap_or_default();
        if expected.shapes.iter().any(|shape| matches_as_is(shape, &plain, &text)) {
            return plain;
        }
        if expected.shapes.iter().any(|shape| matches_text(shape, &text)) {
            return TemplateValue::Text(Template::verbatim(&text, at));
        }
        self.unexpected(at, format!("Unexpected value '{text}'"))
    }

    /// A text that holds expressions, or that only looked as if it did (`${{ 'quoted' }}`).
    fn computed(&mut self, template: Template, expected: &Expected) -> TemplateValue {
        let at = template.position();
        match template.literal() {
            None => {
                if !expected.allows_expressions() {
                    self.not_allowed(at);
                }
                TemplateValue::Text(template)
            }
            Some(text) if expected.shapes.iter().any(|shape| matches_text(shape, text)) => {
                TemplateValue::Text(template)
            }
            Some(text) => self.unexpected(at, format!("Unexpected value '{text}'")),
        }
    }

    fn condition(&mut self, text: &str, at: Position, expected: &Expected) {
        if let Err(error) = Condition::parse(text, at, expected.scope()) {
            self.problems.add(ProblemCode::WorkflowExpression, at, error.to_string());
        }
    }

    fn template(&mut self, text: &str, at: Position, expected: &Expected) -> Option<Template> {
        match Template::parse(text, at, expected.scope()) {
            Ok(template) => Some(template),
            Err(TemplateError::Syntax { .. }) if mentions_insert(text) => {
                let message = "The directive 'insert' is not allowed in this context. Directives \
                               are not supported for expressions that are embedded within a \
                               string. Directives are only supported when the entire value is an \
                               expression.";
                self.problems.add(ProblemCode::WorkflowExpression, at, message);
                None
            }
            Err(error) => {
                self.problems.add(ProblemCode::WorkflowExpression, at, error.to_string());
                None
            }
        }
    }

    fn not_allowed(&mut self, at: Position) {
        let message = "A template expression is not allowed in this context";
        self.problems.add(ProblemCode::WorkflowExpressionNotAllowed, at, message);
    }
}

/// The definition of a known key; the mappings that lack it are no longer meant.
fn known(mappings: &mut Vec<&'static Mapping>, name: &str) -> Option<&'static Definition> {
    let property = |mapping: &&'static Mapping| {
        mapping.properties.iter().find(|property| property.name == name)
    };
    let definition = mappings.iter().find_map(property)?.definition;
    mappings.retain(|mapping| property(mapping).is_some());
    Some(definition)
}

/// Keys that only one of the mappings has, sorted.
fn distinguishing(mappings: &[&'static Mapping]) -> Vec<&'static str> {
    let all: Vec<_> =
        mappings.iter().flat_map(|mapping| mapping.properties).map(|key| key.name).collect();
    let once = |name: &&&str| all.iter().filter(|other| *other == *name).count() == 1;
    let mut names: Vec<_> = all.iter().filter(once).copied().collect();
    names.sort_unstable();
    names
}

fn matches_as_is(shape: &Shape, plain: &TemplateValue, text: &str) -> bool {
    match (shape, plain) {
        (Shape::Any, _)
        | (Shape::Null, TemplateValue::Null { .. })
        | (Shape::Boolean, TemplateValue::Boolean { .. })
        | (Shape::Number, TemplateValue::Number { .. }) => true,
        (_, TemplateValue::Text(_)) => matches_text(shape, text),
        (
            _,
            TemplateValue::Null { .. }
            | TemplateValue::Boolean { .. }
            | TemplateValue::Number { .. }
            | TemplateValue::List { .. }
            | TemplateValue::Map { .. },
        ) => false,
    }
}

fn matches_text(shape: &Shape, text: &str) -> bool {
    match shape {
        Shape::Text | Shape::Condition | Shape::Any => true,
        Shape::NonEmptyText => !text.is_empty(),
        Shape::Constant(constants) => constants.contains(&text),
        Shape::Null
        | Shape::Boolean
        | Shape::Number
        | Shape::Sequence(_)
        | Shape::Mapping(_)
        | Shape::OneOf(_) => false,
    }
}

/// Whether a text is `${{ insert }}` and nothing else.
fn insert_of(text: &str) -> bool {
    text.trim()
        .strip_prefix("${{")
        .and_then(|text| text.strip_suffix("}}"))
        .is_some_and(|inner| inner.trim() == "insert")
}

fn mentions_insert(text: &str) -> bool {
    text.split("${{").skip(1).any(|part| {
        part.split_once("}}").is_some_and(|(expression, _)| expression.trim() == "insert")
    })
}

fn is_insert(key: &Template) -> bool {
    insert_of(key.source())
}
