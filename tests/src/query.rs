//! Questions asked without a tool: thousands a second, or malformed on purpose.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::str::FromStr;
use std::time::Duration;

/// A query with DO set, ready to send.
///
/// # Panics
///
/// When the name is not one.
pub fn query(id: u16, name: &str, rtype: RecordType) -> Vec<u8> {
    let name = Name::from_str(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(name, rtype));
    let mut edns = Edns::new();
    edns.set_dnssec_ok(true);
    edns.set_max_payload(1232);
    message.edns = Some(edns);
    message.to_vec().expect("a query is short")
}

/// A socket that asks one server over UDP.
#[derive(Debug)]
pub struct Asker(UdpSocket);

impl Asker {
    /// Opens a socket of its own, so that a server's workers share the load.
    ///
    /// # Panics
    ///
    /// When loopback has no free port.
    pub fn new(server: SocketAddr, patience: Duration) -> Asker {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        socket.connect(server).expect("loopback is reachable");
        socket.set_read_timeout(Some(patience)).expect("the time is not zero");
        Asker(socket)
    }

    /// Sends octets and returns the reply with their id, or why there was none.
    ///
    /// # Errors
    ///
    /// A timeout, or the port is closed.
    pub fn ask(&self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        self.0.send(message)?;
        let mut buffer = [0; 65535];
        loop {
            let length = self.0.recv(&mut buffer)?;
            if buffer[..length].get(..2) == message.get(..2) {
                return Ok(buffer[..length].to_vec());
            }
        }
    }

    /// Sends octets and expects nothing.
    ///
    /// # Errors
    ///
    /// The port is closed.
    pub fn send(&self, message: &[u8]) -> std::io::Result<()> {
        self.0.send(message).map(|_| ())
    }
}

/// Sends one length-prefixed message over TCP (RFC 7766 section 8) and returns the reply; `None` if the server closes.
///
/// # Errors
///
/// The connection failed or nothing came in time.
pub fn ask_tcp(server: SocketAddr, message: &[u8], patience: Duration) -> std::io::Result<Option<Vec<u8>>> {
    let mut stream = TcpStream::connect_timeout(&server, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let length = u16::try_from(message.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat())?;
    let mut prefix = [0; 2];
    match stream.read_exact(&mut prefix) {
        Ok(()) => {}
        Err(error) if is_closed(&error) => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut reply = vec![0; usize::from(u16::from_be_bytes(prefix))];
    stream.read_exact(&mut reply)?;
    Ok(Some(reply))
}

/// Whether a read failed because the other side closed.
pub fn is_closed(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// The second opinion: what hickory-proto makes of a reply.
///
/// # Panics
///
/// When it is no message.
pub fn decode(reply: &[u8]) -> Message {
    Message::from_vec(reply).unwrap_or_else(|error| panic!("{error} in {reply:02x?}"))
}

/// The RCODE in the header of a reply (RFC 1035 section 4.1.1).
pub fn rcode(reply: &[u8]) -> Option<u8> {
    reply.get(3).map(|octet| octet & 0x0f)
}
