//! The decisions of the loop, by data.

mod configuration;
mod consequences;
mod promote;
mod rollback;
mod trace;
mod view;
