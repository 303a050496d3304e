//! Any server with Prometheus' HTTP API, by its address.

use ledger::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Labels, MetricsError, Point, QueryValue, Series, Span, remote_write};
use crate::dialer::{AddressPolicy, Dialer, Request};
use crate::query::QueryProblem;

/// A server with Prometheus' HTTP API.
pub struct PrometheusServer {
    dialer: Dialer,
    base: String,
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Envelope<T> {
    status: String,
    data: Option<T>,
    #[serde(default, rename = "errorType")]
    error_type: String,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar((f64, String)),
    String((f64, String)),
    Vector(Vec<VectorItem>),
    Matrix(Vec<MatrixItem>),
}

#[derive(Deserialize)]
struct VectorItem {
    metric: Labels,
    #[serde(default)]
    value: Option<(f64, String)>,
}

#[derive(Deserialize)]
struct MatrixItem {
    metric: Labels,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

impl PrometheusServer {
    /// The server below an address such as `http://prometheus:9090` or `https://mimir/prometheus`,
    /// asked with these headers (tenant, authorisation).
    #[must_use]
    pub fn new(dialer: Dialer, url: &str, headers: Vec<(String, String)>) -> Self {
        Self { dialer, base: url.trim_end_matches('/').into(), headers }
    }

    /// Sends points by remote write; Prometheus itself needs `--web.enable-remote-write-receiver`.
    pub(super) async fn write(&self, points: Vec<Point>) -> Result<(), MetricsError> {
        if points.is_empty() {
            return Ok(());
        }
        let url = format!("{}/api/v1/write", self.base);
        let request = Request::post(&url, AddressPolicy::UserGiven, remote_write::encode(&points))
            .header("Content-Type", "application/x-protobuf")
            .header("Content-Encoding", "snappy")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0");
        let answer = self.dialer.send(&self.with_headers(request)).await;
        let answer = answer.map_err(MetricsError::Unreachable)?;
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        Err(refused(url, answer.status, &answer.body))
    }

    pub(super) async fn instant(
        &self,
        query: &str,
        at: Timestamp,
    ) -> Result<QueryValue, MetricsError> {
        let data: Data = self.ask("query", &[("query", query), ("time", &seconds(at))]).await?;
        Ok(match data {
            Data::Scalar((_, value)) => QueryValue::Scalar(self.number(&value)?),
            Data::String((_, text)) => QueryValue::Text(text),
            Data::Vector(items) => {
                let mut vector = Vec::new();
                for item in items {
                    if let Some((_, value)) = item.value {
                        vector.push((item.metric, self.number(&value)?));
                    }
                }
                QueryValue::Vector(vector)
            }
            Data::Matrix(items) => QueryValue::Matrix(self.series_of(items)?),
        })
    }

    pub(super) async fn range(
        &self,
        query: &str,
        span: Span,
        step_ms: u64,
    ) -> Result<Vec<Series>, MetricsError> {
        let step = format!("{step_ms}ms");
        let (start, end) = (seconds(span.start), seconds(span.end));
        let parameters = [("query", query), ("start", &start), ("end", &end), ("step", &step)];
        match self.ask("query_range", &parameters).await? {
            Data::Matrix(items) => self.series_of(items),
            Data::Scalar(_) | Data::String(_) | Data::Vector(_) => {
                Err(MetricsError::Execution("a range query gave no range".into()))
            }
        }
    }

    pub(super) async fn series(
        &self,
        selectors: &[String],
        span: Span,
    ) -> Result<Vec<Labels>, MetricsError> {
        let everything = ["{__name__!=\"\"}".to_owned()];
        let selectors = if selectors.is_empty() { &everything } else { selectors };
        let (start, end) = (seconds(span.start), seconds(span.end));
        self.ask("series", &matching(selectors, &start, &end)).await
    }

    pub(super) async fn labels(
        &self,
        selectors: &[String],
        span: Span,
    ) -> Result<Vec<String>, MetricsError> {
        let (start, end) = (seconds(span.start), seconds(span.end));
        self.ask("labels", &matching(selectors, &start, &end)).await
    }

    pub(super) async fn label_values(
        &self,
        name: &str,
        selectors: &[String],
        span: Span,
    ) -> Result<Vec<String>, MetricsError> {
        let (start, end) = (seconds(span.start), seconds(span.end));
        let is_label = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_label) {
            return Err(QueryProblem::Invalid(format!("`{name}` is not a label's name")).into());
        }
        let path = format!("label/{name}/values");
        let url = self.url(&path, &matching(selectors, &start, &end))?;
        // This one path is for GET only.
        self.receive(Request::get(url, AddressPolicy::UserGiven)).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<T, MetricsError> {
        let url = self.url(path, parameters)?;
        // As a form, because a query may be longer than an address may be.
        let form = url.query().unwrap_or_default().as_bytes().to_vec();
        let mut bare = url;
        bare.set_query(None);
        let request = Request::post(bare, AddressPolicy::UserGiven, form)
            .header("Content-Type", "application/x-www-form-urlencoded");
        self.receive(request).await
    }

    fn url(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Url, MetricsError> {
        let text = format!("{}/api/v1/{path}", self.base);
        let mut url = Url::parse(&text).map_err(|error| {
            let reason = error.to_string();
            MetricsError::Unreachable(crate::dialer::DialError::UrlInvalid { url: text, reason })
        })?;
        url.query_pairs_mut().extend_pairs(parameters);
        Ok(url)
    }

    async fn receive<T: DeserializeOwned>(&self, request: Request) -> Result<T, MetricsError> {
        let request = Request { timeout_ms: 30_000, body_bytes_max: 64 << 20, ..request };
        let request = self.with_headers(request);
        let answer = self.dialer.send(&request).await.map_err(MetricsError::Unreachable)?;
        let envelope: Envelope<T> = serde_json::from_slice(&answer.body)
            .map_err(|_| refused(request.url.clone(), answer.status, &answer.body))?;
        match (envelope.status.as_str(), envelope.data) {
            ("success", Some(data)) => Ok(data),
            _ => Err(match envelope.error_type.as_str() {
                "bad_data" => QueryProblem::Invalid(envelope.error).into(),
                "execution" => MetricsError::Execution(envelope.error),
                _ => refused(request.url, answer.status, envelope.error.as_bytes()),
            }),
        }
    }

    fn with_headers(&self, mut request: Request) -> Request {
        request.headers.extend(self.headers.iter().cloned());
        request
    }

    fn series_of(&self, items: Vec<MatrixItem>) -> Result<Vec<Series>, MetricsError> {
        let mut series = Vec::new();
        for item in items {
            let mut points = Vec::new();
            for (at, value) in item.values {
                points.push((Timestamp((at * 1000.0).round() as i64), self.number(&value)?));
            }
            series.push(Series { labels: item.metric, points });
        }
        Ok(series)
    }

    fn number(&self, text: &str) -> Result<f64, MetricsError> {
        text.parse().map_err(|_| {
            refused(self.base.clone(), 200, format!("`{text}` as a number").as_bytes())
        })
    }
}

fn matching<'a>(selectors: &'a [String], start: &'a str, end: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut parameters = vec![("start", start), ("end", end)];
    parameters.extend(selectors.iter().map(|selector| ("match[]", selector.as_str())));
    parameters
}

/// Seconds with three decimals.
fn seconds(at: Timestamp) -> String {
    format!("{}.{:03}", at.0.div_euclid(1000), at.0.rem_euclid(1000))
}

fn refused(url: String, status: u16, body: &[u8]) -> MetricsError {
    let message = String::from_utf8_lossy(body).chars().take(300).collect();
    MetricsError::Refused { url, status, message }
}
