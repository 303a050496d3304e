//! The charts that were fetched, in a folder: archives by their digest, and which digest a chart
//! had. An archive that is missing or damaged is fetched again, and must be the same one.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use deployments::{Chart, ChartProblem};

use super::{ArchiveForm, ChartArchive, digest_of};
use crate::folder::make_room;

/// The archives that were used least recently go when all together are larger. Those in use are
/// read at each start.
const BYTES_MAX: u64 = 4 << 30;

/// What follows the digest of an archive that is no chart.
const FILES_MARK: &str = " files";

/// Archives by digest.
#[derive(Debug, Clone)]
pub struct ChartStore {
    archives: PathBuf,
    known: PathBuf,
}

impl ChartStore {
    /// A store in this folder, which is made when it is needed.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { archives: folder.join("sha256"), known: folder.join("known") }
    }

    /// What was fetched with the credential of a reader, which is nobody else's: archives are found by what
    /// is known of a chart, and that is the reader's own.
    #[must_use]
    pub fn of_reader(&self, reader: &str) -> Self {
        let name = digest_of(reader.as_bytes()).trim_start_matches("sha256:").to_owned();
        Self { archives: self.archives.clone(), known: self.known.join("of").join(name) }
    }

    /// A chart that was fetched; `on_record` is the digest that it had when it was rendered first.
    pub fn get(
        &self,
        chart: &Chart,
        on_record: Option<&str>,
    ) -> Result<Option<ChartArchive>, ChartProblem> {
        let Some((kept, form)) = self.known(chart) else { return Ok(None) };
        // What somebody else got under its name is not for who got this.
        if on_record.is_some_and(|digest| digest != kept) {
            return Ok(None);
        }
        let digest = kept.as_str();
        let Some(path) = self.archive(digest) else { return Ok(None) };
        let Ok(bytes) = fs::read(&path) else { return Ok(None) };
        if digest_of(&bytes) != digest {
            return Ok(None);
        }
        // Only the order in which archives go depends on it.
        let _ = File::options().append(true).open(&path).map(|file| {
            let _ = file.set_modified(SystemTime::now());
        });
        ChartArchive::of(chart, &bytes, form, None).map(Some)
    }

    /// Keeps what was fetched, if it is what it was before. What cannot be written is refused:
    /// otherwise it would be fetched without end.
    pub fn keep(
        &self,
        chart: &Chart,
        bytes: &[u8],
        form: ArchiveForm,
        on_record: Option<&str>,
    ) -> Result<ChartArchive, ChartProblem> {
        let kept = self.known(chart).map(|(digest, _)| digest);
        let archive = ChartArchive::of(chart, bytes, form, on_record.or(kept.as_deref()))?;
        let write = || -> std::io::Result<()> {
            make_room(&self.archives, BYTES_MAX, bytes.len() as u64)?;
            if let Some(path) = self.archive(&archive.digest) {
                write_whole(&path, bytes)?;
            }
            let known = match form {
                ArchiveForm::Chart => archive.digest.clone(),
                ArchiveForm::Files => format!("{}{FILES_MARK}", archive.digest),
            };
            write_whole(&self.known.join(key(chart)), known.as_bytes())
        };
        match write() {
            Ok(()) => Ok(archive),
            Err(error) => Err(ChartProblem::Unavailable {
                chart: chart.clone(),
                message: format!("it cannot be kept: {error}"),
            }),
        }
    }

    /// The digest that a chart had when it was fetched, and what it was.
    fn known(&self, chart: &Chart) -> Option<(String, ArchiveForm)> {
        let text = fs::read_to_string(self.known.join(key(chart))).ok()?;
        Some(match text.strip_suffix(FILES_MARK) {
            Some(digest) => (digest.to_owned(), ArchiveForm::Files),
            None => (text, ArchiveForm::Chart),
        })
    }

    fn archive(&self, digest: &str) -> Option<PathBuf> {
        let digits = digest.strip_prefix("sha256:")?;
        let is_digest = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_digest.then(|| self.archives.join(digits))
    }
}

/// A chart's name as that of a file.
fn key(chart: &Chart) -> String {
    digest_of(chart.to_string().as_bytes()).trim_start_matches("sha256:").to_owned()
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
