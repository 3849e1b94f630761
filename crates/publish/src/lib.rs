//! Stored changes become snapshots, snapshots become served zones.
//!
//! The [`Publisher`] reads the store's feed and swaps zones in a [`dnssec::ZoneTable`]; the
//! [`keeper`] makes signatures ahead of queries. Neither answers a query, and neither writes to the store.

mod alias;
mod apply;
pub mod assemble;
pub mod keeper;
mod load;
mod loads;
mod name_data;
pub mod publisher;
mod serving;

pub use alias::AliasSettings;
pub use assemble::{AliasRule, Assembler, Unmade, ZoneRules};
pub use publisher::{PublishSettings, PublishStatus, Publisher, spawn};
