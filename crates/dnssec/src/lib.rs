//! Keys, signatures, denial of existence, and the table of served zones.
//!
//! Pure: bytes, snapshots and `now` in, values out. `now` is Unix seconds as `u32` arithmetic of RFC 1982
//! where it meets the wire.

pub mod denial;
pub mod key;
pub mod served;
pub mod signer;

pub use key::{Algorithm, KeyError, ZoneKey};
pub use served::{ServedZone, ZoneTable};
pub use signer::{SigningPolicy, ZoneSigner};
