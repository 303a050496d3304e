//! What a step says on its output: `::add-mask::`, `::error file=…::`, `::group::` and the rest.

use crate::facts::{Annotation, AnnotationLevel};

/// Reads a step's output line by line.
#[derive(Debug, Clone, Default)]
pub struct CommandReader {
    stopped_until: Option<String>,
}

/// What one line of output means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineMeaning {
    /// Output like any other.
    Text,
    /// This value is secret from here on; the line itself is not kept.
    Mask(String),
    /// A remark; the line is kept.
    Annotation(Annotation),
    /// A group of lines begins; kept as a heading.
    GroupStart(String),
    /// The group ends.
    GroupEnd,
    /// A line for people who look for errors in the workflow; kept.
    Debug(String),
    /// Understood, without effect; the line is not kept.
    Nothing,
    /// A command that Boucle refuses; the step fails for this reason.
    Refused(String),
}

impl CommandReader {
    /// A reader at the begin of a step.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the line, without its end, means.
    pub fn read(&mut self, line: &str) -> LineMeaning {
        let Some(command) = Command::parse(line.trim_start()) else { return LineMeaning::Text };
        if let Some(token) = &self.stopped_until {
            if command.name == *token {
                self.stopped_until = None;
                return LineMeaning::Nothing;
            }
            return LineMeaning::Text;
        }
        match command.name {
            "add-mask" => LineMeaning::Mask(unescape_message(command.message)),
            "error" => command.annotation(AnnotationLevel::Error),
            "warning" => command.annotation(AnnotationLevel::Warning),
            "notice" => command.annotation(AnnotationLevel::Notice),
            "group" => LineMeaning::GroupStart(unescape_message(command.message)),
            "endgroup" => LineMeaning::GroupEnd,
            "debug" => LineMeaning::Debug(unescape_message(command.message)),
            "echo" | "add-matcher" | "remove-matcher" => LineMeaning::Nothing,
            "stop-commands" => {
                self.stopped_until = Some(command.message.to_owned());
                LineMeaning::Nothing
            }
            "set-output" => refused("set-output", "GITHUB_OUTPUT"),
            "save-state" => refused("save-state", "GITHUB_STATE"),
            "set-env" => refused("set-env", "GITHUB_ENV"),
            "add-path" => refused("add-path", "GITHUB_PATH"),
            // Not a command of the language: a program that prints `::` for its own reasons.
            _ => LineMeaning::Text,
        }
    }
}

fn refused(name: &str, file: &str) -> LineMeaning {
    LineMeaning::Refused(format!(
        "the command `::{name}::` is not accepted, because anything that prints could forge it; \
         write to the file ${file} instead"
    ))
}

struct Command<'a> {
    name: &'a str,
    properties: &'a str,
    message: &'a str,
}

impl<'a> Command<'a> {
    /// `::name key=value,key=value::message`.
    fn parse(line: &'a str) -> Option<Self> {
        let (head, message) = line.strip_prefix("::")?.split_once("::")?;
        let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let named = !name.is_empty() && name.bytes().all(valid);
        named.then_some(Self { name, properties, message })
    }

    fn property(&self, wanted: &str) -> Option<String> {
        self.properties.split(',').find_map(|property| {
            let (name, value) = property.split_once('=')?;
            let found = name.trim().eq_ignore_ascii_case(wanted) && !value.is_empty();
            found.then(|| unescape_property(value.trim()))
        })
    }

    fn annotation(&self, level: AnnotationLevel) -> LineMeaning {
        let number = |name: &str| self.property(name).and_then(|text| text.parse().ok());
        let mut message = unescape_message(self.message);
        message.truncate(message.floor_char_boundary(Annotation::MESSAGE_BYTES_MAX));
        LineMeaning::Annotation(Annotation {
            level,
            message,
            title: self.property("title"),
            file: self.property("file"),
            line: number("line"),
            column: number("col"),
        })
    }
}

fn unescape_message(text: &str) -> String {
    text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
}

fn unescape_property(text: &str) -> String {
    let text = text.replace("%0D", "\r").replace("%0A", "\n");
    text.replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[(&str, LineMeaning)]) {
        let mut reader = CommandReader::new();
        for (line, expected) in lines {
            assert_eq!(reader.read(line), *expected, "{line}");
        }
    }

    fn error(message: &str) -> Annotation {
        let (title, file, line, column) = (None, None, None, None);
        let level = AnnotationLevel::Error;
        Annotation { level, message: message.into(), title, file, line, column }
    }

    #[test]
    fn reads_commands() {
        let place = Annotation {
            title: Some("a, b".into()),
            file: Some("src/a.rs".into()),
            line: Some(3),
            column: Some(7),
            ..error("50% off\nnow")
        };
        check(&[
            ("plain", LineMeaning::Text),
            ("::", LineMeaning::Text),
            (":: ::x", LineMeaning::Text),
            ("std::fs::read", LineMeaning::Text),
            ("::unknown::x", LineMeaning::Text),
            ("::add-mask::top secret", LineMeaning::Mask("top secret".into())),
            ("  ::error::broken", LineMeaning::Annotation(error("broken"))),
            (
                "::error file=src/a.rs,line=3,col=7,title=a%2C b::50%25 off%0Anow",
                LineMeaning::Annotation(place),
            ),
            ("::group::Build", LineMeaning::GroupStart("Build".into())),
            ("::endgroup::", LineMeaning::GroupEnd),
            ("::debug::x", LineMeaning::Debug("x".into())),
        ]);
    }

    #[test]
    fn commands_can_be_stopped() {
        check(&[
            ("::stop-commands::pause", LineMeaning::Nothing),
            ("::error::quoted", LineMeaning::Text),
            ("::pause::", LineMeaning::Nothing),
            ("::error::real", LineMeaning::Annotation(error("real"))),
        ]);
    }

    #[test]
    fn refuses_what_output_could_forge() {
        for name in ["set-output name=a", "save-state name=a", "set-env name=a", "add-path"] {
            let meaning = CommandReader::new().read(&format!("::{name}::b"));
            assert!(matches!(meaning, LineMeaning::Refused(_)), "{name}: {meaning:?}");
        }
    }
}
