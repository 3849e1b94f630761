//! From a PATCH's 204 to its answer.

use crate::fill::ZONE;
use anyhow::Result;
use hickory_proto::rr::RecordType;
use signpost_tests::api::replace;
use signpost_tests::query::{Asker, decode, query};
use signpost_tests::server::Signpost;
use std::time::{Duration, Instant};

/// Makes `count` new names, one PATCH each, and asks for each right after its 204.
pub(crate) fn report(server: &Signpost, count: u32) -> Result<()> {
    let api = server.api();
    let asker = Asker::new(server.dns(), Duration::from_secs(1));
    let mut patched = Vec::new();
    let mut answered = Vec::new();
    let mut asked_again = 0;
    for n in 0..count {
        let name = format!("new-{n}.{ZONE}.");
        let message = query(1, &name, RecordType::A);
        let started = Instant::now();
        api.patch(&format!("{ZONE}."), vec![replace(&name, "A", 300, &["192.0.2.77"])]);
        patched.push(started.elapsed());
        let confirmed = Instant::now();
        while decode(&asker.ask(&message)?).answers.len() < 2 {
            asked_again += 1;
        }
        answered.push(confirmed.elapsed());
    }
    println!("PATCH of one RRset to 204: {}", percentiles(&mut patched));
    println!("204 to signed answer: {}; asked more than once: {asked_again}", percentiles(&mut answered));
    Ok(())
}

fn percentiles(times: &mut [Duration]) -> String {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms", at(50), at(99))
}
