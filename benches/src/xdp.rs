//! AF_XDP beside sockets, Signpost's beside Knot's, over a pair of virtual interfaces between two network namespaces.
//!
//! ```text
//! cargo run --release -p signpost-benches -- xdp
//! ```
//!
//! As root, with Debian's knot and kxdpgun (package knot-dnsutils). kxdpgun sends through AF_XDP as fast as its core allows, more than
//! anyone can answer, and counts replies. Server and load have a core each and go before everything else (SCHED_RR); the four
//! take turns, and medians are reported. A virtual interface is no card: the kernel copies every frame, makes a packet of each reply,
//! and receives for the other end in whoever's time sends. What is saved is the network stack between.

use crate::compare::work::{self, Work, ZONE};
use crate::process;
use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use signpost_tests::link::Link;
use signpost_tests::process::{Daemon, output};
use signpost_tests::server::{binary, clean_command};
use std::fmt;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";
const SERVER: &str = "10.53.0.1";
/// It is a bound, not a wait.
const START_MAX: Duration = Duration::from_secs(120);
/// Random names in a file that is asked over and over.
const RANDOM_NAMES: u32 = 200_000;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Names of the zone.
    #[arg(long, default_value_t = 10_000)]
    names: u32,
    /// Rounds; medians are reported.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load on each server in each round.
    #[arg(long, default_value_t = 2)]
    seconds: u32,
    /// Queries a second that are tried to send.
    #[arg(long, default_value_t = 2_000_000)]
    rate: u32,
    /// Where zones are made and kept for the next time. By default beside the program.
    #[arg(long)]
    work: Option<PathBuf>,
    /// A file that is locked for each run, so that measurements beside each other take turns (see flock(1)).
    #[arg(long)]
    lock: Option<PathBuf>,
}

/// Who answers, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Server {
    SignpostSockets,
    SignpostXdp,
    KnotSockets,
    KnotXdp,
}

const SERVERS: [Server; 4] = [Server::KnotSockets, Server::SignpostSockets, Server::KnotXdp, Server::SignpostXdp];

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Server::SignpostSockets => "Signpost, sockets",
            Server::SignpostXdp => "Signpost, AF_XDP",
            Server::KnotSockets => "Knot, sockets",
            Server::KnotXdp => "Knot, AF_XDP",
        })
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Existing,
    Random,
}

impl Kind {
    fn rcode(self) -> &'static str {
        if self == Kind::Existing { "NOERROR" } else { "NXDOMAIN" }
    }

    /// Queries with DO as kxdpgun takes them.
    fn write(self, names: u32, path: &Path) -> Result<()> {
        let mut text = String::new();
        match self {
            // One after the other they would lie side by side in memory.
            Kind::Existing => {
                let rrsets: Vec<_> = work::rrsets(names).collect();
                let step = (rrsets.len() * 618 / 1000) | 1;
                for at in 0..rrsets.len() {
                    let rrset = &rrsets[at * step % rrsets.len()];
                    writeln!(text, "{} {} D", rrset.owner, rrset.rtype)?;
                }
            }
            Kind::Random => {
                for number in 0..u64::from(RANDOM_NAMES) {
                    writeln!(text, "{:016x}.{ZONE} A D", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))?;
                }
            }
        }
        std::fs::write(path, text).map_err(Into::into)
    }
}

/// One run.
#[derive(Debug, Clone, Copy)]
struct Run {
    sent: f64,
    answered: f64,
    cpu_micros: f64,
    busy: f64,
    wrong: u64,
}

/// Runs all in turn, and prints medians.
pub(crate) fn report(arguments: &Arguments) -> Result<()> {
    ensure!(output(Command::new("id").arg("-u")).stdout.trim_ascii() == b"0", "AF_XDP is for root");
    let folder = match &arguments.work {
        Some(folder) => folder.clone(),
        None => std::env::current_exe()?.parent().context("a program is in a folder")?.join("compare"),
    };
    let work = Work::prepare(&folder, arguments.names, binary())?;
    for kind in [Kind::Existing, Kind::Random] {
        let mut series: [Vec<Run>; 4] = Default::default();
        for _ in 0..arguments.rounds {
            for (server, series) in SERVERS.iter().zip(&mut series) {
                series.push(run(*server, kind, &work, arguments)?);
            }
        }
        print(kind, arguments, series.map(median));
    }
    Ok(())
}

fn print(kind: Kind, arguments: &Arguments, medians: [Run; 4]) {
    let what = if kind == Kind::Existing { "existing names" } else { "random names" };
    println!("\n{} names: {what}, DO set, {} rounds\n", arguments.names, arguments.rounds);
    println!("| | replies/s | of Knot's AF_XDP | CPU us/reply | busy | sent/s | wrong |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let ruler = medians[2].answered;
    for (server, Run { sent, answered, cpu_micros, busy, wrong }) in SERVERS.iter().zip(medians) {
        let ratio = answered / ruler;
        println!("| {server} | {answered:.0} | {ratio:.2} | {cpu_micros:.2} | {busy:.2} | {sent:.0} | {wrong} |");
    }
}

fn median(mut series: Vec<Run>) -> Run {
    series.sort_by(|a, b| a.answered.total_cmp(&b.answered));
    let wrong = series.iter().map(|run| run.wrong).sum();
    Run { wrong, ..series[series.len() / 2] }
}

/// Starts a server, asks it, and ends it.
fn run(server: Server, kind: Kind, work: &Work, arguments: &Arguments) -> Result<Run> {
    // Each has the whole link to itself, and finds it as new.
    let link = Link::new();
    let mut daemon = start(server, &link, work)?;
    wait_until_ready(server, &link, &mut daemon, work)?;
    let queries = link.folder().join("queries");
    kind.write(arguments.names, &queries)?;
    let _lock = match &arguments.lock {
        None => None,
        Some(path) => {
            let file = std::fs::File::options().create(true).append(true).open(path)?;
            file.lock()?;
            Some(file)
        }
    };
    process::pin(daemon.id(), SERVER_CORE)?;
    let realtime = process::realtime(&[daemon.id()]);
    ensure!(realtime.is_given(), "SCHED_RR is not permitted (chrt, CAP_SYS_NICE)");
    let mut load = Command::new("chrt");
    load.args(["-r", "10", "taskset", "-c", LOAD_CORE, "kxdpgun", "-F", LOAD_CORE, "-b", "32"]);
    load.args(["-t", &arguments.seconds.to_string(), "-Q", &arguments.rate.to_string(), "-i"])
        .arg(&queries)
        .arg(SERVER);
    let load = link.on_client(&load);
    let cpu = process::thread_seconds(&[daemon.id()])?;
    let started = Instant::now();
    let printed = String::from_utf8_lossy(&output(&mut { load }).stdout).into_owned();
    let elapsed = started.elapsed().as_secs_f64();
    let cpu = process::thread_seconds(&[daemon.id()])? - cpu;
    drop(realtime);
    daemon.assert_running();
    let number = |what: &str| -> Option<f64> {
        let rest = printed.lines().find_map(|line| line.strip_prefix(what))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let (Some(sent), Some(replies)) = (number("total queries:"), number("total replies:")) else {
        anyhow::bail!("kxdpgun said:\n{printed}");
    };
    let right = number(&format!("responded {}:", kind.rcode())).unwrap_or(0.0);
    let seconds = f64::from(arguments.seconds);
    Ok(Run {
        sent: sent / seconds,
        answered: replies / seconds,
        cpu_micros: cpu * 1e6 / replies,
        busy: cpu / elapsed.min(seconds),
        wrong: (replies - right) as u64,
    })
}

fn start(server: Server, link: &Link, work: &Work) -> Result<Daemon> {
    let folder = link.folder();
    let command = match server {
        Server::SignpostSockets | Server::SignpostXdp => {
            let database = folder.join("signpost.db");
            std::fs::copy(work.database(), &database)?;
            let mut command = clean_command();
            command.args(["serve", "--udp-workers=1", "--api=no", "--api-listen=127.0.0.1:8081"]);
            command.arg(format!("--dns-listen={SERVER}:53"));
            command.env("SIGNPOST_DATABASE_URL", format!("sqlite:{}", database.display()));
            if server == Server::SignpostXdp {
                command.args(["--xdp-interfaces=server", "--xdp-mode=native"]);
            }
            command
        }
        Server::KnotSockets | Server::KnotXdp => {
            let (here, zone) = (folder.display(), work.signed_zone().path);
            let xdp = if server == Server::KnotXdp { "xdp:\n    listen: server\n" } else { "" };
            let settings = format!(
                "server:\n    rundir: {here}\n    listen: {SERVER}@53\n    udp-workers: 1\n    tcp-workers: 1\n    \
                 background-workers: 1\n{xdp}database:\n    storage: {here}/database\nlog:\n  - target: stderr\n    \
                 any: info\nzone:\n  - domain: {ZONE}\n    file: {}\n    zonefile-sync: -1\n",
                zone.display()
            );
            let path = folder.join("knot.conf");
            std::fs::write(&path, settings)?;
            let mut command = Command::new("knotd");
            command.arg("-c").arg(path);
            command
        }
    };
    Ok(Daemon::start("the server", &mut link.on_server(&command), &folder.join("log")))
}

/// Until the RRset that was written last comes with its signature, and all others have theirs.
fn wait_until_ready(server: Server, link: &Link, daemon: &mut Daemon, work: &Work) -> Result<()> {
    let last = work::rrsets(work.names).last().context("the zone is empty")?;
    let mut dig = Command::new("dig");
    dig.args([
        "+tries=1",
        "+time=1",
        "+norecurse",
        "+dnssec",
        "+short",
        &format!("@{SERVER}"),
        &last.owner,
        last.rtype,
    ]);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--max-time", "5", "http://127.0.0.1:8081/metrics"]);
    let is_signed = || {
        if matches!(server, Server::KnotSockets | Server::KnotXdp) {
            return true;
        }
        let metrics = String::from_utf8_lossy(&output(&mut link.on_server(&curl)).stdout).into_owned();
        let made =
            metrics.lines().find_map(|line| line.strip_prefix("signpost_signatures_total ")?.parse::<u64>().ok());
        // Those that a query came first for are not counted.
        made.is_some_and(|made| made + 10 >= work.signatures)
    };
    let is_answered =
        || output(&mut link.on_client(&dig)).stdout.windows(6).any(|octets| octets == b" 13 3 " || octets == b" 13 4 ");
    let started = Instant::now();
    while !(is_answered() && is_signed()) {
        daemon.assert_running();
        ensure!(started.elapsed() < START_MAX, "{server} is not ready in time");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
