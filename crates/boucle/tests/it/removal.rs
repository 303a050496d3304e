//! An application whose file leaves Git: what becomes of its objects on a real cluster.

use serde_json::json;

use crate::harness::wait_for;
use crate::kubernetes::{AUTOMATED, CONFIG_MAP, World, application};

fn named(name: &str, annotations: &str) -> String {
    let metadata = format!("metadata: {{name: {name}, annotations: {{{annotations}}}}}");
    CONFIG_MAP.replace("metadata: {name: settings}", &metadata)
}

fn with_finalizer(name: &str) -> String {
    let finalizer =
        format!("{{name: {name}, finalizers: [resources-finalizer.argocd.argoproj.io]}}");
    application(name, name, AUTOMATED).replace(&format!("{{name: {name}}}"), &finalizer)
}

fn remove(world: &World) {
    std::fs::remove_file(world.folder().join("apps/app.yaml")).expect("it is there");
    world.merge("remove");
}

fn is_gone(world: &World) -> bool {
    world.server.boucle(&["app", "show", world.name()]).code == 6
}

#[test]
fn its_objects_go_with_it_when_its_finalizer_says_so() {
    let hook = |phase| format!("argocd.argoproj.io/hook: {phase}");
    let files = [
        ("settings.yaml", CONFIG_MAP.to_owned()),
        ("kept.yaml", named("kept", "argocd.argoproj.io/sync-options: Delete=false")),
        ("before.yaml", named("before", &hook("PreDelete"))),
        ("after.yaml", named("after", &hook("PostDelete"))),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, &**text)).collect();
    let world = World::of(&files, with_finalizer);
    world.wait_until("synced", "healthy");
    assert!(world.get("configmaps", "before").is_none(), "no hook of a synchronisation");

    remove(&world);
    wait_for("its end", || is_gone(&world));
    assert!(world.get("configmaps", "settings").is_none());
    for name in ["kept", "before", "after"] {
        assert!(world.get("configmaps", name).is_some(), "{name}");
    }
    let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.objects_deleted"]);
    assert!(facts.out.contains(world.name()), "{}", facts.out);
    assert_eq!(world.server.boucle(&["audit", "verify"]).code, 0);
}

#[test]
fn without_the_finalizer_they_stay() {
    let world = World::new(AUTOMATED, &[("settings.yaml", CONFIG_MAP)]);
    world.wait_until("synced", "healthy");
    remove(&world);
    wait_for("its end", || is_gone(&world));
    assert!(world.get("configmaps", "settings").is_some());
}

#[test]
fn one_that_something_holds_is_waited_for_across_a_restart() {
    let world = World::of(&[("settings.yaml", CONFIG_MAP)], with_finalizer);
    world.wait_until("synced", "healthy");
    world.patch(
        "configmaps",
        "settings",
        &json!({"metadata": {"finalizers": ["test.example/hold"]}}),
    );
    remove(&world);
    let waits = |world: &World| {
        let reasons = world.reasons();
        ["being-removed", "waits-for-deletion"]
            .iter()
            .all(|code| reasons.iter().any(|one| one == code))
    };
    wait_for("the wait", || waits(&world));
    let world = world.restart();
    wait_for("the wait", || waits(&world));
    world.patch("configmaps", "settings", &json!({"metadata": {"finalizers": null}}));
    wait_for("its end", || is_gone(&world));
    assert!(world.get("configmaps", "settings").is_none());
}
