//! Takes a wish: checks it, keeps it on disk, and only then changes what is in memory.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use ledger::ApplicationName;

use crate::event::{EventReason, ObjectKey};
use crate::model::parse;
use crate::report::{Applied, ApplyRefusal, Change};
use crate::state::{Held, Inner, now};
use crate::store::{Entry, bytes, digest, file_name};

pub(super) fn apply(
    inner: &Inner,
    application: &ApplicationName,
    generation: u64,
    change: Change,
) -> Result<Applied, ApplyRefusal> {
    if inner.closing.is_cancelled() {
        return Err(ApplyRefusal::ShuttingDown);
    }
    notice_alterations(inner, Some(application));
    let applied = match change {
        Change::Put { manifest } => {
            let object = parse(&manifest)?;
            let mut state = inner.state();
            let held = state.applications.entry(application.clone()).or_default();
            check_generation(application, generation, held.index.newest_generation)?;
            let old = held.objects.get(&object.key);
            let same = old.is_some_and(|old| old.manifest == manifest && !old.altered);
            if same && held.index.newest_generation == generation {
                return Ok(Applied::Unchanged);
            }
            let content = bytes(&manifest);
            let mut index = held.index.clone();
            index.newest_generation = generation;
            let entry = next_entry(old, &object.key, &manifest, digest(&content), inner.number());
            index.objects.insert(file_name(&object.key), entry.clone());
            if !same {
                inner.store.put(application, &object.key, &content).map_err(ApplyRefusal::Disk)?;
            }
            inner.store.put_index(application, &index).map_err(ApplyRefusal::Disk)?;
            held.index = index;
            let applied = match (same, old.is_some()) {
                (true, _) => Applied::Unchanged,
                (false, true) => Applied::Updated,
                (false, false) => Applied::Created,
            };
            if !same {
                let mut new = Held::new(manifest, object.clone(), entry);
                if let Some(old) = held.objects.remove(&object.key) {
                    new.job = old.job;
                    if old.template_hash == new.template_hash {
                        new.progress = old.progress;
                    }
                }
                held.objects.insert(object.key, new);
            }
            applied
        }
        Change::Delete { kind, namespace, name } => {
            delete(inner, application, generation, &ObjectKey { kind, namespace, name })?
        }
    };
    inner.touch(application);
    Ok(applied)
}

fn check_generation(
    application: &ApplicationName,
    generation: u64,
    newest: u64,
) -> Result<(), ApplyRefusal> {
    if generation < newest {
        let application = application.clone();
        return Err(ApplyRefusal::OlderGeneration { application, generation, newest });
    }
    Ok(())
}

/// The object's generation grows only when something besides its metadata changed.
fn next_entry(
    old: Option<&Held>,
    key: &ObjectKey,
    manifest: &serde_json::Value,
    digest: String,
    number: u64,
) -> Entry {
    let Some(old) = old else {
        let uid = format!("{:x}-{}-{number}", now().0, std::process::id());
        return Entry { key: key.clone(), digest, generation: 1, uid, created_at: now() };
    };
    let body = |value: &serde_json::Value| {
        let mut value = value.clone();
        if let Some(fields) = value.as_object_mut() {
            fields.shift_remove("metadata");
            fields.shift_remove("status");
        }
        value
    };
    let grown = u64::from(body(&old.manifest) != body(manifest));
    Entry { digest, generation: old.entry.generation + grown, ..old.entry.clone() }
}

fn delete(
    inner: &Inner,
    application: &ApplicationName,
    generation: u64,
    key: &ObjectKey,
) -> Result<Applied, ApplyRefusal> {
    let mut state = inner.state();
    let held = state.applications.entry(application.clone()).or_default();
    check_generation(application, generation, held.index.newest_generation)?;
    let mut index = held.index.clone();
    index.newest_generation = generation;
    let known = index.objects.remove(&file_name(key)).is_some();
    // The index goes first: a file that is in no index is nothing.
    inner.store.put_index(application, &index).map_err(ApplyRefusal::Disk)?;
    inner.store.remove(application, key).map_err(ApplyRefusal::Disk)?;
    inner.store.remove_job(application, key);
    held.index = index;
    held.objects.remove(key);
    Ok(if known { Applied::Deleted } else { Applied::Unchanged })
}

/// Compares the files with what was applied; tells once of each that somebody changed.
pub(crate) fn notice_alterations(inner: &Inner, only: Option<&ApplicationName>) {
    let mut files: BTreeMap<(ApplicationName, ObjectKey), (String, bool)> = BTreeMap::new();
    {
        let state = inner.state();
        for (name, application) in &state.applications {
            if only.is_some_and(|only| only != name) {
                continue;
            }
            for (key, held) in &application.objects {
                let known = (held.entry.digest.clone(), held.altered);
                files.insert((name.clone(), key.clone()), known);
            }
        }
    }
    for ((application, key), (known, was_altered)) in files {
        let altered = match fs::read(inner.store.file(&application, &key)) {
            Ok(bytes) => digest(&bytes) != known,
            // A disk that cannot be read says nothing about the object.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if altered == was_altered {
            continue;
        }
        let mut state = inner.state();
        let held = state
            .applications
            .get_mut(&application)
            .and_then(|application| application.objects.get_mut(&key));
        // Applied anew since it was looked at: then the look says nothing.
        let Some(held) = held.filter(|held| held.entry.digest == known) else { continue };
        held.altered = altered;
        drop(state);
        if altered {
            let message =
                format!("the file of {key} was changed by hand; the next plan restores it");
            let told = application.clone();
            inner.tell(told, key, None, EventReason::ManifestAltered, message);
        }
        inner.touch(&application);
    }
}
