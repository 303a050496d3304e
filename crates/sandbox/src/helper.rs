//! The helper's side: two stages that build the place and run the program.

/// The helper's whole life. A program's `main` calls it, before it starts any thread, when its
/// first argument is [`HELPER_ARGUMENT`](crate::HELPER_ARGUMENT).
pub fn helper_main() -> ! {
    std::process::exit(125)
}
