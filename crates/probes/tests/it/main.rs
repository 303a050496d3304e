//! The probes against the real thing: a real Prometheus, real sockets, the real store.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod agreement;
mod alarms;
mod dialing;
mod scraping;
mod storing;
mod support;
