//! One zone as an immutable snapshot, and lookup in it.
//!
//! A [`Zone`]'s data never changes once built; an edit copies only the path it touches. The one
//! mutable thing is the [`SignatureSlot`] of each RRset, which is an atomic pointer.

mod approach;
mod bitmap;
mod chain;
mod depths;
mod optout;

pub mod build;
pub mod edit;
pub mod lookup;
pub mod misplaced;
pub mod nsec3hash;
pub mod ordername;
pub mod presigned;
pub mod rrset;
pub mod snapshot;
pub mod table;
pub mod withheld;

pub use approach::{Approach, HashedSuffix};
pub use build::{BuildError, ZoneBuilder};
pub use edit::ZoneEditor;
pub use lookup::{Found, Wildcard};
pub use misplaced::Misplaced;
pub use nsec3hash::{Nsec3Hash, Nsec3Params};
pub use rrset::{Rrset, SignatureSlot, Signatures};
pub use snapshot::{DenialMode, NameKey, Node, Proofs, Zone};
pub use withheld::{Supply, Withheld, WithheldReason};
