//! What becomes of a push: accepted, turned into a pull request, or refused with reasons.

use std::collections::BTreeSet;

use ledger::{CommitId, ObjectId, PullRequestNumber, RefName, Timestamp, TreeId};

use crate::access::{Grant, Permission, Resource, permit};
use crate::policy::Policy;
use crate::view::{PullRequest, Repository};

pub use crate::push_reasons::PushReason;

/// The ref name under which a push proposes a change: `refs/for/<branch>[/<topic>]`.
pub const PROPOSAL_PREFIX: &str = "refs/for/";

/// One line of a push, as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The ref's name; it may be no ref name at all.
    pub reference: String,
    /// What the client believes that it points to; `None`: it is new.
    pub old: Option<ObjectId>,
    /// What it shall point to; `None`: it is deleted.
    pub new: Option<ObjectId>,
}

/// What the received objects say about a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandFacts {
    /// The commit that it points to, through annotated tags; `None` for a deletion, or when it is no
    /// commit.
    pub commit: Option<CommitId>,
    /// That commit's tree.
    pub tree: Option<TreeId>,
    /// Whether the new commit contains the old one; `true` for a new ref and for a deletion.
    pub fast_forward: bool,
    /// The title of the newest commit.
    pub title: String,
    /// The rest of its message.
    pub description: String,
    /// The merge base with the target branch, for a proposal; `None` when there is none.
    pub merge_base: Option<CommitId>,
}

/// A file that a push brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeFile {
    /// Its path in one of the commits, as far as it is known.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Everything that the decision needs.
#[derive(Debug, Clone)]
pub struct PushInputs<'view> {
    /// What the pusher was given.
    pub grant: &'view Grant,
    /// The repository's name and visibility.
    pub resource: &'view Resource,
    /// The repository as the ledger knows it.
    pub repository: &'view Repository,
    /// The rules: those of the default branch's `boucle.yaml` before the push.
    pub policy: &'view Policy,
    /// The commands, each with what its objects say.
    pub commands: &'view [(Command, CommandFacts)],
    /// The branches that are there, from Git itself.
    pub branches: &'view BTreeSet<RefName>,
    /// The largest file among the received objects.
    pub largest_file: Option<&'view LargeFile>,
    /// The push options, in their order: `topic=login`, `force-push=true`.
    pub options: &'view [String],
    /// Whether the client asked for all or nothing.
    pub atomic: bool,
    /// When the inputs were true.
    pub as_of: Timestamp,
}

/// What becomes of each command, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushDecision {
    /// One for each command.
    pub outcomes: Vec<CommandOutcome>,
}

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandOutcome {
    /// The ref is moved.
    Accept {
        /// Which.
        reference: RefName,
        /// From where.
        old: Option<ObjectId>,
        /// To where.
        new: Option<ObjectId>,
        /// Whether commits are left behind.
        forced: bool,
    },
    /// A pull request is opened.
    OpenPullRequest {
        /// The branch that it asks to change.
        target: RefName,
        /// What later pushes are recognised by.
        topic: String,
        /// One line.
        title: String,
        /// Any text.
        description: String,
        /// Whether its author still works on it.
        draft: bool,
        /// Its commit.
        head: CommitId,
        /// That commit's tree.
        head_tree: TreeId,
        /// The merge base with the target.
        base: CommitId,
    },
    /// A pull request gets a new version.
    AddPatchSet {
        /// Which.
        number: PullRequestNumber,
        /// The new version's number.
        patch_set: u32,
        /// Its commit.
        head: CommitId,
        /// That commit's tree.
        head_tree: TreeId,
        /// The merge base with the target.
        base: CommitId,
        /// A new title, when the push options have one.
        title: Option<String>,
        /// A new description, when the push options have one.
        description: Option<String>,
    },
    /// Nothing happens.
    Refuse {
        /// Why; never empty.
        reasons: Vec<PushReason>,
    },
}

/// The push options that mean something.
#[derive(Debug, Default)]
struct Options {
    topic: Option<String>,
    title: Option<String>,
    description: Option<String>,
    draft: bool,
    force_push: bool,
    unknown: Vec<String>,
}

/// Decides about every command of a push.
#[must_use]
pub fn decide(inputs: &PushInputs<'_>) -> PushDecision {
    let options = read_options(inputs.options);
    let mut outcomes: Vec<CommandOutcome> = inputs
        .commands
        .iter()
        .map(|(command, facts)| {
            let mut reasons = reasons_for_all(inputs, command, &options);
            match decide_command(inputs, command, facts, &options) {
                Ok(outcome) if reasons.is_empty() => outcome,
                Ok(_) => CommandOutcome::Refuse { reasons },
                Err(more) => {
                    reasons.extend(more);
                    CommandOutcome::Refuse { reasons }
                }
            }
        })
        .collect();
    let refused = |outcome: &CommandOutcome| matches!(outcome, CommandOutcome::Refuse { .. });
    if inputs.atomic && outcomes.iter().any(refused) {
        for outcome in outcomes.iter_mut().filter(|outcome| !refused(outcome)) {
            *outcome = CommandOutcome::Refuse { reasons: vec![PushReason::AtomicPushRefused] };
        }
    }
    PushDecision { outcomes }
}

/// The branch and topic that `refs/for/…` names: the longest existing branch, then the topic.
#[must_use]
pub fn proposal_target(
    reference: &str,
    branches: &BTreeSet<RefName>,
) -> Option<(RefName, Option<String>)> {
    let name = reference.strip_prefix(PROPOSAL_PREFIX)?;
    let mut branch = name;
    loop {
        if let Ok(target) = RefName::of_branch(branch)
            && branches.contains(&target)
        {
            let topic = name[branch.len()..].strip_prefix('/').map(str::to_owned);
            return Some((target, topic));
        }
        branch = branch.rsplit_once('/')?.0;
    }
}

fn reasons_for_all(
    inputs: &PushInputs<'_>,
    command: &Command,
    options: &Options,
) -> Vec<PushReason> {
    let mut reasons = Vec::new();
    let same = inputs.commands.iter().filter(|(other, _)| other.reference == command.reference);
    if same.count() > 1 {
        reasons.push(PushReason::DuplicateRef { name: command.reference.clone() });
    }
    if let Some(file) = inputs.largest_file
        && file.bytes > inputs.policy.file_bytes_max
        && command.new.is_some()
    {
        let (path, bytes) = (file.path.clone(), file.bytes);
        let limit_bytes = inputs.policy.file_bytes_max;
        reasons.push(PushReason::FileTooLarge { path, bytes, limit_bytes });
    }
    let unknown = options.unknown.iter();
    reasons.extend(unknown.map(|option| PushReason::UnknownOption { option: option.clone() }));
    reasons
}

fn decide_command(
    inputs: &PushInputs<'_>,
    command: &Command,
    facts: &CommandFacts,
    options: &Options,
) -> Result<CommandOutcome, Vec<PushReason>> {
    let proposes = command.reference.starts_with(PROPOSAL_PREFIX);
    let permission = if proposes { Permission::ProposeChange } else { Permission::PushRepository };
    if let Err(denied) = permit(inputs.grant, permission, inputs.resource, inputs.as_of) {
        return Err(vec![PushReason::AccessDenied { denied }]);
    }
    let name = command.reference.clone();
    let Ok(reference) = RefName::new(name.clone()) else {
        return Err(vec![PushReason::InvalidRefName { name }]);
    };
    if proposes {
        return propose(inputs, command, facts, options);
    }
    if reference.branch().is_some() {
        return decide_branch(inputs, command, facts, reference);
    }
    if !name.starts_with("refs/tags/") {
        return Err(vec![PushReason::RefNotOpenToPush { name }]);
    }
    if command.old.is_some() && command.new.is_some() && !inputs.policy.allow_force_push {
        return Err(vec![PushReason::TagExists { name }]);
    }
    let (old, new) = (command.old.clone(), command.new.clone());
    Ok(CommandOutcome::Accept { reference, old, new, forced: !facts.fast_forward })
}

fn decide_branch(
    inputs: &PushInputs<'_>,
    command: &Command,
    facts: &CommandFacts,
    reference: RefName,
) -> Result<CommandOutcome, Vec<PushReason>> {
    let mut reasons = Vec::new();
    let name = reference.to_string();
    let default = &inputs.repository.default_branch;
    let branch = reference.branch().unwrap_or_default().to_owned();
    if command.new.is_none() && reference == *default {
        reasons.push(PushReason::DefaultBranchDeletion { branch });
    } else if inputs.policy.protects(&reference, default) && !may_move_protected(inputs, command) {
        reasons.push(PushReason::ProtectedBranch { branch });
    }
    if command.new.is_some() && facts.commit.is_none() {
        reasons.push(PushReason::NotACommit { name: name.clone() });
    } else if !facts.fast_forward && !inputs.policy.allow_force_push {
        reasons.push(PushReason::NonFastForward { name });
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let (old, new) = (command.old.clone(), command.new.clone());
    Ok(CommandOutcome::Accept { reference, old, new, forced: !facts.fast_forward })
}

/// The first push fills an empty repository; later an administrator may, where the policy says so.
fn may_move_protected(inputs: &PushInputs<'_>, command: &Command) -> bool {
    let administers =
        |permission| permit(inputs.grant, permission, inputs.resource, inputs.as_of).is_ok();
    let first = command.old.is_none()
        && command.new.is_some()
        && !inputs.branches.contains(&inputs.repository.default_branch);
    first
        || (inputs.policy.allow_administrator_push
            && command.new.is_some()
            && administers(Permission::AdministerRepository))
}

fn propose(
    inputs: &PushInputs<'_>,
    command: &Command,
    facts: &CommandFacts,
    options: &Options,
) -> Result<CommandOutcome, Vec<PushReason>> {
    let name = command.reference.clone();
    let Some((target, topic)) = proposal_target(&name, inputs.branches) else {
        return Err(vec![PushReason::UnknownTarget { name }]);
    };
    let (Some(head), Some(head_tree)) = (facts.commit.clone(), facts.tree.clone()) else {
        return Err(vec![PushReason::NotACommit { name }]);
    };
    let Some(base) = facts.merge_base.clone() else {
        return Err(vec![PushReason::UnrelatedHistory { target }]);
    };
    if base == head {
        return Err(vec![PushReason::NothingNew { target }]);
    }
    // Without a topic the pusher's own open proposal for the branch is meant, as one topic.
    let topic = options.topic.clone().or(topic).unwrap_or_else(|| inputs.grant.actor.name.clone());
    let known = inputs.repository.open_for_topic(&inputs.grant.actor, &target, &topic);
    let Some(known) = known else {
        let title = options.title.clone().unwrap_or_else(|| facts.title.clone());
        let description = options.description.clone().unwrap_or_else(|| facts.description.clone());
        let draft = options.draft;
        let outcome = CommandOutcome::OpenPullRequest {
            target,
            topic,
            title,
            description,
            draft,
            head,
            head_tree,
            base,
        };
        return Ok(outcome);
    };
    if known.current().head == head {
        return Err(vec![PushReason::NothingNew { target }]);
    }
    if !facts.fast_forward && !options.force_push {
        return Err(vec![PushReason::PatchSetNotAsked { number: known.number }]);
    }
    Ok(add_patch_set(known, options, head, head_tree, base))
}

fn add_patch_set(
    known: &PullRequest,
    options: &Options,
    head: CommitId,
    head_tree: TreeId,
    base: CommitId,
) -> CommandOutcome {
    CommandOutcome::AddPatchSet {
        number: known.number,
        patch_set: known.current().number + 1,
        head,
        head_tree,
        base,
        title: options.title.clone(),
        description: options.description.clone(),
    }
}

fn read_options(written: &[String]) -> Options {
    let mut options = Options::default();
    for option in written {
        let (key, value) = option.split_once('=').unwrap_or((option, "true"));
        let set = value == "true" || value == "1" || value.is_empty();
        match key {
            "topic" => options.topic = Some(value.to_owned()),
            "title" => options.title = Some(value.to_owned()),
            "description" => options.description = Some(value.to_owned()),
            "draft" => options.draft = set,
            "force-push" => options.force_push = set,
            _ => options.unknown.push(option.clone()),
        }
    }
    options
}
