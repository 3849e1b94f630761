//! Rounds of one server, and what they come to.

use super::SERVER_CORE;
use super::contenders::{Running, Server};
use super::load::{Counted, Load, Run};
use super::questions::Questions;
use super::shared;
use super::streams::{self, Transport, Use};
use crate::process;
use anyhow::{Context, Result};
use std::time::Duration;

/// How questions reach a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From so many ports with one question under way each, as resolvers send them.
    Ports(usize),
    /// From so few ports with many each, as dnsdist and forwarders send them.
    Shared(usize),
    /// Over connections.
    Streams(Transport, Use),
}

/// All rounds of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    runs: Vec<Run>,
    latencies: Vec<Latency>,
    /// At half of what it can do.
    slow: Counted,
}

#[derive(Debug, Clone, Copy)]
struct Latency {
    p50: Duration,
    p99: Duration,
}

/// Medians of one server's rounds.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) label: String,
    pub(crate) server: Server,
    pub(crate) per_second: f64,
    /// Lowest and highest round, over the median.
    pub(crate) spread: f64,
    pub(crate) cpu_micros: f64,
    /// Processor time of the server over time: near 1 if it had all it could do.
    pub(crate) busy: f64,
    /// Looks of the load for a reply that was not there, for each that was: how much quicker it was.
    pub(crate) waits: f64,
    pub(crate) reply_octets: f64,
    pub(crate) latency: Option<(Duration, Duration)>,
    pub(crate) wrong: u64,
    pub(crate) lost: u64,
}

impl Series {
    /// One round of as many questions as the server can answer.
    pub(crate) fn capacity(
        &mut self,
        server: &mut Running,
        questions: &mut Questions,
        way: Way,
        time: Duration,
    ) -> Result<()> {
        let _realtime = server.alone_on(SERVER_CORE)?;
        let processes = server.processes()?;
        let (dns, judge) = (server.dns, server.contender.server.judge());
        let cpu_seconds = || process::thread_seconds(&processes);
        let run = match way {
            Way::Ports(ports) => Load::new(dns, ports, questions, judge)?.all_it_can(time, cpu_seconds),
            Way::Shared(ports) => shared::all_it_can(dns, ports, questions, judge, time, cpu_seconds),
            Way::Streams(transport, used) => {
                let to = if transport == Transport::Tls { server.dot.context("it speaks no TLS")? } else { dns };
                streams::all_it_can(to, (transport, used), questions, judge, time, cpu_seconds)
            }
        };
        self.runs.push(run.with_context(|| format!("under load: {}", server.contender.label))?);
        Ok(())
    }

    /// One round at half of the median of those before.
    pub(crate) fn latency(
        &mut self,
        server: &mut Running,
        questions: &mut Questions,
        ports: usize,
        time: Duration,
    ) -> Result<()> {
        let _realtime = server.alone_on(SERVER_CORE)?;
        let per_second = median(self.runs.iter().map(Run::per_second)) / 2.0;
        let load = Load::new(server.dns, ports, questions, server.contender.server.judge())?;
        let (mut latencies, counted) =
            load.at_a_rate(per_second, time).with_context(|| format!("at half load: {}", server.contender.label))?;
        latencies.sort_unstable();
        let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied();
        if let (Some(p50), Some(p99)) = (at(50), at(99)) {
            self.latencies.push(Latency { p50, p99 });
        }
        self.slow.wrong += counted.wrong;
        self.slow.lost += counted.lost;
        Ok(())
    }

    fn measured(&self, server: &Running) -> Measured {
        let per_second = median(self.runs.iter().map(Run::per_second));
        let rates = || self.runs.iter().map(Run::per_second);
        let spread = (rates().fold(0.0, f64::max) - rates().fold(f64::INFINITY, f64::min)) / per_second;
        let sum = |count: fn(&Counted) -> u64| self.runs.iter().map(|run| count(&run.counted)).sum::<u64>();
        let of_replies =
            |count: fn(&Counted) -> u64| median(self.runs.iter().map(|run| count(&run.counted) as f64 / run.replies()));
        let latency = |pick: fn(&Latency) -> Duration| {
            let mut sorted: Vec<Duration> = self.latencies.iter().map(pick).collect();
            sorted.sort_unstable();
            sorted.get(sorted.len() / 2).copied()
        };
        Measured {
            label: server.contender.label.clone(),
            server: server.contender.server,
            per_second,
            spread,
            cpu_micros: median(self.runs.iter().map(|run| run.cpu_seconds * 1e6 / run.replies())),
            busy: median(self.runs.iter().map(|run| run.cpu_seconds / run.seconds)),
            waits: of_replies(|counted| counted.waits),
            reply_octets: of_replies(|counted| counted.octets),
            latency: latency(|latency| latency.p50).zip(latency(|latency| latency.p99)),
            wrong: sum(|counted| counted.wrong) + self.slow.wrong,
            lost: sum(|counted| counted.lost) + self.slow.lost,
        }
    }
}

impl Run {
    fn replies(&self) -> f64 {
        (self.counted.right + self.counted.wrong) as f64
    }

    fn per_second(&self) -> f64 {
        self.replies() / self.seconds
    }
}

/// What all rounds come to, in the order of `servers`.
pub(crate) fn medians(servers: &[Running], series: &[Series]) -> Vec<Measured> {
    servers.iter().zip(series).map(|(server, series)| series.measured(server)).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
