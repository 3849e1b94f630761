//! A stranger's validator (BIND's `delv`) over UDP: every kind of signed answer, in both denial modes.

mod fixture;

use dataplane::{DataPlane, DataPlaneSettings};
use fixture::{Mode, table, zone};
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
    safe.example. 110 NS ns.safe.example.
    safe.example. 110 DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
    ns.safe.example. 110 A 192.0.2.60
    ";

/// Name, type, and whether data or its absence is validated.
const ASKED: [(&str, &str, &str); 20] = [
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
];

#[tokio::test]
async fn delv_validates_every_kind_of_answer() {
    for mode in [Mode::Nsec, Mode::Nsec3] {
        let served = zone(mode, EXAMPLE);
        let dnskey = served.zone.apex_node().rrset(RecordType::DNSKEY).unwrap().rdatas().next().unwrap().to_vec();
        let text = wire::rdata::print(RecordType::DNSKEY, &dnskey).unwrap();
        let fields: Vec<&str> = text.splitn(4, ' ').collect();
        let anchor = format!(
            "trust-anchors {{ example. static-key {} {} {} \"{}\"; }};\n",
            fields[0], fields[1], fields[2], fields[3]
        );
        let file = std::env::temp_dir().join(format!("signpost-anchor-{}-{mode:?}", std::process::id()));
        std::fs::write(&file, anchor).unwrap();
        let settings = DataPlaneSettings {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            udp_workers: 1,
            ..DataPlaneSettings::default()
        };
        let plane = DataPlane::bind(&settings, table([served])).unwrap();
        let server = plane.local_addrs()[0];
        let anchor = file.clone();
        tokio::task::spawn_blocking(move || {
            for (name, qtype, wanted) in ASKED {
                let output = Command::new("delv")
                    .args(["@127.0.0.1", "-p", &server.port().to_string(), "+root=example", "-a"])
                    .arg(&anchor)
                    .args([name, qtype])
                    .output()
                    .expect("delv is installed (Debian: bind9-dnsutils)");
                let text = String::from_utf8_lossy(&output.stdout);
                assert_eq!(text.lines().next(), Some(wanted), "{mode:?} {name} {qtype}\n{output:?}");
                assert!(!text.contains("unsigned answer"), "{text}");
            }
        })
        .await
        .unwrap();
        plane.shutdown().await;
        std::fs::remove_file(file).unwrap();
    }
}
