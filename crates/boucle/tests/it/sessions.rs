//! People: the one-time link, passwords, invitations, and pages of other sites.

use crate::harness::Server;
use crate::http::{Answer, send};

/// The address that the server printed at its start carries the secret behind its `#`.
fn setup_secret(server: &Server) -> String {
    server
        .printed()
        .split("/setup#")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a link")
        .to_owned()
}

fn page(server: &Server, method: &str, path: &str, cookie: &str, body: &str) -> Answer {
    let url = server.url();
    let mut headers = vec![("Origin", url.as_str()), ("Sec-Fetch-Site", "same-origin")];
    if !cookie.is_empty() {
        headers.push(("Cookie", cookie));
    }
    send(server, method, path, &headers, body)
}

#[test]
fn the_first_link_makes_an_administrator_once_and_passwords_let_people_in() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let session = |cookie: &str| page(&server, "GET", "/api/v1/session", cookie, "").json();
    assert_eq!(session("")["signed_in"], false);
    let secret = setup_secret(&server);
    let short = format!(r#"{{"secret":"{secret}","name":"ada","password":"short"}}"#);
    assert_eq!(page(&server, "POST", "/api/v1/session/setup", "", &short).status, 400);
    let begin = format!(r#"{{"secret":"{secret}","name":"ada","password":"correct horse"}}"#);
    let begun = page(&server, "POST", "/api/v1/session/setup", "", &begin);
    let ada = begun.cookie().unwrap_or_else(|| panic!("{begun:?}"));
    assert!(begun.head.contains("HttpOnly") && begun.head.contains("SameSite=Strict"));
    let known = session(&ada);
    assert_eq!((&known["name"], &known["role"]), (&"ada".into(), &"admin".into()), "{known}");
    let again = format!(r#"{{"secret":"{secret}","name":"eve","password":"correct horse"}}"#);
    assert_eq!(page(&server, "POST", "/api/v1/session/setup", "", &again).code(), "setup-used");

    let invited =
        page(&server, "POST", "/api/v1/people", &ada, r#"{"name":"grace","role":"write"}"#);
    let link = invited.json()["link"].as_str().expect("a link").to_owned();
    let secret = link.split('#').nth(1).expect("a secret");
    let join = format!(r#"{{"secret":"{secret}","password":"battery staple"}}"#);
    assert!(page(&server, "POST", "/api/v1/session/setup", "", &join).cookie().is_some());
    assert_eq!(page(&server, "POST", "/api/v1/session/setup", "", &join).code(), "setup-used");

    let sign_in = |name: &str, password: &str| {
        let body = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
        page(&server, "POST", "/api/v1/session", "", &body)
    };
    let grace = sign_in("grace", "battery staple").cookie().expect("a session");
    assert_eq!(session(&grace)["role"], "write");
    assert_eq!(page(&server, "POST", "/api/v1/people", &grace, r#"{"name":"x"}"#).status, 403);
    let (wrong, unknown) = (sign_in("grace", "wrong"), sign_in("nobody", "wrong"));
    assert_eq!((wrong.status, wrong.body), (unknown.status, unknown.body));
    for _ in 0..4 {
        assert_eq!(sign_in("grace", "wrong").code(), "sign-in-refused");
    }
    assert_eq!(sign_in("grace", "battery staple").code(), "sign-in-waits");

    assert_eq!(page(&server, "DELETE", "/api/v1/people/grace", &ada, "").status, 204);
    assert_eq!(session(&grace)["signed_in"], false);
    assert_eq!(page(&server, "DELETE", "/api/v1/session", &ada, "").status, 204);
    assert_eq!(session(&ada)["signed_in"], false);
    let told = server.boucle(&["audit", "export"]).out;
    for secret in ["correct horse", "battery staple", "$argon2"] {
        assert!(!told.contains(secret), "the ledger has {secret}");
    }
}

#[test]
fn a_page_from_elsewhere_changes_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let token = std::fs::read_to_string(data.path().join("token")).expect("the owner's token");
    let cookie = format!("boucle_session={}", token.trim());
    let body = r#"{"name":"me/one"}"#;
    let check = |headers: &[(&str, &str)], expected: u16| {
        let mut all = vec![("Cookie", cookie.as_str())];
        all.extend_from_slice(headers);
        let answer = send(&server, "POST", "/api/v1/repositories", &all, body);
        assert_eq!(answer.status, expected, "{headers:?}: {answer:?}");
        assert_eq!(answer.status == 403, answer.body.contains("wrong-origin"), "{answer:?}");
    };
    let own = server.url();
    check(&[("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")], 403);
    check(&[("Origin", "http://127.0.0.1:1"), ("Sec-Fetch-Site", "same-site")], 403);
    check(&[("Origin", "null")], 403);
    check(&[], 403);
    check(&[("Host", "evil.example"), ("Origin", "http://evil.example")], 403);
    check(&[("Origin", &own), ("Sec-Fetch-Site", "same-origin")], 200);
    // A program with a token sends no origin, and needs none.
    let bearer = format!("Bearer {}", token.trim());
    let made = send(
        &server,
        "POST",
        "/api/v1/repositories",
        &[("Authorization", &bearer)],
        r#"{"name":"me/two"}"#,
    );
    assert_eq!(made.status, 200, "{made:?}");
    // The page's requests never make the browser ask for a password by itself.
    let asked = send(&server, "GET", "/api/v1/status", &[("Sec-Fetch-Site", "same-origin")], "");
    assert_eq!(asked.status, 401);
    assert!(!asked.head.to_lowercase().contains("www-authenticate"), "{}", asked.head);
}
