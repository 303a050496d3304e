//! Signed notes: what is signed opens, what was touched does not.

use ledger::{Checkpoint, NoteError, TreeState, VerifierKey};

use crate::support::{ORIGIN, key, verifier};

fn sample() -> Checkpoint {
    Checkpoint { origin: ORIGIN.into(), size: 42, root: TreeState::default().root() }
}

#[test]
fn a_note_has_the_form_of_the_specification() {
    let note = sample().sign(&verifier(&key(1)), &key(1)).unwrap();
    let lines: Vec<&str> = note.split('\n').collect();
    assert_eq!(lines[..3], [ORIGIN, "42", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]);
    assert_eq!(lines[3], "");
    assert!(lines[4].starts_with(&format!("\u{2014} {ORIGIN} ")), "{note}");
    assert_eq!(lines[5..], [""]);
    assert_eq!(Checkpoint::open(&note, &verifier(&key(1))).unwrap(), sample());
}

/// The example key of C2SP's signed-note specification, as published with its key hash.
#[test]
fn a_key_of_another_program_is_read() {
    let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key: VerifierKey = text.parse().unwrap();
    assert_eq!((key.name(), key.to_string().as_str()), ("PeterNeumann", text));
}

#[test]
fn wrong_keys_are_refused() {
    let good = verifier(&key(1)).to_string();
    for text in [
        "",
        "name",
        "name+00000000",
        &good.replacen('+', "+0", 1),
        &good[..good.len() - 4],
        &good.replace("ledger", "Ledger"),
        &format!(" {good}"),
    ] {
        assert!(text.parse::<VerifierKey>().is_err(), "{text}");
    }
    for name in ["", "a b", "a+b", "a\n"] {
        assert!(VerifierKey::new(name, key(1).verifying_key()).is_err(), "{name}");
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let note = sample().sign(&verifier(&key(1)), &key(1)).unwrap();
    for index in 0..note.len() {
        let mut bytes = note.clone().into_bytes();
        bytes[index] ^= 1;
        if let Ok(changed) = String::from_utf8(bytes) {
            assert!(Checkpoint::open(&changed, &verifier(&key(1))).is_err(), "{index}: {changed}");
        }
    }
}

#[test]
fn another_key_another_name_and_no_signature_are_told_apart() {
    let note = sample().sign(&verifier(&key(1)), &key(1)).unwrap();
    let code = |note: &str, key: &VerifierKey| Checkpoint::open(note, key).unwrap_err().code();
    assert_eq!(code(&note, &verifier(&key(2))), "checkpoint-not-signed");
    let unsigned = format!("{}\n", sample().text());
    assert_eq!(code(&unsigned, &verifier(&key(1))), "checkpoint-malformed");
    let forged = note.replace("\n42\n", "\n43\n");
    assert_eq!(code(&forged, &verifier(&key(1))), "checkpoint-signature-wrong");
    let other = Checkpoint { origin: "other".into(), ..sample() };
    assert!(matches!(other.sign(&verifier(&key(1)), &key(1)), Err(NoteError::WrongOrigin { .. })));
    for size in ["042", "+42", "-1", "", "x"] {
        let note = note.replace("\n42\n", &format!("\n{size}\n"));
        assert_eq!(code(&note, &verifier(&key(1))), "checkpoint-malformed", "{size}");
    }
}

#[test]
fn signatures_of_witnesses_are_allowed() {
    let note = sample().sign(&verifier(&key(1)), &key(1)).unwrap();
    let witnessed = format!("{note}\u{2014} witness.example AAAAAAAAAAAAAAAA\n");
    assert_eq!(Checkpoint::open(&witnessed, &verifier(&key(1))).unwrap(), sample());
}
