//! Enters the namespaces, first as we are and then, when that is not permitted, as root of a user
//! namespace of our own.

use std::fs;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid};

use crate::protections::{Protection, Protections, Strength};

/// Enters what the kernel allows and notes it. False: neither way is open, nothing was entered.
pub(super) fn enter(isolate_network: bool, protections: &mut Protections) -> bool {
    let essential = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
    match unshare(essential) {
        Ok(()) => {
            let reason = "the server runs as root".to_owned();
            protections.set(Protection::UserNamespace, Strength::Unneeded { reason });
        }
        Err(refused) => {
            if let Err(reason) = enter_user_namespace(essential) {
                let reason = format!("as ourselves: {refused}; as root of our own users: {reason}");
                for protection in [
                    Protection::UserNamespace,
                    Protection::MountNamespace,
                    Protection::PidNamespace,
                    Protection::IpcNamespace,
                    Protection::UtsNamespace,
                    Protection::NetworkNamespace,
                ] {
                    protections.unavailable(protection, &reason);
                }
                return false;
            }
            protections.set(Protection::UserNamespace, Strength::Enforced);
        }
    }
    protections.set(Protection::MountNamespace, Strength::Enforced);
    protections.set(Protection::PidNamespace, Strength::Enforced);
    note(protections, Protection::IpcNamespace, unshare(CloneFlags::CLONE_NEWIPC));
    note(protections, Protection::UtsNamespace, unshare(CloneFlags::CLONE_NEWUTS));
    if isolate_network {
        note(protections, Protection::NetworkNamespace, unshare(CloneFlags::CLONE_NEWNET));
    } else {
        let reason = "the spec asks for the machine's network".to_owned();
        protections.set(Protection::NetworkNamespace, Strength::Unneeded { reason });
    }
    true
}

/// Maps root inside to ourselves outside: capabilities survive the inner stage's exec only for
/// root.
fn enter_user_namespace(essential: CloneFlags) -> Result<(), String> {
    let (user, group) = (Uid::effective(), Gid::effective());
    unshare(CloneFlags::CLONE_NEWUSER | essential).map_err(|error| error.to_string())?;
    let write = |file: &str, text: String| {
        fs::write(file, text).map_err(|error| format!("{file}: {error}"))
    };
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("0 {user} 1"))?;
    write("/proc/self/gid_map", format!("0 {group} 1"))
}

fn note(protections: &mut Protections, protection: Protection, result: Result<(), Errno>) {
    match result {
        Ok(()) => protections.set(protection, Strength::Enforced),
        Err(error) => protections.unavailable(protection, error),
    }
}
