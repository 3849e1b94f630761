//! What the API takes and gives back, and what rows mean.

use super::*;

fn rtype(text: &str) -> RecordType {
    text.parse().unwrap()
}

fn taken(rtype_text: &str, text: &str) -> Content {
    match from_api(rtype(rtype_text), text) {
        Ok(content) => content,
        Err(error) => panic!("{rtype_text} {text}: {error}"),
    }
}

fn refused(rtype_text: &str, text: &str) -> String {
    match from_api(rtype(rtype_text), text) {
        Ok(content) => panic!("{rtype_text} {text}: taken as {content:?}"),
        Err(error) => error.0,
    }
}

/// What is sent in canonical spelling is stored without dots and comes back as it was sent.
#[test]
fn canonical_contents_come_back_as_sent() {
    for (rtype_text, sent, stored, prio) in [
        ("A", "192.0.2.1", "192.0.2.1", 0),
        ("CNAME", "Target.Example.", "Target.Example", 0),
        ("NS", "NS1.x.test.", "NS1.x.test", 0),
        ("ALIAS", "lb.example.net.", "lb.example.net", 0),
        ("MX", "10 MAIL.x.", "MAIL.x", 10),
        ("MX", "0 .", ".", 0),
        ("SRV", "10 20 5060 sip.example.com.", "20 5060 sip.example.com", 10),
        ("SRV", "1 2 3 .", "2 3 .", 1),
        ("SOA", "a.b. c.d. 1 2 3 4 5", "a.b c.d 1 2 3 4 5", 0),
        (
            "NAPTR",
            "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.com!\" .",
            "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.com!\" .",
            0,
        ),
        ("CAA", "0 issue \"ca.example; policy=ev\"", "0 issue \"ca.example; policy=ev\"", 0),
        (
            "LOC",
            "52 22 23.000 N 4 53 32.000 E -2.00m 1.00m 10000.00m 10.00m",
            "52 22 23.000 N 4 53 32.000 E -2.00m 1.00m 10000.00m 10.00m",
            0,
        ),
        ("HTTPS", "1 . alpn=h2,h3", "1 . alpn=h2,h3", 0),
        ("HTTPS", "0 foo.bar.", "0 foo.bar", 0),
        ("IPSECKEY", "10 3 2 a.b. YWJj", "10 3 2 a.b YWJj", 0),
        (
            "RRSIG",
            "A 8 2 3600 20300101000000 20200101000000 1 x. YWJj",
            "A 8 2 3600 20300101000000 20200101000000 1 x YWJj",
            0,
        ),
        ("RP", "a.b. c.d.", "a.b c.d", 0),
        ("CNAME", "a\\.b.c.", "a\\.b.c", 0),
        ("APL", "", "", 0),
        ("TYPE65000", "\\# 3 abcdef", "\\# 3 abcdef", 0),
        ("TYPE65000", "\\# 0", "\\# 0", 0),
        ("LUA", "A \"return '1.2.3.4'\"", "A \"return '1.2.3.4'\"", 0),
        ("URI", "10 1 \"ftp://x/y\"", "10 1 \"ftp://x/y\"", 0),
        ("NSEC3", "1 0 0 - 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM A", "1 0 0 - 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM A", 0),
        ("L64", "10 2001:0DB8:0001:0002", "10 2001:0DB8:0001:0002", 0),
    ] {
        let content = taken(rtype_text, sent);
        assert_eq!((content.stored.as_str(), content.prio), (stored, prio), "{rtype_text} {sent}");
        assert_eq!(to_api(rtype(rtype_text), stored, Some(prio)).unwrap(), sent);
        assert_eq!(to_wire(rtype(rtype_text), stored, Some(prio)).unwrap(), content.wire);
        if rtype_text != "LUA" {
            assert_eq!(from_wire(rtype(rtype_text), &content.wire).unwrap(), content);
        }
    }
}

/// Letter case alone is no difference; the canonical form is stored, but names keep their letters.
#[test]
fn letter_case_is_taken_and_made_canonical() {
    assert_eq!(taken("DS", "1 8 2 DEADBEEF").stored, "1 8 2 deadbeef");
    assert_eq!(taken("NID", "10 0014:4fff:ff20:ee64").stored, "10 0014:4FFF:FF20:EE64");
    assert_eq!(taken("EUI48", "00-11-22-AA-44-55").stored, "00-11-22-aa-44-55");
}

#[test]
fn unexpected_spellings_are_refused_with_the_expected_one() {
    for (rtype_text, text, parsed_as) in [
        ("MX", "10 mail", "10 mail."),
        ("MX", "010 mail.x.", "10 mail.x."),
        ("NS", "ns.x", "ns.x."),
        ("CNAME", "a\\046b.c.", "a\\.b.c."),
        ("A", "01.2.3.4", "1.2.3.4"),
        ("A", "\\# 4 01020304", "1.2.3.4"),
        ("SOA", "a.b c.d 1 2 3 4 5", "a.b. c.d. 1 2 3 4 5"),
        ("SOA", "a.b. c.d. 1 2 3 4 5h", "a.b. c.d. 1 2 3 4 18000"),
        ("CAA", "0 issue ca.example", "0 issue \"ca.example\""),
        ("LOC", "52 N 4 E 0m", "52 0 0.000 N 4 0 0.000 E 0.00m 1.00m 10000.00m 10.00m"),
        ("HTTPS", "1 . alpn=\"h2,h3\"", "1 . alpn=h2,h3"),
        ("HTTPS", "1 . port=443 alpn=h2", "1 . alpn=h2 port=443"),
        ("HTTPS", "1 . key65000=abc", "1 . key65000=\"abc\""),
        ("DS", "1 8 2 dead beef", "1 8 2 deadbeef"),
        ("CSYNC", "66 3 AAAA A NS", "66 3 A NS AAAA"),
        ("APL", "1:10.0.0.1/8", "1:10.0.0.0/8"),
        ("TXT", "abc", "\"abc\""),
        ("TYPE65000", "\\# 3 ab cd ef", "\\# 3 abcdef"),
    ] {
        assert_eq!(refused(rtype_text, text), format!("Not in expected format (parsed as '{parsed_as}')"), "{text}");
    }
}

#[test]
fn what_cannot_be_parsed_is_refused_with_the_dialects_reason() {
    for (rtype_text, text, reason) in [
        ("A", "(127.0.0.1)", "Invalid character '(' in record content '(127.0.0.1)'"),
        ("A", "127.0.0.1\u{7f}", "Invalid character '\\x7f' in record content"),
        ("A", "127.0.0.1 ; x", "Invalid character ';' in record content"),
        ("CNAME", "é.x.", "Invalid character '\\xc3' in record content"),
        ("AAAA", "x", "Invalid IPv6 address"),
        ("AAAA", "", "Invalid IPv6 address"),
        ("AAAA", "192.0.2.1", "Invalid IPv6 address"),
        ("A", "", "missing field at the end of record content ''"),
        ("TXT", "", "missing field at the end of record content ''"),
        ("MX", "10", "missing field at the end of record content '10'"),
        ("SOA", "a.b. c.d. 1 2 3 4", "missing field at the end of record content 'a.b. c.d. 1 2 3 4'"),
        ("MX", "mail.x.", "expected digits at position 0 in 'mail.x.'"),
        ("MX", "65536 mail.x.", "Overflow reading 16 bit integer from record content"),
        ("CNAME", "a b", "When parsing CNAME trailing data was not parsed: ' b'"),
        ("TXT", "a b", "Data field in DNS should start with quote (\") at position 0 of 'a b'"),
        ("TXT", "\"a\"b", "Data field in DNS should start with quote (\") at position 4 of '\"a\" b'"),
        ("TXT", "\"abc", "Data field in DNS should end on a quote (\") in '\"abc'"),
        ("TXT", "\"TEST\\1\" \"TEST2\"", "bad escape"),
        ("LUA", "A return 1", "Data field in DNS should start with quote (\") at position 2 of 'A return 1'"),
        ("HTTPS", "1 . foo=1", "SvcParam 'foo' is not recognized or in keyNNNN format"),
        ("CNAME", "a..b.", "empty label"),
        ("TYPE65000", "abc", "RFC 3597"),
    ] {
        let error = refused(rtype_text, text);
        assert!(error.contains(reason), "{rtype_text} {text}: {error}");
    }
}

#[test]
fn any_spelling_of_an_ipv6_address_becomes_the_short_one() {
    let content = taken("AAAA", "2001:DB8:0:0::1");
    assert_eq!(content.stored, "2001:db8::1");
    assert_eq!(taken("AAAA", "::ffff:192.0.2.1").stored, "::ffff:192.0.2.1");
    assert_eq!(to_api(RecordType::AAAA, "2001:DB8::0:1", Some(0)).unwrap(), "2001:db8::1");
}

#[test]
fn text_keeps_its_spelling() {
    for text in [
        "\"\\097b\"",
        "\"\\ab\"",
        "\"a\\\"b\\\\c\"",
        "\"a\" \"b\"",
        "\"é\"",
        "\"\"",
        "\"a;b(c)\"",
        "\"TEST\\065\" \"TEST2\"",
    ] {
        let content = taken("TXT", text);
        assert_eq!(content.stored, text);
        assert_eq!(to_api(RecordType::TXT, text, None).unwrap(), text);
        assert_eq!(to_wire(RecordType::TXT, text, None).unwrap(), content.wire);
    }
    assert_eq!(taken("TXT", "\"\\097\\\"é\"").wire, b"\x04a\"\xc3\xa9");
}

#[test]
fn text_is_normalised_between_its_strings_and_made_printable() {
    assert_eq!(taken("TXT", " \"a\"  \"b\"\t").stored, "\"a\" \"b\"");
    assert_eq!(taken("TXT", "\"a\"\"b\"").stored, "\"a\" \"b\"");
    assert_eq!(taken("TXT", "\"a\nb\0\"").stored, "\"a\\010b\\000\"");
    assert_eq!(taken("CAA", "0 issue \"é\"").stored, "0 issue \"\\195\\169\"");
}

/// External-DNS writes its encrypted ownership text as one string of any length, and must get it back so.
#[test]
fn a_long_text_in_one_pair_of_quotes_stays_in_one() {
    let long = format!("\"{}\"", "heritage=external-dns,".repeat(40));
    let content = taken("TXT", &long);
    assert_eq!(content.stored, long);
    assert_eq!(to_api(RecordType::TXT, &content.stored, Some(0)).unwrap(), long);
    let octets = long.len() - 2;
    assert_eq!(content.wire.len(), octets + octets.div_ceil(255));
    assert_eq!(content.wire[0], 255);
    assert_eq!(to_wire(RecordType::TXT, &long, None).unwrap(), content.wire);
    let from_file = from_zone_file(RecordType::TXT, &long, &Name::root()).unwrap();
    assert_eq!(from_file, content);
}

#[test]
fn what_fits_no_message_is_refused() {
    let fits = format!("\"{}\"", "x".repeat(64_900));
    assert!(from_api(RecordType::TXT, &fits).is_ok());
    let too_long = format!("\"{}\"", "x".repeat(65_100));
    assert!(refused("TXT", &too_long).contains("does not fit a message"));
    assert!(to_wire(RecordType::TXT, &too_long, None).is_err());
    let many_escapes = format!("\"{}\"", "\\000".repeat(20_000));
    assert!(refused("TXT", &many_escapes).contains("longer than 65535"));
    assert!(from_wire(RecordType(65_000), &vec![0; 40_000]).is_err());
}

#[test]
fn rows_are_read_as_time_has_left_them() {
    for (rtype_text, stored, prio, same_as) in [
        ("CNAME", "a.b.", None, "a.b."),
        ("CNAME", " a.b ", None, "a.b."),
        ("MX", "mail.x.", Some(10), "10 mail.x."),
        ("MX", "mail.x", None, "0 mail.x."),
        ("SRV", "20  5060 sip.x.", Some(1), "1 20 5060 sip.x."),
        ("A", " 192.0.2.1", None, "192.0.2.1"),
        ("SOA", "a.b. c.d. 1 2 3 4 5", None, "a.b. c.d. 1 2 3 4 5"),
        ("SOA", "a.b c.d 7", Some(0), "a.b. c.d. 7 10800 3600 604800 3600"),
        ("SOA", "ns.a.b", None, "ns.a.b. hostmaster.a.b. 0 10800 3600 604800 3600"),
        ("SOA", "a.b host.master@c.d 1 2 3 4 5", None, "a.b. host\\.master.c.d. 1 2 3 4 5"),
        ("HINFO", "PC Linux", None, "\"PC\" \"Linux\""),
        ("DS", "1 8 2 DEAD beef", None, "1 8 2 deadbeef"),
        ("A", "\\# 4 C0000201", None, "192.0.2.1"),
    ] {
        let wanted = rdata::parse(rtype(rtype_text), same_as, None).unwrap();
        assert_eq!(to_wire(rtype(rtype_text), stored, prio).unwrap(), wanted, "{rtype_text} {stored}");
        assert_eq!(to_api(rtype(rtype_text), stored, prio).unwrap(), same_as);
    }
    assert_eq!(to_wire(RecordType::TXT, "no quotes", None).unwrap(), b"\x02no\x06quotes");
    assert_eq!(to_wire(RecordType::TXT, "\"a\\1\" \"\\300\"", None).unwrap(), b"\x02a1\x03300");
    assert_eq!(to_api(RecordType::TXT, "\"a\\1\"", None).unwrap(), "\"a\\1\"");
}

#[test]
fn rows_beyond_repair_say_why() {
    for (rtype_text, stored, prio) in [
        ("A", "192.0.2", None),
        ("MX", "mail.x", Some(70_000)),
        ("MX", "mail.x", Some(-1)),
        ("CNAME", "", None),
        ("CNAME", "a b", None),
        ("TXT", "\"open", None),
        ("SOA", "a b 1 2 3 4 5 6", None),
        ("SOA", "", None),
    ] {
        assert!(to_wire(rtype(rtype_text), stored, prio).is_err(), "{rtype_text} {stored}");
        assert!(to_api(rtype(rtype_text), stored, prio).is_err(), "{rtype_text} {stored}");
    }
    let error = to_api(RecordType::TXT, "\"open", None).unwrap_err();
    assert!(error.0.contains("Data field in DNS should end on a quote"));
}

/// PowerDNS's own `auto` hints stay in the text, and the wire goes without them.
#[test]
fn automatic_hints_are_stored_and_served_without() {
    let text = "1 svc.x. alpn=h2 ipv4hint=auto ipv6hint=auto";
    let content = taken("HTTPS", text);
    assert_eq!(content.stored, "1 svc.x alpn=h2 ipv4hint=auto ipv6hint=auto");
    assert_eq!(content.wire, taken("HTTPS", "1 svc.x. alpn=h2").wire);
    assert_eq!(to_api(RecordType::HTTPS, &content.stored, Some(0)).unwrap(), text);
    assert_eq!(to_wire(RecordType::HTTPS, &content.stored, Some(0)).unwrap(), content.wire);
    assert_eq!(
        refused("HTTPS", "1 . ipv6hint=auto ipv4hint=auto"),
        "Not in expected format (parsed as '1 . ipv4hint=auto ipv6hint=auto')"
    );
    let file = from_zone_file(RecordType::HTTPS, text, &Name::root()).unwrap();
    assert_eq!(file, content);
}

/// A target may look like a hint, and an address like what stands in for one.
#[test]
fn what_only_looks_like_an_automatic_hint_is_kept() {
    for (shown, stored) in [
        ("1 ipv6hint=auto. port=86", "1 ipv6hint=auto port=86"),
        ("1 ipv6hint=auto. ipv6hint=auto", "1 ipv6hint=auto ipv6hint=auto"),
        ("1 . ipv4hint=0.0.0.0 ipv6hint=auto", "1 . ipv4hint=0.0.0.0 ipv6hint=auto"),
    ] {
        let content = taken("SVCB", shown);
        assert_eq!(content.stored, stored);
        assert_eq!(to_api(RecordType::SVCB, stored, Some(0)).as_deref(), Ok(shown));
        assert_eq!(to_wire(RecordType::SVCB, stored, Some(0)), Ok(content.wire));
    }
}

#[test]
fn zone_files_give_relative_names_and_free_spelling() {
    let origin: Name = "example.com".parse().unwrap();
    for (rtype_text, text, stored, prio) in [
        ("MX", "10 mail", "mail.example.com", 10),
        ("CNAME", "@", "example.com", 0),
        ("SOA", "ns hostmaster 1 1h 2h 1w 5m", "ns.example.com hostmaster.example.com 1 3600 7200 604800 300", 0),
        ("TXT", "word other", "\"word\" \"other\"", 0),
        ("TXT", "a\"b", "", -1),
        ("TXT", "\"a\\\"b\" c", "\"a\\\"b\" \"c\"", 0),
        ("AAAA", "2001:DB8::1", "2001:db8::1", 0),
        ("HTTPS", "1 svc alpn=\"h2,h3\"", "1 svc.example.com alpn=h2,h3", 0),
        ("TXT", "\\# 2 0161", "\"a\"", 0),
    ] {
        match from_zone_file(rtype(rtype_text), text, &origin) {
            Ok(content) => assert_eq!((content.stored.as_str(), content.prio), (stored, prio), "{text}"),
            Err(error) => assert_eq!(prio, -1, "{rtype_text} {text}: {error}"),
        }
    }
}
