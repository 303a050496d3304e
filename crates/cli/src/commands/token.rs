//! `boucle token`: tokens of people and machines.

use api::tokens::{CreateToken, CreatedToken, Token, TokenKind, TokenRole};
use clap::{Subcommand, ValueEnum};

use super::Context;
use crate::failure::{Exit, Failure};
use crate::words::Column;

/// Tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make a token; its secret is printed this once.
    Create {
        /// The account or machine that it stands for.
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value_t = Role::Write)]
        role: Role,
        /// It is a program's, not a person's.
        #[arg(long)]
        machine: bool,
        /// Only in this repository.
        #[arg(long)]
        repository: Option<String>,
        /// How long it is valid.
        #[arg(long)]
        valid_days: Option<u32>,
    },
    /// List tokens, without their secrets.
    List,
    /// Make a token invalid, at once.
    Revoke {
        /// Its id.
        id: String,
    },
}

/// What a token may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Role {
    /// Read repositories and their state.
    Read,
    /// Push, review and merge within the rules.
    Write,
    /// Also create repositories and tokens.
    Admin,
}

/// Does it.
pub async fn execute(context: &Context, command: &TokenCommand) -> Result<Exit, Failure> {
    let client = &context.client;
    match command {
        TokenCommand::Create { name, role, machine, repository, valid_days } => {
            let body = CreateToken {
                name: name.clone(),
                kind: if *machine { TokenKind::Machine } else { TokenKind::Person },
                role: match role {
                    Role::Read => TokenRole::Read,
                    Role::Write => TokenRole::Write,
                    Role::Admin => TokenRole::Admin,
                },
                repository: repository.clone(),
                valid_days: *valid_days,
            };
            let created: CreatedToken = client.post("/tokens", &body).await?;
            context.out.one(&created, |created, words| {
                format!("{}\n{}", created.token, words.valid_until(&created.expires_at))
            });
        }
        TokenCommand::List => {
            let items: Vec<Token> = client.list("/tokens", usize::MAX).await?;
            let columns = [
                Column::Id,
                Column::Name,
                Column::Kind,
                Column::Role,
                Column::Repository,
                Column::Expires,
            ];
            context.out.many(&items, &columns, |item, words| {
                vec![
                    item.id.clone(),
                    item.name.clone(),
                    words.state(&format!("{:?}", item.kind).to_lowercase()).into(),
                    format!("{:?}", item.role).to_lowercase(),
                    item.repository.clone().unwrap_or_default(),
                    item.expires_at.clone(),
                ]
            });
        }
        TokenCommand::Revoke { id } => {
            client.delete(&format!("/tokens/{id}")).await?;
            context.out.say(context.out.words().revoked());
        }
    }
    Ok(Exit::Ok)
}
