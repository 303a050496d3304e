//! The helper as a program of its own, for tests and for callers whose `main` is not theirs.

fn main() {
    sandbox::helper_main()
}
