//! What is counted: a UDP worker's whole work for a query, from the datagram to the reply, on fixed messages and without sockets.
//!
//! Everything that can be on is on: cookies, rate limits that nobody reaches, and notes as many among the queries as a busy worker takes.
//! All signatures exist, since each message was answered once before. The clock is an argument.

use crate::kinds::{Kind, MESSAGES, Wanted};
use crate::zones::{self, PAIRS};
use anyhow::{Context, Result, ensure};
use dataplane::answer::Desk;
use dataplane::udp::{Clerk, Moment, Readings};
use dataplane::{CookieSecret, CookieSecrets, DataPlaneSettings, Profile, RateLimits};
use std::net::SocketAddr;
use wire::message::NameBuffer;
use wire::name::NAME_OCTETS_MAX;

/// Times that the messages of a kind are answered and counted.
const ROUNDS: usize = 16;
/// Queries counted of each kind.
pub(crate) const COUNTED: usize = ROUNDS * MESSAGES;
/// Unix seconds of the first query.
pub(crate) const NOW: u32 = 1_800_000_000;
/// Datagrams in a batch.
const BATCH: usize = 64;
/// A second of a busy worker, made shorter: it answers 200,000 queries and notes 1000, here a hundredth of both.
const PER_SECOND: usize = 2000;
const NOTES_PER_SECOND: u32 = 10;
/// A rate above any that comes.
const NO_LIMIT: u32 = 1_000_000;
/// In the last option of a reply: a client's cookie and ours, and before them four octets of code and length.
const COOKIE_OPTION_OCTETS: usize = 4 + 24;

/// Answers everything, once without and once with counting.
///
/// # Errors
///
/// Where a reply is not of its kind.
pub(crate) fn run() -> Result<()> {
    let table = zones::table(PAIRS)?;
    let zones = table.view();
    let profile = profile();
    let desk = Desk { zones: &zones, profile: &profile };
    for kind in Kind::ALL {
        let mut worker = Worker::new(kind, desk);
        let messages = worker.prepare(kind, MESSAGES, PAIRS)?;
        // More than a second's worth, so that notes are taken as in every later second.
        warm(&mut worker, &messages, ROUNDS);
        let octets = counted(&mut worker, &messages, ROUNDS);
        ensure!(octets > 0, "{} has no replies", kind.name());
    }
    Ok(())
}

/// How the server answers.
pub(crate) fn profile() -> Profile {
    let mut profile = Profile::default();
    profile.cookies = Some(CookieSecrets::new(CookieSecret::new([7; 16]), []));
    profile
}

fn settings(kind: Kind) -> DataPlaneSettings {
    let mut settings = DataPlaneSettings { udp_workers: 1, notes_per_second: NOTES_PER_SECOND, ..Default::default() };
    if !matches!(kind, Kind::WithoutRateLimits | Kind::WithoutNotes) {
        settings.rate_limits = RateLimits {
            responses_per_second: NO_LIMIT,
            nxdomains_per_second: NO_LIMIT,
            errors_per_second: NO_LIMIT,
            all_per_second: NO_LIMIT,
            ..RateLimits::default()
        };
    }
    if kind == Kind::WithoutNotes {
        settings.notes_per_second = 0;
    }
    settings
}

/// Callgrind counts while this runs, by its name.
#[inline(never)]
fn counted(worker: &mut Worker<'_>, messages: &[Vec<u8>], rounds: usize) -> usize {
    worker.answer(messages, rounds)
}

/// The same without being counted.
#[inline(never)]
fn warm(worker: &mut Worker<'_>, messages: &[Vec<u8>], rounds: usize) -> usize {
    worker.answer(messages, rounds)
}

/// A worker's loop without its system calls.
pub(crate) struct Worker<'d> {
    clerk: Clerk,
    desk: Desk<'d>,
    asked: usize,
    names: Vec<NameBuffer>,
    reply: Vec<u8>,
}

impl<'d> Worker<'d> {
    /// One that answers this kind from that desk.
    pub(crate) fn new(kind: Kind, desk: Desk<'d>) -> Worker<'d> {
        Worker {
            clerk: Clerk::new(&settings(kind)),
            desk,
            asked: 0,
            names: vec![[0; NAME_OCTETS_MAX]; BATCH],
            reply: vec![0; 4096],
        }
    }

    /// So many messages of a kind to a zone with so many pairs, each answered once and its reply looked at.
    pub(crate) fn prepare(&mut self, kind: Kind, count: usize, pairs: usize) -> Result<Vec<Vec<u8>>> {
        let mut messages = kind.messages(count, pairs)?;
        for (number, message) in messages.iter_mut().enumerate() {
            let reply = self.ask(number, message).map(|octets| &self.reply[..octets]);
            let reply = reply.with_context(|| format!("{}: no reply", kind.name()))?;
            let found = Wanted { rcode: reply[3] & 0x0f, answers: reply[7], authorities: reply[9] };
            ensure!(found.is_as(&kind.wanted()), "{}: {found:?} is not {:?}", kind.name(), kind.wanted());
            if kind == Kind::ExistingWithCookie {
                let option = reply.last_chunk::<COOKIE_OPTION_OCTETS>().context("no cookie in the reply")?;
                // OPT's length and the option, which were the client's cookie alone.
                message.truncate(message.len() - 14);
                message.extend([0, COOKIE_OPTION_OCTETS as u8]);
                message.extend(option);
                let octets = self.ask(number, message).context("no reply to a good cookie")?;
                // A good one comes back as it is.
                ensure!(
                    self.reply[..octets].ends_with(&message[message.len() - COOKIE_OPTION_OCTETS..]),
                    "cookie refused"
                );
            }
        }
        Ok(messages)
    }

    /// Answers all of them so many times, batch by batch; returns the octets of all replies.
    pub(crate) fn answer(&mut self, messages: &[Vec<u8>], rounds: usize) -> usize {
        let mut octets = 0;
        for _ in 0..rounds {
            for (number, batch) in messages.chunks(BATCH).enumerate() {
                octets += self.answer_batch(number * BATCH, batch);
            }
        }
        octets
    }

    fn answer_batch(&mut self, number: usize, messages: &[Vec<u8>]) -> usize {
        let at = self.moment();
        self.clerk.tick(at.now);
        let mut readings = Readings::default();
        let mut names = std::mem::take(&mut self.names);
        for ((index, message), name) in messages.iter().enumerate().zip(&mut names) {
            let source = self.source(number + index);
            readings.put(index, self.clerk.read(self.desk, message, source, name));
        }
        readings.fetch_ahead();
        let answered = readings.iter().map(|(_, reading)| self.clerk.answer(self.desk, reading, at, &mut self.reply));
        let octets = answered.map(Option::unwrap_or_default).sum();
        self.names = names;
        octets
    }

    fn ask(&mut self, number: usize, message: &[u8]) -> Option<usize> {
        let (at, source) = (self.moment(), self.source(number));
        self.clerk.attend(self.desk, message, source, at, &mut self.reply)
    }

    fn moment(&self) -> Moment {
        Moment { now: NOW + (self.asked / PER_SECOND) as u32, micros: 1_000_000 + 5 * self.asked as u64 }
    }

    /// Where the next message comes from: some networks, each message from one of them, and ports as resolvers choose them.
    #[inline(always)]
    fn source(&mut self, number: usize) -> SocketAddr {
        let source = SocketAddr::from(([203, 0, (number % 61) as u8, 7], 1024 + (self.asked % 50_000) as u16));
        self.asked += 1;
        source
    }
}
