//! Merges pull requests whose merge somebody wished for as soon as it can be.

use std::sync::Arc;

use ledger::{Actor, Draft, PullRequestNumber, RepositoryName, Subject};
use repositories::facts::RepositoryFact;
use repositories::pull_request::Readiness;
use repositories::view::{PullRequestState, Queued};

use crate::pull_requests::{self, MergeChoice};
use crate::state::Server;
use crate::tasks::Next;

const ACTOR: &str = "merge-queued";

/// One activation: the oldest wish of each repository first, so that one merge at a time moves a
/// branch and the next is judged on top of it.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let mut wishes: Vec<(RepositoryName, PullRequestNumber, Queued)> = {
        let views = server.recorder.views();
        let repositories = views.repositories.repositories.iter();
        let open = repositories.flat_map(|(name, repository)| {
            let all = repository.pull_requests.values();
            let open = all.filter(|one| one.state == PullRequestState::Open);
            open.filter_map(|one| Some((name.clone(), one.number, one.queued.clone()?)))
        });
        open.collect()
    };
    wishes.sort_by_key(|(_, number, queued)| (queued.at, *number));
    for (repository, number, queued) in wishes {
        attempt(&server, &repository, number, &queued).await?;
    }
    Ok(Next::OnChange)
}

async fn attempt(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
    queued: &Queued,
) -> anyhow::Result<()> {
    let head = {
        let views = server.recorder.views();
        let known = views.repositories.pull_request(repository, number);
        known.map(|known| known.current().head.clone())
    };
    if head.as_ref() != Some(&queued.head) {
        return unqueue(server, repository, number, "moved-on").await;
    }
    let readiness = pull_requests::readiness(server, repository, number, queued.method).await;
    let readiness =
        readiness.map_err(|refusal| anyhow::anyhow!("#{number}: {}", refusal.problem()))?;
    if matches!(readiness, Readiness::Waiting { .. }) {
        return Ok(());
    }
    let choice = MergeChoice { method: queued.method, expected_head: Some(queued.head.clone()) };
    let merged =
        pull_requests::merge(server, repository, number, choice, &queued.by, |_| Vec::new()).await;
    match merged {
        Ok(_) => Ok(()),
        // A gate closed meanwhile: what closes it is a fact, or a fact opens it again.
        Err(refusal) if refusal.problem().code == "not-ready" => Ok(()),
        Err(refusal) if refusal.problem().status < 500 => {
            unqueue(server, repository, number, &refusal.problem().code).await
        }
        Err(refusal) => Err(anyhow::anyhow!("#{number}: {}", refusal.problem())),
    }
}

async fn unqueue(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
    reason: &str,
) -> anyhow::Result<()> {
    let fact = RepositoryFact::MergeUnqueued { repository: repository.clone(), number };
    let subject = Subject::pull_request(repository, number);
    let draft = Draft::new(server.clock.now(), Actor::system(ACTOR), subject, &fact);
    server.recorder.append(vec![draft.because(reason)]).await?;
    Ok(())
}
