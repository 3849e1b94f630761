//! Every validator over every way of signing: each denial mode with keys of each algorithm, in zones such as External-DNS writes.
//!
//! A parent with the one trust anchor delegates to a zone for each pair of [`MODES`] and [`KEYS`]. unbound with an aggressive
//! cache, delv and drill validate from the anchor down through the DS; dnsviz looks at everything it knows to ask;
//! ldns-verify-zone and dnssec-verify read each zone as `signpost export` prints it.
//!
//! A new mode is a line in [`MODES`] and one in [`COVERING`].

#[path = "validators/sample.rs"]
mod sample;

use sample::{INSECURE_CHILD, Kind, LABEL_63, QUESTIONS, Question};
use serde_json::{Value, json};
use signpost_tests::api::{Api, Signed, replace, rrset};
use signpost_tests::dig::{Record, TRANSPORTS, dig};
use signpost_tests::dnsviz::{self, Complaint, Scene};
use signpost_tests::process::run;
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::temp::TempDir;
use signpost_tests::unbound::Unbound;
use signpost_tests::validators::{Anchors, Verdict, delv, drill, zone_faults};
use signpost_tests::wait::until;
use std::process::Command;
use std::thread;
use std::time::Duration;

const PARENT: &str = "matrix.example.";

/// A way to deny, and who makes it.
struct Mode {
    label: &'static str,
    denial: Denial,
    made_by: MadeBy,
    /// What dnsviz holds against it, and we want.
    tolerated: &'static [&'static str],
}

/// The records that deny.
#[derive(Clone, Copy)]
enum Denial {
    /// None: the zone is not signed.
    None,
    Nsec,
    /// RFC 9824.
    Compact,
    /// A chain with these parameters.
    Nsec3(&'static str),
    /// One hash a record, with these parameters (RFC 7129 appendix B).
    Narrow(&'static str),
}

enum MadeBy {
    /// Nobody: the zone is not signed.
    Nobody,
    /// The server, after these requests: method, path below the zone, body.
    Server(&'static [(&'static str, &'static str, &'static str)]),
    /// dnssec-signzone with these arguments, and loaded.
    Bind(&'static [&'static str]),
}

const MODES: &[Mode] = &[
    Mode::new("unsigned", Denial::None, MadeBy::Nobody),
    Mode::new("nsec", Denial::Nsec, MadeBy::Server(&[("PUT", "", r#"{"nsec3param": ""}"#)])),
    Mode::new("nsec3", Denial::Nsec3("1 0 0 -"), MadeBy::Server(&[("PUT", "", r#"{"nsec3param": "1 0 0 -"}"#)])),
    Mode::new(
        "salted",
        Denial::Nsec3("1 0 5 ABCDEF"),
        MadeBy::Server(&[("PUT", "", r#"{"nsec3param": "1 0 5 abcdef"}"#)]),
    )
    .tolerating(RFC9276),
    Mode::new("optout", Denial::Nsec3("1 1 0 -"), MadeBy::Server(&[("PUT", "", r#"{"nsec3param": "1 1 0 -"}"#)])),
    Mode::new(
        "narrow",
        Denial::Narrow("1 0 0 -"),
        MadeBy::Server(&[("PUT", "", r#"{"nsec3param": "1 0 0 -", "nsec3narrow": true}"#)]),
    ),
    Mode::new(
        "compact",
        Denial::Compact,
        MadeBy::Server(&[
            ("PUT", "", r#"{"nsec3param": ""}"#),
            ("POST", "/metadata", r#"{"kind": "X-SIGNPOST-COMPACT-DENIAL", "metadata": ["1"]}"#),
        ]),
    ),
    Mode::new("presigned-nsec", Denial::Nsec, MadeBy::Bind(&[])),
    Mode::new("presigned-nsec3", Denial::Nsec3("1 0 0 -"), MadeBy::Bind(&["-3", "-"])),
    Mode::new("presigned-optout", Denial::Nsec3("1 1 0 -"), MadeBy::Bind(&["-3", "-", "-A"])),
];

/// Iterations and salt, which RFC 9276 advises against: this zone has them on purpose.
const RFC9276: &[&str] = &["NONZERO_NSEC3_ITERATION_COUNT", "NONEMPTY_NSEC3_SALT"];

impl Mode {
    const fn new(label: &'static str, denial: Denial, made_by: MadeBy) -> Mode {
        Mode { label, denial, made_by, tolerated: &[] }
    }

    const fn tolerating(self, tolerated: &'static [&'static str]) -> Mode {
        Mode { tolerated, ..self }
    }
}

impl Denial {
    /// Whether a denial may leave it open that there is an insecure delegation (RFC 5155 section 9.2).
    fn is_opt_out(self) -> bool {
        matches!(self, Denial::Nsec3(parameters) if parameters.starts_with("1 1 "))
    }

    /// The RCODE that a resolver passes on where the usual one is `status`.
    fn status(self, status: &'static str) -> &'static str {
        // RFC 9824 section 3.1: to resolvers that do not know of it, the name exists without the type.
        if matches!(self, Denial::Compact) { "NOERROR" } else { status }
    }

    /// Whether the authority section of a denial of `asked` is of this mode.
    fn is_seen_in(self, asked: &str, authority: &[Record]) -> bool {
        let proofs: Vec<&Record> = authority.iter().filter(|r| matches!(&*r.rtype, "NSEC" | "NSEC3")).collect();
        let is_one = |record: &&Record| match self {
            Denial::None => false,
            Denial::Nsec => record.rtype == "NSEC" && record.name != asked,
            Denial::Compact => record.rtype == "NSEC" && record.name == asked,
            Denial::Nsec3(parameters) => record.rtype == "NSEC3" && record.content.starts_with(parameters),
            Denial::Narrow(parameters) => {
                // The owner's hash and the next differ by one or two: in base32hex, nearly always in the last digit alone.
                let hash = record.name.split('.').next().unwrap_or_default().to_uppercase();
                record.content.to_uppercase().starts_with(&format!("{parameters} {}", &hash[..hash.len().min(28)]))
            }
        };
        proofs.iter().all(is_one) && proofs.is_empty() == matches!(self, Denial::None)
    }
}

/// Keys of a zone, all of one algorithm and size.
struct Keys {
    label: &'static str,
    algorithm: &'static str,
    bits: u32,
    roles: &'static [&'static str],
    tolerated: &'static [&'static str],
}

const PAIR: &[&str] = &["ksk", "zsk"];
const SINGLE: &[&str] = &["csk"];

const KEYS: &[Keys] = &[
    Keys::new("8", "RSASHA256", 2048, PAIR),
    Keys::new("8-csk", "RSASHA256", 1024, SINGLE),
    // RFC 8624 section 3.1 calls algorithm 10 not recommended.
    Keys::new("10", "RSASHA512", 1024, PAIR).tolerating(&["ALGORITHM_NOT_RECOMMENDED"]),
    Keys::new("10-csk", "RSASHA512", 2048, SINGLE).tolerating(&["ALGORITHM_NOT_RECOMMENDED"]),
    Keys::new("13", "ECDSAP256SHA256", 256, PAIR),
    Keys::new("13-csk", "ECDSAP256SHA256", 256, SINGLE),
    Keys::new("14", "ECDSAP384SHA384", 384, PAIR),
    Keys::new("14-csk", "ECDSAP384SHA384", 384, SINGLE),
    Keys::new("15", "ED25519", 256, PAIR),
    Keys::new("15-csk", "ED25519", 256, SINGLE),
];

impl Keys {
    const fn new(label: &'static str, algorithm: &'static str, bits: u32, roles: &'static [&'static str]) -> Keys {
        Keys { label, algorithm, bits, roles, tolerated: &[] }
    }

    const fn tolerating(self, tolerated: &'static [&'static str]) -> Keys {
        Keys { tolerated, ..self }
    }
}

/// Each mode and each set of keys at least once.
const COVERING: &[(&str, &str)] = &[
    ("unsigned", "13"),
    ("nsec", "8"),
    ("nsec", "13-csk"),
    ("nsec3", "13"),
    ("nsec3", "15-csk"),
    ("nsec3", "8-csk"),
    ("salted", "10-csk"),
    ("salted", "14"),
    ("optout", "15"),
    ("narrow", "13"),
    ("narrow", "10"),
    ("compact", "15"),
    ("compact", "8-csk"),
    ("presigned-nsec", "14-csk"),
    ("presigned-nsec3", "13"),
    ("presigned-optout", "8"),
];

/// One pair, and the zone made for it.
struct Case {
    mode: &'static Mode,
    keys: &'static Keys,
    zone: String,
}

impl Case {
    fn new((mode, keys): (&'static Mode, &'static Keys)) -> Case {
        Case { mode, keys, zone: format!("{}-{}.{PARENT}", mode.label, keys.label) }
    }

    fn at(&self, host: &str) -> String {
        sample::at(&self.zone, host)
    }

    fn is_signed(&self) -> bool {
        !matches!(self.mode.denial, Denial::None)
    }

    /// Whether an answer is secure; nothing, where opt-out leaves it open.
    fn is_secure(&self, kind: Kind) -> Option<bool> {
        match kind {
            _ if !self.is_signed() => Some(false),
            Kind::Exact => Some(true),
            Kind::Covered if self.mode.denial.is_opt_out() => None,
            Kind::Covered => Some(true),
            Kind::Insecure => Some(false),
        }
    }
}

/// Makes all zones and the parent's delegations to them, and returns the trust anchor.
fn make(server: &Signpost, cases: &[Case]) -> Anchors {
    let api = server.api();
    api.create_zone(PARENT, Signed::Yes, vec![rrset(&sample::at(PARENT, "ns1"), "A", 300, &["127.0.0.1"])]);
    let mut delegations = Vec::new();
    for case in cases {
        make_zone(&api, case);
        let ds = match &case.mode.made_by {
            MadeBy::Nobody => Vec::new(),
            MadeBy::Bind(arguments) => presign(server, case, arguments),
            MadeBy::Server(requests) => sign(&api, case, requests),
        };
        delegations.push(replace(&case.zone, "NS", 300, &[&case.at("ns1")]));
        delegations.push(replace(&case.at("ns1"), "A", 300, &["127.0.0.1"]));
        if !ds.is_empty() {
            delegations.push(replace(&case.zone, "DS", 300, &ds.iter().map(String::as_str).collect::<Vec<_>>()));
        }
    }
    api.patch(PARENT, delegations);
    for case in cases {
        let asked = case.at("nothing");
        until(&format!("{} to be served in its mode", case.zone), Duration::from_secs(60), || {
            let reply = dig(server.dns(), &asked, "A", TRANSPORTS[1]);
            case.mode.denial.is_seen_in(&asked, &reply.authority).then_some(())
        });
    }
    Anchors::new(&[(PARENT, api.entry_keys(PARENT))])
}

fn make_zone(api: &Api, case: &Case) {
    let rrsets = sample::records(&case.zone).into_iter().map(|(host, rtype, contents)| {
        rrset(&case.at(host), rtype, 300, &contents.iter().map(String::as_str).collect::<Vec<_>>())
    });
    api.create_zone(&case.zone, Signed::No, rrsets.collect());
    let child = case.at(INSECURE_CHILD);
    let host = sample::at(&child, "www");
    api.create_zone(&child, Signed::No, vec![rrset(&host, "A", 300, &["192.0.2.84"])]);
}

/// Keys through the API, then the mode. The DS records as the API shows them, with both digests.
fn sign(api: &Api, case: &Case, requests: &[(&str, &str, &str)]) -> Vec<String> {
    let zone = format!("/zones/{}", case.zone);
    let path = format!("{zone}/cryptokeys");
    let Keys { algorithm, bits, roles, .. } = case.keys;
    for role in *roles {
        let body = json!({ "keytype": role, "algorithm": algorithm, "bits": bits, "active": true });
        api.must(201, "POST", &path, Some(&body));
    }
    for (method, below, body) in requests {
        let body: Value = serde_json::from_str(body).expect("the table holds JSON");
        let status = if *method == "POST" { 201 } else { 204 };
        api.must(status, method, &format!("{zone}{below}"), Some(&body));
    }
    let keys = api.must(200, "GET", &path, None).json();
    let ds: Vec<String> = keys
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|key| key["ds"].as_array().into_iter().flatten())
        .filter_map(|ds| ds.as_str())
        .map(str::to_owned)
        .collect();
    assert_eq!(ds.len(), 2, "{}: one key, SHA-256 and SHA-384", case.zone);
    ds
}

/// Signs what the server exports with BIND's tools, and loads that. The DS records with both digests.
fn presign(server: &Signpost, case: &Case, arguments: &[&str]) -> Vec<String> {
    let folder = TempDir::new("presign");
    let bind =
        |program: &str, arguments: &[&str]| run(Command::new(program).args(arguments).current_dir(folder.path()));
    let Keys { algorithm, bits, roles, .. } = case.keys;
    let mut ds = String::new();
    let mut records = server.run(&["export", &case.zone]);
    for role in *roles {
        let bits = bits.to_string();
        let mut keygen = vec!["-q", "-a", algorithm, "-b", &bits];
        if *role != "zsk" {
            keygen.extend(["-f", "KSK"]);
        }
        keygen.push(&case.zone);
        let file = format!("{}.key", bind("dnssec-keygen", &keygen).trim());
        records.push_str(&std::fs::read_to_string(folder.join(&file)).expect("it was made"));
        if *role != "zsk" {
            ds = bind("dnssec-dsfromkey", &["-a", "SHA-256", "-a", "SHA-384", &file]);
        }
    }
    std::fs::write(folder.join("zone"), records).expect("the folder is ours");
    let mut signzone = vec!["-O", "full", "-f", "signed", "-o", &case.zone];
    if *roles == SINGLE {
        signzone.push("-z");
    }
    signzone.extend(arguments);
    signzone.push("zone");
    bind("dnssec-signzone", &signzone);
    let signed = folder.join("signed");
    server.run(&["pdnsutil", "load-zone", &case.zone, signed.to_str().expect("the folder is ours")]);
    server.run(&["pdnsutil", "set-presigned", &case.zone]);
    ds.lines().filter_map(|line| line.split_once(" DS ")).map(|(_, content)| content.to_owned()).collect()
}

/// What all validators together do not accept, on one server.
fn faults(cases: &[Case]) -> Vec<String> {
    let server = Signpost::start(Settings::sqlite());
    let anchors = make(&server, cases);
    let mut faults = Vec::new();
    for case in cases.iter().filter(|case| case.is_signed()) {
        faults.extend(zone_faults(&case.zone, &server.run(&["export", &case.zone, "--signed"])));
    }
    // Alone: it counts the questions that reach the server.
    faults.extend(resolver_faults(&server, cases, &anchors));
    thread::scope(|scope| {
        let analyst = scope.spawn(|| analyst_faults(&server, cases, &anchors));
        faults.extend(cases.iter().flat_map(|case| tool_faults(&server, case, &anchors)));
        faults.extend(analyst.join().expect("it says itself why it failed"));
    });
    faults
}

/// unbound that answers from what it knows of the chain (RFC 8198), asked in two passes: first for what is not there, then for
/// all that is. None of that may be denied.
fn resolver_faults(server: &Signpost, cases: &[Case], anchors: &Anchors) -> Vec<String> {
    let zones: Vec<&str> = [PARENT].into_iter().chain(cases.iter().map(|case| case.zone.as_str())).collect();
    let unbound = Unbound::start_with(server.dns(), &zones, &anchors.records, "  aggressive-nsec: yes\n");
    let mut faults = Vec::new();
    for case in cases {
        let label = &case.zone;
        let asked: Vec<(String, String)> = QUESTIONS.iter().map(|q| (case.at(q.host), q.rtype.to_owned())).collect();
        for (question, reply) in QUESTIONS.iter().zip(unbound.ask_all(&asked)) {
            let is_right = reply.status == case.mode.denial.status(question.status)
                && case.is_secure(question.kind).is_none_or(|is_secure| reply.has_flag("ad") == is_secure);
            if !is_right {
                faults.push(format!("unbound: {label}: {} {}: {reply:?}", question.host, question.rtype));
            }
        }
        let existing = sample::existing(label, case.is_signed());
        let absent = sample::absent(label, &existing);
        for (question, reply) in absent.iter().zip(unbound.ask_all(&absent)) {
            if !matches!(&*reply.status, "NOERROR" | "NXDOMAIN") {
                faults.push(format!("unbound, what is not there: {label}: {question:?}: {reply:?}"));
            }
        }
        for (question, reply) in existing.iter().zip(unbound.ask_all(&existing)) {
            let is_there = reply.status == "NOERROR" && reply.answer.iter().any(|record| record.rtype == question.1);
            if !is_there || reply.has_flag("ad") != case.is_signed() {
                faults.push(format!("unbound, what is there: {label}: {question:?}: {reply:?}"));
            }
        }
        if matches!(case.mode.denial, Denial::Nsec) {
            faults.extend(aggression_fault(server, &unbound, case));
        }
    }
    faults
}

/// That the passes above mean something: the resolver denies by itself what it knows not to be there.
fn aggression_fault(server: &Signpost, unbound: &Unbound, case: &Case) -> Option<String> {
    let before = server.metric("pdns_auth_udp_queries");
    let questions: Vec<(String, String)> =
        (0..20).map(|number| (case.at(&format!("nothing-{number}")), "A".to_owned())).collect();
    let denied = unbound.ask_all(&questions).iter().filter(|reply| reply.status == "NXDOMAIN").count();
    let asked = server.metric("pdns_auth_udp_queries") - before;
    (denied != 20 || asked > 10)
        .then(|| format!("unbound is not aggressive: {}: {denied} denied, {asked} asked", case.zone))
}

/// delv and drill, one question of each kind.
fn tool_faults(server: &Signpost, case: &Case, anchors: &Anchors) -> Vec<String> {
    let mut faults = Vec::new();
    for Question { host, rtype, kind, .. } in QUESTIONS {
        let name = case.at(host);
        let is_right = |found: &Verdict| match case.is_secure(*kind) {
            Some(true) => *found == Verdict::Secure,
            Some(false) => *found == Verdict::Insecure,
            None => !matches!(found, Verdict::Bogus(_)),
        };
        let found = delv(server.dns(), anchors, PARENT, &name, rtype);
        if !is_right(&found) {
            faults.push(format!("delv: {name} {rtype}: {found:?}"));
        }
        let found = drill(server.dns(), anchors, &name, rtype);
        if !is_right(&found) && !drill_errs(case, host, &found) {
            faults.push(format!("drill: {name} {rtype}: {found:?}"));
        }
    }
    faults
}

/// Where ldns 1.8 is wrong: with NSEC it wants the wildcard denied at an empty non-terminal too (RFC 4592 section 2.2.2), under opt-out
/// a record at one above insecure delegations alone, which need not have any (RFC 5155 section 7.1), and it finds no signature over
/// the CNAME made from a DNAME, which has none (RFC 6672 section 5.3.1).
fn drill_errs(case: &Case, host: &str, found: &Verdict) -> bool {
    let denial = case.mode.denial;
    match host {
        "_tcp" => matches!((denial, found), (Denial::Nsec, Verdict::Bogus(_))),
        "insecure-ent" => (matches!(denial, Denial::Nsec) || denial.is_opt_out()) && matches!(found, Verdict::Bogus(_)),
        "any.moved" => *found == Verdict::Insecure,
        _ => false,
    }
}

fn analyst_faults(server: &Signpost, cases: &[Case], anchors: &Anchors) -> Vec<String> {
    let hosts =
        ["@", "shop", "www", "any.apps", "_sip._tcp", "_tcp", "_acme-challenge.shop", "any.moved", "nothing", LABEL_63];
    let zones: Vec<String> = cases.iter().map(|case| case.zone.clone()).collect();
    let (mut names, mut unsigned) = (vec![PARENT.to_owned()], Vec::new());
    for case in cases {
        let names = if case.is_signed() { &mut names } else { &mut unsigned };
        names.extend(hosts.iter().map(|host| case.at(host)));
    }
    let found = dnsviz::assess(&Scene {
        server: server.dns(),
        top: PARENT,
        zones: &zones,
        names: &names,
        unsigned: &unsigned,
        types: &["A", "AAAA", "TXT", "SRV"],
        anchors: &anchors.records,
    });
    let mut faults = Vec::new();
    for Complaint { at, code, text } in &found.complaints {
        let case = cases.iter().find(|case| at.contains(&case.zone));
        let is_tolerated = case.is_some_and(|case| {
            case.mode.tolerated.contains(&code.as_str()) || case.keys.tolerated.contains(&code.as_str())
        });
        if !is_tolerated {
            faults.push(format!("dnsviz: {at}: {code}: {text}"));
        }
    }
    for case in cases.iter().filter(|case| case.is_signed()) {
        let status = found.delegations.iter().find(|(zone, _)| *zone == case.zone).map(|(_, status)| status.as_str());
        if status != Some("SECURE") {
            faults.push(format!("dnsviz: {}: the delegation is {status:?}", case.zone));
        }
    }
    if found.secure < names.len() {
        faults.push(format!("dnsviz: of {} names it calls only {} things secure", names.len(), found.secure));
    }
    faults
}

fn assert_valid(cases: &[Case]) {
    let faults = faults(cases);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_mode_and_every_algorithm_validates() {
    let pair = |(mode, keys): &(&str, &str)| {
        let mode = MODES.iter().find(|found| found.label == *mode).expect("the table has it");
        (mode, KEYS.iter().find(|found| found.label == *keys).expect("the table has them"))
    };
    let cases: Vec<Case> = COVERING.iter().map(pair).map(Case::new).collect();
    assert!(MODES.iter().all(|mode| cases.iter().any(|case| case.mode.label == mode.label)), "each mode");
    assert!(KEYS.iter().all(|keys| cases.iter().any(|case| case.keys.label == keys.label)), "each set of keys");
    assert_valid(&cases);
}

#[test]
#[ignore = "full set: every mode with every set of keys"]
fn every_pair_of_mode_and_algorithm_validates() {
    // A server for each mode, so that a fault is near its cause.
    for mode in MODES {
        assert_valid(&KEYS.iter().map(|keys| Case::new((mode, keys))).collect::<Vec<_>>());
    }
}

/// Each validator is told apart from one that accepts anything: the signatures of this zone have ended.
#[test]
fn every_validator_refuses_signatures_that_have_ended() {
    const ENDED: &Mode = &Mode::new(
        "ended",
        Denial::Nsec3("1 0 0 -"),
        MadeBy::Bind(&["-P", "-3", "-", "-s", "20240101000000", "-e", "20240201000000"]),
    );
    let keys = KEYS.iter().find(|keys| keys.label == "13").expect("the table has them");
    let faults = faults(&[Case::new((ENDED, keys))]);
    for tool in [
        "ldns-verify-zone: ",
        "dnssec-verify: ",
        "unbound: ",
        "unbound, what is there: ",
        "delv: ",
        "drill: ",
        "dnsviz: ",
    ] {
        assert!(faults.iter().any(|fault| fault.starts_with(tool)), "{tool}accepts them:\n{}", faults.join("\n"));
    }
}
