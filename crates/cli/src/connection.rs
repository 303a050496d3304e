//! Finds the server and a token for it: flags, then the environment, then the data folder.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::language::Language;

/// The folder that `boucle up` uses when none is named.
pub const DATA_DEFAULT: &str = "boucle-data";

/// What a running server writes to `server.json` in its data folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerFile {
    /// Where it answers.
    pub url: String,
    /// Its process.
    pub process_id: u32,
}

/// Where the server is and who speaks to it.
#[derive(Clone)]
pub struct Connection {
    /// The server's address without a trailing slash.
    pub url: String,
    /// The token, when one was found.
    pub token: Option<String>,
}

/// Finds the server by `--data`, else by `BOUCLE_URL` and `BOUCLE_TOKEN`, else in the default folder.
pub fn find(data: Option<&Path>, language: Language) -> Result<Connection, Failure> {
    let environment = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if data.is_none()
        && let Some(url) = environment("BOUCLE_URL")
    {
        return Ok(Connection { url: trim(&url), token: environment("BOUCLE_TOKEN") });
    }
    let folder = data.map_or_else(default_folder, Path::to_path_buf);
    let file = folder.join("server.json");
    let text = std::fs::read_to_string(&file).map_err(|_| {
        Failure::Precondition(language.words().no_server(&folder.display().to_string()))
    })?;
    let server: ServerFile = serde_json::from_str(&text)
        .with_context(|| format!("{} is not what a server writes", file.display()))?;
    let token = std::fs::read_to_string(folder.join("token")).ok();
    Ok(Connection {
        url: trim(&server.url),
        token: environment("BOUCLE_TOKEN").or(token.map(|text| text.trim().to_owned())),
    })
}

/// The data folder when none is named: `BOUCLE_DATA`, else `boucle-data` here.
#[must_use]
pub fn default_folder() -> PathBuf {
    std::env::var_os("BOUCLE_DATA").map_or_else(|| PathBuf::from(DATA_DEFAULT), PathBuf::from)
}

fn trim(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}
