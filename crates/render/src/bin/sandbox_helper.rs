//! The sandbox's helper and the evaluation of Jsonnet as a program, for the tests: a test's own `main` is
//! not ours.

fn main() {
    if std::env::args().nth(1).is_some_and(|argument| argument == render::JSONNET_ARGUMENT) {
        render::jsonnet_main();
    }
    sandbox::helper_main()
}
