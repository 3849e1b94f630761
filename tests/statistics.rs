//! What the program tells of itself: `statistics`, `/metrics`, `config` and the page `/`, after queries that were really asked
//! (PDNS-DIALECT sections 2 and 11).

use serde_json::{Value, json};
use signpost_tests::api::{Signed, rrset};
use signpost_tests::dig::dig_with;
use signpost_tests::http;
use signpost_tests::server::{Settings, Signpost};
use std::collections::BTreeSet;

const ZONE: &str = "stat.example.";

/// Every counter that `statistics` of pdns_server 4.7.3 has, and of 5.2-dev where section 11 names it.
const NAMES: &str = "api-queries api-result-200 api-result-201 api-result-204 api-result-409 api-result-422 api-result-500 \
    backend-latency backend-queries cache-latency corrupt-packets cpu-iowait cpu-steal deferred-cache-inserts \
    deferred-cache-lookup deferred-packetcache-inserts deferred-packetcache-lookup dnsupdate-answers dnsupdate-changes \
    dnsupdate-queries dnsupdate-refused fd-usage incoming-notifications key-cache-size latency meta-cache-size noerror-packets \
    nxdomain-packets open-tcp-connections overload-drops packetcache-hit packetcache-miss packetcache-size qsize-q \
    query-cache-hit query-cache-miss query-cache-size rd-queries real-memory-usage receive-latency recursing-answers \
    recursing-questions recursion-unanswered ring-logmessages-capacity ring-logmessages-size ring-noerror-queries-capacity \
    ring-noerror-queries-size ring-nxdomain-queries-capacity ring-nxdomain-queries-size ring-queries-capacity ring-queries-size \
    ring-remotes-capacity ring-remotes-corrupt-capacity ring-remotes-corrupt-size ring-remotes-size ring-remotes-unauth-capacity \
    ring-remotes-unauth-size ring-servfail-queries-capacity ring-servfail-queries-size ring-unauth-queries-capacity \
    ring-unauth-queries-size security-status send-latency servfail-packets signature-cache-size signatures sys-msec tcp-answers \
    tcp-answers-bytes tcp-cookie-queries tcp-queries tcp4-answers tcp4-answers-bytes tcp4-queries tcp6-answers tcp6-answers-bytes \
    tcp6-queries timedout-packets udp-answers udp-answers-bytes udp-cookie-queries udp-do-queries udp-in-csum-errors udp-in-errors \
    udp-noport-errors udp-queries udp-recvbuf-errors udp-sndbuf-errors udp4-answers udp4-answers-bytes udp4-queries udp6-answers \
    udp6-answers-bytes udp6-queries unauth-packets uptime user-msec xfr-queue zone-cache-hit zone-cache-miss zone-cache-size";

/// How much some of them grow by the queries of [`ask_all`].
const COUNTED: &[(&str, u64)] = &[
    ("udp-queries", 7),
    ("udp-answers", 7),
    ("udp4-queries", 7),
    ("tcp-queries", 1),
    ("udp-do-queries", 1),
    ("rd-queries", 1),
    ("udp-cookie-queries", 1),
    ("tcp-cookie-queries", 0),
    ("nxdomain-packets", 2),
    ("unauth-packets", 1),
    ("noerror-packets", 5),
    ("ring-queries-size", 8),
    ("backend-queries", 0),
];

fn asked(settings: Settings) -> Signpost {
    let server = Signpost::start(settings);
    ask_all(&server);
    server
}

/// Makes a zone, and asks eight queries about it and others.
fn ask_all(server: &Signpost) {
    server.api().create_zone(ZONE, Signed::Yes, vec![rrset("www.stat.example.", "A", 60, &["192.0.2.1"])]);
    for arguments in [
        &["WWW.stat.example", "A", "+norec", "+nocookie"][..],
        &["www.stat.example", "A", "+norec", "+nocookie", "+dnssec"],
        &["www.stat.example", "A", "+rec", "+nocookie"],
        &["www.stat.example", "A", "+norec", "+nocookie", "+tcp"],
        &["www.stat.example", "AAAA", "+norec", "+cookie=0123456789abcdef"],
        &["gone.stat.example", "A", "+norec", "+nocookie"],
        &["<b>gone.stat.example", "A", "+norec", "+nocookie"],
        &["elsewhere.example", "TYPE999", "+norec", "+nocookie"],
    ] {
        dig_with(server.dns(), arguments);
    }
}

fn page(server: &Signpost, method: &str, path: &str) -> http::Reply {
    http::request(server.api().address, method, path, &[], None).unwrap()
}

/// The ring of this name, as `name count`.
fn ring(server: &Signpost, name: &str) -> Vec<String> {
    let answer = server.api().must(200, "GET", &format!("/statistics?statistic={name}"), None).json();
    assert_eq!((&answer[0]["type"], answer.as_array().unwrap().len()), (&json!("RingStatisticItem"), 1));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entry = |entry: &Value| format!("{} {}", text(&entry["name"]), text(&entry["value"]));
    answer[0]["value"].as_array().unwrap().iter().map(entry).collect()
}

#[test]
fn section_11_statistics_have_powerdns_names_and_count_what_was_asked() {
    let server = asked(Settings::sqlite());
    let all = server.api().must(200, "GET", "/statistics", None).json();
    let of_type = |kind: &str| -> Vec<Value> {
        all.as_array().unwrap().iter().filter(|item| item["type"] == kind).cloned().collect()
    };
    let items = of_type("StatisticItem");
    let value = |name: &str| -> Option<u64> {
        let found: Vec<&Value> = items.iter().filter(|item| item["name"] == name).collect();
        assert!(found.len() <= 1, "{name} stands {} times", found.len());
        found.first()?["value"].as_str()?.parse().ok()
    };
    let missing: Vec<&str> = NAMES.split_ascii_whitespace().filter(|name| value(name).is_none()).collect();
    assert!(missing.is_empty(), "not there: {missing:?}");
    for (name, least) in [("fd-usage", 5), ("real-memory-usage", 1 << 20), ("signatures", 3), ("latency", 1)] {
        assert!(value(name) >= Some(least), "{name} is {:?}", value(name));
    }
    let text = page(&server, "GET", "/metrics").text();
    for name in NAMES.split_ascii_whitespace() {
        let metric = format!("pdns_auth_{}", name.replace('-', "_"));
        let lines = text.lines().filter(|line| line.split(' ').next() == Some(&metric)).count();
        assert_eq!(lines, 1, "{metric}");
        let has = |what: &str| text.lines().any(|line| line.starts_with(&format!("# {what} {metric} ")));
        assert!(has("HELP") && has("TYPE"), "{metric}");
    }
    let rings: Vec<Value> = of_type("RingStatisticItem").iter().map(|ring| ring["name"].clone()).collect();
    assert_eq!(
        rings,
        [
            "logmessages",
            "queries",
            "noerror-queries",
            "nxdomain-queries",
            "servfail-queries",
            "unauth-queries",
            "remotes",
            "remotes-corrupt",
            "remotes-unauth"
        ]
    );
    let maps = of_type("MapStatisticItem");
    let by_rcode = maps.iter().find(|map| map["name"] == "response-by-rcode").unwrap();
    let words: BTreeSet<&str> =
        by_rcode["value"].as_array().unwrap().iter().filter_map(|entry| entry["name"].as_str()).collect();
    for word in ["No Error", "Non-Existent domain", "Query Refused"] {
        assert!(words.contains(word), "{word} is not in {words:?}");
    }
}

#[test]
fn section_11_numbers_are_those_of_the_queries_asked() {
    let server = Signpost::start(Settings::sqlite());
    let value = |name: &str| server.metric(&format!("pdns_auth_{}", name.replace('-', "_")));
    // The harness asked until DNS answered: how often is its own affair.
    let before: Vec<u64> = COUNTED.iter().map(|(name, _)| value(name)).collect();
    ask_all(&server);
    for ((name, wanted), before) in COUNTED.iter().zip(before) {
        assert_eq!(value(name) - before, *wanted, "{name}");
    }
    assert_eq!((value("zone-cache-size"), value("ring-queries-capacity"), value("backend-queries")), (1, 10_000, 0));
    let shown = ring(&server, "queries");
    for line in ["www.stat.example/A 4", "www.stat.example/AAAA 1", "elsewhere.example/TYPE999 1"] {
        assert!(shown.iter().any(|found| found == line), "{line} in {shown:?}");
    }
    assert_eq!(ring(&server, "noerror-queries"), ["www.stat.example/AAAA 1"]);
    assert_eq!(ring(&server, "nxdomain-queries"), ["<b>gone.stat.example/A 1", "gone.stat.example/A 1"]);
    server.api().must(422, "GET", "/statistics?statistic=quereis", None);
}

#[test]
fn section_2_the_page_shows_what_was_asked_and_post_forgets_it() {
    let server = asked(Settings::sqlite());
    let shown = page(&server, "GET", "/");
    assert_eq!((shown.status, shown.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = shown.text();
    for part in [
        "<td>www.stat.example/A</td>",
        "<td>127.0.0.1</td>",
        "<td>&lt;b&gt;gone.stat.example/A</td>",
        "All zones are served",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("<b>"), "{text}");
    assert_eq!(page(&server, "GET", "/style.css").header("content-type"), Some("text/css; charset=utf-8"));
    let back = page(&server, "POST", "/?resetring=nxdomain-queries");
    assert_eq!((back.status, back.header("location")), (302, Some("/")));
    assert!(ring(&server, "nxdomain-queries").is_empty() && !ring(&server, "queries").is_empty());
    assert_eq!(page(&server, "POST", "/").status, 200);
    assert!(ring(&server, "queries").is_empty() && ring(&server, "remotes").is_empty());
}

#[test]
fn section_11_without_notes_rings_are_empty_and_counters_count() {
    let server = asked(Settings::sqlite().with("--statistics-per-second=0"));
    assert!(ring(&server, "queries").is_empty() && ring(&server, "remotes").is_empty());
    assert_eq!(server.metric("pdns_auth_nxdomain_packets"), 2);
}

/// octoDNS reads `enable-lua-records`, python-powerdns looks for `local-port`.
#[test]
fn section_11_config_shows_powerdns_names_with_what_runs() {
    let server = Signpost::start(Settings::sqlite().with("--web-password=hush-hush"));
    let config = server.api().must(200, "GET", "/config", None).json();
    let value = |name: &str| -> String {
        let found: Vec<&Value> = config.as_array().unwrap().iter().filter(|item| item["name"] == name).collect();
        assert_eq!((found.len(), &found[0]["type"]), (1, &json!("ConfigSetting")), "{name}");
        found[0]["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(value("local-port"), server.dns().port().to_string());
    assert_eq!(value("local-address"), "127.0.0.1");
    assert_eq!(value("webserver-port"), server.api().address.port().to_string());
    assert_eq!((value("enable-lua-records"), value("launch")), ("no".to_owned(), "gsqlite3".to_owned()));
    assert_eq!((value("api-key"), value("webserver-password")), ("***".to_owned(), "***".to_owned()));
    assert!(!config.to_string().contains("hush-hush"));
}
