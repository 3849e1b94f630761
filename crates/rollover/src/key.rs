//! Keys, and the words for where they stand.

use std::time::Duration;

/// A key of a zone, as the database numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub i64);

/// Seconds since 1970 by the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl std::ops::Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(duration.as_secs()))
    }
}

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The DNSKEY set; its DS is at the parent.
    Ksk,
    /// Everything but the DNSKEY set.
    Zsk,
    /// Both.
    Csk,
}

impl Role {
    /// Whether keys of this role sign the DNSKEY set.
    pub fn is_entry(self) -> bool {
        self != Role::Zsk
    }

    /// Whether keys of this role sign the zone's data.
    pub fn is_signer(self) -> bool {
        self != Role::Ksk
    }
}

/// A key as it stands in the database, and what the zone is served with because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Never used again for another key.
    pub id: KeyId,
    /// Key tag (RFC 4034 appendix B).
    pub tag: u16,
    /// DNSSEC algorithm number.
    pub algorithm: u8,
    /// What it is for.
    pub role: Role,
    /// When it was made; of a key that was found, when it was first seen, if nothing better is known.
    pub created: Time,
    /// Whether its DNSKEY is served.
    pub published: bool,
    /// Whether it signs the DNSKEY set.
    pub signs_dnskey: bool,
    /// Whether it signs the zone's data.
    pub signs_zone: bool,
}

/// Where a key stands, in the words of RFC 7583 section 3.1.
///
/// ```text
///  Generated ──▶ Published ──▶ Ready ──▶ Active ──▶ Retired ──▶ Dead ──▶ Removed
///             in zone      in every   ZSK: signs   ZSK: signs no more    in no      gone from
///                          cache      KSK: its DS  KSK: another's DS     cache      the database
///                                     in every     is asked for
///                                     cache
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyState {
    /// Made, and in the database only.
    Generated,
    /// Its DNSKEY is served; some caches may hold a DNSKEY set without it.
    Published,
    /// Its DNSKEY is in every cached DNSKEY set: a ZSK can sign; a KSK's DS can go to the parent, and may be on its way.
    Ready,
    /// In use.
    Active,
    /// Replaced; some caches may still need it.
    Retired,
    /// No cache needs it and it is not served. The next step removes it.
    Dead,
}

impl KeyState {
    /// The word for operators.
    pub fn word(self) -> &'static str {
        match self {
            KeyState::Generated => "generated",
            KeyState::Published => "published",
            KeyState::Ready => "ready",
            KeyState::Active => "active",
            KeyState::Retired => "retired",
            KeyState::Dead => "dead",
        }
    }
}

/// Where one kind of record of one key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordState {
    /// In no cache.
    Hidden,
    /// Served, and caches may hold a version without it.
    Introducing,
    /// In every version that a cache may hold.
    Known,
    /// Not served, and caches may hold a version with it.
    Withdrawing,
}
