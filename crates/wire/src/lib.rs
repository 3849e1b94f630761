//! Names, record types and messages: bytes in, values out.
//!
//! Nothing here opens a socket, reads a clock or knows a zone. The presentation format of every
//! record type is here because PowerDNS's record contents must come back as they were sent, and no
//! library carries them faithfully.

pub mod content;
pub mod message;
pub mod name;
pub mod network;
pub mod rdata;
pub mod rtype;
pub mod zone_name;
pub mod zonefile;

pub use name::{Name, NameError};
pub use network::Network;
pub use rtype::RecordType;
pub use zone_name::{ZoneName, ZoneNameError};
