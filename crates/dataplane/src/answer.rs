//! The way of a query: bytes in, bytes out, for every transport.

use crate::Profile;
use crate::encode::encode;
use crate::plan::{Breadth, plan};
use crate::tail::{Refusal, Tail, tail};
use dnssec::ServedZone;
use dnssec::served::ZoneView;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wire::RecordType;
use wire::message::{
    Edns, HEADER_OCTETS, Header, IgnoreReason, Opt, Query, QueryError, Rcode, UDP_PAYLOAD_MIN, Writer,
};
use zone::Found;

/// What we offer as UDP payload on streams, where it limits nothing (DNS Flag Day 2020).
const PAYLOAD_OFFERED: u16 = 1232;

/// What messages are answered from.
#[derive(Clone, Copy)]
pub struct Desk<'d> {
    /// The zones of one moment.
    pub zones: &'d ZoneView,
    /// How this server answers, whatever zones it has.
    pub profile: &'d Profile,
}

/// Who asks, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// Where the message came from; over a proxy, where that says it came from.
    pub address: IpAddr,
    /// What it came over.
    pub transport: Transport,
}

/// What a message came over, and what that allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Truncates at the lesser of our limit and the client's (RFC 6891 section 6.2). The source address may be forged.
    Udp {
        /// Our limit, 1232 by default.
        payload_max: u16,
    },
    /// Up to 65,535 octets, as all that follow (RFC 7766).
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A reply stands in the buffer.
    Reply(Reply),
    /// Nothing is sent.
    Ignored(IgnoreReason),
}

/// A reply in the caller's buffer, with what counters want to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its length.
    pub octets: usize,
    /// Its RCODE, upper bits included.
    pub rcode: Rcode,
    /// The type asked for, where the question was readable.
    pub qtype: Option<RecordType>,
    /// Whether the client wants DNSSEC records.
    pub is_dnssec_ok: bool,
    /// Whether TC is set.
    pub is_truncated: bool,
    /// Why no zone's data is in it.
    pub refusal: Option<Refusal>,
}

/// Writes the reply to `query` into `reply` and returns its length; `None`: nothing is sent (a response, or no header).
pub fn answer(desk: Desk<'_>, query: &[u8], asker: Asker, now: u32, reply: &mut [u8]) -> Option<usize> {
    match respond(desk, query, asker, now, reply) {
        Outcome::Reply(reply) => Some(reply.octets),
        Outcome::Ignored(_) => None,
    }
}

/// The same as [`answer`], with what counters want to know. `now` is Unix seconds; `reply` has at least 512 octets.
///
/// A panic while composing is a bug of ours that must cost one query and not the server: it is caught, and the reply is
/// SERVFAIL with [`Refusal::Internal`].
pub fn respond(desk: Desk<'_>, message: &[u8], asker: Asker, now: u32, reply: &mut [u8]) -> Outcome {
    guarded(message, asker.transport, reply, |reply| compose(desk, message, asker, now, reply))
}

fn guarded(
    message: &[u8],
    transport: Transport,
    reply: &mut [u8],
    compose: impl FnOnce(&mut [u8]) -> Result<Reply, Refusal>,
) -> Outcome {
    // The buffer is overwritten by the refusal, and zones are immutable: nothing half-done is seen afterwards.
    let composed = catch_unwind(AssertUnwindSafe(|| compose(reply)));
    match composed.unwrap_or(Err(Refusal::Internal)) {
        Ok(done) => Outcome::Reply(done),
        Err(refusal) => refuse(message, transport, reply, refusal),
    }
}

/// The way of a query.
fn compose(desk: Desk<'_>, message: &[u8], asker: Asker, now: u32, reply: &mut [u8]) -> Result<Reply, Refusal> {
    let transport = asker.transport;
    let query = Query::parse(message)?;
    check(&query)?;
    let served = choose(desk.zones, &query).ok_or(Refusal::NotAuthoritative)?;
    let plan = plan(served, &query, breadth(transport));
    encode(&plan, &query, Limits::new(&query, transport), now, reply)
}

/// Whether the query is of a kind that zones can answer.
fn check(query: &Query<'_>) -> Result<(), Refusal> {
    match query.edns() {
        Some(edns) if edns.version != 0 => return Err(Refusal::EdnsVersion(edns.version)),
        _ => {}
    }
    if !query.is_internet() {
        return Err(Refusal::Class(query.qclass()));
    }
    match query.qtype() {
        RecordType::AXFR | RecordType::IXFR => Err(Refusal::Transfer),
        _ => Ok(()),
    }
}

/// The zone that answers: the one with the longest apex, but for DS at its apex the parent, if that is served too and knows the
/// name (RFC 4035 section 3.1.4.1). A served ancestor further up can only refer, and then the child's NODATA is the answer.
fn choose<'v>(zones: &'v ZoneView, query: &Query<'_>) -> Option<&'v ServedZone> {
    let name = query.name();
    let nearest = zones.find(name)?;
    if query.qtype() != RecordType::DS || nearest.zone.apex().as_wire() != name {
        return Some(nearest);
    }
    let parent = zones.find_parent(name).filter(|parent| {
        let found = parent.zone.lookup(name, RecordType::DS);
        !matches!(found, Found::Referral { .. } | Found::NameError { .. })
    });
    Some(parent.unwrap_or(nearest))
}

fn breadth(transport: Transport) -> Breadth {
    match transport {
        Transport::Udp { .. } => Breadth::One,
        _ => Breadth::All,
    }
}

/// Writes the reply that a refusal deserves, by the table in [`tail`].
fn refuse(message: &[u8], transport: Transport, reply: &mut [u8], refusal: Refusal) -> Outcome {
    let (rcode, options) = match tail(&refusal) {
        Tail::Silence(reason) => return Outcome::Ignored(reason),
        Tail::Reply { rcode, options } => (rcode, options),
    };
    let Some(header) = Header::parse(message) else { return Outcome::Ignored(IgnoreReason::Short) };
    let repeated = Repeated::of(message, &refusal);
    let limits = Limits { reply_octets: reply.len(), is_last_resort: true, payload: payload(transport) };
    let opt = repeated.opt(&limits, options);
    let write = |reply: &mut [u8]| {
        let mut writer = Writer::new(reply, &header, repeated.question, usize::from(UDP_PAYLOAD_MIN))?;
        writer.set_rcode(rcode);
        if let Some(opt) = &opt {
            writer.opt(opt)?;
        }
        Ok::<usize, wire::message::Full>(writer.finish())
    };
    match write(reply) {
        Ok(octets) => Outcome::Reply(Reply {
            octets,
            rcode,
            qtype: repeated.qtype,
            is_dnssec_ok: repeated.is_dnssec_ok,
            is_truncated: false,
            refusal: Some(refusal),
        }),
        // Question and OPT take at most 12 + 259 + 17 octets.
        Err(wire::message::Full) => Outcome::Ignored(IgnoreReason::Short),
    }
}

/// What a refusal repeats of the message.
struct Repeated<'m> {
    question: &'m [u8],
    qtype: Option<RecordType>,
    has_edns: bool,
    is_dnssec_ok: bool,
}

impl<'m> Repeated<'m> {
    fn of(message: &'m [u8], refusal: &Refusal) -> Repeated<'m> {
        let mut repeated = Repeated { question: &[], qtype: None, has_edns: false, is_dnssec_ok: false };
        match refusal {
            Refusal::Unreadable(QueryError::Format(error)) => {
                let end = HEADER_OCTETS + error.question_octets;
                repeated.question = message.get(HEADER_OCTETS..end).unwrap_or_default();
                repeated.has_edns = error.has_opt;
            }
            Refusal::Unreadable(_) => {}
            _ => {
                if let Ok(query) = Query::parse(message) {
                    repeated.question = query.question();
                    repeated.qtype = Some(query.qtype());
                    repeated.has_edns = query.edns().is_some();
                    repeated.is_dnssec_ok = query.is_dnssec_ok();
                }
            }
        }
        repeated
    }

    fn opt<'o>(&self, limits: &Limits, options: &'o [u8]) -> Option<Opt<'o>> {
        self.has_edns.then_some(Opt { payload: limits.payload, dnssec_ok: self.is_dnssec_ok, options })
    }
}

/// How long a reply may be, and what we say of ourselves in OPT.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) reply_octets: usize,
    /// Whether no other transport carries more, so that TC would help nobody.
    pub(crate) is_last_resort: bool,
    pub(crate) payload: u16,
}

impl Limits {
    fn new(query: &Query<'_>, transport: Transport) -> Limits {
        let payload = payload(transport);
        match transport {
            Transport::Udp { .. } => {
                Limits { reply_octets: usize::from(query.payload().min(payload)), is_last_resort: false, payload }
            }
            _ => Limits { reply_octets: usize::from(u16::MAX), is_last_resort: true, payload },
        }
    }

    /// OPT goes to those who sent one (RFC 6891 section 6.1.1).
    pub(crate) fn opt<'o>(&self, edns: Option<&Edns<'_>>, options: &'o [u8]) -> Option<Opt<'o>> {
        edns.map(|edns| Opt { payload: self.payload, dnssec_ok: edns.dnssec_ok, options })
    }
}

fn payload(transport: Transport) -> u16 {
    match transport {
        Transport::Udp { payload_max } => payload_max.max(UDP_PAYLOAD_MIN),
        _ => PAYLOAD_OFFERED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_costs_one_query_and_says_servfail() {
        let question = b"\x03wWw\x07example\0\0\x01\0\x01";
        let opt = [0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0];
        let message = [&[9, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1], &question[..], &opt].concat();
        let mut reply = [0xff; 512];
        let outcome = guarded(&message, Transport::Udp { payload_max: 1232 }, &mut reply, |reply| {
            reply[..100].fill(1);
            panic!("this backtrace belongs to a test that passes")
        });
        let Outcome::Reply(done) = outcome else { panic!("{outcome:?}") };
        assert_eq!((done.rcode, &done.refusal), (Rcode::SERVFAIL, &Some(Refusal::Internal)));
        let our_opt = [0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0];
        let wanted = [&[9, 9, 0x81, 2, 0, 1, 0, 0, 0, 0, 0, 1], &question[..], &our_opt].concat();
        assert_eq!(reply[..done.octets], wanted);
    }
}
