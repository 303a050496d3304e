//! Registries, folders and hostile archives for the tests.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use ledger::{ArtifactDigest, RepositoryName};
use registry::{
    Descriptor, ImageName, Limits, Manifest, Reference, Registry, UnpackLimits, digest_of,
    media_type,
};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

pub fn new_registry() -> (TempDir, Registry) {
    new_registry_with(UnpackLimits::default())
}

pub fn new_registry_with(unpack: UnpackLimits) -> (TempDir, Registry) {
    let data = tempfile::tempdir().unwrap();
    let limits = Limits {
        blob_size_bytes_max: 32 << 20,
        manifest_size_bytes_max: 64 << 10,
        uploads_max: 4,
        unpack,
    };
    let registry = Registry::open(data.path(), limits).unwrap();
    (data, registry)
}

pub fn repository() -> RepositoryName {
    RepositoryName::new("demo/hello").unwrap()
}

pub fn image() -> ImageName {
    ImageName::new(&repository(), "").unwrap()
}

/// Where the store keeps a blob.
pub fn blob_path(data: &Path, digest: &ArtifactDigest) -> PathBuf {
    let hexadecimal = digest.as_str().strip_prefix("sha256:").unwrap();
    data.join("blobs/sha256").join(&hexadecimal[..2]).join(hexadecimal)
}

/// Changes one byte in the middle of a file.
pub fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// An entry whose header says what it likes: no library between the test and the archive.
pub struct RawEntry {
    pub path: &'static str,
    pub kind: EntryType,
    pub link: &'static str,
    pub mode: u32,
    pub content: Vec<u8>,
}

pub fn file(path: &'static str, content: &str) -> RawEntry {
    let content = content.as_bytes().to_vec();
    RawEntry { path, kind: EntryType::Regular, link: "", mode: 0o644, content }
}

pub fn special(path: &'static str, kind: EntryType, link: &'static str) -> RawEntry {
    RawEntry { path, kind, link, mode: 0o644, content: Vec::new() }
}

pub fn archive(entries: &[RawEntry]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..entry.path.len()].copy_from_slice(entry.path.as_bytes());
        header.as_mut_bytes()[157..157 + entry.link.len()].copy_from_slice(entry.link.as_bytes());
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(entry.content.len() as u64);
        header.set_cksum();
        builder.append(&header, entry.content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Pushes layers as an image; returns the manifest's digest.
pub async fn push_layers(registry: &Registry, layers: Vec<(&str, Vec<u8>)>) -> ArtifactDigest {
    let mut descriptors = Vec::new();
    for (media_type, bytes) in layers {
        descriptors.push(push_blob(registry, media_type, bytes).await);
    }
    let config = push_blob(registry, media_type::EMPTY, b"{}".to_vec()).await;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media_type::MANIFEST.into()),
        artifact_type: None,
        config: Some(config),
        layers: descriptors,
        manifests: Vec::new(),
        subject: None,
        annotations: Default::default(),
    };
    let bytes = serde_json::to_vec(&manifest).unwrap();
    let reference = Reference::Digest(digest_of(&bytes));
    let stored =
        registry.put_manifest(&image(), &reference, &[], media_type::MANIFEST, bytes).await;
    stored.unwrap().digest
}

async fn push_blob(registry: &Registry, media_type: &str, bytes: Vec<u8>) -> Descriptor {
    let size = bytes.len() as u64;
    let digest = registry.blobs().put_bytes(bytes).await.unwrap();
    assert!(registry.link_blob(&image(), &digest).await.unwrap());
    Descriptor::new(media_type, digest, size)
}
