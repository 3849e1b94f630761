//! Section 4.4: settings and whole content by PUT.

use serde_json::{Value, json};

use crate::support::{Server, ZONES, replace};

async fn start() -> (Server, String) {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    (server, zone)
}

#[tokio::test]
async fn section_4_4_settings_are_applied_without_moving_the_serial() {
    let (server, zone) = start().await;
    let before = server.get(&zone).await.json()["serial"].clone();
    let body = json!({"kind": "Primary", "masters": ["192.0.2.1:5300"], "account": "me", "catalog": "cat.test.",
        "soa_edit_api": "increase", "soa_edit": "EPOCH", "api_rectify": true, "name": "ignored."});
    let answer = server.call("PUT", &zone, body).await;
    assert_eq!((answer.is(204).header("content-type"), answer.body.as_str()), (None, ""));
    let value = server.get(&zone).await.json();
    assert_eq!(value["kind"], "Master");
    assert_eq!(value["masters"], json!(["192.0.2.1:5300"]));
    assert_eq!((&value["account"], &value["catalog"]), (&json!("me"), &json!("cat.test.")));
    assert_eq!((&value["soa_edit_api"], &value["soa_edit"]), (&json!("INCREASE"), &json!("EPOCH")));
    assert_eq!(value["api_rectify"], true);
    assert_eq!(value["serial"], before);
    assert_ne!(value["edited_serial"], before, "SOA-EDIT shows in the serial as served");
    server.call("PUT", &zone, json!({"catalog": "", "api_rectify": false})).await.is(204);
    let value = server.get(&zone).await.json();
    assert_eq!((&value["catalog"], &value["api_rectify"]), (&json!(""), &json!(false)));
}

#[tokio::test]
async fn section_4_4_bad_settings_are_refused() {
    let (server, zone) = start().await;
    server.call("PUT", &zone, Value::Null).await.is(400);
    server.call("PUT", &format!("{ZONES}/absent.test."), json!({})).await.is(404);
    for (body, error) in [
        (json!({"masters": [""]}), "Primary can not be an empty string"),
        (json!({"catalog": "x y"}), "Name 'x y.' contains unsupported characters"),
        (json!({"account": "x".repeat(41)}), "'account' is longer than 40 characters"),
        (json!({"master_tsig_key_ids": ["k."]}), "A TSIG key with the name 'k' does not exist"),
        (
            json!({"nsec3param": "1 0 0 -"}),
            "NSEC3PARAM value provided for zone 'example.test.', but zone is not DNSSEC secured.",
        ),
    ] {
        server.call("PUT", &zone, body).await.is_error(422, error);
    }
    server.call("PUT", &zone, json!({"nsec3param": "", "master_tsig_key_ids": []})).await.is(204);
}

#[tokio::test]
async fn section_4_4_dnssec_is_switched_on_and_off() {
    let (server, zone) = start().await;
    let keys = async || server.get(&format!("{zone}/cryptokeys")).await.json().as_array().unwrap().len();
    let serial = async || server.get(&zone).await.json()["serial"].as_u64().unwrap();
    let before = serial().await;
    server.call("PUT", &zone, json!({"dnssec": true})).await.is(204);
    assert_eq!((keys().await, serial().await), (2, before + 1));
    let value = server.get(&zone).await.json();
    assert_eq!((&value["dnssec"], &value["nsec3param"]), (&json!(true), &json!("1 0 0 -")));
    server.call("PUT", &zone, json!({"dnssec": true})).await.is(204);
    assert_eq!((keys().await, serial().await), (2, before + 1), "on a signed zone it does nothing");
    server.call("PUT", &zone, json!({"nsec3param": "2 0 500 -"})).await.is_error(
        422,
        "NSEC3PARAMs provided for zone 'example.test.' are invalid. Number of NSEC3 iterations is above \
         'max-nsec3-iterations'. Invalid hash algorithm for NSEC3: '2', the only valid value is '1'.",
    );
    server.call("PUT", &zone, json!({"nsec3param": "1 1 3 AB", "nsec3narrow": true})).await.is(204);
    let value = server.get(&zone).await.json();
    assert_eq!((&value["nsec3param"], &value["nsec3narrow"]), (&json!("1 1 3 ab"), &json!(true)));
    server.call("PUT", &zone, json!({"nsec3param": ""})).await.is(204);
    assert_eq!(server.get(&zone).await.json()["nsec3param"], "");
    server.call("PUT", &zone, json!({"dnssec": false})).await.is(204);
    assert_eq!(keys().await, 0);
    assert_eq!(server.get(&zone).await.json()["dnssec"], false);
}

#[tokio::test]
async fn section_4_4_rrsets_replace_the_whole_zone() {
    let (server, zone) = start().await;
    server.patch(&zone, json!([replace("old.example.test.", "A", 60, &["192.0.2.1"])])).await.is(204);
    let rrset = |name: &str, rtype: &str, ttl: u32, content: &str| json!({"name": name, "type": rtype, "ttl": ttl, "records": [{"content": content, "disabled": false}]});
    let soa = rrset("example.test.", "SOA", 60, "ns1.example.test. admin.example.test. 1 2 3 4 5");
    let new = rrset("new.example.test.", "A", 60, "192.0.2.2");
    server
        .call("PUT", &zone, json!({"rrsets": [new]}))
        .await
        .is_error(422, "Must give SOA record for zone when replacing all RR sets");
    server.call("PUT", &zone, json!({"rrsets": [soa, new]})).await.is(204);
    assert_eq!(server.data(&zone).await, ["new.example.test. A 60 192.0.2.2"]);
    assert_eq!(server.lines(&zone).await.len(), 2);
    let serial = server.get(&zone).await.json()["serial"].as_u64().unwrap();
    assert!(serial > 2_020_000_000, "SOA-EDIT-API applies to the given SOA: {serial}");
    let uneven = [rrset("a.example.test.", "A", 60, "192.0.2.1"), rrset("a.example.test.", "A", 61, "192.0.2.2")];
    server
        .call("PUT", &zone, json!({"rrsets": [soa, uneven[0], uneven[1]]}))
        .await
        .is_error(422, "RRset a.example.test. IN A: uses a different TTL value than the remainder of the RRset");
    assert_eq!(server.data(&zone).await, ["new.example.test. A 60 192.0.2.2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn section_17_many_who_secure_a_zone_at_once_give_it_one_set_of_keys() {
    let (server, zone) = start().await;
    let server = std::sync::Arc::new(server);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (server, zone) = (server.clone(), zone.clone());
        tasks.spawn(async move {
            server.call("PUT", &zone, json!({"dnssec": true})).await.is(204);
        });
    }
    tasks.join_all().await;
    let keys = server.get(&format!("{zone}/cryptokeys")).await.json();
    assert_eq!(keys.as_array().unwrap().len(), 2, "{keys}");
}
