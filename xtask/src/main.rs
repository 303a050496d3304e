//! Every command a developer needs: `cargo xtask --help`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to a terminal")]

mod bench;
mod build;
mod cluster;
mod conformance;
mod demonstration;
mod fuzz;
mod kustomize_oracle;
mod tidy;
mod web;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(name = "xtask", about = "Every command a developer of Boucle needs")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the release binary and start it here, with the demonstration.
    Demo {
        /// On the test cluster with a real node instead of local processes.
        #[arg(long)]
        kubernetes: bool,
        /// Given on to `boucle up`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run every test of the project.
    Test,
    /// Everything that continuous integration checks besides the tests.
    Ci,
    /// Run the simulator over seeds.
    Sim {
        /// How many seeds, from 0.
        #[arg(long, default_value_t = 200)]
        seeds: u64,
    },
    /// Measure, beside a peer or the floor, in one run.
    Bench {
        /// What to measure.
        #[arg(value_enum)]
        what: Bench,
        /// How the result is printed.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
        /// How long `web` watches the page's memory.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
        /// How many applications `web` measures beside: as many as make other pages freeze.
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
        applications: u32,
        /// How many applications `kubernetes` installs, one size after another.
        #[arg(long, value_delimiter = ',', default_value = "100,500,1000")]
        sizes: Vec<usize>,
    },
    /// Run outside vectors: expressions, workflows, code owners, health (docs/health.md),
    /// kustomizations (docs/kubernetes.md), and the registry by its specification's own program.
    Conformance {
        /// The folder with a folder per suite; `distribution` needs none.
        #[arg(long)]
        vectors: Option<PathBuf>,
        /// Only this suite; may be given more than once.
        #[arg(long = "suite", value_name = "NAME")]
        suites: Vec<String>,
        /// How the result is printed.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Build the page into `web/dist/page`.
    Web {
        /// Also lint, test and weigh it.
        #[arg(long)]
        check: bool,
    },
    /// Play the demonstration and visit every screen of the page in Chromium.
    E2e {
        /// Where the pictures go.
        #[arg(long, default_value = "web/screens")]
        screens: PathBuf,
    },
    /// Ask the interface what its document allows and does not, in many cases.
    Fuzz {
        /// Cases for each operation and phase, at most.
        #[arg(long, default_value_t = 25)]
        cases: u32,
        /// Where chance begins.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// A real Kubernetes control plane on 127.0.0.1 for tests: no nodes, no containers.
    Cluster {
        /// What to do with it.
        #[command(subcommand)]
        action: cluster::Action,
        /// How the result is printed.
        #[arg(short, long, value_enum, default_value_t, global = true)]
        output: Output,
    },
    /// Check the rules of the tree: first lines, lengths, layers, the pure crates' bans.
    Tidy,
    /// Compare the Kustomize engine's cases with the real program.
    Oracle {
        /// The real program.
        #[arg(long, default_value = "kustomize")]
        kustomize: PathBuf,
        /// Write what the real program says into the cases.
        #[arg(long)]
        write: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// The loop: start, push, clone, first log byte, merge to ready, one of 100 applications.
    Loop,
    /// The page in Chromium: first load, filter, scrolling, facts, tabs, memory.
    Web,
    /// A cluster: install, one change, no change, drift, steady state, Kustomize.
    Kubernetes,
    /// Runs and the registry: first log byte, push and pull of 1 GB beside Debian's `docker-registry`.
    Pipelines,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
}

fn main() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does it; false when it found something.
fn execute(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Demo { kubernetes, arguments } => build::demo(kubernetes, arguments),
        Command::Test => build::test(),
        Command::Ci => ci(),
        Command::Sim { seeds } => {
            let (report, kept) = sim::cli_report(seeds);
            println!("{report}");
            Ok(kept)
        }
        Command::Bench { what: Bench::Loop, output, .. } => bench::run(output == Output::Json),
        Command::Bench { what: Bench::Kubernetes, output, sizes, .. } => {
            bench::kubernetes::run(output == Output::Json, &sizes)
        }
        Command::Bench { what: Bench::Pipelines, output, .. } => {
            bench::pipelines::run(output == Output::Json)
        }
        Command::Bench { what: Bench::Web, output, minutes, applications, .. } => {
            let size = bench::web::Size { applications: applications as usize, minutes };
            bench::web::run(output == Output::Json, size)
        }
        Command::Conformance { vectors, suites, output } => {
            report_conformance(vectors.as_deref(), &suites, output)
        }
        Command::Web { check: false } => web::build_page(),
        Command::Web { check: true } => web::check(),
        Command::E2e { screens } => web::drive(&std::path::absolute(screens)?),
        Command::Fuzz { cases, seed } => fuzz::run(cases, seed),
        Command::Cluster { action, output } => cluster::run(&action, output == Output::Json),
        Command::Tidy => tidy::check(),
        Command::Oracle { kustomize, write } => {
            let cases = build::root().join("crates/kustomize/tests/cases");
            kustomize_oracle::run(&kustomize, &cases, write).map(|()| true)
        }
    }
}

/// In the order of their cost: what fails fast comes first.
fn ci() -> anyhow::Result<bool> {
    let mut good = step("tidy", tidy::check)?;
    good &= step("format", build::format_check)?;
    good &= step("clippy", build::clippy)?;
    good &= step("documentation", build::documentation)?;
    if web::is_possible() {
        good &= step("page", web::check)?;
    } else {
        println!("== page not checked: npm is not installed");
    }
    good &= step("licences", build::licences)?;
    good &= step("simulation", || {
        let (report, kept) = sim::cli_report(200);
        println!("{report}");
        Ok(kept)
    })?;
    Ok(good)
}

fn step(name: &str, run: impl FnOnce() -> anyhow::Result<bool>) -> anyhow::Result<bool> {
    let start = std::time::Instant::now();
    println!("== {name}");
    let good = run()?;
    let word = if good { "passed" } else { "FAILED" };
    println!("== {name} {word} in {:.1} s", start.elapsed().as_secs_f64());
    Ok(good)
}

fn report_conformance(
    vectors: Option<&std::path::Path>,
    suites: &[String],
    output: Output,
) -> anyhow::Result<bool> {
    let report = conformance::run(vectors, suites)?;
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        Output::Table => {
            for suite in &report.suites {
                println!(
                    "{:<22} {:>5} passed {:>5} failed {:>5} unsupported",
                    suite.suite, suite.passed, suite.failed, suite.unsupported
                );
                if let Some(conformance::Share { passed, total }) = suite.runnable {
                    println!("    {passed} of {total} accepted workflows also run whole");
                }
                if let Some(messages) = suite.messages {
                    let conformance::Share { passed, total } = messages;
                    println!("    {passed} of {total} messages are the same");
                }
                suite.failures.iter().for_each(|name| println!("    {name}"));
            }
        }
    }
    Ok(report.suites.iter().all(|suite| suite.failed == 0))
}
