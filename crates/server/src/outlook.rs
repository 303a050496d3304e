//! What the sets of a repository see of this server besides their own commit: files at other revisions,
//! repositories of an owner, open pull requests. What was seen is remembered, so that a fact that
//! changes it expands the sets anew.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use deployments::application_set::{
    Answered, CommitFiles, KnownPullRequest, KnownRepository, PluginQuestion, PullRequestId, Seen,
};
use git_store::{EntryKind, TreeReader};
use ledger::{CommitId, Fact, RepositoryName};
use repositories::access::{Visibility, may_render_from};

use crate::http::repository_of_url;
use crate::scopes::Surroundings;
use crate::sources::{no_revision, not_here, other, resolve, unreadable};
use crate::state::Server;

/// The most files of a commit whose sets look at files.
const FILES_MAX: usize = 500_000;
/// Of so many commits of other repositories and branches the files are read for the sets of one.
const COMMITS_MAX: usize = 100;

/// Everything that was seen for the sets of one commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outlook {
    /// By address and revision.
    revisions: BTreeMap<(String, String), Seen<(RepositoryName, CommitId)>>,
    /// By owner, and whether all branches were asked for.
    repositories: BTreeMap<(String, bool), Seen<Vec<KnownRepository>>>,
    /// By the name of the repository.
    pull_requests: BTreeMap<String, Seen<Vec<KnownPullRequest>>>,
    /// What services answered, and after how many seconds they are asked again.
    answers: BTreeMap<PluginQuestion, (Option<i64>, Answered)>,
}

/// A state of the server: while it lasts, everything is seen as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The newest fact that sets may see something of.
    fact: u64,
    /// How often the answers of services changed.
    answers: u64,
}

impl Server {
    /// The present state.
    pub fn moment(&self) -> Moment {
        Moment { fact: self.recorder.seen_changed_at(), answers: self.plugins.changes() }
    }
}

/// Whether a set may see something of a fact. One that is not known here may be seen.
#[must_use]
pub fn may_be_seen(fact: &Fact) -> bool {
    match fact.kind.split_once('.') {
        Some(("pipelines" | "monitoring" | "control", _)) => false,
        // Which applications are declared says what they are rendered from.
        Some(("deployments", name)) => {
            matches!(name, "application_declared" | "application_removed" | "objects_deleted")
        }
        // Who chose a password or a passkey has joined, and is trusted from then on.
        Some(("repositories", name)) => !matches!(
            name,
            "ref_move_intended"
                | "ref_move_abandoned"
                | "push_refused"
                | "reviewed"
                | "commented"
                | "check_reported"
                | "merge_queued"
                | "merge_unqueued"
                | "passkey_removed"
                | "signed_in"
                | "sign_in_refused"
                | "secret_set"
                | "secret_removed"
                | "access_denied"
        ),
        Some(_) | None => true,
    }
}

/// Looks for the sets of one commit.
pub struct Onlooker<'a> {
    look: Look<'a>,
    surroundings: &'a Surroundings,
    reader: Arc<TreeReader>,
    own: OnceCell<Rc<CommitFiles>>,
    others: RefCell<BTreeMap<(RepositoryName, CommitId), Rc<CommitFiles>>>,
    seen: RefCell<Outlook>,
    was_asked: Cell<bool>,
}

/// Who looks.
#[derive(Clone, Copy)]
struct Look<'a> {
    server: &'a Server,
    home: &'a RepositoryName,
}

impl Outlook {
    /// Whether everything is seen as it was.
    #[must_use]
    pub fn is_current(&self, server: &Server, home: &RepositoryName) -> bool {
        let look = Look { server, home };
        let mut repositories = self.repositories.iter();
        self.revisions.iter().all(|((url, revision), seen)| look.revision(url, revision) == *seen)
            && repositories.all(|((owner, all), seen)| look.repositories(owner, *all) == *seen)
            && self.pull_requests.iter().all(|(name, seen)| look.pull_requests(name) == *seen)
            && self.answers.iter().all(|(question, (_, seen))| look.answer(question) == *seen)
    }

    /// What services are asked, and after how many seconds again.
    pub fn questions(&self) -> impl Iterator<Item = (&PluginQuestion, Option<i64>)> {
        self.answers.iter().map(|(question, (every_s, _))| (question, *every_s))
    }
}

impl<'a> Onlooker<'a> {
    /// For the sets of a commit of the repository.
    pub fn new(
        server: &'a Server,
        home: &'a RepositoryName,
        surroundings: &'a Surroundings,
        reader: TreeReader,
    ) -> Self {
        Self {
            look: Look { server, home },
            surroundings,
            reader: Arc::new(reader),
            own: OnceCell::new(),
            others: RefCell::default(),
            seen: RefCell::default(),
            was_asked: Cell::new(false),
        }
    }

    /// The address of this server.
    pub fn server_url(&self) -> &'a str {
        &self.look.server.url
    }

    /// Whether more than the own commit was looked at since this was asked last.
    pub fn looked_further(&self) -> bool {
        self.was_asked.take()
    }

    /// What was seen.
    pub fn into_outlook(self) -> Outlook {
        self.seen.into_inner()
    }

    /// The files of a repository at a revision.
    pub fn files(&self, url: &str, revision: &str) -> Seen<Rc<CommitFiles>> {
        if self.surroundings.is_here(url, revision) {
            if let Some(own) = self.own.get() {
                return Ok(Rc::clone(own));
            }
            let files = files_of(Arc::clone(&self.reader))?;
            return Ok(Rc::clone(self.own.get_or_init(|| files)));
        }
        self.was_asked.set(true);
        let seen = {
            let mut all = self.seen.borrow_mut();
            let look = || self.look.revision(url, revision);
            all.revisions.entry((url.into(), revision.into())).or_insert_with(look).clone()
        };
        let place = seen?;
        let mut others = self.others.borrow_mut();
        if let Some(known) = others.get(&place) {
            return Ok(Rc::clone(known));
        }
        if others.len() >= COMMITS_MAX {
            return Err(format!("the sets of one commit look at more than {COMMITS_MAX} others"));
        }
        let files = files_of(Arc::new(self.look.reader(&place.0, &place.1)?))?;
        others.insert(place, Rc::clone(&files));
        Ok(files)
    }

    /// The repositories of an owner.
    pub fn repositories(&self, owner: &str, all_branches: bool) -> Seen<Vec<KnownRepository>> {
        self.was_asked.set(true);
        let mut all = self.seen.borrow_mut();
        let look = || self.look.repositories(owner, all_branches);
        all.repositories.entry((owner.into(), all_branches)).or_insert_with(look).clone()
    }

    /// The open pull requests of a repository.
    pub fn pull_requests(&self, name: &str) -> Seen<Vec<KnownPullRequest>> {
        self.was_asked.set(true);
        let mut all = self.seen.borrow_mut();
        all.pull_requests
            .entry(name.into())
            .or_insert_with(|| self.look.pull_requests(name))
            .clone()
    }

    /// What a service answered last. Of two that ask the same the one that asks more often counts.
    pub fn answer(&self, question: &PluginQuestion, every_s: Option<i64>) -> Answered {
        self.was_asked.set(true);
        let mut all = self.seen.borrow_mut();
        let look = || (every_s, self.look.answer(question));
        let (often_s, seen) = all.answers.entry(question.clone()).or_insert_with(look);
        *often_s = [*often_s, every_s].into_iter().flatten().min();
        seen.clone()
    }

    /// Whether a commit has something at a path.
    pub fn has_path(&self, name: &RepositoryName, commit: &CommitId, path: &str) -> Seen<bool> {
        let reader = self.look.reader(name, commit)?;
        reader.entry(path).map(|entry| entry.is_some()).map_err(cannot)
    }
}

impl Look<'_> {
    fn revision(&self, url: &str, revision: &str) -> Seen<(RepositoryName, CommitId)> {
        let repository = repository_of_url(url, &self.server.url).ok_or_else(|| not_here(url))?;
        if !self.may_read(&repository).map_err(cannot)? {
            return Err(unreadable(self.home, &repository));
        }
        let resolved = resolve(self.server, &repository, revision).map_err(cannot)?;
        let commit = resolved.commit.ok_or_else(|| no_revision(url, revision))?;
        Ok((repository, commit))
    }

    fn repositories(&self, owner: &str, all_branches: bool) -> Seen<Vec<KnownRepository>> {
        let all: Vec<KnownRepository> = {
            let views = self.server.recorder.views();
            let all = views.repositories.repositories.iter();
            let own = all.filter(|(name, _)| name.owner() == owner);
            let known = own.map(|(name, known)| KnownRepository {
                name: name.clone(),
                id: known.storage.as_str().to_owned(),
                url: format!("{}/{name}", self.server.url),
                branches: known
                    .refs
                    .iter()
                    .filter(|(reference, _)| all_branches || **reference == known.default_branch)
                    .filter_map(|(reference, state)| {
                        Some((reference.branch()?.to_owned(), state.commit.clone()))
                    })
                    .collect(),
            });
            known.collect()
        };
        let mut readable = Vec::new();
        for one in all {
            if self.may_read(&one.name).map_err(cannot)? {
                readable.push(one);
            }
        }
        if readable.is_empty() {
            let home = self.home;
            return Err(format!(
                "{owner} has no repository here of which applications of {home} may be rendered: \
                 make one public, or name {home} in `sourceOf` of its boucle.yaml"
            ));
        }
        Ok(readable)
    }

    fn pull_requests(&self, name: &str) -> Seen<Vec<KnownPullRequest>> {
        let repository = RepositoryName::new(name).map_err(|error| error.to_string())?;
        if !self.may_read(&repository).map_err(cannot)? {
            return Err(unreadable(self.home, &repository));
        }
        let now = self.server.clock.now();
        let views = self.server.recorder.views();
        let open = views.repositories.open_pull_requests(&repository, now);
        let known = open.map(|(one, untrusted)| {
            let number = one.number;
            let source = one.source.as_ref().and_then(|source| source.branch());
            KnownPullRequest {
                id: PullRequestId { repository: repository.clone(), number },
                title: one.title.clone(),
                author: one.author.name.clone(),
                // One that was pushed without a branch has this name alone, as everywhere.
                branch: source.map_or_else(|| format!("refs/pull/{number}/head"), str::to_owned),
                target: one.target.branch().unwrap_or_default().to_owned(),
                head: one.current().head.clone(),
                untrusted: untrusted.cloned(),
            }
        });
        Ok(known.collect())
    }

    fn answer(&self, question: &PluginQuestion) -> Answered {
        self.server.plugins.answer(&(self.home.clone(), question.clone()))
    }

    /// The rule for sources of applications. What other repositories consent to is asked of their
    /// `boucle.yaml` alone: their sets may look at this one.
    fn may_read(&self, source: &RepositoryName) -> anyhow::Result<bool> {
        let Some((visibility, tip)) = other(self.server, source) else { return Ok(false) };
        let consents = match (visibility, tip) {
            (Visibility::Private, Some(tip)) if source != self.home => {
                match self.server.configurations.consents(self.server, source, &tip)? {
                    Some(consents) => consents,
                    // What cannot be read takes back nothing.
                    None if self.is_rendered_from(source) => vec![self.home.clone()],
                    None => Vec::new(),
                }
            }
            (Visibility::Private | Visibility::Public, _) => Vec::new(),
        };
        Ok(may_render_from(self.home, source, Some(visibility), &consents))
    }

    /// Whether an application that is declared has its manifests from there.
    fn is_rendered_from(&self, source: &RepositoryName) -> bool {
        let views = self.server.recorder.views();
        let mut declared =
            views.deployments.applications.values().filter_map(|state| state.declared());
        declared.any(|one| {
            let mut sources = [&one.source].into_iter().chain(&one.further_sources);
            let is_there = |from: &deployments::Source| {
                repository_of_url(&from.repo_url, &self.server.url).as_ref() == Some(source)
            };
            one.repository == *self.home && sources.any(is_there)
        })
    }

    fn reader(&self, repository: &RepositoryName, commit: &CommitId) -> Seen<TreeReader> {
        let store = self.server.repository(repository).map_err(cannot)?;
        let tree = store.tree_of(commit).map_err(cannot)?;
        Ok(store.reader(&tree))
    }
}

fn cannot(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

fn files_of(reader: Arc<TreeReader>) -> Seen<Rc<CommitFiles>> {
    let paths = all_files(&reader).map_err(cannot)?;
    let read = move |path: &str| String::from_utf8(reader.read(path).ok().flatten()?).ok();
    Ok(Rc::new(CommitFiles { paths, read: Box::new(read) }))
}

/// The files of a commit, by path.
fn all_files(reader: &TreeReader) -> anyhow::Result<Vec<String>> {
    let (mut files, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for (name, kind) in reader.names(&folder)?.unwrap_or_default() {
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            match kind {
                EntryKind::File | EntryKind::Executable => files.push(path),
                EntryKind::Directory => folders.push(path),
                EntryKind::Symlink | EntryKind::Submodule => {}
            }
        }
        anyhow::ensure!(files.len() <= FILES_MAX, "the commit has more than {FILES_MAX} files");
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use ledger::{Actor, Sequence, Subject, Timestamp};
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_sets_may_see() {
        for (kind, expected) in [
            ("repositories.ref_moved", true),
            ("repositories.person_invited", true),
            // They decide whose pull requests are trusted.
            ("repositories.password_chosen", true),
            ("repositories.passkey_added", true),
            ("repositories.passkey_removed", false),
            ("repositories.signed_in", false),
            ("repositories.commented", false),
            ("deployments.application_declared", true),
            ("deployments.planned", false),
            ("pipelines.run_created", false),
            ("something.new", true),
        ] {
            let fact = Fact {
                sequence: Sequence(1),
                at: Timestamp(0),
                actor: Actor::person("ada"),
                subject: Subject::server(),
                parent: None,
                causes: Vec::new(),
                reason: String::new(),
                kind: kind.into(),
                body: Value::Null,
            };
            assert_eq!(may_be_seen(&fact), expected, "{kind}");
        }
    }
}
