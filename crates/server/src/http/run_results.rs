//! What a run left behind: annotations, summaries, artifacts, what it published.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use api::page::Page;
use api::runs::{
    Annotation, AnnotationLevel, JobSummary, RunArtifact, RunAttempt, RunPublished, RunResults,
};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use ledger::{ArtifactDigest, CommitId, PullRequestNumber, RepositoryName};
use pipelines::facts;
use pipelines::view::{AttemptRecord, JobRecord, PipelinesView, RunRecord};
use repositories::access::Permission;
use runner::LogKey;
use tokio_util::io::ReaderStream;

use crate::http::extract::{Path, Query};
use crate::http::problem::{Answer, Refusal};
use crate::http::runs::{self, AttemptQuery};
use crate::http::{identity, repository_name};
use crate::services;
use crate::state::Server;
use crate::words::Missing;

/// What an attempt of a run left behind; the newest one when none is named.
#[utoipa::path(get, path = "/runs/{id}/results", tag = "runs",
    params(("id" = u64, Path), ("attempt" = Option<u32>, Query)),
    responses((status = 200, body = RunResults)))]
pub async fn show(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(id): Path<u64>,
    Query(query): Query<AttemptQuery>,
) -> Answer<RunResults> {
    let (record, _) = runs::permit(&server, &headers, id, Permission::ReadRepository).await?;
    let attempt = runs::attempt(&record, query.attempt)?;
    let annotations = attempt.jobs.iter().flat_map(|job| annotations(&record, job)).collect();
    let published = published(&server.recorder.views().pipelines, &record);
    Ok(Json(RunResults {
        attempts: record.attempts.iter().map(attempt_on_wire).collect(),
        annotations,
        summaries: summaries(&server, &record, attempt)?,
        artifacts: record.artifacts.iter().map(artifact_on_wire).collect(),
        published,
    }))
}

/// The files of an artifact, as a tape archive that is compressed with gzip.
#[utoipa::path(get, path = "/runs/{id}/artifacts/{name}", tag = "runs",
    params(("id" = u64, Path), ("name" = String, Path)),
    responses((status = 200, content_type = "application/gzip", body = Vec<u8>)))]
pub async fn artifact(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((id, name)): Path<(u64, String)>,
) -> Result<Response, Refusal> {
    let (record, _) = runs::permit(&server, &headers, id, Permission::ReadRepository).await?;
    let missing = || Refusal::not_found(&Missing::RunArtifact { name: &name, run: id });
    let stored = record.artifacts.get(&name).ok_or_else(missing)?;
    let image = services::artifact_image(&record.source.repository, record.run, &name)
        .map_err(anyhow::Error::from)?;
    let archive = server.registry.open_folder(&image, &stored.digest).await;
    let (file, size_bytes) = archive.map_err(anyhow::Error::from)?.ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/gzip")),
        (header::CONTENT_LENGTH, HeaderValue::from(size_bytes)),
        (header::CONTENT_DISPOSITION, attachment(&name)?),
    ];
    let body = Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file)));
    Ok((headers, body).into_response())
}

/// The annotations that the newest run of each workflow made on the head of a pull request.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/pull-requests/{number}/annotations",
    tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), ("number" = u64, Path)),
    responses((status = 200, body = Page<Annotation>)))]
pub async fn of_pull_request(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Answer<Page<Annotation>> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ReadRepository;
    identity::permit_repository(&server, &headers, permission, &repository).await?;
    let views = server.recorder.views();
    let one = views.repositories.pull_request(&repository, PullRequestNumber(number));
    let one = one.ok_or_else(|| Refusal::not_found(&Missing::PullRequest(&number)))?;
    let items = of_commit(&views.pipelines, &repository, &one.current().head);
    Ok(Json(Page { items, next_cursor: None }))
}

fn of_commit(
    pipelines: &PipelinesView,
    repository: &RepositoryName,
    commit: &CommitId,
) -> Vec<Annotation> {
    let runs = pipelines.by_repository.get(repository).into_iter().flatten();
    let records = runs.filter_map(|run| pipelines.runs.get(run));
    let newest: BTreeMap<&str, &RunRecord> = records
        .filter(|record| record.source.commit == *commit)
        .map(|record| (record.source.workflow.as_str(), record))
        .collect();
    let mut found = Vec::new();
    for record in newest.into_values() {
        found.extend(record.current().jobs.iter().flat_map(|job| annotations(record, job)));
    }
    found
}

fn annotations<'job>(
    record: &'job RunRecord,
    job: &'job JobRecord,
) -> impl Iterator<Item = Annotation> + 'job {
    job.annotations.iter().map(|annotation| Annotation {
        run: record.run.0,
        job: job.key.to_string(),
        level: match annotation.level {
            facts::AnnotationLevel::Notice => AnnotationLevel::Notice,
            facts::AnnotationLevel::Warning => AnnotationLevel::Warning,
            facts::AnnotationLevel::Error => AnnotationLevel::Error,
        },
        message: annotation.message.clone(),
        title: annotation.title.clone(),
        file: annotation.file.clone(),
        line: annotation.line,
        column: annotation.column,
    })
}

fn summaries(
    server: &Server,
    record: &RunRecord,
    attempt: &AttemptRecord,
) -> anyhow::Result<Vec<JobSummary>> {
    let mut summaries = Vec::new();
    for job in &attempt.jobs {
        let key = LogKey { run: record.run, attempt: job.attempt, job: job.key.clone() };
        let markdown = server.runner.logs().summary(&key).context("a summary cannot be read")?;
        summaries
            .extend(markdown.map(|markdown| JobSummary { job: job.key.to_string(), markdown }));
    }
    Ok(summaries)
}

fn published(pipelines: &PipelinesView, record: &RunRecord) -> Vec<RunPublished> {
    let of_run = |digest: &ArtifactDigest| {
        let all = pipelines.published.get(digest).into_iter().flatten();
        let own = all.filter(|one| one.run == record.run);
        own.map(|one| RunPublished {
            name: one.name.clone(),
            kind: one.published.as_str().into(),
            digest: digest.to_string(),
            job: one.job.to_string(),
        })
        .collect::<Vec<_>>()
    };
    record.published.iter().flat_map(of_run).collect()
}

fn attempt_on_wire(attempt: &AttemptRecord) -> RunAttempt {
    RunAttempt {
        attempt: u64::from(attempt.attempt),
        conclusion: attempt.conclusion.map(|conclusion| conclusion.as_str().into()),
        created_at: attempt.created_at.to_string(),
        ended_at: attempt.ended_at.map(|at| at.to_string()),
    }
}

fn artifact_on_wire((name, stored): (&String, &pipelines::view::UploadedArtifact)) -> RunArtifact {
    RunArtifact {
        name: name.clone(),
        digest: stored.digest.to_string(),
        size_bytes: stored.size_bytes,
        attempt: u64::from(stored.attempt),
    }
}

/// The name for the browser; what is no plain letter is percent-encoded (RFC 6266, RFC 8187).
fn attachment(name: &str) -> anyhow::Result<HeaderValue> {
    let mut text = String::from("attachment; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text.push_str(".tar.gz");
    HeaderValue::from_str(&text).context("the name of an artifact is no header")
}
