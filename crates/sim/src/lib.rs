//! A seeded simulation of the loop
