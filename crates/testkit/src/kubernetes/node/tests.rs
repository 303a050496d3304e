//! Nodes of two clusters do not meet, and none leaves anything on the machine.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;

#[test]
fn no_two_nodes_share_a_bridge_or_a_network() {
    let nodes = ["/a", "/b", "/a/b"].map(|folder| Node::of(Path::new(folder)));
    for (at, node) in nodes.iter().enumerate() {
        assert!(node.bridge.len() <= 15, "{} is too long for the kernel", node.bridge);
        assert!(node.address.octets()[1] >= 128, "{} is a service's", node.address);
        for other in &nodes[at + 1..] {
            assert_ne!(node.bridge, other.bridge);
            assert_ne!(node.address, other.address);
        }
    }
    assert_eq!(Node::of(Path::new("/a")), nodes[0]);
}

#[test]
fn a_node_that_is_ended_leaves_nothing_behind() {
    check_end(|_| {});
}

#[test]
fn a_node_that_is_killed_leaves_nothing_behind() {
    check_end(|processes| {
        for process in processes {
            let _ = kill(Pid::from_raw(i32::try_from(process.pid).unwrap()), Signal::SIGKILL);
        }
    });
}

/// Starts what is around pods, without a control plane; the kubelet has nothing to do.
fn check_end(before: fn(&[Process])) {
    if is_left_out() {
        return;
    }
    let settings = || {
        ["vm/overcommit_memory", "kernel/panic_on_oops", "net/ipv4/ip_forward"]
            .map(|name| fs::read_to_string(format!("/proc/sys/{name}")).unwrap())
    };
    let settings_before = settings();
    let folder = crate::temporary_folder();
    let plane = Plane::at(folder.path());
    plane.clear().unwrap();
    let mut state = plane.prepare(true).unwrap();
    let node = state.node.clone().unwrap();
    plane.start_processes(&mut state, &node, found("true").unwrap()).unwrap();
    assert!(UnixStream::connect(&node.runtime).is_ok());
    assert!(Path::new("/sys/class/net").join(&node.bridge).exists());
    assert!(state.processes.iter().any(|one| one.name == "containerd" && one.runs()));
    assert!(!state.pods_processes().is_empty(), "not even what the first process waits with");

    before(&state.processes);
    plane.down().unwrap();
    let named = |process: &&Process| process.runs();
    assert_eq!(state.processes.iter().find(named), None);
    assert!(!Path::new("/sys/class/net").join(&node.bridge).exists());
    let groups = Command::new("find").args(["/sys/fs/cgroup", "-name", &node.bridge]).output();
    assert_eq!(String::from_utf8_lossy(&groups.unwrap().stdout), "");
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    assert!(!mounts.contains(&*folder.path().to_string_lossy()), "{mounts}");
    assert!(!node.folder.exists());
    assert_eq!(settings(), settings_before);
}
