//! Packet lines, by gitprotocol-common(5): four hexadecimal digits of length, then the content.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest packet that the protocol allows, its length's digits included.
pub(crate) const PACKET_BYTES_MAX: usize = 65_520;

/// Ends a section.
pub(crate) const FLUSH: &[u8] = b"0000";

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet {
    /// `0000`.
    Flush,
    /// `0001`, between the parts of a request of protocol 2.
    Delimiter,
    /// `0002`, the end of an answer.
    ResponseEnd,
    /// Anything else.
    Data(Vec<u8>),
}

/// Appends a packet.
///
/// # Panics
/// When the content is larger than a packet may be; callers split before.
pub(crate) fn write(out: &mut Vec<u8>, content: &[u8]) {
    let length = content.len() + 4;
    assert!(length <= PACKET_BYTES_MAX, "a packet of {length} bytes is too large");
    out.extend(format!("{length:04x}").bytes());
    out.extend(content);
}

/// Reads a packet; `None` at the end of the input.
pub(crate) async fn read(input: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Packet>> {
    let mut digits = [0; 4];
    let first = input.read(&mut digits[..1]).await?;
    if first == 0 {
        return Ok(None);
    }
    input.read_exact(&mut digits[1..]).await?;
    let length =
        std::str::from_utf8(&digits).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
    match length {
        Some(0) => Ok(Some(Packet::Flush)),
        Some(1) => Ok(Some(Packet::Delimiter)),
        Some(2) => Ok(Some(Packet::ResponseEnd)),
        Some(length @ 4..=PACKET_BYTES_MAX) => {
            let mut content = vec![0; length - 4];
            input.read_exact(&mut content).await?;
            Ok(Some(Packet::Data(content)))
        }
        Some(_) | None => {
            let shown = String::from_utf8_lossy(&digits).into_owned();
            let text = format!("`{shown}` is not the length of a packet");
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        }
    }
}

/// A packet's text without the line's end that most have.
pub(crate) fn text(content: &[u8]) -> String {
    String::from_utf8_lossy(content.strip_suffix(b"\n").unwrap_or(content)).into_owned()
}
