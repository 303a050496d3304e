//! Promotions by hand, over HTTP: an approval that is waited for, or a pull request that writes a build.

use std::sync::Arc;

use api::environments::{Promote, PromotedByHand};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use control::ControlFact;
use control::promote::{ByHand, by_hand, decide};
use ledger::{ArtifactDigest, EnvironmentName};
use repositories::access::Permission;

use crate::http::body::Checked;
use crate::http::extract::Path;
use crate::http::problem::{Answer, Refusal};
use crate::http::{identity, names, repository_name};
use crate::state::Server;
use crate::tasks::close_loop::{promote_inputs, propose_by_hand};
use crate::words::{self, Missing, Obstacle};

/// Promotes a build by hand: gives the approval that it waits for, or opens a pull request that
/// writes its digest.
#[utoipa::path(post, path = "/repositories/{owner}/{name}/environments/{environment}/promotions",
    tag = "environments", request_body = Promote,
    params(("owner" = String, Path), ("name" = String, Path), ("environment" = String, Path)),
    responses((status = 200, body = PromotedByHand)))]
pub async fn promote(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name, environment)): Path<(String, String, String)>,
    Checked(body): Checked<Promote>,
) -> Answer<PromotedByHand> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::OperateDeployments;
    let permit = identity::permit_repository(&server, &headers, permission, &repository).await?;
    let environment: EnvironmentName = names::parse(&environment)?;
    let digest: ArtifactDigest = names::parse(&body.digest)?;
    let configured = server.configurations.of_default_branch(&server, &repository).await?;
    let configured = configured.filter(|configured| {
        configured.configuration.environments.iter().any(|one| one.name == environment)
    });
    let configured =
        configured.ok_or_else(|| Refusal::not_found(&Missing::Environment(&environment)))?;
    let inputs = promote_inputs(&server, &repository, &configured).await?;
    let steps = decide(&inputs);
    match by_hand(&inputs, &steps, &environment, &body.artifact, &digest) {
        ByHand::Approve => {
            let fact = ControlFact::PromotionApproved { repository, environment, digest };
            let draft = fact.draft(server.clock.now(), permit.actor().clone());
            server.append(vec![draft]).await?;
            Ok(Json(PromotedByHand { approved: true, pull_request: None }))
        }
        ByHand::Propose(step) => {
            let number = propose_by_hand(&server, &repository, &step, permit.actor()).await?;
            Ok(Json(PromotedByHand { approved: false, pull_request: Some(number.0) }))
        }
        ByHand::Refused(reasons) => {
            let artifact = &body.artifact;
            let detail = Obstacle::CannotBePromoted { artifact, environment: &environment };
            let reasons = reasons.iter().map(words::reason).collect();
            Err(Refusal::new("promotion-refused", &detail).with_reasons(reasons))
        }
    }
}
