//! Refs listed while they change: none that stands is missed, and no listing fails.

use std::sync::atomic::{AtomicBool, Ordering};

use git_store::RefChange;
use ledger::{CommitId, RefName};

use crate::server::{Server, main_branch};

/// How many refs are made meanwhile, each in a folder of its own.
const MADE: usize = 400;

#[test]
fn refs_are_listed_whole_while_others_are_made_and_packed() {
    let server = Server::start();
    let repository = &server.repository;
    let work = server.work_tree("work");
    let head = work.commit("first", &[("a.txt", "one")]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let head = CommitId::new(head).unwrap();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..MADE {
                let name = RefName::new(format!("refs/changes/{number}/1")).unwrap();
                let made = RefChange::of_commits(name, None, Some(&head));
                repository.update_refs(&[made]).unwrap();
                if number % 100 == 99 {
                    server.bare().run(&["pack-refs", "--all", "--prune"]).unwrap();
                }
            }
            ended.store(true, Ordering::SeqCst);
        });
        let mut least = 0;
        while !ended.load(Ordering::SeqCst) {
            let listed = repository.references("refs/changes/").unwrap().len();
            assert!(listed >= least, "{least} refs were there, then {listed}");
            least = listed;
            assert_eq!(repository.resolve(&main_branch()).unwrap().as_ref(), Some(&head));
        }
    });
    assert_eq!(repository.references("refs/changes/").unwrap().len(), MADE);
}
