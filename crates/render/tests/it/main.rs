//! Tests of rendering, of a rendered commit's files and of differences.

mod charts;
mod credentials;
mod differences;
mod fetching;
mod jsonnet;
mod plugins;
mod renderings;
mod sops;
