//! Bodies of requests: inflating them, and reading them as a byte source.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::GzDecoder;
use futures::StreamExt;
use tokio_util::io::StreamReader;

use super::ByteStream;

/// A body as something to read from.
pub(crate) type BodyReader = tokio::io::BufReader<StreamReader<ByteStream, Bytes>>;

pub(crate) fn reader(body: ByteStream) -> BodyReader {
    tokio::io::BufReader::new(StreamReader::new(body))
}

/// The content of a body that came with `Content-Encoding: gzip`; more than `limit_bytes` of it is
/// an error of the kind [`io::ErrorKind::InvalidData`].
#[must_use]
pub fn gunzip(body: ByteStream, limit_bytes: u64) -> ByteStream {
    let state = (body, Some(GzDecoder::new(Vec::new())), 0_u64);
    let inflated =
        futures::stream::try_unfold(state, move |(mut body, decoder, total)| async move {
            let Some(mut decoder) = decoder else { return Ok(None) };
            loop {
                let piece = match body.next().await.transpose()? {
                    Some(piece) => {
                        decoder.write_all(&piece)?;
                        std::mem::take(decoder.get_mut())
                    }
                    None => {
                        let last = decoder.finish()?;
                        let state = (body, None, total);
                        return Ok(Some((Bytes::from(last), state)));
                    }
                };
                let total = total + piece.len() as u64;
                if total > limit_bytes {
                    let text = format!("the inflated body is larger than {limit_bytes} bytes");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
                if !piece.is_empty() {
                    return Ok(Some((Bytes::from(piece), (body, Some(decoder), total))));
                }
            }
        });
    inflated.boxed()
}
