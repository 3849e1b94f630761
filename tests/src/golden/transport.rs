//! A data plane in this process, asked as a stranger would ask it.

use super::Ask;
use crate::clients::{Http2, ask_quic, ask_stream, connect_quic, connect_tls, get, post};
use crate::query::{Asker, ask_tcp};
use dataplane::profile::Label;
use dataplane::{CookieSecret, CookieSecrets, DataPlane, DataPlaneSettings, Profile};
use dnssec::ZoneTable;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// How long a reply may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a question goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram.
    Udp,
    /// A connection for each question (RFC 7766).
    Tcp,
    /// DNS over TLS (RFC 7858), in one connection.
    Tls,
    /// DNS over HTTPS (RFC 8484), by POST in one connection of HTTP/2.
    Https,
    /// The same by GET.
    HttpsGet,
    /// DNS over QUIC (RFC 9250), in one connection.
    Quic,
}

impl Transport {
    /// All of them.
    pub const ALL: &'static [Transport] =
        &[Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Https, Transport::HttpsGet, Transport::Quic];

    /// The word for it in `+over`.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Https | Transport::HttpsGet => "https",
            Transport::Quic => "quic",
        }
    }
}

/// A running data plane and the zones it has.
pub struct Server {
    /// What is served.
    pub zones: Arc<ZoneTable>,
    plane: DataPlane,
    open: Mutex<Open>,
}

/// Connections, opened when they are needed: a handshake for each question would be most of the time.
#[derive(Default)]
struct Open {
    tls: Option<TlsStream<TcpStream>>,
    https: Option<Http2>,
    quic: Option<quinn::Connection>,
}

impl Server {
    /// Listens on loopback with every transport. Call it within a Tokio runtime.
    ///
    /// # Panics
    ///
    /// When loopback has no free port.
    pub fn start() -> Server {
        let zones = ZoneTable::new();
        let label = |text| Some(Label::new(text).expect("a label is short"));
        let mut profile = Profile::default();
        profile.server_id = label("golden-1");
        profile.version = label("Signpost");
        profile.cookies = Some(CookieSecrets::new(CookieSecret::new(*b"a secret of 16 o"), []));
        let listen = || vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let settings = DataPlaneSettings {
            listen: listen(),
            dot_listen: listen(),
            doh_listen: listen(),
            doq_listen: listen(),
            udp_workers: 1,
            profile,
            ..DataPlaneSettings::default()
        };
        let plane = DataPlane::bind(&settings, Arc::clone(&zones)).expect("loopback has free ports");
        Server { zones, plane, open: Mutex::default() }
    }

    /// Asks and returns the reply, with the id set to 0. Call it within a Tokio runtime of several threads.
    ///
    /// # Panics
    ///
    /// When there is no reply.
    pub fn ask(&self, ask: &Ask, transport: Transport) -> Vec<u8> {
        let server = self.plane.local_addrs()[0];
        let no_reply = |error: std::io::Error| panic!("{} over {transport:?}: {error}", ask.line);
        match transport {
            Transport::Udp => Asker::new(server, PATIENCE).ask(&ask.message).unwrap_or_else(no_reply),
            Transport::Tcp => {
                let reply = ask_tcp(server, &ask.message, PATIENCE).unwrap_or_else(|error| Some(no_reply(error)));
                reply.unwrap_or_else(|| panic!("{} over {transport:?}: closed without a reply", ask.line))
            }
            Transport::Tls | Transport::Https | Transport::HttpsGet | Transport::Quic => {
                let mut open = self.open.lock().expect("a failed question ends the test");
                let asking = self.ask_in_connection(&mut open, &ask.message, transport);
                let asking = tokio::time::timeout(PATIENCE, asking);
                let asked = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(asking));
                asked.unwrap_or_else(|_| panic!("{} over {transport:?}: no reply in time", ask.line))
            }
        }
    }

    async fn ask_in_connection(&self, open: &mut Open, message: &[u8], transport: Transport) -> Vec<u8> {
        let addresses = self.plane.addresses();
        match transport {
            Transport::Https | Transport::HttpsGet => {
                if open.https.as_ref().is_none_or(|https| https.driver.is_finished()) {
                    open.https = Some(Http2::connect(addresses.doh[0]).await);
                }
                let https = open.https.as_mut().expect("it was just opened");
                let is_get = transport == Transport::HttpsGet;
                let (request, body) = if is_get { (get(message), &b""[..]) } else { (post(), message) };
                let (response, reply) = https.send(request, body).await.expect("HTTP/2 works");
                assert_eq!(response.status(), 200);
                reply
            }
            Transport::Quic => {
                if open.quic.as_ref().is_none_or(|quic| quic.close_reason().is_some()) {
                    open.quic = Some(connect_quic(addresses.doq[0]).await);
                }
                // The id is 0 there (RFC 9250 section 4.2.1).
                let message = [&[0, 0], &message[2..]].concat();
                ask_quic(open.quic.as_ref().expect("it was just opened"), &message).await
            }
            _ => {
                // Kept for as long as nothing has come but replies: a connection the server has closed has come to its end.
                let mut tls = match open.tls.take() {
                    Some(tls) if !has_ended(&tls) => tls,
                    _ => connect_tls(addresses.dot[0], &[b"dot"]).await,
                };
                let reply = ask_stream(&mut tls, message).await;
                open.tls = Some(tls);
                reply
            }
        }
    }
}

/// Whether octets, or the end, wait to be read.
fn has_ended(tls: &TlsStream<TcpStream>) -> bool {
    tls.get_ref().0.try_read(&mut [0]).is_ok()
}
