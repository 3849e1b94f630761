//! DNS over QUIC (RFC 9250): a connection for each client, a stream for each query.
//!
//! A handshake costs us more than a datagram costs a liar: while many are under way, clients prove their address first. Only
//! connections whose handshake is done count in the registry, so that forged addresses close nobody's.

use super::{Shared, WRITE_MAX, stopped};
use crate::answer::Asker;
use crate::counters::{Carrier, Channel, Counter, Event};
use crate::tcp::Ticket;
use certificate::{CertificateError, Certificates};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    Connection, ConnectionError, Endpoint, EndpointConfig, Incoming, RecvStream, SendStream, ServerConfig,
    TokioRuntime, TransportConfig, VarInt,
};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use wire::message::{OptionCode, Query};
use wire::name::NAME_OCTETS_MAX;

/// Handshakes under way from which on clients prove their address before another begins (RFC 9000 section 8.1.2).
const HANDSHAKES_FREE: usize = 128;
/// Handshakes under way at most. A client that comes then is told to come again.
const HANDSHAKES_MAX: usize = 1024;
/// Queries under way on one connection.
const STREAMS_MAX: u32 = 100;
/// Octets of queries that come before they are read.
const STREAM_WINDOW: u32 = 4 << 10;
const CONNECTION_WINDOW: u32 = 64 << 10;
/// Octets of replies that wait to be acknowledged.
const SEND_WINDOW: u64 = 256 << 10;
/// Octets of datagrams kept of clients that are not accepted yet, each and all.
const INCOMING_OCTETS: u64 = 16 << 10;
const INCOMING_OCTETS_TOTAL: u64 = 4 << 20;
/// Octets of a query that any number of streams of a connection may hold at once. Beyond, one after the other.
const SMALL_QUERY_OCTETS: usize = 4 << 10;
/// Asked for, so that bursts wait instead of being lost; the kernel caps it (`net.core.rmem_max`).
const RECEIVE_BUFFER_OCTETS: usize = 4 << 20;

/// DOQ_NO_ERROR (RFC 9250 section 4.3).
const NO_ERROR: VarInt = VarInt::from_u32(0);
/// DOQ_PROTOCOL_ERROR.
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);
/// DOQ_EXCESSIVE_LOAD.
const EXCESSIVE_LOAD: VarInt = VarInt::from_u32(4);

/// What is accepted (RFC 9250 section 4.1.1; RFC 7301).
pub(crate) const PROTOCOLS: &[&[u8]] = &[b"doq"];

/// Opens a socket that no other server shares.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    // A smaller buffer is no reason not to serve.
    let _: io::Result<()> = socket.set_recv_buffer_size(RECEIVE_BUFFER_OCTETS);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Starts QUIC on a socket. Call it within a Tokio runtime.
///
/// # Errors
///
/// [`CertificateError::Tls`], or what the socket says.
pub(crate) fn endpoint(socket: UdpSocket, certificates: &Arc<Certificates>, idle: Duration) -> io::Result<Endpoint> {
    let tls = certificates.tls(&[&rustls::version::TLS13], PROTOCOLS, None).map_err(io::Error::other)?;
    let tls = QuicServerConfig::try_from(tls)
        .map_err(|_| CertificateError::Tls(rustls::Error::General("no cipher suite for QUIC".into())))
        .map_err(io::Error::other)?;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0)
        // Whoever watches sees packets of one length, whatever the reply (RFC 9250 section 5.4).
        .pad_to_mtu(true)
        .max_idle_timeout(Some(idle.try_into().map_err(io::Error::other)?));
    let mut server = ServerConfig::with_crypto(Arc::new(tls));
    server
        .transport_config(Arc::new(transport))
        .max_incoming(HANDSHAKES_MAX)
        .incoming_buffer_size(INCOMING_OCTETS)
        .incoming_buffer_size_total(INCOMING_OCTETS_TOTAL);
    Endpoint::new(EndpointConfig::default(), Some(server), socket, Arc::new(TokioRuntime))
}

/// Accepts connections until told to stop, then lets them finish their replies.
pub(crate) async fn listen(endpoint: Endpoint, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let handshakes = Arc::new(AtomicUsize::new(0));
    loop {
        let incoming = tokio::select! {
            () = stopped(&mut stop) => break,
            incoming = endpoint.accept() => incoming,
        };
        while connections.try_join_next().is_some() {}
        let Some(incoming) = incoming else { break };
        match handshakes.load(Ordering::Relaxed) {
            HANDSHAKES_MAX.. => {
                shared.count(Carrier::Quic, Event::HandshakeFailed);
                incoming.refuse();
            }
            HANDSHAKES_FREE.. if incoming.may_retry() && !incoming.remote_address_validated() => {
                shared.counters.add(Counter::DoqRetries, 1);
                let _ = incoming.retry();
            }
            _ => {
                let handshake = Handshake::begin(&handshakes);
                connections.spawn(converse(incoming, handshake, Arc::clone(&shared), stop.clone()));
            }
        }
    }
    endpoint.set_server_config(None);
    super::finish(connections).await;
    endpoint.close(NO_ERROR, b"");
    // For the last packets to be sent.
    let _ = timeout(super::SHUTDOWN_MAX, endpoint.wait_idle()).await;
}

/// One of the handshakes under way.
struct Handshake(Arc<AtomicUsize>);

impl Handshake {
    fn begin(count: &Arc<AtomicUsize>) -> Handshake {
        count.fetch_add(1, Ordering::Relaxed);
        Handshake(Arc::clone(count))
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a connection ends.
enum End {
    Client,
    /// No query in time.
    Idle,
    /// A reply was not read in time.
    Unread,
    /// The client broke the protocol (RFC 9250 section 4.3.3).
    Protocol,
    /// It has to make room.
    Room,
    /// The server stops.
    Stop,
}

async fn converse(incoming: Incoming, handshake: Handshake, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let shaken = tokio::select! {
        () = stopped(&mut stop) => return,
        shaken = timeout(shared.idle, incoming) => shaken,
    };
    drop(handshake);
    let Ok(Ok(connection)) = shaken else { return shared.count(Carrier::Quic, Event::HandshakeFailed) };
    let ticket = shared.admit(connection.remote_address().ip(), Carrier::Quic);
    let long_query = Semaphore::new(1);
    let talk = Arc::new(Talk { connection, shared, ticket, long_query });
    let (code, event) = match talk.run(stop).await {
        End::Client => return,
        End::Idle => (NO_ERROR, Some(Event::Idle)),
        End::Unread => (EXCESSIVE_LOAD, Some(Event::Unread)),
        End::Room => (EXCESSIVE_LOAD, None),
        End::Stop => (NO_ERROR, None),
        End::Protocol => {
            talk.shared.counters.add(Counter::DoqProtocolErrors, 1);
            (PROTOCOL_ERROR, None)
        }
    };
    if let Some(event) = event {
        talk.shared.count(Carrier::Quic, event);
    }
    talk.connection.close(code, b"");
}

/// One connection.
struct Talk {
    connection: Connection,
    shared: Arc<Shared>,
    ticket: Ticket,
    /// The right to a long query.
    long_query: Semaphore,
}

impl Talk {
    /// Answers queries, each in a task of its own, until the end. As many are under way as the client may have streams.
    async fn run(self: &Arc<Talk>, mut stop: watch::Receiver<bool>) -> End {
        let mut queries = JoinSet::new();
        loop {
            let deadline = Instant::from_std(self.ticket.last()) + self.shared.idle;
            tokio::select! {
                () = self.ticket.closed() => return End::Room,
                () = stopped(&mut stop) => {
                    while queries.join_next().await.is_some() {}
                    return End::Stop;
                }
                accepted = self.connection.accept_bi() => match accepted {
                    Ok((reply, query)) => {
                        let talk = Arc::clone(self);
                        queries.spawn(async move { talk.answer(query, reply).await });
                    }
                    Err(ConnectionError::TimedOut) => return End::Idle,
                    // By a query that broke the protocol; nobody else closes before this returns.
                    Err(ConnectionError::LocallyClosed) => return End::Protocol,
                    Err(_) => return End::Client,
                },
                // A task that panicked, which is a bug, ends for itself.
                Some(Ok(Err(end))) = queries.join_next() => return end,
                () = sleep_until(deadline) => {
                    if Instant::from_std(self.ticket.last()) + self.shared.idle <= Instant::now() {
                        return End::Idle;
                    }
                }
            }
        }
    }

    /// One stream: a query, its end, a reply, its end (RFC 9250 section 4.2).
    async fn answer(&self, query: RecvStream, mut reply: SendStream) -> Result<(), End> {
        let message = match timeout(self.shared.idle, self.read(query)).await {
            Ok(Ok(message)) => message,
            Ok(Err(Unread::Protocol)) => return Err(self.break_off()),
            Ok(Err(Unread::Cancelled)) => return Ok(()),
            // What does not come costs this query and no other.
            Err(_) => {
                let _ = reply.reset(EXCESSIVE_LOAD);
                return Ok(());
            }
        };
        if is_misplaced(&message) {
            return Err(self.break_off());
        }
        // The address may have changed since the handshake (RFC 9000 section 9).
        let address: IpAddr = self.connection.remote_address().ip();
        let asker = Asker { address, transport: Carrier::Quic.transport() };
        let framed = self.shared.answers().to(&message, asker, Channel::of(Carrier::Quic, address), |reply| {
            [&(reply.len() as u16).to_be_bytes()[..], reply].concat()
        });
        // A response, where a query belongs.
        let framed = framed.ok_or_else(|| self.break_off())?;
        match timeout(WRITE_MAX, reply.write_all(&framed)).await {
            // Whoever takes a query back (STOP_SENDING) does so for this query alone.
            Ok(Ok(()) | Err(_)) => {
                let _ = reply.finish();
                self.ticket.touch(Instant::now().into_std());
                Ok(())
            }
            Err(_) => Err(End::Unread),
        }
    }

    /// Closes the connection before this query's stream is: an end of that alone would look like an empty reply.
    fn break_off(&self) -> End {
        self.connection.close(PROTOCOL_ERROR, b"");
        End::Protocol
    }

    /// The message of a stream that holds one and no more.
    async fn read(&self, mut stream: RecvStream) -> Result<Vec<u8>, Unread> {
        let mut octets = Vec::new();
        let mut right = None;
        loop {
            // Beyond the length, one octet more would be one too many.
            let missing = wanted(&octets).saturating_sub(octets.len()) + 1;
            match stream.read_chunk(missing, true).await {
                Ok(Some(chunk)) if chunk.bytes.len() < missing || octets.len() < 2 => {
                    let length = octets.len() + chunk.bytes.len();
                    if length > SMALL_QUERY_OCTETS && right.is_none() {
                        right = Some(self.long_query.acquire().await.expect("it is never closed"));
                    }
                    octets.extend_from_slice(&chunk.bytes);
                }
                Ok(Some(_)) => return Err(Unread::Protocol),
                Ok(None) if octets.len() >= 2 && octets.len() == wanted(&octets) => break,
                Ok(None) => return Err(Unread::Protocol),
                Err(_) => return Err(Unread::Cancelled),
            }
        }
        octets.drain(..2);
        Ok(octets)
    }
}

/// Why there is no query in a stream.
enum Unread {
    /// The client took it back, or is gone.
    Cancelled,
    Protocol,
}

/// Octets that a stream has in all, as far as its beginning tells.
fn wanted(octets: &[u8]) -> usize {
    octets.first_chunk().map_or(2, |length| 2 + usize::from(u16::from_be_bytes(*length)))
}

/// Whether a message has an id, or speaks of keeping a TCP connection (RFC 9250 section 4.3.3).
fn is_misplaced(message: &[u8]) -> bool {
    if message.first_chunk() != Some(&[0, 0]) {
        return true;
    }
    let mut lower = [0; NAME_OCTETS_MAX];
    let Ok(query) = Query::parse(message, &mut lower) else { return false };
    query.edns().is_some_and(|edns| edns.options().any(|(code, _)| code == OptionCode::TCP_KEEPALIVE))
}
