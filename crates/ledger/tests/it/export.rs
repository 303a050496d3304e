//! What somebody who edits an export tries, and what verifying it says.

use ledger::{Finding, Trust, Trusted, header_line, verify};

use crate::support::{checkpoint, export, facts, key, tree_of, verifier};

fn trusted() -> Trusted {
    Trusted { key: Some(verifier(&key(1))), checkpoint: None }
}

/// Edits an export of 20 facts with checkpoints after 5 and 10; the first finding is as expected.
fn check(edit: impl FnOnce(&mut Vec<String>), expected: Option<Finding>) {
    let mut lines = export(&facts(20), &key(1), &[5, 10]);
    edit(&mut lines);
    let verification = verify(lines.iter().map(String::as_str), &trusted());
    assert_eq!(verification.finding, expected, "{}", lines.join("\n"));
}

/// The line of a fact: the header is line 1, and two checkpoints stand between.
fn place(sequence: usize) -> usize {
    sequence + usize::from(sequence > 5) + usize::from(sequence > 10)
}

fn line(sequence: usize) -> u64 {
    place(sequence) as u64 + 1
}

fn sequence(number: usize) -> u64 {
    number as u64
}

#[test]
fn a_genuine_export_is_verified_whatever_its_length() {
    for count in 0..40 {
        let earlier: Vec<usize> = (1..40).step_by(7).collect();
        let lines = export(&facts(count), &key(1), &earlier);
        let verification = verify(lines.iter().map(String::as_str), &trusted());
        assert_eq!(verification.finding, None, "{count}");
        assert_eq!((verification.facts_verified, verification.size), (count, count));
        assert_eq!(verification.trust, Trust::GivenKey);
        let checkpoints = earlier.iter().filter(|size| **size as u64 <= count).count();
        assert_eq!(verification.checkpoints_verified, checkpoints as u64 + 1);
    }
}

#[test]
fn a_changed_fact_is_named_wherever_it_is_changed() {
    for number in [1, 2, 5, 6, 11, 19, 20] {
        let changed = Finding::FactChanged { sequence: sequence(number), line: line(number) };
        let edits = [
            ("\"left\"", "\"lift\""),
            ("\"ada\"", "\"bob\""),
            ("because", "Because"),
            ("1700000000000", "1700000000001"),
            ("{\"fact\":", "{ \"fact\":"),
            ("\"text\":", "\"text\":\"other\",\"text\":"),
            ("\"body\":", "\"Body\":"),
            ("\"proof\":[", "\"proof\":[\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\","),
            ("\"proof\":", "\"more\":1,\"proof\":"),
        ];
        for (from, to) in edits {
            let edit = |lines: &mut Vec<String>| {
                let changed = lines[place(number)].replacen(from, to, 1);
                assert_ne!(changed, lines[place(number)]);
                lines[place(number)] = changed;
            };
            check(edit, Some(changed.clone()));
        }
        check(|lines| lines[place(number)] = "garbage".into(), Some(changed));
    }
}

#[test]
fn of_several_changed_facts_the_first_is_named() {
    let edit = |lines: &mut Vec<String>| {
        for number in [18, 7, 12] {
            lines[place(number)] = lines[place(number)].replace("left", "lift");
        }
    };
    check(edit, Some(Finding::FactChanged { sequence: 7, line: line(7) }));
}

#[test]
fn a_removed_fact_is_named() {
    for number in [1, 2, 7, 19, 20] {
        let removed = Finding::FactRemoved { sequence: sequence(number) };
        check(|lines| drop(lines.remove(place(number))), Some(removed));
    }
    check(|lines| drop(lines.drain(place(12)..)), Some(Finding::FactRemoved { sequence: 12 }));
    check(|lines| lines.truncate(1), Some(Finding::FactRemoved { sequence: 1 }));
}

#[test]
fn swapped_facts_are_named() {
    let reordered =
        |number, at| Finding::FactReordered { sequence: sequence(number), line: line(at) };
    check(|lines| lines.swap(place(7), place(8)), Some(reordered(7, 8)));
    check(|lines| lines.swap(place(1), place(20)), Some(reordered(1, 20)));
}

#[test]
fn an_inserted_line_is_named() {
    let inserted = |number, line| Some(Finding::FactInserted { sequence: sequence(number), line });
    let forged = |lines: &[String]| lines[place(7)].replace("left", "lift");
    check(|lines| lines.insert(place(7), forged(lines)), inserted(7, line(7)));
    check(|lines| lines.insert(place(8), lines[place(7)].clone()), inserted(8, line(8)));
    check(|lines| lines.push(lines[place(20)].clone()), inserted(21, line(20) + 1));
    check(|lines| lines.push(forged(lines)), inserted(21, line(20) + 1));
    check(|lines| lines.push(String::new()), inserted(21, line(20) + 1));
}

#[test]
fn a_fact_that_takes_the_number_of_a_removed_one_is_named() {
    let edit = |lines: &mut Vec<String>| {
        lines.remove(place(7));
        lines[place(7)] = lines[place(7)].replace("\"sequence\":8", "\"sequence\":7");
    };
    check(edit, Some(Finding::FactChanged { sequence: 7, line: line(7) }));
}

#[test]
fn a_replaced_checkpoint_is_named() {
    let all = facts(20);
    let by_other_key = export(&all, &key(2), &[5]);
    let note_of_other = by_other_key[6].clone();
    let mut lines = export(&all, &key(1), &[5, 10]);
    lines[6] = note_of_other;
    let found = verify(lines.iter().map(String::as_str), &trusted()).finding;
    assert!(matches!(found, Some(Finding::CheckpointWrong { line: 7, .. })), "{found:?}");
    let mut lines = export(&all, &key(1), &[5, 10]);
    lines.swap(6, 12);
    let found = verify(lines.iter().map(String::as_str), &trusted()).finding;
    assert!(matches!(found, Some(Finding::CheckpointWrong { line: 7, .. })), "{found:?}");
}

#[test]
fn hashes_computed_again_without_the_key_are_bracketed_by_the_checkpoints() {
    let mut changed = facts(20);
    changed[7].reason = "forged".into();
    // The forger has another key, and keeps the signed checkpoints that still stand.
    let genuine = export(&facts(20), &key(1), &[5, 10]);
    let mut forged = export(&changed, &key(2), &[5, 10]);
    forged[6].clone_from(&genuine[6]);
    forged[12].clone_from(&genuine[12]);
    let bracket = Finding::HistoryRewritten { first: 6, last: 10 };
    let found = verify(forged.iter().map(String::as_str), &trusted());
    assert_eq!(found.finding, Some(bracket.clone()));
    assert_eq!(found.facts_verified, 5);
    // With the genuine header: every proof leads to a root that was never signed.
    forged[0].clone_from(&genuine[0]);
    assert_eq!(verify(forged.iter().map(String::as_str), &trusted()).finding, Some(bracket));
    // Without the checkpoints between, all that is known is that it was rewritten.
    let mut forged = export(&changed, &key(2), &[]);
    let found = verify(forged.iter().map(String::as_str), &trusted()).finding;
    assert!(matches!(found, Some(Finding::HeaderWrong { .. })), "{found:?}");
    forged[0].clone_from(&genuine[0]);
    let found = verify(forged.iter().map(String::as_str), &trusted()).finding;
    assert_eq!(found, Some(Finding::HistoryRewritten { first: 1, last: 20 }));
}

#[test]
fn an_export_by_another_key_only_fits_together() {
    let lines = export(&facts(20), &key(2), &[5]);
    let found = verify(lines.iter().map(String::as_str), &trusted()).finding;
    assert!(matches!(found, Some(Finding::HeaderWrong { .. })), "{found:?}");
    let found = verify(lines.iter().map(String::as_str), &Trusted::default());
    assert_eq!((found.finding, found.trust), (None, Trust::ExportsOwnKey));
}

#[test]
fn a_checkpoint_from_elsewhere_shows_a_shorter_and_another_history() {
    let all = facts(20);
    let at = |size| {
        let checkpoint = Some(checkpoint(&tree_of(&all), size));
        Trusted { checkpoint, ..trusted() }
    };
    let lines = export(&all, &key(1), &[]);
    for size in [0, 1, 12, 20] {
        assert_eq!(verify(lines.iter().map(String::as_str), &at(size)).finding, None, "{size}");
    }
    let short = export(&all[..12], &key(1), &[]);
    let found = verify(short.iter().map(String::as_str), &at(15)).finding;
    assert_eq!(found, Some(Finding::TooShort { size: 12, trusted_size: 15 }));
    let mut other = all.clone();
    other[3].reason = "rewritten by the key's holder".into();
    let lines = export(&other, &key(1), &[]);
    let found = verify(lines.iter().map(String::as_str), &at(15)).finding;
    assert_eq!(found, Some(Finding::HistoryRewritten { first: 1, last: 15 }));
}

#[test]
fn a_header_that_is_none_is_refused() {
    let genuine = export(&facts(2), &key(1), &[]);
    let spaced = genuine[0].replacen('{', "{ ", 1);
    let version = genuine[0].replace("ledger/1", "ledger/2");
    let no_note = header_line("0123", &verifier(&key(1)), "not a note");
    for header in ["", "{}", "garbage", &spaced, &version, &no_note, &genuine[1]] {
        let lines = [header, &genuine[1], &genuine[2]];
        let found = verify(lines, &trusted()).finding;
        assert!(matches!(found, Some(Finding::HeaderWrong { .. })), "{header}: {found:?}");
    }
    let found = verify([], &trusted()).finding;
    assert!(matches!(found, Some(Finding::HeaderWrong { .. })), "{found:?}");
}
