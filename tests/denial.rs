//! Denial of existence in each mode that a zone can have, judged by strangers through the program: opt-out, narrow NSEC3,
//! compact denial, and presigned zones.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use signpost_tests::api::{Api, Signed, delete, replace, rrset};
use signpost_tests::dig::{TRANSPORTS, dig};
use signpost_tests::postgres::Postgres;
use signpost_tests::process::run;
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::temp::TempDir;
use signpost_tests::unbound::Unbound;
use signpost_tests::validators::{Anchors, Verdict, delv, drill, verify_zone};
use signpost_tests::wait::until_true;

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
        until_true("the new chain to be served", Duration::from_secs(30), || {
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

/// Narrow NSEC3 and compact denial, set as an operator sets them: each record is made for the question.
#[test]
fn zones_without_a_chain_are_accepted_answer_by_answer() {
    let server = Signpost::start(Settings::sqlite());
    let api = server.api();
    make_zone(&api, true);
    let denials = |name: &str| {
        let reply = dig(server.dns(), name, "A", TRANSPORTS[1]);
        let is_denial = |rtype: &str| matches!(rtype, "NSEC" | "NSEC3");
        reply.authority.into_iter().filter(|record| is_denial(&record.rtype)).collect::<Vec<_>>()
    };
    let narrow: [&[&str]; 2] = [
        &["pdnsutil", "set-nsec3", "denial.example", "1 0 0 -", "narrow"],
        // Opt-out does nothing where there is no chain; a salt and iterations do.
        &["pdnsutil", "set-nsec3", "denial.example", "1 1 3 aabb", "narrow"],
    ];
    for command in narrow {
        server.run(command);
        let params = command[3].replacen("1 1", "1 0", 1);
        until_true("narrow records to be served", Duration::from_secs(30), || {
            let found = denials(&at("nothing"));
            found.len() == 3
                && found.iter().all(|record| {
                    let next = record.content.to_lowercase();
                    // Neighbours in base32hex: all but the last digits are equal.
                    next.starts_with(&format!("{params} {}", &record.name[..29]))
                })
        });
        assert_eq!(api.zone(ZONE)["nsec3narrow"], true);
        no_faults(&server, |status| status);
        verify_zone(ZONE, &server.run(&["export", ZONE, "--signed"]));
    }
    server.run(&["pdnsutil", "unset-nsec3", "denial.example"]);
    server.run(&["pdnsutil", "set-meta", "denial.example", "X-SIGNPOST-COMPACT-DENIAL", "1"]);
    until_true("compact records to be served", Duration::from_secs(30), || {
        let found = denials(&at("nothing"));
        found.len() == 1 && found[0].name == at("nothing") && found[0].content.ends_with("RRSIG NSEC TYPE128")
    });
    // RFC 9824 section 3.1: to a resolver that does not know of it, the name exists without the type.
    no_faults(&server, |_| "NOERROR");
    verify_zone(ZONE, &server.run(&["export", ZONE, "--signed"]));
}

/// All cases secure for unbound, delv and drill, with the RCODE that `status` makes of the usual one.
fn no_faults(server: &Signpost, status: impl Fn(&'static str) -> &'static str) {
    let cases = [CASES, DENIED, WILD].concat();
    let cases: Vec<Case> = cases.into_iter().map(|(host, rtype, usual, v)| (host, rtype, status(usual), v)).collect();
    let mut faults = faults(server, &cases, &[]);
    let anchors = Anchors::new(&[(ZONE, server.api().entry_keys(ZONE))]);
    for (host, rtype, ..) in &cases {
        let found = drill(server.dns(), &anchors, &at(host), rtype);
        if found != Verdict::Secure {
            faults.push(format!("drill: {host} {rtype}: {found:?}"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// A way to sign a zone elsewhere.
struct Signer {
    what: &'static str,
    /// Algorithms as `dnssec-keygen` and `ldns-keygen` know them both.
    algorithms: &'static [&'static str],
    tool: Tool,
    /// Its flags for the chain.
    chain: &'static [&'static str],
    is_opt_out: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Bind,
    Ldns,
}

const SIGNERS: &[Signer] = &[
    Signer { what: "BIND, NSEC", algorithms: &["ECDSAP256SHA256"], tool: Tool::Bind, chain: &[], is_opt_out: false },
    Signer {
        what: "BIND, NSEC3",
        algorithms: &["RSASHA256"],
        tool: Tool::Bind,
        chain: &["-3", "-"],
        is_opt_out: false,
    },
    Signer {
        what: "BIND, opt-out, salt",
        algorithms: &["ED25519"],
        tool: Tool::Bind,
        chain: &["-3", "AABB", "-A", "-H", "3"],
        is_opt_out: true,
    },
    Signer {
        what: "BIND, two algorithms",
        algorithms: &["RSASHA256", "ECDSAP256SHA256"],
        tool: Tool::Bind,
        chain: &["-3", "-"],
        is_opt_out: false,
    },
    Signer { what: "ldns, NSEC", algorithms: &["RSASHA256"], tool: Tool::Ldns, chain: &[], is_opt_out: false },
    Signer {
        what: "ldns, NSEC3",
        algorithms: &["ECDSAP256SHA256"],
        tool: Tool::Ldns,
        chain: &["-n"],
        is_opt_out: false,
    },
];

/// The zone of [`make_zone`] as a master file.
fn master_file(serial: u32, www: &str) -> String {
    format!(
        "$ORIGIN {ZONE}\n$TTL 300\n@ SOA ns1 host {serial} 7200 3600 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A {www}\n\
         www TXT \"text\"\nhost.ent A 192.0.2.81\nalias CNAME www\ndangling CNAME nothing\n*.wild A 192.0.2.82\n\
         here.wild TXT \"here\"\n*.cwild CNAME www\ninsecure NS ns1\ndeep.under.insecure-ent NS ns1\n\
         also.under.insecure-ent NS ns1\nsecure NS ns1\nsecure DS {DS}\nsecure.ent NS ns1\nsecure.ent DS {DS}\n"
    )
}

impl Signer {
    /// Makes a KSK and a ZSK of each algorithm; returns the DNSKEYs of the KSKs, and the keys' file names.
    fn keys(&self, folder: &TempDir) -> (Vec<String>, Vec<String>) {
        let (mut anchors, mut files) = (Vec::new(), Vec::new());
        for algorithm in self.algorithms {
            for is_ksk in [true, false] {
                let mut command = match self.tool {
                    Tool::Bind => Command::new("dnssec-keygen"),
                    Tool::Ldns => Command::new("ldns-keygen"),
                };
                command.args(["-a", algorithm]).current_dir(folder.path());
                if algorithm.starts_with("RSA") {
                    command.args(["-b", "2048"]);
                }
                match (self.tool, is_ksk) {
                    (Tool::Bind, true) => drop(command.args(["-f", "KSK"])),
                    (Tool::Ldns, true) => drop(command.arg("-k")),
                    _ => {}
                }
                let file = run(command.arg(ZONE)).trim().to_owned();
                let text = std::fs::read_to_string(folder.join(&format!("{file}.key"))).unwrap();
                let dnskey = text.lines().find(|line| !line.starts_with(';')).unwrap();
                let content = dnskey.split_once("DNSKEY").unwrap().1.split(';').next().unwrap();
                if is_ksk {
                    anchors.push(content.split_whitespace().collect::<Vec<_>>().join(" "));
                }
                files.push(file);
            }
        }
        (anchors, files)
    }

    /// The signed zone as text, under times that do not depend on the clock's second.
    fn sign(&self, folder: &TempDir, files: &[String], unsigned: &str) -> String {
        let zone = folder.join("zone");
        let keys: String =
            files.iter().map(|file| std::fs::read_to_string(folder.join(&format!("{file}.key"))).unwrap()).collect();
        let start = 1_700_000_000_u64;
        match self.tool {
            Tool::Bind => {
                std::fs::write(&zone, format!("{unsigned}{keys}")).unwrap();
                let times = ["-s", "20250101000000", "-e", "20350101000000"];
                let out = ["-O", "full", "-f", "signed", "-o", ZONE];
                run(Command::new("dnssec-signzone")
                    .current_dir(folder.path())
                    .args(times)
                    .args(out)
                    .args(self.chain)
                    .arg("zone"));
            }
            Tool::Ldns => {
                std::fs::write(&zone, unsigned).unwrap();
                let times = ["-i", &start.to_string(), "-e", "20350101000000", "-f", "signed", "-o", ZONE];
                run(Command::new("ldns-signzone")
                    .current_dir(folder.path())
                    .args(times)
                    .args(self.chain)
                    .arg("zone")
                    .args(files));
            }
        }
        std::fs::read_to_string(folder.join("signed")).unwrap()
    }
}

/// Owner, type, TTL, data.
type Tuple = (String, u16, u32, Vec<u8>);

/// The records of a master file, for comparison.
fn records(text: &str) -> BTreeSet<Tuple> {
    let records = wire::zonefile::parse(text, &wire::Name::root(), 300).unwrap();
    let tuple =
        |r: wire::zonefile::ZoneFileRecord| (r.name.to_lowercase().to_string(), r.rtype.0, r.ttl, r.content.wire);
    records.into_iter().map(tuple).collect()
}

fn assert_same(found: &BTreeSet<Tuple>, wanted: &BTreeSet<Tuple>, what: &str) {
    let show = |(name, rtype, ttl, rdata): &Tuple| {
        let rtype = wire::RecordType(*rtype);
        format!("{name} {ttl} {rtype} {}", wire::rdata::print(rtype, rdata).unwrap())
    };
    let only = |a: &BTreeSet<Tuple>, b: &BTreeSet<Tuple>| a.difference(b).map(show).collect::<Vec<_>>().join("\n");
    assert_eq!(only(found, wanted), only(wanted, found), "{what}: the export is not what was stored");
}

fn load_presigned(server: &Signpost, folder: &TempDir, signed: &str) {
    let file = folder.join("to-load");
    std::fs::write(&file, signed).unwrap();
    server.run(&["pdnsutil", "load-zone", ZONE, file.to_str().unwrap()]);
    server.run(&["pdnsutil", "set-presigned", ZONE]);
}

fn presigned_zones_are_served_as_they_are(settings: &dyn Fn() -> Settings, signers: &[Signer]) {
    for signer in signers {
        let what = signer.what;
        let server = Signpost::start(settings());
        let folder = TempDir::new("presigned");
        let (anchors, files) = signer.keys(&folder);
        let signed = signer.sign(&folder, &files, &master_file(1, "192.0.2.80"));
        load_presigned(&server, &folder, &signed);
        until_true("the zone to be served signed", Duration::from_secs(30), || {
            dig(server.dns(), ZONE, "SOA", TRANSPORTS[1]).answer_is_signed()
        });
        let exported = server.run(&["export", ZONE, "--signed"]);
        assert_same(&records(&exported), &records(&signed), what);
        verify_zone(ZONE, &exported);
        server.run(&["pdnsutil", "check-zone", ZONE]);
        let anchors = Anchors::new(&[(ZONE, anchors)]);
        let (mut secure, mut relaxed) = (CASES.to_vec(), Vec::new());
        let denied = DENIED.iter().chain(WILD).cloned();
        if signer.is_opt_out {
            relaxed.extend(denied)
        } else {
            secure.extend(denied)
        }
        let faults = judged(&server, &anchors, &secure, &relaxed);
        assert!(faults.is_empty(), "{what}: {} faults:\n{}", faults.len(), faults.join("\n"));
        edit_presigned(&server, signer, &folder, &files, &signed);
    }
}

/// The same zone with another address, signed again: what differs is written by the API, name by name.
fn edit_presigned(server: &Signpost, signer: &Signer, folder: &TempDir, files: &[String], before: &str) {
    let after = signer.sign(folder, files, &master_file(2, "198.51.100.80"));
    let (old, new) = (records(before), records(&after));
    let touched: BTreeSet<(String, u16)> =
        old.symmetric_difference(&new).map(|(name, rtype, ..)| (name.clone(), *rtype)).collect();
    let rrsets = touched.iter().map(|(name, rtype)| {
        let of_set = new.iter().filter(|(owner, other, ..)| owner == name && other == rtype);
        let text = |rdata: &Vec<u8>| wire::rdata::print(wire::RecordType(*rtype), rdata).unwrap();
        let contents: Vec<(u32, String)> = of_set.map(|(_, _, ttl, rdata)| (*ttl, text(rdata))).collect();
        let rtype = wire::RecordType(*rtype).to_string();
        match contents.first() {
            None => delete(name, &rtype),
            Some((ttl, _)) => {
                replace(name, &rtype, *ttl, &contents.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>())
            }
        }
    });
    server.api().patch(ZONE, rrsets.collect());
    let reply = dig(server.dns(), &at("www"), "A", TRANSPORTS[1]);
    assert_eq!(reply.contents("A"), ["198.51.100.80"]);
    assert!(reply.answer_is_signed());
    let exported = server.run(&["export", ZONE, "--signed"]);
    assert_same(&records(&exported), &new, signer.what);
    verify_zone(ZONE, &exported);
}

#[test]
fn presigned_zones_of_bind_and_ldns_are_served_as_they_are() {
    presigned_zones_are_served_as_they_are(&Settings::sqlite, SIGNERS);
}

#[test]
fn presigned_zones_in_postgres_are_served_as_they_are() {
    let postgres = Postgres::start().unwrap();
    presigned_zones_are_served_as_they_are(
        &|| Settings::postgres(&postgres.url_of(&postgres.create_database().unwrap())),
        &SIGNERS[2..3],
    );
}
