//! One connection: messages in, replies out, in order (RFC 7766 section 6.2.1 and 8).

use super::Ticket;
use crate::answer::Asker;
use crate::counters::{Carrier, Channel, Counter, Event};
use crate::proxy;
use crate::streams::{Shared, WRITE_MAX, stopped};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// Octets of replies made before they are written: what a client that pipelines without reading makes us hold.
const OUTPUT_OCTETS: usize = 16 << 10;
/// Octets read at once, enough for dozens of pipelined queries.
const READ_OCTETS: usize = 4 << 10;
/// Buffers larger than this are given back when a connection falls idle.
const IDLE_OCTETS: usize = 2 * READ_OCTETS;

/// Why a connection is closed.
enum End {
    /// The client is done, or the connection failed.
    Client,
    /// What came is no query that could ever get a reply.
    NotDns,
    /// It begins with a PROXY header and is not from a proxy.
    ProxyHeader,
    /// No whole message in time.
    Idle,
    /// Replies were not read in time.
    Unread,
    /// It has to make room, or the server stops.
    Closed,
}

/// Serves a connection to its end.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    carrier: Carrier,
    client: IpAddr,
    shared: Arc<Shared>,
    ticket: Ticket,
    stop: watch::Receiver<bool>,
) {
    let channel = Channel::of(carrier, client);
    let asker = Asker { address: client, transport: carrier.transport() };
    let mut connection = Connection { stream, channel, asker, shared: &shared, ticket, stop, input: Vec::new(), at: 0 };
    match connection.run().await {
        End::Idle => shared.count(carrier, Event::Idle),
        End::Unread => shared.count(carrier, Event::Unread),
        End::ProxyHeader => shared.counters.add(Counter::ProxyHeaderRefused, 1),
        End::Client | End::NotDns | End::Closed => {}
    }
    // Over TLS the client is told that this is the end and nobody cut it off. What cannot be sent at once stays unsaid. TCP's own end
    // comes with the socket's.
    if carrier != Carrier::Tcp {
        let _ = timeout(Duration::ZERO, connection.stream.shutdown()).await;
    }
}

struct Connection<'s, S> {
    stream: S,
    channel: Channel,
    asker: Asker,
    shared: &'s Shared,
    ticket: Ticket,
    stop: watch::Receiver<bool>,
    /// Octets read, of which those before `at` are done with.
    input: Vec<u8>,
    at: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    async fn run(&mut self) -> End {
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
        let answers = self.shared.answers();
        while let Some(message) = whole_message(&self.input[self.at..]) {
            if output.len() >= OUTPUT_OCTETS {
                return Answered::Some;
            }
            self.at += 2 + message.len();
            let copied = answers.to(message, self.asker, self.channel, |reply| {
                output.extend_from_slice(&(reply.len() as u16).to_be_bytes());
                output.extend_from_slice(reply);
            });
            if copied.is_none() {
                return Answered::NotDns;
            }
        }
        Answered::All
    }

    async fn write(&mut self, output: &[u8]) -> Result<(), End> {
        // Not ended by `stop`: these replies are what a graceful end waits for.
        tokio::select! {
            () = self.ticket.closed() => Err(End::Closed),
            written = timeout(WRITE_MAX, write_all(&mut self.stream, output)) => match written {
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
            // As a length and a message it would be waited for in vain.
            if proxy::is_header(&self.input) {
                return Err(End::ProxyHeader);
            }
            self.input.reserve(READ_OCTETS);
            let read = tokio::select! {
                () = self.ticket.closed() => return Err(End::Closed),
                () = stopped(&mut self.stop) => return Err(End::Closed),
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

async fn write_all<S: AsyncWrite + Unpin>(stream: &mut S, output: &[u8]) -> std::io::Result<()> {
    stream.write_all(output).await?;
    // TLS keeps records back.
    stream.flush().await
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
