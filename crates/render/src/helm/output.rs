//! Manifests from what Helm printed.

use serde_json::Value;

use super::HelmOrder;
use crate::error::RenderError;
use crate::plain::unfold;

/// The line before each of Helm's documents that names its template.
const SOURCE: &str = "# Source: ";

/// Every object of the output, lists unfolded.
pub(crate) fn manifests(order: &HelmOrder, output: &[u8]) -> Result<Vec<Value>, RenderError> {
    let text = str::from_utf8(output)
        .map_err(|_| RenderError::whole("invalid-yaml", &order.chart, "the output is not UTF-8"))?;
    let documents = yaml::documents(&order.chart, text).map_err(|error| {
        let template = template_of(text, error.line);
        let message = format!("{template} renders to no YAML: {}", error.message);
        RenderError::whole("invalid-yaml", &order.chart, message)
    })?;
    let mut manifests = Vec::new();
    for document in documents {
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or("object").to_owned();
        unfold(document, &mut manifests).map_err(|message| {
            let message = format!("the chart renders to a wrong {kind}: {message}");
            RenderError::whole("invalid-object", &order.chart, message)
        })?;
    }
    Ok(manifests)
}

/// The template whose output has this line.
fn template_of(text: &str, line: u64) -> String {
    let count = usize::try_from(line).unwrap_or(usize::MAX);
    let before = text.lines().take(count);
    let source = before.filter_map(|line| line.strip_prefix(SOURCE)).last();
    source.map_or_else(|| "the chart".into(), |source| format!("the template `{source}`"))
}
