//! Unpacks what a job hands out: the tar stream is the job's word, so nothing in it is trusted.

use std::fs::File;
use std::io::BufReader;
use std::path::{Component, Path};

use anyhow::{Context as _, bail};
use tar::EntryType;

/// Unpacks the wanted files into a new folder; how many there were. Files and symbolic links that
/// stay inside are kept; a link that leaves, a device or a path with `..` is refused.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else a tape can hold is refused")]
pub fn unpack(archive: &Path, into: &Path, keep: impl Fn(&str) -> bool) -> anyhow::Result<usize> {
    std::fs::create_dir_all(into)?;
    let mut archive = tar::Archive::new(BufReader::new(File::open(archive)?));
    archive.set_preserve_mtime(false);
    let mut count = 0;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Some(name) = relative(&path) else {
            bail!("the path {} leaves the folder", path.display());
        };
        let kind = entry.header().entry_type();
        if name.is_empty() || kind == EntryType::Directory || !keep(&name) {
            continue;
        }
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {}
            EntryType::Symlink => {
                let target = entry.link_name()?.context("a link without a target")?.into_owned();
                if !stays_inside(&name, &target) {
                    bail!("the link {name} leads to {}, outside the folder", target.display());
                }
            }
            EntryType::Link => {}
            kind => bail!("{name} is neither a file nor a folder ({kind:?})"),
        }
        if !entry.unpack_in(into)? {
            bail!("the path {name} leaves the folder");
        }
        count += 1;
    }
    Ok(count)
}

/// The path without `.`, when it is relative and has no `..`.
fn relative(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    Some(parts.join("/"))
}

/// Whether a link's target, seen from the link, is below the folder.
fn stays_inside(link: &str, target: &Path) -> bool {
    let mut depth = link.matches('/').count();
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(_) => depth += 1,
            Component::ParentDir => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            Component::Prefix(_) | Component::RootDir => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_leave_are_seen() {
        for (link, target, inside) in [
            ("a", "b", true),
            ("a", "../b", false),
            ("a/b", "../c", true),
            ("a/b", "../../c", false),
            ("a/b", "/etc/passwd", false),
            ("a/b", "c/../../../d", false),
        ] {
            assert_eq!(stays_inside(link, Path::new(target)), inside, "{link} -> {target}");
        }
    }
}
