//! Prints results: data to standard output, messages to standard error.

use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde::Serialize;

/// In which form results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Jsonl,
}

/// Prints one thing: `people` for people, else JSON.
pub fn one<T: Serialize>(format: Format, value: &T, people: impl FnOnce(&T) -> String) {
    match format {
        Format::Table => line(people(value).trim_end()),
        Format::Json => line(&serde_json::to_string_pretty(value).unwrap_or_default()),
        Format::Jsonl => line(&serde_json::to_string(value).unwrap_or_default()),
    }
}

/// Prints a list: a table for people, else JSON.
pub fn many<T: Serialize>(
    format: Format,
    items: &[T],
    columns: &[&str],
    row: impl Fn(&T) -> Vec<String>,
) {
    match format {
        Format::Table => line(&table(columns, items.iter().map(row))),
        Format::Json => line(&serde_json::to_string_pretty(items).unwrap_or_default()),
        Format::Jsonl => {
            for item in items {
                line(&serde_json::to_string(item).unwrap_or_default());
            }
        }
    }
}

/// Writes one result and ends the line.
pub fn line(text: &str) {
    raw(&format!("{text}\n"));
}

/// Writes a part of a result. A reader that has seen enough (`| head`) ends the program quietly.
pub fn raw(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// A table without lines, as pipes and narrow terminals like it.
#[must_use]
pub fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|column| column.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}

/// Says something about the work to whoever watches; never part of the result.
#[expect(clippy::print_stderr, reason = "messages go to standard error")]
pub fn say(text: &str) {
    eprintln!("{text}");
}

/// The first digits of an id, enough for people.
#[must_use]
pub fn short(id: &str) -> String {
    let (prefix, rest) = id.strip_prefix("sha256:").map_or(("", id), |rest| ("sha256:", rest));
    format!("{prefix}{}", rest.chars().take(10).collect::<String>())
}
