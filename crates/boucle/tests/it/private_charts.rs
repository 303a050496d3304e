//! Charts behind a credential: who gets them, where the password goes, and what is said when it opens nothing.

use std::path::Path;
use std::sync::atomic::Ordering;

use serde_json::json;

use crate::charts::{CONFIGURATION, World, application, helm};
use crate::charts_from_elsewhere::{FILE, Site, run_helm};
use crate::harness::{Outcome, command, run_with_input, wait_for};

const PASSWORD: &str = "correct-horse";

fn with_input(world: &World, arguments: &[&str], input: &str) -> Outcome {
    run_with_input(command(world.data.path()).args(arguments).args(["-o", "json"]), input)
}

/// Declares the charts of an address in a repository's folder of applications.
fn add(world: &World, repository: &str, address: &str, more: &[&str], password: &str) -> Outcome {
    let into = world.folder(repository).join("apps").to_string_lossy().into_owned();
    let repository = format!("me/{repository}");
    let add = ["charts", "add", address, "--repository", &repository, "--into", &into];
    with_input(world, &[&add, more].concat(), password)
}

/// Merges what the working tree has as the next pull request.
fn merge(world: &World, repository: &str, number: u64) {
    world.push_to(repository, "refs/for/main");
    let merged =
        world.server.boucle(&["pr", "merge", &format!("me/{repository}"), &number.to_string()]);
    assert_eq!(merged.code, 0, "{}{}", merged.out, merged.err);
}

fn source(address: &str, version: &str) -> String {
    format!(
        "  source: {{repoURL: '{address}', chart: web, targetRevision: {version}, helm: {{valuesObject: \
         {{colour: green}}}}}}\n"
    )
}

fn wait_code(world: &World, application: &str, code: &str) {
    wait_for(&format!("{code} of {application}"), || {
        world.reasons(application).iter().any(|one| one["code"] == code)
    });
}

#[test]
fn a_password_opens_the_charts_of_its_address_to_its_repository_alone() {
    let site = Site::behind(Some(("reader", PASSWORD)));
    site.publish("1.0.0");
    let world = World::with(&["one", "two"], &["--helm", &helm(), "--charts-from", &site.address]);
    let address = format!("http://{}", site.address);
    for (name, app) in [("one", "web"), ("two", "foreign")] {
        world.write(name, "boucle.yaml", CONFIGURATION);
        let file = application(app, &source(&address, "1.0.0"));
        world.write(name, &format!("apps/{app}.yaml"), &file);
        world.push(name);
        wait_code(&world, app, "chart-credential-missing");
    }
    let said = world.reason("web", "boucle charts add http://127.0.0.1");
    assert!(said.contains("is not public"), "{said}");

    let login = ["--username", "reader"];
    let added = add(&world, "one", &address, &login, PASSWORD);
    assert_eq!(added.code, 0, "{}{}", added.out, added.err);
    let (secret, file) = (added.json()["secret"].clone(), added.json()["file"].clone());
    let (secret, file) = (secret.as_str().expect("a name"), file.as_str().expect("a path"));
    let text = std::fs::read_to_string(file).expect("it is written");
    assert!(text.contains(&format!("${secret}")) && !text.contains(PASSWORD), "{text}");
    assert_eq!(add(&world, "one", &address, &login, PASSWORD).code, 3, "nothing is overwritten");
    merge(&world, "one", 1);
    world.wait_rendered("one", "web", FILE, "colour: green");

    // Another repository has neither the chart that was fetched nor the password, whatever it declares.
    let name = Path::new(file).file_name().expect("a name").to_string_lossy().into_owned();
    world.write("two", &format!("apps/{name}"), &text);
    merge(&world, "two", 1);
    let said = world.reason("foreign", "has no secret");
    assert!(
        said.contains(&format!("boucle secret set me/two {secret} --charts {address}")),
        "{said}"
    );
    let elsewhere = ["secret", "set", "me/two", secret, "--charts", "https://elsewhere.example"];
    assert_eq!(with_input(&world, &elsewhere, PASSWORD).code, 0);
    world.reason("foreign", "was given for https://elsewhere.example");
    let for_jobs = ["secret", "remove", "me/two", secret];
    assert_eq!(world.server.boucle(&for_jobs).code, 0);
    assert_eq!(with_input(&world, &["secret", "set", "me/two", secret], PASSWORD).code, 0);
    world.reason("foreign", "is for something else");
    assert_eq!(world.rendered("two", "foreign", "shop/configmap-foreign.yaml"), "");

    // A password that is no longer right is said to be; another one counts at once.
    site.publish("1.1.0");
    let set = ["secret", "set", "me/one", secret];
    assert_eq!(with_input(&world, &set, "wrong-horse").code, 0);
    let newer = source(&address, "1.1.0").replace("green", "blue");
    world.write("one", "apps/web.yaml", &application("web", &newer));
    merge(&world, "one", 2);
    wait_code(&world, "web", "chart-credential-refused");
    let said = world.reason("web", "renew it with");
    assert!(said.contains("what is deployed stays") && said.contains("401"), "{said}");
    assert_eq!(with_input(&world, &set, PASSWORD).code, 0);
    world.wait_rendered("one", "web", FILE, "colour: blue");
    let listed = world.server.boucle(&["secret", "list", "me/one"]).json();
    assert_eq!(listed[0]["charts"], json!({ "url": address }), "a new value stays bound");

    let kept = world.server.boucle(&["audit", "export"]).out + &world.server.printed();
    assert!(!kept.contains("-horse"), "no password is on record");
}

#[test]
fn a_wrong_password_is_tried_once_for_all_charts() {
    let site = Site::behind(Some(("reader", PASSWORD)));
    let world = World::with(&["one"], &["--helm", &helm(), "--charts-from", &site.address]);
    let address = format!("http://{}", site.address);
    let charts = [("first", "1.0.0"), ("second", "1.1.0"), ("third", "1.2.0")];
    world.write("one", "boucle.yaml", CONFIGURATION);
    for (app, version) in charts {
        site.publish(version);
        let file = application(app, &source(&address, version));
        world.write("one", &format!("apps/{app}.yaml"), &file);
    }
    let added = add(&world, "one", &address, &["--username", "reader"], "wrong-horse");
    assert_eq!(added.code, 0, "{}{}", added.out, added.err);
    let before = site.asked.load(Ordering::SeqCst);
    world.push("one");
    for (app, _) in charts {
        wait_code(&world, app, "chart-credential-refused");
    }
    assert_eq!(site.asked.load(Ordering::SeqCst), before + 1, "accounts are locked otherwise");
    let secret = added.json()["secret"].as_str().expect("a name").to_owned();
    let said = world.reason("third", "renew it with");
    assert!(said.contains(&format!("`boucle secret set me/one {secret}`")), "{said}");
    assert_eq!(with_input(&world, &["secret", "set", "me/one", &secret], PASSWORD).code, 0);
    for (app, _) in charts {
        world.wait_rendered("one", app, &format!("shop/configmap-{app}.yaml"), "colour: green");
    }
}

#[test]
fn what_anybody_could_get_stays_when_a_credential_is_declared() {
    let site = Site::start();
    site.publish("1.0.0");
    let world = World::with(&["one"], &["--helm", &helm(), "--charts-from", &site.address]);
    let address = format!("http://{}", site.address);
    world.write("one", "boucle.yaml", CONFIGURATION);
    world.write("one", "apps/web.yaml", &application("web", &source(&address, "1.0.0")));
    world.push("one");
    world.wait_rendered("one", "web", FILE, "colour: green");

    site.is_open.store(false, Ordering::SeqCst);
    let added = add(&world, "one", &address, &["--username", "reader"], PASSWORD);
    assert_eq!(added.code, 0, "{}{}", added.out, added.err);
    let newer = source(&address, "1.0.0").replace("green", "blue");
    world.write("one", "apps/web.yaml", &application("web", &newer));
    let before = site.asked.load(Ordering::SeqCst);
    merge(&world, "one", 1);
    world.wait_rendered("one", "web", FILE, "colour: blue");
    assert_eq!(site.asked.load(Ordering::SeqCst), before, "it is there already");
}

#[test]
fn a_registry_with_accounts_gives_its_charts_and_artifacts() {
    let site = Site::start();
    site.publish("1.0.0");
    let there = World::new(&["charts"]);
    let host = there.server.url().trim_start_matches("http://").to_owned();
    let token = std::fs::read_to_string(there.data.path().join("token")).expect("a token");
    let settings = crate::charts_from_elsewhere::log_in(site.folder.path(), &host, token.trim());
    let to = format!("oci://{host}/me/charts");
    let file = "packed/web-1.0.0.tgz";
    let push = ["push", file, &to, "--plain-http", "--registry-config", &settings];
    run_helm(site.folder.path(), &push);

    let world = World::with(&["one"], &["--helm", &helm(), "--charts-from", &host]);
    world.write("one", "boucle.yaml", CONFIGURATION);
    world.write("one", "apps/web.yaml", &application("web", &source(&to, "1.0.0")));
    let whole = source(&format!("{to}/web"), "1.0.0").replace("chart: web, ", "");
    world.write("one", "apps/whole.yaml", &application("whole", &whole));
    let added = add(&world, "one", &to, &["--username", "owner", "--below"], token.trim());
    assert_eq!(added.code, 0, "{}{}", added.out, added.err);
    world.push("one");
    world.wait_rendered("one", "web", FILE, "colour: green");
    world.wait_rendered("one", "whole", "shop/configmap-whole.yaml", "colour: green");
    // What it was told is still asked for as nobody by who may not.
    let wrong = ["secret", "set", "me/one", "CHARTS_X", "--tokens-from", "a/b", "--charts", &to];
    assert_eq!(with_input(&world, &wrong, "abc").code, 1, "no host");
    let both = ["secret", "set", "me/one", "CHARTS_X", "--charts", "me/charts"];
    assert_eq!(with_input(&world, &both, "abc").code, 1, "no address");
}
