//! What the API asks of the rest of the program: that a change is served, and that secondaries are told.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use wire::ZoneName;

/// Tells when what was committed is answered by this server's DNS.
#[async_trait]
pub trait Publication: Send + Sync + 'static {
    /// Waits until everything committed to `zone` before this call is served, signed, but no longer than `bound`; without a
    /// zone, to anything. False if the bound passed first: the change is durable all the same.
    async fn published(&self, zone: Option<&ZoneName>, bound: Duration) -> bool;
}

/// Takes zones whose secondaries are to be told (RFC 1996).
pub trait NotifyQueue: Send + Sync + 'static {
    /// Queues NOTIFY messages for `zone`. False if the queue is full.
    fn queue(&self, zone: &ZoneName) -> bool;

    /// Queues one for `host` alone, whatever the zone's secondaries are. False if the queue is full.
    fn queue_for(&self, zone: &ZoneName, host: IpAddr) -> bool;
}

/// What a part of the program is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Queries, and all else.
    Dns,
    /// Reads and writes through the API alone.
    Api,
    /// Nothing stops without it, but somebody should look.
    Attention,
}

/// How one part of the program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which.
    pub name: &'static str,
    /// What is lost without it.
    pub needed_for: For,
    /// Whether it is as it should be.
    pub is_ok: bool,
    /// In words.
    pub detail: String,
}

/// Whether this server should get traffic.
pub trait Readiness: Send + Sync + 'static {
    /// `Err` with the reason while zones are not yet loaded.
    fn is_ready(&self) -> Result<(), String>;

    /// All parts. From memory: a probe must not wait for what it asks about.
    fn checks(&self) -> Vec<Check>;
}
