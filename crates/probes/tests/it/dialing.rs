//! The dialer against real sockets: limits, deadlines, redirects, addresses, signatures.

use ledger::Timestamp;
use probes::{AddressPolicy, Excess, Request, Webhook};

use crate::support::{Canned, Server, dialer};

fn whole(status: u16, headers: &str, body: &[u8]) -> Canned {
    Canned::Whole(status, headers.into(), body.into())
}

async fn server() -> Server {
    Server::start(|path| match path {
        "/ok" => whole(200, "Content-Type: text/plain\r\n", b"hello"),
        "/endless" => Canned::Endless,
        "/silent" => Canned::Silent,
        "/away" => whole(302, "Location: /ok\r\n", b""),
        "/closed" => whole(401, "WWW-Authenticate: Bearer realm=\"x\"\r\n", b""),
        "/round" => whole(302, "Location: /round\r\n", b""),
        "/metadata" => whole(302, "Location: http://169.254.169.254/latest\r\n", b""),
        "/file" => whole(302, "Location: file:///etc/passwd\r\n", b""),
        _ => whole(404, "", b"no"),
    })
    .await
}

#[tokio::test]
async fn answers_or_says_why_not() {
    let server = server().await;
    let dialer = dialer(&[]);
    let get = |path: &str| Request {
        timeout_ms: 2000,
        redirects_max: 3,
        ..Request::get(server.url(path), AddressPolicy::UserGiven)
    };
    for (path, expected) in [
        ("/ok", Ok(200)),
        ("/away", Ok(200)),
        ("/missing", Ok(404)),
        ("/endless", Err("answer-too-large")),
        ("/silent", Err("request-timeout")),
        ("/round", Err("redirect-refused")),
        ("/metadata", Err("address-denied")),
        ("/file", Err("url-invalid")),
    ] {
        let got = dialer.send(&get(path)).await;
        let got = got.map(|answer| answer.status).map_err(|error| error.code());
        assert_eq!(got, expected, "{path}");
    }
    let not_followed = Request { redirects_max: 0, ..get("/away") };
    let answer = dialer.send(&not_followed).await.unwrap();
    assert_eq!((answer.status, answer.location.as_deref()), (302, Some("/ok")));
    let answer = dialer.send(&get("/closed")).await.unwrap();
    assert_eq!((answer.status, answer.challenge.as_deref()), (401, Some("Bearer realm=\"x\"")));
    let cut = Request { excess: Excess::Cut, body_bytes_max: 10, ..get("/endless") };
    let answer = dialer.send(&cut).await.unwrap();
    assert_eq!((answer.body.len(), answer.cut), (10, true));
}

#[tokio::test]
async fn holds_every_address_against_the_policy() {
    let server = server().await;
    let port = server.address.port();
    let dialer = dialer(&[port]);
    for (url, policy, expected) in [
        (format!("http://127.0.0.1:{port}/ok"), AddressPolicy::Own, Ok(200)),
        (format!("http://localhost:{port}/ok"), AddressPolicy::Own, Ok(200)),
        (format!("http://127.0.0.1:{port}/ok"), AddressPolicy::UserGiven, Err("address-denied")),
        (format!("http://localhost:{port}/ok"), AddressPolicy::UserGiven, Err("address-denied")),
        (format!("http://0x7f.1:{port}/ok"), AddressPolicy::UserGiven, Err("address-denied")),
        (
            "http://[::ffff:169.254.169.254]/".into(),
            AddressPolicy::UserGiven,
            Err("address-denied"),
        ),
        ("http://10.0.0.1/".into(), AddressPolicy::Own, Err("address-denied")),
        ("http://127.0.0.1:1/".into(), AddressPolicy::Pod, Err("address-denied")),
        ("http://169.254.169.254/".into(), AddressPolicy::Pod, Err("address-denied")),
        ("ftp://127.0.0.1/".into(), AddressPolicy::UserGiven, Err("url-invalid")),
        ("http://user:secret@127.0.0.1/".into(), AddressPolicy::UserGiven, Err("url-invalid")),
    ] {
        let got = dialer.send(&Request::get(&url, policy)).await;
        let got = got.map(|answer| answer.status).map_err(|error| {
            assert!(!error.to_string().contains("secret"), "{error}");
            error.code()
        });
        assert_eq!(got, expected, "{url}");
    }
}

#[tokio::test]
async fn signs_webhooks() {
    let server = server().await;
    let dialer = dialer(&[]);
    let secret = b"secret".to_vec();
    let webhook = Webhook { url: server.url("/ok"), secret: secret.clone() };
    let at = Timestamp(1_700_000_000_123);
    dialer.send_webhook(&webhook, "change-7", at, b"{}".to_vec()).await.expect("taken");
    let request = server.requests.lock().unwrap().pop().unwrap().to_ascii_lowercase();
    let signature = probes::webhook::signature(&secret, 1_700_000_000, b"{}");
    assert!(request.contains(&format!("boucle-signature: sha256={signature}")), "{request}");
    assert!(request.contains("boucle-timestamp: 1700000000\r\n"), "{request}");
    assert!(request.contains("boucle-delivery: change-7\r\n"), "{request}");

    for (path, code) in [("/missing", "webhook-refused"), ("/away", "webhook-refused")] {
        let webhook = Webhook { url: server.url(path), secret: secret.clone() };
        let error = dialer.send_webhook(&webhook, "x", at, b"{}".to_vec()).await.expect_err(path);
        assert_eq!(error.code(), code);
    }
}
