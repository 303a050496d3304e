//! What a registry says of a chart: manifests, and how a token for what is public is had.

use deployments::{Chart, ChartPlace};
use serde::Deserialize;
use url::Url;

/// The media type of manifests.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What the configuration of a chart is.
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// What the layer with the chart's archive is.
const CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

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

/// The digest of the layer with the chart, by its manifest; the refusal is the end of a sentence.
pub fn layer(bytes: &[u8]) -> Result<String, String> {
    let manifest: Manifest = serde_json::from_slice(bytes)
        .map_err(|error| format!("its manifest cannot be read: {error}"))?;
    let kind = manifest.config.map(|config| config.media_type).unwrap_or_default();
    if kind != CONFIG {
        let kind = if kind.is_empty() { "something else" } else { &kind };
        return Err(format!("its manifest is of no chart: it is `{kind}`"));
    }
    let mut layers = manifest.layers.into_iter().filter(|layer| layer.media_type == CONTENT);
    let (Some(layer), None) = (layers.next(), layers.next()) else {
        return Err("its manifest has no layer with a chart, or several".into());
    };
    let digits = layer.digest.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() != 64 || !digits.bytes().all(|b| b"0123456789abcdef".contains(&b)) {
        return Err("its manifest has a digest that is no SHA-256".into());
    }
    Ok(layer.digest)
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
    fn a_manifest_has_one_chart() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let manifest = |config: &str, layers: &[&str]| {
            let layer = |kind: &&str| serde_json::json!({ "mediaType": kind, "digest": digest });
            let layers: Vec<_> = layers.iter().map(layer).collect();
            let config = serde_json::json!({ "mediaType": config, "digest": digest });
            serde_json::json!({ "config": config, "layers": layers }).to_string()
        };
        let signature = "application/vnd.cncf.helm.chart.provenance.v1.prov";
        for (text, expected) in [
            (manifest(CONFIG, &[CONTENT]), Ok(digest.as_str())),
            (manifest(CONFIG, &[CONTENT, signature]), Ok(digest.as_str())),
            (manifest(CONFIG, &[]), Err("no layer")),
            (manifest(CONFIG, &[CONTENT, CONTENT]), Err("several")),
            (manifest("application/vnd.oci.image.config.v1+json", &[CONTENT]), Err("of no chart")),
            (manifest(CONFIG, &[CONTENT]).replace("sha256:", "sha1:"), Err("no SHA-256")),
            ("{\"manifests\": []}".to_owned(), Err("of no chart")),
            ("x".to_owned(), Err("cannot be read")),
        ] {
            match (layer(text.as_bytes()), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
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
