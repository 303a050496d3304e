//! The combinations of a matrix, in the form in which a run keeps them.

use crate::expressions::{Object, Value};

/// One combination.
pub(super) struct Combination {
    /// The `matrix` context.
    pub values: Value,
    /// What it adds to the job's name: ` (linux, 1.95)`.
    pub suffix: String,
}

/// Every combination, or why there is none.
pub(super) fn expand(matrix: &Value) -> Result<Vec<Combination>, String> {
    let Value::Object(matrix) = matrix else { return Err("the matrix is no mapping".to_owned()) };
    let mut rows = vec![Object::new()];
    for (name, values) in matrix.iter() {
        let Value::Array(values) = values else { return Err(format!("`{name}` is no list")) };
        rows = rows
            .iter()
            .flat_map(|row| {
                values.iter().map(|value| {
                    let mut row = row.clone();
                    row.insert(name, value.clone());
                    row
                })
            })
            .collect();
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let texts: Vec<_> = row.iter().map(|(_, value)| value.to_text()).collect();
            Combination { suffix: format!(" ({})", texts.join(", ")), values: row.into() }
        })
        .collect())
}
