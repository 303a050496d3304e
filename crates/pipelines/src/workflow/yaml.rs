//! YAML as GitHub's reader takes it: the 1.2 core schema, every node with its place, within budgets.
//!
//! Anchors and aliases are followed; merge keys are refused, and so is an anchor that nothing refers
//! to (`run: &echo hi` would lose a word without notice).

use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, Tag};

use super::problem::{ProblemCode, Problems, WHOLE_FILE};
use crate::expressions::{Position, number_to_text};

/// Mappings and sequences inside one another. GitHub's.
const DEPTH_MAX: usize = 100;
/// Nodes of a file with its aliases followed: a hundred times the largest public workflow, and
/// reached by an alias bomb at once.
const NODES_MAX: usize = 100_000;

/// A node and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub at: Position,
    pub kind: NodeKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum NodeKind {
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// The text that a scalar is as a key or where a text is wanted; `None` for collections.
    pub fn scalar_text(&self) -> Option<String> {
        match &self.kind {
            NodeKind::Null => Some(String::new()),
            NodeKind::Boolean(value) => Some(value.to_string()),
            NodeKind::Number(value) => Some(number_to_text(*value)),
            NodeKind::Text(text) => Some(text.clone()),
            NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        }
    }

    /// How many nodes this one is, itself included.
    fn weight(&self) -> usize {
        match &self.kind {
            NodeKind::Null | NodeKind::Boolean(_) | NodeKind::Number(_) | NodeKind::Text(_) => 1,
            NodeKind::Sequence(items) => 1 + items.iter().map(Self::weight).sum::<usize>(),
            NodeKind::Mapping(entries) => {
                1 + entries.iter().map(|(key, value)| key.weight() + value.weight()).sum::<usize>()
            }
        }
    }
}

/// Comments that follow a bracket at once, in one file.
const TOUCHING_MAX: usize = 100;

/// The file's one document; `None` when a problem was added. An empty file is null.
pub(super) fn parse(text: &str, problems: &mut Problems<'_>) -> Option<Node> {
    let mut text = std::borrow::Cow::Borrowed(text);
    for _ in 0..TOUCHING_MAX {
        match touching_comment(&text) {
            Some(offset) => text.to_mut().insert(offset, ' '),
            None => break,
        }
    }
    parse_text(&text, problems)
}

/// The place of a `#` that the parser refuses for it touches the bracket before it, as in `[a]# b`.
/// GitHub's reader takes it for a comment; a blank before it moves nothing that has a place.
fn touching_comment(text: &str) -> Option<usize> {
    if !text.contains("]#") && !text.contains("}#") {
        return None;
    }
    let error = Parser::new_from_str_with_options(text, options()).find_map(Result::err)?;
    let line = text.split_inclusive('\n').nth(error.marker().line().checked_sub(1)?)?;
    let start = line.as_ptr().addr() - text.as_ptr().addr();
    let (column, _) = line.char_indices().nth(error.marker().col())?;
    let offset = start + column;
    let touches = text[..offset].ends_with([']', '}']) && text[offset..].starts_with('#');
    touches.then_some(offset)
}

fn options() -> Options {
    let mut options = Options::default();
    options.emit_anchor_events = true;
    options.emit_comments = false;
    options.block_scalar_eof_without_line_feed = true;
    options
}

fn parse_text(text: &str, problems: &mut Problems<'_>) -> Option<Node> {
    let mut builder =
        Builder { text, problems, anchors: BTreeMap::new(), nodes: 0, open: Vec::new() };
    let mut document = None;
    for event in Parser::new_from_str_with_options(text, options()) {
        match event {
            Ok((event, span)) => builder.event(event, span, &mut document)?,
            Err(error) => {
                let at = position(error.marker().line(), error.marker().col());
                builder.problems.add(ProblemCode::WorkflowYaml, at, error.info());
                return None;
            }
        }
    }
    let unused = builder.anchors.values().filter(|anchor| !anchor.used && !anchor.name.is_empty());
    let unused: Vec<_> = unused.map(|anchor| (anchor.at, anchor.name.clone())).collect();
    for (at, name) in &unused {
        let message = format!(
            "The anchor '{name}' is never used. Remove it, or quote the text when '&' belongs to it"
        );
        builder.problems.add(ProblemCode::WorkflowAnchor, *at, message);
    }
    if !unused.is_empty() {
        return None;
    }
    Some(document.unwrap_or(Node { at: Position { line: 1, column: 1 }, kind: NodeKind::Null }))
}

struct Anchor {
    name: String,
    at: Position,
    used: bool,
    node: Option<Node>,
}

/// A collection that is not closed yet.
struct Open {
    at: Position,
    anchor: usize,
    items: Vec<Node>,
    is_mapping: bool,
}

struct Builder<'t, 'p, 'a> {
    text: &'t str,
    problems: &'p mut Problems<'a>,
    anchors: BTreeMap<usize, Anchor>,
    nodes: usize,
    open: Vec<Open>,
}

impl Builder<'_, '_, '_> {
    fn event(&mut self, event: Event<'_>, span: Span, document: &mut Option<Node>) -> Option<()> {
        let at = position(span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(..) if document.is_some() => {
                let message = "A workflow file holds one document; a second one begins here";
                self.refuse(ProblemCode::WorkflowYaml, at, message)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let at = span.tag_start().map_or(at, |start| position(start.line(), start.col()));
                let at =
                    if style == ScalarStyle::Plain { self.after_indicator(at, &span) } else { at };
                let kind = self.scalar(&text, style, tag.as_deref(), at)?;
                self.finish(Node { at, kind }, anchor, document)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(at, anchor, false),
            Event::MappingStart(_, anchor, _) => self.begin(at, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(document),
            Event::Alias(id) => {
                let anchor = self.anchors.get_mut(&id)?;
                anchor.used = true;
                let Some(node) = anchor.node.clone() else {
                    let message = format!("The anchor '{}' is inside itself", anchor.name);
                    return self.refuse(ProblemCode::WorkflowAnchor, at, message);
                };
                self.nodes += node.weight();
                self.finish(node, 0, document)
            }
            Event::Anchor(id, name) => {
                let anchor = self.anchors.entry(id).or_insert(Anchor {
                    name: String::new(),
                    at,
                    used: false,
                    node: None,
                });
                anchor.name = name.into_owned();
                anchor.at = at;
                Some(())
            }
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::UnresolvedAlias(_)
            | Event::Comment(..)
            | _ => Some(()),
        }
    }

    /// A value that is absent stands behind its `:` or `-`; the parser gives that sign's place.
    fn after_indicator(&self, at: Position, span: &Span) -> Position {
        let rest = span.start.byte_offset().and_then(|offset| self.text.get(offset..));
        let is_indicator = rest.is_some_and(|rest| {
            let next = rest.strip_prefix([':', '-', '?']);
            next.is_some_and(|next| next.is_empty() || next.starts_with(char::is_whitespace))
        });
        if is_indicator {
            return Position { column: at.column + 1, ..at };
        }
        at
    }

    fn refuse(
        &mut self,
        code: ProblemCode,
        at: Position,
        message: impl Into<String>,
    ) -> Option<()> {
        self.problems.add(code, at, message);
        None
    }

    fn begin(&mut self, at: Position, anchor: usize, is_mapping: bool) -> Option<()> {
        if self.open.len() >= DEPTH_MAX {
            let message = format!("Maximum object depth of {DEPTH_MAX} exceeded");
            return self.refuse(ProblemCode::WorkflowTooLarge, at, message);
        }
        self.open.push(Open { at, anchor, items: Vec::new(), is_mapping });
        Some(())
    }

    fn end(&mut self, document: &mut Option<Node>) -> Option<()> {
        let open = self.open.pop()?;
        let kind = if open.is_mapping {
            let mut entries = Vec::with_capacity(open.items.len() / 2);
            let mut items = open.items.into_iter();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                if key.kind == NodeKind::Text("<<".into()) {
                    let message = "Merge keys ('<<') are not part of the language. Write the keys \
                                   out, or give each mapping its own anchor";
                    return self.refuse(ProblemCode::WorkflowAnchor, key.at, message);
                }
                entries.push((key, value));
            }
            NodeKind::Mapping(entries)
        } else {
            NodeKind::Sequence(open.items)
        };
        self.finish(Node { at: open.at, kind }, open.anchor, document)
    }

    /// Puts a node in its place.
    fn finish(&mut self, node: Node, anchor: usize, document: &mut Option<Node>) -> Option<()> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message =
                format!("The file has more than {NODES_MAX} values when its aliases are followed");
            return self.refuse(ProblemCode::WorkflowTooLarge, WHOLE_FILE, message);
        }
        if anchor != 0 {
            let known = self.anchors.entry(anchor).or_insert(Anchor {
                name: String::new(),
                at: node.at,
                used: false,
                node: None,
            });
            known.node = Some(node.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => *document = Some(node),
        }
        Some(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: Position,
    ) -> Option<NodeKind> {
        let Some(tag) = tag else {
            let plain = style == ScalarStyle::Plain;
            let kind = if plain { resolve(text) } else { NodeKind::Text(text.into()) };
            return Some(kind);
        };
        let (handle, suffix) = tag.parts();
        let full = format!("{handle}{suffix}");
        let style_name = match style {
            ScalarStyle::Plain => None,
            ScalarStyle::SingleQuoted => Some("SingleQuoted"),
            ScalarStyle::DoubleQuoted => Some("DoubleQuoted"),
            ScalarStyle::Literal => Some("Literal"),
            ScalarStyle::Folded => Some("Folded"),
        };
        let known = match full.as_str() {
            "tag:yaml.org,2002:str" | "!" => return Some(NodeKind::Text(text.into())),
            "tag:yaml.org,2002:null" => resolve(text) == NodeKind::Null,
            "tag:yaml.org,2002:bool" => matches!(resolve(text), NodeKind::Boolean(_)),
            "tag:yaml.org,2002:int" => is_integer(text),
            "tag:yaml.org,2002:float" => matches!(resolve(text), NodeKind::Number(_)),
            _ => {
                let message = format!("Unexpected tag '{full}'");
                self.problems.add(ProblemCode::WorkflowYaml, at, message);
                return None;
            }
        };
        let Position { line, column } = at;
        let message = match style_name {
            Some(style) => format!(
                "The scalar style '{style}' on line {line} and column {column} is not valid with \
                 the tag '{full}'"
            ),
            None if known => return Some(resolve(text)),
            None => format!(
                "The value '{text}' on line {line} and column {column} is invalid for the type \
                 '{full}'"
            ),
        };
        self.problems.add(ProblemCode::WorkflowYaml, at, message);
        None
    }
}

/// A plain scalar by the core schema of YAML 1.2.
fn resolve(text: &str) -> NodeKind {
    match text {
        "" | "null" | "Null" | "NULL" | "~" => NodeKind::Null,
        "true" | "True" | "TRUE" => NodeKind::Boolean(true),
        "false" | "False" | "FALSE" => NodeKind::Boolean(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => NodeKind::Number(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => NodeKind::Number(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => NodeKind::Number(f64::NAN),
        _ => number(text).map_or_else(|| NodeKind::Text(text.into()), NodeKind::Number),
    }
}

fn number(text: &str) -> Option<f64> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'.' | b'-' | b'+')) {
        return None;
    }
    let radix = |prefix, radix| {
        let digits = text.strip_prefix(prefix)?;
        let value = u64::from_str_radix(digits, radix).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "every number of the language is a double")]
        digits.bytes().all(|digit| digit.is_ascii_alphanumeric()).then_some(value as f64)
    };
    if let Some(value) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Some(value);
    }
    let allowed =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    text.bytes().all(allowed).then(|| text.parse().ok()).flatten()
}

fn is_integer(text: &str) -> bool {
    matches!(resolve(text), NodeKind::Number(_)) && !text.contains(['.', 'e', 'E'])
        || text.starts_with("0x") && number(text).is_some()
}

fn position(line: usize, column: usize) -> Position {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Position { line: number(line), column: number(column + 1) }
}
