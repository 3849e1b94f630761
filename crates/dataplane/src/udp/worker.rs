//! The loop of one worker: take a batch, answer it, send it.

use super::batch::Batch;
use crate::answer::{Asker, Desk, Outcome, Transport, refuse, respond};
use crate::clock::{Stopwatch, unix_now};
use crate::cookie::CookieProof;
use crate::counters::{Channel, Counter, Counters};
use crate::profile::ProfileHandle;
use crate::proxy::Proxies;
use crate::ratelimit::{RateLimiter, Verdict};
use crate::rings::Notes;
use crate::tail::Refusal;
use dnssec::ZoneTable;
use socket2::Socket;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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
    pub(crate) proxies: Arc<Proxies>,
    pub(crate) payload_max: u16,
    pub(crate) limiter: Option<RateLimiter>,
    pub(crate) clock: Stopwatch,
    pub(crate) counters: Arc<Counters>,
    pub(crate) notes: Notes,
    /// Batches so far.
    pub(crate) batches: usize,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Worker {
    /// Answers until told to stop.
    pub(crate) fn run(mut self) {
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
    fn round(&mut self, batch: &mut Batch, flags: libc::c_int) -> usize {
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
        let begun = self.batches.is_multiple_of(TIMED_BATCH).then(Instant::now);
        self.batches = self.batches.wrapping_add(1);
        // One load of each and one look at the clocks per batch, not per query: the first are shared atomics, the second calls of
        // 40 ns and more, and answers of one batch then agree.
        let zones = self.zones.view();
        let profile = self.profile.load();
        let now = unix_now();
        let micros = if self.limiter.is_some() { self.clock.micros() } else { 0 };
        let desk = Desk { zones: &zones, profile: &profile };
        let transport = Transport::Udp { payload_max: self.payload_max };
        self.notes.tick(now);
        let Worker { counters, notes, limiter, proxies, .. } = self;
        batch.answer_each(|datagram, reply| {
            if let Some(counter) = ignored_as(datagram.source.port()) {
                counters.add(counter, 1);
                return None;
            }
            let (address, message) = match proxies.unwrap(datagram.octets, datagram.source.ip()) {
                Ok(unwrapped) => unwrapped,
                Err(reason) => {
                    counters.add(reason.counter(), 1);
                    return None;
                }
            };
            let asker = Asker { address, transport };
            let mut outcome = respond(desk, message, asker, now, reply);
            notes.note(address, message, &outcome, reply);
            if let (Some(limiter), Outcome::Reply(done)) = (limiter.as_mut(), &outcome)
                // A short reply amplifies nothing, and a good cookie shows that nobody else is sent it.
                && !done.is_truncated
                && done.cookie != CookieProof::Valid
            {
                match limiter.judge(address, done, micros) {
                    Verdict::Send => {}
                    Verdict::Drop => {
                        counters.record_dropped(Channel::udp(address));
                        return None;
                    }
                    Verdict::Slip => {
                        counters.add(Counter::RrlSlipped, 1);
                        let knows_cookies = done.cookie != CookieProof::None;
                        let short = if knows_cookies { Refusal::BadCookie } else { Refusal::RateLimited };
                        outcome = refuse(desk, message, asker, now, reply, short);
                    }
                }
            }
            counters.record(Channel::udp(address), message, &outcome);
            match outcome {
                Outcome::Reply(reply) => Some(reply.octets),
                Outcome::Ignored(_) => None,
            }
        });
        let sent = batch.send(descriptor);
        if sent.failed > 0 {
            self.counters.add(Counter::UdpSendErrors, sent.failed);
        }
        if let Some(begun) = begun {
            self.counters.took(begun.elapsed().as_nanos() as u64);
        }
        received
    }
}

/// Whether datagrams from a source port are left unanswered, and what that is counted as.
fn ignored_as(port: u16) -> Option<Counter> {
    match port {
        // No client sends from there, and a reply could not arrive.
        0 => Some(Counter::IgnoredPortZero),
        // Echo, daytime, quote of the day, chargen, time, kpasswd answer whatever they are sent, with octets that may pass for a
        // query: with a forged source they and we would keep each other busy. Not 53: other servers' replies are told by QR, and some
        // resolvers still ask from there.
        7 | 13 | 17 | 19 | 37 | 464 => Some(Counter::IgnoredServicePorts),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_that_answer_anything_are_not_answered() {
        for port in [7, 13, 17, 19, 37, 464] {
            assert_eq!(ignored_as(port), Some(Counter::IgnoredServicePorts), "{port}");
        }
        assert_eq!(ignored_as(0), Some(Counter::IgnoredPortZero));
        for port in [1, 53, 123, 1024, 65_535] {
            assert_eq!(ignored_as(port), None, "{port}");
        }
    }
}
