//! The socket of one worker.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// How often a worker without traffic looks whether it has to stop.
const WAKE: Duration = Duration::from_millis(100);
/// Asked for, so that bursts wait instead of being lost; without the capability CAP_NET_ADMIN the kernel caps it
/// (`net.core.rmem_max`).
const RECEIVE_BUFFER_OCTETS: usize = 4 << 20;

/// Binds a socket that shares `address` with those of other workers.
///
/// On a wildcard address the kernel tells for each datagram which address it was sent to. IPv6 sockets take IPv6 alone, so that
/// `0.0.0.0` and `[::]` can be served together.
pub(crate) fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(true)?;
    // A smaller buffer, or path MTU discovery left on, is no reason not to serve.
    if set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER_OCTETS as libc::c_int).is_err() {
        let _: io::Result<()> = socket.set_recv_buffer_size(RECEIVE_BUFFER_OCTETS);
    }
    let _: io::Result<()> = ignore_path_mtu(&socket, address);
    socket.set_read_timeout(Some(WAKE))?;
    if address.ip().is_unspecified() {
        want_destination(&socket, address)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Whether the kernel cuts a datagram into pieces (Linux 4.18 and later).
pub(crate) fn can_segment(socket: &Socket) -> bool {
    // 0 is what it is anyway: one datagram for each message that does not say otherwise.
    set_option(socket, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok()
}

/// Has the kernel prefer this socket, of those that share its address, for what arrives on `core` (`SO_INCOMING_CPU`, Linux 6.2 and later
/// among such sockets; before, it has no effect).
pub(crate) fn prefer_core(socket: &Socket, core: usize) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_INCOMING_CPU, core as libc::c_int)
}

/// Turns on `IP_PKTINFO` or `IPV6_RECVPKTINFO`.
fn want_destination(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
        SocketAddr::V6(_) => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
    }
}

/// Forged ICMP messages must not make us send fragments that can be forged in turn (draft-ietf-dnsop-avoid-fragmentation).
fn ignore_path_mtu(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => set_option(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT),
        SocketAddr::V6(_) => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT),
    }
}

fn set_option(socket: &Socket, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open for as long as `socket` is borrowed, and `value` is a `c_int` of the length given.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
