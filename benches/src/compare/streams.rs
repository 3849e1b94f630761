//! The load over TCP and TLS: one connection with many questions under way, or a connection for each question.

use super::load::{Counted, Judge, Run, WARM_UP};
use super::questions::{Expected, OCTETS_MAX, Questions};
use anyhow::{Context, Result, ensure};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Questions under way on the long connection.
const WINDOW: usize = 64;
/// Connections that are under way at once, where each has one question.
const AT_ONCE: usize = 24;
/// No reply takes as long.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    /// TLS 1.3 or 1.2 as the server likes, each handshake a full one.
    Tls,
}

/// How connections are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// One, for all questions.
    Long,
    /// One for each question.
    Short,
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// Makes connections to one server.
struct Connector {
    server: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

impl Connector {
    fn new(server: SocketAddr, transport: Transport) -> Connector {
        let tls = (transport == Transport::Tls).then(|| {
            let mut config = signpost_tests::believing_tls(&[b"dot"]);
            config.resumption = rustls::client::Resumption::disabled();
            Arc::new(config)
        });
        Connector { server, tls }
    }

    fn connect(&self) -> Result<Box<dyn Stream>> {
        let stream = TcpStream::connect_timeout(&self.server, PATIENCE).context("no connection")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // Closed ports are free at once: more than there are would be needed in a minute.
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        let Some(config) = &self.tls else { return Ok(Box::new(stream)) };
        let name = "localhost".try_into().context("it is a name")?;
        let connection = ClientConnection::new(Arc::clone(config), name)?;
        Ok(Box::new(StreamOwned::new(connection, stream)))
    }
}

/// Asks all that the server can answer, for `time`.
pub(crate) fn all_it_can(
    server: SocketAddr,
    (transport, used): (Transport, Use),
    questions: &mut Questions,
    judge: Judge,
    time: Duration,
    cpu_seconds: impl Fn() -> Result<f64>,
) -> Result<Run> {
    let connector = Connector::new(server, transport);
    match used {
        Use::Long => long(&connector, questions, judge, time, cpu_seconds),
        Use::Short => short(&connector, questions, judge, time, cpu_seconds),
    }
}

fn long(
    connector: &Connector,
    questions: &mut Questions,
    judge: Judge,
    time: Duration,
    cpu_seconds: impl Fn() -> Result<f64>,
) -> Result<Run> {
    let mut stream = connector.connect()?;
    let mut expected: Vec<Option<Expected>> = vec![None; 1 << 16];
    let mut next_id = 0_u16;
    let mut counted = Counted::default();
    let mut received = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    let mut wanted = WINDOW;
    let started = Instant::now();
    let mut begun = None;
    loop {
        let now = started.elapsed();
        match begun {
            None if now >= WARM_UP => {
                counted = Counted::default();
                begun = Some((now, cpu_seconds()?));
            }
            Some((start, cpu)) if now >= start + time => {
                return Ok(Run { counted, seconds: (now - start).as_secs_f64(), cpu_seconds: cpu_seconds()? - cpu });
            }
            _ => {}
        }
        let mut outgoing = Vec::with_capacity(wanted * 80);
        for _ in 0..wanted {
            next_id = next_id.wrapping_add(1);
            expected[usize::from(next_id)] = Some(push_question(questions, next_id, &mut outgoing));
        }
        stream.write_all(&outgoing)?;
        stream.flush()?;
        let length = stream.read(&mut chunk).context("no reply over the connection")?;
        ensure!(length > 0, "the server has closed the connection");
        received.extend_from_slice(&chunk[..length]);
        wanted = 0;
        let mut at = 0;
        while let Some(reply) = frame(&received[at..]) {
            at += 2 + reply.len();
            let id = reply.first_chunk::<2>().map_or(0, |id| u16::from_be_bytes(*id));
            let asked = expected[usize::from(id)].take();
            count(
                &mut counted,
                asked.is_some_and(|asked| judge == Judge::ByIdAlone || asked.is_met(reply)),
                reply.len(),
            );
            wanted += 1;
        }
        received.drain(..at);
    }
}

fn short(
    connector: &Connector,
    questions: &mut Questions,
    judge: Judge,
    time: Duration,
    cpu_seconds: impl Fn() -> Result<f64>,
) -> Result<Run> {
    let questions = Mutex::new(questions);
    let total = Mutex::new(Counted::default());
    let (counts, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let client = || -> Result<()> {
        let mut own = Counted::default();
        let mut id = 0_u16;
        while !stop.load(Ordering::Relaxed) {
            id = id.wrapping_add(1);
            let mut outgoing = Vec::with_capacity(OCTETS_MAX);
            let expected = push_question(&mut questions.lock().expect("nobody panics"), id, &mut outgoing);
            let reply = ask_once(connector, &outgoing)?;
            if counts.load(Ordering::Relaxed) {
                let is_right =
                    reply.starts_with(&id.to_be_bytes()) && (judge == Judge::ByIdAlone || expected.is_met(&reply));
                count(&mut own, is_right, reply.len());
            }
        }
        let mut total = total.lock().expect("nobody panics");
        total.right += own.right;
        total.wrong += own.wrong;
        total.octets += own.octets;
        Ok(())
    };
    let (seconds, cpu_seconds) = std::thread::scope(|scope| -> Result<(f64, f64)> {
        let clients: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(client)).collect();
        std::thread::sleep(WARM_UP);
        let (start, cpu) = (Instant::now(), cpu_seconds()?);
        counts.store(true, Ordering::Relaxed);
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        let measured = (start.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        clients.into_iter().try_for_each(|client| client.join().expect("nobody panics"))?;
        Ok(measured)
    })?;
    let counted = *total.lock().expect("nobody panics");
    Ok(Run { counted, seconds, cpu_seconds })
}

/// One connection, one question, one reply.
fn ask_once(connector: &Connector, question: &[u8]) -> Result<Vec<u8>> {
    let mut stream = connector.connect()?;
    stream.write_all(question)?;
    stream.flush()?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).context("no reply over a new connection")?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply)?;
    Ok(reply)
}

/// Adds the next question behind its length.
fn push_question(questions: &mut Questions, id: u16, outgoing: &mut Vec<u8>) -> Expected {
    let mut buffer = [0; OCTETS_MAX];
    let (length, expected) = questions.write(id, &mut buffer);
    outgoing.extend_from_slice(&(length as u16).to_be_bytes());
    outgoing.extend_from_slice(&buffer[..length]);
    expected
}

/// The message that `octets` begin with, if all of it is there.
fn frame(octets: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes(*octets.first_chunk::<2>()?);
    octets.get(2..2 + usize::from(length))
}

fn count(counted: &mut Counted, is_right: bool, octets: usize) {
    counted.octets += octets as u64;
    if is_right {
        counted.right += 1;
    } else {
        counted.wrong += 1;
    }
}
