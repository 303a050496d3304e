//! Taking away: manifests, tags, and an image's right to a blob. What a manifest of the image needs stays.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

use ledger::ArtifactDigest;

use crate::blobs::{BlobError, blocking, sync_folder};
use crate::name::{ImageName, Reference, Tag};
use crate::store::{ManifestError, Registry, StoredManifest, names_in, read_small};

/// Whether there was something to take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// It was not there.
    Absent,
}

/// Why something stays.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// A manifest of the image needs it.
    #[error("{manifest} of {image} needs it; delete that one first")]
    Needed {
        /// The image.
        image: ImageName,
        /// The manifest that needs it.
        manifest: ArtifactDigest,
    },
    /// A manifest could not be read, so nobody knows what it needs.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A small file could not be used.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl From<io::Error> for DeleteError {
    fn from(error: io::Error) -> Self {
        Self::Blob(error.into())
    }
}

impl Registry {
    /// Takes a manifest away, with the tags that name it. Its blobs are still the image's; what nobody
    /// needs is collected later.
    pub async fn delete_manifest(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
    ) -> Result<Deleted, DeleteError> {
        let (registry, image, digest) = (self.clone(), image.clone(), digest.clone());
        blocking(move || registry.delete_manifest_blocking(&image, &digest)).await
    }

    /// Takes a name away; what it named stays.
    pub async fn delete_tag(&self, image: &ImageName, tag: &Tag) -> Result<Deleted, DeleteError> {
        let (registry, path) = (self.clone(), self.folder(image).join("_tags").join(tag.as_str()));
        blocking(move || {
            let changes = &registry.shared.changes;
            let _alone = changes.write().unwrap_or_else(PoisonError::into_inner);
            Ok(remove(&path)?)
        })
        .await
    }

    /// Takes the image's right to a blob away.
    pub async fn delete_blob(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
    ) -> Result<Deleted, DeleteError> {
        let (registry, image, digest) = (self.clone(), image.clone(), digest.clone());
        blocking(move || {
            let changes = &registry.shared.changes;
            let _alone = changes.write().unwrap_or_else(PoisonError::into_inner);
            registry.check_not_needed(&image, &digest)?;
            Ok(remove(&registry.link_path(&image, &digest))?)
        })
        .await
    }

    /// The names of a manifest.
    pub async fn tags_of(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
    ) -> Result<Vec<Tag>, BlobError> {
        let (registry, image, digest) = (self.clone(), image.clone(), digest.clone());
        blocking(move || registry.tags_of_blocking(&image, &digest)).await
    }

    fn tags_of_blocking(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
    ) -> Result<Vec<Tag>, BlobError> {
        let folder = self.folder(image).join("_tags");
        let mut tags = Vec::new();
        for name in names_in(&folder)? {
            let named = read_small(&folder.join(&name))?;
            if named.is_some_and(|text| text.trim() == digest.as_str()) {
                tags.extend(name.parse::<Tag>().ok());
            }
        }
        Ok(tags)
    }

    fn delete_manifest_blocking(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
    ) -> Result<Deleted, DeleteError> {
        let _alone = self.shared.changes.write().unwrap_or_else(PoisonError::into_inner);
        let reference = Reference::Digest(digest.clone());
        let Some(stored) = self.manifest_blocking(image, &reference)? else {
            return Ok(Deleted::Absent);
        };
        self.check_not_needed(image, digest)?;
        // Names first: one that leads nowhere would be worse than content without a name.
        let tags = self.folder(image).join("_tags");
        for tag in self.tags_of_blocking(image, digest)? {
            remove(&tags.join(tag.as_str()))?;
        }
        if let Some(subject) = &stored.manifest.subject {
            let folder = self.folder(image).join("_referrers").join(subject.digest.hexadecimal());
            remove(&folder.join(digest.hexadecimal()))?;
        }
        Ok(remove(&self.manifest_path(image, digest))?)
    }

    /// Refuses what another manifest of the image has for its configuration, a layer or a child.
    fn check_not_needed(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
    ) -> Result<(), DeleteError> {
        self.each_manifest(image, |stored| {
            if stored.digest != *digest && needs(&stored).any(|needed| needed == digest) {
                return Err(DeleteError::Needed { image: image.clone(), manifest: stored.digest });
            }
            Ok(())
        })
    }

    /// Shows all manifests of an image, one after the other: together they may be large.
    pub(crate) fn each_manifest(
        &self,
        image: &ImageName,
        mut visit: impl FnMut(StoredManifest) -> Result<(), DeleteError>,
    ) -> Result<(), DeleteError> {
        for name in names_in(&self.folder(image).join("_manifests"))? {
            let Some(digest) = digest_of_name(&name) else { continue };
            if let Some(stored) = self.manifest_blocking(image, &Reference::Digest(digest))? {
                visit(stored)?;
            }
        }
        Ok(())
    }
}

/// What a manifest is not whole without.
pub(crate) fn needs(stored: &StoredManifest) -> impl Iterator<Item = &ArtifactDigest> {
    let manifest = &stored.manifest;
    let parts = manifest.config.iter().chain(&manifest.layers).chain(&manifest.manifests);
    parts.map(|part| &part.digest)
}

/// The digest that a small file is named by.
pub(crate) fn digest_of_name(name: &str) -> Option<ArtifactDigest> {
    let algorithm = if name.len() == 128 { "sha512" } else { "sha256" };
    ArtifactDigest::new(format!("{algorithm}:{name}")).ok()
}

/// Removes a file; it is gone from the disk afterwards.
pub(crate) fn remove(path: &Path) -> io::Result<Deleted> {
    match fs::remove_file(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_folder).map(|()| Deleted::Gone),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Deleted::Absent),
        Err(error) => Err(error),
    }
}
