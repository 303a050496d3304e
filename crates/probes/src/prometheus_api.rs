//! Prometheus' HTTP API without HTTP: reads its parameters and writes its answers, so that the
//! server's routes and Grafana understand each other.

use ledger::Timestamp;
use serde_json::{Value, json};

use crate::store::{Labels, MetricsError, QueryValue, Series, Span};

/// `/api/v1/query` answered.
#[must_use]
pub fn query_answer(value: &QueryValue, at: Timestamp) -> Value {
    let (kind, result) = match value {
        QueryValue::Scalar(number) => ("scalar", point(at, *number)),
        QueryValue::Text(text) => ("string", json!([seconds(at), text])),
        QueryValue::Vector(vector) => {
            let item = |(labels, number): &(Labels, f64)| json!({"metric": labels, "value": point(at, *number)});
            ("vector", vector.iter().map(item).collect())
        }
        QueryValue::Matrix(series) => ("matrix", matrix(series)),
    };
    success(json!({"resultType": kind, "result": result}))
}

/// `/api/v1/query_range` answered.
#[must_use]
pub fn range_answer(series: &[Series]) -> Value {
    success(json!({"resultType": "matrix", "result": matrix(series)}))
}

/// `/api/v1/labels` and `/api/v1/label/<name>/values` answered.
#[must_use]
pub fn names_answer(names: &[String]) -> Value {
    success(json!(names))
}

/// `/api/v1/series` answered.
#[must_use]
pub fn series_answer(series: &[Labels]) -> Value {
    success(json!(series))
}

/// `/api/v1/status/buildinfo` answered: Grafana asks it to learn what the server can do. The version
/// is that of the Prometheus whose answers the tested set agrees with.
#[must_use]
pub fn build_information_answer() -> Value {
    success(json!({
        "version": "2.42.0",
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
        "application": "boucle",
    }))
}

/// `/api/v1/metadata` answered: the embedded store keeps no texts about metrics.
#[must_use]
pub fn metadata_answer() -> Value {
    success(json!({}))
}

/// An error with its HTTP status.
#[must_use]
pub fn error_answer(error: &MetricsError) -> (u16, Value) {
    let (status, kind) = match error {
        MetricsError::Query(_) | MetricsError::TooMuch(_) => (400, "bad_data"),
        MetricsError::Execution(_) => (422, "execution"),
        MetricsError::Storage { .. } => (500, "internal"),
        MetricsError::Unreachable(_) | MetricsError::Refused { .. } => (502, "unavailable"),
    };
    let text = format!("{error} [{}]", error.code());
    (status, json!({"status": "error", "errorType": kind, "error": text}))
}

/// A parameter that cannot be read.
#[must_use]
pub fn parameter_error(name: &str, value: &str, expected: &str) -> (u16, Value) {
    let text = format!("invalid parameter \"{name}\": `{value}` is not {expected}");
    (400, json!({"status": "error", "errorType": "bad_data", "error": text}))
}

/// A time: seconds since 1970 with a fraction, or RFC 3339.
#[must_use]
pub fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        return (ms.abs() < 9e15).then_some(Timestamp(ms as i64));
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(time.as_millisecond()))
}

/// A step in milliseconds: `15s`, or seconds with a fraction.
#[must_use]
pub fn parse_step_ms(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        return (1.0..9e15).contains(&ms).then_some(ms as u64);
    }
    monitoring::duration::parse_ms(text).filter(|ms| *ms > 0)
}

/// The span of a listing: both ends are optional there.
#[must_use]
pub fn span_or_everything(start: Option<Timestamp>, end: Option<Timestamp>) -> Span {
    // Not the ends of the range, because a store subtracts from them.
    let (first, last) = (Timestamp(0), Timestamp(i64::MAX / 4));
    Span { start: start.unwrap_or(first), end: end.unwrap_or(last) }
}

fn success(data: Value) -> Value {
    json!({"status": "success", "data": data})
}

fn matrix(series: &[Series]) -> Value {
    let item = |one: &Series| {
        let values: Vec<Value> = one.points.iter().map(|(at, value)| point(*at, *value)).collect();
        json!({"metric": one.labels, "values": values})
    };
    series.iter().map(item).collect()
}

fn point(at: Timestamp, number: f64) -> Value {
    json!([seconds(at), number_text(number)])
}

fn seconds(at: Timestamp) -> Value {
    json!(at.0 as f64 / 1000.0)
}

/// As Go prints it.
fn number_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".into()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else {
        number.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_prometheus_writes() {
        let labels = Labels::from([("__name__".into(), "up".into())]);
        let value = QueryValue::Vector(vec![(labels, f64::INFINITY)]);
        assert_eq!(
            query_answer(&value, Timestamp(1_700_000_000_123)).to_string(),
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[1700000000.123,"+Inf"]}]}}"#
        );
        let scalar = query_answer(&QueryValue::Scalar(0.1), Timestamp(1000));
        assert_eq!(scalar["data"]["result"], json!([1.0, "0.1"]));
    }

    #[test]
    fn reads_times_and_steps() {
        assert_eq!(parse_time("1700000000.123"), Some(Timestamp(1_700_000_000_123)));
        assert_eq!(parse_time("2023-11-14T22:13:20Z"), Some(Timestamp(1_700_000_000_000)));
        assert_eq!(parse_time("tomorrow"), None);
        assert_eq!(parse_time("NaN"), None);
        assert_eq!(parse_step_ms("15"), Some(15_000));
        assert_eq!(parse_step_ms("0.5"), Some(500));
        assert_eq!(parse_step_ms("1m30s"), Some(90_000));
        assert_eq!(parse_step_ms("0"), None);
        assert_eq!(parse_step_ms("-1"), None);
    }
}
