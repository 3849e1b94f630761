//! Clients that are no package to install here, by the requests that they send and what they read in the answers. Those that run are in
//! `tests/clients.rs`, `tests/certificates.rs`, `tests/external_dns.rs` and `tests/openapi.rs`.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Answer, KEY, Server, ZONES};

const SERVER: &str = "/api/v1/servers/localhost";

/// A request with the key and these headers and no others.
async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("X-API-Key", KEY);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn clients_2_acme_sh_cuts_text_out_of_json() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let listed = ask(&server, "GET", ZONES, &[], "").await.is(200).body.replace(char::is_whitespace, "");
    assert!(listed.contains(r#""name":"example.test.""#), "{listed}");
    let name = "_acme-challenge.example.test.";
    let mut contents = Vec::new();
    for content in ["one", "two"] {
        contents
            .push(format!(r#"{{"name":"{name}","type":"TXT","content":"\"{content}\"","disabled":false,"ttl":60}}"#));
        let records = contents.join(",");
        let body = format!(
            r#"{{"rrsets":[{{"changetype":"REPLACE","name":"{name}","type":"TXT","ttl":60,"records":[{records}]}}]}}"#
        );
        assert_eq!(ask(&server, "PATCH", &zone, &form, &body).await.is(204).body, "");
        ask(&server, "PUT", &format!("{zone}/notify"), &form, "").await.is(200);
    }
    // What is there already it reads between the name and the next bracket that closes.
    let shown = ask(&server, "GET", &zone, &[], "").await.is(200).body.replace(char::is_whitespace, "");
    let from = shown.find(&format!(r#""name":"{name}""#)).expect("the name is there");
    let until = from + shown[from..].find(']').unwrap();
    assert_eq!(shown[from..until].matches(r#""content":"\""#).count(), 2, "{shown}");
    let body = format!(r#"{{"rrsets":[{{"changetype":"DELETE","name":"{name}","type":"TXT"}}]}}"#);
    ask(&server, "PATCH", &zone, &form, &body).await.is(204);
    assert!(server.data(&zone).await.is_empty());
}

#[tokio::test]
async fn clients_2_terraform_takes_no_other_status_and_reads_back_what_it_wrote() {
    let server = Server::start().await;
    let headers = [("Accept", "application/json"), ("Content-Type", "application/json")];
    assert_eq!(ask(&server, "GET", "/api/v1/servers", &headers, "").await.is(200).json()[0]["id"], "localhost");
    let about = ask(&server, "GET", SERVER, &headers, "").await;
    assert!(about.is(200).json()["version"].as_str().unwrap().starts_with(['4', '5']));
    let fields = json!({"name": "example.test.", "kind": "Native", "nameservers": ["ns1.example.test."],
        "account": "Ops", "soa_edit_api": "DEFAULT"});
    let made = ask(&server, "POST", ZONES, &headers, &fields.to_string()).await.is(201).json();
    for field in ["name", "kind", "account", "soa_edit_api"] {
        assert_eq!(made[field], fields[field], "{field}");
    }
    let zone = format!("{ZONES}/{}", made["id"].as_str().unwrap());
    // Each as a person would write it; what comes back otherwise is made anew at every run.
    let written: [(&str, &str, &[&str]); 6] = [
        ("Mixed", "CNAME", &["Target.Example.NET."]),
        ("txt", "TXT", &["\"v=spf1 -all\"", "\"Second; with = signs\""]),
        ("mx", "MX", &["10 Mail.example.net."]),
        ("caa", "CAA", &["0 issue \"letsencrypt.org\""]),
        ("srv", "SRV", &["0 5 5060 sip.example.net."]),
        ("a", "A", &["192.0.2.2", "192.0.2.1"]),
    ];
    for (host, rtype, contents) in written {
        let records: Vec<Value> =
            contents.iter().map(|content| json!({"content": content, "disabled": false, "set-ptr": false})).collect();
        let name = format!("{host}.example.test.").to_lowercase();
        let rrset = json!({"name": name, "type": rtype, "ttl": 60, "changetype": "REPLACE", "records": records});
        let answer = ask(&server, "PATCH", &zone, &headers, &json!({"rrsets": [rrset]}).to_string()).await;
        assert_eq!(answer.is(204).body, "");
        let filter = format!("{zone}?rrset_name={name}&rrset_type={rtype}");
        let shown = ask(&server, "GET", &filter, &headers, "").await.is(200).json();
        let records = shown["rrsets"][0]["records"].as_array().unwrap();
        let mut found: Vec<&str> = records.iter().map(|record| record["content"].as_str().unwrap()).collect();
        let mut wanted = contents.to_vec();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted);
    }
    let change = json!({"name": "example.test.", "kind": "Master", "account": "Other"}).to_string();
    assert_eq!(ask(&server, "PUT", &zone, &headers, &change).await.is(204).body, "");
    assert_eq!(server.get(&zone).await.json()["account"], "Other");
    assert_eq!(ask(&server, "DELETE", &zone, &headers, "").await.is(204).body, "");
    ask(&server, "GET", &zone, &headers, "").await.is(404);
}

#[tokio::test]
async fn clients_2_powerdns_admin_reads_fields_without_asking_whether_they_are_there() {
    let server = Server::start().await;
    let headers = [("Accept", "application/json; q=1"), ("Content-Type", "application/json")];
    let body = json!({"name": "example.test.", "kind": "Native", "masters": [], "nameservers": ["ns1.example.test."],
        "soa_edit_api": "", "account": ""});
    ask(&server, "POST", ZONES, &headers, &body.to_string()).await.is(201);
    let again = ask(&server, "POST", ZONES, &headers, &body.to_string()).await;
    assert!(again.is(409).header("content-type").unwrap().contains("json"));
    let list = ask(&server, "GET", ZONES, &headers, "").await.is(200).json();
    for field in "name kind account masters serial notified_serial last_check dnssec".split(' ') {
        assert!(!list[0][field].is_null(), "{field}");
    }
    // Its paths have no final dot.
    let zone = format!("{ZONES}/example.test");
    let rrset = json!({"name": "www.example.test.", "type": "A", "ttl": 60, "changetype": "REPLACE",
        "records": [{"content": "192.0.2.1", "disabled": false}], "comments": [{"content": "why", "account": "who"}]});
    ask(&server, "PATCH", &zone, &headers, &json!({"rrsets": [rrset]}).to_string()).await.is(204);
    let shown = ask(&server, "GET", &zone, &headers, "").await.is(200).json();
    assert_eq!(shown["soa_edit_api"], "");
    for rrset in shown["rrsets"].as_array().unwrap() {
        assert!(rrset["comments"].is_array());
        for record in rrset["records"].as_array().unwrap() {
            let fields: Vec<&String> = record.as_object().unwrap().keys().collect();
            assert_eq!(fields, ["content", "disabled"]);
        }
    }
    let mut rrset = rrset;
    rrset["comments"] = json!([]);
    ask(&server, "PATCH", &zone, &headers, &json!({"rrsets": [rrset]}).to_string()).await.is(204);
    let filter = format!("{zone}?rrset_name=www.example.test.");
    assert_eq!(ask(&server, "GET", &filter, &headers, "").await.json()["rrsets"][0]["comments"], json!([]));
    let bad = json!({"rrsets": [{"name": "www.example.test.", "type": "A", "ttl": 60, "changetype": "REPLACE",
        "records": [{"content": "x", "disabled": false}]}]});
    let refused = ask(&server, "PATCH", &zone, &headers, &bad.to_string()).await;
    assert!(refused.is(422).header("content-type").unwrap().contains("json"));
    assert!(refused.json()["error"].is_string());
    let keys = format!("{zone}/cryptokeys");
    let made = ask(&server, "POST", &keys, &headers, r#"{"keytype": "ksk", "active": true}"#).await.is(201).json();
    ask(&server, "DELETE", &format!("{keys}/{}", made["id"]), &headers, "").await.is(204);
    let statistics = ask(&server, "GET", &format!("{SERVER}/statistics"), &headers, "").await.is(200).json();
    assert!(statistics.as_array().unwrap().iter().any(|item| item["name"] == "uptime"));
    let settings = ask(&server, "GET", &format!("{SERVER}/config"), &headers, "").await.is(200).json();
    assert!(settings[0]["name"].is_string() && settings[0]["value"].is_string());
    ask(&server, "PUT", &zone, &headers, r#"{"kind": "Slave", "masters": ["192.0.2.1"]}"#).await.is(204);
    ask(&server, "DELETE", &zone, &headers, "").await.is(204);
}

#[tokio::test]
async fn clients_2_poweradmin_secures_and_rectifies() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let json = [("Content-Type", "application/json")];
    assert_eq!(ask(&server, "PUT", &zone, &json, r#"{"dnssec":true}"#).await.is(204).body, "");
    let rectified = ask(&server, "PUT", &format!("{zone}/rectify"), &json, "").await.is(200).json();
    assert_eq!(rectified, json!({"result": "Rectified"}));
    assert_eq!(ask(&server, "PUT", &zone, &json, r#"{"dnssec":false}"#).await.is(204).body, "");
    assert_eq!(server.get(&format!("{zone}/cryptokeys")).await.json(), json!([]));
}

#[tokio::test]
async fn clients_2_proxmox_foreman_exonet_and_proxies_ask_in_their_own_ways() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    // Proxmox: no final dot, a charset, and records that repeat name and type.
    let proxmox = [("Content-Type", "application/json; charset=UTF-8")];
    ask(&server, "GET", SERVER, &proxmox, "").await.is(200);
    let bare = ask(&server, "GET", &format!("{ZONES}/example.test?rrsets=false"), &proxmox, "").await.is(200).json();
    assert!(bare.get("rrsets").is_none());
    let record = json!({"content": "192.0.2.1", "disabled": false, "name": "vm.example.test.", "type": "A"});
    let rrset =
        json!({"name": "vm.example.test.", "type": "A", "ttl": 14400, "changetype": "REPLACE", "records": [record]});
    let body = json!({"rrsets": [rrset]}).to_string();
    ask(&server, "PATCH", &format!("{ZONES}/example.test"), &proxmox, &body).await.is(204);
    assert_eq!(server.data(&zone).await, ["vm.example.test. A 14400 192.0.2.1"]);
    // Foreman: no Accept, and the id of the list in its paths.
    let list = ask(&server, "GET", ZONES, &[], "").await.is(200).json();
    let by_id = format!("{ZONES}/{}", list[0]["id"].as_str().unwrap());
    let rrset = json!({"name": "host.example.test.", "type": "A", "ttl": 86400, "changetype": "REPLACE",
        "records": [{"content": "192.0.2.2", "disabled": false}]});
    ask(&server, "PATCH", &by_id, &[], &json!({"rrsets": [rrset]}).to_string()).await.is(204);
    // exonet: lists without DNSSEC.
    let cheap = ask(&server, "GET", &format!("{ZONES}?dnssec=false"), &[], "").await.is(200).json();
    assert!(cheap[0].get("dnssec").is_none() && cheap[0]["name"] == "example.test.");
    // A proxy with servers of other names, of which we are none.
    ask(&server, "GET", "/api/v1/servers/other/zones", &[], "").await.is(404);
}

#[tokio::test]
async fn clients_3_2_a_delete_looks_as_each_client_writes_it() {
    let server = Server::start().await;
    let zone = server.make_zone("example.test.").await;
    let records = json!([{"content": "192.0.2.1", "disabled": false}]);
    let start =
        json!([{"name": "a.example.test.", "type": "A", "ttl": 60, "changetype": "REPLACE", "records": records}]);
    for how in [
        json!({}),
        json!({"ttl": 0}),
        json!({"ttl": 60, "records": records}),
        json!({"ttl": 0, "records": Value::Null, "comments": Value::Null}),
        json!({"records": []}),
        json!({"changetype": "delete"}),
        json!({"changetype": "REPLACE", "ttl": 60, "records": []}),
    ] {
        server.patch(&zone, start.clone()).await.is(204);
        let mut rrset = json!({"name": "a.example.test.", "type": "A", "changetype": "DELETE"});
        rrset.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
        server.patch(&zone, json!([rrset])).await.is(204);
        assert!(server.data(&zone).await.is_empty(), "{rrset}");
        server.patch(&zone, json!([rrset])).await.is(204);
    }
}
