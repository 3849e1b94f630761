//! The servers, each started on the same zone.

use super::load::Judge;
use super::questions::{self, Dnssec};
use super::work::{self, Work, ZONE};
use crate::process::{self, Realtime};
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use dataplane::udp::Segmentation;
use signpost_tests::peers::{Peer, PeerKind, Service};
use signpost_tests::process::{Daemon, free_port};
use signpost_tests::query::Asker;
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::temp::TempDir;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Longest wait for a server that loads a large zone.
const START_MAX: Duration = Duration::from_secs(600);
/// Octets of a reply of the second echo loop: about those of a signed address.
const ECHO_OCTETS: usize = 250;

/// A server that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Server {
    /// The ceiling: receives 64 datagrams at a time and sends them back.
    Echo,
    /// The same with replies of 250 octets.
    #[value(name = "echo-250")]
    Echo250,
    /// As it is by default, on SQLite.
    Signpost,
    /// With rate limits that count this client too, and that it does not reach.
    SignpostCounted,
    /// Without cookies, rate limits and notes of queries.
    SignpostBare,
    /// Debian's Knot DNS with the signed file.
    Knot,
    /// Debian's NSD with the signed file.
    Nsd,
    /// Debian's BIND 9 with the signed file.
    Bind,
}

/// One server of a comparison.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) label: String,
    pub(crate) server: Server,
    /// The program, if it is Signpost.
    pub(crate) program: PathBuf,
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) contender: Contender,
    pub(crate) dns: SocketAddr,
    parts: Parts,
    _folder: TempDir,
}

enum Parts {
    Echo(Daemon),
    Signpost(Signpost),
    Peer(Peer),
}

impl Server {
    fn is_signpost(self) -> bool {
        matches!(self, Server::Signpost | Server::SignpostCounted | Server::SignpostBare)
    }

    /// Whether it is no nameserver but a ruler.
    pub(crate) fn is_echo(self) -> bool {
        matches!(self, Server::Echo | Server::Echo250)
    }

    /// Whether it is somebody else's.
    pub(crate) fn is_peer(self) -> bool {
        !self.is_echo() && !self.is_signpost()
    }

    pub(crate) fn judge(self) -> Judge {
        if self.is_echo() { Judge::ByIdAlone } else { Judge::Strictly }
    }

    /// As tables name it.
    fn label(self) -> &'static str {
        match self {
            Server::Echo => "echo loop",
            Server::Echo250 => "echo loop, 250 octets",
            Server::Signpost => "Signpost",
            Server::SignpostCounted => "Signpost, client counted",
            Server::SignpostBare => "Signpost, bare",
            Server::Knot => "Knot",
            Server::Nsd => "NSD",
            Server::Bind => "BIND",
        }
    }
}

impl Contender {
    pub(crate) fn new(server: Server, program: &Path) -> Contender {
        Contender { label: server.label().to_owned(), server, program: program.to_owned() }
    }

    /// Starts it, and returns when it answers for the zone and has nothing left to do.
    pub(crate) fn start(&self, work: &Work) -> Result<Running> {
        let folder = TempDir::new("compare");
        let started = Instant::now();
        let running = match self.server {
            Server::Echo => self.start_echo(0, folder)?,
            Server::Echo250 => self.start_echo(ECHO_OCTETS, folder)?,
            Server::Signpost => self.start_signpost(work, &[], folder)?,
            Server::SignpostCounted => {
                let limits =
                    ["responses", "nxdomains", "errors"].map(|kind| format!("--rrl-{kind}-per-second=1000000"));
                let flags = [&["--rrl-exempt=".to_owned()][..], &limits].concat();
                self.start_signpost(work, &flags, folder)?
            }
            Server::SignpostBare => {
                let limits = ["responses", "nxdomains", "errors"].map(|kind| format!("--rrl-{kind}-per-second=0"));
                let flags =
                    [&["--cookies=off".to_owned(), "--statistics-per-second=0".to_owned()][..], &limits].concat();
                self.start_signpost(work, &flags, folder)?
            }
            Server::Knot => self.start_peer(PeerKind::Knot, work, folder),
            Server::Nsd => self.start_peer(PeerKind::Nsd, work, folder),
            Server::Bind => self.start_peer(PeerKind::Bind, work, folder),
        };
        if !self.server.is_echo() {
            wait_for_answer(running.dns, work)?;
        }
        eprintln!("{} answers after {:.1} s", self.label, started.elapsed().as_secs_f64());
        if let Parts::Signpost(server) = &running.parts {
            wait_until_signed(server, work.signatures)?;
        }
        Ok(running)
    }

    fn start_echo(&self, octets: usize, folder: TempDir) -> Result<Running> {
        let port = free_port();
        let mut command = Command::new(std::env::current_exe().context("no path of our own")?);
        command.args(["echo", &port.to_string(), &octets.to_string()]);
        let daemon = Daemon::start("the echo loop", &mut command, &folder.join("log"));
        let dns = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let asker = Asker::new(dns, Duration::from_millis(50));
        let started = Instant::now();
        while asker.ask(b"ready?").is_err() {
            ensure!(started.elapsed() < Duration::from_secs(10), "the echo loop does not answer");
        }
        Ok(Running { contender: self.clone(), dns, parts: Parts::Echo(daemon), _folder: folder })
    }

    fn start_signpost(&self, work: &Work, flags: &[String], folder: TempDir) -> Result<Running> {
        // Each has a database of its own, as servers on different machines would.
        let database = folder.join("signpost.db");
        std::fs::copy(work.database(), &database).context("the database could not be copied")?;
        let url = format!("sqlite:{}", database.display());
        let mut settings = Settings::postgres(&url).of(&self.program).with("--udp-workers=1");
        settings.flags.extend_from_slice(flags);
        let server = Signpost::start(settings);
        Ok(Running { contender: self.clone(), dns: server.dns(), parts: Parts::Signpost(server), _folder: folder })
    }

    fn start_peer(&self, kind: PeerKind, work: &Work, folder: TempDir) -> Running {
        let zones = [work.signed_zone()];
        let service = Service { checks_zones: false, start_max: START_MAX, ..Service::default() };
        let mut peer = Peer::launch_as(kind, &zones, &service);
        peer.wait_until_ready(&zones);
        Running { contender: self.clone(), dns: peer.dns(), parts: Parts::Peer(peer), _folder: folder }
    }
}

impl Running {
    /// Its processes.
    pub(crate) fn processes(&mut self) -> Result<Vec<u32>> {
        process::family(match &mut self.parts {
            Parts::Echo(daemon) => daemon.id(),
            Parts::Signpost(server) => server.daemon().id(),
            Parts::Peer(peer) => peer.id(),
        })
    }

    /// Binds it to `core` and gives it the core's time before others until the value is dropped.
    pub(crate) fn alone_on(&mut self, core: u32) -> Result<Realtime> {
        let processes = self.processes()?;
        for id in &processes {
            process::pin(*id, core)?;
        }
        Ok(process::realtime(&processes))
    }
}

/// Is an echo loop until it is killed: what comes goes back, with `octets` octets if that is more.
pub(crate) fn echo(port: u16, octets: usize) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    let reply = |datagram: &[u8], reply: &mut [u8]| {
        reply.get_mut(..datagram.len())?.copy_from_slice(datagram);
        // What is behind it is whatever was there: nobody reads it.
        Some(datagram.len().max(octets))
    };
    dataplane::udp::exchange(&socket, &AtomicBool::new(false), Segmentation::Off, reply).context("the echo loop failed")
}

/// Asks for the RRset that was written last until it comes with its signature.
fn wait_for_answer(dns: SocketAddr, work: &Work) -> Result<()> {
    let last = work::rrsets(work.names).last().context("the zone is empty")?;
    let message = questions::message(&last.owner, last.rtype, Dnssec::Wanted);
    let asker = Asker::new(dns, Duration::from_millis(200));
    let started = Instant::now();
    let records = last.records.len() as u16 + 1;
    let is_right = |reply: &[u8]| reply.get(6..8) == Some(&records.to_be_bytes()[..]);
    while !asker.ask(&message).is_ok_and(|reply| is_right(&reply)) {
        ensure!(started.elapsed() < START_MAX, "no answer for {} of {ZONE}", last.owner);
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Waits until Signpost has made as many signatures as the signed file has, by its own count.
fn wait_until_signed(server: &Signpost, signatures: u64) -> Result<()> {
    let started = Instant::now();
    // Those that a query came first for are not counted.
    while server.metric("signpost_signatures_total") < signatures.saturating_sub(10) {
        ensure!(started.elapsed() < START_MAX, "not all signatures were made in time");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
