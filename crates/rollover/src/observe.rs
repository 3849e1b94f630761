//! What the caller has seen since it last asked, and what people want.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::chain::DsSet;
use crate::key::{KeyId, Role};

/// What was seen since the last call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observations {
    /// Time since the last call by a monotonic clock of this process; zero at its first call. Waits consist of this and nothing else, and
    /// parent and replicas are to have been looked at within it: ask at least every hour.
    pub elapsed: Duration,
    /// Greatest TTL that the DNSKEY set was served with since the last call; at the first call for a zone, in the days before.
    pub dnskey_ttl: Duration,
    /// The same of all other RRsets of the zone, proofs of denial and negative answers included.
    pub zone_ttl: Duration,
    /// Every address of every server of the parent. Empty if the parent is not known.
    pub parent: Vec<ParentServer>,
    /// Replicas that do not yet serve the keys as they were at the last call, in words.
    pub lagging: Vec<String>,
    /// Keys that some replica could not sign with so that it verified, and why. They are not put to use.
    pub unverified: BTreeMap<KeyId, String>,
    /// Why nothing may be changed now, such as an answer of ours that did not validate.
    pub halt: Option<String>,
    /// What people asked for.
    pub acts: Vec<Act>,
}

/// One address of one server of the parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentServer {
    /// Name and address, as an operator is to read it.
    pub name: String,
    /// What it said of the DS set.
    pub answer: ParentAnswer,
}

/// What a server of the parent said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParentAnswer {
    /// The DS set, empty for a denial, and the TTL of it or of the denial.
    Ds {
        /// The set.
        set: DsSet,
        /// As the server sent it.
        ttl: Duration,
    },
    /// No answer that can be used, and why. What it said before counts as what it still says.
    Silent(String),
}

/// A DS record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ds {
    /// The digest is that of a key of the zone.
    Ours(KeyId),
    /// The digest is not of any key of the zone.
    Foreign {
        /// Key tag.
        tag: u16,
        /// DNSSEC algorithm number.
        algorithm: u8,
    },
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Replace the key in use now, whatever its age.
    Roll(Role),
    /// A private key is known to others: replace the key, without the safety that policy adds to waits. No wait for caches is cut short.
    Emergency(KeyId),
    /// Take a key out of use, and make another if it is needed.
    Retire(KeyId),
    /// The parent's DS set, by a person who looked, where we can not.
    ConfirmDs {
        /// The keys that DS records are there for.
        keys: BTreeSet<KeyId>,
        /// Kept, and shown.
        reason: String,
    },
    /// Sign no more, once the parent has no DS.
    GoInsecure,
    /// Take [`Act::GoInsecure`] back.
    GoSecure,
}
