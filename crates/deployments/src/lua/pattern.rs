//! Lua's patterns, matched within a budget.
//!
//! The library that Lua brings may take for ever over a short pattern, where nothing that counts
//! instructions is asked; so patterns are matched here, as the manual of Lua 5.1 describes them.

/// Why a pattern was not matched to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PatternError {
    /// The pattern is none.
    Malformed(&'static str),
    /// The budget is used up.
    TooLong,
}

/// Lua's own limit of captures.
const CAPTURES_MAX: usize = 32;

/// How deep a pattern may recurse; Lua's own limit of nested calls of C.
const DEPTH_MAX: usize = 200;

/// What a pair of parentheses holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capture {
    /// From and up to.
    Text(usize, usize),
    /// `()`: a place, from 1.
    Place(usize),
    /// Not closed yet.
    Open(usize),
}

/// A match: from and up to, and what its parentheses hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub from: usize,
    pub to: usize,
    pub captures: Vec<Capture>,
}

/// The first match at or after a place; `steps` is taken from.
pub(super) fn find(
    text: &[u8],
    pattern: &[u8],
    start: usize,
    steps: &mut u64,
) -> Result<Option<Match>, PatternError> {
    let (pattern, is_anchored) = match pattern.strip_prefix(b"^") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    for from in start..=text.len() {
        let mut matcher = Matcher { text, pattern, captures: Vec::new(), steps, depth: 0 };
        if let Some(to) = matcher.run(from, 0)? {
            let captures = matcher.captures;
            if captures.iter().any(|capture| matches!(capture, Capture::Open(_))) {
                return Err(PatternError::Malformed("unfinished capture"));
            }
            return Ok(Some(Match { from, to, captures }));
        }
        if is_anchored {
            break;
        }
    }
    Ok(None)
}

struct Matcher<'a> {
    text: &'a [u8],
    pattern: &'a [u8],
    captures: Vec<Capture>,
    steps: &'a mut u64,
    depth: usize,
}

type Found = Result<Option<usize>, PatternError>;

impl Matcher<'_> {
    fn step(&mut self) -> Result<(), PatternError> {
        *self.steps = self.steps.checked_sub(1).ok_or(PatternError::TooLong)?;
        Ok(())
    }

    /// Matches the pattern from `p` at the text from `s`; where it ends.
    fn run(&mut self, s: usize, p: usize) -> Found {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(PatternError::Malformed("pattern too complex"));
        }
        let found = self.run_within(s, p);
        self.depth -= 1;
        found
    }

    fn run_within(&mut self, mut s: usize, mut p: usize) -> Found {
        loop {
            self.step()?;
            match self.pattern.get(p) {
                None => return Ok(Some(s)),
                Some(b'(') => {
                    let (capture, skip) = if self.pattern.get(p + 1) == Some(&b')') {
                        (Capture::Place(s + 1), 2)
                    } else {
                        (Capture::Open(s), 1)
                    };
                    return self.open(capture, s, p + skip);
                }
                Some(b')') => return self.close(s, p + 1),
                Some(b'$') if p + 1 == self.pattern.len() => {
                    return Ok((s == self.text.len()).then_some(s));
                }
                Some(b'%') => match self.pattern.get(p + 1) {
                    Some(b'b') => match self.balance(s, p + 2)? {
                        Some(end) => (s, p) = (end, p + 4),
                        None => return Ok(None),
                    },
                    Some(b'f') => match self.frontier(s, p + 2)? {
                        Some(next) => p = next,
                        None => return Ok(None),
                    },
                    Some(digit @ b'0'..=b'9') => match self.again(s, *digit)? {
                        Some(end) => (s, p) = (end, p + 2),
                        None => return Ok(None),
                    },
                    _ => match self.single(s, p)? {
                        Next::At(text, pattern) => (s, p) = (text, pattern),
                        Next::End(found) => return Ok(found),
                    },
                },
                Some(_) => match self.single(s, p)? {
                    Next::At(text, pattern) => (s, p) = (text, pattern),
                    Next::End(found) => return Ok(found),
                },
            }
        }
    }

    /// One class with what may follow it.
    fn single(&mut self, s: usize, p: usize) -> Result<Next, PatternError> {
        let end = self.class_end(p)?;
        let is_met = s < self.text.len() && self.is_member(self.text[s], p, end);
        match self.pattern.get(end) {
            Some(b'?') => {
                if is_met && let Some(found) = self.run(s + 1, end + 1)? {
                    return Ok(Next::End(Some(found)));
                }
                Ok(Next::At(s, end + 1))
            }
            Some(b'*') => Ok(Next::End(self.longest(s, p, end)?)),
            Some(b'+') if is_met => Ok(Next::End(self.longest(s + 1, p, end)?)),
            Some(b'+') => Ok(Next::End(None)),
            Some(b'-') => Ok(Next::End(self.shortest(s, p, end)?)),
            _ if is_met => Ok(Next::At(s + 1, end)),
            _ => Ok(Next::End(None)),
        }
    }

    fn longest(&mut self, s: usize, p: usize, end: usize) -> Found {
        let mut count = 0;
        while s + count < self.text.len() && self.is_member(self.text[s + count], p, end) {
            self.step()?;
            count += 1;
        }
        loop {
            if let Some(found) = self.run(s + count, end + 1)? {
                return Ok(Some(found));
            }
            if count == 0 {
                return Ok(None);
            }
            count -= 1;
        }
    }

    fn shortest(&mut self, mut s: usize, p: usize, end: usize) -> Found {
        loop {
            if let Some(found) = self.run(s, end + 1)? {
                return Ok(Some(found));
            }
            if s < self.text.len() && self.is_member(self.text[s], p, end) {
                s += 1;
            } else {
                return Ok(None);
            }
        }
    }

    fn open(&mut self, capture: Capture, s: usize, p: usize) -> Found {
        if self.captures.len() >= CAPTURES_MAX {
            return Err(PatternError::Malformed("too many captures"));
        }
        self.captures.push(capture);
        let found = self.run(s, p)?;
        if found.is_none() {
            self.captures.pop();
        }
        Ok(found)
    }

    fn close(&mut self, s: usize, p: usize) -> Found {
        let is_open = |capture: &Capture| matches!(capture, Capture::Open(_));
        let index = self.captures.iter().rposition(is_open);
        let index = index.ok_or(PatternError::Malformed("invalid pattern capture"))?;
        let open = self.captures[index];
        if let Capture::Open(from) = open {
            self.captures[index] = Capture::Text(from, s);
        }
        let found = self.run(s, p)?;
        if found.is_none() {
            self.captures[index] = open;
        }
        Ok(found)
    }

    /// `%bxy`: from an x to its y.
    fn balance(&mut self, s: usize, p: usize) -> Found {
        let &[open, close] =
            self.pattern.get(p..p + 2).ok_or(PatternError::Malformed("unbalanced pattern"))?
        else {
            return Err(PatternError::Malformed("unbalanced pattern"));
        };
        if self.text.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1_usize;
        for at in s + 1..self.text.len() {
            self.step()?;
            if self.text[at] == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(at + 1));
                }
            } else if self.text[at] == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// `%f[set]`: the border into a set; where the pattern goes on.
    fn frontier(&mut self, s: usize, p: usize) -> Found {
        if self.pattern.get(p) != Some(&b'[') {
            return Err(PatternError::Malformed("missing '[' after '%f' in pattern"));
        }
        let end = self.class_end(p)?;
        let before = if s == 0 { 0 } else { self.text[s - 1] };
        let after = self.text.get(s).copied().unwrap_or(0);
        let is_border = !self.is_in_set(before, p, end - 1) && self.is_in_set(after, p, end - 1);
        Ok(is_border.then_some(end))
    }

    /// `%1`: what a capture holds, once more.
    fn again(&mut self, s: usize, digit: u8) -> Found {
        let capture = usize::from(digit - b'0').checked_sub(1).and_then(|it| self.captures.get(it));
        let Some(&Capture::Text(from, to)) = capture else {
            return Err(PatternError::Malformed("invalid capture index"));
        };
        let held = &self.text[from..to];
        Ok(self.text[s..].starts_with(held).then(|| s + held.len()))
    }

    /// Where the class that begins at `p` ends.
    fn class_end(&self, p: usize) -> Result<usize, PatternError> {
        match self.pattern[p] {
            b'%' if p + 1 >= self.pattern.len() => {
                Err(PatternError::Malformed("malformed pattern (ends with '%')"))
            }
            b'%' => Ok(p + 2),
            b'[' => {
                let mut at = p + 1;
                if self.pattern.get(at) == Some(&b'^') {
                    at += 1;
                }
                // The first one may be a closing bracket.
                loop {
                    let skip = match self.pattern.get(at) {
                        None => {
                            return Err(PatternError::Malformed("malformed pattern (missing ']')"));
                        }
                        Some(b'%') => 2,
                        Some(_) => 1,
                    };
                    at += skip;
                    if self.pattern.get(at) == Some(&b']') {
                        return Ok(at + 1);
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    fn is_member(&self, byte: u8, p: usize, end: usize) -> bool {
        match self.pattern[p] {
            b'.' => true,
            b'%' => is_of_class(byte, self.pattern[p + 1]),
            b'[' => self.is_in_set(byte, p, end - 1),
            own => own == byte,
        }
    }

    /// `close` is the place of the closing bracket.
    fn is_in_set(&self, byte: u8, p: usize, close: usize) -> bool {
        let is_negated = self.pattern.get(p + 1) == Some(&b'^');
        let mut at = if is_negated { p + 2 } else { p + 1 };
        while at < close {
            let first = self.pattern[at];
            if first == b'%' && at + 1 < close {
                if is_of_class(byte, self.pattern[at + 1]) {
                    return !is_negated;
                }
                at += 2;
            } else if self.pattern.get(at + 1) == Some(&b'-') && at + 2 < close {
                if (first..=self.pattern[at + 2]).contains(&byte) {
                    return !is_negated;
                }
                at += 3;
            } else {
                if first == byte {
                    return !is_negated;
                }
                at += 1;
            }
        }
        is_negated
    }
}

enum Next {
    /// It goes on there.
    At(usize, usize),
    /// It is decided.
    End(Option<usize>),
}

/// `%a` and its like; a capital is the opposite; other signs stand for themselves.
fn is_of_class(byte: u8, class: u8) -> bool {
    let is = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is != class.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, pattern: &str, expected: Option<&[&str]>) {
        let mut steps = 100_000;
        let found = find(text.as_bytes(), pattern.as_bytes(), 0, &mut steps).expect("a pattern");
        let found = found.map(|found| {
            let part = |capture: &Capture| match *capture {
                Capture::Text(from, to) => text[from..to].to_owned(),
                Capture::Place(place) => place.to_string(),
                Capture::Open(_) => unreachable!("closed"),
            };
            let mut parts = vec![text[found.from..found.to].to_owned()];
            parts.extend(found.captures.iter().map(part));
            parts
        });
        let expected = expected.map(|parts| parts.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(found, expected, "{pattern} in {text}");
    }

    #[test]
    fn patterns_match_as_the_manual_says() {
        check("hello world", "o w", Some(&["o w"]));
        check("hello", "l+", Some(&["ll"]));
        check("hello", "^l", None);
        check("hello", "lo$", Some(&["lo"]));
        check("a=1, b=2", "(%w+)=(%w+)", Some(&["a=1", "a", "1"]));
        check("v1.25.3-rc", "^v(%d+)%.(%d+)", Some(&["v1.25", "1", "25"]));
        check("[x]", "%[(.-)%]", Some(&["[x]", "x"]));
        check("f(a(b)c)d", "%b()", Some(&["(a(b)c)"]));
        check("THE (quick) fox", "%f[%a]%a+%f[%A]", Some(&["THE"]));
        check("\"a\" 'b'", "(['\"])(.-)%1", Some(&["\"a\"", "\"", "a"]));
        check("abc", "()b()", Some(&["b", "2", "3"]));
        check("colour", "colou?r", Some(&["colour"]));
        check("color", "colou?r", Some(&["color"]));
        check("a-b", "[a%-]+", Some(&["a-"]));
        check("a]b", "[]]", Some(&["]"]));
        check("x", "[^%s]", Some(&["x"]));
        check("", "^$", Some(&[""]));
        check("abc", "", Some(&[""]));
    }

    #[test]
    fn what_is_no_pattern_or_takes_too_long_is_an_error() {
        let run = |text: &str, pattern: &str, mut steps: u64| {
            find(text.as_bytes(), pattern.as_bytes(), 0, &mut steps)
        };
        for pattern in ["[a", "%", "(a", "a)", "%1", "%bx", "%fa"] {
            assert!(
                matches!(run("a", pattern, 1_000), Err(PatternError::Malformed(_))),
                "{pattern}"
            );
        }
        let text = "a".repeat(60);
        assert_eq!(
            run(&text, &format!("{}b", ".-".repeat(20)), 1_000_000),
            Err(PatternError::TooLong)
        );
    }
}
