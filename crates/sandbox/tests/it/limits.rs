//! What a program may use up.

use sandbox::Protection;

use crate::{run, shell, start};

#[tokio::test]
async fn a_memory_hog_is_killed() {
    // `tail` keeps the endless line that it reads from the pipe.
    let mut spec =
        shell("head -c 300000000 /dev/zero | tail -n 1 >/dev/null; echo survived with $?");
    spec.limits.memory_bytes = Some(32 << 20);
    let child = start(&spec).await;
    let grouped = child.protections().enforced(Protection::MemoryLimit);
    drop(child);
    let outcome = run(&spec).await;
    assert!(!outcome.stdout.contains("with 0"), "{outcome:?}");
    assert_eq!(outcome.exit.out_of_memory, grouped, "{outcome:?}");
}

#[tokio::test]
async fn a_fork_bomb_is_bounded() {
    let mut spec = shell(
        "i=0; while [ $i -lt 200 ]; do sleep 100 & i=$((i+1)); done 2>/dev/null; echo all started",
    );
    spec.limits.processes = Some(20);
    let child = start(&spec).await;
    let enforced = child.protections().enforced(Protection::ProcessLimit);
    drop(child);
    // Where there is no cgroup the limit counts per user and says that it is weaker.
    if enforced {
        let outcome = run(&spec).await;
        assert!(!outcome.stdout.contains("all started"), "{outcome:?}");
    } else {
        let child = start(&spec).await;
        assert!(
            child.protections().missing().any(|(missing, _)| missing == Protection::ProcessLimit)
        );
    }
}

#[tokio::test]
async fn files_are_bounded() {
    let mut spec = shell("ulimit -n; head -c 200000 /dev/zero > /tmp/big; wc -c < /tmp/big");
    spec.limits.open_files = Some(64);
    spec.limits.file_bytes = Some(100_000);
    let outcome = run(&spec).await;
    let lines: Vec<_> = outcome.stdout.split_whitespace().collect();
    assert_eq!(lines[0], "64");
    assert!(lines[1].parse::<u64>().unwrap() <= 100_000, "{outcome:?}");
}
