//! Which workflows an event starts, and why the others stay silent.
