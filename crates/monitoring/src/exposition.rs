//! Reads Prometheus' text format (version 0.0.4) within a budget.

use std::collections::BTreeMap;

/// One number of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The metric's name.
    pub name: String,
    /// The labels without the name; none is empty.
    pub labels: BTreeMap<String, String>,
    /// The number; NaN and infinities are allowed.
    pub value: f64,
    /// When it was true, in milliseconds since 1970; `None`: when it was fetched.
    pub timestamp_ms: Option<i64>,
}

/// How much one endpoint may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the whole answer.
    pub bytes_max: usize,
    /// Lines with or without a sample.
    pub lines_max: usize,
    /// Samples.
    pub series_max: usize,
    /// Labels of one sample.
    pub labels_max: usize,
    /// Bytes of one name or one label's value.
    pub text_bytes_max: usize,
}

impl Default for Budget {
    /// A service's own metrics are hundreds of series; ten thousand is a mistake with a label.
    fn default() -> Self {
        Self {
            bytes_max: 4 << 20,
            lines_max: 50_000,
            series_max: 10_000,
            labels_max: 40,
            text_bytes_max: 2048,
        }
    }
}

/// What an endpoint said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exposition {
    /// The samples in the order of the text.
    pub samples: Vec<Sample>,
    /// How many samples were dropped because their series came before in the same text.
    pub duplicates: usize,
}

/// Why an answer is not in the text format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ExpositionError {
    /// The line, from 1; 0 when it is about the whole text.
    pub line: usize,
    /// What is wrong there.
    pub problem: ExpositionProblem,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpositionProblem {
    /// More than the budget allows.
    #[error("more than {limit} {what}; expose fewer, or raise the limit")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Not text.
    #[error("the answer is not UTF-8 text; is this the metrics path?")]
    NotText,
    /// Not a sample, and not a comment.
    #[error("expected {expected}, found `{found}`; is this Prometheus' text format?")]
    Syntax {
        /// What should be there.
        expected: &'static str,
        /// The start of what is there.
        found: String,
    },
    /// A label twice in one sample.
    #[error("label `{0}` is there twice")]
    LabelTwice(String),
}

impl ExpositionProblem {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMuch { .. } => "metrics-too-large",
            Self::NotText => "metrics-not-text",
            Self::Syntax { .. } => "metrics-garbage",
            Self::LabelTwice(_) => "metrics-label-twice",
        }
    }
}

/// Reads a whole answer, or refuses it whole.
pub fn parse(text: &[u8], budget: &Budget) -> Result<Exposition, ExpositionError> {
    let fail = |line, problem| ExpositionError { line, problem };
    if text.len() > budget.bytes_max {
        return Err(fail(0, too_much("bytes", budget.bytes_max)));
    }
    let text = std::str::from_utf8(text).map_err(|error| {
        let line = 1 + text[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count();
        fail(line, ExpositionProblem::NotText)
    })?;
    let mut exposition = Exposition::default();
    let mut seen = std::collections::BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        if number > budget.lines_max {
            return Err(fail(number, too_much("lines", budget.lines_max)));
        }
        let line = line.trim_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let sample = sample(line, budget).map_err(|problem| fail(number, problem))?;
        if !seen.insert((sample.name.clone(), sample.labels.clone(), sample.timestamp_ms)) {
            exposition.duplicates += 1;
            continue;
        }
        if exposition.samples.len() == budget.series_max {
            return Err(fail(number, too_much("series", budget.series_max)));
        }
        exposition.samples.push(sample);
    }
    Ok(exposition)
}

fn too_much(what: &'static str, limit: usize) -> ExpositionProblem {
    ExpositionProblem::TooMuch { what, limit }
}

fn sample(line: &str, budget: &Budget) -> Result<Sample, ExpositionProblem> {
    let mut cursor = Cursor { rest: line };
    let name = cursor.name("a metric's name", |c| c == ':', budget)?;
    let labels = cursor.labels(budget)?;
    if !cursor.rest.starts_with([' ', '\t']) && labels.is_empty() && !line.contains('}') {
        return Err(cursor.expected("a space and a number"));
    }
    cursor.spaces();
    let value = cursor.number()?;
    cursor.spaces();
    let timestamp_ms = cursor.timestamp()?;
    cursor.spaces();
    if !cursor.rest.is_empty() && !cursor.rest.starts_with('#') {
        return Err(cursor.expected("the end of the line"));
    }
    Ok(Sample { name, labels, value, timestamp_ms })
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn expected(&self, expected: &'static str) -> ExpositionProblem {
        let found = self.rest.chars().take(40).collect();
        ExpositionProblem::Syntax { expected, found }
    }

    fn take(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find([' ', '\t']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn name(
        &mut self,
        expected: &'static str,
        also: fn(char) -> bool,
        budget: &Budget,
    ) -> Result<String, ExpositionProblem> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || also(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        if end == 0 || self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.expected(expected));
        }
        if end > budget.text_bytes_max {
            return Err(too_much("bytes in a name", budget.text_bytes_max));
        }
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(name.to_owned())
    }

    /// `{a="b",c="d",}` or nothing; an empty value is the same as no label.
    fn labels(&mut self, budget: &Budget) -> Result<BTreeMap<String, String>, ExpositionProblem> {
        let mut labels = BTreeMap::new();
        let before = self.rest;
        self.spaces();
        if !self.take('{') {
            self.rest = before;
            return Ok(labels);
        }
        loop {
            self.spaces();
            if self.take('}') {
                labels.retain(|_, value: &mut String| !value.is_empty());
                return Ok(labels);
            }
            if labels.len() == budget.labels_max {
                return Err(too_much("labels in a sample", budget.labels_max));
            }
            let name = self.name("a label's name or `}`", |_| false, budget)?;
            self.spaces();
            if !self.take('=') {
                return Err(self.expected("`=`"));
            }
            self.spaces();
            let value = self.quoted(budget)?;
            if labels.insert(name.clone(), value).is_some() {
                return Err(ExpositionProblem::LabelTwice(name));
            }
            self.spaces();
            if !self.take(',') && !self.rest.starts_with('}') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    /// `"…"` with `\\`, `\"` and `\n`; any other escape stays as it is.
    fn quoted(&mut self, budget: &Budget) -> Result<String, ExpositionProblem> {
        let start = Cursor { rest: self.rest };
        if !self.take('"') {
            return Err(self.expected("`\"`"));
        }
        let mut value = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, c)) = characters.next() {
            if value.len() > budget.text_bytes_max {
                return Err(too_much("bytes in a label's value", budget.text_bytes_max));
            }
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(value);
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                    Some((_, other)) => value.extend(['\\', other]),
                    None => break,
                },
                other => value.push(other),
            }
        }
        Err(start.expected("a closing `\"`"))
    }

    fn number(&mut self) -> Result<f64, ExpositionProblem> {
        let start = Cursor { rest: self.rest };
        let word = self.word();
        // Rust also reads `infinity` and hexadecimal never; Go reads the same words here.
        word.parse::<f64>().map_err(|_| start.expected("a number"))
    }

    fn timestamp(&mut self) -> Result<Option<i64>, ExpositionProblem> {
        if self.rest.is_empty() || self.rest.starts_with('#') {
            return Ok(None);
        }
        let start = Cursor { rest: self.rest };
        let word = self.word();
        word.parse().map(Some).map_err(|_| start.expected("a timestamp in milliseconds"))
    }
}
