//! A folder of derived files that may hold so many bytes: the oldest go first.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// Makes the folder when it is missing, and removes what is too much once `for_bytes` are added.
pub(crate) fn make_room(folder: &Path, bytes_max: u64, for_bytes: u64) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        let at = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        files.push((at, about.len(), entry.path()));
    }
    files.sort();
    let mut bytes = files.iter().map(|(_, bytes, _)| bytes).sum::<u64>() + for_bytes;
    for (_, size, path) in files {
        if bytes <= bytes_max {
            break;
        }
        fs::remove_file(path)?;
        bytes -= size;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_go_and_no_more_than_must() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = || {
            let entries = fs::read_dir(folder.path()).expect("it is read").flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
            names.sort();
            names
        };
        for (age_s, name) in [(1, "c"), (3, "a"), (2, "b")] {
            let path = folder.path().join(name);
            fs::write(&path, [0; 10]).expect("it is written");
            let file = fs::File::options().append(true).open(&path).expect("it is there");
            let at = SystemTime::now() - Duration::from_secs(age_s);
            file.set_modified(at).expect("its time is set");
        }
        for (bytes_max, for_bytes, left) in
            [(30, 0, &["a", "b", "c"][..]), (30, 1, &["b", "c"]), (25, 10, &["c"]), (5, 9, &[])]
        {
            make_room(folder.path(), bytes_max, for_bytes).expect("there is room");
            assert_eq!(names(), left, "{bytes_max} with {for_bytes} more");
        }
    }
}
