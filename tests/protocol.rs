//! The protocol's edges as `dig` sees them, asked of the program: cookies, NSID, Extended DNS Errors, class CH, who is answered, rate
//! limits; and replicas that accept each other's cookies.

use signpost_tests::Postgres;
use signpost_tests::http;
use signpost_tests::process::run;
use signpost_tests::query::Asker;
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::temp::TempDir;
use signpost_tests::wait::until;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const ZONE: &str = "edge.example";
/// Two secrets of cookies.
const SECRETS: [&str; 2] = ["e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"];

fn start(settings: Settings) -> Signpost {
    let server = Signpost::start(settings);
    server.run(&["pdnsutil", "create-zone", ZONE]);
    server.run(&["pdnsutil", "add-record", ZONE, "www", "A", "192.0.2.1"]);
    until("the zone to be served", Duration::from_secs(30), || {
        dig(server.dns(), &["www.edge.example", "A"]).contains("status: NOERROR").then_some(())
    });
    server
}

/// What dig prints.
fn dig(server: SocketAddr, arguments: &[&str]) -> String {
    run(Command::new("dig")
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string(), "+tries=1", "+time=10", "+norecurse"])
        .args(arguments))
}

/// What dig prints after `; COOKIE: `.
fn cookie(printed: &str) -> String {
    let line = printed.lines().find_map(|line| line.strip_prefix("; COOKIE: "));
    line.unwrap_or_else(|| panic!("no cookie in\n{printed}")).to_owned()
}

/// The cookie that a server gives to a client with this client cookie.
fn learn(server: SocketAddr, client: &str) -> String {
    let printed = cookie(&dig(server, &["www.edge.example", "A", &format!("+cookie={client}")]));
    let cookie = printed.strip_suffix(" (good)").unwrap_or_else(|| panic!("dig does not think it good: {printed}"));
    assert!(cookie.starts_with(client) && cookie.len() == 48, "{cookie}");
    cookie.to_owned()
}

/// Whether a server that demands cookies takes this one.
fn accepts(server: SocketAddr, cookie: &str) -> bool {
    let arguments = ["www.edge.example", "A", "+nobadcookie", &format!("+cookie={cookie}")];
    let printed = dig(server, &arguments);
    let is_refused = printed.contains("status: BADCOOKIE");
    assert!(is_refused != printed.contains("status: NOERROR"), "{printed}");
    !is_refused
}

fn counter(server: &Signpost, name: &str) -> u64 {
    let text = http::request(server.api().address, "GET", "/metrics", &[], None).unwrap().text();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("pdns_auth_{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

#[test]
fn dig_reads_cookies_nsid_errors_and_class_chaos() {
    let server = start(Settings::sqlite().with("--server-id=ns7.example").with("--version-string=Some Server"));
    let dns = server.dns();
    // dig sends a cookie by itself, and says whether the reply's fits.
    assert!(cookie(&dig(dns, &["www.edge.example", "A"])).ends_with(" (good)"));
    assert!(dig(dns, &["www.edge.example", "A", "+nsid"]).contains("(\"ns7.example\")"));
    assert!(!dig(dns, &["www.edge.example", "A"]).contains("NSID"));
    assert!(dig(dns, &["www.elsewhere.example", "A"]).contains("EDE: 20 (Not Authoritative)"));
    assert!(dig(dns, &["www.edge.example", "HS", "A"]).contains("EDE: 21 (Not Supported)"));
    assert_eq!(dig(dns, &["id.server", "CH", "TXT", "+short"]).trim(), "\"ns7.example\"");
    assert_eq!(dig(dns, &["hostname.bind", "CH", "TXT", "+short", "+tcp"]).trim(), "\"ns7.example\"");
    assert_eq!(dig(dns, &["version.bind", "CH", "TXT", "+short"]).trim(), "\"Some Server\"");
    // RFC 8906 section 8.2: unknown options and flags, and another version.
    let printed = dig(dns, &["www.edge.example", "A", "+ednsopt=100:0102", "+ednsflags=0x40"]);
    assert!(printed.contains("status: NOERROR") && printed.contains("flags:; udp: 1232"), "{printed}");
    assert!(!printed.contains("OPT=100"), "{printed}");
    let printed = dig(dns, &["www.edge.example", "A", "+edns=1", "+noednsnegotiation"]);
    assert!(printed.contains("status: BADVERS") && printed.contains("EDNS: version: 0"), "{printed}");
    let printed = dig(dns, &["www.edge.example", "A", "+keepalive", "+tcp"]);
    assert!(printed.contains("TCP KEEPALIVE: 10.0 secs"), "{printed}");
    let printed = dig(dns, &["www.edge.example", "A", "+opcode=15", "+noedns"]);
    assert!(printed.contains("status: NOTIMP"), "{printed}");
    let printed = dig(dns, &["+header-only", "+cookie"]);
    assert!(printed.contains("status: NOERROR") && printed.contains("(good)"), "a lone cookie query: {printed}");
    assert!(counter(&server, "cookie_queries") > 5);
}

#[test]
fn what_is_turned_off_is_not_told() {
    let flags =
        Settings::sqlite().with("--server-id=disabled").with("--version-string=anonymous").with("--cookies=off");
    let server = start(flags);
    for name in ["id.server", "hostname.bind", "version.bind"] {
        assert!(dig(server.dns(), &[name, "CH", "TXT"]).contains("status: REFUSED"), "{name}");
    }
    let printed = dig(server.dns(), &["www.edge.example", "A", "+nsid"]);
    assert!(!printed.contains("NSID") && !printed.contains("COOKIE"), "{printed}");
}

#[test]
fn the_hosts_name_and_our_version_are_the_defaults() {
    let server = start(Settings::sqlite());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(dig(server.dns(), &["id.server", "CH", "TXT", "+short"]).trim(), format!("\"{}\"", host.trim()));
    let version = concat!("\"Signpost ", env!("CARGO_PKG_VERSION"), "\"");
    assert_eq!(dig(server.dns(), &["version.bind", "CH", "TXT", "+short"]).trim(), version);
}

#[test]
fn clients_outside_of_the_list_are_refused_over_both_transports() {
    let server = Signpost::start(Settings::sqlite().with("--dns-allow-from=192.0.2.0/24"));
    for transport in ["+notcp", "+tcp"] {
        let printed = dig(server.dns(), &["version.bind", "CH", "TXT", transport]);
        assert!(printed.contains("status: REFUSED") && printed.contains("EDE: 18 (Prohibited)"), "{printed}");
    }
    // The harness asked too, to see whether the server is there.
    assert!(counter(&server, "prohibited_queries") >= 2);
}

#[test]
fn rate_limits_spare_private_networks_unless_told_otherwise() {
    let question = signpost_tests::query::query(7, "www.edge.example.", hickory_proto::rr::RecordType::A);
    let count = 600;
    let truncated = |server: &Signpost| {
        let asker = Asker::new(server.dns(), Duration::from_secs(10));
        let is_truncated = |_: &i32| asker.ask(&question).unwrap()[2] & 0x02 != 0;
        (0..count).filter(is_truncated).count()
    };
    let flags = Settings::sqlite().with("--udp-workers=1").with("--rrl-responses-per-second=10").with("--rrl-slip=1");
    let spared = start(flags.clone());
    assert_eq!(truncated(&spared), 0);
    let limited = start(flags.with("--rrl-exempt="));
    let truncated = truncated(&limited);
    assert!(truncated > 0);
    assert_eq!(counter(&limited, "rrl_slipped"), truncated as u64);
    // dig comes back over TCP, as honest clients do; with a cookie it would not have to.
    // On a busy machine dig may start so late that there is credit again: then it is used up again.
    let limits = |arguments: &[&str], told: &str| {
        let mut printed = String::new();
        for _ in 0..20 {
            let asker = Asker::new(limited.dns(), Duration::from_secs(10));
            (0..30).for_each(|_| drop(asker.ask(&question).unwrap()));
            printed = dig(limited.dns(), arguments);
            if printed.contains(told) {
                break;
            }
        }
        assert!(printed.contains(told) && printed.contains("192.0.2.1"), "{printed}");
    };
    limits(&["www.edge.example", "A", "+nocookie"], "Truncated, retrying in TCP mode");
    limits(&["www.edge.example", "A"], "BADCOOKIE, retrying");
}

/// Two servers on one database, and that both take what either has made.
fn agree(settings: Settings) {
    let settings = settings.with("--cookies=require");
    let first = start(settings.clone());
    let second = Signpost::start(Settings { database_url: first.database_url().to_owned(), ..settings });
    // Right after the start a server may still use a secret of its own, until it has read the one in the database.
    for (maker, judge) in [(&first, &second), (&second, &first)] {
        until("replicas to accept each other's cookies", Duration::from_secs(30), || {
            accepts(judge.dns(), &learn(maker.dns(), "0102030405060708")).then_some(())
        });
    }
    // From then on a restart changes nothing.
    let cookie = learn(second.dns(), "1112131415161718");
    let mut first = first;
    first.restart();
    until("the restarted server to accept it", Duration::from_secs(30), || accepts(first.dns(), &cookie).then_some(()));
    assert!(!accepts(first.dns(), &cookie.replace("1718", "1719")));
}

#[test]
fn replicas_on_one_sqlite_file_accept_each_others_cookies() {
    agree(Settings::sqlite());
}

#[test]
fn replicas_on_one_postgres_accept_each_others_cookies() {
    let postgres = Postgres::start().unwrap();
    agree(Settings::postgres(&postgres.url()));
}

#[test]
fn a_secret_in_the_settings_rolls_without_a_gap() {
    let [old, new] = SECRETS;
    let server =
        |secrets: &str| start(Settings::sqlite().with("--cookies=require").with(&format!("--cookie-secret={secrets}")));
    let stages = [server(old), server(&format!("{old},{new}")), server(&format!("{new},{old}")), server(new)];
    let cookies: Vec<String> = stages.iter().map(|server| learn(server.dns(), "0102030405060708")).collect();
    for stage in 0..3 {
        assert!(accepts(stages[stage + 1].dns(), &cookies[stage]), "after stage {stage}");
        assert!(accepts(stages[stage].dns(), &cookies[stage + 1]), "before stage {}", stage + 1);
    }
    assert!(!accepts(stages[3].dns(), &cookies[0]));
}

#[test]
fn secrets_show_up_neither_in_logs_nor_in_the_api_nor_in_an_export() {
    let folder = TempDir::new("secrets");
    let url = format!("sqlite:{}", folder.join("signpost.db").display());
    let settings = Settings { database_url: url, ..Settings::sqlite() }.with("--log-filter=trace");
    let mut server = start(settings.with(&format!("--cookie-secret={}", SECRETS[0])));
    let config = server.api().must(200, "GET", "/config", None).text();
    assert!(config.contains("cookie-secret"), "{config}");
    let seen = [config, server.daemon().log(), server.run(&["export", ZONE])].concat();
    assert!(!seen.contains(SECRETS[0]), "{seen}");
}
