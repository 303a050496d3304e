//! Collecting what nobody needs: blobs that no manifest of their image names, and content that no image has.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use ledger::ArtifactDigest;

use crate::blobs::{ALGORITHMS, BlobError, blocking, is_older};
use crate::delete::{DeleteError, digest_of_name, needs};
use crate::name::ImageName;
use crate::store::{Registry, names_in};

/// What was collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Contents.
    pub blobs: u64,
    /// Their bytes.
    pub size_bytes: u64,
}

impl Registry {
    /// Removes what is older than `age_min` and not needed: by a manifest, or in `kept`. Manifests stay,
    /// whether they have a tag or not: a digest is a name too. One that cannot be read stops everything.
    pub async fn collect(
        &self,
        kept: BTreeSet<ArtifactDigest>,
        age_min: Duration,
    ) -> Result<Collected, DeleteError> {
        let registry = self.clone();
        blocking(move || registry.collect_blocking(kept, age_min)).await
    }

    fn collect_blocking(
        &self,
        kept: BTreeSet<ArtifactDigest>,
        age_min: Duration,
    ) -> Result<Collected, DeleteError> {
        let mut needed = kept;
        for image in self.images()? {
            // Others go on between two images: what they add is young.
            let changes = &self.shared.changes;
            let _alone = changes.write().unwrap_or_else(PoisonError::into_inner);
            self.collect_image(&image, age_min, &mut needed)?;
        }
        self.sweep(&needed, age_min)
    }

    /// Takes the image's right to what none of its manifests names, and notes what is needed.
    fn collect_image(
        &self,
        image: &ImageName,
        age_min: Duration,
        needed: &mut BTreeSet<ArtifactDigest>,
    ) -> Result<(), DeleteError> {
        let mut own = BTreeSet::new();
        self.each_manifest(image, |stored| {
            own.extend(needs(&stored).cloned());
            needed.insert(stored.digest);
            Ok(())
        })?;
        let links = self.folder(image).join("_blobs");
        for name in names_in(&links)? {
            let path = links.join(&name);
            let Some(digest) = digest_of_name(&name) else { continue };
            if own.contains(&digest) || !is_older(&path, age_min)? {
                needed.insert(digest);
            } else {
                // After a crash it may be there again, which loses nothing.
                fs::remove_file(&path)?;
            }
        }
        needed.extend(own);
        Ok(())
    }

    fn sweep(
        &self,
        needed: &BTreeSet<ArtifactDigest>,
        age_min: Duration,
    ) -> Result<Collected, DeleteError> {
        let mut collected = Collected::default();
        for algorithm in ALGORITHMS {
            let folder = self.shared.blobs.folder(algorithm);
            for part in names_in(&folder)? {
                for name in names_in(&folder.join(&part))? {
                    let Some(digest) = digest_of_name(&name) else { continue };
                    if needed.contains(&digest) {
                        continue;
                    }
                    if let Some(size) = self.shared.blobs.remove_older(&digest, age_min)? {
                        collected.size_bytes += size;
                        collected.blobs += 1;
                    }
                }
            }
        }
        Ok(collected)
    }

    /// Every image that something was pushed to.
    fn images(&self) -> Result<Vec<ImageName>, BlobError> {
        let mut images = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let mut is_image = false;
            for entry in fs::read_dir(self.shared.root.join(&folder))? {
                let entry = entry?;
                if entry.file_name().as_encoded_bytes().starts_with(b"_") {
                    is_image = true;
                } else if entry.file_type()?.is_dir() {
                    folders.push(folder.join(entry.file_name()));
                }
            }
            let name = folder.as_os_str();
            if is_image && let Some(image) = name_of(name) {
                images.push(image);
            }
        }
        Ok(images)
    }
}

/// The root has folders of the store's own, and no name.
fn name_of(path: &OsStr) -> Option<ImageName> {
    path.to_str()?.parse().ok()
}
