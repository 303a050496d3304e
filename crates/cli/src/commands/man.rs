//! `boucle man`: the manual, a page for each command.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use clap_mangen::Man;

use crate::failure::{Exit, Failure};
use crate::help;
use crate::output::{self, Output};

/// Where to.
#[derive(Args)]
pub struct ManArguments {
    /// Write every page into this folder, instead of printing the first.
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// Prints `boucle(1)`, or writes all pages.
pub fn execute(arguments: &ManArguments, out: Output) -> Result<Exit, Failure> {
    let mut command = help::command(out.language);
    command.build();
    let Some(folder) = &arguments.folder else {
        output::raw(&String::from_utf8_lossy(&page(&command)?));
        return Ok(Exit::Ok);
    };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let pages = write(&command, folder)?;
    out.say(&out.words().pages_written(pages, &folder.display().to_string()));
    Ok(Exit::Ok)
}

/// Writes the page of a command and those below it; how many.
fn write(command: &clap::Command, folder: &Path) -> anyhow::Result<usize> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let file = folder.join(format!("{name}.1"));
    std::fs::write(&file, page(command)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let mut pages = 1;
    for subcommand in command.get_subcommands().filter(|one| one.get_name() != "help") {
        pages += write(subcommand, folder)?;
    }
    Ok(pages)
}

fn page(command: &clap::Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).context("the manual cannot be rendered")?;
    Ok(page)
}
