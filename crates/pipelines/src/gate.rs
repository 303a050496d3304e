//! Whether a tree passed what an environment asks of it.
