//! A message taken apart, with what is known of its answer before that is looked for.
//!
//! Where many messages lie at hand, all are read first, so that memory can be fetched for all of them at once ([`zone::Approach`]).

use crate::answer::{Asker, Desk};
use crate::choose::choose;
use dnssec::ServedZone;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wire::message::{NameBuffer, Query, QueryError};
use zone::{Approach, Found, HashedSuffix, NameKey, Proofs};

/// One message that was read.
pub struct Reading<'m> {
    pub(crate) message: &'m [u8],
    pub(crate) asker: Asker,
    pub(crate) parsed: Parsed<'m>,
    /// The zone that answers, if there is one.
    pub(crate) target: Option<Target<'m>>,
}

/// What the message is.
pub(crate) enum Parsed<'m> {
    Query(Query<'m>),
    Not(QueryError),
    /// A bug of ours, which must cost one query and not the server.
    Panicked,
}

/// Where the answer is looked for first.
#[derive(Clone, Copy)]
pub(crate) struct Target<'m> {
    pub(crate) served: &'m ServedZone,
    /// Of the name asked for, in that zone.
    pub(crate) key: NameKey,
    /// What was found there, if the name was looked up already.
    pub(crate) found: Option<Found<'m>>,
    /// A hash that was needed already to fetch what it leads to.
    pub(crate) hashed: Option<HashedSuffix>,
}

impl<'m> Target<'m> {
    fn new(served: &'m ServedZone, name: &[u8]) -> Target<'m> {
        Target { served, key: served.zone.key_of(name), found: None, hashed: None }
    }

    /// What the zone says about the name and type of the query that was read.
    pub(crate) fn found(&self, query: &Query<'_>) -> Found<'m> {
        self.found.unwrap_or_else(|| self.served.zone.lookup_at(query.name(), self.key, query.qtype()))
    }
}

/// RRsets of a zone that fits into a processor's caches: there nothing is waited for that would be worth the way to it. Measured
/// with 1,000 to 500,000 names: from 40,000 RRsets on, answers are quicker with it.
const LARGE: usize = 40_000;

impl<'m> Reading<'m> {
    /// Reads a message; the name asked for goes to `lower`.
    pub(crate) fn new(desk: Desk<'m>, message: &'m [u8], asker: Asker, lower: &'m mut NameBuffer) -> Reading<'m> {
        let taken = caught(|| take_apart(desk, message, asker, lower));
        let (parsed, target) = taken.unwrap_or((Parsed::Panicked, None));
        Reading { message, asker, parsed, target }
    }

    /// Whether what the answer consists of is worth being fetched ahead.
    pub(crate) fn is_far(&self) -> bool {
        self.target.is_some_and(|target| target.served.zone.rrset_count() >= LARGE)
    }

    /// The way to the answer.
    pub(crate) fn approach(&self) -> Option<(Approach<'m>, &'m [u8], NameKey)> {
        let (Parsed::Query(query), Some(target)) = (&self.parsed, &self.target) else { return None };
        let is_secure = query.is_dnssec_ok() && target.served.zone.proofs() != Proofs::None;
        let approach = target.served.zone.approach(query.name(), target.key, query.qtype(), is_secure);
        Some((approach, query.name(), target.key))
    }
}

fn take_apart<'m>(
    desk: Desk<'m>,
    message: &'m [u8],
    asker: Asker,
    lower: &'m mut NameBuffer,
) -> (Parsed<'m>, Option<Target<'m>>) {
    match Query::parse(message, lower) {
        Ok(query) => {
            let served = choose(desk.zones.seen_from(asker.address), query.name(), query.qtype());
            let target = served.map(|served| Target::new(served, query.name()));
            (Parsed::Query(query), target)
        }
        Err(error) => (Parsed::Not(error), None),
    }
}

/// `None`: it panicked.
fn caught<R>(take: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(take)).ok()
}
