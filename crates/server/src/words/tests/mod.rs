//! Every variant once: a code, an English and a French sentence, and French as it is set in print.

mod domains;
mod server;

use std::collections::BTreeSet;

use super::{Coded, Said, reason, say};
use crate::language::{Language, speaking};

/// Two sentences that differ, the French one well set.
#[track_caller]
fn check(said: &dyn Said) {
    let (english, french) = (said.to_string(), said.french());
    assert!(!english.is_empty() && !french.is_empty(), "{english} / {french}");
    assert_ne!(english, french);
    assert_eq!(faults(&french), Vec::<String>::new(), "{french}");
    assert_eq!(speaking(Language::English, || say(said)), english);
    assert_eq!(speaking(Language::French, || say(said)), french);
}

/// The same, each with a code of its own that both languages share.
#[track_caller]
fn check_all<C: Coded>(reasons: &[C]) {
    let mut codes = BTreeSet::new();
    for one in reasons {
        check(one);
        codes.insert(one.code());
        let (english, french) = (
            speaking(Language::English, || reason(one)),
            speaking(Language::French, || reason(one)),
        );
        assert_eq!((english.code.as_str(), french.code.as_str()), (one.code(), one.code()));
        assert_eq!(french.message, one.french());
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(!one.code().is_empty() && one.code().chars().all(kebab), "{}", one.code());
    }
    assert!(codes.len() > 1 || reasons.len() == 1, "{codes:?}");
}

/// What is not as French is printed, outside of what stands between backticks.
fn faults(french: &str) -> Vec<String> {
    let prose: String = french.split('`').step_by(2).collect::<Vec<_>>().join("x");
    let characters: Vec<char> = prose.chars().collect();
    let mut faults = Vec::new();
    for (place, character) in characters.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| characters[place]);
        let after = characters.get(place + 1).copied();
        let ends = after.is_none_or(char::is_whitespace);
        let right = match character {
            ';' | '!' | '?' => before == Some('\u{202f}'),
            ':' if ends => before == Some('\u{a0}'),
            '«' => after == Some('\u{202f}'),
            '»' => before == Some('\u{202f}'),
            '\'' => false,
            _ => true,
        };
        if !right {
            faults.push(format!("{character} after {before:?}, before {after:?}"));
        }
    }
    faults
}

#[test]
fn faults_are_found() {
    for wrong in ["ici ; là", "ici; là", "ici : là", "ici: là", "« ici »", "l'ici", "quoi ?"]
    {
        assert_ne!(faults(wrong), Vec::<String>::new(), "{wrong}");
    }
    for right in [
        "ici\u{202f}; là",
        "ici\u{a0}: là à 12:30",
        "«\u{202f}ici\u{202f}»",
        "l’ici",
        "`don't; x: y`, oui",
    ] {
        assert_eq!(faults(right), Vec::<String>::new(), "{right}");
    }
}

#[test]
fn every_title_of_the_catalogue_is_in_both_languages() {
    for code in api::codes::CODES {
        assert!(!code.title_fr.is_empty() && code.title != code.title_fr, "{}", code.code);
    }
}
