//! The state of runs, folded from facts.
