//! `/`: how the server is, on one page for people (PDNS-DIALECT section 2).
//!
//! Strangers choose the names and addresses that rings hold: every text that goes into the page goes through [`escape`]. The page has
//! no script, and its policy lets none run.

use std::borrow::Cow;
use std::fmt::Write;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::metrics::Metric;
use crate::publication::Check;
use crate::reply;
use crate::rings::{self, RingStatistic};
use crate::state::Api;

/// Nothing but the style sheet is loaded, and forms go nowhere else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Entries of a ring that are shown; the API has them all.
const SHOWN: usize = 10;
/// Rings that are shown, with their titles.
const RINGS: [(&str, &str); 8] = [
    ("queries", "Most asked"),
    ("remotes", "Who asks most"),
    ("nxdomain-queries", "Asked, but the name does not exist"),
    ("noerror-queries", "Asked, but the name has no such type"),
    ("servfail-queries", "Answered SERVFAIL"),
    ("unauth-queries", "Asked, but in no zone of ours"),
    ("remotes-unauth", "Who asks for what is in no zone of ours"),
    ("remotes-corrupt", "Who sends what is no query"),
];

/// `GET /`.
pub(crate) async fn show(api: &Api) -> Result<Response, ApiError> {
    let source = &api.state.metrics;
    let known = source.ring_names();
    let names = RINGS.iter().map(|(name, _)| *name).filter(|name| known.contains(name)).collect();
    let (ready, database) = (api.state.readiness.is_ready(), api.state.store.ping().await);
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        stands_for: &api.state.settings.version,
        uptime_secs: api.started.elapsed().as_secs(),
        not_ready: ready.as_ref().err().map(String::as_str),
        database_answers: database.is_ok(),
        checks: api.state.readiness.checks(),
        metrics: source.metrics(),
        rings: rings::read(source, names).await?,
        serves_api: api.state.settings.serve_api,
    };
    let mut response = reply::body(StatusCode::OK, "text/html; charset=utf-8", status.page());
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// `POST /`: empties all rings and shows the page; with `resetring` that one, and sends the browser back to the page.
pub(crate) async fn reset(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let source = &api.state.metrics;
    let Some(name) = call.query("resetring") else {
        source.ring_names().into_iter().for_each(|name| source.clear_ring(name));
        return show(api).await;
    };
    let known = source.ring_names().into_iter().find(|known| *known == name);
    source.clear_ring(known.ok_or_else(|| invalid(format!("Unknown ring '{name}'")))?);
    let mut response = reply::body(StatusCode::FOUND, "text/html; charset=utf-8", "");
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
    Ok(response)
}

/// `GET /style.css`.
pub(crate) fn style() -> Response {
    let mut response = reply::body(StatusCode::OK, "text/css; charset=utf-8", include_str!("status_page.css"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}

/// What the page tells.
struct Status<'a> {
    version: &'a str,
    stands_for: &'a str,
    uptime_secs: u64,
    /// Why queries are not to come here yet.
    not_ready: Option<&'a str>,
    database_answers: bool,
    checks: Vec<Check>,
    metrics: Vec<Metric>,
    rings: Vec<RingStatistic>,
    serves_api: bool,
}

impl Status<'_> {
    fn page(&self) -> String {
        let mut page = String::with_capacity(16 * 1024);
        page.push_str(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>Signpost</title>\n<link rel=\"stylesheet\" href=\"style.css\">\n</head>\n<body>\n",
        );
        self.head(&mut page);
        self.state(&mut page);
        self.numbers(&mut page);
        page.push_str("<main>\n");
        for (name, title) in RINGS {
            if let Some(ring) = self.rings.iter().find(|ring| ring.name == name) {
                show_ring(&mut page, ring, title);
            }
        }
        page.push_str("</main>\n</body>\n</html>\n");
        page
    }

    fn head(&self, page: &mut String) {
        let docs = if self.serves_api { " <a href=\"/api/docs\">API (with its key)</a>" } else { "" };
        let _ = write!(
            page,
            "<header>\n<h1>Signpost <small>{}</small></h1>\n<nav><a href=\"/metrics\">Metrics</a>{docs} \
             <a href=\"/readyz\">Readiness</a></nav>\n</header>\n",
            escape(self.version),
        );
    }

    /// Whether all is well, and what is not.
    fn state(&self, page: &mut String) {
        let (class, words) = match self.not_ready {
            None => ("good", Cow::from("All zones are served")),
            Some(why) => ("bad", escape(why)),
        };
        let _ = writeln!(page, "<ul class=\"state\">\n<li class=\"{class}\">{words}</li>");
        let (class, words) = match self.database_answers {
            true => ("good", "The database answers"),
            false => ("bad", "The database does not answer; zones are served from memory"),
        };
        let _ = writeln!(page, "<li class=\"{class}\">{words}</li>");
        for check in self.checks.iter().filter(|check| !check.is_ok) {
            let _ = writeln!(page, "<li class=\"bad\">{}: {}</li>", escape(check.name), escape(&check.detail));
        }
        page.push_str("</ul>\n");
    }

    fn numbers(&self, page: &mut String) {
        let value = |name: &str| self.metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value);
        let sum = |names: &[&str]| names.iter().filter_map(|name| value(name)).sum::<u64>();
        let queries = sum(&["udp-queries", "tcp-queries", "dot-queries", "doh-queries", "doq-queries"]);
        page.push_str("<dl>\n");
        let mut put = |term: &str, words: String| {
            let _ = writeln!(page, "<div><dt>{term}</dt><dd>{words}</dd></div>");
        };
        let uptime = self.uptime_secs;
        let (days, hours, minutes) = (uptime / 86_400, uptime / 3600 % 24, uptime / 60 % 60);
        put("Up for", if days > 0 { format!("{days} d {hours} h") } else { format!("{hours} h {minutes} min") });
        if let Some(zones) = value("zone-cache-size") {
            put("Zones", grouped(zones));
        }
        put("Queries", grouped(queries));
        put("Queries a second, overall", grouped(queries / uptime.max(1)));
        for (term, name) in [
            ("Over UDP", "udp-queries"),
            ("Over TCP", "tcp-queries"),
            ("Over TLS", "dot-queries"),
            ("Over HTTPS", "doh-queries"),
            ("Over QUIC", "doq-queries"),
            ("Name does not exist", "nxdomain-packets"),
            ("SERVFAIL", "servfail-packets"),
            ("In no zone of ours", "unauth-packets"),
            ("Withheld by rate limits", "rrl-dropped"),
            ("Signatures made", "signatures"),
            ("Open TCP connections", "open-tcp-connections"),
        ] {
            if let Some(value) = value(name) {
                put(term, grouped(value));
            }
        }
        if let Some(latency) = value("latency").filter(|latency| *latency > 0) {
            put("Time to answer", format!("{} µs", grouped(latency)));
        }
        if let Some(memory) = value("real-memory-usage") {
            put("Memory", format!("{} MiB", grouped(memory >> 20)));
        }
        put("Speaks as", format!("PowerDNS {}", escape(self.stands_for)));
        page.push_str("</dl>\n");
    }
}

fn show_ring(page: &mut String, ring: &RingStatistic, title: &str) {
    let total: u64 = ring.entries.iter().map(|(_, count)| count).sum();
    let _ = write!(
        page,
        "<section>\n<form method=\"post\" action=\"/?resetring={name}\"><button>Reset</button></form>\n<h2>{title}</h2>\n",
        name = ring.name,
    );
    if ring.entries.is_empty() {
        page.push_str("<p>Nothing yet.</p>\n</section>\n");
        return;
    }
    page.push_str("<table>\n");
    for (text, count) in ring.entries.iter().take(SHOWN) {
        let percent = *count as f64 * 100.0 / total.max(1) as f64;
        let _ =
            writeln!(page, "<tr><td>{}</td><td>{}</td><td>{percent:.1} %</td></tr>", escape(text), grouped(*count),);
    }
    let shown = ring.entries.len().min(SHOWN);
    let _ = write!(
        page,
        "</table>\n<p>{shown} of {} among the last {} (at most {})</p>\n</section>\n",
        grouped(ring.entries.len() as u64),
        grouped(total),
        grouped(ring.capacity as u64),
    );
}

/// Text that is text in an element or an attribute with quotes, whatever it holds.
fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::from(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    Cow::from(out)
}

/// Digits in groups of three, which a line does not break.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_ring_holds_stays_text() {
        let entries = vec![("<script>alert('1')</script>\"&.example/A".to_owned(), 3)];
        let mut page = String::new();
        show_ring(&mut page, &RingStatistic { name: "queries", capacity: 10_000, entries }, "Most asked");
        assert!(
            page.contains("<td>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;.example/A</td>"),
            "{page}"
        );
        assert!(!page.contains("<script"));
    }

    #[test]
    fn numbers_are_read_in_groups() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
