//! The files of an archive, trusting nothing in it: paths stay below its folder, there are no
//! links, and budgets bound what a small archive may become.

use std::collections::BTreeMap;
use std::io::Read;

use deployments::{Chart, ChartProblem};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use tar::Archive;

use super::{ARCHIVE_BYTES_MAX, ArchiveForm, digest_of};
use crate::file_set::{BYTES_MAX, FILES_MAX};
use crate::helm::CHART_FILE;

/// What names and padding of [`FILES_MAX`] files may add to their bytes.
const HEADER_BYTES_MAX: u64 = 32 << 20;

/// A chart as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartArchive {
    /// `sha256:…` of the archive.
    pub digest: String,
    /// Its files; those of a chart by their path below the chart's folder.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What it is.
    pub form: ArchiveForm,
}

/// What is compared with what was asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct About {
    name: Option<String>,
    version: Option<String>,
}

impl ChartArchive {
    /// Whether it is a chart.
    pub(crate) fn is_chart(&self) -> bool {
        self.form == ArchiveForm::Chart
    }

    /// What was found for a chart, if it is what it was before: `known` is the digest that it had.
    pub fn of(
        chart: &Chart,
        bytes: &[u8],
        form: ArchiveForm,
        known: Option<&str>,
    ) -> Result<Self, ChartProblem> {
        let archive = Self::read(chart, bytes, form)
            .map_err(|message| ChartProblem::Refused { chart: chart.clone(), message })?;
        match known.filter(|known| *known != archive.digest) {
            None => Ok(archive),
            Some(known) => Err(ChartProblem::Changed {
                chart: chart.clone(),
                known: known.to_owned(),
                found: archive.digest,
            }),
        }
    }

    /// Unpacks what was fetched for a chart; the refusal is the end of a sentence.
    fn read(chart: &Chart, bytes: &[u8], form: ArchiveForm) -> Result<Self, String> {
        if bytes.len() > ARCHIVE_BYTES_MAX {
            return Err(too_large());
        }
        let files = unpacked(bytes, form)?;
        let archive = Self { digest: digest_of(bytes), files, form };
        match form {
            ArchiveForm::Chart => archive.check_chart(chart)?,
            ArchiveForm::Files => {}
        }
        Ok(archive)
    }

    /// Whether it holds the chart that was asked for.
    fn check_chart(&self, chart: &Chart) -> Result<(), String> {
        let files = &self.files;
        let text =
            files.get(CHART_FILE).ok_or("its archive has no Chart.yaml, so it is no chart")?;
        let about: About = yaml::document(CHART_FILE, &String::from_utf8_lossy(text))
            .map_err(|error| format!("its {error}"))?;
        let (name, version) = (about.name.unwrap_or_default(), about.version.unwrap_or_default());
        let wanted = chart.name.rsplit('/').next().unwrap_or(&chart.name);
        let plain = |version: &str| version.trim_start_matches('v').to_owned();
        let is_version = chart.digest().is_some() || plain(&version) == plain(&chart.version);
        if name != wanted || !is_version {
            return Err(format!("its archive holds `{name}` {version}"));
        }
        Ok(())
    }
}

/// What a compressed archive begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

fn unpacked(bytes: &[u8], form: ArchiveForm) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let broken = |error: std::io::Error| format!("its archive cannot be read: {error}");
    let is_plain = form == ArchiveForm::Files && !bytes.starts_with(&GZIP);
    let reader: Box<dyn Read + '_> =
        if is_plain { Box::new(bytes) } else { Box::new(MultiGzDecoder::new(bytes)) };
    let reader = reader.take(BYTES_MAX as u64 + HEADER_BYTES_MAX);
    let mut archive = Archive::new(reader);
    let (mut files, mut left) = (BTreeMap::new(), BYTES_MAX);
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let raw = entry.path_bytes().into_owned();
        let path = String::from_utf8(raw).map_err(|_| "its archive has a name that is no text")?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if kind.is_symlink() || kind.is_hard_link() {
            return Err(format!("its archive has the link `{path}`, and links are not followed"));
        }
        if !kind.is_file() {
            return Err(format!("its archive has `{path}`, which is no file"));
        }
        let place = inside(&path, form)?;
        let mut content = Vec::new();
        entry.take(left as u64 + 1).read_to_end(&mut content).map_err(broken)?;
        if content.len() > left || files.len() >= FILES_MAX {
            return Err(too_large());
        }
        left -= content.len();
        if files.insert(place, content).is_some() {
            return Err(format!("its archive has `{path}` twice"));
        }
    }
    Ok(files)
}

/// Where a file is; without the chart's own folder, if there is one.
fn inside(path: &str, form: ArchiveForm) -> Result<String, String> {
    let outside = || format!("its archive has `{path}`, which is not in its folder");
    if path.starts_with('/') || path.contains(['\\', '\0', '\n']) {
        return Err(outside());
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let rest = match form {
        ArchiveForm::Chart => parts.get(1..).unwrap_or_default(),
        ArchiveForm::Files => parts.as_slice(),
    };
    if rest.is_empty() || parts.contains(&"..") { Err(outside()) } else { Ok(rest.join("/")) }
}

fn too_large() -> String {
    format!("its archive holds more than {} MiB or {FILES_MAX} files", BYTES_MAX >> 20)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, EntryType, Header};

    use super::*;

    const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\n";

    /// A header says what it likes: no library between the test and the archive.
    fn packed(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        gzip(&tarred(entries))
    }

    fn tarred(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = Header::new_gnu();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, *content).expect("an entry");
        }
        builder.into_inner().expect("an archive")
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn chart() -> Chart {
        Chart::of_dependency("https://c.example", "web", "1.2.3").expect("a chart")
    }

    #[track_caller]
    fn check(more: &[(&str, EntryType, &[u8])], expected: Result<&[&str], &str>) {
        let mut entries = vec![("web/Chart.yaml", EntryType::Regular, CHART.as_bytes())];
        entries.extend_from_slice(more);
        match (ChartArchive::read(&chart(), &packed(&entries), ArchiveForm::Chart), expected) {
            (Ok(read), Ok(expected)) => {
                let paths: Vec<&str> = read.files.keys().map(String::as_str).collect();
                assert_eq!(paths, expected);
            }
            (Err(said), Err(needle)) => assert!(said.contains(needle), "{said}"),
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn an_archive_is_its_files() {
        let file = EntryType::Regular;
        check(&[], Ok(&["Chart.yaml"]));
        let more: &[(&str, EntryType, &[u8])] = &[
            ("web/templates/", EntryType::Directory, b""),
            ("./web/templates/a.yaml", file, b"a"),
            ("other/values.yaml", file, b""),
        ];
        check(more, Ok(&["Chart.yaml", "templates/a.yaml", "values.yaml"]));
        check(&[("web/../../x", file, b"")], Err("not in its folder"));
        check(&[("/etc/x", file, b"")], Err("not in its folder"));
        check(&[("web", file, b"")], Err("not in its folder"));
        check(&[("web/a\\b", file, b"")], Err("not in its folder"));
        check(&[("web/Chart.yaml", file, b"")], Err("twice"));
        check(&[("web/a", EntryType::Symlink, b"")], Err("the link"));
        check(&[("web/a", EntryType::Link, b"")], Err("the link"));
        check(&[("web/a", EntryType::Char, b"")], Err("no file"));
        let large = vec![0; BYTES_MAX + 1];
        check(&[("web/a", file, &large)], Err("more than 64 MiB"));
        let names: Vec<String> = (0..FILES_MAX).map(|number| format!("web/{number}")).collect();
        let many: Vec<(&str, EntryType, &[u8])> =
            names.iter().map(|name| (name.as_str(), file, &b""[..])).collect();
        check(&many, Err("10000 files"));
    }

    #[test]
    fn an_archive_is_what_was_asked_for() {
        let other =
            packed(&[("web/Chart.yaml", EntryType::Regular, b"name: web\nversion: 1.2.4\n")]);
        let v = packed(&[("web/Chart.yaml", EntryType::Regular, b"name: web\nversion: v1.2.3\n")]);
        let none = packed(&[("web/values.yaml", EntryType::Regular, b"")]);
        let whole = packed(&[("web/Chart.yaml", EntryType::Regular, CHART.as_bytes())]);
        for (bytes, expected) in [
            (other.as_slice(), "holds `web` 1.2.4"),
            (v.as_slice(), ""),
            (none.as_slice(), "no Chart.yaml"),
            (&whole[..whole.len() / 2], "cannot be read"),
            (b"not gzip", "cannot be read"),
            (b"", "cannot be read"),
        ] {
            let said =
                ChartArchive::read(&chart(), bytes, ArchiveForm::Chart).err().unwrap_or_default();
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{said}");
        }
    }

    #[test]
    fn other_files_lie_as_they_are() {
        let entries: &[(&str, EntryType, &[u8])] =
            &[("./a.yaml", EntryType::Regular, b"a"), ("web/b.yaml", EntryType::Regular, b"b")];
        let (zipped, plain) = (packed(entries), tarred(entries));
        for bytes in [&zipped, &plain] {
            let archive = ChartArchive::read(&chart(), bytes, ArchiveForm::Files).expect("files");
            let paths: Vec<&str> = archive.files.keys().map(String::as_str).collect();
            assert_eq!(paths, ["a.yaml", "web/b.yaml"]);
        }
        assert!(
            ChartArchive::read(&chart(), &plain, ArchiveForm::Chart).is_err(),
            "a chart is zipped"
        );
        for path in ["../a", "/a", "web/../../a", "."] {
            let bytes = packed(&[(path, EntryType::Regular, b"a")]);
            let said = ChartArchive::read(&chart(), &bytes, ArchiveForm::Files).expect_err(path);
            assert!(said.contains("not in its folder"), "{path}: {said}");
        }
        let link = packed(&[("a", EntryType::Symlink, b"")]);
        assert!(ChartArchive::read(&chart(), &link, ArchiveForm::Files).is_err(), "a link");
    }

    #[test]
    fn a_small_archive_does_not_become_a_large_one() {
        let zeros = gzip(&vec![0; 1 << 20]);
        let bomb: Vec<u8> = zeros.iter().copied().cycle().take(zeros.len() * 200).collect();
        let said = ChartArchive::read(&chart(), &bomb, ArchiveForm::Chart).err();
        assert!(said.is_some(), "200 MiB of nothing is no chart");
    }
}
