//! The HTTP interface: every route in one place.

mod actions;
pub mod applications;
pub mod audit;
pub mod body;
pub mod browse;
pub mod checks;
pub mod consequences;
pub mod delivery;
pub mod deployments;
pub mod document;
pub mod edits;
pub mod environments;
pub mod events;
pub mod extract;
pub mod git;
pub mod identity;
mod images;
pub mod incidents;
pub mod metrics;
pub mod names;
pub mod notifications;
pub mod objectives;
pub mod origin;
pub mod page;
pub mod page_files;
pub mod page_routes;
pub mod passkeys;
pub mod people;
pub mod places;
mod previews;
pub mod problem;
pub mod promotions;
pub mod pull_requests;
pub mod repositories;
pub mod run_results;
pub mod runs;
pub mod secrets;
pub mod sessions;
pub mod set_up;
pub mod status;
pub mod tokens;
pub mod trace;
pub mod versions;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};
use ledger::RepositoryName;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::problem::Refusal;
use crate::language;
use crate::state::Server;

/// The document's head; the routes fill it.
#[derive(OpenApi)]
#[openapi(info(
    title = "Boucle",
    description = "The whole GitOps loop: repositories, reviews, runs, deployments, watching. \
        Sentences are English or French, as `Accept-Language` says; codes are the same in both.",
    license(name = "Apache-2.0")
))]
struct Document;

/// Every route of `/api/v1`, with its description.
fn api() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(status::status))
        .routes(routes!(status::diagnosis))
        .routes(routes!(repositories::create, repositories::list))
        .routes(routes!(repositories::show))
        .routes(routes!(repositories::commits))
        .routes(routes!(browse::commit))
        .routes(routes!(browse::references))
        .routes(routes!(browse::folder))
        .routes(routes!(browse::file))
        .routes(routes!(browse::raw))
        .routes(routes!(browse::blame))
        .routes(routes!(browse::search))
        .routes(routes!(edits::propose))
        .routes(routes!(edits::amend))
        .routes(routes!(pull_requests::open, pull_requests::list))
        .routes(routes!(pull_requests::show))
        .routes(routes!(pull_requests::review))
        .routes(routes!(pull_requests::comment))
        .routes(routes!(pull_requests::merge, pull_requests::unqueue))
        .routes(routes!(pull_requests::close))
        .routes(routes!(run_results::of_pull_request))
        .routes(routes!(consequences::difference))
        .routes(routes!(consequences::consequences))
        .routes(routes!(runs::list))
        .routes(routes!(runs::show))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::rerun))
        .routes(routes!(runs::dispatch))
        .routes(routes!(runs::log))
        .routes(routes!(run_results::show))
        .routes(routes!(run_results::artifact))
        .routes(routes!(applications::list))
        .routes(routes!(applications::show))
        .routes(routes!(applications::resources))
        .routes(routes!(applications::deployments))
        .routes(routes!(applications::difference))
        .routes(routes!(applications::log))
        .routes(routes!(applications::events))
        .routes(routes!(applications::rollback, deployments::preview))
        .routes(routes!(deployments::difference))
        .routes(routes!(applications::confirm_deletions))
        .routes(routes!(applications::synchronise))
        .routes(routes!(applications::unstick))
        .routes(routes!(actions::list, actions::run))
        .routes(routes!(environments::list))
        .routes(routes!(promotions::promote))
        .routes(routes!(versions::list))
        .routes(routes!(objectives::list))
        .routes(routes!(delivery::show))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::show))
        .routes(routes!(incidents::evidence))
        .routes(routes!(audit::list))
        .routes(routes!(audit::export))
        .routes(routes!(audit::checkpoint))
        .routes(routes!(audit::rebuild_views))
        .routes(routes!(trace::follow))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::set, secrets::remove))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::test))
        .routes(routes!(places::runners))
        .routes(routes!(places::destinations))
        .routes(routes!(places::missing_permissions))
        .routes(routes!(places::migrate))
        .routes(routes!(events::stream))
        .merge(people_api())
}

/// The part of it that lets people in and out.
fn people_api() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(sessions::show, sessions::sign_in, sessions::sign_out))
        .routes(routes!(passkeys::ask_who))
        .routes(routes!(passkeys::sign_in))
        .routes(routes!(set_up::set_up))
        .routes(routes!(set_up::ask_passkey))
        .routes(routes!(passkeys::add, passkeys::list))
        .routes(routes!(passkeys::ask_new))
        .routes(routes!(passkeys::remove))
        .routes(routes!(people::invite, people::list))
        .routes(routes!(people::remove))
}

/// The routes where they are, below the document's head.
fn described() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::with_openapi(Document::openapi()).nest("/api/v1", api())
}

/// The OpenAPI document as JSON, the same for every start.
pub fn openapi_document() -> anyhow::Result<String> {
    let (_, mut document) = described().split_for_parts();
    document::complete(&mut document);
    Ok(document.to_pretty_json()? + "\n")
}

/// The whole interface.
pub fn router(server: Arc<Server>) -> Router {
    let (api, _) = described().split_for_parts();
    let registry = registry::http::routes(server.registry.clone(), images::authorise(&server));
    // Packs and blobs stream, with limits of their own.
    let git = Router::new()
        .route("/{owner}/{name}/info/refs", get(git::info_refs))
        .route("/{owner}/{name}/git-upload-pack", post(git::upload))
        .route("/{owner}/{name}/git-receive-pack", post(git::receive_pack))
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .merge(
            api.layer(DefaultBodyLimit::max(body::BODY_BYTES_MAX))
                .layer(axum::middleware::from_fn(origin::guard))
                .layer(CompressionLayer::new()),
        )
        .merge(git)
        .route("/setup", get(page_routes::page).post(page_routes::set_up))
        .fallback(page_files::serve)
        // Around everything above that says something.
        .layer(axum::middleware::from_fn(language::answer))
        .route("/", get(page_routes::page))
        .route("/page.css", get(page_routes::style))
        .route("/page.js", get(page_routes::script))
        .route("/healthz", get(status::alive))
        .route("/readyz", get(status::alive))
        .route("/metrics", get(metrics::own))
        .route("/api/v1/openapi.json", get(openapi))
        .route("/prometheus/api/v1/{*path}", any(metrics::stored))
        .with_state(server)
        .merge(registry)
}

async fn openapi() -> Result<impl axum::response::IntoResponse, Refusal> {
    let kind = [(axum::http::header::CONTENT_TYPE, "application/json")];
    Ok((kind, openapi_document()?))
}

/// `owner/name` from a path or body.
pub fn repository_name(text: &str) -> Result<RepositoryName, Refusal> {
    names::parse(text)
}

/// The hosted repository that an Application's `repoURL` names: `owner/name`, or the clone address.
#[must_use]
pub fn repository_of_url(url: &str, server_url: &str) -> Option<RepositoryName> {
    let path = url.strip_prefix(server_url).map_or(url, |rest| rest.trim_start_matches('/'));
    RepositoryName::new(path.strip_suffix(".git").unwrap_or(path)).ok()
}
