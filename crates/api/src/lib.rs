//! The HTTP API in the PowerDNS dialect.
//!
//! What a zone gets when it is created or secured, and how its keys are described, is here too, because `pdnsutil` makes
//! and shows the same things.

pub mod defaults;
pub mod keys;
pub mod nsec3param;

pub use defaults::ZoneDefaults;
