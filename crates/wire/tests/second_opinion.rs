//! hickory-proto reads what we encode, and agrees on the canonical form (RFC 4034 section 6.2).

use hickory_proto::rr::{RData, RecordType as TheirType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable, BinEncoder, Restrict};
use wire::{Name, RecordType, rdata};

/// Types that hickory knows the format of without its DNSSEC features, in mixed case.
const TEXTS: &[(&str, &str)] = &[
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("CAA", "0 issue \"ca1.example.net; account=230123\""),
    ("CERT", "1 2345 8 AQIDBAUG"),
    ("CNAME", "A.Example.com."),
    ("CSYNC", "66 3 A NS AAAA"),
    ("HINFO", "\"PC\" \"Linux\""),
    (
        "HTTPS",
        "16 Foo.example.org. mandatory=alpn,ipv4hint alpn=h2,h3-19 port=443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1",
    ),
    ("MX", "10 Mail.example.com."),
    ("NAPTR", "100 10 \"U\" \"E2U+sip\" \"!^(.*)$!sip:\\\\1@example.com!\" X.example."),
    ("NS", "NS1.Example.com."),
    ("OPENPGPKEY", "mDMEXEcE6RYJ"),
    ("PTR", "Host.example.com."),
    ("SMIMEA", "3 0 0 aabbcc"),
    ("SOA", "Ns.example.com. Hostmaster.example.com. 2026112401 7200 3600 1209600 300"),
    ("SRV", "0 5 5060 Sip.example.com."),
    ("SSHFP", "2 1 123456789abcdef67890123456789abcdef67890"),
    ("SVCB", "1 . port=53"),
    ("TLSA", "3 1 1 d2abde240d7cd3ee"),
    ("TXT", "\"v=spf1 -all\" \"\" \"\\195\\169\\\"\\\\;\""),
];

#[test]
fn hickory_decodes_our_data_and_encodes_the_same_canonical_form() {
    for (rtype, text) in TEXTS {
        let rtype: RecordType = rtype.parse().unwrap();
        let ours = rdata::parse(rtype, text, None).unwrap();
        let mut decoder = BinDecoder::new(&ours);
        let length = Restrict::new(ours.len() as u16);
        let theirs = RData::read(&mut decoder, TheirType::from(rtype.0), length).unwrap();
        assert!(!matches!(theirs, RData::Unknown { .. }), "{rtype}: hickory does not know it");
        let mut encoded = Vec::new();
        let mut encoder = BinEncoder::new(&mut encoded);
        encoder.set_canonical_form(true);
        theirs.emit(&mut encoder).unwrap();
        assert_eq!(rdata::canonical(rtype, &ours), encoded, "{rtype} {text}");
    }
}

#[test]
fn hickory_agrees_on_names() {
    for text in ["example.com.", "a\\.b.c.", "*.x.", "_a.b/c.test.", "\\000\\255.x."] {
        let ours: Name = text.parse().unwrap();
        let theirs = hickory_proto::rr::Name::from_bytes(ours.as_wire()).unwrap();
        assert_eq!(theirs.to_bytes().unwrap(), ours.as_wire(), "{text}");
        assert!(theirs.iter().eq(ours.labels()), "{text}");
    }
}
