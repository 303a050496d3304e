//! `boucle migrate`: what another tool deploys to a cluster, and what it becomes here. It reads; only
//! with `--into` are files written, into a folder of this machine.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use api::page::Page;
use api::settings::Migration;
use clap::{Args, ValueEnum};

use super::Context;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::Words;

/// What is read, and where it goes.
#[derive(Args)]
pub struct MigrateArguments {
    /// The tool.
    pub tool: Tool,
    /// The cluster, a context of the server's kubeconfig.
    #[arg(long, add = complete::clusters())]
    pub cluster: String,
    /// Show what would change hands, object by object, and write nothing.
    #[arg(long, required_unless_present = "into", conflicts_with = "into")]
    pub dry_run: bool,
    /// Write the files to commit into this folder, those without problems only.
    #[arg(long, value_name = "FOLDER")]
    pub into: Option<PathBuf>,
}

/// A tool.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Tool {
    /// Argo CD
    Argocd,
    /// Flux
    Flux,
}

/// Does it.
pub async fn execute(context: &Context, arguments: &MigrateArguments) -> Result<Exit, Failure> {
    let tool = match arguments.tool {
        Tool::Argocd => "argocd",
        Tool::Flux => "flux",
    };
    let path =
        format!("/destinations/{}/migration?from={tool}", output::escape(&arguments.cluster));
    let found: Page<Migration> = context.client.get(&path).await?;
    let found = found.items;
    context.out.one(&found, |found, words| describe(found, words));
    let is_ready = found.iter().all(|one| one.problems.is_empty());
    if let Some(folder) = &arguments.into {
        write(context, &found, folder)?;
    }
    Ok(if is_ready { Exit::Ok } else { Exit::Differences })
}

fn write(context: &Context, found: &[Migration], folder: &Path) -> Result<(), Failure> {
    let ready = found.iter().filter(|one| one.problems.is_empty());
    let mut count = 0;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    for migration in ready {
        // The name was read as an application's before the file was found to have no problem.
        let file = folder.join(format!("{}.yaml", migration.name));
        std::fs::write(&file, &migration.file)
            .with_context(|| format!("{} cannot be written", file.display()))?;
        count += 1;
    }
    context.out.say(&context.out.words().migration_written(count, &folder.display().to_string()));
    Ok(())
}

fn describe(found: &[Migration], words: &dyn Words) -> String {
    let mut lines = Vec::new();
    for one in found {
        lines.push(words.migration(&one.from, &one.name, one.objects.len()));
        lines.extend(one.objects.iter().map(|object| format!("    {object}")));
        lines.extend(one.problems.iter().map(|problem| format!("  ! {problem}")));
        lines.extend(one.notes.iter().map(|note| format!("  - {note}")));
    }
    let with_problems = found.iter().filter(|one| !one.problems.is_empty()).count();
    lines.push(words.migrations(found.len(), with_problems));
    lines.join("\n")
}
