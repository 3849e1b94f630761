//! What the store holds, as the rest of the program sees it.

use wire::{Name, RecordType, ZoneName};

/// `domains.id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ZoneId(pub i64);

/// `domains.type`. Answered as `Native`, `Master`, `Slave`, `Producer`, `Consumer` (PDNS-DIALECT section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoneKind {
    /// Native
    Native,
    /// Master, Primary
    Master,
    /// Slave, Secondary
    Slave,
    /// catalog producer
    Producer,
    /// catalog consumer
    Consumer,
}

impl ZoneKind {
    /// As the API spells it.
    pub fn as_api(self) -> &'static str {
        match self {
            ZoneKind::Native => "Native",
            ZoneKind::Master => "Master",
            ZoneKind::Slave => "Slave",
            ZoneKind::Producer => "Producer",
            ZoneKind::Consumer => "Consumer",
        }
    }

    /// As `domains.type` holds it.
    pub fn as_stored(self) -> &'static str {
        match self {
            ZoneKind::Native => "NATIVE",
            ZoneKind::Master => "MASTER",
            ZoneKind::Slave => "SLAVE",
            ZoneKind::Producer => "PRODUCER",
            ZoneKind::Consumer => "CONSUMER",
        }
    }

    /// Takes old and new words in any case; whatever else is there means Native, as it does to PowerDNS.
    pub fn parse_lenient(text: &str) -> ZoneKind {
        match text.to_ascii_lowercase().as_str() {
            "master" | "primary" => ZoneKind::Master,
            "slave" | "secondary" => ZoneKind::Slave,
            "producer" => ZoneKind::Producer,
            "consumer" => ZoneKind::Consumer,
            _ => ZoneKind::Native,
        }
    }

    /// Whether the records come from elsewhere.
    pub fn is_secondary(self) -> bool {
        matches!(self, ZoneKind::Slave | ZoneKind::Consumer)
    }
}

/// How to reach a database. `Debug` hides the URL.
#[derive(Clone)]
pub struct StoreSettings {
    /// `postgres://user:password@host/db` or `sqlite:path`. Never logged.
    pub url: String,
    /// Upper bound of pooled connections. Default 8.
    pub connections_max: u32,
    /// A statement or a wait for a connection longer than this fails. Default 5 s.
    pub timeout: std::time::Duration,
    /// `default-ttl`, for rows without a TTL. Default 3600.
    pub default_ttl: u32,
    /// Whether tables may be created and migrations run (false for a pdnsutil that only reads).
    pub migrate: bool,
}

impl std::fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreSettings").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// One row of `domains` and what is derived for lists.
#[derive(Debug, Clone)]
pub struct ZoneSummary {
    /// Row id.
    pub id: ZoneId,
    /// Its name.
    pub name: ZoneName,
    /// Kind.
    pub kind: ZoneKind,
    /// `master`, split.
    pub masters: Vec<String>,
    /// "" if none.
    pub account: String,
    /// Catalog zone.
    pub catalog: Option<Name>,
    /// Catalog options, JSON text; "" if none.
    pub options: String,
    /// 0 if NULL.
    pub last_check: i64,
    /// 0 if NULL.
    pub notified_serial: u32,
    /// Serial of the enabled SOA, `None` without.
    pub serial: Option<u32>,
    /// An active key, or PRESIGNED.
    pub is_secured: bool,
    /// PRESIGNED is "1".
    pub is_presigned: bool,
    /// First values of the metadata SOA-EDIT, SOA-EDIT-API, API-RECTIFY, NSEC3PARAM, NSEC3NARROW.
    pub soa_edit: Option<String>,
    /// SOA-EDIT-API.
    pub soa_edit_api: Option<String>,
    /// API-RECTIFY.
    pub api_rectify: Option<String>,
    /// NSEC3PARAM.
    pub nsec3param: Option<String>,
    /// NSEC3NARROW is "1".
    pub nsec3narrow: bool,
}

/// Which zones to list.
#[derive(Debug, Clone, Default)]
pub struct ZoneFilter {
    /// Only this one.
    pub name: Option<ZoneName>,
    /// Leave out what is expensive (`dnssec=false`).
    pub without_dnssec: bool,
}

/// Which RRsets to read.
#[derive(Debug, Clone, Default)]
pub struct RrsetFilter {
    /// Only this owner.
    pub name: Option<Name>,
    /// Only this type (with `name`).
    pub rtype: Option<RecordType>,
}

/// One RRset as the API shows it.
#[derive(Debug, Clone)]
pub struct StoredRrset {
    /// Lower case.
    pub name: Name,
    /// Type.
    pub rtype: RecordType,
    /// Least TTL among the records; 0 with comments only.
    pub ttl: u32,
    /// Records, sorted by content.
    pub records: Vec<StoredRecord>,
    /// Comments, sorted by content.
    pub comments: Vec<Comment>,
}

/// One record as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Column `content`.
    pub content: String,
    /// Column `prio`.
    pub prio: i32,
    /// Hidden from DNS.
    pub disabled: bool,
}

/// One comment of an RRset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Opaque text.
    pub content: String,
    /// Opaque text.
    pub account: String,
    /// Unix seconds; `None` in a change: now.
    pub modified_at: Option<i64>,
}

/// One row of `cryptokeys`. `Debug` hides the content.
#[derive(Clone)]
pub struct StoredKey {
    /// Row id: the API's key id.
    pub id: i64,
    /// 256 or 257.
    pub flags: u16,
    /// Signs.
    pub active: bool,
    /// Stands in the DNSKEY RRset.
    pub published: bool,
    /// ISC private-key text.
    pub content: String,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKey").field("id", &self.id).field("flags", &self.flags).finish_non_exhaustive()
    }
}
