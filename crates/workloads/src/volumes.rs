//! The files of ConfigMaps and Secrets below a replica's mounts: written before it starts, and put
//! back when somebody changes them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::environment::data;
use crate::model::{Container, DataVolume};
use crate::state::{Replica, State};

/// Kubernetes' default.
const MODE: u32 = 0o644;

/// A file as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) content: Vec<u8>,
    pub(crate) mode: u32,
}

/// The files of each ConfigMap and Secret volume of a replica, by volume and path; or the sentence
/// that says what is missing.
pub(crate) fn wanted(
    state: &State,
    replica: &Replica,
) -> Result<BTreeMap<String, BTreeMap<String, Wanted>>, String> {
    let mut volumes = BTreeMap::new();
    for volume in &replica.template.spec.volumes {
        let (kind, source) = match (&volume.config_map, &volume.secret) {
            (Some(source), _) => ("ConfigMap", source),
            (None, Some(source)) => ("Secret", source),
            (None, None) => continue,
        };
        let namespace = &replica.workload.namespace;
        let entries = data(state, &replica.application, kind, namespace, &source.name);
        let files = match entries {
            Some(entries) => files(source, entries).map_err(|key| {
                format!("the key `{key}` of the {kind} `{}` is not there", source.name)
            })?,
            None if source.optional => BTreeMap::new(),
            None => {
                return Err(format!(
                    "the {kind} `{}` of the volume `{}` is not there",
                    source.name, volume.name
                ));
            }
        };
        volumes.insert(volume.name.clone(), files);
    }
    Ok(volumes)
}

fn files(
    source: &DataVolume,
    entries: &BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<String, Wanted>, String> {
    let mode = source.default_mode.unwrap_or(MODE) & 0o777;
    if source.items.is_empty() {
        let wanted = |content: &Vec<u8>| Wanted { content: content.clone(), mode };
        return Ok(entries.iter().map(|(key, content)| (key.clone(), wanted(content))).collect());
    }
    let mut files = BTreeMap::new();
    for item in &source.items {
        let Some(content) = entries.get(&item.key) else {
            if source.optional {
                continue;
            }
            return Err(item.key.clone());
        };
        let mode = item.mode.unwrap_or(mode) & 0o777;
        files.insert(item.path.clone(), Wanted { content: content.clone(), mode });
    }
    Ok(files)
}

/// Makes the folder hold exactly these files; says which ones it had to change. A file is changed
/// in its place, because a replica may have it mounted by itself.
pub(crate) fn restore(folder: &Path, wanted: &BTreeMap<String, Wanted>) -> io::Result<Vec<String>> {
    if !fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_dir()) {
        let _ = fs::remove_file(folder);
        fs::create_dir_all(folder)?;
    }
    let mut changed = Vec::new();
    remove_others(folder, folder, wanted, &mut changed)?;
    for (path, file) in wanted {
        let place = folder.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        if write_if_different(&place, file)? {
            changed.push(path.clone());
        }
    }
    Ok(changed)
}

fn remove_others(
    root: &Path,
    folder: &Path,
    wanted: &BTreeMap<String, Wanted>,
    changed: &mut Vec<String>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        let is_folder = entry.file_type()?.is_dir();
        let below = format!("{name}/");
        if is_folder && wanted.keys().any(|key| key.starts_with(&below)) {
            remove_others(root, &path, wanted, changed)?;
        } else if is_folder {
            fs::remove_dir_all(&path)?;
            changed.push(name);
        } else if !wanted.contains_key(&name) {
            fs::remove_file(&path)?;
            changed.push(name);
        }
    }
    Ok(())
}

fn write_if_different(place: &Path, wanted: &Wanted) -> io::Result<bool> {
    match fs::symlink_metadata(place) {
        // A link could make us write elsewhere.
        Ok(meta) if !meta.is_file() => fs::remove_file(place)?,
        Ok(meta) => {
            let same_mode = meta.permissions().mode() & 0o777 == wanted.mode;
            if meta.len() == wanted.content.len() as u64
                && same_mode
                && read(place)? == wanted.content
            {
                return Ok(false);
            }
        }
        Err(_) => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(O_NOFOLLOW);
    let mut file = options.open(place)?;
    file.rewind()?;
    file.write_all(&wanted.content)?;
    file.set_len(wanted.content.len() as u64)?;
    file.set_permissions(fs::Permissions::from_mode(wanted.mode))?;
    Ok(true)
}

/// fcntl(2), for the architectures that this builds on.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
const O_NOFOLLOW: i32 = 0o400_000;
#[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
const O_NOFOLLOW: i32 = 0o100_000;

fn read(place: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    fs::File::open(place)?.read_to_end(&mut content)?;
    Ok(content)
}

/// Where a replica's volume is on the machine.
pub(crate) fn folder(data: &Path, replica: &str, volume: &str) -> PathBuf {
    data.join("replicas").join(replica).join("volumes").join(volume)
}

/// The binds of a container's mounts.
pub(crate) fn binds(data: &Path, replica: &Replica, container: &Container) -> Vec<sandbox::Bind> {
    container
        .volume_mounts
        .iter()
        .map(|mount| {
            let volume = folder(data, &replica.name, &mount.name);
            let source = match &mount.sub_path {
                Some(path) => volume.join(path),
                None => volume,
            };
            let scratch = replica
                .template
                .spec
                .volumes
                .iter()
                .any(|volume| volume.name == mount.name && volume.empty_dir.is_some());
            sandbox::Bind {
                source,
                target: PathBuf::from(&mount.mount_path),
                writable: scratch && !mount.read_only,
            }
        })
        .collect()
}
