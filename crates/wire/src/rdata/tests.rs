//! Vectors of every type, and what must be refused.

use super::*;

/// Types without a vector of another implementation: PowerDNS's own, those younger than that BIND, and meta types.
const OWN_VECTORS: &str = r#"
ALIAS|Lb.example.|024c62076578616d706c6500
LUA|A "return 1"|00010872657475726e2031
HHIT|YWJj|616263
BRID|YWJj|616263
RESINFO|"qnamemin" "exterr=15-17"|08716e616d656d696e0c6578746572723d31352d3137
WALLET|"ETH" "0x01"|034554480430783031
IPSECKEY|10 0 2 YWJj|0a0002616263
IPSECKEY|10 0 0|0a0000
TKEY|gss-tsig. 1 2 3 0 3 YWJj 0|086773732d74736967000000000100000002000300000003616263 0000
TSIG|hmac-sha256. 1704067200 300 2 YWI= 4660 0 0|0b686d61632d736861323536000000659200 80012c0002616212340000 0000
SVCB|1 . dohpath=/q{?dns} ohttp|000100 00070008 2f717b3f646e737d 00080000
A6|\# 1 80|80
OPT|\# 0|
TYPE65280|\# 4 0a000001|0a000001
"#;

struct Vector {
    rtype: RecordType,
    text: &'static str,
    wire: Vec<u8>,
}

fn vectors() -> Vec<Vector> {
    let lines = include_str!("vectors.txt").lines().chain(OWN_VECTORS.lines());
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (rtype, rest) = line.split_once('|').unwrap();
            let (text, hex) = rest.rsplit_once('|').unwrap();
            let hex: String = hex.split_whitespace().collect();
            let wire = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
            Vector { rtype: rtype.parse().unwrap(), text, wire }
        })
        .collect()
}

#[test]
fn every_vector_goes_both_ways() {
    for Vector { rtype, text, wire } in vectors() {
        assert_eq!(parse(rtype, text, None).as_ref(), Ok(&wire), "{rtype} {text}");
        assert_eq!(print(rtype, &wire).as_deref(), Ok(text), "{rtype} {text}");
        assert_eq!(check(rtype, &wire), Ok(()), "{rtype} {text}");
    }
}

/// No type of the table is without a vector.
#[test]
fn every_type_with_a_format_has_a_vector() {
    let vectors = vectors();
    for number in 0..=u16::MAX {
        let rtype = RecordType(number);
        if table::text_fields(rtype).is_some() {
            assert!(vectors.iter().any(|vector| vector.rtype == rtype), "{rtype}");
        }
    }
}

/// RFC 3597 section 5: the generic format names the same data, for known types too.
#[test]
fn every_vector_can_be_written_generically() {
    for Vector { rtype, wire, .. } in vectors() {
        assert_eq!(parse(rtype, &generic::print(&wire), None), Ok(wire), "{rtype}");
    }
}

/// Every truncation is either refused or well-formed by itself; none is misread silently past its end.
#[test]
fn truncated_data_is_checked() {
    for Vector { rtype, wire, .. } in vectors() {
        for length in 0..wire.len() {
            let cut = &wire[..length];
            assert_eq!(check(rtype, cut).is_ok(), print(rtype, cut).is_ok(), "{rtype} at {length}");
        }
    }
    for (rtype, octets) in [
        (RecordType::A, &[192, 0, 2][..]),
        (RecordType::A, &[192, 0, 2, 1, 0]),
        (RecordType::AAAA, &[0; 15]),
        (RecordType::MX, &[0, 10]),
        (RecordType::MX, &[0, 10, 1, b'a']),
        (RecordType::CNAME, &[0xc0, 0x0c]),
        (RecordType::CNAME, &[0, 0]),
        (RecordType::TXT, &[]),
        (RecordType::TXT, &[2, b'a']),
        (RecordType::SOA, &[0, 0, 1]),
        (RecordType::DS, &[0, 1, 13, 2]),
        (RecordType::NSEC3, &[1, 0, 0, 0, 0, 0]),
        (RecordType::CAA, &[0, 0]),
        (RecordType::LOC, &[1, 0x12, 0x16, 0x13, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        (RecordType::LOC, &[0, 0xa2, 0x16, 0x13, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        (RecordType::LOC, &[0, 0x12, 0x16, 0x13, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        (RecordType::IPSECKEY, &[1, 4, 2, 0]),
    ] {
        assert!(check(rtype, octets).is_err(), "{rtype} {octets:?}");
    }
}

#[test]
fn faults_name_the_field() {
    for (rtype, text, reason) in [
        (RecordType::A, "x", "address: unable to parse IPv4 address 'x'"),
        (RecordType::A, "1.2.3.4.5", "address: unable to parse IPv4 address '1.2.3.4.5'"),
        (RecordType::AAAA, "::g", "address: unable to parse IPv6 address '::g'"),
        (RecordType::MX, "10", "exchange: missing field at the end of record content '10'"),
        (RecordType::SRV, "1 2 65536 .", "port: Overflow reading 16 bit integer from record content"),
        (RecordType::SRV, "1 2 +3 .", "port: expected digits at position 4 in '+3'"),
        (RecordType::CNAME, "a..b", "target: 'a..b': empty label"),
        (RecordType::HINFO, "\"a\"", "os: missing field"),
        (RecordType::DS, "1 13 2 xx", "digest: bad hexadecimal 'xx'"),
        (RecordType::DS, "1 13 2", "digest: missing field"),
        (RecordType::DS, "1 FOO 2 aa", "algorithm: expected digits"),
        (RecordType::DNSKEY, "257 3 13", "public key: missing field"),
        (RecordType::DNSKEY, "257 3 13 a", "public key: bad base64 'a'"),
        (RecordType::DNSKEY, "257 3 13 ====", "public key: bad base64"),
        (RecordType::RRSIG, "FOO 8 2 1 1 1 1 x. YWJj", "type covered: unknown record type 'FOO'"),
        (RecordType::RRSIG, "A 8 2 1 20301301000000 1 1 x. YWJj", "expiration: '20301301000000' is no time"),
        (RecordType::NSEC, "a. FOO", "types: unknown record type 'FOO'"),
        (RecordType::NSEC3, "1 0 0 - xyz", "next hashed owner: bad base32hex 'xyz'"),
        (RecordType::CAA, "0 a;b \"x\"", "tag: is empty or has octets"),
        (RecordType::EUI48, "00-11-22-33-44", "address: '00-11-22-33-44' is not 6 groups"),
        (RecordType::IPSECKEY, "1 4 2 . YWJj", "gateway: type 4 is not 0 to 3"),
        (RecordType::WKS, "192.0.2.1 6 nosuch", "services: 'nosuch' is no port"),
        (RecordType(65_000), "abc", "data of type TYPE65000 must be written as \\# LENGTH HEX"),
        (RecordType(65_000), "\\# 2 abcdef", "length 2 is said, but there are 3 octets"),
        (RecordType(65_000), "\\# 70000", "length: Overflow reading 16 bit"),
        (RecordType::A, "\\# 3 000000", "address: 4 octets wanted, 3 left"),
        (RecordType::A, "192.0.2.1 x", "When parsing A trailing data was not parsed: ' x'"),
    ] {
        let error = parse(rtype, text, None).unwrap_err();
        assert!(error.reason.starts_with(reason), "{rtype} {text}: {error}");
    }
    let long_string = format!("\"{}\" \"\"", "x".repeat(256));
    let error = parse(RecordType::HINFO, &long_string, None).unwrap_err();
    assert_eq!(error.reason, "cpu: string of 256 octets is longer than 255");
    let long_data = format!("\"{}\"", "x".repeat(65_535));
    assert!(parse(RecordType::TXT, &long_data, None).unwrap_err().reason.ends_with("longer than 65535"));
}

#[test]
fn mnemonics_and_free_spellings_are_read() {
    for (rtype, text, canonical) in [
        (RecordType::DS, "60485 RSASHA1 1 2BB1 83AF", "60485 5 1 2bb183af"),
        (RecordType::CERT, "PKIX 1 RSASHA256 YW Jj", "1 1 8 YWJj"),
        (RecordType::WKS, "192.0.2.1 tcp smtp 21", "192.0.2.1 6 21 25"),
        (RecordType::SOA, "a. b. 1 1h 2H30m 1w 1d", "a. b. 1 3600 9000 604800 86400"),
        (RecordType::RRSIG, "a 8 2 1 1893456000 0 1 x. YWJj", "A 8 2 1 20300101000000 19700101000000 1 x. YWJj"),
        (RecordType::HINFO, "PC Linux", "\"PC\" \"Linux\""),
        (RecordType::CAA, "0 issue ca.example", "0 issue \"ca.example\""),
        (RecordType::CSYNC, "1 2 NS A A TYPE1", "1 2 A NS"),
        (RecordType::NSEC3, "1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A", "1 0 0 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A"),
        (RecordType::IPSECKEY, "10 0 2 . YWJj", "10 0 2 YWJj"),
        (RecordType::EUI48, "0-1-2-3-4-A", "00-01-02-03-04-0a"),
        (RecordType::NID, "10 14:4fff:ff20:ee64", "10 0014:4FFF:FF20:EE64"),
        (RecordType::CNAME, "a\\046b\\\"\\;", "a\\.b\\\"\\;."),
        (RecordType::DNSKEY, "257 3 13 YQ", "257 3 13 YQ=="),
    ] {
        let wire = parse(rtype, text, None).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        assert_eq!(print(rtype, &wire).as_deref(), Ok(canonical));
    }
}

#[test]
fn relative_names_take_the_origin() {
    let origin: Name = "example.com".parse().unwrap();
    for (rtype, text, absolute) in [
        (RecordType::MX, "10 mail", "10 mail.example.com."),
        (RecordType::SOA, "@ h 1 2 3 4 5", "example.com. h.example.com. 1 2 3 4 5"),
        (RecordType::CNAME, "a\\.", "a\\..example.com."),
        (RecordType::IPSECKEY, "1 3 2 gw YWJj", "1 3 2 gw.example.com. YWJj"),
        (RecordType::SVCB, "1 svc", "1 svc.example.com."),
        (RecordType::NS, "ns.", "ns."),
    ] {
        let wire = parse(rtype, text, Some(&origin)).unwrap();
        assert_eq!(print(rtype, &wire).as_deref(), Ok(absolute), "{text}");
    }
    let long: Name = format!("{}.{}", "a".repeat(63), "b".repeat(63)).parse().unwrap();
    let text = format!("{}.{}", "c".repeat(63), "d".repeat(63));
    assert!(parse(RecordType::NS, &text, Some(&long)).unwrap_err().reason.contains("longer than 255"));
}

/// RFC 4034 section 6.2 with RFC 6840 section 5.1: names are lower-cased in these types and in no others.
#[test]
fn the_canonical_form_lowers_names_in_the_listed_types_alone() {
    for (rtype, text, canonical_text) in [
        (RecordType::NS, "A.B.", "a.b."),
        (RecordType::CNAME, "A.B.", "a.b."),
        (RecordType::SOA, "A. B. 1 2 3 4 5", "a. b. 1 2 3 4 5"),
        (RecordType::MB, "A.", "a."),
        (RecordType::MG, "A.", "a."),
        (RecordType::MR, "A.", "a."),
        (RecordType::PTR, "A.", "a."),
        (RecordType::MINFO, "A. B.", "a. b."),
        (RecordType::MX, "16705 A.", "16705 a."),
        (RecordType::RP, "A. B.", "a. b."),
        (RecordType::AFSDB, "1 A.", "1 a."),
        (RecordType::SIG, "A 8 2 1 1 1 1 X. QUJD", "A 8 2 1 1 1 1 x. QUJD"),
        (RecordType::NAPTR, "1 2 \"U\" \"S\" \"R\" A.", "1 2 \"U\" \"S\" \"R\" a."),
        (RecordType::KX, "1 A.", "1 a."),
        (RecordType::SRV, "1 2 3 A.", "1 2 3 a."),
        (RecordType::DNAME, "A.", "a."),
        (RecordType::RRSIG, "A 8 2 1 1 1 1 X. QUJD", "A 8 2 1 1 1 1 x. QUJD"),
        (RecordType::NSEC, "A.B. A", "A.B. A"),
        (RecordType::SVCB, "1 A.", "1 A."),
        (RecordType::LP, "1 A.", "1 A."),
        (RecordType::HINFO, "\"A\" \"B\"", "\"A\" \"B\""),
        (RecordType::TXT, "\"A\"", "\"A\""),
        (RecordType::ALIAS, "A.", "A."),
    ] {
        let wire = parse(rtype, text, None).unwrap();
        let wanted = parse(rtype, canonical_text, None).unwrap();
        assert_eq!(canonical(rtype, &wire), wanted, "{rtype} {text}");
    }
    // RT, PX, MD, MF, NXT and A6 have no text here: preference and name, two names, name, name and bitmap, suffix and name.
    for (rtype, octets, wanted) in [
        (RecordType::RT, &b"AA\x01B\0"[..], &b"AA\x01b\0"[..]),
        (RecordType::PX, b"AA\x01B\0\x01C\0", b"AA\x01b\0\x01c\0"),
        (RecordType::MD, b"\x01B\0", b"\x01b\0"),
        (RecordType::MF, b"\x01B\0", b"\x01b\0"),
        (RecordType::NXT, b"\x01B\0A", b"\x01b\0A"),
        (RecordType::A6, b"\x78A\x01B\0", b"\x78A\x01b\0"),
        (RecordType::A6, b"\x00ABCDEFGHIJKLMNOP", b"\x00ABCDEFGHIJKLMNOP"),
        (RecordType(65_280), b"\x01B\0", b"\x01B\0"),
    ] {
        assert_eq!(canonical(rtype, octets), wanted, "{rtype}");
    }
}

#[test]
fn a_canonical_form_that_changes_nothing_is_borrowed() {
    for (rtype, octets) in [
        (RecordType::MX, &b"AA\x01b\0"[..]),
        (RecordType::MX, b"AA\x05B\0"),
        (RecordType::A, b"ABCD"),
        (RecordType::TXT, b"\x01A"),
        (RecordType::NS, b""),
        (RecordType::A6, b"\xffA\x01B\0"),
    ] {
        assert!(matches!(canonical(rtype, octets), Cow::Borrowed(same) if same == octets), "{rtype}");
    }
}
