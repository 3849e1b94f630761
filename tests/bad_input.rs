//! Bad input gets the dialect's error and changes nothing; malformed messages get FORMERR or silence. The server lives on.

use hickory_proto::rr::RecordType;
use serde_json::{Value, json};
use signpost_tests::api::{Api, Signed, replace, rrset};
use signpost_tests::dig::{Transport, dig};
use signpost_tests::http::{self, Reply};
use signpost_tests::query::{Asker, ask_tcp, decode, query, rcode};
use signpost_tests::server::{KEY, Settings, Signpost};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const ZONE: &str = "input.example.";

fn start() -> Signpost {
    let server = Signpost::start(Settings::sqlite().with("--api-body-bytes-max=1048576"));
    let sets = vec![
        rrset(&format!("www.{ZONE}"), "A", 300, &["192.0.2.1"]),
        rrset(&format!("alias.{ZONE}"), "CNAME", 300, &[&format!("www.{ZONE}")]),
    ];
    server.api().create_zone(ZONE, Signed::Yes, sets);
    server
}

fn patch(api: &Api, body: &Value) -> Reply {
    api.send("PATCH", &format!("/zones/{ZONE}"), Some(body)).expect("the API answers")
}

/// The status, and the dialect's error object with a text that has all of `words`.
fn assert_error(reply: &Reply, status: u16, words: &[&str], what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"), "{what}");
    let json = reply.json();
    let error = json["error"].as_str().unwrap_or_else(|| panic!("{what}: {json}"));
    for word in words {
        assert!(error.contains(word), "{what}: {word:?} is not in {error:?}");
    }
}

#[test]
fn a_refused_change_says_why_and_changes_nothing() {
    let server = start();
    let api = server.api();
    let before = api.zone(ZONE);
    let at = |host: &str| format!("{host}.{ZONE}");
    let set = |name: &str, rtype: &str, contents: &[&str]| json!({ "rrsets": [replace(name, rtype, 60, contents)] });
    let mut no_ttl = set(&at("x"), "A", &["192.0.2.1"]);
    no_ttl["rrsets"][0].as_object_mut().expect("an object").remove("ttl");
    let mut no_changetype = set(&at("x"), "A", &["192.0.2.1"]);
    no_changetype["rrsets"][0].as_object_mut().expect("an object").remove("changetype");
    let with = |field: &str, value: Value| {
        let mut body = set(&at("x"), "A", &["192.0.2.1"]);
        body["rrsets"][0][field] = value;
        body
    };
    let good = replace(&at("good"), "A", 60, &["192.0.2.1"]);
    let cases: Vec<(&str, Value, &[&str])> = vec![
        ("no rrsets", json!({}), &["No rrsets given in update request"]),
        ("rrsets of the wrong type", json!({ "rrsets": "x" }), &["No rrsets given in update request"]),
        ("changetype missing", no_changetype, &["changetype"]),
        ("changetype unknown", with("changetype", json!("REPLACEMENT")), &["REPLACEMENT"]),
        ("ttl missing", no_ttl, &["ttl"]),
        ("ttl of the wrong type", with("ttl", json!("soon")), &["ttl"]),
        ("ttl negative", with("ttl", json!(-1)), &["ttl"]),
        ("ttl above 2^31-1 (RFC 2181 section 8)", with("ttl", json!(2_147_483_648u32)), &["ttl"]),
        ("records of the wrong type", with("records", json!({})), &["No change for RRset"]),
        ("record without content", with("records", json!([{ "disabled": false }])), &["content"]),
        (
            "disabled of the wrong type",
            with("records", json!([{ "content": "192.0.2.1", "disabled": "no" }])),
            &["disabled"],
        ),
        ("name without final dot", set("x.input.example", "A", &["192.0.2.1"]), &["x.input.example", "canonical"]),
        ("name outside the zone", set("x.other.example.", "A", &["192.0.2.1"]), &["x.other.example.", "out of zone"]),
        ("name that only ends alike", set("xinput.example.", "A", &["192.0.2.1"]), &["out of zone"]),
        ("name with a bad character", set(&at("a b"), "A", &["192.0.2.1"]), &["unsupported characters"]),
        ("wildcard in the middle", set(&at("a-*"), "TXT", &["\"x\""]), &["unsupported characters"]),
        ("label over 63 octets", set(&at(&"x".repeat(64)), "A", &["192.0.2.1"]), &[]),
        ("name over 255 octets", set(&at(&"x.".repeat(130)), "A", &["192.0.2.1"]), &[]),
        ("type unknown", set(&at("x"), "NOSUCHTYPE", &["192.0.2.1"]), &["NOSUCHTYPE", "unknown type given"]),
        (
            "CNAME beside data",
            set(&at("www"), "CNAME", &["x.example.net."]),
            &["www.input.example. IN CNAME", "Conflicts with pre-existing RRset"],
        ),
        (
            "data beside CNAME",
            set(&at("alias"), "A", &["192.0.2.1"]),
            &["alias.input.example. IN A", "Conflicts with pre-existing RRset"],
        ),
        ("two CNAMEs", set(&at("x"), "CNAME", &["a.example.net.", "b.example.net."]), &["x.input.example. IN CNAME"]),
        ("the same record twice", set(&at("x"), "A", &["192.0.2.1", "192.0.2.1"]), &["uplicate"]),
        ("the same RRset twice", json!({ "rrsets": [good, good] }), &["Duplicate RRset", "good.input.example."]),
        ("SOA not at the apex", set(&at("x"), "SOA", &["a. b. 1 2 3 4 5"]), &["apex"]),
        (
            "DS at the apex",
            set(ZONE, "DS", &["1 13 2 abababababababababababababababababababababababababababababababab"]),
            &["apex"],
        ),
        ("good before bad", json!({ "rrsets": [good, replace(&at("x"), "A", 60, &["bad"])] }), &["bad"]),
    ];
    for (what, body, words) in &cases {
        assert_error(&patch(&api, body), 422, words, what);
    }
    assert_eq!(api.zone(ZONE), before, "a refused change changed something, if only the serial");
    let reply = dig(server.dns(), &at("good"), "A", Transport::Udp);
    assert_eq!(reply.status, "NXDOMAIN", "half a refused change is answered");
}

/// Content no server should take, one or more of each type that carries data.
const BAD_CONTENTS: &[(&str, &[&str])] = &[
    ("A", &["", "192.0.2", "192.0.2.256", "::1", "192.0.2.1 x", "0xc0.0.2.1"]),
    ("AAAA", &["192.0.2.1", "2001:db8", "2001:db8::1::2", "g::1", "fe80::1%eth0"]),
    ("AFSDB", &["afs.example.net.", "70000 afs.example.net.", "x afs.example.net."]),
    ("APL", &["1:192.0.2.0", "1:192.0.2.0/33", "9:192.0.2.0/24"]),
    ("CAA", &["0 issue", "256 issue \"x\"", "issue \"x\""]),
    ("CERT", &["1 0 0", "1 0 0 !", "70000 0 0 AQID"]),
    ("CNAME", &["", "a b", "x.example.net", "a..b."]),
    ("DHCID", &["!"]),
    ("DNAME", &["", "x..y."]),
    ("DS", &["1 13 2", "1 13 2 xx", "70000 13 2 ab", "1 13 2 abc"]),
    ("EUI48", &["00-11-22-33-44", "00:11:22:33:44:55", "00-11-22-33-44-5g"]),
    ("EUI64", &["00-11-22-33-44-55"]),
    ("HINFO", &["\"PC\""]),
    ("HTTPS", &["x . alpn=h2", "1", "1 . port=x", "1 . port=70000"]),
    ("IPSECKEY", &["10 1 2", "10 9 2 x AQ=="]),
    ("KX", &["kx.example.net."]),
    ("L32", &["10 10.1.2", "x 10.1.2.0"]),
    ("L64", &["10 2001"]),
    ("LOC", &["52 22", "91 0 0 N 0 0 0 E 0m", "north"]),
    ("LP", &["10"]),
    (
        "MX",
        &["10 mail", "mail.example.net.", "70000 mail.example.net.", "-1 mail.example.net.", "10 mail.example.net. x"],
    ),
    ("NAPTR", &["100 10 u E2U \"\" .", "100 10 \"u\" \"E2U\" \"x\"", "x 10 \"u\" \"E2U\" \"x\" ."]),
    ("NID", &["10 14:4f"]),
    ("NS", &["", "ns1", "a b."]),
    ("OPENPGPKEY", &["!!!"]),
    ("PTR", &["host", ""]),
    ("RP", &["admin.example.net."]),
    ("SMIMEA", &["3 1 1", "3 1 256 ab", "3 1 1 xy"]),
    ("SRV", &["10 20 5060 sip", "10 20 sip.example.net.", "10 20 65536 sip.example.net.", "10 20 -1 sip.example.net."]),
    ("SSHFP", &["1 2", "1 2 xy", "256 2 ab"]),
    ("SVCB", &["1 svc", "1 svc.example.net. port=x"]),
    ("TLSA", &["3 1 1", "3 1 1 zz", "3 256 1 ab"]),
    ("TXT", &["unquoted", "\"open", "\"a\" b", ""]),
    ("URI", &["10 1", "10 1 x", "x 1 \"https://example.net/\""]),
    ("TYPE65500", &["\\# 2 01", "\\# 1 0102", "\\# x 01", "010203"]),
];

#[test]
fn bad_content_of_each_type_is_named_with_its_record() {
    let server = start();
    let api = server.api();
    let before = api.zone(ZONE);
    let mut faults = Vec::new();
    for (rtype, contents) in BAD_CONTENTS {
        for content in *contents {
            let name = format!("bad.{ZONE}");
            let reply = patch(&api, &json!({ "rrsets": [replace(&name, rtype, 60, &[content])] }));
            let error = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default()["error"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if reply.status != 422 || !error.contains(&name) || !error.contains(rtype) {
                faults.push(format!("{rtype} {content:?}: {} {}", reply.status, reply.text()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(api.zone(ZONE), before);
}

#[test]
fn bodies_that_are_not_what_they_should_be() {
    let server = start();
    let api = server.api();
    let path = format!("/zones/{ZONE}");
    let raw = |body: &[u8]| api.send_raw("PATCH", &path, Some(body)).expect("the API answers");
    for (what, body) in [
        ("cut short", &br#"{"rrsets": ["#[..]),
        ("not JSON", b"rrsets=1"),
        ("not UTF-8", b"{\"rrsets\": [\"\xff\xfe\"]}"),
        ("null", b"null"),
        ("two values", b"{} {}"),
        ("nothing", b""),
    ] {
        assert_eq!(raw(body).status, 400, "{what}: {}", raw(body).text());
    }
    let deep = "[".repeat(100_000);
    assert_eq!(raw(deep.as_bytes()).status, 400, "nested without end");
    for (what, body) in [("an array", &b"[]"[..]), ("a number", b"7"), ("a text", b"\"x\"")] {
        let status = raw(body).status;
        assert!(status == 400 || status == 422, "{what}: {status}");
    }
    // One octet over the limit, and far over it, with the length told and not told.
    let long = vec![b' '; 1_048_577];
    assert_error(&raw(&long), 400, &["1048576"], "a body over the limit");
    let headers = [("X-API-Key", KEY), ("Transfer-Encoding", "chunked"), ("Accept", "application/json")];
    let mut stream = TcpStream::connect(api.address).expect("the API listens");
    let full_path = format!("/api/v1/servers/localhost{path}");
    write!(stream, "PATCH {full_path} HTTP/1.1\r\nHost: x\r\n").expect("the connection stands");
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n").expect("the connection stands");
    }
    write!(stream, "\r\n").expect("the connection stands");
    let chunk = [b' '; 65_536];
    for _ in 0..64 {
        // The server may close before all is sent.
        if write!(stream, "10000\r\n")
            .and_then(|()| stream.write_all(&chunk))
            .and_then(|()| stream.write_all(b"\r\n"))
            .is_err()
        {
            break;
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    let mut answer = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("the time is not zero");
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "a chunked body over the limit: {answer}");
    // And the server goes on.
    api.patch(ZONE, vec![replace(&format!("after.{ZONE}"), "A", 60, &["192.0.2.1"])]);
}

#[test]
fn keys_and_paths_that_are_wrong() {
    let server = start();
    let api = server.api();
    let ask = |method: &str, path: &str, key: Option<&str>| {
        let mut headers = vec![("Accept", "application/json")];
        headers.extend(key.map(|key| ("X-API-Key", key)));
        http::request(api.address, method, path, &headers, None).expect("the API answers")
    };
    let zones = "/api/v1/servers/localhost/zones";
    for (what, key) in [("missing", None), ("wrong", Some("wrong")), ("empty", Some("")), ("a prefix", Some(&KEY[..5]))]
    {
        let reply = ask("GET", zones, key);
        assert_eq!(reply.status, 401, "{what}");
        assert!(reply.header("www-authenticate").is_some(), "{what}");
        assert!(!reply.text().contains("input.example"), "{what}");
    }
    assert_eq!(ask("DELETE", &format!("{zones}/{ZONE}"), Some("wrong")).status, 401);
    for (what, path) in [
        ("unknown server", "/api/v1/servers/other/zones".to_owned()),
        ("unknown zone", format!("{zones}/nope.example.")),
        ("unknown path", "/api/v1/nope".to_owned()),
        ("unknown key", format!("{zones}/{ZONE}/cryptokeys/999999")),
    ] {
        assert_error(&ask("GET", &path, Some(KEY)), 404, &[], what);
    }
    assert_eq!(ask("PATCH", zones, Some(KEY)).status, 405);
    let bad_escape = ask("GET", &format!("{zones}/=ZZ"), Some(KEY)).status;
    assert!(bad_escape == 400 || bad_escape == 404, "{bad_escape}");
    // Creation: a zone that exists, and names that are none.
    let create = |body: Value| api.send("POST", "/zones", Some(&body)).expect("the API answers");
    assert_error(&create(json!({ "name": ZONE, "kind": "Native" })), 409, &[], "an existing zone");
    assert_error(&create(json!({ "name": "nodot.example", "kind": "Native" })), 422, &["canonical"], "no final dot");
    assert_error(&create(json!({ "name": "a..b.", "kind": "Native" })), 422, &[], "an empty label");
    assert_error(&create(json!({ "kind": "Native" })), 422, &["name"], "no name");
    // Garbage instead of HTTP.
    for garbage in [&b"\0\0\0\0"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]] {
        let mut stream = TcpStream::connect(api.address).expect("the API listens");
        let _ = stream.write_all(garbage);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("the time is not zero");
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(api.zone(ZONE)["name"], ZONE);
}

/// What is wrong, the message, and what may come back: an RCODE, or nothing.
type Malformed = (&'static str, Vec<u8>, &'static [Option<u8>]);

/// Messages no server should trip over.
fn malformed() -> Vec<Malformed> {
    const FORMERR: Option<u8> = Some(1);
    const NOTIMP: Option<u8> = Some(4);
    const SILENCE: Option<u8> = None;
    let good = query(0x5a5a, &format!("www.{ZONE}"), RecordType::A);
    let edit = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut message = good.clone();
        change(&mut message);
        message
    };
    let mut all: Vec<Malformed> = vec![
        ("nothing", Vec::new(), &[SILENCE]),
        ("one octet", vec![0x5a], &[SILENCE]),
        ("half a header", good[..11].to_vec(), &[SILENCE]),
        ("a header that promises a question", good[..12].to_vec(), &[FORMERR]),
        ("a response", edit(&|m| m[2] |= 0x80), &[SILENCE]),
        (
            "no question",
            edit(&|m| {
                m[5] = 0;
                m[11] = 0;
                m.truncate(12)
            }),
            &[FORMERR],
        ),
        ("two questions", edit(&|m| m[5] = 2), &[FORMERR]),
        ("an answer in the query", edit(&|m| m[7] = 1), &[FORMERR]),
        (
            "65535 additional records",
            edit(&|m| {
                m[10] = 0xff;
                m[11] = 0xff
            }),
            &[FORMERR],
        ),
        ("a name that points at itself", [&good[..12], &[0xc0, 12, 0, 1, 0, 1][..]].concat(), &[FORMERR]),
        ("a label of a kind that is not", [&good[..12], &[0x80, 0, 0, 1, 0, 1][..]].concat(), &[FORMERR]),
        ("a label longer than the message", [&good[..12], &[63, b'x'][..]].concat(), &[FORMERR]),
        ("octets after the end", edit(&|m| m.extend([0; 7])), &[FORMERR]),
        ("opcode STATUS", edit(&|m| m[2] = 2 << 3), &[NOTIMP, FORMERR]),
        ("opcode 15", edit(&|m| m[2] = 15 << 3), &[NOTIMP, FORMERR]),
    ];
    let name = [&[63][..], &[b'x'; 63]].concat().repeat(4);
    all.push(("a name over 255 octets", [&good[..12], &name, &[0, 0, 1, 0, 1]].concat(), &[FORMERR]));
    all
}

#[test]
fn malformed_messages_get_formerr_or_silence() {
    let server = start();
    let patience = Duration::from_millis(300);
    for (what, message, allowed) in malformed() {
        let udp = Asker::new(server.dns(), patience).ask(&message).ok();
        assert!(allowed.contains(&udp.as_deref().and_then(rcode)), "{what} over UDP: {udp:02x?}");
        // Over TCP silence is a closed connection, or one that stays open for a better query.
        let tcp = ask_tcp(server.dns(), &message, patience).ok().flatten();
        assert!(allowed.contains(&tcp.as_deref().and_then(rcode)), "{what} over TCP: {tcp:02x?}");
        if let Some(reply) = udp.as_deref().or(tcp.as_deref()) {
            assert_eq!(reply.get(..2), message.get(..2), "{what}: another id");
        }
    }
    // Every prefix of a good query.
    let good = query(7, &format!("www.{ZONE}"), RecordType::A);
    let asker = Asker::new(server.dns(), Duration::from_millis(50));
    for length in 0..good.len() {
        asker.send(&good[..length]).expect("the server listens");
    }
    assert_alive(&server);
}

#[test]
fn every_type_and_class_is_answered_or_refused() {
    let server = start();
    let asker = Asker::new(server.dns(), Duration::from_secs(2));
    let good = query(1, &format!("www.{ZONE}"), RecordType::A);
    // Type and class stand after the name: 12 octets of header, then "www", "input", "example" and the root.
    let at = 12 + 1 + 3 + 1 + 5 + 1 + 7 + 1;
    for number in 0..=u16::MAX {
        for (offset, step) in [(at, 1), (at + 2, 251)] {
            if number % step != 0 {
                continue;
            }
            let mut message = good.clone();
            message[..2].copy_from_slice(&number.to_be_bytes());
            message[offset..offset + 2].copy_from_slice(&number.to_be_bytes());
            let reply = asker.ask(&message).unwrap_or_else(|error| panic!("type or class {number}: {error}"));
            assert!(rcode(&reply).is_some_and(|rcode| rcode <= 5), "{number}: {reply:02x?}");
        }
    }
    assert_alive(&server);
}

#[test]
fn edns_that_is_wrong() {
    let server = start();
    let good = query(9, &format!("www.{ZONE}"), RecordType::A);
    let opt = good.len() - 11;
    let ask = |message: &[u8]| Asker::new(server.dns(), Duration::from_secs(2)).ask(message).expect("a reply");
    // Version 1: BADVERS is 16, upper bits in the OPT (RFC 6891 section 6.1.3).
    let mut version = good.clone();
    version[opt + 6] = 1;
    let reply = decode(&ask(&version));
    assert_eq!(u16::from(reply.metadata.response_code), 16);
    // Two OPT records are a format error (RFC 6891 section 6.1.1).
    let mut twice = good.clone();
    twice[11] = 2;
    twice.extend_from_slice(&good[opt..]);
    assert_eq!(rcode(&ask(&twice)), Some(1));
    // An option that ends outside its RDATA.
    let mut option = good.clone();
    option[opt + 10] = 4;
    option.extend([0, 10, 0, 99]);
    assert_eq!(rcode(&ask(&option)), Some(1));
    // A payload size below 512 counts as 512 (RFC 6891 section 6.2.3).
    let mut small = query(9, ZONE, RecordType::DNSKEY);
    let at = small.len() - 8;
    small[at..at + 2].copy_from_slice(&1u16.to_be_bytes());
    let reply = ask(&small);
    assert!(reply.len() <= 512 && rcode(&reply) == Some(0), "{} octets", reply.len());
    assert_alive(&server);
}

#[test]
fn tcp_connections_that_misbehave_disturb_nobody() {
    let server = start();
    let mut held = Vec::new();
    for number in 0..300 {
        let Ok(mut stream) = TcpStream::connect(server.dns()) else { continue };
        let _ = match number % 4 {
            // Says nothing.
            0 => Ok(()),
            // A length and no message.
            1 => stream.write_all(&[0xff, 0xff]),
            // Half a length.
            2 => stream.write_all(&[0]),
            // A length of zero, then garbage.
            _ => stream.write_all(&[0, 0, 1, 2, 3]),
        };
        held.push(stream);
    }
    let message = query(3, &format!("www.{ZONE}"), RecordType::A);
    let reply = ask_tcp(server.dns(), &message, Duration::from_secs(15)).expect("others are served").expect("a reply");
    assert_eq!(rcode(&reply), Some(0));
    drop(held);
    assert_alive(&server);
}

fn assert_alive(server: &Signpost) {
    let reply = dig(server.dns(), &format!("www.{ZONE}"), "A", Transport::Udp);
    assert!(reply.contents("A") == ["192.0.2.1"] && reply.answer_is_signed(), "{reply:?}");
}
