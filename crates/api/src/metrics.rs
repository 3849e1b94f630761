//! Counters: where they come from, `/metrics`, and `statistics` (PDNS-DIALECT section 11).

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::reply;
use crate::rings::{self, RingStatistic};
use crate::state::Api;

/// Whether a value only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One value under PowerDNS's name for it.
#[derive(Debug, Clone)]
pub struct Metric {
    /// As `statistics` shows it (`udp-queries`); `/metrics` shows `pdns_auth_udp_queries`.
    pub name: &'static str,
    /// One line.
    pub help: &'static str,
    /// Counter or gauge.
    pub kind: MetricKind,
    /// Now.
    pub value: u64,
}

/// Where the program's counters are read.
pub trait MetricsSource: Send + Sync + 'static {
    /// Values under PowerDNS's names. `uptime` and those of the API itself are added here.
    fn metrics(&self) -> Vec<Metric>;

    /// Values by query type, answer size and RCODE: `response-by-qtype`, `response-sizes`, `response-by-rcode`, entries of 0
    /// left out.
    fn maps(&self) -> Vec<(&'static str, Vec<(String, u64)>)> {
        Vec::new()
    }

    /// Names of the rings, in the order they are shown in.
    fn ring_names(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The ring of this name, if there is one.
    fn ring(&self, _name: &str) -> Option<RingStatistic> {
        None
    }

    /// Empties the ring of this name.
    fn clear_ring(&self, _name: &str) {}

    /// Prometheus text of values that PowerDNS does not have, every name beginning with `signpost_`.
    fn own_text(&self) -> String {
        String::new()
    }
}

/// What the API counts itself.
#[derive(Debug, Default)]
pub(crate) struct ApiCounters {
    pub(crate) requests: AtomicU64,
    pub(crate) published_late: AtomicU64,
    pub(crate) shed: AtomicU64,
    results: [AtomicU64; RESULTS.len()],
}

const RESULTS: [(u16, &str, &str); 9] = [
    (200, "api-result-200", "API answers with status 200"),
    (201, "api-result-201", "API answers with status 201"),
    (204, "api-result-204", "API answers with status 204"),
    (400, "api-result-400", "API answers with status 400"),
    (401, "api-result-401", "API answers with status 401"),
    (409, "api-result-409", "API answers with status 409"),
    (422, "api-result-422", "API answers with status 422"),
    (500, "api-result-500", "API answers with status 500"),
    (503, "api-result-503", "API answers with status 503: the database did not answer"),
];

impl ApiCounters {
    pub(crate) fn count_result(&self, status: StatusCode) {
        if let Some(at) = RESULTS.iter().position(|(code, ..)| *code == status.as_u16()) {
            self.results[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn metrics(&self) -> impl Iterator<Item = Metric> + '_ {
        let results = RESULTS.iter().zip(&self.results).map(|(&(_, name, help), count)| (name, help, count));
        [
            ("api-queries", "API requests", &self.requests),
            (
                "api-published-late",
                "changes confirmed before they were served, because the bound passed",
                &self.published_late,
            ),
            ("api-requests-shed", "API requests answered with 503 because too many were worked on", &self.shed),
        ]
        .into_iter()
        .chain(results)
        .map(|(name, help, count)| Metric {
            name,
            help,
            kind: MetricKind::Counter,
            value: count.load(Ordering::Relaxed),
        })
    }
}

impl Api {
    pub(crate) fn all_metrics(&self) -> Vec<Metric> {
        let mut metrics = self.state.metrics.metrics();
        metrics.extend(self.counters.metrics());
        metrics.push(Metric {
            name: "uptime",
            help: "Seconds since the server started",
            kind: MetricKind::Counter,
            value: self.started.elapsed().as_secs(),
        });
        metrics
    }
}

/// `GET /metrics`.
pub(crate) fn prometheus(api: &Api) -> Response {
    let mut text = String::with_capacity(16 * 1024);
    for metric in api.all_metrics() {
        let name = metric.name.replace('-', "_");
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
        };
        let Metric { help, value, .. } = metric;
        let _ =
            write!(text, "# HELP pdns_auth_{name} {help}\n# TYPE pdns_auth_{name} {kind}\npdns_auth_{name} {value}\n");
    }
    text.push_str(&api.state.metrics.own_text());
    let version = &api.state.settings.version;
    let _ = write!(
        text,
        "# HELP pdns_auth_info Info from the server, value is always 1\n# TYPE pdns_auth_info gauge\n\
         pdns_auth_info{{version=\"{version}\"}} 1\n"
    );
    reply::body(StatusCode::OK, "text/plain; version=0.0.4", text)
}

#[derive(Serialize)]
struct StatisticItem {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

#[derive(Serialize)]
struct MapStatisticItem {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: Vec<NamedValue>,
}

#[derive(Serialize)]
struct RingStatisticItem {
    name: &'static str,
    size: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: Vec<NamedValue>,
}

#[derive(Serialize)]
struct NamedValue {
    name: String,
    value: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Statistic {
    Item(StatisticItem),
    Map(MapStatisticItem),
    Ring(RingStatisticItem),
}

fn named_values(entries: Vec<(String, u64)>) -> Vec<NamedValue> {
    entries.into_iter().map(|(name, value)| NamedValue { name, value: value.to_string() }).collect()
}

/// `GET .../statistics`. `statistic` names a counter, a map or a ring. As for PowerDNS, only the word `false` leaves rings out.
pub(crate) async fn statistics(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let source = &api.state.metrics;
    let wanted = call.query("statistic").filter(|wanted| !wanted.is_empty());
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted == name);
    let items = api.all_metrics().into_iter().filter(|metric| is_wanted(metric.name)).map(|metric| {
        let value = metric.value.to_string();
        Statistic::Item(StatisticItem { name: metric.name, kind: "StatisticItem", value })
    });
    let maps = source.maps().into_iter().filter(|(name, _)| is_wanted(name)).map(|(name, entries)| {
        Statistic::Map(MapStatisticItem { name, kind: "MapStatisticItem", value: named_values(entries) })
    });
    let mut all: Vec<Statistic> = items.chain(maps).collect();
    // Who names one wants it.
    if wanted.is_some() || call.query("includerings") != Some("false") {
        let names = source.ring_names().into_iter().filter(|name| is_wanted(name)).collect();
        all.extend(rings::read(source, names).await?.into_iter().map(|ring| {
            let (name, size) = (ring.name, ring.capacity.to_string());
            let value = named_values(ring.entries);
            Statistic::Ring(RingStatisticItem { name, size, kind: "RingStatisticItem", value })
        }));
    }
    if wanted.is_some() && all.is_empty() {
        return Err(invalid("Unknown statistic name"));
    }
    Ok(reply::json(StatusCode::OK, &all))
}
