//! `boucle explain`: what a problem's code means, offline, in English or French.

use api::codes::{self, CODES};
use clap::Args;
use serde_json::json;

use crate::complete;
use crate::failure::{Exit, Failure};
use crate::language::Language;
use crate::output::Output;
use crate::words::Column;

/// Which code.
#[derive(Args)]
pub struct ExplainArguments {
    /// The code; all of them when absent.
    #[arg(add = complete::codes())]
    pub code: Option<String>,
}

/// Prints the explanation.
pub fn execute(arguments: &ExplainArguments, out: Output) -> Result<Exit, Failure> {
    let french = out.language == Language::French;
    let Some(name) = &arguments.code else {
        let items: Vec<_> = CODES
            .iter()
            .map(|code| json!({"code": code.code, "title": if french { code.title_fr } else { code.title }}))
            .collect();
        out.many(&items, &[Column::Code, Column::Title], |item, _| {
            vec![text(&item["code"]), text(&item["title"])]
        });
        return Ok(Exit::Ok);
    };
    let Some(code) = codes::find(name) else {
        return Err(Failure::Usage(out.words().unknown_code(name)));
    };
    let (title, explanation) =
        if french { (code.title_fr, code.explanation_fr) } else { (code.title, code.explanation) };
    let value = json!({"code": code.code, "title": title, "explanation": explanation});
    out.one(&value, |_, _| format!("{} — {title}\n\n{explanation}", code.code));
    Ok(Exit::Ok)
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
