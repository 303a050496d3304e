//! A folder of files as a tree in memory.

use std::collections::BTreeMap;
use std::path::Path;

/// Files by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Every file below `folder`.
#[expect(clippy::disallowed_methods, reason = "the tests read the committed cases")]
pub fn read(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(at) = waiting.pop() {
        for entry in std::fs::read_dir(&at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_str().expect("UTF-8");
                files.insert(name.to_owned(), std::fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

/// Files from their texts.
pub fn of(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(path, text)| ((*path).into(), text.as_bytes().to_vec())).collect()
}
