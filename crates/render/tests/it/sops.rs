//! Files that the real `sops` encrypted, read with an age key; and what must stay closed.
//!
//! `sops/key.txt` opens nothing else. The files were made from `sops/*.plain.yaml` by
//! `sops encrypt --age RECIPIENT --encrypted-regex '^(data|stringData)$'`, `many` for a second recipient too.

use render::sops::{AgeKeys, AgeKeysError, SopsError, decrypt, is_encrypted};
use serde_json::{Value, json};

const KEY: &str = include_str!("sops/key.txt");
const OTHER_KEY: &str = include_str!("sops/other-key.txt");
const ONE: (&str, &str) = (include_str!("sops/one.yaml"), include_str!("sops/one.plain.yaml"));
const MANY: (&str, &str) = (include_str!("sops/many.yaml"), include_str!("sops/many.plain.yaml"));

fn object(text: &str) -> Value {
    yaml::document("secret.yaml", text).expect("it is read")
}

fn keys(text: &str) -> AgeKeys {
    AgeKeys::parse(text).expect("it is read")
}

/// How the first file is refused after a change.
#[track_caller]
fn refused(change: impl FnOnce(&mut Value), expected: &SopsError) {
    let mut changed = object(ONE.0);
    change(&mut changed);
    assert_eq!(decrypt(&changed, &keys(KEY)).expect_err("it stays closed"), *expected);
}

#[test]
fn values_are_what_was_encrypted() {
    for ((encrypted, plain), key) in [(ONE, KEY), (MANY, KEY), (MANY, OTHER_KEY)] {
        let encrypted = object(encrypted);
        assert!(is_encrypted(&encrypted));
        let decrypted = decrypt(&encrypted, &keys(key)).expect("it is read");
        assert_eq!(decrypted, object(plain));
        assert!(!is_encrypted(&decrypted));
    }
    assert!(!is_encrypted(&json!({"kind": "Secret", "sops": "a field of its own"})));
}

#[test]
fn a_kustomization_may_change_what_is_not_encrypted() {
    let mut encrypted = object(ONE.0);
    encrypted["metadata"]["name"] = "prefix-database".into();
    encrypted["metadata"]["namespace"] = "east".into();
    let decrypted = decrypt(&encrypted, &keys(KEY)).expect("it is read");
    assert_eq!(decrypted["metadata"]["name"], "prefix-database");
    assert_eq!(decrypted["stringData"], object(ONE.1)["stringData"]);
}

#[test]
fn what_was_moved_or_changed_stays_closed() {
    refused(
        |secret| secret["stringData"]["user"] = secret["stringData"]["password"].clone(),
        &SopsError::Value { path: "stringData.user".into() },
    );
    refused(
        |secret| secret["data"] = json!({"password": secret["stringData"]["password"].clone()}),
        &SopsError::Value { path: "data.password".into() },
    );
    for damage in ["ENC[AES256_GCM,]", "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"] {
        let what = "the value at `stringData.password`".into();
        refused(
            |secret| secret["stringData"]["password"] = damage.into(),
            &SopsError::Damaged { what },
        );
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    refused(
        |secret| secret["kind"] = "ConfigMap".into(),
        &SopsError::NotASecret { kind: "ConfigMap".into() },
    );
    refused(|secret| secret["sops"]["age"] = json!([]), &SopsError::NoAge);
    refused(|secret| secret["sops"]["age"] = Value::Null, &SopsError::NoAge);
    refused(|secret| secret["sops"]["shamir_threshold"] = json!(2), &SopsError::Split);
    let recipients =
        object(ONE.0)["sops"]["age"][0]["recipient"].as_str().expect("a text").to_owned();
    let closed = SopsError::NoKey { recipients };
    assert_eq!(decrypt(&object(ONE.0), &keys(OTHER_KEY)).expect_err("it stays closed"), closed);
    assert_eq!(decrypt(&object(ONE.0), &AgeKeys::none()).expect_err("it stays closed"), closed);
    assert!(decrypt(&object(ONE.0), &keys(OTHER_KEY).and(keys(KEY))).is_ok());
    // A key that age itself cannot read is nobody's.
    refused(|secret| secret["sops"]["age"][0]["enc"] = "nonsense".into(), &closed);
}

#[test]
fn keys_are_read_as_age_keygen_writes_them_and_never_shown() {
    let both =
        format!("# created: today\n\n{KEY}\n  {}\n", OTHER_KEY.lines().last().expect("a line"));
    assert_eq!(format!("{:?}", keys(&both)), "AgeKeys(2)");
    for (text, expected) in [
        ("", AgeKeysError::Empty),
        ("# only a comment\n", AgeKeysError::Empty),
        ("password\n", AgeKeysError::Line { line: 1 }),
        ("# a\nAGE-SECRET-KEY-1QQQ\n", AgeKeysError::Line { line: 2 }),
    ] {
        assert_eq!(AgeKeys::parse(text).expect_err("it stays closed"), expected, "{text}");
    }
}
