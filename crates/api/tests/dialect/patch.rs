//! Sections 5 to 7: PATCH, contents, serials.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{KEY, Program, Server, ZONES, replace, settings};

async fn start() -> (Server, String) {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    (server, zone)
}

fn serials(answer: &crate::support::Answer) -> Option<(u32, u32)> {
    let header = |name: &str| answer.header(name).map(|value| value.parse().unwrap());
    Some((header("x-pdns-old-serial")?, header("x-pdns-new-serial")?))
}

#[tokio::test]
async fn section_5_replace_and_delete_answer_204_with_the_serials() {
    let (server, zone) = start().await;
    let before = server.get(&zone).await.json()["serial"].as_u64().unwrap() as u32;
    let published = server.published();
    let answer = server.patch(&zone, json!([replace("www.example.test.", "A", 60, &["192.0.2.2", "192.0.2.1"])])).await;
    answer.is(204);
    assert_eq!((answer.header("content-type"), answer.body.as_str()), (None, ""));
    assert_eq!(serials(&answer), Some((before, before + 1)));
    assert_eq!(server.published(), published + 1, "a 204 waits to be served");
    assert_eq!(server.data(&zone).await, ["www.example.test. A 60 192.0.2.1", "www.example.test. A 60 192.0.2.2"]);
    // DELETE as External-DNS sends it: with the old records, and a TTL of 0.
    let delete = json!({"name": "www.example.test.", "type": "A", "ttl": 0, "changetype": "DELETE",
        "records": [{"content": "192.0.2.1", "disabled": false}]});
    let answer = server.patch(&zone, json!([delete])).await;
    assert_eq!(serials(answer.is(204)), Some((before + 1, before + 2)));
    assert_eq!(server.data(&zone).await, [] as [&str; 0]);
}

#[tokio::test]
async fn clients_3_17_a_replace_that_changes_nothing_moves_no_serial() {
    let (server, zone) = start().await;
    let same = json!([replace("www.example.test.", "A", 60, &["192.0.2.1"])]);
    server.patch(&zone, same.clone()).await.is(204);
    let published = server.published();
    let answer = server.patch(&zone, same).await;
    assert_eq!(serials(answer.is(204)), None);
    assert_eq!(server.published(), published + 1, "what is stored need not be served yet");
}

#[tokio::test]
async fn section_5_pass_one_refuses_in_the_dialects_words_and_nothing_is_written() {
    let (server, zone) = start().await;
    let good = replace("www.example.test.", "A", 60, &["192.0.2.1"]);
    let with = |key: &str, value: Value| {
        let mut item = good.clone();
        item[key] = value;
        item
    };
    for (item, error) in [
        (with("changetype", json!("WHAT")), "Changetype 'WHAT' is not a valid value"),
        (with("changetype", Value::Null), "Key 'changetype' not present or not a String"),
        (with("changetype", json!(7)), "Key 'changetype' not present or not a String"),
        (with("name", json!("www.example.test")), "DNS Name 'www.example.test' is not canonical"),
        (with("name", json!("a-*.example.test.")), "Name 'a-*.example.test.' contains unsupported characters"),
        (with("name", json!("www.other.test.")), "RRset www.other.test. IN A: Name is out of zone"),
        (with("type", json!("WHAT")), "RRset www.example.test. IN WHAT: unknown type given"),
        (with("type", json!("OPT")), "RRset www.example.test. IN OPT: invalid type given"),
        (with("type", Value::Null), "Key 'type' not present or not a String"),
        (with("ttl", json!(-1)), "New RRsets are invalid: Key 'ttl' is not a positive Integer"),
        (with("ttl", json!("x")), "New RRsets are invalid: Key 'ttl' not an Integer or not present"),
        (with("ttl", json!(4_294_967_296u64)), "New RRsets are invalid: Key 'ttl' is above 2147483647"),
        (with("records", json!([{"content": 7}])), "New RRsets are invalid: Key 'content' not present or not a String"),
        (
            with("records", json!([{"content": "192.0.2.1", "disabled": "no"}])),
            "New RRsets are invalid: Key 'disabled' not present or not a Bool",
        ),
        (
            with("records", json!([{"content": "192.0.2.1", "priority": 10}])),
            "New RRsets are invalid: `priority` element is not allowed in record",
        ),
        (with("records", Value::Null), "No change for RRset www.example.test. IN A"),
        (
            with("comments", json!([{"content": "x"}])),
            "New RRsets are invalid: Key 'account' not present or not a String",
        ),
        (
            with("comments", json!([{"content": "x", "account": "", "modified_at": -1}])),
            "New RRsets are invalid: Key 'modified_at' is not a valid number",
        ),
        (good.clone(), "Duplicate RRset www.example.test. IN A with changetype: REPLACE"),
    ] {
        let first = if item == good { good.clone() } else { replace("first.example.test.", "A", 60, &["192.0.2.1"]) };
        server.patch(&zone, json!([first, item])).await.is_error(422, error);
    }
    for body in [json!({}), json!({"rrsets": "x"}), json!([]), json!("x"), json!(7)] {
        server.call("PATCH", &zone, body).await.is_error(422, "No rrsets given in update request");
    }
    assert_eq!(server.data(&zone).await, [] as [&str; 0]);
}

#[tokio::test]
async fn section_1_3_what_is_no_json_is_400_and_an_absent_zone_404() {
    let (server, zone) = start().await;
    for body in ["", "null", "{", "{\"rrsets\": [}", "\u{0}"] {
        let request = Request::patch(&zone).header("x-api-key", KEY).body(Body::from(body)).unwrap();
        server.send(request).await.is(400);
    }
    let deep = "[".repeat(100_000);
    let request = Request::patch(&zone).header("x-api-key", KEY).body(Body::from(deep)).unwrap();
    server.send(request).await.is(400);
    server.patch(&format!("{ZONES}/absent.test."), json!([])).await.is(404);
}

#[tokio::test]
async fn section_1_1_bodies_over_the_limit_are_400_and_10000_endpoints_are_not() {
    let settings = api::ApiSettings { body_octets_max: 1000, ..settings() };
    let server = Server::with(Program::default(), settings, Default::default()).await;
    let zone = server.make_zone("example.test.").await;
    let many = vec![replace("www.example.test.", "A", 60, &["192.0.2.1"]); 100];
    server.patch(&zone, json!(many)).await.is(400);
    let (server, zone) = start().await;
    let owner = "\"heritage=external-dns,external-dns/owner=default,external-dns/resource=service/default/nginx\"";
    let rrsets: Vec<Value> = (0..10_000)
        .flat_map(|n| {
            let record = replace(&format!("h{n:05}.example.test."), "A", 300, &["192.0.2.1"]);
            [record, replace(&format!("a-h{n:05}.example.test."), "TXT", 300, &[owner])]
        })
        .collect();
    let body = json!({ "rrsets": rrsets }).to_string();
    assert!(body.len() > 3 << 20, "more than PowerDNS itself takes");
    // Read whole, and refused for its last item only: storing 20,000 RRsets is the store's own test.
    let changes = api::read_patch_body(body.as_bytes(), &"example.test".parse().unwrap()).unwrap();
    assert_eq!(changes.len(), 20_000);
    let fault = r#",{"name":"other.test.","type":"A","changetype":"EXTEND"}]}"#;
    let with_fault = format!("{}{fault}", body.strip_suffix("]}").unwrap());
    let request = Request::patch(&zone).header("x-api-key", KEY).body(Body::from(with_fault)).unwrap();
    server.send(request).await.is_error(422, "RRset other.test. IN A: Name is out of zone");
}

#[tokio::test]
async fn section_5_order_counts_and_a_cname_stands_alone() {
    let (server, zone) = start().await;
    let delete = |rtype: &str| json!({"name": "www.example.test.", "type": rtype, "changetype": "DELETE"});
    let cname = replace("www.example.test.", "CNAME", 60, &["host.example.test."]);
    let address = replace("www.example.test.", "A", 60, &["192.0.2.1"]);
    server.patch(&zone, json!([cname.clone()])).await.is(204);
    let conflict = "RRset www.example.test. IN A: Conflicts with pre-existing RRset";
    server.patch(&zone, json!([address.clone(), delete("CNAME")])).await.is_error(422, conflict);
    assert_eq!(server.data(&zone).await, ["www.example.test. CNAME 60 host.example.test."]);
    server.patch(&zone, json!([delete("CNAME"), address.clone()])).await.is(204);
    assert_eq!(server.data(&zone).await, ["www.example.test. A 60 192.0.2.1"]);
    let conflict = "RRset www.example.test. IN CNAME: Conflicts with pre-existing RRset";
    server.patch(&zone, json!([cname])).await.is_error(422, conflict);
    // DELETE and REPLACE of one RRset run in order.
    server.patch(&zone, json!([delete("A"), address])).await.is(204);
    assert_eq!(server.data(&zone).await, ["www.example.test. A 60 192.0.2.1"]);
    // Cleaning up outside of the zone is allowed, and what is not there is no error.
    let outside = json!({"name": "x.other.test.", "type": "A", "changetype": "delete", "records": null});
    server.patch(&zone, json!([outside])).await.is(204);
}

#[tokio::test]
async fn section_5_comments_stay_unless_given() {
    let (server, zone) = start().await;
    let comments = async || {
        let value = server.get(&format!("{zone}?rrset_name=www.example.test.")).await.json();
        value["rrsets"][0]["comments"].clone()
    };
    let mut item = replace("www.example.test.", "A", 60, &["192.0.2.1"]);
    item["comments"] = json!([{"content": "<é>", "account": "me", "modified_at": "1700000000"}]);
    server.patch(&zone, json!([item])).await.is(204);
    let wanted = json!([{"content": "<é>", "account": "me", "modified_at": 1700000000}]);
    assert_eq!(comments().await, wanted);
    server.patch(&zone, json!([replace("www.example.test.", "A", 60, &["192.0.2.2"])])).await.is(204);
    assert_eq!(comments().await, wanted);
    let mut kept = replace("www.example.test.", "A", 60, &["192.0.2.3"]);
    kept["comments"] = Value::Null;
    server.patch(&zone, json!([kept])).await.is(204);
    assert_eq!(comments().await, wanted);
    let clear = json!({"name": "www.example.test.", "type": "A", "changetype": "REPLACE", "comments": []});
    server.patch(&zone, json!([clear])).await.is(204);
    assert_eq!(comments().await, json!([]));
    assert_eq!(server.data(&zone).await, ["www.example.test. A 60 192.0.2.3"]);
}

#[tokio::test]
async fn section_5_extend_and_prune_change_one_record() {
    let (server, zone) = start().await;
    let item = |changetype: &str, ttl: u32, contents: &[&str]| {
        let mut item = replace("www.example.test.", "A", ttl, contents);
        item["changetype"] = json!(changetype);
        item
    };
    server.patch(&zone, json!([item("EXTEND", 60, &["192.0.2.1"])])).await.is(204);
    server.patch(&zone, json!([item("extend", 60, &["192.0.2.2"]), item("PRUNE", 60, &["192.0.2.1"])])).await.is(204);
    assert_eq!(server.data(&zone).await, ["www.example.test. A 60 192.0.2.2"]);
    let answer =
        server.patch(&zone, json!([item("EXTEND", 60, &["192.0.2.2"]), item("PRUNE", 60, &["192.0.2.9"])])).await;
    assert_eq!(serials(answer.is(204)), None, "no change, no serial");
    server
        .patch(&zone, json!([item("EXTEND", 61, &["192.0.2.3"])]))
        .await
        .is_error(422, "RRset www.example.test. IN A: uses a different TTL value than the remainder of the RRset");
    let exactly = "Exactly one record should be provided for PRUNE or EXTEND operation";
    server.patch(&zone, json!([item("EXTEND", 60, &[])])).await.is_error(422, exactly);
    server.patch(&zone, json!([item("PRUNE", 60, &["192.0.2.1", "192.0.2.2"])])).await.is_error(422, exactly);
    let none = json!({"name": "www.example.test.", "type": "A", "ttl": 60, "changetype": "PRUNE"});
    server.patch(&zone, json!([none])).await.is_error(422, "No record provided for PRUNE or EXTEND operation");
}

#[tokio::test]
async fn section_6_1_contents_come_back_as_sent() {
    let (server, zone) = start().await;
    let long = format!("\"{}\"", "x".repeat(400));
    for (rtype, sent, back) in [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
        ("CNAME", "Host.Example.NET.", "Host.Example.NET."),
        ("MX", "10 mail.example.com.", "10 mail.example.com."),
        ("SRV", "10 20 5060 sip.example.com.", "10 20 5060 sip.example.com."),
        (
            "TXT",
            "\"heritage=external-dns,external-dns/owner=default\"",
            "\"heritage=external-dns,external-dns/owner=default\"",
        ),
        ("TXT", &long, &long),
        ("TXT", "\"a\" \"b c\"", "\"a\" \"b c\""),
        ("CAA", "0 issue \"letsencrypt.org\"", "0 issue \"letsencrypt.org\""),
        (
            "NAPTR",
            "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.com!\" .",
            "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.com!\" .",
        ),
        ("ALIAS", "lb.example.net.", "lb.example.net."),
        ("TYPE65300", "\\# 2 abcd", "\\# 2 abcd"),
    ] {
        let item = replace("t.example.test.", rtype, 2_147_483_647, &[sent]);
        server.patch(&zone, json!([item])).await.is(204);
        assert_eq!(server.data(&zone).await, [format!("t.example.test. {rtype} 2147483647 {back}")]);
        let delete = json!({"name": "T.example.test.", "type": rtype.to_lowercase(), "changetype": "DELETE"});
        server.patch(&zone, json!([delete])).await.is(204);
    }
}

#[tokio::test]
async fn section_6_1_unexpected_formats_are_refused_with_the_canonical_form() {
    let (server, zone) = start().await;
    for (rtype, content, error) in [
        ("MX", "10 mail", "Record t.example.test./MX '10 mail': Not in expected format (parsed as '10 mail.')"),
        ("CNAME", "host", "Record t.example.test./CNAME 'host': Not in expected format (parsed as 'host.')"),
    ] {
        server.patch(&zone, json!([replace("t.example.test.", rtype, 60, &[content])])).await.is_error(422, error);
    }
    for (rtype, content) in [
        ("A", "192.0.2.300"),
        ("A", ""),
        ("A", "(127.0.0.1)"),
        ("AAAA", "2001:db8::g"),
        ("MX", "mail."),
        ("SRV", "1 2 x.test."),
        ("TXT", "plain"),
        ("TXT", "\"open"),
        ("SOA", "a. b. 1"),
        ("CAA", "300 issue \"x\""),
    ] {
        let name = if rtype == "SOA" { "example.test." } else { "t.example.test." };
        let answer = server.patch(&zone, json!([replace(name, rtype, 60, &[content])])).await;
        let error = answer.is(422).json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(&format!("Record {name}/{rtype} '{content}': ")), "{error}");
    }
    server
        .patch(&zone, json!([replace("t.example.test.", "LUA", 60, &["A \"return 1\""])]))
        .await
        .is_error(422, "RRset t.example.test. IN LUA: update of Lua records is not allowed");
}

/// A message of 65,535 octets (RFC 1035 section 4.2.2) holds 4014 addresses and their signature; a 204 is an answer.
#[tokio::test]
async fn an_rrset_that_no_message_can_carry_is_refused() {
    let (server, zone) = start().await;
    let addresses =
        |count: usize| -> Vec<String> { (0..count).map(|n| format!("10.0.{}.{}", n / 250, n % 250)).collect() };
    let with = |count: usize| {
        let addresses = addresses(count);
        let texts: Vec<&str> = addresses.iter().map(String::as_str).collect();
        json!([replace("many.example.test.", "A", 60, &texts)])
    };
    server.patch(&zone, with(4014)).await.is(204);
    let answer = server.patch(&zone, with(4015)).await;
    let error = answer.is(422).json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("many.example.test. IN A") && error.contains("a DNS message can carry"), "{error}");
    assert_eq!(server.data(&zone).await.len(), 4014);
}

#[tokio::test]
async fn section_6_3_underscores_in_targets_need_the_metadata() {
    let (server, zone) = start().await;
    let item = json!([replace("t.example.test.", "SRV", 60, &["1 2 3 under_score.test."])]);
    let error = "RRset t.example.test. IN SRV: non-hostname content under_score.test.";
    server.patch(&zone, item.clone()).await.is_error(422, error);
    let loose = json!({"metadata": ["0"]});
    server.call("PUT", &format!("{zone}/metadata/RFC1123-CONFORMANCE"), loose).await.is(200);
    server.patch(&zone, item).await.is(204);
}

#[tokio::test]
async fn section_7_1_a_soa_sent_by_the_client_is_moved_on_once() {
    let (server, zone) = start().await;
    let before = server.get(&zone).await.json()["serial"].as_u64().unwrap();
    let content = format!("ns1.example.test. admin.example.test. {before} 1 2 3 4");
    let answer = server.patch(&zone, json!([replace("example.test.", "SOA", 60, &[&content])])).await;
    assert_eq!(serials(answer.is(204)), None, "section 1.5: no headers where the client sent the SOA");
    assert_eq!(server.get(&zone).await.json()["serial"], before + 1);
}

#[tokio::test]
async fn section_7_1_without_soa_edit_api_the_serial_stays() {
    let (server, zone) = start().await;
    server.call("PUT", &zone, json!({"soa_edit_api": ""})).await.is(204);
    let before = server.get(&zone).await.json()["serial"].clone();
    let answer = server.patch(&zone, json!([replace("www.example.test.", "A", 60, &["192.0.2.1"])])).await;
    assert_eq!(serials(answer.is(204)), None);
    assert_eq!(server.get(&zone).await.json()["serial"], before);
    assert_eq!(server.data(&zone).await.len(), 1);
}

#[tokio::test]
async fn section_5_consumer_zones_take_deletes_only() {
    let server = Server::start().await;
    let body = json!({"name": "c.test.", "kind": "Consumer", "masters": ["192.0.2.1"]});
    server.call("POST", ZONES, body).await.is(201);
    let zone = format!("{ZONES}/c.test.");
    let error = "Modifying RRsets in Consumer zones is unsupported";
    server.patch(&zone, json!([replace("www.c.test.", "A", 60, &["192.0.2.1"])])).await.is_error(422, error);
    server.patch(&zone, json!([{"name": "www.c.test.", "type": "A", "changetype": "DELETE"}])).await.is(204);
}

#[tokio::test]
async fn a_late_publication_is_confirmed_all_the_same_and_counted() {
    let program = Program { is_late: true, ..Program::default() };
    let server = Server::with(program, settings(), Default::default()).await;
    let zone = server.make_zone("example.test.").await;
    server.patch(&zone, json!([replace("www.example.test.", "A", 60, &["192.0.2.1"])])).await.is(204);
    let metrics = server.get("/metrics").await;
    assert!(metrics.body.contains("pdns_auth_api_published_late 2\n"), "{}", metrics.body);
    assert_eq!(server.program.published.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn section_17_parallel_patches_lose_nothing_and_double_nothing() {
    let (server, zone) = start().await;
    let server = std::sync::Arc::new(server);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let (server, zone) = (server.clone(), zone.clone());
        tasks.spawn(async move {
            let own = replace(&format!("h{number}.example.test."), "A", 60, &["192.0.2.1"]);
            let shared = replace("shared.example.test.", "A", 60, &[&format!("192.0.2.{}", number + 1)]);
            let answer = server.patch(&zone, json!([own, shared])).await;
            serials(answer.is(204)).unwrap()
        });
    }
    let mut serials: Vec<(u32, u32)> = tasks.join_all().await;
    serials.sort();
    for pair in serials.windows(2) {
        assert_eq!(pair[0].1, pair[1].0, "every change moves the serial by one, from where the last left it");
    }
    let lines = server.lines(&zone).await;
    assert_eq!(lines.iter().filter(|line| line.contains(" SOA ")).count(), 1);
    assert_eq!(lines.iter().filter(|line| line.starts_with("shared.")).count(), 1);
    assert_eq!(lines.iter().filter(|line| line.starts_with('h')).count(), 40);
}

/// PDNS-DIALECT section 5, `write_unchanged` (5.2).
#[tokio::test]
async fn section_5_a_change_that_changes_nothing_moves_the_serial_only_when_asked() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let item = json!({
        "name": "www.example.test.", "type": "A", "ttl": 60, "changetype": "EXTEND",
        "records": [{"content": "192.0.2.1", "disabled": false}],
    });
    server.patch(&zone, json!([item])).await.is(204);
    let again = server.patch(&zone, json!([item])).await;
    assert_eq!(again.is(204).header("x-pdns-new-serial"), None);
    let mut forced_item = item.clone();
    forced_item["write_unchanged"] = json!(true);
    for body in [
        json!({"rrsets": [item], "write_unchanged": true}),
        json!({"rrsets": [forced_item]}),
        json!({"rrsets": [], "write_unchanged": true}),
    ] {
        let serial = |answer: &crate::support::Answer, which: &str| -> u32 {
            answer.header(&format!("x-pdns-{which}-serial")).unwrap().parse().unwrap()
        };
        let answer = server.call("PATCH", &zone, body).await;
        assert_eq!(serial(answer.is(204), "new"), serial(&answer, "old") + 1);
        assert_eq!(server.data(&zone).await, ["www.example.test. A 60 192.0.2.1"]);
    }
}
