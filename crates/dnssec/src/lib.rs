//! Keys, signatures, denial of existence, and the table of served zones.
//!
//! Pure: bytes, snapshots and `now` in, values out. `now` is Unix seconds as `u32` arithmetic of RFC 1982
//! where it meets the wire.

pub mod algorithm;
pub mod denial;
pub mod ds;
pub mod isc;
pub mod key;
pub mod pem;
pub mod presigned;
pub mod rrsig;
mod rsa;
mod scratch;
pub mod served;
pub mod signer;
pub mod verify;
pub mod views;
mod whitelies;
pub mod window;
pub mod workbench;

pub use algorithm::Algorithm;
pub use denial::{Proof, prove};
pub use key::{KeyError, ZoneKey};
pub use rsa::{RSA_BITS, RSA_BITS_DEFAULT};
pub use served::{Seen, ServedZone, ZoneTable, ZoneView};
pub use signer::{KeyInUse, ZoneSigner};
pub use verify::VerifyError;
pub use views::Views;
pub use window::SigningPolicy;
pub use workbench::{Workbench, WorkbenchBounds};
