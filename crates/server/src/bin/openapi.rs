//! Prints the OpenAPI document, for `cargo xtask openapi`.

#[expect(clippy::print_stdout, reason = "printing is all that it does")]
fn main() -> anyhow::Result<()> {
    print!("{}", server::openapi_document()?);
    Ok(())
}
