//! The distribution protocol, spoken by a plain HTTP client.

use std::sync::Arc;

use axum::http::HeaderMap;
use ledger::ArtifactDigest;
use registry::http::{Access, AccessRequest, Action, Authorise, routes};
use registry::{Reference, Registry, digest_of, media_type};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use tempfile::TempDir;

use crate::support::{blob_path, damage, new_registry};

struct Server {
    data: TempDir,
    registry: Registry,
    address: String,
    client: Client,
}

/// `token: all` may do everything but delete the tag `kept`, `token: reader` may pull `demo/*`; `demo/secret` is hidden.
fn authorise() -> Authorise {
    Arc::new(|request: AccessRequest| {
        let token = request.headers.get("token").map(|value| value.to_str().unwrap().to_owned());
        let image = request.image.map(|image| image.to_string()).unwrap_or_default();
        let access = match token.as_deref() {
            Some("all") if request.action == Action::Delete && is_kept(&request.reference) => {
                Access::Denied { reason: "it was deployed".into() }
            }
            Some("all") => Access::Allowed,
            Some("reader") if image == "demo/secret" => Access::Hidden,
            Some("reader") if request.action == Action::Pull => Access::Allowed,
            Some(_) => Access::Denied { reason: "you may not push here".into() },
            None => Access::Unauthenticated { challenge: "Basic realm=\"boucle\"".into() },
        };
        Box::pin(async move { access })
    })
}

fn is_kept(reference: &Option<Reference>) -> bool {
    reference.as_ref().is_some_and(|reference| reference.to_string() == "kept")
}

async fn start() -> Server {
    // Installed by another test of this process already: equally good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (data, registry) = new_registry();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = routes(registry.clone(), authorise());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { data, registry, address, client: Client::new() }
}

impl Server {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url =
            if path.starts_with("http") { path.into() } else { format!("{}{path}", self.address) };
        self.client.request(method, url).header("token", "all")
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn push_blob(&self, image: &str, content: &'static [u8]) -> ArtifactDigest {
        let digest = digest_of(content);
        let path = format!("/v2/{image}/blobs/uploads/?digest={digest}");
        let response = self.request(Method::POST, &path).body(content).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        digest
    }

    async fn push_manifest(&self, image: &str, reference: &str, manifest: &Value) -> Response {
        let media_type = manifest["mediaType"].as_str().unwrap_or(media_type::MANIFEST).to_owned();
        let path = format!("/v2/{image}/manifests/{reference}");
        let request = self.request(Method::PUT, &path).header("content-type", media_type);
        request.body(manifest.to_string()).send().await.unwrap()
    }
}

fn manifest(config: &ArtifactDigest, layer: &ArtifactDigest) -> Value {
    json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": { "mediaType": media_type::EMPTY, "digest": config, "size": 2 },
        "layers": [{ "mediaType": media_type::LAYER, "digest": layer, "size": 5 }],
    })
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// The answer's status and the code of its first error.
async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["errors"][0]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_ping_says_that_this_is_a_registry() {
    let server = start().await;
    let response = server.get("/v2/").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(response.headers(), "docker-distribution-api-version"), "registry/2.0");
    let response = server.client.get(format!("{}/v2/", server.address)).send().await.unwrap();
    assert_eq!(header(response.headers(), "www-authenticate"), "Basic realm=\"boucle\"");
    assert_eq!(refusal(response).await, (401, "UNAUTHORIZED".into()));
}

#[tokio::test]
async fn blobs_are_pushed_in_chunks_that_follow_each_other() {
    let server = start().await;
    let response =
        server.request(Method::POST, "/v2/demo/hello/blobs/uploads/").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let location = header(response.headers(), "location");
    let patch = |range: &'static str, body: &'static str| {
        server.request(Method::PATCH, &location).header("content-range", range).body(body).send()
    };
    let response = patch("0-4", "hello").await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(header(response.headers(), "range"), "0-4");
    let response = patch("9-9", "x").await.unwrap();
    assert_eq!(refusal(response).await, (416, "BLOB_UPLOAD_INVALID".into()));
    let response = server.get(&location).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(response.headers(), "range"), "0-4");
    patch("5-6", ", ").await.unwrap();
    let digest = digest_of(b"hello, world");
    let path = format!("{location}?digest={}", digest.as_str().replace(':', "%3A"));
    let response = server.request(Method::PUT, &path).body("world").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let response = server.get(&header(response.headers(), "location")).await;
    assert_eq!(header(response.headers(), "docker-content-digest"), digest.to_string());
    assert_eq!(header(response.headers(), "x-content-type-options"), "nosniff");
    assert_eq!(header(response.headers(), "content-disposition"), "attachment");
    assert_eq!(response.text().await.unwrap(), "hello, world");
    let response = server.get(&location).await;
    assert_eq!(refusal(response).await, (404, "BLOB_UPLOAD_UNKNOWN".into()));
}

#[tokio::test]
async fn an_upload_with_another_digest_stores_nothing() {
    let server = start().await;
    let digest = digest_of(b"announced");
    let path = format!("/v2/demo/hello/blobs/uploads/?digest={digest}");
    let response = server.request(Method::POST, &path).body("sent").send().await.unwrap();
    assert_eq!(refusal(response).await, (400, "DIGEST_INVALID".into()));
    let response = server.get(&format!("/v2/demo/hello/blobs/{digest}")).await;
    assert_eq!(refusal(response).await, (404, "BLOB_UNKNOWN".into()));
    assert_eq!(server.registry.blobs().has(&digest_of(b"sent")).await.unwrap(), None);
}

#[tokio::test]
async fn uploads_are_limited_in_size_and_number() {
    let server = start().await;
    let large = vec![0_u8; (32 << 20) + 1];
    let path = format!("/v2/demo/hello/blobs/uploads/?digest={}", digest_of(&large));
    let response = server.request(Method::POST, &path).body(large).send().await.unwrap();
    assert_eq!(refusal(response).await, (413, "SIZE_INVALID".into()));
    let start = || server.request(Method::POST, "/v2/demo/hello/blobs/uploads/").send();
    let first = header(start().await.unwrap().headers(), "location");
    for _ in 0..3 {
        assert_eq!(start().await.unwrap().status(), StatusCode::ACCEPTED);
    }
    assert_eq!(refusal(start().await.unwrap()).await, (429, "TOOMANYREQUESTS".into()));
    let response = server.request(Method::DELETE, &first).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(start().await.unwrap().status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn content_may_be_named_by_sha512() {
    let server = start().await;
    let named = |content: &str| format!("sha512:{}", hex::encode(Sha512::digest(content)));
    for (content, digest, expected) in [
        ("content", named("content"), StatusCode::CREATED),
        ("other", named("content"), StatusCode::BAD_REQUEST),
    ] {
        let path = format!("/v2/demo/hello/blobs/uploads/?digest={digest}");
        let response = server.request(Method::POST, &path).body(content).send().await.unwrap();
        assert_eq!(response.status(), expected, "{content}");
    }
    let config = named("{}");
    let path = format!("/v2/demo/hello/blobs/uploads/?digest={config}");
    server.request(Method::POST, &path).body("{}").send().await.unwrap();
    let layer = named("content");
    let text = manifest(&config.parse().unwrap(), &layer.parse().unwrap());
    let digest = named(&text.to_string());
    let reference = format!("{digest}?tag=one&tag=two");
    let response = server.push_manifest("demo/hello", &reference, &text).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let given: Vec<_> = response.headers().get_all("oci-tag").iter().collect();
    assert_eq!(given, ["one", "two"]);
    for (path, expected) in [
        (format!("/v2/demo/hello/blobs/{layer}"), "content".to_owned()),
        (format!("/v2/demo/hello/manifests/{digest}"), text.to_string()),
        ("/v2/demo/hello/manifests/two".to_owned(), text.to_string()),
    ] {
        let response = server.get(&path).await;
        assert_eq!(response.text().await.unwrap(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_part_of_a_blob_is_given() {
    let server = start().await;
    let digest = server.push_blob("demo/hello", b"0123456789").await;
    let path = format!("/v2/demo/hello/blobs/{digest}");
    let cases = [
        ("bytes=0-3", 206, "bytes 0-3/10", "0123"),
        ("bytes=4-", 206, "bytes 4-9/10", "456789"),
        ("bytes=8-99", 206, "bytes 8-9/10", "89"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=-99", 206, "bytes 0-9/10", "0123456789"),
        ("bytes=0-1,4-5", 200, "", "0123456789"),
        ("bytes=5-2", 200, "", "0123456789"),
        ("lines=0-1", 200, "", "0123456789"),
    ];
    for (range, status, content_range, expected) in cases {
        let request = server.request(Method::GET, &path).header("range", range);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{range}");
        assert_eq!(header(response.headers(), "content-range"), content_range, "{range}");
        assert_eq!(response.text().await.unwrap(), expected, "{range}");
    }
    let beyond = server.request(Method::GET, &path).header("range", "bytes=10-");
    let response = beyond.send().await.unwrap();
    assert_eq!(header(response.headers(), "content-range"), "bytes */10");
    assert_eq!(refusal(response).await, (416, "SIZE_INVALID".into()));
    let other = server.request(Method::GET, &path).header("range", "bytes=0-3");
    let response = other.header("if-range", "\"another\"").send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "0123456789");
}

#[tokio::test]
async fn what_was_pushed_is_deleted() {
    let server = start().await;
    let config = server.push_blob("demo/hello", b"{}").await;
    let layer = server.push_blob("demo/hello", b"layer").await;
    let manifest = manifest(&config, &layer);
    let digest = digest_of(manifest.to_string().as_bytes());
    server.push_manifest("demo/hello", "v1", &manifest).await;
    let delete = |path: String| server.request(Method::DELETE, &path).send();
    let blob = format!("/v2/demo/hello/blobs/{layer}");
    assert_eq!(refusal(delete(blob.clone()).await.unwrap()).await, (409, "DENIED".into()));
    for path in [
        "/v2/demo/hello/manifests/v1".to_owned(),
        format!("/v2/demo/hello/manifests/{digest}"),
        blob,
    ] {
        assert_eq!(delete(path.clone()).await.unwrap().status(), StatusCode::ACCEPTED, "{path}");
        assert_eq!(server.get(&path).await.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(delete(path.clone()).await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_digest_whose_tag_may_not_go_stays() {
    let server = start().await;
    let config = server.push_blob("demo/hello", b"{}").await;
    let layer = server.push_blob("demo/hello", b"layer").await;
    let manifest = manifest(&config, &layer);
    let path = format!("/v2/demo/hello/manifests/{}", digest_of(manifest.to_string().as_bytes()));
    for tag in ["free", "kept"] {
        server.push_manifest("demo/hello", tag, &manifest).await;
    }
    let response = server.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(refusal(response).await, (403, "DENIED".into()));
    for tag in ["free", "kept"] {
        let response = server.get(&format!("/v2/demo/hello/manifests/{tag}")).await;
        assert_eq!(response.status(), StatusCode::OK, "{tag}");
    }
}

#[tokio::test]
async fn a_layer_that_only_its_maker_may_give_need_not_be_there() {
    let server = start().await;
    let config = server.push_blob("demo/hello", b"{}").await;
    let mut manifest = manifest(&config, &digest_of(b"elsewhere"));
    let kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    manifest["layers"][0]["mediaType"] = json!(kind);
    let response = server.push_manifest("demo/hello", "v1", &manifest).await;
    assert_eq!(response.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn manifests_are_pushed_and_pulled_by_tag_and_by_digest() {
    let server = start().await;
    let config = server.push_blob("demo/hello", b"{}").await;
    let layer = server.push_blob("demo/hello", b"layer").await;
    let manifest = manifest(&config, &layer);
    let digest = digest_of(manifest.to_string().as_bytes());
    let response = server.push_manifest("demo/hello", "v1", &manifest).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(response.headers(), "docker-content-digest"), digest.to_string());
    for reference in ["v1", digest.as_str()] {
        let path = format!("/v2/demo/hello/manifests/{reference}");
        let head = server.request(Method::HEAD, &path).send().await.unwrap();
        assert_eq!(header(head.headers(), "docker-content-digest"), digest.to_string());
        assert_eq!(
            header(head.headers(), "content-length"),
            manifest.to_string().len().to_string()
        );
        let response = server.get(&path).await;
        assert_eq!(header(response.headers(), "content-type"), media_type::MANIFEST);
        assert_eq!(response.text().await.unwrap(), manifest.to_string());
    }
    let response = server.get("/v2/demo/hello/manifests/v2").await;
    assert_eq!(refusal(response).await, (404, "MANIFEST_UNKNOWN".into()));
}

#[tokio::test]
async fn wrong_manifests_are_refused() {
    let server = start().await;
    let config = server.push_blob("demo/hello", b"{}").await;
    let layer = server.push_blob("demo/hello", b"layer").await;
    let good = manifest(&config, &layer);
    let absent = manifest(&config, &digest_of(b"absent"));
    let mut no_config = good.clone();
    no_config.as_object_mut().unwrap().remove("config");
    let mut version = good.clone();
    version["schemaVersion"] = json!(1);
    let mut unknown_type = good.clone();
    unknown_type["mediaType"] = json!("text/html");
    let other = digest_of(b"other");
    let cases = [
        ("v1", absent, (404, "MANIFEST_BLOB_UNKNOWN")),
        ("v1", no_config, (400, "MANIFEST_INVALID")),
        ("v1", version, (400, "MANIFEST_INVALID")),
        ("v1", unknown_type, (400, "MANIFEST_INVALID")),
        ("v1", json!({ "schemaVersion": 2, "x": "y".repeat(70_000) }), (413, "SIZE_INVALID")),
        (other.as_str(), good.clone(), (400, "DIGEST_INVALID")),
        (".bad", good, (400, "MANIFEST_INVALID")),
    ];
    for (reference, manifest, (status, code)) in cases {
        let response = server.push_manifest("demo/hello", reference, &manifest).await;
        assert_eq!(refusal(response).await, (status, code.into()), "{reference}");
    }
    let response = server.get("/v2/demo/hello/tags/list").await;
    assert_eq!(refusal(response).await, (404, "NAME_UNKNOWN".into()));
}

#[tokio::test]
async fn tags_are_listed_in_pages() {
    let server = start().await;
    let config = server.push_blob("demo/hello", b"{}").await;
    let layer = server.push_blob("demo/hello", b"layer").await;
    for tag in ["b", "a", "d", "c"] {
        server.push_manifest("demo/hello", tag, &manifest(&config, &layer)).await;
    }
    let mut found = Vec::new();
    let mut next = "/v2/demo/hello/tags/list?n=3".to_owned();
    loop {
        let response = server.get(&next).await;
        let link = header(response.headers(), "link");
        let body: Value = response.json().await.unwrap();
        found.push(body["tags"].as_array().unwrap().len());
        let Some((path, _)) = link.strip_prefix('<').and_then(|link| link.split_once('>')) else {
            assert_eq!(body, json!({ "name": "demo/hello", "tags": ["d"] }));
            break;
        };
        next = path.to_owned();
    }
    assert_eq!(found, [3, 1]);
}

#[tokio::test]
async fn referrers_are_listed_and_filtered() {
    let server = start().await;
    let config = server.push_blob("demo/hello", b"{}").await;
    let layer = server.push_blob("demo/hello", b"layer").await;
    let subject = manifest(&config, &layer);
    let subject_digest = digest_of(subject.to_string().as_bytes());
    let mut signature = subject.clone();
    signature["artifactType"] = json!("application/x.signature");
    signature["subject"] = json!({
        "mediaType": media_type::MANIFEST, "digest": subject_digest, "size": 1,
    });
    let response = server.push_manifest("demo/hello", "signature", &signature).await;
    assert_eq!(header(response.headers(), "oci-subject"), subject_digest.to_string());
    for (query, count) in
        [("", 1), ("?artifactType=application%2Fx.signature", 1), ("?artifactType=x", 0)]
    {
        let path = format!("/v2/demo/hello/referrers/{subject_digest}{query}");
        let response = server.get(&path).await;
        assert_eq!(header(response.headers(), "content-type"), media_type::INDEX);
        let index: Value = response.json().await.unwrap();
        assert_eq!(index["manifests"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn an_image_sees_only_its_own_blobs_unless_they_are_mounted() {
    let server = start().await;
    let digest = server.push_blob("demo/secret", b"secret").await;
    let path = format!("/v2/demo/hello/blobs/{digest}");
    assert_eq!(refusal(server.get(&path).await).await, (404, "BLOB_UNKNOWN".into()));
    let mount = format!("/v2/demo/hello/blobs/uploads/?mount={digest}&from=demo/secret");
    let response = server.request(Method::POST, &mount).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(server.get(&path).await.text().await.unwrap(), "secret");
    let absent = mount.replace("from=demo/secret", "from=demo/third");
    let response = server.request(Method::POST, &absent).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn the_server_decides_who_may() {
    let server = start().await;
    let digest = server.push_blob("demo/secret", b"secret").await;
    let ask = |method: Method, path: String| {
        let request = server.client.request(method, format!("{}{path}", server.address));
        request.header("token", "reader").send()
    };
    let response = ask(Method::POST, "/v2/demo/hello/blobs/uploads/".into()).await.unwrap();
    assert_eq!(refusal(response).await, (403, "DENIED".into()));
    let response = ask(Method::GET, format!("/v2/demo/secret/blobs/{digest}")).await.unwrap();
    assert_eq!(refusal(response).await, (404, "NAME_UNKNOWN".into()));
    let response = server.client.get(format!("{}/v2/demo/hello/tags/list", server.address));
    assert_eq!(refusal(response.send().await.unwrap()).await, (401, "UNAUTHORIZED".into()));
}

#[tokio::test]
async fn a_damaged_blob_breaks_the_answer() {
    let server = start().await;
    let digest = server.push_blob("demo/hello", b"some content").await;
    let path = format!("/v2/demo/hello/blobs/{digest}");
    assert_eq!(server.get(&path).await.text().await.unwrap(), "some content");
    damage(&blob_path(server.data.path(), &digest));
    // Also where it was given whole before: its file has changed since.
    // A small answer fails before its first byte, a large one before its last.
    let received = match server.request(Method::GET, &path).send().await {
        Ok(response) => response.bytes().await.is_ok(),
        Err(_) => false,
    };
    assert!(!received);
}

#[tokio::test]
async fn what_is_not_in_the_protocol_is_refused() {
    let server = start().await;
    let cases = [
        (Method::GET, "/v2/demo/hello/unknown/x", (404, "NAME_UNKNOWN")),
        (Method::GET, "/v2/only-one/tags/list", (400, "NAME_INVALID")),
        (Method::GET, "/v2/demo/.hidden/tags/list", (400, "NAME_INVALID")),
        (Method::GET, "/v2/demo/hello/blobs/sha256:short", (400, "DIGEST_INVALID")),
        (Method::DELETE, "/v2/demo/hello/manifests/v1", (404, "MANIFEST_UNKNOWN")),
        (Method::DELETE, "/v2/demo/hello/tags/list", (405, "UNSUPPORTED")),
        (Method::PUT, "/v2/demo/hello/tags/list", (405, "UNSUPPORTED")),
        (Method::PATCH, "/v2/demo/hello/blobs/uploads/none", (404, "BLOB_UPLOAD_UNKNOWN")),
    ];
    for (method, path, (status, code)) in cases {
        let response = server.request(method, path).send().await.unwrap();
        assert_eq!(refusal(response).await, (status, code.into()), "{path}");
    }
}
