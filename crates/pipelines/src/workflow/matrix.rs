//! A matrix into its combinations, and the names of the jobs that they make.

use crate::expressions::{Object, Value};

/// Jobs that one matrix may make. GitHub's.
pub const COMBINATIONS_MAX: usize = 256;
/// Characters of a job's name that is made of matrix values. GitHub's.
const NAME_LENGTH_MAX: usize = 100;

/// Why a matrix has no combinations. It is known only when the job is due, for a matrix may be
/// computed from the outputs of other jobs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// The whole is not a mapping.
    #[error("the matrix is not a mapping of names to lists")]
    NotAMapping,
    /// A vector is not a list.
    #[error("the matrix vector '{name}' is not a list")]
    NotAList {
        /// Its key.
        name: String,
    },
    /// A vector without values.
    #[error("Matrix vector '{name}' does not contain any values")]
    EmptyVector {
        /// Its key.
        name: String,
    },
    /// An item of `include` or `exclude` that is not a mapping.
    #[error("an item of '{list}' in the matrix is not a mapping")]
    NotAFilter {
        /// `include` or `exclude`.
        list: &'static str,
    },
    /// `exclude` names a key that no vector has.
    #[error("Matrix exclude key '{name}' does not match any key within the matrix")]
    UnknownExcludeKey {
        /// The key.
        name: String,
    },
    /// Nothing is left.
    #[error("the matrix makes no job: it has no vector and no include, or everything is excluded")]
    NoCombination,
    /// Too many.
    #[error("the matrix makes {count} jobs; at most {COMBINATIONS_MAX} are allowed")]
    TooMany {
        /// How many there would be.
        count: usize,
    },
}

impl MatrixError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAMapping => "matrix-not-a-mapping",
            Self::NotAList { .. } => "matrix-vector-not-a-list",
            Self::EmptyVector { .. } => "matrix-vector-empty",
            Self::NotAFilter { .. } => "matrix-filter-not-a-mapping",
            Self::UnknownExcludeKey { .. } => "matrix-exclude-unknown",
            Self::NoCombination => "matrix-no-combination",
            Self::TooMany { .. } => "matrix-too-many",
        }
    }
}

/// The combinations of an evaluated `matrix`, in GitHub's order: the first vector varies slowest,
/// then what `include` adds on its own.
pub fn expand(matrix: &Value) -> Result<Vec<Object>, MatrixError> {
    let Value::Object(matrix) = matrix else { return Err(MatrixError::NotAMapping) };
    let vectors = vectors(matrix)?;
    let excludes = filters(matrix, "exclude")?;
    for (name, _) in excludes.iter().flat_map(|exclude| exclude.iter()) {
        if !vectors.iter().any(|(vector, _)| vector.eq_ignore_ascii_case(name)) {
            return Err(MatrixError::UnknownExcludeKey { name: name.into() });
        }
    }
    let mut originals = product(&vectors)?;
    originals.retain(|combination| !excludes.iter().any(|exclude| contains(combination, exclude)));
    let mut combinations = originals.clone();
    for include in filters(matrix, "include")? {
        add(&originals, &mut combinations, &include, &vectors);
    }
    match combinations.len() {
        0 => Err(MatrixError::NoCombination),
        count if count > COMBINATIONS_MAX => Err(MatrixError::TooMany { count }),
        _ => Ok(combinations),
    }
}

/// The name of one job of a matrix: `test (linux, 20)`, at most 100 characters. It is for a name
/// without expressions; GitHub takes a computed one as it is.
#[must_use]
pub fn display_name(job: &str, combination: &Object) -> String {
    let mut segments = Vec::new();
    for (_, value) in combination.iter() {
        collect_leaves(value, &mut segments);
    }
    if segments.is_empty() {
        return job.into();
    }
    let name = format!("{job} ({})", segments.join(", "));
    if name.chars().count() <= NAME_LENGTH_MAX {
        return name;
    }
    let kept: String = name.chars().take(NAME_LENGTH_MAX - 4).collect();
    format!("{kept}...)")
}

type Vector<'a> = (&'a str, &'a [Value]);

fn vectors(matrix: &Object) -> Result<Vec<Vector<'_>>, MatrixError> {
    let is_vector = |name: &str| !["include", "exclude"].contains(&name);
    let vector = |(name, value): (_, &'_ Value)| match list(value) {
        None => Err(MatrixError::NotAList { name: String::from(name) }),
        Some([]) => Err(MatrixError::EmptyVector { name: String::from(name) }),
        Some(_) => Ok(()),
    };
    let mut vectors = Vec::new();
    for (name, value) in matrix.iter().filter(|(name, _)| is_vector(name)) {
        vector((name, value))?;
        vectors.push((name, list(value).unwrap_or_default()));
    }
    Ok(vectors)
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        Value::Null
        | Value::Boolean(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_) => None,
    }
}

fn filters(matrix: &Object, name: &'static str) -> Result<Vec<Object>, MatrixError> {
    let Some(value) = matrix.get(name) else { return Ok(Vec::new()) };
    let items = list(value).ok_or(MatrixError::NotAList { name: name.into() })?;
    let filter = |item: &Value| match item {
        Value::Object(object) => Ok(object.as_ref().clone()),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(MatrixError::NotAFilter { list: name })
        }
    };
    items.iter().map(filter).collect()
}

/// Every combination of the vectors; refused before it is made when it would be far too large.
fn product(vectors: &[Vector<'_>]) -> Result<Vec<Object>, MatrixError> {
    if vectors.is_empty() {
        return Ok(Vec::new());
    }
    let count =
        vectors.iter().fold(1_usize, |count, (_, values)| count.saturating_mul(values.len()));
    // `exclude` may still take many away, so the limit proper is asked afterwards.
    if count > COMBINATIONS_MAX * 256 {
        return Err(MatrixError::TooMany { count });
    }
    let mut combinations = vec![Object::new()];
    for (name, values) in vectors {
        let with = |combination: &Object, value: &Value| {
            let mut combination = combination.clone();
            combination.insert(*name, value.clone());
            combination
        };
        combinations = combinations
            .iter()
            .flat_map(|combination| values.iter().map(move |value| with(combination, value)))
            .collect();
    }
    Ok(combinations)
}

/// Adds an item of `include` to the combinations whose own values it does not change, or as one of
/// its own.
fn add(
    originals: &[Object],
    combinations: &mut Vec<Object>,
    include: &Object,
    vectors: &[Vector<'_>],
) {
    let is_vector =
        |name: &str| vectors.iter().any(|(vector, _)| vector.eq_ignore_ascii_case(name));
    let own: Object =
        include.iter().filter(|(name, _)| is_vector(name)).map(|(n, v)| (n, v.clone())).collect();
    let mut is_added = false;
    for (original, combination) in originals.iter().zip(combinations.iter_mut()) {
        if !contains(original, &own) {
            continue;
        }
        is_added = true;
        for (name, value) in include.iter().filter(|(name, _)| !is_vector(name)) {
            combination.insert(name, value.clone());
        }
    }
    if !is_added {
        combinations.push(include.clone());
    }
}

/// Whether each value of the filter is in the object; inside mappings too, a part is enough.
fn contains(object: &Object, filter: &Object) -> bool {
    filter
        .iter()
        .all(|(name, expected)| object.get(name).is_some_and(|value| fits(value, expected)))
}

fn fits(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Object(value), Value::Object(expected)) => contains(value, expected),
        (Value::Array(value), Value::Array(expected)) => {
            value.len() == expected.len()
                && value.iter().zip(expected.iter()).all(|(value, expected)| fits(value, expected))
        }
        (
            Value::Null
            | Value::Boolean(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
            _,
        ) => value.loosely_equals(expected),
    }
}

fn collect_leaves(value: &Value, segments: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_leaves(item, segments)),
        Value::Object(object) => {
            object.iter().for_each(|(_, value)| collect_leaves(value, segments));
        }
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::String(_) => {
            let text = value.to_text();
            if !text.is_empty() {
                segments.push(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[track_caller]
    fn check(matrix: Json, expected: Json) {
        let combinations = expand(&Value::from_json(&matrix)).map(|combinations| {
            combinations.into_iter().map(|one| Value::from(one).to_json()).collect::<Json>()
        });
        match expected.as_str() {
            Some(code) => assert_eq!(combinations.unwrap_err().code(), code),
            None => assert_eq!(combinations.unwrap(), expected),
        }
    }

    #[test]
    fn vectors_and_excludes() {
        check(
            json!({"os": ["a", "b"], "v": [1, 2]}),
            json!([{"os":"a","v":1}, {"os":"a","v":2}, {"os":"b","v":1}, {"os":"b","v":2}]),
        );
        check(
            json!({"os": ["a", "b"], "v": [1, 2], "exclude": [{"os": "A"}, {"v": "1"}]}),
            json!([{"os":"b","v":2}]),
        );
        check(
            json!({"node": [{"v": 1, "x": 1}, {"v": 2}], "exclude": [{"node": {"v": 1}}]}),
            json!([{"node": {"v": 2}}]),
        );
        check(json!({"os": ["a"], "exclude": [{"os": "a"}]}), json!("matrix-no-combination"));
        check(json!({"os": ["a"], "exclude": [{"v": 1}]}), json!("matrix-exclude-unknown"));
    }

    #[test]
    fn include_extends_and_adds() {
        check(
            json!({
                "fruit": ["apple", "pear"], "animal": ["cat", "dog"],
                "include": [
                    {"color": "green"},
                    {"color": "pink", "animal": "cat"},
                    {"fruit": "apple", "shape": "circle"},
                    {"fruit": "banana"},
                    {"fruit": "banana", "animal": "cat"}
                ]
            }),
            json!([
                {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
                {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
                {"fruit": "pear", "animal": "cat", "color": "pink"},
                {"fruit": "pear", "animal": "dog", "color": "green"},
                {"fruit": "banana"},
                {"fruit": "banana", "animal": "cat"}
            ]),
        );
        check(json!({"include": [{"a": 1}, {"a": 2}]}), json!([{"a": 1}, {"a": 2}]));
    }

    #[test]
    fn refuses() {
        let many: Vec<_> = (0..17).collect();
        check(json!({"a": many, "b": many}), json!("matrix-too-many"));
        check(json!({"a": []}), json!("matrix-vector-empty"));
        check(json!({"a": 1}), json!("matrix-vector-not-a-list"));
        check(json!([]), json!("matrix-not-a-mapping"));
        check(json!({}), json!("matrix-no-combination"));
        check(json!({"include": [1]}), json!("matrix-filter-not-a-mapping"));
    }

    #[test]
    fn names() {
        let name = |json: Json| {
            let entries = json.as_object().unwrap().iter();
            let object = entries.map(|(name, value)| (name, Value::from_json(value))).collect();
            display_name("test", &object)
        };
        assert_eq!(name(json!({"os": "linux", "v": 1.5, "x": null})), "test (linux, 1.5)");
        assert_eq!(name(json!({"n": {"a": 1, "b": [true]}})), "test (1, true)");
        assert_eq!(name(json!({})), "test");
        let long = name(json!({"a": "x".repeat(200)}));
        assert!(long.ends_with("xxx...)") && long.len() == 100, "{long}");
    }
}
