//! Section 10: metadata.

use serde_json::{Value, json};

use crate::support::{Server, ZONES};

async fn start() -> (Server, String) {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    (server, format!("{zone}/metadata"))
}

fn object(kind: &str, values: &[&str]) -> Value {
    json!({"type": "Metadata", "kind": kind, "metadata": values})
}

#[tokio::test]
async fn section_10_values_are_added_replaced_and_removed() {
    let (server, path) = start().await;
    let kind = "ALSO-NOTIFY";
    let one = format!("{path}/{kind}");
    assert_eq!(server.get(&one).await.is(200).json(), object(kind, &[]));
    let post = |values: &[&str]| json!({"kind": kind, "metadata": values});
    let added = server.call("POST", &path, post(&["192.0.2.1"])).await;
    assert_eq!(added.is(201).json(), object(kind, &["192.0.2.1"]));
    let added = server.call("POST", &path, post(&["192.0.2.1", "192.0.2.2:5300"])).await;
    assert_eq!(added.is(201).json(), object(kind, &["192.0.2.1", "192.0.2.2:5300"]));
    let put = server.call("PUT", &one, json!({"metadata": ["192.0.2.3"], "kind": "ignored"})).await;
    assert_eq!(put.is(200).json(), object(kind, &["192.0.2.3"]));
    assert_eq!(server.get(&one).await.json(), object(kind, &["192.0.2.3"]));
    let deleted = server.call("DELETE", &one, Value::Null).await;
    assert_eq!((deleted.is(204).header("content-type"), deleted.body.as_str()), (None, ""));
    assert_eq!(server.get(&one).await.json(), object(kind, &[]));
}

#[tokio::test]
async fn section_10_the_list_shows_hidden_kinds_too_sorted() {
    let (server, path) = start().await;
    server.call("PUT", &format!("{path}/X-NOTE"), json!({"metadata": ["a", "b"]})).await.is(200);
    server.call("PUT", path.trim_end_matches("/metadata"), json!({"api_rectify": true})).await.is(204);
    assert_eq!(
        server.get(&path).await.json(),
        json!([object("API-RECTIFY", &["1"]), object("SOA-EDIT-API", &["DEFAULT"]), object("X-NOTE", &["a", "b"])])
    );
}

#[tokio::test]
async fn section_10_errors_are_the_dialects() {
    let (server, path) = start().await;
    for (body, error) in [
        (json!({"metadata": []}), "kind is not specified or not a string"),
        (json!({"kind": 7, "metadata": []}), "kind is not specified or not a string"),
        (json!({"kind": "IXFR"}), "metadata is not specified or not an array"),
        (json!({"kind": "IXFR", "metadata": "1"}), "metadata is not specified or not an array"),
        (json!({"kind": "IXFR", "metadata": [1]}), "metadata must be strings"),
        (json!({"kind": "SOA-EDIT-API", "metadata": ["EPOCH"]}), "Unsupported metadata kind 'SOA-EDIT-API'"),
        (json!({"kind": "NSEC3PARAM", "metadata": ["1 0 0 -"]}), "Unsupported metadata kind 'NSEC3PARAM'"),
        (json!({"kind": "WHAT", "metadata": []}), "Unsupported metadata kind 'WHAT'"),
    ] {
        server.call("POST", &path, body).await.is_error(422, error);
    }
    server.get(&format!("{path}/WHAT")).await.is_error(422, "Unsupported metadata kind 'WHAT'");
    server.get(&format!("{path}/NSEC3PARAM")).await.is(200);
    server.get(&format!("{ZONES}/absent.test./metadata")).await.is(404);
    server.get(&format!("{ZONES}/example.test/metadata")).await.is(200);
}

#[tokio::test]
async fn section_7_3_metadata_does_not_move_the_serial() {
    let (server, path) = start().await;
    let zone = path.trim_end_matches("/metadata");
    let before = server.get(zone).await.json()["serial"].clone();
    server.call("PUT", &format!("{path}/IXFR"), json!({"metadata": ["1"]})).await.is(200);
    assert_eq!(server.get(zone).await.json()["serial"], before);
}
