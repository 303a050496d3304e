//! `boucle doctor`: is this machine, and the server when there is one, as it should be?

use std::path::Path;
use std::process::Command;

use api::status::{Diagnosis, DiagnosisCheck, DiagnosisState};

use crate::client::Client;
use crate::connection;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::words::Words;

/// Prints each check; exit code 10 when one failed.
pub async fn execute(data: Option<&Path>, out: Output) -> Result<Exit, Failure> {
    let mut checks = vec![git()];
    let found = connection::find(data, out.language);
    match found.and_then(|connection| Client::new(connection, out.language)) {
        Ok(client) => match client.get::<Diagnosis>("/diagnosis").await {
            Ok(diagnosis) => {
                checks.push(check("server", DiagnosisState::Ok, client.url(), None));
                checks.extend(diagnosis.checks);
            }
            Err(failure) => checks.push(check(
                "server",
                DiagnosisState::Failed,
                &failure.to_string(),
                Some("boucle up"),
            )),
        },
        Err(failure) => checks.push(check(
            "server",
            DiagnosisState::Degraded,
            &failure.to_string(),
            Some("boucle up"),
        )),
    }
    let healthy = checks.iter().all(|check| check.state != DiagnosisState::Failed);
    let diagnosis = Diagnosis { healthy, checks };
    out.one(&diagnosis, describe);
    Ok(if healthy { Exit::Ok } else { Exit::Differences })
}

/// Git from 2.38 on merges without a working tree, which the server relies on.
fn git() -> DiagnosisCheck {
    let Ok(answer) = Command::new("git").arg("--version").output() else {
        let next = Some("install git 2.38 or newer");
        return check("git", DiagnosisState::Failed, "the program `git` is not found", next);
    };
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    let mut numbers =
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= (2, 38) {
        check("git", DiagnosisState::Ok, &text, None)
    } else {
        check("git", DiagnosisState::Failed, &text, Some("install git 2.38 or newer"))
    }
}

fn check(name: &str, state: DiagnosisState, detail: &str, next: Option<&str>) -> DiagnosisCheck {
    DiagnosisCheck { name: name.into(), state, detail: detail.into(), next: next.map(Into::into) }
}

fn describe(diagnosis: &Diagnosis, words: &dyn Words) -> String {
    let mut text = String::new();
    for check in &diagnosis.checks {
        let symbol = match check.state {
            DiagnosisState::Ok => "✓",
            DiagnosisState::Degraded => "!",
            DiagnosisState::Failed => "✗",
        };
        text.push_str(&format!("{symbol} {:<18} {}\n", check.name, check.detail));
        if let Some(next) = &check.next {
            text.push_str(&format!("  {:<18}{}\n", "", words.next(next)));
        }
    }
    text
}
