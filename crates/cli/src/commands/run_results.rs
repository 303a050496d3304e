//! What a run left behind: `boucle run results` and `boucle run download`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use api::runs::{Annotation, RunResults};
use tokio::io::AsyncWriteExt as _;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::Words;

/// Shows annotations, summaries and artifacts.
pub async fn show(context: &Context, id: u64, attempt: Option<u32>) -> Result<Exit, Failure> {
    let which = attempt.map(|attempt| format!("?attempt={attempt}")).unwrap_or_default();
    let results: RunResults = context.client.get(&format!("/runs/{id}/results{which}")).await?;
    context.out.one(&results, describe);
    Ok(Exit::Ok)
}

/// Writes the archive; a file that is there is not replaced.
pub async fn download(
    context: &Context,
    id: u64,
    name: &str,
    into: Option<&Path>,
) -> Result<Exit, Failure> {
    let path = into.map_or_else(|| PathBuf::from(format!("{name}.tar.gz")), Path::to_path_buf);
    let address = format!("/runs/{id}/artifacts/{}", output::escape(name));
    let mut answer = context.client.bytes(&address).await?;
    let mut file = tokio::fs::File::create_new(&path)
        .await
        .with_context(|| format!("cannot make {}", path.display()))?;
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await.context("the download was interrupted")? {
        bytes += chunk.len() as u64;
        file.write_all(&chunk).await.with_context(|| format!("cannot write {}", path.display()))?;
    }
    file.flush().await.with_context(|| format!("cannot write {}", path.display()))?;
    context.out.say(&context.out.words().downloaded(&path.display().to_string(), bytes));
    Ok(Exit::Ok)
}

fn describe(results: &RunResults, words: &dyn Words) -> String {
    let mut lines: Vec<String> =
        results.annotations.iter().map(|annotation| line(annotation, words)).collect();
    for artifact in &results.artifacts {
        lines.push(words.stored(&artifact.name, artifact.size_bytes));
    }
    for published in &results.published {
        lines.push(format!("{} {}", published.name, published.digest));
    }
    for summary in &results.summaries {
        lines.push(format!("\n{}\n\n{}", summary.job, summary.markdown.trim_end()));
    }
    if lines.is_empty() {
        lines.push(words.none().into());
    }
    lines.join("\n") + "\n"
}

fn line(annotation: &Annotation, words: &dyn Words) -> String {
    let place = annotation.file.as_ref().map(|file| match (annotation.line, annotation.column) {
        (Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        (Some(line), None) => format!("{file}:{line}: "),
        (None, _) => format!("{file}: "),
    });
    let title = annotation.title.as_ref().map(|title| format!("{title}: "));
    let text = [place.unwrap_or_default(), title.unwrap_or_default(), annotation.message.clone()];
    words.annotation(annotation.level, &annotation.job, &text.concat())
}
