//! What one zone of a million RRsets costs, and how fast it is answered.
//!
//! ```text
//! cargo run --release -p signpost-benches -- --rrsets 1000000
//! ```
//!
//! For each database: the zone is filled by SQL, the release server is started on it, and reported are the time
//! until it answers, memory per RRset, and the time from a PATCH's 204 to its answer.
//!
//! `compare` asks it and other nameservers as fast as they answer: see [`compare`]. `api` puts a load on the API, beside PowerDNS: see
//! [`api`]. `xdp` compares AF_XDP with sockets and with Knot's: see [`xdp`].

mod api;
mod change;
mod compare;
mod fill;
mod keepalive;
mod process;
mod queries;
mod xdp;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use dataplane::udp::Segmentation;
use signpost_tests::http::request;
use signpost_tests::postgres::Postgres;
use signpost_tests::server::{Settings, Signpost};
use std::time::{Duration, Instant};

#[derive(Debug, Parser)]
#[command(about = "Load time, memory and time to answer of a large signed zone")]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// RRsets in the zone: pairs of A and TXT as External-DNS writes them.
    #[arg(long, default_value_t = 1_000_000)]
    rrsets: u32,
    /// Which databases.
    #[arg(long, value_enum, default_values_t = [Database::Sqlite, Database::Postgres])]
    database: Vec<Database>,
    /// Single-RRset changes whose time to answer is measured.
    #[arg(long, default_value_t = 200)]
    changes: u32,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// The API beside PowerDNS's: changes, lists, External-DNS's first sync, time to answer.
    Api(api::Arguments),
    /// Queries a second, processor time and latency beside other nameservers.
    Compare(compare::Arguments),
    /// AF_XDP beside sockets and beside Knot's, over virtual interfaces.
    Xdp(xdp::Arguments),
    /// Internal: be an echo loop on this port, with replies of so many octets at least and so many threads.
    #[command(hide = true)]
    Echo {
        port: u16,
        octets: usize,
        workers: usize,
        #[arg(long)]
        segmented: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.other {
        Some(Other::Api(arguments)) => return api::report(arguments),
        Some(Other::Compare(arguments)) => return compare::report(arguments),
        Some(Other::Xdp(arguments)) => return xdp::report(arguments),
        Some(Other::Echo { port, octets, workers, segmented }) => {
            let segmentation = if *segmented { Segmentation::On } else { Segmentation::Off };
            return compare::echo(*port, *octets, *workers, segmentation);
        }
        None => {}
    }
    for database in &arguments.database {
        println!("## {database:?}, {} RRsets", arguments.rrsets);
        match database {
            Database::Sqlite => run(&arguments, Settings::sqlite(), None)?,
            Database::Postgres => {
                let postgres = Postgres::start()?;
                let name = postgres.create_database()?;
                run(&arguments, Settings::postgres(&postgres.url_of(&name)), Some((&postgres, &name)))?;
            }
        }
    }
    Ok(())
}

fn run(arguments: &Arguments, settings: Settings, postgres: Option<(&Postgres, &str)>) -> Result<()> {
    let settings = settings.with("--udp-workers=1");
    let pairs = arguments.rrsets / 2;
    // A first start makes the tables and the zone; the server then starts again on the filled database.
    let mut server = Signpost::start(settings);
    fill::create_zone(&server);
    server.kill();
    let started = Instant::now();
    match postgres {
        Some((postgres, name)) => fill::postgres(postgres, name, pairs)?,
        None => fill::sqlite(server.database_url(), pairs)?,
    }
    println!("filled by SQL in {:.1} s", started.elapsed().as_secs_f64());

    let started = Instant::now();
    server.relaunch();
    let dns = server.dns();
    queries::wait_for_answer(dns, &fill::owner(pairs - 1), Duration::from_secs(600));
    let load = started.elapsed().as_secs_f64();
    let id = server.daemon().id();
    let per_rrset = |bytes: u64| bytes as f64 / f64::from(pairs * 2);
    let loaded = process::resident_bytes(id)?;
    println!("start to signed answer: {load:.2} s; {:.0} octets per RRset", per_rrset(loaded));
    let started = Instant::now();
    wait_until_signed(&server, pairs * 2, Duration::from_secs(900))?;
    let signing = started.elapsed().as_secs_f64();
    let signed = process::resident_bytes(id)?;
    println!("all signatures made after {signing:.1} s more; {:.0} octets per RRset, all signed", per_rrset(signed));

    change::report(&server, arguments.changes)?;
    Ok(())
}

/// Waits until the RRsets and as many NSEC3 records have been signed, by the server's own count. Queries that were
/// first have signed a few themselves.
fn wait_until_signed(server: &Signpost, rrsets: u32, patience: Duration) -> Result<()> {
    let wanted = f64::from(rrsets) * 2.0 * 0.999;
    let started = Instant::now();
    loop {
        let metrics = request(server.api().address, "GET", "/metrics", &[], None)?.text();
        let signed = metrics.lines().find_map(|line| line.strip_prefix("signpost_signatures_total "));
        if signed.and_then(|count| count.parse::<f64>().ok()).is_some_and(|count| count >= wanted) {
            return Ok(());
        }
        anyhow::ensure!(started.elapsed() < patience, "not all RRsets were signed in time");
        std::thread::sleep(Duration::from_millis(200));
    }
}
