//! What External-DNS sent to PowerDNS in a recorded life with three zones, replayed: the same statuses, the same errors, and
//! after every change the same records.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{KEY, Server, ZONES};

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

#[tokio::test]
async fn clients_1_the_old_library_up_to_v0_21() {
    replay(include_str!("../fixtures/external-dns-v0.21.jsonl")).await;
}

#[tokio::test]
async fn clients_1_the_new_library_from_v0_22() {
    replay(include_str!("../fixtures/external-dns-v0.22.jsonl")).await;
}
