//! The example zone of RFC 5155 appendix A and the answers of appendix B: the records we would send are the RFC's.

mod support;

use support::{ask, zone};
use wire::{RecordType, rdata};
use zone::{DenialMode, Found, Zone};

/// Appendix A. The records that a signer makes are left out; DS digests are of no matter here.
const RECORDS: &str = "
    example.        3600 SOA ns1.example. bugs.x.w.example. 1 3600 300 3600000 3600
    example.        3600 NS  ns1.example.
    example.        3600 NS  ns2.example.
    example.        3600 MX  1 xx.example.
    2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. 3600 A 192.0.2.127
    a.example.      3600 NS  ns1.a.example.
    a.example.      3600 NS  ns2.a.example.
    a.example.      3600 DS  58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C
    ns1.a.example.  3600 A   192.0.2.5
    ns2.a.example.  3600 A   192.0.2.6
    c.example.      3600 NS  ns1.c.example.
    c.example.      3600 NS  ns2.c.example.
    ns1.c.example.  3600 A   192.0.2.7
    ns2.c.example.  3600 A   192.0.2.8
    ai.example.     3600 A   192.0.2.9
    ai.example.     3600 HINFO \"KLH-10\" \"ITS\"
    ai.example.     3600 AAAA 2001:db8:0:0:0:0:f00:baa9
    ns1.example.    3600 A   192.0.2.1
    ns2.example.    3600 A   192.0.2.2
    *.w.example.    3600 MX  1 ai.example.
    x.w.example.    3600 MX  1 xx.example.
    x.y.w.example.  3600 MX  1 xx.example.
    xx.example.     3600 A   192.0.2.10
    xx.example.     3600 HINFO \"KLH-10\" \"TOPS-20\"
    xx.example.     3600 AAAA 2001:db8:0:0:0:0:f00:baaa
";

fn example() -> Zone {
    zone("example", DenialMode::Nsec3("1 1 12 aabbccdd".parse().unwrap()), RECORDS)
}

const APEX: &str = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.";
const A: &str = "35mthgpgcu1qg68fab165klnsnk3dpvl.example.";
const NS1: &str = "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.";
const NS2: &str = "q04jkcevqvmu85r014c7dkba38o0ji5r.example.";
const W: &str = "k8udemvp1j2f7eg6jebps17vp3n8i58h.example.";
const WILDCARD_W: &str = "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example.";
const X_W: &str = "b4um86eghhds6nea196smvmlo4ors995.example.";
const Y_W: &str = "ji6neoaepv8b5o6k4ev33abha8ht9fgc.example.";

#[test]
fn appendix_a_has_these_nsec3_records() {
    let zone = example();
    let mut records: Vec<String> = zone
        .denial_records()
        .map(|(owner, rrset)| {
            let text = rdata::print(RecordType::NSEC3, rrset.rdatas().next().unwrap()).unwrap();
            format!("{} {}", owner.labels().next().map(String::from_utf8_lossy).unwrap(), text.to_lowercase())
        })
        .collect();
    records.sort();
    // The RFC's, but for the apex, whose DNSKEY and NSEC3PARAM are not in this zone.
    let wanted = [
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr ns soa mx rrsig",
        "2t7b4g4vsa5smi47k61mv5bv1a22bojr 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s a rrsig",
        "2vptu5timamqttgl4luu9kg21e0aor3s 1 1 12 aabbccdd 35mthgpgcu1qg68fab165klnsnk3dpvl mx rrsig",
        "35mthgpgcu1qg68fab165klnsnk3dpvl 1 1 12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 ns ds rrsig",
        "b4um86eghhds6nea196smvmlo4ors995 1 1 12 aabbccdd gjeqe526plbf1g8mklp59enfd789njgi mx rrsig",
        "gjeqe526plbf1g8mklp59enfd789njgi 1 1 12 aabbccdd ji6neoaepv8b5o6k4ev33abha8ht9fgc a hinfo aaaa rrsig",
        "ji6neoaepv8b5o6k4ev33abha8ht9fgc 1 1 12 aabbccdd k8udemvp1j2f7eg6jebps17vp3n8i58h",
        "k8udemvp1j2f7eg6jebps17vp3n8i58h 1 1 12 aabbccdd kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
        "kohar7mbb8dc2ce8a9qvl8hon4k53uhi 1 1 12 aabbccdd q04jkcevqvmu85r014c7dkba38o0ji5r a rrsig",
        "q04jkcevqvmu85r014c7dkba38o0ji5r 1 1 12 aabbccdd r53bq7cc2uvmubfu5ocmm6pers9tk9en a rrsig",
        "r53bq7cc2uvmubfu5ocmm6pers9tk9en 1 1 12 aabbccdd t644ebqk9bibcna874givr6joj62mlhv mx rrsig",
        "t644ebqk9bibcna874givr6joj62mlhv 1 1 12 aabbccdd 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom a hinfo aaaa rrsig",
    ];
    assert_eq!(records.iter().map(|record| record.trim()).collect::<Vec<_>>(), wanted);
}

#[test]
fn appendix_b_1_name_error() {
    let zone = example();
    let (found, owners) = ask(&zone, "a.c.x.w.example", RecordType::A);
    assert!(matches!(found, Found::NameError { .. }));
    // Closest encloser x.w.example, next closer name c.x.w.example, wildcard *.x.w.example.
    assert_eq!(owners, [X_W, APEX, A]);
}

#[test]
fn appendix_b_2_no_data() {
    let zone = example();
    let (_, owners) = ask(&zone, "ns1.example", RecordType::MX);
    assert_eq!(owners, [NS1]);
}

#[test]
fn appendix_b_2_1_no_data_at_an_empty_non_terminal() {
    let zone = example();
    let (found, owners) = ask(&zone, "y.w.example", RecordType::A);
    assert!(matches!(found, Found::NoData { wildcard: None, .. }));
    assert_eq!(owners, [Y_W]);
}

#[test]
fn appendix_b_3_referral_to_an_opt_out_unsigned_zone() {
    let zone = example();
    let (found, owners) = ask(&zone, "mc.c.example", RecordType::MX);
    assert!(matches!(found, Found::Referral { .. }));
    // Closest provable encloser example, and what covers the next closer name c.example.
    assert_eq!(owners, [APEX, A]);
    // Section 7.2.4: DS is denied by the same.
    let (found, owners) = ask(&zone, "c.example", RecordType::DS);
    assert!(matches!(found, Found::NoData { .. }));
    assert_eq!(owners, [APEX, A]);
}

/// Section 7.2.7: without opt-out the delegation's own record matches.
#[test]
fn section_7_2_7_referral_to_an_unsigned_zone_without_opt_out() {
    let zone = zone("example", DenialMode::Nsec3("1 0 12 aabbccdd".parse().unwrap()), RECORDS);
    let (found, owners) = ask(&zone, "mc.c.example", RecordType::MX);
    assert!(matches!(found, Found::Referral { .. }));
    assert_eq!(owners, ["4g6p9u5gvfshp30pqecj98b3maqbn1ck.example."]);
    let (_, owners) = ask(&zone, "c.example", RecordType::DS);
    assert_eq!(owners, ["4g6p9u5gvfshp30pqecj98b3maqbn1ck.example."]);
}

#[test]
fn appendix_b_4_wildcard_expansion() {
    let zone = example();
    let (found, owners) = ask(&zone, "a.z.w.example", RecordType::MX);
    assert!(matches!(found, Found::Answer { wildcard: Some(_), .. }));
    // It covers the next closer name z.w.example.
    assert_eq!(owners, [NS2]);
}

#[test]
fn appendix_b_5_wildcard_no_data() {
    let zone = example();
    let (found, owners) = ask(&zone, "a.z.w.example", RecordType::AAAA);
    assert!(matches!(found, Found::NoData { wildcard: Some(_), .. }));
    assert_eq!(owners, [W, NS2, WILDCARD_W]);
}

#[test]
fn appendix_b_6_ds_child_zone_no_data() {
    let zone = example();
    let (_, owners) = ask(&zone, "example", RecordType::DS);
    assert_eq!(owners, [APEX]);
}

/// Section 7.2.8: the owner of an NSEC3 record is no name of the zone; this one has other records besides.
#[test]
fn section_7_2_8_owners_of_nsec3_records_do_not_exist() {
    let zone = example();
    let (found, _) = ask(&zone, NS2, RecordType::NSEC3);
    assert!(matches!(found, Found::NameError { .. }));
    let (found, owners) = ask(&zone, NS1, RecordType::NSEC3);
    assert!(matches!(found, Found::NoData { .. }));
    assert_eq!(owners, ["kohar7mbb8dc2ce8a9qvl8hon4k53uhi.example."]);
}
