//! The API's tests of the dialect (`crates/api/tests/dialect`) once more, each on an empty database of Postgres.

#[path = "../crates/api/tests/dialect/clients.rs"]
mod clients;
#[path = "../crates/api/tests/dialect/connections.rs"]
mod connections;
#[path = "../crates/api/tests/dialect/cryptokeys.rs"]
mod cryptokeys;
#[path = "../crates/api/tests/dialect/discovery.rs"]
mod discovery;
#[path = "../crates/api/tests/dialect/document.rs"]
mod document;
#[path = "../crates/api/tests/dialect/external_dns.rs"]
mod external_dns;
#[path = "../crates/api/tests/dialect/failures.rs"]
mod failures;
#[path = "../crates/api/tests/dialect/metadata.rs"]
mod metadata;
#[path = "../crates/api/tests/dialect/objects.rs"]
mod objects;
#[path = "../crates/api/tests/dialect/patch.rs"]
mod patch;
#[path = "../crates/api/tests/dialect/probes.rs"]
mod probes;
#[path = "../crates/api/tests/dialect/rules.rs"]
mod rules;
#[path = "../crates/api/tests/dialect/scopes.rs"]
mod scopes;
#[path = "../crates/api/tests/dialect/support.rs"]
mod support;
#[path = "../crates/api/tests/dialect/webhook.rs"]
mod webhook;
#[path = "../crates/api/tests/dialect/zone_create.rs"]
mod zone_create;
#[path = "../crates/api/tests/dialect/zone_put.rs"]
mod zone_put;
#[path = "../crates/api/tests/dialect/zones.rs"]
mod zones;

#[test]
fn no_part_of_the_dialect_is_left_out() {
    let here = include_str!("dialect_postgres.rs");
    let there = include_str!("../crates/api/tests/dialect/main.rs");
    let parts = there.lines().filter(|line| line.starts_with("mod ") && *line != "mod database;");
    let missing: Vec<&str> = parts.filter(|part| !here.lines().any(|line| line == *part)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

mod database {
    use std::sync::LazyLock;

    use signpost_tests::postgres::Postgres;

    /// One server for all tests; it goes with the process.
    static POSTGRES: LazyLock<Postgres> = LazyLock::new(|| Postgres::start().expect("Postgres starts"));

    pub(crate) struct Database(String);

    impl Database {
        pub(crate) async fn new() -> Database {
            let name = tokio::task::spawn_blocking(|| POSTGRES.create_database()).await.unwrap();
            Database(POSTGRES.url_of(&name.expect("a database is created")))
        }

        pub(crate) fn url(&self) -> String {
            self.0.clone()
        }
    }
}
