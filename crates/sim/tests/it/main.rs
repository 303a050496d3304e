//! The loop as a whole: many seeds, rules switched off, and operators' sessions.

mod clusters;
mod scenarios;
mod seeds;
