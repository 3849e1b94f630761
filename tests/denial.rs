//! Denial of existence in each mode that a zone can have, judged by strangers through the program: opt-out, narrow NSEC3,
//! compact denial, and presigned zones.

use signpost_tests::api::{Api, Signed, delete, replace, rrset};
use signpost_tests::dig::{TRANSPORTS, dig};
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::unbound::Unbound;
use signpost_tests::validators::{Anchors, Verdict, delv, verify_zone};

const ZONE: &str = "denial.example.";
const DS: &str = "12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766";

/// What a validator must find: the RCODE, and whether it is secure.
type Case = (&'static str, &'static str, &'static str, Verdict);

fn at(host: &str) -> String {
    if host == "@" { ZONE.to_owned() } else { format!("{host}.{ZONE}") }
}

/// A zone with every kind of thing that can be denied.
fn make_zone(api: &Api, wildcards: bool) {
    let mut rrsets = vec![
        rrset(&at("ns1"), "A", 300, &["192.0.2.53"]),
        rrset(&at("www"), "A", 300, &["192.0.2.80"]),
        rrset(&at("www"), "TXT", 300, &["\"text\""]),
        rrset(&at("host.ent"), "A", 300, &["192.0.2.81"]),
        rrset(&at("alias"), "CNAME", 300, &[&at("www")]),
        rrset(&at("dangling"), "CNAME", 300, &[&at("nothing")]),
        rrset(&at("insecure"), "NS", 300, &[&at("ns1")]),
        rrset(&at("deep.under.insecure-ent"), "NS", 300, &[&at("ns1")]),
        rrset(&at("also.under.insecure-ent"), "NS", 300, &[&at("ns1")]),
        rrset(&at("secure"), "NS", 300, &[&at("ns1")]),
        rrset(&at("secure"), "DS", 300, &[DS]),
        rrset(&at("secure.ent"), "NS", 300, &[&at("ns1")]),
        rrset(&at("secure.ent"), "DS", 300, &[DS]),
    ];
    if wildcards {
        rrsets.extend([
            rrset(&at("*.wild"), "A", 300, &["192.0.2.82"]),
            rrset(&at("here.wild"), "TXT", 300, &["\"here\""]),
            rrset(&at("*.cwild"), "CNAME", 300, &[&at("www")]),
        ]);
    }
    api.create_zone(ZONE, Signed::Yes, rrsets);
}

/// Asked in every mode; where only opt-out makes a denial insecure, that is for the caller to say.
const CASES: &[Case] = &[
    ("@", "SOA", "NOERROR", Verdict::Secure),
    ("@", "DNSKEY", "NOERROR", Verdict::Secure),
    ("@", "MX", "NOERROR", Verdict::Secure),
    ("www", "A", "NOERROR", Verdict::Secure),
    ("www", "AAAA", "NOERROR", Verdict::Secure),
    ("ent", "A", "NOERROR", Verdict::Secure),
    ("alias", "A", "NOERROR", Verdict::Secure),
    ("alias", "MX", "NOERROR", Verdict::Secure),
    ("secure", "DS", "NOERROR", Verdict::Secure),
    ("secure.ent", "DS", "NOERROR", Verdict::Secure),
];

/// Denials that an opt-out span leaves insecure, and a full chain proves.
const DENIED: &[Case] = &[
    ("nothing", "A", "NXDOMAIN", Verdict::Secure),
    ("a.b.c.nothing", "A", "NXDOMAIN", Verdict::Secure),
    ("below.www", "A", "NXDOMAIN", Verdict::Secure),
    ("other.ent", "A", "NXDOMAIN", Verdict::Secure),
    ("dangling", "A", "NXDOMAIN", Verdict::Secure),
    ("insecure", "DS", "NOERROR", Verdict::Secure),
    ("deep.under.insecure-ent", "DS", "NOERROR", Verdict::Secure),
    ("under.insecure-ent", "A", "NOERROR", Verdict::Secure),
    ("insecure-ent", "TXT", "NOERROR", Verdict::Secure),
    ("none.insecure-ent", "A", "NXDOMAIN", Verdict::Secure),
];

const WILD: &[Case] = &[
    ("any.wild", "A", "NOERROR", Verdict::Secure),
    ("two.any.wild", "A", "NOERROR", Verdict::Secure),
    ("*.wild", "A", "NOERROR", Verdict::Secure),
    ("any.cwild", "A", "NOERROR", Verdict::Secure),
    ("any.wild", "TXT", "NOERROR", Verdict::Secure),
    ("below.here.wild", "A", "NXDOMAIN", Verdict::Secure),
];

/// Asks unbound and delv for each case and lists what they do not accept. `insecure` holds cases that need only not be bogus.
fn faults(server: &Signpost, cases: &[Case], insecure: &[Case]) -> Vec<String> {
    let anchors = Anchors::new(&[(ZONE, server.api().entry_keys(ZONE))]);
    judged(server, &anchors, cases, insecure)
}

fn judged(server: &Signpost, anchors: &Anchors, cases: &[Case], insecure: &[Case]) -> Vec<String> {
    let unbound = Unbound::start(server.dns(), &[ZONE], &anchors.records);
    let mut faults = Vec::new();
    let relaxed = insecure.iter().map(|(host, rtype, status, _)| (host, rtype, status, None));
    let strict = cases.iter().map(|(host, rtype, status, verdict)| (host, rtype, status, Some(verdict)));
    for (host, rtype, status, verdict) in strict.chain(relaxed) {
        let name = at(host);
        let reply = unbound.ask(&name, rtype);
        let is_right =
            reply.status == *status && verdict.is_none_or(|v| reply.has_flag("ad") == (*v == Verdict::Secure));
        if !is_right {
            faults.push(format!(
                "unbound: {name} {rtype}: {reply:?}\n{}",
                unbound.log().lines().last().unwrap_or_default()
            ));
        }
        let found = delv(server.dns(), anchors, ZONE, &name, rtype);
        let is_right = match verdict {
            Some(verdict) => found == *verdict,
            None => !matches!(found, Verdict::Bogus(_)),
        };
        if !is_right {
            faults.push(format!("delv: {name} {rtype}: {found:?}"));
        }
    }
    faults
}

/// Owners and flags of the NSEC3 records of the exported zone.
fn nsec3_flags(exported: &str) -> Vec<(String, String)> {
    let fields = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        (fields[3] == "NSEC3").then(|| (fields[0].to_owned(), fields[4].split(' ').nth(1).unwrap().to_owned()))
    };
    exported.lines().filter_map(fields).collect()
}

#[test]
fn opt_out_zones_are_accepted_whole_and_answer_by_answer() {
    for wildcards in [false, true] {
        let server = Signpost::start(Settings::sqlite());
        let api = server.api();
        make_zone(&api, wildcards);
        server.run(&["pdnsutil", "set-nsec3", "denial.example", "1 1 0 -"]);
        let flag = || {
            let nsec3s = nsec3_flags(&server.run(&["export", ZONE, "--signed"]));
            (nsec3s.len(), nsec3s.iter().all(|(_, flag)| flag == "1"))
        };
        // apex, ns1, www, ent, host.ent, alias, dangling, secure, secure.ent; with wildcards five more, and the empty
        // non-terminals above insecure delegations.
        assert_eq!(flag(), (if wildcards { 9 + 5 + 2 } else { 9 }, true));
        // The running server has followed when it denies DS of an insecure delegation by an opt-out span.
        signpost_tests::wait::until_true("the new chain to be served", std::time::Duration::from_secs(30), || {
            let reply = dig(server.dns(), &at("insecure"), "DS", TRANSPORTS[1]);
            reply.authority.iter().filter(|record| record.rtype == "NSEC3").count() == 2
        });
        let param = dig(server.dns(), ZONE, "NSEC3PARAM", TRANSPORTS[1]);
        assert_eq!(param.contents("NSEC3PARAM"), ["1 0 0 -"], "RFC 5155 section 4.1.2: the flags are zero");
        let check = |what: &str| {
            let mut relaxed = DENIED.to_vec();
            relaxed.extend(WILD.iter().filter(|_| wildcards).cloned());
            let faults = faults(&server, CASES, &relaxed);
            assert!(faults.is_empty(), "{what}: {} faults:\n{}", faults.len(), faults.join("\n"));
            verify_zone(ZONE, &server.run(&["export", ZONE, "--signed"]));
        };
        check("as made");
        // A delegation becomes secure, and the empty non-terminals above it come into the chain; another loses its DS.
        api.patch(
            ZONE,
            vec![replace(&at("deep.under.insecure-ent"), "DS", 300, &[DS]), delete(&at("secure.ent"), "DS")],
        );
        assert_eq!(flag().0, if wildcards { 9 + 5 + 2 } else { 9 - 1 + 3 });
        let ent = dig(server.dns(), &at("under.insecure-ent"), "A", TRANSPORTS[1]);
        assert_eq!(
            ent.authority.iter().filter(|record| record.rtype == "NSEC3").count(),
            1,
            "it has a record of its own"
        );
        verify_zone(ZONE, &server.run(&["export", ZONE, "--signed"]));
    }
}
