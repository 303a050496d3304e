//! Parses names from paths and bodies: what is not of its form is refused at the door.

use std::str::FromStr;

use ledger::InvalidId;

use crate::http::problem::Refusal;

/// The name, or the refusal that says which form is expected.
pub fn parse<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error: InvalidId| Refusal::new("invalid-name", &error))
}
