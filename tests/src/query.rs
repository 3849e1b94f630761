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
            let length = match self.0.recv(&mut buffer) {
                // A socket with a timeout is not waited on again by itself (signal(7)): a frozen machine is enough.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                received => received?,
            };
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

/// A TCP connection that messages are pipelined on (RFC 7766 section 6.2.1).
#[derive(Debug)]
pub struct Pipe(TcpStream);

impl Pipe {
    /// Connects.
    ///
    /// # Errors
    ///
    /// The server does not take the connection in time.
    pub fn connect(server: SocketAddr, patience: Duration) -> std::io::Result<Pipe> {
        let stream = TcpStream::connect_timeout(&server, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Pipe(stream))
    }

    /// Sends one message after its length (RFC 7766 section 8).
    ///
    /// # Errors
    ///
    /// The connection failed.
    pub fn send(&mut self, message: &[u8]) -> std::io::Result<()> {
        let length = u16::try_from(message.len()).map_err(std::io::Error::other)?;
        self.0.write_all(&[&length.to_be_bytes(), message].concat())
    }

    /// The next reply.
    ///
    /// # Errors
    ///
    /// The connection was closed ([`is_closed`]) or failed, or nothing came in time.
    pub fn receive(&mut self) -> std::io::Result<Vec<u8>> {
        let mut prefix = [0; 2];
        self.0.read_exact(&mut prefix)?;
        let mut reply = vec![0; usize::from(u16::from_be_bytes(prefix))];
        self.0.read_exact(&mut reply)?;
        Ok(reply)
    }
}

/// Sends one message over TCP and returns the reply; `None` if the server closes.
///
/// # Errors
///
/// The connection failed or nothing came in time.
pub fn ask_tcp(server: SocketAddr, message: &[u8], patience: Duration) -> std::io::Result<Option<Vec<u8>>> {
    let mut pipe = Pipe::connect(server, patience)?;
    pipe.send(message)?;
    match pipe.receive() {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if is_closed(&error) => Ok(None),
        Err(error) => Err(error),
    }
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
