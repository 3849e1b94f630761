//! SVCB and HTTPS as text and in wire format (RFC 9460), with the keys of the registry.

use wire::{Name, RecordType, content, rdata};

fn wire(text: &str) -> Vec<u8> {
    rdata::parse(RecordType::SVCB, text, None).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn canonical(text: &str) -> String {
    rdata::print(RecordType::SVCB, &wire(text)).unwrap()
}

fn refused(text: &str) -> String {
    rdata::parse(RecordType::SVCB, text, None).expect_err(text).reason
}

fn target(text: &str) -> Vec<u8> {
    text.parse::<Name>().unwrap().as_wire().to_vec()
}

#[test]
fn appendix_d_1_alias_mode() {
    assert_eq!(wire("0 foo.example.com."), [&[0, 0][..], &target("foo.example.com.")].concat());
    assert_eq!(wire("0 foo.example.com.").len(), 19);
}

#[test]
fn appendix_d_2_service_mode() {
    let foo = target("foo.example.com.");
    for (text, priority, target, parameters) in [
        ("1 .", 1, &[0][..], &b""[..]),
        ("16 foo.example.com. port=53", 16, &foo, b"\0\x03\0\x02\0\x35"),
        ("1 foo.example.com. key667=hello", 1, &foo, b"\x02\x9b\0\x05hello"),
        ("1 foo.example.com. key667=\"hello\\210qoo\"", 1, &foo, b"\x02\x9b\0\x09hello\xd2qoo"),
        (
            "1 foo.example.com. ipv6hint=\"2001:db8:122:344::192.0.2.33\"",
            1,
            &foo,
            b"\0\x06\0\x10\x20\x01\x0d\xb8\x01\x22\x03\x44\0\0\0\0\xc0\0\x02\x21",
        ),
        (
            "16 foo.example.com. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
            16,
            &foo,
            b"\0\0\0\x04\0\x01\0\x04\0\x01\0\x09\x02h2\x05h3-19\0\x04\0\x04\xc0\0\x02\x01",
        ),
    ] {
        assert_eq!(wire(text), [&[0, priority], target, parameters].concat(), "{text}");
    }
}

#[test]
fn appendix_d_3_failures() {
    for (parameters, reason) in [
        ("key123=abc key123=def", "out of order"),
        ("mandatory", "needs a value"),
        ("alpn", "needs a value"),
        ("port", "needs a value"),
        ("ipv4hint", "needs a value"),
        ("ipv6hint", "needs a value"),
        ("no-default-alpn=abc", "takes no value"),
        ("mandatory=key123", "mandatory key key123 is missing"),
        ("mandatory=mandatory", "mandatory"),
        ("mandatory=key123,key123 key123=abc", "mandatory"),
    ] {
        let error = refused(&format!("1 foo.example.com. {parameters}"));
        assert!(error.contains(reason), "{parameters}: {error}");
    }
}

/// The order of text is free, that of the wire is not.
#[test]
fn section_2_1_parameters_in_any_order() {
    assert_eq!(canonical("1 . port=443 alpn=h2 mandatory=port,alpn"), "1 . mandatory=alpn,port alpn=h2 port=443");
}

#[test]
fn section_2_1_values_may_be_quoted() {
    for (quoted, bare) in [
        ("port=\"8443\"", "port=8443"),
        ("alpn=\"h2,h3\"", "alpn=h2,h3"),
        ("ipv4hint=\"192.0.2.1\"", "ipv4hint=192.0.2.1"),
        ("mandatory=\"port\" port=\"1\"", "mandatory=port port=1"),
        ("key65000=\"\"", "key65000"),
    ] {
        assert_eq!(wire(&format!("1 . {quoted}")), wire(&format!("1 . {bare}")), "{quoted}");
    }
}

/// The value of `keyNNNNN` is its own wire format, for keys that have a name as for others; it has to be well-formed all the same.
#[test]
fn section_2_1_keys_by_number() {
    for (by_number, by_name) in [
        ("key3=\"\\001\\187\"", "port=443"),
        ("key1=\"\\002h2\\002h3\"", "alpn=h2,h3"),
        ("key2", "no-default-alpn"),
        ("key4=\"\\192\\000\\002\\001\"", "ipv4hint=192.0.2.1"),
        ("key7=\"/q{?dns}\"", "dohpath=/q{?dns}"),
        ("key8", "ohttp"),
        ("key9=\"\\000\\029\\000\\023\"", "tls-supported-groups=29,23"),
        ("key3=\"\\001\\187\" mandatory=key3", "mandatory=port port=443"),
    ] {
        assert_eq!(canonical(&format!("1 . {by_number}")), format!("1 . {by_name}"));
    }
    for malformed in ["key3=443", "key1=h2", "key2=x", "key4=192.0.2.1", "key65535=x", "key65536=x", "key=x", "keyx=1"]
    {
        refused(&format!("1 . {malformed}"));
    }
}

/// Keys of the registry that PowerDNS has no name for keep their number, or it could not read the row.
#[test]
fn section_14_3_2_keys_without_a_name_here() {
    for (text, parameters) in [
        ("key10=\"\\004docs\"", &b"\0\x0a\0\x05\x04docs"[..]),
        ("key11", b"\0\x0b\0\0"),
        ("key12=\"x\"", b"\0\x0c\0\x01x"),
        ("key65534=\"x\"", b"\xff\xfe\0\x01x"),
    ] {
        let text = format!("1 . {text}");
        assert_eq!(wire(&text), [b"\0\x01\0", parameters].concat());
        assert_eq!(canonical(&text), text);
    }
}

/// RFC 9461 section 5, RFC 9540 section 4, draft-ietf-tls-key-share-prediction section 3.1.
#[test]
fn keys_of_later_documents() {
    let text = "1 . alpn=h2 port=443 dohpath=/dns-query{?dns} ohttp tls-supported-groups=29,23";
    assert_eq!(canonical(text), text);
    assert_eq!(wire("1 . tls-supported-groups=4588,29"), b"\0\x01\0\0\x09\0\x04\x11\xec\0\x1d");
    for malformed in [
        "dohpath=/query",
        "ohttp=1",
        "tls-supported-groups",
        "tls-supported-groups=29,29",
        "tls-supported-groups=x25519",
    ] {
        refused(&format!("1 . {malformed}"));
    }
}

/// Recipients ignore them; whoever writes them gets them back.
#[test]
fn section_2_4_2_parameters_in_alias_mode_are_kept() {
    assert_eq!(canonical("0 pool.example. port=443"), "0 pool.example. port=443");
}

/// What the API was sent is stored without final dots, shown as sent, and served as what it says.
#[test]
fn the_api_returns_what_it_was_sent() {
    for (sent, stored) in [
        ("0 pool.Example.", "0 pool.Example"),
        (
            "1 . alpn=h2,h3 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1",
            "1 . alpn=h2,h3 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1",
        ),
        (
            "1 svc.example. port=443 ech=\"YWJj\" key65000=\"a b\"",
            "1 svc.example port=443 ech=\"YWJj\" key65000=\"a b\"",
        ),
        (
            "1 . dohpath=/dns-query{?dns} ohttp tls-supported-groups=29",
            "1 . dohpath=/dns-query{?dns} ohttp tls-supported-groups=29",
        ),
        ("1 . key667=\"hello\\210qoo\"", "1 . key667=\"hello\\210qoo\""),
    ] {
        for rtype in [RecordType::SVCB, RecordType::HTTPS] {
            let content = content::from_api(rtype, sent).unwrap_or_else(|error| panic!("{sent}: {error}"));
            assert_eq!(content.stored, stored);
            assert_eq!(content::to_api(rtype, stored, Some(0)).as_deref(), Ok(sent));
            assert_eq!(content::to_wire(rtype, stored, Some(0)), Ok(content.wire));
        }
    }
}
