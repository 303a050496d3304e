//! Which protections hold, and for those that do not, why: said, never silent.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that can stand between a program and the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// Root inside is nobody outside. Needed, and used, only when the caller is not root.
    UserNamespace,
    /// Own mounts: only the listed folders exist.
    MountNamespace,
    /// Own process numbers: other processes are invisible, and the whole tree ends together.
    PidNamespace,
    /// Own System V and POSIX message queues and shared memory.
    IpcNamespace,
    /// Own host name.
    UtsNamespace,
    /// Own network; only when the spec asks for it.
    NetworkNamespace,
    /// No capability is left, not even by running a setuid program.
    Capabilities,
    /// File access checked a second time by the kernel, by path.
    Landlock,
    /// Dangerous system calls answer "not permitted".
    Seccomp,
    /// Memory of the whole tree is bounded.
    MemoryLimit,
    /// The number of processes of the whole tree is bounded.
    ProcessLimit,
    /// The processor share of the whole tree is bounded.
    CpuLimit,
}

impl Protection {
    /// Every protection, in the order in which they are printed.
    pub const ALL: [Self; 12] = [
        Self::UserNamespace,
        Self::MountNamespace,
        Self::PidNamespace,
        Self::IpcNamespace,
        Self::UtsNamespace,
        Self::NetworkNamespace,
        Self::Capabilities,
        Self::Landlock,
        Self::Seccomp,
        Self::MemoryLimit,
        Self::ProcessLimit,
        Self::CpuLimit,
    ];

    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UserNamespace => "user-namespace",
            Self::MountNamespace => "mount-namespace",
            Self::PidNamespace => "pid-namespace",
            Self::IpcNamespace => "ipc-namespace",
            Self::UtsNamespace => "uts-namespace",
            Self::NetworkNamespace => "network-namespace",
            Self::Capabilities => "capabilities",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::MemoryLimit => "memory-limit",
            Self::ProcessLimit => "process-limit",
            Self::CpuLimit => "cpu-limit",
        }
    }
}

/// Its code.
impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Whether a protection holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Strength {
    /// It holds, as strong as it is meant.
    Enforced,
    /// Something weaker holds instead.
    Weakened {
        /// What, and why.
        reason: String,
    },
    /// It was not asked for, or nothing needs it here.
    Unneeded {
        /// Why.
        reason: String,
    },
    /// It does not hold.
    Unavailable {
        /// What the kernel or the machine answered.
        reason: String,
    },
}

/// The state of every protection for one program, or for a trial at the start of the server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Protections {
    /// Each protection's state; one that is absent was never tried.
    pub states: BTreeMap<Protection, Strength>,
    /// The kernel's Landlock version; 0 when there is none.
    pub landlock_abi: u32,
}

impl Protections {
    /// Whether this protection holds in full.
    #[must_use]
    pub fn enforced(&self, protection: Protection) -> bool {
        matches!(self.states.get(&protection), Some(Strength::Enforced))
    }

    /// What does not hold in full although it is wanted, with the reasons.
    pub fn missing(&self) -> impl Iterator<Item = (Protection, &str)> {
        self.states.iter().filter_map(|(protection, strength)| match strength {
            Strength::Enforced | Strength::Unneeded { .. } => None,
            Strength::Weakened { reason } | Strength::Unavailable { reason } => {
                Some((*protection, reason.as_str()))
            }
        })
    }

    pub(crate) fn set(&mut self, protection: Protection, strength: Strength) {
        self.states.insert(protection, strength);
    }

    pub(crate) fn unavailable(&mut self, protection: Protection, reason: impl fmt::Display) {
        self.set(protection, Strength::Unavailable { reason: reason.to_string() });
    }
}

/// One line each: `pid-namespace enforced`, `memory-limit unavailable: no writable cgroup`.
impl fmt::Display for Protections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (protection, strength)) in self.states.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match strength {
                Strength::Enforced if *protection == Protection::Landlock => {
                    write!(f, "{protection} enforced (ABI {})", self.landlock_abi)?;
                }
                Strength::Enforced => write!(f, "{protection} enforced")?,
                Strength::Weakened { reason } => write!(f, "{protection} weakened: {reason}")?,
                Strength::Unneeded { reason } => write!(f, "{protection} not needed: {reason}")?,
                Strength::Unavailable { reason } => {
                    write!(f, "{protection} UNAVAILABLE: {reason}")?;
                }
            }
        }
        Ok(())
    }
}
