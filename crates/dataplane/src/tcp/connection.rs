//! One connection: messages in, replies out, in order (RFC 7766 section 6.2.1 and 8).

use super::Shared;
use super::registry::Ticket;
use crate::answer::{Asker, Desk, Outcome, Transport, respond};
use crate::clock::unix_now;
use crate::counters::{Channel, Counter};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// Octets of replies made before they are written: what a client that pipelines without reading makes us hold.
const OUTPUT_OCTETS: usize = 16 << 10;
/// Octets read at once, enough for dozens of pipelined queries.
const READ_OCTETS: usize = 4 << 10;
/// Buffers larger than this are given back when a connection falls idle.
const IDLE_OCTETS: usize = 2 * READ_OCTETS;
/// Time for one write of replies; a client that does not read for so long is gone, or wants to hold us up.
const WRITE_MAX: Duration = Duration::from_secs(10);

thread_local! {
    /// The longest reply is made here and copied out at its true length, since a buffer that long for each connection would cost
    /// most of a server's memory.
    static REPLY: RefCell<Box<[u8]>> = RefCell::new(vec![0; usize::from(u16::MAX)].into());
}

/// Why a connection is closed.
enum End {
    /// The client is done, or the connection failed.
    Client,
    /// What came is no query that could ever get a reply.
    NotDns,
    /// No whole message in time.
    Idle,
    /// Replies were not read in time.
    Unread,
    /// It has to make room, or the server stops.
    Closed,
}

/// Serves a connection to its end.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    ticket: Ticket,
    stop: watch::Receiver<bool>,
) {
    // Replies are written whole; to hold back the last segment would only add latency.
    let _ = stream.set_nodelay(true);
    let channel = Channel::tcp(peer.ip());
    let asker = Asker { address: peer.ip(), transport: Transport::Tcp };
    let connection = Connection { stream, channel, asker, shared: &shared, ticket, stop, input: Vec::new(), at: 0 };
    match connection.run().await {
        End::Idle => shared.counters.add(Counter::TcpIdleTimeouts, 1),
        End::Unread => shared.counters.add(Counter::TcpWriteTimeouts, 1),
        End::Client | End::NotDns | End::Closed => {}
    }
}

struct Connection<'s> {
    stream: TcpStream,
    channel: Channel,
    asker: Asker,
    shared: &'s Shared,
    ticket: Ticket,
    stop: watch::Receiver<bool>,
    /// Octets read, of which those before `at` are done with.
    input: Vec<u8>,
    at: usize,
}

impl Connection<'_> {
    async fn run(mut self) -> End {
        let mut output = Vec::new();
        loop {
            let answered = self.answer_some(&mut output);
            if !output.is_empty() {
                if let Err(end) = self.write(&output).await {
                    return end;
                }
                output.clear();
                self.ticket.touch(Instant::now().into_std());
                // A client that asks without end would else be served for as long as its next query is there already, while
                // others, and those not yet accepted, wait.
                tokio::task::yield_now().await;
            }
            match answered {
                Answered::All => {}
                Answered::Some => continue,
                Answered::NotDns => return End::NotDns,
            }
            if output.capacity() > IDLE_OCTETS {
                output = Vec::new();
            }
            if let Err(end) = self.read_message().await {
                return end;
            }
            self.ticket.touch(Instant::now().into_std());
        }
    }

    /// Answers whole messages that have been read, as long as there is room for replies.
    fn answer_some(&mut self, output: &mut Vec<u8>) -> Answered {
        let zones = self.shared.zones.view();
        let profile = self.shared.profile.load();
        let desk = Desk { zones: &zones, profile: &profile };
        let now = unix_now();
        while let Some(message) = whole_message(&self.input[self.at..]) {
            if output.len() >= OUTPUT_OCTETS {
                return Answered::Some;
            }
            self.at += 2 + message.len();
            let is_dns = REPLY.with_borrow_mut(|reply| {
                let outcome = respond(desk, message, self.asker, now, reply);
                self.shared.counters.record(self.channel, &outcome);
                let Outcome::Reply(done) = outcome else { return false };
                output.extend_from_slice(&(done.octets as u16).to_be_bytes());
                output.extend_from_slice(&reply[..done.octets]);
                true
            });
            if !is_dns {
                return Answered::NotDns;
            }
        }
        Answered::All
    }

    async fn write(&mut self, output: &[u8]) -> Result<(), End> {
        // Not ended by `stop`: these replies are what a graceful end waits for.
        tokio::select! {
            () = self.ticket.closed() => Err(End::Closed),
            written = timeout(WRITE_MAX, self.stream.write_all(output)) => match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(End::Client),
                Err(_) => Err(End::Unread),
            },
        }
    }

    /// Reads until there is a whole message. The time for it does not start anew with each octet.
    async fn read_message(&mut self) -> Result<(), End> {
        self.input.drain(..self.at);
        self.at = 0;
        if self.input.is_empty() && self.input.capacity() > IDLE_OCTETS {
            self.input = Vec::new();
        }
        let deadline = Instant::now() + self.shared.idle;
        while whole_message(&self.input).is_none() {
            self.input.reserve(READ_OCTETS);
            let read = tokio::select! {
                () = self.ticket.closed() => return Err(End::Closed),
                _ = self.stop.wait_for(|stop| *stop) => return Err(End::Closed),
                read = timeout_at(deadline, self.stream.read_buf(&mut self.input)) => read,
            };
            match read {
                Ok(Ok(0)) | Ok(Err(_)) => return Err(End::Client),
                Ok(Ok(_)) => {}
                Err(_) => return Err(End::Idle),
            }
        }
        Ok(())
    }
}

enum Answered {
    /// No whole message is left.
    All,
    /// The replies so far have to be written first.
    Some,
    /// A message that gets no reply: it was a response, or shorter than a header.
    NotDns,
}

/// The message after its two octets of length (RFC 1035 section 4.2.2), once all of it is there.
fn whole_message(input: &[u8]) -> Option<&[u8]> {
    let (length, rest) = input.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}
