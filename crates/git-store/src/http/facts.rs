//! What received objects say about the commands of a push.

use std::collections::BTreeSet;
use std::path::Path;

use gix::object::Kind;
use ledger::{ObjectId, RefName};
use repositories::push::{Command, CommandFacts, LargeFile, proposal_target};

use crate::error::StoreError;
use crate::history::{merge_base, read_commit};
use crate::identity::{commit_id, raw};
use crate::program::{self, ObjectFolders};
use crate::quarantine::Quarantine;
use crate::store::Repository;

/// What the objects of one command say.
pub(crate) fn of_command(
    repository: &Repository,
    reader: &gix::Repository,
    branches: &BTreeSet<RefName>,
    command: &Command,
) -> Result<CommandFacts, StoreError> {
    let mut facts = CommandFacts { fast_forward: true, ..CommandFacts::default() };
    let Some(new) = &command.new else { return Ok(facts) };
    let Some(commit) = peel(reader, new)? else {
        facts.fast_forward = command.old.is_none();
        return Ok(facts);
    };
    let info = read_commit(reader, &commit)?;
    if let Some(old) = &command.old {
        facts.fast_forward = match peel(reader, old)? {
            Some(old) => merge_base(reader, &old, &commit)?.as_ref() == Some(&old),
            None => false,
        };
    }
    if let Some((target, _)) = proposal_target(&command.reference, branches)
        && let Some(tip) = repository.resolve(&target)?
    {
        facts.merge_base = merge_base(reader, &tip, &commit)?;
    }
    let body = info.message.trim_start().split_once("\n\n").map(|(_, body)| body.trim());
    facts.description = body.unwrap_or_default().to_owned();
    facts.title = info.title;
    facts.tree = Some(info.tree);
    facts.commit = Some(commit);
    Ok(facts)
}

/// The commit that an object leads to.
fn peel(reader: &gix::Repository, id: &ObjectId) -> Result<Option<ledger::CommitId>, StoreError> {
    let what = || format!("the object {id}");
    let found = reader
        .try_find_object(raw(id.as_str()))
        .map_err(|error| StoreError::read(what(), error))?;
    let Some(object) = found else { return Ok(None) };
    let object = object.peel_tags_to_end().map_err(|error| StoreError::read(what(), error))?;
    Ok((object.kind == Kind::Commit).then(|| commit_id(object.id)))
}

/// The largest file among the received objects, with its path when it is above `named_from_bytes`.
pub(crate) fn largest_file(
    repository: &Repository,
    quarantine: &Quarantine,
    reader: &gix::Repository,
    commands: &[Command],
    named_from_bytes: u64,
) -> Result<Option<LargeFile>, StoreError> {
    let mut largest: Option<(u64, gix::ObjectId)> = None;
    let packs = quarantine.packs().map_err(StoreError::files("list the received packs"))?;
    for pack in packs {
        for id in ids_of(&pack.with_extension("idx"))? {
            let header = reader
                .find_header(id)
                .map_err(|error| StoreError::read(format!("the object {id}"), error))?;
            let larger = largest.is_none_or(|(bytes, _)| header.size() > bytes);
            if header.kind() == Kind::Blob && larger {
                largest = Some((header.size(), id));
            }
        }
    }
    let Some((bytes, id)) = largest else { return Ok(None) };
    let path = if bytes > named_from_bytes {
        path_of(repository, &quarantine.folders(), commands, &id.to_hex().to_string())?
    } else {
        String::new()
    };
    Ok(Some(LargeFile { path, bytes }))
}

fn ids_of(index: &Path) -> Result<Vec<gix::ObjectId>, StoreError> {
    let file = gix::odb::pack::index::File::at(index, gix::hash::Kind::Sha1)
        .map_err(|error| StoreError::read("the received pack's index", error))?;
    Ok(file.iter().map(|entry| entry.oid).collect())
}

/// The first path under which a new object is reached; its id when none is found.
fn path_of(
    repository: &Repository,
    folders: &ObjectFolders,
    commands: &[Command],
    id: &str,
) -> Result<String, StoreError> {
    let mut command = repository.command(Some(folders));
    command.args(["rev-list", "--objects", "--stdin", "--not", "--all"]);
    let input: String =
        commands.iter().filter_map(|one| one.new.as_ref()).map(|new| format!("{new}\n")).collect();
    let output = program::run_well(command, "rev-list", input.as_bytes())?;
    let text = String::from_utf8_lossy(&output).into_owned();
    let path = text.lines().find_map(|line| line.strip_prefix(id)?.strip_prefix(' '));
    Ok(path.unwrap_or(id).to_owned())
}
