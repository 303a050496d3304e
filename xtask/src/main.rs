//! Every command a developer needs: `cargo xtask --help`.
fn main() {}
