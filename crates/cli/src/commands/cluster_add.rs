//! `boucle cluster add`: declares a cluster of a kubeconfig in Git. Its credential goes to the server, where
//! nothing but this cluster gets it; the file to commit only names it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use api::settings::{Secret, SetSecret};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Context;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output;

/// What is added, and where.
#[derive(Args)]
pub struct ClusterAddArguments {
    /// The context of the kubeconfig.
    pub context: String,
    /// `owner/name` of the repository that declares the cluster; only its applications can use it.
    #[arg(long, add = complete::repositories())]
    pub repository: String,
    /// Write the file to commit into this folder: the one that `applications` of boucle.yaml names.
    #[arg(long, value_name = "FOLDER")]
    pub into: PathBuf,
    /// The kubeconfig. [default: KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// What applications call it. [default: the context's name]
    #[arg(long)]
    pub name: Option<String>,
    /// A label that `clusters` generators select by; may be given several times.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
}

/// Why a context of a kubeconfig cannot be added.
pub enum KubeconfigProblem {
    /// Nobody said where it is.
    Nowhere,
    /// The context is not in it.
    NoContext {
        /// The context.
        context: String,
        /// Those that are.
        known: Vec<String>,
    },
    /// Its cluster or its user is not in it.
    Incomplete {
        /// The context.
        context: String,
    },
    /// A program gives the credential, which only works on this machine.
    Program {
        /// The user.
        user: String,
    },
    /// The user has neither a token nor a certificate with its key.
    NoCredential {
        /// The user.
        user: String,
    },
    /// The server's certificate is not verified.
    Insecure,
    /// There is a proxy before it.
    Proxy,
    /// The address is no `https://`.
    Address {
        /// The address.
        server: String,
    },
    /// The file to write is there already.
    FileExists {
        /// The file.
        file: PathBuf,
    },
}

/// A file that was written, and the secret that it names.
#[derive(Serialize)]
struct Added {
    name: String,
    server: String,
    secret: String,
    file: PathBuf,
}

/// Does it.
pub async fn execute(context: &Context, arguments: &ClusterAddArguments) -> Result<Exit, Failure> {
    let found = read(arguments)?.map_err(|problem| {
        Failure::Precondition(context.out.words().kubeconfig_problem(&problem))
    })?;
    let name = arguments.name.clone().unwrap_or_else(|| arguments.context.clone());
    let file = arguments.into.join(format!("{}.yaml", plain(&name).to_lowercase()));
    if file.exists() {
        let problem = KubeconfigProblem::FileExists { file };
        return Err(Failure::Precondition(context.out.words().kubeconfig_problem(&problem)));
    }
    let secret = format!("CLUSTER_{}_{}", plain(&name).replace('-', "_"), found.credential.kind());
    let text = declaration(&name, &secret, &found, &arguments.labels);
    let path =
        format!("/repositories/{}/secrets/{}", arguments.repository, output::escape(&secret));
    let (server, value) = (found.server, found.credential.secret());
    let body = SetSecret {
        value,
        cluster: Some(server.clone()),
        charts: None,
        plugin: None,
        decrypts: false,
    };
    let kept: Secret = context.client.put(&path, &body).await?;
    write(&file, &text)?;
    let added = Added { name, server, secret: kept.name, file };
    context.out.one(&added, |added, words| {
        words.cluster_added(&added.name, &added.secret, &added.file.display().to_string())
    });
    Ok(Exit::Ok)
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Capital letters, digits and hyphens only.
pub fn plain(name: &str) -> String {
    let plain =
        |one: char| if one.is_ascii_alphanumeric() { one.to_ascii_uppercase() } else { '-' };
    name.chars().map(plain).collect()
}

/// Writes a file that is not there yet.
pub fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let failed = || format!("{} cannot be written", file.display());
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(failed)?;
    }
    let mut opened = std::fs::File::create_new(file).with_context(failed)?;
    opened.write_all(text.as_bytes()).with_context(failed)?;
    Ok(())
}

/// What a kubeconfig knows of a context.
struct Found {
    server: String,
    authority: Option<String>,
    server_name: Option<String>,
    credential: Credential,
}

enum Credential {
    Token(String),
    /// The certificate in base64, the key as PEM.
    Certificate(String, String),
}

impl Credential {
    fn kind(&self) -> &'static str {
        match self {
            Self::Token(_) => "TOKEN",
            Self::Certificate(..) => "KEY",
        }
    }

    fn secret(self) -> String {
        match self {
            Self::Token(secret) | Self::Certificate(_, secret) => secret,
        }
    }
}

/// Argo CD's cluster Secret, without a credential.
fn declaration(name: &str, secret: &str, found: &Found, labels: &[(String, String)]) -> String {
    let mut tls = Map::new();
    let mut config = Map::new();
    if let Some(authority) = &found.authority {
        tls.insert("caData".into(), json!(authority));
    }
    if let Some(name) = &found.server_name {
        tls.insert("serverName".into(), json!(name));
    }
    match &found.credential {
        Credential::Token(_) => {
            config.insert("bearerToken".into(), json!(format!("${secret}")));
        }
        Credential::Certificate(certificate, _) => {
            tls.insert("certData".into(), json!(certificate));
            tls.insert("keyData".into(), json!(format!("${secret}")));
        }
    }
    if !tls.is_empty() {
        config.insert("tlsClientConfig".into(), Value::Object(tls));
    }
    let mut text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {}\n  labels:\n    \
         argocd.argoproj.io/secret-type: cluster\n",
        plain(name).to_lowercase()
    );
    // What JSON quotes, YAML reads.
    for (key, value) in labels {
        let _ = writeln!(text, "    {}: {}", json!(key), json!(value));
    }
    let _ =
        writeln!(text, "stringData:\n  name: {}\n  server: {}", json!(name), json!(found.server));
    let config = serde_json::to_string_pretty(&config).unwrap_or_default();
    text.push_str("  config: |\n");
    for line in config.lines() {
        let _ = writeln!(text, "    {line}");
    }
    text
}

#[derive(Deserialize)]
struct Kubeconfig {
    #[serde(default)]
    clusters: Vec<Named<ClusterEntry>>,
    #[serde(default)]
    users: Vec<Named<UserEntry>>,
    #[serde(default)]
    contexts: Vec<Named<ContextEntry>>,
}

/// An entry under its name; the key of the entry is another in each list.
#[derive(Deserialize)]
struct Named<T> {
    name: String,
    #[serde(alias = "cluster", alias = "user", alias = "context")]
    entry: T,
}

#[derive(Deserialize)]
struct ContextEntry {
    cluster: String,
    user: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ClusterEntry {
    server: String,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UserEntry {
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
    client_key: Option<PathBuf>,
    client_key_data: Option<String>,
    exec: Option<serde::de::IgnoredAny>,
    auth_provider: Option<serde::de::IgnoredAny>,
}

fn read(arguments: &ClusterAddArguments) -> anyhow::Result<Result<Found, KubeconfigProblem>> {
    let Some(file) = arguments.kubeconfig.clone().or_else(default_file) else {
        return Ok(Err(KubeconfigProblem::Nowhere));
    };
    let text = std::fs::read_to_string(&file);
    let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
    let read: Result<Kubeconfig, _> = serde_saphyr::from_str(&text);
    let read = read.with_context(|| format!("{} is no kubeconfig", file.display()))?;
    let context = &arguments.context;
    let Some(used) = read.contexts.iter().find(|one| one.name == *context) else {
        let known = read.contexts.into_iter().map(|one| one.name).collect();
        return Ok(Err(KubeconfigProblem::NoContext { context: context.clone(), known }));
    };
    let cluster = read.clusters.iter().find(|one| one.name == used.entry.cluster);
    let user = read.users.iter().find(|one| one.name == used.entry.user);
    let (Some(cluster), Some(user)) = (cluster, user) else {
        return Ok(Err(KubeconfigProblem::Incomplete { context: context.clone() }));
    };
    found(file.parent().unwrap_or(Path::new("")), &cluster.entry, &user.name, &user.entry)
}

fn default_file() -> Option<PathBuf> {
    let named = std::env::var_os("KUBECONFIG").and_then(|all| std::env::split_paths(&all).next());
    named.or_else(|| Some(std::env::home_dir()?.join(".kube/config")))
}

/// Paths in a kubeconfig are relative to its folder.
fn found(
    folder: &Path,
    cluster: &ClusterEntry,
    user: &str,
    entry: &UserEntry,
) -> anyhow::Result<Result<Found, KubeconfigProblem>> {
    let problem = if cluster.insecure_skip_tls_verify {
        Some(KubeconfigProblem::Insecure)
    } else if cluster.proxy_url.is_some() {
        Some(KubeconfigProblem::Proxy)
    } else if !cluster.server.starts_with("https://") {
        Some(KubeconfigProblem::Address { server: cluster.server.clone() })
    } else {
        None
    };
    if let Some(problem) = problem {
        return Ok(Err(problem));
    }
    let certificate = either(folder, &entry.client_certificate_data, &entry.client_certificate)?;
    let key = either(folder, &entry.client_key_data, &entry.client_key)?;
    let token = match (&entry.token, &entry.token_file) {
        (Some(token), _) => Some(token.clone()),
        (None, Some(file)) => Some(String::from_utf8(contents(folder, file)?)?.trim().to_owned()),
        (None, None) => None,
    };
    let credential = match (token, certificate, key) {
        (Some(token), _, _) => Credential::Token(token),
        (None, Some(certificate), Some(key)) => {
            Credential::Certificate(certificate, decoded(&key)?)
        }
        (None, _, _) => {
            let user = user.to_owned();
            let is_program = entry.exec.is_some() || entry.auth_provider.is_some();
            return Ok(Err(match is_program {
                true => KubeconfigProblem::Program { user },
                false => KubeconfigProblem::NoCredential { user },
            }));
        }
    };
    Ok(Ok(Found {
        server: cluster.server.clone(),
        authority: either(
            folder,
            &cluster.certificate_authority_data,
            &cluster.certificate_authority,
        )?,
        server_name: cluster.tls_server_name.clone(),
        credential,
    }))
}

/// What stands there in base64, or else in a file; always in base64.
fn either(
    folder: &Path,
    data: &Option<String>,
    file: &Option<PathBuf>,
) -> anyhow::Result<Option<String>> {
    use base64::Engine as _;
    let encode = |bytes: Vec<u8>| base64::engine::general_purpose::STANDARD.encode(bytes);
    match (data, file) {
        (Some(data), _) => Ok(Some(data.clone())),
        (None, Some(file)) => contents(folder, file).map(encode).map(Some),
        (None, None) => Ok(None),
    }
}

fn contents(folder: &Path, file: &Path) -> anyhow::Result<Vec<u8>> {
    let file = folder.join(file);
    std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))
}

fn decoded(data: &str) -> anyhow::Result<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(data.trim());
    let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.context("the key of the kubeconfig is no text in base64")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The declaration of a user and a cluster, or which problem there is.
    fn result(cluster: &str, user: &str) -> Result<(String, String), &'static str> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), "CERTIFICATE").expect("written");
        std::fs::write(folder.path().join("token"), "from-a-file\n").expect("written");
        let file = folder.path().join("config");
        let text = format!(
            "contexts: [{{name: east, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {cluster}}}]\nusers: [{{name: u, user: {user}}}]\n"
        );
        std::fs::write(&file, text).expect("written");
        let arguments = ClusterAddArguments {
            context: "east".into(),
            repository: "team/fleet".into(),
            into: PathBuf::new(),
            kubeconfig: Some(file),
            name: None,
            labels: vec![("region".into(), "eu".into())],
        };
        match read(&arguments).expect("readable") {
            Ok(found) => {
                let text = declaration("east", "EAST", &found, &arguments.labels);
                Ok((text, found.credential.secret()))
            }
            Err(KubeconfigProblem::Program { .. }) => Err("program"),
            Err(KubeconfigProblem::NoCredential { .. }) => Err("credential"),
            Err(KubeconfigProblem::Insecure) => Err("insecure"),
            Err(KubeconfigProblem::Proxy) => Err("proxy"),
            Err(KubeconfigProblem::Address { .. }) => Err("address"),
            Err(
                KubeconfigProblem::Nowhere
                | KubeconfigProblem::NoContext { .. }
                | KubeconfigProblem::Incomplete { .. }
                | KubeconfigProblem::FileExists { .. },
            ) => Err("other"),
        }
    }

    #[test]
    fn a_declaration_never_has_the_credential() {
        let server = "server: 'https://east:6443'";
        let (text, secret) =
            result(&format!("{{{server}, certificate-authority: ca.pem}}"), "{token: abc}")
                .expect("added");
        assert_eq!(secret, "abc");
        assert!(!text.contains("abc"), "{text}");
        for expected in [
            "argocd.argoproj.io/secret-type: cluster",
            "\"region\": \"eu\"",
            "\"bearerToken\": \"$EAST\"",
            "\"caData\": \"Q0VSVElGSUNBVEU=\"",
            "server: \"https://east:6443\"",
        ] {
            assert!(text.contains(expected), "{text}\nhas not: {expected}");
        }
        let (_, secret) = result(&format!("{{{server}}}"), "{tokenFile: token}").expect("added");
        assert_eq!(secret, "from-a-file");
        let user = "{client-certificate-data: Q0VSVA==, client-key-data: S0VZ}";
        let (text, secret) = result(&format!("{{{server}}}"), user).expect("added");
        assert_eq!(secret, "KEY");
        assert!(text.contains("\"certData\": \"Q0VSVA==\""), "{text}");
        assert!(text.contains("\"keyData\": \"$EAST\"") && !text.contains("S0VZ"), "{text}");
    }

    #[test]
    fn what_cannot_be_declared_is_said() {
        let token = "{token: abc}";
        for (cluster, user, expected) in [
            ("{server: 'https://e', insecure-skip-tls-verify: true}", token, "insecure"),
            ("{server: 'https://e', proxy-url: 'http://p'}", token, "proxy"),
            ("{server: 'http://e'}", token, "address"),
            ("{server: 'https://e'}", "{exec: {command: aws}}", "program"),
            ("{server: 'https://e'}", "{auth-provider: {name: gcp}}", "program"),
            ("{server: 'https://e'}", "{username: me, password: x}", "credential"),
        ] {
            assert_eq!(result(cluster, user).err(), Some(expected), "{cluster} {user}");
        }
    }
}
