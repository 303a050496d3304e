//! The hosts that the operator named: no other one is asked for charts.

use std::collections::BTreeSet;

use deployments::{Chart, ChartProblem, is_loopback};
use url::{Position, Url};

/// Hosts, each with its port unless that is the usual one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChartHosts(BTreeSet<(String, Option<u16>)>);

impl ChartHosts {
    /// Reads `HOST` and `HOST:PORT`.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let hosts = texts.iter().map(|text| {
            let scheme = if is_loopback(text) { "http" } else { "https" };
            let url = Url::parse(&format!("{scheme}://{text}/")).ok();
            let url = url.filter(|url| {
                url.path() == "/"
                    && url.query().is_none()
                    && url.username().is_empty()
                    && !text.contains(['/', '@', '#', '*'])
            });
            url.as_ref().and_then(key).ok_or_else(|| {
                format!("`{text}` is no host: write `charts.example.com` or `127.0.0.1:8080`")
            })
        });
        hosts.collect::<Result<_, _>>().map(Self)
    }

    /// The address, if it may be asked.
    pub(crate) fn checked(&self, chart: &Chart, mut url: Url) -> Result<Url, ChartProblem> {
        let refused = |message: String| ChartProblem::Refused { chart: chart.clone(), message };
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(refused(format!("`{}` has no host", shown(&url)))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(format!("an address at {host} has a name or password in it")));
        }
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&host)) {
            return Err(refused(format!(
                "`{}` is not encrypted; only `https://` is asked",
                shown(&url)
            )));
        }
        if !key(&url).is_some_and(|key| self.0.contains(&key)) {
            return Err(ChartProblem::HostNotNamed { chart: chart.clone(), host });
        }
        url.set_fragment(None);
        Ok(url)
    }
}

/// An address as it may be told: registries redirect to addresses whose query opens what they are of.
pub(super) fn shown(url: &Url) -> String {
    let (scheme, rest) =
        (&url[..Position::BeforeUsername], &url[Position::BeforeHost..Position::AfterPath]);
    format!("{scheme}{rest}")
}

/// The port is absent where it is the scheme's own.
pub(super) fn key(url: &Url) -> Option<(String, Option<u16>)> {
    Some((url.host_str()?.to_ascii_lowercase(), url.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_an_address_is_not_told() {
        for (address, expected) in [
            ("https://c.example/x?X-Amz-Signature=abc", "https://c.example/x"),
            ("https://c.example:8443/x/y#abc", "https://c.example:8443/x/y"),
            ("https://me:word@c.example/x?a#b", "https://c.example/x"),
            ("http://[::1]:81?a", "http://[::1]:81/"),
            ("file:///etc/passwd?a", "file:///etc/passwd"),
            ("mailto:me?a", "mailto:me"),
        ] {
            assert_eq!(shown(&Url::parse(address).expect("an address")), expected, "{address}");
        }
    }

    #[test]
    fn only_what_was_named_is_asked() {
        let chart = Chart::of_dependency("https://c.example", "web", "1.2.3").expect("a chart");
        let texts = ["c.example", "d.example:8443", "127.0.0.1:80", "[::1]:81"].map(str::to_owned);
        let hosts = ChartHosts::parse(&texts).expect("hosts");
        for (address, expected) in [
            ("https://c.example/x", None),
            ("https://C.example:443/x", None),
            ("https://c.example:8443/x", Some("chart-host-not-named")),
            ("https://d.example:8443/", None),
            ("https://d.example/", Some("chart-host-not-named")),
            ("https://c.example.evil/", Some("chart-host-not-named")),
            ("https://x.c.example/", Some("chart-host-not-named")),
            ("http://c.example/", Some("chart-refused")),
            ("http://127.0.0.1/", None),
            ("http://127.0.0.1:81/", Some("chart-host-not-named")),
            ("http://[::1]:81/", None),
            ("https://me:word@c.example/", Some("chart-refused")),
            ("file:///etc/passwd", Some("chart-refused")),
            ("ftp://c.example/", Some("chart-refused")),
        ] {
            let url = Url::parse(address).expect("an address");
            let found = hosts.checked(&chart, url).err();
            assert_eq!(found.as_ref().map(ChartProblem::code), expected, "{address}");
        }
        for wrong in ["", "c.example/x", "https://c.example", "*.example", "a@b", "c.example:99999"]
        {
            assert!(ChartHosts::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
