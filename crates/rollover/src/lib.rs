//! When keys are made, published, used and removed (RFC 7583, RFC 6781): a policy, and a pure function from what is known
//! to what to do.
//!
//! # The model
//!
//! Three sets decide whether a resolver believes a zone: the DS set at the parent, the DNSKEY set with the signatures over it, and
//! which keys signed the data. A [`Memory`] keeps, of each, every version that may still be in a cache: those served now, those that were
//! served less than a TTL ago, and the DS sets that the parent was asked for and may yet publish. A step is taken only if the version that it
//! adds validates with *every* version of the others that may be cached beside it ([`chain`]). All rolls are the same search with
//! different goals: the goal is what the zone should look like in the end, the rule says how far it can go today, and the versions that
//! are in the way say what is waited for and until when. What RFC 7583 calls published or ready follows from which versions
//! hold the record of a key: none of them is [`RecordState::Hidden`], some is `Introducing` or `Withdrawing`, all is `Known`.
//!
//! Time that passes is what the caller watched pass ([`Observations::elapsed`]), not what the wall clock says: a clock that
//! steps shortens no wait. The wall clock only says how old keys are.
//!
//! Nothing here opens anything, reads a clock or makes a key: [`next()`] takes values and returns values.

pub mod chain;
pub mod key;
pub mod memory;
pub mod observe;
pub mod plan;
pub mod policy;

mod next;
mod status;

pub use key::{Key, KeyId, KeyState, RecordState, Role, Time};
pub use memory::Memory;
pub use next::next;
pub use observe::{Act, Ds, Observations, ParentAnswer, ParentServer};
pub use plan::{KeyStatus, Plan, RequestedDs, Step, Wait};
pub use policy::{Cds, Layout, Policy, PolicyError};

#[cfg(test)]
mod tests;
