//! Types that a name has and that cannot be answered: what LUA and ALIAS records stand for.
//!
//! They are no data, but they are not absent either: the denial chain must not deny them, or a resolver that takes the chain at its
//! word (RFC 8198) would go on denying them once they can be answered.

use crate::Rrset;
use wire::RecordType;

/// A type that a name has, and why there is nothing to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withheld {
    /// The type.
    pub rtype: RecordType,
    /// Why.
    pub reason: WithheldReason,
}

/// Why a type that a name has cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithheldReason {
    /// A LUA record would make it, and Lua is not run.
    Lua,
    /// An ALIAS stands for it, and no resolver is configured.
    AliasOff,
    /// An ALIAS stands for it, and its target was not resolved yet.
    AliasPending,
    /// An ALIAS stands for it, and the resolver does not answer.
    AliasUnreachable,
    /// An ALIAS stands for it, and the resolver answered that it failed.
    AliasFailed,
    /// An ALIAS stands for it, and its target does not exist.
    AliasNoName,
}

/// What a name has of one type.
#[derive(Debug)]
pub enum Supply {
    /// Data.
    Rrset(Rrset),
    /// Something that cannot be answered.
    Withheld(WithheldReason),
    /// Nothing now. The name is there all the same, and no wildcard answers for it. With NSEC it may then have no RRset but that,
    /// against the letter of RFC 4035 section 2.3: to deny the name would let a wildcard come and go with an answer.
    Nothing,
}
