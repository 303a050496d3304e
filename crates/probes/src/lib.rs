//! Scrapes metrics, stores and queries them, checks HTTP endpoints, and makes every request out.
//!
//! Absent on purpose: a time-series store and a query engine of our own (a library or a Prometheus
//! server does both), and what a number means (crate `monitoring`).

pub mod check;
pub mod dialer;
pub mod measure;
pub mod prometheus_api;
mod query;
mod schedule;
pub mod scrape;
pub mod store;
pub mod webhook;

pub use check::{CheckAnswer, CheckOutcome, CheckStatus, Checker, HttpCheck};
pub use dialer::{AddressPolicy, Answer, DialError, Dialer, Excess, Request};
pub use measure::{Scope, budget_used, measure, observe, requests_since, scoped_rules};
pub use query::{QueryProblem, scoped};
pub use schedule::INTERVAL_MS_MIN;
pub use scrape::{ScrapeFailure, ScrapeTarget, Scraper, TargetStatus};
pub use store::{
    EmbeddedOptions, EmbeddedStore, Labels, Metrics, MetricsError, Point, PrometheusServer,
    QueryValue, Series, Span,
};
pub use webhook::{Webhook, WebhookError};
