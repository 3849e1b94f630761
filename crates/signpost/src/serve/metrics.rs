//! Counters of the parts, for `/metrics` and the API's statistics.

use std::fmt::Write;
use std::sync::Arc;

use api::{Metric, MetricKind, MetricsSource, RingStatistic};
use dataplane::{DataPlane, RING_ENTRIES, Ring};
use dnssec::ZoneTable;
use publish::Publisher;

use super::late_store::LateStore;
use super::system;
use wire::message::Rcode;

/// PowerDNS logs into a ring too. Ours go to standard error alone: this one is always empty.
const LOG_RING: &str = "logmessages";

/// What PowerDNS counts and is not here to be counted: no cache is asked before an answer, none asks the database or waits in a
/// queue, zones are not transferred, UPDATE is not taken, nobody is asked whether this release is safe. Dashboards ask for the names
/// all the same, and 0 is true.
const ABSENT: &[(&str, &str, MetricKind)] = {
    use MetricKind::{Counter, Gauge};
    &[
        ("backend-latency", "Microseconds a query waits for the database: none asks it", Gauge),
        ("backend-queries", "Number of questions to the database for the sake of a query: there are none", Counter),
        ("cache-latency", "Microseconds for an answer from a cache: there is none", Gauge),
        ("deferred-cache-inserts", "Number of entries a cache was too busy to take: there is none", Counter),
        ("deferred-cache-lookup", "Number of questions a cache was too busy for: there is none", Counter),
        ("deferred-packetcache-inserts", "Number of answers a cache was too busy to take: there is none", Counter),
        ("deferred-packetcache-lookup", "Number of questions a cache was too busy for: there is none", Counter),
        ("dnsupdate-answers", "Number of answers to UPDATE: it is not taken", Counter),
        ("dnsupdate-changes", "Number of changes by UPDATE: it is not taken", Counter),
        ("dnsupdate-queries", "Number of UPDATE messages: they are not taken", Counter),
        ("dnsupdate-refused", "Number of UPDATE messages refused: they are not taken", Counter),
        ("incoming-notifications", "Number of NOTIFY messages taken: zones are not transferred", Counter),
        ("key-cache-size", "Entries in a cache of keys: there is none, keys are in memory with their zone", Gauge),
        ("meta-cache-size", "Entries in a cache of metadata: there is none, they are in memory with their zone", Gauge),
        ("overload-drops", "Number of queries dropped from a full queue: there is none", Counter),
        ("packetcache-hit", "Number of answers from a cache: there is none", Counter),
        ("packetcache-miss", "Number of answers not in a cache: there is none", Counter),
        ("packetcache-size", "Answers in a cache: there is none", Gauge),
        ("qsize-q", "Queries waiting for the database: none does", Gauge),
        ("query-cache-hit", "Number of records found in a cache: there is none", Counter),
        ("query-cache-miss", "Number of records not found in a cache: there is none", Counter),
        ("query-cache-size", "Records in a cache: there is none", Gauge),
        (
            "receive-latency",
            "Microseconds a query waits for a thread: it is answered by the one that takes it in",
            Gauge,
        ),
        ("recursing-answers", "Number of answers by a resolver: none is asked for a query", Counter),
        ("recursing-questions", "Number of queries put to a resolver: none is", Counter),
        ("recursion-unanswered", "Number of queries a resolver left unanswered: none is asked", Counter),
        ("security-status", "What PowerDNS's authors say of this release: nothing, 0", Gauge),
        ("send-latency", "Microseconds an answer waits to be sent: it is part of latency", Gauge),
        (
            "signature-cache-size",
            "Entries in a cache of signatures: there is none, they stand with their records",
            Gauge,
        ),
        ("timedout-packets", "Number of queries that waited too long for the database: none does", Counter),
        ("xfr-queue", "Zones that wait to be transferred: none is", Gauge),
        ("zone-cache-hit", "Number of zones found in a cache: there is none, all are in memory", Counter),
        ("zone-cache-miss", "Number of zones not found in a cache: there is none, all are in memory", Counter),
    ]
};

/// How full a ring is, and how full it may be.
fn ring_names(ring: Ring) -> (&'static str, &'static str) {
    match ring {
        Ring::Queries => ("ring-queries-size", "ring-queries-capacity"),
        Ring::NoerrorQueries => ("ring-noerror-queries-size", "ring-noerror-queries-capacity"),
        Ring::NxdomainQueries => ("ring-nxdomain-queries-size", "ring-nxdomain-queries-capacity"),
        Ring::ServfailQueries => ("ring-servfail-queries-size", "ring-servfail-queries-capacity"),
        Ring::UnauthQueries => ("ring-unauth-queries-size", "ring-unauth-queries-capacity"),
        Ring::Remotes => ("ring-remotes-size", "ring-remotes-capacity"),
        Ring::RemotesCorrupt => ("ring-remotes-corrupt-size", "ring-remotes-corrupt-capacity"),
        Ring::RemotesUnauth => ("ring-remotes-unauth-size", "ring-remotes-unauth-capacity"),
    }
}

/// An RCODE as PowerDNS spells it in `response-by-rcode`: IANA's description, mostly.
fn rcode_words(rcode: Rcode) -> String {
    let words = match rcode.0 {
        0 => "No Error",
        1 => "Form Error",
        2 => "Server Failure",
        3 => "Non-Existent domain",
        4 => "Not Implemented",
        5 => "Query Refused",
        6 => "Name Exists when it should not",
        7 => "RR Set Exists when it should not",
        8 => "RR Set that should exist does not",
        9 => "Server Not Authoritative for zone",
        10 => "Name not contained in zone",
        16 => "Bad OPT Version",
        23 => "Bad/missing Server Cookie",
        other => return format!("Err#{other}"),
    };
    words.to_owned()
}

/// Reads the counters where they are kept.
pub(super) struct Metrics {
    pub(super) plane: Arc<DataPlane>,
    pub(super) publisher: Publisher,
    pub(super) store: Arc<LateStore>,
    pub(super) table: Arc<ZoneTable>,
}

impl Metrics {
    fn ring_sizes(&self) -> impl Iterator<Item = Metric> + '_ {
        let gauge = |name, help, value| Metric { name, help, kind: MetricKind::Gauge, value };
        let log = [
            gauge("ring-logmessages-size", "Number of entries in the ring of log lines: there is none", 0),
            gauge("ring-logmessages-capacity", "Maximum number of entries in the ring of log lines: there is none", 0),
        ];
        let others = Ring::ALL.into_iter().flat_map(move |ring| {
            let (size, capacity) = ring_names(ring);
            [
                gauge(size, "Number of entries in this ring", self.plane.ring_entries(ring) as u64),
                gauge(capacity, "Maximum number of entries in this ring", RING_ENTRIES as u64),
            ]
        });
        log.into_iter().chain(others)
    }
}

impl MetricsSource for Metrics {
    fn metrics(&self) -> Vec<Metric> {
        let is_gauge = |name: &str| name.starts_with("open-") || name == "latency";
        let kind = |name: &str| if is_gauge(name) { MetricKind::Gauge } else { MetricKind::Counter };
        let counters = self.plane.counters();
        let metric = |counter: dataplane::NamedCounter| Metric {
            name: counter.name,
            help: counter.description,
            kind: kind(counter.name),
            value: counter.value,
        };
        let mut metrics: Vec<Metric> = counters.iter().map(metric).collect();
        let status = self.publisher.status();
        metrics.push(Metric {
            name: "signatures",
            help: "Number of DNSSEC signatures made, ahead of queries and while they waited",
            kind: MetricKind::Counter,
            value: status.signed + self.table.view().bench().status().signed,
        });
        metrics.push(Metric {
            name: "zone-cache-size",
            help: "Number of zones in memory: all that are served",
            kind: MetricKind::Gauge,
            value: status.zones as u64,
        });
        let absent = |&(name, help, kind)| Metric { name, help, kind, value: 0 };
        metrics.extend(ABSENT.iter().map(absent));
        metrics.extend(self.ring_sizes());
        metrics.extend(system::metrics());
        metrics
    }

    fn maps(&self) -> Vec<(&'static str, Vec<(String, u64)>)> {
        let counters = self.plane.counters();
        vec![
            ("response-by-qtype", counters.by_qtype().map(|(qtype, count)| (qtype.to_string(), count)).collect()),
            ("response-sizes", counters.by_size().map(|(size, count)| (size.to_string(), count)).collect()),
            ("response-by-rcode", counters.by_rcode().map(|(rcode, count)| (rcode_words(rcode), count)).collect()),
        ]
    }

    fn ring_names(&self) -> Vec<&'static str> {
        [LOG_RING].into_iter().chain(Ring::ALL.map(Ring::name)).collect()
    }

    fn ring(&self, name: &str) -> Option<RingStatistic> {
        if name == LOG_RING {
            return Some(RingStatistic { name: LOG_RING, capacity: 0, entries: Vec::new() });
        }
        let ring = Ring::ALL.into_iter().find(|ring| ring.name() == name)?;
        Some(RingStatistic { name: ring.name(), capacity: RING_ENTRIES, entries: self.plane.ring(ring) })
    }

    fn clear_ring(&self, name: &str) {
        if let Some(ring) = Ring::ALL.into_iter().find(|ring| ring.name() == name) {
            self.plane.clear_ring(ring);
        }
    }

    fn own_text(&self) -> String {
        let status = self.publisher.status();
        let age = status.last_success.map(|at| at.elapsed().as_secs_f64());
        let mut text = String::new();
        let mut put = |name: &str, kind: &str, help: &str, value: f64| {
            let _ =
                write!(text, "# HELP signpost_{name} {help}\n# TYPE signpost_{name} {kind}\nsignpost_{name} {value}\n");
        };
        let flag = |on: bool| f64::from(u8::from(on));
        put("loaded", "gauge", "Whether all zones were loaded once: 1 or 0", flag(status.is_loaded));
        put(
            "database_opened",
            "gauge",
            "Whether the database was reached since the start: 1 or 0",
            flag(self.store.is_open()),
        );
        put(
            "feed_failing",
            "gauge",
            "Whether the last reading of the change feed failed: 1 or 0",
            flag(status.last_error.is_some()),
        );
        if let Some(age) = age {
            put("feed_age_seconds", "gauge", "Time since the change feed was last read with success", age);
        }
        put("zones", "gauge", "Zones being served", status.zones as f64);
        put("zones_loading", "gauge", "Zones that are loaded afresh, or wait for it", status.loading as f64);
        put("changes_total", "counter", "Changes taken from the feed since the start", status.changes as f64);
        put("loads_total", "counter", "Full loads of all zones since the start", status.loads as f64);
        put("bad_rows_total", "counter", "Rows that could not be served, since the start", status.bad_rows as f64);
        put(
            "zones_with_unusable_keys",
            "gauge",
            "Zones with a key that cannot be used; check-zone names it",
            status.zones_with_unusable_keys as f64,
        );
        put(
            "zones_unsignable",
            "gauge",
            "Zones with active keys none of which can be used: SERVFAIL for validating resolvers",
            status.zones_unsignable as f64,
        );
        let alias = status.alias;
        put("alias_targets", "gauge", "Targets of ALIAS records that are kept resolved", alias.targets as f64);
        put(
            "alias_stale",
            "gauge",
            "A and AAAA RRsets of targets that are served beyond their TTL, since the resolver fails",
            alias.stale as f64,
        );
        put(
            "alias_unresolved",
            "gauge",
            "A and AAAA RRsets of targets of which there is nothing to serve",
            alias.unresolved as f64,
        );
        put("alias_queries_total", "counter", "Questions put to the resolver for ALIAS", alias.queries as f64);
        put("alias_failures_total", "counter", "Questions for ALIAS without an answer of use", alias.failures as f64);
        put("signatures_total", "counter", "Signatures made ahead of queries since the start", status.signed as f64);
        let workbench = self.table.view().bench().status();
        put(
            "signatures_on_query_total",
            "counter",
            "RRsets signed while a query waited, since the start",
            workbench.signed as f64,
        );
        put("proof_cache_bytes", "gauge", "Proofs kept that were made for a query", workbench.cache_octets as f64);
        put(
            "presigned_faulty_zones",
            "gauge",
            "Presigned zones with signatures or denial records missing",
            status.presigned_faulty as f64,
        );
        put(
            "presigned_expiry_timestamp_seconds",
            "gauge",
            "When the first signature of a presigned zone ends, 0 without such zones",
            f64::from(status.presigned_expiry.unwrap_or(0)),
        );
        text
    }
}
