//! Bare repositories: smart HTTP, objects, refs and receiving packs
