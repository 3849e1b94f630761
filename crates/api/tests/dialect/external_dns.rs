//! What External-DNS sent to PowerDNS in a recorded life with three zones, replayed: the same statuses, the same errors, and
//! after every change the same records.

use api::{ApiKey, ApiSettings, Scope, SecretHash, ZoneDefaults};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{KEY, Program, Server, ZONES, full_key, replace, settings};

async fn replay(recording: &str) {
    let server = Server::start().await;
    for zone in ["edns.test.", "sub.edns.test.", "2.0.192.in-addr.arpa."] {
        server.make_zone(zone).await;
    }
    for (number, line) in recording.lines().enumerate() {
        let step: Value = serde_json::from_str(line).unwrap();
        let zone = format!("{ZONES}/{}", step["zone"].as_str().unwrap());
        let mut request = Request::patch(&zone).header("x-api-key", KEY);
        for (name, value) in step["header"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        let body = Body::from(step["body"].as_str().unwrap().to_owned());
        let answer = server.send(request.body(body).unwrap()).await;
        assert_eq!(json!(answer.status.as_u16()), step["status"], "step {number}: {}", answer.body);
        match step.get("answer") {
            Some(wanted) => assert_eq!(answer.json(), *wanted, "step {number}"),
            None => assert_eq!(answer.body, "", "step {number}"),
        }
        if let Some(wanted) = step.get("after") {
            assert_eq!(records(&server, &zone).await, *wanted, "step {number}");
        }
    }
}

/// `[name, type, ttl, [content...]]` of every RRset but the SOA, sorted.
async fn records(server: &Server, zone: &str) -> Value {
    let value = server.get(zone).await.json();
    let mut rrsets = Vec::new();
    for rrset in value["rrsets"].as_array().unwrap() {
        let mut contents: Vec<&str> =
            rrset["records"].as_array().unwrap().iter().map(|record| record["content"].as_str().unwrap()).collect();
        contents.sort_unstable();
        if rrset["type"] != "SOA" {
            rrsets.push((
                rrset["name"].as_str().unwrap(),
                rrset["type"].as_str().unwrap(),
                rrset["ttl"].clone(),
                contents,
            ));
        }
    }
    rrsets.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    json!(rrsets)
}

/// A record and its TXT, in one PATCH.
fn owned(name: &str, rtype: &str, content: &str, txt: &str, owner: &str) -> Value {
    let text = format!("\"heritage=external-dns,external-dns/owner={owner},external-dns/resource=service/a/b\"");
    json!({"rrsets": [replace(txt, "TXT", 300, &[&text]), replace(name, rtype, 60, &[content])]})
}

async fn with_takeover(keys: Vec<ApiKey>) -> Server {
    let settings = ApiSettings { external_dns_takeover: true, ..settings() };
    let server = Server::with_all(keys, Program::default(), settings, ZoneDefaults::default()).await;
    server.make_zone("edns.test.").await;
    server
}

const ZONE: &str = "/api/v1/servers/localhost/zones/edns.test.";

#[tokio::test]
async fn clients_1_6_a_name_turns_from_cname_to_a_and_back_where_the_setting_says_so() {
    let server = with_takeover(vec![full_key()]).await;
    let cname = owned("swap.edns.test.", "CNAME", "lb.example.net.", "cname-swap.edns.test.", "me");
    let a = owned("swap.edns.test.", "A", "192.0.2.1", "a-swap.edns.test.", "me");
    for _ in 0..2 {
        server.call("PATCH", ZONE, cname.clone()).await.is(204);
        let stored = records(&server, ZONE).await.to_string();
        assert!(stored.contains("cname-swap") && !stored.contains("\"a-swap"), "{stored}");
        server.call("PATCH", ZONE, a.clone()).await.is(204);
        let stored = records(&server, ZONE).await.to_string();
        assert!(!stored.contains("cname-swap") && stored.contains("192.0.2.1"), "{stored}");
    }
    // Of two records in the way one is nobody's: the whole request is refused, and nothing of it is done.
    let foreign = json!({"rrsets": [replace("swap.edns.test.", "MX", 60, &["10 mx.example.net."])]});
    server.call("PATCH", ZONE, foreign.clone()).await.is(204);
    let before = records(&server, ZONE).await;
    let why = "RRset swap.edns.test. IN CNAME: Conflicts with pre-existing RRset";
    server.call("PATCH", ZONE, cname.clone()).await.is_error(422, why);
    assert_eq!(records(&server, ZONE).await, before);
    // And another's.
    let other = owned("swap.edns.test.", "CNAME", "lb.example.net.", "cname-swap.edns.test.", "other");
    server.call("PATCH", ZONE, other.clone()).await.is(422);
    assert_eq!(records(&server, ZONE).await, before);
}

#[tokio::test]
async fn clients_1_6_a_key_takes_over_only_what_it_may_write() {
    let scope = Scope::read(&["edns.test"], &["A", "TXT"], &[], false).unwrap();
    let limited = ApiKey::with("limited".to_owned(), SecretHash::of_setting("limited").unwrap(), scope, None);
    let server = with_takeover(vec![full_key(), limited]).await;
    let cname = owned("swap.edns.test.", "CNAME", "lb.example.net.", "cname-swap.edns.test.", "me");
    server.call("PATCH", ZONE, cname.clone()).await.is(204);
    let a = owned("swap.edns.test.", "A", "192.0.2.1", "a-swap.edns.test.", "me");
    server.call_as("limited", "PATCH", ZONE, a).await.is(422);
    assert!(records(&server, ZONE).await.to_string().contains("lb.example.net."));
}

#[tokio::test]
async fn clients_1_the_old_library_up_to_v0_21() {
    replay(include_str!("../fixtures/external-dns-v0.21.jsonl")).await;
}

#[tokio::test]
async fn clients_1_the_new_library_from_v0_22() {
    replay(include_str!("../fixtures/external-dns-v0.22.jsonl")).await;
}
