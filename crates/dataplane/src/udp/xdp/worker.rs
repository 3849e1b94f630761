//! The loop of one queue: take a batch of frames, answer, send.

use super::frame::{Received, Unusable};
use super::{Queue, XdpSocket};
use crate::answer::Desk;
use crate::clock::{Stopwatch, unix_now};
use crate::counters::Counter;
use crate::profile::ProfileHandle;
use crate::udp::{Clerk, Moment, affinity};
use dnssec::ZoneTable;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a worker without traffic looks whether it has to stop.
const WAKE: Duration = Duration::from_millis(100);
/// Batches still answered after the order to stop.
const LAST_BATCHES_MAX: usize = 64;
/// One in so many batches is timed, as for sockets.
const TIMED_BATCH: usize = 64;

/// The worker of one queue.
pub(crate) struct XdpWorker {
    pub(crate) queue: Queue,
    /// The one core to run on.
    pub(crate) core: Option<usize>,
    pub(crate) zones: Arc<ZoneTable>,
    pub(crate) profile: ProfileHandle,
    pub(crate) clerk: Clerk,
    pub(crate) clock: Stopwatch,
    pub(crate) stop: Arc<AtomicBool>,
}

impl XdpWorker {
    /// Answers until told to stop.
    pub(crate) fn run(mut self) {
        if let Some(core) = self.core
            && let Err(error) = affinity::pin(core)
        {
            tracing::warn!(core, %error, "a worker of AF_XDP runs on any core");
        }
        let mut identifications = Identifications::new();
        let mut is_down = false;
        let mut batches = 0_usize;
        while !self.stop.load(Ordering::Relaxed) {
            match self.queue.socket.wait(WAKE) {
                Ok(()) => is_down = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.pause(&error, &mut is_down);
                    continue;
                }
            }
            self.round(batches.is_multiple_of(TIMED_BATCH), &mut identifications);
            batches = batches.wrapping_add(1);
        }
        for _ in 0..LAST_BATCHES_MAX {
            if self.round(false, &mut identifications) == 0 {
                break;
            }
        }
    }

    /// The interface is down or gone, and may come back: until then a look now and then is enough.
    fn pause(&self, error: &io::Error, is_down: &mut bool) {
        self.clerk.counters().add(Counter::UdpReceiveErrors, 1);
        if !*is_down {
            tracing::warn!(queue = self.queue.name, %error, "AF_XDP receives nothing");
        }
        *is_down = true;
        std::thread::sleep(WAKE);
    }

    /// One batch; returns how many frames there were.
    fn round(&mut self, is_timed: bool, identifications: &mut Identifications) -> u64 {
        let begun = is_timed.then(Instant::now);
        // One look at each for a batch, as for sockets.
        let zones = self.zones.view();
        let profile = self.profile.load();
        let micros = if self.clerk.needs_micros() { self.clock.micros() } else { 0 };
        let at = Moment { now: unix_now(), micros };
        let desk = Desk { zones: &zones, profile: &profile };
        self.clerk.tick(at.now);
        let (clerk, payload_max) = (&mut self.clerk, usize::from(self.queue.payload_max));
        let socket: &mut XdpSocket = &mut self.queue.socket;
        let handled = socket.answer_each(|frame, reply| {
            let received = match Received::parse(frame) {
                Ok(received) => received,
                Err(reason) => {
                    clerk.counters().add(counter(reason), 1);
                    return None;
                }
            };
            let start = received.reply_headers();
            let room = &mut reply[start..start + payload_max];
            let payload = clerk.attend(desk, received.datagram, received.source, at, room)?;
            Some(received.finish_reply(reply, payload, identifications.next()))
        });
        if handled.received == 0 {
            return 0;
        }
        socket.send();
        let counters = self.clerk.counters();
        counters.add(Counter::XdpQueries, handled.received);
        counters.add(Counter::XdpAnswers, handled.queued);
        counters.add(Counter::XdpUnsent, handled.unsent);
        if let Some(begun) = begun {
            counters.took(begun.elapsed().as_nanos() as u64);
        }
        handled.received
    }
}

fn counter(reason: Unusable) -> Counter {
    match reason {
        Unusable::Malformed => Counter::XdpMalformed,
        Unusable::Checksum => Counter::XdpBadChecksums,
        Unusable::Source => Counter::XdpBadSources,
    }
}

/// Identifications of IPv4 packets, which nobody can foretell: who could would put fragments of his own among ours.
struct Identifications {
    keys: RandomState,
    made: u64,
    /// Made at once, 16 bits each.
    rest: u64,
}

impl Identifications {
    fn new() -> Identifications {
        Identifications { keys: RandomState::new(), made: 0, rest: 0 }
    }

    fn next(&mut self) -> u16 {
        if self.made.is_multiple_of(4) {
            self.rest = self.keys.hash_one(self.made);
        }
        self.made += 1;
        let next = self.rest as u16;
        self.rest >>= 16;
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn identifications_repeat_as_rarely_as_random_numbers() {
        let mut identifications = Identifications::new();
        let distinct: HashSet<u16> = (0..1000).map(|_| identifications.next()).collect();
        // 1000 of 65,536 meet 7.6 times; 60 times they do once in more than 10^30.
        assert!(distinct.len() > 940, "{}", distinct.len());
    }
}
