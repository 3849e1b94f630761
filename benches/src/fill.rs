//! A zone as External-DNS leaves it, written by SQL: one A and one ownership TXT for each name.

use anyhow::{Context, Result};
use signpost_tests::postgres::Postgres;
use signpost_tests::server::Signpost;
use std::process::Command;

/// The zone of the benchmark.
pub(crate) const ZONE: &str = "bench.test";

/// The owner of pair `n`, absolute.
pub(crate) fn owner(n: u32) -> String {
    format!("app-{n}.{ZONE}.")
}

/// Makes the zone, signed with the defaults.
pub(crate) fn create_zone(server: &Signpost) {
    server.run(&["pdnsutil", "create-zone", ZONE, "ns1.bench.test"]);
    server.run(&["pdnsutil", "secure-zone", ZONE]);
}

const HERITAGE: &str = "heritage=external-dns,external-dns/owner=my-cluster,external-dns/resource=service/default/app-";

/// Fills the zone in Postgres.
pub(crate) fn postgres(postgres: &Postgres, database: &str, pairs: u32) -> Result<()> {
    let sql = format!(
        "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) \
         SELECT d.id, r.name, r.type, r.content, 300, 0, false, true FROM domains d, generate_series(0, {last}) n, \
         LATERAL (VALUES ('app-' || n || '.{ZONE}', 'A', '192.0.2.' || (n % 250 + 1)), \
         ('a-app-' || n || '.{ZONE}', 'TXT', '\"{HERITAGE}' || n || '\"')) AS r(name, type, content) WHERE d.name = '{ZONE}'; \
         ANALYZE records",
        last = pairs - 1,
    );
    postgres.sql(database, &sql).map(|_| ())
}

/// Fills the zone in SQLite.
pub(crate) fn sqlite(url: &str, pairs: u32) -> Result<()> {
    let path = url.trim_start_matches("sqlite:");
    let sql = format!(
        "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {last}) \
         INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) \
         SELECT d.id, CASE k WHEN 0 THEN '' ELSE 'a-' END || 'app-' || n || '.{ZONE}', CASE k WHEN 0 THEN 'A' ELSE 'TXT' END, \
         CASE k WHEN 0 THEN '192.0.2.' || (n % 250 + 1) ELSE '\"{HERITAGE}' || n || '\"' END, 300, 0, 0, 1 \
         FROM n, domains d, (SELECT 0 AS k UNION ALL SELECT 1) WHERE d.name = '{ZONE}'",
        last = pairs - 1,
    );
    let status = Command::new("sqlite3").args([path, &sql]).status().context("sqlite3 cannot be run")?;
    anyhow::ensure!(status.success(), "sqlite3 failed");
    Ok(())
}
