//! The command line's grammar: one place for names, help and defaults.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};

use crate::commands;
use crate::language::Language;
use crate::output::{Format, Output};

/// One binary that closes the GitOps loop: review, check, merge, build, deploy, watch, roll back.
#[derive(Parser)]
#[command(name = "boucle", version)]
pub struct Arguments {
    /// The data folder of the server to speak to.
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// How results are printed.
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub output: Format,
    /// The language of messages; the locale's when absent.
    #[arg(long, global = true, value_enum, default_value_t = Language::of_environment(), hide_default_value = true)]
    pub lang: Language,
    /// Print results and errors only.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// How and in which language things are said.
    #[must_use]
    pub fn out(&self) -> Output {
        Output { format: self.output, language: self.lang, quiet: self.quiet }
    }
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Start the server.
    Up(UpArguments),
    /// Show what runs where, and what waits.
    Status(commands::status::StatusArguments),
    /// Check this machine and the server.
    Doctor,
    /// Show how an application differs from Git.
    Diff(commands::diff::DiffArguments),
    /// Follow anything to its commit, author, reviewers, run and deployment.
    Trace(commands::trace::TraceArguments),
    /// Print the log of an application or a run.
    Logs(commands::logs::LogsArguments),
    /// Wait until an application is healthy on a revision.
    Wait(commands::wait::WaitArguments),
    /// Go back to the last healthy revision, by a revert commit.
    Rollback(commands::rollback::RollbackArguments),
    /// Open the page of where you stand, or of what you name.
    Open(commands::open::OpenArguments),
    /// Read the documentation, offline.
    Docs(commands::docs::DocsArguments),
    /// Say what cannot work and what is dangerous in the workflows here.
    Lint(LintArguments),
    /// Explain a problem's code, offline.
    Explain(commands::explain::ExplainArguments),
    /// Repositories.
    #[command(subcommand)]
    Repo(commands::repo::RepoCommand),
    /// Pull requests.
    #[command(subcommand)]
    Pr(commands::pr::PrCommand),
    /// Run a workflow here, or look after runs on the server.
    Run(commands::run::RunCommand),
    /// Applications.
    #[command(subcommand)]
    App(commands::app::AppCommand),
    /// Clusters that applications may name.
    #[command(subcommand)]
    Cluster(commands::cluster::ClusterCommand),
    /// Charts and artifacts behind a credential.
    #[command(subcommand)]
    Charts(commands::charts::ChartsCommand),
    /// Read what another tool deploys, and what it becomes here.
    Migrate(commands::migrate::MigrateArguments),
    /// Environments and promotions.
    #[command(subcommand)]
    Env(commands::env::EnvCommand),
    /// Incidents.
    #[command(subcommand)]
    Incident(commands::incident::IncidentCommand),
    /// The ledger.
    #[command(subcommand)]
    Audit(commands::audit::AuditCommand),
    /// The demonstration.
    #[command(subcommand)]
    Demo(commands::demo::DemoCommand),
    /// Secrets of a repository.
    #[command(subcommand)]
    Secret(commands::secret::SecretCommand),
    /// Receivers of notifications, as boucle.yaml names them.
    #[command(subcommand)]
    Notification(commands::notification::NotificationCommand),
    /// Tokens of people and machines.
    #[command(subcommand)]
    Token(commands::token::TokenCommand),
    /// Care of the server's own data.
    #[command(subcommand)]
    Admin(commands::admin::AdminCommand),
    /// Print the completions for a shell.
    Completions(commands::completions::CompletionsArguments),
    /// Print the manual, or write its pages.
    Man(commands::man::ManArguments),
}

/// How the server is started.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("clusters").multiple(true))]
pub struct UpArguments {
    /// The data folder; made when it does not exist. [default: boucle-data]
    #[arg(skip)]
    pub data: Option<PathBuf>,
    /// The port on 127.0.0.1; the next free one is taken when it is in use, 0 takes any.
    #[arg(long, default_value_t = 7070)]
    pub port: u16,
    /// Host the example service and send it visitors.
    #[arg(long)]
    pub demo: bool,
    /// Run the example service on this cluster of the kubeconfig instead of as local processes.
    #[arg(long, value_name = "CLUSTER", requires = "demo", requires = "kubeconfig")]
    pub demo_cluster: Option<String>,
    /// A Prometheus server to query instead of the embedded store.
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub metrics_url: Option<String>,
    /// A kubeconfig whose contexts applications may name as their destination.
    #[arg(long, value_name = "FILE", group = "clusters")]
    pub kubeconfig: Option<PathBuf>,
    /// Applications may name the cluster that this server runs on, as `in-cluster`.
    #[arg(long, group = "clusters")]
    pub in_cluster: bool,
    /// Answer in Argo CD's `Application` objects of this namespace.
    #[arg(long, value_name = "NAMESPACE", requires = "clusters", value_parser = namespace)]
    pub argocd_namespace: Option<String>,
    /// Answer in Flux's objects of this namespace.
    #[arg(long, value_name = "NAMESPACE", requires = "clusters", value_parser = namespace)]
    pub flux_namespace: Option<String>,
    /// The Helm 3 program that renders charts; otherwise `helm` on the PATH.
    #[arg(long, value_name = "FILE")]
    pub helm: Option<PathBuf>,
    /// A host that may be asked for charts and artifacts that are not in Git; may be repeated.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub charts_from: Vec<String>,
    /// A program that renders the sources that name it (`spec.source.plugin`); may be repeated.
    #[arg(long, value_name = "NAME=FILE", value_parser = renderer)]
    pub renderer: Vec<(String, PathBuf)>,
    /// The file with the key that secrets are sealed with; otherwise `secrets.key` of the data folder.
    #[arg(long, value_name = "FILE")]
    pub secrets_key: Option<PathBuf>,
    /// Refuse to run jobs with less than full isolation.
    #[arg(long)]
    pub require_sandbox: bool,
    /// Whether messages are in French.
    #[arg(skip)]
    pub french: bool,
}

/// A workflow that is run on the working tree.
#[derive(Debug, Clone, Args)]
pub struct LocalRun {
    /// The workflow's file or its name; the only one of the repository when absent.
    pub workflow: Option<String>,
    /// Only this job and what it needs.
    #[arg(long)]
    pub job: Option<String>,
    /// Only read the workflows and say what is wrong with them.
    #[arg(long)]
    pub check: bool,
}

/// What is looked at, and how strictly.
#[derive(Debug, Clone, Args)]
pub struct LintArguments {
    /// The workflow's file or its name; all of the repository when absent.
    pub workflow: Option<String>,
    /// Print a SARIF 2.1.0 log.
    #[arg(long)]
    pub sarif: bool,
    /// End with code 10 for warnings, too.
    #[arg(long)]
    pub strict: bool,
}

/// The name under which applications ask for a program, and the program.
fn renderer(text: &str) -> Result<(String, PathBuf), String> {
    let is_name = |name: &str| {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !name.is_empty() && name.chars().all(is_inside)
    };
    match text.split_once('=') {
        Some((name, file)) if is_name(name) && !file.is_empty() => Ok((name.into(), file.into())),
        Some(_) | None => Err("it is no name and program such as cdk=/usr/local/bin/cdk".into()),
    }
}

/// A name that no namespace has would be looked at for ever.
fn namespace(text: &str) -> Result<String, String> {
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let at_ends = [text.chars().next(), text.chars().next_back()];
    let is_name = text.len() <= 63 && text.chars().all(is_inside);
    if is_name && at_ends.iter().all(|end| end.is_some_and(|c| c != '-')) {
        return Ok(text.into());
    }
    Err("it is no name of a namespace such as argocd".into())
}

/// A server that starts with an address that leads nowhere would be without metrics for ever.
fn web_address(text: &str) -> Result<String, String> {
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.into()),
        Ok(_) | Err(_) => Err("it is no address such as http://127.0.0.1:9090".into()),
    }
}
