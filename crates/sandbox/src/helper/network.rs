//! Brings up the loopback interface of a new network namespace, by one netlink message.

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use std::os::fd::AsRawFd as _;

/// The loopback interface is the first one of every network namespace.
const LOOPBACK_INDEX: i32 = 1;

/// rtnetlink(7): RTM_NEWLINK with IFF_UP set in both flags and change mask, acknowledged.
pub(super) fn loopback_up() -> Result<(), nix::Error> {
    let netlink = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    let flags = (nix::libc::NLM_F_REQUEST | nix::libc::NLM_F_ACK) as u16;
    let up = nix::libc::IFF_UP as u32;
    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes());
    message.extend(nix::libc::RTM_NEWLINK.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend([0, 0, 0, 0]);
    message.extend(LOOPBACK_INDEX.to_ne_bytes());
    message.extend(up.to_ne_bytes());
    message.extend(up.to_ne_bytes());
    sendto(netlink.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0_u8; 256];
    let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    let Some(code) = answer[..length].get(16..20).and_then(|code| code.try_into().ok()) else {
        return Err(nix::Error::EBADMSG);
    };
    match i32::from_ne_bytes(code) {
        0 => Ok(()),
        code => Err(nix::Error::from_raw(-code)),
    }
}
