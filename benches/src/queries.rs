//! The wait for an answer.

use hickory_proto::rr::RecordType;
use signpost_tests::query::{Asker, decode, query};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

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
