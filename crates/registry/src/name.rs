//! Names of images and references to their manifests, parsed at the door.

use std::fmt;
use std::str::FromStr;

use ledger::{ArtifactDigest, InvalidId, RepositoryName};

/// `owner/name` or `owner/name/image`: an image's name belongs to a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    repository: RepositoryName,
    image: Option<String>,
}

/// A tag of the OCI distribution specification: at most 128 letters, digits, `_`, `.` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// How a manifest is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By what it is.
    Digest(ArtifactDigest),
    /// By what it is called at the moment.
    Tag(Tag),
}

impl ImageName {
    /// The image `image` of a repository; an empty text is the repository's only image.
    pub fn new(repository: &RepositoryName, image: &str) -> Result<Self, InvalidId> {
        if image.is_empty() {
            return Ok(Self { repository: repository.clone(), image: None });
        }
        format!("{repository}/{image}").parse()
    }

    /// The repository that the image belongs to.
    #[must_use]
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }
}

impl FromStr for ImageName {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected = "an image's name (owner/name or owner/name/image)";
        let invalid = || InvalidId { text: text.into(), expected };
        let mut parts = text.splitn(3, '/');
        let (Some(owner), Some(name)) = (parts.next(), parts.next()) else { return Err(invalid()) };
        let repository = RepositoryName::new(format!("{owner}/{name}")).map_err(|_| invalid())?;
        let image = parts.next();
        if image.is_some_and(|image| image.len() > 200 || !image.split('/').all(is_component)) {
            return Err(invalid());
        }
        Ok(Self { repository, image: image.map(Into::into) })
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.image {
            Some(image) => write!(f, "{}/{image}", self.repository),
            None => write!(f, "{}", self.repository),
        }
    }
}

impl Tag {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_valid = !text.is_empty()
            && text.len() <= 128
            && !text.starts_with(['.', '-'])
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        let expected = "a tag (letters, digits, `_`, `.`, `-`; at most 128)";
        if is_valid {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId { text: text.into(), expected })
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Reference {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.contains(':') {
            ArtifactDigest::new(text).map(Self::Digest)
        } else {
            text.parse().map(Self::Tag)
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => digest.fmt(f),
            Self::Tag(tag) => tag.fmt(f),
        }
    }
}

/// Names that the store's own folders have (`_tags`) begin with `_`, so images never do.
fn is_component(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}
