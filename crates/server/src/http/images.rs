//! What the registry asks of the server: who may pull, push and delete, and what has to stay.

use std::sync::Arc;

use ::repositories::access::{self, Permission, Resource};
use futures::FutureExt as _;
use registry::http::{Access, AccessRequest, Action, Authorise};
use registry::{ImageName, Reference};

use crate::http::identity;
use crate::state::Server;

/// The registry asks the same permissions as everything else.
pub fn authorise(server: &Arc<Server>) -> Authorise {
    let server = Arc::clone(server);
    Arc::new(move |request: AccessRequest| {
        let server = Arc::clone(&server);
        async move { access(&server, &request) }.boxed()
    })
}

fn access(server: &Server, request: &AccessRequest) -> Access {
    let challenge = || Access::Unauthenticated { challenge: "Basic realm=\"boucle\"".into() };
    let grant = identity::grant(server, &request.headers);
    let Some(image) = &request.image else {
        return if grant.role.is_some() { Access::Allowed } else { challenge() };
    };
    let name = image.repository().clone();
    let visibility = {
        let views = server.recorder.views();
        views.repositories.repository(&name).map(|repository| repository.visibility)
    };
    let Some(visibility) = visibility else {
        return if grant.role.is_some() { Access::Hidden } else { challenge() };
    };
    let permission = match request.action {
        Action::Ping | Action::Pull => Permission::ReadRepository,
        Action::Push | Action::Delete => Permission::PublishArtifacts,
    };
    let resource = Resource::Repository { name, visibility };
    match access::permit(&grant, permission, &resource, server.clock.now()) {
        Ok(_) => match (&request.action, &request.reference) {
            (Action::Delete, Some(reference)) => may_go(server, image, reference),
            (Action::Ping | Action::Pull | Action::Push | Action::Delete, _) => Access::Allowed,
        },
        Err(_) if grant.role.is_none() => challenge(),
        Err(denied) if permission == Permission::ReadRepository => {
            tracing::debug!(%denied, "an image is hidden");
            Access::Hidden
        }
        Err(denied) => Access::Denied { reason: denied.to_string() },
    }
}

/// What the ledger speaks of stays: what a run published, and what was deployed once, because that is
/// what a rollback goes back to.
fn may_go(server: &Server, image: &ImageName, reference: &Reference) -> Access {
    let views = server.recorder.views();
    let denied = |by: String| Access::Denied {
        reason: format!("{image} {reference} stays: {by}, and what is on record can be had again"),
    };
    if let Reference::Digest(digest) = reference
        && let Some(published) = views.pipelines.published.get(digest).and_then(|all| all.first())
    {
        return denied(format!("run {} published it", published.run));
    }
    let is_of_it = |deployed: &str| match reference {
        Reference::Digest(digest) => deployed.ends_with(&format!("@{digest}")),
        Reference::Tag(tag) => {
            let name = deployed.split('@').next().unwrap_or_default();
            name.ends_with(&format!("/{image}:{tag}"))
        }
    };
    let deployed = views.deployments.applications.iter().find(|(_, state)| {
        let mut images = state.deployments.iter().flat_map(|deployment| &deployment.images);
        images.any(|deployed| is_of_it(deployed))
    });
    match deployed {
        Some((application, _)) => denied(format!("{application} was deployed with it")),
        None => Access::Allowed,
    }
}
