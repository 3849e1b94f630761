//! Thousands of messages to a running server, each reply checked, and an honest query after them that must be answered.
//!
//! Nothing waits for time: replies to one client come in order, so that the reply to the honest query says that whatever had no
//! reply by then has none.

use crate::fuzz::reply;
use crate::query::{self, Pipe, decode};
use crate::server::Signpost;
use dataplane::answer::Transport;
use hickory_proto::rr::RecordType;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// Longest time a reply may take before the server counts as hanging. It is a bound, not a wait.
const HANG: Duration = Duration::from_secs(60);
/// Messages on their way at once: their replies fit a socket's buffer.
const IN_FLIGHT: usize = 64;
/// The server's limit over UDP unless it is told another.
const UDP: Transport = Transport::Udp { payload_max: 1232 };
/// The id of the honest query; others are numbered from 0.
const HONEST_ID: u16 = 0xffff;

/// A client that sends what nobody else does.
#[derive(Debug)]
pub struct Barrage {
    server: SocketAddr,
    /// Names of the zones served, in lower-case wire format: no reply may hold data of others.
    apexes: Vec<Vec<u8>>,
    honest: Vec<u8>,
}

impl Barrage {
    /// A client of a server that serves `zones`; `honest` exists in one of them and has an address.
    ///
    /// # Panics
    ///
    /// When a name is not one.
    pub fn new(server: SocketAddr, zones: &[&str], honest: &str) -> Barrage {
        let wire = |zone: &&str| zone.parse::<wire::Name>().expect("a name").as_wire().to_vec();
        Barrage {
            server,
            apexes: zones.iter().map(wire).collect(),
            honest: query::query(HONEST_ID, honest, RecordType::A),
        }
    }

    /// Sends all messages over UDP from one socket and returns how many were answered. Their ids are replaced.
    ///
    /// # Panics
    ///
    /// When a reply breaks a promise, is missing, or nobody asked for it.
    pub fn udp(&self, messages: impl IntoIterator<Item = Vec<u8>>) -> u64 {
        let any = if self.server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).expect("there are free ports");
        socket.connect(self.server).expect("loopback is reachable");
        socket.set_read_timeout(Some(HANG)).expect("the time is not zero");
        let mut buffer = vec![0; 65_535];
        let mut answered = 0;
        let mut messages = messages.into_iter().peekable();
        while messages.peek().is_some() {
            let mut volley = Volley::of(&mut messages);
            for message in volley.messages.iter().chain([&self.honest]) {
                socket.send(message).expect("the server listens");
            }
            // Replies that go to one port together may overtake each other.
            let mut is_honest_answered = false;
            while !is_honest_answered || !volley.is_answered() {
                let octets = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{error}: {}", volley.rest()));
                is_honest_answered |= self.take(&mut volley, &buffer[..octets], UDP);
            }
            answered += volley.end();
        }
        answered
    }

    /// Sends all messages over TCP, pipelined, and returns how many were answered. What gets no reply ends its connection, and
    /// has one of its own.
    ///
    /// # Panics
    ///
    /// As [`Barrage::udp`].
    pub fn tcp(&self, messages: impl IntoIterator<Item = Vec<u8>>) -> u64 {
        let (mut answered, mut pipe) = (0, None);
        let mut ended = 0;
        let mut messages = messages
            .into_iter()
            .filter(|message| {
                let is_silent = is_silent(message);
                if is_silent {
                    ended += 1;
                    self.ends_a_connection(message);
                }
                !is_silent
            })
            .peekable();
        while messages.peek().is_some() {
            let pipe = pipe.get_or_insert_with(|| Pipe::connect(self.server, HANG).expect("new connections are taken"));
            let mut volley = Volley::of(&mut messages);
            for message in volley.messages.iter().chain([&self.honest]) {
                pipe.send(message).expect("the connection stands");
            }
            loop {
                let reply = pipe.receive().unwrap_or_else(|error| panic!("{error}: {}", volley.rest()));
                if self.take(&mut volley, &reply, Transport::Tcp) {
                    break;
                }
            }
            answered += volley.end();
        }
        answered
    }

    /// The honest query alone, over a new connection.
    ///
    /// # Panics
    ///
    /// When it is not answered.
    pub fn is_answered_over_tcp(&self) {
        let mut pipe = Pipe::connect(self.server, HANG).expect("new connections are taken");
        pipe.send(&self.honest).expect("the connection stands");
        self.is_the_answer(&pipe.receive().expect("a new client is answered"));
    }

    fn ends_a_connection(&self, message: &[u8]) {
        let mut pipe = Pipe::connect(self.server, HANG).expect("new connections are taken");
        // The server may have closed before all is written.
        let _ = pipe.send(message);
        let error = pipe.receive().expect_err("what is no query has no reply");
        assert!(query::is_closed(&error), "{error}: {message:02x?}");
    }

    /// Takes one reply; true for the one to the honest query.
    fn take(&self, volley: &mut Volley, reply: &[u8], transport: Transport) -> bool {
        let id = u16::from_be_bytes([reply[0], reply[1]]);
        if id == HONEST_ID {
            self.is_the_answer(reply);
            return true;
        }
        let asked = volley.messages.get(usize::from(id)).unwrap_or_else(|| panic!("nobody asked for {reply:02x?}"));
        assert!(!std::mem::replace(&mut volley.answered[usize::from(id)], true), "two replies to {asked:02x?}");
        let apexes: Vec<&[u8]> = self.apexes.iter().map(Vec::as_slice).collect();
        let checked = std::panic::catch_unwind(|| reply::check(asked, transport, reply, &apexes));
        assert!(checked.is_ok(), "the reply to {asked:02x?} breaks a promise: {reply:02x?}");
        decode(reply);
        false
    }

    fn is_the_answer(&self, reply: &[u8]) {
        let reply = decode(reply);
        let addresses = reply.answers.iter().filter(|record| record.record_type() == RecordType::A).count();
        assert!(addresses > 0 && reply.metadata.authoritative, "{reply:?}");
    }
}

/// Messages that are on their way together.
struct Volley {
    messages: Vec<Vec<u8>>,
    answered: Vec<bool>,
}

impl Volley {
    fn of(messages: &mut impl Iterator<Item = Vec<u8>>) -> Volley {
        let mut messages: Vec<Vec<u8>> = messages.take(IN_FLIGHT).collect();
        for (number, message) in messages.iter_mut().enumerate() {
            if let Some(id) = message.first_chunk_mut::<2>() {
                *id = (number as u16).to_be_bytes();
            }
        }
        Volley { answered: vec![false; messages.len()], messages }
    }

    /// Whether every message that must have a reply has one.
    fn is_answered(&self) -> bool {
        self.messages.iter().zip(&self.answered).all(|(message, answered)| *answered || is_silent(message))
    }

    /// Every message that must have a reply has one, and no other. Returns how many had.
    fn end(&self) -> u64 {
        for (message, answered) in self.messages.iter().zip(&self.answered) {
            assert_eq!(*answered, !is_silent(message), "whether {message:02x?} is answered");
        }
        self.answered.iter().filter(|answered| **answered).count() as u64
    }

    /// What has no reply yet, to find out what made the server hang.
    fn rest(&self) -> String {
        let rest = self.messages.iter().zip(&self.answered).filter(|(_, answered)| !**answered);
        rest.map(|(message, _)| format!("{message:02x?}\n")).collect()
    }
}

/// What gets no reply: less than a header, and responses, since replying to those makes loops.
fn is_silent(message: &[u8]) -> bool {
    message.len() < 12 || message[2] & 0x80 != 0
}

/// Kibibytes of memory that a server has resident.
///
/// # Panics
///
/// When it does not run.
pub fn resident_kib(server: &mut Signpost) -> u64 {
    server.daemon().assert_running();
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.daemon().id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
    line.trim().trim_end_matches(" kB").parse().expect("a number of kB")
}
