//! Expressions and templates: value or refusal, by one table each.

use pipelines::expressions::{
    Condition, Contexts, EvaluationError, Expression, Object, Position, Scope, Status, Template,
    Value,
};
use serde_json::{Value as Json, json};

const AT: Position = Position { line: 1, column: 1 };

fn contexts() -> Object {
    let json = json!({
        "github": {"ref": "refs/heads/main", "event": {"labels": [{"name": "a"}, {"name": "b"}]}},
        "matrix": {"os": "linux", "n": 2},
        "needs": {"build": {"result": "success"}, "test": {"result": "failure"}},
    });
    let entries = json.as_object().expect("an object").iter();
    entries.map(|(name, value)| (name, Value::from_json(value))).collect()
}

#[track_caller]
fn check(text: &str, expected: Json) {
    let named = contexts();
    let expression = Expression::parse(text, Scope::ANY).expect(text);
    let value = expression.evaluate(&Contexts::new(&named)).expect(text);
    assert_eq!(value.to_json(), expected, "{text}");
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let scope = Scope { contexts: Some(&["github"]), functions: Some(&[]) };
    let error = Expression::parse(text, scope).expect_err(text);
    assert_eq!(error.to_string(), expected);
}

#[test]
fn values() {
    check("GITHUB.Ref", json!("refs/heads/main"));
    check("github.event.labels.*.name", json!(["a", "b"]));
    check("join(github.event.labels.*.name)", json!("a,b"));
    check("matrix.os == 'LINUX' && matrix.n >= 2", json!(true));
    check("nothing.at.all", Json::Null);
    check("matrix.none || 'default'", json!("default"));
    check("!matrix.none", json!(true));
    check("0x10", json!(16));
    check("'it''s'", json!("it's"));
    check("format('{0}-{1}{{', matrix.os, matrix.n)", json!("linux-2{"));
    check("case(matrix.n == 1, 'one', matrix.n == 2, 'two', 'more')", json!("two"));
    check("fromJSON('{\"A\":[1]}').a[0]", json!(1));
    check("contains(fromJSON('[\"X\"]'), 'x')", json!(true));
    check("success('build')", json!(true));
    check("success('build', 'test')", json!(false));
    check("failure('test')", json!(true));
}

#[test]
fn refusals_have_a_place() {
    check_refused(
        "github.x == matrix.y",
        "Unrecognized named-value: 'matrix'. Located at position 13 within expression: github.x == \
         matrix.y",
    );
    check_refused(
        "success()",
        "Unrecognized function: 'success'. Located at position 1 within expression: success()",
    );
    check_refused("1 +2", "Unexpected symbol: '+2'. Located at position 3 within expression: 1 +2");
    check_refused(
        "contains('a'",
        "Unexpected end of expression: ''a''. Located at position 10 within expression: \
         contains('a'",
    );
    check_refused(&"(".repeat(20_000), "Exceeded max expression depth 50");
    check_refused(&format!("{}1", "!".repeat(50)), "Exceeded max expression depth 50");
    check_refused(&" ".repeat(30_000), "Exceeded max expression length 21000");
}

#[test]
fn what_grows_is_stopped() {
    let named = contexts();
    let big = "{0}".repeat(2_000);
    let text = format!("format('{big}', format('{big}', 'xxxxxxxx'))");
    let expression = Expression::parse(&text, Scope::ANY).unwrap();
    let error = expression.evaluate(&Contexts::new(&named)).unwrap_err();
    assert_eq!(error, EvaluationError::MemoryExceeded);
}

#[track_caller]
fn check_template(text: &str, expected: Json) {
    let named = contexts();
    let template = Template::parse(text, AT, Scope::ANY).expect(text);
    assert_eq!(template.evaluate(&Contexts::new(&named)).expect(text).to_json(), expected);
    let stored = serde_json::to_string(&template).expect("stored");
    assert_eq!(serde_json::from_str::<Template>(&stored).expect("stored"), template);
}

#[test]
fn templates() {
    check_template("plain", json!("plain"));
    check_template("${{ matrix.n }}", json!(2));
    check_template("n=${{ matrix.n }}!", json!("n=2!"));
    check_template("${{ '}}' }}${{ matrix.os }}", json!("}}linux"));
    check_template("${{ '${{ x }}' }}", json!("${{ x }}"));
    assert!(Template::parse("${{ 'a }}", AT, Scope::ANY).is_err());
}

#[track_caller]
fn check_condition(text: &str, status: Status, expected: bool) {
    let named = contexts();
    let condition = Condition::parse(text, AT, Scope::ANY).expect(text);
    let found = condition.evaluate(&Contexts::new(&named).with_status(status)).expect(text);
    assert_eq!(found, expected, "{text}");
}

#[test]
fn success_is_implied_unless_the_status_is_asked() {
    check_condition("", Status::SUCCESS, true);
    check_condition("", Status::FAILURE, false);
    check_condition("matrix.n == 2", Status::SUCCESS, true);
    check_condition("${{ matrix.n == 2 }}", Status::FAILURE, false);
    check_condition("always()", Status::CANCELLED, true);
    check_condition("failure() && matrix.n == 2", Status::FAILURE, true);
    check_condition("!cancelled()", Status::FAILURE, true);
    check_condition("matrix.n == 3 || cancelled()", Status::CANCELLED, true);
    // Text beside an expression makes a text, and a text is true.
    check_condition("false || ${{ false }}", Status::SUCCESS, true);
}
