//! The `index.yaml` of a chart repository.

use std::collections::BTreeMap;

use deployments::Chart;
use serde::Deserialize;

/// An archive that an index names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its address, often relative to the repository.
    pub(super) url: String,
    /// `sha256:…`, when the index has it.
    pub(super) digest: Option<String>,
}

/// Only what is needed is kept: an index may have 20,000 versions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Index {
    entries: Option<BTreeMap<String, Option<Vec<Option<Entry>>>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    version: Option<String>,
    urls: Option<Vec<String>>,
    digest: Option<String>,
}

/// Where the chart's archive is; the refusal is the end of a sentence.
pub(super) fn find(bytes: &[u8], chart: &Chart) -> Result<Found, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "its index.yaml is not UTF-8")?;
    let mut index: Index =
        yaml::document("index.yaml", text).map_err(|error| format!("its {error}"))?;
    let entries = index.entries.as_mut().and_then(|entries| entries.remove(&chart.name)).flatten();
    let Some(entries) = entries else {
        return Err(format!("the index.yaml has no chart of the name `{}`", chart.name));
    };
    let version = |entry: &Entry| entry.version.clone().unwrap_or_default();
    let entries: Vec<Entry> = entries.into_iter().flatten().collect();
    let plain = chart.version.trim_start_matches('v');
    let exact = entries.iter().find(|entry| version(entry) == chart.version);
    // Some repositories write `v1.2.3` for what everybody calls 1.2.3.
    let alike = || entries.iter().find(|entry| version(entry).trim_start_matches('v') == plain);
    let Some(entry) = exact.or_else(alike) else {
        return Err(format!("the index.yaml has no version {}", chart.version));
    };
    let url = entry.urls.iter().flatten().next().filter(|url| !url.is_empty());
    let url = url.ok_or("the index.yaml has no address for this version")?.clone();
    let digest = entry.digest.as_deref().filter(|digest| !digest.is_empty());
    let digest = digest.map(|text| {
        let digits = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
        let is_digest = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_digest.then(|| format!("sha256:{digits}"))
    });
    match digest {
        Some(None) => Err("the index.yaml has a digest that is no SHA-256".into()),
        Some(Some(digest)) => Ok(Found { url, digest: Some(digest) }),
        None => Ok(Found { url, digest: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_version_is_one_archive() {
        let digest = "a".repeat(64);
        let text = format!(
            "apiVersion: v1\nentries:\n  web:\n  - {{version: 1.2.3, name: web, created: x, urls: \
             [web-1.2.3.tgz, other], digest: {digest}}}\n  - {{version: v2.0.0, urls: [a]}}\n  - \
             {{version: 3.0.0, urls: []}}\n  - {{version: 4.0.0, urls: [a], digest: md5}}\n  - \
             null\n  other: null\ngenerated: now\n"
        );
        for (name, version, expected) in [
            ("web", "1.2.3", Ok(("web-1.2.3.tgz", true))),
            ("web", "v1.2.3", Ok(("web-1.2.3.tgz", true))),
            ("web", "2.0.0", Ok(("a", false))),
            ("web", "3.0.0", Err("no address")),
            ("web", "4.0.0", Err("no SHA-256")),
            ("web", "1.2.4", Err("no version 1.2.4")),
            ("other", "1.2.3", Err("no chart of the name `other`")),
            ("none", "1.2.3", Err("no chart of the name `none`")),
        ] {
            let chart = Chart::of_dependency("https://c.example", name, version).expect("a chart");
            match (find(text.as_bytes(), &chart), expected) {
                (Ok(found), Ok((url, has_digest))) => {
                    assert_eq!((found.url.as_str(), found.digest.is_some()), (url, has_digest));
                }
                (Err(said), Err(needle)) => assert!(said.contains(needle), "{said}"),
                (found, expected) => panic!("{name} {version}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_large_index_is_read_within_its_budget() {
        let mut text = String::from("apiVersion: v1\nentries:\n");
        for name in 0..40 {
            text.push_str(&format!("  chart-{name}:\n"));
            for version in 0..100 {
                text.push_str(&format!(
                    "  - apiVersion: v2\n    appVersion: {version}.0.0\n    created: \
                     \"2024-01-01T00:00:00Z\"\n    description: A chart with a sentence of a usual \
                     length, which says what it is for\n    digest: {:064}\n    keywords: [one, two, \
                     three]\n    maintainers:\n    - {{name: Somebody, url: https://c.example}}\n    \
                     name: chart-{name}\n    sources: [https://c.example/one, https://c.example/two]\n    \
                     urls:\n    - https://c.example/chart-{name}-{version}.0.0.tgz\n    version: \
                     {version}.0.0\n",
                    version
                ));
            }
        }
        let chart = Chart::of_dependency("https://c.example", "chart-39", "99.0.0");
        let found = find(text.as_bytes(), &chart.expect("a chart")).expect("found");
        assert!(found.url.ends_with("chart-39-99.0.0.tgz"), "{} bytes", text.len());
    }
}
