//! A ConfigMap in Git that names a service which sets are given parameters by (`plugin`): its address, and
//! the name of a secret where the token would stand.

use std::collections::BTreeMap;

use crate::chart::is_loopback;
use crate::core_file::{ConfigMapFile, refused_at};
use crate::secret_file::secret_name;

/// How long a question may take, unless the file says otherwise; Argo CD's number.
const TIMEOUT_S: u64 = 30;
/// The longest time that a file may say.
const TIMEOUT_MAX_S: u64 = 120;

/// A service that gives parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredPlugin {
    /// The name of the ConfigMap, by which sets name it.
    pub name: String,
    /// Its address in the one form, `/api/v1/getparams.execute` being below it.
    pub url: String,
    /// The name of the secret that is its token.
    pub secret: String,
    /// How long a question may take.
    pub timeout_s: u64,
}

impl DeclaredPlugin {
    /// Reads the file.
    pub fn parse(file: &str, text: &str) -> Result<Self, yaml::YamlError> {
        let ConfigMapFile { name, mut data } = yaml::document(file, text)?;
        Self::of(name, &mut data).map_err(|(word, message)| refused_at(file, text, word, message))
    }

    /// The address that is asked.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}/api/v1/getparams.execute", self.url)
    }

    fn of(
        name: String,
        data: &mut BTreeMap<String, String>,
    ) -> Result<Self, (&'static str, String)> {
        let url = data.remove("baseUrl").unwrap_or_default();
        let url = plugin_address(&url).map_err(|why| ("baseUrl:", why))?;
        let token = data.remove("token").unwrap_or_default();
        // Without the value: it may be a token.
        let secret = token_name(token.trim()).ok_or_else(|| {
            let what = "`token` must be the name of a secret, as `$PLUGIN_TOKEN` or `$plugin:token`, which is the \
                        secret `PLUGIN_TOKEN`; a token in Git is known to all who ever read it: change it if it \
                        was pushed, and give the new one with `boucle secret set REPOSITORY PLUGIN_TOKEN \
                        --plugin ADDRESS`";
            ("token:", what.to_owned())
        })?;
        let timeout_s = match data.remove("requestTimeout").as_deref().map(str::trim) {
            None | Some("") => TIMEOUT_S,
            Some(text) => {
                let seconds = text.parse().ok().filter(|one| (1..=TIMEOUT_MAX_S).contains(one));
                seconds.ok_or_else(|| {
                    let what = format!("`requestTimeout` is seconds, from 1 to {TIMEOUT_MAX_S}");
                    ("requestTimeout:", what)
                })?
            }
        };
        match data.keys().next() {
            None => Ok(Self { name, url, secret, timeout_s }),
            Some(key) => Err((
                "data:",
                format!(
                    "`{key}` is no value of a `plugin`'s ConfigMap: `baseUrl`, `token` and \
                     `requestTimeout` are"
                ),
            )),
        }
    }
}

/// The address of a service in its one form, so that equal places are equal texts.
pub fn plugin_address(text: &str) -> Result<String, String> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "-._:[]".contains(one);
    let is_path = |one: char| one.is_ascii_alphanumeric() || "-._~/".contains(one);
    let has_dots = path.split('/').any(|part| matches!(part, "." | ".."));
    if host.is_empty() || !host.chars().all(is_plain) || !path.chars().all(is_path) || has_dots {
        return Err(format!(
            "`{text}` is no address of a service: `https://HOST[:PORT][/PATH]`, without a user, a query or \
             escaped characters"
        ));
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(host) => {}
        "http" => {
            return Err(format!(
                "`{text}` is refused: anybody between here and there could read the token and change the \
                 answer; use `https`"
            ));
        }
        _ => return Err(format!("`{text}` begins with neither `https://` nor `http://`")),
    }
    let host = host.to_ascii_lowercase();
    let port = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(port).unwrap_or(&host);
    Ok(format!("{scheme}://{host}/{path}").trim_end_matches('/').to_owned())
}

/// `$NAME`, or Argo CD's `$SECRET:KEY`, which is the secret `SECRET_KEY`.
fn token_name(token: &str) -> Option<String> {
    match token.split_once(':') {
        None => secret_name(token),
        Some((secret, key)) => {
            secret_name(&format!("${key}"))?;
            Some(format!("{}_{key}", secret_name(secret)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shops}\ndata:\n";

    #[track_caller]
    fn check(data: &str, expected: Result<(&str, &str, u64), (u64, &str)>) {
        let said = DeclaredPlugin::parse("apps/shops.yaml", &format!("{FILE}{data}"));
        match (said, expected) {
            (Ok(read), Ok(expected)) => {
                assert_eq!((&*read.url, &*read.secret, read.timeout_s), expected, "{data}");
                assert_eq!(read.name, "shops");
            }
            (Err(error), Err((line, needle))) => {
                assert!(error.message.contains(needle), "{data}: {error}");
                assert_eq!(error.line, line, "{data}: {error}");
            }
            (said, expected) => panic!("{data}: {said:?} {expected:?}"),
        }
    }

    #[test]
    fn an_address_and_the_name_of_a_token() {
        check(
            "  baseUrl: https://Shops.example:443/a/\n  token: $SHOPS\n",
            Ok(("https://shops.example/a", "SHOPS", 30)),
        );
        check(
            "  token: $shops-token:key\n  baseUrl: http://127.0.0.1:8080\n  requestTimeout: '60'\n",
            Ok(("http://127.0.0.1:8080", "shops-token_key", 60)),
        );
        check("  baseUrl: https://a.example\n  token: abc\n", Err((6, "--plugin ADDRESS")));
        check("  baseUrl: https://a.example\n", Err((1, "must be the name of a secret")));
        for token in ["$", "$:a", "$a:", "$a:b:c", "$a.b", "Bearer $a"] {
            let data = format!("  baseUrl: https://a.example\n  token: '{token}'\n");
            check(&data, Err((6, "must be the name of a secret")));
        }
        check("  token: $A\n", Err((1, "is no address")));
        for (url, why) in [
            ("http://shops.example", "could read the token"),
            ("ftp://shops.example", "neither"),
            ("shops.example", "neither"),
            ("https://a:b@shops.example", "is no address"),
            ("https://shops.example/?a=b", "is no address"),
            ("https://shops.example/a/../b", "is no address"),
            ("https://shops.example/%2e%2e", "is no address"),
            ("https://", "is no address"),
        ] {
            check(&format!("  token: $A\n  baseUrl: {url}\n"), Err((6, why)));
        }
        let with = |more: &str| format!("  token: $A\n  baseUrl: https://a.example\n  {more}\n");
        check(&with("requestTimeout: '0'"), Err((7, "from 1 to 120")));
        check(&with("requestTimeout: '121'"), Err((7, "from 1 to 120")));
        check(&with("insecure: 'true'"), Err((4, "`insecure` is no value")));
    }
}
