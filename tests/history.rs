//! Who changed what, and back: the journal through API and command line, on both stores.

use serde_json::{Value, json};
use signpost_tests::api::{Api, Signed, delete, replace, rrset};
use signpost_tests::dig::{Transport, dig};
use signpost_tests::postgres::Postgres;
use signpost_tests::server::{Settings, Signpost};

const ZONE: &str = "past.example.";

fn history(api: &Api) -> Vec<Value> {
    api.must(200, "GET", "/zones/past.example./history", None).json().as_array().unwrap().clone()
}

fn on_both(test: impl Fn(Signpost)) {
    test(Signpost::start(Settings::sqlite()));
    let postgres = Postgres::start().expect("Postgres starts");
    test(Signpost::start(Settings::postgres(&postgres.url())));
}

#[test]
fn a_change_is_told_and_taken_back() {
    on_both(|server| {
        let api = server.api();
        api.create_zone(ZONE, Signed::Yes, vec![rrset("www.past.example.", "A", 60, &["192.0.2.1"])]);
        let good = api.zone(ZONE)["serial"].as_u64().unwrap();
        api.patch(ZONE, vec![replace("www.past.example.", "A", 60, &["192.0.2.2"])]);
        let swap = vec![
            delete("www.past.example.", "A"),
            replace("www.past.example.", "CNAME", 60, &["elsewhere.example."]),
            replace("new.past.example.", "TXT", 60, &["\"x\""]),
        ];
        api.patch(ZONE, swap);
        let entries = history(&api);
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0]["actor"], "api:api-key");
        assert_eq!(entries[2]["settings"], json!(["zone created"]));
        assert_eq!(entries[2]["serial_after"], good);
        let names: Vec<&str> =
            entries[0]["rrsets"].as_array().unwrap().iter().map(|rrset| rrset["type"].as_str().unwrap()).collect();
        assert!(["A", "CNAME", "TXT", "SOA"].iter().all(|rtype| names.contains(rtype)), "{names:?}");

        let told = server.run(&["history", "past.example"]);
        assert!(told.contains("  - www.past.example. 60 A 192.0.2.2\n"), "{told}");
        assert!(told.contains("  + www.past.example. 60 CNAME elsewhere.example.\n"), "{told}");
        assert!(told.contains("  * zone created\n"), "{told}");

        // A trial changes nothing.
        let undo = |serial: u64, dry_run: bool| json!({"serial": serial, "dry_run": dry_run});
        let trial = api.must(200, "PUT", "/zones/past.example./undo", Some(&undo(good, true))).json();
        assert_eq!(trial["rrsets"].as_array().unwrap().len(), 3);
        assert_eq!(api.contents(ZONE, "www.past.example.", "CNAME"), ["elsewhere.example."]);
        let dry = server.run(&["undo", "past.example", &good.to_string(), "--dry-run"]);
        assert!(
            dry.contains("- www.past.example. CNAME\n") && dry.contains("= www.past.example. 60 A 192.0.2.1\n"),
            "{dry}"
        );

        let done = api.must(200, "PUT", "/zones/past.example./undo", Some(&undo(good, false))).json();
        assert_eq!(done["result"], format!("Undone to serial {good}"));
        assert_eq!(dig(server.dns(), "www.past.example", "A", Transport::Udp).contents("A"), ["192.0.2.1"]);
        assert_eq!(dig(server.dns(), "new.past.example", "TXT", Transport::Udp).status, "NXDOMAIN");
        assert!(api.zone(ZONE)["serial"].as_u64().unwrap() > good, "secondaries would not follow a serial back");
        assert_eq!(history(&api)[0]["actor"], format!("api:api-key, undo to {good}"));

        // And the undoing undone, from the command line.
        let before = history(&api)[1]["serial_after"].as_u64().unwrap();
        let told = server.run(&["undo", "past.example", &before.to_string()]);
        assert!(told.contains(&format!("Undone to serial {before}")), "{told}");
        assert_eq!(api.contents(ZONE, "www.past.example.", "CNAME"), ["elsewhere.example."]);
        api.must(422, "PUT", "/zones/past.example./undo", Some(&undo(7, false)));
        api.must(422, "PUT", "/zones/past.example./undo", Some(&json!({"serial": "x"})));
        api.must(404, "PUT", "/zones/other.example./undo", Some(&undo(7, false)));
        api.must(404, "GET", "/zones/other.example./history", None);
        api.must(422, "GET", "/zones/past.example./history?limit=0", None);
    });
}

#[test]
fn settings_keys_and_the_end_of_a_zone_are_told_without_values() {
    on_both(|server| {
        let api = server.api();
        api.create_zone(ZONE, Signed::No, Vec::new());
        api.must(204, "PUT", "/zones/past.example.", Some(&json!({"account": "somebody", "dnssec": true})));
        api.must(200, "PUT", "/zones/past.example./metadata/ALSO-NOTIFY", Some(&json!({"metadata": ["192.0.2.5"]})));
        server.run(&["pdnsutil", "set-kind", "past.example", "master"]);
        let settings: Vec<String> = history(&api)
            .iter()
            .flat_map(|entry| entry["settings"].as_array().unwrap().clone())
            .map(|s| s.to_string())
            .collect();
        let all = settings.join(" ");
        for wanted in
            ["\"kind\"", "\"account\"", "metadata ALSO-NOTIFY", "metadata NSEC3PARAM", "key 1 added", "zone created"]
        {
            assert!(all.contains(wanted), "{wanted} in {all}");
        }
        assert!(!all.contains("192.0.2.5") && !all.contains("PrivateKey") && !all.contains("somebody"), "{all}");
        api.must(204, "DELETE", "/zones/past.example.", None);
        let last = &history(&api)[0];
        assert_eq!((&last["actor"], &last["settings"]), (&json!("api:api-key"), &json!(["zone deleted"])));
        // A new zone of the name is another one: it cannot become the old one.
        api.create_zone(ZONE, Signed::No, Vec::new());
        let entries = history(&api);
        assert_eq!(entries[0]["settings"], json!(["zone created"]));
        assert!(entries.len() > 4, "the old one's history is still there");
        let old = entries[3]["serial_after"].as_u64().or(entries[4]["serial_after"].as_u64()).unwrap();
        if entries[0]["serial_after"] != old {
            api.must(422, "PUT", "/zones/past.example./undo", Some(&json!({"serial": old})));
        }
    });
}
