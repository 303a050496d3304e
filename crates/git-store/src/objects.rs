//! New objects made in this process, brought to disk as one pack.
//!
//! A pack and its index cost two forced writes for any number of objects, where loose objects would
//! cost two each.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gix::ObjectId;
use gix::object::Kind;

use crate::durable;
use crate::error::StoreError;
use crate::quarantine;

/// Objects that are not on disk yet.
#[derive(Debug, Default)]
pub(crate) struct NewObjects {
    objects: BTreeMap<ObjectId, (Kind, Vec<u8>)>,
}

/// One object's place in a pack.
struct Placed {
    id: ObjectId,
    checksum: u32,
    offset: u32,
}

impl NewObjects {
    /// Takes an object and gives its id.
    pub(crate) fn add(&mut self, kind: Kind, content: Vec<u8>) -> Result<ObjectId, StoreError> {
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, &content)
            .map_err(|error| StoreError::read("a new object", error))?;
        self.objects.insert(id, (kind, content));
        Ok(id)
    }

    /// Takes the others' objects, too.
    pub(crate) fn extend(&mut self, other: Self) {
        self.objects.extend(other.objects);
    }

    /// Leaves out what the repository has, and brings the rest to disk.
    pub(crate) fn store(mut self, repository: &crate::Repository) -> Result<(), StoreError> {
        // One that came this very moment is written once more: looking again for each that is new would
        // read the folder of packs as often.
        let mut local = repository.local();
        local.objects.refresh_never();
        self.objects.retain(|id, _| !local.has_object(*id));
        if self.objects.is_empty() {
            return Ok(());
        }
        let (pack, index, name) = self.pack()?;
        let folder = repository.objects_folder().join("pack");
        let write = || -> std::io::Result<()> {
            let temporary = |end: &str| folder.join(format!("tmp_{}.{end}", quarantine::unique()));
            let (pack_file, index_file) = (temporary("pack"), temporary("idx"));
            durable::write_new(&pack_file, &pack)?;
            durable::write_new(&index_file, &index)?;
            // The index last: a pack without one is not looked at.
            durable::move_file(&pack_file, &folder.join(format!("pack-{name}.pack")))?;
            durable::move_file(&index_file, &folder.join(format!("pack-{name}.idx")))?;
            durable::sync_folder(&folder)
        };
        write().map_err(StoreError::files("write new objects"))?;
        repository.grown();
        Ok(())
    }

    /// The pack, its index and its name, by gitformat-pack(5), version 2 of both.
    fn pack(&self) -> Result<(Vec<u8>, Vec<u8>, String), StoreError> {
        let count = u32::try_from(self.objects.len()).unwrap_or(u32::MAX);
        let mut pack = Vec::from(*b"PACK\0\0\0\x02");
        pack.extend(count.to_be_bytes());
        let mut placed = Vec::new();
        for (id, (kind, content)) in &self.objects {
            let start = pack.len();
            entry_header(&mut pack, *kind, content.len());
            let mut encoder = ZlibEncoder::new(&mut pack, Compression::fast());
            encoder
                .write_all(content)
                .and_then(|()| encoder.finish().map(drop))
                .map_err(StoreError::files("compress an object"))?;
            let mut crc = flate2::Crc::new();
            crc.update(&pack[start..]);
            let what = "the new objects".to_owned();
            let too_large = StoreError::TooLarge { what, limit_bytes: u64::from(u32::MAX) / 2 };
            let offset = u32::try_from(start).ok().filter(|at| *at < u32::MAX / 2);
            placed.push(Placed { id: *id, checksum: crc.sum(), offset: offset.ok_or(too_large)? });
        }
        let pack_checksum = sha1(&pack)?;
        pack.extend(pack_checksum.as_slice());
        let mut index = index_of(&placed);
        index.extend(pack_checksum.as_slice());
        let index_checksum = sha1(&index)?;
        index.extend(index_checksum.as_slice());
        Ok((pack, index, pack_checksum.to_hex().to_string()))
    }
}

/// Type and size of an entry: four bits of the size, then seven a byte.
fn entry_header(pack: &mut Vec<u8>, kind: Kind, size: usize) {
    let code: u8 = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let low = |bits: usize, mask: usize| u8::try_from(bits & mask).unwrap_or_default();
    let mut byte = (code << 4) | low(size, 0x0f);
    let mut rest = size >> 4;
    while rest > 0 {
        pack.push(byte | 0x80);
        byte = low(rest, 0x7f);
        rest >>= 7;
    }
    pack.push(byte);
}

/// The index of entries that are in the order of their ids, without its two trailing checksums.
fn index_of(placed: &[Placed]) -> Vec<u8> {
    let mut index = Vec::from(*b"\xfftOc\0\0\0\x02");
    for first in 0..=255_u8 {
        let until = placed.iter().filter(|one| one.id.as_slice()[0] <= first).count();
        index.extend(u32::try_from(until).unwrap_or(u32::MAX).to_be_bytes());
    }
    for one in placed {
        index.extend(one.id.as_slice());
    }
    for one in placed {
        index.extend(one.checksum.to_be_bytes());
    }
    for one in placed {
        index.extend(one.offset.to_be_bytes());
    }
    index
}

fn sha1(bytes: &[u8]) -> Result<ObjectId, StoreError> {
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(bytes);
    hasher.try_finalize().map_err(|error| StoreError::read("a checksum", error))
}

/// Writes a loose object into a quarantine, for a `git` that runs on it; not forced to disk.
pub(crate) fn write_loose(
    objects: &Path,
    id: ObjectId,
    kind: Kind,
    content: &[u8],
) -> std::io::Result<()> {
    let name = id.to_hex().to_string();
    let folder = objects.join(&name[..2]);
    std::fs::create_dir_all(&folder)?;
    let file = std::fs::File::create(folder.join(&name[2..]))?;
    let mut encoder = ZlibEncoder::new(file, Compression::fast());
    write!(encoder, "{kind} {}\0", content.len())?;
    encoder.write_all(content)?;
    encoder.finish().map(drop)
}

/// Reads every loose object of a quarantine.
pub(crate) fn read_loose(objects: &Path) -> std::io::Result<Vec<(Kind, Vec<u8>)>> {
    use std::io::Read as _;
    let mut found = Vec::new();
    for folder in std::fs::read_dir(objects)? {
        let folder = folder?;
        if folder.file_name().len() != 2 {
            continue;
        }
        for file in std::fs::read_dir(folder.path())? {
            let file = file?;
            if file.file_name().len() != 38 {
                continue;
            }
            let mut bytes = Vec::new();
            let opened = std::fs::File::open(file.path())?;
            flate2::read::ZlibDecoder::new(opened).read_to_end(&mut bytes)?;
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(0);
            let header = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let kind = header.split(' ').next().unwrap_or_default();
            let kind = Kind::from_bytes(kind.as_bytes()).map_err(std::io::Error::other)?;
            found.push((kind, bytes.split_off(end + 1)));
        }
    }
    Ok(found)
}
