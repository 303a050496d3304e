//! The loop as a whole: many seeds, rules switched off, and operators' sessions.

mod scenarios;
mod seeds;
