//! A zone of 100,000 RRsets is read over the API while the process stays small: its most memory is measured, not its usual.

use signpost_tests::Postgres;
use signpost_tests::api::{Api, Signed, replace};
use signpost_tests::server::{Settings, Signpost};
use std::io::{Read, Write};
use std::net::TcpStream;

const RRSETS: usize = 100_000;
/// RRsets of one PATCH.
const PIECE: usize = 10_000;
/// What an answer may take beyond what the server has before.
const EXTRA_MIB_MAX: u64 = 64;

/// A field of the process's status, in MiB.
fn memory(id: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).expect("Linux tells it");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("a number of KiB") / 1024
}

/// Runs `work` and returns how much more memory the process had at its peak than before.
fn extra_mib<T>(id: u32, work: impl FnOnce() -> T) -> (u64, T) {
    // 5: the peak is what it is now (proc(5)).
    std::fs::write(format!("/proc/{id}/clear_refs"), "5").expect("it is our process");
    let before = memory(id, "VmRSS");
    let done = work();
    (memory(id, "VmHWM").saturating_sub(before), done)
}

fn fill(api: &Api) {
    api.create_zone("large.test.", Signed::No, Vec::new());
    for piece in 0..RRSETS / PIECE {
        let name = |number: usize| format!("h{}.large.test.", piece * PIECE + number);
        api.patch("large.test.", (0..PIECE).map(|number| replace(&name(number), "A", 60, &["192.0.2.1"])).collect());
    }
}

/// As the oldest clients ask: the answer ends where the connection does, and must not be in chunks.
fn get_by_http_1_0(api: &Api, path: &str) -> String {
    let mut stream = TcpStream::connect(api.address).expect("the API listens");
    let key = &api.key;
    write!(stream, "GET /api/v1/servers/localhost{path} HTTP/1.0\r\nX-API-Key: {key}\r\n\r\n").expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it is answered in text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.contains(" 200 ") && !head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
    body.to_owned()
}

fn a_large_zone_is_read_in_little_memory(settings: Settings) {
    let mut server = Signpost::start(settings);
    fill(&server.api());
    // What the changes took and gave back would hide what an answer takes.
    server.restart();
    let id = server.daemon().id();
    let api = server.api();
    let mut report = Vec::new();
    for path in ["/zones/large.test.", "/zones/large.test./export"] {
        let (extra, reply) = extra_mib(id, || api.must(200, "GET", path, None));
        report.push((path, "HTTP/1.1", extra));
        let text = reply.text();
        assert_eq!(text.matches("192.0.2.1").count(), RRSETS, "{path}: {} octets", text.len());
        let (extra, text) = extra_mib(id, || get_by_http_1_0(&api, path));
        report.push((path, "HTTP/1.0", extra));
        assert_eq!(text.matches("192.0.2.1").count(), RRSETS, "{path}: {} octets", text.len());
    }
    println!("extra memory in MiB: {report:?}");
    assert!(report.iter().all(|(.., extra)| *extra < EXTRA_MIB_MAX), "{report:?}");
}

#[test]
fn a_zone_of_100_000_rrsets_is_read_in_less_than_64_mib_on_sqlite() {
    a_large_zone_is_read_in_little_memory(Settings::sqlite());
}

#[test]
fn a_zone_of_100_000_rrsets_is_read_in_less_than_64_mib_on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    a_large_zone_is_read_in_little_memory(Settings::postgres(&postgres.url()));
}
