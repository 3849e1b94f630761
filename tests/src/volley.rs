//! Many questions at once: thousands a second to one server, each asked again until there is an answer.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// Questions that wait for their answer at the same time. More would overflow a server's socket buffer.
const WINDOW: usize = 64;

/// Time after which a datagram counts as lost.
const LOST_AFTER: Duration = Duration::from_millis(700);

/// Attempts before silence counts as the server's answer.
const ATTEMPTS: u32 = 5;

/// Time a stream may be silent.
const STREAM_PATIENCE: Duration = Duration::from_secs(5);

/// Asks all of `messages` over UDP and returns the replies in their order; `None` where there was none. The ids of the messages do
/// not matter: they are set here, and put back into the replies.
///
/// # Panics
///
/// When the port is closed.
pub fn udp(server: SocketAddr, messages: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    socket.connect(server).expect("loopback is reachable");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("the time is not zero");
    let mut replies = vec![None; messages.len()];
    let mut waiting: HashMap<u16, Waiting> = HashMap::new();
    let mut next = 0;
    let mut buffer = [0; 65_535];
    while next < messages.len() || !waiting.is_empty() {
        while next < messages.len() && waiting.len() < WINDOW {
            let question = Waiting { index: next, sent: Instant::now(), attempts: 1 };
            send(&socket, next as u16, &messages[next]);
            waiting.insert(next as u16, question);
            next += 1;
        }
        match socket.recv(&mut buffer) {
            Ok(octets) => {
                if let Some(question) = id(&buffer[..octets]).and_then(|id| waiting.remove(&id)) {
                    replies[question.index] = Some(with_id(&buffer[..octets], &messages[question.index]));
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("{server} over UDP: {error}"),
        }
        waiting.retain(|&id, question| {
            if question.sent.elapsed() < LOST_AFTER {
                return true;
            }
            if question.attempts == ATTEMPTS {
                return false;
            }
            question.attempts += 1;
            question.sent = Instant::now();
            send(&socket, id, &messages[question.index]);
            true
        });
    }
    replies
}

struct Waiting {
    index: usize,
    sent: Instant,
    attempts: u32,
}

fn send(socket: &UdpSocket, id: u16, message: &[u8]) {
    // What a full buffer drops is sent again.
    let _ = socket.send(&[&id.to_be_bytes(), &message[2..]].concat());
}

fn id(message: &[u8]) -> Option<u16> {
    message.first_chunk().map(|id| u16::from_be_bytes(*id))
}

/// The reply under the id of the question it answers.
fn with_id(reply: &[u8], question: &[u8]) -> Vec<u8> {
    [&question[..2], &reply[2..]].concat()
}

/// The same over TCP, many questions on one connection (RFC 7766 section 6.2.1.1). When it is closed or falls silent, the first
/// question without answer is asked alone, and then the rest on a new connection.
///
/// # Panics
///
/// When the port is closed.
pub fn tcp(server: SocketAddr, messages: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
    let mut replies = vec![None; messages.len()];
    let mut given_up = vec![false; messages.len()];
    loop {
        let open: Vec<usize> = (0..messages.len()).filter(|&i| replies[i].is_none() && !given_up[i]).collect();
        let Some(&first) = open.first() else { return replies };
        if converse(server, messages, &open, &mut replies).is_err() && replies[first].is_none() {
            let _ = converse(server, messages, &[first], &mut replies);
            given_up[first] = replies[first].is_none();
        }
    }
}

fn converse(
    server: SocketAddr,
    messages: &[Vec<u8>],
    indices: &[usize],
    replies: &mut [Option<Vec<u8>>],
) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).unwrap_or_else(|error| panic!("{server} over TCP: {error}"));
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(STREAM_PATIENCE))?;
    let mut waiting = HashMap::new();
    let mut unsent = indices.iter().copied();
    loop {
        let mut batch = Vec::new();
        for index in unsent.by_ref().take(WINDOW - waiting.len()) {
            let message = &messages[index];
            waiting.insert(index as u16, index);
            batch.extend_from_slice(&(message.len() as u16).to_be_bytes());
            batch.extend_from_slice(&(index as u16).to_be_bytes());
            batch.extend_from_slice(&message[2..]);
        }
        stream.write_all(&batch)?;
        if waiting.is_empty() {
            return Ok(());
        }
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut reply)?;
        if let Some(index) = id(&reply).and_then(|id| waiting.remove(&id)) {
            replies[index] = Some(with_id(&reply, &messages[index]));
        }
    }
}
