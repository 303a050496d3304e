//! The sandbox's helper as a program, for the tests: a test's own `main` is not ours.

fn main() {
    sandbox::helper_main()
}
