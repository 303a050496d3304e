//! The registry on real files and over real HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blobs;
mod deletion;
mod folders;
mod http;
mod support;
mod unpack;
