//! What requests of the PowerDNS dialect do to DNS and to derived columns, on both databases. DNS is asked as soon as a request is
//! answered: a success means that it is served.

use serde_json::{Value, json};
use signpost_tests::api::{Api, Signed, delete, replace, rrset};
use signpost_tests::dig::{Transport, dig};
use signpost_tests::postgres::Postgres;
use signpost_tests::server::{Settings, Signpost};

const ZONE: &str = "effects.example.";

fn on_both(flags: &[&str], test: impl Fn(Signpost)) {
    let with = |settings: Settings| flags.iter().fold(settings, |settings, flag| settings.with(flag));
    test(Signpost::start(with(Settings::sqlite())));
    let postgres = Postgres::start().expect("Postgres starts");
    test(Signpost::start(with(Settings::postgres(&postgres.url()))));
}

fn at(host: &str) -> String {
    format!("{host}.{ZONE}")
}

fn put(api: &Api, path: &str, body: Value) {
    api.must(if path.contains("/metadata/") { 200 } else { 204 }, "PUT", &format!("/zones/{ZONE}{path}"), Some(&body));
}

/// Contents, sorted.
fn answer(server: &Signpost, name: &str, rtype: &str) -> Vec<String> {
    let mut contents = dig(server.dns(), name, rtype, Transport::Udp).contents(rtype);
    contents.sort();
    contents.into_iter().map(|content| content.to_string()).collect()
}

fn status(server: &Signpost) -> String {
    dig(server.dns(), ZONE, "SOA", Transport::Udp).status
}

fn served_serial(server: &Signpost) -> String {
    answer(server, ZONE, "SOA")[0].split(' ').nth(2).expect("a SOA has seven fields").to_owned()
}

#[test]
fn sections_4_and_5_what_was_changed_is_answered() {
    on_both(&[], |server| {
        let api = server.api();
        assert_eq!(status(&server), "REFUSED");
        api.create_zone(ZONE, Signed::No, vec![rrset(&at("a"), "A", 60, &["192.0.2.1"])]);
        assert_eq!(
            (status(&server).as_str(), answer(&server, &at("a"), "A")),
            ("NOERROR", vec!["192.0.2.1".to_owned()])
        );
        let one = |changetype: &str, content: &str| {
            let mut item = replace(&at("a"), "A", 60, &[content]);
            item["changetype"] = json!(changetype);
            item
        };
        let mut off = one("REPLACE", "192.0.2.3");
        off["records"][0]["disabled"] = json!(true);
        for (items, wanted) in [
            (vec![one("EXTEND", "192.0.2.2")], &["192.0.2.1", "192.0.2.2"][..]),
            (vec![one("PRUNE", "192.0.2.1")], &["192.0.2.2"]),
            (vec![one("REPLACE", "192.0.2.3")], &["192.0.2.3"]),
            (vec![off], &[]),
            (vec![one("REPLACE", "192.0.2.4")], &["192.0.2.4"]),
            (vec![replace(&at("a"), "A", 60, &[])], &[]),
            (vec![one("REPLACE", "192.0.2.5")], &["192.0.2.5"]),
            (vec![delete(&at("a"), "A")], &[]),
        ] {
            api.patch(ZONE, items.clone());
            assert_eq!(answer(&server, &at("a"), "A"), wanted, "{items:?}");
            assert_eq!(served_serial(&server), api.zone(ZONE)["serial"].to_string(), "{items:?}");
        }
        // What is refused changes nothing, in the same request neither.
        let conflict =
            json!({"rrsets": [one("REPLACE", "192.0.2.9"), replace(&at("a"), "CNAME", 60, &["x.example."])]});
        api.must(422, "PATCH", &format!("/zones/{ZONE}"), Some(&conflict));
        assert!(answer(&server, &at("a"), "A").is_empty());
        // The whole content.
        let soa = rrset(ZONE, "SOA", 60, &["ns1.example.net. host.example.net. 5 1 2 3 4"]);
        let ns = rrset(ZONE, "NS", 60, &["ns1.example.net."]);
        put(&api, "", json!({"rrsets": [soa, ns, rrset(&at("b"), "TXT", 60, &["\"b\""])]}));
        assert_eq!(answer(&server, &at("b"), "TXT"), ["\"b\""]);
        assert!(answer(&server, ZONE, "SOA")[0].starts_with("ns1.example.net. host.example.net. 20"));
        // A disabled SOA hides the zone, the API sees it.
        let mut hidden = replace(ZONE, "SOA", 60, &["ns1.example.net. host.example.net. 5 1 2 3 4"]);
        hidden["records"][0]["disabled"] = json!(true);
        api.patch(ZONE, vec![hidden]);
        assert_ne!(status(&server), "NOERROR");
        assert_eq!(api.zone(ZONE)["serial"], 0);
        api.patch(ZONE, vec![replace(ZONE, "SOA", 60, &["ns1.example.net. host.example.net. 5 1 2 3 4"])]);
        assert_eq!(status(&server), "NOERROR");
        api.must(204, "DELETE", &format!("/zones/{ZONE}"), None);
        assert_eq!(status(&server), "REFUSED");
    });
}

#[test]
fn sections_4_4_7_2_9_and_10_settings_show_in_answers() {
    on_both(&["--dnssec-defaults=pdns"], |server| {
        let api = server.api();
        api.create_zone(ZONE, Signed::No, Vec::new());
        assert!(answer(&server, ZONE, "DNSKEY").is_empty());
        put(&api, "", json!({"dnssec": true}));
        assert_eq!(answer(&server, ZONE, "DNSKEY").len(), 1);
        assert!(dig(server.dns(), ZONE, "SOA", Transport::Udp).answer_is_signed());
        assert!(answer(&server, ZONE, "NSEC3PARAM").is_empty());
        put(&api, "", json!({"nsec3param": "1 0 0 ab"}));
        assert_eq!(answer(&server, ZONE, "NSEC3PARAM"), ["1 0 0 AB"]);
        // The serial as served.
        put(&api, "", json!({"soa_edit": "EPOCH", "soa_edit_api": ""}));
        assert!(served_serial(&server).parse::<u64>().expect("a number") > 1_700_000_000);
        put(&api, "", json!({"soa_edit": ""}));
        assert_eq!(served_serial(&server), api.zone(ZONE)["edited_serial"].to_string());
        // Keys: published, not published, gone.
        let path = format!("/zones/{ZONE}/cryptokeys");
        let key = json!({"keytype": "zsk", "algorithm": "ecdsa256"});
        let id = api.must(201, "POST", &path, Some(&key)).json()["id"].clone();
        assert_eq!(answer(&server, ZONE, "DNSKEY").len(), 2);
        put(&api, &format!("/cryptokeys/{id}"), json!({"active": false, "published": false}));
        assert_eq!(answer(&server, ZONE, "DNSKEY").len(), 1);
        put(&api, &format!("/cryptokeys/{id}"), json!({"active": false}));
        assert_eq!(answer(&server, ZONE, "DNSKEY").len(), 2);
        api.must(204, "DELETE", &format!("{path}/{id}"), None);
        assert_eq!(answer(&server, ZONE, "DNSKEY").len(), 1);
        put(&api, "/metadata/PUBLISH-CDS", json!({"metadata": ["2"]}));
        assert_eq!(answer(&server, ZONE, "CDS").len(), 1);
        api.must(204, "DELETE", &format!("/zones/{ZONE}/metadata/PUBLISH-CDS"), None);
        assert!(answer(&server, ZONE, "CDS").is_empty());
        put(&api, "", json!({"dnssec": false}));
        assert!(answer(&server, ZONE, "DNSKEY").is_empty());
        assert!(!dig(server.dns(), ZONE, "SOA", Transport::Udp).answer_is_signed());
    });
}

/// How many rows `rectify-zone` had to change.
fn updates(server: &Signpost) -> u32 {
    let output = server.command(&["pdnsutil", "rectify-zone", ZONE]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let count = told.split(", ").find_map(|part| part.trim().strip_suffix(" updates"));
    count.unwrap_or_else(|| panic!("{told}")).parse().expect("a number")
}

#[test]
fn section_8_api_rectify_decides_whether_a_change_is_rectified() {
    for (default, of_zone, rectifies) in [
        ("yes", None, true),
        ("yes", Some(false), false),
        ("yes", Some(true), true),
        ("no", None, false),
        ("no", Some(true), true),
    ] {
        on_both(&[&format!("--default-api-rectify={default}")], |server| {
            let api = server.api();
            api.create_zone(ZONE, Signed::Yes, Vec::new());
            updates(&server);
            if let Some(of_zone) = of_zone {
                put(&api, "", json!({"api_rectify": of_zone}));
            }
            api.patch(ZONE, vec![replace(&at("a.b"), "A", 60, &["192.0.2.1"])]);
            assert_eq!(updates(&server) == 0, rectifies, "{default} {of_zone:?}");
            // What is served does not wait for the columns.
            assert_eq!(answer(&server, &at("a.b"), "A"), ["192.0.2.1"]);
            api.patch(ZONE, vec![replace(&at("c.d"), "A", 60, &["192.0.2.1"])]);
            api.must(200, "PUT", &format!("/zones/{ZONE}/rectify"), None);
            assert_eq!(updates(&server), 0, "the action rectifies whatever is set");
        });
    }
}
