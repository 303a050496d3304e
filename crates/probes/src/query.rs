//! Queries: read by `promql-parser`, written in the one form that the embedded store answers as
//! Prometheus does, or refused by name.
//!
//! tsink 0.10.2 differs from Prometheus in grammar and in labels, not in arithmetic (measured in
//! `tests/it/agreement.rs`). So a query is parsed, held against the tested set, and printed again:
//! fully bracketed, lower-case, numbers in decimals, strings in ASCII, and every selector with a
//! matcher that keeps tsink from answering with only the series whose labels are exactly those asked.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use monitoring::duration::format_ms;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    AggregateExpr, BinModifier, BinaryExpr, Call, Expr, LabelModifier, Offset,
    VectorMatchCardinality, VectorSelector,
};

/// Why a query is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryProblem {
    /// Not PromQL.
    #[error("the query is not valid: {0}")]
    Invalid(String),
    /// PromQL, but not in the set whose answers are known to be right.
    #[error(
        "the embedded store does not answer {0}; connect a Prometheus server (`metrics.url`) for it"
    )]
    Unsupported(String),
}

impl QueryProblem {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "query-invalid",
            Self::Unsupported(_) => "unsupported-query",
        }
    }
}

/// What the store leaves in the metric's name of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// The name is kept, and rightly.
    Kept,
    /// There is no name, and rightly.
    Absent,
    /// The store keeps a name that Prometheus drops.
    Leaked,
}

/// A query as the embedded store gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Canonical {
    pub text: String,
    pub names: Names,
}

/// Reads a query.
pub(crate) fn parse(query: &str) -> Result<Expr, QueryProblem> {
    promql_parser::parser::parse(query).map_err(QueryProblem::Invalid)
}

/// The query with `label="value"` in every selector that says nothing about the label: an objective
/// or an alert is asked for one application in one environment.
pub fn scoped(query: &str, labels: &BTreeMap<String, String>) -> Result<String, QueryProblem> {
    let mut expression = parse(query)?;
    scope(&mut expression, labels);
    Ok(expression.to_string())
}

fn scope(expression: &mut Expr, labels: &BTreeMap<String, String>) {
    match expression {
        Expr::Aggregate(aggregate) => {
            scope(&mut aggregate.expr, labels);
            if let Some(parameter) = &mut aggregate.param {
                scope(parameter, labels);
            }
        }
        Expr::Unary(unary) => scope(&mut unary.expr, labels),
        Expr::Binary(binary) => {
            scope(&mut binary.lhs, labels);
            scope(&mut binary.rhs, labels);
        }
        Expr::Paren(paren) => scope(&mut paren.expr, labels),
        Expr::Subquery(subquery) => scope(&mut subquery.expr, labels),
        Expr::VectorSelector(selector) => scope_selector(selector, labels),
        Expr::MatrixSelector(matrix) => scope_selector(&mut matrix.vs, labels),
        Expr::Call(call) => call.args.args.iter_mut().for_each(|each| scope(each, labels)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn scope_selector(selector: &mut VectorSelector, labels: &BTreeMap<String, String>) {
    for (name, value) in labels {
        let wanted = Matcher::new(MatchOp::Equal, name, value);
        let matchers = &mut selector.matchers;
        if matchers.or_matchers.is_empty() {
            if matchers.matchers.iter().all(|matcher| matcher.name != *name) {
                matchers.matchers.push(wanted);
            }
            continue;
        }
        for group in &mut matchers.or_matchers {
            if group.iter().all(|matcher| matcher.name != *name) {
                group.push(wanted.clone());
            }
        }
    }
}

/// The form for the embedded store, or why it is not in the tested set.
pub(crate) fn canonical(query: &str) -> Result<Canonical, QueryProblem> {
    let expression = parse(query)?;
    let mut text = String::new();
    let names = print(&expression, &mut text)?;
    Ok(Canonical { text, names })
}

type Printed = Result<Names, QueryProblem>;

fn unsupported<T>(what: impl Into<String>) -> Result<T, QueryProblem> {
    Err(QueryProblem::Unsupported(what.into()))
}

fn print(expression: &Expr, out: &mut String) -> Printed {
    match expression {
        Expr::Aggregate(aggregate) => print_aggregate(aggregate, out),
        Expr::Unary(unary) => {
            // As a product: a minus sign binds differently in the store.
            out.push_str("((-1) * ");
            print(&unary.expr, out)?;
            out.push(')');
            Ok(Names::Absent)
        }
        Expr::Binary(binary) => print_binary(binary, out),
        Expr::Paren(paren) => {
            out.push('(');
            let names = print(&paren.expr, out)?;
            out.push(')');
            Ok(names)
        }
        Expr::Subquery(_) => unsupported("subqueries (`[1h:1m]`)"),
        Expr::NumberLiteral(number) => {
            print_number(number.val, out);
            Ok(Names::Absent)
        }
        Expr::StringLiteral(text) => {
            print_string(&text.val, out)?;
            Ok(Names::Absent)
        }
        Expr::VectorSelector(selector) => {
            print_selector(selector, None, out)?;
            Ok(Names::Kept)
        }
        Expr::MatrixSelector(matrix) => {
            print_selector(&matrix.vs, Some(matrix.range), out)?;
            Ok(Names::Kept)
        }
        Expr::Call(call) => print_call(call, out),
        Expr::Extension(_) => unsupported("extensions of the language"),
    }
}

fn print_number(number: f64, out: &mut String) {
    let _ = if number.is_nan() {
        out.write_str("NaN")
    } else if number.is_infinite() {
        out.write_str(if number > 0.0 { "Inf" } else { "(-Inf)" })
    } else if number.is_sign_negative() {
        write!(out, "({number})")
    } else {
        write!(out, "{number}")
    };
}

/// The store reads strings byte by byte, so only ASCII comes through.
fn print_string(text: &str, out: &mut String) -> Result<(), QueryProblem> {
    if !text.is_ascii() {
        return unsupported(format!("the text `{text}`, which is not ASCII"));
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
    Ok(())
}

/// A duration is a whole number of milliseconds in the store's own form.
fn print_duration(duration: Duration, out: &mut String) {
    out.push_str(&format_ms(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)));
}

fn print_selector(
    selector: &VectorSelector,
    range: Option<Duration>,
    out: &mut String,
) -> Result<(), QueryProblem> {
    if selector.at.is_some() {
        return unsupported("the `@` modifier");
    }
    if !selector.matchers.or_matchers.is_empty() {
        return unsupported("`or` between matchers");
    }
    if let Some(name) = &selector.name {
        if !is_identifier(name, true) {
            return unsupported(format!("the metric name `{name}`"));
        }
        out.push_str(name);
    }
    out.push('{');
    for matcher in &selector.matchers.matchers {
        if !is_identifier(&matcher.name, false) {
            return unsupported(format!("the label name `{}`", matcher.name));
        }
        print_matcher(matcher, out)?;
        out.push_str(", ");
    }
    // Matches everything; without it the store may answer with one series of several.
    out.push_str("__name__!=\"\"}");
    if let Some(range) = range {
        out.push('[');
        print_duration(range, out);
        out.push(']');
    }
    match &selector.offset {
        None => {}
        Some(Offset::Pos(by)) => {
            out.push_str(" offset ");
            print_duration(*by, out);
        }
        Some(Offset::Neg(by)) => {
            out.push_str(" offset -");
            print_duration(*by, out);
        }
    }
    Ok(())
}

fn print_matcher(matcher: &Matcher, out: &mut String) -> Result<(), QueryProblem> {
    let ascii = matcher.value.is_ascii();
    let (operator, pattern) = match &matcher.op {
        MatchOp::Equal if ascii => ("=", matcher.value.clone()),
        MatchOp::NotEqual if ascii => ("!=", matcher.value.clone()),
        // As a regular expression, whose escapes are ASCII.
        MatchOp::Equal => ("=~", escape_pattern(&quote_pattern(&matcher.value))),
        MatchOp::NotEqual => ("!~", escape_pattern(&quote_pattern(&matcher.value))),
        MatchOp::Re(regex) => ("=~", escape_pattern(unanchored(regex.as_str()))),
        MatchOp::NotRe(regex) => ("!~", escape_pattern(unanchored(regex.as_str()))),
    };
    let _ = write!(out, "{}{operator}", matcher.name);
    print_string(&pattern, out)
}

/// The pattern as the parser accepted it: it may have escaped Go's `{` in it.
fn unanchored(regex: &str) -> &str {
    regex.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$")).unwrap_or(regex)
}

fn quote_pattern(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        if "\\.+*?()|[]{}^$#&-~".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

fn escape_pattern(pattern: &str) -> String {
    let mut escaped = String::new();
    for c in pattern.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            let _ = write!(escaped, "\\x{{{:x}}}", u32::from(c));
        }
    }
    escaped
}

/// The store's words, which it reads as such everywhere.
const KEYWORDS: [&str; 14] = [
    "by",
    "without",
    "offset",
    "bool",
    "and",
    "or",
    "unless",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "atan2",
    "inf",
    "nan",
];

fn is_identifier(name: &str, colons: bool) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    name.chars().all(is_part)
        && name.starts_with(|c: char| !c.is_ascii_digit())
        && !KEYWORDS.contains(&name.to_ascii_lowercase().as_str())
}

/// A list of labels in brackets. The metric's name is not one of them: see [`Names::Leaked`].
fn print_labels(labels: &[String], out: &mut String) -> Result<(), QueryProblem> {
    for label in labels {
        if label == "__name__" || !is_identifier(label, false) {
            return unsupported(format!("grouping or matching by `{label}`"));
        }
    }
    let _ = write!(out, "({})", labels.join(", "));
    Ok(())
}

/// Aggregations whose answers agree with Prometheus', and whether they keep series as they are.
const AGGREGATIONS: [(&str, bool); 9] = [
    ("sum", false),
    ("avg", false),
    ("min", false),
    ("max", false),
    ("count", false),
    ("group", false),
    ("quantile", false),
    ("topk", true),
    ("bottomk", true),
];

fn print_aggregate(aggregate: &AggregateExpr, out: &mut String) -> Printed {
    let operation = aggregate.op.to_string();
    let Some((name, keeps)) = AGGREGATIONS.iter().find(|(name, _)| *name == operation) else {
        return unsupported(format!("the aggregation `{operation}`"));
    };
    out.push_str(name);
    match &aggregate.modifier {
        None => {}
        Some(LabelModifier::Include(labels)) => {
            out.push_str(" by ");
            print_labels(&labels.labels, out)?;
        }
        Some(LabelModifier::Exclude(labels)) => {
            out.push_str(" without ");
            print_labels(&labels.labels, out)?;
        }
    }
    out.push_str(" (");
    if let Some(parameter) = &aggregate.param {
        print(parameter, out)?;
        out.push_str(", ");
    }
    let inner = print(&aggregate.expr, out)?;
    out.push(')');
    Ok(if *keeps { inner } else { Names::Absent })
}

/// What a function does with the metric's name.
enum NameRule {
    /// As its first vector.
    AsArgument,
    /// There is none.
    None,
    /// Prometheus drops it; the store keeps it.
    Drops,
}

/// The functions whose answers agree with Prometheus'.
fn name_rule(function: &str) -> Option<NameRule> {
    Some(match function {
        "last_over_time" | "sort" | "sort_desc" => NameRule::AsArgument,
        "absent" | "scalar" | "time" | "vector" => NameRule::None,
        "rate" | "irate" | "increase" | "delta" | "idelta" | "resets" | "deriv"
        | "avg_over_time" | "min_over_time" | "max_over_time" | "sum_over_time"
        | "count_over_time" | "present_over_time" | "stddev_over_time" | "stdvar_over_time"
        | "histogram_quantile" | "abs" | "ceil" | "floor" | "round" | "sqrt" | "exp" | "ln"
        | "log2" | "log10" | "sgn" | "clamp" | "clamp_min" | "clamp_max" | "timestamp" => {
            NameRule::Drops
        }
        _ => return None,
    })
}

fn print_call(call: &Call, out: &mut String) -> Printed {
    let name = call.func.name;
    let Some(rule) = name_rule(name) else {
        return unsupported(format!("the function `{name}`"));
    };
    let mut names = Names::Absent;
    let mut arguments = Vec::new();
    for argument in &call.args.args {
        let mut text = String::new();
        let printed = print(argument, &mut text)?;
        if names == Names::Absent {
            names = printed;
        }
        arguments.push(text);
    }
    match (name, arguments.as_slice()) {
        ("histogram_quantile", [_, buckets]) => print_quantile(call, buckets, out)?,
        // Over nothing but NaN the store answers with an infinity, Prometheus with NaN.
        ("max_over_time", [range]) => {
            let _ = write!(out, "((max_over_time({range}) > (-Inf)) or avg_over_time({range}))");
        }
        ("min_over_time", [range]) => {
            let _ = write!(out, "((min_over_time({range}) < Inf) or avg_over_time({range}))");
        }
        (name, arguments) => {
            let _ = write!(out, "{name}({})", arguments.join(", "));
        }
    }
    Ok(match rule {
        NameRule::AsArgument => names,
        NameRule::None => Names::Absent,
        NameRule::Drops => Names::Leaked,
    })
}

/// Where the quantile lies in the last bucket the store answers with an infinity, Prometheus with
/// the bound before it, which is what the store gives for the quantile 1.
fn print_quantile(call: &Call, buckets: &str, out: &mut String) -> Result<(), QueryProblem> {
    let Some(Expr::NumberLiteral(quantile)) = call.args.args.first().map(|first| &**first) else {
        return unsupported("`histogram_quantile` of what is not a plain number");
    };
    let mut number = String::new();
    print_number(quantile.val, &mut number);
    let plain = format!("histogram_quantile({number}, {buckets})");
    if (0.0..1.0).contains(&quantile.val) {
        let highest = format!("histogram_quantile(1, {buckets})");
        let _ = write!(out, "(({plain} < {highest}) or {highest})");
    } else {
        out.push_str(&plain);
    }
    Ok(())
}

fn print_binary(binary: &BinaryExpr, out: &mut String) -> Printed {
    let operator = binary.op.to_string();
    let comparison = matches!(operator.as_str(), "==" | "!=" | "<" | ">" | "<=" | ">=");
    let start = out.len();
    out.push('(');
    let left = print(&binary.lhs, out)?;
    let _ = write!(out, " {operator} ");
    let shape = match &binary.modifier {
        None => Shape::default(),
        Some(modifier) => print_modifier(modifier, out)?,
    };
    let right = print(&binary.rhs, out)?;
    out.push(')');
    if let Some(ignored) = shape.one_to_one_ignored {
        // The store leaves the ignored labels in the answer. A group holds one series here.
        if comparison && !shape.returns_bool {
            return unsupported("a comparison of series with `ignoring` and without `bool`");
        }
        if !matches!(operator.as_str(), "and" | "or" | "unless") {
            out.insert_str(start, &format!("max without {ignored} ("));
            out.push(')');
            return Ok(Names::Absent);
        }
    }
    match operator.as_str() {
        "or" => joined(left, right),
        "and" | "unless" => Ok(left),
        _ if comparison && (shape.returns_bool || shape.one_to_one_on) => Ok(Names::Leaked),
        _ if comparison && shape.many_on_the_right => Ok(right),
        // A scalar on the left is compared with each series on the right.
        _ if comparison => {
            Ok(if binary.lhs.value_type() == ValueType::Scalar { right } else { left })
        }
        "+" | "-" | "*" | "/" | "%" | "^" => Ok(Names::Leaked),
        other => unsupported(format!("the operator `{other}`")),
    }
}

/// What a modifier of a binary operator means for the labels of the answer.
#[derive(Default)]
struct Shape {
    returns_bool: bool,
    one_to_one_on: bool,
    /// `(a, b)`, when it is one to one and ignores labels.
    one_to_one_ignored: Option<String>,
    many_on_the_right: bool,
}

fn print_modifier(modifier: &BinModifier, out: &mut String) -> Result<Shape, QueryProblem> {
    if modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some() {
        return unsupported("`fill` between vectors");
    }
    let mut shape = Shape { returns_bool: modifier.return_bool, ..Shape::default() };
    if shape.returns_bool {
        out.push_str("bool ");
    }
    let one_to_one = modifier.card == VectorMatchCardinality::OneToOne;
    match &modifier.matching {
        None => {}
        Some(LabelModifier::Include(labels)) => {
            shape.one_to_one_on = one_to_one;
            out.push_str("on ");
            print_labels(&labels.labels, out)?;
            out.push(' ');
        }
        Some(LabelModifier::Exclude(labels)) => {
            let mut ignored = String::new();
            print_labels(&labels.labels, &mut ignored)?;
            let _ = write!(out, "ignoring {ignored} ");
            shape.one_to_one_ignored = one_to_one.then_some(ignored);
        }
    }
    match &modifier.card {
        VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => {}
        VectorMatchCardinality::ManyToOne(labels) => {
            out.push_str("group_left ");
            print_labels(&labels.labels, out)?;
            out.push(' ');
        }
        VectorMatchCardinality::OneToMany(labels) => {
            shape.many_on_the_right = true;
            out.push_str("group_right ");
            print_labels(&labels.labels, out)?;
            out.push(' ');
        }
    }
    Ok(shape)
}

/// Both sides of `or` in one result: a name can be dropped from all series or from none.
fn joined(left: Names, right: Names) -> Printed {
    match (left, right) {
        (Names::Kept, Names::Leaked) | (Names::Leaked, Names::Kept) => {
            unsupported("`or` between series with and without a metric's name")
        }
        (Names::Kept, _) | (_, Names::Kept) => Ok(Names::Kept),
        (Names::Leaked, _) | (_, Names::Leaked) => Ok(Names::Leaked),
        (Names::Absent, Names::Absent) => Ok(Names::Absent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: &str) {
        assert_eq!(canonical(query).expect("supported").text, expected);
    }

    #[test]
    fn prints_one_form() {
        check("SUM BY (job) (rate(a[5m]))", "sum by (job) (rate(a{__name__!=\"\"}[5m]))");
        check("sum(a) by(b)", "sum by (b) (a{__name__!=\"\"})");
        check("-1^2 + 0x10 + 1e-3", "((((-1) * (1 ^ 2)) + 16) + 0.001)");
        check("a{b='x\"y'}", "a{b=\"x\\\"y\", __name__!=\"\"}");
        check("a{b=\"é\"}", "a{b=~\"\\\\x{e9}\", __name__!=\"\"}");
        check("a offset -1h30m", "a{__name__!=\"\"} offset -1h30m");
        check(
            "a / on(x) group_left(y) b",
            "(a{__name__!=\"\"} / on (x) group_left (y) b{__name__!=\"\"})",
        );
    }

    #[track_caller]
    fn refuse(query: &str, code: &str) {
        let problem = canonical(query).expect_err(query);
        assert_eq!(problem.code(), code, "{query}: {problem}");
    }

    #[test]
    fn refuses_by_name() {
        refuse("sum(", "query-invalid");
        refuse("max_over_time(rate(a[5m])[1h:1m])", "unsupported-query");
        refuse("a @ 100", "unsupported-query");
        refuse("count_values(\"v\", a)", "unsupported-query");
        refuse("sum by (__name__) (a)", "unsupported-query");
        refuse("label_replace(a, \"b\", \"$1\", \"c\", \"(.*)\")", "unsupported-query");
        refuse("a or rate(b[5m])", "unsupported-query");
        refuse("sum by (on) (a)", "unsupported-query");
        refuse("a > ignoring (b) c", "unsupported-query");
        refuse("histogram_quantile(scalar(a), b_bucket)", "unsupported-query");
        refuse("predict_linear(a[5m], 60)", "unsupported-query");
    }

    #[test]
    fn scopes_every_selector_that_is_silent() {
        let labels = BTreeMap::from([("application".to_owned(), "hello".to_owned())]);
        let scoped = scoped("sum(rate(a[5m])) / sum(b{application=~\"x|y\"})", &labels).unwrap();
        assert_eq!(
            scoped,
            "sum(rate(a{application=\"hello\"}[5m])) / sum(b{application=~\"x|y\"})"
        );
    }
}
