//! From the bytes that a job prints to lines of its log: the end of each step, commands, masks,
//! limits.

use pipelines::facts::{Annotation, AnnotationLevel};
use pipelines::run::commands::{CommandReader, LineMeaning};

use crate::masks::Masks;

/// A longer line is kept in pieces.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Finds the end of a step in a stream that is read in any pieces.
#[derive(Debug)]
pub struct EndFinder {
    marker: Vec<u8>,
    held: Vec<u8>,
}

/// What was found in a piece of the stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Output of the step.
    pub output: Vec<u8>,
    /// The step's exit code, when it has ended; what comes after it is held.
    pub exit_code: Option<i32>,
}

impl EndFinder {
    /// Looks for `\0NONCE CODE\n`, which the agent prints after a step.
    #[must_use]
    pub fn new(nonce: &str) -> Self {
        Self { marker: format!("\0{nonce} ").into_bytes(), held: Vec::new() }
    }

    /// Takes one more piece, which may be empty.
    pub fn push(&mut self, piece: &[u8]) -> Found {
        self.held.extend_from_slice(piece);
        let at = self.held.windows(self.marker.len()).position(|window| window == self.marker);
        if let Some(at) = at {
            let rest = &self.held[at + self.marker.len()..];
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                let output = self.held.drain(..at).collect();
                return Found { output, exit_code: None };
            };
            let code = std::str::from_utf8(&rest[..end]).ok().and_then(|text| text.parse().ok());
            let after = at + self.marker.len() + end + 1;
            let output = self.held[..at].to_vec();
            self.held.drain(..after);
            return Found { output, exit_code: Some(code.unwrap_or(1)) };
        }
        let possible = (1..self.marker.len().min(self.held.len() + 1))
            .rev()
            .find(|length| self.held.ends_with(&self.marker[..*length]))
            .unwrap_or(0);
        let output = self.held.drain(..self.held.len() - possible).collect();
        Found { output, exit_code: None }
    }

    /// What is left when the stream ends without an end of the step.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

/// Reads the output of one step.
#[derive(Debug)]
pub struct StepOutput {
    commands: CommandReader,
    line: Vec<u8>,
    kept_bytes: u64,
    limit_bytes: u64,
    full: bool,
    /// What the step remarked, masked.
    pub annotations: Vec<Annotation>,
    /// What it declared secret.
    pub masks: Vec<String>,
    /// Why it fails although its script did not.
    pub refused: Option<String>,
}

impl StepOutput {
    /// A step that may keep this much in the log.
    #[must_use]
    pub fn new(limit_bytes: u64) -> Self {
        Self {
            commands: CommandReader::new(),
            line: Vec::new(),
            kept_bytes: 0,
            limit_bytes,
            full: false,
            annotations: Vec::new(),
            masks: Vec::new(),
            refused: None,
        }
    }

    /// Takes output; the lines to keep, masked.
    pub fn push(&mut self, output: &[u8], masks: &mut Masks) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for byte_line in output.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(byte_line);
            if self.line.ends_with(b"\n") {
                self.end_line(masks, &mut lines);
            } else {
                while self.line.len() > LINE_BYTES_MAX + masks.longest() {
                    let cut = masks.safe_cut(&self.line);
                    let piece: Vec<u8> = self.line.drain(..cut).collect();
                    self.keep(masks.hide(&piece), &mut lines);
                }
            }
        }
        lines
    }

    /// The step has ended: the last line needs no end.
    pub fn finish(&mut self, masks: &mut Masks) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        if !self.line.is_empty() {
            self.end_line(masks, &mut lines);
        }
        lines
    }

    fn end_line(&mut self, masks: &mut Masks, lines: &mut Vec<Vec<u8>>) {
        let mut line = std::mem::take(&mut self.line);
        while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            line.pop();
        }
        let kept = match self.commands.read(&String::from_utf8_lossy(&line)) {
            LineMeaning::Text => Some(line),
            LineMeaning::Mask(value) => {
                if !masks.add(&value) {
                    let message = "a value given to add-mask is too short to be hidden";
                    self.annotate(AnnotationLevel::Warning, message.to_owned());
                }
                self.masks.push(value);
                None
            }
            LineMeaning::Annotation(mut annotation) => {
                annotation.message = masks.hide_text(&annotation.message);
                annotation.title = annotation.title.map(|title| masks.hide_text(&title));
                let text = format!("##[{}]{}", annotation.level.as_str(), annotation.message);
                self.keep_annotation(annotation);
                Some(text.into_bytes())
            }
            LineMeaning::GroupStart(name) => Some(format!("##[group]{name}").into_bytes()),
            LineMeaning::GroupEnd => Some(b"##[endgroup]".to_vec()),
            LineMeaning::Debug(text) => Some(format!("##[debug]{text}").into_bytes()),
            LineMeaning::Nothing => None,
            LineMeaning::Refused(reason) => {
                let text = format!("##[error]{reason}");
                self.annotate(AnnotationLevel::Error, reason.clone());
                self.refused.get_or_insert(reason);
                Some(text.into_bytes())
            }
        };
        if let Some(line) = kept {
            self.keep(masks.hide(&line), lines);
        }
    }

    fn keep(&mut self, line: Vec<u8>, lines: &mut Vec<Vec<u8>>) {
        if self.full {
            return;
        }
        self.kept_bytes += line.len() as u64 + 1;
        if self.kept_bytes <= self.limit_bytes {
            lines.push(line);
            return;
        }
        self.full = true;
        let limit_bytes = self.limit_bytes;
        let text = format!("##[warning]the log of this step ends here, at {limit_bytes} bytes");
        lines.push(text.into_bytes());
    }

    fn annotate(&mut self, level: AnnotationLevel, message: String) {
        let (title, file, line, column) = (None, None, None, None);
        self.keep_annotation(Annotation { level, message, title, file, line, column });
    }

    fn keep_annotation(&mut self, annotation: Annotation) {
        if self.annotations.len() < Annotation::PER_JOB_MAX {
            self.annotations.push(annotation);
        }
    }
}
