//! Prometheus' remote write 1.0: a protobuf message in a snappy block.
//!
//! The message has four kinds of fields and the block is written as literals, which is valid snappy
//! without compression; two libraries for it would be longer than this file.

use super::Point;

/// The body of one request.
pub(super) fn encode(points: &[Point]) -> Vec<u8> {
    let mut message = Vec::new();
    for point in points {
        let mut series = Vec::new();
        for (name, value) in point.labels.iter().filter(|(_, value)| !value.is_empty()) {
            let mut label = Vec::new();
            bytes_field(1, name.as_bytes(), &mut label);
            bytes_field(2, value.as_bytes(), &mut label);
            bytes_field(1, &label, &mut series);
        }
        let mut sample = vec![(1 << 3) | 1];
        sample.extend_from_slice(&point.value.to_le_bytes());
        sample.push(2 << 3);
        varint(u64::from_ne_bytes(point.at.0.to_ne_bytes()), &mut sample);
        bytes_field(2, &sample, &mut series);
        bytes_field(1, &series, &mut message);
    }
    snappy(&message)
}

fn bytes_field(number: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push((number << 3) | 2);
    varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The block format: the length, then literals of at most 64 KiB with a two-byte length.
fn snappy(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + content.len() / 1000 + 16);
    varint(content.len() as u64, &mut out);
    for chunk in content.chunks(1 << 16) {
        out.push(61 << 2);
        out.extend_from_slice(&((chunk.len() - 1) as u16).to_le_bytes());
        out.extend_from_slice(chunk);
    }
    out
}
