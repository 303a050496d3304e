//! Refs: reading them, and moving several at once or none.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use gix::bstr::ByteSlice;
use ledger::{CommitId, ObjectId, RefName};

use crate::durable;
use crate::error::StoreError;
use crate::identity::{commit_id, object_id};
use crate::program;
use crate::store::Repository;

/// So often refs are listed in-process while they change; then `git` does it, which is slower and
/// reads files before packed refs, so that nothing it passes can have moved behind it.
const LISTINGS_MAX: u32 = 3;

/// A ref and what it points to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Its full name.
    pub name: RefName,
    /// What it points to: a commit, or for an annotated tag the tag object.
    pub target: ObjectId,
    /// What the tag points to in the end, when `target` is an annotated tag.
    pub peeled: Option<ObjectId>,
}

/// A wish to move a ref, holding only while it points to `old`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefChange {
    /// Which.
    pub name: RefName,
    /// Where it must point now; `None`: it must not be there.
    pub old: Option<ObjectId>,
    /// Where it shall point; `None`: it is deleted.
    pub new: Option<ObjectId>,
}

/// Refs were not moved, none of them.
#[derive(Debug, thiserror::Error)]
pub enum RefUpdateError {
    /// Somebody was faster; look again.
    #[error("{name} has moved meanwhile; look at it again and repeat the change if it still holds")]
    Race {
        /// The ref that was elsewhere.
        name: RefName,
        /// Where it was expected.
        expected: Option<ObjectId>,
        /// Where it is.
        actual: Option<ObjectId>,
    },
    /// A folder of that name is in the way: `refs/heads/a` and `refs/heads/a/b` cannot both be.
    #[error("{name} cannot be beside {existing}, because one is a folder of the other")]
    NameTaken {
        /// The new ref.
        name: RefName,
        /// The ref that is there.
        existing: RefName,
    },
    /// Refs could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RefChange {
    /// A move of a branch between commits.
    #[must_use]
    pub fn of_commits(name: RefName, old: Option<&CommitId>, new: Option<&CommitId>) -> Self {
        let object = |id: &CommitId| object_id(crate::identity::raw(id.as_str()));
        Self { name, old: old.map(object), new: new.map(object) }
    }
}

impl Repository {
    /// Every ref whose full name begins with `prefix`, by name.
    pub fn references(&self, prefix: &str) -> Result<Vec<Reference>, StoreError> {
        for _ in 0..LISTINGS_MAX {
            let packed = self.packed_refs();
            let listed = self.list_in_process(prefix);
            // Refs that are packed meanwhile leave their files: the walk fails on such a file or
            // comes too late for it, while the packed ones were read before.
            if listed.is_ok() && packed == self.packed_refs() {
                return listed;
            }
        }
        self.list_by_git(prefix)
    }

    fn list_by_git(&self, prefix: &str) -> Result<Vec<Reference>, StoreError> {
        let mut command = self.command(None);
        command.args(["for-each-ref", "--format=%(objectname) %(refname)"]);
        let output = program::run_well(command, "for-each-ref", b"")?;
        let local = self.local();
        let mut found = Vec::new();
        for line in output.lines() {
            let Some((target, name)) = line.split_once_str(" ") else { continue };
            let (Ok(target), Ok(name)) = (gix::ObjectId::from_hex(target), name.to_str()) else {
                continue;
            };
            if !name.starts_with(prefix) {
                continue;
            }
            let Ok(name) = RefName::new(name) else { continue };
            let peeled = peel(&local, target)?;
            found.push(Reference { name, target: object_id(target), peeled });
        }
        found.sort();
        Ok(found)
    }

    /// What tells one version of the file of packed refs from another.
    fn packed_refs(&self) -> Option<(u64, u64, i64, i64)> {
        let data = std::fs::metadata(self.path().join("packed-refs")).ok()?;
        Some((data.ino(), data.len(), data.mtime(), data.mtime_nsec()))
    }

    fn list_in_process(&self, prefix: &str) -> Result<Vec<Reference>, StoreError> {
        let local = self.local();
        let failed = |error: gix::Error| StoreError::read("the refs", error);
        let platform = local.references().map_err(failed)?;
        let mut found = Vec::new();
        for reference in platform.all().map_err(failed)? {
            let reference =
                reference.map_err(|error| StoreError::read("a ref", error.to_string()))?;
            // Names that Boucle would not have made are not shown.
            let Ok(name) = reference.name().as_bstr().to_str() else { continue };
            if !name.starts_with(prefix) {
                continue;
            }
            let Ok(name) = RefName::new(name) else { continue };
            let Some(target) = reference.try_id().map(gix::Id::detach) else { continue };
            let peeled = peel(&local, target)?;
            found.push(Reference { name, target: object_id(target), peeled });
        }
        found.sort();
        Ok(found)
    }

    /// The commit that a ref points to, through annotated tags; `None` when it is not there.
    pub fn resolve(&self, name: &RefName) -> Result<Option<CommitId>, StoreError> {
        let local = self.local();
        let what = || format!("the ref {name}");
        let found = local
            .try_find_reference(name.as_str())
            .map_err(|error| StoreError::read(what(), error))?;
        let Some(reference) = found else { return Ok(None) };
        let id =
            reference.into_fully_peeled_id().map_err(|error| StoreError::read(what(), error))?;
        Ok(Some(commit_id(id.detach())))
    }

    /// The commit that a branch's name, tag's name, full ref name or (abbreviated) commit id means;
    /// `None` when nothing has that name.
    pub fn resolve_revision(&self, revision: &str) -> Result<Option<CommitId>, StoreError> {
        for name in
            [revision.to_owned(), format!("refs/heads/{revision}"), format!("refs/tags/{revision}")]
        {
            if let Ok(name) = RefName::new(name)
                && let Some(commit) = self.resolve(&name)?
            {
                return Ok(Some(commit));
            }
        }
        let local = self.local();
        let is_id = (4..=40).contains(&revision.len())
            && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        if revision == "HEAD" {
            return Ok(local.head_id().ok().map(|id| commit_id(id.detach())));
        }
        if !is_id {
            return Ok(None);
        }
        let spec = format!("{}^{{commit}}", revision.to_ascii_lowercase());
        Ok(local.rev_parse_single(spec.as_str()).ok().map(|id| commit_id(id.detach())))
    }

    /// Moves all refs or none of them, each only if it points where it is expected. The new state is
    /// on disk when this returns.
    pub fn update_refs(&self, changes: &[RefChange]) -> Result<(), RefUpdateError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut input = String::from("start\n");
        let zero = "0".repeat(40);
        for change in changes {
            let old = change.old.as_ref().map_or(zero.as_str(), ObjectId::as_str);
            let name = &change.name;
            match &change.new {
                Some(new) => input.push_str(&format!("update {name} {new} {old}\n")),
                None => input.push_str(&format!("delete {name} {old}\n")),
            }
        }
        input.push_str("prepare\ncommit\n");
        let mut command = self.command(None);
        command.args(["update-ref", "--stdin"]);
        let output = program::run(command, input.as_bytes())?;
        if !output.status.success() {
            return Err(self.explain_refusal(changes, program::failure("update-ref", &output)));
        }
        self.sync_refs(changes)
            .map_err(|error| StoreError::files("force the refs to disk")(error).into())
    }

    /// Git says in words why it did not; the refs themselves say it exactly.
    fn explain_refusal(&self, changes: &[RefChange], complaint: StoreError) -> RefUpdateError {
        let Ok(existing) = self.references("refs/") else { return complaint.into() };
        for change in changes {
            let at = existing.iter().find(|reference| reference.name == change.name);
            let actual = at.map(|reference| reference.target.clone());
            if actual != change.old {
                let (name, expected) = (change.name.clone(), change.old.clone());
                return RefUpdateError::Race { name, expected, actual };
            }
        }
        let inside = |one: &RefName, other: &RefName| {
            one.as_str().strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        for change in changes.iter().filter(|change| change.new.is_some()) {
            let taken = |other: &&Reference| {
                inside(&other.name, &change.name) || inside(&change.name, &other.name)
            };
            if let Some(other) = existing.iter().find(taken) {
                let (name, existing) = (change.name.clone(), other.name.clone());
                return RefUpdateError::NameTaken { name, existing };
            }
        }
        complaint.into()
    }

    /// Git forces a ref's file to disk, but not its name in its folder.
    fn sync_refs(&self, changes: &[RefChange]) -> std::io::Result<()> {
        let refs = self.path().join("refs");
        let mut folders = BTreeSet::new();
        for change in changes {
            let file = self.path().join(change.name.as_str());
            // A branch that was there is in a folder that was there; others may be in new ones.
            let flat = change.name.as_str().split('/').count() == 3;
            let many = if flat && change.old.is_some() { 1 } else { usize::MAX };
            let inside = |folder: &&Path| folder.starts_with(&refs);
            let parents = file.ancestors().skip(1).take_while(inside).take(many);
            folders.extend(parents.map(Path::to_path_buf));
        }
        if changes.iter().any(|change| change.new.is_none()) {
            folders.insert(self.path().to_path_buf());
        }
        folders.iter().try_for_each(|folder| match durable::sync_folder(folder) {
            // Deleting the last ref of a folder deletes the folder.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
    }
}

fn peel(local: &gix::Repository, target: gix::ObjectId) -> Result<Option<ObjectId>, StoreError> {
    let what = || format!("the object {target}");
    let header = local.find_header(target).map_err(|error| StoreError::read(what(), error))?;
    if header.kind() != gix::object::Kind::Tag {
        return Ok(None);
    }
    let object = local.find_object(target).map_err(|error| StoreError::read(what(), error))?;
    let peeled = object.peel_tags_to_end().map_err(|error| StoreError::read(what(), error))?;
    Ok(Some(object_id(peeled.id)))
}
