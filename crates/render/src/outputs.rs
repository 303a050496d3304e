//! What programs printed for earlier orders, in a folder. Derived: what is missing is rendered again.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::folder::make_room;

/// The oldest go when all together are larger.
const BYTES_MAX: u64 = 256 << 20;
/// A digest in hexadecimal, and the end of its line.
const HEAD_BYTES: usize = 65;

/// Files by the order's key: the digest of the output on a line, then the output.
#[derive(Debug)]
pub(crate) struct Outputs {
    folder: PathBuf,
}

impl Outputs {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// A file that was cut short, by a full disk or a lost page, is as if it were not there.
    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.folder.join(key)).ok()?;
        let output = bytes.get(HEAD_BYTES..)?;
        let is_whole = bytes[..HEAD_BYTES] == *head(output).as_bytes();
        is_whole.then(|| bytes.split_off(HEAD_BYTES))
    }

    /// A failure costs a rendering later and nothing else.
    pub(crate) fn keep(&self, key: &str, output: &[u8]) {
        let write = || -> std::io::Result<()> {
            make_room(&self.folder, BYTES_MAX, output.len() as u64)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            std::io::Write::write_all(&mut file, head(output).as_bytes())?;
            std::io::Write::write_all(&mut file, output)?;
            file.persist(self.folder.join(key)).map_err(|error| error.error)?;
            Ok(())
        };
        let _ = write();
    }
}

fn head(output: &[u8]) -> String {
    format!("{}\n", hex::encode(Sha256::digest(output)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_short_is_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let outputs = Outputs::in_folder(folder.path().join("kept"));
        assert_eq!(outputs.get("key"), None);
        outputs.keep("key", b"a: 1\nb: 2\n");
        assert_eq!(outputs.get("key").as_deref(), Some(&b"a: 1\nb: 2\n"[..]));
        let file = folder.path().join("kept/key");
        let whole = fs::read(&file).expect("it was written");
        for length in [whole.len() - 5, HEAD_BYTES, 3, 0] {
            fs::write(&file, &whole[..length]).expect("it is written");
            assert_eq!(outputs.get("key"), None, "{length} bytes");
        }
    }
}
