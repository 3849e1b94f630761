//! A live zone is switched among all ways to deny, and its keys are rolled, while it is asked: every answer is of one way, and of one that
//! was in force while the question was on its way; a stranger's resolver that keeps nothing finds every one of them valid.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record, RecordType};
use serde_json::{Value, json};
use signpost_tests::api::{Api, Signed, delete, replace, rrset};
use signpost_tests::query::{Asker, ask_tcp, decode, query, rcode};
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::unbound::Unbound;
use signpost_tests::validators::Anchors;
use signpost_tests::wait::until_true;

const ZONE: &str = "storm.example.";
const COMPACT: &str = "X-SIGNPOST-COMPACT-DENIAL";
/// Bounds, not waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// Unbound keeps nothing, but counts in whole seconds: what came in this one may be used until the next has ended. As an operator does, a
/// roll waits that long between its steps.
const CACHED: Duration = Duration::from_secs(2);

/// A way to deny, as the records of an answer show it. The salt is another one in each step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Nsec,
    Compact,
    Nsec3 { params: String, is_opt_out: bool },
    Narrow { params: String },
}

impl Way {
    fn nsec3(salt: &str) -> Way {
        Way::Nsec3 { params: format!("0 {salt}"), is_opt_out: false }
    }

    fn opt_out(salt: &str) -> Way {
        Way::Nsec3 { params: format!("0 {salt}"), is_opt_out: true }
    }

    fn narrow(iterations: u8, salt: &str) -> Way {
        Way::Narrow { params: format!("{iterations} {salt}") }
    }

    fn kind(&self) -> &'static str {
        match self {
            Way::Nsec => "NSEC",
            Way::Compact => "compact",
            Way::Nsec3 { is_opt_out: false, .. } => "NSEC3",
            Way::Nsec3 { .. } => "opt-out",
            Way::Narrow { .. } => "narrow",
        }
    }

    /// What one record of a proof says; `None` for other records.
    fn of(record: &Record) -> Option<Way> {
        let RData::Unknown { rdata, .. } = &record.data else { return None };
        let rdata = rdata.anything.as_slice();
        let owner = record.name.to_lowercase();
        match u16::from(record.record_type()) {
            47 => {
                let owner: wire::Name = owner.to_string().parse().expect("hickory's names are names");
                let next = owner.child(b"\0").expect("the names asked for are short");
                // At a cut the next name is past the child's (RFC 9824 section 3.4).
                let (label, rest) = owner.as_wire()[1..].split_at(usize::from(owner.as_wire()[0]));
                let past_child = [&[label.len() as u8 + 1], label, &[0], rest].concat();
                let is_compact = rdata.starts_with(next.as_wire()) || rdata.starts_with(&past_child);
                Some(if is_compact { Way::Compact } else { Way::Nsec })
            }
            50 => {
                let (salt, rest) = rdata[5..].split_at(usize::from(rdata[4]));
                let next: [u8; 20] = rest[1..21].try_into().expect("SHA-1 has 20 octets");
                let hash = from_base32hex(&owner.iter().next().expect("an owner has a label").to_ascii_lowercase());
                let is_narrow = next == after(hash) || next == after(after(hash));
                let salt: String = salt.iter().map(|octet| format!("{octet:02x}")).collect();
                let params = format!("{} {salt}", u16::from_be_bytes([rdata[2], rdata[3]]));
                let is_opt_out = rdata[1] == 1;
                assert!(!(is_narrow && is_opt_out), "narrow records have no use for opt-out: {record}");
                Some(if is_narrow { Way::Narrow { params } } else { Way::Nsec3 { params, is_opt_out } })
            }
            _ => None,
        }
    }
}

fn after(mut hash: [u8; 20]) -> [u8; 20] {
    for octet in hash.iter_mut().rev() {
        *octet = octet.wrapping_add(1);
        if *octet != 0 {
            break;
        }
    }
    hash
}

fn from_base32hex(label: &[u8]) -> [u8; 20] {
    assert_eq!(label.len(), 32);
    let mut hash = [0; 20];
    for (group, digits) in hash.chunks_mut(5).zip(label.chunks(8)) {
        let bits = digits.iter().fold(0u64, |bits, digit| {
            let value = if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
            bits << 5 | u64::from(value)
        });
        group.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    hash
}

/// The ways that were ordered, and how many of them are known to be served.
#[derive(Default)]
struct Course {
    ordered: Mutex<Vec<Way>>,
    served: AtomicUsize,
    is_over: AtomicBool,
    /// Answers by the kind of way they show, of those who ask the server, and those that unbound found valid.
    seen: Mutex<BTreeMap<&'static str, usize>>,
    valid: Mutex<BTreeMap<&'static str, usize>>,
}

impl Course {
    fn order(&self, way: Way) {
        self.ordered.lock().unwrap().push(way);
    }

    /// The last one that was ordered is served: from here on no answer may show an earlier one.
    fn is_served(&self) {
        self.served.store(self.ordered.lock().unwrap().len() - 1, Ordering::SeqCst);
    }

    fn since(&self, first: usize) -> Vec<Way> {
        self.ordered.lock().unwrap()[first..].to_vec()
    }

    fn count(counts: &Mutex<BTreeMap<&'static str, usize>>, kind: &'static str) {
        *counts.lock().unwrap().entry(kind).or_default() += 1;
    }
}

/// The questions, each of a name or type that was not asked for before: name, type, and whether the name exists.
fn question(number: u64) -> (String, RecordType, bool) {
    let unusual = RecordType::Unknown(65_280 + (number % 250) as u16);
    let (host, rtype, exists) = match number % 11 {
        0 => (format!("x{number}"), RecordType::A, false),
        1 => (format!("a.b.x{number}"), RecordType::MX, false),
        2 => (format!("x{number}.www"), RecordType::A, false),
        3 => (format!("x{number}.ent"), RecordType::A, false),
        4 => ("www".to_owned(), unusual, true),
        5 => ("ent".to_owned(), unusual, true),
        6 => (format!("x{number}.wild"), RecordType::A, true),
        7 => (format!("x{number}.wild"), RecordType::TXT, true),
        8 => (format!("x{number}.cwild"), RecordType::A, false),
        9 => (format!("x{number}.away"), RecordType::A, false),
        _ => ("insecure".to_owned(), RecordType::DS, true),
    };
    (format!("{host}.{ZONE}"), rtype, exists)
}

/// Asks the server itself.
fn watch(course: &Course, server: std::net::SocketAddr, first: u64) {
    let asker = Asker::new(server, PATIENCE);
    let mut number = first;
    while !course.is_over.load(Ordering::SeqCst) {
        number += 2;
        let (name, rtype, exists) = question(number);
        let first = course.served.load(Ordering::SeqCst);
        let asked = query(number as u16, &name, rtype);
        let mut reply = asker.ask(&asked).expect("every query is answered");
        if decode(&reply).metadata.truncation {
            // While two ZSKs sign, a wildcard's CNAME to a name that does not exist is too long for a datagram.
            reply = ask_tcp(server, &asked, PATIENCE).expect("TCP is answered").expect("with a reply");
        }
        let allowed = course.since(first);
        let message = decode(&reply);
        let what = || format!("{name} {rtype}, {allowed:?} in force:\n{message}");
        let ways: BTreeSet<Way> = records(&message).filter_map(Way::of).collect();
        assert!(ways.len() <= 1, "a proof of two ways: {ways:?}: {}", what());
        // Only compact denial signs a wildcard's answer as if the name were there, and needs no proof then.
        let is_expanded = !message.answers.is_empty() && exists;
        let needs_none = |way: &Way| is_expanded && *way == Way::Compact;
        let way = ways.into_iter().next().unwrap_or(Way::Compact);
        let has_proof = records(&message).any(|record| Way::of(record).is_some());
        assert!(allowed.contains(&way) && has_proof != needs_none(&way), "{way:?}: {}", what());
        let is_hidden = exists || way == Way::Compact;
        assert_eq!(rcode(&reply), Some(if is_hidden { 0 } else { 3 }), "{way:?}: {}", what());
        Course::count(&course.seen, way.kind());
    }
}

fn records(message: &Message) -> impl Iterator<Item = &Record> {
    message.answers.iter().chain(&message.authorities)
}

/// Asks through unbound, which fetches and validates everything anew.
fn validate(course: &Course, unbound: &Unbound) {
    let asker = Asker::new(unbound.address(), PATIENCE);
    let mut number = 1_000_000;
    while !course.is_over.load(Ordering::SeqCst) {
        number += 1;
        let (name, rtype, exists) = question(number);
        let mut asked = query(number as u16, &name, rtype);
        // RD.
        asked[2] |= 1;
        let mut reply = asker.ask(&asked).expect("unbound answers");
        if decode(&reply).metadata.truncation {
            // Of what is cut off nothing counts, its RCODE neither (RFC 2181 section 9).
            reply = ask_tcp(unbound.address(), &asked, PATIENCE).expect("TCP is answered").expect("with a reply");
        }
        let message = decode(&reply);
        let ways: BTreeSet<Way> = records(&message).filter_map(Way::of).collect();
        // RFC 5155 section 9.2: what an opt-out record covers is not secure, and not bogus either.
        let is_opt_out = ways.iter().any(|way| way.kind() == "opt-out");
        let is_compact = ways.contains(&Way::Compact);
        let code = rcode(&reply).expect("a reply has a header");
        let what = || format!("{name} {rtype}:\n{message}\n{}", last_lines(&unbound.log()));
        assert!(message.metadata.authentic_data || is_opt_out && code != 2, "{}", what());
        assert!(code == if exists { 0 } else { 3 } || code == 0 && is_compact, "{}", what());
        let kind = match ways.into_iter().next() {
            Some(way) => way.kind(),
            None => Way::Compact.kind(),
        };
        Course::count(&course.valid, kind);
    }
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn make_zone(api: &Api) {
    let at = |host: &str| format!("{host}.{ZONE}");
    let rrsets = vec![
        rrset(&at("ns1"), "A", 300, &["192.0.2.53"]),
        rrset(&at("www"), "A", 300, &["192.0.2.80"]),
        rrset(&at("host.ent"), "A", 300, &["192.0.2.81"]),
        rrset(&at("*.wild"), "A", 300, &["192.0.2.82"]),
        rrset(&at("*.cwild"), "CNAME", 300, &[&at("nothing")]),
        rrset(&at("away"), "DNAME", 300, &[&at("gone")]),
        rrset(&at("insecure"), "NS", 300, &[&at("ns1")]),
    ];
    api.create_zone(ZONE, Signed::Yes, rrsets);
}

/// Steps of one round; each is one change, and says what it leads to.
fn round(server: &Signpost, course: &Course, number: usize) {
    let salt = |step: usize| format!("{:06x}", number * 16 + step);
    let set_nsec3 = |params: &str, rest: &[&str]| {
        server.run(&[&["pdnsutil", "set-nsec3", "storm.example", params], rest].concat());
    };
    let put = |param: &str, is_narrow: bool| {
        let body = json!({ "nsec3param": param, "nsec3narrow": is_narrow });
        server.api().must(204, "PUT", &format!("/zones/{ZONE}"), Some(&body));
    };
    let metadata = format!("/zones/{ZONE}/metadata/{COMPACT}");
    // A 204 for the zone says that it is served; the other changes are seen when they are.
    let step = |way: Way, is_confirmed: bool, change: &dyn Fn()| {
        course.order(way.clone());
        change();
        if !is_confirmed {
            let asker = Asker::new(server.dns(), PATIENCE);
            until_true(&format!("{way:?} to be served"), PATIENCE, || {
                let reply = asker.ask(&query(7, &format!("probe.{ZONE}"), RecordType::A)).expect("it is answered");
                records(&decode(&reply)).find_map(Way::of).as_ref() == Some(&way)
            });
        }
        course.is_served();
        // Data changes on the way, and with it the chain: a name, and an empty non-terminal above another.
        let api = server.api();
        let (owner, rtype) = (format!("new.deep{number}.{ZONE}"), "A");
        api.patch(ZONE, vec![replace(&owner, rtype, 60, &["192.0.2.90"])]);
        both_ask(course);
        api.patch(ZONE, vec![delete(&owner, rtype)]);
    };
    step(Way::nsec3(&salt(0)), true, &|| put(&format!("1 0 0 {}", salt(0)), false));
    step(Way::narrow(0, &salt(1)), true, &|| put(&format!("1 0 0 {}", salt(1)), true));
    step(Way::opt_out(&salt(2)), false, &|| set_nsec3(&format!("1 1 0 {}", salt(2)), &[]));
    step(Way::narrow(2, &salt(3)), false, &|| set_nsec3(&format!("1 0 2 {}", salt(3)), &["narrow"]));
    step(Way::Nsec, true, &|| put("", false));
    step(Way::Compact, false, &|| drop(server.api().must(200, "PUT", &metadata, Some(&json!({ "metadata": ["1"] })))));
    step(Way::narrow(0, &salt(4)), true, &|| put(&format!("1 1 0 {}", salt(4)), true));
    step(Way::Compact, false, &|| drop(server.run(&["pdnsutil", "unset-nsec3", "storm.example"])));
    step(Way::nsec3(&salt(5)), false, &|| set_nsec3(&format!("1 0 0 {}", salt(5)), &[]));
    step(Way::Compact, true, &|| put("", false));
    step(Way::Nsec, false, &|| drop(server.api().must(204, "DELETE", &metadata, None)));
}

/// Waits until both the server and unbound have answered some more.
fn both_ask(course: &Course) {
    let counts = || [&course.seen, &course.valid].map(|counts| counts.lock().unwrap().values().sum::<usize>());
    let before = counts();
    until_true("both to be asked", PATIENCE, || {
        let now = counts();
        course.is_over.load(Ordering::SeqCst) || now[0] >= before[0] + 60 && now[1] >= before[1] + 25
    });
}

/// Rolls the ZSK by publishing the next one before it signs (RFC 6781 section 4.1.1.1), then lets the other KSK sign.
fn roll(api: &Api, active_ksk: &mut usize, ksks: &[u64; 2], zsk: &mut u64) {
    let keys = format!("/zones/{ZONE}/cryptokeys");
    let set = |id: u64, active: bool| api.must(204, "PUT", &format!("{keys}/{id}"), Some(&json!({ "active": active })));
    let new = api.must(201, "POST", &keys, Some(&key("zsk", false))).json()["id"].as_u64().expect("an id");
    wait_as_for_ttl();
    // Both sign for a while: twice as many signatures.
    set(new, true);
    set(*zsk, false);
    wait_as_for_ttl();
    api.must(204, "DELETE", &format!("{keys}/{zsk}", zsk = *zsk), None);
    *zsk = new;
    let next = 1 - *active_ksk;
    set(ksks[next], true);
    set(ksks[*active_ksk], false);
    *active_ksk = next;
}

/// As long as old DNSKEY records may be held by unbound.
fn wait_as_for_ttl() {
    let started = Instant::now();
    until_true("what was cached to be gone", PATIENCE, || started.elapsed() > CACHED);
}

fn key(keytype: &str, active: bool) -> Value {
    json!({ "keytype": keytype, "active": active, "published": true, "algorithm": "ecdsa256" })
}

/// Whoever fails ends it for all; the scope then panics.
fn guarded(course: &Course, work: impl FnOnce()) {
    if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        course.is_over.store(true, Ordering::SeqCst);
        std::panic::resume_unwind(panic);
    }
}

fn storm(rolls: usize) {
    let server = Signpost::start(Settings::sqlite().with("--sign-on-query-max=1000000"));
    let api = server.api();
    make_zone(&api);
    let keys = format!("/zones/{ZONE}/cryptokeys");
    let second = api.must(201, "POST", &keys, Some(&key("ksk", true))).json()["id"].as_u64().expect("an id");
    let anchors = Anchors::new(&[(ZONE, api.entry_keys(ZONE))]);
    assert_eq!(anchors.records.lines().count(), 2);
    let ids = |flags: u64| {
        let listed = api.must(200, "GET", &keys, None).json();
        let of_flags = |key: &&Value| key["flags"] == flags;
        listed.as_array().unwrap().iter().filter(of_flags).map(|key| key["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let ksks: [u64; 2] = ids(257).try_into().unwrap();
    assert!(ksks.contains(&second));
    let mut zsk = ids(256)[0];
    let unbound = Unbound::start_with(
        server.dns(),
        &[ZONE],
        &anchors.records,
        "  cache-max-ttl: 0\n  cache-max-negative-ttl: 0\n  aggressive-nsec: no\n  qname-minimisation: no\n  \
         harden-below-nxdomain: no\n  val-bogus-ttl: 0\n  outgoing-range: 256\n",
    );
    let course = Course::default();
    course.order(Way::Nsec3 { params: "0 ".to_owned(), is_opt_out: false });
    std::thread::scope(|scope| {
        let (course, server, api, unbound) = (&course, &server, &api, &unbound);
        for first in [0, 1] {
            scope.spawn(move || guarded(course, || watch(course, server.dns(), first)));
        }
        scope.spawn(|| guarded(course, || validate(course, unbound)));
        let zsk = &mut zsk;
        let roller = scope.spawn(move || {
            guarded(course, || {
                // Both sign at first; from the first roll on, one does.
                let mut active = 1;
                for _ in 0..rolls {
                    roll(api, &mut active, &ksks, zsk);
                }
            });
        });
        let mut rounds = 0;
        while (rounds < 1 || !roller.is_finished()) && !course.is_over.load(Ordering::SeqCst) {
            rounds += 1;
            round(server, course, rounds);
        }
        course.is_over.store(true, Ordering::SeqCst);
    });
    let (seen, valid) = (course.seen.into_inner().unwrap(), course.valid.into_inner().unwrap());
    eprintln!("asked: {seen:?}; validated: {valid:?}");
    for kind in ["NSEC", "NSEC3", "opt-out", "narrow", "compact"] {
        assert!(seen.get(kind) > Some(&50) && valid.get(kind) > Some(&20), "{kind}: {seen:?} {valid:?}");
    }
    assert_eq!(server.metric("pdns_auth_signing_busy"), 0);
    assert!(server.metric("signpost_signatures_on_query_total") > 500);
}

#[test]
fn every_answer_is_of_one_way_to_deny_while_ways_and_keys_are_switched() {
    storm(1);
}

#[test]
#[ignore = "full set: twenty rolls"]
fn every_answer_is_of_one_way_to_deny_through_twenty_rolls() {
    storm(20);
}
