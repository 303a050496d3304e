//! Embeds the built page, when there is one: `cargo xtask web` makes it. Never builds it by itself,
//! so that a build without Node still gives a whole server.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let built = root.join("../../web/dist/page");
    println!("cargo::rerun-if-changed=build.rs");
    // The folder around it is always there; one that is not would make every build start anew.
    println!("cargo::rerun-if-changed={}", root.join("../../web/dist").display());
    let mut files = Vec::new();
    if built.join("index.html").is_file() {
        collect(&built, &built, &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    for (index, (path, file)) in files.iter().enumerate() {
        let packed = out.join(format!("page-{index}.gz"));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&fs::read(file)?)?;
        fs::write(&packed, encoder.finish()?)?;
        // Writing to a text cannot fail.
        let _ =
            writeln!(list, "    ({path:?}, include_bytes!({:?})),", packed.display().to_string());
    }
    list.push_str("]\n");
    fs::write(out.join("page.rs"), list)
}

/// Every file below a folder with its path from it, `/assets/index-….js`.
fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
            continue;
        }
        let below = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if !below.starts_with('.') {
            files.push((format!("/{below}"), path));
        }
    }
    Ok(())
}
