//! Rules of sections 1 to 10 that need no story of their own: tables of requests with what each must come to.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use store::{RrsetChange, RrsetEdit, RrsetFilter, StoredRecord, ZoneEdit};
use wire::ZoneName;

use crate::support::{Answer, KEY, Server, ZONES, replace, settings};

async fn start() -> (Server, String) {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    (server, zone)
}

fn zone_name() -> ZoneName {
    ZoneName::parse("example.test").unwrap()
}

/// An edit past the API, as another program makes it.
async fn edit(server: &Server, edit: ZoneEdit) {
    server.state.store.edit_zone(&zone_name(), edit).await.unwrap();
}

async fn set_metadata(server: &Server, kind: &str, value: &str) {
    edit(server, ZoneEdit { metadata: vec![(kind.to_owned(), vec![value.to_owned()])], ..ZoneEdit::default() }).await;
}

/// The columns `content` and `prio` of a name.
async fn stored(server: &Server, owner: &str) -> Vec<(String, i32)> {
    let id = server.state.store.zone(&zone_name()).await.unwrap().unwrap().id;
    let filter = RrsetFilter { name: Some(owner.parse().unwrap()), rtype: None };
    let rrsets = server.state.store.rrsets(id, &filter).await.unwrap();
    rrsets.into_iter().flat_map(|rrset| rrset.records).map(|record| (record.content, record.prio)).collect()
}

async fn serial(server: &Server, zone: &str) -> u64 {
    server.get(zone).await.json()["serial"].as_u64().unwrap()
}

async fn without_key(server: &Server, method: &str, path: &str) -> Answer {
    server.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn section_1_2_a_key_in_the_query_opens_nothing() {
    let server = Server::start().await;
    without_key(&server, "GET", &format!("{ZONES}?api-key={KEY}")).await.is(401);
    server.get(&format!("{ZONES}?_=1&what=ever")).await.is(200);
}

#[tokio::test]
async fn section_1_4_errors_have_the_texts_that_clients_match() {
    let (server, zone) = start().await;
    without_key(&server, "GET", "/api/v1/nothing").await.is_error(404, "Not Found");
    without_key(&server, "PATCH", ZONES).await.is_error(405, "Method Not Allowed");
    without_key(&server, "GET", ZONES).await.is_error(401, "Unauthorized");
    server.get(&format!("{ZONES}/absent.test.")).await.is_error(404, "Not Found");
    let again = json!({"name": "Example.TEST.", "kind": "Native"});
    server.call("POST", ZONES, again).await.is_error(409, "Conflict");
    let html = Request::get(format!("{zone}x")).header("x-api-key", KEY).header("content-type", "text/html");
    let answer = server.send(html.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.is(404).body, "<!html><title>Not Found</title><h1>Not Found</h1>");
}

#[tokio::test]
async fn section_2_a_key_path_takes_a_post_as_the_collection_does_and_a_setting_has_no_path() {
    let (server, zone) = start().await;
    let made = server.call("POST", &format!("{zone}/cryptokeys/7"), json!({"keytype": "ksk"})).await;
    assert_eq!(made.is(201).json()["type"], "Cryptokey");
    server.get("/api/v1/servers/localhost/config/local-port").await.is(404);
}

#[tokio::test]
async fn section_3_a_zone_is_dnssec_when_presigned_or_with_an_active_key_and_shows_nsec3_only_then() {
    let (server, zone) = start().await;
    let shown = async || {
        let value = server.get(&zone).await.json();
        (value["dnssec"].clone(), value["nsec3param"].clone(), value["nsec3narrow"].clone())
    };
    set_metadata(&server, "NSEC3PARAM", "1 0 0 ab").await;
    set_metadata(&server, "NSEC3NARROW", "1").await;
    assert_eq!(shown().await, (json!(false), json!(""), json!(false)));
    let key = server.call("POST", &format!("{zone}/cryptokeys"), json!({"keytype": "csk"})).await.is(201).json();
    assert_eq!(shown().await.0, json!(false), "a key that is not active secures nothing");
    let key = format!("{zone}/cryptokeys/{}", key["id"]);
    server.call("PUT", &key, json!({"active": true})).await.is(204);
    assert_eq!(shown().await, (json!(true), json!("1 0 0 ab"), json!(true)));
    // What a signer makes is no record of the zone.
    assert_eq!(server.lines(&zone).await.len(), 2, "SOA and NS");
    server.call("DELETE", &key, Value::Null).await.is(204);
    set_metadata(&server, "PRESIGNED", "1").await;
    assert_eq!(shown().await.0, json!(true));
}

#[tokio::test]
async fn section_3_rrsets_come_sorted_whole_and_without_empty_non_terminals() {
    let (server, zone) = start().await;
    let mut commented = replace("b.example.test.", "A", 60, &["192.0.2.9", "192.0.2.1"]);
    commented["comments"] = json!([{"content": "z", "account": ""}, {"content": "a", "account": ""}]);
    let only = json!({"name": "only.example.test.", "type": "A", "changetype": "REPLACE",
        "comments": [{"content": "c", "account": ""}]});
    let deep = replace("x.ent.example.test.", "A", 60, &["192.0.2.1"]);
    server.patch(&zone, json!([commented, only, deep])).await.is(204);
    let value = server.get(&zone).await.json();
    let rrsets = value["rrsets"].as_array().unwrap();
    let find = |name: &str| rrsets.iter().find(|rrset| rrset["name"] == name);
    assert!(find("ent.example.test.").is_none(), "an empty non-terminal is a row, not an RRset");
    let only = find("only.example.test.").unwrap();
    assert_eq!((&only["ttl"], &only["records"]), (&json!(0), &json!([])));
    assert!(only["comments"][0]["modified_at"].as_i64().unwrap() > 1_700_000_000, "now, where none is given");
    let both = find("b.example.test.").unwrap();
    let contents = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|item| item["content"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(contents(&both["records"]), ["192.0.2.1", "192.0.2.9"]);
    assert_eq!(contents(&both["comments"]), ["a", "z"]);
    for never in ["nameservers", "zone", "presigned"] {
        assert!(value.get(never).is_none(), "{never} is taken and never shown");
    }
}

#[tokio::test]
async fn section_4_1_zones_without_soa_or_with_a_disabled_one_are_listed() {
    let (server, zone) = start().await;
    server.call("POST", ZONES, json!({"name": "sec.test.", "kind": "Slave", "masters": ["192.0.2.1"]})).await.is(201);
    let soa = json!({"name": "example.test.", "type": "SOA", "ttl": 60, "changetype": "REPLACE",
        "records": [{"content": "a.test. b.test. 7 1 2 3 4", "disabled": true}]});
    server.patch(&zone, json!([soa])).await.is(204);
    let list = server.get(ZONES).await.json();
    let serials: Vec<&Value> = list.as_array().unwrap().iter().map(|zone| &zone["serial"]).collect();
    assert_eq!(serials.len(), 2);
    for (query, error) in
        [("zone=", "DNS Name '' is not canonical"), ("zone=a%20b.", "Name 'a b.' contains unsupported characters")]
    {
        server.get(&format!("{ZONES}?{query}")).await.is_error(422, error);
    }
    assert!(server.get(&format!("{ZONES}?dnssec=what")).await.json()[0].get("dnssec").is_some());
}

#[tokio::test]
async fn section_4_2_comments_follow_the_filter_and_flags_are_checked() {
    let (server, zone) = start().await;
    let with_comment = |name: &str, rtype: &str, content: &str| {
        let mut item = replace(name, rtype, 60, &[content]);
        item["comments"] = json!([{"content": format!("about {rtype}"), "account": ""}]);
        item
    };
    let items = [
        with_comment("a.example.test.", "A", "192.0.2.1"),
        with_comment("a.example.test.", "TXT", "\"t\""),
        with_comment("b.example.test.", "A", "192.0.2.1"),
    ];
    server.patch(&zone, json!(items)).await.is(204);
    let answer = server.get(&format!("{zone}?rrset_name=a.example.test.&rrset_type=TXT")).await;
    assert_eq!(answer.body.matches("about ").count(), 1, "{}", answer.body);
    assert!(answer.body.contains("about TXT"));
    assert_eq!(server.get(&format!("{zone}?rrset_name=a.example.test")).await.body.matches("about ").count(), 2);
    for flag in ["include_disabled", "record_count", "rrsets"] {
        server
            .get(&format!("{zone}?rrset_name=a.example.test.&{flag}=foobar"))
            .await
            .is_error(422, &format!("'{flag}' request parameter value 'foobar' is not supported"));
    }
}

#[tokio::test]
async fn section_4_2_stored_content_that_cannot_be_read_is_named() {
    let (server, zone) = start().await;
    let bad = StoredRecord { content: "\"open".to_owned(), prio: 0, disabled: false };
    let change = RrsetChange::Replace {
        name: "bad.example.test".parse().unwrap(),
        rtype: wire::RecordType::TXT,
        ttl: 60,
        records: Some(vec![bad]),
        comments: None,
    };
    edit(&server, ZoneEdit { rrsets: RrsetEdit::Patch(vec![change]), ..ZoneEdit::default() }).await;
    let answer = server.get(&zone).await;
    let error = answer.is(422).json()["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("Ill-formed record contents found for bad.example.test.: "), "{error}");
    assert!(error.contains("Data field in DNS should end on a quote"), "{error}");
    server.get(&format!("{zone}?rrset_name=example.test.")).await.is(200);
    // It can be cleaned up by those who know the name.
    let delete = json!([{"name": "bad.example.test.", "type": "TXT", "changetype": "DELETE"}]);
    server.patch(&zone, delete).await.is(204);
    server.get(&zone).await.is(200);
}

#[tokio::test]
async fn section_4_3_what_a_new_zone_may_not_hold_leaves_nothing_behind() {
    let server = Server::start().await;
    let a = json!([{"name": "w.new.test.", "type": "A", "ttl": 60, "records": [{"content": "192.0.2.1"}]}]);
    let empty = json!([{"name": "w.new.test.", "type": "A", "records": []}]);
    for (extra, error) in [
        (json!({"kind": "Consumer", "rrsets": a}), "Zone data MUST NOT be given for Consumer zones"),
        (json!({"rrsets": empty}), "New RRsets are invalid: Key 'ttl' not an Integer or not present"),
        (
            json!({"zone": "@ 60 SOA a.b. c.d. 5 1 2 3 4\nw 60 A 192.0.2.1\nw 60 A 192.0.2.1\n"}),
            "RRset w.new.test. IN A: duplicate record with content \"192.0.2.1\"",
        ),
        (
            json!({"zone": "@ 60 SOA a.b. c.d. 5 1 2 3 4\nw.other.test. 60 A 192.0.2.1\n"}),
            "RRset w.other.test. IN A: Name is out of zone",
        ),
        (
            json!({"dnssec": true, "nsec3param": "2 0 101 -"}),
            "NSEC3PARAMs provided for zone 'new.test.' are invalid. Number of NSEC3 iterations is above \
             'max-nsec3-iterations'. Invalid hash algorithm for NSEC3: '2', the only valid value is '1'.",
        ),
        (json!({"catalog": "a b"}), "Name 'a b.' contains unsupported characters"),
    ] {
        let mut body = json!({"name": "new.test.", "kind": "Native"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        server.call("POST", ZONES, body).await.is_error(422, error);
        assert_eq!(server.get(ZONES).await.body, "[]", "{extra}");
    }
    // What is no list is ignored where there is nothing to name.
    let consumer = json!({"name": "new.test.", "kind": "Consumer", "nameservers": "x", "catalog": "cat.test"});
    let made = server.call("POST", ZONES, consumer).await.is(201).json();
    assert_eq!((&made["rrsets"], &made["catalog"]), (&json!([]), &json!("cat.test.")));
}

#[tokio::test]
async fn section_4_4_rrsets_of_a_put_replace_records_and_only_the_comments_that_are_given() {
    let (server, zone) = start().await;
    let mut www = replace("www.example.test.", "A", 60, &["192.0.2.1"]);
    www["comments"] = json!([{"content": "stays", "account": ""}]);
    server.patch(&zone, json!([www])).await.is(204);
    let soa = json!({"name": "example.test.", "type": "SOA", "ttl": 60,
        "records": [{"content": "a.test. b.test. 7 1 2 3 4"}]});
    let www = json!({"name": "www.example.test.", "type": "A", "ttl": 61, "records": [{"content": "192.0.2.2"}]});
    server
        .call("PUT", &zone, json!({"rrsets": [www]}))
        .await
        .is_error(422, "Must give SOA record for zone when replacing all RR sets");
    server.call("PUT", &zone, json!({"rrsets": [soa, www]})).await.is(204);
    assert_eq!(server.data(&zone).await, ["www.example.test. A 61 192.0.2.2"]);
    assert!(server.get(&zone).await.body.contains("stays"));
    // A kind that is given counts already.
    server.call("PUT", &zone, json!({"kind": "Slave", "rrsets": [www]})).await.is(204);
    assert_eq!(server.lines(&zone).await, ["www.example.test. A 61 192.0.2.2"]);
    server
        .call("PUT", &zone, json!({"kind": "Consumer", "rrsets": [www]}))
        .await
        .is_error(422, "Modifying RRsets in Consumer zones is unsupported");
    server.call("PUT", &zone, json!({"kind": "Consumer", "rrsets": []})).await.is(204);
    assert_eq!(server.lines(&zone).await, [] as [&str; 0]);
}

#[tokio::test]
async fn section_4_4_dnssec_off_takes_keys_nsec3_and_presigned_away_and_narrow_needs_param() {
    let (server, zone) = start().await;
    let kinds = async || {
        let list = server.get(&format!("{zone}/metadata")).await.json();
        list.as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    server.call("PUT", &zone, json!({"dnssec": true, "nsec3param": "1 0 0 AB", "nsec3narrow": true})).await.is(204);
    assert_eq!(kinds().await, ["NSEC3NARROW", "NSEC3PARAM", "SOA-EDIT-API"]);
    assert_eq!(server.get(&zone).await.json()["nsec3param"], "1 0 0 ab", "the canonical form is stored");
    let before = serial(&server, &zone).await;
    server.call("PUT", &zone, json!({"nsec3narrow": false})).await.is(204);
    assert_eq!((kinds().await.len(), serial(&server, &zone).await), (3, before), "alone it does nothing");
    server.call("PUT", &zone, json!({"nsec3param": "1 0 0 ab"})).await.is(204);
    assert_eq!(kinds().await, ["NSEC3PARAM", "SOA-EDIT-API"], "narrow counts as false where it is absent");
    server.call("PUT", &zone, json!({"nsec3param": ""})).await.is(204);
    assert_eq!(kinds().await, ["SOA-EDIT-API"]);
    assert_eq!(serial(&server, &zone).await, before + 2, "each change of denial moves the serial");
    set_metadata(&server, "PRESIGNED", "1").await;
    server.call("PUT", &zone, json!({"dnssec": false})).await.is(204);
    assert_eq!(kinds().await, ["SOA-EDIT-API"]);
    assert_eq!(server.get(&format!("{zone}/cryptokeys")).await.body, "[]");
    // No default comes by PUT.
    server.call("PUT", &zone, json!({"soa_edit_api": ""})).await.is(204);
    server.call("PUT", &zone, json!({"account": "x"})).await.is(204);
    assert_eq!(server.get(&zone).await.json()["soa_edit_api"], "");
}

#[tokio::test]
async fn section_4_9_rectify_says_what_it_cannot_and_4_7_names_a_bad_primary() {
    let (server, zone) = start().await;
    server
        .call("PUT", &format!("{zone}/axfr-retrieve"), json!({"primary": "ns1"}))
        .await
        .is_error(422, "Invalid primary address");
    server.call("PUT", &zone, json!({"kind": "Slave", "api_rectify": false})).await.is(204);
    let rectify = format!("{zone}/rectify");
    assert_eq!(server.call("PUT", &rectify, Value::Null).await.is(200).body, r#"{"result": "Rectified"}"#);
    set_metadata(&server, "PRESIGNED", "1").await;
    server
        .call("PUT", &rectify, Value::Null)
        .await
        .is_error(422, "Zone 'example.test.' is pre-signed, not rectifying.");
    server.call("POST", ZONES, json!({"name": "sec.test.", "kind": "Slave", "masters": ["192.0.2.1"]})).await.is(201);
    server
        .call("PUT", &format!("{ZONES}/sec.test./rectify"), Value::Null)
        .await
        .is_error(422, "Failed to rectify 'sec.test.' No SOA known for 'sec.test', is such a zone in the database?");
}

#[tokio::test]
async fn section_5_replace_with_no_records_deletes_and_takes_comments_along() {
    let (server, zone) = start().await;
    let mut item = replace("www.example.test.", "A", 60, &["192.0.2.1"]);
    item["comments"] = json!([{"content": "x", "account": ""}]);
    let gone = async || server.get(&format!("{zone}?rrset_name=www.example.test.")).await.json()["rrsets"] == json!([]);
    server.patch(&zone, json!([item])).await.is(204);
    let no_ttl = json!({"name": "www.example.test.", "type": "A", "changetype": "REPLACE", "records": []});
    server
        .patch(&zone, json!([no_ttl]))
        .await
        .is_error(422, "New RRsets are invalid: Key 'ttl' not an Integer or not present");
    assert!(!gone().await);
    server.patch(&zone, json!([replace("www.example.test.", "A", 60, &[])])).await.is(204);
    assert!(gone().await);
    server.patch(&zone, json!([item])).await.is(204);
    server.patch(&zone, json!([{"name": "www.example.test.", "type": "A", "changetype": "DELETE"}])).await.is(204);
    assert!(gone().await);
}

#[tokio::test]
async fn section_5_items_are_held_against_each_other_and_against_what_is_there() {
    let (server, zone) = start().await;
    let name = "www.example.test.";
    let delete = json!({"name": name, "type": "A", "changetype": "DELETE"});
    let one = |changetype: &str, content: &str| {
        let mut item = replace(name, "A", 60, &[content]);
        item["changetype"] = json!(changetype);
        item
    };
    let without_ttl = |changetype: &str| json!({"name": name, "type": "A", "changetype": changetype, "records": [{"content": "192.0.2.1"}]});
    let ttl = "New RRsets are invalid: Key 'ttl' not an Integer or not present";
    for (items, error) in [
        (json!([delete, delete]), "Duplicate RRset www.example.test. IN A with changetype: DELETE"),
        (json!([without_ttl("EXTEND")]), ttl),
        (json!([without_ttl("PRUNE")]), ttl),
        (
            json!([
                replace("cut.example.test.", "NS", 60, &["a.test."]),
                replace("cut.example.test.", "DNAME", 60, &["b.test."])
            ]),
            "RRset cut.example.test. IN DNAME: Cannot have both NS and DNAME except in zone apex",
        ),
        (
            json!([replace("a.example.test.", "DNSKEY", 60, &["257 3 13 AQID"])]),
            "RRset a.example.test. IN DNSKEY: is only allowed at apex",
        ),
        (json!([replace("a.example.test.", "NS", 60, &["."])]), "RRset a.example.test. IN NS: non-hostname content ."),
    ] {
        server.patch(&zone, items).await.is_error(422, error);
        assert_eq!(server.data(&zone).await, [] as [&str; 0], "all or nothing");
    }
    // They see each other, and what a REPLACE before them left.
    let items = json!([one("REPLACE", "192.0.2.1"), one("EXTEND", "192.0.2.2"), one("PRUNE", "192.0.2.1")]);
    server.patch(&zone, items).await.is(204);
    assert_eq!(server.data(&zone).await, ["www.example.test. A 60 192.0.2.2"]);
    // A record that is off is no obstacle, to a CNAME neither.
    let mut off = one("REPLACE", "192.0.2.2");
    off["records"][0]["disabled"] = json!(true);
    off["set-ptr"] = json!(true);
    server.patch(&zone, json!([off])).await.is(204);
    server.patch(&zone, json!([replace(name, "CNAME", 60, &["b.test."])])).await.is(204);
    // DNAME is not exclusive, and stands at the apex beside NS.
    let dnames = [
        replace("example.test.", "DNAME", 60, &["x.test."]),
        replace("a.b.example.test.", "A", 60, &["192.0.2.1"]),
        replace("a.b.example.test.", "DNAME", 60, &["x.test."]),
        replace("a.b.example.test.", "MX", 60, &["0 ."]),
        replace("a.b.example.test.", "SRV", 60, &["0 0 0 ."]),
        // Where an empty non-terminal was.
        replace("b.example.test.", "A", 60, &["192.0.2.1"]),
    ];
    server.patch(&zone, json!(dnames)).await.is(204);
    assert_eq!(server.data(&zone).await.len(), 8);
}

#[tokio::test]
async fn section_5_and_7_3_comments_alone_move_the_serial_and_a_disabled_soa_moves_nothing() {
    let (server, zone) = start().await;
    let before = serial(&server, &zone).await;
    let comments = |text: &str| {
        json!([{"name": "example.test.", "type": "NS", "changetype": "REPLACE",
            "comments": [{"content": text, "account": "me", "modified_at": 1}]}])
    };
    let answer = server.patch(&zone, comments("one")).await;
    assert_eq!(answer.is(204).header("x-pdns-new-serial"), Some((before + 1).to_string().as_str()));
    let soa = json!({"name": "example.test.", "type": "SOA", "ttl": 60, "changetype": "REPLACE",
        "records": [{"content": "a.test. b.test. 7 1 2 3 4", "disabled": true}]});
    server.patch(&zone, json!([soa])).await.is(204);
    let answer = server.patch(&zone, json!([replace("www.example.test.", "A", 60, &["192.0.2.1"])])).await;
    assert_eq!(answer.is(204).header("x-pdns-new-serial"), None);
    assert!(server.lines(&zone).await.iter().any(|line| line.contains(" 1 2 3 4 disabled")));
}

/// Every type of 6.2 that has a text format of its own, as a client writes it; what comes back must be the same.
#[tokio::test]
async fn section_6_2_every_type_is_taken_and_comes_back_as_it_was_sent() {
    let settings = api::ApiSettings { lua_updates: true, ..settings() };
    let server = Server::with(Default::default(), settings, Default::default()).await;
    let zone = server.make_zone("example.test.").await;
    let digest = "ab".repeat(32);
    let cases = [
        ("AFSDB", "1 afs.x.test.".to_owned()),
        ("APL", "1:192.0.2.0/24 !2:2001:db8::/32".to_owned()),
        ("CDNSKEY", "257 3 13 SLSzAAAA".to_owned()),
        ("CDS", format!("1 13 2 {digest}")),
        ("CERT", "1 0 0 AQID".to_owned()),
        ("CSYNC", "66 3 A AAAA".to_owned()),
        ("DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=".to_owned()),
        ("DLV", format!("1 13 2 {digest}")),
        ("DNAME", "x.test.".to_owned()),
        ("DS", format!("1 13 2 {digest}")),
        ("EUI48", "00-11-22-33-44-5a".to_owned()),
        ("EUI64", "00-11-22-33-44-55-66-77".to_owned()),
        ("HINFO", "\"CPU\" \"OS\"".to_owned()),
        ("HTTPS", "1 . alpn=h2,h3 port=443".to_owned()),
        ("IPSECKEY", "10 1 2 192.0.2.38 AQID".to_owned()),
        ("KEY", "0 3 13 AQID".to_owned()),
        ("KX", "10 kx.test.".to_owned()),
        ("L32", "10 10.1.2.3".to_owned()),
        ("L64", "10 2001:0DB8:1140:1000".to_owned()),
        ("LOC", "51 30 12.748 N 0 7 39.611 W 0.00m 0.00m 0.00m 0.00m".to_owned()),
        ("LP", "10 l64.test.".to_owned()),
        ("LUA", "A \"return '192.0.2.1'\"".to_owned()),
        ("MINFO", "a.test. b.test.".to_owned()),
        ("MR", "a.test.".to_owned()),
        ("NID", "10 0014:4FFF:FF20:EE64".to_owned()),
        ("OPENPGPKEY", "AQID".to_owned()),
        ("PTR", "Host.test.".to_owned()),
        ("RKEY", "0 3 13 AQID".to_owned()),
        ("RP", "a.test. .".to_owned()),
        ("SMIMEA", format!("3 1 1 {digest}")),
        ("SPF", "\"v=spf1 -all\"".to_owned()),
        ("SSHFP", format!("4 2 {digest}")),
        ("SVCB", "1 s.test. port=8443".to_owned()),
        ("TLSA", format!("3 1 1 {digest}")),
        ("URI", "10 1 \"https://x.test/\"".to_owned()),
        ("ZONEMD", format!("5 1 1 {}", "ab".repeat(48))),
        ("TYPE65300", "\\# 0".to_owned()),
        ("WALLET", "\"a\" \"b\"".to_owned()),
        ("RESINFO", "\"qnamemin\"".to_owned()),
    ];
    let at = |rtype: &str| format!("{}.example.test.", rtype.to_lowercase());
    let items: Vec<Value> = cases.iter().map(|(rtype, sent)| replace(&at(rtype), rtype, 60, &[sent])).collect();
    server.patch(&zone, json!(items)).await.is(204);
    let mut wanted: Vec<String> =
        cases.iter().map(|(rtype, sent)| format!("{} {rtype} 60 {sent}", at(rtype))).collect();
    wanted.sort();
    assert_eq!(server.data(&zone).await, wanted);
}

#[tokio::test]
async fn section_6_1_contents_are_normalised_and_stored_without_final_dots() {
    let (server, zone) = start().await;
    for (rtype, sent, content, prio) in [
        ("A", " 192.0.2.1 ", "192.0.2.1", 0),
        ("MX", "10  Mail.test.", "Mail.test", 10),
        ("SRV", "1 2 3 s.test.", "2 3 s.test", 1),
        ("NS", "Ns1.x.test.", "Ns1.x.test", 0),
        ("CNAME", "A.test.", "A.test", 0),
        ("TXT", "\"a\"  \"b\"", "\"a\" \"b\"", 0),
        ("AAAA", "::FFFF:192.0.2.1", "::ffff:192.0.2.1", 0),
    ] {
        let item = replace("W.example.test.", rtype, 60, &[sent]);
        server.patch(&zone, json!([item])).await.is(204);
        assert_eq!(stored(&server, "w.example.test").await, [(content.to_owned(), prio)], "{rtype} {sent}");
        let delete = json!([{"name": "w.example.test.", "type": rtype, "changetype": "DELETE"}]);
        server.patch(&zone, delete).await.is(204);
    }
    for (rtype, sent, error) in [
        ("A", "(127.0.0.1)", "Invalid character '(' in record content '(127.0.0.1)'"),
        ("AAAA", "::g", "Invalid IPv6 address"),
        ("SVCB", "1 . alpn=\"h2\"", "Not in expected format (parsed as '1 . alpn=h2')"),
        ("MX", "010 m.test.", "Not in expected format (parsed as '10 m.test.')"),
    ] {
        server
            .patch(&zone, json!([replace("w.example.test.", rtype, 60, &[sent])]))
            .await
            .is_error(422, &format!("Record w.example.test./{rtype} '{sent}': {error}"));
    }
    let empty = server.patch(&zone, json!([replace("w.example.test.", "A", 60, &[""])])).await;
    let error = empty.is(422).json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("missing field at the end of record content ''"), "{error}");
}

#[tokio::test]
async fn section_7_3_keys_of_a_secondary_leave_its_serial_alone() {
    let (server, zone) = start().await;
    server.call("PUT", &zone, json!({"kind": "Slave"})).await.is(204);
    let before = serial(&server, &zone).await;
    server.call("POST", &format!("{zone}/cryptokeys"), json!({"keytype": "csk"})).await.is(201);
    assert_eq!(serial(&server, &zone).await, before);
}

#[tokio::test]
async fn section_7_2_the_serial_of_a_presigned_zone_is_never_edited() {
    let (server, zone) = start().await;
    server.call("PUT", &zone, json!({"soa_edit": "INCREMENT-WEEKS"})).await.is(204);
    let shown = async || {
        let (one, list) = (server.get(&zone).await.json(), server.get(ZONES).await.json());
        [&one, &list[0]].map(|value| value["edited_serial"] == value["serial"])
    };
    assert_eq!(shown().await, [false; 2]);
    set_metadata(&server, "PRESIGNED", "1").await;
    assert_eq!(shown().await, [true; 2], "alone and in the list");
}

#[tokio::test]
async fn section_7_2_defaults_count_where_soa_edit_is_empty() {
    let defaults = api::ZoneDefaults {
        soa_edit: "INCREMENT-WEEKS".to_owned(),
        soa_edit_signed: "INCEPTION-EPOCH".to_owned(),
        ..Default::default()
    };
    let server = Server::with(Default::default(), settings(), defaults).await;
    let zone = server.make_zone("example.test.").await;
    let soa = replace("example.test.", "SOA", 60, &["a.test. b.test. 22 1 2 3 4"]);
    server.call("PUT", &zone, json!({"soa_edit_api": ""})).await.is(204);
    server.patch(&zone, json!([soa])).await.is(204);
    let edited = async || {
        let value = server.get(&zone).await.json();
        assert_eq!(value["serial"], 22);
        value["edited_serial"].as_u64().unwrap()
    };
    // Weeks since 1970, and the second at which this one began.
    assert!((2_900..20_000).contains(&edited().await));
    server.call("PUT", &zone, json!({"dnssec": true})).await.is(204);
    assert!(edited().await > 1_700_000_000);
    server.call("PUT", &zone, json!({"soa_edit": "NONE"})).await.is(204);
    assert_eq!(edited().await, 22);
}

#[tokio::test]
async fn section_9_2_flags_of_another_type_have_their_default_and_a_key_can_be_posted_back() {
    let (server, zone) = start().await;
    let keys = format!("{zone}/cryptokeys");
    let odd = json!({"keytype": "ksk", "active": "true", "published": "no", "what": 1});
    let made = server.call("POST", &keys, odd).await.is(201).json();
    assert_eq!((&made["active"], &made["published"]), (&json!(false), &json!(true)));
    server.call("DELETE", &format!("{keys}/{}", made["id"]), Value::Null).await.is(204);
    let again = server.call("POST", &keys, made.clone()).await.is(201).json();
    assert_eq!((&again["dnskey"], &again["privatekey"]), (&made["dnskey"], &made["privatekey"]));
    for (body, error) in [
        (json!({}), "Key 'keytype' not present or not a String"),
        (json!({"keytype": "x"}), "Invalid keytype x"),
        (json!({"keytype": "ksk", "bits": -1}), "'bits' must be a positive integer value"),
        (json!({"keytype": "ksk", "algorithm": "foo"}), "Unknown algorithm: foo"),
        (
            json!({"keytype": "ksk", "algorithm": "rsasha256"}),
            "Creating an algorithm 8 (RSASHA256) key requires the size (in bits) to be passed.",
        ),
        (
            json!({"keytype": "ksk", "algorithm": "rsasha256", "bits": 100}),
            "The algorithm does not support the given bit size.",
        ),
    ] {
        server.call("POST", &keys, body).await.is_error(422, error);
    }
}

/// The table of section 10, a row a kind: in the list, by itself, and by POST, PUT and DELETE.
#[tokio::test]
async fn section_10_each_kind_is_read_and_written_as_its_row_says() {
    let (server, zone) = start().await;
    let path = format!("{zone}/metadata");
    for (kind, reads, writes) in [
        ("ALLOW-AXFR-FROM", true, true),
        ("ALLOW-DNSUPDATE-FROM", true, true),
        ("ALSO-NOTIFY", true, true),
        ("API-RECTIFY", false, false),
        ("AXFR-MASTER-TSIG", true, false),
        ("AXFR-SOURCE", true, true),
        ("ENABLE-LUA-RECORDS", false, false),
        ("FORWARD-DNSUPDATE", true, true),
        ("NOTIFY-DNSUPDATE", true, true),
        ("SOA-EDIT-DNSUPDATE", true, true),
        ("GSS-ACCEPTOR-PRINCIPAL", true, true),
        ("GSS-ALLOW-AXFR-PRINCIPAL", true, true),
        ("IXFR", true, true),
        ("LUA-AXFR-SCRIPT", true, false),
        ("NSEC3PARAM", true, false),
        ("NSEC3NARROW", true, false),
        ("PRESIGNED", true, false),
        ("PUBLISH-CDNSKEY", true, true),
        ("PUBLISH-CDS", true, true),
        ("RFC1123-CONFORMANCE", true, true),
        ("SIGNALING-ZONE", true, true),
        ("SLAVE-RENOTIFY", true, true),
        ("SOA-EDIT", true, true),
        ("SOA-EDIT-API", false, false),
        ("TSIG-ALLOW-AXFR", true, true),
        ("TSIG-ALLOW-DNSUPDATE", true, true),
        ("X-ANYTHING", true, true),
    ] {
        let refusal = format!("Unsupported metadata kind '{kind}'");
        let held = |answer: Answer, may: bool, status: u16| match may {
            true => drop(answer.is(status)),
            false => answer.is_error(422, &refusal),
        };
        let one = format!("{path}/{kind}");
        held(server.call("POST", &path, json!({"kind": kind, "metadata": ["1"]})).await, writes, 201);
        held(server.call("PUT", &one, json!({"metadata": ["1"]})).await, writes, 200);
        held(server.call("DELETE", &one, Value::Null).await, writes, 204);
        set_metadata(&server, kind, "1").await;
        held(server.get(&one).await, reads, 200);
        assert!(server.get(&path).await.body.contains(&format!("\"{kind}\"")), "{kind} is in the list");
    }
}

#[tokio::test]
async fn section_10_soa_edit_is_written_through_the_zone_since_release_5() {
    let settings = api::ApiSettings { version: "5.0.0".to_owned(), ..settings() };
    let server = Server::with(Default::default(), settings, Default::default()).await;
    let zone = server.make_zone("example.test.").await;
    server
        .call("PUT", &format!("{zone}/metadata/SOA-EDIT"), json!({"metadata": ["EPOCH"]}))
        .await
        .is_error(422, "Unsupported metadata kind 'SOA-EDIT'");
    server.call("PUT", &zone, json!({"soa_edit": "EPOCH"})).await.is(204);
    assert_eq!(server.get(&format!("{zone}/metadata/SOA-EDIT")).await.is(200).json()["metadata"], json!(["EPOCH"]));
}
