//! Counters under the names PowerDNS gives them, kept by each worker and summed when read.

use crate::answer::{Outcome, Reply, Transport};
use crate::cookie::CookieProof;
use crate::tail::Refusal;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wire::RecordType;
use wire::message::{IgnoreReason, QueryError, Rcode};
use zone::WithheldReason;

/// RCODEs counted one by one; those beyond share the last place.
const RCODES: usize = 24;
/// Types up to URI and CAA are counted one by one; those beyond share the last place.
const QTYPES: usize = 260;
/// In the third octet of a message (RFC 1035 section 4.1.1).
const RECURSION_DESIRED: u8 = 0x01;
/// Response sizes up to these octets, then every 200 octets.
const SMALL_SIZES: [u16; 6] = [20, 40, 60, 80, 100, 150];
/// The last multiple of 200 below 65,000 is 324 * 200.
const LARGE_SIZES: usize = 324;
const SIZES: usize = SMALL_SIZES.len() + LARGE_SIZES + 1;

/// What is counted one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Counter {
    Udp4Queries,
    Udp4Answers,
    Udp4AnswersBytes,
    Udp6Queries,
    Udp6Answers,
    Udp6AnswersBytes,
    Tcp4Queries,
    Tcp4Answers,
    Tcp4AnswersBytes,
    Tcp6Queries,
    Tcp6Answers,
    Tcp6AnswersBytes,
    DotQueries,
    DotAnswers,
    DotAnswersBytes,
    DohQueries,
    DohAnswers,
    DohAnswersBytes,
    DoqQueries,
    DoqAnswers,
    DoqAnswersBytes,
    UdpDoQueries,
    UdpCookieQueries,
    TcpCookieQueries,
    RdQueries,
    Corrupt,
    Unauth,
    UdpTruncated,
    IgnoredResponses,
    IgnoredPortZero,
    IgnoredServicePorts,
    Prohibited,
    CookieClientOnly,
    CookieInvalid,
    CookieValid,
    BadCookie,
    RrlDropped,
    RrlSlipped,
    LuaUnanswered,
    AliasUnanswered,
    Panics,
    SigningBusy,
    UdpReceiveErrors,
    UdpSendErrors,
    UdpJoined,
    XdpQueries,
    XdpAnswers,
    XdpMalformed,
    XdpBadChecksums,
    XdpBadSources,
    XdpUnsent,
    XdpDropped,
    XdpRingFull,
    TcpConnections,
    TcpAcceptErrors,
    TcpIdleTimeouts,
    TcpWriteTimeouts,
    TcpClosedForRoom,
    DotConnections,
    DotAcceptErrors,
    DotHandshakeFailures,
    DotIdleTimeouts,
    DotWriteTimeouts,
    DotClosedForRoom,
    DohConnections,
    DohAcceptErrors,
    DohHandshakeFailures,
    DohIdleTimeouts,
    DohClosedForRoom,
    DohRefused,
    DoqConnections,
    DoqRetries,
    DoqHandshakeFailures,
    DoqIdleTimeouts,
    DoqWriteTimeouts,
    DoqClosedForRoom,
    DoqProtocolErrors,
    ProxyHeaderInvalid,
    ProxyHeaderRefused,
}

const COUNTERS: usize = Counter::ProxyHeaderRefused as usize + 1;

/// A value to be shown: name with dashes as PowerDNS has it, what it counts, and the counters it sums.
struct Shown(&'static str, &'static str, &'static [Counter]);

/// PowerDNS's own come first, then ours.
const SHOWN: &[Shown] = {
    use Counter::*;
    &[
        Shown("udp-queries", "Number of UDP queries received", &[Udp4Queries, Udp6Queries]),
        Shown("udp-answers", "Number of answers sent out over UDP", &[Udp4Answers, Udp6Answers]),
        Shown("udp-answers-bytes", "Total size of answers sent out over UDP", &[Udp4AnswersBytes, Udp6AnswersBytes]),
        Shown("udp4-queries", "Number of IPv4 UDP queries received", &[Udp4Queries]),
        Shown("udp4-answers", "Number of IPv4 answers sent out over UDP", &[Udp4Answers]),
        Shown("udp4-answers-bytes", "Total size of IPv4 answers sent out over UDP", &[Udp4AnswersBytes]),
        Shown("udp6-queries", "Number of IPv6 UDP queries received", &[Udp6Queries]),
        Shown("udp6-answers", "Number of IPv6 answers sent out over UDP", &[Udp6Answers]),
        Shown("udp6-answers-bytes", "Total size of IPv6 answers sent out over UDP", &[Udp6AnswersBytes]),
        Shown("udp-do-queries", "Number of UDP queries received with the DO bit set", &[UdpDoQueries]),
        Shown("udp-cookie-queries", "Number of UDP queries received with the COOKIE option", &[UdpCookieQueries]),
        Shown("tcp-cookie-queries", "Number of TCP queries received with the COOKIE option", &[TcpCookieQueries]),
        Shown("rd-queries", "Number of queries with the RD bit set", &[RdQueries]),
        Shown("tcp-queries", "Number of TCP queries received", &[Tcp4Queries, Tcp6Queries]),
        Shown("tcp-answers", "Number of answers sent out over TCP", &[Tcp4Answers, Tcp6Answers]),
        Shown("tcp-answers-bytes", "Total size of answers sent out over TCP", &[Tcp4AnswersBytes, Tcp6AnswersBytes]),
        Shown("tcp4-queries", "Number of IPv4 TCP queries received", &[Tcp4Queries]),
        Shown("tcp4-answers", "Number of IPv4 answers sent out over TCP", &[Tcp4Answers]),
        Shown("tcp4-answers-bytes", "Total size of IPv4 answers sent out over TCP", &[Tcp4AnswersBytes]),
        Shown("tcp6-queries", "Number of IPv6 TCP queries received", &[Tcp6Queries]),
        Shown("tcp6-answers", "Number of IPv6 answers sent out over TCP", &[Tcp6Answers]),
        Shown("tcp6-answers-bytes", "Total size of IPv6 answers sent out over TCP", &[Tcp6AnswersBytes]),
        Shown("corrupt-packets", "Number of corrupt packets received", &[Corrupt]),
        Shown("unauth-packets", "Number of queries for domains we are not auth for", &[Unauth]),
        Shown("udp-truncated-answers", "Number of UDP answers sent out with TC set", &[UdpTruncated]),
        Shown("ignored-responses", "Number of responses received, which are not answered", &[IgnoredResponses]),
        Shown("ignored-port-zero", "Number of UDP packets received from port 0", &[IgnoredPortZero]),
        Shown("ignored-service-ports", "Number of UDP packets received from echo and its like", &[IgnoredServicePorts]),
        Shown("prohibited-queries", "Number of queries refused because of where they came from", &[Prohibited]),
        Shown(
            "cookie-queries",
            "Number of queries with a COOKIE option",
            &[CookieClientOnly, CookieInvalid, CookieValid],
        ),
        Shown("cookie-valid-queries", "Number of queries with a valid server cookie", &[CookieValid]),
        Shown("cookie-invalid-queries", "Number of queries with a server cookie not ours or too old", &[CookieInvalid]),
        Shown("badcookie-answers", "Number of times a BADCOOKIE packet was sent out", &[BadCookie]),
        Shown("rrl-dropped", "Number of answers withheld by rate limits", &[RrlDropped]),
        Shown("rrl-slipped", "Number of answers replaced by short ones because of rate limits", &[RrlSlipped]),
        Shown(
            "lua-unanswered",
            "Number of queries answered SERVFAIL because a LUA record would make the answer",
            &[LuaUnanswered],
        ),
        Shown(
            "alias-unanswered",
            "Number of queries answered SERVFAIL because an ALIAS is not resolved",
            &[AliasUnanswered],
        ),
        Shown(
            "signing-busy",
            "Number of queries told to come over TCP, or answered SERVFAIL there, because too many signatures were to be made",
            &[SigningBusy],
        ),
        Shown("answer-panics", "Number of queries answered SERVFAIL after a caught panic", &[Panics]),
        Shown("udp-receive-errors", "Number of failed calls to receive UDP packets", &[UdpReceiveErrors]),
        Shown("udp-send-errors", "Number of UDP answers the kernel refused to send", &[UdpSendErrors]),
        Shown(
            "udp-joined-answers",
            "Number of UDP answers that went to the kernel together with another to the same client",
            &[UdpJoined],
        ),
        Shown("xdp-queries", "Number of UDP packets received over AF_XDP", &[XdpQueries]),
        Shown("xdp-answers", "Number of answers sent out over AF_XDP", &[XdpAnswers]),
        Shown("xdp-malformed", "Number of AF_XDP packets dropped for lengths that disagree", &[XdpMalformed]),
        Shown("xdp-bad-checksums", "Number of AF_XDP packets dropped for a wrong checksum", &[XdpBadChecksums]),
        Shown("xdp-bad-sources", "Number of AF_XDP packets dropped for a source that no host has", &[XdpBadSources]),
        Shown("xdp-unsent", "Number of AF_XDP packets dropped because too many answers wait to be sent", &[XdpUnsent]),
        Shown("xdp-dropped", "Number of AF_XDP packets dropped by the kernel for want of a frame", &[XdpDropped]),
        Shown(
            "xdp-ring-full",
            "Number of AF_XDP packets dropped by the kernel because we are too slow",
            &[XdpRingFull],
        ),
        Shown("tcp-connections", "Number of TCP connections accepted", &[TcpConnections]),
        Shown("tcp-accept-errors", "Number of failed calls to accept a TCP connection", &[TcpAcceptErrors]),
        Shown("tcp-idle-timeouts", "Number of TCP connections closed for being idle", &[TcpIdleTimeouts]),
        Shown("tcp-write-timeouts", "Number of TCP connections closed for not reading answers", &[TcpWriteTimeouts]),
        Shown("tcp-closed-for-room", "Number of TCP connections closed to make room for new ones", &[TcpClosedForRoom]),
        Shown("dot-queries", "Number of DNS over TLS queries received", &[DotQueries]),
        Shown("dot-answers", "Number of answers sent out over TLS", &[DotAnswers]),
        Shown("dot-answers-bytes", "Total size of answers sent out over TLS", &[DotAnswersBytes]),
        Shown("dot-connections", "Number of DNS over TLS connections accepted", &[DotConnections]),
        Shown("dot-accept-errors", "Number of failed calls to accept a DNS over TLS connection", &[DotAcceptErrors]),
        Shown("dot-handshake-failures", "Number of DNS over TLS handshakes that failed", &[DotHandshakeFailures]),
        Shown("dot-idle-timeouts", "Number of DNS over TLS connections closed for being idle", &[DotIdleTimeouts]),
        Shown(
            "dot-write-timeouts",
            "Number of DNS over TLS connections closed for not reading answers",
            &[DotWriteTimeouts],
        ),
        Shown(
            "dot-closed-for-room",
            "Number of DNS over TLS connections closed to make room for new ones",
            &[DotClosedForRoom],
        ),
        Shown("doh-queries", "Number of DNS over HTTPS queries received", &[DohQueries]),
        Shown("doh-answers", "Number of answers sent out over HTTPS", &[DohAnswers]),
        Shown("doh-answers-bytes", "Total size of answers sent out over HTTPS", &[DohAnswersBytes]),
        Shown("doh-refused", "Number of HTTP requests that were no DNS queries, answered 4xx", &[DohRefused]),
        Shown("doh-connections", "Number of DNS over HTTPS connections accepted", &[DohConnections]),
        Shown("doh-accept-errors", "Number of failed calls to accept a DNS over HTTPS connection", &[DohAcceptErrors]),
        Shown("doh-handshake-failures", "Number of DNS over HTTPS handshakes that failed", &[DohHandshakeFailures]),
        Shown("doh-idle-timeouts", "Number of DNS over HTTPS connections closed for being idle", &[DohIdleTimeouts]),
        Shown(
            "doh-closed-for-room",
            "Number of DNS over HTTPS connections closed to make room for new ones",
            &[DohClosedForRoom],
        ),
        Shown("doq-queries", "Number of DNS over QUIC queries received", &[DoqQueries]),
        Shown("doq-answers", "Number of answers sent out over QUIC", &[DoqAnswers]),
        Shown("doq-answers-bytes", "Total size of answers sent out over QUIC", &[DoqAnswersBytes]),
        Shown("doq-connections", "Number of DNS over QUIC connections accepted", &[DoqConnections]),
        Shown("doq-retries", "Number of DNS over QUIC clients asked to prove their address first", &[DoqRetries]),
        Shown("doq-handshake-failures", "Number of DNS over QUIC handshakes that failed", &[DoqHandshakeFailures]),
        Shown("doq-idle-timeouts", "Number of DNS over QUIC connections closed for being idle", &[DoqIdleTimeouts]),
        Shown(
            "doq-write-timeouts",
            "Number of DNS over QUIC connections closed for not reading answers",
            &[DoqWriteTimeouts],
        ),
        Shown(
            "doq-closed-for-room",
            "Number of DNS over QUIC connections closed to make room for new ones",
            &[DoqClosedForRoom],
        ),
        Shown(
            "doq-protocol-errors",
            "Number of DNS over QUIC connections closed for breaking RFC 9250",
            &[DoqProtocolErrors],
        ),
        Shown(
            "proxy-protocol-invalid",
            "Number of messages and connections of proxies without a valid PROXY header",
            &[ProxyHeaderInvalid],
        ),
        Shown(
            "proxy-protocol-refused",
            "Number of messages and connections with a PROXY header that are not from a proxy",
            &[ProxyHeaderRefused],
        ),
    ]
};

/// What carries messages in connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// DNS over TCP.
    Tcp,
    /// DNS over TLS.
    Tls,
    /// DNS over HTTPS, or over HTTP behind a proxy that ends TLS.
    Https,
    /// DNS over QUIC.
    Quic,
}

/// What happens to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Accepted,
    HandshakeFailed,
    Idle,
    Unread,
    ClosedForRoom,
}

/// How many kinds of [`Carrier`] there are.
pub(crate) const CARRIERS: usize = 4;

impl Carrier {
    pub(crate) const ALL: [Carrier; CARRIERS] = [Carrier::Tcp, Carrier::Tls, Carrier::Https, Carrier::Quic];

    /// What messages are answered as.
    pub(crate) fn transport(self) -> Transport {
        match self {
            Carrier::Tcp => Transport::Tcp,
            Carrier::Tls => Transport::Tls,
            Carrier::Https => Transport::Https,
            Carrier::Quic => Transport::Quic,
        }
    }

    pub(crate) fn counter(self, event: Event) -> Counter {
        use Counter::*;
        let [accepted, handshake_failed, idle, unread, closed_for_room] = match self {
            // Without TLS there is no handshake that could fail after accept.
            Carrier::Tcp => [TcpConnections, TcpAcceptErrors, TcpIdleTimeouts, TcpWriteTimeouts, TcpClosedForRoom],
            Carrier::Tls => [DotConnections, DotHandshakeFailures, DotIdleTimeouts, DotWriteTimeouts, DotClosedForRoom],
            // Whoever does not read gets no further query answered: idle.
            Carrier::Https => {
                [DohConnections, DohHandshakeFailures, DohIdleTimeouts, DohIdleTimeouts, DohClosedForRoom]
            }
            Carrier::Quic => {
                [DoqConnections, DoqHandshakeFailures, DoqIdleTimeouts, DoqWriteTimeouts, DoqClosedForRoom]
            }
        };
        match event {
            Event::Accepted => accepted,
            Event::HandshakeFailed => handshake_failed,
            Event::Idle => idle,
            Event::Unread => unread,
            Event::ClosedForRoom => closed_for_room,
        }
    }

    /// Failed calls to accept; QUIC has none of its own.
    pub(crate) fn accept_errors(self) -> Counter {
        match self {
            Carrier::Tcp => Counter::TcpAcceptErrors,
            Carrier::Tls => Counter::DotAcceptErrors,
            Carrier::Https => Counter::DohAcceptErrors,
            Carrier::Quic => Counter::DoqHandshakeFailures,
        }
    }
}

/// How a message came, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Udp4,
    Udp6,
    Tcp4,
    Tcp6,
    Dot,
    Doh,
    Doq,
}

impl Channel {
    pub(crate) fn udp(address: IpAddr) -> Channel {
        if address.is_ipv4() { Channel::Udp4 } else { Channel::Udp6 }
    }

    pub(crate) fn of(carrier: Carrier, address: IpAddr) -> Channel {
        match carrier {
            Carrier::Tcp if address.is_ipv4() => Channel::Tcp4,
            Carrier::Tcp => Channel::Tcp6,
            Carrier::Tls => Channel::Dot,
            Carrier::Https => Channel::Doh,
            Carrier::Quic => Channel::Doq,
        }
    }

    /// Counters of queries, answers and octets of answers.
    fn counters(self) -> [Counter; 3] {
        use Counter::*;
        match self {
            Channel::Udp4 => [Udp4Queries, Udp4Answers, Udp4AnswersBytes],
            Channel::Udp6 => [Udp6Queries, Udp6Answers, Udp6AnswersBytes],
            Channel::Tcp4 => [Tcp4Queries, Tcp4Answers, Tcp4AnswersBytes],
            Channel::Tcp6 => [Tcp6Queries, Tcp6Answers, Tcp6AnswersBytes],
            Channel::Dot => [DotQueries, DotAnswers, DotAnswersBytes],
            Channel::Doh => [DohQueries, DohAnswers, DohAnswersBytes],
            Channel::Doq => [DoqQueries, DoqAnswers, DoqAnswersBytes],
        }
    }

    fn is_udp(self) -> bool {
        matches!(self, Channel::Udp4 | Channel::Udp6)
    }
}

/// Who writes a set of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writers {
    /// One thread: no locked instruction is needed.
    One,
    /// Any.
    Many,
}

/// The counters of one worker. Aligned so that no two workers write to one cache line, nor to a pair fetched together.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Counters {
    writers: Writers,
    single: [AtomicU64; COUNTERS],
    rcodes: [AtomicU64; RCODES],
    qtypes: [AtomicU64; QTYPES],
    sizes: [AtomicU64; SIZES],
    /// Nanoseconds from taking in a batch until its answers are sent, on average; 0 before the first.
    batch_nanos: AtomicU64,
}

impl Counters {
    pub(crate) fn new(writers: Writers) -> Arc<Counters> {
        Arc::new(Counters {
            writers,
            single: [const { AtomicU64::new(0) }; COUNTERS],
            rcodes: [const { AtomicU64::new(0) }; RCODES],
            qtypes: [const { AtomicU64::new(0) }; QTYPES],
            sizes: [const { AtomicU64::new(0) }; SIZES],
            batch_nanos: AtomicU64::new(0),
        })
    }

    pub(crate) fn add(&self, counter: Counter, count: u64) {
        self.bump(&self.single[counter as usize], count);
    }

    /// Takes in how long a batch took. The average moves an eighth of the way.
    pub(crate) fn took(&self, nanos: u64) {
        let next = match self.batch_nanos.load(Ordering::Relaxed) {
            0 => nanos,
            average => average - average / 8 + nanos / 8,
        };
        self.batch_nanos.store(next, Ordering::Relaxed);
    }

    /// Counts one message and what became of it.
    pub(crate) fn record(&self, channel: Channel, message: &[u8], outcome: &Outcome) {
        let [queries, answers, bytes] = channel.counters();
        self.add(queries, 1);
        match outcome {
            Outcome::Ignored(IgnoreReason::Response) => self.add(Counter::IgnoredResponses, 1),
            Outcome::Ignored(_) => self.add(Counter::Corrupt, 1),
            Outcome::Reply(reply) => {
                self.add(answers, 1);
                self.add(bytes, reply.octets as u64);
                if matches!(message, [_, _, flags, ..] if flags & RECURSION_DESIRED != 0) {
                    self.add(Counter::RdQueries, 1);
                }
                if reply.cookie != CookieProof::None {
                    match channel {
                        Channel::Udp4 | Channel::Udp6 => self.add(Counter::UdpCookieQueries, 1),
                        Channel::Tcp4 | Channel::Tcp6 => self.add(Counter::TcpCookieQueries, 1),
                        Channel::Dot | Channel::Doh | Channel::Doq => {}
                    }
                }
                if channel.is_udp() && reply.is_dnssec_ok {
                    self.add(Counter::UdpDoQueries, 1);
                }
                if channel.is_udp() && reply.is_truncated {
                    self.add(Counter::UdpTruncated, 1);
                }
                self.record_reply(reply);
            }
        }
    }

    /// Counts one message whose reply a rate limit withheld.
    pub(crate) fn record_dropped(&self, channel: Channel) {
        let [queries, ..] = channel.counters();
        self.add(queries, 1);
        self.add(Counter::RrlDropped, 1);
    }

    fn record_reply(&self, reply: &Reply) {
        self.bump(&self.rcodes[usize::from(reply.rcode.0).min(RCODES - 1)], 1);
        self.bump(&self.sizes[size_index(reply.octets)], 1);
        if let Some(qtype) = reply.qtype {
            self.bump(&self.qtypes[usize::from(qtype.0).min(QTYPES - 1)], 1);
        }
        match reply.cookie {
            CookieProof::None => {}
            CookieProof::ClientOnly => self.add(Counter::CookieClientOnly, 1),
            CookieProof::Invalid => self.add(Counter::CookieInvalid, 1),
            CookieProof::Valid => self.add(Counter::CookieValid, 1),
        }
        match &reply.refusal {
            Some(Refusal::Prohibited) => self.add(Counter::Prohibited, 1),
            Some(Refusal::BadCookie) => self.add(Counter::BadCookie, 1),
            Some(Refusal::Unreadable(QueryError::Format(_))) => self.add(Counter::Corrupt, 1),
            Some(Refusal::NotAuthoritative) => self.add(Counter::Unauth, 1),
            Some(Refusal::Withheld(WithheldReason::Lua)) => self.add(Counter::LuaUnanswered, 1),
            Some(Refusal::Withheld(_)) => self.add(Counter::AliasUnanswered, 1),
            Some(Refusal::SignOverStream | Refusal::SigningBusy) => self.add(Counter::SigningBusy, 1),
            Some(Refusal::Internal) => self.add(Counter::Panics, 1),
            _ => {}
        }
    }

    fn bump(&self, counter: &AtomicU64, count: u64) {
        match self.writers {
            Writers::One => counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed),
            Writers::Many => {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
}

fn size_index(octets: usize) -> usize {
    match SMALL_SIZES.iter().position(|&bound| octets <= usize::from(bound)) {
        Some(index) => index,
        None => SMALL_SIZES.len() + (octets.div_ceil(200) - 1).min(LARGE_SIZES),
    }
}

/// The upper bound of a place among the sizes.
fn size_bound(index: usize) -> u16 {
    match SMALL_SIZES.get(index) {
        Some(&bound) => bound,
        None => u16::try_from((index - SMALL_SIZES.len() + 1) * 200).map_or(u16::MAX, |bound| match bound {
            ..65_000 => bound,
            _ => u16::MAX,
        }),
    }
}

/// All counters at about one moment.
#[derive(Debug, Clone)]
pub struct CounterSnapshot {
    single: [u64; COUNTERS],
    rcodes: [u64; RCODES],
    qtypes: [u64; QTYPES],
    sizes: [u64; SIZES],
    open: [u64; CARRIERS],
    latency_micros: u64,
}

/// One counter by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedCounter {
    /// With dashes: PowerDNS's name where it has this counter.
    pub name: &'static str,
    /// What is counted.
    pub description: &'static str,
    /// Since start.
    pub value: u64,
}

impl CounterSnapshot {
    /// Sums the counters of all workers. `open` has the connections that are open by [`Carrier`].
    pub(crate) fn of<'c>(workers: impl Iterator<Item = &'c Counters>, open: [u64; CARRIERS]) -> CounterSnapshot {
        let mut sum = CounterSnapshot {
            single: [0; COUNTERS],
            rcodes: [0; RCODES],
            qtypes: [0; QTYPES],
            sizes: [0; SIZES],
            open,
            latency_micros: 0,
        };
        let (mut nanos, mut timed) = (0, 0);
        for worker in workers {
            let average = worker.batch_nanos.load(Ordering::Relaxed);
            nanos += average;
            timed += u64::from(average != 0);
            add_all(&mut sum.single, &worker.single);
            add_all(&mut sum.rcodes, &worker.rcodes);
            add_all(&mut sum.qtypes, &worker.qtypes);
            add_all(&mut sum.sizes, &worker.sizes);
        }
        sum.latency_micros = nanos / (timed.max(1) * 1000);
        sum
    }

    /// Every counter but the distributions, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = NamedCounter> + '_ {
        let shown = SHOWN.iter().map(|&Shown(name, description, counters)| {
            let value = counters.iter().map(|&counter| self.single[counter as usize]).sum();
            NamedCounter { name, description, value }
        });
        let by_rcode = [
            ("noerror-packets", "Number of times a NOERROR packet was sent out", Rcode::NOERROR),
            ("nxdomain-packets", "Number of times an NXDOMAIN packet was sent out", Rcode::NXDOMAIN),
            ("servfail-packets", "Number of times a server-failed packet was sent out", Rcode::SERVFAIL),
        ];
        let by_rcode = by_rcode.into_iter().map(|(name, description, rcode)| NamedCounter {
            name,
            description,
            value: self.rcodes[usize::from(rcode.0)],
        });
        let open = Carrier::ALL.into_iter().map(|carrier| {
            let (name, description) = match carrier {
                Carrier::Tcp => ("open-tcp-connections", "Number of currently open TCP connections"),
                Carrier::Tls => ("open-dot-connections", "Number of currently open DNS over TLS connections"),
                Carrier::Https => ("open-doh-connections", "Number of currently open DNS over HTTPS connections"),
                Carrier::Quic => ("open-doq-connections", "Number of currently open DNS over QUIC connections"),
            };
            NamedCounter { name, description, value: self.open[carrier as usize] }
        });
        let latency = NamedCounter {
            name: "latency",
            description: "Microseconds from taking in a batch of UDP queries until its answers are sent, on average",
            value: self.latency_micros,
        };
        shown.chain(by_rcode).chain(open).chain([latency])
    }

    /// One counter; `None` for a name that there is not.
    pub fn value(&self, name: &str) -> Option<u64> {
        self.iter().find(|counter| counter.name == name).map(|counter| counter.value)
    }

    /// Replies by RCODE, those that occurred; RCODEs of 23 and more are together under 23.
    pub fn by_rcode(&self) -> impl Iterator<Item = (Rcode, u64)> + '_ {
        occurred(&self.rcodes).map(|(rcode, count)| (Rcode(rcode as u16), count))
    }

    /// Replies by the type asked for, those that occurred; types of 259 and more are together under 259.
    pub fn by_qtype(&self) -> impl Iterator<Item = (RecordType, u64)> + '_ {
        occurred(&self.qtypes).map(|(qtype, count)| (RecordType(qtype as u16), count))
    }

    /// Replies by size: upper bound in octets as PowerDNS draws them, and count; those that occurred.
    pub fn by_size(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        occurred(&self.sizes).map(|(index, count)| (size_bound(index), count))
    }
}

fn add_all<const N: usize>(sum: &mut [u64; N], counters: &[AtomicU64; N]) {
    for (sum, counter) in sum.iter_mut().zip(counters) {
        *sum += counter.load(Ordering::Relaxed);
    }
}

fn occurred(counts: &[u64]) -> impl Iterator<Item = (usize, u64)> + '_ {
    counts.iter().copied().enumerate().filter(|&(_, count)| count != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fall_under_the_bounds_powerdns_draws() {
        for (octets, bound) in
            [(1, 20), (20, 20), (21, 40), (150, 150), (151, 200), (200, 200), (201, 400), (1232, 1400)]
        {
            assert_eq!(size_bound(size_index(octets)), bound, "{octets}");
        }
        assert_eq!(size_bound(size_index(64_800)), 64_800);
        assert_eq!(size_bound(size_index(64_801)), u16::MAX);
        assert_eq!(size_bound(size_index(65_535)), u16::MAX);
    }

    #[test]
    fn workers_are_summed_by_name() {
        let workers = [Counters::new(Writers::One), Counters::new(Writers::Many)];
        let reply = Reply {
            octets: 100,
            rcode: Rcode::NXDOMAIN,
            qtype: Some(RecordType::AAAA),
            is_dnssec_ok: true,
            is_truncated: false,
            refusal: None,
            cookie: CookieProof::None,
            likeness: 0,
        };
        let with_cookie = Reply { cookie: CookieProof::Valid, ..reply.clone() };
        workers[0].record(Channel::Udp4, &[0, 0, 0x01], &Outcome::Reply(reply.clone()));
        workers[0].record(Channel::Udp6, &[0, 0, 0x00], &Outcome::Reply(with_cookie.clone()));
        workers[1].record(Channel::Tcp6, &[0, 0, 0x01], &Outcome::Reply(with_cookie));
        workers[0].record(Channel::Udp4, &[0], &Outcome::Ignored(IgnoreReason::Short));
        workers[0].took(8_000);
        workers[0].took(80_000);
        let sum = CounterSnapshot::of(workers.iter().map(|worker| &**worker), [3, 2, 1, 0]);
        for (name, value) in [
            ("udp-queries", 3),
            ("udp-answers", 2),
            ("udp6-answers-bytes", 100),
            ("tcp-answers", 1),
            ("udp-do-queries", 2),
            ("rd-queries", 2),
            ("cookie-queries", 2),
            ("udp-cookie-queries", 1),
            ("tcp-cookie-queries", 1),
            // 8 us, and an eighth of the way to 80; the connections' threads measure nothing.
            ("latency", 17),
            ("corrupt-packets", 1),
            ("nxdomain-packets", 3),
            ("open-tcp-connections", 3),
            ("open-doh-connections", 1),
        ] {
            assert_eq!(sum.value(name), Some(value), "{name}");
        }
        assert_eq!(sum.value("no-such-counter"), None);
        assert_eq!(sum.by_qtype().collect::<Vec<_>>(), [(RecordType::AAAA, 3)]);
        assert_eq!(sum.by_rcode().collect::<Vec<_>>(), [(Rcode::NXDOMAIN, 3)]);
        assert_eq!(sum.by_size().collect::<Vec<_>>(), [(100, 3)]);
    }
}
