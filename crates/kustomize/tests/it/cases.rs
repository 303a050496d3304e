//! Every folder of `tests/cases`: `in` holds the files, `expected.yaml` what the real program
//! printed for `in/overlay` (or `in`), `expected.error` the code of our refusal where it refused.
//! `cargo xtask` has the command that runs the real program over them again.

use std::path::Path;

use crate::tree;

#[expect(clippy::disallowed_methods, reason = "the test reads the committed cases")]
fn check(case: &Path) -> Result<(), String> {
    let files = tree::read(&case.join("in"));
    let has_overlay = files.keys().any(|path| path.starts_with("overlay/"));
    let built = kustomize::build(&files, if has_overlay { "overlay" } else { "" });
    let refusal = std::fs::read_to_string(case.join("expected.error"));
    match (built, refusal) {
        (Err(error), Ok(code)) if error.code.code() == code.trim() => Ok(()),
        (Err(error), Ok(code)) => {
            Err(format!("refused with {} instead of {code}: {error}", error.code.code()))
        }
        (Err(error), Err(_)) => Err(format!("refused: {error}")),
        (Ok(_), Ok(code)) => Err(format!("built, but should be refused with {code}")),
        (Ok(built), Err(_)) => {
            let text = std::fs::read_to_string(case.join("expected.yaml")).expect("expected.yaml");
            let expected = yaml::documents("expected.yaml", &text).expect("valid");
            if built.manifests.len() != expected.len() {
                return Err(format!("{} objects, not {}", built.manifests.len(), expected.len()));
            }
            for (built, expected) in built.manifests.iter().zip(&expected) {
                if built != expected {
                    let (built, expected) = (
                        yaml::emit(std::slice::from_ref(built)),
                        yaml::emit(std::slice::from_ref(expected)),
                    );
                    return Err(format!("--- built\n{built}--- expected\n{expected}"));
                }
            }
            Ok(())
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test reads the committed cases")]
fn every_case_is_as_the_real_program_has_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<_> = std::fs::read_dir(folder)
        .expect("cases")
        .map(|entry| entry.expect("entry").path())
        .collect();
    cases.sort();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        if let Err(reason) = check(case) {
            let name = case.file_name().expect("a name").to_string_lossy().into_owned();
            failures.push(format!("== {name}\n{reason}"));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
