//! Passkeys: what is refused, what is kept, and that nothing of a key is in the ledger. New ones need no
//! signature, so these are made here; `web/e2e/passkeys.ts` signs in with those of a real browser.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::Server;
use crate::http::{Answer, send};

/// SHA-256 of `localhost`.
const SITE: &str = "49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d9763";
/// The base point of the curve P-256: a public key like any other.
const X: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
const Y: &str = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
/// What an authenticator calls a key that it made.
const CREDENTIAL: [u8; 16] = *b"credential-one-1";

/// A page of the server under a name, or under its address.
struct Page<'server> {
    server: &'server Server,
    host: String,
    cookie: String,
}

impl<'server> Page<'server> {
    fn of(server: &'server Server, name: &str) -> Self {
        let url = server.url();
        let port = url.rsplit(':').next().expect("a port");
        Self { server, host: format!("{name}:{port}"), cookie: String::new() }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.host)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let origin = self.origin();
        let mut headers = vec![("Host", self.host.as_str()), ("Origin", origin.as_str())];
        if !self.cookie.is_empty() {
            headers.push(("Cookie", self.cookie.as_str()));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(self.server, method, &format!("/api/v1{path}"), &headers, body)
    }

    fn refused(&self, method: &str, path: &str, body: &Value) -> String {
        let answer = self.ask(method, path, body);
        assert!(answer.status >= 400, "{path}: {answer:?}");
        answer.code()
    }

    /// Asks for a challenge and answers it as an authenticator would that was just made.
    fn made(&self, path: &str, body: &Value, credential: [u8; 16]) -> Value {
        let asked = self.ask("POST", path, body).json();
        let challenge = asked["options"]["challenge"].as_str().unwrap_or_else(|| panic!("{asked}"));
        let credential = new_credential(&self.origin(), challenge, credential);
        json!({ "challenge": asked["challenge"], "label": "A key", "credential": credential })
    }
}

fn new_credential(origin: &str, challenge: &str, id: [u8; 16]) -> Value {
    let client = json!({
        "type": "webauthn.create", "challenge": challenge, "origin": origin, "crossOrigin": false,
    });
    let bytes = |text: &str| hex::decode(text).expect("hexadecimal");
    // Who it is for, present and verified with a key; a counter; no model; the id and its length.
    let mut data = [bytes(SITE), vec![0x45], vec![0; 4], vec![0; 16], vec![0, 16]].concat();
    data.extend(id);
    // The key in CBOR: elliptic curve, ES256, P-256, x, y.
    data.extend(bytes("a5010203262001215820"));
    data.extend([bytes(X), bytes("225820"), bytes(Y)].concat());
    // {"fmt": "none", "attStmt": {}, "authData": …}
    let mut object = bytes("a363666d74646e6f6e656761747453746d74a068617574684461746158");
    object.push(u8::try_from(data.len()).expect("a short text"));
    object.extend(data);
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    json!({
        "id": encode(&id), "rawId": encode(&id), "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": encode(client.to_string().as_bytes()),
            "attestationObject": encode(&object),
            "transports": ["internal"],
        },
    })
}

fn secret(link: &str) -> String {
    let rest = link.split("/setup#").nth(1).expect("a link");
    rest.split_whitespace().next().expect("a secret").to_owned()
}

#[test]
fn a_passkey_belongs_to_a_name_and_answers_one_challenge() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let secret = secret(&server.printed());
    let link = json!({ "secret": secret, "name": "ada" });
    let (challenge, set_up) = ("/session/setup/passkey-challenge", "/session/setup");
    let with = |passkey: &Value| json!({ "secret": secret, "name": "ada", "passkey": passkey });

    for address in ["127.0.0.1", "[::1]"] {
        let page = Page::of(&server, address);
        assert_eq!(page.refused("POST", challenge, &link), "passkey-needs-name");
        let path = "/session/passkey/challenge";
        assert_eq!(page.refused("POST", path, &Value::Null), "passkey-needs-name");
        let body = json!({ "challenge": "x", "credential": {} });
        assert_eq!(page.refused("POST", "/session/passkey", &body), "passkey-needs-name");
    }
    let nowhere = Page { server: &server, host: "localhost:99999".into(), cookie: String::new() };
    assert_eq!(nowhere.refused("POST", challenge, &link), "wrong-origin");
    let page = Page::of(&server, "localhost");
    let wrong = json!({ "secret": "wrong", "name": "ada" });
    assert_eq!(page.refused("POST", challenge, &wrong), "setup-used");
    let unknown = json!({ "challenge": "x", "label": "A key", "credential": {} });
    assert_eq!(page.refused("POST", set_up, &with(&unknown)), "passkey-challenge-over");
    let body = json!({ "challenge": "x", "credential": {} });
    assert_eq!(page.refused("POST", "/session/passkey", &body), "passkey-challenge-over");

    // One for another name, and one that was asked on another page.
    let eve = page.made(challenge, &json!({ "secret": secret, "name": "eve" }), CREDENTIAL);
    assert_eq!(page.refused("POST", set_up, &with(&eve)), "passkey-challenge-over");
    let mut elsewhere = page.made(challenge, &link, CREDENTIAL);
    let asked = page.ask("POST", challenge, &link).json();
    elsewhere["challenge"] = asked["challenge"].clone();
    assert_eq!(page.refused("POST", set_up, &with(&elsewhere)), "passkey-refused");
    let mut both = with(&page.made(challenge, &link, CREDENTIAL));
    both["password"] = "correct horse".into();
    assert_eq!(page.refused("POST", set_up, &both), "invalid-request");
    let mut nameless = page.made(challenge, &link, CREDENTIAL);
    nameless["label"] = " ".into();
    assert_eq!(page.refused("POST", set_up, &with(&nameless)), "invalid-request");

    // None of these used the link.
    let good = with(&page.made(challenge, &link, CREDENTIAL));
    assert!(page.ask("POST", set_up, &good).cookie().is_some());
    assert_eq!(page.refused("POST", set_up, &good), "already-exists");
    let eve = json!({ "secret": secret, "name": "eve" });
    assert_eq!(page.refused("POST", challenge, &eve), "setup-used");
    let known = page.ask("GET", "/session", &Value::Null).json();
    assert_eq!((&known["passkeys"], &known["passwords"]), (&true.into(), &false.into()));
}

#[test]
fn people_look_after_their_own_passkeys_and_keep_a_way_in() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let link = json!({ "secret": secret(&server.printed()), "name": "ada" });
    let mut page = Page::of(&server, "localhost");
    let mut begin = link.clone();
    begin["passkey"] = page.made("/session/setup/passkey-challenge", &link, CREDENTIAL);
    page.cookie = page.ask("POST", "/session/setup", &begin).cookie().expect("a session");
    assert_eq!(page.ask("GET", "/session", &Value::Null).json()["account"], true);
    let ids = |page: &Page| -> Vec<String> {
        let list = page.ask("GET", "/passkeys", &Value::Null).json();
        let items = list["items"].as_array().unwrap_or_else(|| panic!("{list}"));
        items.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    };
    let first = ids(&page);
    assert_eq!(first.len(), 1);
    let path = format!("/passkeys/{}", first[0]);
    assert_eq!(page.refused("DELETE", &path, &Value::Null), "last-way-in");
    assert_eq!(page.refused("DELETE", "/passkeys/none", &Value::Null), "not-found");

    let same = page.made("/passkeys/challenge", &Value::Null, CREDENTIAL);
    assert_eq!(page.refused("POST", "/passkeys", &same), "passkey-refused");
    let second = page.made("/passkeys/challenge", &Value::Null, *b"credential-two-2");
    assert_eq!(page.ask("POST", "/passkeys", &second).status, 200);
    assert_eq!(page.refused("POST", "/passkeys", &second), "passkey-challenge-over");
    assert_eq!(page.ask("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(ids(&page).len(), 1);
    let path = format!("/passkeys/{}", ids(&page)[0]);
    assert_eq!(page.refused("DELETE", &path, &Value::Null), "last-way-in");

    // A token that names her was handed out: it is no way to make a way in.
    let made = server.boucle(&["token", "create", "ada", "--role", "read"]).json();
    let bearer = format!("Bearer {}", made["token"].as_str().expect("a token"));
    for (method, path) in [("GET", "/passkeys"), ("POST", "/passkeys/challenge")] {
        let path = format!("/api/v1{path}");
        let answer = send(&server, method, &path, &[("Authorization", &bearer)], "");
        assert_eq!(answer.code(), "not-permitted", "{answer:?}");
        let nobody = send(&server, method, &path, &[], "");
        assert_eq!(nobody.code(), "not-authenticated", "{nobody:?}");
    }

    let told = server.boucle(&["audit", "export"]).out;
    assert!(told.contains("passkey_added") && told.contains("passkey_removed"), "{told}");
    for bytes in [CREDENTIAL.to_vec(), hex::decode(X).expect("hexadecimal")] {
        let forms = [BASE64_STANDARD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)];
        for form in forms.into_iter().chain([hex::encode(&bytes)]) {
            assert!(!told.contains(&form), "the ledger has {form}");
        }
    }
    let kept = kept(&server);
    assert!(kept.iter().all(|mode| mode & 0o077 == 0), "others may read a passkey: {kept:?}");
    let owner = std::fs::read_to_string(data.path().join("token")).expect("the owner's token");
    let bearer = format!("Bearer {}", owner.trim());
    let gone = send(&server, "DELETE", "/api/v1/people/ada", &[("Authorization", &bearer)], "");
    assert_eq!(gone.status, 204);
    assert_eq!(page.refused("GET", "/passkeys", &Value::Null), "not-authenticated");
    assert_eq!(self::kept(&server).len(), kept.len() - 1, "her passkeys are forgotten");
}

/// The mode of each file of passkeys.
fn kept(server: &Server) -> Vec<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = server.data().join("secrets/passkeys");
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file"));
    files.map(|file| file.metadata().expect("a file").permissions().mode()).collect()
}
