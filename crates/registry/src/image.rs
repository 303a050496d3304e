//! The OCI image specification's documents (v1.1), as far as they are read and written here.

use std::collections::BTreeMap;

use ledger::ArtifactDigest;
use serde::{Deserialize, Serialize};

/// Media types of the OCI image specification, and Docker's for the same things.
pub mod media_type {
    /// An image or artifact manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// A list of manifests.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An image's configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// The configuration of something that has none.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// A layer: a tar archive, compressed by gzip.
    pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A layer: a tar archive.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// A folder that was published as an artifact.
    pub const FOLDER: &str = "application/vnd.boucle.folder.v1";
    /// Docker's image manifest.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's list of manifests.
    pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// How layers are called that only their maker may give: nobody pushes them.
    const NON_DISTRIBUTABLE: [&str; 2] = [
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ];

    /// Whether a manifest may name a layer of this type that was not pushed.
    pub(crate) fn is_non_distributable(media_type: &str) -> bool {
        NON_DISTRIBUTABLE.iter().any(|kind| media_type.starts_with(kind))
    }

    /// Docker's layer.
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}

/// A pointer to content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: ArtifactDigest,
    /// Its size in bytes.
    pub size: u64,
    /// What an artifact is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What it runs on, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Free notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Platform {
    /// For example `linux`.
    pub os: String,
    /// For example `amd64`.
    pub architecture: String,
}

/// A manifest or an index; which one, the media type says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// What the document is; documents may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What an artifact is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration; an index has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Descriptor>,
    /// The layers, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Descriptor>,
    /// An index's manifests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<Descriptor>,
    /// What this one is about: a signature's image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Whether a folder becomes something that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImageKind {
    /// An image that runs.
    #[default]
    Image,
    /// Files only.
    Artifact,
}

/// How a folder is published.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageOptions {
    /// Image or artifact; what follows but the labels is for images.
    pub kind: ImageKind,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The arguments that a deployment may replace.
    pub cmd: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Where the program starts, from the image's root.
    pub working_dir: Option<String>,
    /// TCP ports that the program listens on.
    pub ports: Vec<u16>,
    /// Free notes: an image's labels, an artifact's annotations.
    pub labels: BTreeMap<String, String>,
}

/// How an image wants to be run. All empty for an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageConfig {
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The arguments that a deployment may replace.
    pub cmd: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Where the program starts, from the image's root.
    pub working_dir: Option<String>,
    /// TCP ports that the program listens on.
    pub ports: Vec<u16>,
    /// Free notes.
    pub labels: BTreeMap<String, String>,
}

/// The configuration document of an image.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ConfigDocument {
    pub architecture: String,
    pub os: String,
    #[serde(default)]
    pub config: RunDocument,
    pub rootfs: RootDocument,
}

/// Its part about running. Absent and null both mean empty.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RunDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
}

/// Its part about the layers: digests of the archives before compression.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RootDocument {
    #[serde(rename = "type")]
    pub kind: String,
    pub diff_ids: Vec<ArtifactDigest>,
}

impl Descriptor {
    /// A descriptor without the optional parts.
    #[must_use]
    pub fn new(media_type: &str, digest: ArtifactDigest, size: u64) -> Self {
        let media_type = media_type.into();
        let (artifact_type, platform, annotations) = (None, None, BTreeMap::new());
        Self { media_type, digest, size, artifact_type, platform, annotations }
    }
}

impl ImageOptions {
    pub(crate) fn document(&self, diff_id: ArtifactDigest) -> ConfigDocument {
        let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        let env: Vec<String> =
            self.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let port = |port: &u16| (format!("{port}/tcp"), serde_json::json!({}));
        let ports: BTreeMap<_, _> = self.ports.iter().map(port).collect();
        ConfigDocument {
            architecture: architecture().into(),
            os: "linux".into(),
            config: RunDocument {
                entrypoint: some(&self.entrypoint),
                cmd: some(&self.cmd),
                env: some(&env),
                working_dir: self.working_dir.clone(),
                exposed_ports: (!ports.is_empty()).then_some(ports),
                labels: (!self.labels.is_empty()).then(|| self.labels.clone()),
            },
            rootfs: RootDocument { kind: "layers".into(), diff_ids: vec![diff_id] },
        }
    }
}

impl From<RunDocument> for ImageConfig {
    fn from(document: RunDocument) -> Self {
        let env = document.env.unwrap_or_default();
        let pair = |text: &String| match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (text.clone(), String::new()),
        };
        let ports = document.exposed_ports.unwrap_or_default();
        let port = |text: &String| match text.split_once('/') {
            None | Some((_, "tcp")) => text.split('/').next()?.parse().ok(),
            Some(_) => None,
        };
        Self {
            entrypoint: document.entrypoint.unwrap_or_default(),
            cmd: document.cmd.unwrap_or_default(),
            env: env.iter().map(pair).collect(),
            working_dir: document.working_dir.filter(|folder| !folder.is_empty()),
            ports: ports.keys().filter_map(port).collect(),
            labels: document.labels.unwrap_or_default(),
        }
    }
}

/// This machine's architecture in OCI's (Go's) words.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
