//! The native actions.

use pipelines::facts::PublishedKind;
use runner::JobEvent;

use crate::{World, plan};

#[tokio::test]
async fn checkout_lays_the_tree_below_the_workspace() {
    let world = World::new().await;
    world
        .run("steps:\n- uses: actions/checkout@v4\n- run: cat link; ./bin/run; echo changed > hello.txt; cat link")
        .await
        .succeeded()
        .says("1 from the tree")
        .says("1 ran")
        .says("1 changed");
    // The next job sees the tree, not what this one made of it.
    world
        .run("steps:\n- uses: actions/checkout@v4\n- run: cat hello.txt")
        .await
        .succeeded()
        .says("1 from the tree");
}

#[tokio::test]
async fn checkout_works_at_any_time_and_place() {
    let world = World::new().await;
    world
        .run("steps:\n- run: echo mine > mine\n- uses: actions/checkout@v4\n  with: {path: sub}\n- run: cat mine sub/hello.txt\n- uses: actions/checkout@v4\n- run: test ! -e mine && cat hello.txt && ./bin/run\n- uses: actions/checkout@v4\n  with: {path: other, ref: v1}")
        .await
        .succeeded()
        .says("2 mine")
        .says("2 from the tree")
        .says("4 ran")
        .says("3333333333");
    world
        .run("steps:\n- uses: actions/checkout@v4\n  with: {ref: nowhere}")
        .await
        .failed()
        .says("there is no `nowhere`");
    world
        .run("steps:\n- uses: actions/checkout@v4\n  with: {repository: other/one}")
        .await
        .failed()
        .says("only demo/hello itself");
    world
        .run("steps:\n- uses: actions/checkout@v4\n  with: {path: ../up}")
        .await
        .failed()
        .says("leaves the workspace");
}

#[tokio::test]
async fn artifacts_go_from_job_to_job() {
    let world = World::new().await;
    world
        .run("steps:\n- run: mkdir -p out/deep; echo one > out/a.txt; echo two > out/deep/b.txt; echo no > out/c.map; echo dot > out/.hidden\n- uses: actions/upload-artifact@v4\n  with:\n    name: things\n    path: |\n      out\n      !out/*.map")
        .await
        .succeeded()
        .says("things: 2 files");
    world
        .run("steps:\n- uses: actions/download-artifact@v4\n  with: {name: things, path: got}\n- run: cat got/a.txt got/deep/b.txt; ls got\n- uses: actions/download-artifact@v4\n- run: cat things/a.txt")
        .await
        .succeeded()
        .says("1 one")
        .says("1 two")
        .says("3 one");
    world
        .run("steps:\n- uses: actions/download-artifact@v4\n  with: {name: other}")
        .await
        .failed()
        .says("it has things");
    world
        .run("steps:\n- uses: actions/upload-artifact@v4\n  with: {name: none, path: nowhere, if-no-files-found: error}")
        .await
        .failed()
        .says("no file matches");
}

#[tokio::test]
async fn publishing_needs_the_permission() {
    let world = World::new().await;
    let job = "steps:\n- run: mkdir -p image/app; echo x > image/app/hello; ln -s hello image/app/again\n- id: p\n  uses: boucle/publish@v1\n  with: {name: hello, path: image, entrypoint: /app/hello --serve, ports: 8080, env: \"A=1\"}\n- run: echo \"${{ steps.p.outputs.digest }}\"";
    world.run(job).await.failed().says("packages: write");
    let allowed = format!("permissions: {{packages: write}}\n{job}");
    let outcome = world.run(&allowed).await.succeeded().says("2 sha256:bbbb");
    assert!(outcome.events.iter().any(|it| matches!(it, JobEvent::Published { .. })));
    {
        let published = world.shelf.published.lock().expect("not poisoned");
        let (request, files) = &published[0];
        assert_eq!(files, &["app/again", "app/hello"]);
        assert_eq!(request.kind, PublishedKind::Image);
        assert_eq!(request.entrypoint, ["/app/hello", "--serve"]);
        assert_eq!(request.ports, [8080]);
    }
    let escaping = "permissions: {packages: write}\nsteps:\n- run: mkdir image; ln -s /etc/passwd image/x\n- uses: boucle/publish@v1\n  with: {name: hello, path: image}";
    world.run(escaping).await.failed().says("outside the folder");
}

#[tokio::test]
async fn files_are_hashed_like_github_does() {
    // sha256(sha256("a") + sha256("b")), files in the order of their paths.
    let outcome = World::new()
        .await
        .run("steps:\n- run: mkdir d; printf a > d/one.lock; printf b > two.lock; printf c > three\n- run: echo \"<${{ hashFiles('**/*.lock') }}>\" \"[${{ hashFiles('nothing') }}]\"")
        .await
        .succeeded()
        .says("[]");
    assert!(
        outcome.log.contains("<e5a01fee14e0ed5c48714f22180f25ad8365b53f9779f79dc4a3d7e93963f94a>"),
        "{}",
        outcome.log
    );
}

#[tokio::test]
async fn unmerged_code_never_publishes() {
    let world = World::new().await;
    let mut unmerged = plan(
        "permissions: {packages: write}\nsteps:\n- run: echo x > x\n- uses: boucle/publish@v1\n  with: {name: hello, path: .}",
    );
    unmerged.source.trusted = false;
    unmerged.permissions = pipelines::run::JobPermissions::decide(
        None,
        unmerged.workflow.jobs[0].permissions.as_ref(),
        false,
    );
    world.run_plan(unmerged, Default::default()).await.failed().says("not merged yet");
}
