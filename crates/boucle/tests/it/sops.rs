//! Secrets that SOPS encrypted: readable on the cluster, and nowhere else.

use base64::Engine as _;

use crate::git::git;
use crate::harness::{command, run_with_input, wait_for};
use crate::kubernetes::{AUTOMATED, CONFIG_MAP, World};

const KEY: &str = include_str!("../../../render/tests/it/sops/key.txt");
const ENCRYPTED: &str = include_str!("../../../render/tests/it/sops/one.yaml");

fn set_key(world: &World, key: &str, arguments: &[&str]) -> i32 {
    let mut set = command(world.server.data());
    set.args(["secret", "set", "me/east", "SOPS_AGE_KEY"]).args(arguments);
    run_with_input(&mut set, key).code
}

#[test]
fn an_encrypted_secret_is_readable_on_the_cluster_only() {
    let files = [("database.yaml", ENCRYPTED), ("settings.yaml", CONFIG_MAP)];
    let world = World::new(AUTOMATED, &files);
    wait_for("the refusal", || {
        let shown = world.server.boucle(&["app", "show", world.name()]);
        shown.out.contains("no age key of the repository") && shown.out.contains("--decrypts")
    });
    assert!(world.get("configmaps", "settings").is_none(), "half of it is nothing");

    assert_eq!(set_key(&world, "no key", &["--decrypts"]), 1);
    assert_eq!(set_key(&world, KEY, &["--decrypts"]), 0);
    world.wait_until("synced", "healthy");
    let secret = world.get("secrets", "database").expect("it is there");
    let encoded = secret["data"]["password"].as_str().expect("a value");
    let password = base64::engine::general_purpose::STANDARD.decode(encoded).expect("base64");
    assert_eq!(password, b"correct horse: battery");
    assert!(secret["sops"].is_null(), "{secret}");

    // What is kept and what is shown stays closed.
    let reference = format!("refs/boucle/rendered/{}", world.name());
    let address = world.server.address("me/east");
    let fetched = git(world.folder(), &["fetch", "--quiet", &address, &reference]);
    assert_eq!(fetched.code, 0, "{}", fetched.err);
    let kept = git(world.folder(), &["grep", "-h", "", "FETCH_HEAD"]).out;
    assert!(kept.contains("ENC[AES256_GCM") && !kept.contains("horse"), "{kept}");
    let patch = serde_json::json!({"stringData": {"password": "by hand"}});
    world.patch("secrets", "database", &patch);
    wait_for("drift put back", || {
        world.get("secrets", "database").is_some_and(|now| now["data"] == secret["data"])
    });
    for shown in [
        world.server.boucle(&["app", "diff", world.name()]).out,
        world.server.boucle(&["app", "show", world.name()]).out,
        world.server.boucle(&["audit", "export"]).out,
    ] {
        assert!(!shown.contains("horse") && !shown.contains(encoded), "{shown}");
    }
}
