//! Results as Markdown, JSON and a picture.

use super::contenders::{Server, Started};
use super::measure::Measured;
use super::picture;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// All tables, each printed when it is there.
#[derive(Debug, Default)]
pub(crate) struct Report {
    sections: Vec<Section>,
}

/// One table.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) names: u32,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Body {
    Rates(Vec<Measured>),
    Starts(Vec<Started>),
}

impl Report {
    pub(crate) fn add(&mut self, section: Section) {
        println!("{}", section.markdown());
        self.sections.push(section);
    }

    /// Replies that were not what they should be.
    pub(crate) fn wrong(&self) -> u64 {
        let rates = self.sections.iter().filter_map(|section| match &section.body {
            Body::Rates(measured) => Some(measured),
            Body::Starts(_) => None,
        });
        rates.flatten().map(|measured| measured.wrong).sum()
    }

    /// Writes all three into `folder`.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
        };
        let markdown: Vec<String> = self.sections.iter().map(Section::markdown).collect();
        write("compare.md", markdown.join("\n"))?;
        let json: Vec<Value> = self.sections.iter().map(Section::json).collect();
        write("compare.json", serde_json::to_string_pretty(&json)? + "\n")?;
        write("compare.svg", picture::draw(&self.sections))
    }
}

impl Section {
    fn markdown(&self) -> String {
        let table = match &self.body {
            Body::Rates(measured) => rates(measured),
            Body::Starts(starts) => self::starts(starts),
        };
        format!("### {}\n\n{table}", self.title)
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = match &self.body {
            Body::Rates(measured) => measured.iter().map(rate_json).collect(),
            Body::Starts(starts) => starts.iter().map(start_json).collect(),
        };
        json!({ "title": self.title, "names": self.names, "rows": rows })
    }
}

fn rates(measured: &[Measured]) -> String {
    let of = |server: Server| measured.iter().find(|other| other.server == server).map(|other| other.per_second);
    let best = measured.iter().filter(|other| other.server.is_peer()).map(|other| other.per_second).reduce(f64::max);
    let mut text = String::from(
        "| server | queries/s | spread | of the echo loop | of the best peer | of Knot | CPU us/query | server busy | load's waits/query | \
         p50 us | p99 us | octets/reply | wrong | lost |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for one in measured {
        let rate = one.per_second;
        let beside = |other: Option<f64>| if one.server.is_echo() { String::new() } else { ratio(rate, other) };
        let cells = [
            one.label.clone(),
            grouped(rate as u64),
            format!("{:.0} %", one.spread * 100.0),
            ratio(rate, of(Server::Echo)),
            beside(best),
            beside(of(Server::Knot)),
            format!("{:.2}", one.cpu_micros),
            format!("{:.2}", one.busy),
            format!("{:.2}", one.waits),
            micros(one.latency.map(|latency| latency.0)),
            micros(one.latency.map(|latency| latency.1)),
            format!("{:.0}", one.reply_octets),
            one.wrong.to_string(),
            one.lost.to_string(),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn starts(starts: &[Started]) -> String {
    let mut text = String::from(
        "| server | start to answer s | CPU s | signing after s | MiB at start | MiB after all loads | octets/RRset | octets/signed RRset |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for one in starts {
        let mebibytes = |bytes: u64| format!("{:.0}", bytes as f64 / 1_048_576.0);
        let signing = one.start.signing;
        let cells = [
            one.label.clone(),
            format!("{:.2}", one.start.time.as_secs_f64()),
            format!("{:.1}", one.start.cpu_seconds),
            if signing.is_zero() { String::new() } else { format!("{:.1}", signing.as_secs_f64()) },
            mebibytes(one.start.bytes),
            mebibytes(one.bytes_now),
            (one.bytes_now / one.rrsets.max(1)).to_string(),
            (one.bytes_now / one.signed.max(1)).to_string(),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn rate_json(one: &Measured) -> Value {
    let micros = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
    json!({
        "server": one.label,
        "queries_per_second": one.per_second.round(),
        "spread": one.spread,
        "cpu_micros_per_query": one.cpu_micros,
        "server_busy": one.busy,
        "load_waits_per_query": one.waits,
        "half_load_p50_micros": one.latency.map(|latency| micros(latency.0)),
        "half_load_p99_micros": one.latency.map(|latency| micros(latency.1)),
        "octets_per_reply": one.reply_octets.round(),
        "wrong": one.wrong,
        "lost": one.lost,
    })
}

fn start_json(one: &Started) -> Value {
    json!({
        "server": one.label,
        "start_seconds": one.start.time.as_secs_f64(),
        "start_cpu_seconds": one.start.cpu_seconds,
        "signing_seconds": one.start.signing.as_secs_f64(),
        "bytes_at_start": one.start.bytes,
        "bytes_after_loads": one.bytes_now,
        "rrsets": one.rrsets,
        "signed_rrsets": one.signed,
    })
}

fn ratio(mine: f64, other: Option<f64>) -> String {
    other.map_or(String::new(), |other| match mine / other {
        ratio if ratio < 0.1 => format!("{ratio:.3}"),
        ratio => format!("{ratio:.2}"),
    })
}

fn micros(time: Option<Duration>) -> String {
    time.map_or(String::new(), |time| format!("{:.0}", time.as_secs_f64() * 1e6))
}

/// A number with a comma before each three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_have_commas() {
        assert_eq!(["0", "999", "1,000", "217,377", "1,000,000"], [0, 999, 1000, 217_377, 1_000_000].map(grouped)[..]);
    }
}
