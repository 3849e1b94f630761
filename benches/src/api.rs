//! The same load on the APIs of Signpost and of Debian's `pdns_server` with gpgsql, in turn, each on a database of its own in one Postgres.
//!
//! ```text
//! cargo run --release -p signpost-benches -- api --zones 100000 --rrsets 100000
//! ```

use crate::keepalive::Client;
use anyhow::{Context, Result, ensure};
use clap::Args;
use hickory_proto::rr::{RData, RecordType};
use serde_json::{Value, json};
use signpost_tests::pdns::{self, Pdns};
use signpost_tests::postgres::{Fsync, Postgres};
use signpost_tests::query::{Asker, decode, query};
use signpost_tests::server::{KEY, Settings, Signpost};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// The zone that is read and changed.
const ZONE: &str = "bench.test.";
/// RRsets of one PATCH beside the single ones.
const MANY: u32 = 1000;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Zones that are listed.
    #[arg(long, default_value_t = 1000)]
    zones: u32,
    /// RRsets of the zone that is read and changed.
    #[arg(long, default_value_t = 10_000)]
    rrsets: u32,
    /// Names of External-DNS's first sync, with an address and an ownership record each.
    #[arg(long, default_value_t = 10_000)]
    names: u32,
    /// Changes to one RRset in each round.
    #[arg(long, default_value_t = 100)]
    patches: u32,
    /// Zones created in each round.
    #[arg(long, default_value_t = 20)]
    creates: u32,
    /// Rounds, Signpost and PowerDNS in turn.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Sign the zones that are changed: NSEC3 `1 0 0 -`, the keys of each server's defaults.
    #[arg(long)]
    signed: bool,
}

/// One of the two servers, and what was measured of it.
struct Side {
    client: Client,
    dns: SocketAddr,
    times: BTreeMap<&'static str, Vec<Duration>>,
}

const SINGLE: &str = "PATCH of one RRset";
const ANSWERED: &str = "from its 204 to the changed answer";
const THOUSAND: &str = "PATCH of 1,000 RRsets";
const CREATE: &str = "zone create";
const LIST: &str = "zone list";
const GET: &str = "zone GET";
const SYNC: &str = "External-DNS's first sync";

/// Runs the load and prints a table.
pub(crate) fn report(arguments: &Arguments) -> Result<()> {
    let postgres = Postgres::start_with(Fsync::On)?;
    let (ours, theirs) = (postgres.create_database()?, postgres.create_database()?);
    // Its first start makes the tables; it starts again on what SQL fills in.
    let mut signpost = Signpost::start(Settings::postgres(&postgres.url_of(&ours)));
    signpost.kill();
    pdns::load_schema(&postgres, &theirs);
    for database in [&ours, &theirs] {
        fill(&postgres, database, arguments)?;
    }
    signpost.restart();
    // With the caches that it has by default, and bodies as long as the first sync needs.
    let powerdns = Pdns::start_with(&postgres, &theirs, "webserver-max-bodysize=100\n");
    let mut sides = [
        Side { client: Client::new(signpost.api().address, KEY), dns: signpost.dns(), times: BTreeMap::new() },
        Side { client: Client::new(powerdns.api().address, KEY), dns: powerdns.dns(), times: BTreeMap::new() },
    ];
    if arguments.signed {
        for side in &mut sides {
            side.client.must(204, "PUT", &format!("/zones/{ZONE}"), r#"{"dnssec": true, "nsec3param": "1 0 0 -"}"#)?;
        }
    }
    for round in 0..arguments.rounds {
        // Whoever comes first in a round comes second in the next.
        let order = if round.is_multiple_of(2) { [0, 1] } else { [1, 0] };
        for at in order {
            sides[at].round(arguments, round)?;
        }
    }
    print(arguments, &sides);
    Ok(())
}

/// Zones with a SOA each, and one large zone.
fn fill(postgres: &Postgres, database: &str, arguments: &Arguments) -> Result<()> {
    let sql = format!(
        "INSERT INTO domains (name, type) SELECT 'zone-' || n || '.test', 'NATIVE' FROM generate_series(1, {zones}) n; \
         INSERT INTO domains (name, type) VALUES ('bench.test', 'NATIVE'); \
         INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) \
         SELECT id, name, 'SOA', 'ns1.bench.test hostmaster.bench.test 2026010101 10800 3600 604800 3600', 3600, 0, FALSE, TRUE \
         FROM domains; \
         INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) \
         SELECT d.id, 'h' || n || '.bench.test', 'A', '192.0.2.1', 300, 0, FALSE, TRUE \
         FROM generate_series(2, {rrsets}) n, domains d WHERE d.name = 'bench.test'; \
         INSERT INTO domainmetadata (domain_id, kind, content) SELECT id, 'SOA-EDIT-API', 'DEFAULT' FROM domains",
        zones = arguments.zones.saturating_sub(1),
        rrsets = arguments.rrsets,
    );
    postgres.sql(database, &sql)?;
    postgres.sql(database, "ANALYZE").map(|_| ())
}

fn replace(name: &str, rtype: &str, ttl: u32, content: &str) -> Value {
    let records = json!([{ "content": content, "disabled": false }]);
    json!({ "name": name, "type": rtype, "ttl": ttl, "changetype": "REPLACE", "records": records })
}

impl Side {
    fn round(&mut self, arguments: &Arguments, round: u32) -> Result<()> {
        self.single(arguments, round)?;
        let name = |n: u32| format!("many-{round}-{n}.{ZONE}");
        let many: Vec<Value> = (0..MANY).map(|n| replace(&name(n), "A", 60, "192.0.2.2")).collect();
        self.timed(THOUSAND, |side| side.patch(ZONE, &many))?;
        let gone = (0..MANY).map(|n| json!({ "name": name(n), "type": "A", "changetype": "DELETE" }));
        self.patch(ZONE, &gone.collect::<Vec<_>>())?;

        for n in 0..arguments.creates {
            let zone = format!("new-{round}-{n}.test.");
            self.timed(CREATE, |side| side.create(&zone, arguments.signed))?;
            self.client.must(204, "DELETE", &format!("/zones/{zone}"), "")?;
        }

        let listed = self.timed(LIST, |side| side.client.must(200, "GET", "/zones", ""))?;
        count("zones", &listed, |zones| zones.as_array().map_or(0, Vec::len), arguments.zones)?;
        let zone = self.timed(GET, |side| side.client.must(200, "GET", &format!("/zones/{ZONE}"), ""))?;
        // The name of the single changes is one more.
        let rrsets = |zone: &Value| zone["rrsets"].as_array().map_or(0, Vec::len);
        count("RRsets", &zone, rrsets, arguments.rrsets + 1)?;
        self.first_sync(arguments, round)
    }

    fn single(&mut self, arguments: &Arguments, round: u32) -> Result<()> {
        let name = format!("changed.{ZONE}");
        let asker = Asker::new(self.dns, Duration::from_secs(5));
        let message = query(1, &name, RecordType::A);
        for n in 0..arguments.patches {
            // No address twice in a row, nor in the last of one round and the first of the next.
            let address = Ipv4Addr::from(0x0a00_0000 + round * arguments.patches + n);
            let change = [replace(&name, "A", 60, &address.to_string())];
            self.timed(SINGLE, |side| side.patch(ZONE, &change))?;
            self.timed(ANSWERED, |_| {
                let started = Instant::now();
                loop {
                    let reply = decode(&asker.ask(&message)?);
                    let is_new = |data: &RData| matches!(data, RData::A(found) if found.0 == address);
                    if reply.answers.iter().any(|record| is_new(&record.data)) {
                        return Ok(());
                    }
                    ensure!(started.elapsed() < Duration::from_secs(60), "{name} is never {address}");
                }
            })?;
        }
        Ok(())
    }

    /// What External-DNS sends when its zone is empty: it looks at all zones, at its own, and makes everything in one PATCH, sorted by name.
    fn first_sync(&mut self, arguments: &Arguments, round: u32) -> Result<()> {
        let zone = format!("sync-{round}.test.");
        self.create(&zone, arguments.signed)?;
        let owned = |n: u32| {
            format!(
                "\"heritage=external-dns,external-dns/owner=default,external-dns/resource=service/default/h{n:05}.{}\"",
                zone.trim_end_matches('.')
            )
        };
        let ownership = (0..arguments.names).map(|n| replace(&format!("a-h{n:05}.{zone}"), "TXT", 300, &owned(n)));
        let addresses = (0..arguments.names).map(|n| replace(&format!("h{n:05}.{zone}"), "A", 60, "192.0.2.3"));
        let changes: Vec<Value> = ownership.chain(addresses).collect();
        self.timed(SYNC, |side| {
            side.client.must(200, "GET", "/zones", "")?;
            side.client.must(200, "GET", &format!("/zones/{zone}"), "")?;
            side.patch(&zone, &changes)
        })?;
        self.client.must(204, "DELETE", &format!("/zones/{zone}"), "").map(|_| ())
    }

    fn create(&mut self, zone: &str, is_signed: bool) -> Result<()> {
        let mut body = json!({ "name": zone, "kind": "Native", "nameservers": ["ns1.bench.test."] });
        if is_signed {
            body["dnssec"] = json!(true);
            body["nsec3param"] = json!("1 0 0 -");
        }
        self.client.must(201, "POST", "/zones", &body.to_string()).map(|_| ())
    }

    fn patch(&mut self, zone: &str, rrsets: &[Value]) -> Result<()> {
        let body = json!({ "rrsets": rrsets }).to_string();
        self.client.must(204, "PATCH", &format!("/zones/{zone}"), &body).map(|_| ())
    }

    fn timed<T>(&mut self, what: &'static str, work: impl FnOnce(&mut Side) -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let done = work(self).with_context(|| what)?;
        let elapsed = started.elapsed();
        self.times.entry(what).or_default().push(elapsed);
        Ok(done)
    }

    fn milliseconds(&self, what: &str, percent: usize) -> f64 {
        let mut times = self.times.get(what).cloned().unwrap_or_default();
        times.sort();
        let last = times.len().saturating_sub(1);
        times.get(last * percent / 100).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}

/// An answer that holds less than it should would be quick.
fn count(what: &str, body: &[u8], counted: impl FnOnce(&Value) -> usize, wanted: u32) -> Result<()> {
    let found = counted(&serde_json::from_slice(body).context("an answer is no JSON")?);
    ensure!(found == wanted as usize, "{found} {what} in an answer, not {wanted}");
    Ok(())
}

fn print(arguments: &Arguments, sides: &[Side; 2]) {
    let Arguments { zones, rrsets, names, .. } = arguments;
    let signed = if arguments.signed { "signed" } else { "not signed" };
    println!(
        "{zones} zones, {rrsets} RRsets in the zone that is read and changed, {names} names in the first sync; {signed}"
    );
    println!();
    println!("| milliseconds | Signpost | pdns_server | Signpost of pdns_server |");
    println!("|---|---:|---:|---:|");
    let row = |what: &str, name: &str, percent: usize| {
        let [ours, theirs] = [&sides[0], &sides[1]].map(|side| side.milliseconds(what, percent));
        println!("| {what}{name} | {ours:.2} | {theirs:.2} | {:.3} |", ours / theirs);
    };
    for what in [SINGLE, ANSWERED] {
        row(what, ", p50", 50);
        row(what, ", p99", 99);
    }
    for what in [THOUSAND, CREATE, LIST, GET, SYNC] {
        row(what, ", median", 50);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_load_is_answered_rightly_by_both() {
        for signed in [false, true] {
            report(&Arguments { zones: 5, rrsets: 20, names: 10, patches: 3, creates: 1, rounds: 2, signed }).unwrap();
        }
    }
}
