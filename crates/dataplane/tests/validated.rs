//! A stranger's validator (BIND's `delv`) over UDP: every kind of signed answer, in all denial modes, from the root down and across
//! zones.

mod fixture;

use dataplane::{DataPlane, DataPlaneSettings};
use dnssec::ServedZone;
use fixture::{SIGNED, table, zone};
use std::process::Command;
use wire::RecordType;

const EXAMPLE: &str = "
    example. 3600 SOA ns1.example. host.example. 1 7200 3600 1209600 300
    example. 3600 NS ns1.example.
    ns1.example. 3600 A 192.0.2.1
    www.example. 60 A 192.0.2.10
    www.example. 60 MX 10 Mail.Example.
    alias.example. 70 CNAME www.example.
    dangling.example. 70 CNAME nothing.example.
    *.wild.example. 80 A 192.0.2.99
    *.cwild.example. 80 CNAME www.example.
    here.wild.example. 80 TXT \"here\"
    deep.ent.example. 80 A 192.0.2.98
    old.example. 90 DNAME new.example.
    host.new.example. 90 A 192.0.2.97
    child.example. 100 NS ns.child.example.
    ns.child.example. 100 A 192.0.2.50
    over.example. 70 CNAME x.w.other.
    over-gone.example. 70 CNAME nothing.other.
    *.over.example. 70 CNAME y.w.other.
    chain.example. 70 CNAME a.d.other.
    *.wns.example. 70 NS ns1.example.
    *.wns.example. 70 A 192.0.2.44
    svc.example. 70 HTTPS 1 www.example. alpn=h2
    dname-apart.example. 90 DNAME elsewhere.example.
    a\\.b.example. 60 TXT dot
    \\000\\255.example. 60 TXT octets
    safe.example. 110 NS ns.safe.example.
    safe.example. 110 DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
    ns.safe.example. 110 A 192.0.2.60
    ";

const OTHER: &str = "
    other. 3600 SOA ns1.other. host.other. 1 7200 3600 1209600 200
    other. 3600 NS ns1.other.
    ns1.other. 3600 A 192.0.2.1
    *.w.other. 60 A 192.0.2.11
    d.other. 60 DNAME e.example.
    ";

/// Name, type, and whether data or its absence is validated: of a chain, its first link.
const ASKED: &[(&str, &str, &str)] = &[
    ("example", "SOA", "; fully validated"),
    ("example", "DNSKEY", "; fully validated"),
    ("www.example", "A", "; fully validated"),
    ("www.example", "MX", "; fully validated"),
    ("WwW.ExAmPlE", "A", "; fully validated"),
    ("www.example", "AAAA", "; negative response, fully validated"),
    ("nothing.example", "A", "; negative response, fully validated"),
    ("a.b.c.www.example", "A", "; negative response, fully validated"),
    ("ent.example", "A", "; negative response, fully validated"),
    ("x.ent.example", "A", "; negative response, fully validated"),
    ("x.wild.example", "A", "; fully validated"),
    ("x.y.wild.example", "A", "; fully validated"),
    ("*.wild.example", "A", "; fully validated"),
    ("x.wild.example", "TXT", "; negative response, fully validated"),
    ("x.here.wild.example", "A", "; negative response, fully validated"),
    ("alias.example", "A", "; fully validated"),
    ("x.cwild.example", "A", "; fully validated"),
    ("host.old.example", "A", "; fully validated"),
    ("safe.example", "DS", "; fully validated"),
    ("child.example", "DS", "; negative response, fully validated"),
    (".", "NS", "; fully validated"),
    ("nothing", "A", "; negative response, fully validated"),
    ("example", "DS", "; fully validated"),
    ("over.example", "A", "; fully validated"),
    ("z.over.example", "A", "; fully validated"),
    ("over.example", "TXT", "; fully validated"),
    ("over-gone.example", "A", "; fully validated"),
    ("chain.example", "A", "; fully validated"),
    ("q.wns.example", "NS", "; negative response, fully validated"),
    ("q.wns.example", "A", "; fully validated"),
    ("q.wns.example", "MX", "; negative response, fully validated"),
    ("svc.example", "HTTPS", "; fully validated"),
    ("x.dname-apart.example", "CNAME", "; fully validated"),
    (r"a\.b.example", "TXT", "; fully validated"),
    (r"\000\255.example", "TXT", "; fully validated"),
    (r"\000.example", "TXT", "; negative response, fully validated"),
    (r"\255.wild.example", "A", "; fully validated"),
];

/// A zone as the parent sees it: its DS record.
fn delegation(served: &ServedZone) -> String {
    let apex = served.zone.apex();
    let dnskey = served.zone.apex_node().rrset(RecordType::DNSKEY).unwrap().rdatas().next().unwrap();
    let ds = dnssec::ds::ds(apex, dnskey, 2).unwrap();
    format!("{apex} 60 NS ns1.{apex}\n{apex} 60 DS {}\n", wire::rdata::print(RecordType::DS, &ds).unwrap())
}

#[tokio::test]
async fn delv_validates_every_kind_of_answer() {
    for mode in SIGNED {
        let zones = [zone(mode, EXAMPLE), zone(mode, OTHER)];
        let delegations: String = zones.iter().map(delegation).collect();
        let root = zone(mode, &format!(". 60 SOA a. b. 1 1 1 1 1\n. 60 NS ns1.example.\n{delegations}"));
        let dnskey = root.zone.apex_node().rrset(RecordType::DNSKEY).unwrap().rdatas().next().unwrap().to_vec();
        let text = wire::rdata::print(RecordType::DNSKEY, &dnskey).unwrap();
        let fields: Vec<&str> = text.splitn(4, ' ').collect();
        let anchor =
            format!("trust-anchors {{ . static-key {} {} {} \"{}\"; }};\n", fields[0], fields[1], fields[2], fields[3]);
        let file = std::env::temp_dir().join(format!("signpost-anchor-{}-{mode:?}", std::process::id()));
        std::fs::write(&file, anchor).unwrap();
        let settings = DataPlaneSettings {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            udp_workers: 1,
            ..DataPlaneSettings::default()
        };
        let plane = DataPlane::bind(&settings, table(zones.into_iter().chain([root]))).unwrap();
        let server = plane.local_addrs()[0];
        let anchor = file.clone();
        tokio::task::spawn_blocking(move || {
            for &(name, qtype, wanted) in ASKED {
                let output = Command::new("delv")
                    .args(["@127.0.0.1", "-p", &server.port().to_string(), "-a"])
                    .arg(&anchor)
                    .args([name, qtype])
                    .output()
                    .expect("delv is installed (Debian: bind9-dnsutils)");
                let text = String::from_utf8_lossy(&output.stdout);
                assert_eq!(text.lines().next(), Some(wanted), "{mode:?} {name} {qtype}\n{output:?}");
                assert!(!text.contains("unsigned"), "{text}");
            }
        })
        .await
        .unwrap();
        plane.shutdown().await;
        std::fs::remove_file(file).unwrap();
    }
}
