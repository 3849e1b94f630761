//! The load of few clients with many questions each, as dnsdist and forwarders are: replies of one length to one port may then go as one
//! datagram that is cut up later (UDP_SEGMENT), and so do the questions here, since the load would otherwise be the limit.

use super::load::{Counted, Judge, Run, WARM_UP};
use super::questions::{Expected, OCTETS_MAX, Questions};
use anyhow::{Context, Result};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use std::io::{ErrorKind, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Questions under way on all ports together: twice what servers take at once, and no more than has room in the receive buffer that Linux
/// gives a socket.
const WINDOW: usize = 128;
/// Replies after which a port asks again: fewer would not fill a datagram.
const REFILL: usize = 16;
/// Segments of one datagram; the kernel takes 64.
const SEGMENTS_MAX: usize = 60;
/// Ids in use on one port, more than can be under way.
const IDS: usize = 1024;
/// Between two looks for questions that were lost.
const SWEEP: Duration = Duration::from_millis(50);
/// A reply that has not come after this is lost. A port with all its questions lost asks nothing until then.
const LOST_AFTER: Duration = Duration::from_millis(200);

struct Port {
    socket: UdpSocket,
    state: UdpSocketState,
    /// By id: the question under way, and since when.
    expected: Vec<Option<(Expected, Duration)>>,
    next_id: u16,
    under_way: usize,
}

/// Asks all that the server can answer over `ports` ports; as [`super::load::Load::all_it_can`].
pub(crate) fn all_it_can(
    server: SocketAddr,
    ports: usize,
    questions: &mut Questions,
    judge: Judge,
    time: Duration,
    cpu_seconds: impl Fn() -> Result<f64>,
) -> Result<Run> {
    let mut ports = (0..ports).map(|_| Port::new(server)).collect::<Result<Vec<Port>>>()?;
    let window = WINDOW / ports.len();
    let mut buffers = vec![vec![0_u8; 1 << 16]; BATCH_SIZE];
    let mut counted = Counted::default();
    let started = Instant::now();
    let mut begun = None;
    let mut swept = Duration::ZERO;
    loop {
        let now = started.elapsed();
        match begun {
            None if now >= WARM_UP => {
                counted = Counted::default();
                begun = Some((now, cpu_seconds()?));
            }
            Some((start, cpu)) if now >= start + time => {
                let seconds = (now - start).as_secs_f64();
                let run = Run { counted, seconds, cpu_seconds: cpu_seconds()? - cpu };
                // The next server has the machine to itself.
                let drained = Instant::now();
                while ports.iter().any(|port| port.under_way > 0) && drained.elapsed() < LOST_AFTER {
                    for port in &mut ports {
                        port.take(&mut buffers, judge, &mut counted)?;
                    }
                }
                let lost = ports.iter().map(|port| port.under_way as u64).sum::<u64>();
                return Ok(Run { counted: Counted { lost: run.counted.lost + lost, ..run.counted }, ..run });
            }
            _ => {}
        }
        for port in &mut ports {
            port.take(&mut buffers, judge, &mut counted)?;
            if window - port.under_way >= REFILL.min(window) {
                port.ask(server, window, questions, now)?;
            }
        }
        if now - swept > SWEEP {
            swept = now;
            counted.lost += ports.iter_mut().map(|port| port.forget(now)).sum::<u64>();
        }
    }
}

impl Port {
    fn new(server: SocketAddr) -> Result<Port> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(server)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).context("no UDP_SEGMENT")?;
        Ok(Port { socket, state, expected: vec![None; IDS], next_id: 0, under_way: 0 })
    }

    /// Takes all replies that are there.
    fn take(&mut self, buffers: &mut [Vec<u8>], judge: Judge, counted: &mut Counted) -> Result<()> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let received = {
            let mut slices: Vec<IoSliceMut<'_>> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
            self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut metas)
        };
        let count = match received {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                counted.waits += 1;
                return Ok(());
            }
            Err(error) => return Err(error).context("the server does not listen"),
        };
        for (meta, buffer) in metas[..count].iter().zip(buffers) {
            for reply in buffer[..meta.len].chunks(meta.stride.max(1)) {
                let id = reply.first_chunk::<2>().map_or(IDS, |id| usize::from(u16::from_be_bytes(*id)));
                let Some((expected, _)) = self.expected.get_mut(id).and_then(Option::take) else { continue };
                self.under_way -= 1;
                counted.octets += reply.len() as u64;
                if judge == Judge::ByIdAlone || expected.is_met(reply) {
                    counted.right += 1;
                } else {
                    counted.wrong += 1;
                }
            }
        }
        Ok(())
    }

    /// Sends questions until `window` are under way, those of one length that follow each other as one datagram.
    fn ask(&mut self, server: SocketAddr, window: usize, questions: &mut Questions, now: Duration) -> Result<()> {
        let mut train = Vec::with_capacity(SEGMENTS_MAX * 128);
        let mut length = 0;
        let mut buffer = [0; OCTETS_MAX];
        while self.under_way < window {
            let (question, expected) = questions.write(self.next_id, &mut buffer);
            if question != length || train.len() == SEGMENTS_MAX * length {
                self.send(server, &train, length)?;
                train.clear();
                length = question;
            }
            train.extend_from_slice(&buffer[..question]);
            // A place that is still taken is of a question that was lost.
            let before = self.expected[usize::from(self.next_id)].replace((expected, now));
            self.under_way += usize::from(before.is_none());
            self.next_id = (self.next_id + 1) % IDS as u16;
        }
        self.send(server, &train, length)
    }

    fn send(&self, server: SocketAddr, train: &[u8], length: usize) -> Result<()> {
        if train.is_empty() {
            return Ok(());
        }
        let segment_size = (train.len() > length).then_some(length);
        let transmit = Transmit { destination: server, ecn: None, contents: train, segment_size, src_ip: None };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit).context("questions could not be sent")
    }

    /// Gives up what has been under way for too long, and returns how much that was.
    fn forget(&mut self, now: Duration) -> u64 {
        let mut lost = 0;
        for place in &mut self.expected {
            if place.as_ref().is_some_and(|(_, since)| now.saturating_sub(*since) > LOST_AFTER) {
                *place = None;
                self.under_way -= 1;
                lost += 1;
            }
        }
        lost
    }
}
