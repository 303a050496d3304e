//! Patterns of value files: `*` and `?` within a name, `**` across folders, `[a-z]`, `{a,b}`.

/// A pattern with braces may stand for this many others.
const ALTERNATIVES_MAX: usize = 64;

/// Whether a text is a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The patterns without braces that a pattern stands for; `None`: too many.
pub(crate) fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let mut waiting = vec![pattern.to_owned()];
    let mut done = Vec::new();
    while let Some(next) = waiting.pop() {
        if waiting.len() + done.len() >= ALTERNATIVES_MAX {
            return None;
        }
        // The innermost braces first, so that no depth is counted.
        let braces =
            next.find('}').and_then(|end| next[..end].rfind('{').map(|start| (start, end)));
        let Some((start, end)) = braces else {
            done.push(next);
            continue;
        };
        let (before, after) = (&next[..start], &next[end + 1..]);
        for one in next[start + 1..end].split(',') {
            waiting.push(format!("{before}{one}{after}"));
        }
    }
    Some(done)
}

/// Whether a path fits a pattern without braces.
pub(crate) fn fits(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    // Which ends of the path each part of the pattern may begin at.
    let mut at: Vec<bool> = (0..=path.len()).map(|index| index == 0).collect();
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        for (index, _) in at.iter().enumerate().filter(|(_, here)| **here) {
            if part == "**" {
                next[index..].fill(true);
            } else if path.get(index).is_some_and(|name| name_fits(part, name)) {
                next[index + 1] = true;
            }
        }
        at = next;
    }
    at[path.len()]
}

fn name_fits(pattern: &str, name: &str) -> bool {
    let pattern = tokens(pattern);
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut position, mut star) = (0, 0, None);
    while position < name.len() {
        match pattern.get(at) {
            Some(Token::Any) => {
                star = Some((at, position));
                at += 1;
            }
            Some(token) if token.takes(name[position]) => {
                at += 1;
                position += 1;
            }
            Some(_) | None => match star {
                Some((star_at, star_position)) => {
                    at = star_at + 1;
                    position = star_position + 1;
                    star = Some((star_at, position));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| matches!(rest, Token::Any))
}

enum Token {
    Any,
    One,
    Exactly(char),
    Among { ranges: Vec<(char, char)>, is_negated: bool },
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Token::Any => false,
            Token::One => true,
            Token::Exactly(wanted) => *wanted == character,
            Token::Among { ranges, is_negated } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&character)) != *is_negated
            }
        }
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let characters: Vec<char> = pattern.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < characters.len() {
        let token = match characters[at] {
            '*' => Token::Any,
            '?' => Token::One,
            '[' => match characters[at..].iter().position(|one| *one == ']') {
                Some(length) if length > 1 => {
                    let inner = &characters[at + 1..at + length];
                    at += length;
                    among(inner)
                }
                Some(_) | None => Token::Exactly('['),
            },
            other => Token::Exactly(other),
        };
        tokens.push(token);
        at += 1;
    }
    tokens
}

fn among(inner: &[char]) -> Token {
    let is_negated = matches!(inner.first(), Some('!' | '^'));
    let mut rest = &inner[usize::from(is_negated)..];
    let mut ranges = Vec::new();
    while let [from, others @ ..] = rest {
        rest = match others {
            ['-', to, after @ ..] => {
                ranges.push((*from, *to));
                after
            }
            after => {
                ranges.push((*from, *from));
                after
            }
        };
    }
    Token::Among { ranges, is_negated }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: bool) {
        let patterns = alternatives(pattern).expect("few");
        assert_eq!(patterns.iter().any(|one| fits(one, path)), expected, "{pattern} {path}");
    }

    #[test]
    fn patterns_stay_in_a_folder_unless_they_say_otherwise() {
        check("values/*.yaml", "values/a.yaml", true);
        check("values/*.yaml", "values/sub/a.yaml", false);
        check("values/**/*.yaml", "values/a.yaml", true);
        check("values/**/*.yaml", "values/x/y/a.yaml", true);
        check("values/**", "values/x/y/a.yaml", true);
        check("v-?.yaml", "v-1.yaml", true);
        check("v-?.yaml", "v-12.yaml", false);
        check("v-[a-c].yaml", "v-b.yaml", true);
        check("v-[!a-c].yaml", "v-b.yaml", false);
        check("v-{dev,prod}*.yaml", "v-prod-1.yaml", true);
        check("v-{dev,{x,y}}*.yaml", "v-y.yaml", true);
        check("v-{dev,prod}*.yaml", "v-test.yaml", false);
        check("a*b*c.yaml", "a-b-b-c.yaml", true);
        assert!(alternatives(&"{a,b}".repeat(20)).is_none(), "a million patterns");
    }
}
