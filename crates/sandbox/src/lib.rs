//! Runs a program inside the protections that this kernel offers, and says which of them hold.
//!
//! The program that calls [`spawn`] starts a helper (itself, with the argument [`HELPER_ARGUMENT`])
//! and hands it the [`Spec`] over a socket. The helper is single-threaded, so it may enter new
//! namespaces; it starts itself once more as process 1 of the new process namespace, which builds
//! the root, gives up every privilege and starts the program. Nobody inherits anything: not the
//! environment, not an open file besides the three standard ones.
//!
//! When the caller's end of the socket closes, for whatever reason, process 1 ends and the kernel
//! ends everything in its namespace: no process outlives its server.
//!
//! What is absent on purpose: a setuid helper, a daemon, `unsafe` code, fork without exec.

mod cgroup;
mod child;
mod helper;
mod message;
mod protections;
mod spec;

pub use child::{Child, Exit, Handle, Launcher, Output, SpawnError, Streams, probe, spawn, sweep};
pub use helper::helper_main;
pub use protections::{Protection, Protections, Strength};
pub use spec::{Bind, Limits, Network, Overlay, Root, Spec};

/// The first argument by which a program's `main` knows that it must call [`helper_main`].
pub const HELPER_ARGUMENT: &str = "__sandbox";
