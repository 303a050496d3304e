//! YAML as Kubernetes reads it, always within a budget.
//!
//! Every file that a person gives to Boucle and that follows Kubernetes' conventions (manifests,
//! kustomizations, `boucle.yaml`, OpenSLO) is read here: YAML 1.1 booleans and octal numbers,
//! duplicate keys refused, aliases, nodes and documents bounded. Workflow files follow other rules
//! and are read by `pipelines`.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::UserMessageFormatter;

/// Why a text was refused, with the place in the file (both from 1; 0 when unknown).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// The file's path in its repository.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// What is wrong, without the place.
    pub message: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for YamlError {}

/// Every document of a file as JSON values, in order; empty documents are left out.
pub fn documents(file: &str, text: &str) -> Result<Vec<Value>, YamlError> {
    serde_saphyr::from_multiple_with_options(text, options())
        .map_err(|error| describe(file, &error))
}

/// Like [`documents`], but only `true` and `false` are booleans, as YAML 1.2 has it; `yes` is text.
/// Kustomize reads objects and their patches so.
pub fn documents_yaml12(file: &str, text: &str) -> Result<Vec<Value>, YamlError> {
    let mut options = options();
    options.strict_booleans = true;
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| describe(file, &error))
}

/// The single document of a file as `T`; refuse unknown keys with `#[serde(deny_unknown_fields)]`.
pub fn document<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, YamlError> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| describe(file, &error))
}

/// The values as a YAML stream that every YAML 1.1 and 1.2 reader reads back equal.
#[must_use]
pub fn emit(values: &[Value]) -> String {
    values
        .iter()
        .filter_map(|value| serde_saphyr::to_string_with_options(value, emission()).ok())
        .collect::<Vec<_>>()
        .join("---\n")
}

/// Lines are not folded: an image's reference stays on one line, as `kubectl` prints it.
fn emission() -> serde_saphyr::SerializerOptions {
    serde_saphyr::ser_options! { compact_list_indent: true, min_fold_chars: usize::MAX }
}

/// Kubernetes' reading (sigs.k8s.io/yaml): `0644` is octal, `yes` is true. The budget leaves room
/// for a large rendered repository (100,000 documents) and none for an alias bomb.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
        // Manifests repeat small parts; what aliases stand for is small beside the file itself.
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 50_000 },
        budget: serde_saphyr::budget! {
            max_documents: 100_000,
            max_nodes: 4_000_000,
            max_aliases: 2_000,
            max_depth: 200,
        },
    }
}

fn describe(file: &str, error: &serde_saphyr::Error) -> YamlError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let mut message = error.without_snippet().render_with_formatter(&UserMessageFormatter);
    if let Some(place) = message.rfind(" at line ") {
        message.truncate(place);
    }
    YamlError { file: file.into(), line, column, message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[Value]) {
        assert_eq!(documents("a.yaml", text).expect("valid"), expected);
    }

    #[test]
    fn reads_as_kubernetes_does() {
        check("mode: 0644\non: yes", &[json!({"mode": 420, "on": true})]);
        check("a: 1\n---\n---\nb: '1'", &[json!({"a": 1}), json!({"b": "1"})]);
    }

    #[test]
    fn refuses_duplicates_with_their_place() {
        let error = documents("a.yaml", "a: 1\na: 2").expect_err("duplicate");
        assert_eq!((error.line, error.column), (2, 1));
    }

    #[test]
    fn refuses_an_alias_bomb() {
        let mut text = String::from("a0: &a0 [x]\n");
        for level in 1..12 {
            let previous = level - 1;
            let aliases = vec![format!("*a{previous}"); 9].join(",");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(documents("bomb.yaml", &text).is_err());
    }

    #[test]
    fn an_alias_bomb_is_refused_before_it_is_expanded() {
        // Each alias alone is small; together they would be 9^11 nodes.
        let mut text = String::from("a0: &a0 {x: y}\n");
        for level in 1..12 {
            let previous = level - 1;
            let entries: Vec<String> = (0..9).map(|key| format!("k{key}: *a{previous}")).collect();
            text.push_str(&format!("a{level}: &a{level} {{{}}}\n", entries.join(", ")));
        }
        for result in [documents("b", &text), documents_yaml12("b", &text)] {
            let error = result.expect_err("refused");
            assert!(error.message.len() < 300, "{}", error.message);
        }
    }

    #[test]
    fn messages_do_not_repeat_the_place() {
        for text in ["a: 1\na: 2", "a: [b", "a: *x", "a: \"\\q\"", "a: b: c"] {
            let error = documents("f.yaml", text).expect_err("refused");
            assert!(!error.message.contains("line ") && !error.message.contains("-->"), "{error}");
            assert!(error.line > 0, "{error:?}");
        }
    }

    #[test]
    fn lists_are_as_compact_as_kubectl_prints_them() {
        let value = json!({"a": [{"b": 1, "c": [2]}], "d": {}, "e": [], "f": "x\ny\n"});
        assert_eq!(emit(&[value]), "a:\n- b: 1\n  c:\n  - 2\nd: {}\ne: []\nf: |\n  x\n  y\n");
    }

    #[test]
    fn yaml_1_2_has_two_booleans() {
        let read = documents_yaml12("a.yaml", "[yes, off, y, true, 0644]").expect("valid");
        assert_eq!(read, [json!(["yes", "off", "y", true, 420])]);
    }

    #[test]
    fn emits_what_it_reads_back() {
        let values = [json!({"a": "yes", "b": "0644", "c": ["1_000", 1, null, {"on": "12:30"}]})];
        check(&emit(&values), &values);
    }
}
