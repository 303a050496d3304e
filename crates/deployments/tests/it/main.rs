//! The decisions of this crate, by data.

mod application;
mod health;
mod plan;
mod view;
