//! The digest of an image in `images`, read and set by splicing the text.

use std::fmt;
use std::ops::Range;

use granit_parser::{Event, Parser, Span, StructureStyle};
use serde_json::{Map, Value, json};

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageEdit {
    /// The image as the manifests name it, without tag and digest.
    pub name: String,
    /// Where the image is now; `None` leaves `newName` as it is.
    pub new_name: Option<String>,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
}

/// Why a kustomization was not edited, with the place (from 1; 0 for the whole file).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditError {
    /// The file's path in its repository.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// What is wrong, without the place.
    pub message: String,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
        }
    }
}

impl std::error::Error for EditError {}

impl From<yaml::YamlError> for EditError {
    fn from(error: yaml::YamlError) -> Self {
        EditError {
            file: error.file,
            line: error.line,
            column: error.column,
            message: error.message,
        }
    }
}

/// The digest that `images` gives the image `name`; `None` when it gives none.
pub fn image_digest(file: &str, text: &str, name: &str) -> Result<Option<String>, EditError> {
    let value = parsed(file, text)?;
    let images = value.get("images").and_then(Value::as_array);
    let entry = images.into_iter().flatten().rfind(|entry| is_named(entry, name));
    Ok(entry.and_then(|entry| entry.get("digest")).and_then(Value::as_str).map(str::to_owned))
}

/// The text with the image's digest set (and its `newTag` gone). The entry, or the whole `images`
/// key, is added when it is absent; comments and everything else stay byte for byte.
pub fn set_image(file: &str, text: &str, image: &ImageEdit) -> Result<String, EditError> {
    let refuse = |message: &str| EditError {
        file: file.into(),
        line: 0,
        column: 0,
        message: message.into(),
    };
    let before = parsed(file, text)?;
    let mut wanted = before.clone();
    set_value(&mut wanted, image).ok_or_else(|| refuse("`images` must be a list of mappings"))?;
    let document = Outline::read(text).ok_or_else(|| refuse("the file cannot be outlined"))?;
    let edited = document.splice(text, image).map_err(|refusal| EditError {
        file: file.into(),
        line: refusal.line,
        column: refusal.column,
        message: refusal.message,
    })?;
    // The splice is trusted only when a reader sees exactly the wanted change.
    if parsed(file, &edited)? != wanted {
        return Err(refuse("`images` is written in a way that cannot be edited; use block style"));
    }
    Ok(edited)
}

fn parsed(file: &str, text: &str) -> Result<Value, EditError> {
    let mut documents = yaml::documents(file, text)?;
    match (documents.pop(), documents.len()) {
        (None, _) => Ok(Value::Object(Map::new())),
        (Some(value @ Value::Object(_)), 0) => Ok(value),
        _ => Err(EditError {
            file: file.into(),
            line: 0,
            column: 0,
            message: "a kustomization is one document with a mapping".into(),
        }),
    }
}

fn is_named(entry: &Value, name: &str) -> bool {
    entry.get("name").and_then(Value::as_str) == Some(name)
}

/// What the edit means; `None` when `images` has another shape.
fn set_value(value: &mut Value, image: &ImageEdit) -> Option<()> {
    let fields = value.as_object_mut()?;
    let images = fields.entry("images").or_insert_with(|| json!([]));
    if images.is_null() {
        *images = json!([]);
    }
    let images = images.as_array_mut()?;
    let position = images.iter().position(|entry| is_named(entry, &image.name));
    let position = position.unwrap_or_else(|| {
        images.push(json!({ "name": image.name }));
        images.len() - 1
    });
    let entry = images[position].as_object_mut()?;
    entry.shift_remove("newTag");
    if let Some(new_name) = &image.new_name {
        entry.insert("newName".into(), json!(new_name));
    }
    entry.insert("digest".into(), json!(image.digest));
    Some(())
}

struct Refusal {
    line: u64,
    column: u64,
    message: String,
}

/// A field of a mapping in the text.
#[derive(Debug, Clone)]
struct Field {
    key: String,
    /// From the key's first byte to the value's last.
    range: Range<usize>,
    value: Range<usize>,
    is_scalar: bool,
    text: String,
    line: u64,
    column: u64,
}

/// An entry of `images` in the text.
#[derive(Debug, Clone)]
struct Entry {
    is_flow: bool,
    range: Range<usize>,
    fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum List {
    Absent,
    /// `images:` with nothing behind it; the byte after the colon.
    Empty(usize),
    Block,
    Flow(Range<usize>),
}

/// The parts of a kustomization that an edit of `images` needs.
#[derive(Debug)]
struct Outline {
    root_is_flow: bool,
    root_column: usize,
    list: List,
    /// The column of the list's `-`.
    dash_column: usize,
    entries: Vec<Entry>,
    /// After the last byte of the last entry.
    end: usize,
}

/// One node of the event stream, with what is below it.
#[derive(Debug)]
enum Tree {
    Scalar { text: String, range: Range<usize>, line: u64, column: u64 },
    List { is_flow: bool, range: Range<usize>, items: Vec<Tree> },
    Mapping { is_flow: bool, range: Range<usize>, fields: Vec<(Tree, Tree)> },
}

impl Tree {
    fn range(&self) -> &Range<usize> {
        match self {
            Tree::Scalar { range, .. } | Tree::List { range, .. } | Tree::Mapping { range, .. } => {
                range
            }
        }
    }

    fn key(&self) -> &str {
        match self {
            Tree::Scalar { text, .. } => text,
            Tree::List { .. } | Tree::Mapping { .. } => "",
        }
    }
}

/// The parser's events, comments and starts left out.
type Events<'e, 'a> = &'e mut dyn Iterator<Item = (Event<'a>, Span)>;

#[expect(clippy::wildcard_enum_match_arm, reason = "the parser's events are open to new ones")]
fn tree<'a>(event: Event<'a>, span: Span, events: Events<'_, 'a>) -> Option<Tree> {
    let range = span.byte_range()?;
    match event {
        Event::Scalar(text, ..) => Some(Tree::Scalar {
            text: text.into_owned(),
            range,
            line: span.start.line() as u64,
            column: span.start.col() as u64 + 1,
        }),
        Event::SequenceStart(style, ..) => {
            let (items, end) = children(events)?;
            let is_flow = style == StructureStyle::Flow;
            Some(Tree::List { is_flow, range: range.start..end, items })
        }
        Event::MappingStart(style, ..) => {
            let (children, end) = children(events)?;
            let mut fields = Vec::new();
            let mut children = children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                fields.push((key, value));
            }
            let is_flow = style == StructureStyle::Flow;
            Some(Tree::Mapping { is_flow, range: range.start..end, fields })
        }
        _ => None,
    }
}

/// The nodes up to the end of the collection, and the end's last byte.
#[expect(clippy::wildcard_enum_match_arm, reason = "the parser's events are open to new ones")]
fn children<'a>(events: Events<'_, 'a>) -> Option<(Vec<Tree>, usize)> {
    let mut found = Vec::new();
    loop {
        let (event, span) = events.next()?;
        match event {
            Event::SequenceEnd | Event::MappingEnd => return Some((found, span.byte_range()?.end)),
            other => found.push(tree(other, span, events)?),
        }
    }
}

impl Outline {
    fn read(text: &str) -> Option<Self> {
        let mut options = granit_parser::Options::default();
        options.set_emit_comments(false);
        let parser = Parser::new_from_str_with_options(text, options);
        let mut events = parser
            .map_while(Result::ok)
            .filter(|(event, _)| !matches!(event, Event::StreamStart | Event::DocumentStart(..)));
        let mut outline = Outline {
            root_is_flow: false,
            root_column: 0,
            list: List::Absent,
            dash_column: 0,
            entries: Vec::new(),
            end: text.len(),
        };
        let is_empty = text.lines().all(is_blank_or_comment);
        let (event, span) = match events.next() {
            Some(first) if !is_empty => first,
            _ => return is_empty.then_some(outline),
        };
        let Tree::Mapping { is_flow, fields, .. } = tree(event, span, &mut events)? else {
            return None;
        };
        outline.root_is_flow = is_flow;
        outline.root_column = fields.first().map_or(0, |(key, _)| column_of(text, key));
        let images = fields.into_iter().find(|(key, _)| key.key() == "images");
        if let Some((key, value)) = images {
            outline.images(text, &key, value)?;
        }
        Some(outline)
    }

    fn images(&mut self, text: &str, key: &Tree, value: Tree) -> Option<()> {
        match value {
            Tree::Scalar { .. } => {
                self.list = List::Empty(key.range().end + text[key.range().end..].find(':')? + 1);
            }
            Tree::Mapping { .. } => return None,
            Tree::List { is_flow, range, items, .. } => {
                self.list = if is_flow { List::Flow(range.clone()) } else { List::Block };
                for item in items {
                    let Tree::Mapping { is_flow, range, fields, .. } = item else { return None };
                    self.entries.push(Entry { is_flow, range, fields: outlined(fields) });
                }
                let last = self.entries.last();
                self.end = last.and_then(Entry::end).unwrap_or(range.end);
                if !is_flow {
                    let first = self.entries.first()?.range.start;
                    let line = line_start(text, first);
                    self.dash_column = line_of_dash(text, line, first)?;
                }
            }
        }
        Some(())
    }

    fn splice(&self, text: &str, image: &ImageEdit) -> Result<String, Refusal> {
        let mut named = self.entries.iter().filter(|entry| {
            entry.fields.iter().any(|field| field.key == "name" && field.text == image.name)
        });
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        match (named.next(), named.next()) {
            (Some(_), Some(second)) => {
                let place = second.fields.first();
                Err(Refusal {
                    line: place.map_or(0, |field| field.line),
                    column: place.map_or(0, |field| field.column),
                    message: format!("`{}` is in `images` twice; remove one", image.name),
                })
            }
            (Some(entry), None) if entry.is_flow => Ok(entry.splice_flow(text, image)),
            (Some(entry), None) => Ok(entry.splice_block(text, image, newline)),
            (None, _) => self.add(text, image, newline),
        }
    }

    fn add(&self, text: &str, image: &ImageEdit, newline: &str) -> Result<String, Refusal> {
        let mut fields = vec![("name", image.name.as_str())];
        fields.extend(image.new_name.as_deref().map(|name| ("newName", name)));
        fields.push(("digest", &image.digest));
        let written: Vec<String> =
            fields.iter().map(|(key, value)| format!("{key}: {}", scalar(value))).collect();
        let block = |column: usize| {
            let indent = " ".repeat(column);
            format!("{indent}- {}", written.join(&format!("{newline}{indent}  ")))
        };
        match &self.list {
            List::Flow(_) if !self.entries.is_empty() => {
                Ok(insert(text, self.end, &format!(", {{{}}}", written.join(", "))))
            }
            List::Flow(range) => {
                let flow = format!("[{{{}}}]", written.join(", "));
                Ok(replace(text, range.clone(), &flow))
            }
            List::Block => {
                let end = line_end(text, self.end);
                Ok(insert(text, end, &format!("{newline}{}", block(self.dash_column))))
            }
            List::Empty(colon) => {
                let end = line_end(text, *colon);
                let value = text[*colon..end].split('#').next().unwrap_or_default().trim();
                if !value.is_empty() {
                    return Err(Refusal {
                        line: 0,
                        column: 0,
                        message: format!("`images` must be a list, but is `{value}`"),
                    });
                }
                Ok(insert(text, end, &format!("{newline}{}", block(self.root_column))))
            }
            List::Absent if self.root_is_flow => Err(Refusal {
                line: 1,
                column: 1,
                message: "the kustomization is in flow style; write it in block style".into(),
            }),
            List::Absent => {
                let mut edited = text.to_owned();
                if !edited.is_empty() && !edited.ends_with('\n') {
                    edited.push_str(newline);
                }
                let indent = " ".repeat(self.root_column);
                edited.push_str(&format!(
                    "{indent}images:{newline}{}{newline}",
                    block(self.root_column)
                ));
                Ok(edited)
            }
        }
    }
}

impl Entry {
    fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    fn end(&self) -> Option<usize> {
        if self.is_flow {
            return Some(self.range.end);
        }
        self.fields.last().map(|field| field.range.end)
    }

    fn splice_block(&self, text: &str, image: &ImageEdit, newline: &str) -> String {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        let mut lines = Vec::new();
        if let Some(new_name) = &image.new_name {
            match self.field("newName") {
                Some(field) => edits.push((field.value.clone(), scalar(new_name))),
                None => lines.push(format!("newName: {}", scalar(new_name))),
            }
        }
        let digest = format!("digest: {}", scalar(&image.digest));
        match (self.field("digest"), self.field("newTag")) {
            (Some(field), None) => edits.push((field.value.clone(), scalar(&image.digest))),
            (None, Some(tag)) => edits.push((tag.range.clone(), digest)),
            (None, None) => lines.push(digest),
            (Some(field), Some(tag)) => {
                let line = line_start(text, tag.range.start);
                let starts_line = text[line..tag.range.start].trim().is_empty();
                if starts_line {
                    edits.push((field.value.clone(), scalar(&image.digest)));
                    let end = (line_end(text, tag.range.end) + newline.len()).min(text.len());
                    edits.push((line..end, String::new()));
                } else {
                    // The tag stands behind the dash: the digest takes its place.
                    edits.push((tag.range.clone(), digest));
                    let line = line_start(text, field.range.start);
                    let end = (line_end(text, field.range.end) + newline.len()).min(text.len());
                    edits.push((line..end, String::new()));
                }
            }
        }
        if let (Some(name), false) = (self.field("name"), lines.is_empty()) {
            let end = line_end(text, name.range.end);
            let column = name.column as usize - 1;
            let separator = format!("{newline}{}", " ".repeat(column));
            edits.push((end..end, format!("{separator}{}", lines.join(&separator))));
        }
        apply(text, edits)
    }

    fn splice_flow(&self, text: &str, image: &ImageEdit) -> String {
        let mut written = Vec::new();
        for field in &self.fields {
            let is_replaced = field.key == "newTag"
                || field.key == "digest"
                || (field.key == "newName" && image.new_name.is_some());
            if !is_replaced {
                written.push(text[field.range.clone()].to_owned());
            }
        }
        written.extend(image.new_name.as_ref().map(|name| format!("newName: {}", scalar(name))));
        written.push(format!("digest: {}", scalar(&image.digest)));
        replace(text, self.range.clone(), &format!("{{{}}}", written.join(", ")))
    }
}

fn outlined(fields: Vec<(Tree, Tree)>) -> Vec<Field> {
    let mut outlined = Vec::new();
    for (key, value) in fields {
        let (line, column) = match &key {
            Tree::Scalar { line, column, .. } => (*line, *column),
            Tree::List { .. } | Tree::Mapping { .. } => (0, 0),
        };
        let is_scalar = matches!(value, Tree::Scalar { .. });
        outlined.push(Field {
            key: key.key().to_owned(),
            range: key.range().start..value.range().end,
            value: value.range().clone(),
            is_scalar,
            text: value.key().to_owned(),
            line,
            column,
        });
    }
    outlined.retain(|field| field.is_scalar);
    outlined
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#') || line == "---"
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The end of the line, before its line break.
fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    if text[..end].ends_with('\r') { end - 1 } else { end }
}

fn column_of(text: &str, key: &Tree) -> usize {
    let start = key.range().start;
    text[line_start(text, start)..start].chars().count()
}

fn line_of_dash(text: &str, line: usize, entry: usize) -> Option<usize> {
    let before = &text[line..entry];
    before.find('-').filter(|dash| before[..*dash].trim().is_empty())
}

fn insert(text: &str, at: usize, added: &str) -> String {
    replace(text, at..at, added)
}

fn replace(text: &str, range: Range<usize>, new: &str) -> String {
    apply(text, vec![(range, new.to_owned())])
}

fn apply(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut edited = text.to_owned();
    for (range, new) in edits {
        edited.replace_range(range, &new);
    }
    edited
}

/// The text as a plain scalar where that is safe, else in quotes.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !text.ends_with(':')
        && !text.chars().all(|character| character.is_ascii_digit() || character == '.')
        && text.chars().all(|character| {
            character.is_ascii_alphanumeric()
                || matches!(character, '-' | '_' | '.' | '/' | ':' | '@')
        });
    if is_plain { text.to_owned() } else { Value::String(text.into()).to_string() }
}
