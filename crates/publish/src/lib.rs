//! Stored changes become snapshots, snapshots become served zones.
//!
//! The [`Publisher`] reads the store's feed and swaps zones in a [`dnssec::ZoneTable`]; the
//! [`keeper`] makes signatures ahead of queries. Neither answers a query, and neither writes to the store.

mod apply;
pub mod assemble;
pub mod keeper;
pub mod publisher;
mod serving;

pub use assemble::{Assembler, ZoneRules};
pub use publisher::{PublishSettings, PublishStatus, Publisher, spawn};
