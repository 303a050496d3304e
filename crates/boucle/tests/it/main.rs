//! Through the real binary: what a person types, and what comes back.

mod demo;
mod git;
mod harness;
mod start;
