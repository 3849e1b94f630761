//! The load: questions from many client ports, as resolvers send them, and the replies to them judged.
//!
//! Every port has one question under way at most. It is a socket of its own and connected, so that the kernel need not look up the way for
//! each datagram; that makes one question and its reply cheaper here than they can be for any server. The load never sleeps: waking
//! it would be work of the server's core. Whether it was quick enough is told by how much of its core the server has used.

use super::questions::{Expected, OCTETS_MAX, Questions};
use anyhow::{Context, Result, ensure};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// A reply that has not come after this is lost. The slowest server here lets 200 clients wait for 0.2 s.
const LOST_AFTER: Duration = Duration::from_secs(3);
/// Load before anything is counted.
pub(crate) const WARM_UP: Duration = Duration::from_millis(250);
/// A longer time between two looks at the clock is the load's own absence: the kernel gives 50 ms of each second to other processes, and
/// a virtual machine's host may do the same.
const ABSENCE: Duration = Duration::from_micros(100);
/// Replies looked for beside the oldest question's, since some servers answer out of order.
const BESIDE: usize = 4;

/// What one server did with the load.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) right: u64,
    pub(crate) wrong: u64,
    pub(crate) lost: u64,
    pub(crate) octets: u64,
    /// Looks for a reply that was not there yet.
    pub(crate) waits: u64,
}

/// Replies and processor time of one measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) counted: Counted,
    pub(crate) seconds: f64,
    /// Of the server's processes.
    pub(crate) cpu_seconds: f64,
}

/// One client port.
struct Client {
    socket: UdpSocket,
    id: u16,
    /// Of the question under way.
    expected: Option<Expected>,
    /// When that was sent, or should have been.
    since: Duration,
    /// Whether the time to its reply is known: the load was there all the while.
    is_watched: bool,
}

enum Reply {
    None,
    Right,
    Wrong,
}

/// The clients of one server.
pub(crate) struct Load<'q> {
    clients: Vec<Client>,
    questions: &'q mut Questions,
    /// The server's own answers are judged, an echo's are not.
    judge: Judge,
    started: Instant,
    counted: Counted,
    reply: [u8; 4096],
}

/// Whether replies are held against what is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judge {
    Strictly,
    ByIdAlone,
}

impl<'q> Load<'q> {
    pub(crate) fn new(
        server: SocketAddr,
        ports: usize,
        questions: &'q mut Questions,
        judge: Judge,
    ) -> Result<Load<'q>> {
        let client = |_| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(server)?;
            socket.set_nonblocking(true)?;
            Ok(Client { socket, id: 0, expected: None, since: Duration::ZERO, is_watched: true })
        };
        let clients = (0..ports).map(client).collect::<std::io::Result<_>>().context("no port for a client")?;
        Ok(Load { clients, questions, judge, started: Instant::now(), counted: Counted::default(), reply: [0; 4096] })
    }

    /// A closed loop: every reply is followed by the next question of its client, so that the server has all it can do. `cpu_seconds`
    /// tells the server's processor time so far.
    pub(crate) fn all_it_can(mut self, time: Duration, cpu_seconds: impl Fn() -> Result<f64>) -> Result<Run> {
        for index in 0..self.clients.len() {
            self.ask(index, Duration::ZERO)?;
        }
        let mut begun = None;
        loop {
            // One look at the clock for all clients: it costs as much as a tenth of a question.
            let now = self.started.elapsed();
            match begun {
                None if now >= WARM_UP => {
                    self.counted = Counted::default();
                    begun = Some((now, cpu_seconds()?));
                }
                Some((start, cpu)) if now >= start + time => {
                    let run = Run {
                        counted: self.counted,
                        seconds: (now - start).as_secs_f64(),
                        cpu_seconds: cpu_seconds()? - cpu,
                    };
                    let lost = self.drain()?;
                    return Ok(Run { counted: Counted { lost: run.counted.lost + lost, ..run.counted }, ..run });
                }
                _ => {}
            }
            for index in 0..self.clients.len() {
                match self.take(index)? {
                    Reply::None => {
                        self.counted.waits += 1;
                        if self.is_lost(index, now) {
                            self.counted.lost += 1;
                            self.ask(index, now)?;
                        }
                    }
                    Reply::Right | Reply::Wrong => self.ask(index, now)?,
                }
            }
        }
    }

    /// An open loop: questions come at random moments (a Poisson process), `per_second` on average, whatever the server does. Returns
    /// the time from when each should have been sent to its reply. What happened while the load itself was not running is left out.
    pub(crate) fn at_a_rate(mut self, per_second: f64, time: Duration) -> Result<(Vec<Duration>, Counted)> {
        let mut moments = Moments::new(per_second);
        let mut due = moments.next();
        let mut idle: VecDeque<usize> = (0..self.clients.len()).collect();
        let mut under_way: VecDeque<usize> = VecDeque::with_capacity(self.clients.len());
        let mut latencies = Vec::with_capacity((per_second * time.as_secs_f64() * 1.1) as usize);
        let mut before = Duration::ZERO;
        loop {
            let now = self.started.elapsed();
            if now - before > ABSENCE {
                due += now - before;
                moments.delay(now - before);
                under_way.iter().for_each(|&index| self.clients[index].is_watched = false);
            }
            before = now;
            let is_over = now >= WARM_UP + time;
            if is_over && under_way.is_empty() {
                return Ok((latencies, self.counted));
            }
            if due <= now && !is_over {
                // With all clients waiting the question waits too, and that counts.
                if let Some(index) = idle.pop_front() {
                    self.ask(index, due)?;
                    under_way.push_back(index);
                    due = moments.next();
                }
            }
            for at in 0..under_way.len().min(BESIDE) {
                let index = under_way[at];
                match self.take(index)? {
                    Reply::Right | Reply::Wrong => {
                        let Client { since, is_watched, .. } = self.clients[index];
                        if is_watched && since >= WARM_UP {
                            latencies.push(self.started.elapsed().saturating_sub(since));
                        }
                    }
                    Reply::None if self.is_lost(index, now) => {
                        self.counted.lost += 1;
                        self.clients[index].expected = None;
                    }
                    Reply::None => continue,
                }
                under_way.remove(at);
                idle.push_back(index);
                break;
            }
        }
    }

    /// Sends the next question from client `index`.
    fn ask(&mut self, index: usize, since: Duration) -> Result<()> {
        let client = &mut self.clients[index];
        // Another one each time, so that a late reply is not taken for that of the next question.
        client.id = client.id.wrapping_add(1);
        let mut buffer = [0; OCTETS_MAX];
        let (length, expected) = self.questions.write(client.id, &mut buffer);
        client.socket.send(&buffer[..length]).context("a question could not be sent")?;
        client.expected = Some(expected);
        client.since = since;
        client.is_watched = true;
        Ok(())
    }

    /// Takes a reply of client `index`, if there is one to its question.
    fn take(&mut self, index: usize) -> Result<Reply> {
        let client = &mut self.clients[index];
        let length = match client.socket.recv(&mut self.reply) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(Reply::None);
            }
            Err(error) => return Err(error).context("the server does not listen"),
        };
        let reply = &self.reply[..length];
        let Some(expected) = client.expected.filter(|_| reply.starts_with(&client.id.to_be_bytes())) else {
            return Ok(Reply::None);
        };
        client.expected = None;
        self.counted.octets += length as u64;
        if self.judge == Judge::ByIdAlone || expected.is_met(reply) {
            self.counted.right += 1;
            Ok(Reply::Right)
        } else {
            self.counted.wrong += 1;
            Ok(Reply::Wrong)
        }
    }

    fn is_lost(&self, index: usize, now: Duration) -> bool {
        let client = &self.clients[index];
        client.expected.is_some() && now.saturating_sub(client.since) > LOST_AFTER
    }

    /// Waits for the replies under way, so that the next server has the machine to itself. Returns how many did not come.
    fn drain(&mut self) -> Result<u64> {
        let mut waiting: Vec<usize> = (0..self.clients.len()).collect();
        let started = Instant::now();
        while !waiting.is_empty() && started.elapsed() < LOST_AFTER {
            let mut left = Vec::new();
            for index in waiting {
                if matches!(self.take(index)?, Reply::None) {
                    left.push(index);
                }
            }
            waiting = left;
        }
        ensure!(waiting.len() < self.clients.len(), "the server has stopped answering");
        Ok(waiting.len() as u64)
    }
}

/// Moments at which questions are due.
struct Moments {
    random: signpost_tests::random::Random,
    mean: f64,
    at: f64,
}

impl Moments {
    fn new(per_second: f64) -> Moments {
        Moments { random: signpost_tests::random::Random::new(9), mean: 1.0 / per_second, at: 0.0 }
    }

    /// Moves all that follow.
    fn delay(&mut self, time: Duration) {
        self.at += time.as_secs_f64();
    }

    fn next(&mut self) -> Duration {
        // In (0, 1], so that its logarithm is finite.
        let uniform = ((self.random.draw() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        self.at -= uniform.ln() * self.mean;
        Duration::from_secs_f64(self.at)
    }
}
