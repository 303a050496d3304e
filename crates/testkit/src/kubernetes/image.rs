//! Container images of one static program, written as OCI archives without any registry.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Compiles a C program without anything that it would have to find at run time.
pub fn compile(source: &str, to: &Path) -> Result<()> {
    let mut compiler = Command::new("cc")
        .args(["-static", "-Os", "-s", "-x", "c", "-", "-o"])
        .arg(to)
        .stdin(Stdio::piped())
        .spawn()
        .context("start the C compiler `cc`")?;
    compiler.stdin.take().context("the compiler has no input")?.write_all(source.as_bytes())?;
    let status = compiler.wait().context("wait for the C compiler")?;
    ensure!(status.success(), "the C compiler refused the program; what it said is above");
    Ok(())
}

/// An archive with one image that has this file in its root and runs it.
pub fn archive(reference: &str, program: &Path) -> Result<Vec<u8>> {
    let name = program.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} has no name in UTF-8", program.display()))?;
    let content = std::fs::read(program).with_context(|| format!("read {}", program.display()))?;
    let layer = tar(&[(name.to_owned(), content, 0o755)])?;
    let config = json!({
        "architecture": architecture(), "os": "linux",
        "config": { "Entrypoint": [format!("/{name}")] },
        "rootfs": { "type": "layers", "diff_ids": [name_of(&layer)] },
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let mut listed = descriptor(MANIFEST, &manifest);
    listed["annotations"] = json!({ "io.containerd.image.name": reference });
    let index = json!({ "schemaVersion": 2, "manifests": [listed] });
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    let mut files = vec![
        ("oci-layout".to_owned(), layout.to_string().into_bytes(), 0o644),
        ("index.json".to_owned(), index.to_string().into_bytes(), 0o644),
    ];
    for blob in [layer, config, manifest] {
        files.push((format!("blobs/{}", name_of(&blob).replace(':', "/")), blob, 0o644));
    }
    tar(&files)
}

fn tar(files: &[(String, Vec<u8>, u32)]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content, mode) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(content.len())?);
        header.set_mode(*mode);
        archive.append_data(&mut header, path, content.as_slice()).context("write an archive")?;
    }
    archive.into_inner().context("end an archive")
}

fn descriptor(media_type: &str, blob: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": name_of(blob), "size": blob.len() })
}

fn name_of(blob: &[u8]) -> String {
    let hex: String =
        digest(&SHA256, blob).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// As Go names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
