//! What sets make of a pull request.

use std::sync::Arc;

use api::problem::Reason;
use deployments::application_set::Origin;
use ledger::{PullRequestNumber, RepositoryName};
use repositories::access::Visibility;

use crate::state::Server;
use crate::words::{ConfigurationProblem, Trouble};

/// The applications that sets make of it, but for those of repositories that not everybody sees who
/// sees this one.
pub fn made_of(
    server: &Server,
    repository: &RepositoryName,
    number: PullRequestNumber,
) -> Vec<String> {
    let views = server.recorder.views();
    let is_seen = |home: &RepositoryName| {
        let known = views.repositories.repository(home);
        home == repository || known.is_some_and(|known| known.visibility == Visibility::Public)
    };
    let all = views.deployments.applications.iter().filter(|(_, state)| {
        let declared = state.declaration.as_ref();
        declared.filter(|declared| is_seen(&declared.repository)).is_some_and(|declared| {
            let of = declared.kept.as_ref().and_then(|kept| kept.pull_request.as_ref());
            of.is_some_and(|of| of.repository == *repository && of.number == number)
        })
    });
    all.map(|(name, _)| name.to_string()).collect()
}

/// Why sets of its repository make nothing of it.
pub async fn left_out(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
) -> anyhow::Result<Vec<Reason>> {
    let configured = server.configurations.of_default_branch(server, repository).await?;
    let is_this = |one: &&ConfigurationProblem| {
        let Trouble::LeftOut { left_out, .. } = &one.what else { return false };
        match &left_out.of {
            Origin::PullRequest(of) => of.repository == *repository && of.number == number,
            Origin::Branch { .. } => false,
        }
    };
    let all = configured.iter().flat_map(|one| &one.notes);
    Ok(all.filter(is_this).map(ConfigurationProblem::reason).collect())
}
