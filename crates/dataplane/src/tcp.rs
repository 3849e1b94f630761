//! DNS over TCP (RFC 7766): the listener, and the parts its connections share.
//!
//! A task per connection reads length-prefixed messages, answers in order, and reads no further while replies wait to be written:
//! that is all the back-pressure there is, and it bounds what one connection can hold. How many connections there may be is in
//! [`registry`].

mod connection;
mod registry;

pub(crate) use registry::Registry;

use crate::counters::{Counter, Counters};
use crate::profile::ProfileHandle;
use dnssec::ZoneTable;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Pause after a failed accept (mostly: no file descriptor left), in which connections can end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Time that connections get at shutdown to write out what they have answered.
const SHUTDOWN_MAX: Duration = Duration::from_secs(2);

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) zones: Arc<ZoneTable>,
    pub(crate) profile: ProfileHandle,
    pub(crate) counters: Arc<Counters>,
    pub(crate) registry: Arc<Registry>,
    /// Time a client has for its next whole message.
    pub(crate) idle: Duration,
}

/// Opens a listener. Not `SO_REUSEPORT`: a second server on this address must fail and not share its clients.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // For a restart while old connections linger in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// Accepts connections until told to stop, then lets them finish their replies.
pub(crate) async fn listen(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                shared.counters.add(Counter::TcpConnections, 1);
                let (ticket, closed) = shared.registry.admit(peer.ip(), Instant::now());
                shared.counters.add(Counter::TcpClosedForRoom, closed);
                connections.spawn(connection::serve(stream, peer, Arc::clone(&shared), ticket, stop.clone()));
            }
            Err(_) => {
                shared.counters.add(Counter::TcpAcceptErrors, 1);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    // What is left after that is aborted with the set.
    let _ = tokio::time::timeout(SHUTDOWN_MAX, all).await;
}
