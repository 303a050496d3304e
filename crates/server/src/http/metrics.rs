//! Metrics over HTTP: the server's own, and the stored ones on Prometheus' paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::Timestamp;
use probes::prometheus_api as prometheus;
use probes::store::{MetricsError, Span};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use repositories::access::Permission;
use serde_json::Value;

use crate::http::identity;
use crate::http::problem::Refusal;
use crate::state::Server;

/// The server's own metrics in OpenMetrics' text format; needs no token, names no one.
pub async fn own(State(server): State<Arc<Server>>) -> Response {
    let (facts, runs, incidents, applications) = {
        let views = server.recorder.views();
        let active = views.pipelines.runs.values().filter(|run| run.conclusion().is_none()).count();
        let open = views.monitoring.incidents.values().filter(|one| one.resolved.is_none()).count();
        (views.sequence.0, active, open, views.deployments.applications.len())
    };
    let mut registry = Registry::default();
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    gauge("boucle_ledger_facts", "Facts in the ledger", facts);
    gauge("boucle_runs_active", "Runs that are queued or running", runs as u64);
    gauge("boucle_incidents_open", "Incidents that are open", incidents as u64);
    gauge("boucle_applications", "Applications that were ever declared", applications as u64);
    gauge("boucle_resident_memory_bytes", "Memory of the server process", resident_bytes());
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// `GET` and `POST` of `/prometheus/api/v1/{path}`: what Grafana's Prometheus data source asks.
pub async fn stored(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, Refusal> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let mut pairs = form(query.as_deref().unwrap_or_default());
    pairs.extend(form(&String::from_utf8_lossy(&body)));
    let (status, value) = match answer(&server, &path, &pairs).await {
        Ok(value) => (200, value),
        Err(refused) => refused,
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok((status, Json(value)).into_response())
}

async fn answer(
    server: &Server,
    path: &str,
    pairs: &[(String, String)],
) -> Result<Value, (u16, Value)> {
    let first =
        |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let time = |name: &str, default: Timestamp| match first(name) {
        None => Ok(default),
        Some(text) => prometheus::parse_time(text).ok_or_else(|| {
            prometheus::parameter_error(name, text, "a time in seconds or RFC 3339")
        }),
    };
    let failed = |error: MetricsError| prometheus::error_answer(&error);
    let now = server.clock.now();
    let selectors: Vec<String> =
        pairs.iter().filter(|(key, _)| key == "match[]").map(|(_, value)| value.clone()).collect();
    let some_time = |name| first(name).and_then(prometheus::parse_time);
    let span = prometheus::span_or_everything(some_time("start"), some_time("end"));
    match path {
        "query" => {
            let (query, at) = (first("query").unwrap_or_default(), time("time", now)?);
            let value = server.metrics.instant(query, at).await.map_err(failed)?;
            Ok(prometheus::query_answer(&value, at))
        }
        "query_range" => {
            let span = Span { start: time("start", now)?, end: time("end", now)? };
            let step = first("step").unwrap_or("1");
            let step_ms = prometheus::parse_step_ms(step)
                .ok_or_else(|| prometheus::parameter_error("step", step, "a duration"))?;
            let query = first("query").unwrap_or_default();
            let series = server.metrics.range(query, span, step_ms).await.map_err(failed)?;
            Ok(prometheus::range_answer(&series))
        }
        "labels" => {
            let names = server.metrics.labels(&selectors, span).await.map_err(failed)?;
            Ok(prometheus::names_answer(&names))
        }
        "series" => {
            let series = server.metrics.series(&selectors, span).await.map_err(failed)?;
            Ok(prometheus::series_answer(&series))
        }
        "status/buildinfo" => Ok(prometheus::build_information_answer()),
        "metadata" => Ok(prometheus::metadata_answer()),
        other => match other.strip_prefix("label/").and_then(|rest| rest.strip_suffix("/values")) {
            Some(label) => {
                let values =
                    server.metrics.label_values(label, &selectors, span).await.map_err(failed)?;
                Ok(prometheus::names_answer(&values))
            }
            None => Err((
                404,
                serde_json::json!({"status": "error", "errorType": "not_found",
                "error": format!("{other} is not served here")}),
            )),
        },
    }
}

/// The pairs of a query or a form body.
fn form(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let plain = text.replace('+', " ");
        let mut bytes = Vec::with_capacity(plain.len());
        let mut rest = plain.as_bytes();
        while let [first, tail @ ..] = rest {
            let escaped = tail.get(..2).and_then(|digits| hex::decode(digits).ok());
            match escaped.filter(|_| *first == b'%') {
                Some(byte) => {
                    bytes.extend(byte);
                    rest = &tail[2..];
                }
                None => {
                    bytes.push(*first);
                    rest = tail;
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// The resident memory of this process; 0 where the system does not say.
#[must_use]
pub fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let fields: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.split_once(':')).collect();
    let kib = fields.get("VmRSS").and_then(|value| value.trim().split(' ').next()?.parse().ok());
    kib.unwrap_or(0_u64) * 1024
}
