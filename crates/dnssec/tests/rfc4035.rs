//! The example zone of RFC 4035 appendix A and the answers of appendix B: the records we would send are the RFC's.

mod support;

use support::{ask, zone};
use wire::{RecordType, rdata};
use zone::{DenialMode, Found, Zone};

/// Appendix A. The records that a signer makes are left out; DS digests are of no matter here.
const RECORDS: &str = "
    example.        3600 SOA ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600
    example.        3600 NS  ns1.example.
    example.        3600 NS  ns2.example.
    example.        3600 MX  1 xx.example.
    a.example.      3600 NS  ns1.a.example.
    a.example.      3600 NS  ns2.a.example.
    a.example.      3600 DS  57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B
    ns1.a.example.  3600 A   192.0.2.5
    ns2.a.example.  3600 A   192.0.2.6
    ai.example.     3600 A   192.0.2.9
    ai.example.     3600 HINFO \"KLH-10\" \"ITS\"
    ai.example.     3600 AAAA 2001:db8::f00:baa9
    b.example.      3600 NS  ns1.b.example.
    b.example.      3600 NS  ns2.b.example.
    ns1.b.example.  3600 A   192.0.2.7
    ns2.b.example.  3600 A   192.0.2.8
    ns1.example.    3600 A   192.0.2.1
    ns2.example.    3600 A   192.0.2.2
    *.w.example.    3600 MX  1 ai.example.
    x.w.example.    3600 MX  1 xx.example.
    x.y.w.example.  3600 MX  1 xx.example.
    xx.example.     3600 A   192.0.2.10
    xx.example.     3600 HINFO \"KLH-10\" \"TOPS-20\"
    xx.example.     3600 AAAA 2001:db8::f00:baaa
";

fn example() -> Zone {
    zone("example", DenialMode::Nsec, RECORDS)
}

#[test]
fn appendix_a_has_these_nsec_records() {
    let zone = example();
    let mut records: Vec<_> = zone
        .denial_records()
        .map(|(owner, rrset)| (owner, rdata::print(RecordType::NSEC, rrset.rdatas().next().unwrap()).unwrap()))
        .collect();
    records.sort();
    let records: Vec<String> = records.iter().map(|(owner, text)| format!("{owner} {text}")).collect();
    // The RFC's, but for the apex, whose DNSKEY is not in this zone.
    assert_eq!(
        records,
        [
            "example. a.example. NS SOA MX RRSIG NSEC",
            "a.example. ai.example. NS DS RRSIG NSEC",
            "ai.example. b.example. A HINFO AAAA RRSIG NSEC",
            "b.example. ns1.example. NS RRSIG NSEC",
            "ns1.example. ns2.example. A RRSIG NSEC",
            "ns2.example. *.w.example. A RRSIG NSEC",
            "*.w.example. x.w.example. MX RRSIG NSEC",
            "x.w.example. x.y.w.example. MX RRSIG NSEC",
            "x.y.w.example. xx.example. MX RRSIG NSEC",
            "xx.example. example. A HINFO AAAA RRSIG NSEC",
        ]
    );
}

#[test]
fn appendix_b_1_an_answer_needs_no_proof() {
    let zone = example();
    let (found, owners) = ask(&zone, "x.w.example", RecordType::MX);
    assert!(matches!(found, Found::Answer { wildcard: None, .. }));
    assert!(owners.is_empty());
}

#[test]
fn appendix_b_2_name_error() {
    let zone = example();
    let (found, owners) = ask(&zone, "ml.example", RecordType::A);
    assert!(matches!(found, Found::NameError { .. }));
    assert_eq!(owners, ["b.example.", "example."]);
}

#[test]
fn appendix_b_3_no_data() {
    let zone = example();
    let (found, owners) = ask(&zone, "ns1.example", RecordType::MX);
    assert!(matches!(found, Found::NoData { wildcard: None, .. }));
    assert_eq!(owners, ["ns1.example."]);
}

#[test]
fn appendix_b_4_referral_to_signed_zone_has_its_ds_instead() {
    let zone = example();
    let (found, owners) = ask(&zone, "mc.a.example", RecordType::MX);
    assert!(matches!(found, Found::Referral { cut } if cut.rrset(RecordType::DS).is_some()));
    assert!(owners.is_empty());
}

#[test]
fn appendix_b_5_referral_to_unsigned_zone() {
    let zone = example();
    let (found, owners) = ask(&zone, "mc.b.example", RecordType::MX);
    assert!(matches!(found, Found::Referral { .. }));
    assert_eq!(owners, ["b.example."]);
}

#[test]
fn appendix_b_6_wildcard_expansion() {
    let zone = example();
    let (found, owners) = ask(&zone, "a.z.w.example", RecordType::MX);
    assert!(matches!(found, Found::Answer { wildcard: Some(_), .. }));
    assert_eq!(owners, ["x.y.w.example."]);
}

#[test]
fn appendix_b_7_wildcard_no_data() {
    let zone = example();
    let (found, mut owners) = ask(&zone, "a.z.w.example", RecordType::AAAA);
    assert!(matches!(found, Found::NoData { wildcard: Some(_), .. }));
    owners.sort();
    assert_eq!(owners, ["*.w.example.", "x.y.w.example."]);
}

#[test]
fn appendix_b_8_ds_child_zone_no_data() {
    let zone = example();
    let (_, owners) = ask(&zone, "example", RecordType::DS);
    assert_eq!(owners, ["example."]);
}

/// Section 3.1.4.1: DS at a cut is answered, or denied, by this side.
#[test]
fn section_3_1_4_1_no_ds_at_an_insecure_cut() {
    let zone = example();
    let (found, owners) = ask(&zone, "b.example", RecordType::DS);
    assert!(matches!(found, Found::NoData { .. }));
    assert_eq!(owners, ["b.example."]);
}

/// RFC 4592 section 2.2.2: `y.w.example` exists without records; the record before it shows that names below follow.
#[test]
fn an_empty_non_terminal_is_covered_by_the_record_before() {
    let zone = example();
    let (found, owners) = ask(&zone, "y.w.example", RecordType::A);
    assert!(matches!(found, Found::NoData { wildcard: None, .. }));
    assert_eq!(owners, ["x.w.example."]);
}
