//! Queries per second, beside a bare echo loop on the same core.

use crate::process;
use crate::queries::{self, Kind};
use anyhow::{Context, Result};
use dataplane::udp::Segmentation;
use signpost_tests::process::free_port;
use signpost_tests::server::Signpost;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Queries under way at once: what one socket's buffers hold of large replies.
const WINDOW: usize = 64;
/// The server's core, and the load's.
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Measured {
    per_second: f64,
    cpu_micros: f64,
    wrong: u64,
}

/// Runs echo loop, existing names and random names in turn, `rounds` times, and prints medians.
pub(crate) fn report(server: &Signpost, id: u32, pairs: u32, rounds: usize, time: Duration) -> Result<()> {
    process::pin(id, SERVER_CORE)?;
    process::pin(std::process::id(), LOAD_CORE)?;
    let mut echo = Echo::start()?;
    let existing = queries::prepare(Kind::Existing, pairs);
    let random = queries::prepare(Kind::Random, pairs);
    let mut series: [Vec<Measured>; 3] = Default::default();
    for _ in 0..rounds {
        series[0].push(blast(echo.address, echo.child.id(), &existing, time, |_| true)?);
        series[1].push(blast(server.dns(), id, &existing, time, |reply| queries::is_right(Kind::Existing, reply))?);
        series[2].push(blast(server.dns(), id, &random, time, |reply| queries::is_right(Kind::Random, reply))?);
    }
    echo.child.kill()?;
    echo.child.wait()?;
    let [echo, existing, random] = series.map(median);
    println!("| one core, DO set | queries/s | of the echo loop | CPU us/query | wrong |");
    println!("|---|---:|---:|---:|---:|");
    for (name, measured) in [("echo loop", echo), ("existing names", existing), ("random names (NXDOMAIN)", random)] {
        let ratio = measured.per_second / echo.per_second;
        let Measured { per_second, cpu_micros, wrong } = measured;
        println!("| {name} | {per_second:.0} | {ratio:.2} | {cpu_micros:.2} | {wrong} |");
    }
    Ok(())
}

/// A closed loop: every reply is followed by the next query.
fn blast(
    server: SocketAddr,
    id: u32,
    queries: &[Vec<u8>],
    time: Duration,
    is_right: impl Fn(&[u8]) -> bool,
) -> Result<Measured> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    let stop = AtomicBool::new(false);
    let mut next = queries.iter().cycle();
    let (mut replies, mut wrong) = (0_u64, 0_u64);
    let cpu = process::cpu_seconds(id)?;
    let started = Instant::now();
    for query in next.by_ref().take(WINDOW) {
        socket.send_to(query, server)?;
    }
    dataplane::udp::exchange(&socket, &stop, Segmentation::Off, |reply, query| {
        replies += 1;
        wrong += u64::from(!is_right(reply));
        // One look at the clock for many replies: it costs as much as a tenth of a query.
        if replies.is_multiple_of(256) && started.elapsed() >= time {
            stop.store(true, Ordering::Relaxed);
        }
        let prepared = next.next()?;
        query.get_mut(..prepared.len())?.copy_from_slice(prepared);
        Some(prepared.len())
    })?;
    let elapsed = started.elapsed().as_secs_f64();
    let cpu = process::cpu_seconds(id)? - cpu;
    Ok(Measured { per_second: replies as f64 / elapsed, cpu_micros: cpu * 1e6 / replies as f64, wrong })
}

fn median(mut series: Vec<Measured>) -> Measured {
    series.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    series[series.len() / 2]
}

/// The echo loop in a process of its own, on the server's core.
struct Echo {
    child: Child,
    address: SocketAddr,
}

impl Echo {
    fn start() -> Result<Echo> {
        let port = free_port();
        let program = std::env::current_exe().context("no path of our own")?;
        let child = Command::new(program).args(["--echo", &port.to_string()]).stdin(Stdio::null()).spawn()?;
        process::pin(child.id(), SERVER_CORE)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let started = Instant::now();
        loop {
            socket.send_to(b"ready?", address)?;
            if socket.recv(&mut [0; 16]).is_ok() {
                return Ok(Echo { child, address });
            }
            anyhow::ensure!(started.elapsed() < Duration::from_secs(10), "the echo loop does not answer");
        }
    }
}

/// Is the echo loop until it is killed.
pub(crate) fn echo(port: u16) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    dataplane::udp::echo(&socket, &AtomicBool::new(false), Segmentation::Off).context("the echo loop failed")
}
