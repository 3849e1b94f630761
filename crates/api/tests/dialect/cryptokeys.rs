//! Section 9: keys.

use serde_json::{Value, json};

use crate::support::{Server, ZONES};

async fn start() -> (Server, String) {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    (server, format!("{zone}/cryptokeys"))
}

#[tokio::test]
async fn section_9_1_a_key_is_shown_with_everything_its_parent_needs() {
    let (server, keys) = start().await;
    let created = server.call("POST", &keys, json!({"keytype": "csk", "active": true})).await.is(201).json();
    let id = created["id"].as_i64().unwrap();
    assert_eq!(created["type"], "Cryptokey");
    assert_eq!((&created["keytype"], &created["flags"]), (&json!("csk"), &json!(257)));
    assert_eq!((&created["algorithm"], &created["bits"]), (&json!("ECDSAP256SHA256"), &json!(256)));
    assert_eq!((&created["active"], &created["published"]), (&json!(true), &json!(true)));
    assert!(created["dnskey"].as_str().unwrap().starts_with("257 3 13 "));
    let ds: Vec<&str> = created["ds"].as_array().unwrap().iter().map(|ds| ds.as_str().unwrap()).collect();
    assert!(ds.len() == 2 && ds[0].contains(" 13 2 ") && ds[1].contains(" 13 4 "), "{ds:?}");
    assert!(ds.iter().all(|ds| !ds.contains(|c: char| c.is_ascii_uppercase())), "{ds:?}");
    assert!(
        created["privatekey"]
            .as_str()
            .unwrap()
            .starts_with("Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n")
    );
    assert!(created.get("cds").is_none());
    assert_eq!(server.get(&format!("{keys}/{id}")).await.is(200).json(), created);
    let list = server.get(&keys).await.json();
    assert!(list[0].get("privatekey").is_none(), "the list holds no private keys");
    assert_eq!(list[0]["dnskey"], created["dnskey"]);
    let publish = json!({"metadata": ["2"]});
    let zone = keys.trim_end_matches("/cryptokeys");
    server.call("PUT", &format!("{zone}/metadata/PUBLISH-CDS"), publish).await.is(200);
    assert_eq!(server.get(&keys).await.json()[0]["cds"], json!([ds[0]]));
}

#[tokio::test]
async fn section_9_3_flags_are_set_and_keys_removed() {
    let (server, keys) = start().await;
    let id = server.call("POST", &keys, json!({"keytype": "ksk"})).await.is(201).json()["id"].clone();
    let key = format!("{keys}/{id}");
    assert_eq!(server.get(&key).await.json()["active"], false);
    server.call("PUT", &key, json!({"active": true, "published": false})).await.is(204);
    let value = server.get(&key).await.json();
    assert_eq!((&value["active"], &value["published"]), (&json!(true), &json!(false)));
    server.call("PUT", &key, json!({"active": false})).await.is(204);
    assert_eq!(server.get(&key).await.json()["published"], true, "absent counts as true");
    server.call("PUT", &key, json!({})).await.is_error(422, "Key 'active' not present or not a Bool");
    let deleted = server.call("DELETE", &key, Value::Null).await;
    assert_eq!((deleted.is(204).header("content-type"), deleted.body.as_str()), (None, ""));
    for path in [&key, &format!("{keys}/text"), &format!("{ZONES}/absent.test./cryptokeys/1")] {
        server.get(path).await.is(404);
        server.call("PUT", path, json!({"active": true})).await.is(404);
        server.call("DELETE", path, Value::Null).await.is(404);
    }
}

#[tokio::test]
async fn section_9_1_ksk_and_zsk_show_as_such_when_both_are_active() {
    let (server, keys) = start().await;
    for keytype in ["ksk", "zsk"] {
        server.call("POST", &keys, json!({"keytype": keytype, "active": true})).await.is(201);
    }
    let list = server.get(&keys).await.json();
    assert_eq!((&list[0]["keytype"], &list[1]["keytype"]), (&json!("zsk"), &json!("ksk")));
    assert!(list[0].get("ds").is_none() && list[1]["ds"].is_array());
    assert_eq!(server.get(keys.trim_end_matches("/cryptokeys")).await.json()["dnssec"], true);
}

#[tokio::test]
async fn section_9_2_an_exported_key_is_imported_elsewhere() {
    let (server, keys) = start().await;
    let created = server.call("POST", &keys, json!({"keytype": "csk", "active": true})).await.json();
    server.make_zone("other.test.").await;
    let other = format!("{ZONES}/other.test./cryptokeys");
    let imported = server.call("POST", &other, created.clone()).await.is(201).json();
    assert_eq!(imported["dnskey"], created["dnskey"]);
    assert_eq!(imported["privatekey"], created["privatekey"]);
    assert_ne!(imported["ds"], created["ds"], "the DS depends on the zone");
}

#[tokio::test]
async fn section_7_3_key_changes_move_the_serial() {
    let (server, keys) = start().await;
    let zone = keys.trim_end_matches("/cryptokeys");
    let serial = async || server.get(zone).await.json()["serial"].as_u64().unwrap();
    let before = serial().await;
    let id = server.call("POST", &keys, json!({"keytype": "csk", "active": true})).await.json()["id"].clone();
    assert_eq!(serial().await, before + 1);
    server.call("PUT", &format!("{keys}/{id}"), json!({"active": false})).await.is(204);
    assert_eq!(serial().await, before + 2);
    server.call("DELETE", &format!("{keys}/{id}"), Value::Null).await.is(204);
    assert_eq!(serial().await, before + 3);
}
