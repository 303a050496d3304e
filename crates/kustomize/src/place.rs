//! Where in a YAML text a value stands, looked up only when something is refused.

use granit_parser::{Event, Parser};

/// A place, both from 1.
pub(crate) type Place = (u64, u64);

/// The place of the mapping key or list item that the JSON pointer names in the first document; of
/// its nearest ancestor when the pointer leads to something absent.
#[expect(clippy::wildcard_enum_match_arm, reason = "the parser's events are open to new ones")]
pub(crate) fn of_pointer(text: &str, pointer: &str) -> Option<Place> {
    let wanted: Vec<String> = pointer.split('/').skip(1).map(unescape).collect();
    let mut walk = Walk { wanted, frames: Vec::new(), best: None };
    for item in Parser::new_from_str(text) {
        let Ok((event, span)) = item else { break };
        let place = (span.start.line() as u64, span.start.col() as u64 + 1);
        match event {
            Event::Scalar(value, ..) => walk.node(place, Some(&value)),
            Event::Alias(_) => walk.node(place, None),
            Event::MappingStart(..) => {
                walk.node(place, None);
                walk.frames.push(Frame::Mapping(None));
            }
            Event::SequenceStart(..) => {
                walk.node(place, None);
                walk.frames.push(Frame::Sequence(0));
            }
            Event::MappingEnd | Event::SequenceEnd => {
                walk.frames.pop();
                walk.leave();
            }
            Event::DocumentEnd => break,
            _ => {}
        }
    }
    walk.best.map(|(_, place)| place)
}

/// The place of the first node of each document that holds one.
#[expect(clippy::wildcard_enum_match_arm, reason = "the parser's events are open to new ones")]
pub(crate) fn of_document(text: &str, index: usize) -> Option<Place> {
    let mut starts = Vec::new();
    let mut at_start = false;
    for item in Parser::new_from_str(text) {
        let Ok((event, span)) = item else { break };
        match event {
            Event::DocumentStart(..) => at_start = true,
            Event::Scalar(..) | Event::MappingStart(..) | Event::SequenceStart(..) if at_start => {
                at_start = false;
                starts.push((span.start.line() as u64, span.start.col() as u64 + 1));
            }
            _ => {}
        }
    }
    starts.get(index).copied()
}

/// The text of a JSON pointer's segment.
pub(crate) fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// One segment of a JSON pointer.
pub(crate) fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

enum Frame {
    Mapping(Option<String>),
    Sequence(usize),
}

struct Walk {
    wanted: Vec<String>,
    frames: Vec<Frame>,
    best: Option<(usize, Place)>,
}

impl Walk {
    fn node(&mut self, place: Place, scalar: Option<&str>) {
        let is_key = matches!(self.frames.last(), Some(Frame::Mapping(None)));
        if is_key {
            let key = scalar.unwrap_or_default().to_owned();
            if let Some(Frame::Mapping(pending)) = self.frames.last_mut() {
                *pending = Some(key);
            }
            self.note(place);
            return;
        }
        if !matches!(self.frames.last(), Some(Frame::Mapping(_))) {
            self.note(place);
        }
        if scalar.is_some() {
            self.leave();
        }
    }

    fn note(&mut self, place: Place) {
        let depth = self.frames.len();
        let better = self.best.is_none_or(|(best, _)| depth > best);
        if better && depth <= self.wanted.len() && self.is_on_the_way() {
            self.best = Some((depth, place));
        }
    }

    fn is_on_the_way(&self) -> bool {
        self.frames.iter().zip(&self.wanted).all(|(frame, wanted)| match frame {
            Frame::Mapping(key) => key.as_deref() == Some(wanted),
            Frame::Sequence(index) => index.to_string() == *wanted,
        })
    }

    fn leave(&mut self) {
        match self.frames.last_mut() {
            Some(Frame::Mapping(key)) => *key = None,
            Some(Frame::Sequence(index)) => *index += 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, pointer: &str, expected: Place) {
        assert_eq!(of_pointer(text, pointer), Some(expected));
    }

    #[test]
    fn finds_keys_items_and_the_nearest_ancestor() {
        let text = "a: 1\nlist:\n- x\n- {y: [1, 2], z/z: 3}\nlast: *no\n";
        check(text, "/a", (1, 1));
        check(text, "/list/0", (3, 3));
        check(text, "/list/1/z~1z", (4, 15));
        check(text, "/list/1/y/1", (4, 11));
        check(text, "/list/7", (2, 1));
        check(text, "", (1, 1));
    }

    #[test]
    fn counts_only_documents_that_hold_something() {
        let text = "# none\n---\na: 1\n---\n---\nb: 2\n";
        assert_eq!(of_document(text, 0), Some((3, 1)));
        assert_eq!(of_document(text, 2), Some((6, 1)));
    }
}
