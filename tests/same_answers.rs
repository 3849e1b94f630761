//! PowerDNS's API and ours, each on a database of its own, are sent the same requests and must answer the same: status and body of
//! each, and after each that changed something the zone. The requests are in `tests/same_answers/requests`.
//!
//! What is compared is what 4.7.3, the release at hand, has in common with those after it. Rules that differ by release, and where we
//! differ on purpose, are in `tests/dialect/`.

use serde_json::{Value, json};
use signpost_tests::Postgres;
use signpost_tests::api::{Api, Signed};
use signpost_tests::pdns::{Pdns, load_schema};
use signpost_tests::server::{Settings, Signpost, workspace};

const ZONE: &str = "/zones/e.test.";

/// A title, and lines of method, path and perhaps a body.
struct Script<'a> {
    title: &'a str,
    lines: Vec<&'a str>,
}

fn scripts(text: &str) -> Vec<Script<'_>> {
    let mut scripts: Vec<Script<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(';')) {
        match (line.strip_prefix("# "), scripts.last_mut()) {
            (Some(title), _) => scripts.push(Script { title, lines: Vec::new() }),
            (None, Some(script)) => script.lines.push(line),
            (None, None) => panic!("{line} stands before the first title"),
        }
    }
    scripts
}

/// Status and body, without what is made anew each time, and without the order that neither promises.
fn ask(api: &Api, method: &str, path: &str, body: Option<&str>) -> (u16, Value) {
    let reply = api.send_raw(method, path, body.map(str::as_bytes)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let body = if reply.body.is_empty() { Value::Null } else { comparable(reply.json()) };
    (reply.status, body)
}

fn comparable(value: Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(comparable).collect();
            list.sort_by_key(Value::to_string);
            Value::Array(list)
        }
        Value::Object(object) => {
            let is_key = object.get("type").is_some_and(|value| value == "Cryptokey");
            let made_anew = |name: &str| {
                matches!(name, "dnskey" | "ds" | "cds" | "privatekey" | "last_check") || (is_key && name == "id")
            };
            let field = |(name, value): (String, Value)| match made_anew(&name) {
                true => (name, Value::Null),
                false if name == "key" && value.as_str().is_some_and(|key| key.len() > 20) => (name, json!("made")),
                false => (name, comparable(value)),
            };
            object.into_iter().map(field).collect()
        }
        // Serials and times.
        Value::Number(number) if number.as_u64().is_some_and(|number| number >= 1_000_000_000) => json!("large"),
        Value::String(text) => {
            let word = |word: &str| match word.len() == 10 && word.bytes().all(|octet| octet.is_ascii_digit()) {
                true => "large".to_owned(),
                false => word.to_owned(),
            };
            json!(text.split(' ').map(word).collect::<Vec<_>>().join(" "))
        }
        other => other,
    }
}

#[test]
fn the_api_answers_as_powerdns_does() {
    let postgres = Postgres::start().expect("Postgres starts");
    let databases = [(); 2].map(|()| postgres.create_database().expect("a database"));
    load_schema(&postgres, &databases[1]);
    let settings =
        ["--dnssec-defaults=pdns", "--default-soa-content=ns1.example.com hostmaster.@ 0 10800 3600 604800 3600"]
            .iter()
            .fold(Settings::postgres(&postgres.url_of(&databases[0])), |settings, flag| settings.with(flag));
    let signpost = Signpost::start(settings);
    let pdns = Pdns::start(&postgres, &databases[1]);
    let apis = [signpost.api(), pdns.api()];
    let path = workspace().join("tests/same_answers/requests");
    let text = std::fs::read_to_string(&path).expect("the requests are there");
    let scripts = scripts(&text);
    assert!(scripts.len() > 100, "{} scripts", scripts.len());
    let mut differences = Vec::new();
    for script in &scripts {
        if !script.lines[0].starts_with("POST /zones ") {
            apis.iter().for_each(|api| drop(api.create_zone("e.test.", Signed::No, Vec::new())));
        }
        let mut compare = |line: &str| -> u16 {
            let mut words = line.splitn(3, ' ');
            let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
            let path = path.strip_prefix('Z').map_or_else(|| path.to_owned(), |rest| format!("{ZONE}{rest}"));
            let body = words.next();
            let [ours, theirs] = [0, 1].map(|at| ask(&apis[at], method, &path, body));
            if ours != theirs {
                differences.push(format!("{}: {line}\n  ours   {ours:?}\n  theirs {theirs:?}", script.title));
            }
            ours.0
        };
        for line in &script.lines {
            if compare(line) < 300 && !line.starts_with("GET ") {
                compare("GET Z");
            }
        }
        compare("GET /zones?zone=e.test.");
        compare("GET Z/metadata");
        apis.iter().for_each(|api| drop(ask(api, "DELETE", ZONE, None)));
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}
