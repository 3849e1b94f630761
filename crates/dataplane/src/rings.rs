//! Rings: the last queries, for "who asks what" (PowerDNS's `queries`, `remotes` and the like).
//!
//! Answers must not wait for them. Each thread that answers decides by counters of its own which queries it notes, and then copies
//! the question and the address into buffers of its own, whose lock nobody else takes but a reader. Names are read, counted and
//! written out when somebody asks.
//!
//! A thread notes every query up to [`Notes::per_second`] in a second. Of more it notes one in as many as keeps to that, the number
//! being that of the second before: a sample spread over the second, and a bound whatever comes. Every kind has this rate of its
//! own, so that the few SERVFAIL of a busy server are all there.

use crate::answer::{Outcome, Reply};
use crate::counters::Writers;
use crate::tail::Refusal;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::message::{HEADER_OCTETS, IgnoreReason, QueryError, Rcode};
use wire::{Name, RecordType};

/// The most entries of one ring, all threads together; PowerDNS's own size.
pub const RING_ENTRIES: usize = 10_000;
/// Room for one entry on average: an IPv6 address and a name of 40 octets. Where names are longer, fewer fit.
const ENTRY_OCTETS: usize = 64;
/// Before address and name: their lengths, and the type.
const HEAD_OCTETS: usize = 4;

/// What is shown as one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// What was asked for.
    Queries,
    /// What was asked for at names that have other types only (RFC 2308 section 2.2).
    NoerrorQueries,
    /// What was asked for at names that do not exist.
    NxdomainQueries,
    /// What was answered SERVFAIL.
    ServfailQueries,
    /// What was asked for outside of all zones.
    UnauthQueries,
    /// Who asked.
    Remotes,
    /// Who sent what is no query.
    RemotesCorrupt,
    /// Who asked for what is outside of all zones.
    RemotesUnauth,
}

impl Ring {
    /// All of them.
    pub const ALL: [Ring; 8] = [
        Ring::Queries,
        Ring::NoerrorQueries,
        Ring::NxdomainQueries,
        Ring::ServfailQueries,
        Ring::UnauthQueries,
        Ring::Remotes,
        Ring::RemotesCorrupt,
        Ring::RemotesUnauth,
    ];

    /// PowerDNS's name.
    pub fn name(self) -> &'static str {
        match self {
            Ring::Queries => "queries",
            Ring::NoerrorQueries => "noerror-queries",
            Ring::NxdomainQueries => "nxdomain-queries",
            Ring::ServfailQueries => "servfail-queries",
            Ring::UnauthQueries => "unauth-queries",
            Ring::Remotes => "remotes",
            Ring::RemotesCorrupt => "remotes-corrupt",
            Ring::RemotesUnauth => "remotes-unauth",
        }
    }

    /// Where its entries are kept: queries and who sent them stand in one entry.
    fn kind(self) -> Kind {
        match self {
            Ring::Queries | Ring::Remotes => Kind::All,
            Ring::NoerrorQueries => Kind::NoData,
            Ring::NxdomainQueries => Kind::NameError,
            Ring::ServfailQueries => Kind::ServerFailure,
            Ring::UnauthQueries | Ring::RemotesUnauth => Kind::Unauth,
            Ring::RemotesCorrupt => Kind::Corrupt,
        }
    }

    fn is_of_remotes(self) -> bool {
        matches!(self, Ring::Remotes | Ring::RemotesCorrupt | Ring::RemotesUnauth)
    }
}

/// What is kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Every query.
    All,
    NoData,
    NameError,
    ServerFailure,
    Unauth,
    Corrupt,
}

const KINDS: usize = Kind::Corrupt as usize + 1;

impl Kind {
    /// Which kind a message is of beside [`Kind::All`]. `reply` is the buffer with the reply.
    fn of(outcome: &Outcome, reply: &[u8]) -> Option<Kind> {
        let done = match outcome {
            Outcome::Ignored(IgnoreReason::Response) => return None,
            Outcome::Ignored(_) => return Some(Kind::Corrupt),
            Outcome::Reply(done) => done,
        };
        match &done.refusal {
            Some(Refusal::Unreadable(QueryError::Format(_))) => return Some(Kind::Corrupt),
            Some(Refusal::NotAuthoritative) => return Some(Kind::Unauth),
            _ => {}
        }
        match done.rcode {
            Rcode::NXDOMAIN => Some(Kind::NameError),
            Rcode::SERVFAIL => Some(Kind::ServerFailure),
            Rcode::NOERROR if is_nodata(done, reply) => Some(Kind::NoData),
            _ => None,
        }
    }
}

/// Whether a reply of NOERROR says that there is nothing of the type: with authority, whole, and without an answer.
fn is_nodata(done: &Reply, reply: &[u8]) -> bool {
    const AUTHORITATIVE: u8 = 0x04;
    matches!(reply, [_, _, flags, _, _, _, 0, 0, ..] if flags & AUTHORITATIVE != 0) && !done.is_truncated
}

/// Says of one kind which messages are noted. A message that is not costs one count and one comparison.
#[derive(Debug, Clone)]
struct Sampler {
    /// Messages of this second, noted or not.
    seen: u32,
    /// Which of them is noted next, counted from 1; 0: none.
    next: u32,
    /// How many may still be noted in this second.
    left: u32,
    /// One in how many is noted.
    stride: u32,
}

impl Sampler {
    fn new(per_second: u32) -> Sampler {
        Sampler { seen: 0, next: per_second.min(1), left: per_second, stride: 1 }
    }

    fn next_second(&mut self, per_second: u32) {
        self.stride = self.seen.div_ceil(per_second.max(1)).max(1);
        // The distance goes on over the border, so that seconds do not begin alike.
        self.next = self.next.saturating_sub(self.seen).clamp(1, self.stride).min(per_second);
        self.seen = 0;
        self.left = per_second;
    }

    fn admits(&mut self) -> bool {
        self.seen = self.seen.wrapping_add(1);
        if self.seen != self.next {
            return false;
        }
        self.left = self.left.saturating_sub(1);
        self.next = if self.left == 0 { 0 } else { self.seen.saturating_add(self.stride) };
        true
    }
}

/// What one thread notes.
#[derive(Debug)]
pub(crate) struct Notes {
    samplers: [Sampler; KINDS],
    second: u32,
    /// The most messages of each kind to note in a second; 0: none.
    per_second: u32,
    writers: Writers,
    rings: Arc<Rings>,
}

impl Notes {
    /// Notes into `rings`, which `writers` write to.
    pub(crate) fn new(rings: Arc<Rings>, writers: Writers, per_second: u32) -> Notes {
        let samplers = std::array::from_fn(|_| Sampler::new(per_second));
        Notes { samplers, second: 0, per_second, writers, rings }
    }

    /// Tells the time, in Unix seconds; once for a batch is enough.
    pub(crate) fn tick(&mut self, now: u32) {
        if self.second != now {
            self.second = now;
            for sampler in &mut self.samplers {
                sampler.next_second(self.per_second);
            }
        }
    }

    /// Notes a message, perhaps. `reply` is the buffer with the reply.
    pub(crate) fn note(&mut self, address: IpAddr, message: &[u8], outcome: &Outcome, reply: &[u8]) {
        if self.per_second == 0 {
            return;
        }
        let kind = Kind::of(outcome, reply);
        let qtype = match outcome {
            Outcome::Reply(done) => done.qtype,
            Outcome::Ignored(_) => None,
        };
        let is_noted = qtype.is_some() && self.samplers[Kind::All as usize].admits();
        let kind = kind.filter(|&kind| self.samplers[kind as usize].admits());
        if is_noted || kind.is_some() {
            self.keep(address, message, qtype, [is_noted.then_some(Kind::All), kind]);
        }
    }

    #[cold]
    #[inline(never)]
    fn keep(&self, address: IpAddr, message: &[u8], qtype: Option<RecordType>, kinds: [Option<Kind>; 2]) {
        let guard = match self.writers {
            // A reader has it: an answer is worth more than a note.
            Writers::One => self.rings.0.try_lock().ok(),
            Writers::Many => Some(self.rings.lock()),
        };
        let Some(mut buffers) = guard else { return };
        let name = qtype.map_or(&[][..], |_| question_name(message));
        for kind in kinds.into_iter().flatten() {
            buffers[kind as usize].push(address, qtype.unwrap_or(RecordType(0)), name);
        }
    }
}

/// The name that a message whose question could be read asks for, as it is on the wire.
fn question_name(message: &[u8]) -> &[u8] {
    let name = message.get(HEADER_OCTETS..).unwrap_or_default();
    let mut end = 0;
    while let Some(&length) = name.get(end) {
        end += 1 + usize::from(length);
        if length == 0 {
            return name.get(..end).filter(|name| name.len() <= usize::from(u8::MAX)).unwrap_or_default();
        }
    }
    &[]
}

/// What one thread, or the threads of connections together, have noted.
#[derive(Debug)]
pub(crate) struct Rings(Mutex<[Buffer; KINDS]>);

impl Rings {
    /// A share of [`RING_ENTRIES`] for one of `threads`.
    pub(crate) fn share_of(threads: usize) -> Arc<Rings> {
        let entries_max = (RING_ENTRIES / threads.max(1)).max(1);
        Arc::new(Rings(Mutex::new(std::array::from_fn(|_| Buffer::new(entries_max)))))
    }

    fn lock(&self) -> MutexGuard<'_, [Buffer; KINDS]> {
        // A buffer is whole after every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what `ring` shows; another one may show the same.
    pub(crate) fn clear(&self, ring: Ring) {
        self.lock()[ring.kind() as usize].clear();
    }

    fn entries(&self, ring: Ring) -> usize {
        self.lock()[ring.kind() as usize].entries
    }

    fn copy(&self, ring: Ring) -> Vec<u8> {
        let buffers = self.lock();
        let (first, second) = buffers[ring.kind() as usize].octets.as_slices();
        [first, second].concat()
    }
}

/// How many entries a ring has in all threads.
pub(crate) fn entries<'r>(rings: impl Iterator<Item = &'r Rings>, ring: Ring) -> usize {
    rings.map(|rings| rings.entries(ring)).sum()
}

/// What a ring shows, by how often it is there, the most frequent first. Queries are `example.com/A`: lower case, since resolvers
/// mix cases at random, and without the final dot.
pub(crate) fn top<'r>(rings: impl Iterator<Item = &'r Rings>, ring: Ring) -> Vec<(String, u64)> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut by_wire: HashMap<(Vec<u8>, u16), u64> = HashMap::new();
    for copy in rings.map(|rings| rings.copy(ring)) {
        let mut rest = &copy[..];
        while let Some((entry, after)) = Entry::split(rest) {
            rest = after;
            match ring.is_of_remotes() {
                true => *counts.entry(entry.address.to_string()).or_default() += 1,
                false => *by_wire.entry((entry.name.to_ascii_lowercase(), entry.qtype)).or_default() += 1,
            }
        }
    }
    for ((name, qtype), count) in by_wire {
        if let Ok(name) = Name::from_wire(&name) {
            *counts.entry(format!("{}/{}", name.to_dotless(), RecordType(qtype))).or_default() += count;
        }
    }
    let mut top: Vec<(String, u64)> = counts.into_iter().collect();
    top.sort_unstable_by(|(name, count), (other, others)| others.cmp(count).then_with(|| name.cmp(other)));
    top
}

/// The last entries of one kind, the oldest first, one behind the other: lengths of address and name, type, address, name.
#[derive(Debug)]
struct Buffer {
    octets: VecDeque<u8>,
    entries: usize,
    entries_max: usize,
}

impl Buffer {
    fn new(entries_max: usize) -> Buffer {
        // One entry of the longest name fits into the smallest share.
        let octets_max = (entries_max * ENTRY_OCTETS).max(512);
        Buffer { octets: VecDeque::with_capacity(octets_max), entries: 0, entries_max }
    }

    fn push(&mut self, address: IpAddr, qtype: RecordType, name: &[u8]) {
        let (v4, v6);
        let address: &[u8] = match address {
            IpAddr::V4(address) => {
                v4 = address.octets();
                &v4
            }
            IpAddr::V6(address) => {
                v6 = address.octets();
                &v6
            }
        };
        let octets = HEAD_OCTETS + address.len() + name.len();
        while self.entries == self.entries_max || self.octets.len() + octets > self.octets.capacity() {
            self.pop();
        }
        let [high, low] = qtype.0.to_be_bytes();
        self.octets.extend([address.len() as u8, name.len() as u8, high, low]);
        self.octets.extend(address);
        self.octets.extend(name);
        self.entries += 1;
    }

    /// Forgets the oldest.
    fn pop(&mut self) {
        let length = |at| self.octets.get(at).map_or(0, |&octet| usize::from(octet));
        let octets = HEAD_OCTETS + length(0) + length(1);
        self.octets.drain(..octets.min(self.octets.len()));
        self.entries = self.entries.saturating_sub(1);
    }

    fn clear(&mut self) {
        self.octets.clear();
        self.entries = 0;
    }
}

/// One entry of a buffer.
struct Entry<'b> {
    address: IpAddr,
    qtype: u16,
    name: &'b [u8],
}

impl<'b> Entry<'b> {
    fn split(octets: &'b [u8]) -> Option<(Entry<'b>, &'b [u8])> {
        let (&[address, name, high, low], rest) = octets.split_first_chunk::<HEAD_OCTETS>()?;
        let (address, rest) = rest.split_at_checked(usize::from(address))?;
        let (name, rest) = rest.split_at_checked(usize::from(name))?;
        let address = match <[u8; 4]>::try_from(address) {
            Ok(v4) => IpAddr::from(v4),
            Err(_) => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        };
        Some((Entry { address, qtype: u16::from_be_bytes([high, low]), name }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookie::CookieProof;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn reply(rcode: Rcode, refusal: Option<Refusal>) -> Outcome {
        Outcome::Reply(Reply {
            octets: 30,
            rcode,
            qtype: Some(RecordType::A),
            is_dnssec_ok: false,
            is_truncated: false,
            refusal,
            cookie: CookieProof::None,
            likeness: 0,
        })
    }

    fn query(name: &str) -> Vec<u8> {
        [&[0; HEADER_OCTETS], Name::parse(name).unwrap().as_wire(), &[0, 1, 0, 1]].concat()
    }

    fn notes(per_second: u32) -> (Notes, Arc<Rings>) {
        let rings = Rings::share_of(1);
        (Notes::new(Arc::clone(&rings), Writers::One, per_second), rings)
    }

    fn shown(rings: &Rings, ring: Ring) -> Vec<(String, u64)> {
        top([rings].into_iter(), ring)
    }

    const WITH_ANSWER: [u8; 12] = [0, 0, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    const WITHOUT_ANSWER: [u8; 12] = [0, 0, 0x84, 0, 0, 1, 0, 0, 0, 1, 0, 0];
    const REFERRAL: [u8; 12] = [0, 0, 0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0];

    #[test]
    fn section_11_each_ring_shows_what_it_is_for() {
        let (mut notes, rings) = notes(1000);
        let mut note = |name: &str, outcome: &Outcome, reply: &[u8]| notes.note(CLIENT, &query(name), outcome, reply);
        note("WWW.example.", &reply(Rcode::NOERROR, None), &WITH_ANSWER);
        note("www.example.", &reply(Rcode::NOERROR, None), &WITH_ANSWER);
        note("child.example.", &reply(Rcode::NOERROR, None), &REFERRAL);
        note("empty.example.", &reply(Rcode::NOERROR, None), &WITHOUT_ANSWER);
        note("gone.example.", &reply(Rcode::NXDOMAIN, None), &WITHOUT_ANSWER);
        note("broken.example.", &reply(Rcode::SERVFAIL, Some(Refusal::NoUsableKey)), &REFERRAL);
        note(".", &reply(Rcode::REFUSED, Some(Refusal::NotAuthoritative)), &REFERRAL);
        notes.note("2001:db8::1".parse().unwrap(), &[1, 2], &Outcome::Ignored(IgnoreReason::Short), &[]);
        notes.note(CLIENT, &query("x."), &Outcome::Ignored(IgnoreReason::Response), &[]);
        let one = |name: &str| vec![(name.to_owned(), 1)];
        let queries = shown(&rings, Ring::Queries);
        assert_eq!((queries.len(), queries[0].clone()), (6, ("www.example/A".to_owned(), 2)));
        assert_eq!(shown(&rings, Ring::NoerrorQueries), one("empty.example/A"));
        assert_eq!(shown(&rings, Ring::NxdomainQueries), one("gone.example/A"));
        assert_eq!(shown(&rings, Ring::ServfailQueries), one("broken.example/A"));
        assert_eq!(shown(&rings, Ring::UnauthQueries), one("./A"));
        assert_eq!(shown(&rings, Ring::Remotes), [("192.0.2.7".to_owned(), 7)]);
        assert_eq!(shown(&rings, Ring::RemotesUnauth), one("192.0.2.7"));
        assert_eq!(shown(&rings, Ring::RemotesCorrupt), one("2001:db8::1"));
        rings.clear(Ring::Queries);
        assert!(shown(&rings, Ring::Queries).is_empty() && shown(&rings, Ring::Remotes).is_empty());
        assert_eq!(entries([&*rings].into_iter(), Ring::NxdomainQueries), 1);
    }

    #[test]
    fn a_ring_keeps_the_last_entries_and_never_grows() {
        let rings = Rings::share_of(RING_ENTRIES / 100);
        let mut notes = Notes::new(Arc::clone(&rings), Writers::One, u32::MAX);
        let capacity = rings.lock()[0].octets.capacity();
        for number in 0..1000 {
            notes.note(CLIENT, &query(&format!("n{number}.example.")), &reply(Rcode::NOERROR, None), &WITH_ANSWER);
        }
        let names: Vec<String> = shown(&rings, Ring::Queries).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 100);
        assert!((900..1000).all(|number| names.contains(&format!("n{number}.example/A"))));
        let long = format!("{}.{}.{}.", "a".repeat(63), "b".repeat(63), "c".repeat(63));
        for _ in 0..1000 {
            notes.note(CLIENT, &query(&long), &reply(Rcode::NOERROR, None), &WITH_ANSWER);
        }
        let fitting = (100 * ENTRY_OCTETS / (HEAD_OCTETS + 4 + 3 * 64 + 1)) as u64;
        assert!(shown(&rings, Ring::Queries)[0].1 >= fitting);
        assert_eq!(rings.lock()[0].octets.capacity(), capacity);
    }

    #[test]
    fn over_the_rate_a_sample_spread_over_the_second_is_noted() {
        let (mut notes, rings) = notes(10);
        let mut second = |now: u32, count: usize| {
            rings.clear(Ring::Queries);
            notes.tick(now);
            for number in 0..count {
                notes.note(CLIENT, &query(&format!("n{number}.")), &reply(Rcode::NOERROR, None), &WITH_ANSWER);
            }
            let number = |(name, _): &(String, u64)| name[1..name.len() - 2].parse().unwrap();
            let mut noted: Vec<usize> = shown(&rings, Ring::Queries).iter().map(number).collect();
            noted.sort_unstable();
            noted
        };
        assert_eq!(second(1, 5), [0, 1, 2, 3, 4], "fewer than the rate are all noted");
        assert_eq!(second(2, 1000), (0..10).collect::<Vec<_>>(), "the rate holds for a burst that nobody foresaw");
        assert_eq!(second(3, 1000), (0..10).map(|nth| nth * 100).collect::<Vec<_>>());
        // The flood is over.
        second(4, 5);
        assert_eq!(second(5, 5), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn rare_answers_have_a_rate_of_their_own() {
        let (mut notes, rings) = notes(10);
        for second in 1..4 {
            notes.tick(second);
            for _ in 0..1000 {
                notes.note(CLIENT, &query("www.example."), &reply(Rcode::NOERROR, None), &WITH_ANSWER);
            }
            notes.note(CLIENT, &query("broken.example."), &reply(Rcode::SERVFAIL, None), &REFERRAL);
        }
        assert_eq!(shown(&rings, Ring::ServfailQueries), [("broken.example/A".to_owned(), 3)]);
    }

    #[test]
    fn without_a_rate_nothing_is_noted_and_a_reader_never_holds_up_a_worker() {
        let (mut none, rings) = notes(0);
        none.note(CLIENT, &query("www.example."), &reply(Rcode::NOERROR, None), &WITH_ANSWER);
        assert!(shown(&rings, Ring::Queries).is_empty());
        let (mut notes, rings) = notes(1000);
        let reading = rings.lock();
        notes.note(CLIENT, &query("www.example."), &reply(Rcode::NOERROR, None), &WITH_ANSWER);
        drop(reading);
        assert!(shown(&rings, Ring::Queries).is_empty());
    }
}
