//! The decisions of the loop, by data.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod by_hand;
mod configuration;
mod consequences;
mod delivery;
mod promote;
mod rollback;
mod trace;
mod view;
