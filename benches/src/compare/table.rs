//! Results as Markdown.

use super::contenders::Server;
use super::measure::Measured;
use super::questions::{Dnssec, Kind};
use std::fmt::Write;

/// What was compared.
pub(crate) fn title(names: u32, kind: Kind, dnssec: Dnssec, measured: &[Measured]) -> String {
    let dnssec = if dnssec == Dnssec::Wanted { "DO set" } else { "without DO" };
    let spread = measured.iter().map(|measured| measured.spread).fold(0.0, f64::max);
    format!("### {names} names: {kind}, {dnssec}\n\nLargest spread of a server's rounds: {:.0} %.", spread * 100.0)
}

/// A line for each server.
pub(crate) fn markdown(measured: &[Measured]) -> String {
    let of = |server: Server| measured.iter().find(|other| other.server == server).map(|other| other.per_second);
    let best = measured.iter().filter(|other| other.server.is_peer()).map(|other| other.per_second).reduce(f64::max);
    let ratio = |mine: f64, other: Option<f64>| other.map_or("".to_owned(), |other| format!("{:.2}", mine / other));
    let micros = |time: Option<std::time::Duration>| {
        time.map_or("".to_owned(), |time| format!("{:.0}", time.as_secs_f64() * 1e6))
    };
    let mut text = String::from(
        "| server | queries/s | of the echo loop | of the best peer | of Knot | CPU us/query | server busy | load's waits/query | p50 us | \
         p99 us | octets/reply | wrong | lost |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for one in measured {
        let rate = one.per_second;
        let is_echo = one.server.is_echo();
        let beside = |other: Option<f64>| if is_echo { String::new() } else { ratio(rate, other) };
        let _ = writeln!(
            text,
            "| {} | {rate:.0} | {} | {} | {} | {:.2} | {:.2} | {:.2} | {} | {} | {:.0} | {} | {} |",
            one.label,
            ratio(rate, of(Server::Echo)),
            beside(best),
            beside(of(Server::Knot)),
            one.cpu_micros,
            one.busy,
            one.waits,
            micros(one.latency.map(|latency| latency.0)),
            micros(one.latency.map(|latency| latency.1)),
            one.reply_octets,
            one.wrong,
            one.lost,
        );
    }
    text
}
