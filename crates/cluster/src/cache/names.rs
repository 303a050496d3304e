//! Texts that occur many times, kept once.

use std::collections::HashMap;
use std::sync::Arc;

/// A number for a text. Numbers are never reused: namespaces and kinds are few.
#[derive(Debug, Default)]
pub(crate) struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Names {
    /// The number of a text, a new one when it has none.
    pub fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// The number of a text that has one.
    pub fn known(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }
}

/// Texts that many objects share for a while: given back when the last object is gone.
#[derive(Debug, Default)]
pub(crate) struct Shared(HashMap<Arc<str>, ()>);

impl Shared {
    pub fn get(&mut self, text: &str) -> Arc<str> {
        if let Some((known, ())) = self.0.get_key_value(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.0.insert(Arc::clone(&text), ());
        text
    }

    pub fn give_back(&mut self, text: Arc<str>) {
        // One here, one in the table.
        if Arc::strong_count(&text) == 2 {
            self.0.remove(&*text);
        }
    }
}
