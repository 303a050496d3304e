//! Tests of rendering, of a rendered commit's files and of differences.

mod charts;
mod differences;
mod fetching;
mod renderings;
mod sops;
