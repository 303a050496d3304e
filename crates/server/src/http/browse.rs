//! Reading a repository over HTTP: folders, files, history of a path, authors of lines, search.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use api::browse::{self as wire, PathQuery, ReferenceQuery, SearchQuery};
use api::page::{Page, PageQuery};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use git_store::{EntryKind, Repository, SearchIn, StoreError};
use ledger::{CommitId, RepositoryName};
use repositories::access::Permission;

use crate::http::consequences::file_on_wire;
use crate::http::extract::{Path, Query};
use crate::http::page::{self, Bounds};
use crate::http::problem::{Answer, Refusal};
use crate::http::repositories::commit_on_wire;
use crate::http::{identity, repository_name};
use crate::state::Server;
use crate::words::{Malformed, Missing};

/// Larger files are not shown as text, in bytes; they can be downloaded.
const SHOWN_BYTES_MAX: u64 = 1024 * 1024;
/// The largest file that is downloaded through the page, in bytes; `git` has no such limit.
const DOWNLOADED_BYTES_MAX: u64 = 100 * 1024 * 1024;
/// A shorter text stands nearly everywhere.
const SEARCHED_CHARACTERS_MIN: usize = 2;
/// The names that a folder's description goes by, in the order of preference.
const README_NAMES: [&str; 4] = ["README.md", "readme.md", "README", "README.txt"];

type Name = (String, String);

/// Branches or tags with their newest commits, by name; the default branch first.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/references", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), ReferenceQuery),
    responses((status = 200, body = Page<wire::NamedReference>)))]
pub async fn references(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<Name>,
    Query(query): Query<ReferenceQuery>,
) -> Answer<Page<wire::NamedReference>> {
    let (name, store) = readable(&server, &headers, name).await?;
    let prefix = match query.kind.as_deref().unwrap_or("branch") {
        "branch" => "refs/heads/",
        "tag" => "refs/tags/",
        given => {
            let (parameter, one, other) = ("kind", "branch", "tag");
            let detail = Malformed::Neither { parameter, one, other, given };
            return Err(Refusal::new("invalid-request", &detail));
        }
    };
    let (default, mut known) = {
        let views = server.recorder.views();
        let one = views.repositories.repository(&name).context("the repository is gone")?;
        let refs = one.refs.iter().filter_map(|(reference, state)| {
            let short = reference.as_str().strip_prefix(prefix)?;
            short.contains(&query.filter).then(|| (short.to_owned(), state.commit.clone()))
        });
        (one.default_branch.branch().unwrap_or_default().to_owned(), refs.collect::<Vec<_>>())
    };
    let is_default = |short: &str| prefix == "refs/heads/" && short == default;
    known.sort_by_key(|(short, _)| !is_default(short));
    let page_query = PageQuery { cursor: query.cursor, limit: query.limit };
    let known = page::cut(known, &page_query)?;
    let commits: Vec<CommitId> = known.items.iter().map(|(_, commit)| commit.clone()).collect();
    let commits = blocking(move || commits.iter().map(|id| store.commit(id)).collect()).await?;
    let commits: Vec<git_store::CommitInfo> = commits;
    let items = known.items.iter().zip(&commits).map(|((short, _), commit)| wire::NamedReference {
        name: short.clone(),
        default: is_default(short),
        commit: commit_on_wire(commit),
    });
    Ok(Json(Page { items: items.collect(), next_cursor: known.next_cursor }))
}

/// A folder.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/folder", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), PathQuery),
    responses((status = 200, body = wire::Folder)))]
pub async fn folder(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<Name>,
    Query(query): Query<PathQuery>,
) -> Answer<wire::Folder> {
    let (store, commit) = at(&server, &headers, name, query.revision.as_deref()).await?;
    let path = query.path.trim_end_matches('/').to_owned();
    let read = move || -> Result<Option<wire::Folder>, StoreError> {
        let Some(listed) = store.list(&commit, &path)? else { return Ok(None) };
        let mut entries: Vec<wire::Entry> = listed.iter().map(entry_on_wire).collect();
        entries.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
        let readme = README_NAMES.iter().find_map(|name| {
            entries.iter().find(|entry| entry.name == *name && entry.kind == wire::EntryKind::File)
        });
        let readme = match readme.filter(|one| one.bytes.is_some_and(|n| n <= SHOWN_BYTES_MAX)) {
            None => None,
            Some(entry) => {
                let bytes = store.file(&commit, &entry.path, SHOWN_BYTES_MAX)?;
                bytes
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .map(|text| wire::Readme { path: entry.path.clone(), text })
            }
        };
        let commit = commit_on_wire(&store.commit(&commit)?);
        Ok(Some(wire::Folder { commit, path, entries, readme }))
    };
    let folder = blocking(read).await?;
    Ok(Json(folder.ok_or_else(|| Refusal::not_found(&Missing::Folder(&query.path)))?))
}

/// A file.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/file", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), PathQuery),
    responses((status = 200, body = wire::File)))]
pub async fn file(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<Name>,
    Query(query): Query<PathQuery>,
) -> Answer<wire::File> {
    let (store, commit) = at(&server, &headers, name, query.revision.as_deref()).await?;
    let path = query.path.clone();
    let read = move || -> Result<Option<wire::File>, StoreError> {
        let Some((kind, object)) = store.tree_at(&commit, &path)? else { return Ok(None) };
        let commit = commit_on_wire(&store.commit(&commit)?);
        let (text, bytes, without_text) = match kind {
            EntryKind::Directory => return Ok(None),
            EntryKind::Submodule => (Some(object.to_string()), 0, None),
            EntryKind::File | EntryKind::Executable | EntryKind::Symlink => shown(&store, &object)?,
        };
        let (kind, object) = (kind_on_wire(kind), object.to_string());
        Ok(Some(wire::File { commit, path, kind, object, bytes, text, without_text }))
    };
    let file = blocking(read).await?;
    Ok(Json(file.ok_or_else(|| Refusal::not_found(&Missing::File(&query.path)))?))
}

/// A file's bytes, always as a download: what people wrote is never shown by the browser itself.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/raw", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), PathQuery),
    responses((status = 200, content_type = "application/octet-stream", body = String)))]
pub async fn raw(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<Name>,
    Query(query): Query<PathQuery>,
) -> Result<Response, Refusal> {
    let (store, commit) = at(&server, &headers, name, query.revision.as_deref()).await?;
    let path = query.path.clone();
    let bytes = blocking(move || store.file(&commit, &path, DOWNLOADED_BYTES_MAX)).await?;
    let bytes = bytes.ok_or_else(|| Refusal::not_found(&Missing::File(&query.path)))?;
    Ok(download(bytes))
}

/// Who wrote each line of a file.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/blame", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), PathQuery),
    responses((status = 200, body = wire::Blame)))]
pub async fn blame(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<Name>,
    Query(query): Query<PathQuery>,
) -> Answer<wire::Blame> {
    let (store, commit) = at(&server, &headers, name, query.revision.as_deref()).await?;
    let path = query.path.clone();
    let read = move || -> Result<Option<wire::Blame>, StoreError> {
        // Refuses what is too large before its history is walked.
        if store.file(&commit, &path, SHOWN_BYTES_MAX)?.is_none() {
            return Ok(None);
        }
        let spans = store.blame(&commit, &path)?;
        let mut commits = BTreeMap::new();
        for span in &spans {
            if !commits.contains_key(&span.commit) {
                let info = store.commit(&span.commit)?;
                commits.insert(span.commit.clone(), commit_on_wire(&info));
            }
        }
        let spans = spans.iter().map(|span| wire::BlameSpan {
            first_line: span.first_line,
            lines: span.lines,
            commit: span.commit.to_string(),
        });
        let (spans, commits) = (spans.collect(), commits.into_values().collect());
        Ok(Some(wire::Blame { path, spans, commits }))
    };
    let blame = blocking(read).await?;
    Ok(Json(blame.ok_or_else(|| Refusal::not_found(&Missing::File(&query.path)))?))
}

/// Where a text stands in names or lines.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/search", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), SearchQuery),
    responses((status = 200, body = wire::SearchResult)))]
pub async fn search(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<Name>,
    Query(query): Query<SearchQuery>,
) -> Answer<wire::SearchResult> {
    let (store, commit) = at(&server, &headers, name, query.revision.as_deref()).await?;
    let limit = Bounds::new(query.limit)?.limit;
    if query.text.chars().count() < SEARCHED_CHARACTERS_MIN {
        let detail = Malformed::SearchedTooShort { min: SEARCHED_CHARACTERS_MIN };
        return Err(Refusal::new("invalid-request", &detail));
    }
    let within = match query.within.as_deref().unwrap_or("content") {
        "names" => SearchIn::Names,
        "content" => SearchIn::Content,
        given => {
            let (parameter, one, other) = ("within", "names", "content");
            let detail = Malformed::Neither { parameter, one, other, given };
            return Err(Refusal::new("invalid-request", &detail));
        }
    };
    let found = blocking(move || store.search(&commit, &query.text, within, limit)).await?;
    let matches = found.matches.into_iter().map(|one| wire::Match {
        path: one.path,
        line: one.line.map(|line| line as u64),
        text: one.text,
    });
    Ok(Json(wire::SearchResult { matches: matches.collect(), complete: found.complete }))
}

/// One commit with what it changed.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/commits/{commit}", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), ("commit" = String, Path)),
    responses((status = 200, body = wire::CommitChange)))]
pub async fn commit(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name, commit)): Path<(String, String, String)>,
) -> Answer<wire::CommitChange> {
    let (store, commit) = at(&server, &headers, (owner, name), Some(&commit)).await?;
    let read = move || -> Result<wire::CommitChange, StoreError> {
        let info = store.commit(&commit)?;
        let before = info.parents.first().map(|parent| store.tree_of(parent)).transpose()?;
        let files = store.difference(before.as_ref(), Some(&info.tree))?;
        let files = files.iter().map(file_on_wire).collect();
        Ok(wire::CommitChange { commit: commit_on_wire(&info), files })
    };
    Ok(Json(blocking(read).await?))
}

/// Bytes that somebody wrote, as a download that no browser interprets.
#[must_use]
pub fn download(bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    (headers, bytes).into_response()
}

async fn readable(
    server: &Server,
    headers: &HeaderMap,
    (owner, name): Name,
) -> Result<(RepositoryName, Repository), Refusal> {
    let name = repository_name(&format!("{owner}/{name}"))?;
    identity::permit_repository(server, headers, Permission::ReadRepository, &name).await?;
    let store = server.repository(&name)?;
    Ok((name, store))
}

/// The repository and the commit that a revision means.
async fn at(
    server: &Server,
    headers: &HeaderMap,
    name: Name,
    revision: Option<&str>,
) -> Result<(Repository, CommitId), Refusal> {
    let (name, store) = readable(server, headers, name).await?;
    let revision = match revision.filter(|text| !text.is_empty()) {
        Some(text) => text.to_owned(),
        None => {
            let views = server.recorder.views();
            let known = views.repositories.repository(&name);
            known.map(|known| known.default_branch.to_string()).context("the repository is gone")?
        }
    };
    let resolved = store.resolve_revision(&revision)?;
    let commit = resolved.ok_or_else(|| Refusal::not_found(&Missing::Revision(&revision)))?;
    Ok((store, commit))
}

type Shown = (Option<String>, u64, Option<String>);

/// The text of an object, or why it is not shown.
fn shown(store: &Repository, object: &ledger::ObjectId) -> Result<Shown, StoreError> {
    match store.blob(object, SHOWN_BYTES_MAX) {
        Ok(content) => {
            let bytes = content.len() as u64;
            Ok(match String::from_utf8(content) {
                Ok(text) if !text.contains('\0') => (Some(text), bytes, None),
                Ok(_) | Err(_) => (None, bytes, Some("binary".into())),
            })
        }
        Err(StoreError::TooLarge { .. }) => {
            let bytes = store.blob_bytes(object)?;
            Ok((None, bytes, Some("too_large".into())))
        }
        Err(error) => Err(error),
    }
}

fn entry_on_wire(entry: &git_store::TreeEntry) -> wire::Entry {
    let name = entry.path.rsplit('/').next().unwrap_or_default().to_owned();
    let (path, kind) = (entry.path.clone(), kind_on_wire(entry.kind));
    wire::Entry { name, path, kind, bytes: entry.bytes }
}

fn kind_on_wire(kind: EntryKind) -> wire::EntryKind {
    match kind {
        EntryKind::Directory => wire::EntryKind::Folder,
        EntryKind::File | EntryKind::Executable => wire::EntryKind::File,
        EntryKind::Symlink => wire::EntryKind::Link,
        EntryKind::Submodule => wire::EntryKind::Submodule,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refusal> {
    let read = tokio::task::spawn_blocking(work).await.context("reading was interrupted")?;
    Ok(read?)
}
