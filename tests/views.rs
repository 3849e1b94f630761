//! Views end to end: the same question from different addresses, each variant with keys and proofs of its own.

use serde_json::json;
use signpost_tests::api::{Signed, replace, rrset};
use signpost_tests::dig::{Reply, dig_with};
use signpost_tests::postgres::Postgres;
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::validators::{Anchors, Verdict, delv_from};
use signpost_tests::wait::until_true;
use std::time::Duration;

const ZONE: &str = "split.example.";
const INSIDE: &str = "split.example..inside";
const BOUND: Duration = Duration::from_secs(20);

fn ask_from(server: &Signpost, source: &str, name: &str) -> Reply {
    let arguments = ["-b", source, "+dnssec", "+norecurse", name, "A"];
    dig_with(server.dns(), &arguments)
}

fn addresses(server: &Signpost, source: &str, name: &str) -> Vec<String> {
    ask_from(server, source, name).contents("A")
}

fn on_both(test: impl Fn(&Settings)) {
    test(&Settings::sqlite());
    let postgres = Postgres::start().expect("Postgres starts");
    test(&Settings::postgres(&postgres.url()));
}

#[test]
fn dialect_section_11_a_client_is_answered_from_the_variant_of_its_view() {
    on_both(|settings| {
        let server = Signpost::start(settings.clone());
        let api = server.api();
        let www = |address: &str| vec![rrset("www.split.example.", "A", 60, &[address])];
        api.create_zone(ZONE, Signed::Yes, www("192.0.2.1"));
        let variant = json!({"name": INSIDE, "kind": "Native", "dnssec": true, "nameservers": ["ns1.split.example."], "rrsets": www("10.0.0.1")});
        let made = api.must(201, "POST", "/zones", Some(&variant)).json();
        assert_eq!((made["id"].as_str(), made["name"].as_str()), (Some(INSIDE), Some(INSIDE)));
        assert_eq!(addresses(&server, "127.0.0.2", "www.split.example"), ["192.0.2.1"], "no network has a view yet");

        api.must(204, "POST", "/views/office", Some(&json!({"name": INSIDE})));
        api.must(204, "PUT", "/networks/127.0.0.2/32", Some(&json!({"view": "office"})));
        assert_eq!(addresses(&server, "127.0.0.2", "www.split.example"), ["10.0.0.1"], "at once after the 204");
        assert_eq!(addresses(&server, "127.0.0.1", "www.split.example"), ["192.0.2.1"]);

        // A change of the variant, served when it is confirmed, and nobody else's.
        api.patch(INSIDE, vec![replace("db.split.example.", "A", 60, &["10.0.0.9"])]);
        assert_eq!(addresses(&server, "127.0.0.2", "db.split.example"), ["10.0.0.9"]);
        let outside = ask_from(&server, "127.0.0.1", "db.split.example");
        assert_eq!((outside.status.as_str(), outside.contents("A").len()), ("NXDOMAIN", 0));

        // Each has its own keys: the outside's anchor validates the outside's answer and denial, not the inside's.
        let (outside, inside) = (api.entry_keys(ZONE), api.entry_keys(INSIDE));
        assert!(!outside.is_empty() && !inside.is_empty() && outside != inside);
        let (outside, inside) = (Anchors::new(&[(ZONE, outside)]), Anchors::new(&[(ZONE, inside)]));
        for name in ["www.split.example.", "db.split.example.", "nothing.split.example."] {
            for (source, anchors) in [([127, 0, 0, 1], &outside), ([127, 0, 0, 2], &inside)] {
                let verdict = delv_from(source.into(), server.dns(), anchors, ZONE, name, "A");
                assert_eq!(verdict, Verdict::Secure, "{name} from {source:?}");
            }
            let verdict = delv_from([127, 0, 0, 2].into(), server.dns(), &outside, ZONE, name, "A");
            assert!(matches!(verdict, Verdict::Bogus(_)), "{name} is signed by the inside's keys: {verdict:?}");
        }

        assert_eq!(api.must(200, "GET", "/views", None).json(), json!({"views": ["office"]}));
        assert_eq!(api.must(200, "GET", "/views/office", None).json(), json!({"zones": [INSIDE]}));
        api.must(404, "GET", "/views/garden", None);
        let network = json!({"network": "127.0.0.2/32", "view": "office"});
        assert_eq!(api.must(200, "GET", "/networks", None).json(), json!({"networks": [network]}));
        assert_eq!(api.must(200, "GET", "/networks/127.0.0.2/32", None).json(), network);
        api.must(404, "GET", "/networks/127.0.0.3/32", None);
        api.must(422, "PUT", "/networks/127.0.0.2/33", Some(&json!({"view": "office"})));
        api.must(422, "PUT", "/networks/127.0.0.2/32", Some(&json!({"view": ".x"})));
        api.must(422, "POST", "/views/office", Some(&json!({"name": "no-dot"})));
        api.must(404, "DELETE", "/views/office/other.example.", None);

        // A restart knows it all.
        let mut server = server;
        server.restart();
        assert_eq!(addresses(&server, "127.0.0.2", "www.split.example"), ["10.0.0.1"]);
        let api = server.api();
        api.must(204, "DELETE", &format!("/views/office/{INSIDE}"), None);
        assert_eq!(addresses(&server, "127.0.0.2", "www.split.example"), ["192.0.2.1"]);
        api.must(404, "GET", "/views/office", None);
        api.must(204, "PUT", "/networks/127.0.0.2/32", Some(&json!({"view": ""})));
        assert_eq!(api.must(200, "GET", "/networks", None).json(), json!({"networks": []}));
    });
}

#[test]
fn pdnsutil_sets_views_beside_the_running_server() {
    let server = Signpost::start(Settings::sqlite());
    let api = server.api();
    api.create_zone(ZONE, Signed::No, vec![rrset("www.split.example.", "A", 60, &["192.0.2.1"])]);
    let run = |words: &str| server.run(&[&["pdnsutil"], &words.split(' ').collect::<Vec<_>>()[..]].concat());
    run("zone create split.example..inside ns1.example.net");
    run("rrset add split.example..inside www.split.example A 60 10.0.0.1");
    run("views add-zone office split.example..inside");
    run("network set 127.0.0.2/31 office");
    until_true("the view to be served", BOUND, || addresses(&server, "127.0.0.3", "www.split.example") == ["10.0.0.1"]);
    assert_eq!(run("views list-all"), "office\n");
    assert_eq!(run("view list office"), "split.example..inside\n");
    assert_eq!(run("network list"), "127.0.0.2/31\toffice\n");
    assert!(run("zone list-all").lines().any(|line| line == "split.example..inside"));
    assert!(run("zone list split.example..inside").contains("www.split.example.\t60\tIN\tA\t10.0.0.1"));
    assert!(run("check-zone split.example..inside").contains("0 errors"));
    run("views del-zone office split.example..inside");
    run("network set 127.0.0.2/31");
    until_true("the view to be gone", BOUND, || addresses(&server, "127.0.0.3", "www.split.example") == ["192.0.2.1"]);
    assert_eq!(run("views list-all") + &run("network list"), "");
    let refused = server.command(&["pdnsutil", "network", "set", "127.0.0.2/40", "office"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&refused.stderr), "Error: '127.0.0.2/40' is not an address or ADDRESS/PREFIX\n");
}
