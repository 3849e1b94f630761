//! Connections: accepting them, what comes before the first message, and the parts they share.
//!
//! DNS comes over TCP as it is (RFC 7766), over TLS (RFC 7858), over HTTPS (RFC 8484) and over QUIC (RFC 9250). The first three begin
//! here; what follows is in [`crate::tcp`] and [`https`]. QUIC brings connections of its own, in [`quic`].

pub(crate) mod https;
pub(crate) mod quic;

use crate::answer::{Asker, Desk, Outcome, respond};
use crate::clock::unix_now;
use crate::counters::{Carrier, Channel, Counter, Counters, Event, Writers};
use crate::profile::{Profile, ProfileHandle};
use crate::proxy::{self, Proxies};
use crate::rings::{Notes, Rings};
use crate::tcp::{self, Closed, Registry, Ticket};
use arc_swap::Guard;
use dnssec::ZoneTable;
use dnssec::served::ZoneView;
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout_at;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Time for one write of replies; a client that does not read for so long is gone, or wants to hold us up.
pub(crate) const WRITE_MAX: Duration = Duration::from_secs(10);
/// Pause after a failed accept (mostly: no file descriptor left), in which connections can end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Time that connections get at shutdown to write out what they have answered.
pub(crate) const SHUTDOWN_MAX: Duration = Duration::from_secs(2);

thread_local! {
    /// The longest reply is made here and copied out at its true length, since a buffer that long for each connection would cost
    /// most of a server's memory.
    static REPLY: RefCell<Box<[u8]>> = RefCell::new(vec![0; usize::from(u16::MAX)].into());
    /// The threads belong to one data plane.
    static NOTES: RefCell<Option<Notes>> = const { RefCell::new(None) };
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) zones: Arc<ZoneTable>,
    pub(crate) profile: ProfileHandle,
    pub(crate) counters: Arc<Counters>,
    pub(crate) rings: Arc<Rings>,
    /// What each thread notes of a kind in a second.
    pub(crate) notes_per_second: u32,
    pub(crate) registry: Arc<Registry>,
    pub(crate) proxies: Arc<Proxies>,
    /// Time a client has for its handshake, and for each next whole message.
    pub(crate) idle: Duration,
}

impl Shared {
    pub(crate) fn count(&self, carrier: Carrier, event: Event) {
        self.counters.add(carrier.counter(event), 1);
    }

    /// Takes in a connection; others may have to go for it.
    pub(crate) fn admit(&self, address: IpAddr, carrier: Carrier) -> Ticket {
        let (ticket, closed) = self.registry.admit(address, carrier, Instant::now());
        self.count(carrier, Event::Accepted);
        self.count_closed(closed);
        ticket
    }

    fn note(&self, now: u32, address: IpAddr, message: &[u8], outcome: &Outcome, reply: &[u8]) {
        NOTES.with_borrow_mut(|notes| {
            let rings = || Notes::new(Arc::clone(&self.rings), Writers::Many, self.notes_per_second);
            let notes = notes.get_or_insert_with(rings);
            notes.tick(now);
            notes.note(address, message, outcome, reply);
        });
    }

    fn count_closed(&self, closed: Closed) {
        for (carrier, count) in Carrier::ALL.into_iter().zip(closed) {
            if count > 0 {
                self.counters.add(carrier.counter(Event::ClosedForRoom), count);
            }
        }
    }

    /// Answers from the zones of this moment.
    pub(crate) fn answers(&self) -> Answers<'_> {
        Answers { shared: self, zones: self.zones.view(), profile: self.profile.load(), now: unix_now() }
    }
}

/// Answers of one moment.
pub(crate) struct Answers<'s> {
    shared: &'s Shared,
    zones: ZoneView,
    profile: Guard<Arc<Profile>>,
    now: u32,
}

impl Answers<'_> {
    /// Lets `take` have the reply to `message`, and counts it. `None`: there is none, the message is no query.
    pub(crate) fn to<T>(
        &self,
        message: &[u8],
        asker: Asker,
        channel: Channel,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Option<T> {
        let desk = Desk { zones: &self.zones, profile: &self.profile };
        REPLY.with_borrow_mut(|reply| {
            let outcome = respond(desk, message, asker, self.now, reply);
            self.shared.counters.record(channel, message, &outcome);
            self.shared.note(self.now, asker.address, message, &outcome, reply);
            match outcome {
                Outcome::Reply(done) => Some(take(&reply[..done.octets])),
                Outcome::Ignored(_) => None,
            }
        })
    }
}

/// What is served at one TCP address.
pub(crate) struct Door {
    pub(crate) carrier: Carrier,
    /// Absent: no TLS.
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) shared: Arc<Shared>,
}

/// Accepts connections until told to stop, then lets them finish their replies.
pub(crate) async fn listen(listener: TcpListener, door: Arc<Door>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let ticket = door.shared.admit(peer.ip(), door.carrier);
                connections.spawn(converse(stream, peer, Arc::clone(&door), ticket, stop.clone()));
            }
            Err(_) => {
                door.shared.counters.add(door.carrier.accept_errors(), 1);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    finish(connections).await;
}

/// Ends when the server stops.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits for connections that were told to stop. What is left after a while is aborted.
pub(crate) async fn finish(mut connections: JoinSet<()>) {
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(SHUTDOWN_MAX, all).await;
}

/// One connection, from the PROXY header to its end.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    door: Arc<Door>,
    ticket: Ticket,
    mut stop: watch::Receiver<bool>,
) {
    let opened = tokio::select! {
        () = ticket.closed() => return,
        () = stopped(&mut stop) => return,
        opened = door.open(stream, peer.ip(), &ticket) => opened,
    };
    let (stream, client) = match opened {
        Ok(opened) => opened,
        Err(NotOpened::ProxyHeader) => return door.shared.counters.add(Counter::ProxyHeaderInvalid, 1),
        Err(NotOpened::Handshake) => return door.shared.count(door.carrier, Event::HandshakeFailed),
    };
    ticket.touch(Instant::now());
    let shared = Arc::clone(&door.shared);
    // In boxes: a task is as large as the largest it may become, and most are plain TCP.
    match (stream, door.carrier) {
        (Stream::Http(stream, version), _) => {
            Box::pin(https::serve(stream, version, client, shared, ticket, stop)).await;
        }
        (Stream::Plain(stream), carrier) => {
            tcp::connection::serve(stream, carrier, client, shared, ticket, stop).await;
        }
        (Stream::Tls(stream), Carrier::Https) => {
            let version = https::Version::agreed(stream.get_ref().1.alpn_protocol());
            Box::pin(https::serve(stream, version, client, shared, ticket, stop)).await;
        }
        (Stream::Tls(stream), carrier) => {
            Box::pin(tcp::connection::serve(stream, carrier, client, shared, ticket, stop)).await;
        }
    }
}

enum Stream {
    Plain(TcpStream),
    /// HTTP without TLS, where the client's first octets tell the version.
    Http(TcpStream, https::Version),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why a connection ended before its first message.
enum NotOpened {
    ProxyHeader,
    Handshake,
}

impl Door {
    /// Reads the PROXY header, if the peer is a proxy, and shakes hands; all within the time for one message.
    async fn open(&self, mut stream: TcpStream, peer: IpAddr, ticket: &Ticket) -> Result<(Stream, IpAddr), NotOpened> {
        let deadline = tokio::time::Instant::now() + self.shared.idle;
        let mut client = peer;
        if self.shared.proxies.is_proxy(peer) {
            let header = proxy::read_header(&mut stream, self.shared.proxies.header_octets_max);
            let header = timeout_at(deadline, header).await;
            let Ok(Ok(header)) = header else { return Err(NotOpened::ProxyHeader) };
            if let Some(named) = header.client {
                client = named;
                self.shared.count_closed(ticket.move_to(client));
            }
        }
        let opened = match (&self.tls, self.carrier) {
            (Some(tls), _) => {
                timeout_at(deadline, Box::pin(tls.accept(stream))).await.map(|done| done.map(Box::new).map(Stream::Tls))
            }
            (None, Carrier::Https) => {
                let version = timeout_at(deadline, https::Version::begun(&stream)).await;
                version.map(|version| version.map(|version| Stream::Http(stream, version)))
            }
            (None, _) => Ok(Ok(Stream::Plain(stream))),
        };
        match opened {
            Ok(Ok(stream)) => Ok((stream, client)),
            _ => Err(NotOpened::Handshake),
        }
    }
}
