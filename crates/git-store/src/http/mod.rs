//! Git's smart HTTP protocol, without a web server: bytes in, bytes out.
//!
//! The routes of a server answer `GET info/refs?service=…` with [`advertise()`], `POST
//! git-upload-pack` with [`upload_pack`], and `POST git-receive-pack` with [`receive()`]: that gives
//! what was pushed, the caller decides, takes the objects in ([`Received::accept`]), moves the refs
//! ([`crate::Repository::update_refs`]) and answers with [`Received::report`].

use std::io;

use bytes::Bytes;
use futures::stream::BoxStream;

mod advertise;
mod body;
mod facts;
mod list_refs;
mod pack;
mod receive;
mod report;
mod scan;
mod upload;

pub use advertise::advertise;
pub use body::gunzip;
pub use receive::{ReceiveLimits, ReceiveRefusal, Received, receive};
pub use report::{CommandReport, Report};
pub use upload::upload_pack;

/// A body that arrives or leaves in pieces.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// What a client wants of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Fetch and clone.
    UploadPack,
    /// Push.
    ReceivePack,
}

/// The version of the protocol that a client asks for by its header `Git-Protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// The first one, without a header.
    #[default]
    V0,
    /// `version=1`: as the first, with a line that says so.
    V1,
    /// `version=2`: commands.
    V2,
}

impl Service {
    /// The service of this name: `git-upload-pack`, `git-receive-pack`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "git-upload-pack" => Some(Self::UploadPack),
            "git-receive-pack" => Some(Self::ReceivePack),
            _ => None,
        }
    }

    /// Its name in addresses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    /// The content type of its advertisement.
    #[must_use]
    pub fn advertisement_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-advertisement",
            Self::ReceivePack => "application/x-git-receive-pack-advertisement",
        }
    }

    /// The content type that its requests must have.
    #[must_use]
    pub fn request_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-request",
            Self::ReceivePack => "application/x-git-receive-pack-request",
        }
    }

    /// The content type of its answers.
    #[must_use]
    pub fn result_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-result",
            Self::ReceivePack => "application/x-git-receive-pack-result",
        }
    }
}

impl Protocol {
    /// The version in the header `Git-Protocol`, whose parts are separated by `:`; unknown parts are
    /// other extensions' and are passed over, as the protocol asks.
    #[must_use]
    pub fn from_header(header: Option<&str>) -> Self {
        let mut versions = header.unwrap_or_default().split(':').rev();
        let known = versions.find_map(|part| match part.trim() {
            "version=1" => Some(Self::V1),
            "version=2" => Some(Self::V2),
            _ => None,
        });
        known.unwrap_or_default()
    }

    /// What the environment variable `GIT_PROTOCOL` has for it.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::V0 => "version=0",
            Self::V1 => "version=1",
            Self::V2 => "version=2",
        }
    }
}
