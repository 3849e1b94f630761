//! Query messages, and the wait for an answer.

use crate::fill;
use hickory_proto::rr::RecordType;
use signpost_tests::query::{Asker, decode, query, rcode};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Messages prepared for one round.
const PREPARED: u32 = 100_000;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Names that exist, each with its A RRset.
    Existing,
    /// Names that do not.
    Random,
}

/// Queries with DO, in an order without locality.
pub(crate) fn prepare(kind: Kind, pairs: u32) -> Vec<Vec<u8>> {
    let spread = |n: u32| n.wrapping_mul(2_654_435_761);
    (0..PREPARED)
        .map(|n| {
            let name = match kind {
                Kind::Existing => fill::owner(spread(n) % pairs),
                Kind::Random => format!("x{:08x}.{}.", spread(n), fill::ZONE),
            };
            query(0, &name, RecordType::A)
        })
        .collect()
}

/// Whether a reply is the one `kind` wants, by its header alone: NOERROR with an answer, or NXDOMAIN.
pub(crate) fn is_right(kind: Kind, reply: &[u8]) -> bool {
    let answers = reply.get(6..8).map_or(0, |octets| u16::from_be_bytes([octets[0], octets[1]]));
    match kind {
        Kind::Existing => rcode(reply) == Some(0) && answers == 2,
        Kind::Random => rcode(reply) == Some(3) && answers == 0,
    }
}

/// Asks until a signed answer comes.
///
/// # Panics
///
/// After `patience`.
pub(crate) fn wait_for_answer(server: SocketAddr, name: &str, patience: Duration) {
    let started = Instant::now();
    let asker = Asker::new(server, Duration::from_millis(200));
    let message = query(1, name, RecordType::A);
    loop {
        if asker.ask(&message).is_ok_and(|reply| decode(&reply).answers.len() >= 2) {
            return;
        }
        assert!(started.elapsed() < patience, "no answer for {name}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
