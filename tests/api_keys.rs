//! API keys with names and limits, as an operator uses them (docs/api.md): made and revoked beside a running server, through the API, and in
//! the settings; and that none of them is told.

use serde_json::{Value, json};
use signpost_tests::Postgres;
use signpost_tests::api::{Api, Signed, replace};
use signpost_tests::http;
use signpost_tests::server::{KEY, Settings, Signpost};
use signpost_tests::wait::until_true;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

fn with_key(server: &Signpost, key: &str) -> Api {
    Api { key: key.to_owned(), ..server.api() }
}

fn status(api: &Api, method: &str, path: &str, body: Option<&Value>) -> u16 {
    api.send(method, path, body).expect("the server answers").status
}

fn external_dns_needs_no_more_than_its_limits(settings: Settings) {
    let mut server = Signpost::start(settings);
    server.api().create_zone("example.com.", Signed::No, Vec::new());
    server.api().create_zone("other.test.", Signed::No, Vec::new());
    let create =
        ["key", "create", "external-dns", "--zone", "example.com", "--type", "A,TXT", "--name", "k8s.example.com"];
    let printed = server.run(&create);
    let key = printed.trim().to_owned();
    assert!(key.starts_with("spk_") && printed.lines().count() == 1, "{printed}");
    let again = server.command(&create);
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("there is a key 'external-dns' already"));

    let limited = with_key(&server, &key);
    until_true("the server to know the key", LONG, || status(&limited, "GET", "/zones", None) == 200);
    let zones = limited.must(200, "GET", "/zones", None).json();
    let names: Vec<&Value> = zones.as_array().unwrap().iter().map(|zone| &zone["name"]).collect();
    assert_eq!(names, ["example.com."]);
    limited.must(200, "GET", "/zones/example.com.", None);
    let patch = |name: &str, rtype: &str, content: &str| {
        let body = json!({"rrsets": [replace(name, rtype, 60, &[content])]});
        status(&limited, "PATCH", "/zones/example.com.", Some(&body))
    };
    assert_eq!(patch("a.k8s.example.com.", "A", "192.0.2.1"), 204);
    assert_eq!(patch("a-a.k8s.example.com.", "TXT", "\"heritage=external-dns\""), 204);
    assert_eq!(patch("www.example.com.", "A", "192.0.2.1"), 403);
    assert_eq!(patch("a.k8s.example.com.", "AAAA", "2001:db8::1"), 403);
    assert_eq!(status(&limited, "GET", "/zones/other.test.", None), 404);
    assert_eq!(status(&limited, "PATCH", "/zones/other.test.", Some(&json!({"rrsets": []}))), 403);
    assert_eq!(status(&limited, "PUT", "/zones/example.com./notify", None), 200);

    let listed = server.run(&["key", "list"]);
    assert!(listed.starts_with("external-dns\tzones=example.com types=A,TXT names=k8s.example.com.\t"), "{listed}");
    assert!(!listed.contains(&key));
    assert!(server.run(&["key", "show", "external-dns"]).contains("\nexpires: never\n"));
    until_true("its use to be noted", LONG, || !server.run(&["key", "list"]).contains("used never"));

    server.run(&["key", "revoke", "external-dns"]);
    until_true("the server to refuse the key", LONG, || status(&limited, "GET", "/zones", None) == 401);
    assert!(!server.command(&["key", "revoke", "external-dns"]).status.success());
    let headers = [("X-API-Key", "wrong"), ("X-Request-Id", "from-the-proxy")];
    let refused =
        http::request(limited.address, "POST", "/api/v1/servers/localhost/zones", &headers, Some(b"{}")).unwrap();
    assert_eq!((refused.status, refused.header("x-request-id")), (401, Some("from-the-proxy")));
    let log = server.daemon().log();
    let line = |parts: &[&str]| log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(line(&["method=PATCH", "/zones/example.com.\"", "status=204", "who=\"api:external-dns\""]), "{log}");
    assert!(line(&["from-the-proxy", "method=POST", "status=401"]), "{log}");
    assert!(!log.contains(&key) && !log.contains("sha256:"), "{log}");
}

#[test]
fn external_dns_needs_no_more_than_its_limits_on_sqlite() {
    external_dns_needs_no_more_than_its_limits(Settings::sqlite());
}

#[test]
fn external_dns_needs_no_more_than_its_limits_on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    external_dns_needs_no_more_than_its_limits(Settings::postgres(&postgres.url()));
}

#[test]
fn replicas_learn_of_keys_from_each_other_and_keep_them_while_the_database_is_away() {
    let postgres = Postgres::start().expect("Postgres starts");
    let one = Signpost::start(Settings::postgres(&postgres.url()));
    let two = Signpost::start(Settings::postgres(&postgres.url()));
    let made = one.api().must(201, "POST", "/apikeys", Some(&json!({"name": "ops"}))).json();
    let key = made["key"].as_str().unwrap().to_owned();
    assert_eq!(status(&with_key(&one, &key), "GET", "", None), 200, "the server that made it knows it at once");
    until_true("the other server to know the key", LONG, || status(&with_key(&two, &key), "GET", "", None) == 200);
    postgres.stop().expect("Postgres stops");
    assert_eq!(status(&with_key(&two, &key), "GET", "", None), 200);
    assert_eq!(status(&with_key(&two, &key), "GET", "/zones", None), 503);
    assert_eq!(status(&with_key(&two, "wrong"), "GET", "/zones", None), 401);
    let probe = |path: &str| http::request(two.api().address, "GET", path, &[], None).unwrap().status;
    until_true("the API to be found not ready", LONG, || probe("/readyz?for=api") == 503);
    assert_eq!((probe("/readyz"), probe("/livez")), (200, 200), "queries go on");
}

#[test]
fn section_1_2_hashes_of_pdnsutil_open_the_api_and_the_pages() {
    let hash = |secret: &str| {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &format!("printf '%s\\n' '{secret}' | pdnsutil hash-password")]);
        let printed = signpost_tests::process::run(&mut command);
        printed.lines().find(|line| line.starts_with("$scrypt$")).expect("a hash").to_owned()
    };
    let folder = signpost_tests::temp::TempDir::new("hashes");
    let file = folder.join("signpost.toml");
    let toml = format!(
        "web-password = '{}'\n[[api-keys]]\nname = 'reader'\nhash = '{}'\nread-only = true\n",
        hash("page"),
        hash("a chosen key")
    );
    std::fs::write(&file, toml).unwrap();
    let mut server = Signpost::start(Settings::sqlite().with(&format!("--config={}", file.display())));
    let reader = with_key(&server, "a chosen key");
    assert_eq!(status(&reader, "GET", "/zones", None), 200);
    assert_eq!(status(&reader, "POST", "/zones", Some(&json!({"name": "a.test.", "kind": "Native"}))), 403);
    assert_eq!(status(&with_key(&server, "a chosen kez"), "GET", "/zones", None), 401);
    let page = |credentials: &str| {
        let value = format!("Basic {}", data_encoding::BASE64.encode(credentials.as_bytes()));
        http::request(reader.address, "GET", "/metrics", &[("Authorization", &value)], None).unwrap().status
    };
    assert_eq!((page("any:page"), page("any:pages")), (200, 401));

    // What stands in a file stands nowhere else; what was given as a flag does, and the log says so.
    let line = std::fs::read(format!("/proc/{}/cmdline", server.daemon().id())).unwrap();
    let line = String::from_utf8_lossy(&line);
    assert!(line.contains(KEY) && !line.contains("scrypt"), "{line}");
    let log = server.daemon().log();
    assert!(log.contains("setting api-key (flag --api-key): can be read by every user"), "{log}");
    assert!(!log.contains(KEY) && !log.contains("a chosen key") && !log.contains("$scrypt$"), "{log}");
}
