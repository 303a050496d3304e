//! Git's smart HTTP: fetches stream through, pushes are decided here.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use anyhow::Context;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use git_store::RefChange;
use git_store::http::{
    ByteStream, CommandReport, Protocol, ReceiveLimits, ReceiveRefusal, Received, Report, Service,
    advertise, gunzip, receive, upload_pack,
};
use ledger::{Actor, CommitId, Draft, ObjectId, RepositoryName, Subject};
use repositories::access::{Grant, Permission, Resource};
use repositories::facts::{CodedReason, RefMoveCause, RepositoryFact};
use repositories::policy::Policy;
use repositories::push::{Command, CommandOutcome, PushInputs, PushReason, decide};
use serde::Deserialize;

use crate::changes::{self, Move};
use crate::http::identity;
use crate::http::problem::Refusal;
use crate::pull_requests::patch_set_change;
use crate::state::Server;
use crate::words::{Malformed, PushNote, say};

/// A fetch's request is small; a pack's limit comes from the policy.
const FETCH_REQUEST_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Which service a client asks for.
#[derive(Debug, Deserialize)]
pub struct ServiceQuery {
    service: Option<String>,
}

/// `GET /{owner}/{name}/info/refs?service=…`
pub async fn info_refs(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Query(query): Query<ServiceQuery>,
) -> Result<Response, Refusal> {
    let Some(service) = query.service.as_deref().and_then(Service::from_name) else {
        return Err(Refusal::new("invalid-request", &Malformed::OldProtocol));
    };
    let repository = repository_name(&owner, &name)?;
    permit(&server, &headers, service, &repository).await?;
    let store = server.repository(&repository)?;
    let body = advertise(&store, service, protocol(&headers)).await.map_err(anyhow::Error::from)?;
    Ok(answer(service.advertisement_type(), Body::from(body)))
}

/// `POST /{owner}/{name}/git-upload-pack`
pub async fn upload(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Refusal> {
    let service = Service::UploadPack;
    let repository = repository_name(&owner, &name)?;
    permit(&server, &headers, service, &repository).await?;
    check_type(&headers, service)?;
    let store = server.repository(&repository)?;
    let body = stream(&headers, body, FETCH_REQUEST_BYTES_MAX);
    let pack = upload_pack(&store, protocol(&headers), body).await;
    let pack =
        pack.map_err(|error| Refusal::new("invalid-request", &Malformed::GitData(&error)))?;
    Ok(answer(service.result_type(), Body::from_stream(pack)))
}

/// `POST /{owner}/{name}/git-receive-pack`
pub async fn receive_pack(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Refusal> {
    let service = Service::ReceivePack;
    let repository = repository_name(&owner, &name)?;
    let permit = permit(&server, &headers, service, &repository).await?;
    check_type(&headers, service)?;
    let policy = policy(&server, &repository).await?;
    let limits = ReceiveLimits {
        pack_bytes_max: policy.pack_bytes_max,
        file_bytes_max: policy.file_bytes_max,
    };
    let store = server.repository(&repository)?;
    let body = stream(&headers, body, policy.pack_bytes_max.saturating_add(1));
    let received = match receive(&store, body, limits).await {
        Ok(received) => received,
        Err(ReceiveRefusal::Malformed(why)) => {
            return Err(Refusal::new("invalid-request", &Malformed::GitData(&why)));
        }
        Err(ReceiveRefusal::Objects { code, sentence, commands, response }) => {
            let reason = CodedReason { code: code.into(), sentence };
            let recorded =
                record_refused(&server, &repository, permit.actor(), &commands, &reason).await;
            if let Err(refusal) = recorded {
                // On a full disk: whoever pushed is told all the same.
                tracing::warn!(error = %refusal.problem(), "a refused push could not be recorded");
            }
            return Ok(answer(service.result_type(), Body::from(response)));
        }
        Err(ReceiveRefusal::Store(error)) => return Err(anyhow::Error::from(error).into()),
    };
    let grant = identity::grant(&server, &headers);
    let report = push(&server, &repository, &grant, permit.resource(), &policy, received).await?;
    Ok(answer(service.result_type(), Body::from(report)))
}

/// Decides about a push and does it, all under the repository's lock.
async fn push(
    server: &Arc<Server>,
    repository: &RepositoryName,
    grant: &Grant,
    resource: &Resource,
    policy: &Policy,
    mut received: Received,
) -> Result<axum::body::Bytes, Refusal> {
    let lock = server.repository_locks.of(repository);
    let _held = lock.lock().await;
    let decision = {
        let views = server.recorder.views();
        let known = views.repositories.repository(repository);
        let known = known.with_context(|| format!("there is no repository {repository}"))?;
        let commands = proposals_corrected(&received, known, &grant.actor)?;
        decide(&PushInputs {
            grant,
            resource,
            repository: known,
            policy,
            commands: &commands,
            branches: received.branches(),
            largest_file: received.largest_file(),
            options: received.options(),
            atomic: received.is_atomic(),
            as_of: server.clock.now(),
        })
    };
    let mut effects = Effects::new(server.repository(repository)?);
    for ((command, facts), outcome) in received.commands().iter().zip(&decision.outcomes) {
        effects.add(server, repository, &grant.actor, command, facts.commit.as_ref(), outcome)?;
    }
    effects.follow_branches(server, repository, &grant.actor, &received)?;
    if effects.changes_anything() {
        let taken = tokio::task::spawn_blocking(move || (received.accept(), received)).await;
        let (accepted, rest) = taken.context("taking the objects was interrupted")?;
        received = rest;
        if let Err(error) = accepted {
            return Ok(received.report(&failed_report(&received, &error.into())));
        }
    }
    if !effects.refused.is_empty() {
        server.append(std::mem::take(&mut effects.refused)).await?;
    }
    if effects.changes_anything() {
        let Effects { moves, patch_sets, drafts, .. } = effects;
        let moved =
            changes::move_refs(server, repository, &grant.actor, moves, patch_sets, drafts).await;
        if let Err(refusal) = moved {
            let report = failed_report(&received, &refusal);
            return Ok(received.report(&report));
        }
    }
    let report =
        Report { unpack_problem: None, commands: effects.reports, messages: effects.messages };
    Ok(received.report(&report))
}

/// For a proposal, "fast forward" means that it contains the patch set before it.
fn proposals_corrected(
    received: &Received,
    repository: &repositories::view::Repository,
    actor: &Actor,
) -> anyhow::Result<Vec<(Command, repositories::push::CommandFacts)>> {
    let options = received.options();
    let option = options.iter().find_map(|option| option.strip_prefix("topic="));
    let mut commands = received.commands().to_vec();
    for (command, facts) in &mut commands {
        let target = repositories::push::proposal_target(&command.reference, received.branches());
        let (Some((target, topic)), Some(commit)) = (target, &facts.commit) else { continue };
        let topic = option.map(str::to_owned).or(topic).unwrap_or_else(|| actor.name.clone());
        let known = repository.open_for_topic(actor, &target, &topic);
        facts.fast_forward = match known {
            Some(known) => received.contains(commit, &known.current().head)?,
            None => true,
        };
    }
    Ok(commands)
}

/// What a push does, gathered command by command.
struct Effects {
    store: git_store::Repository,
    moves: Vec<Move>,
    patch_sets: Vec<RefChange>,
    drafts: Vec<Draft>,
    refused: Vec<Draft>,
    reports: Vec<CommandReport>,
    messages: Vec<String>,
    opened: u64,
}

impl Effects {
    fn new(store: git_store::Repository) -> Self {
        Self {
            store,
            moves: Vec::new(),
            patch_sets: Vec::new(),
            drafts: Vec::new(),
            refused: Vec::new(),
            reports: Vec::new(),
            messages: Vec::new(),
            opened: 0,
        }
    }

    fn changes_anything(&self) -> bool {
        !self.moves.is_empty() || !self.patch_sets.is_empty()
    }

    fn add(
        &mut self,
        server: &Server,
        repository: &RepositoryName,
        actor: &Actor,
        command: &Command,
        commit: Option<&CommitId>,
        outcome: &CommandOutcome,
    ) -> Result<(), Refusal> {
        let reference = command.reference.clone();
        match outcome {
            CommandOutcome::Accept { reference: name, old, new, forced } => {
                self.moves.push(Move {
                    reference: name.clone(),
                    old: old.as_ref().map(as_commit).transpose()?,
                    new: new.as_ref().map(as_commit).transpose()?,
                    forced: *forced,
                    by: RefMoveCause::Push,
                });
                self.reports.push(CommandReport::Accepted { reference });
            }
            CommandOutcome::OpenPullRequest { .. } => {
                self.open(server, repository, actor, reference, outcome)?;
            }
            CommandOutcome::AddPatchSet {
                number,
                patch_set,
                head,
                head_tree,
                base,
                title,
                description,
            } => {
                let added = RepositoryFact::PatchSetAdded {
                    repository: repository.clone(),
                    number: *number,
                    patch_set: *patch_set,
                    head: head.clone(),
                    head_tree: head_tree.clone(),
                    base: base.clone(),
                };
                self.draft(server, repository, actor, *number, &added);
                if title.is_some() || description.is_some() {
                    let edited = RepositoryFact::PullRequestEdited {
                        repository: repository.clone(),
                        number: *number,
                        title: title.clone(),
                        description: description.clone(),
                        draft: None,
                    };
                    self.draft(server, repository, actor, *number, &edited);
                }
                self.redirect(reference, *number, *patch_set, head, commit)?;
                let note = PushNote::PatchSet { number: *number, patch_set: *patch_set };
                self.messages.push(say(&note));
            }
            CommandOutcome::Refuse { reasons } => {
                self.refuse(server, repository, actor, reference, reasons);
            }
        }
        Ok(())
    }

    /// The fact keeps English; whoever pushed reads their own language.
    fn refuse(
        &mut self,
        server: &Server,
        repository: &RepositoryName,
        actor: &Actor,
        reference: String,
        reasons: &[PushReason],
    ) {
        let coded: Vec<CodedReason> = reasons.iter().map(PushReason::coded).collect();
        let notes =
            reasons.iter().map(|one| PushNote::Refused { reference: &reference, reason: one });
        self.messages.extend(notes.map(|note| say(&note)));
        let reason = coded.iter().map(|one| one.code.clone()).collect::<Vec<_>>().join(", ");
        let fact = RepositoryFact::PushRefused {
            repository: repository.clone(),
            reference: reference.clone(),
            reasons: coded,
        };
        let subject = Subject::repository(repository);
        let draft = Draft::new(server.clock.now(), actor.clone(), subject, &fact);
        self.refused.push(draft.because(reason.clone()));
        self.reports.push(CommandReport::Refused { reference, reason });
    }

    fn open(
        &mut self,
        server: &Server,
        repository: &RepositoryName,
        actor: &Actor,
        reference: String,
        outcome: &CommandOutcome,
    ) -> Result<(), Refusal> {
        let CommandOutcome::OpenPullRequest {
            target,
            topic,
            title,
            description,
            draft,
            head,
            head_tree,
            base,
        } = outcome
        else {
            return Ok(());
        };
        let next = {
            let views = server.recorder.views();
            let known = views.repositories.repository(repository);
            known.map(repositories::view::Repository::next_pull_request)
        };
        let next = next.with_context(|| format!("there is no repository {repository}"))?;
        let number = ledger::PullRequestNumber(next.0 + self.opened);
        self.opened += 1;
        let fact = RepositoryFact::PullRequestOpened {
            repository: repository.clone(),
            number,
            title: title.clone(),
            description: description.clone(),
            target: target.clone(),
            topic: Some(topic.clone()),
            source: None,
            head: head.clone(),
            head_tree: head_tree.clone(),
            base: base.clone(),
            draft: *draft,
        };
        self.draft(server, repository, actor, number, &fact);
        self.redirect(reference, number, 1, head, Some(head))?;
        self.messages.push(say(&PushNote::Opened { number, title }));
        Ok(())
    }

    fn redirect(
        &mut self,
        reference: String,
        number: ledger::PullRequestNumber,
        patch_set: u32,
        head: &CommitId,
        commit: Option<&CommitId>,
    ) -> Result<(), Refusal> {
        let change = patch_set_change(&self.store, number, patch_set, head)?;
        let new = commit.map(|commit| ObjectId::new(commit.as_str())).transpose();
        let new = new.map_err(anyhow::Error::from)?;
        let actual = change.name.to_string();
        self.patch_sets.push(change);
        self.reports.push(CommandReport::Redirected { reference, actual, old: None, new });
        Ok(())
    }

    fn draft(
        &mut self,
        server: &Server,
        repository: &RepositoryName,
        actor: &Actor,
        number: ledger::PullRequestNumber,
        fact: &RepositoryFact,
    ) {
        let subject = Subject::pull_request(repository, number);
        self.drafts.push(Draft::new(server.clock.now(), actor.clone(), subject, fact));
    }

    /// A branch that is the source of open pull requests gives each a patch set when it moves.
    fn follow_branches(
        &mut self,
        server: &Server,
        repository: &RepositoryName,
        actor: &Actor,
        received: &Received,
    ) -> Result<(), Refusal> {
        let moved: Vec<_> = self
            .moves
            .iter()
            .filter_map(|one| Some((one.reference.clone(), one.new.clone()?)))
            .collect();
        for (reference, head) in moved {
            let followers: Vec<_> = {
                let views = server.recorder.views();
                let known = views.repositories.repository(repository);
                let followers =
                    known.into_iter().flat_map(|known| known.open_from_source(&reference));
                followers
                    .map(|one| (one.number, one.current().number + 1, one.target.clone()))
                    .collect()
            };
            for (number, patch_set, target) in followers {
                let tip = {
                    let views = server.recorder.views();
                    let known = views.repositories.repository(repository);
                    known
                        .and_then(|known| known.refs.get(&target).map(|state| state.commit.clone()))
                };
                let facts = received
                    .commands()
                    .iter()
                    .find(|(_, facts)| facts.commit.as_ref() == Some(&head));
                let (Some(tip), Some(tree)) =
                    (tip, facts.and_then(|(_, facts)| facts.tree.clone()))
                else {
                    continue;
                };
                let base = received.merge_base(&tip, &head).map_err(anyhow::Error::from)?;
                let Some(base) = base else { continue };
                let added = RepositoryFact::PatchSetAdded {
                    repository: repository.clone(),
                    number,
                    patch_set,
                    head: head.clone(),
                    head_tree: tree,
                    base,
                };
                self.draft(server, repository, actor, number, &added);
                self.patch_sets.push(patch_set_change(&self.store, number, patch_set, &head)?);
                self.messages.push(say(&PushNote::PatchSet { number, patch_set }));
            }
        }
        Ok(())
    }
}

/// Without a `boucle.yaml` nobody has asked for protection, so a first push can be followed by a
/// second; the file's presence protects the default branch.
async fn policy(server: &Arc<Server>, repository: &RepositoryName) -> Result<Policy, Refusal> {
    let configured = server.configurations.of_default_branch(server, repository).await?;
    Ok(configured.map(|configured| configured.policy.clone()).unwrap_or_else(Policy::unwritten))
}

async fn record_refused(
    server: &Arc<Server>,
    repository: &RepositoryName,
    actor: &Actor,
    commands: &[Command],
    reason: &CodedReason,
) -> Result<(), Refusal> {
    let now = server.clock.now();
    let references: BTreeSet<&String> = commands.iter().map(|one| &one.reference).collect();
    let drafts = references.into_iter().map(|reference| {
        let fact = RepositoryFact::PushRefused {
            repository: repository.clone(),
            reference: reference.clone(),
            reasons: vec![reason.clone()],
        };
        Draft::new(now, actor.clone(), Subject::repository(repository), &fact)
            .because(reason.code.clone())
    });
    server.append(drafts.collect()).await?;
    Ok(())
}

fn failed_report(received: &Received, refusal: &Refusal) -> Report {
    let refused = |reference: &String| CommandReport::Refused {
        reference: reference.clone(),
        reason: refusal.problem().code.clone(),
    };
    let commands = received.commands().iter().map(|(one, _)| refused(&one.reference)).collect();
    let messages = vec![refusal.problem().detail.clone()];
    Report { unpack_problem: None, commands, messages }
}

/// A tag may point to a tag object; the ledger keeps object ids of either kind in one form.
fn as_commit(object: &ObjectId) -> Result<CommitId, Refusal> {
    Ok(CommitId::new(object.as_str()).map_err(anyhow::Error::from)?)
}

async fn permit(
    server: &Server,
    headers: &HeaderMap,
    service: Service,
    repository: &RepositoryName,
) -> Result<repositories::access::Permit, Refusal> {
    let permission = match service {
        Service::UploadPack => Permission::ReadRepository,
        Service::ReceivePack => Permission::ProposeChange,
    };
    identity::permit_repository(server, headers, permission, repository).await
}

/// `name` and `name.git` are the same repository.
fn repository_name(owner: &str, name: &str) -> Result<RepositoryName, Refusal> {
    super::repository_name(&format!("{owner}/{}", name.strip_suffix(".git").unwrap_or(name)))
}

fn protocol(headers: &HeaderMap) -> Protocol {
    Protocol::from_header(headers.get("git-protocol").and_then(|value| value.to_str().ok()))
}

fn check_type(headers: &HeaderMap, service: Service) -> Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind == Some(service.request_type()) {
        return Ok(());
    }
    let expected = service.request_type();
    Err(Refusal::new("invalid-request", &Malformed::ContentType { expected }))
}

fn stream(headers: &HeaderMap, body: Body, limit_bytes: u64) -> ByteStream {
    let pieces = body.into_data_stream();
    let pieces: ByteStream = pieces.map(|piece| piece.map_err(io::Error::other)).boxed();
    let encoding = headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    if matches!(encoding, Some("gzip" | "x-gzip")) { gunzip(pieces, limit_bytes) } else { pieces }
}

fn answer(content_type: &'static str, body: Body) -> Response {
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
