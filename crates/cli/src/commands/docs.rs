//! `boucle docs`: the documentation, offline.

use clap::Args;
use serde_json::json;

use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::words::Column;

/// Which page.
#[derive(Args)]
pub struct DocsArguments {
    /// The topic; all of them when absent.
    #[arg(add = complete::words(&PAGES.map(|page| page.0)))]
    pub topic: Option<String>,
}

/// Topic and page, in the order in which one would read them.
const PAGES: [(&str, &str); 10] = [
    ("tutorial", include_str!("../../../../docs/tutorial.md")),
    ("boucle-yaml", include_str!("../../../../docs/boucle-yaml.md")),
    ("workflows", include_str!("../../../../docs/workflows.md")),
    ("kubernetes", include_str!("../../../../docs/kubernetes.md")),
    ("from-argo-cd", include_str!("../../../../docs/from-argo-cd.md")),
    ("from-flux", include_str!("../../../../docs/from-flux.md")),
    ("projects", include_str!("../../../../docs/projects.md")),
    ("application-sets", include_str!("../../../../docs/application-sets.md")),
    ("registry", include_str!("../../../../docs/registry.md")),
    ("cli", include_str!("../../../../docs/cli.md")),
];

/// Prints a page, or the topics.
pub fn execute(arguments: &DocsArguments, out: Output) -> Result<Exit, Failure> {
    let Some(topic) = &arguments.topic else {
        let topics = PAGES.map(|(topic, page)| json!({"topic": topic, "title": title(page)}));
        out.many(&topics, &[Column::Topic, Column::Title], |item, _| {
            ["topic", "title"].map(|key| item[key].as_str().unwrap_or_default().to_owned()).into()
        });
        return Ok(Exit::Ok);
    };
    let page = PAGES.iter().find(|(known, _)| known == topic);
    let (_, page) = page.ok_or_else(|| Failure::Usage(out.words().unknown_topic(topic)))?;
    out.one(&json!({"topic": topic, "text": page}), |_, _| (*page).to_owned());
    Ok(Exit::Ok)
}

fn title(page: &str) -> &str {
    page.lines().next().unwrap_or_default().trim_start_matches("# ")
}
