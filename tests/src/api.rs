//! A client of the HTTP API, for tests that talk to it themselves. PowerDNS is spoken to in the same way.

use crate::http::{self, Reply};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Where an API is, and the key for it.
#[derive(Debug, Clone)]
pub struct Api {
    /// Address and port.
    pub address: SocketAddr,
    /// The value of X-API-Key.
    pub key: String,
}

impl Api {
    /// Sends a request below `/api/v1/servers/localhost`.
    ///
    /// # Errors
    ///
    /// What the connection failed with.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> std::io::Result<Reply> {
        let text = body.map(Value::to_string);
        self.send_raw(method, path, text.as_deref().map(str::as_bytes))
    }

    /// As [`Api::send`], with any octets as body.
    ///
    /// # Errors
    ///
    /// What the connection failed with.
    pub fn send_raw(&self, method: &str, path: &str, body: Option<&[u8]>) -> std::io::Result<Reply> {
        let headers =
            [("X-API-Key", self.key.as_str()), ("Content-Type", "application/json"), ("Accept", "application/json")];
        http::request(self.address, method, &format!("/api/v1/servers/localhost{path}"), &headers, body)
    }

    /// Sends a request that must be answered with `status`.
    ///
    /// # Panics
    ///
    /// When it is not.
    pub fn must(&self, status: u16, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let reply = self.send(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        reply
    }

    /// Creates a zone, signed with the server's defaults or not signed.
    pub fn create_zone(&self, name: &str, signed: Signed, rrsets: Vec<Value>) -> Value {
        let body = json!({
            "name": name, "kind": "Native", "dnssec": signed == Signed::Yes,
            "nameservers": [format!("ns1.{name}")], "rrsets": rrsets,
        });
        self.must(201, "POST", "/zones", Some(&body)).json()
    }

    /// Changes a zone; the server must acknowledge.
    pub fn patch(&self, zone: &str, rrsets: Vec<Value>) -> Reply {
        self.must(204, "PATCH", &format!("/zones/{zone}"), Some(&json!({ "rrsets": rrsets })))
    }

    /// The zone as the API shows it.
    pub fn zone(&self, zone: &str) -> Value {
        self.must(200, "GET", &format!("/zones/{zone}"), None).json()
    }

    /// The contents of one RRset as the API shows them, sorted; empty when it is not there.
    pub fn contents(&self, zone: &str, name: &str, rtype: &str) -> Vec<String> {
        let zone = self.zone(zone);
        let mut found: Vec<String> = zone["rrsets"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|set| set["name"] == name && set["type"] == rtype)
            .flat_map(|set| set["records"].as_array().into_iter().flatten())
            .filter_map(|record| record["content"].as_str().map(str::to_owned))
            .collect();
        found.sort();
        found
    }

    /// The DNSKEY records of the keys that have a DS (KSK or CSK), without owner.
    pub fn entry_keys(&self, zone: &str) -> Vec<String> {
        let keys = self.must(200, "GET", &format!("/zones/{zone}/cryptokeys"), None).json();
        let keys: Vec<String> = keys
            .as_array()
            .into_iter()
            .flatten()
            .filter(|key| key["active"] == true && key["ds"].is_array())
            .filter_map(|key| key["dnskey"].as_str().map(str::to_owned))
            .collect();
        assert!(!keys.is_empty(), "{zone} has no active key");
        keys
    }

    /// The DS records with SHA-256 of the zone's keys.
    pub fn ds(&self, zone: &str) -> Vec<String> {
        let keys = self.must(200, "GET", &format!("/zones/{zone}/cryptokeys"), None).json();
        let mut ds: Vec<String> = keys
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|key| key["ds"].as_array().into_iter().flatten())
            .filter_map(|ds| ds.as_str())
            .filter(|ds| ds.split(' ').nth(2) == Some("2"))
            .map(str::to_owned)
            .collect();
        ds.sort();
        ds
    }
}

/// Whether a zone gets keys when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// With the server's default keys.
    Yes,
    /// Not.
    No,
}

/// An RRset as `POST zones` takes it.
pub fn rrset(name: &str, rtype: &str, ttl: u32, contents: &[&str]) -> Value {
    let records: Vec<Value> = contents.iter().map(|c| json!({ "content": c, "disabled": false })).collect();
    json!({ "name": name, "type": rtype, "ttl": ttl, "records": records })
}

/// An RRset as `PATCH` takes it, replacing what is there.
pub fn replace(name: &str, rtype: &str, ttl: u32, contents: &[&str]) -> Value {
    let mut set = rrset(name, rtype, ttl, contents);
    set["changetype"] = json!("REPLACE");
    set
}

/// The deletion of an RRset as `PATCH` takes it.
pub fn delete(name: &str, rtype: &str) -> Value {
    json!({ "name": name, "type": rtype, "changetype": "DELETE" })
}
