//! Every script of `scenarios/` gives its `.out`; `BOUCLE_UPDATE_SCENARIOS=1` writes them.

#![expect(clippy::disallowed_methods, reason = "the scripts are files; the simulation reads none")]

use std::path::Path;

#[test]
fn every_scenario_gives_its_output() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut scripts: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of scenarios")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    scripts.sort();
    assert!(scripts.len() >= 8, "{scripts:?}");
    let update = std::env::var_os("BOUCLE_UPDATE_SCENARIOS").is_some();
    for script in scripts {
        let text = std::fs::read_to_string(&script).expect("a script");
        let found =
            sim::scenario::play(&text).unwrap_or_else(|error| panic!("{script:?}: {error}"));
        assert!(!found.contains("VIOLATION") && !found.contains("LOST"), "{script:?}\n{found}");
        let output = script.with_extension("out");
        if update {
            std::fs::write(&output, &found).expect("the output is written");
        }
        let expected = std::fs::read_to_string(&output).expect("an output beside each script");
        assert_eq!(found, expected, "{script:?}");
    }
}

#[test]
fn a_line_that_is_no_command_is_named() {
    let error = sim::scenario::play("push good\nfly\n").expect_err("no command");
    assert_eq!(error.to_string(), "line 2: `fly` is no command");
}
