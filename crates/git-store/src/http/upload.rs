//! Fetch and clone: Git's own program makes the packs.

use std::io;
use std::process::Stdio;

use bytes::Bytes;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio_util::io::ReaderStream;

use super::body::{BodyReader, reader};
use super::list_refs;
use super::{ByteStream, Protocol};
use crate::error::StoreError;
use crate::packet::{self, Packet, write};
use crate::store::Repository;

/// The buffer between Git and the client, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// The body of the answer to `POST git-upload-pack`.
///
/// # Errors
/// [`StoreError::Read`] when the request itself is broken (HTTP 400), others when the repository is.
pub async fn upload_pack(
    repository: &Repository,
    protocol: Protocol,
    body: ByteStream,
) -> Result<ByteStream, StoreError> {
    let broken = |error: io::Error| StoreError::read("the request", error);
    let mut body = reader(body);
    let mut start = Vec::new();
    if protocol == Protocol::V2 {
        match packet::read(&mut body).await.map_err(broken)? {
            Some(Packet::Data(content)) if packet::text(&content) == "command=ls-refs" => {
                let arguments = list_refs::read(&mut body).await.map_err(broken)?;
                return list(repository.clone(), arguments).await;
            }
            Some(Packet::Data(content)) => write(&mut start, &content),
            Some(Packet::Flush) => start.extend(packet::FLUSH),
            Some(Packet::Delimiter | Packet::ResponseEnd) | None => {
                let text = "it does not begin with a command";
                return Err(broken(io::Error::new(io::ErrorKind::InvalidData, text)));
            }
        }
    }
    spawn(repository, protocol, start, body)
}

async fn list(
    repository: Repository,
    arguments: list_refs::ListRefs,
) -> Result<ByteStream, StoreError> {
    let answered =
        tokio::task::spawn_blocking(move || list_refs::answer(&repository, &arguments)).await;
    let bytes = answered.map_err(|error| StoreError::read("the refs", error))??;
    Ok(futures::stream::once(async { Ok(Bytes::from(bytes)) }).boxed())
}

fn spawn(
    repository: &Repository,
    protocol: Protocol,
    start: Vec<u8>,
    mut body: BodyReader,
) -> Result<ByteStream, StoreError> {
    let mut command = Command::from(repository.command(None));
    command
        .env("GIT_PROTOCOL", protocol.variable())
        .args(["upload-pack", "--stateless-rpc"])
        .arg(repository.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(StoreError::GitMissing)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else {
        let source = io::Error::other("a pipe is missing");
        return Err(StoreError::Files { what: "talk to git".into(), source });
    };
    // Git may end before it has read everything; what it says then is the answer.
    tokio::spawn(async move {
        let fed = async {
            stdin.write_all(&start).await?;
            tokio::io::copy_buf(&mut body, &mut stdin).await?;
            stdin.shutdown().await
        };
        if let Err(error) = fed.await {
            tracing::debug!(%error, "the request of a fetch was not read to its end");
        }
    });
    let pieces = ReaderStream::with_capacity(stdout, BUFFER_BYTES);
    let end = futures::stream::once(finish(child)).filter_map(|end| async { end.err().map(Err) });
    Ok(pieces.chain(end).boxed())
}

/// Waits for the end; a bad one breaks the answer off, so that no client takes it for whole.
async fn finish(mut child: Child) -> io::Result<()> {
    let mut complaint = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_end(&mut complaint).await?;
    }
    let status = child.wait().await?;
    if status.success() {
        return Ok(());
    }
    let complaint = crate::program::complaint(&complaint);
    tracing::info!(complaint, "a fetch ended early");
    Err(io::Error::other(complaint))
}
