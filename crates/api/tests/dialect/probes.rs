//! Issue 4, "Health" and request ids: probes, versions, ids of requests, and too many of them.

use api::ApiSettings;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use tokio::sync::oneshot;

use crate::support::{Answer, KEY, Program, Server, ZONES, replace, settings};

async fn ask(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_server_without_its_database_is_ready_for_dns_and_not_for_the_api() {
    let without_database = Program { is_late: true, ..Program::default() };
    let server = Server::with(without_database, settings(), Default::default()).await;
    for path in ["/readyz", "/readyz?for=dns", "/readyz?for="] {
        assert_eq!(ask(&server, path, &[]).await.is(200).body, "ok\n", "{path}");
    }
    assert_eq!(ask(&server, "/readyz?for=api", &[]).await.is(503).body, "database: is away\n");
    let json = ask(&server, "/readyz?for=api", &[("accept", "application/json")]).await;
    assert_eq!(
        json.is(503).json(),
        json!({"ready": false, "checks": [
            {"name": "zones", "needed_for": "dns", "ok": true, "detail": ""},
            {"name": "database", "needed_for": "api", "ok": false, "detail": "is away"},
        ]})
    );
    ask(&server, "/readyz?for=fun", &[]).await.is_error(422, "'for' is dns or api, not 'fun'");
    let loading = Program { not_ready: Some("zones are being loaded".to_owned()), ..Program::default() };
    let server = Server::with(loading, settings(), Default::default()).await;
    assert_eq!(ask(&server, "/readyz", &[]).await.is(503).body, "zones are being loaded\n");
    ask(&server, "/readyz?for=api", &[]).await.is(503);
}

#[tokio::test]
async fn the_version_is_told_to_anyone_who_may_connect() {
    let server = Server::start().await;
    let version = ask(&server, "/version", &[]).await.is(200).json();
    assert_eq!((&version["name"], &version["api_version"]), (&json!("signpost"), &json!("4.9.4")));
    assert!(version["version"].as_str().unwrap().split('.').count() == 3, "{version}");
}

#[tokio::test]
async fn every_answer_has_the_id_of_its_request_or_a_new_one() {
    let server = Server::start().await;
    for (path, key) in [("/api", KEY), ("/api", "wrong"), ("/nothing", ""), ("/livez", "")] {
        let answer = ask(&server, path, &[("x-api-key", key), ("x-request-id", "from-the-proxy/1")]).await;
        assert_eq!(answer.header("x-request-id"), Some("from-the-proxy/1"), "{path}");
        let answer = ask(&server, path, &[("x-api-key", key), ("x-request-id", "a \"b\"")]).await;
        assert_eq!(answer.header("x-request-id").unwrap().len(), 24, "{path}");
    }
}

#[tokio::test]
async fn more_requests_than_allowed_get_503_and_probes_do_not() {
    let one = ApiSettings { requests_max: 1, ..settings() };
    let server = Server::with(Program::default(), one, Default::default()).await;
    // The place is taken while the body is awaited.
    let (begun, open, body) = endless_body();
    let request = Request::post(ZONES).header("x-api-key", KEY).body(body).unwrap();
    let router = server.router.clone();
    let first = tokio::spawn(async move { tower::ServiceExt::oneshot(router, request).await.unwrap() });
    begun.await.expect("the body is read");
    let shed = ask(&server, "/api", &[("x-api-key", KEY)]).await;
    shed.is_error(503, "the server is busy; try again later");
    assert_eq!(shed.header("retry-after"), Some("1"));
    ask(&server, "/api", &[("x-api-key", "wrong")]).await.is(401);
    ask(&server, "/readyz", &[]).await.is(200);
    drop(open);
    assert_eq!(first.await.unwrap().status(), 400);
    ask(&server, "/api", &[("x-api-key", KEY)]).await.is(200);
    let metrics = ask(&server, "/metrics", &[]).await;
    assert!(metrics.body.contains("pdns_auth_api_requests_shed 1\n"), "{}", metrics.body);
}

#[tokio::test]
async fn a_large_answer_takes_its_place_until_it_is_read() {
    let one = ApiSettings { requests_max: 1, ..settings() };
    let server = Server::with(Program::default(), one, Default::default()).await;
    let zone = server.make_zone("large.test.").await;
    let rrsets: Vec<_> = (0..2500).map(|n| replace(&format!("h{n}.large.test."), "A", 60, &["192.0.2.1"])).collect();
    server.call("PATCH", &zone, json!({ "rrsets": rrsets })).await.is(204);
    let request = Request::get(&zone).header("x-api-key", KEY).body(Body::empty()).unwrap();
    let unread = tower::ServiceExt::oneshot(server.router.clone(), request).await.unwrap();
    ask(&server, "/api", &[("x-api-key", KEY)]).await.is_error(503, "the server is busy; try again later");
    let text = axum::body::to_bytes(unread.into_body(), usize::MAX).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&text).matches("192.0.2.1").count(), 2500);
    ask(&server, "/api", &[("x-api-key", KEY)]).await.is(200);
}

/// A body that tells when it is read and goes on until its other end is dropped.
fn endless_body() -> (oneshot::Receiver<()>, oneshot::Sender<()>, Body) {
    let (begins, begun) = oneshot::channel();
    let (open, over) = oneshot::channel::<()>();
    let stream = futures_util::stream::once(async move {
        let _ = begins.send(());
        let _ = over.await;
        Ok::<_, std::convert::Infallible>(axum::body::Bytes::from_static(b"{"))
    });
    (begun, open, Body::from_stream(stream))
}
