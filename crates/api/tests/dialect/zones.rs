//! Sections 4.1, 4.2 and 4.5 to 4.9: list, get, delete, export, notify, rectify.

use api::ApiSettings;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{KEY, Program, Server, ZONES, replace, settings};

#[tokio::test]
async fn section_4_1_the_list_has_exactly_the_fields_clients_know() {
    let server = Server::start().await;
    assert_eq!(server.get(ZONES).await.body, "[]");
    server.make_zone("example.test.").await;
    server.make_zone("other.test.").await;
    let list = server.get(ZONES).await.json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let zone = server.get(&format!("{ZONES}?zone=Example.TEST.")).await.json();
    let fields: Vec<&String> = zone[0].as_object().unwrap().keys().collect();
    let wanted = "account catalog dnssec edited_serial id kind last_check masters name notified_serial serial url";
    assert_eq!(fields, wanted.split(' ').collect::<Vec<_>>());
    assert_eq!(zone[0]["id"], "example.test.");
    assert_eq!(zone[0]["url"], "/api/v1/servers/localhost/zones/example.test.");
    assert_eq!(zone[0]["kind"], "Native");
    assert_eq!(zone[0]["dnssec"], false);
    assert_eq!(zone[0]["serial"], zone[0]["edited_serial"]);
    assert_eq!(server.get(&format!("{ZONES}?zone=absent.test.")).await.body, "[]");
    server.get(&format!("{ZONES}?zone=x")).await.is_error(422, "DNS Name 'x' is not canonical");
    let cheap = server.get(&format!("{ZONES}?dnssec=False&_=123")).await.json();
    assert!(cheap[0].get("dnssec").is_none() && cheap[0].get("edited_serial").is_none());
}

#[tokio::test]
async fn section_4_2_a_zone_has_exactly_the_fields_clients_know_in_byte_order() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let answer = server.get(&zone).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let fields: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    let wanted = "account api_rectify catalog dnssec edited_serial id kind last_check master_tsig_key_ids masters name \
                  notified_serial nsec3narrow nsec3param rrsets serial slave_tsig_key_ids soa_edit soa_edit_api url";
    assert_eq!(fields, wanted.split_whitespace().collect::<Vec<_>>());
    // serde_json sorts keys when it reads; the order as sent shows only in the text.
    let positions: Vec<usize> = fields.iter().map(|key| answer.body.find(&format!("\"{key}\": ")).unwrap()).collect();
    assert!(answer.body.starts_with("{\"account\": \"\", \"api_rectify\": false, "), "{}", answer.body);
    assert_eq!(positions[0], 1);
    let value = answer.json();
    assert_eq!(value["soa_edit_api"], "DEFAULT");
    assert_eq!(value["api_rectify"], false);
    let soa = value["rrsets"].as_array().unwrap().iter().find(|rrset| rrset["type"] == "SOA").unwrap();
    assert_eq!(soa["comments"], json!([]));
    let content = soa["records"][0]["content"].as_str().unwrap();
    let serial = value["serial"].to_string();
    assert_eq!(
        content,
        format!("a.misconfigured.dns.server.invalid. hostmaster.example.test. {serial} 10800 3600 604800 3600")
    );
}

#[tokio::test]
async fn section_4_2_filters_leave_out_what_does_not_match() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let disabled = json!({"name": "www.example.test.", "type": "TXT", "ttl": 60, "changetype": "REPLACE",
        "records": [{"content": "\"off\"", "disabled": true}]});
    server.patch(&zone, json!([replace("www.example.test.", "A", 60, &["192.0.2.1"]), disabled])).await.is(204);
    let types = async |query: &str| {
        let value = server.get(&format!("{zone}?{query}")).await.json();
        let rrsets = value["rrsets"].as_array().cloned().unwrap_or_default();
        let mut types: Vec<String> = rrsets.iter().map(|rrset| rrset["type"].as_str().unwrap().to_owned()).collect();
        types.sort();
        types
    };
    assert_eq!(types("rrset_name=WWW.example.test").await, ["A", "TXT"]);
    assert_eq!(types("rrset_name=www.example.test.&rrset_type=a").await, ["A"]);
    assert_eq!(types("rrset_name=www.example.test.&include_disabled=false").await, ["A"]);
    assert_eq!(types("rrset_name=nothing.example.test.").await, [] as [&str; 0]);
    assert_eq!(types("rrset_name=www.example.test.&rrset_type=NONSENSE").await, [] as [&str; 0]);
    assert_eq!(types("rrset_type=A").await.len(), 4);
    assert!(server.get(&format!("{zone}?rrsets=False")).await.json().get("rrsets").is_none());
    assert_eq!(server.get(&format!("{zone}?record_count=true")).await.json()["record_count"], 4);
    server
        .get(&format!("{zone}?rrsets=foobar"))
        .await
        .is_error(422, "'rrsets' request parameter value 'foobar' is not supported");
}

#[tokio::test]
async fn section_2_ids_are_taken_in_every_spelling() {
    let server = Server::start().await;
    for (name, ids) in
        [("_a.b/c.test.", &["=5Fa.b=2Fc.test.", "_a.b%2Fc.test.", "_A.b%2fc.TEST"][..]), (".", &["=2E", "=2E."])]
    {
        let body = json!({"name": name, "kind": "Native", "nameservers": []});
        assert_eq!(server.call("POST", ZONES, body).await.is(201).json()["id"], ids[0]);
        for id in ids {
            assert_eq!(server.get(&format!("{ZONES}/{id}")).await.is(200).json()["name"], name, "{id}");
        }
    }
    server.get(&format!("{ZONES}/a=2f")).await.is(400);
    server.get(&format!("{ZONES}/absent.test.")).await.is(404);
}

#[tokio::test]
async fn clients_3_3_reads_and_deletes_may_have_a_body() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let send = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).header("x-api-key", KEY);
        let request = request.header("content-type", "application/json; charset=UTF-8");
        server.send(request.body(Body::from("{}")).unwrap()).await
    };
    send("GET", &zone).await.is(200);
    send("GET", ZONES).await.is(200);
    let deleted = send("DELETE", &zone).await;
    assert_eq!((deleted.is(204).header("content-type"), deleted.body.as_str()), (None, ""));
    server.get(&zone).await.is(404);
    send("DELETE", &zone).await.is(404);
}

#[tokio::test]
async fn section_4_6_exports_are_text_or_json_by_accept() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let disabled = json!({"name": "off.example.test.", "type": "A", "ttl": 60, "changetype": "REPLACE",
        "records": [{"content": "192.0.2.9", "disabled": true}]});
    let mx = replace("example.test.", "MX", 300, &["10 mail.example.test."]);
    server.patch(&zone, json!([mx, disabled])).await.is(204);
    let export = async |accept: Option<&str>| {
        let mut request = Request::get(format!("{zone}/export")).header("x-api-key", KEY);
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        server.send(request.body(Body::empty()).unwrap()).await
    };
    let text = export(None).await;
    assert_eq!(text.header("content-type"), Some("text/plain; charset=us-ascii"));
    let lines: Vec<&str> = text.body.lines().collect();
    assert!(lines[0].starts_with("example.test.\t3600\tIN\tSOA\ta.misconfigured.dns.server.invalid. "), "{}", lines[0]);
    assert_eq!(
        lines[1..],
        ["example.test.\t3600\tIN\tNS\tns1.example.test.", "example.test.\t300\tIN\tMX\t10 mail.example.test."]
    );
    assert_eq!(export(Some("application/json")).await.json(), json!({ "zone": text.body }));
    server.get(&format!("{ZONES}/absent.test./export")).await.is(404);
}

#[tokio::test]
async fn section_4_8_notify_is_queued_for_any_kind_and_marks_the_serial() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    // As lexicon asks: without the final dot; as acme.sh does: another content type.
    let request = Request::put(format!("{ZONES}/example.test/notify")).header("x-api-key", KEY);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.body, r#"{"result": "Notification queued"}"#);
    assert_eq!(*server.program.notified.lock().unwrap(), ["example.test."]);
    let value = server.get(&zone).await.json();
    assert_eq!(value["notified_serial"], value["serial"]);
    server.call("PUT", &format!("{ZONES}/absent.test./notify"), Value::Null).await.is(404);
}

#[tokio::test]
async fn section_4_8_a_full_queue_is_422() {
    let program = Program { queue_is_full: true, ..Program::default() };
    let server = Server::with(program, settings(), Default::default()).await;
    let zone = server.make_zone("example.test.").await;
    let answer = server.call("PUT", &format!("{zone}/notify"), Value::Null).await;
    answer.is_error(422, "Failed to add to the queue - see server log");
    assert_eq!(server.get(&zone).await.json()["notified_serial"], 0);
}

#[tokio::test]
async fn section_4_7_and_4_9_actions_answer_with_a_result() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let before = server.get(&zone).await.json()["serial"].clone();
    let rectified = server.call("PUT", &format!("{zone}/rectify"), Value::Null).await;
    assert_eq!(rectified.body, r#"{"result": "Rectified"}"#);
    assert_eq!(server.get(&zone).await.json()["serial"], before, "rectify does not bump");
    server
        .call("PUT", &format!("{zone}/axfr-retrieve"), Value::Null)
        .await
        .is_error(422, "Domain 'example.test.' is not a secondary domain (or has no primary defined)");
    server.call("PUT", &format!("{ZONES}/absent.test./rectify"), Value::Null).await.is(404);
}

#[tokio::test]
async fn a_big_zone_is_streamed_whole() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let rrsets: Vec<Value> =
        (0..5000).map(|n| replace(&format!("h{n}.example.test."), "A", 60, &["192.0.2.1"])).collect();
    server.patch(&zone, json!(rrsets)).await.is(204);
    assert_eq!(server.data(&zone).await.len(), 5000);
}

/// PDNS-DIALECT 4.2 and section 16: 5.2 counts records unasked; typed clients of older releases do not know the field.
#[tokio::test]
async fn section_4_2_record_count_is_shown_by_the_version_we_answer_as_or_when_asked_for() {
    for (version, path, count) in [
        ("4.9.4", "", Value::Null),
        ("4.9.4", "?record_count=true", json!(2)),
        ("5.2.0", "", json!(2)),
        ("5.2.0", "?record_count=false", Value::Null),
        ("5.2.0", "?rrsets=false", Value::Null),
        ("5.2.0", "?rrsets=false&record_count=true", json!(2)),
    ] {
        let settings = ApiSettings { version: version.to_owned(), ..settings() };
        let server = Server::with(Program::default(), settings, Default::default()).await;
        let zone = server.make_zone("example.test.").await;
        assert_eq!(server.get(&format!("{zone}{path}")).await.json()["record_count"], count, "{version} {path}");
    }
}

/// Ours: PowerDNS neither pages nor filters, and its clients send none of these.
#[tokio::test]
async fn lists_of_zones_are_paged_and_filtered_when_asked() {
    let server = Server::start().await;
    for (name, kind, account) in [
        ("c.test.", "Native", "one"),
        ("a.test.", "Master", "one"),
        ("_b.test.", "Native", "two"),
        ("d.example.", "Slave", ""),
    ] {
        let body = json!({"name": name, "kind": kind, "account": account});
        server.call("POST", ZONES, body).await.is(201);
    }
    let names = async |query: &str| -> Vec<String> {
        let answer = server.get(&format!("{ZONES}{query}")).await;
        let list = answer.is(200).json();
        list.as_array().unwrap().iter().map(|zone| zone["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("?kind=primary").await, ["a.test."]);
    assert_eq!(names("?account=one&kind=Native").await, ["c.test."]);
    assert_eq!(names("?account=").await, ["d.example."]);
    assert_eq!(names("?q=*.TEST&limit=9").await, ["_b.test.", "a.test.", "c.test."]);
    assert_eq!(names("?limit=2").await, ["_b.test.", "a.test."]);
    assert_eq!(names("?limit=2&after=a.test.").await, ["c.test.", "d.example."]);
    assert_eq!(names("?after==5Fb.test.&limit=1").await, ["a.test."], "an id of the page before");
    assert_eq!(names("?after=zzz.").await, Vec::<String>::new());
    for bad in ["limit=0", "limit=x", "limit=-1", "kind=what", "after=.a"] {
        server.get(&format!("{ZONES}?{bad}")).await.is(422);
    }
}

/// RFC 9110 section 13.1.2.
#[tokio::test]
async fn a_list_that_the_client_has_already_is_304_until_it_changes() {
    let server = Server::start().await;
    server.make_zone("example.test.").await;
    let conditional = async |tags: &str| {
        let request = Request::get(ZONES).header("x-api-key", KEY).header("if-none-match", tags);
        server.send(request.body(Body::empty()).unwrap()).await
    };
    let tag = server.get(ZONES).await.header("etag").unwrap().to_owned();
    for tags in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let answer = conditional(&tags).await;
        assert_eq!((answer.is(304).body.as_str(), answer.header("etag")), ("", Some(tag.as_str())));
    }
    conditional("\"x\"").await.is(200);
    server.make_zone("another.test.").await;
    assert_ne!(conditional(&tag).await.is(200).header("etag"), Some(tag.as_str()));
}
