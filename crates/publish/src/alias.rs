//! ALIAS records: addresses of other names, kept resolved and served as our own.
//!
//! ```text
//!   zones ──▶ AliasBook ──▶ Targets ──▶ Schedule ──▶ Stub ──▶ resolver
//!     ▲           ▲                         │
//!     └─ Supply ──┴──────── Update ◀────────┘
//! ```
//!
//! The book belongs to the publisher: it knows which names have an ALIAS and what was last heard of each target, so that edits,
//! reloads and answers of the resolver can come in any order. The task here asks the resolver ahead of time, and tells the publisher
//! only what changed. Addresses become RRsets of the zone: they are signed ahead, stand in the denial chain, and cost a query nothing.

mod book;
mod schedule;
mod stub;

pub(crate) use book::{Alias, AliasBook};
use schedule::Schedule;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use stub::Stub;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use wire::{Name, RecordType};
use zone::{Rrset, Supply, WithheldReason};

/// What an ALIAS stands for.
pub(crate) const ALIAS_TYPES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];

/// Questions to the resolver under way at once.
const IN_FLIGHT_MAX: usize = 128;
/// Targets that are kept resolved.
const TARGETS_MAX: usize = 20_000;
/// Changes that may wait for the publisher before the task waits too.
const UPDATES_MAX: usize = 1024;

/// How ALIAS records are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasSettings {
    /// Recursive resolvers, asked in turn. None: ALIAS is answered SERVFAIL.
    pub resolvers: Vec<SocketAddr>,
    /// How long addresses go on being served after their TTL, while the resolver fails. Default 1 day (RFC 8767 section 5).
    pub stale_max: Duration,
}

impl Default for AliasSettings {
    fn default() -> AliasSettings {
        AliasSettings { resolvers: Vec::new(), stale_max: Duration::from_secs(86_400) }
    }
}

/// What a resolver said of a name and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Records in wire format.
    Records(Vec<Vec<u8>>),
    /// The name has no such type.
    NoData,
    /// There is no such name.
    NoName,
}

/// Why a resolver said nothing of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It did not answer in time, or could not be reached.
    Unreachable,
    /// It answered that it failed, or with what is no answer.
    Failed,
}

/// What is known of a target and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// Records in wire format.
    Records { ttl: u32, rdatas: Vec<Vec<u8>> },
    /// The target truly has no such type.
    Absent,
    /// There is nothing to send.
    Withheld(WithheldReason),
}

impl Known {
    /// What the owner of an ALIAS has of the type. The TTL is the lesser of the ALIAS's and the answer's.
    fn supply(&self, rtype: RecordType, alias_ttl: u32) -> Supply {
        match self {
            Known::Records { ttl, rdatas } => Supply::Rrset(Rrset::new(rtype, alias_ttl.min(*ttl), rdatas.clone())),
            Known::Absent => Supply::Nothing,
            Known::Withheld(reason) => Supply::Withheld(*reason),
        }
    }
}

/// What is newly known of a target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) target: Name,
    pub(crate) rtype: RecordType,
    pub(crate) known: Known,
}

/// Names that are to be kept resolved, or no longer; the publisher writes, the task takes.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    changes: Mutex<BTreeMap<Name, Wish>>,
    changed: Notify,
}

/// Whether a name is to be kept resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The publisher knows nothing of it, and wants to.
    Keep,
    Drop,
}

impl Targets {
    fn put(&self, target: &Name, wish: Wish) {
        self.changes().insert(target.clone(), wish);
        self.changed.notify_one();
    }

    fn take(&self) -> BTreeMap<Name, Wish> {
        std::mem::take(&mut *self.changes())
    }

    fn changes(&self) -> MutexGuard<'_, BTreeMap<Name, Wish>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the task has done and how it stands.
#[derive(Debug, Default)]
pub(crate) struct AliasCounters {
    pub(crate) queries: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) targets: AtomicU64,
    pub(crate) stale: AtomicU64,
    pub(crate) unresolved: AtomicU64,
}

/// The publisher's end of the task.
#[derive(Debug)]
pub(crate) struct Resolving {
    pub(crate) targets: Arc<Targets>,
    pub(crate) updates: mpsc::Receiver<Update>,
    pub(crate) counters: Arc<AliasCounters>,
}

/// Starts the task; it ends when the publisher's end is dropped.
pub(crate) fn spawn(settings: &AliasSettings) -> Resolving {
    let targets = Arc::<Targets>::default();
    let counters = Arc::<AliasCounters>::default();
    let (sender, updates) = mpsc::channel(UPDATES_MAX);
    let task = Task {
        stub: Arc::new(Stub::new(settings.resolvers.clone())),
        schedule: Schedule::new(settings.stale_max, TARGETS_MAX),
        targets: Arc::clone(&targets),
        counters: Arc::clone(&counters),
    };
    tokio::spawn(task.run(sender));
    Resolving { targets, updates, counters }
}

struct Task {
    stub: Arc<Stub>,
    schedule: Schedule,
    targets: Arc<Targets>,
    counters: Arc<AliasCounters>,
}

type Asked = (Name, RecordType, Result<(Answer, u32), Fault>);

impl Task {
    async fn run(mut self, sender: mpsc::Sender<Update>) {
        let mut asked = JoinSet::<Asked>::new();
        loop {
            let room = IN_FLIGHT_MAX - asked.len();
            for (target, rtype) in self.schedule.take_due(Instant::now(), room) {
                self.counters.queries.fetch_add(1, Ordering::Relaxed);
                let stub = Arc::clone(&self.stub);
                asked.spawn(async move {
                    let result = stub.ask(&target, rtype).await;
                    (target, rtype, result)
                });
            }
            let due_at = self.schedule.next_due().filter(|_| asked.len() < IN_FLIGHT_MAX);
            let due = async {
                match due_at {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sender.closed() => return,
                () = self.targets.changed.notified() => self.schedule.apply(self.targets.take(), Instant::now()),
                Some(done) = asked.join_next() => {
                    let Ok((target, rtype, result)) = done else { continue };
                    if result.is_err() {
                        self.counters.failures.fetch_add(1, Ordering::Relaxed);
                    }
                    let known = self.schedule.answered(&target, rtype, result, Instant::now());
                    if let Some(Known::Withheld(reason)) = known {
                        tracing::warn!(%target, %rtype, ?reason, "an ALIAS target has no addresses to serve");
                    }
                    if let Some(known) = known
                        && sender.send(Update { target, rtype, known }).await.is_err()
                    {
                        return;
                    }
                }
                () = due => {}
            }
            let standing = self.schedule.standing();
            // Once for an outage, not for each target.
            match (self.counters.stale.load(Ordering::Relaxed), standing.stale) {
                (0, 1..) => {
                    tracing::warn!("the resolver fails: addresses of ALIAS targets are served beyond their TTL")
                }
                (1.., 0) => tracing::info!("no addresses of ALIAS targets are stale any more"),
                _ => {}
            }
            self.counters.targets.store(standing.targets, Ordering::Relaxed);
            self.counters.stale.store(standing.stale, Ordering::Relaxed);
            self.counters.unresolved.store(standing.unresolved, Ordering::Relaxed);
        }
    }
}
