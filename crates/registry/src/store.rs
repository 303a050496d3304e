//! Images over the blobs: manifests, tags, referrers; publishing and unpacking.
//!
//! Below `registry/<image>/` lie small files: `_blobs/<hex>` (this image may use the blob),
//! `_manifests/<hex>` (holds the media type), `_tags/<tag>` (holds the digest) and
//! `_referrers/<hex of the subject>/<hex>` (holds the descriptor).

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use ledger::{ArtifactDigest, InvalidId, RepositoryName};

use crate::blobs::{BlobError, BlobStore, blocking, sync_folder};
use crate::digest::{digest_like, digest_of};
use crate::image::{
    ConfigDocument, Descriptor, ImageConfig, ImageKind, ImageOptions, Manifest, architecture,
    media_type,
};
use crate::name::{ImageName, Reference, Tag};
use crate::pack::{self, PackError};
use crate::unpack::{Budget, UnpackError, UnpackLimits, unpack_layer};

/// What the registry takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One blob.
    pub blob_size_bytes_max: u64,
    /// One manifest.
    pub manifest_size_bytes_max: u64,
    /// Unfinished uploads at a time.
    pub uploads_max: usize,
    /// One image on its way to a folder.
    pub unpack: UnpackLimits,
}

/// The registry of one data folder. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Registry {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub blobs: BlobStore,
    pub root: PathBuf,
    limits: Limits,
    next_temporary: AtomicU64,
    /// Many may add at a time; who takes away is alone, so that nothing goes that a manifest which
    /// is being added needs.
    pub changes: RwLock<()>,
}

/// A manifest as it was pushed.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredManifest {
    /// Its digest.
    pub digest: ArtifactDigest,
    /// Its media type.
    pub media_type: String,
    /// The exact bytes.
    pub bytes: Vec<u8>,
    /// What they say.
    pub manifest: Manifest,
}

/// Why a manifest was not taken or given; nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are not a manifest.
    #[error("the manifest is not valid: {0}")]
    Invalid(String),
    /// It was pushed under another digest than it has.
    #[error("the manifest has the digest {found}, not {expected}")]
    WrongDigest {
        /// What was announced.
        expected: ArtifactDigest,
        /// What it has.
        found: ArtifactDigest,
    },
    /// It needs what this image does not have.
    #[error("the manifest needs {digest}, which was not pushed to {image}; push it first")]
    BlobUnknown {
        /// The image.
        image: ImageName,
        /// The blob or manifest.
        digest: ArtifactDigest,
    },
    /// A blob or a small file could not be used.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// Why a folder was not published; nothing can be seen of it.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The name does not make an image's name.
    #[error(transparent)]
    Name(#[from] InvalidId),
    /// The folder was not packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The manifest was not stored.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A blob was not stored.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl Default for Limits {
    /// Blobs of 8 GiB, manifests of 4 MiB (what the distribution specification asks to accept).
    fn default() -> Self {
        Self {
            blob_size_bytes_max: 8 << 30,
            manifest_size_bytes_max: 4 << 20,
            uploads_max: 256,
            unpack: UnpackLimits::default(),
        }
    }
}

impl Registry {
    /// Opens or creates the registry of a data folder: `blobs/` and `registry/` in it.
    pub fn open(data: &Path, limits: Limits) -> Result<Self, BlobError> {
        let blobs = BlobStore::open(&data.join("blobs"))?;
        let root = data.join("registry");
        let temporary = root.join("_temporary");
        if temporary.exists() {
            fs::remove_dir_all(&temporary)?;
        }
        fs::create_dir_all(temporary)?;
        sync_folder(data)?;
        let next_temporary = AtomicU64::new(0);
        let changes = RwLock::new(());
        Ok(Self { shared: Arc::new(Shared { blobs, root, limits, next_temporary, changes }) })
    }

    /// The blobs, also for logs, artifacts and evidence of the server's.
    #[must_use]
    pub fn blobs(&self) -> &BlobStore {
        &self.shared.blobs
    }

    /// What the registry takes.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Publishes a folder as the image `name` of a repository (empty: the repository's only image)
    /// and returns the manifest's digest. The same folder and options give the same digest. No tag
    /// is set; see [`Registry::tag`].
    pub async fn push_folder(
        &self,
        repository: &RepositoryName,
        name: &str,
        folder: &Path,
        options: &ImageOptions,
    ) -> Result<ArtifactDigest, PushError> {
        let image = ImageName::new(repository, name)?;
        let (registry, folder, options) = (self.clone(), folder.to_path_buf(), options.clone());
        blocking(move || registry.push_folder_blocking(&image, &folder, &options)).await
    }

    /// Stores a manifest whose blobs the image has, and sets the tags: `reference` when it is one, and
    /// these.
    pub async fn put_manifest(
        &self,
        image: &ImageName,
        reference: &Reference,
        tags: &[Tag],
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<StoredManifest, ManifestError> {
        let (registry, image, reference) = (self.clone(), image.clone(), reference.clone());
        let (media_type, tags) = (media_type.to_owned(), tags.to_vec());
        blocking(move || {
            let _adding = registry.adding();
            let stored = registry.put_manifest_blocking(&image, &reference, &media_type, bytes)?;
            let own = match &reference {
                Reference::Tag(tag) => Some(tag),
                Reference::Digest(_) => None,
            };
            for tag in own.into_iter().chain(&tags) {
                registry.tag_blocking(&image, tag, &stored.digest)?;
            }
            Ok(stored)
        })
        .await
    }

    /// A manifest of an image, checked against its digest; `None` when the image has none such.
    pub async fn manifest(
        &self,
        image: &ImageName,
        reference: &Reference,
    ) -> Result<Option<StoredManifest>, ManifestError> {
        let (registry, image, reference) = (self.clone(), image.clone(), reference.clone());
        blocking(move || registry.manifest_blocking(&image, &reference)).await
    }

    /// Points a tag at a manifest that the image has.
    pub async fn tag(
        &self,
        image: &ImageName,
        tag: &Tag,
        digest: &ArtifactDigest,
    ) -> Result<(), ManifestError> {
        let (registry, image, tag) = (self.clone(), image.clone(), tag.clone());
        let digest = digest.clone();
        blocking(move || {
            let _adding = registry.adding();
            registry.tag_blocking(&image, &tag, &digest)
        })
        .await
    }

    /// The image's tags in lexical order; `None` when there is no such image.
    pub async fn tags(&self, image: &ImageName) -> Result<Option<Vec<String>>, BlobError> {
        let folder = self.folder(image);
        blocking(move || {
            if !folder.join("_manifests").exists() {
                return Ok(None);
            }
            names_in(&folder.join("_tags")).map(Some)
        })
        .await
    }

    /// What was pushed about a manifest: signatures, provenance, lists of contents.
    pub async fn referrers(
        &self,
        image: &ImageName,
        subject: &ArtifactDigest,
    ) -> Result<Vec<Descriptor>, ManifestError> {
        let folder = self.folder(image).join("_referrers").join(subject.hexadecimal());
        blocking(move || {
            let mut descriptors = Vec::new();
            for name in names_in(&folder)? {
                let bytes = fs::read(folder.join(name)).map_err(BlobError::from)?;
                descriptors.push(parse(&bytes)?);
            }
            Ok(descriptors)
        })
        .await
    }

    /// Whether the image may use the blob.
    pub async fn has_blob(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
    ) -> Result<bool, BlobError> {
        let path = self.link_path(image, digest);
        blocking(move || Ok(path.try_exists()?)).await
    }

    /// Lets the image use a blob; false when it is not in the store.
    pub async fn link_blob(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
    ) -> Result<bool, BlobError> {
        let (registry, path) = (self.clone(), self.link_path(image, digest));
        let digest = digest.clone();
        blocking(move || {
            let _adding = registry.adding();
            // Both are as young as this need of them, so that neither is collected.
            let there = registry.shared.blobs.touch(&digest)?;
            if there { registry.write_small(&path, b"").map(|()| true) } else { Ok(false) }
        })
        .await
    }

    /// A folder that was published as it lies here: a tape archive, compressed with gzip, and its size
    /// in bytes. `None` when the image has no such manifest, or one of another shape.
    pub async fn open_folder(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
    ) -> Result<Option<(fs::File, u64)>, ManifestError> {
        let (registry, image, digest) = (self.clone(), image.clone(), digest.clone());
        blocking(move || {
            let reference = Reference::Digest(digest);
            let Some(stored) = registry.manifest_blocking(&image, &reference)? else {
                return Ok(None);
            };
            let [layer] = stored.manifest.layers.as_slice() else { return Ok(None) };
            if layer.media_type != media_type::LAYER_GZIP {
                return Ok(None);
            }
            Ok(registry.shared.blobs.open_blob(&layer.digest)?)
        })
        .await
    }

    /// Unpacks an image or an artifact into a folder that is empty or not there. On failure the
    /// folder is as it was.
    pub async fn unpack(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
        into: &Path,
    ) -> Result<ImageConfig, UnpackError> {
        let (registry, image, digest) = (self.clone(), image.clone(), digest.clone());
        let into = into.to_path_buf();
        blocking(move || registry.unpack_blocking(&image, &digest, &into)).await
    }

    fn push_folder_blocking(
        &self,
        image: &ImageName,
        folder: &Path,
        options: &ImageOptions,
    ) -> Result<ArtifactDigest, PushError> {
        let blob = self.shared.blobs.writer(self.shared.limits.blob_size_bytes_max)?;
        let layer = pack::pack(folder, blob)?;
        let (config_type, config, artifact_type, annotations) = match options.kind {
            ImageKind::Image => {
                let document = options.document(layer.diff_id);
                (media_type::CONFIG, json(&document)?, None, BTreeMap::new())
            }
            ImageKind::Artifact => {
                let artifact_type = Some(media_type::FOLDER.to_owned());
                (media_type::EMPTY, b"{}".to_vec(), artifact_type, options.labels.clone())
            }
        };
        let config_size = config.len() as u64;
        let config_digest = self.shared.blobs.put_bytes_blocking(&config)?;
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media_type::MANIFEST.into()),
            artifact_type,
            config: Some(Descriptor::new(config_type, config_digest.clone(), config_size)),
            layers: vec![Descriptor::new(media_type::LAYER_GZIP, layer.digest.clone(), layer.size)],
            manifests: Vec::new(),
            subject: None,
            annotations,
        };
        let bytes = json(&manifest)?;
        // What was just written is too young to be collected; packing may take long.
        let _adding = self.adding();
        for digest in [&config_digest, &layer.digest] {
            self.write_small(&self.link_path(image, digest), b"")?;
        }
        let reference = Reference::Digest(digest_of(&bytes));
        let stored = self.put_manifest_blocking(image, &reference, media_type::MANIFEST, bytes)?;
        Ok(stored.digest)
    }

    fn put_manifest_blocking(
        &self,
        image: &ImageName,
        reference: &Reference,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<StoredManifest, ManifestError> {
        let manifest: Manifest = parse(&bytes)?;
        validate(&manifest, media_type)?;
        let digest = match reference {
            Reference::Tag(_) => digest_of(&bytes),
            Reference::Digest(expected) => {
                let found = digest_like(expected, bytes.as_slice()).map_err(BlobError::from)?;
                if *expected != found {
                    let expected = expected.clone();
                    return Err(ManifestError::WrongDigest { expected, found });
                }
                found
            }
        };
        let pushed = |layer: &&Descriptor| !media_type::is_non_distributable(&layer.media_type);
        let blobs = manifest.config.iter().chain(manifest.layers.iter().filter(pushed));
        let blobs = blobs.map(|blob| (self.link_path(image, &blob.digest), &blob.digest));
        let children = manifest.manifests.iter();
        let children =
            children.map(|child| (self.manifest_path(image, &child.digest), &child.digest));
        for (path, digest) in blobs.chain(children) {
            if !path.try_exists().map_err(BlobError::from)? {
                let (image, digest) = (image.clone(), digest.clone());
                return Err(ManifestError::BlobUnknown { image, digest });
            }
        }
        self.shared.blobs.put_known_blocking(&digest, &bytes)?;
        let stored = StoredManifest { digest, media_type: media_type.into(), bytes, manifest };
        if let Some(subject) = &stored.manifest.subject {
            let folder = self.folder(image).join("_referrers").join(subject.digest.hexadecimal());
            let path = folder.join(stored.digest.hexadecimal());
            self.write_small(&path, &json(&stored.as_referrer())?)?;
        }
        self.write_small(&self.manifest_path(image, &stored.digest), media_type.as_bytes())?;
        Ok(stored)
    }

    pub(crate) fn manifest_blocking(
        &self,
        image: &ImageName,
        reference: &Reference,
    ) -> Result<Option<StoredManifest>, ManifestError> {
        let digest = match reference {
            Reference::Digest(digest) => digest.clone(),
            Reference::Tag(tag) => {
                let path = self.folder(image).join("_tags").join(tag.as_str());
                let Some(text) = read_small(&path)? else { return Ok(None) };
                let damaged = |error: InvalidId| BlobError::Storage(io::Error::other(error));
                ArtifactDigest::from_str(text.trim()).map_err(damaged)?
            }
        };
        let Some(media_type) = read_small(&self.manifest_path(image, &digest))? else {
            return Ok(None);
        };
        let size_bytes_max = self.shared.limits.manifest_size_bytes_max;
        let Some(bytes) = self.shared.blobs.get_blocking(&digest, size_bytes_max)? else {
            return Err(BlobError::Damaged { digest }.into());
        };
        let manifest = parse(&bytes)?;
        Ok(Some(StoredManifest { digest, media_type, bytes, manifest }))
    }

    fn tag_blocking(
        &self,
        image: &ImageName,
        tag: &Tag,
        digest: &ArtifactDigest,
    ) -> Result<(), ManifestError> {
        if !self.manifest_path(image, digest).try_exists().map_err(BlobError::from)? {
            let (image, digest) = (image.clone(), digest.clone());
            return Err(ManifestError::BlobUnknown { image, digest });
        }
        let path = self.folder(image).join("_tags").join(tag.as_str());
        Ok(self.write_small(&path, digest.as_str().as_bytes())?)
    }

    fn unpack_blocking(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
        into: &Path,
    ) -> Result<ImageConfig, UnpackError> {
        let write = |source| UnpackError::Write { path: into.to_path_buf(), source };
        let manifest = self.runnable(image, digest)?;
        let config = self.config(&manifest)?;
        let existed = into.exists();
        fs::create_dir_all(into).map_err(write)?;
        if fs::read_dir(into).map_err(write)?.next().is_some() {
            return Err(UnpackError::NotEmpty { path: into.to_path_buf() });
        }
        let mut budget = Budget::new(self.shared.limits.unpack);
        let layers = &manifest.layers;
        let result = layers
            .iter()
            .try_for_each(|layer| unpack_layer(&self.shared.blobs, layer, into, &mut budget));
        if result.is_err() {
            fs::remove_dir_all(into).map_err(write)?;
            if existed {
                fs::create_dir(into).map_err(write)?;
            }
        }
        result.map(|()| config)
    }

    /// The image manifest; of an index the one for this machine.
    fn runnable(
        &self,
        image: &ImageName,
        digest: &ArtifactDigest,
    ) -> Result<Manifest, UnpackError> {
        let read = |digest: &ArtifactDigest| {
            let found = self.manifest_blocking(image, &Reference::Digest(digest.clone()));
            let missing = || UnpackError::Missing { what: format!("{image}@{digest}") };
            match found {
                Ok(found) => found.ok_or_else(missing),
                Err(ManifestError::Blob(error)) => Err(error.into()),
                Err(error) => Err(UnpackError::Unsupported(error.to_string())),
            }
        };
        let stored = read(digest)?;
        if !is_index(&stored.media_type) {
            return Ok(stored.manifest);
        }
        let fits = |child: &&Descriptor| {
            child.platform.as_ref().is_some_and(|platform| {
                platform.os == "linux" && platform.architecture == architecture()
            })
        };
        let Some(child) = stored.manifest.manifests.iter().find(fits) else {
            let problem = format!("its index has nothing for linux/{}", architecture());
            return Err(UnpackError::Unsupported(problem));
        };
        let child = read(&child.digest)?;
        if is_index(&child.media_type) {
            return Err(UnpackError::Unsupported("its index leads to another index".into()));
        }
        Ok(child.manifest)
    }

    fn config(&self, manifest: &Manifest) -> Result<ImageConfig, UnpackError> {
        let Some(config) = manifest.config.as_ref().filter(|c| c.media_type != media_type::EMPTY)
        else {
            return Ok(ImageConfig::default());
        };
        let size_bytes_max = self.shared.limits.manifest_size_bytes_max;
        let Some(bytes) = self.shared.blobs.get_blocking(&config.digest, size_bytes_max)? else {
            return Err(UnpackError::Missing {
                what: format!("the configuration {}", config.digest),
            });
        };
        let document: ConfigDocument = serde_json::from_slice(&bytes)
            .map_err(|error| UnpackError::Unsupported(format!("its configuration: {error}")))?;
        Ok(document.config.into())
    }

    /// Writes a small file whole or not at all.
    fn write_small(&self, path: &Path, bytes: &[u8]) -> Result<(), BlobError> {
        let number = self.shared.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.shared.root.join("_temporary").join(number.to_string());
        let result = self.write_and_rename(path, &temporary, bytes);
        if result.is_err() {
            // What stays behind is removed at the next start.
            let _ = fs::remove_file(temporary);
        }
        Ok(result?)
    }

    fn write_and_rename(&self, path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = fs::File::create_new(temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let folder = path.parent().unwrap_or(&self.shared.root);
        create_folders(folder)?;
        fs::rename(temporary, path)?;
        sync_folder(folder)
    }

    /// As long as it lives, nothing is taken away.
    fn adding(&self) -> RwLockReadGuard<'_, ()> {
        // It guards files, each of which is whole at any time.
        self.shared.changes.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn folder(&self, image: &ImageName) -> PathBuf {
        self.shared.root.join(image.to_string())
    }

    pub(crate) fn link_path(&self, image: &ImageName, digest: &ArtifactDigest) -> PathBuf {
        self.folder(image).join("_blobs").join(digest.hexadecimal())
    }

    pub(crate) fn manifest_path(&self, image: &ImageName, digest: &ArtifactDigest) -> PathBuf {
        self.folder(image).join("_manifests").join(digest.hexadecimal())
    }
}

impl StoredManifest {
    /// How a list of referrers shows this manifest.
    fn as_referrer(&self) -> Descriptor {
        let config_type = self.manifest.config.as_ref().map(|config| config.media_type.clone());
        Descriptor {
            artifact_type: self.manifest.artifact_type.clone().or(config_type),
            annotations: self.manifest.annotations.clone(),
            ..Descriptor::new(&self.media_type, self.digest.clone(), self.bytes.len() as u64)
        }
    }
}

/// Creates missing folders, each on the disk before something is put into it.
fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folders(parent)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => sync_folder(parent)?,
        }
    }
    Ok(())
}

fn is_index(media_type: &str) -> bool {
    media_type == media_type::INDEX || media_type == media_type::DOCKER_INDEX
}

fn validate(manifest: &Manifest, media_type: &str) -> Result<(), ManifestError> {
    let problem = if manifest.schema_version != 2 {
        Some("its schemaVersion is not 2".into())
    } else if manifest.media_type.as_ref().is_some_and(|own| own != media_type) {
        Some(format!("it was sent as `{media_type}` and says that it is something else"))
    } else if is_index(media_type) {
        manifest.config.as_ref().map(|_| "an index has no configuration".into())
    } else if media_type == media_type::MANIFEST || media_type == media_type::DOCKER_MANIFEST {
        manifest.config.is_none().then(|| "it has no configuration".into())
    } else {
        Some(format!("`{media_type}` is not a media type of manifests"))
    };
    problem.map_or(Ok(()), |problem| Err(ManifestError::Invalid(problem)))
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, ManifestError> {
    serde_json::from_slice(bytes).map_err(|error| ManifestError::Invalid(error.to_string()))
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, ManifestError> {
    serde_json::to_vec(value).map_err(|error| ManifestError::Invalid(error.to_string()))
}

pub(crate) fn read_small(path: &Path) -> Result<Option<String>, BlobError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn names_in(folder: &Path) -> Result<Vec<String>, BlobError> {
    let mut names = Vec::new();
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                names.push(entry?.file_name().to_string_lossy().into_owned());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    names.sort();
    Ok(names)
}
