//! Postgres and SQLite behind one trait, and the change feed.
//!
//! The only place with SQL. PowerDNS's tables are used as they are (PDNS-DIALECT section 12); what is ours is named
//! `signpost_*`. Every change to a zone is a [`ZoneEdit`].

pub mod api_key;
mod apply;
pub mod autoprimary;
mod changes;
mod connect;
pub mod copy;
mod database;
mod derive;
pub mod edit;
mod edit_zone;
pub mod error;
pub mod feed;
pub mod history;
mod journal;
mod listen;
mod load;
pub mod model;
mod ownership;
mod read;
mod rectify;
mod rows;
mod rrsets;
mod schema;
pub mod search;
pub mod secret;
pub mod serial;
mod served;
mod session;
mod settings;
mod soa;
pub mod tsig;
pub mod views;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use wire::{Name, ZoneName};

pub use api_key::{ApiKeyChange, StoredApiKey};
pub use apply::{RECORD_HEAD_OCTETS, RRSET_OCTETS_MAX, is_cname_conflict, rrset_too_large};
pub use autoprimary::{Autoprimary, AutoprimaryChange};
pub use copy::ZoneRows;
pub use edit::*;
pub use error::{StoreError, with_causes};
pub use feed::*;
pub use history::{HistoryEntry, HistoryFilter, HistoryRrset, HistoryState, UndoError, undo, undo_to};
pub use model::*;
pub use ownership::external_dns_owner;
pub use search::{Found, FoundComment, FoundRecord, Search};
pub use secret::{SecretPurpose, SharedSecret};
pub use tsig::{TsigKey, TsigKeyChange};
pub use views::{StoredViews, ViewChange};

/// Where zones are kept. Object-safe; one behaviour suite holds both implementations to it.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;

    // --- reading, for API and command line -------------------------------------------------------------------------
    /// All zones, or those that match, with serial and DNSSEC state, in one query whatever their number.
    async fn zones(&self, filter: &ZoneFilter) -> Result<Vec<ZoneSummary>, StoreError>;
    /// One zone by name.
    async fn zone(&self, name: &ZoneName) -> Result<Option<ZoneSummary>, StoreError>;
    /// RRsets with records and comments as the API shows them, disabled ones included, empty non-terminals left out.
    async fn rrsets(&self, zone: ZoneId, filter: &RrsetFilter) -> Result<Vec<StoredRrset>, StoreError>;
    /// All metadata by kind, sorted.
    async fn metadata(&self, zone: ZoneId) -> Result<Vec<(String, Vec<String>)>, StoreError>;
    /// All keys by id.
    async fn keys(&self, zone: ZoneId) -> Result<Vec<StoredKey>, StoreError>;

    /// What matches a pattern, in all zones.
    async fn search(&self, search: &Search) -> Result<Found, StoreError>;
    /// A zone's rows as they stand, to copy them.
    async fn zone_rows(&self, zone: ZoneId) -> Result<ZoneRows, StoreError>;
    /// TSIG keys, all or those of one name, by name and algorithm.
    async fn tsig_keys(&self, name: Option<&Name>) -> Result<Vec<TsigKey>, StoreError>;
    /// All autoprimaries.
    async fn autoprimaries(&self) -> Result<Vec<Autoprimary>, StoreError>;

    // --- writing -----------------------------------------------------------------------------------------------------
    /// Creates a zone with all it comes with, in one transaction. [`StoreError::Exists`] if the name is taken.
    async fn create_zone(&self, zone: NewZone) -> Result<Commit, StoreError>;
    /// Changes one zone: the only way. All or nothing.
    async fn edit_zone(&self, zone: &ZoneName, edit: ZoneEdit) -> Result<Commit, StoreError>;
    /// Deletes a zone with records, keys, metadata and comments; `actor` is who asked, for the journal.
    async fn delete_zone(&self, zone: &ZoneName, actor: &str) -> Result<(), StoreError>;

    /// What happened to the zones of this name, from the journal, the newest first.
    async fn history(&self, zone: &ZoneName, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, StoreError>;

    // --- views -------------------------------------------------------------------------------------------------------
    /// All views and networks.
    async fn views(&self) -> Result<StoredViews, StoreError>;
    /// Changes one of them. False if it was so already.
    async fn change_views(&self, change: &ViewChange) -> Result<bool, StoreError>;

    /// Writes the rows of a zone that was read elsewhere. [`StoreError::Exists`] if the name is taken.
    async fn restore_zone(&self, rows: &ZoneRows) -> Result<(), StoreError>;
    /// Changes TSIG keys, all or nothing.
    async fn change_tsig_key(&self, change: TsigKeyChange) -> Result<(), StoreError>;
    /// Changes the list of autoprimaries.
    async fn change_autoprimary(&self, change: AutoprimaryChange) -> Result<(), StoreError>;

    // --- who may use the API -----------------------------------------------------------------------------------------------
    /// All API keys that are stored, by name.
    async fn api_keys(&self) -> Result<Vec<StoredApiKey>, StoreError>;
    /// Changes them.
    async fn change_api_key(&self, change: ApiKeyChange) -> Result<(), StoreError>;

    // --- between servers ---------------------------------------------------------------------------------------------------
    /// The secret that all servers on this database share for `purpose`: `candidate`, if there was none yet.
    async fn shared_secret(&self, purpose: SecretPurpose, candidate: &SharedSecret)
    -> Result<SharedSecret, StoreError>;

    // --- the feed, for the publisher -----------------------------------------------------------------------------------
    /// All zones to serve and the cursor from which [`Store::changes`] goes on, read in one snapshot of the database.
    /// Calls `sink` with everything needed to build them, streaming: `Zone` first, then its records, then `EndOfZone`.
    async fn load(&self, zones: LoadZones, sink: &mut (dyn FnMut(LoadItem) + Send)) -> Result<FeedCursor, StoreError>;
    /// What changed since `cursor`, names with all their present data, read in one snapshot of the database.
    async fn changes(&self, cursor: &FeedCursor) -> Result<FeedBatch, StoreError>;
    /// Returns when a change was notified or `poll` has passed, whichever is first. Never fails: without LISTEN it is a timer.
    async fn wait_for_change(&self, poll: std::time::Duration);
    /// Removes feed rows and journal entries that nobody needs any more: of more than an hour, and of more than 30
    /// days. A reader does so by itself every five minutes; a cursor older than what was removed gets
    /// [`FeedBatch::LoadAll`]. A store that wraps another need not pass it on.
    async fn prune(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Opens the store a URL names (`postgres://…`, `sqlite:path/file.db`), creates or adopts the tables, runs our migrations.
///
/// # Errors
///
/// [`StoreError::Unavailable`] if the database cannot be reached, [`StoreError::Schema`] if it cannot be used: an old
/// PowerDNS schema, or commits that would not be durable.
pub async fn open(settings: &StoreSettings) -> Result<Arc<dyn Store>, StoreError> {
    database::open(settings).await
}
