//! `boucle audit`: the ledger.

use std::path::PathBuf;

use anyhow::Context as _;
use api::audit::{Fact, Verification};
use clap::{Args, Subcommand};
use ledger::{Finding, Trust, Trusted, VerifierKey};

use super::Context;
use crate::failure::{Exit, Failure};
use crate::output::{self, Output};
use crate::words::{Column, Words};

/// The ledger.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// List facts, newest first.
    List(ListArguments),
    /// Check that every fact is as it was signed.
    Verify(VerifyArguments),
    /// Print every fact and checkpoint, for keeping elsewhere.
    Export,
}

/// Which facts.
#[derive(Args)]
pub struct ListArguments {
    /// Only of this actor, `person:ada`.
    #[arg(long)]
    pub actor: Option<String>,
    /// Only on this subject, `application:hello-production`.
    #[arg(long)]
    pub subject: Option<String>,
    /// Only kinds that begin so, `repositories.`.
    #[arg(long)]
    pub kind: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}

/// What to verify.
#[derive(Args)]
pub struct VerifyArguments {
    /// An export, checked offline; the server's own ledger when absent.
    pub file: Option<PathBuf>,
    /// The key that must have signed, as `boucle audit verify` of the server prints it.
    #[arg(long)]
    pub key: Option<String>,
}

/// Does it.
pub async fn execute(context: &Context, command: &AuditCommand) -> Result<Exit, Failure> {
    match command {
        AuditCommand::List(arguments) => {
            let facts: Vec<Fact> = context.client.list(&query(arguments), arguments.limit).await?;
            print(context.out, &facts);
            Ok(Exit::Ok)
        }
        AuditCommand::Export => {
            export(context).await?;
            Ok(Exit::Ok)
        }
        AuditCommand::Verify(arguments) => {
            let mut text = Vec::new();
            let mut response = context.client.stream("/facts/export").await?;
            while let Some(bytes) = response.chunk().await.context("the export broke off")? {
                text.extend_from_slice(&bytes);
            }
            verify(&text, arguments.key.as_deref(), context.out)
        }
    }
}

/// Checks an export without a server.
pub fn verify_file(arguments: &VerifyArguments, out: Output) -> Result<Exit, Failure> {
    let file = arguments.file.clone().unwrap_or_default();
    let text = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    verify(&text, arguments.key.as_deref(), out)
}

/// One fact on one line.
#[must_use]
pub fn fact_line(fact: &Fact) -> String {
    let reason =
        if fact.reason.is_empty() { String::new() } else { format!(" — {}", fact.reason) };
    format!(
        "{:>6}  {}  {:<28} {:<36} {}{reason}",
        fact.sequence, fact.at, fact.actor, fact.kind, fact.subject
    )
}

fn print(out: Output, facts: &[Fact]) {
    let columns = [
        Column::Sequence,
        Column::At,
        Column::Actor,
        Column::Kind,
        Column::Subject,
        Column::Reason,
    ];
    out.many(facts, &columns, |fact, _| {
        vec![
            fact.sequence.to_string(),
            fact.at.clone(),
            fact.actor.clone(),
            fact.kind.clone(),
            fact.subject.clone(),
            fact.reason.clone(),
        ]
    });
}

fn query(arguments: &ListArguments) -> String {
    let mut path = String::from("/facts?order=newest");
    for (name, value) in
        [("actor", &arguments.actor), ("subject", &arguments.subject), ("kind", &arguments.kind)]
    {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", value.replace('#', "%23").replace(' ', "%20")));
        }
    }
    path
}

async fn export(context: &Context) -> Result<(), Failure> {
    let mut response = context.client.stream("/facts/export").await?;
    while let Some(bytes) = response.chunk().await.context("the export broke off")? {
        output::raw(&String::from_utf8_lossy(&bytes));
    }
    Ok(())
}

/// Checks the text of an export; exit code 10 when something is wrong with it.
fn verify(text: &[u8], key: Option<&str>, out: Output) -> Result<Exit, Failure> {
    let key = key
        .map(str::parse::<VerifierKey>)
        .transpose()
        .map_err(|error| Failure::Usage(format!("--key is not a verifier key: {error}")))?;
    let text = String::from_utf8_lossy(text);
    let found = ledger::verify(text.lines(), &Trusted { key, checkpoint: None });
    let verification = Verification {
        verified: found.finding.is_none(),
        facts: found.facts_verified,
        origin: found.origin,
        own_key: found.trust == Trust::ExportsOwnKey,
        problem: found.finding.as_ref().map(ToString::to_string),
        first_bad_sequence: found.finding.as_ref().and_then(sequence),
    };
    out.one(&verification, describe);
    Ok(if verification.verified { Exit::Ok } else { Exit::Differences })
}

fn describe(verification: &Verification, words: &dyn Words) -> String {
    let mut text = match &verification.problem {
        None => words.verified(verification.facts, &verification.origin),
        Some(problem) => words.not_verified(problem),
    };
    if verification.own_key {
        text.push_str(&format!("\n{}", words.own_key()));
    }
    text
}

/// The fact that a finding is about, when it is one.
fn sequence(finding: &Finding) -> Option<u64> {
    match finding {
        Finding::FactChanged { sequence, .. }
        | Finding::FactRemoved { sequence }
        | Finding::FactInserted { sequence, .. }
        | Finding::FactReordered { sequence, .. }
        | Finding::HistoryRewritten { first: sequence, .. } => Some(*sequence),
        Finding::HeaderWrong { .. }
        | Finding::CheckpointWrong { .. }
        | Finding::TooShort { .. } => None,
    }
}
