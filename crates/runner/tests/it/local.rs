//! A workflow on a working tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipelines::facts::Conclusion;
use pipelines::workflow;
use runner::local::{LocalEvent, LocalRun, run_local};

use crate::{config, source};

#[tokio::test]
async fn a_workflow_runs_on_the_working_tree() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = folder.path().join("tree");
    std::fs::create_dir_all(&tree).expect("writable");
    std::fs::write(tree.join("file"), "not committed\n").expect("writable");
    let text = "on: push\njobs:\n  a:\n    runs-on: x\n    outputs: {o: '${{ steps.s.outputs.o }}'}\n    steps:\n    - uses: actions/checkout@v4\n    - id: s\n      run: cat file; echo o=5 >> \"$GITHUB_OUTPUT\"\n  b:\n    needs: a\n    runs-on: x\n    strategy: {matrix: {v: [1, 2]}}\n    steps:\n    - run: echo \"got ${{ needs.a.outputs.o }}${{ matrix.v }}\"\n";
    let workflow = Arc::new(workflow::read("ci.yaml", text).expect("a workflow"));
    let local = LocalRun {
        workflow,
        working_tree: tree,
        output: folder.path().join("out"),
        source: source(),
        secrets: BTreeMap::new(),
        variables: BTreeMap::new(),
    };
    let mut log = String::new();
    let conclusion = run_local(config(folder.path()), local, |event| {
        if let LocalEvent::Log { text, .. } = event {
            log.push_str(&text);
        }
    })
    .await
    .expect("a run");
    assert_eq!(conclusion, Conclusion::Success, "{log}");
    for line in ["not committed", "got 51", "got 52"] {
        assert!(log.contains(line), "{line}: {log}");
    }
}
