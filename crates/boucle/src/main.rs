//! The `boucle` program: chooses between the server, the command line and the sandbox helper.
fn main() {}
