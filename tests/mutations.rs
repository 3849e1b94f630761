//! Mutated requests to the running server: paths, queries and bodies of the API and of External-DNS's webhook. Each is answered, with a
//! reason where it is refused, and what was refused has changed nothing in any table.

use serde_json::{Value, json};
use signpost_tests::Postgres;
use signpost_tests::fuzz::Mutations;
use signpost_tests::http;
use signpost_tests::process::{self, free_port};
use signpost_tests::query::{Asker, decode, query};
use signpost_tests::random::Random;
use signpost_tests::server::{KEY, Settings, Signpost};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

/// Requests to one store. Each is followed by a look at all tables.
const REQUESTS: u64 = 600;

const ZONE: &str = "mutated.test.";
const V1: &str = "/api/v1/servers/localhost";

/// A request that is right before it is mutated. Paths that begin with `webhook:` go there.
struct Seed {
    method: &'static str,
    path: &'static str,
    body: &'static str,
}

const fn seed(method: &'static str, path: &'static str, body: &'static str) -> Seed {
    Seed { method, path, body }
}

const SEEDS: &[Seed] = &[
    seed(
        "PATCH",
        "/zones/mutated.test.",
        r#"{"rrsets":[{"name":"a-www.mutated.test.","type":"TXT","ttl":300,"changetype":"REPLACE","records":[{"content":"\"heritage=external-dns,external-dns/owner=o,external-dns/resource=service/default/www\"","disabled":false}]},{"name":"www.mutated.test.","type":"A","ttl":60,"changetype":"REPLACE","records":[{"content":"192.0.2.1","disabled":false},{"content":"192.0.2.2","disabled":true}],"comments":[{"content":"c","account":"a","modified_at":1}]}]}"#,
    ),
    seed(
        "PATCH",
        "/zones/mutated.test.",
        r#"{"rrsets":[{"name":"mx.mutated.test.","type":"MX","ttl":60,"changetype":"REPLACE","records":[{"content":"10 mail.mutated.test."}]},{"name":"_s._tcp.mutated.test.","type":"SRV","ttl":60,"changetype":"REPLACE","records":[{"content":"1 2 5060 sip.example.net."}]},{"name":"caa.mutated.test.","type":"CAA","ttl":60,"changetype":"REPLACE","records":[{"content":"0 issue \"ca.example.net\""}]}]}"#,
    ),
    seed(
        "PATCH",
        "/zones/mutated.test.",
        r#"{"rrsets":[{"name":"h.mutated.test.","type":"HTTPS","ttl":60,"changetype":"REPLACE","records":[{"content":"1 . alpn=h2,h3 ipv4hint=192.0.2.1 port=8443"}]},{"name":"n.mutated.test.","type":"NAPTR","ttl":60,"changetype":"REPLACE","records":[{"content":"10 20 \"u\" \"sip+E2U\" \"!^.*$!sip:a@b!\" ."}]},{"name":"l.mutated.test.","type":"LOC","ttl":60,"changetype":"REPLACE","records":[{"content":"51 30 12.748 N 0 7 39.612 W 0.00m 1m 10m 10m"}]}]}"#,
    ),
    seed(
        "PATCH",
        "/zones/mutated.test.",
        r#"{"rrsets":[{"name":"d.mutated.test.","type":"NS","ttl":60,"changetype":"REPLACE","records":[{"content":"ns.d.mutated.test."}]},{"name":"ns.d.mutated.test.","type":"AAAA","ttl":60,"changetype":"REPLACE","records":[{"content":"2001:db8::1"}]},{"name":"d.mutated.test.","type":"DS","ttl":60,"changetype":"REPLACE","records":[{"content":"1 13 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}]}"#,
    ),
    seed(
        "PATCH",
        "/zones/mutated.test.",
        r#"{"rrsets":[{"name":"www.mutated.test.","type":"A","ttl":60,"changetype":"EXTEND","records":[{"content":"192.0.2.9"}]},{"name":"www.mutated.test.","type":"A","ttl":60,"changetype":"PRUNE","records":[{"content":"192.0.2.9"}]},{"name":"mx.mutated.test.","type":"MX","changetype":"DELETE"}]}"#,
    ),
    seed(
        "PATCH",
        "/zones/mutated.test.",
        r#"{"rrsets":[{"name":"mutated.test.","type":"SOA","ttl":3600,"changetype":"REPLACE","records":[{"content":"ns1.mutated.test. hostmaster.mutated.test. 1 10800 3600 604800 3600"}]},{"name":"*.mutated.test.","type":"CNAME","ttl":60,"changetype":"REPLACE","records":[{"content":"www.mutated.test."}]},{"name":"t.mutated.test.","type":"TYPE65500","ttl":60,"changetype":"REPLACE","records":[{"content":"\\# 2 0102"}]}]}"#,
    ),
    seed(
        "PUT",
        "/zones/mutated.test.",
        r#"{"kind":"Master","account":"a","masters":[],"catalog":"","soa_edit":"","soa_edit_api":"DEFAULT","dnssec":true,"nsec3param":"1 0 0 -","nsec3narrow":false,"api_rectify":true}"#,
    ),
    seed(
        "PUT",
        "/zones/mutated.test.",
        r#"{"kind":"Native","rrsets":[{"name":"mutated.test.","type":"NS","ttl":60,"records":[{"content":"ns1.mutated.test."}]},{"name":"put.mutated.test.","type":"A","ttl":60,"records":[{"content":"192.0.2.1"}]}]}"#,
    ),
    seed(
        "POST",
        "/zones",
        r#"{"name":"born.test.","kind":"Native","nameservers":["ns1.born.test.","ns2.born.test."],"dnssec":true,"rrsets":[{"name":"www.born.test.","type":"A","ttl":60,"records":[{"content":"192.0.2.1","disabled":false}]}]}"#,
    ),
    seed(
        "POST",
        "/zones",
        r#"{"name":"text.test.","kind":"Native","nameservers":[],"zone":"$ORIGIN text.test.\n$TTL 300\n@ IN SOA ns1 hostmaster 1 10800 3600 604800 (\n 3600 ) ; end\n@ NS ns1\nns1 A 192.0.2.1\nt TXT \"a\" \"b;c\"\n$GENERATE 1-3 g$ A 192.0.2.$\n"}"#,
    ),
    seed(
        "POST",
        "/zones",
        r#"{"name":"second.test.","kind":"Slave","masters":["192.0.2.1:5300","[2001:db8::1]:53"],"slave_tsig_key_ids":["key."]}"#,
    ),
    seed("DELETE", "/zones/born.test.", ""),
    seed("DELETE", "/zones/text.test.", ""),
    seed(
        "GET",
        "/zones/mutated.test.?rrsets=true&rrset_name=www.mutated.test.&rrset_type=A&include_disabled=false",
        "",
    ),
    seed("GET", "/zones?zone=mutated.test.&dnssec=false", ""),
    seed("GET", "/zones?kind=native&account=a&q=*.test&after=born.test.&limit=2", ""),
    seed("GET", "/zones/mutated.test./export", ""),
    seed("GET", "/zones/mutated.test./history?limit=3&before=9", ""),
    seed("PUT", "/zones/mutated.test./undo", r#"{"generation":2}"#),
    seed("PUT", "/zones/mutated.test./rectify", ""),
    seed("PUT", "/zones/mutated.test./notify", ""),
    seed("GET", "/search-data?q=*mutated*&max=10&object_type=record", ""),
    seed(
        "POST",
        "/zones/mutated.test./metadata",
        r#"{"kind":"ALLOW-AXFR-FROM","metadata":["192.0.2.0/24","AUTO-NS"]}"#,
    ),
    seed("PUT", "/zones/mutated.test./metadata/SOA-EDIT", r#"{"metadata":["INCEPTION-INCREMENT"]}"#),
    seed("DELETE", "/zones/mutated.test./metadata/ALLOW-AXFR-FROM", ""),
    seed(
        "POST",
        "/zones/mutated.test./cryptokeys",
        r#"{"keytype":"csk","active":false,"published":true,"algorithm":"ecdsa256","bits":256}"#,
    ),
    seed("PUT", "/zones/mutated.test./cryptokeys/1", r#"{"active":true,"published":true}"#),
    seed("DELETE", "/zones/mutated.test./cryptokeys/3", ""),
    seed("POST", "/tsigkeys", r#"{"name":"key","algorithm":"hmac-sha256","key":"c2VjcmV0IHNlY3JldCBzZWNyZXQ="}"#),
    seed("PUT", "/tsigkeys/key.", r#"{"name":"other.key","algorithm":"hmac-sha512","key":"c2VjcmV0"}"#),
    seed("POST", "/autoprimaries", r#"{"ip":"192.0.2.1","nameserver":"ns.example.net","account":"a"}"#),
    seed("DELETE", "/autoprimaries/192.0.2.1/ns.example.net", ""),
    seed("POST", "/views/inside", r#"{"name":"mutated.test..inside"}"#),
    seed("PUT", "/networks/192.0.2.0/24", r#"{"view":"inside"}"#),
    seed("PUT", "/cache/flush?domain=mutated.test.", ""),
    seed(
        "POST",
        "webhook:/records",
        r#"{"Create":[{"dnsName":"hook.mutated.test","targets":["192.0.2.1","192.0.2.2"],"recordType":"A","recordTTL":60,"labels":{"owner":"o"}},{"dnsName":"a-hook.mutated.test","targets":["\"heritage=external-dns,external-dns/owner=o\""],"recordType":"TXT"}],"UpdateOld":[],"UpdateNew":[],"Delete":[]}"#,
    ),
    seed(
        "POST",
        "webhook:/records",
        r#"{"Create":null,"UpdateOld":[{"dnsName":"hook.mutated.test","targets":["192.0.2.1"],"recordType":"A"}],"UpdateNew":[{"dnsName":"hook.mutated.test","targets":["192.0.2.3"],"recordType":"A","recordTTL":0}],"Delete":[{"dnsName":"gone.mutated.test","targets":["x.example.net"],"recordType":"CNAME"}]}"#,
    ),
    seed(
        "POST",
        "webhook:/adjustendpoints",
        r#"[{"dnsName":"Adjust.mutated.test","targets":["10 mail.example.net"],"recordType":"MX","recordTTL":60,"providerSpecific":[{"name":"alias","value":"true"}],"setIdentifier":""}]"#,
    ),
    seed("GET", "webhook:/records", ""),
];

/// Octets of a path as a client can send them: what a URI has no place for (RFC 3986 section 3.3) is escaped.
fn sendable(path: &[u8]) -> String {
    let is_allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&octet);
    path.iter()
        .map(|&octet| if is_allowed(octet) { char::from(octet).to_string() } else { format!("%{octet:02X}") })
        .collect()
}

/// A body that is still JSON, with one value that is another: what is behind the parser is reached by no other.
fn with_another_value(body: &str, random: &mut Random) -> Vec<u8> {
    let Ok(mut whole) = serde_json::from_str::<Value>(body) else { return body.as_bytes().to_vec() };
    let chosen = random.clone();
    let value = match random.below(8) {
        0 => Value::Null,
        1 => json!([]),
        2 => json!(-1),
        3 => json!(u64::MAX),
        way => {
            let found = leaf(&mut whole, &mut chosen.clone()).clone();
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            let mutated = Mutations::new(text.as_bytes(), random.draw()).next().expect("they never end");
            json!(if way == 4 { text.repeat(300) } else { String::from_utf8_lossy(&mutated).into_owned() })
        }
    };
    *leaf(&mut whole, &mut chosen.clone()) = value;
    whole.to_string().into_bytes()
}

/// One of the values that hold no others.
fn leaf<'v>(value: &'v mut Value, random: &mut Random) -> &'v mut Value {
    let below = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if below == 0 {
        return value;
    }
    let chosen = random.below(below);
    match value {
        Value::Array(items) => leaf(&mut items[chosen], random),
        Value::Object(fields) => leaf(fields.values_mut().nth(chosen).expect("they were counted"), random),
        whole => whole,
    }
}

/// A look at everything that is stored.
enum Tables<'p> {
    Sqlite(String),
    Postgres(&'p Postgres, String),
}

impl Tables<'_> {
    /// All rows of all tables, or a digest of them.
    fn all(&self) -> String {
        match self {
            Tables::Sqlite(file) => process::run(Command::new("sqlite3").args([file, ".dump"])),
            Tables::Postgres(postgres, database) => {
                let names = postgres.sql(
                    database,
                    "SELECT string_agg(format('SELECT %L, md5(coalesce(string_agg(t::text, '','' ORDER BY t::text), '''')) FROM %I t', \
                     tablename, tablename), ' UNION ALL ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'",
                );
                let rows = postgres.sql(database, &names.expect("tables have names"));
                rows.expect("tables can be read")
            }
        }
    }
}

fn send_mutated(mut server: Signpost, webhook: SocketAddr, tables: &Tables<'_>) {
    let seed = std::env::var("SIGNPOST_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let api = server.api();
    api.create_zone(ZONE, signpost_tests::api::Signed::Yes, Vec::new());
    let mut counts = [0_u64; 6];
    let mut before = tables.all();
    for number in 0..REQUESTS {
        let mut random = Random::part(seed, number);
        let chosen = random.pick(SEEDS);
        let mutate = |text: &str, random: &mut Random| {
            Mutations::new(text.as_bytes(), random.draw()).next().expect("they never end")
        };
        // Right ones among them keep the tables full.
        let (mut path, mut body) = (chosen.path.as_bytes().to_vec(), chosen.body.as_bytes().to_vec());
        match random.below(if body.is_empty() { 5 } else { 10 }) {
            0 | 1 => {}
            2..=4 => {
                let (start, rest) = chosen.path.split_at(chosen.path.find('/').expect("a path") + 1);
                path = [start.as_bytes(), &mutate(rest, &mut random)].concat();
            }
            5 | 6 => body = mutate(chosen.body, &mut random),
            _ => body = with_another_value(chosen.body, &mut random),
        }
        let path = sendable(&path);
        let (to, target) = match path.strip_prefix("webhook:") {
            Some(path) => (webhook, path.to_owned()),
            None => (api.address, format!("{V1}{path}")),
        };
        let media_type = match to == webhook {
            true => "application/external.dns.webhook+json;version=1",
            false => "application/json",
        };
        let headers = [("X-API-Key", KEY), ("Content-Type", media_type), ("Accept", media_type)];
        let told = || {
            format!("seed {seed}, request {number}: {} {target} {:?}", chosen.method, String::from_utf8_lossy(&body))
        };
        let reply = http::request(to, chosen.method, &target, &headers, Some(&body))
            .unwrap_or_else(|error| panic!("{}: {error}", told()));
        let after = tables.all();
        counts[usize::from(reply.status / 100)] += 1;
        match reply.status {
            200..=299 => {}
            400..=499 => {
                assert!(!reply.body.is_empty(), "{}: {} without a reason", told(), reply.status);
                assert!(before == after, "{}: {} {} has changed the tables", told(), reply.status, reply.text());
            }
            // So that External-DNS goes on with the rest: what is stored is right.
            500 if to == webhook && reply.text().contains("left out, the rest is stored") => {}
            status => panic!("{}: {status} {}", told(), reply.text()),
        }
        before = after;
    }
    println!("answers by first digit of their status: {counts:?}");
    assert!(counts[2] > REQUESTS / 10 && counts[4] > REQUESTS / 10, "one-sided: {counts:?}");
    server.daemon().assert_running();
    assert!(!server.daemon().log().contains("panicked"), "a request handler panicked");
    // It still serves.
    api.must(
        201,
        "POST",
        "/zones",
        Some(&json!({
            "name": "last.test.", "kind": "Native", "nameservers": ["ns1.last.test."],
        })),
    );
    let reply = Asker::new(server.dns(), Duration::from_secs(5))
        .ask(&query(7, "last.test.", hickory_proto::rr::RecordType::SOA))
        .expect("DNS answers");
    assert_eq!(decode(&reply).answers.len(), 1);
}

fn with_webhook(settings: Settings) -> (Signpost, SocketAddr) {
    let webhook = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    (Signpost::start(settings.with(&format!("--webhook-listen={webhook}"))), webhook)
}

#[test]
fn what_is_refused_changes_nothing_on_sqlite() {
    let (server, webhook) = with_webhook(Settings::sqlite());
    let file = server.database_url().trim_start_matches("sqlite:").to_owned();
    send_mutated(server, webhook, &Tables::Sqlite(file));
}

#[test]
fn what_is_refused_changes_nothing_on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    let database = postgres.create_database().expect("a database");
    let (server, webhook) = with_webhook(Settings::postgres(&postgres.url_of(&database)));
    send_mutated(server, webhook, &Tables::Postgres(&postgres, database));
}
