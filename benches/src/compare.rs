//! Signpost beside other nameservers: one zone, one load, one machine, in turn.
//!
//! ```text
//! cargo run --release -p signpost-benches -- compare --all --out docs/compare
//! cargo run --release -p signpost-benches -- compare --names 10000 --kind existing --kind random
//! cargo run --release -p signpost-benches -- compare --signpost before=/path/to/signpost --signpost after=/path/to/other
//! ```
//!
//! Each server answers on one core, the load is on the other, and both go before everything else on the machine (SCHED_RR) for the
//! seconds of a run. All servers stay started; in each round every one has its turn, and medians of the rounds are reported. Every
//! reply is judged: a wrong one makes the command fail.

mod contenders;
mod load;
mod measure;
mod picture;
mod questions;
mod report;
mod shared;
mod streams;
pub(crate) mod work;

pub(crate) use contenders::echo;

use crate::process;
use anyhow::{Context, Result, ensure};
use clap::Args;
use contenders::{Contender, Running, Server};
use measure::{Measured, Way};
use questions::{Dnssec, Kind, Order, Questions};
use report::{Body, Report, Section};
use signpost_tests::server;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use streams::{Transport, Use};
use work::Work;

/// The server's core, and the load's.
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";
/// Client ports with one question under way each.
const PORTS: usize = 192;
/// Client ports that share all questions.
const SHARED_PORTS: usize = 4;
const SMALL: u32 = 10_000;
const LARGE: u32 = 1_000_000;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Everything, as docs/performance.md has it; the next four options do not count then.
    #[arg(long)]
    all: bool,
    /// Names of the zone; several are compared one after the other.
    #[arg(long, default_values_t = [SMALL])]
    names: Vec<u32>,
    /// Which names are asked for.
    #[arg(long, value_enum, default_values_t = [Kind::Existing, Kind::Random])]
    kind: Vec<Kind>,
    /// Ask without DO, and without EDNS.
    #[arg(long)]
    without_do: bool,
    /// Which servers take part.
    #[arg(long, value_enum, default_values_t = [Server::Echo, Server::Echo250, Server::Signpost, Server::Knot, Server::Nsd])]
    server: Vec<Server>,
    /// Builds of Signpost that take part, in place of this one.
    #[arg(long, value_name = "LABEL=PATH")]
    signpost: Vec<Build>,
    /// Rounds; medians are reported.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of load on each server in each round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// One short round, and no large zones: to see that it works.
    #[arg(long)]
    quick: bool,
    /// Client ports, each with one question under way.
    #[arg(long, default_value_t = PORTS)]
    ports: usize,
    /// Client ports that share all questions, in place of those.
    #[arg(long)]
    shared_ports: Option<usize>,
    /// Leave out the latency at half of what a server can do.
    #[arg(long)]
    without_latency: bool,
    /// A folder for the results: compare.md, compare.json and compare.svg.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where zones are made and kept for the next time. By default beside the program.
    #[arg(long)]
    work: Option<PathBuf>,
    /// A file that is locked for each round, so that measurements beside each other take turns (see flock(1)).
    #[arg(long)]
    lock: Option<PathBuf>,
}

/// A build of Signpost.
#[derive(Debug, Clone)]
struct Build {
    label: String,
    program: PathBuf,
}

impl FromStr for Build {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Build, &'static str> {
        let (label, program) = text.split_once('=').ok_or("it is not LABEL=PATH")?;
        Ok(Build { label: label.to_owned(), program: program.into() })
    }
}

/// Servers that are started together on one zone, and what they are asked.
struct Stage {
    names: u32,
    contenders: Vec<Contender>,
    trials: Vec<Trial>,
    /// Whether start and memory are reported too.
    starts: bool,
}

/// One table.
struct Trial {
    about: &'static str,
    kind: Kind,
    dnssec: Dnssec,
    way: Way,
    latency: bool,
}

/// Runs the comparison and prints it.
pub(crate) fn report(arguments: &Arguments) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "server and load need a core each, and here is one");
    let builds = builds(arguments)?;
    let folder = match &arguments.work {
        Some(folder) => folder.clone(),
        None => std::env::current_exe()?.parent().context("a program is in a folder")?.join("compare"),
    };
    let stages = if arguments.all { all(arguments, &builds) } else { chosen(arguments, &builds) };
    let mut report = Report::default();
    for stage in stages {
        let work = Work::prepare(&folder, stage.names, &builds[0].program)?;
        let mut servers = Vec::new();
        for contender in &stage.contenders {
            let _turn = lock(arguments)?;
            servers.push(contender.start(&work)?);
        }
        for trial in &stage.trials {
            let measured = compare(arguments, &mut servers, stage.names, trial)?;
            report.add(Section { title: title(stage.names, trial), names: stage.names, body: Body::Rates(measured) });
        }
        if !stage.starts {
            continue;
        }
        let starts = servers.iter_mut().filter(|server| !server.contender.server.is_echo());
        let starts = starts.map(|server| server.started(&work)).collect::<Result<Vec<_>>>()?;
        let title = format!("{} names: start and memory", report::grouped(stage.names.into()));
        report.add(Section { title, names: stage.names, body: Body::Starts(starts) });
    }
    if let Some(folder) = &arguments.out {
        report.write(folder)?;
    }
    let wrong = report.wrong();
    ensure!(wrong == 0, "{wrong} replies were wrong");
    Ok(())
}

fn title(names: u32, trial: &Trial) -> String {
    let dnssec = if trial.dnssec == Dnssec::Wanted { "DO set" } else { "without DO" };
    format!("{} names: {}, {dnssec}{}", report::grouped(names.into()), trial.kind, trial.about)
}

/// What the options ask for.
fn chosen(arguments: &Arguments, builds: &[Build]) -> Vec<Stage> {
    let dnssec = if arguments.without_do { Dnssec::Unwanted } else { Dnssec::Wanted };
    let way = arguments.shared_ports.map_or(Way::Ports(arguments.ports), Way::Shared);
    let latency = !arguments.without_latency && arguments.shared_ports.is_none();
    let stage = |&names: &u32| {
        let trials = arguments.kind.iter().map(|&kind| Trial { about: "", kind, dnssec, way, latency });
        Stage { names, contenders: contenders(&arguments.server, builds), trials: trials.collect(), starts: true }
    };
    arguments.names.iter().map(stage).collect()
}

/// Everything.
fn all(arguments: &Arguments, builds: &[Build]) -> Vec<Stage> {
    use Server::{
        Bind, Echo, Echo250, EchoSegmented, Knot, Nsd, Pdns, PdnsNarrow, Signpost, SignpostCounted, SignpostPostgres,
    };
    let way = Way::Ports(arguments.ports);
    let trial = |kind| Trial { about: "", kind, dnssec: Dnssec::Wanted, way, latency: !arguments.without_latency };
    let small = Stage {
        names: SMALL,
        contenders: contenders(&[Echo, Echo250, Signpost, SignpostCounted, Knot, Nsd, Bind, Pdns, PdnsNarrow], builds),
        trials: vec![
            trial(Kind::Existing),
            trial(Kind::Random),
            Trial { latency: false, ..trial(Kind::Half) },
            Trial { dnssec: Dnssec::Unwanted, latency: false, ..trial(Kind::Existing) },
        ],
        starts: true,
    };
    let mut everywhere = contenders(&[Signpost, Knot], builds);
    everywhere.extend(contenders(&[Signpost, Knot], builds).into_iter().map(Contender::everywhere));
    let everywhere = Stage {
        names: SMALL,
        contenders: everywhere,
        trials: vec![Trial { latency: false, about: ", listening on all addresses", ..trial(Kind::Existing) }],
        starts: false,
    };
    let shared = |kind| Trial {
        way: Way::Shared(SHARED_PORTS),
        latency: false,
        about: ", from four client ports",
        ..trial(kind)
    };
    let shared = Stage {
        names: SMALL,
        contenders: contenders(&[Echo, Echo250, EchoSegmented, Signpost, Knot, Nsd], builds),
        trials: vec![shared(Kind::Existing), shared(Kind::Random)],
        starts: false,
    };
    let large = Stage {
        names: LARGE,
        contenders: contenders(&[Echo, Echo250, Signpost, SignpostPostgres, Knot, Nsd, Bind], builds),
        trials: vec![trial(Kind::Existing), trial(Kind::Random)],
        starts: true,
    };
    let stream = |about, transport, used| Trial {
        way: Way::Streams(transport, used),
        latency: false,
        about,
        ..trial(Kind::Existing)
    };
    let tcp = Stage {
        names: SMALL,
        contenders: contenders(&[Signpost, Knot, Nsd, Bind], builds),
        trials: vec![
            stream(", over one TCP connection", Transport::Tcp, Use::Long),
            stream(", over a TCP connection each", Transport::Tcp, Use::Short),
        ],
        starts: false,
    };
    // Debian's Knot does not speak it.
    let tls = Stage {
        names: SMALL,
        contenders: contenders(&[Signpost, Nsd, Bind], builds).into_iter().map(Contender::with_tls).collect(),
        trials: vec![
            stream(", over one TLS connection", Transport::Tls, Use::Long),
            stream(", over a TLS connection each", Transport::Tls, Use::Short),
        ],
        starts: false,
    };
    let mut stages = vec![small, everywhere, shared, tcp, tls];
    if !arguments.quick {
        stages.push(large);
    }
    stages
}

/// The builds that were named, or this one.
fn builds(arguments: &Arguments) -> Result<Vec<Build>> {
    for build in &arguments.signpost {
        ensure!(build.program.is_file(), "{} is no file", build.program.display());
    }
    if !arguments.signpost.is_empty() {
        // Relative paths mean nothing where servers run.
        let absolute = |build: &Build| Ok(Build { program: build.program.canonicalize()?, ..build.clone() });
        return arguments.signpost.iter().map(absolute).collect();
    }
    Ok(vec![Build { label: String::new(), program: server::binary().to_owned() }])
}

/// Every server that takes part; each kind of Signpost once for each build.
fn contenders(servers: &[Server], builds: &[Build]) -> Vec<Contender> {
    let mut contenders = Vec::new();
    for &server in servers {
        if server.is_echo() || server.is_peer() {
            contenders.push(Contender::new(server, &builds[0].program));
            continue;
        }
        for build in builds {
            let mut contender = Contender::new(server, &build.program);
            if !build.label.is_empty() {
                contender.label = format!("{} {}", contender.label, build.label);
            }
            contenders.push(contender);
        }
    }
    contenders
}

/// Lets every server have its turn in each round.
fn compare(arguments: &Arguments, servers: &mut [Running], names: u32, trial: &Trial) -> Result<Vec<Measured>> {
    let order = if matches!(trial.way, Way::Ports(_)) { Order::Mixed } else { Order::Runs };
    let mut questions = Questions::new(names, trial.kind, trial.dnssec, order);
    let (rounds, seconds) = if arguments.quick { (1, 0.3) } else { (arguments.rounds, arguments.seconds) };
    let time = Duration::from_secs_f64(seconds);
    let mut series = vec![measure::Series::default(); servers.len()];
    for _ in 0..rounds {
        let _turn = Turn::wait(arguments)?;
        for (server, series) in servers.iter_mut().zip(&mut series) {
            series.capacity(server, &mut questions, trial.way, time)?;
        }
    }
    for _ in 0..if trial.latency { rounds } else { 0 } {
        let _turn = Turn::wait(arguments)?;
        for (server, series) in servers.iter_mut().zip(&mut series) {
            series.latency(server, &mut questions, arguments.ports, time)?;
        }
    }
    Ok(measure::medians(servers, &series))
}

/// The machine's cores for one round.
struct Turn {
    _lock: Option<std::fs::File>,
    _realtime: process::Realtime,
}

impl Turn {
    fn wait(arguments: &Arguments) -> Result<Turn> {
        let lock = lock(arguments)?;
        let own = std::process::id();
        process::pin(own, LOAD_CORE)?;
        let realtime = process::realtime(&[own]);
        if !realtime.is_given() {
            eprintln!(
                "SCHED_RR is not permitted (chrt, CAP_SYS_NICE): whatever else runs here disturbs the measurement"
            );
        }
        Ok(Turn { _lock: lock, _realtime: realtime })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Servers that are started later would have this core alone.
        let _ = process::pin(std::process::id(), &format!("{SERVER_CORE},{LOAD_CORE}"));
    }
}

/// The lock that was named, until it is dropped.
fn lock(arguments: &Arguments) -> Result<Option<std::fs::File>> {
    let Some(path) = &arguments.lock else { return Ok(None) };
    let file = std::fs::File::options().create(true).append(true).open(path)?;
    file.lock()?;
    Ok(Some(file))
}
