//! The probes against the real thing: a real Prometheus, real sockets, the real store.

mod agreement;
mod alarms;
mod dialing;
mod scraping;
mod storing;
mod support;
