//! `boucle admin`: care of the server's own data.

use clap::Subcommand;
use serde_json::Value;

use super::Context;
use crate::failure::{Exit, Failure};

/// Care of the server's own data.
#[derive(Subcommand)]
pub enum AdminCommand {
    /// Fold every view from the ledger again and compare it with what is kept.
    RebuildViews,
}

/// Does it.
pub async fn execute(context: &Context, command: &AdminCommand) -> Result<Exit, Failure> {
    match command {
        AdminCommand::RebuildViews => {
            let result: Value = context.client.post("/views/rebuild", &Value::Null).await?;
            let identical = result["identical"].as_bool().unwrap_or(false);
            context.out.one(&result, |result, words| {
                words.views_rebuilt(result["facts"].as_u64().unwrap_or_default(), identical)
            });
            Ok(if identical { Exit::Ok } else { Exit::Differences })
        }
    }
}
