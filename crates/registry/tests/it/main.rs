//! The registry on real files and over real HTTP.

mod blobs;
mod folders;
mod http;
mod support;
mod unpack;
