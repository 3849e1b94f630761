//! The servers, each started on the same zone.

use super::load::Judge;
use super::questions::{self, Dnssec};
use super::work::{self, Work, ZONE};
use crate::process::{self, Realtime};
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use dataplane::udp::Segmentation;
use signpost_tests::pdns::{self, Pdns};
use signpost_tests::peers::{Peer, PeerKind, Service};
use signpost_tests::postgres::Postgres;
use signpost_tests::process::{Daemon, free_port};
use signpost_tests::query::Asker;
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::temp::TempDir;
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Longest wait for a server that loads a zone of so many names. It is a bound, not a wait.
fn start_max(names: u32) -> Duration {
    Duration::from_secs(30 + u64::from(names) / 2000)
}

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
    /// The same, with those to one port in one system call's message (UDP_SEGMENT).
    EchoSegmented,
    /// As it is by default, on SQLite.
    Signpost,
    /// With rate limits that count this client too, and that it does not reach.
    SignpostCounted,
    /// On Postgres.
    SignpostPostgres,
    /// Without cookies, rate limits and notes of queries.
    SignpostBare,
    /// Debian's Knot DNS with the signed file.
    Knot,
    /// Debian's NSD with the signed file.
    Nsd,
    /// Debian's BIND 9 with the signed file.
    Bind,
    /// Debian's PowerDNS with gpgsql and a Postgres of its own on the same core, caches as by default: NSEC3.
    Pdns,
    /// The same with narrow NSEC3.
    PdnsNarrow,
}

/// One server of a comparison.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) label: String,
    pub(crate) server: Server,
    /// The program, if it is Signpost.
    pub(crate) program: PathBuf,
    pub(crate) setup: Setup,
}

/// How servers are to serve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// Where they listen: loopback, or everywhere, so that replies have to leave from the address that was asked.
    pub(crate) address: Ipv4Addr,
    /// Threads or processes that answer over UDP.
    pub(crate) workers: u32,
    /// Whether they speak TLS too, if they can.
    pub(crate) tls: bool,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { address: Ipv4Addr::LOCALHOST, workers: 1, tls: false }
    }
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) contender: Contender,
    pub(crate) dns: SocketAddr,
    /// Where it speaks TLS.
    pub(crate) dot: Option<SocketAddr>,
    pub(crate) start: Start,
    parts: Parts,
    /// Its database, if that is one of its own.
    postgres: Option<Postgres>,
    /// When its process was started, after all that had to be there first.
    launched: Instant,
    _folder: TempDir,
}

enum Parts {
    Echo(Daemon),
    Signpost(Signpost),
    Peer(Peer),
    Pdns(Pdns),
}

/// What a server took to start, and what it has since.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Start {
    /// From its start until it answered for the RRset that was written last.
    pub(crate) time: Duration,
    /// Processor time until then.
    pub(crate) cpu_seconds: f64,
    /// Memory then.
    pub(crate) bytes: u64,
    /// Further time until all signatures were made.
    pub(crate) signing: Duration,
}

/// A server's start for the report.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    pub(crate) label: String,
    pub(crate) start: Start,
    /// Memory after all loads.
    pub(crate) bytes_now: u64,
    /// RRsets of data.
    pub(crate) rrsets: u64,
    /// Signed RRsets, those of the denial chain counted.
    pub(crate) signed: u64,
}

impl Server {
    fn is_signpost(self) -> bool {
        matches!(self, Server::Signpost | Server::SignpostCounted | Server::SignpostPostgres | Server::SignpostBare)
    }

    /// Whether it is no nameserver but a ruler.
    pub(crate) fn is_echo(self) -> bool {
        matches!(self, Server::Echo | Server::Echo250 | Server::EchoSegmented)
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
            Server::EchoSegmented => "echo loop, segmented",
            Server::Signpost => "Signpost",
            Server::SignpostCounted => "Signpost, client counted",
            Server::SignpostPostgres => "Signpost, Postgres",
            Server::SignpostBare => "Signpost, bare",
            Server::Knot => "Knot",
            Server::Nsd => "NSD",
            Server::Bind => "BIND",
            Server::Pdns => "PowerDNS",
            Server::PdnsNarrow => "PowerDNS, narrow",
        }
    }
}

impl Contender {
    pub(crate) fn new(server: Server, program: &Path) -> Contender {
        let (label, program) = (server.label().to_owned(), program.to_owned());
        Contender { label, server, program, setup: Setup::default() }
    }

    /// As it serves with TLS beside UDP and TCP.
    pub(crate) fn with_tls(mut self) -> Contender {
        self.setup.tls = true;
        self
    }

    /// As it serves when it listens on all addresses.
    pub(crate) fn everywhere(mut self) -> Contender {
        self.setup.address = Ipv4Addr::UNSPECIFIED;
        self.label.push_str(", all addresses");
        self
    }

    /// Starts it, and returns when it answers for the zone and has nothing left to do.
    pub(crate) fn start(&self, work: &Work) -> Result<Running> {
        let folder = TempDir::new("compare");
        let limits =
            |most: &str| ["responses", "nxdomains", "errors"].map(|kind| format!("--rrl-{kind}-per-second={most}"));
        let mut running = match self.server {
            Server::Echo => self.start_echo(0, folder)?,
            Server::Echo250 | Server::EchoSegmented => self.start_echo(ECHO_OCTETS, folder)?,
            Server::Signpost => self.start_on_sqlite(work, &[], folder)?,
            Server::SignpostPostgres => self.start_on_postgres(work, folder)?,
            Server::SignpostCounted => {
                let flags = [&["--rrl-exempt=".to_owned()][..], &limits("1000000")].concat();
                self.start_on_sqlite(work, &flags, folder)?
            }
            Server::SignpostBare => {
                let bare = ["--cookies=off".to_owned(), "--statistics-per-second=0".to_owned()];
                self.start_on_sqlite(work, &[&bare[..], &limits("0")].concat(), folder)?
            }
            Server::Knot => self.start_peer(PeerKind::Knot, work, folder)?,
            Server::Nsd => self.start_peer(PeerKind::Nsd, work, folder)?,
            Server::Bind => self.start_peer(PeerKind::Bind, work, folder)?,
            Server::Pdns => self.start_pdns("1 0 0 -", &[], work, folder)?,
            Server::PdnsNarrow => self.start_pdns("1 0 0 -", &["narrow"], work, folder)?,
        };
        if self.server.is_echo() {
            return Ok(running);
        }
        wait_for_answer(running.dns, work)?;
        running.start.time = running.launched.elapsed();
        for id in running.processes()? {
            running.start.cpu_seconds += process::cpu_seconds(id)?;
        }
        running.start.bytes = running.bytes()?;
        eprintln!("{} answers after {:.1} s", self.label, running.start.time.as_secs_f64());
        if let Parts::Signpost(server) = &running.parts {
            wait_until_signed(server, work)?;
            running.start.signing = running.launched.elapsed() - running.start.time;
        }
        running.wait_until_idle(start_max(work.names))?;
        Ok(running)
    }

    fn running(&self, dns: SocketAddr, parts: Parts, launched: Instant, folder: TempDir) -> Running {
        Running {
            contender: self.clone(),
            dns,
            dot: None,
            start: Start::default(),
            parts,
            postgres: None,
            launched,
            _folder: folder,
        }
    }

    fn start_echo(&self, octets: usize, folder: TempDir) -> Result<Running> {
        let port = free_port();
        let mut command = Command::new(std::env::current_exe().context("no path of our own")?);
        command.args(["echo", &port.to_string(), &octets.to_string(), &self.setup.workers.to_string()]);
        if self.server == Server::EchoSegmented {
            command.arg("--segmented");
        }
        let daemon = Daemon::start("the echo loop", &mut command, &folder.join("log"));
        let dns = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let asker = Asker::new(dns, Duration::from_millis(50));
        let started = Instant::now();
        while asker.ask(b"ready?").is_err() {
            ensure!(started.elapsed() < Duration::from_secs(10), "the echo loop does not answer");
        }
        Ok(self.running(dns, Parts::Echo(daemon), started, folder))
    }

    fn settings(&self, url: &str) -> Settings {
        let workers = format!("--udp-workers={}", self.setup.workers);
        Settings { dns_address: self.setup.address, ..Settings::postgres(url) }.of(&self.program).with(&workers)
    }

    fn start_on_sqlite(&self, work: &Work, flags: &[String], folder: TempDir) -> Result<Running> {
        // Each has a database of its own, as servers on different machines would.
        let database = folder.join("signpost.db");
        std::fs::copy(work.database(), &database).context("the database could not be copied")?;
        let mut settings = self.settings(&format!("sqlite:{}", database.display()));
        settings.flags.extend_from_slice(flags);
        let dot = self.setup.tls.then(|| SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())));
        if let Some(dot) = dot {
            let (certificate, key) = work.certificate()?;
            settings.flags.push(format!("--dot-listen={dot}"));
            settings.flags.push(format!("--tls-cert={}", certificate.display()));
            settings.flags.push(format!("--tls-key={}", key.display()));
        }
        let launched = Instant::now();
        let server = Signpost::start(settings);
        let running = self.running(server.dns(), Parts::Signpost(server), launched, folder);
        Ok(Running { dot, ..running })
    }

    fn start_on_postgres(&self, work: &Work, folder: TempDir) -> Result<Running> {
        let postgres = Postgres::start()?;
        let database = postgres.create_database()?;
        // A first start makes the tables; it starts again on what SQL has filled in.
        let mut server = Signpost::start(self.settings(&postgres.url_of(&database)));
        server.run(&["pdnsutil", "create-zone", ZONE, "ns1.bench.test"]);
        server.run(&["pdnsutil", "secure-zone", ZONE]);
        server.kill();
        work::fill_postgres(&postgres, &database, work.names)?;
        let launched = Instant::now();
        server.relaunch();
        let running = self.running(server.dns(), Parts::Signpost(server), launched, folder);
        Ok(Running { postgres: Some(postgres), ..running })
    }

    fn start_peer(&self, kind: PeerKind, work: &Work, folder: TempDir) -> Result<Running> {
        let zones = [work.signed_zone()];
        let service = Service {
            address: self.setup.address,
            workers: self.setup.workers,
            tls: if self.setup.tls { Some(work.certificate()?) } else { None },
            checks_zones: false,
            start_max: start_max(work.names),
        };
        let launched = Instant::now();
        let mut peer = Peer::launch_as(kind, &zones, &service);
        peer.wait_until_ready(&zones);
        let dot = self.setup.tls.then(|| peer.dot());
        let running = self.running(peer.dns(), Parts::Peer(peer), launched, folder);
        Ok(Running { dot, ..running })
    }

    fn start_pdns(&self, nsec3: &str, narrow: &[&str], work: &Work, folder: TempDir) -> Result<Running> {
        let postgres = Postgres::start()?;
        let database = postgres.create_database()?;
        pdns::load_schema(&postgres, &database);
        // What the harness turns on for tests costs a query of the database.
        let settings = "dname-processing=no\n";
        let server = Pdns::start_with(&postgres, &database, settings);
        let pdnsutil = |arguments: &[&str]| {
            let output = server.pdnsutil(arguments);
            ensure!(output.status.success(), "pdnsutil {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            Ok(())
        };
        pdnsutil(&["create-zone", ZONE, "ns1.bench.test"])?;
        work::fill_postgres(&postgres, &database, work.names)?;
        pdnsutil(&["secure-zone", ZONE])?;
        pdnsutil(&[&["set-nsec3", ZONE, nsec3][..], narrow].concat())?;
        pdnsutil(&["rectify-zone", ZONE])?;
        postgres.sql(&database, "ANALYZE")?;
        drop(server);
        let launched = Instant::now();
        let server = Pdns::start_with(&postgres, &database, settings);
        let running = self.running(server.dns(), Parts::Pdns(server), launched, folder);
        Ok(Running { postgres: Some(postgres), ..running })
    }
}

impl Running {
    /// Its processes, with those of the database that it asks for each query.
    pub(crate) fn processes(&mut self) -> Result<Vec<u32>> {
        let mut processes = self.own_processes()?;
        if let (Parts::Pdns(_), Some(postgres)) = (&self.parts, &self.postgres) {
            processes.extend(process::family(postgres.id()?)?);
        }
        Ok(processes)
    }

    fn own_processes(&mut self) -> Result<Vec<u32>> {
        process::family(match &mut self.parts {
            Parts::Echo(daemon) => daemon.id(),
            Parts::Signpost(server) => server.daemon().id(),
            Parts::Peer(peer) => peer.id(),
            Parts::Pdns(server) => server.id(),
        })
    }

    /// Waits until it has nothing left to do: BIND goes on for a while after it has begun to answer.
    fn wait_until_idle(&mut self, patience: Duration) -> Result<()> {
        const LOOK: Duration = Duration::from_millis(200);
        let started = Instant::now();
        let mut before = process::thread_seconds(&self.processes()?)?;
        loop {
            std::thread::sleep(LOOK);
            let now = process::thread_seconds(&self.processes()?)?;
            if now - before < LOOK.as_secs_f64() / 20.0 || started.elapsed() > patience {
                return Ok(());
            }
            before = now;
        }
    }

    /// What it took to start, and what it has now, after all loads.
    pub(crate) fn started(&mut self, work: &Work) -> Result<Started> {
        let bytes_now = self.bytes()?;
        let rrsets = work::rrset_count(work.names);
        let label = self.contender.label.clone();
        Ok(Started { label, start: self.start, bytes_now, rrsets, signed: work.signatures })
    }

    /// Memory of its processes, without that of a database.
    pub(crate) fn bytes(&mut self) -> Result<u64> {
        self.own_processes()?.into_iter().map(process::proportional_bytes).sum()
    }

    /// Binds it to `cores`, as taskset(1) lists them, and gives it their time before others until the value is dropped.
    pub(crate) fn alone_on(&mut self, cores: &str) -> Result<Realtime> {
        let processes = self.processes()?;
        for id in &processes {
            process::pin(*id, cores)?;
        }
        Ok(process::realtime(&processes))
    }
}

/// Is an echo loop until it is killed: what comes goes back, with `octets` octets if that is more.
pub(crate) fn echo(port: u16, octets: usize, workers: usize, segmentation: Segmentation) -> Result<()> {
    let reply = |datagram: &[u8], reply: &mut [u8]| {
        reply.get_mut(..datagram.len())?.copy_from_slice(datagram);
        // What is behind it is whatever was there: nobody reads it.
        Some(datagram.len().max(octets))
    };
    let exchange = || -> Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.set_reuse_port(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        dataplane::udp::exchange(&socket.into(), &AtomicBool::new(false), segmentation, reply)
            .context("the echo loop failed")
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(exchange)).collect();
        exchange()?;
        others.into_iter().try_for_each(|other| other.join().expect("it does not panic"))
    })
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
        ensure!(started.elapsed() < start_max(work.names), "no answer for {} of {ZONE}", last.owner);
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Waits until Signpost has made as many signatures as the signed file has, by its own count.
fn wait_until_signed(server: &Signpost, work: &Work) -> Result<()> {
    let started = Instant::now();
    // A few are signed for queries that come first, and are not counted.
    loop {
        let (made, wanted) = (server.metric("signpost_signatures_total"), work.signatures);
        if made + 10 >= wanted {
            return Ok(());
        }
        ensure!(started.elapsed() < start_max(work.names), "{made} of {wanted} signatures were made in time");
        std::thread::sleep(Duration::from_millis(50));
    }
}
