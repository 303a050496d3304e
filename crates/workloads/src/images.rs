//! Where images come from: the one thing that the engine does not know how to get.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

/// A future that may be kept in a field.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An image whose layers lie in a folder, with what its configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnpackedImage {
    /// The folder that holds the image's root; it does not change any more.
    pub folder: PathBuf,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// Further arguments, or the program when there is no entry point.
    pub command: Vec<String>,
    /// Variables that the image sets.
    pub environment: BTreeMap<String, String>,
    /// Where the program starts; `None`: the root.
    pub working_directory: Option<PathBuf>,
}

/// Why an image cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageProblem {
    /// No registry that we know has it.
    #[error("there is no image `{reference}`; publish it, or correct the manifest")]
    Missing {
        /// As the manifest names it.
        reference: String,
    },
    /// It is there, but it is not an image that can run here.
    #[error("the image `{reference}` cannot be used: {reason}")]
    Unusable {
        /// As the manifest names it.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It could not be read or written now.
    #[error("the image `{reference}` could not be unpacked: {reason}; this is tried again")]
    Failed {
        /// As the manifest names it.
        reference: String,
        /// What went wrong.
        reason: String,
    },
}

impl ImageProblem {
    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "image-missing",
            Self::Unusable { .. } => "image-unusable",
            Self::Failed { .. } => "image-unpack-failed",
        }
    }
}

/// A source of images. The server's is the embedded registry.
pub trait Images: Send + Sync {
    /// Unpacks the image below `into_cache`, or finds it there. Called again for each start of a
    /// replica, so an image that is there already must answer at once.
    fn unpack<'a>(
        &'a self,
        reference: &'a str,
        into_cache: &'a Path,
    ) -> BoxFuture<'a, Result<UnpackedImage, ImageProblem>>;
}
