//! What a change to one RRset costs, counted and not timed: rows that statements look at, octets read, signatures made. It is the
//! same in a zone of hundreds of thousands of records as in one of five.

use serde_json::{Value, json};
use signpost_tests::Postgres;
use signpost_tests::api::{Api, Signed, delete, replace};
use signpost_tests::process;
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::wait::until;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

const SMALL: &str = "small.test.";
const LARGE: &str = "large.test.";
/// Records that SQL adds to the large zone. Half of them are two labels below it.
const RECORDS: u32 = 200_000;
/// Prepared statements get a general plan when they have run five times.
const ROUNDS: u32 = 7;

/// Changes of every kind that touch little, one RRset each.
fn change(api: &Api, zone: &str, round: u32) {
    let name = |label: &str| format!("{label}{round}.{zone}");
    let record = |content: &str| json!([{ "content": content }]);
    let changes = [
        replace(&name("new"), "A", 60, &["192.0.2.1"]),
        replace(&name("new"), "A", 60, &["192.0.2.2"]),
        replace(&name("deep.below.ents"), "TXT", 60, &["\"t\""]),
        replace(&name("*.wild"), "CNAME", 60, &["example.net."]),
        replace(&name("cut"), "NS", 60, &["ns.example.net."]),
        json!({ "name": name("new"), "type": "A", "ttl": 60, "changetype": "EXTEND", "records": record("192.0.2.3") }),
        json!({ "name": name("new"), "type": "A", "ttl": 60, "changetype": "PRUNE", "records": record("192.0.2.2") }),
        delete(&name("cut"), "NS"),
        delete(&name("deep.below.ents"), "TXT"),
        delete(&name("new"), "A"),
    ];
    for change in changes {
        api.patch(zone, vec![change]);
    }
}

fn create_zones(api: &Api) {
    for zone in [SMALL, LARGE] {
        api.create_zone(zone, Signed::No, Vec::new());
    }
}

/// SQL that gives the large zone its records, as External-DNS would: an address and an ownership record for each name.
fn filling(series: &str) -> String {
    format!(
        "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) \
         SELECT d.id, 'h' || n || CASE n % 2 WHEN 0 THEN '.apps' ELSE '' END || '.large.test', \
         CASE n % 2 WHEN 0 THEN 'A' ELSE 'TXT' END, CASE n % 2 WHEN 0 THEN '192.0.2.1' ELSE '\"heritage=external-dns\"' END, \
         300, 0, FALSE, TRUE FROM {series}, domains d WHERE d.name = 'large.test'"
    )
}

/// Rows that the plans of a log looked at, returned or not; and the statement that looked at the most.
#[derive(Debug, Default)]
struct Looked {
    statements: u64,
    rows: u64,
    most: (u64, String),
}

fn looked(log: &str) -> Looked {
    let mut looked = Looked::default();
    for plan in log.split("  plan:\n").skip(1) {
        let mut values = serde_json::Deserializer::from_str(plan).into_iter::<Value>();
        let explained = values.next().expect("a plan").expect("auto_explain writes JSON");
        let mut rows = 0;
        add_rows(&explained["Plan"], &mut rows);
        looked.statements += 1;
        looked.rows += rows;
        if rows > looked.most.0 {
            looked.most = (rows, explained.to_string());
        }
    }
    looked
}

/// Adds what each node that reads a table has looked at.
fn add_rows(plan: &Value, rows: &mut u64) {
    let number = |field: &str| plan[field].as_f64().unwrap_or(0.0);
    if plan["Relation Name"].is_string() || plan["Index Name"].is_string() {
        let per_loop =
            number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
        *rows += (per_loop * number("Actual Loops")) as u64;
    }
    for plan in plan["Plans"].as_array().into_iter().flatten() {
        add_rows(plan, rows);
    }
}

#[test]
fn a_patch_looks_at_as_many_rows_of_postgres_in_a_large_zone_as_in_a_small_one() {
    let postgres = Postgres::start().expect("Postgres starts");
    let database = postgres.create_database().expect("a database");
    let mut server = Signpost::start(Settings::postgres(&postgres.url_of(&database)));
    create_zones(&server.api());
    // Plans follow statistics: there are none at first, then those of nearly empty tables, which autovacuum would replace some time.
    let sql = |sql: &str| postgres.sql(&database, sql).expect("Postgres takes it");
    sql("ALTER TABLE records SET (autovacuum_enabled = FALSE)");
    sql(&filling(&format!("generate_series(1, {RECORDS}) n")));
    // Other zones have changed a lot in the last hour.
    sql(
        "INSERT INTO signpost_feed (zone_id, name, kind, own) SELECT 1000000, 'h' || n, 'name', TRUE FROM generate_series(1, 50000) n",
    );
    for (setting, value) in [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_timing", "off"),
        ("auto_explain.log_nested_statements", "on"),
        ("auto_explain.log_format", "json"),
    ] {
        sql(&format!("ALTER DATABASE \"{database}\" SET {setting} = '{value}'"));
    }
    for statistics in ["none", "some"] {
        if statistics == "some" {
            sql("ANALYZE");
        }
        server.restart();
        let api = server.api();
        let [small, large] = [SMALL, LARGE].map(|zone| {
            let before = postgres.log().len();
            (0..ROUNDS).for_each(|round| change(&api, zone, round));
            looked(&postgres.log()[before..])
        });
        println!("statistics {statistics}: {} rows of the small zone, {} of the large one", small.rows, large.rows);
        assert!(small.statements > 1000 && small.rows > 1000, "too few plans were seen: {small:?}");
        for looked in [&small, &large] {
            assert!(looked.most.0 < 100, "one statement looked at {} rows: {}", looked.most.0, looked.most.1);
        }
        assert!(large.rows < small.rows * 5 / 4, "{} rows, and {} in a small zone", large.rows, small.rows);
    }
}

/// The statements of ours that a log of JSON lines has.
fn statements(log: &str) -> BTreeSet<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["target"] == "sqlx::query")
        .filter_map(|line| {
            let statement = line["db.statement"].as_str().unwrap_or_default().trim().to_owned();
            (!statement.is_empty()).then_some(statement)
        })
        .collect()
}

/// Octets that a process has read, from files or otherwise.
fn octets_read(id: u32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{id}/io")).expect("it runs");
    io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).expect("Linux tells it")
}

#[test]
fn a_patch_reads_no_more_of_sqlite_in_a_large_zone() {
    let settings = Settings::sqlite().with("--log-format=json").with("--log-filter=info,sqlx::query=debug");
    let mut server = Signpost::start(settings);
    create_zones(&server.api());
    let file = server.database_url().trim_start_matches("sqlite:").to_owned();
    let sqlite = |sql: &str| process::run(Command::new("sqlite3").args([&file, sql]));
    let series = format!(
        "(WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {RECORDS}) SELECT n FROM n)"
    );
    sqlite(&filling(&series));
    for statistics in ["none", "some"] {
        if statistics == "some" {
            sqlite("ANALYZE");
        }
        server.restart();
        let (api, id) = (server.api(), server.daemon().id());
        let before = server.daemon().log().len();
        let [small, large] = [SMALL, LARGE].map(|zone| {
            // The first needs what the log of the database has of the filling.
            change(&api, zone, ROUNDS);
            let before = octets_read(id);
            (0..ROUNDS).for_each(|round| change(&api, zone, round));
            octets_read(id) - before
        });
        let octets = std::fs::metadata(&file).expect("a file").len();
        println!(
            "statistics {statistics}: {small} octets read for the small zone, {large} for the large one, of {octets}"
        );
        // Seventy changes read less than one look at the zone would; its indexes are deeper by one page.
        assert!(large < octets / 2, "{large} octets were read of a database of {octets}");
        let statements = statements(&server.daemon().log()[before..]);
        assert!(statements.len() >= 20, "too few statements were seen: {statements:?}");
        for statement in &statements {
            let plan = sqlite(&format!("EXPLAIN QUERY PLAN {statement}"));
            for step in plan.lines() {
                // By zone alone, or by nothing: each row of the zone, or of all.
                let is_scan =
                    step.contains("SCAN records") || step.contains("SCAN r") || step.contains("SCAN comments");
                assert!(!is_scan && !step.ends_with("(domain_id=?)") || is_of_settings(step), "{statement}\n{plan}");
            }
        }
    }
}

/// Tables with a few rows for each zone, whatever its size.
fn is_of_settings(step: &str) -> bool {
    ["domainmetadata", "cryptokeys", "signpost_zone"].iter().any(|table| step.contains(&format!(" {table} ")))
        || step.contains(" m USING ")
        || step.contains(" k USING ")
        || step.contains(" z USING ")
}

#[test]
fn a_patch_signs_what_it_changed_and_its_neighbours_alone() {
    const NAMES: usize = 2000;
    const CHANGES: u64 = 20;
    let server = Signpost::start(Settings::sqlite());
    let api = server.api();
    api.create_zone(LARGE, Signed::Yes, Vec::new());
    api.patch(LARGE, (0..NAMES).map(|n| replace(&format!("h{n}.{LARGE}"), "A", 60, &["192.0.2.1"])).collect());
    let signed = || server.metric("signpost_signatures_total");
    // Addresses and NSEC3 records, less those that the PATCH itself has waited for.
    until("all signatures", Duration::from_secs(120), || (signed() >= 2 * NAMES as u64 - 200).then_some(()));
    let before = signed();
    for n in 0..CHANGES {
        api.patch(LARGE, vec![replace(&format!("new{n}.{LARGE}"), "A", 60, &["192.0.2.1"])]);
    }
    let made = signed() - before;
    println!("{made} signatures for {CHANGES} changes");
    // Each signs its address, the SOA, its NSEC3 record and the one before. One walk over the zone to sign it anew would be 4,000.
    assert!(made <= 200 + 6 * CHANGES, "{made} signatures for {CHANGES} changes to one RRset");
}
