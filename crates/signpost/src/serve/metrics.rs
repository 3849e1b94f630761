//! Counters of the parts, for `/metrics` and the API's statistics.

use std::fmt::Write;
use std::sync::Arc;

use api::{Metric, MetricKind, MetricsSource};
use dataplane::DataPlane;
use dnssec::ZoneTable;
use publish::Publisher;

use super::late_store::LateStore;

/// Reads the counters where they are kept.
pub(super) struct Metrics {
    pub(super) plane: Arc<DataPlane>,
    pub(super) publisher: Publisher,
    pub(super) store: Arc<LateStore>,
    pub(super) table: Arc<ZoneTable>,
}

impl MetricsSource for Metrics {
    fn metrics(&self) -> Vec<Metric> {
        let kind = |name: &str| if name.starts_with("open-") { MetricKind::Gauge } else { MetricKind::Counter };
        let counters = self.plane.counters();
        let metric = |counter: dataplane::NamedCounter| Metric {
            name: counter.name,
            help: counter.description,
            kind: kind(counter.name),
            value: counter.value,
        };
        counters.iter().map(metric).collect()
    }

    fn maps(&self) -> Vec<(&'static str, Vec<(String, u64)>)> {
        let counters = self.plane.counters();
        vec![
            ("response-by-qtype", counters.by_qtype().map(|(qtype, count)| (qtype.to_string(), count)).collect()),
            ("response-sizes", counters.by_size().map(|(size, count)| (size.to_string(), count)).collect()),
            ("response-by-rcode", counters.by_rcode().map(|(rcode, count)| (rcode.to_string(), count)).collect()),
        ]
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
