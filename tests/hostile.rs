//! What nobody honest sends, to the real program over UDP and TCP: every type, class, opcode and header, counts that lie, messages
//! drawn as structure, floods of names. Every reply is right, the next honest query is answered, and memory does not grow.

use hickory_proto::rr::RecordType;
use serde_json::Value;
use signpost_tests::api::{Signed, rrset};
use signpost_tests::barrage::{Barrage, resident_kib};
use signpost_tests::dig::{Transport, dig};
use signpost_tests::fuzz::draft::{Decisions, draft};
use signpost_tests::query::query;
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::wait::until_true;
use std::time::Duration;

const SIGNED: &str = "signed.example.";
const PLAIN: &str = "plain.example.";
/// What a server may grow by over a sweep: caches that fill, signatures made, threads that touch their stacks.
const GROWTH_KIB: u64 = 8 << 10;

fn rrsets(zone: &str) -> Vec<Value> {
    let at = |name: &str| format!("{name}.{zone}");
    vec![
        rrset(&at("www"), "A", 60, &["192.0.2.1"]),
        rrset(&at("alias"), "CNAME", 60, &[&at("www")]),
        rrset(&at("moved"), "DNAME", 60, &[&at("ent")]),
        rrset(&at("*.wild"), "TXT", 60, &["\"anything\""]),
        rrset(&at("*.wild-alias"), "CNAME", 60, &[&at("www")]),
        rrset(&at("a.b.c.ent"), "AAAA", 60, &["2001:db8::1"]),
        rrset(&at("cut"), "NS", 60, &[&at("ns.cut")]),
        rrset(&at("ns.cut"), "A", 60, &["192.0.2.53"]),
        rrset(&at("svc"), "HTTPS", 60, &["1 . alpn=h2 port=443"]),
    ]
}

/// A server with a signed and an unsigned zone, and a client that knows both.
fn start() -> (Signpost, Barrage) {
    let server = Signpost::start(Settings::sqlite());
    server.api().create_zone(SIGNED, Signed::Yes, rrsets(SIGNED));
    server.api().create_zone(PLAIN, Signed::No, rrsets(PLAIN));
    let barrage = Barrage::new(server.dns(), &[SIGNED, PLAIN], &format!("www.{SIGNED}"));
    (server, barrage)
}

/// Runs `warm` and then `sweep`, and asserts that the second leaves memory as the first did.
fn without_growth(server: &mut Signpost, warm: impl FnOnce(), sweep: impl FnOnce()) {
    warm();
    let before = resident_kib(server);
    sweep();
    let after = resident_kib(server);
    println!("resident memory: {before} KiB before, {after} KiB after");
    assert!(after < before + GROWTH_KIB, "memory grew from {before} KiB to {after} KiB");
}

#[derive(Debug, Clone, Copy)]
enum Over {
    Udp,
    Tcp,
}

impl Over {
    fn send(self, barrage: &Barrage, messages: impl IntoIterator<Item = Vec<u8>>) -> u64 {
        match self {
            Over::Udp => barrage.udp(messages),
            Over::Tcp => barrage.tcp(messages),
        }
    }
}

/// Queries for `www` in a zone that differ in one word.
struct Words {
    message: Vec<u8>,
    at: usize,
}

impl Words {
    fn of(zone: &str, place: Place) -> Words {
        let message = query(0, &format!("www.{zone}"), RecordType::A);
        // Type, class and OPT stand last.
        let question = message.len() - 11 - 4;
        let at = match place {
            Place::Flags => 2,
            Place::Type => question,
            Place::Class => question + 2,
        };
        Words { message, at }
    }

    fn with(&self, word: u16) -> Vec<u8> {
        let mut message = self.message.clone();
        message[self.at..self.at + 2].copy_from_slice(&word.to_be_bytes());
        message
    }
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Flags,
    Type,
    Class,
}

/// All of `words` in one place of the message, over both transports in both zones. Returns how many were answered in each.
fn sweep(place: Place, words: impl Iterator<Item = u16> + Clone) -> Vec<u64> {
    let (mut server, barrage) = start();
    let mut answered = Vec::new();
    for zone in [SIGNED, PLAIN] {
        for over in [Over::Udp, Over::Tcp] {
            let all = Words::of(zone, place);
            without_growth(
                &mut server,
                || {
                    over.send(&barrage, words.clone().step_by(61).map(|word| all.with(word)));
                },
                || answered.push(over.send(&barrage, words.clone().map(|word| all.with(word)))),
            );
        }
    }
    answered
}

/// CVE-2021-36754: one type among 65,536 stopped a server.
#[test]
fn every_type() {
    assert_eq!(sweep(Place::Type, 0..=u16::MAX), [65_536; 4]);
}

/// CVE-2026-5946: one class.
#[test]
fn every_class() {
    assert_eq!(sweep(Place::Class, 0..=u16::MAX), [65_536; 4]);
}

/// All sixteen opcodes and RCODEs, and each combination of AA, TC, RD, RA, Z, AD and CD.
#[test]
fn every_header_of_a_query() {
    assert_eq!(sweep(Place::Flags, 0..=0x7fff), [32_768; 4]);
}

/// The same with QR: a response has no reply, since replying to those makes loops (CVE-2024-2169), and ends a connection.
#[test]
fn headers_of_responses() {
    assert_eq!(sweep(Place::Flags, (0x8000..=u16::MAX).step_by(61)), [0; 4]);
}

#[test]
#[ignore = "full set: each ends a connection"]
fn every_header_of_a_response() {
    assert_eq!(sweep(Place::Flags, 0x8000..=u16::MAX), [0; 4]);
}

/// Each section says that it has none, one, a few, or as many records as can be said; the message has what it has.
#[test]
fn counts_that_lie() {
    const COUNTS: [u16; 6] = [0, 1, 2, 3, 255, 65_535];
    let (mut server, barrage) = start();
    let whole = query(0, &format!("www.{SIGNED}"), RecordType::A);
    let mut messages = Vec::new();
    for octets in [12, whole.len() - 11, whole.len()] {
        for number in 0..COUNTS.len().pow(4) {
            let mut message = whole[..octets].to_vec();
            for section in 0..4 {
                let count = COUNTS[number / COUNTS.len().pow(section) % COUNTS.len()];
                message[4 + 2 * section as usize..][..2].copy_from_slice(&count.to_be_bytes());
            }
            messages.push(message);
        }
    }
    let all = messages.len() as u64;
    without_growth(
        &mut server,
        || {
            barrage.udp(messages.iter().take(200).cloned());
        },
        || {
            assert_eq!(barrage.udp(messages.clone()), all);
            assert_eq!(barrage.tcp(messages.clone()), all);
        },
    );
}

/// Names that are asked once each.
#[derive(Debug, Clone, Copy)]
enum Flood {
    /// Names that are not there (RFC 2308 section 2.1), as a random subdomain attack has them.
    NameErrors,
    /// Names that a wildcard stands for (RFC 4592 section 2.1.1).
    Wildcards,
    /// ANY, at names that are and are not there (RFC 8482).
    Any,
    /// All of it, with referrals, DNAMEs, chains and empty non-terminals.
    Mixed,
}

impl Flood {
    fn query(self, zone: &str, number: u64) -> Vec<u8> {
        let (below, rtype) = match self {
            Flood::NameErrors => ("", RecordType::A),
            Flood::Wildcards => ("wild.", RecordType::TXT),
            Flood::Any => (["wild.", "", "wild-alias."][(number % 3) as usize], RecordType::ANY),
            Flood::Mixed => (
                ["wild.", "", "wild-alias.", "moved.", "cut.", "ent.", "b.c.ent.", "www."][(number % 8) as usize],
                [RecordType::A, RecordType::TXT, RecordType::MX, RecordType::ANY][(number / 8 % 4) as usize],
            ),
        };
        query(0, &format!("n{number}.{below}{zone}"), rtype)
    }
}

/// Zones under NSEC3 and NSEC are asked for `count` names each, none of them twice.
fn flood(count: u64, floods: &[Flood]) {
    let (mut server, _) = start();
    const NSEC: &str = "nsec.example.";
    server.api().create_zone(NSEC, Signed::Yes, rrsets(NSEC));
    server.run(&["pdnsutil", "unset-nsec3", NSEC]);
    let barrage = Barrage::new(server.dns(), &[SIGNED, PLAIN, NSEC], &format!("www.{NSEC}"));
    until_true("the zone to be under NSEC", Duration::from_secs(30), || {
        let denied = dig(server.dns(), &format!("nothing.{NSEC}"), "A", Transport::Udp);
        denied.authority.iter().any(|record| record.rtype == "NSEC")
    });
    ask_once(&mut server, &barrage, [SIGNED, NSEC], count, floods);
}

fn ask_once(server: &mut Signpost, barrage: &Barrage, zones: [&str; 2], count: u64, floods: &[Flood]) {
    for flood in floods {
        println!("{flood:?}");
        let ask = |numbers: std::ops::Range<u64>| {
            for zone in zones {
                barrage.udp(numbers.clone().map(|number| flood.query(zone, number)));
            }
        };
        without_growth(server, || ask(0..count / 10), || ask(count / 10..count / 10 + count));
    }
}

/// The same where proofs are signed when they are asked for (RFC 7129 appendix B, RFC 9824), and some are kept.
#[test]
fn names_of_zones_whose_proofs_are_made_on_demand() {
    const NARROW: &str = "narrow.example.";
    const COMPACT: &str = "compact.example.";
    let settings = Settings::sqlite().with("--proof-cache-mib=1").with("--sign-on-query-max=1000000");
    let mut server = Signpost::start(settings);
    for zone in [NARROW, COMPACT] {
        server.api().create_zone(zone, Signed::Yes, rrsets(zone));
    }
    server.run(&["pdnsutil", "set-nsec3", NARROW, "1 0 0 -", "narrow"]);
    server.run(&["pdnsutil", "set-meta", COMPACT, "X-SIGNPOST-COMPACT-DENIAL", "1"]);
    server.run(&["pdnsutil", "unset-nsec3", COMPACT]);
    for zone in [NARROW, COMPACT] {
        until_true("proofs to be made on demand", Duration::from_secs(30), || {
            let before = server.metric("signpost_signatures_on_query_total");
            dig(server.dns(), &format!("nothing{before}.{zone}"), "A", Transport::Udp);
            server.metric("signpost_signatures_on_query_total") > before
        });
    }
    let barrage = Barrage::new(server.dns(), &[NARROW, COMPACT], &format!("www.{NARROW}"));
    let floods = [Flood::NameErrors, Flood::Wildcards, Flood::Mixed];
    ask_once(&mut server, &barrage, [NARROW, COMPACT], 10_000, &floods);
    let kept = server.metric("signpost_proof_cache_bytes");
    assert!((1 << 18..=1 << 20).contains(&kept), "{kept} octets are kept");
    assert_eq!(server.metric("pdns_auth_signing_busy"), 0);
}

/// Each answer of a signed zone is made of signatures that are there already: nothing is kept for a name that was asked.
#[test]
fn a_hundred_thousand_names_that_are_not_there() {
    flood(50_000, &[Flood::NameErrors]);
}

#[test]
fn names_of_wildcards_and_any_and_all_mixed() {
    flood(5_000, &[Flood::Wildcards, Flood::Any, Flood::Mixed]);
}

#[test]
#[ignore = "full set: a million names of each kind in each zone"]
fn a_million_names_of_each_kind() {
    flood(500_000, &[Flood::NameErrors, Flood::Wildcards, Flood::Any, Flood::Mixed]);
}

fn drafts(count: u64) {
    let (mut server, _) = start();
    // Messages are drawn for zones that are made for them; here they are of no zone, or get past the first steps.
    let apexes = ["example.", "other.", "plain.", "sub.example."];
    for zone in apexes {
        server.api().create_zone(zone, if zone == "plain." { Signed::No } else { Signed::Yes }, rrsets(zone));
    }
    let zones = [&apexes[..], &[SIGNED, PLAIN]].concat();
    let barrage = Barrage::new(server.dns(), &zones, &format!("www.{SIGNED}"));
    let draw = |numbers: std::ops::Range<u64>| numbers.map(|number| draft(&mut Decisions::seeded(number)).octets);
    without_growth(
        &mut server,
        || {
            barrage.udp(draw(0..2000));
            barrage.tcp(draw(0..2000));
        },
        || {
            barrage.udp(draw(0..count));
            barrage.tcp(draw(count..count + count / 4));
        },
    );
}

#[test]
fn messages_drawn_as_structure_through_sockets() {
    drafts(20_000);
}

#[test]
#[ignore = "full set: a million messages"]
fn a_million_messages_through_sockets() {
    drafts(1_000_000);
}
