//! What the registry asks of the server: who may pull, push and delete, and what has to stay.

use std::sync::Arc;

use ::repositories::access::{self, Permission, Resource};
use futures::FutureExt as _;
use registry::http::{Access, AccessRequest, Action, Authorise};
use registry::{ImageName, Reference};

use crate::http::identity;
use crate::services;
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
            (Action::Delete, _) if services::is_of_runs(image) => Access::Denied {
                reason: format!("{image} is an artifact of a run, which may be asked for it again"),
            },
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
    let deployed = views.deployments.applications.iter().find(|(_, state)| {
        let mut images = state.deployments.iter().flat_map(|deployment| &deployment.images);
        images.any(|deployed| is_image(deployed, image, reference))
    });
    if let Some((application, _)) = deployed {
        return denied(format!("{application} was deployed with it"));
    }
    match views.deployments.charts.keys().find(|chart| is_chart(chart, image, reference)) {
        Some(chart) => denied(format!("it is the chart {chart}, which was rendered")),
        None => Access::Allowed,
    }
}

/// Whether a container's image is this one: `HOST/owner/name:tag`, `HOST/owner/name@digest`; without
/// either it is `latest`.
fn is_image(deployed: &str, image: &ImageName, reference: &Reference) -> bool {
    let (name, digest) = match deployed.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (deployed, None),
    };
    let (name, tag) = match name.rsplit_once(':') {
        // What follows the colon of a port has a slash.
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        Some(_) | None => (name, None),
    };
    let is_named = name
        .strip_suffix(&image.to_string())
        .is_some_and(|host| host.is_empty() || host.ends_with('/'));
    match reference {
        Reference::Digest(wanted) => digest == Some(wanted.as_str()),
        Reference::Tag(wanted) => {
            let tag = tag.or_else(|| digest.is_none().then_some("latest"));
            is_named && tag == Some(wanted.as_str())
        }
    }
}

/// Whether a chart, as the view calls it (`web 1.2.0 of me/shop`), is this image.
fn is_chart(chart: &str, image: &ImageName, reference: &Reference) -> bool {
    let Some((what, place)) = chart.split_once(" of ") else { return false };
    let Some((name, version)) = what.split_once(' ') else { return false };
    let image = image.to_string();
    let path = format!("{place}/{name}");
    let is_named =
        path.strip_suffix(&image).is_some_and(|host| host.is_empty() || host.ends_with('/'));
    let is_version = match reference {
        Reference::Digest(digest) => version == digest.as_str(),
        Reference::Tag(tag) => version.replace('+', "_") == tag.as_str(),
    };
    is_named && is_version
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        is: fn(&str, &ImageName, &Reference) -> bool,
        text: &str,
        asked: &str,
        expected: bool,
    ) {
        let (image, reference) = asked.split_once(' ').expect("an image and a reference");
        let image: ImageName = image.parse().expect("an image");
        let reference: Reference = reference.parse().expect("a reference");
        assert_eq!(is(text, &image, &reference), expected, "{text} for {asked}");
    }

    #[test]
    fn a_deployed_image_is_told_by_its_name_and_tag_or_by_its_digest() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let pinned = format!("10.0.0.1:7070/me/shop:1.0@{digest}");
        for (deployed, asked, expected) in [
            ("10.0.0.1:7070/me/shop:1.0", "me/shop 1.0", true),
            ("me/shop:1.0", "me/shop 1.0", true),
            ("10.0.0.1:7070/me/shop", "me/shop latest", true),
            ("10.0.0.1:7070/me/shop:1.0", "me/shop 1.1", false),
            ("10.0.0.1:7070/me/shop/web:1.0", "me/shop 1.0", false),
            ("10.0.0.1:7070/home/shop:1.0", "me/shop 1.0", false),
            (&pinned, "me/shop 1.0", true),
            (&pinned, "me/shop latest", false),
            (&pinned, &format!("me/shop {digest}"), true),
            (&pinned, &format!("me/shop sha256:{}", "cd".repeat(32)), false),
        ] {
            check(is_image, deployed, asked, expected);
        }
    }

    #[test]
    fn a_rendered_chart_is_told_by_its_place_and_version() {
        for (chart, asked, expected) in [
            ("web 1.2.0 of me/shop", "me/shop/web 1.2.0", true),
            ("web 1.2.0+a of oci://10.0.0.1:7070/me/shop", "me/shop/web 1.2.0_a", true),
            ("web 1.2.0 of me/shop", "me/shop/web 1.2.1", false),
            ("web 1.2.0 of some/shop", "me/shop/web 1.2.0", false),
        ] {
            check(is_chart, chart, asked, expected);
        }
    }
}
