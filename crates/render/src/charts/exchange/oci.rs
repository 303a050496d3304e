//! What a registry says of a chart: manifests, and how a token for what is public is had.

use deployments::{Chart, ChartPlace};
use serde::Deserialize;
use url::Url;

use super::ArchiveForm;

/// The media type of manifests.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What the configuration of a chart is.
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// What the layer with the chart's archive is.
const CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// What the one layer of an artifact with other files may be: what Argo CD takes, and what `flux push
/// artifact` makes.
const FILES: [&str; 3] = [
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.cncf.flux.content.v1.tar+gzip",
];

/// The layer that holds an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its digest.
    pub digest: String,
    /// What it is.
    pub form: ArchiveForm,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
}

/// The chart's path in its registry.
pub(super) fn image(chart: &Chart) -> String {
    let path = match &chart.place {
        ChartPlace::Registry { path, .. } | ChartPlace::Here { path } => path.as_str(),
        ChartPlace::Repository { .. } => "",
    };
    if path.is_empty() { chart.name.clone() } else { format!("{path}/{}", chart.name) }
}

/// The layer with the chart or the files, by the manifest; the refusal is the end of a sentence.
pub fn layer(bytes: &[u8]) -> Result<Layer, String> {
    let manifest: Manifest = serde_json::from_slice(bytes)
        .map_err(|error| format!("its manifest cannot be read: {error}"))?;
    let kind = manifest.config.map(|config| config.media_type).unwrap_or_default();
    let (digest, form) = if kind == CONFIG {
        // A signature may lie beside it.
        let mut layers = manifest.layers.into_iter().filter(|layer| layer.media_type == CONTENT);
        let (Some(layer), None) = (layers.next(), layers.next()) else {
            return Err("its manifest has no layer with a chart, or several".into());
        };
        (layer.digest, ArchiveForm::Chart)
    } else {
        let mut layers = manifest.layers.into_iter();
        let (Some(layer), None) = (layers.next(), layers.next()) else {
            return Err("its manifest is of no chart and has not exactly one layer".into());
        };
        if !FILES.contains(&layer.media_type.as_str()) {
            return Err(format!(
                "its manifest is of no chart, and its layer is `{}`; files are taken from {}",
                layer.media_type,
                FILES.map(|kind| format!("`{kind}`")).join(", ")
            ));
        }
        (layer.digest, ArchiveForm::Files)
    };
    let digits = digest.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() != 64 || !digits.bytes().all(|b| b"0123456789abcdef".contains(&b)) {
        return Err("its manifest has a digest that is no SHA-256".into());
    }
    Ok(Layer { digest, form })
}

/// What a registry asks for before it answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    realm: String,
    service: Option<String>,
    scope: Option<String>,
}

impl Challenge {
    /// Where a token for reading the image is to be had.
    pub(super) fn url(&self, image: &str) -> Option<Url> {
        let mut url = Url::parse(&self.realm).ok()?;
        let scope = self.scope.clone().unwrap_or_else(|| format!("repository:{image}:pull"));
        let mut query = url.query_pairs_mut();
        if let Some(service) = &self.service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", &scope);
        drop(query);
        Some(url)
    }
}

/// `Bearer realm="…",service="…",scope="…"`; another scheme asks for credentials.
pub(super) fn challenge(text: &str) -> Option<Challenge> {
    let (scheme, mut rest) = text.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut found = Challenge { realm: String::new(), service: None, scope: None };
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        let Some((name, value)) = rest.split_once('=') else { break };
        let (value, after) = match value.strip_prefix('"') {
            // A quoted comma is part of the value: scopes have them.
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_once(',').unwrap_or((value, "")),
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "realm" => found.realm = value.to_owned(),
            "service" => found.service = Some(value.to_owned()),
            "scope" => found.scope = Some(value.to_owned()),
            _ => {}
        }
        rest = after;
    }
    (!found.realm.is_empty()).then_some(found)
}

#[derive(Debug, Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// The token in an answer; the refusal is the end of a sentence.
pub(super) fn token(bytes: &[u8]) -> Result<String, String> {
    let read: Option<Token> = serde_json::from_slice(bytes).ok();
    let token = read.and_then(|read| read.token.or(read.access_token));
    let is_one = |token: &String| {
        !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) && token.len() < 16_384
    };
    token.filter(is_one).ok_or_else(|| "its registry gives no token to anybody".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_where_the_token_is() {
        for (text, expected) in [
            (
                "Bearer realm=\"https://a.example/token\",service=\"r.example\",scope=\"repository:a/b:pull,push\"",
                Some(
                    "https://a.example/token?service=r.example&scope=repository%3Aa%2Fb%3Apull%2Cpush",
                ),
            ),
            (
                "bearer realm=https://a.example/token, error=\"x\"",
                Some("https://a.example/token?scope=repository%3Ax%3Apull"),
            ),
            ("Basic realm=\"r\"", None),
            ("Bearer service=\"r\"", None),
            ("Bearer realm=\"https://a", None),
            ("Bearer", None),
        ] {
            let url = challenge(text).and_then(|one| one.url("x")).map(|url| url.to_string());
            assert_eq!(url.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_manifest_has_one_archive() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let manifest = |config: &str, layers: &[&str]| {
            let layer = |kind: &&str| serde_json::json!({ "mediaType": kind, "digest": digest });
            let layers: Vec<_> = layers.iter().map(layer).collect();
            let config = serde_json::json!({ "mediaType": config, "digest": digest });
            serde_json::json!({ "config": config, "layers": layers }).to_string()
        };
        let signature = "application/vnd.cncf.helm.chart.provenance.v1.prov";
        let (chart, files) = (Ok(ArchiveForm::Chart), Ok(ArchiveForm::Files));
        let image = "application/vnd.oci.image.config.v1+json";
        for (text, expected) in [
            (manifest(CONFIG, &[CONTENT]), chart),
            (manifest(CONFIG, &[CONTENT, signature]), chart),
            (manifest(CONFIG, &[]), Err("no layer")),
            (manifest(CONFIG, &[CONTENT, CONTENT]), Err("several")),
            (manifest(image, &[FILES[0]]), files),
            (manifest("application/vnd.oci.empty.v1+json", &[FILES[1]]), files),
            (manifest("application/vnd.cncf.flux.config.v1+json", &[FILES[2]]), files),
            (manifest(image, &[FILES[0], FILES[0]]), Err("exactly one layer")),
            (manifest(image, &[]), Err("exactly one layer")),
            (manifest(image, &[CONTENT]), Err("its layer is `application/vnd.cncf.helm")),
            (manifest(CONFIG, &[CONTENT]).replace("sha256:", "sha1:"), Err("no SHA-256")),
            ("{\"manifests\": []}".to_owned(), Err("of no chart")),
            ("x".to_owned(), Err("cannot be read")),
        ] {
            match (layer(text.as_bytes()), expected) {
                (Ok(found), Ok(form)) => {
                    assert_eq!(found, Layer { digest: digest.clone(), form });
                }
                (Err(said), Err(needle)) => assert!(said.contains(needle), "{said}"),
                (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_token_is_in_either_field() {
        for (text, expected) in [
            (r#"{"token":"a"}"#, Some("a")),
            (r#"{"access_token":"b","expires_in":1}"#, Some("b")),
            (r#"{"token":"a\nb"}"#, None),
            ("{}", None),
            ("no", None),
        ] {
            assert_eq!(token(text.as_bytes()).ok().as_deref(), expected, "{text}");
        }
    }
}
