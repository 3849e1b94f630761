//! The way of a query: bytes in, bytes out, for every transport.

use crate::chaos;
use crate::cookie::CookieProof;
use crate::encode::encode;
use crate::options::{ReplyOptions, has_bad_keepalive};
use crate::plan::{Breadth, Plan};
use crate::profile::{CookieDemand, Profile, Readiness};
use crate::reading::{Parsed, Reading};
use crate::tail::{Refusal, Tail, tail};
use dnssec::served::ZoneView;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wire::RecordType;
use wire::message::{
    CLASS_ANY, CLASS_CH, CLASS_IN, Edns, FormatError, FormatReason, HEADER_OCTETS, Header, IgnoreReason, NameBuffer,
    Opcode, Opt, Query, QueryError, Rcode, UDP_PAYLOAD_MIN, WithoutQuestion, Writer,
};
use wire::name::NAME_OCTETS_MAX;

/// ANY over UDP is answered with one RRset, and by TC where even that is longer: nobody needs it, and it amplifies (RFC 8482).
const ANY_OCTETS_MAX: u16 = 600;
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

impl Transport {
    /// Whether the source address may be forged.
    fn is_datagram(self) -> bool {
        matches!(self, Transport::Udp { .. })
    }
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
    /// What the client's cookie showed.
    pub cookie: CookieProof,
    /// The same in all replies about the same thing; 0 in refusals, and where the server tells of itself.
    pub(crate) likeness: u64,
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
    let mut lower = [0; NAME_OCTETS_MAX];
    respond_to(desk, &Reading::new(desk, message, asker, &mut lower), now, reply)
}

/// The same for a message that was read from this desk.
pub(crate) fn respond_to(desk: Desk<'_>, reading: &Reading<'_>, now: u32, reply: &mut [u8]) -> Outcome {
    let compose = |reply: &mut [u8]| compose(desk, reading, now, reply);
    guarded(desk, reading.message, reading.asker, now, reply, compose)
}

fn guarded(
    desk: Desk<'_>,
    message: &[u8],
    asker: Asker,
    now: u32,
    reply: &mut [u8],
    compose: impl FnOnce(&mut [u8]) -> Result<Reply, Refusal>,
) -> Outcome {
    // The buffer is overwritten by the refusal, and zones are immutable: nothing half-done is seen afterwards.
    let composed = catch_unwind(AssertUnwindSafe(|| compose(reply)));
    match composed.unwrap_or(Err(Refusal::Internal)) {
        Ok(done) => Outcome::Reply(done),
        Err(refusal) => refuse(desk, message, asker, now, reply, refusal),
    }
}

/// The way of a query.
fn compose(desk: Desk<'_>, reading: &Reading<'_>, now: u32, reply: &mut [u8]) -> Result<Reply, Refusal> {
    let profile = desk.profile;
    let asker = reading.asker;
    if !profile.clients.include(asker.address) && !matches!(reading.parsed, Parsed::Not(QueryError::Ignore(_))) {
        return Err(Refusal::Prohibited);
    }
    let query = match &reading.parsed {
        Parsed::Query(query) => query,
        Parsed::Not(error) => return Err(unreadable(error.clone(), reading.message, profile, asker, now)),
        Parsed::Panicked => return Err(Refusal::Internal),
    };
    let options = ReplyOptions::new(query.edns(), profile, asker, now);
    check(query, profile, asker.transport, options.proof())?;
    let limits = Limits::new(query, asker.transport);
    if query.qclass() == CLASS_CH {
        return chaos::answer(query, profile, &limits, &options, reply);
    }
    let zones = desk.zones.seen_from(asker.address);
    let target = reading.target.ok_or(match profile.readiness {
        Readiness::Loading => Refusal::NotReady,
        Readiness::Ready => Refusal::NotAuthoritative,
    })?;
    // Begun and decided in place: it is large, and to hand it on would be to copy it.
    let mut plan = Plan::new(target, zones.bench(), query, breadth(asker.transport));
    plan.decide(zones, query, target.found(query));
    if plan.lacks_keys {
        return Err(Refusal::NoUsableKey);
    }
    if let Some(reason) = plan.withheld {
        return Err(Refusal::Withheld(reason));
    }
    if query.qclass() == CLASS_ANY {
        // What is here is IN alone, and no answer about all classes (RFC 1035 section 6.2).
        plan.is_authoritative = false;
    }
    encode(&plan, query, limits, &options, now, reply)
}

/// What to make of a message that is no [`Query`].
fn unreadable(error: QueryError, message: &[u8], profile: &Profile, asker: Asker, now: u32) -> Refusal {
    let without_question = match &error {
        QueryError::Format(FormatError { reason: FormatReason::NoQuestion, .. }) => WithoutQuestion::parse(message),
        _ => None,
    };
    let proof = without_question.map(|query| ReplyOptions::new(Some(&query.edns), profile, asker, now).proof());
    match proof {
        // Without secrets a question is missing, and nothing else.
        None | Some(CookieProof::None) => Refusal::Unreadable(error),
        Some(CookieProof::Invalid) => Refusal::BadCookie,
        Some(CookieProof::ClientOnly | CookieProof::Valid) => Refusal::CookieAlone,
    }
}

/// Whether the query is of a kind that zones or the server itself can answer.
fn check(query: &Query<'_>, profile: &Profile, transport: Transport, proof: CookieProof) -> Result<(), Refusal> {
    if let Some(edns) = query.edns() {
        if edns.version != 0 {
            return Err(Refusal::EdnsVersion(edns.version));
        }
        if has_bad_keepalive(edns, transport) {
            return Err(Refusal::Keepalive);
        }
        let is_unproven = matches!(proof, CookieProof::ClientOnly | CookieProof::Invalid);
        if is_unproven && profile.cookie_demand == CookieDemand::Always && transport.is_datagram() {
            return Err(Refusal::BadCookie);
        }
    }
    match query.qclass() {
        CLASS_IN | CLASS_CH | CLASS_ANY => {}
        other => return Err(Refusal::Class(other)),
    }
    match query.qtype() {
        RecordType::AXFR | RecordType::IXFR => Err(Refusal::Transfer),
        // These stand in messages for other purposes, or ask for what there is not (RFC 9824 section 3.5).
        other @ (RecordType::OPT
        | RecordType::NXNAME
        | RecordType::TKEY
        | RecordType::TSIG
        | RecordType::MAILB
        | RecordType::MAILA) => Err(Refusal::QueryType(other)),
        _ => Ok(()),
    }
}

fn breadth(transport: Transport) -> Breadth {
    match transport {
        Transport::Udp { .. } => Breadth::One,
        _ => Breadth::All,
    }
}

/// Writes the reply that a refusal deserves, by the table in [`tail`].
pub(crate) fn refuse(
    desk: Desk<'_>,
    message: &[u8],
    asker: Asker,
    now: u32,
    reply: &mut [u8],
    refusal: Refusal,
) -> Outcome {
    let (rcode, error) = match tail(&refusal) {
        Tail::Silence(reason) => return Outcome::Ignored(reason),
        Tail::Reply { rcode, error } => (rcode, error),
    };
    let Some(header) = Header::parse(message) else { return Outcome::Ignored(IgnoreReason::Short) };
    let mut lower = [0; NAME_OCTETS_MAX];
    let repeated = Repeated::of(message, &refusal, &mut lower);
    let options = ReplyOptions::new(repeated.edns.as_ref(), desk.profile, asker, now).with_error(error);
    let is_truncated = matches!(refusal, Refusal::RateLimited | Refusal::SignOverStream);
    let opt = repeated.has_opt.then_some(Opt {
        payload: payload(asker.transport),
        dnssec_ok: repeated.is_dnssec_ok(),
        compact_ok: false,
    });
    let write = |reply: &mut [u8]| {
        let mut writer = Writer::new(reply, &header, repeated.question, usize::from(UDP_PAYLOAD_MIN))?;
        writer.set_rcode(rcode);
        if is_truncated {
            writer.set_truncated();
        }
        if let Some(opt) = &opt {
            writer.opt(opt)?;
            options.write_what_fits(&mut writer);
        }
        Ok::<usize, wire::message::Full>(writer.finish())
    };
    match write(reply) {
        Ok(octets) => Outcome::Reply(Reply {
            octets,
            rcode,
            qtype: repeated.qtype,
            is_dnssec_ok: repeated.is_dnssec_ok(),
            is_truncated,
            refusal: Some(refusal),
            cookie: options.proof(),
            likeness: 0,
        }),
        // Question and OPT take at most 12 + 259 + 11 octets.
        Err(wire::message::Full) => Outcome::Ignored(IgnoreReason::Short),
    }
}

/// What a refusal repeats of the message.
#[derive(Default)]
struct Repeated<'m> {
    question: &'m [u8],
    qtype: Option<RecordType>,
    /// Whether there is an OPT record, readable or not.
    has_opt: bool,
    edns: Option<Edns<'m>>,
}

impl<'m> Repeated<'m> {
    fn of(message: &'m [u8], refusal: &Refusal, lower: &'m mut NameBuffer) -> Repeated<'m> {
        match refusal {
            Refusal::Unreadable(QueryError::Format(error)) => {
                let end = HEADER_OCTETS + error.question_octets;
                let question = message.get(HEADER_OCTETS..end).unwrap_or_default();
                Repeated { question, has_opt: error.has_opt, ..Repeated::default() }
            }
            // The rest of a message of a kind that we do not know cannot be read.
            Refusal::Unreadable(QueryError::Opcode(header)) if !has_layout_of_query(header.opcode()) => {
                Repeated::default()
            }
            _ => match (Query::parse_any_opcode(message, lower), WithoutQuestion::parse(message)) {
                (Ok(query), _) => Repeated {
                    question: query.question(),
                    qtype: Some(query.qtype()),
                    has_opt: query.edns().is_some(),
                    edns: query.edns().copied(),
                },
                (_, Some(query)) => Repeated { has_opt: true, edns: Some(query.edns), ..Repeated::default() },
                _ => Repeated::default(),
            },
        }
    }

    fn is_dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }
}

fn has_layout_of_query(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::QUERY | Opcode::NOTIFY | Opcode::UPDATE)
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
                let most = if query.qtype() == RecordType::ANY { ANY_OCTETS_MAX } else { u16::MAX };
                let reply_octets = usize::from(query.payload().min(payload).min(most));
                Limits { reply_octets, is_last_resort: false, payload }
            }
            _ => Limits { reply_octets: usize::from(u16::MAX), is_last_resort: true, payload },
        }
    }

    /// OPT goes to those who sent one (RFC 6891 section 6.1.1).
    pub(crate) fn opt(&self, edns: Option<&Edns<'_>>) -> Option<Opt> {
        edns.map(|edns| Opt { payload: self.payload, dnssec_ok: edns.dnssec_ok, compact_ok: false })
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
    use dnssec::ZoneTable;

    #[test]
    fn a_panic_costs_one_query_and_says_servfail() {
        let question = b"\x03wWw\x07example\0\0\x01\0\x01";
        let opt = [0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0];
        let message = [&[9, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1], &question[..], &opt].concat();
        let mut reply = [0xff; 512];
        let zones = ZoneTable::new().view();
        let desk = Desk { zones: &zones, profile: &Profile::default() };
        let asker = Asker { address: [127, 0, 0, 1].into(), transport: Transport::Udp { payload_max: 1232 } };
        let outcome = guarded(desk, &message, asker, 0, &mut reply, |reply| {
            reply[..100].fill(1);
            panic!("this backtrace belongs to a test that passes")
        });
        let Outcome::Reply(done) = outcome else { panic!("{outcome:?}") };
        assert_eq!((done.rcode, &done.refusal), (Rcode::SERVFAIL, &Some(Refusal::Internal)));
        let our_opt = [0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 20, 0, 15, 0, 16, 0, 0];
        let wanted = [&[9, 9, 0x81, 2, 0, 1, 0, 0, 0, 0, 0, 1], &question[..], &our_opt, b"internal error"].concat();
        assert_eq!(reply[..done.octets], wanted);
    }
}
