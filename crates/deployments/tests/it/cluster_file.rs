//! Which cluster Secrets are read, and what is refused by name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployments::{DeclaredCluster, DeclaredCredential};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

fn file(labels: &str, values: &[(&str, &str)]) -> String {
    let values: String =
        values.iter().map(|(key, value)| format!("  {key}: '{value}'\n")).collect();
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: east\n  labels: {{{labels}}}\n\
         type: Opaque\nstringData:\n{values}"
    )
}

const CLUSTER: &str = "argocd.argoproj.io/secret-type: cluster, region: eu";
const EAST: (&str, &str) = ("server", "https://10.0.0.1:6443");
const TOKEN: (&str, &str) = ("config", r#"{"bearerToken": "$EAST_TOKEN"}"#);

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = DeclaredCluster::parse("east.yaml", text).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}\nhas not: {expected}");
}

/// The values that make it refused.
#[track_caller]
fn check(values: &[(&str, &str)], expected: &str) {
    refused(&file(CLUSTER, values), expected);
}

#[test]
fn a_cluster_names_the_secret_that_opens_it() {
    let authority = format!(
        r#"{{"bearerToken": "$EAST_TOKEN", "tlsClientConfig":
           {{"caData": "{}", "serverName": "kubernetes", "insecure": false}}}}"#,
        encoded(CERTIFICATE)
    );
    let text = file(CLUSTER, &[("name", "east"), EAST, ("config", &authority)]);
    let read = DeclaredCluster::parse("east.yaml", &text).unwrap();
    assert_eq!((read.name.as_str(), read.server.as_str()), ("east", "https://10.0.0.1:6443"));
    assert_eq!(read.labels["region"], "eu");
    assert_eq!(read.labels["argocd.argoproj.io/secret-type"], "cluster");
    assert_eq!(read.certificate_authority.as_deref(), Some(CERTIFICATE));
    assert_eq!(read.server_name.as_deref(), Some("kubernetes"));
    assert_eq!(read.credential, DeclaredCredential::Token { secret: "EAST_TOKEN".into() });
    for destination in ["east", "https://10.0.0.1:6443", "https://10.0.0.1:6443/"] {
        assert!(read.is_called(destination), "{destination}");
    }
    assert!(!read.is_called("west"));
}

#[test]
fn values_may_be_in_base64_and_a_cluster_without_a_name_is_called_by_its_address() {
    let certificate = format!(
        r#"{{"tlsClientConfig": {{"certData": "{}", "keyData": "$EAST_KEY"}}}}"#,
        encoded(CERTIFICATE)
    );
    let text = file(CLUSTER, &[("server", &encoded(EAST.1)), ("config", &encoded(&certificate))]);
    let read = DeclaredCluster::parse("east.yaml", &text.replace("stringData", "data")).unwrap();
    assert_eq!(read.name, "https://10.0.0.1:6443");
    let expected = DeclaredCredential::Certificate {
        certificate: CERTIFICATE.into(),
        secret: "EAST_KEY".into(),
    };
    assert_eq!(read.credential, expected);
}

#[test]
fn no_credential_stands_in_git() {
    for config in [
        r#"{"bearerToken": "eyJhbGciOi"}"#,
        r#"{"bearerToken": "$"}"#,
        r#"{"bearerToken": "$A B"}"#,
        r#"{"bearerToken": ""}"#,
    ] {
        check(&[EAST, ("config", config)], "must be the name of a secret");
    }
    let key = format!(
        r#"{{"tlsClientConfig": {{"certData": "{}", "keyData": "LS0tLS1CRUdJTg=="}}}}"#,
        encoded(CERTIFICATE)
    );
    let text = file(CLUSTER, &[EAST, ("config", &key)]);
    let error = DeclaredCluster::parse("east.yaml", &text).unwrap_err().to_string();
    assert!(error.contains("`keyData` must be the name of a secret"), "{error}");
    assert!(!error.contains("LS0tLS1CRUdJTg"), "{error}");
}

#[test]
fn what_cannot_hold_is_refused_by_name() {
    let cases: &[(&str, &str)] = &[
        (r#"{"username": "me", "password": "x"}"#, "API servers take no passwords"),
        (r#"{"execProviderConfig": {"command": "sh"}}"#, "never says which program"),
        (r#"{"awsAuthConfig": {"clusterName": "east"}}"#, "never says which program"),
        (r#"{"bearerToken": "$T", "proxyUrl": "http://p"}"#, "a proxy is not supported"),
        (r#"{"bearerToken": "$T", "tlsClientConfig": {"insecure": true}}"#, "`insecure`"),
        (r#"{"bearerToken": "$T", "tlsClientConfig": {"caData": "AAAA"}}"#, "`caData` is no"),
        (r#"{"bearerToken": "$T", "tokenFile": "/etc/token"}"#, "tokenFile"),
        ("{}", "one of two ways"),
        ("not JSON", "`config` is not what Argo CD has"),
    ];
    for (config, expected) in cases {
        check(&[EAST, ("config", config)], expected);
    }
    for (key, expected) in [
        ("project", "`project` is not supported"),
        ("namespaces", "`namespaces` is not supported"),
        ("clusterResources", "`clusterResources` is not supported"),
        ("shard", "`shard` means nothing here"),
        ("tokem", "`tokem` is no value of a cluster"),
    ] {
        check(&[EAST, TOKEN, (key, "x")], expected);
    }
    for server in ["", "10.0.0.1", "http://10.0.0.1", "https://", "https://me@host", "file:///x"] {
        check(&[("server", server), ("name", "east"), TOKEN], "it is an address like");
    }
    check(&[("server", "https://kubernetes.default.svc"), TOKEN], "--in-cluster");
    check(&[EAST, ("name", "in-cluster"), TOKEN], "--in-cluster");
    check(&[EAST, ("name", "a b"), TOKEN], "no name of a cluster");
    refused(&file("region: eu", &[EAST, TOKEN]), "other Secrets are deployed by an application");
    let repository = "argocd.argoproj.io/secret-type: repository";
    refused(&file(repository, &[EAST, TOKEN]), "declares a cluster");
}

#[test]
fn a_problem_has_its_line() {
    let text = file(CLUSTER, &[("name", "east"), ("server", "nowhere"), TOKEN]);
    let error = DeclaredCluster::parse("deploy/east.yaml", &text).unwrap_err();
    assert_eq!((error.file.as_str(), error.line), ("deploy/east.yaml", 9));
}
