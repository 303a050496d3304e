//! What a program inside cannot reach.

use std::fs;
use std::net::TcpListener;

use sandbox::{Bind, Network, Protection, Protections, probe};

use crate::{check, launcher, run, shell};

fn assert_whole(protections: &Protections) {
    let missing: Vec<_> = protections.missing().collect();
    assert!(
        protections.enforced(Protection::MountNamespace)
            && protections.enforced(Protection::PidNamespace)
            && protections.enforced(Protection::Seccomp)
            && protections.enforced(Protection::Capabilities),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_trial_says_what_holds() {
    let protections = probe(&launcher()).await;
    assert_whole(&protections);
    // Each of them has a state: nothing is silent.
    for protection in Protection::ALL {
        assert!(protections.states.contains_key(&protection), "{protection}");
    }
}

#[tokio::test]
async fn a_file_outside_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let canary = folder.path().join("canary");
    fs::write(&canary, "secret").unwrap();
    check(&format!("cat {} 2>/dev/null || echo unreachable", canary.display()), "unreachable")
        .await;
    let mut spec = shell(&format!("cat {}", canary.display()));
    spec.binds.push(Bind::read_only(&canary));
    // The same path, once it is bound, is: the test above fails for the right reason.
    assert_eq!(run(&spec).await.stdout, "secret");
}

#[tokio::test]
async fn the_machine_cannot_be_changed() {
    for path in ["/usr/canary", "/etc/canary", "/canary", "/usr/bin/sh", "/proc/sys/kernel/panic"] {
        let script = format!("(echo x > {path}) 2>/dev/null && echo written || echo refused");
        check(&script, "refused").await;
    }
    for path in ["/tmp/x", "/home/x", "/root/x", "/run/x", "/dev/shm/x", "/var/tmp/x"] {
        let script = format!("(echo x > {path}) 2>/dev/null && echo written || echo refused");
        check(&script, "written").await;
        assert!(!std::path::Path::new(path).exists(), "{path} came out");
    }
}

#[tokio::test]
async fn a_read_only_bind_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let place = "/data";
    let mut spec = shell("(echo x > /data/new) 2>/dev/null && echo written || echo refused");
    let source = folder.path().to_owned();
    spec.binds.push(Bind { source, target: place.into(), writable: false });
    assert_eq!(run(&spec).await.stdout.trim(), "refused");
    spec.binds[0].writable = true;
    assert_eq!(run(&spec).await.stdout.trim(), "written");
    assert_eq!(fs::read_to_string(folder.path().join("new")).unwrap(), "x\n");
}

#[tokio::test]
async fn other_processes_are_invisible() {
    // The helper is 1, the shell is its child; more would be the machine's.
    check("set -- /proc/[0-9]*; echo $#", "2").await;
    check("kill -0 1 && echo visible", "visible").await;
    let own = std::process::id();
    check(&format!("test -e /proc/{own}/environ && echo there || echo absent"), "absent").await;
    check("cat /proc/1/environ 2>/dev/null || echo refused", "refused").await;
}

#[tokio::test]
async fn the_network_is_its_own_unless_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!(
        "command -v bash >/dev/null || exit 77; bash -c '(exec 3<>/dev/tcp/127.0.0.1/{port}) \
         2>/dev/null && echo connected || echo alone'"
    );
    let mut spec = shell(&script);
    let outcome = run(&spec).await;
    assert_eq!(outcome.stdout.trim(), "alone", "{}", outcome.stderr);
    spec.network = Network::Host;
    assert_eq!(run(&spec).await.stdout.trim(), "connected");
    // Its own loopback interface is up, and there is no other.
    check("cat /proc/net/dev | tail -n +3 | cut -d: -f1", "lo").await;
    check("cat /sys/class/net/lo/operstate 2>/dev/null || cat /proc/net/route | wc -l", "1").await;
}

#[tokio::test]
async fn the_environment_is_the_specs() {
    let mut spec = shell("env | sort");
    spec.environment.insert("ANSWER".into(), "42".into());
    let outcome = run(&spec).await;
    let names: Vec<_> =
        outcome.stdout.lines().map(|line| line.split('=').next().unwrap()).collect();
    // The shell adds its folder, and some shells count their depth.
    let own: Vec<_> =
        names.into_iter().filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name)).collect();
    assert_eq!(own, ["ANSWER", "PATH"]);
    check("ls /proc/self/fd | wc -l", "4").await;
}

#[tokio::test]
async fn privileges_are_gone() {
    check("grep -E '^Cap(Eff|Prm|Bnd)' /proc/self/status | cut -f2 | sort -u", "0000000000000000")
        .await;
    check("grep NoNewPrivs /proc/self/status | cut -f2", "1").await;
    check("grep '^Seccomp:' /proc/self/status | cut -f2", "2").await;
    check("mount -t tmpfs none /tmp 2>/dev/null && echo mounted || echo refused", "refused").await;
    check("unshare -Ur true 2>/dev/null && echo entered || echo refused", "refused").await;
    check("mknod /tmp/disk b 8 0 2>/dev/null && echo made || echo refused", "refused").await;
    check("hostname intruder 2>/dev/null && echo renamed || hostname", "sandbox").await;
    check("head -c1 /etc/shadow 2>/dev/null && echo read || echo absent", "absent").await;
}
