//! One file per command.

pub mod admin;
pub mod app;
pub mod app_action;
pub mod audit;
pub mod charts;
pub mod cluster;
pub mod cluster_add;
pub mod completions;
pub mod demo;
mod demo_story;
pub mod diff;
pub mod docs;
pub mod doctor;
pub mod env;
pub mod explain;
pub mod incident;
pub mod logs;
pub mod man;
pub mod migrate;
pub mod notification;
pub mod open;
pub mod pr;
mod pr_checkout;
pub mod repo;
pub mod rollback;
pub mod run;
pub mod run_results;
pub mod secret;
pub mod status;
mod status_watch;
pub mod token;
pub mod trace;
pub mod wait;

use crate::arguments::{Arguments, Command};
use crate::client::Client;
use crate::connection;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::progress::Progress;

/// What every command gets.
pub struct Context {
    /// The server.
    pub client: Client,
    /// How and in which language results are printed.
    pub out: Output,
}

impl Context {
    /// For work that takes a while.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress::new(self.out.quiet)
    }
}

/// Does a client's command.
pub async fn dispatch(arguments: Arguments) -> Result<Exit, Failure> {
    let out = arguments.out();
    let Arguments { data, command, .. } = arguments;
    let context = || -> Result<Context, Failure> {
        let connection = connection::find(data.as_deref(), out.language)?;
        Ok(Context {
            client: Client::new(connection, out.language)?.showing(Progress::new(out.quiet)),
            out,
        })
    };
    match command {
        Command::Explain(explain) => explain::execute(&explain, out),
        Command::Completions(completions) => completions::execute(&completions),
        Command::Audit(audit::AuditCommand::Verify(verify)) if verify.file.is_some() => {
            audit::verify_file(&verify, out)
        }
        Command::Doctor => doctor::execute(data.as_deref(), out).await,
        Command::Docs(docs) => docs::execute(&docs, out),
        Command::Man(man) => man::execute(&man, out),
        Command::Open(open) => open::execute(&context()?, &open).await,
        Command::Status(status) => status::execute(&context()?, &status).await,
        Command::Diff(diff) => diff::execute(&context()?, &diff).await,
        Command::Trace(trace) => trace::execute(&context()?, &trace).await,
        Command::Logs(logs) => logs::execute(&context()?, &logs).await,
        Command::Wait(wait) => wait::execute(&context()?, &wait).await,
        Command::Rollback(rollback) => rollback::execute(&context()?, &rollback).await,
        Command::Repo(command) => repo::execute(&context()?, &command).await,
        Command::Pr(command) => pr::execute(&context()?, &command).await,
        Command::Run(command) => run::execute(&context()?, &command).await,
        Command::App(command) => app::execute(&context()?, &command).await,
        Command::Cluster(command) => cluster::execute(&context()?, &command).await,
        Command::Charts(command) => charts::execute(&context()?, &command).await,
        Command::Migrate(migrate) => migrate::execute(&context()?, &migrate).await,
        Command::Env(command) => env::execute(&context()?, &command).await,
        Command::Incident(command) => incident::execute(&context()?, &command).await,
        Command::Audit(command) => audit::execute(&context()?, &command).await,
        Command::Demo(command) => demo::execute(&context()?, &command).await,
        Command::Secret(command) => secret::execute(&context()?, &command).await,
        Command::Notification(command) => notification::execute(&context()?, &command).await,
        Command::Token(command) => token::execute(&context()?, &command).await,
        Command::Admin(command) => admin::execute(&context()?, &command).await,
        Command::Up(_) => Err(Failure::Usage("the server is started by the program".into())),
        Command::Lint(_) => Err(Failure::Usage("workflows are read by the program".into())),
    }
}
