//! What sets make of the answers of services, and of what they are asked.

use std::sync::Arc;

use deployments::application_set::{
    Obstacle, PluginAnswer, PluginQuestion, SetError, plugin_parameters,
};

use crate::application_set::{GO, check, expanded, expanded_or, fails, set};

/// `shops` gives two shops, `stale` the same as last; of others nothing is heard.
pub fn answer(question: &PluginQuestion, _: Option<i64>) -> Result<PluginAnswer, Obstacle> {
    let body = br#"{"output": {"parameters": [
        {"name": "east", "size": {"replicas": 3}, "sizes": [1, 2]},
        {"name": "west", "size": {"replicas": 1}, "sizes": []}]}, "more": true}"#;
    let problem = match question.plugin.as_str() {
        "shops" => None,
        "stale" => Some("it is silent".to_owned()),
        "echo" => {
            let body = format!("{{\"output\": {{\"parameters\": [{}]}}}}", question.input);
            let parameters = plugin_parameters(body.as_bytes()).map_err(Obstacle::Wrong)?;
            return Ok(PluginAnswer { parameters: Arc::new(parameters), problem: None });
        }
        "none" => return Err(Obstacle::Wrong("there is no ConfigMap `none`".into())),
        other => return Err(Obstacle::Unanswered(format!("`{other}` was not asked yet"))),
    };
    assert_eq!(question.set, "shops", "the name of the set");
    let parameters = plugin_parameters(body).map_err(Obstacle::Wrong)?;
    Ok(PluginAnswer { parameters: Arc::new(parameters), problem })
}

fn plugin(name: &str, more: &str) -> String {
    format!("[{{plugin: {{configMapRef: {{name: {name}}}{more}}}}}]")
}

#[test]
fn parameters_of_an_answer() {
    let shops = plugin("shops", "");
    check(&shops, "{{name}}", "{{size.replicas}}", "", &["east 3", "west 1"]);
    check(&shops, "{{.name}}", "{{.size.replicas}}", GO, &["east 3", "west 1"]);
    check(&shops, "{{name}}", "p{{sizes.0}}", "", &["east p1", "west p{{sizes.0}}"]);
    let asked = ", input: {parameters: {region: eu, list: [a]}}, values: {at: '{{.name}}-{{.size.replicas}}'}, \
                 requeueAfterSeconds: 60";
    check(
        &plugin("shops", asked),
        "{{.values.at}}",
        "{{.generator.input.parameters.region}}",
        GO,
        &["east-3 eu", "west-1 eu"],
    );
    check(
        &plugin("shops", &asked.replace("{{.", "{{")),
        "{{values.at}}",
        "{{generator.input.parameters.region}}{{generator.input.parameters.list.0}}",
        "",
        &["east-3 eua", "west-1 eua"],
    );
    let chosen = "[{plugin: {configMapRef: {name: shops}}, selector: {matchLabels: {name: west}}}]";
    check(chosen, "{{name}}", "p", "", &["west p"]);
    // What is asked may be a template of another generator's parameters.
    let matrix = "[{matrix: {generators: [{list: {elements: [{a: x}, {a: z}]}}, \
                  {plugin: {configMapRef: {name: echo}, input: {parameters: {b: 'of-{{.a}}'}}}}]}}]";
    check(matrix, "{{.a}}-{{.b}}", "p", GO, &["x-of-x p", "z-of-z p"]);
}

#[test]
fn a_service_that_does_not_answer() {
    let stale = expanded(&set(&plugin("stale", ""), "{{name}}", "p", "")).unwrap();
    let said: Vec<_> =
        stale.unheard.iter().map(|one| (one.plugin.as_str(), one.problem.as_str())).collect();
    assert_eq!((stale.applications.len(), said), (2, vec![("stale", "it is silent")]));
    let waits = expanded_or(&set(&plugin("late", ""), "{{name}}", "p", "")).unwrap_err();
    assert!(matches!(&waits, SetError::Unanswered { index: 0, .. }), "{waits}");
    assert!(
        waits.to_string().contains("`late` was not asked yet; nothing of the set is"),
        "{waits}"
    );
    let nested = "[{matrix: {generators: [{list: {elements: [{a: x}]}}, \
                  {plugin: {configMapRef: {name: late}}}]}}]";
    let waits = expanded_or(&set(nested, "{{name}}", "p", "")).unwrap_err();
    assert!(matches!(waits, SetError::Unanswered { .. }), "{waits}");
    fails(&set(&plugin("none", ""), "{{name}}", "p", ""), "there is no ConfigMap `none`");
    let large = format!(", input: {{parameters: {{a: {}}}}}", "x".repeat(100_000));
    fails(&set(&plugin("shops", &large), "{{name}}", "p", ""), "is larger than 100000 bytes");
    for (fields, needle) in [
        ("{}", "configMapRef"),
        ("{configMapRef: {}}", "name"),
        ("{configMapRef: {name: a}, input: {values: {}}}", "values"),
        ("{configMapRef: {name: a}, requeueAfterSeconds: -1}", "below 0"),
        ("{configMapRef: {name: a}, token: x}", "token"),
    ] {
        fails(&set(&format!("[{{plugin: {fields}}}]"), "{{name}}", "p", ""), needle);
    }
}

#[test]
fn only_a_list_of_maps_is_an_answer() {
    let check = |body: &str, expected: Result<usize, &str>| {
        let said = plugin_parameters(body.as_bytes());
        match (said, expected) {
            (Ok(sets), Ok(count)) => assert_eq!(sets.len(), count, "{body}"),
            (Err(why), Err(needle)) => assert!(why.contains(needle), "{body}: {why}"),
            (said, expected) => panic!("{body}: {said:?} {expected:?}"),
        }
    };
    check(r#"{"output": {"parameters": []}}"#, Ok(0));
    check(r#"{"output": {"parameters": [{}, {"a": 1}]}}"#, Ok(2));
    let many = vec!["{}"; 5_001].join(",");
    check(&format!("{{\"output\": {{\"parameters\": [{many}]}}}}"), Err("more than 5000"));
    for body in [
        "",
        "null",
        "{}",
        r#"{"output": {}}"#,
        r#"{"output": {"parameters": null}}"#,
        r#"{"output": {"parameters": [1]}}"#,
        r#"{"output": {"parameters": {"a": 1}}}"#,
        "<html>sercet</html>",
    ] {
        check(body, Err("the answer is not"));
    }
    let why = plugin_parameters(b"<html>sercet</html>").unwrap_err();
    assert!(!why.contains("sercet"), "{why}");
    let deep = format!("{{\"output\": {}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    check(&deep, Err("the answer is not"));
}

#[test]
fn what_is_asked() {
    let question =
        PluginQuestion { plugin: "shops".into(), set: "all".into(), input: "{\"a\":1}".into() };
    let body: serde_json::Value = serde_json::from_str(&question.body()).unwrap();
    let expected = serde_json::json!({
        "applicationSetName": "all", "input": {"parameters": {"a": 1}},
    });
    assert_eq!(body, expected);
}
