//! `boucle explain`: what a problem's code means, offline, in English or French.

use api::codes::{self, CODES};
use clap::Args;
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::output::{self, Format};

/// Which code.
#[derive(Args)]
pub struct ExplainArguments {
    /// The code; all of them when absent.
    pub code: Option<String>,
    /// The language: en or fr; from LANG when absent.
    #[arg(long)]
    pub lang: Option<String>,
}

/// Prints the explanation.
pub fn execute(arguments: &ExplainArguments, format: Format) -> Result<Exit, Failure> {
    let language = arguments.lang.clone().or_else(|| std::env::var("LANG").ok());
    let french = language.is_some_and(|language| language.starts_with("fr"));
    let Some(name) = &arguments.code else {
        let items: Vec<_> = CODES
            .iter()
            .map(|code| json!({"code": code.code, "title": if french { code.title_fr } else { code.title }}))
            .collect();
        output::many(format, &items, &["code", "title"], |item| {
            vec![text(&item["code"]), text(&item["title"])]
        });
        return Ok(Exit::Ok);
    };
    let Some(code) = codes::find(name) else {
        return Err(Failure::Usage(format!(
            "`{name}` is not a code of this version\n  try: boucle explain"
        )));
    };
    let (title, explanation) =
        if french { (code.title_fr, code.explanation_fr) } else { (code.title, code.explanation) };
    let value = json!({"code": code.code, "title": title, "explanation": explanation});
    output::one(format, &value, |_| format!("{} — {title}\n\n{explanation}", code.code));
    Ok(Exit::Ok)
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
