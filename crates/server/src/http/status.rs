//! The server itself over HTTP: status, diagnosis, health.

use std::sync::Arc;

use api::status::{Diagnosis, DiagnosisCheck, DiagnosisState, Status};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use deployments::migration::Tool;
use repositories::access::Permission;
use sandbox::Strength;

use crate::http::environments;
use crate::http::identity;
use crate::http::problem::Answer;
use crate::state::Server;
use crate::words::{Finding, say};

/// What this server is and what it runs.
#[utoipa::path(get, path = "/status", tag = "server", responses((status = 200, body = Status)))]
pub async fn status(State(server): State<Arc<Server>>, headers: HeaderMap) -> Answer<Status> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let environments = environments::all(&server).await?;
    let views = server.recorder.views();
    let runs_active =
        views.pipelines.runs.values().filter(|run| run.conclusion().is_none()).count();
    let incidents_open =
        views.monitoring.incidents.values().filter(|one| one.resolved.is_none()).count();
    Ok(Json(Status {
        url: server.url.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        process_id: std::process::id(),
        sequence: views.sequence.0,
        ready_after_ms: server.ready_after_ms.get().copied().unwrap_or_default(),
        environments: environments
            .into_iter()
            .filter(|one| visible.repository(&one.repository))
            .collect(),
        runs_active: runs_active as u64,
        incidents_open: incidents_open as u64,
    }))
}

/// Is everything as it should be?
#[utoipa::path(get, path = "/diagnosis", tag = "server",
    responses((status = 200, body = Diagnosis)))]
pub async fn diagnosis(State(server): State<Arc<Server>>, headers: HeaderMap) -> Answer<Diagnosis> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let mut checks = vec![
        check("server git", DiagnosisState::Ok, &Finding::Verbatim(server.git.git_version())),
        data(&server),
    ];
    checks.extend(sandbox(&server));
    let tools = server.runner.protections().tools.iter().map(|path| path.display().to_string());
    let tools: Vec<String> = tools.collect();
    checks.push(check("job tools", DiagnosisState::Ok, &Finding::Verbatim(&tools.join(", "))));
    checks.push(match server.sign_checkpoint().await {
        Ok(()) => check("ledger", DiagnosisState::Ok, &Finding::Signed),
        Err(error) => {
            check("ledger", DiagnosisState::Failed, &Finding::Verbatim(&format!("{error:#}")))
        }
    });
    checks.push(clock(&server));
    checks.extend(other_writers(&server));
    checks.extend(configurations(&server).await);
    let healthy = checks.iter().all(|check| check.state != DiagnosisState::Failed);
    Ok(Json(Diagnosis { healthy, checks }))
}

/// Whether the process answers; needs no token.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Which layers of the sandbox hold, one check each.
fn sandbox(server: &Server) -> Vec<DiagnosisCheck> {
    let protections = &server.runner.protections().sandbox;
    protections
        .states
        .iter()
        .map(|(protection, strength)| {
            let name = format!("sandbox {protection}");
            match strength {
                Strength::Enforced => check(&name, DiagnosisState::Ok, &Finding::Enforced),
                Strength::Unneeded { reason } => {
                    check(&name, DiagnosisState::Ok, &Finding::Verbatim(reason))
                }
                Strength::Weakened { reason } | Strength::Unavailable { reason } => {
                    check(&name, DiagnosisState::Degraded, &Finding::Verbatim(reason))
                }
            }
        })
        .collect()
}

fn data(server: &Server) -> DiagnosisCheck {
    let folder = server.options.data.display().to_string();
    match nix::sys::statvfs::statvfs(&server.options.data) {
        Ok(space) => {
            let free_bytes = space.blocks_available() * space.fragment_size();
            let detail = Finding::Free { folder: &folder, mebibytes: free_bytes >> 20 };
            let state = if free_bytes < FREE_BYTES_LOW {
                DiagnosisState::Degraded
            } else {
                DiagnosisState::Ok
            };
            check("data", state, &detail)
        }
        Err(error) => {
            let detail = format!("{folder}: {error}");
            check("data", DiagnosisState::Failed, &Finding::Verbatim(&detail))
        }
    }
}

/// Below this a few large pushes fill the disk.
const FREE_BYTES_LOW: u64 = 1 << 30;

/// A clock that was set back does not stop the loop, but its times are not those of other machines.
fn clock(server: &Server) -> DiagnosisCheck {
    let ahead_ms = server.clock.ahead_ms();
    if ahead_ms < CLOCK_BEHIND_MS {
        return check("clock", DiagnosisState::Ok, &Finding::ClockRight);
    }
    let detail = Finding::ClockBehind { seconds: ahead_ms / 1_000 };
    check("clock", DiagnosisState::Degraded, &detail)
}

/// Clocks that are kept by NTP differ by less.
const CLOCK_BEHIND_MS: i64 = 2_000;

/// Two controllers of one object undo each other: it is left to the other one, and somebody decides.
fn other_writers(server: &Server) -> Vec<DiagnosisCheck> {
    let writers = server.answered.other_writers().into_iter();
    let writers = writers.map(|(cluster, kind, name, writer)| {
        let detail = Finding::OtherWriter { kind: kind.name(), name: &name, writer: &writer };
        let tool = match kind.tool() {
            Tool::ArgoCd => "Argo CD",
            Tool::Flux => "Flux",
        };
        check(&format!("{tool} on {cluster}"), DiagnosisState::Degraded, &detail)
    });
    writers.collect()
}

async fn configurations(server: &Arc<Server>) -> Vec<DiagnosisCheck> {
    let names: Vec<_> = server.recorder.views().repositories.repositories.keys().cloned().collect();
    let mut checks = Vec::new();
    for name in names {
        let configured = server.configurations.of_default_branch(server, &name).await;
        let configured = configured.ok().flatten();
        let problems = configured.map(|one| server.problems_of(&name, &one)).unwrap_or_default();
        checks.extend(problems.iter().map(|problem| {
            let detail = problem.reason().to_string();
            let name = format!("repository {name}");
            check(&name, DiagnosisState::Degraded, &Finding::Verbatim(&detail))
        }));
    }
    checks
}

fn check(name: &str, state: DiagnosisState, detail: &Finding<'_>) -> DiagnosisCheck {
    DiagnosisCheck { name: name.into(), state, detail: say(detail), next: None }
}
