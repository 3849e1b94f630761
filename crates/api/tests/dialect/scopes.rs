//! Issue 4, "Auth": every path without a key, with a wrong one, and with each kind of limited one, from both sides.

use api::{ApiKey, Scope, SecretHash, keyed_routes};
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Server, ZONES, full_key, replace};

const S: &str = "/api/v1/servers/localhost";

/// The keys that are tried, in the order of the table's columns.
const KEYS: [&str; 6] = ["hush", "reader", "zones", "elsewhere", "types", "names"];

fn limited(name: &str, zones: &[&str], types: &[&str], names: &[&str], read_only: bool) -> ApiKey {
    let scope = Scope::read(zones, types, names, read_only).unwrap();
    ApiKey::with(name.to_owned(), SecretHash::of_setting(name).unwrap(), scope, None)
}

/// Its keys are their own names.
async fn server() -> Server {
    let expired =
        ApiKey::with("expired".to_owned(), SecretHash::of_setting("expired").unwrap(), Scope::default(), Some(1));
    Server::with_keys(vec![
        full_key(),
        limited("reader", &[], &[], &[], true),
        limited("zones", &["in.test", "*.in.test"], &[], &[], false),
        limited("elsewhere", &["out.test"], &[], &[], false),
        limited("types", &["in.test"], &["TXT"], &[], false),
        limited("names", &["in.test"], &[], &["k8s.in.test"], false),
        expired,
    ])
    .await
}

/// Method, path below `S` (the zone is in.test), and whether each of `KEYS` gets in: `+`, or `-`, or `.` where the zone looks as if it
/// were not there.
const TABLE: &[(&str, &str, &str)] = &[
    ("GET", "/api", "++++++"),
    ("GET", "/api/v1", "++++++"),
    ("GET", "/api/docs", "++++++"),
    ("GET", "/api/v1/servers", "++++++"),
    ("GET", "{S}", "++++++"),
    ("GET", "{S}/config", "++----"),
    ("GET", "{S}/statistics", "++----"),
    ("PUT", "{S}/cache/flush", "+-----"),
    ("GET", "{S}/zones", "++++++"),
    ("POST", "{S}/zones", "+-+---"),
    ("GET", "{S}/zones/{}", "+++.++"),
    ("PATCH", "{S}/zones/{}", "+-+-++"),
    ("PUT", "{S}/zones/{}", "+-+---"),
    ("DELETE", "{S}/zones/{}", "+-+---"),
    ("GET", "{S}/zones/{}/export", "+++.++"),
    ("PUT", "{S}/zones/{}/axfr-retrieve", "+-+---"),
    ("PUT", "{S}/zones/{}/notify", "+-+-++"),
    ("PUT", "{S}/zones/{}/rectify", "+-+---"),
    ("GET", "{S}/zones/{}/history", "+++.++"),
    ("PUT", "{S}/zones/{}/undo", "+-+---"),
    ("GET", "{S}/zones/{}/cryptokeys", "+++.++"),
    ("POST", "{S}/zones/{}/cryptokeys", "+-+---"),
    ("GET", "{S}/zones/{}/cryptokeys/{}", "+++.++"),
    ("POST", "{S}/zones/{}/cryptokeys/{}", "+-+---"),
    ("PUT", "{S}/zones/{}/cryptokeys/{}", "+-+---"),
    ("DELETE", "{S}/zones/{}/cryptokeys/{}", "+-+---"),
    ("GET", "{S}/zones/{}/metadata", "+++.++"),
    ("POST", "{S}/zones/{}/metadata", "+-+---"),
    ("GET", "{S}/zones/{}/metadata/{}", "+++.++"),
    ("PUT", "{S}/zones/{}/metadata/{}", "+-+---"),
    ("DELETE", "{S}/zones/{}/metadata/{}", "+-+---"),
    ("GET", "{S}/search-data", "++++++"),
    ("GET", "{S}/tsigkeys", "++----"),
    ("POST", "{S}/tsigkeys", "+-----"),
    ("GET", "{S}/tsigkeys/{}", "+-----"),
    ("PUT", "{S}/tsigkeys/{}", "+-----"),
    ("DELETE", "{S}/tsigkeys/{}", "+-----"),
    ("GET", "{S}/autoprimaries", "++----"),
    ("POST", "{S}/autoprimaries", "+-----"),
    ("DELETE", "{S}/autoprimaries/{}/{}", "+-----"),
    ("GET", "{S}/views", "++----"),
    ("GET", "{S}/views/{}", "++----"),
    ("POST", "{S}/views/{}", "+-----"),
    ("DELETE", "{S}/views/{}/{}", "+-----"),
    ("GET", "{S}/networks", "++----"),
    ("GET", "{S}/networks/{}/{}", "++----"),
    ("PUT", "{S}/networks/{}/{}", "+-----"),
    ("GET", "{S}/apikeys", "+-----"),
    ("POST", "{S}/apikeys", "+-----"),
    ("GET", "{S}/apikeys/{}", "+-----"),
    ("DELETE", "{S}/apikeys/{}", "+-----"),
];

#[test]
fn every_path_and_method_is_in_the_table() {
    let known = |method: &Method, path: &str| {
        // Names of parameters do not count here.
        let is_open = |segment: &str| segment.starts_with('{') && segment != "{S}";
        let plain = |path: &str| {
            path.split('/').map(|segment| if is_open(segment) { "{}" } else { segment }).collect::<Vec<_>>().join("/")
        };
        TABLE.iter().any(|(m, p, _)| *m == method.as_str() && p.replace("{S}", S) == plain(path))
    };
    for (method, path) in keyed_routes() {
        assert!(known(method, path), "{method} {path}: say here who may do it");
    }
    assert_eq!(keyed_routes().count(), TABLE.len());
}

#[tokio::test]
async fn each_path_lets_in_whom_it_should_and_nobody_else() {
    let server = server().await;
    server.make_zone("in.test.").await;
    for (method, path, allowed) in TABLE {
        let path = path.replace("{S}", S).replacen("{}", "in.test.", 1).replace("{}", "1");
        let none = Request::builder().method(*method).uri(&path).body(Body::from("{")).unwrap();
        assert_eq!(server.send(none).await.status, 401, "{method} {path}");
        for wrong in ["", "wrong", "Hush", "hush ", "expired"] {
            assert_eq!(server.call_as(wrong, method, &path, json!({})).await.status, 401, "{method} {path} {wrong:?}");
        }
        // The body breaks a rule, so that nothing is changed.
        let body = json!({"name": "in.test.", "kind": "Native", "rrsets": [{"changetype": "X"}], "nameservers": 7});
        for (key, allowed) in KEYS.iter().zip(allowed.chars()) {
            if allowed == '+' && method == &"DELETE" && path.ends_with("/in.test.") {
                continue;
            }
            let answer = server.call_as(key, method, &path, body.clone()).await;
            assert_ne!(answer.status, 401, "{method} {path} {key}");
            let is_right = match allowed {
                '-' => answer.status == 403,
                '.' => answer.status == 404,
                _ => answer.status != 403,
            };
            assert!(is_right, "{method} {path} {key}: {} {}", answer.status, answer.body);
            if allowed == '-' {
                assert!(answer.json()["error"].as_str().unwrap().starts_with("Forbidden: "), "{}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn a_zone_that_is_beyond_a_key_looks_the_same_whether_it_is_there_or_not() {
    let server = server().await;
    server.make_zone("in.test.").await;
    let get = |zone: &'static str| {
        let server = &server;
        async move { server.call_as("elsewhere", "GET", &format!("{ZONES}/{zone}"), Value::Null).await }
    };
    // certbot asks for each name above until one is a zone, and gives up at anything but 404.
    let (there, absent) = (get("in.test.").await, get("im.test.").await);
    there.is_error(404, "Not Found");
    assert_eq!(there.body, absent.body);
    // Within it, what is not there looks the same.
    assert_eq!(get("out.test.").await.is(404).body, absent.body);
    let patch = |zone: &'static str| {
        let server = &server;
        async move { server.call_as("elsewhere", "PATCH", &format!("{ZONES}/{zone}"), json!({"rrsets": []})).await }
    };
    let (there, absent) = (patch("in.test.").await, patch("im.test.").await);
    there.is_error(403, "Forbidden: zone in.test. is beyond what this API key may use");
    assert_eq!(there.body.replace("in.test", "im.test"), absent.body);
}

#[tokio::test]
async fn lists_and_searches_show_what_a_key_may_see() {
    let server = server().await;
    for zone in ["in.test.", "sub.in.test.", "out.test.", "win.test."] {
        server.make_zone(zone).await;
    }
    let list = |key: &'static str, query: &'static str| {
        let server = &server;
        async move {
            let answer = server.call_as(key, "GET", &format!("{ZONES}{query}"), Value::Null).await;
            let zones = answer.is(200).json();
            zones.as_array().unwrap().iter().map(|zone| zone["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(list("hush", "").await.len(), 4);
    assert_eq!(list("reader", "").await.len(), 4);
    assert_eq!(list("zones", "").await, ["in.test.", "sub.in.test."]);
    assert_eq!(list("elsewhere", "").await, ["out.test."]);
    assert_eq!(list("elsewhere", "?zone=in.test.").await, [""; 0]);
    assert_eq!(list("zones", "?zone=in.test.").await, ["in.test."]);
    let search = |key: &'static str, max: usize| {
        let server = &server;
        async move {
            let path = format!("{S}/search-data?q=*test*&max={max}");
            let found = server.call_as(key, "GET", &path, Value::Null).await.is(200).json();
            found
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["zone_id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        }
    };
    for zone in ["in.test.", "out.test."] {
        let mut rrset = replace(zone, "TXT", 60, &["\"x\""]);
        rrset["comments"] = json!([{"content": "a test", "account": ""}]);
        server.call("PATCH", &format!("{ZONES}/{zone}"), json!({ "rrsets": [rrset] })).await.is(204);
    }
    let path = format!("{S}/search-data?q=*test*&object_type=comment");
    let comments = server.call_as("elsewhere", "GET", &path, Value::Null).await.is(200).json();
    assert_eq!(comments.as_array().unwrap().len(), 1, "{comments}");
    assert!(search("elsewhere", 100).await.iter().all(|zone| zone == "out.test."));
    assert_eq!(search("elsewhere", 1).await[0], "out.test.", "others do not take its places");
    assert!(search("hush", 100).await.iter().any(|zone| zone == "win.test."));
}

#[tokio::test]
async fn a_patch_with_one_rrset_beyond_a_key_changes_nothing() {
    let server = server().await;
    let zone = server.make_zone("in.test.").await;
    let before = server.lines(&zone).await;
    let patch = |key: &'static str, rrsets: Value| {
        let (server, zone) = (&server, &zone);
        async move { server.call_as(key, "PATCH", zone, json!({ "rrsets": rrsets })).await }
    };
    let text = |name: &str| replace(name, "TXT", 60, &["\"x\""]);
    let address = |name: &str| replace(name, "A", 60, &["192.0.2.1"]);
    for (key, rrset) in [
        ("types", address("a.in.test.")),
        ("types", json!({"name": "in.test.", "type": "NS", "changetype": "DELETE"})),
        ("names", text("a.in.test.")),
        ("names", address("xk8s.in.test.")),
    ] {
        let error = format!(
            "Forbidden: RRset {} IN {} is beyond what this API key may change",
            rrset["name"].as_str().unwrap(),
            rrset["type"].as_str().unwrap()
        );
        patch(key, json!([text("k8s.in.test."), rrset])).await.is_error(403, &error);
        assert_eq!(server.lines(&zone).await, before, "{key}");
    }
    patch("types", json!([text("a.in.test.")])).await.is(204);
    patch("names", json!([text("k8s.in.test."), address("*.a.K8S.in.test.")])).await.is(204);
    assert_eq!(
        server.data(&zone).await,
        ["*.a.k8s.in.test. A 60 192.0.2.1", "a.in.test. TXT 60 \"x\"", "k8s.in.test. TXT 60 \"x\""]
    );
    patch("reader", json!([text("a.in.test.")])).await.is_error(403, "Forbidden: this API key is read-only");
    patch("elsewhere", json!([])).await.is(403);
}

#[tokio::test]
async fn zones_are_made_and_removed_within_the_pattern_only() {
    let server = server().await;
    let make = |name: &'static str| {
        let server = &server;
        async move { server.call_as("zones", "POST", ZONES, json!({"name": name, "kind": "Native"})).await }
    };
    make("new.in.test.").await.is(201);
    make("new.out.test.").await.is_error(403, "Forbidden: zone new.out.test. is beyond what this API key may use");
    server.get(&format!("{ZONES}/new.out.test.")).await.is(404);
    server.call_as("zones", "DELETE", &format!("{ZONES}/new.in.test."), Value::Null).await.is(204);
}

#[tokio::test]
async fn private_keys_are_for_full_api_keys() {
    let server = server().await;
    let path = format!("{}/cryptokeys", server.make_zone("in.test.").await);
    let body = json!({"keytype": "csk", "active": true});
    let made = server.call_as("zones", "POST", &path, body.clone()).await.is(201).json();
    assert!(made.get("privatekey").is_none() && made["dnskey"].as_str().unwrap().starts_with("257 3 13 "));
    let one = format!("{path}/{}", made["id"]);
    for key in ["reader", "zones", "types", "names"] {
        let shown = server.call_as(key, "GET", &one, Value::Null).await;
        assert!(!shown.is(200).body.contains("rivate"), "{key}: {}", shown.body);
    }
    assert!(server.get(&one).await.json()["privatekey"].as_str().unwrap().starts_with("Private-key-format"));
    assert!(server.call("POST", &path, body).await.is(201).body.contains("Private-key-format"));
}

#[tokio::test]
async fn keys_are_made_shown_once_used_and_revoked() {
    let server = server().await;
    server.make_zone("in.test.").await;
    let keys = format!("{S}/apikeys");
    let body = json!({"name": "k8s", "zones": ["In.test"], "types": ["a", "TXT"], "names": ["K8s.in.test"]});
    let made = server.call("POST", &keys, body.clone()).await.is(201).json();
    let secret = made["key"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("spk_") && secret.len() == 47);
    assert_eq!(
        (&made["zones"], &made["types"], &made["names"], &made["source"], &made["type"]),
        (&json!(["in.test"]), &json!(["A", "TXT"]), &json!(["k8s.in.test."]), &json!("database"), &json!("ApiKey"))
    );
    assert!(made["made_at"].as_i64().unwrap() > 0 && made["used_at"].is_null());
    server.call("POST", &keys, body).await.is_error(409, "An API key with the name 'k8s' already exists");
    server.call("POST", &keys, json!({"name": "reader"})).await.is(409);

    let list = server.get(&keys).await;
    assert!(!list.body.contains(&secret) && !list.body.contains("sha256"), "{}", list.body);
    assert_eq!(list.json().as_array().unwrap().len(), 8);
    server.call_as(&secret, "GET", &format!("{ZONES}/in.test."), Value::Null).await.is(200);
    let shown = server.get(&format!("{keys}/k8s")).await.is(200).json();
    assert!(shown.get("key").is_none() && shown["used_at"].as_i64().unwrap() > 0);

    server.call("DELETE", &format!("{keys}/k8s"), Value::Null).await.is(204);
    server.call_as(&secret, "GET", "/api", Value::Null).await.is(401);
    server.get(&format!("{keys}/k8s")).await.is(404);
    server.call("DELETE", &format!("{keys}/k8s"), Value::Null).await.is(404);
    let error = "API key 'reader' stands in the settings of the server and is removed there";
    server.call("DELETE", &format!("{keys}/reader"), Value::Null).await.is_error(422, error);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_key_is_named() {
    let server = server().await;
    let keys = format!("{S}/apikeys");
    for (body, error) in [
        (json!({}), "Key 'name' not present or not a String"),
        (json!({"name": "a b"}), "name: expected 1 to 64 letters, digits, '.', '_' and '-', not beginning with '.'"),
        (json!({"name": "a", "zones": ["a..b"]}), "zones: 'a..b' is not a name or pattern: empty label"),
        (json!({"name": "a", "zones": "in.test"}), "Key 'zones' is not an array of Strings"),
        (json!({"name": "a", "types": ["NONE"]}), "types: 'NONE' is not a record type"),
        (json!({"name": "a", "names": [""]}), "names: '' is empty"),
        (json!({"name": "a", "read_only": "yes"}), "Key 'read_only' not present or not a Bool"),
        (json!({"name": "a", "expires_at": "soon"}), "Key 'expires_at' is not a time in seconds since 1970"),
        (json!({"name": "a", "expires_at": 1}), "expires_at: is not in the future"),
    ] {
        server.call("POST", &keys, body).await.is_error(422, error);
    }
}
