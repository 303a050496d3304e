//! Artifacts: a content-addressed blob store with OCI distribution over it.
//!
//! [`BlobStore`] keeps bytes by their SHA-256 and is also the object store for logs and evidence.
//! [`Registry`] adds manifests, tags and referrers per image, packs folders ([`Registry::push_folder`])
//! and unpacks images safely ([`Registry::unpack`]). [`http::routes`] serves it all below `/v2/`.
//!
//! Invariants: a digest that was given back is on the disk; bytes are checked against their digest
//! when they are read whole for the first time since the start, and after each change of their file;
//! the same folder packs to the same digest; an image sees only its own
//! blobs, so a permission on one image says nothing about another.
//!
//! Absent on purpose: who may pull, push and delete, and what is still needed (hooks of the server's).

mod blobs;
mod checked;
mod collect;
mod delete;
mod digest;
pub mod http;
mod image;
mod name;
mod pack;
mod store;
mod unpack;

pub use blobs::{BlobError, BlobStore, BlobWriter};
pub use collect::Collected;
pub use delete::{DeleteError, Deleted};
pub use digest::digest_of;
pub use image::{Descriptor, ImageConfig, ImageKind, ImageOptions, Manifest, media_type};
pub use name::{ImageName, Reference, Tag};
pub use pack::PackError;
pub use store::{Limits, ManifestError, PushError, Registry, StoredManifest};
pub use unpack::{UnpackError, UnpackLimits};
