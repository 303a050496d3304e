//! Tests of the engine against what the real kustomize 5.7.1 said.

mod cases;
mod edits;
mod refusals;
mod tree;
