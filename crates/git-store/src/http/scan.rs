//! Looks into a pack while it arrives, so that a file far above the limit is stopped early.
//!
//! Only what stands whole in the pack is seen: a file sent as a difference to another is judged
//! after it was received.

use flate2::{Decompress, FlushDecompress, Status};

/// This much of a file above the limit is still received, in bytes: smaller ones are received whole,
/// so that their path can be named.
const PATIENCE_BYTES: u64 = 8 * 1024 * 1024;

/// Follows the entries of a pack, by gitformat-pack(5), from after its 12 bytes of header.
pub(crate) struct Scanner {
    limit_bytes: u64,
    entries_left: u32,
    state: State,
    /// The declared size of the entry that is being read, in bytes.
    size: u64,
    /// How much of it has arrived, in bytes.
    arrived: u64,
    scratch: Vec<u8>,
}

enum State {
    /// Type and size; how many bits of the size are known.
    Size { kind: u8, shift: u32 },
    /// The distance to the base of a difference.
    Offset,
    /// The id of the base of a difference; how many bytes of it are left.
    Base { left: u8 },
    /// The compressed content.
    Content(Box<Decompress>),
    /// The end, or something that Git itself will complain about.
    Over,
}

impl Scanner {
    /// For a pack of so many entries.
    pub(crate) fn new(entries: u32, limit_bytes: u64) -> Self {
        let state = if entries == 0 { State::Over } else { start() };
        let scratch = vec![0; 32 * 1024];
        Self { limit_bytes, entries_left: entries, state, size: 0, arrived: 0, scratch }
    }

    /// Takes the next bytes; gives the size of a file that is to be stopped.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Option<u64> {
        while !bytes.is_empty() {
            bytes = self.step(bytes);
            if matches!(self.state, State::Over) {
                return None;
            }
        }
        let whole_file = matches!(self.state, State::Content(_)) && self.size > self.limit_bytes;
        (whole_file && self.arrived > PATIENCE_BYTES).then_some(self.size)
    }

    /// Takes at least one byte; gives the rest.
    fn step<'bytes>(&mut self, bytes: &'bytes [u8]) -> &'bytes [u8] {
        let (first, rest) = (bytes[0], &bytes[1..]);
        match &mut self.state {
            State::Over => &[],
            State::Size { kind, shift } => {
                if *shift == 0 {
                    *kind = (first >> 4) & 7;
                    self.size = u64::from(first & 0x0f);
                    *shift = 4;
                } else {
                    let bits = u64::from(first & 0x7f).checked_shl(*shift).unwrap_or(0);
                    self.size |= bits;
                    *shift += 7;
                }
                if first & 0x80 == 0 {
                    self.state = after_size(*kind);
                    self.arrived = 0;
                } else if *shift > 64 {
                    self.state = State::Over;
                }
                rest
            }
            State::Offset => {
                if first & 0x80 == 0 {
                    self.state = content();
                }
                // What is declared is the size of the difference, not of the file.
                self.size = 0;
                rest
            }
            State::Base { left } => {
                *left -= 1;
                if *left == 0 {
                    self.state = content();
                }
                self.size = 0;
                rest
            }
            State::Content(_) => self.inflate(bytes),
        }
    }

    fn inflate<'bytes>(&mut self, bytes: &'bytes [u8]) -> &'bytes [u8] {
        let State::Content(inflater) = &mut self.state else { return bytes };
        let before = (inflater.total_in(), inflater.total_out());
        let status = inflater.decompress(bytes, &mut self.scratch, FlushDecompress::None);
        let taken = inflater.total_in() - before.0;
        let nothing_happens = taken == 0 && inflater.total_out() == before.1;
        self.arrived += taken;
        let taken = usize::try_from(taken).unwrap_or(usize::MAX).min(bytes.len());
        match status {
            Ok(Status::StreamEnd) => {
                self.entries_left -= 1;
                self.state = if self.entries_left == 0 { State::Over } else { start() };
            }
            Ok(Status::Ok | Status::BufError) if !nothing_happens => {}
            Ok(Status::Ok | Status::BufError) | Err(_) => self.state = State::Over,
        }
        &bytes[taken..]
    }
}

fn start() -> State {
    State::Size { kind: 0, shift: 0 }
}

fn content() -> State {
    State::Content(Box::new(Decompress::new(true)))
}

fn after_size(kind: u8) -> State {
    match kind {
        1..=4 => content(),
        6 => State::Offset,
        7 => State::Base { left: 20 },
        _ => State::Over,
    }
}
