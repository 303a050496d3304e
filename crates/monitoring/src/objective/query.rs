//! Gives a counter query of an objective its window.

use crate::duration::format_ms;

/// A query that cannot be given a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{query}` has no window: write a counter (`http_requests_total{{code=\"200\"}}`, alone or in `sum(…)`), or a query with `{{{{.window}}}}` where the window goes"
)]
pub struct QueryProblem {
    /// The query as it came.
    pub query: String,
}

impl QueryProblem {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "objective-query-without-window"
    }
}

/// The query over a window, as one number: how many events.
///
/// - `{{.window}}` (Sloth's placeholder) is replaced: `sum(increase(x[{{.window}}]))`;
/// - a counter, alone or in `sum(…)`, becomes `sum(increase(counter[window]))`.
pub fn windowed(query: &str, window_ms: u64) -> Result<String, QueryProblem> {
    let text = query.trim();
    let window = format_ms(window_ms);
    for placeholder in ["{{.window}}", "{{ .window }}"] {
        if text.contains(placeholder) {
            return Ok(format!("({})", text.replace(placeholder, &window)));
        }
    }
    let inner = text
        .strip_prefix("sum")
        .map(str::trim_start)
        .and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')'))
        .map_or(text, str::trim);
    if is_selector(inner) {
        Ok(format!("sum(increase({inner}[{window}]))"))
    } else {
        Err(QueryProblem { query: query.into() })
    }
}

/// `name`, `name{…}` or `{…}` with nothing after the closing brace.
fn is_selector(text: &str) -> bool {
    let name_end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let rest = rest.trim();
    if rest.is_empty() {
        return !name.is_empty();
    }
    let Some(matchers) = rest.strip_prefix('{') else { return false };
    closes_at_end(matchers)
}

/// Whether the first `}` outside quotes is the last character.
fn closes_at_end(matchers: &str) -> bool {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in matchers.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(open) if open != '`' && c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' || c == '`' => quote = Some(c),
            None if c == '}' => return at + 1 == matchers.len(),
            None if c == '{' => return false,
            None => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: Option<&str>) {
        assert_eq!(windowed(query, 300_000).ok().as_deref(), expected, "{query}");
    }

    #[test]
    fn gives_a_window() {
        check("requests_total", Some("sum(increase(requests_total[5m]))"));
        check(r#" a{code!~"5.."} "#, Some(r#"sum(increase(a{code!~"5.."}[5m]))"#));
        check(r#"sum(a{path="/{id}"})"#, Some(r#"sum(increase(a{path="/{id}"}[5m]))"#));
        check(r#"{__name__="a"}"#, Some(r#"sum(increase({__name__="a"}[5m]))"#));
        check("sum(rate(a[{{.window}}]))", Some("(sum(rate(a[5m])))"));
        check("sum(rate(a[{{ .window }}]))", Some("(sum(rate(a[5m])))"));
    }

    #[test]
    fn refuses_what_has_no_place_for_one() {
        for query in
            ["", "sum(rate(a[5m]))", "a + b", "sum(a) / sum(b)", "5xx", r#"a{b="}"} + 1"#, "a{"]
        {
            check(query, None);
        }
    }
}
