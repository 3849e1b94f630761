//! Types that nobody here knows, and the format that names any data (RFC 3597).

use wire::{RecordType, content, rdata, zonefile};

fn generic(octets: &[u8]) -> String {
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("\\# {} {hex}", octets.len()).trim_end().to_string()
}

/// Types without a format here: the registry's others, what is not assigned, and private use. Of five obsolete ones (RFC 1035, RFC
/// 1183, RFC 2163, RFC 2535) the names in their data are known, but no text.
fn unknown_types() -> impl Iterator<Item = RecordType> {
    const NAMES_KNOWN: [RecordType; 5] =
        [RecordType::MD, RecordType::MF, RecordType::RT, RecordType::PX, RecordType::NXT];
    (1..=u16::MAX)
        .map(RecordType)
        .filter(|rtype| rtype.mnemonic().is_none() && !rtype.is_meta() && !NAMES_KNOWN.contains(rtype))
}

#[test]
fn section_3_data_of_unknown_types_is_any_octets() {
    let octets: Vec<u8> = (240..=255).chain(0..4).collect();
    for rtype in unknown_types() {
        assert_eq!(rdata::check(rtype, &octets), Ok(()), "{rtype}");
        assert_eq!(rdata::print(rtype, &octets), Ok(generic(&octets)), "{rtype}");
        assert_eq!(rdata::parse(rtype, &generic(&octets), None).as_deref(), Ok(&octets[..]), "{rtype}");
    }
}

/// RFC 3597 section 5: class and type by number, data by length and hexadecimal, in words as one likes.
#[test]
fn section_5_examples() {
    let text = "\
        a.example.   CLASS1  TYPE731   \\# 6 abcd ( ef 01 23 45 )\n\
        b.example.   IN      TYPE62347 \\# 0\n\
        e.example.   IN      A         \\# 4 0A000001\n\
        e.example.   CLASS1  TYPE1     10.0.0.2\n";
    let records = zonefile::parse(text, &"example.".parse().unwrap(), 60).unwrap();
    let shown: Vec<_> = records.iter().map(|record| (record.rtype, &record.content.wire[..])).collect();
    assert_eq!(
        shown,
        [
            (RecordType(731), &[0xab, 0xcd, 0xef, 0x01, 0x23, 0x45][..]),
            (RecordType(62347), &[]),
            (RecordType::A, &[10, 0, 0, 1]),
            (RecordType::A, &[10, 0, 0, 2]),
        ]
    );
}

#[test]
fn section_5_lengths_that_are_wrong() {
    for text in ["\\# 5 abcdef", "\\# 2 abcdef", "\\# 65536", "\\# -1", "\\#", "\\# 3 abcdeg", "\\# 3 abcde", "abcdef"]
    {
        assert!(rdata::parse(RecordType(731), text, None).is_err(), "{text}");
    }
}

/// The generic format of a known type is checked as that type, and is the same data as its own text.
#[test]
fn section_5_known_types_may_be_written_so() {
    for (rtype, text, octets) in [
        (RecordType::A, "10.0.0.1", &[10, 0, 0, 1][..]),
        (RecordType::MX, "10 a.", b"\0\x0a\x01a\0"),
        (RecordType::TXT, "\"ab\"", b"\x02ab"),
        (RecordType::HTTPS, "1 . port=443", b"\0\x01\0\0\x03\0\x02\x01\xbb"),
    ] {
        assert_eq!(rdata::parse(rtype, &generic(octets), None), rdata::parse(rtype, text, None), "{text}");
        // Rows of a type may have it in them; the API shows what PowerDNS shows.
        let prio = Some(if rtype == RecordType::MX { 10 } else { 0 });
        assert_eq!(content::to_wire(rtype, &generic(octets), prio).as_deref(), Ok(octets), "{text}");
        assert_eq!(content::to_api(rtype, &generic(octets), prio).as_deref(), Ok(text));
        assert!(rdata::parse(rtype, &generic(&octets[..octets.len() - 1]), None).is_err(), "{text}");
    }
}

/// RFC 3597 section 7: no name in them is changed by the canonical form, and none in types younger than the RFC.
#[test]
fn section_7_unknown_data_has_no_letter_case() {
    for rtype in [RecordType(731), RecordType(65_280), RecordType::SVCB, RecordType::LP, RecordType::IPSECKEY] {
        assert_eq!(rdata::canonical(rtype, b"\0\x0a\x01A\0"), &b"\0\x0a\x01A\0"[..], "{rtype}");
    }
}

#[test]
fn the_api_takes_and_returns_unknown_types() {
    for sent in ["\\# 3 abcdef", "\\# 0", "\\# 1 00"] {
        let content = content::from_api(RecordType(65_500), sent).unwrap();
        assert_eq!((content.stored.as_str(), content.prio), (sent, 0));
        assert_eq!(content::to_api(RecordType(65_500), sent, None).as_deref(), Ok(sent));
    }
}
