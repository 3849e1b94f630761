//! The one write path to a zone.

use crate::{Comment, StoredRecord, ZoneKind};
use wire::{Name, RecordType, ZoneName};

/// One item of a PATCH (PDNS-DIALECT section 5), names lower case, contents already parsed and in stored form.
#[derive(Debug, Clone)]
pub enum RrsetChange {
    /// Removes the RRset and its comments; nothing there is no error.
    Delete {
        /// Owner.
        name: Name,
        /// Type.
        rtype: RecordType,
    },
    /// Removes the RRset, and the TXT at `registry` with it, if all that is stored there names External-DNS's `owner`
    /// ([`crate::external_dns_owner`]). Else nothing, and no error.
    DeleteOwned {
        /// Owner name.
        name: Name,
        /// Type.
        rtype: RecordType,
        /// Where the TXT about it stands.
        registry: Name,
        /// Whose it must be.
        owner: String,
    },
    /// Makes the RRset exactly this. `records: None` keeps them, `Some([])` deletes; the same for comments.
    Replace {
        /// Owner.
        name: Name,
        /// Type.
        rtype: RecordType,
        /// Seconds; needed with records.
        ttl: u32,
        /// New records.
        records: Option<Vec<StoredRecord>>,
        /// New comments.
        comments: Option<Vec<Comment>>,
    },
    /// Adds one record unless an enabled one with the same stored content is there.
    Extend {
        /// Owner.
        name: Name,
        /// Type.
        rtype: RecordType,
        /// Seconds.
        ttl: u32,
        /// The record.
        record: StoredRecord,
    },
    /// Removes one record if there.
    Prune {
        /// Owner.
        name: Name,
        /// Type.
        rtype: RecordType,
        /// Seconds.
        ttl: u32,
        /// The record.
        record: StoredRecord,
    },
}

impl RrsetChange {
    /// The RRset it is about.
    pub fn owner(&self) -> (&Name, RecordType) {
        match self {
            RrsetChange::Replace { name, rtype, .. }
            | RrsetChange::Delete { name, rtype }
            | RrsetChange::DeleteOwned { name, rtype, .. }
            | RrsetChange::Extend { name, rtype, .. }
            | RrsetChange::Prune { name, rtype, .. } => (name, *rtype),
        }
    }
}

/// What happens to the records.
#[derive(Debug, Clone, Default)]
pub enum RrsetEdit {
    /// Nothing.
    #[default]
    Keep,
    /// In order, each seeing the ones before it.
    Patch(Vec<RrsetChange>),
    /// The zone holds exactly these afterwards (`Replace` items only).
    ReplaceAll(Vec<RrsetChange>),
}

/// What happens to a key.
#[derive(Clone)]
pub enum KeyChange {
    /// Adds a key; ids of added keys are in [`Commit::key_ids`] in order.
    Add {
        /// 256 or 257.
        flags: u16,
        /// Signs.
        active: bool,
        /// In DNSKEY.
        published: bool,
        /// ISC text.
        content: String,
    },
    /// Sets both flags. [`crate::StoreError::NotFound`] if the zone has no such key.
    Set {
        /// Key.
        id: i64,
        /// Signs.
        active: Option<bool>,
        /// In DNSKEY.
        published: Option<bool>,
    },
    /// Removes it.
    Remove {
        /// Key.
        id: i64,
    },
    /// Removes all.
    RemoveAll,
}

/// How the serial moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SerialBump {
    /// By SOA-EDIT-API, if anything changed (PDNS-DIALECT section 7.3).
    #[default]
    BySoaEditApi,
    /// Stays.
    Keep,
    /// pdnsutil increase-serial.
    Increase,
}

/// Whether `ordername`, `auth` and empty non-terminals are kept right for the touched names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rectify {
    /// For the names touched; for the whole zone where the denial mode changed. Skipped when API-RECTIFY is "0".
    #[default]
    Touched,
    /// The whole zone.
    Whole,
    /// Not at all.
    Skip,
}

/// A change to one zone, applied under the zone's lock in one transaction.
#[derive(Clone, Default)]
pub struct ZoneEdit {
    /// Records and comments.
    pub rrsets: RrsetEdit,
    /// New kind.
    pub kind: Option<ZoneKind>,
    /// New primaries.
    pub masters: Option<Vec<String>>,
    /// New account.
    pub account: Option<String>,
    /// New catalog; `Some(None)` removes it.
    pub catalog: Option<Option<Name>>,
    /// New catalog options, JSON text; `Some(None)` removes them.
    pub options: Option<Option<String>>,
    /// Kinds to set, each with all its values; no values removes the kind.
    pub metadata: Vec<(String, Vec<String>)>,
    /// Values to add to a kind where not yet there.
    pub metadata_added: Vec<(String, Vec<String>)>,
    /// Keys.
    pub keys: Vec<KeyChange>,
    /// What was seen of [`crate::ZoneSummary::is_secured`] when this was decided, where it matters: two who secure a
    /// zone at once must not both give it keys. [`crate::StoreError::Changed`] if it is no longer so.
    pub expects_secured: Option<bool>,
    /// The generation that was seen when this was decided, where it matters; [`crate::StoreError::Changed`] if the zone went on.
    pub expects_generation: Option<u64>,
    /// `notified_serial` becomes the present serial.
    pub mark_notified: bool,
    /// Serial.
    pub serial: SerialBump,
    /// [`SerialBump::BySoaEditApi`] counts this as a change, whatever the rest does.
    pub writes_unchanged: bool,
    /// Derived columns.
    pub rectify: Rectify,
    /// Who asked, for the journal.
    pub actor: Option<String>,
}

/// A zone to create.
#[derive(Clone)]
pub struct NewZone {
    /// Its name.
    pub name: ZoneName,
    /// Everything it comes with. `rrsets` must be `ReplaceAll`; a SOA, if wanted, is among them.
    pub content: ZoneEdit,
}

/// What a committed change did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Whether any row changed.
    pub changed: bool,
    /// The zone's generation afterwards.
    pub generation: u64,
    /// Serial before and after, when SOA-EDIT-API moved it.
    pub serials: Option<(u32, u32)>,
    /// Ids of added keys.
    pub key_ids: Vec<i64>,
    /// What a whole-zone rectify changed.
    pub rectified_rows: u64,
}
