//! Prometheus' text format: what is read, and what is refused where.

use monitoring::Sample;
use monitoring::exposition::{Budget, parse};

fn sample(name: &str, labels: &[(&str, &str)], value: f64) -> Sample {
    let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Sample { name: name.into(), labels, value, timestamp_ms: None }
}

#[track_caller]
fn check(text: &str, expected: &[Sample]) {
    let exposition = parse(text.as_bytes(), &Budget::default()).expect(text);
    assert_eq!(exposition.samples, expected, "{text}");
}

#[test]
fn reads_samples() {
    check("", &[]);
    check("# HELP a text\n# TYPE a counter\n# EOF\n\n", &[]);
    check("a 1", &[sample("a", &[], 1.0)]);
    check("a:b_c\t1e3\n", &[sample("a:b_c", &[], 1000.0)]);
    check("a{} -5\r\n", &[sample("a", &[], -5.0)]);
    check("a{b=\"c\"}7\n", &[sample("a", &[("b", "c")], 7.0)]);
    check(" a { b = \"c\" , d=\"\" , } +Inf", &[sample("a", &[("b", "c")], f64::INFINITY)]);
    check(r#"a{b="\\ \" \n \x"} .5"#, &[sample("a", &[("b", "\\ \" \n \\x")], 0.5)]);
    check("a{b=\"Zürich } {\"} 1", &[sample("a", &[("b", "Zürich } {")], 1.0)]);
    check("a 1 # {trace=\"x\"} 0.5", &[sample("a", &[], 1.0)]);
    let timed = Sample { timestamp_ms: Some(-1500), ..sample("a", &[], 2.0) };
    check("a 2 -1500", &[timed]);
    let exposition = parse(b"a NaN\na 2\na{b=\"c\"} 3\n", &Budget::default()).unwrap();
    assert!(exposition.samples[0].value.is_nan());
    assert_eq!((exposition.samples.len(), exposition.duplicates), (2, 1));
}

#[track_caller]
fn refuse(text: &[u8], budget: &Budget, line: usize, code: &str) {
    let error = parse(text, budget).expect_err("refused");
    assert_eq!((error.line, error.problem.code()), (line, code), "{error}");
}

#[test]
fn refuses_garbage_with_its_line() {
    let budget = Budget::default();
    for text in [
        "a",
        "a ",
        "a b",
        "5 5",
        "a{b=\"c\" 1",
        "a{b=c} 1",
        "a{b=\"c} 1",
        "a{5=\"c\"} 1",
        "a{b=\"c\"d=\"e\"} 1",
        "a 1 2 3",
        "a 1 x",
        "{\"a\"} 1",
        "<html>",
        "a\u{e9} 1",
        "a1",
        "a{b=\"c\"}",
        "a{b} 1",
        "a-b 1",
        "a 0x10",
    ] {
        let text = format!("fine 1\n{text}\nfine 2\n");
        refuse(text.as_bytes(), &budget, 2, "metrics-garbage");
    }
    refuse(b"a{b=\"1\",b=\"2\"} 1", &budget, 1, "metrics-label-twice");
    refuse(b"fine 1\n\xff\xfe", &budget, 2, "metrics-not-text");
}

#[test]
fn refuses_what_is_above_the_budget() {
    let small =
        Budget { bytes_max: 60, lines_max: 4, series_max: 2, labels_max: 2, text_bytes_max: 8 };
    refuse(&[b'#'; 61], &small, 0, "metrics-too-large");
    refuse(b"#\n#\n#\n#\n#\n", &small, 5, "metrics-too-large");
    refuse(b"a 1\nb 1\nc 1\n", &small, 3, "metrics-too-large");
    refuse(b"a{b=\"1\",c=\"1\",d=\"1\"} 1", &small, 1, "metrics-too-large");
    refuse(b"a{b=\"123456789\"} 1", &small, 1, "metrics-too-large");
    refuse(b"abcdefghi 1", &small, 1, "metrics-too-large");
    assert!(parse(b"a{b=\"12345678\",c=\"\"} 1\nb 1\n", &small).is_ok());
}
