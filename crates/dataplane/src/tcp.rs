//! DNS in a stream, each message after its length (RFC 7766, RFC 7858).
//!
//! A task per connection reads messages, answers in order, and reads no further while replies wait to be written: that is all the
//! back-pressure there is, and it bounds what one connection can hold. Nothing an answer needs is waited for, so that a reply out of
//! order (RFC 7766 section 7) would overtake nothing. How many connections there may be is in [`registry`]; how they are accepted,
//! and what comes before the first message, is in [`crate::streams`].

pub(crate) mod connection;
mod registry;

pub(crate) use registry::{Closed, Registry, Ticket};

use std::io;
use std::net::SocketAddr;

/// Opens a listener, in non-blocking mode; one on IPv6 takes IPv6 alone, so that `0.0.0.0` and `[::]` may stand beside each other.
///
/// Not `SO_REUSEPORT`: a second server on this address must fail and not share its clients.
///
/// # Errors
///
/// What the system says, such as that the address is in use.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Replies are written whole; to hold back the last segment would only add latency. Connections inherit it: one call less for each.
    socket.set_tcp_nodelay(true)?;
    // For a restart while old connections linger in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}
