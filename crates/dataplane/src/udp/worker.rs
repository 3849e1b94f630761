//! The loop of one worker: take a batch, answer it, send it.

use super::ahead::Readings;
use super::batch::{BATCH, Batch, Segmentation};
use super::clerk::{Clerk, Moment};
use super::{affinity, socket};
use crate::answer::Desk;
use crate::clock::{Stopwatch, unix_now};
use crate::counters::Counter;
use crate::profile::ProfileHandle;
use dnssec::ZoneTable;
use socket2::Socket;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wire::message::NameBuffer;
use wire::name::NAME_OCTETS_MAX;

/// Batches still answered after the order to stop, so that what the kernel has taken in is not lost.
const LAST_BATCHES_MAX: usize = 64;
/// Pause after an error that is not a timeout, so that a broken socket does not take a whole core.
const ERROR_PAUSE: Duration = Duration::from_millis(10);
/// One in so many batches is timed, since to look at the clock twice costs as much as an answer.
const TIMED_BATCH: usize = 64;

/// One worker with its socket.
pub(crate) struct Worker {
    pub(crate) socket: Socket,
    pub(crate) zones: Arc<ZoneTable>,
    pub(crate) profile: ProfileHandle,
    pub(crate) clerk: Clerk,
    pub(crate) payload_max: u16,
    pub(crate) segmentation: Segmentation,
    /// The one core to run on, and whose datagrams are taken first.
    pub(crate) core: Option<usize>,
    pub(crate) clock: Stopwatch,
    /// Batches so far.
    pub(crate) batches: usize,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Worker {
    /// Answers until told to stop.
    pub(crate) fn run(mut self) {
        if let Some(core) = self.core
            && let Err(error) = affinity::pin(core).and_then(|()| socket::prefer_core(&self.socket, core))
        {
            tracing::warn!(core, %error, "a UDP worker runs on any core");
        }
        let segmentation = match socket::can_segment(&self.socket) {
            true => self.segmentation,
            false => Segmentation::Off,
        };
        let mut batch = Batch::new(usize::from(self.payload_max), segmentation);
        let mut names = [[0; NAME_OCTETS_MAX]; BATCH];
        while !self.stop.load(Ordering::Relaxed) {
            self.round(&mut batch, &mut names, 0);
        }
        for _ in 0..LAST_BATCHES_MAX {
            if self.round(&mut batch, &mut names, libc::MSG_DONTWAIT) == 0 {
                break;
            }
        }
    }

    /// One batch, with room for the names asked for; returns how many datagrams there were.
    fn round(&mut self, batch: &mut Batch, names: &mut [NameBuffer; BATCH], flags: libc::c_int) -> usize {
        let descriptor = self.socket.as_raw_fd();
        let received = match batch.receive(descriptor, flags) {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return 0,
            Err(_) => {
                self.clerk.counters().add(Counter::UdpReceiveErrors, 1);
                std::thread::sleep(ERROR_PAUSE);
                return 0;
            }
        };
        let begun = self.batches.is_multiple_of(TIMED_BATCH).then(Instant::now);
        self.batches = self.batches.wrapping_add(1);
        // One load of each and one look at the clocks per batch, not per query: the first are shared atomics, the second calls of
        // 40 ns and more, and answers of one batch then agree.
        let zones = self.zones.view();
        let profile = self.profile.load();
        let micros = if self.clerk.needs_micros() { self.clock.micros() } else { 0 };
        let at = Moment { now: unix_now(), micros };
        let desk = Desk { zones: &zones, profile: &profile };
        self.clerk.tick(at.now);
        batch.answer_all(|datagrams, replies| {
            let mut sources = [None; BATCH];
            let mut readings = Readings::default();
            for ((index, datagram), name) in datagrams.zip(names.iter_mut()) {
                sources[index] = Some(datagram.source);
                readings.put(index, self.clerk.read(desk, datagram.octets, datagram.source, name));
            }
            readings.fetch_ahead();
            for (index, reading) in readings.iter() {
                let Some(source) = sources[index] else { continue };
                replies.write(index, source, |reply| self.clerk.answer(desk, reading, at, reply));
            }
        });
        let sent = batch.send(descriptor);
        for (counter, count) in [(Counter::UdpSendErrors, sent.failed), (Counter::UdpJoined, sent.joined)] {
            if count > 0 {
                self.clerk.counters().add(counter, count);
            }
        }
        if let Some(begun) = begun {
            self.clerk.counters().took(begun.elapsed().as_nanos() as u64);
        }
        received
    }
}
