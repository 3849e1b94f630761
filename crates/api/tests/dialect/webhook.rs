//! External-DNS's webhook: what its protocol demands, and what becomes of input that External-DNS would never send. That the real
//! one lives with it is tested with the whole program.

use api::{PagePassword, WebhookSettings, webhook_router};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;
use wire::Name;

use crate::support::{Answer, Server, ZONES, replace};

const MEDIA_TYPE: &str = "application/external.dns.webhook+json;version=1";

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.into()).unwrap() }
}

async fn get(server: &Server, path: &str) -> Answer {
    send(&server.webhook, Request::get(path).header("accept", MEDIA_TYPE).body(Body::empty()).unwrap()).await
}

async fn post(server: &Server, path: &str, body: Value) -> Answer {
    post_text(server, path, body.to_string()).await
}

async fn post_text(server: &Server, path: &str, body: String) -> Answer {
    send(&server.webhook, Request::post(path).header("content-type", MEDIA_TYPE).body(Body::from(body)).unwrap()).await
}

/// What `/adjustendpoints` makes of one endpoint; adjusting that again must not change it.
async fn adjusted(server: &Server, endpoint: Value) -> Value {
    let once = post(server, "/adjustendpoints", json!([endpoint])).await;
    once.is(200);
    let twice = post(server, "/adjustendpoints", once.json()).await;
    assert_eq!(once.json(), twice.json());
    once.json()
}

async fn records(server: &Server) -> Value {
    let answer = get(server, "/records").await;
    answer.is(200);
    let mut list = answer.json();
    list.as_array_mut().unwrap().sort_by_key(|item| (item["dnsName"].to_string(), item["recordType"].to_string()));
    list
}

fn endpoint(name: &str, rtype: &str, targets: &[&str]) -> Value {
    json!({"dnsName": name, "recordType": rtype, "targets": targets})
}

fn ownership(name: &str, owned: &str) -> Value {
    json!({"dnsName": name, "recordType": "TXT", "labels": {"ownedRecord": owned},
        "targets": ["\"heritage=external-dns,external-dns/owner=me\""]})
}

async fn serial(server: &Server, zone: &str) -> Value {
    server.get(zone).await.json()["serial"].clone()
}

#[tokio::test]
async fn negotiation_names_version_1_and_no_filter_unless_one_is_set() {
    let server = Server::start().await;
    let answer = get(&server, "/").await;
    assert_eq!(answer.header("content-type"), Some(MEDIA_TYPE));
    assert_eq!(answer.json(), json!({}));
    let settings = WebhookSettings {
        domain_filter: vec![Name::parse("Example.org").unwrap().to_lowercase()],
        ..WebhookSettings::default()
    };
    let filtered = webhook_router(server.state.clone(), settings);
    let answer = send(&filtered, Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.json(), json!({"include": ["example.org"]}));

    let other = Request::get("/").header("accept", "application/external.dns.webhook+json;version=2");
    let answer = send(&server.webhook, other.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 406);
    assert!(answer.json()["error"].as_str().unwrap().contains("version=1"), "{}", answer.body);
}

#[tokio::test]
async fn paths_and_methods_and_kinds_of_bodies() {
    let server = Server::start().await;
    let call = async |method: &str, path: &str, kind: &str| {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        send(&server.webhook, request.body(Body::from("[]")).unwrap()).await
    };
    for (method, path, status) in [
        ("POST", "/", 405),
        ("HEAD", "/records", 405),
        ("DELETE", "/records", 405),
        ("GET", "/adjustendpoints", 405),
        ("GET", "/api/v1/servers/localhost/zones", 404),
        ("GET", "/applychanges", 404),
        ("GET", "/records/", 404),
        ("GET", "/healthz", 200),
        ("POST", "/adjustendpoints", 200),
    ] {
        assert_eq!(call(method, path, MEDIA_TYPE).await.status, status, "{method} {path}");
    }
    assert_eq!(call("POST", "/records", MEDIA_TYPE).await.status, 400);
    assert_eq!(call("DELETE", "/records", MEDIA_TYPE).await.header("allow"), Some("GET, POST"));
    assert_eq!(call("POST", "/adjustendpoints", "text/plain").await.status, 415);
    assert_eq!(call("POST", "/adjustendpoints", "application/json").await.status, 200);
}

#[tokio::test]
async fn a_password_guards_everything_but_the_probe() {
    let server = Server::start().await;
    let password = Some(Arc::new(PagePassword::new("pass:word").unwrap()));
    let guarded = webhook_router(server.state.clone(), WebhookSettings { password, ..WebhookSettings::default() });
    let ask = async |path: &str, authorization: Option<&str>| {
        let mut request = Request::get(path);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        send(&guarded, request.body(Body::empty()).unwrap()).await
    };
    // As Go sends the user and password of a URL: any:pass:word.
    let right = "Basic YW55OnBhc3M6d29yZA==";
    for path in ["/", "/records"] {
        assert_eq!(ask(path, Some(right)).await.status, 200);
        for wrong in [None, Some("Basic YW55OndvcmQ="), Some("Bearer pass:word"), Some("Basic")] {
            let answer = ask(path, wrong).await;
            assert_eq!(answer.status, 401, "{path} {wrong:?}");
            assert!(!answer.body.contains("word"), "{}", answer.body);
        }
    }
    assert_eq!(ask("/healthz", None).await.status, 200);
}

/// Without a password, on loopback, whoever runs a browser there must not write for every page that it shows: a body of no kind needs
/// no permission (CORS).
#[tokio::test]
async fn a_browser_is_no_external_dns() {
    let server = Server::start().await;
    let zone = server.make_zone("x.test.").await;
    let before = server.lines(&zone).await;
    let body = json!({"Create": [endpoint("a.x.test", "A", &["192.0.2.1"])]}).to_string();
    let browsers =
        [("origin", "http://evil.example"), ("origin", "http://127.0.0.1:8888"), ("sec-fetch-site", "cross-site")];
    for (name, value) in browsers {
        for (path, method) in [("/records", "POST"), ("/adjustendpoints", "POST"), ("/records", "GET")] {
            let request = Request::builder().method(method).uri(path).header(name, value);
            send(&server.webhook, request.body(Body::from(body.clone())).unwrap()).await.is(403);
        }
    }
    assert_eq!(server.lines(&zone).await, before);
    send(&server.webhook, Request::post("/records").body(Body::from(body)).unwrap()).await.is(204);
}

#[tokio::test]
async fn wanted_records_are_adjusted_to_what_will_be_read() {
    let server = Server::start().await;
    server.make_zone("example.test.").await;
    for (wanted, kept) in [
        (
            endpoint("WWW.example.test.", "A", &["192.0.2.2", "192.0.2.1", "192.0.2.2"]),
            json!(["192.0.2.1", "192.0.2.2"]),
        ),
        (endpoint("www.example.test", "AAAA", &["2001:DB8:0:0::1"]), json!(["2001:db8::1"])),
        (endpoint("c.example.test", "CNAME", &["LB.example.net."]), json!(["LB.example.net"])),
        (endpoint("m.example.test", "MX", &["10  mx.example.net"]), json!(["10 mx.example.net"])),
        (endpoint("m.example.test", "MX", &["0 ."]), json!(["0 ."])),
        (endpoint("s.example.test", "SRV", &["1 2 443 t.example.net"]), json!(["1 2 443 t.example.net."])),
        (
            endpoint("n.example.test", "NAPTR", &["1 2 \"u\" \"E2U+sip\" \"!a!b!\" ."]),
            json!(["1 2 \"u\" \"E2U+sip\" \"!a!b!\" ."]),
        ),
        (endpoint("t.example.test", "TXT", &["v=spf1 \"quoted\" -all"]), json!(["\"v=spf1 \\\"quoted\\\" -all\""])),
        (endpoint("t.example.test", "TXT", &["\"as it is\" \"in two\""]), json!(["\"as it is\" \"in two\""])),
        (endpoint("*.w.example.test", "A", &["192.0.2.1"]), json!(["192.0.2.1"])),
        (endpoint("two.example.test", "CNAME", &["b.example.net", "a.example.net"]), json!(["a.example.net"])),
    ] {
        let result = adjusted(&server, wanted.clone()).await;
        assert_eq!(result[0]["targets"], kept, "{wanted}");
        // Stored and read, they are the same again: nothing that a plan could change.
        post(&server, "/records", json!({"create": result})).await.is(204);
        let name = result[0]["dnsName"].as_str().unwrap().trim_end_matches('.').to_lowercase();
        let all = records(&server).await;
        let read = all
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["dnsName"] == *name && item["recordType"] == wanted["recordType"]);
        assert_eq!(read.unwrap()["targets"], kept, "{wanted}");
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_left_out_before_it_is_planned() {
    let server = Server::start().await;
    server.make_zone("example.test.").await;
    for bad in [
        endpoint("www.example.org", "A", &["192.0.2.1"]),
        endpoint("www.example.test", "A", &["not an address"]),
        endpoint("www.example.test", "A", &[]),
        endpoint("www.example.test", "AAAA", &["192.0.2.1"]),
        endpoint("www.example.test", "CNAME", &["a..b"]),
        endpoint("www.example.test", "MX", &["mail.example.net"]),
        endpoint("www.example.test", "LOC", &["52 N 4 E 0m"]),
        endpoint("www.example.test", "SOA", &["a. b. 1 2 3 4 5"]),
        endpoint("example.test", "NS", &["ns.example.net"]),
        endpoint("www.example.test", "", &["192.0.2.1"]),
        endpoint("", "A", &["192.0.2.1"]),
        endpoint(".", "A", &["192.0.2.1"]),
        endpoint("a b.example.test", "A", &["192.0.2.1"]),
        endpoint("a\\042.example.test", "A", &["192.0.2.1"]),
        endpoint("bücher.example.test", "A", &["192.0.2.1"]),
        endpoint(&format!("{}.example.test", "x".repeat(64)), "A", &["192.0.2.1"]),
        endpoint(&format!("{}example.test", "x.".repeat(130)), "A", &["192.0.2.1"]),
        endpoint("t.example.test", "TXT", &["\"unbalanced"]),
        json!({}),
        json!(null),
    ] {
        assert_eq!(adjusted(&server, bad.clone()).await, json!([]), "{bad}");
    }
    let kept = adjusted(
        &server,
        json!({"dnsName": "www.example.test", "recordType": "A", "targets": ["192.0.2.1"],
        "setIdentifier": "blue", "recordTTL": 99_999_999_999_i64, "labels": {"resource": "x"},
        "providerSpecific": [{"name": "alias", "value": "true"}, {"name": "aws/weight", "value": "1"}]}),
    )
    .await;
    assert_eq!(
        kept,
        json!([{"dnsName": "www.example.test", "recordType": "A", "targets": ["192.0.2.1"], "recordTTL": 2_147_483_647,
            "labels": {"resource": "x"}}])
    );
}

#[tokio::test]
async fn bodies_that_are_no_endpoints_are_400_and_change_nothing() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let before = server.lines(&zone).await;
    for body in [
        "",
        "{",
        "[]]",
        "1",
        "\"x\"",
        "[1]",
        "{\"create\": 1}",
        "{\"create\": [{\"targets\": \"x\"}]}",
        "{\"create\": [{\"recordTTL\": \"x\"}]}",
        "{\"create\": [{\"recordTTL\": 1e30}]}",
        "{\"create\": [{\"labels\": []}]}",
    ] {
        for path in ["/records", "/adjustendpoints"] {
            let answer = post_text(&server, path, body.to_owned()).await;
            assert_eq!(answer.status, 400, "{path} {body}: {}", answer.body);
            assert!(answer.json()["error"].is_string());
        }
    }
    let deep = "[".repeat(100_000);
    assert_eq!(post_text(&server, "/records", deep).await.status, 400);
    for empty in ["null", "[]"] {
        assert_eq!(post_text(&server, "/adjustendpoints", empty.to_owned()).await.body, "[]");
    }
    post_text(&server, "/records", "{\"create\": null, \"Delete\": [null]}".to_owned()).await.is(204);
    assert_eq!(server.lines(&zone).await, before);
}

#[tokio::test]
async fn a_name_turns_from_cname_to_a_and_back_in_one_request() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let (cname, a) =
        (endpoint("x.example.test", "CNAME", &["lb.example.net"]), endpoint("x.example.test", "A", &["192.0.2.1"]));
    post(&server, "/records", json!({"create": [cname]})).await.is(204);
    post(&server, "/records", json!({"create": [a], "delete": [cname]})).await.is(204);
    assert_eq!(server.data(&zone).await, ["x.example.test. A 300 192.0.2.1"]);
    post(&server, "/records", json!({"create": [cname], "delete": [a]})).await.is(204);
    assert_eq!(server.data(&zone).await, ["x.example.test. CNAME 300 lb.example.net."]);
    assert_eq!(server.published(), 4);

    // Said again, nothing changes.
    let before = serial(&server, &zone).await;
    post(&server, "/records", json!({"create": [cname], "delete": [a]})).await.is(204);
    assert_eq!(serial(&server, &zone).await, before);
}

#[tokio::test]
async fn an_alias_is_a_cname_with_a_property_and_changes_places_with_one() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let plain = endpoint("x.example.test", "CNAME", &["lb.example.net"]);
    let mut alias = plain.clone();
    alias["providerSpecific"] = json!([{"name": "alias", "value": "true"}]);
    post(&server, "/records", json!({"create": [alias]})).await.is(204);
    assert_eq!(server.data(&zone).await, ["x.example.test. ALIAS 300 lb.example.net."]);
    let mut wanted = alias.clone();
    wanted["recordTTL"] = json!(300);
    assert_eq!(records(&server).await, json!([wanted]));
    post(&server, "/records", json!({"updateOld": [alias], "updateNew": [plain]})).await.is(204);
    assert_eq!(server.data(&zone).await, ["x.example.test. CNAME 300 lb.example.net."]);
    post(&server, "/records", json!({"delete": [alias]})).await.is(204);
    assert_eq!(server.data(&zone).await, [""; 0]);
    // A CNAME at the apex cannot be anything else.
    let apex = adjusted(&server, endpoint("example.test", "CNAME", &["lb.example.net"])).await;
    assert_eq!(apex[0]["providerSpecific"], json!([{"name": "alias", "value": "true"}]));
    post(&server, "/records", json!({"create": apex})).await.is(204);
    assert_eq!(server.data(&zone).await, ["example.test. ALIAS 300 lb.example.net."]);
}

#[tokio::test]
async fn the_longest_zone_counts_and_only_ours_are_shown_or_written() {
    let server = Server::start().await;
    let parent = server.make_zone("example.test.").await;
    let child = server.make_zone("sub.example.test.").await;
    server
        .call("POST", ZONES, json!({"name": "copy.example.test.", "kind": "Slave", "masters": ["192.0.2.53"]}))
        .await
        .is(201);
    // The delegation in the parent is not shown: of that name the child's records count.
    server.patch(&parent, json!([replace("sub.example.test.", "NS", 60, &["ns1.example.net."])])).await.is(204);
    let a = |name: &str| endpoint(name, "A", &["192.0.2.1"]);
    let create = [a("x.example.test"), a("x.sub.example.test"), a("sub.example.test")];
    post(&server, "/records", json!({ "create": create })).await.is(204);
    assert_eq!(server.data(&parent).await, ["x.example.test. A 300 192.0.2.1"]);
    assert_eq!(server.data(&child).await, ["sub.example.test. A 300 192.0.2.1", "x.sub.example.test. A 300 192.0.2.1"]);
    let names: Vec<String> =
        records(&server).await.as_array().unwrap().iter().map(|item| item["dnsName"].to_string()).collect();
    assert_eq!(names, ["\"sub.example.test\"", "\"x.example.test\"", "\"x.sub.example.test\""]);

    // A copy of another server's zone is not written, and what is below it is not the parent's.
    assert_eq!(adjusted(&server, a("x.copy.example.test")).await, json!([]));
    let answer = post(&server, "/records", json!({"create": [a("x.copy.example.test"), a("y.example.test")]})).await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.json()["error"].as_str().unwrap().starts_with("1 left out, the rest is stored: x.copy.example.test A"),
        "{}",
        answer.body
    );
    assert!(server.data(&parent).await.contains(&"y.example.test. A 300 192.0.2.1".to_owned()));

    let settings =
        WebhookSettings { domain_filter: vec![Name::parse("sub.example.test").unwrap()], ..WebhookSettings::default() };
    let filtered = webhook_router(server.state.clone(), settings);
    let answer = send(&filtered, Request::get("/records").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.json().as_array().unwrap().len(), 2);
    let body = Body::from(json!([a("x.example.test"), a("x.sub.example.test")]).to_string());
    let answer = send(&filtered, Request::post("/adjustendpoints").body(body).unwrap()).await;
    assert_eq!(answer.json()[0]["dnsName"], "x.sub.example.test");
    assert_eq!(answer.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_ownership_record_outside_of_our_zones_is_kept_in_the_zone_of_its_record() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let owner = ownership("a-example.test", "example.test");
    let create = json!({"create": [endpoint("example.test", "A", &["192.0.2.1"]), owner]});
    post(&server, "/records", create).await.is(204);
    assert_eq!(
        server.data(&zone).await,
        [
            "a-example.test._external-dns.example.test. TXT 300 \"heritage=external-dns,external-dns/owner=me\"",
            "example.test. A 300 192.0.2.1"
        ]
    );
    assert_eq!(records(&server).await[0]["dnsName"], "a-example.test");
    let delete = json!({"delete": [endpoint("example.test", "A", &["192.0.2.1"]), owner]});
    post(&server, "/records", delete).await.is(204);
    assert_eq!(server.data(&zone).await, [""; 0]);
    // The one of a wildcard has an asterisk within a label.
    let wild = ownership("a-*.w.example.test", "*.w.example.test");
    post(&server, "/records", json!({"create": [wild]})).await.is(204);
    assert_eq!(records(&server).await[0]["dnsName"], "a-*.w.example.test");
}

#[tokio::test]
async fn a_name_that_clashes_is_left_out_with_its_ownership_record_and_the_rest_is_stored() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    server.patch(&zone, json!([replace("taken.example.test.", "MX", 60, &["10 mx.example.net."])])).await.is(204);
    let create = [
        endpoint("taken.example.test", "CNAME", &["lb.example.net"]),
        ownership("cname-taken.example.test", "taken.example.test"),
        endpoint("broken.example.test", "A", &["no address"]),
        ownership("a-broken.example.test", "broken.example.test"),
        endpoint("free.example.test", "CNAME", &["lb.example.net"]),
        ownership("cname-free.example.test", "free.example.test"),
    ];
    let answer = post(&server, "/records", json!({ "create": create })).await;
    assert_eq!(answer.status, 500);
    let error = answer.json()["error"].to_string();
    assert!(error.contains("taken.example.test. CNAME: there is MX at this name"), "{error}");
    assert!(error.contains("broken.example.test A: target 'no address'"), "{error}");
    assert_eq!(
        server.data(&zone).await,
        [
            "cname-free.example.test. TXT 300 \"heritage=external-dns,external-dns/owner=me\"",
            "free.example.test. CNAME 300 lb.example.net.",
            "taken.example.test. MX 60 10 mx.example.net."
        ]
    );
}

#[tokio::test]
async fn disabled_records_odd_names_and_foreign_types_are_not_shown() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let mut disabled = replace("off.example.test.", "A", 60, &["192.0.2.1"]);
    disabled["records"][0]["disabled"] = json!(true);
    let others = [
        disabled,
        replace("loc.example.test.", "LOC", 60, &["52 22 23.000 N 4 53 32.000 E -2.00m 1.00m 10000.00m 10.00m"]),
        replace("on.example.test.", "A", 60, &["192.0.2.1"]),
    ];
    server.patch(&zone, json!(others)).await.is(204);
    assert_eq!(
        records(&server).await,
        json!([{"dnsName": "on.example.test", "recordType": "A", "recordTTL": 60, "targets": ["192.0.2.1"]}])
    );
}
