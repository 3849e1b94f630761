//! What to do, and what to tell people.

use std::collections::BTreeSet;

use crate::key::{KeyId, KeyState, RecordState, Role, Time};
use crate::memory::Memory;
use crate::observe::Act;

/// What [`next`](crate::next()) decided. Steps and memory are to be stored in one transaction, or neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which to take them; all at once.
    pub steps: Vec<Step>,
    /// To be given to the next call.
    pub memory: Memory,
    /// The DS set that the parent is asked for.
    pub request: RequestedDs,
    /// Every key, in the order of ids.
    pub keys: Vec<KeyStatus>,
    /// What the zone as a whole waits for.
    pub zone: Option<Wait>,
    /// Acts that were not carried out, and why.
    pub refused: Vec<(Act, String)>,
    /// When the next step may be possible, at the earliest. Observations are to go on in the meantime.
    pub wake: Option<Time>,
}

/// A change to the database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Make a key, unused for now. Its tag must not be in [`Memory::tags`].
    Create {
        /// What it is for.
        role: Role,
        /// DNSSEC algorithm number.
        algorithm: u8,
    },
    /// Serve its DNSKEY.
    Publish(KeyId),
    /// Sign the DNSKEY set with it.
    SignDnskey(KeyId),
    /// Sign the data with it.
    SignZone(KeyId),
    /// Sign the data with it no more.
    StopSigningZone(KeyId),
    /// Sign the DNSKEY set with it no more.
    StopSigningDnskey(KeyId),
    /// Serve its DNSKEY no more.
    Unpublish(KeyId),
    /// Delete it.
    Remove(KeyId),
}

/// The DS set that the parent is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedDs {
    /// Nothing yet: caches may hold unsigned data, or the zone was just taken over.
    Nothing,
    /// DS records of these keys and no others; CDS and CDNSKEY records of the same if policy says so.
    Keys(BTreeSet<KeyId>),
    /// No DS; CDS and CDNSKEY in the delete form (RFC 8078 section 4) if policy says so.
    Delete,
}

/// One key, for its row in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// The key.
    pub id: KeyId,
    /// Its tag.
    pub tag: u16,
    /// What it is for.
    pub role: Role,
    /// Where it stands.
    pub state: KeyState,
    /// Since when.
    pub since: Time,
    /// Its DNSKEY.
    pub dnskey: RecordState,
    /// Its signatures over the data.
    pub signatures: RecordState,
    /// Its DS at the parent.
    pub ds: RecordState,
    /// What it waits for, if anything.
    pub wait: Option<Wait>,
}

/// Something that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// In words.
    pub what: String,
    /// Since when.
    pub since: Time,
    /// The earliest time at which it can be over, as far as that is known.
    pub not_before: Option<Time>,
    /// What a person has to do, if anything.
    pub person: Option<String>,
}
