//! Gives up every privilege: resource limits, capabilities, Landlock, system calls. In this order,
//! because each step may need what the next one takes away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::{During as _, Failure};
use crate::protections::{Protection, Protections, Strength};
use crate::spec::Limits;

/// What the rules are written for. What newer kernels add is not asked for; what older ones lack
/// makes the protection "weakened".
const LANDLOCK_ABI: ABI = ABI::V6;

/// Which parts of the file system Landlock leaves open.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// Readable and executable, with everything below.
    pub(super) readable: Vec<PathBuf>,
    /// Everything is allowed, with everything below.
    pub(super) writable: Vec<PathBuf>,
}

/// Takes everything away, for this process and all that it will start.
pub(super) fn give_up(
    limits: &Limits,
    paths: &Paths,
    isolate_network: bool,
    protections: &mut Protections,
) -> Result<(), Failure> {
    lower_limits(limits, protections).during(|| "lower the resource limits".into())?;
    drop_capabilities(protections);
    nix::sys::prctl::set_no_new_privs().during(|| "forbid new privileges".into())?;
    landlock(paths, isolate_network, protections).during(|| "apply Landlock".into())?;
    seccomp(protections).during(|| "filter the system calls".into())
}

/// Only downwards: raising a hard limit needs a privilege that servers in containers lack.
fn lower_limits(limits: &Limits, protections: &mut Protections) -> Result<(), nix::Error> {
    lower(Resource::RLIMIT_CORE, 0)?;
    if let Some(count) = limits.open_files {
        lower(Resource::RLIMIT_NOFILE, count)?;
    }
    if let Some(seconds) = limits.cpu_seconds {
        lower(Resource::RLIMIT_CPU, seconds)?;
    }
    if let Some(bytes) = limits.file_bytes {
        lower(Resource::RLIMIT_FSIZE, bytes)?;
    }
    if let Some(bytes) = limits.memory_bytes
        && !protections.enforced(Protection::MemoryLimit)
    {
        lower(Resource::RLIMIT_DATA, bytes)?;
        weaken(protections, Protection::MemoryLimit, "each process's data segment is bounded");
    }
    if let Some(count) = limits.processes
        && !protections.enforced(Protection::ProcessLimit)
    {
        lower(Resource::RLIMIT_NPROC, count)?;
        weaken(protections, Protection::ProcessLimit, "the user's processes are bounded");
    }
    Ok(())
}

fn lower(resource: Resource, value: u64) -> Result<(), nix::Error> {
    let (_, hard) = getrlimit(resource)?;
    let value = value.min(hard);
    setrlimit(resource, value, value)
}

fn weaken(protections: &mut Protections, protection: Protection, instead: &str) {
    let reason = match protections.states.get(&protection) {
        Some(Strength::Unavailable { reason }) => format!("{instead} instead: {reason}"),
        Some(Strength::Weakened { .. } | Strength::Unneeded { .. } | Strength::Enforced) | None => {
            instead.to_owned()
        }
    };
    protections.set(protection, Strength::Weakened { reason });
}

fn drop_capabilities(protections: &mut Protections) {
    let result = (|| {
        for capability in CapabilitySet::all().iter() {
            match rustix::thread::remove_capability_from_bounding_set(capability) {
                // A capability that this kernel does not know yet.
                Ok(()) | Err(rustix::io::Errno::INVAL) => {}
                Err(error) => return Err(error),
            }
        }
        rustix::thread::set_capabilities_secure_bits(
            CapabilitiesSecureBits::NO_ROOT
                | CapabilitiesSecureBits::NO_ROOT_LOCKED
                | CapabilitiesSecureBits::NO_SETUID_FIXUP
                | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
                | CapabilitiesSecureBits::KEEP_CAPS_LOCKED,
        )
    })();
    let empty = CapabilitySet::empty();
    let dropped = rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: empty, permitted: empty, inheritable: empty },
    );
    match (dropped, result) {
        (Ok(()), Ok(())) => protections.set(Protection::Capabilities, Strength::Enforced),
        (Ok(()), Err(error)) if nix::unistd::Uid::effective().is_root() => {
            weaken(protections, Protection::Capabilities, &format!("bounding set kept: {error}"));
        }
        // Nobody special: there is nothing to drop, and "no new privileges" keeps it so.
        (Ok(()), Err(_)) => protections.set(Protection::Capabilities, Strength::Enforced),
        (Err(error), _) => protections.unavailable(Protection::Capabilities, error),
    }
}

fn landlock(
    paths: &Paths,
    isolate_network: bool,
    protections: &mut Protections,
) -> Result<(), landlock::RulesetError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK_ABI))?
        .scope(Scope::from_all(LANDLOCK_ABI))?;
    let no_namespace = !protections.enforced(Protection::NetworkNamespace);
    if isolate_network && no_namespace {
        ruleset = ruleset.handle_access(AccessNet::from_all(LANDLOCK_ABI))?;
    }
    let read = AccessFs::from_read(LANDLOCK_ABI);
    let all = AccessFs::from_all(LANDLOCK_ABI);
    let status = ruleset
        .create()?
        .add_rules(path_beneath_rules(&paths.readable, read))?
        .add_rules(path_beneath_rules(&paths.writable, all))?
        .restrict_self()?;
    let abi = match status.landlock {
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
        LandlockStatus::Available { effective_abi, kernel_abi } => {
            kernel_abi.and_then(|abi| abi.try_into().ok()).unwrap_or(effective_abi as u32)
        }
    };
    protections.landlock_abi = abi;
    let strength = match status.ruleset {
        RulesetStatus::FullyEnforced => Strength::Enforced,
        RulesetStatus::PartiallyEnforced => Strength::Weakened {
            reason: format!("this kernel has version {abi} of it, version 6 is complete"),
        },
        RulesetStatus::NotEnforced => {
            Strength::Unavailable { reason: "this kernel does not have it or disables it".into() }
        }
    };
    protections.set(Protection::Landlock, strength);
    // TCP rules came with version 4.
    if isolate_network && no_namespace && abi >= 4 {
        weaken(protections, Protection::NetworkNamespace, "TCP is refused by Landlock");
    }
    Ok(())
}

/// Adds what is below a path that does not exist to neither list: Landlock opens each of them.
pub(super) fn existing(paths: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    paths.into_iter().filter(|path| Path::exists(path)).collect()
}

/// System calls that no build and no service needs, and that widen the kernel's attack surface or
/// reach beyond the sandbox.
const DENIED: &[libc::c_long] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_process_madvise,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_nfsservctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
];

/// ioctl_tty(2); the C libraries do not agree on the type of these numbers.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

fn seccomp(protections: &mut Protections) -> Result<(), seccompiler::Error> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else {
        let reason = format!("no filter for {}", std::env::consts::ARCH);
        protections.unavailable(Protection::Seccomp, reason);
        return Ok(());
    };
    let mut denied: BTreeMap<i64, Vec<SeccompRule>> =
        DENIED.iter().map(|number| (*number, Vec::new())).collect();
    let namespaces = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    let mut rules = Vec::new();
    for bit in (0..32).map(|shift| 1_u64 << shift) {
        if namespaces as u64 & bit != 0 {
            let operator = SeccompCmpOp::MaskedEq(bit);
            let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, operator, bit)?;
            rules.push(SeccompRule::new(vec![condition])?);
        }
    }
    denied.insert(libc::SYS_clone, rules);
    // TIOCSTI types into a terminal, TIOCLINUX controls a console.
    let mut rules = Vec::new();
    for request in [TIOCSTI, TIOCLINUX] {
        let equal = SeccompCmpOp::Eq;
        let condition = SeccompCondition::new(1, SeccompCmpArgLen::Dword, equal, request)?;
        rules.push(SeccompRule::new(vec![condition])?);
    }
    denied.insert(libc::SYS_ioctl, rules);
    apply(denied, libc::EPERM, arch)?;
    // Its flags are behind a pointer, which a filter cannot read; "no such call" makes every C
    // library fall back to `clone`.
    apply(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS, arch)?;
    protections.set(Protection::Seccomp, Strength::Enforced);
    Ok(())
}

fn apply(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    errno: i32,
    arch: TargetArch,
) -> Result<(), seccompiler::Error> {
    let answer = SeccompAction::Errno(errno as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, arch)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)
}
