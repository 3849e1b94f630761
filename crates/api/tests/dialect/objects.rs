//! Section 11: TSIG keys, autoprimaries, searches; and what 4.3 and 4.4 say of keys.

use serde_json::{Value, json};

use crate::support::{Server, ZONES, replace};

const S: &str = "/api/v1/servers/localhost";

fn tsigkeys() -> String {
    format!("{S}/tsigkeys")
}

#[tokio::test]
async fn section_11_tsig_keys_are_made_given_shown_changed_and_removed() {
    let server = Server::start().await;
    assert_eq!(server.get(&tsigkeys()).await.is(200).json(), json!([]));
    let given = json!({"name": "K.example", "algorithm": "HMAC-SHA256.", "key": "aGVsbG8="});
    let object = |key: &str| json!({"type": "TSIGKey", "id": "k.example.", "name": "k.example", "algorithm": "hmac-sha256", "key": key});
    assert_eq!(server.call("POST", &tsigkeys(), given).await.is(201).json(), object("aGVsbG8="));
    assert_eq!(server.get(&tsigkeys()).await.is(200).json(), json!([object("")]));
    for id in ["k.example.", "k.example", "K.Example."] {
        assert_eq!(server.get(&format!("{}/{id}", tsigkeys())).await.is(200).json(), object("aGVsbG8="));
    }

    // Made: 64 octets, 32 for the short ones.
    for (algorithm, octets) in [("hmac-sha512", 64), ("hmac-sha1", 32)] {
        let made =
            server.call("POST", &tsigkeys(), json!({"name": format!("{algorithm}."), "algorithm": algorithm})).await;
        let key = made.is(201).json()["key"].as_str().unwrap().to_owned();
        assert_eq!(key.len(), (octets as usize).div_ceil(3) * 4, "{algorithm}");
    }

    let one = format!("{}/k.example.", tsigkeys());
    let changed = server.call("PUT", &one, json!({"algorithm": "hmac-sha1"})).await.is(200).json();
    assert_eq!((&changed["algorithm"], &changed["key"]), (&json!("hmac-sha1"), &json!("aGVsbG8=")));
    let changed = server.call("PUT", &one, json!({"key": "d29ybGQ="})).await.is(200).json();
    assert_eq!((&changed["algorithm"], &changed["key"]), (&json!("hmac-sha1"), &json!("d29ybGQ=")));
    let renamed = server.call("PUT", &one, json!({"name": "_new/name."})).await.is(200).json();
    assert_eq!((&renamed["id"], &renamed["name"]), (&json!("=5Fnew=2Fname."), &json!("_new/name")));
    server.get(&one).await.is_error(404, "TSIG key with name 'k.example' not found");
    let renamed = format!("{}/=5Fnew=2Fname.", tsigkeys());
    server.get(&renamed).await.is(200);
    let deleted = server.call("DELETE", &renamed, Value::Null).await;
    assert_eq!((deleted.is(204).header("content-type"), deleted.body.as_str()), (None, ""));
    for method in ["GET", "PUT", "DELETE"] {
        let body = if method == "PUT" { json!({}) } else { Value::Null };
        server.call(method, &renamed, body).await.is_error(404, "TSIG key with name '_new/name' not found");
    }
}

#[tokio::test]
async fn section_11_errors_of_tsig_keys_are_the_dialects() {
    let server = Server::start().await;
    let post = |body| async { server.call("POST", &tsigkeys(), body).await };
    post(json!({"name": "k", "algorithm": "hmac-md5", "key": "aGVsbG8="})).await.is(201);
    post(json!({"name": "K.", "algorithm": "hmac-sha1"}))
        .await
        .is_error(409, "A TSIG key with the name 'k' already exists");
    post(json!({"name": "x", "algorithm": "foo"})).await.is_error(400, "Invalid TSIG algorithm: foo");
    post(json!({"name": "x", "algorithm": "foo", "key": "aGVsbG8="}))
        .await
        .is_error(422, "Unknown TSIG algorithm: foo");
    post(json!({"name": "x", "algorithm": "hmac-sha1", "key": "!!"}))
        .await
        .is_error(422, "TSIG content '!!' cannot be base64-decoded");
    post(json!({"algorithm": "hmac-sha1"})).await.is_error(422, "Key 'name' not present or not a String");
    post(json!({"name": "x"})).await.is_error(422, "Key 'algorithm' not present or not a String");
    // PowerDNS answers 500.
    post(json!({"name": "x..y", "algorithm": "hmac-sha1"})).await.is(422);
    post(json!({"name": "", "algorithm": "hmac-sha1"})).await.is(422);
    post(json!({"name": "long", "algorithm": "hmac-sha1", "key": "QUFB".repeat(64)})).await.is(422);
    post(Value::Null).await.is(400);
    let one = format!("{}/k", tsigkeys());
    server.call("PUT", &one, json!({"key": "!"})).await.is_error(422, "Can not base64 decode key content '!'");
    server.call("PUT", &one, json!({"algorithm": "foo"})).await.is_error(422, "Unknown TSIG algorithm: foo");
    post(json!({"name": "other", "algorithm": "hmac-md5"})).await.is(201);
    server
        .call("PUT", &one, json!({"name": "other"}))
        .await
        .is_error(409, "A TSIG key with the name 'other' already exists");
    assert_eq!(server.get(&one).await.json()["key"], "aGVsbG8=");
}

#[tokio::test]
async fn section_4_4_zones_name_keys_that_exist() {
    let server = Server::start().await;
    for name in ["one", "two"] {
        server.call("POST", &tsigkeys(), json!({"name": name, "algorithm": "hmac-sha256"})).await.is(201);
    }
    let body = json!({"name": "z.test.", "kind": "Native", "master_tsig_key_ids": ["one.", "Two"], "slave_tsig_key_ids": ["two."]});
    let zone = server.call("POST", ZONES, body).await.is(201).json();
    assert_eq!(zone["master_tsig_key_ids"], json!(["one.", "two."]));
    assert_eq!(zone["slave_tsig_key_ids"], json!(["two."]));
    let path = format!("{ZONES}/z.test.");
    // Metadata is written with the dot (section 17, 8).
    let metadata = server.get(&format!("{path}/metadata/TSIG-ALLOW-AXFR")).await.is(200).json();
    assert_eq!(metadata["metadata"], json!(["one.", "two."]));
    for (body, error) in [
        (json!({"master_tsig_key_ids": ["nope."]}), "A TSIG key with the name 'nope' does not exist"),
        (json!({"slave_tsig_key_ids": ["one.", "nope"]}), "A TSIG key with the name 'nope' does not exist"),
        (json!({"slave_tsig_key_ids": ["one.", "two."]}), "Only one TSIG secondary key is currently allowed"),
        (json!({"master_tsig_key_ids": "one."}), "Key 'master_tsig_key_ids' is not an array of Strings"),
    ] {
        server.call("PUT", &path, body).await.is_error(422, error);
    }
    let bad = json!({"name": "y.test.", "kind": "Native", "master_tsig_key_ids": ["nope."]});
    server.call("POST", ZONES, bad).await.is_error(422, "A TSIG key with the name 'nope' does not exist");
    server.get(&format!("{ZONES}/y.test.")).await.is(404);
    server.call("PUT", &path, json!({"master_tsig_key_ids": [], "slave_tsig_key_ids": ["one"]})).await.is(204);
    let zone = server.get(&path).await.json();
    assert_eq!((&zone["master_tsig_key_ids"], &zone["slave_tsig_key_ids"]), (&json!([]), &json!(["one."])));
}

#[tokio::test]
async fn section_11_autoprimaries() {
    let server = Server::start().await;
    let path = format!("{S}/autoprimaries");
    assert_eq!(server.get(&path).await.is(200).json(), json!([]));
    let made =
        server.call("POST", &path, json!({"ip": "192.0.2.1", "nameserver": "ns1.example.net.", "account": "me"})).await;
    assert_eq!(made.is(201).body, "");
    server.call("POST", &path, json!({"ip": "2001:DB8::1", "nameserver": "ns2.example.net"})).await.is(201);
    assert_eq!(
        server.get(&path).await.json(),
        json!([
            {"ip": "192.0.2.1", "nameserver": "ns1.example.net.", "account": "me"},
            {"ip": "2001:db8::1", "nameserver": "ns2.example.net", "account": ""},
        ])
    );
    // PowerDNS answers 500.
    let again = json!({"ip": "192.0.2.1", "nameserver": "ns1.example.net"});
    server.call("POST", &path, again).await.is_error(409, "Autoprimary 192.0.2.1 ns1.example.net already exists");
    for (body, error) in [
        (json!({"ip": "192.0.2.1"}), "Key 'nameserver' not present or not a String"),
        (json!({"ip": "", "nameserver": "ns"}), "ip and nameserver fields must be filled"),
        (json!({"ip": "192.0.2.1", "nameserver": ""}), "ip and nameserver fields must be filled"),
        (json!({"ip": "ns", "nameserver": "ns"}), "ip 'ns' is not an IP address"),
        (
            json!({"ip": "192.0.2.2", "nameserver": "ns", "account": "x".repeat(41)}),
            "account: longer than 40 characters",
        ),
    ] {
        server.call("POST", &path, body).await.is_error(422, error);
    }
    for (ip, nameserver) in
        [("192.0.2.1", "ns1.example.net"), ("192.0.2.1", "ns1.example.net"), ("2001%3Adb8::1", "ns2.example.net.")]
    {
        server.call("DELETE", &format!("{path}/{ip}/{nameserver}"), Value::Null).await.is(204);
    }
    assert_eq!(server.get(&path).await.json(), json!([]));
}

#[tokio::test]
async fn section_11_search_data() {
    let server = Server::start().await;
    let zone = server.make_zone("find.test.").await;
    let comment = json!([{"content": "about www", "account": "me", "modified_at": 5}]);
    let mut www = replace("www.find.test.", "MX", 300, &["10 mail.example.net."]);
    www["comments"] = comment;
    server.patch(&zone, json!([www, replace("a.b.find.test.", "A", 300, &["192.0.2.1"])])).await.is(204);
    let server = &server;
    let get = |path: String| async move { server.get(&path).await };
    let found = get(format!("{S}/search-data?q=*www*")).await;
    assert_eq!(
        found.is(200).json(),
        json!([
            {"object_type": "record", "name": "www.find.test.", "type": "MX", "ttl": 300, "disabled": false,
             "content": "10 mail.example.net.", "zone": "find.test.", "zone_id": "find.test."},
            {"object_type": "comment", "name": "www.find.test.", "type": "MX", "content": "about www",
             "zone": "find.test.", "zone_id": "find.test."},
        ])
    );
    let zones = get(format!("{S}/search-data?q=FIND.tes%3F")).await.json();
    assert_eq!(zones[0], json!({"object_type": "zone", "name": "find.test.", "zone_id": "find.test."}));
    let count = |value: Value| value.as_array().unwrap().len();
    assert_eq!(count(get(format!("{S}/search-data?q=*&object_type=zone")).await.json()), 1);
    assert_eq!(count(get(format!("{S}/search-data?q=*&object_type=comment")).await.json()), 1);
    // SOA, NS, MX and A; the empty non-terminal is none.
    assert_eq!(count(get(format!("{S}/search-data?q=*&object_type=record")).await.json()), 4);
    assert_eq!(count(get(format!("{S}/search-data?q=*&max=1")).await.json()), 3);
    // Neither final dots nor priorities are matched.
    for nothing in ["find.test.", "10*", "find_test", "%25"] {
        assert_eq!(get(format!("{S}/search-data?q={nothing}")).await.is(200).json(), json!([]), "{nothing}");
    }
    for (query, error) in [
        ("", "Query q can't be blank"),
        ("?q=", "Query q can't be blank"),
        ("?q=x&max=0", "Maximum entries must be larger than 0"),
        ("?q=x&max=-3", "Maximum entries must be larger than 0"),
        ("?q=x&max=many", "Invalid value for maximum entries"),
        ("?q=%00", "Query q has a NUL character"),
        ("?q=x&object_type=bogus", "object_type must be one of the following options: all, zone, record, comment"),
    ] {
        get(format!("{S}/search-data{query}")).await.is_error(422, error);
    }
    get(format!("{S}/search-data?q=x&max=99999999999999")).await.is(200);
    get(format!("{S}/search-data?q={}", "x".repeat(4097))).await.is(422);
}
