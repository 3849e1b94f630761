//! Section 4.3: creating zones.

use serde_json::{Value, json};

use crate::support::{Program, Server, ZONES, settings};

fn zone(extra: Value) -> Value {
    let mut body = json!({"name": "example.test.", "kind": "Native"});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

async fn create(server: &Server, extra: Value) -> crate::support::Answer {
    server.call("POST", ZONES, zone(extra)).await
}

#[tokio::test]
async fn section_4_3_a_zone_is_created_with_soa_and_nameservers_and_shown() {
    let server = Server::start().await;
    let answer = create(&server, json!({"nameservers": ["ns1.example.test.", "ns2.example.test."]})).await;
    let value = answer.is(201).json();
    assert_eq!(value["name"], "example.test.");
    // SOA-EDIT-API DEFAULT makes a date of the serial 0.
    assert!(value["serial"].as_u64().unwrap() > 2_020_000_000, "{}", value["serial"]);
    assert_eq!(server.lines(&format!("{ZONES}/example.test.")).await.len(), 3);
    assert_eq!(server.published(), 1, "a 201 waits to be served");
    create(&server, json!({})).await.is_error(409, "Conflict");
    let short =
        server.call("POST", &format!("{ZONES}?rrsets=false"), json!({"name": "b.test.", "kind": "native"})).await;
    assert!(short.is(201).json().get("rrsets").is_none());
}

#[tokio::test]
async fn section_4_3_kinds_in_any_case_and_unknown_ones_are_native() {
    let server = Server::start().await;
    for (number, (given, shown)) in [
        ("native", "Native"),
        ("MASTER", "Master"),
        ("Primary", "Master"),
        ("slave", "Slave"),
        ("Secondary", "Slave"),
        ("producer", "Producer"),
        ("Consumer", "Consumer"),
        ("nonsense", "Native"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"name": format!("z{number}.test."), "kind": given, "masters": ["192.0.2.1:53"]});
        let value = server.call("POST", ZONES, body).await.is(201).json();
        assert_eq!((value["kind"].as_str(), &value["masters"]), (Some(shown), &json!(["192.0.2.1"])), "{given}");
        let is_secondary = matches!(shown, "Slave" | "Consumer");
        assert_eq!(value["rrsets"].as_array().unwrap().is_empty(), is_secondary, "{given}");
        assert_eq!(value["serial"] == 0, is_secondary, "{given}");
    }
}

#[tokio::test]
async fn section_4_3_names_are_checked_in_the_dialects_words() {
    let server = Server::start().await;
    for (name, error) in [
        (json!("example.test"), "DNS Name 'example.test' is not canonical"),
        (json!(""), "DNS Name '' is not canonical"),
        (json!("a b.test."), "Name 'a b.test.' contains unsupported characters"),
        (json!(7), "Key 'name' not present or not a String"),
        (Value::Null, "Key 'name' not present or not a String"),
    ] {
        server.call("POST", ZONES, json!({"name": name, "kind": "Native"})).await.is_error(422, error);
    }
    let parse = server.call("POST", ZONES, json!({"name": "a..b.", "kind": "Native"})).await;
    assert!(parse.json()["error"].as_str().unwrap().starts_with("Unable to parse Zone Name 'a..b.'"));
    server
        .call("POST", ZONES, json!({"name": "x.test."}))
        .await
        .is_error(422, "Key 'kind' not present or not a String");
    server.call("POST", ZONES, Value::Null).await.is(400);
    assert_eq!(server.get(ZONES).await.body, "[]");
}

#[tokio::test]
async fn section_4_3_nameservers_have_their_rules() {
    let server = Server::start().await;
    let ns = json!([{"name": "example.test.", "type": "NS", "ttl": 60, "records": [{"content": "ns1.example.test."}]}]);
    for (extra, error) in [
        (json!({"nameservers": ["ns1.example.test"]}), "Nameserver is not canonical: 'ns1.example.test'"),
        (json!({"nameservers": [""]}), "Nameservers must be non-empty strings"),
        (json!({"nameservers": [7]}), "Nameservers must be non-empty strings"),
        (json!({"nameservers": "ns1."}), "Nameservers is not a list"),
        (
            json!({"nameservers": ["ns1.example.test."], "rrsets": ns}),
            "Nameservers list MUST NOT be mixed with zone-level NS in rrsets",
        ),
        (
            json!({"kind": "Consumer", "nameservers": ["ns1.example.test."]}),
            "Nameservers MUST NOT be given for Consumer zones",
        ),
        (
            json!({"nameservers": ["ns_1.example.test."]}),
            "RRset example.test. IN NS: non-hostname content ns_1.example.test.",
        ),
    ] {
        create(&server, extra).await.is_error(422, error);
    }
    create(&server, json!({"nameservers": []})).await.is(201);
}

#[tokio::test]
async fn clients_3_8_rrsets_may_carry_a_changetype_and_comments_and_lower_case_types() {
    let server = Server::start().await;
    let rrsets = json!([
        {"name": "example.test.", "type": "soa", "ttl": 1800, "changetype": "REPLACE",
         "records": [{"content": "ns1.example.test. admin.example.test. 22 1 2 3 4", "disabled": false}]},
        {"name": "WWW.example.test.", "type": "A", "ttl": "60", "records": [{"content": "192.0.2.1"}],
         "comments": [{"content": "hello", "account": "me", "modified_at": 1700000000}]},
        {"name": "only.example.test.", "type": "A", "comments": [{"content": "no records", "account": ""}]},
    ]);
    let value = create(&server, json!({"rrsets": rrsets, "soa_edit_api": "", "serial": 7})).await.is(201).json();
    assert_eq!(value["serial"], 22, "soa_edit_api \"\" leaves the given serial alone");
    assert_eq!(value["soa_edit_api"], "");
    let rrset = |name: &str| {
        value["rrsets"].as_array().unwrap().iter().find(|rrset| rrset["name"] == name).cloned().unwrap_or_default()
    };
    assert_eq!(
        rrset("www.example.test."),
        json!({"name": "www.example.test.", "type": "A", "ttl": 60,
               "records": [{"content": "192.0.2.1", "disabled": false}],
               "comments": [{"content": "hello", "account": "me", "modified_at": 1700000000}]})
    );
    let only = rrset("only.example.test.");
    assert_eq!((&only["records"], only["comments"][0]["content"].as_str()), (&json!([]), Some("no records")));
}

#[tokio::test]
async fn section_4_3_zone_text_is_a_master_file() {
    let server = Server::start().await;
    let text = "$TTL 1H\n@ IN SOA ns1 admin ( 5 1D 3H\n 1W 15M ) ; comment\n  NS ns1\nns1 300 A 192.0.2.1\n";
    let value = create(&server, json!({"zone": text, "soa_edit_api": ""})).await.is(201).json();
    assert_eq!(value["serial"], 5);
    assert_eq!(
        server.lines(&format!("{ZONES}/example.test.")).await,
        [
            "example.test. NS 3600 ns1.example.test.",
            "example.test. SOA 3600 ns1.example.test. admin.example.test. 5 86400 10800 604800 900",
            "ns1.example.test. A 300 192.0.2.1",
        ]
    );
    let both = json!({"name": "b.test.", "zone": text, "rrsets": [{"name": "b.test.", "type": "A"}]});
    create(&server, both).await.is_error(422, "You cannot give rrsets AND zone data as text");
    let bad = create(&server, json!({"name": "c.test.", "zone": "@ IN WHAT ever\n"})).await;
    let error = bad.is(422).json()["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("An error occurred while parsing the zonedata: "), "{error}");
}

#[tokio::test]
async fn section_6_3_rrsets_are_checked_among_themselves() {
    let server = Server::start().await;
    let rrset = |name: &str, rtype: &str, contents: &[&str]| {
        let records: Vec<Value> = contents.iter().map(|content| json!({ "content": content })).collect();
        json!({"name": name, "type": rtype, "ttl": 60, "records": records})
    };
    for (rrsets, error) in [
        (
            json!([rrset("a.example.test.", "CNAME", &["b.test.", "c.test."])]),
            "RRset a.example.test. IN CNAME: only one such record allowed",
        ),
        (
            json!([rrset("a.example.test.", "A", &["192.0.2.1", "192.0.2.1"])]),
            "RRset a.example.test. IN A: duplicate record with content \"192.0.2.1\"",
        ),
        (
            json!([rrset("a.example.test.", "CNAME", &["b.test."]), rrset("a.example.test.", "NS", &["c.test."])]),
            "RRset a.example.test. IN CNAME: conflicts with existing NS RRset of the same name",
        ),
        (
            json!([rrset(
                "example.test.",
                "DS",
                &["1 13 2 0123456789012345678901234567890123456789012345678901234567890123"]
            )]),
            "RRset example.test. IN DS: is not allowed at apex",
        ),
        (
            json!([rrset("a.example.test.", "SOA", &["a. b. 1 2 3 4 5"])]),
            "RRset a.example.test. IN SOA: is only allowed at apex",
        ),
        (
            json!([rrset("a.example.test.", "MX", &["10 under_score.test."])]),
            "RRset a.example.test. IN MX: non-hostname content under_score.test.",
        ),
        (json!([rrset("a.other.test.", "A", &["192.0.2.1"])]), "RRset a.other.test. IN A: Name is out of zone"),
        (
            json!([rrset("a.example.test.", "NONSENSE", &["x"])]),
            "RRset a.example.test. IN NONSENSE: unknown type given",
        ),
        (json!([rrset("a.example.test.", "OPT", &["x"])]), "RRset a.example.test. IN OPT: invalid type given"),
        (
            json!([{"name": "a.example.test.", "type": "A", "records": [{"content": "192.0.2.1"}]}]),
            "New RRsets are invalid: Key 'ttl' not an Integer or not present",
        ),
    ] {
        create(&server, json!({ "rrsets": rrsets })).await.is_error(422, error);
    }
    let two = json!([rrset("a.example.test.", "SOA", &["a. b. 1 2 3 4 5", "a. b. 2 2 3 4 5"])]);
    let answer = create(&server, json!({ "rrsets": two })).await;
    answer.is_error(422, "Multiple errors found in RRset");
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 2);
    assert_eq!(server.get(ZONES).await.body, "[]");
}

#[tokio::test]
async fn section_9_4_dnssec_true_makes_ksk_and_zsk_and_nsec3() {
    let server = Server::start().await;
    let value = create(&server, json!({"dnssec": true})).await.is(201).json();
    assert_eq!((&value["dnssec"], &value["nsec3param"]), (&json!(true), &json!("1 0 0 -")));
    let keys = server.get(&format!("{ZONES}/example.test./cryptokeys")).await.json();
    let types: Vec<&str> = keys.as_array().unwrap().iter().map(|key| key["keytype"].as_str().unwrap()).collect();
    assert_eq!(types, ["zsk", "ksk"]);
    create(&server, json!({"name": "b.test.", "nsec3param": "1 0 0 -"}))
        .await
        .is_error(422, "NSEC3PARAM value provided for zone 'b.test.', but zone is not DNSSEC secured.");
}

#[tokio::test]
async fn clients_2_a_whole_get_answer_can_be_posted_back() {
    let server = Server::start().await;
    let mut value =
        create(&server, json!({"nameservers": ["ns1.example.test."], "account": "me"})).await.is(201).json();
    server.call("DELETE", &format!("{ZONES}/example.test."), json!({})).await.is(204);
    value["nameservers"] = json!([]);
    let again = server.call("POST", ZONES, value.clone()).await.is(201).json();
    assert_eq!(again["account"], "me");
    assert_eq!(again["rrsets"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn section_4_3_defaults_come_from_the_settings() {
    let defaults = api::ZoneDefaults {
        soa_content: "ns1.example.com hostmaster.@ 0 10800 3600 604800 60".to_owned(),
        soa_edit_api: String::new(),
        ttl: 120,
        catalog: Some("catalog.test".parse().unwrap()),
        ..api::ZoneDefaults::default()
    };
    let server = Server::with(Program::default(), settings(), defaults).await;
    let value = create(&server, json!({"kind": "Master", "serial": 42})).await.is(201).json();
    assert_eq!((&value["serial"], &value["catalog"]), (&json!(42), &json!("catalog.test.")));
    assert_eq!(
        server.lines(&format!("{ZONES}/example.test.")).await,
        ["example.test. SOA 120 ns1.example.com. hostmaster.example.test. 42 10800 3600 604800 60"]
    );
}
