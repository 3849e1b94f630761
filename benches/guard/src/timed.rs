//! The same work in time, in a zone of any size.

use crate::kinds::Kind;
use crate::work::{self, NOW, Worker};
use crate::zones;
use anyhow::{Context, Result};
use dataplane::answer::Desk;
use dnssec::ServedZone;
use std::sync::Arc;
use std::time::Instant;
use wire::RecordType;
use zone::Signatures;

/// Different messages of each kind: what they touch of a large zone is more than any cache holds.
const MESSAGES: usize = 1 << 16;
/// What is timed.
const KINDS: [Kind; 7] = [
    Kind::Existing,
    Kind::ExistingWithoutDo,
    Kind::ExistingWithCookie,
    Kind::NoData,
    Kind::Random,
    Kind::Wildcard,
    Kind::Referral,
];

/// Prints the nanoseconds of a query of each kind: the median over the rounds, and the least.
///
/// # Errors
///
/// Where a reply is not of its kind.
pub(crate) fn report(pairs: usize, rounds: usize) -> Result<()> {
    let table = zones::table(pairs)?;
    let zones = table.view();
    zones.iter().try_for_each(hang_signatures)?;
    let profile = work::profile();
    let desk = Desk { zones: &zones, profile: &profile };
    let mut timed = Vec::new();
    for kind in KINDS {
        let mut worker = Worker::new(kind, desk);
        let messages = worker.prepare(kind, MESSAGES, pairs)?;
        timed.push((kind, worker, messages, Vec::new()));
    }
    for _ in 0..rounds {
        for (_, worker, messages, nanos) in &mut timed {
            let started = Instant::now();
            worker.answer(messages, 1);
            nanos.push(started.elapsed().as_nanos() as f64 / MESSAGES as f64);
        }
    }
    println!("{:<40} {:>8} {:>8}", "nanoseconds for each query", "median", "least");
    for (kind, _, _, nanos) in &mut timed {
        nanos.sort_by(f64::total_cmp);
        println!("{:<40} {:>8.0} {:>8.0}", kind.name(), nanos[nanos.len() / 2], nanos[0]);
    }
    Ok(())
}

/// Hangs a signature on everything, of which one alone is right: two million are a minute's work, and cost the same to send.
fn hang_signatures(served: &ServedZone) -> Result<()> {
    let signer = served.signer.as_ref().context("the zone is signed")?;
    let made = signer.signatures(served.zone.apex(), served.zone.soa(), NOW);
    for (_, rrset) in served.zone.signable().filter(|(_, rrset)| rrset.rtype() != RecordType::DNSKEY) {
        rrset.signatures().store(Arc::new(Signatures {
            key_set: made.key_set,
            refresh_at: made.refresh_at,
            expires_at: made.expires_at,
            encoded: made.encoded.clone(),
        }));
    }
    Ok(())
}
