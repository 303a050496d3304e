//! Patterns and owners by GitHub's rules.

use repositories::codeowners::{CodeOwners, LineProblem, Owners, Pattern};
use repositories::glob::{Glob, InvalidGlob};

fn check(pattern: &str, matching: &[&str], others: &[&str]) {
    let read = Pattern::new(pattern).unwrap();
    for path in matching {
        assert!(read.matches(path), "`{pattern}` should match {path}");
    }
    for path in others {
        assert!(!read.matches(path), "`{pattern}` should not match {path}");
    }
}

#[test]
fn patterns() {
    check("*", &["a", "a/b", "a/b/c"], &[]);
    check("*.js", &["a.js", "deep/a.js", "a.js/inside"], &["a.jsx", "js"]);
    check("/build/logs/", &["build/logs/a", "build/logs/a/b"], &["build/logs", "x/build/logs/a"]);
    check("docs/*", &["docs/a.md"], &["docs/b/c.md", "x/docs/a.md", "docs"]);
    check("apps/", &["apps/a", "x/apps/a/b"], &["apps", "x/apps"]);
    check("/docs/", &["docs/a", "docs/b/c"], &["x/docs/a"]);
    check("/scripts", &["scripts", "scripts/a"], &["x/scripts"]);
    check("**/logs", &["logs", "logs/a", "build/logs/a", "a/b/logs"], &["logsx"]);
    check("a/**/z", &["a/z", "a/b/z", "a/b/c/z/d"], &["a/b", "x/a/z"]);
    check("a/**", &["a/b", "a/b/c"], &["a", "x/a/b"]);
    check("**", &["a", "a/b"], &[]);
    check("/", &[], &["a", "a/b"]);
    check("a?c", &["abc", "x/abc/d"], &["ac", "a/c"]);
    check("with\\ space", &["with space", "with space/a"], &["with\\ space"]);
    check("[ab].txt", &["[ab].txt"], &["a.txt", "b.txt"]);
    check("A", &["A"], &["a"]);
    check("**foo", &["foo", "xfoo/a", "b/foo"], &["foox"]);
}

#[test]
fn a_hostile_pattern_is_no_slower_than_its_length_times_the_path() {
    let pattern = Pattern::new(&"**/a*a*ac/".repeat(200)).unwrap();
    assert!(!pattern.matches(&"aaaaaaaaaaaaaaaaab/".repeat(500)));
}

#[test]
fn globs_match_whole_names() {
    let cases = [
        ("main", "main", true),
        ("main", "main/x", false),
        ("release/*", "release/1", true),
        ("release/*", "release/1/x", false),
        ("release/**", "release/1/x", true),
        ("**", "a/b", true),
        ("*", "a/b", false),
        ("deploy/**/production", "deploy/production", true),
    ];
    for (glob, name, expected) in cases {
        assert_eq!(Glob::new(glob).unwrap().matches(name), expected, "{glob} {name}");
    }
    assert_eq!(Glob::new(""), Err(InvalidGlob::Empty));
    assert_eq!(Glob::new("a***"), Err(InvalidGlob::ThreeAsterisks));
    assert_eq!(Glob::new("a\\"), Err(InvalidGlob::LoneBackslash));
}

const FILE: &str = "\
# Everything
*       @everybody

*.rs    @rustacean @org/compilers  # two owners
docs/   docs@example.test
docs/secret
/vendor/ @last
";

#[test]
fn the_last_matching_line_wins_and_may_name_nobody() {
    let (file, invalid) = CodeOwners::parse(FILE);
    assert_eq!(invalid, []);
    let owners = |path: &str| match file.owners(path) {
        Owners::Unmatched => "unmatched".to_owned(),
        Owners::Nobody { rule } => format!("nobody by {}", rule.line),
        Owners::AnyOf { rule } => {
            rule.owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
    };
    assert_eq!(owners("README.md"), "@everybody");
    assert_eq!(owners("src/a.rs"), "@rustacean @org/compilers");
    assert_eq!(owners("docs/a.rs"), "docs@example.test");
    assert_eq!(owners("docs/secret/x"), "nobody by 6");
    assert_eq!(owners("vendor/a.rs"), "@last");
    let (empty, _) = CodeOwners::parse("/only @me\n");
    assert_eq!(empty.owners("other"), Owners::Unmatched);
}

#[test]
fn lines_without_meaning_are_skipped_and_named() {
    let text = "!a @x\n\\#b @x\nc @x oops\nd @x\ne***f @x\n";
    let (file, invalid) = CodeOwners::parse(text);
    let named: Vec<usize> = invalid.iter().map(|line| line.line).collect();
    assert_eq!(named, [1, 2, 3, 5]);
    assert_eq!(invalid[2].problem, LineProblem::Owner("oops".into()));
    assert_eq!(file.rules().len(), 1);
    let (ignored, invalid) = CodeOwners::parse(&"a @x\n".repeat(700_000));
    assert_eq!((ignored.rules().len(), &invalid[0].problem), (0, &LineProblem::FileTooLarge));
}
