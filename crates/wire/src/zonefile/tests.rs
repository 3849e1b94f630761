//! Master files, from RFC 1035 section 5.3 to what strangers send.

use super::*;

fn origin() -> Name {
    "example.com".parse().unwrap()
}

/// The records as `owner ttl type prio stored`.
fn read(text: &str) -> Vec<String> {
    match parse(text, &origin(), 3_600) {
        Ok(records) => records.iter().map(show).collect(),
        Err(error) => panic!("{error} in {text}"),
    }
}

fn show(record: &ZoneFileRecord) -> String {
    let ZoneFileRecord { name, ttl, rtype, content } = record;
    format!("{name} {ttl} {rtype} {} {}", content.prio, content.stored)
}

fn fault(text: &str) -> (usize, String) {
    match parse(text, &origin(), 3_600) {
        Ok(records) => panic!("{text}: read as {records:?}"),
        Err(error) => (error.line, error.reason),
    }
}

/// RFC 1035 section 5.3, the file of ISI.EDU.
#[test]
fn the_rfcs_example() {
    let text = r#"
@   IN  SOA     VENERA      Action\.domains (
                                 20     ; SERIAL
                                 7200   ; REFRESH
                                 600    ; RETRY
                                 3600000; EXPIRE
                                 60)    ; MINIMUM

        NS      A.ISI.EDU.
        NS      VENERA
        MX      10      VENERA
A       A       26.3.0.103
VENERA  A       10.1.0.52
        A       128.9.0.32
"#;
    let origin: Name = "ISI.EDU".parse().unwrap();
    let records: Vec<String> = parse(text, &origin, 60).unwrap().iter().map(show).collect();
    assert_eq!(
        records,
        [
            "ISI.EDU. 60 SOA 0 VENERA.ISI.EDU Action\\.domains.ISI.EDU 20 7200 600 3600000 60",
            "ISI.EDU. 60 NS 0 A.ISI.EDU",
            "ISI.EDU. 60 NS 0 VENERA.ISI.EDU",
            "ISI.EDU. 60 MX 10 VENERA.ISI.EDU",
            "A.ISI.EDU. 60 A 0 26.3.0.103",
            "VENERA.ISI.EDU. 60 A 0 10.1.0.52",
            "VENERA.ISI.EDU. 60 A 0 128.9.0.32",
        ]
    );
}

#[test]
fn ttl_and_class_stand_in_either_order_or_not_at_all() {
    let text = "a 60 IN A 192.0.2.1\nb IN 1h A 192.0.2.2\nc in A 192.0.2.3\nd 1w2d A 192.0.2.4\ne CLASS1 TYPE1 \\# 4 C0000205\n";
    assert_eq!(
        read(text),
        [
            "a.example.com. 60 A 0 192.0.2.1",
            "b.example.com. 3600 A 0 192.0.2.2",
            "c.example.com. 3600 A 0 192.0.2.3",
            "d.example.com. 777600 A 0 192.0.2.4",
            "e.example.com. 777600 A 0 192.0.2.5",
        ]
    );
}

/// RFC 2308 section 4: `$TTL` counts for all that follow without their own; RFC 1035 section 5.1: without it
/// the last one stated does.
#[test]
fn omitted_ttls_come_from_the_directive_or_the_record_before() {
    assert_eq!(
        read("$TTL 10\na 60 A 192.0.2.1\nb A 192.0.2.2\n$TTL 1m\nc A 192.0.2.3"),
        ["a.example.com. 60 A 0 192.0.2.1", "b.example.com. 10 A 0 192.0.2.2", "c.example.com. 60 A 0 192.0.2.3"]
    );
    assert_eq!(
        read("z A 192.0.2.9\na 60 A 192.0.2.1\nb A 192.0.2.2"),
        ["z.example.com. 3600 A 0 192.0.2.9", "a.example.com. 60 A 0 192.0.2.1", "b.example.com. 60 A 0 192.0.2.2"]
    );
}

#[test]
fn origins_change_names_and_data() {
    assert_eq!(
        read("$ORIGIN sub\nx CNAME y\n$origin other.test.\n@ CNAME @\nx.y. CNAME z."),
        [
            "x.sub.example.com. 3600 CNAME 0 y.sub.example.com",
            "other.test. 3600 CNAME 0 other.test",
            "x.y. 3600 CNAME 0 z"
        ]
    );
}

#[test]
fn quotes_keep_what_would_otherwise_end_a_word() {
    assert_eq!(
        read(
            "t TXT \"a;b (c)\" ; d\nu TXT ( \"a\"\n \"b\" ) \nv TXT \"one\ntwo\"\nw HTTPS 1 . alpn=\"h2,h3\"\nx TXT word\ny A 192.0.2.1;c"
        ),
        [
            "t.example.com. 3600 TXT 0 \"a;b (c)\"",
            "u.example.com. 3600 TXT 0 \"a\" \"b\"",
            "v.example.com. 3600 TXT 0 \"one\\010two\"",
            "w.example.com. 3600 HTTPS 0 1 . alpn=h2,h3",
            "x.example.com. 3600 TXT 0 \"word\"",
            "y.example.com. 3600 A 0 192.0.2.1",
        ]
    );
}

#[test]
fn a_long_text_stays_in_one_pair_of_quotes() {
    let long = "x".repeat(700);
    assert_eq!(read(&format!("t TXT \"{long}\"")), [format!("t.example.com. 3600 TXT 0 \"{long}\"")]);
}

/// The shape of what `dig AXFR` prints: comments, tabs, and the SOA again at the end.
#[test]
fn a_transfer_as_dig_prints_it_is_read() {
    let text = "\n; <<>> DiG 9.18 <<>> axfr example.com\n;; global options: +cmd\n\
        example.com.\t\t300\tIN\tSOA\tns.example.com. host.example.com. 5 1 2 3 4\n\
        example.com.\t\t300\tIN\tNS\tns.example.com.\n\
        a.example.com.\t\t60\tIN\tTXT\t\"x\" \"y\"\n\
        example.com.\t\t300\tIN\tSOA\tns.example.com. host.example.com. 5 1 2 3 4\n\
        ;; Query time: 0 msec\n;; XFR size: 4 records (messages 1, bytes 200)\n";
    assert_eq!(
        read(text),
        [
            "example.com. 300 SOA 0 ns.example.com host.example.com 5 1 2 3 4",
            "example.com. 300 NS 0 ns.example.com",
            "a.example.com. 60 TXT 0 \"x\" \"y\"",
        ]
    );
}

#[test]
fn line_ends_of_all_kinds_count_as_one() {
    let (line, reason) = fault("a A 192.0.2.1\r\nb A 192.0.2.2\rc A 192.0.2.3\n\r\nd A nonsense\n");
    assert_eq!(line, 5);
    assert!(reason.starts_with("d.example.com. A: address:"), "{reason}");
}

#[test]
fn names_that_look_like_types_or_numbers_are_names_in_the_first_place() {
    assert_eq!(
        read("A A 192.0.2.1\nIN A 192.0.2.1\n60 A 192.0.2.1"),
        [
            "A.example.com. 3600 A 0 192.0.2.1",
            "IN.example.com. 3600 A 0 192.0.2.1",
            "60.example.com. 3600 A 0 192.0.2.1"
        ]
    );
}

#[test]
fn generate_fills_in_numbers() {
    assert_eq!(
        read(
            "$GENERATE 1-2 host-$ 60 IN A 192.0.2.$\n$GENERATE 10-12/2 h${0,3,d} CNAME x${-9,2,x}\n$GENERATE 26-26 \\$${0,3,n} TXT \"$$ ${0,0,X}\""
        ),
        [
            "host-1.example.com. 60 A 0 192.0.2.1",
            "host-2.example.com. 60 A 0 192.0.2.2",
            "h010.example.com. 60 CNAME 0 x01.example.com",
            "h012.example.com. 60 CNAME 0 x03.example.com",
            "$a.1.example.com. 60 TXT 0 \"$ 1A\"",
        ]
    );
    assert_eq!(read("$GENERATE 0-65535 a$ A 192.0.2.1").len(), 65_536);
}

#[test]
fn generate_is_bounded() {
    for text in [
        "$GENERATE 0-65536 a$ A 192.0.2.1",
        "$GENERATE 0-65535 a$ A 192.0.2.1\n$GENERATE 1-1 b$ A 192.0.2.1",
        "$GENERATE 2-1 a$ A 192.0.2.1",
        "$GENERATE 1-2/0 a$ A 192.0.2.1",
        "$GENERATE 1 a$ A 192.0.2.1",
        "$GENERATE 1-99999999999 a$ A 192.0.2.1",
        "$GENERATE 1-2 a${0,64} A 192.0.2.1",
        "$GENERATE 1-2 a${0,1,q} A 192.0.2.1",
        "$GENERATE 1-2 a${-2} A 192.0.2.1",
        "$GENERATE 1-2 a${1 A 192.0.2.1",
        "$GENERATE 1-2 a$",
        "$GENERATE 1-2 a$ SOA a",
    ] {
        assert!(parse(text, &origin(), 60).is_err(), "{text}");
    }
    let large = format!("$GENERATE 1-60000 a$ TXT \"{}\"", "x".repeat(2_000));
    assert!(fault(&large).1.contains("octets"));
    let many_places = format!("$GENERATE 1-2 a TXT \"{}\"", "$ ".repeat(100));
    assert!(fault(&many_places).1.contains("more than 64 numbers"));
}

#[test]
fn faults_name_the_line_and_the_reason() {
    for (text, line, reason) in [
        ("$INCLUDE /etc/passwd", 1, "$INCLUDE is not allowed"),
        ("\n$FOO x", 2, "unknown directive '$FOO'"),
        ("$TTL", 1, "$TTL has 0 arguments"),
        ("$TTL x", 1, "'x' is no TTL"),
        ("$TTL 2147483648", 1, "'2147483648' is no TTL"),
        ("$ORIGIN a..b", 1, "name 'a..b': empty label"),
        ("  A 192.0.2.1", 1, "the first record has no owner name"),
        ("a", 1, "the record ends before its type"),
        ("a 300", 1, "the record ends before its type"),
        ("a 300 300 A 192.0.2.1", 1, "'300' doesn't look like a qtype"),
        ("a CH A 192.0.2.1", 1, "class CH is not IN"),
        ("a NONE A 192.0.2.1", 1, "class NONE is not IN"),
        ("a FOO x", 1, "'FOO' doesn't look like a qtype"),
        ("a OPT x", 1, "OPT is no type of zone data"),
        ("a ANY x", 1, "ANY is no type of zone data"),
        ("a A", 1, "missing field"),
        ("a TXT \"x\n\n", 1, "quoted string is not closed"),
        ("a A (\n192.0.2.1\n", 1, "parenthesis is not closed"),
        ("a A )", 1, "closing parenthesis without an opening one"),
        ("a A ((((((((((((((((((192.0.2.1", 1, "nested too deeply"),
        ("\"a\" A 192.0.2.1", 1, "in quotes"),
        ("x\na A 192.0.2.1 x", 1, "ends before its type"),
    ] {
        let (found_line, found) = fault(text);
        assert_eq!(found_line, line, "{text}");
        assert!(found.contains(reason), "{text}: {found}");
    }
}
