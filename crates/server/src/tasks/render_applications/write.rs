//! Keeps renderings as commits.

use std::collections::BTreeMap;

use git_store::{CommitRequest, Edit, RefChange, Repository};
use ledger::{Actor, CommitId, RefName, RepositoryName};
use sha2::{Digest, Sha256};

use super::{ACTOR, Due, Rendered};
use crate::changes::signature;
use crate::history::changing_commits;
use crate::renderings::paths_in;

/// A rendering with its commits.
pub(super) struct Written {
    pub(super) rendered: Rendered,
    /// The commit that changed it last.
    pub(super) commit: CommitId,
    /// The manifests.
    pub(super) rendered_commit: CommitId,
}

/// Writes the manifests as commits on `refs/boucle/rendered/<application>` of the repository that
/// declares it. With each comes whether it is the first.
pub(super) fn write_renderings(
    store: &Repository,
    home: &RepositoryName,
    changed: Vec<(Rendered, bool)>,
    at: ledger::Timestamp,
) -> anyhow::Result<Vec<Written>> {
    let signature = signature(&Actor::system(ACTOR), at);
    let (mut requests, mut places) = (Vec::new(), Vec::new());
    for (one, is_first) in &changed {
        let Due { application, declared_in, tip, .. } = &one.due;
        // Later commits may have come meanwhile that changed nothing of it.
        let source = if *is_first {
            tip.clone()
        } else {
            let mut paths = paths_in(&one.sources, home);
            paths.push(declared_in.clone());
            changing_commits(store, tip, &paths, 1)?.pop().unwrap_or_else(|| tip.clone())
        };
        let name = &application.name;
        let reference = RefName::new(format!("refs/boucle/rendered/{name}"))?;
        let parent = store.resolve(&reference)?;
        let edits = one.files.iter();
        requests.push(CommitRequest {
            base: None,
            edits: edits
                .map(|(path, text)| (path.clone(), Edit::Write(text.clone().into_bytes())))
                .collect(),
            parents: parent.iter().cloned().collect(),
            message: message(one, home, &source),
            author: signature.clone(),
            committer: signature.clone(),
        });
        places.push((reference, parent, source));
    }
    let commits = store.write_commits(&requests)?;
    let moves: Vec<RefChange> = places
        .iter()
        .zip(&commits)
        .map(|((reference, parent, _), commit)| {
            RefChange::of_commits(reference.clone(), parent.as_ref(), Some(commit))
        })
        .collect();
    store.update_refs(&moves)?;
    let written = changed.into_iter().zip(places).zip(commits);
    let written = written.map(|(((rendered, _), (_, _, commit)), rendered_commit)| Written {
        rendered,
        commit,
        rendered_commit,
    });
    Ok(written.collect())
}

/// Every commit that it came from, other repositories by their names.
fn message(rendered: &Rendered, home: &RepositoryName, source: &CommitId) -> String {
    let name = &rendered.due.application.name;
    let mut message = format!("Render {name}\n\nSource-Commit: {source}\n");
    for other in rendered.sources.iter().filter(|one| one.repository != *home) {
        message.push_str(&format!("Source-Commit: {} {}\n", other.repository, other.commit));
    }
    for (chart, digest) in &rendered.rendering.charts {
        message.push_str(&format!("Source-Chart: {chart} {digest}\n"));
    }
    message
}

pub(super) fn digest(files: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for (path, text) in files {
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}
