//! Secrets of a repository over HTTP: values come in, names go out.

use std::sync::Arc;

use api::page::{Page, PageQuery};
use api::settings::{ChartsUse, Secret, SetSecret};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use deployments::{charts_address, plugin_address};
use ledger::{Draft, RepositoryName, Subject};
use render::ChartHosts;
use render::sops::AgeKeys;
use repositories::access::{Permission, Permit};
use repositories::facts::RepositoryFact;
use repositories::secrets::{
    PER_REPOSITORY_MAX, SecretName, SecretRecord, SecretUse, VALUE_BYTES_MAX, VALUE_BYTES_MIN,
};

use crate::http::body::Checked;
use crate::http::extract::{Path, Query};
use crate::http::problem::{Answer, Refusal};
use crate::http::{identity, page, repository_name};
use crate::state::Server;
use crate::words::{Malformed, Missing, Obstacle};

/// Lists the secrets without their values.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/secrets", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), PageQuery),
    responses((status = 200, body = Page<Secret>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Secret>> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    // Whoever may run workflows may know what they can use.
    let permission = Permission::OperateRuns;
    identity::permit_repository(&server, &headers, permission, &repository).await?;
    let views = server.recorder.views();
    let secrets = views.repositories.secrets.get(&repository).into_iter().flatten();
    Ok(Json(page::cut(secrets.map(|(name, record)| on_wire(name, record)).collect(), &query)?))
}

/// Gives a secret a value, a first or another one; it counts for jobs that start from now on.
#[utoipa::path(put, path = "/repositories/{owner}/{name}/secrets/{secret}", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), ("secret" = String, Path)),
    request_body = SetSecret, responses((status = 200, body = Secret)))]
pub async fn set(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name, secret)): Path<(String, String, String)>,
    Checked(body): Checked<SetSecret>,
) -> Answer<Secret> {
    let (repository, permit) = permit(&server, &headers, &owner, &name).await?;
    let secret = secret_name(&secret)?;
    check_value(&body.value)?;
    let lock = server.repository_locks.of(&repository);
    let _held = lock.lock().await;
    let (known, count) = {
        let views = server.recorder.views();
        let secrets = views.repositories.secrets.get(&repository);
        let known = secrets.and_then(|secrets| secrets.get(&secret)).cloned();
        (known, secrets.map_or(0, |secrets| secrets.len()))
    };
    let used_by = used_by(&server, &headers, &body, known.as_ref()).await?;
    if known.is_none() && count >= PER_REPOSITORY_MAX {
        let detail = Obstacle::TooManySecrets { max: PER_REPOSITORY_MAX };
        return Err(Refusal::new("too-large", &detail));
    }
    if known.is_some_and(|known| known.used_by != used_by) {
        // A new value that stands before its fact must not go where the one before was given for.
        let (repository, name) = (repository.clone(), secret.clone());
        let fact = RepositoryFact::SecretRemoved { repository: repository.clone(), name };
        record(&server, &permit, &repository, &fact).await?;
    }
    server.secrets.keep(&repository, &secret, &body.value)?;
    let (set_at, set_by) = (server.clock.now(), permit.actor().clone());
    let fact = RepositoryFact::SecretSet {
        repository: repository.clone(),
        name: secret.clone(),
        used_by: used_by.clone(),
    };
    record(&server, &permit, &repository, &fact).await?;
    Ok(Json(on_wire(&secret, &SecretRecord { set_at, set_by, used_by })))
}

/// Removes a secret and its value.
#[utoipa::path(delete, path = "/repositories/{owner}/{name}/secrets/{secret}",
    tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), ("secret" = String, Path)),
    responses((status = 204)))]
pub async fn remove(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name, secret)): Path<(String, String, String)>,
) -> Result<StatusCode, Refusal> {
    let (repository, permit) = permit(&server, &headers, &owner, &name).await?;
    let secret = secret_name(&secret)?;
    let lock = server.repository_locks.of(&repository);
    let _held = lock.lock().await;
    let known = {
        let views = server.recorder.views();
        let secrets = views.repositories.secrets.get(&repository);
        secrets.is_some_and(|secrets| secrets.contains_key(&secret))
    };
    if !known {
        let missing = Missing::Secret { name: &secret, repository: &repository };
        return Err(Refusal::not_found(&missing));
    }
    let fact =
        RepositoryFact::SecretRemoved { repository: repository.clone(), name: secret.clone() };
    record(&server, &permit, &repository, &fact).await?;
    server.secrets.forget(&repository, &secret)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn permit(
    server: &Server,
    headers: &HeaderMap,
    owner: &str,
    name: &str,
) -> Result<(RepositoryName, Permit), Refusal> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::AdministerRepository;
    let permit = identity::permit_repository(server, headers, permission, &repository).await?;
    Ok((repository, permit))
}

/// A cluster is reached from inside this server's network, which who administers one repository
/// does not decide about. A new value goes where the one before went: remove the
/// secret first to give it to somebody else.
async fn used_by(
    server: &Server,
    headers: &HeaderMap,
    body: &SetSecret,
    known: Option<&SecretRecord>,
) -> Result<SecretUse, Refusal> {
    let malformed = |detail: &Malformed<'_>| Refusal::new("invalid-request", detail);
    let asked = match (&body.cluster, &body.charts, &body.plugin, body.decrypts) {
        (Some(server), None, None, false) => Some(SecretUse::Cluster { server: server.clone() }),
        (None, None, Some(url), false) => {
            let url = plugin_address(url);
            let url = url.map_err(|why| malformed(&Malformed::ChartsAddress(&why)))?;
            Some(SecretUse::Plugin { url })
        }
        (None, Some(charts), None, false) => {
            let url = charts_address(&charts.url)
                .map_err(|why| malformed(&Malformed::ChartsAddress(&why)))?;
            let tokens_from = charts.tokens_from.clone();
            if let Some(host) = &tokens_from {
                let read = ChartHosts::parse(std::slice::from_ref(host));
                read.map_err(|why| malformed(&Malformed::ChartsAddress(&why)))?;
            }
            Some(SecretUse::Charts { url, tokens_from })
        }
        (None, None, None, true) => Some(SecretUse::Decryption),
        (None, None, None, false) => None,
        (Some(_), _, _, _) | (_, Some(_), _, _) | (_, _, Some(_), _) => {
            return Err(malformed(&Malformed::TwoUses));
        }
    };
    let used_by = asked.or_else(|| known.map(|known| known.used_by.clone())).unwrap_or_default();
    match &used_by {
        // The operator named the hosts that are asked, and who gives a value knows it.
        SecretUse::Jobs | SecretUse::Charts { .. } => {}
        SecretUse::Decryption => {
            AgeKeys::parse(&body.value).map_err(|error| malformed(&Malformed::AgeKeys(&error)))?;
        }
        // As for clusters: a service may be inside this server's network.
        SecretUse::Plugin { .. } => {
            identity::permit_server(server, headers, Permission::AdministerServer).await?;
        }
        SecretUse::Cluster { server: address } => {
            identity::permit_server(server, headers, Permission::AdministerServer).await?;
            let is_address = address.strip_prefix("https://").is_some_and(|rest| !rest.is_empty());
            if !is_address {
                return Err(malformed(&Malformed::ClusterAddress(address)));
            }
        }
    }
    Ok(used_by)
}

async fn record(
    server: &Server,
    permit: &Permit,
    repository: &RepositoryName,
    fact: &RepositoryFact,
) -> Result<(), Refusal> {
    let subject = Subject::repository(repository);
    let draft = Draft::new(server.clock.now(), permit.actor().clone(), subject, fact);
    server.append(vec![draft]).await?;
    Ok(())
}

fn secret_name(text: &str) -> Result<SecretName, Refusal> {
    SecretName::new(text)
        .map_err(|error| Refusal::new("invalid-name", &Malformed::SecretName(&error)))
}

fn check_value(value: &str) -> Result<(), Refusal> {
    let fits = (VALUE_BYTES_MIN..=VALUE_BYTES_MAX).contains(&value.len());
    // A variable of a process ends at its first null byte.
    if fits && !value.contains('\0') {
        return Ok(());
    }
    let (bytes_min, bytes_max) = (VALUE_BYTES_MIN, VALUE_BYTES_MAX);
    Err(Refusal::new("invalid-request", &Malformed::SecretValue { bytes_min, bytes_max }))
}

fn on_wire(name: &SecretName, record: &SecretRecord) -> Secret {
    Secret {
        name: name.to_string(),
        set_at: record.set_at.to_string(),
        set_by: record.set_by.to_string(),
        cluster: match &record.used_by {
            SecretUse::Jobs
            | SecretUse::Decryption
            | SecretUse::Charts { .. }
            | SecretUse::Plugin { .. } => None,
            SecretUse::Cluster { server } => Some(server.clone()),
        },
        charts: match &record.used_by {
            SecretUse::Jobs
            | SecretUse::Decryption
            | SecretUse::Cluster { .. }
            | SecretUse::Plugin { .. } => None,
            SecretUse::Charts { url, tokens_from } => {
                Some(ChartsUse { url: url.clone(), tokens_from: tokens_from.clone() })
            }
        },
        plugin: match &record.used_by {
            SecretUse::Jobs
            | SecretUse::Decryption
            | SecretUse::Cluster { .. }
            | SecretUse::Charts { .. } => None,
            SecretUse::Plugin { url } => Some(url.clone()),
        },
        decrypts: record.used_by == SecretUse::Decryption,
    }
}
