//! Signpost beside other nameservers: one zone, one load, one machine, in turn.
//!
//! ```text
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
mod questions;
mod table;
mod work;

pub(crate) use contenders::echo;

use crate::process;
use anyhow::{Context, Result, ensure};
use clap::Args;
use contenders::{Contender, Running, Server};
use measure::Measured;
use questions::{Dnssec, Kind, Questions};
use signpost_tests::server;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use work::Work;

/// The server's core, and the load's.
const SERVER_CORE: u32 = 0;
const LOAD_CORE: u32 = 1;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Names of the zone; several are compared one after the other.
    #[arg(long, default_values_t = [10_000])]
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
    /// Client ports, each with one question under way.
    #[arg(long, default_value_t = 192)]
    ports: usize,
    /// Leave out the latency at half of what a server can do.
    #[arg(long)]
    without_latency: bool,
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

/// Runs the comparison and prints it.
pub(crate) fn report(arguments: &Arguments) -> Result<()> {
    let builds = builds(arguments)?;
    let folder = match &arguments.work {
        Some(folder) => folder.clone(),
        None => std::env::current_exe()?.parent().context("a program is in a folder")?.join("compare"),
    };
    let mut wrong = 0;
    for &names in &arguments.names {
        let work = Work::prepare(&folder, names, &builds[0].program)?;
        let mut servers = Vec::new();
        for contender in contenders(arguments, &builds) {
            servers.push(contender.start(&work)?);
        }
        for &kind in &arguments.kind {
            let measured = compare(arguments, &mut servers, names, kind)?;
            println!("\n{}", table::title(names, kind, dnssec(arguments), &measured));
            println!("{}", table::markdown(&measured));
            wrong += measured.iter().map(|measured| measured.wrong).sum::<u64>();
        }
    }
    ensure!(wrong == 0, "{wrong} replies were wrong");
    Ok(())
}

fn dnssec(arguments: &Arguments) -> Dnssec {
    if arguments.without_do { Dnssec::Unwanted } else { Dnssec::Wanted }
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
fn contenders(arguments: &Arguments, builds: &[Build]) -> Vec<Contender> {
    let mut contenders = Vec::new();
    for &server in &arguments.server {
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
fn compare(arguments: &Arguments, servers: &mut [Running], names: u32, kind: Kind) -> Result<Vec<Measured>> {
    let mut questions = Questions::new(names, kind, dnssec(arguments));
    let time = Duration::from_secs_f64(arguments.seconds);
    let mut series = vec![measure::Series::default(); servers.len()];
    for _ in 0..arguments.rounds {
        let _turn = Turn::wait(arguments)?;
        for (server, series) in servers.iter_mut().zip(&mut series) {
            series.capacity(server, &mut questions, arguments.ports, time)?;
        }
    }
    for _ in 0..if arguments.without_latency { 0 } else { arguments.rounds } {
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
        let lock = match &arguments.lock {
            Some(path) => {
                let file = std::fs::File::options().create(true).append(true).open(path)?;
                file.lock()?;
                Some(file)
            }
            None => None,
        };
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
