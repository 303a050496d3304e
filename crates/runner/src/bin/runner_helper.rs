//! The sandbox helper as a program of its own, for this crate's tests, whose `main` is not ours.

fn main() {
    sandbox::helper_main()
}
