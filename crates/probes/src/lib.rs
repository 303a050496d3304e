//! Scrapes metrics, stores and queries them, checks HTTP endpoints
