//! The loop of one worker: take a batch, answer it, send it.

use super::batch::Batch;
use crate::Profile;
use crate::answer::{Asker, Desk, Outcome, Transport, respond};
use crate::clock::unix_now;
use crate::counters::{Channel, Counter, Counters};
use dnssec::ZoneTable;
use socket2::Socket;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Batches still answered after the order to stop, so that what the kernel has taken in is not lost.
const LAST_BATCHES_MAX: usize = 64;
/// Pause after an error that is not a timeout, so that a broken socket does not take a whole core.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// One worker with its socket.
pub(crate) struct Worker {
    pub(crate) socket: Socket,
    pub(crate) zones: Arc<ZoneTable>,
    pub(crate) profile: Arc<Profile>,
    pub(crate) payload_max: u16,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Worker {
    /// Answers until told to stop.
    pub(crate) fn run(self) {
        let mut batch = Batch::new(usize::from(self.payload_max));
        while !self.stop.load(Ordering::Relaxed) {
            self.round(&mut batch, 0);
        }
        for _ in 0..LAST_BATCHES_MAX {
            if self.round(&mut batch, libc::MSG_DONTWAIT) == 0 {
                break;
            }
        }
    }

    /// One batch; returns how many datagrams there were.
    fn round(&self, batch: &mut Batch, flags: libc::c_int) -> usize {
        let descriptor = self.socket.as_raw_fd();
        let received = match batch.receive(descriptor, flags) {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return 0,
            Err(_) => {
                self.counters.add(Counter::UdpReceiveErrors, 1);
                std::thread::sleep(ERROR_PAUSE);
                return 0;
            }
        };
        // One load and one look at the clock per batch, not per query: the first is a shared atomic, the second a call of 40 ns
        // and more, and answers of one batch then agree.
        let zones = self.zones.view();
        let now = unix_now();
        let desk = Desk { zones: &zones, profile: &self.profile };
        let transport = Transport::Udp { payload_max: self.payload_max };
        batch.answer_each(|datagram, reply| {
            if datagram.source.port() == 0 {
                // No client sends from there, and a reply could not arrive.
                self.counters.add(Counter::IgnoredPortZero, 1);
                return None;
            }
            let asker = Asker { address: datagram.source.ip(), transport };
            let outcome = respond(desk, datagram.octets, asker, now, reply);
            self.counters.record(Channel::udp(datagram.source.ip()), &outcome);
            match outcome {
                Outcome::Reply(reply) => Some(reply.octets),
                Outcome::Ignored(_) => None,
            }
        });
        let sent = batch.send(descriptor);
        if sent.failed > 0 {
            self.counters.add(Counter::UdpSendErrors, sent.failed);
        }
        received
    }
}
