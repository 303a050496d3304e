//! Prints results: data to standard output, messages to standard error.

use std::io::IsTerminal;

use clap::ValueEnum;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::language::Language;
use crate::words::{Column, Words};

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

/// How and in which language things are said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Output {
    /// The form of results.
    pub format: Format,
    /// The language of sentences; JSON has none.
    pub language: Language,
    /// Only results and errors.
    pub quiet: bool,
}

impl Output {
    /// The sentences.
    #[must_use]
    pub fn words(&self) -> &'static dyn Words {
        self.language.words()
    }

    /// Prints one thing: `people` for people, else JSON.
    pub fn one<T: Serialize>(&self, value: &T, people: impl FnOnce(&T, &dyn Words) -> String) {
        match self.format {
            Format::Table => line(people(value, self.words()).trim_end()),
            Format::Json => line(&serde_json::to_string_pretty(value).unwrap_or_default()),
            Format::Jsonl => line(&serde_json::to_string(value).unwrap_or_default()),
        }
    }

    /// Prints a list: a table for people, else JSON.
    pub fn many<T: Serialize>(
        &self,
        items: &[T],
        columns: &[Column],
        row: impl Fn(&T, &dyn Words) -> Vec<String>,
    ) {
        let words = self.words();
        match self.format {
            Format::Table => {
                line(&table(words, columns, items.iter().map(|item| row(item, words))));
            }
            Format::Json => line(&serde_json::to_string_pretty(items).unwrap_or_default()),
            Format::Jsonl => {
                for item in items {
                    line(&serde_json::to_string(item).unwrap_or_default());
                }
            }
        }
    }

    /// Says something about the work to whoever watches; never part of the result.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            complain(text);
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

/// A table without lines, as pipes and narrow terminals like it. At a terminal it keeps to the width
/// and states have colours, unless `NO_COLOR` is set.
#[must_use]
pub fn table(
    words: &dyn Words,
    columns: &[Column],
    rows: impl Iterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let is_terminal = std::io::stdout().is_terminal();
    if is_terminal {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    let colours = is_terminal && colours_wanted();
    table.set_header(columns.iter().map(|column| words.column(*column).to_uppercase()));
    for row in rows {
        table.add_row(row.into_iter().zip(columns).map(|(text, column)| {
            if !column.holds_states() {
                return Cell::new(text);
            }
            let cell = Cell::new(words.state(&text));
            match tone(&text) {
                Some(Tone::Good) if colours => cell.fg(Color::Green),
                Some(Tone::Bad) if colours => cell.fg(Color::Red),
                Some(Tone::Busy) if colours => cell.fg(Color::Yellow),
                Some(_) | None => cell,
            }
        }));
    }
    table.trim_fmt()
}

/// Whether nobody asked for no colours, by <https://no-color.org>.
#[must_use]
pub fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The colour of a state's word. The word itself says everything: colours only help to find it.
#[must_use]
pub fn tone(state: &str) -> Option<Tone> {
    match state {
        "healthy" | "synced" | "success" | "merged" | "resolved" => Some(Tone::Good),
        "degraded" | "failure" | "sick" | "blocked" | "missing" => Some(Tone::Bad),
        "progressing" | "out_of_sync" | "inconclusive" | "running" | "queued" => Some(Tone::Busy),
        _ => None,
    }
}

/// What a state means to somebody who scans a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Somebody has to look.
    Bad,
    /// It will change by itself.
    Busy,
}

/// Says what is wrong, whoever watches.
#[expect(clippy::print_stderr, reason = "messages go to standard error")]
pub fn complain(text: &str) {
    eprintln!("{text}");
}

/// The first digits of an id, enough for people.
#[must_use]
pub fn short(id: &str) -> String {
    let (prefix, rest) = id.strip_prefix("sha256:").map_or(("", id), |rest| ("sha256:", rest));
    format!("{prefix}{}", rest.chars().take(10).collect::<String>())
}

/// A text as one part of an address.
#[must_use]
pub fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
