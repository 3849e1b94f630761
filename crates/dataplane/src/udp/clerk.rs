//! What a worker does with one datagram: all that lies between receiving and sending.

use crate::answer::{Asker, Desk, Outcome, Transport, refuse, respond_to};
use crate::cookie::CookieProof;
use crate::counters::{Channel, Counter, Counters, Writers};
use crate::proxy::Proxies;
use crate::ratelimit::{RateLimiter, Verdict};
use crate::reading::Reading;
use crate::rings::{Notes, Rings};
use crate::serve::DataPlaneSettings;
use crate::tail::Refusal;
use std::net::SocketAddr;
use std::sync::Arc;
use wire::message::NameBuffer;
use wire::name::NAME_OCTETS_MAX;

/// The time of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Unix seconds.
    pub now: u32,
    /// Microseconds of a clock that never goes back.
    pub micros: u64,
}

/// The parts of one worker that know nothing of sockets. Benchmarks run it without any.
pub struct Clerk {
    transport: Transport,
    proxies: Arc<Proxies>,
    limiter: Option<RateLimiter>,
    counters: Arc<Counters>,
    notes: Notes,
}

impl Clerk {
    /// One of the workers that `settings` asks for, alone with its counters and notes.
    pub fn new(settings: &DataPlaneSettings) -> Clerk {
        let proxies = Arc::new(settings.proxies.clone());
        Clerk::sharing(settings, proxies, Counters::new(Writers::One), Rings::share_of(1))
    }

    pub(crate) fn sharing(
        settings: &DataPlaneSettings,
        proxies: Arc<Proxies>,
        counters: Arc<Counters>,
        rings: Arc<Rings>,
    ) -> Clerk {
        Clerk {
            transport: Transport::Udp { payload_max: settings.udp_payload_max },
            proxies,
            limiter: RateLimiter::new(&settings.rate_limits, settings.udp_workers),
            counters,
            notes: Notes::new(rings, Writers::One, settings.notes_per_second),
        }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether [`Moment::micros`] is looked at.
    pub(crate) fn needs_micros(&self) -> bool {
        self.limiter.is_some()
    }

    /// Tells the time, in Unix seconds; once for a batch is enough.
    pub fn tick(&mut self, now: u32) {
        self.notes.tick(now);
    }

    /// Answers a datagram into `reply`, and keeps the books; `None`: nothing is sent.
    pub fn attend(
        &mut self,
        desk: Desk<'_>,
        datagram: &[u8],
        source: SocketAddr,
        at: Moment,
        reply: &mut [u8],
    ) -> Option<usize> {
        let mut lower = [0; NAME_OCTETS_MAX];
        self.read(desk, datagram, source, &mut lower).and_then(|reading| self.answer(desk, &reading, at, reply))
    }

    /// Reads a datagram; `None`: it is to be ignored. The name asked for goes to `lower`.
    pub fn read<'m>(
        &mut self,
        desk: Desk<'m>,
        datagram: &'m [u8],
        source: SocketAddr,
        lower: &'m mut NameBuffer,
    ) -> Option<Reading<'m>> {
        if let Some(counter) = ignored_as(source.port()) {
            self.counters.add(counter, 1);
            return None;
        }
        let (address, message) = match self.proxies.unwrap(datagram, source.ip()) {
            Ok(unwrapped) => unwrapped,
            Err(reason) => {
                self.counters.add(reason.counter(), 1);
                return None;
            }
        };
        Some(Reading::new(desk, message, Asker { address, transport: self.transport }, lower))
    }

    /// Answers what was read from this desk, as [`Self::attend`] does.
    pub fn answer(&mut self, desk: Desk<'_>, reading: &Reading<'_>, at: Moment, reply: &mut [u8]) -> Option<usize> {
        let Reading { message, asker, .. } = *reading;
        let address = asker.address;
        let mut outcome = respond_to(desk, reading, at.now, reply);
        self.notes.note(address, message, &outcome, reply);
        if let (Some(limiter), Outcome::Reply(done)) = (self.limiter.as_mut(), &outcome)
            // A short reply amplifies nothing, and a good cookie shows that nobody else is sent it.
            && !done.is_truncated
            && done.cookie != CookieProof::Valid
        {
            match limiter.judge(address, done, at.micros) {
                Verdict::Send => {}
                Verdict::Drop => {
                    self.counters.record_dropped(Channel::udp(address));
                    return None;
                }
                Verdict::Slip => {
                    self.counters.add(Counter::RrlSlipped, 1);
                    let knows_cookies = done.cookie != CookieProof::None;
                    let short = if knows_cookies { Refusal::BadCookie } else { Refusal::RateLimited };
                    outcome = refuse(desk, message, asker, at.now, reply, short);
                }
            }
        }
        self.counters.record(Channel::udp(address), message, &outcome);
        match outcome {
            Outcome::Reply(reply) => Some(reply.octets),
            Outcome::Ignored(_) => None,
        }
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
