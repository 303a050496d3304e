//! What a source of Flux shows: where its reference stands in a repository of this server, or who reads
//! it.

use deployments::Target;
use deployments::flux::{Origin, Reference, SourceWindow, patch_source, reference};
use deployments::windows::Kind;
use ledger::{ApplicationName, CommitId, RefName, RepositoryName, Timestamp};
use repositories::access::Visibility;

use super::memory::Memory;
use super::{Answer, Hand};
use crate::http::repository_of_url;

pub(super) fn answer(hand: &Hand<'_>, memory: &Memory) -> Answer {
    let url = hand.object["spec"]["url"].as_str().unwrap_or_default();
    let is_git = hand.windows.kind == Kind::GitRepository;
    let decide = |origin| {
        let (kind, object) = (hand.windows.kind, hand.object);
        let window = SourceWindow { kind, object, origin, as_of: hand.server.clock.now() };
        patch_source(&window, memory.shown.as_ref())
    };
    let write = match repository(hand, url).filter(|_| is_git) {
        Some(repository) => {
            let (name, tip) = stands(hand, &repository);
            let address = format!("{}/{repository}", hand.server.url);
            decide(Origin::Here {
                repository: &repository,
                address: &address,
                reference: &name,
                tip: tip.as_ref().map(|(commit, since)| (commit, *since)),
            })
        }
        None => {
            let readers = if is_git { Vec::new() } else { readers(hand, url) };
            decide(Origin::Elsewhere { readers: &readers.iter().collect::<Vec<_>>() })
        }
    };
    Answer { taken: None, write }
}

/// The repository of this server that the object may show: a private one when something on this cluster
/// is rendered from it. Of others it does not tell that they are there.
fn repository(hand: &Hand<'_>, url: &str) -> Option<RepositoryName> {
    let name = repository_of_url(url, &hand.server.url)?;
    let visibility = {
        let views = hand.server.recorder.views();
        views.repositories.repository(&name)?.visibility
    };
    let is_shown = match visibility {
        Visibility::Public => true,
        Visibility::Private => hand.server.renderings.all().iter().any(|rendering| {
            rendering.sources.iter().any(|read| read.repository == name)
                && is_here(hand, &rendering.repository, &rendering.application.destination.target)
        }),
    };
    is_shown.then_some(name)
}

/// The reference's name, where it stands and since when.
fn stands(
    hand: &Hand<'_>,
    name: &RepositoryName,
) -> (String, Option<(CommitId, Option<Timestamp>)>) {
    let (text, wanted) = match reference(hand.object) {
        Reference::Range => return (String::new(), None),
        Reference::Commit(text) => {
            let wanted = CommitId::new(text).ok();
            let is_read = |commit: &CommitId| {
                hand.server.renderings.all().iter().any(|rendering| {
                    rendering
                        .sources
                        .iter()
                        .any(|read| read.repository == *name && read.commit == *commit)
                })
            };
            return (text.to_owned(), wanted.filter(is_read).map(|commit| (commit, None)));
        }
        Reference::Branch(text) => (text, format!("refs/heads/{text}")),
        Reference::Tag(text) => (text, format!("refs/tags/{text}")),
        Reference::Name(text) => (text, text.to_owned()),
    };
    let views = hand.server.recorder.views();
    let state = RefName::new(wanted)
        .ok()
        .and_then(|wanted| views.repositories.repository(name)?.refs.get(&wanted));
    (text.to_owned(), state.map(|state| (state.commit.clone(), Some(state.moved_at))))
}

/// The applications on this cluster that read the source when they are rendered.
fn readers(hand: &Hand<'_>, url: &str) -> Vec<ApplicationName> {
    let url = url.trim_end_matches('/');
    let views = hand.server.recorder.views();
    let reads = views.deployments.applications.iter().filter(|(_, state)| {
        let declared = state.declaration.iter();
        let mut declared =
            declared.filter(|one| is_here(hand, &one.repository, &one.destination.target));
        declared.any(|one| {
            let mut sources = std::iter::once(&one.source).chain(&one.further_sources);
            sources.any(|source| source.repo_url.trim_end_matches('/') == url)
        })
    });
    reads.map(|(name, _)| name.clone()).collect()
}

/// Whether this is the cluster that the object is on.
fn is_here(hand: &Hand<'_>, repository: &RepositoryName, target: &Target) -> bool {
    match target {
        Target::Processes => false,
        Target::Cluster { address } => {
            let found = hand.server.clusters.find(repository, address);
            found.is_some_and(|known| known.name == hand.known.name)
        }
    }
}
