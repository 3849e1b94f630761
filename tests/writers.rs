//! Sixteen writers at once: no error of the server's, nothing lost, and the journal is a serial order that explains the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use signpost_tests::api::{Api, Signed, delete, replace, rrset};
use signpost_tests::dig::{Transport, dig};
use signpost_tests::postgres::Postgres;
use signpost_tests::random::Random;
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::validators::verify_zone;

const WRITERS: usize = 16;
const CALLS: usize = 25;
const ZONES: [&str; 3] = ["one.writers.example.", "two.writers.example.", "three.writers.example."];
/// Replaced as a whole by all.
const WHOLE: &str = "whole.writers.example.";
/// Created and deleted by all.
const PASSING: &str = "passing.writers.example.";

/// What the calls of all writers came to.
#[derive(Default)]
struct Tally {
    keys_added: AtomicUsize,
    keys_removed: AtomicUsize,
    denials: AtomicUsize,
    created: AtomicUsize,
    deleted: AtomicUsize,
}

fn send(api: &Api, method: &str, path: &str, body: Option<&Value>, allowed: &[u16]) -> (u16, Value) {
    let reply = api.send(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    assert!(allowed.contains(&reply.status), "{method} {path} {body:?}: {} {}", reply.status, reply.text());
    (reply.status, if reply.body.is_empty() { Value::Null } else { reply.json() })
}

/// One writer: random calls on random zones.
fn write(api: &Api, writer: usize, tally: &Tally) {
    let mut random = Random::part(17, writer as u64);
    let mut own_keys: Vec<(&str, i64)> = Vec::new();
    for call in 0..CALLS {
        let zone = *random.pick(&ZONES);
        let path = format!("/zones/{zone}");
        let (address, own) = (format!("192.0.2.{writer}"), format!("w{writer}-{call}.{zone}"));
        match random.below(11) {
            // Everybody's name: the last one wins.
            0 | 1 => drop(api.patch(zone, vec![replace(&format!("shared.{zone}"), "A", 60, &[&address])])),
            // Everybody's RRset, a record each: none may get lost.
            2 | 3 => {
                let mut item = replace(&format!("many.{zone}"), "A", 60, &[&address]);
                item["changetype"] = json!("EXTEND");
                api.patch(zone, vec![item]);
            }
            4 => drop(api.patch(zone, vec![replace(&own, "TXT", 60, &["\"mine\""])])),
            // A name that turns from CNAME to A and back.
            5 => {
                let name = format!("turn.{zone}");
                let (old, new) = if random.chance(50) { ("A", "CNAME") } else { ("CNAME", "A") };
                let content = if new == "A" { address } else { format!("t{writer}.writers.example.") };
                api.patch(zone, vec![delete(&name, old), replace(&name, new, 60, &[&content])]);
            }
            6 => drop(send(api, "PUT", &format!("{path}/rectify"), None, &[200])),
            7 if call % 2 == 0 => {
                let body = json!({"account": format!("w{writer}")});
                send(api, "PUT", &path, Some(&body), &[204]);
            }
            7 => {
                let soa = format!("ns1.writers.example. hostmaster.{WHOLE} {} 10800 3600 604800 3600", random.below(9));
                let rrsets = [
                    rrset(WHOLE, "SOA", 60, &[&soa]),
                    rrset(WHOLE, "NS", 60, &["ns1.writers.example."]),
                    rrset(&format!("w{writer}.{WHOLE}"), "A", 60, &[&address]),
                ];
                send(api, "PUT", &format!("/zones/{WHOLE}"), Some(&json!({"rrsets": rrsets})), &[204]);
                api.patch(WHOLE, vec![replace(&format!("p{writer}.{WHOLE}"), "A", 60, &[&address])]);
            }
            8 => match own_keys.pop() {
                Some((zone, id)) => {
                    send(api, "DELETE", &format!("/zones/{zone}/cryptokeys/{id}"), None, &[204]);
                    tally.keys_removed.fetch_add(1, Ordering::Relaxed);
                }
                None => {
                    let body = json!({"keytype": "zsk", "active": false, "algorithm": "ecdsa256"});
                    let (_, key) = send(api, "POST", &format!("{path}/cryptokeys"), Some(&body), &[201]);
                    own_keys.push((zone, key["id"].as_i64().expect("a key has an id")));
                    tally.keys_added.fetch_add(1, Ordering::Relaxed);
                }
            },
            // The way to deny, and the flags of a key: both rewrite what answers are made of.
            9 => match own_keys.last() {
                Some((zone, id)) if random.chance(50) => {
                    let body = json!({"active": false, "published": random.chance(50)});
                    send(api, "PUT", &format!("/zones/{zone}/cryptokeys/{id}"), Some(&body), &[204]);
                }
                _ => {
                    let param = *random.pick(&["", "1 0 0 -", "1 1 0 ab"]);
                    send(api, "PUT", &path, Some(&json!({"nsec3param": param})), &[204]);
                    tally.denials.fetch_add(1, Ordering::Relaxed);
                }
            },
            _ => {
                let body = json!({"name": PASSING, "kind": "Native", "nameservers": ["ns1.writers.example."]});
                // 404: made, and deleted by another before it could be shown.
                if send(api, "POST", "/zones", Some(&body), &[201, 409, 404]).0 != 409 {
                    tally.created.fetch_add(1, Ordering::Relaxed);
                }
                // While another may take the zone away, or put it there anew.
                let rrsets = json!({"rrsets": [replace(&format!("w{writer}.{PASSING}"), "A", 60, &[&address])]});
                send(api, "PATCH", &format!("/zones/{PASSING}"), Some(&rrsets), &[204, 404]);
                if send(api, "DELETE", &format!("/zones/{PASSING}"), None, &[204, 404]).0 == 204 {
                    tally.deleted.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

/// The contents of each RRset, sorted.
type Contents = BTreeMap<(String, String), Vec<String>>;

fn contents(records: &Value) -> Vec<String> {
    let mut found: Vec<String> =
        records.as_array().into_iter().flatten().map(|record| record["content"].as_str().unwrap().to_owned()).collect();
    found.sort();
    found
}

/// Goes through the journal from the first change on: each must begin where the one before ended. Returns where it ends.
fn replayed(entries: &[Value]) -> Contents {
    let mut state = Contents::new();
    for entry in entries.iter().rev() {
        for rrset in entry["rrsets"].as_array().unwrap() {
            let key = (rrset["name"].as_str().unwrap().to_owned(), rrset["type"].as_str().unwrap().to_owned());
            let old = contents(&rrset["old"]["records"]);
            assert_eq!(state.get(&key).cloned().unwrap_or_default(), old, "{key:?} in {entry}");
            match contents(&rrset["new"]["records"]) {
                gone if gone.is_empty() => drop(state.remove(&key)),
                new => drop(state.insert(key, new)),
            }
        }
    }
    state
}

fn stored(api: &Api, zone: &str) -> Contents {
    let zone = api.zone(zone);
    let rrsets = zone["rrsets"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rrsets.map(|rrset| ((text(&rrset["name"]), text(&rrset["type"])), contents(&rrset["records"]))).collect()
}

fn hold(settings: Settings) {
    let server = Signpost::start(settings);
    let api = server.api();
    api.create_zone(WHOLE, Signed::Yes, Vec::new());
    for zone in ZONES {
        let made =
            api.create_zone(zone, Signed::Yes, vec![rrset(&format!("shared.{zone}"), "A", 60, &["192.0.2.250"])]);
        assert_eq!(made["soa_edit_api"], "DEFAULT");
    }
    let tally = Tally::default();
    let keys_before: usize = ZONES.iter().map(|zone| keys(&api, zone)).sum();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (api, tally) = (&api, &tally);
            scope.spawn(move || write(api, writer, tally));
        }
    });
    for zone in [&ZONES[..], &[WHOLE]].concat() {
        let path = format!("/zones/{zone}/history?limit=1000");
        let entries = api.must(200, "GET", &path, None).json().as_array().unwrap().clone();
        assert!(entries.len() > 20, "{zone} has {} entries", entries.len());
        let state = replayed(&entries);
        assert_eq!(state, stored(&api, zone), "{zone} is as the journal's order leaves it");
        let told = server.command(&["pdnsutil", "rectify-zone", zone]);
        let told = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.contains(", 0 updates"), "derived columns were right: {told}");
        verify_zone(zone, &server.run(&["export", zone, "--signed"]));
        if zone == WHOLE {
            continue;
        }
        // Each change of data has a serial of its own.
        let serials: Vec<u64> = entries.iter().rev().filter_map(|entry| entry["serial_after"].as_u64()).collect();
        assert!(serials.is_sorted(), "{serials:?}");
        for (name, rtype) in [("shared", "A"), ("many", "A"), ("turn", "A"), ("turn", "CNAME")] {
            let name = format!("{name}.{zone}");
            let wanted = state.get(&(name.clone(), rtype.to_owned())).cloned().unwrap_or_default();
            let mut answered = dig(server.dns(), &name, rtype, Transport::Tcp).contents(rtype);
            answered.sort();
            assert_eq!(answered, wanted, "{name} {rtype} in DNS");
        }
    }
    let keys_now: usize = ZONES.iter().map(|zone| keys(&api, zone)).sum();
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    assert_eq!(keys_now, keys_before + count(&tally.keys_added) - count(&tally.keys_removed));
    assert_eq!(count(&tally.created), count(&tally.deleted), "who made the zone was followed by one who deleted it");
    assert!(count(&tally.created) > 0 && count(&tally.keys_added) > 0 && count(&tally.denials) > 0);
    api.must(404, "GET", &format!("/zones/{PASSING}"), None);
}

fn keys(api: &Api, zone: &str) -> usize {
    api.must(200, "GET", &format!("/zones/{zone}/cryptokeys"), None).json().as_array().unwrap().len()
}

#[test]
fn on_sqlite() {
    hold(Settings::sqlite());
}

#[test]
fn on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    hold(Settings::postgres(&postgres.url()));
}
