//! DS and CDS of a key (RFC 4034 section 5, RFC 7344 section 3, RFC 8078 section 4).

use std::fmt::Write as _;

use ring::digest::{SHA256, SHA384, digest};
use wire::Name;

use crate::key::key_tag;

/// Digest types that are made: SHA-256 (RFC 4509) and SHA-384 (RFC 6605); SHA-1 must not be (RFC 8624 section 3.3).
pub const DIGEST_TYPES: [u8; 2] = [2, 4];

/// CDS RDATA that asks the parent to remove the DS RRset (RFC 8078 section 4): `0 0 0 00`.
pub const CDS_DELETE: [u8; 5] = [0, 0, 0, 0, 0];
/// CDNSKEY RDATA that asks for the same: `0 3 0 AA==`.
pub const CDNSKEY_DELETE: [u8; 5] = [0, 0, 3, 0, 0];

/// DS RDATA of the zone key `dnskey` (its RDATA); `None` for a digest type that is not in [`DIGEST_TYPES`].
pub fn ds(zone: &Name, dnskey: &[u8], digest_type: u8) -> Option<Vec<u8>> {
    let algorithm = match digest_type {
        2 => &SHA256,
        4 => &SHA384,
        _ => return None,
    };
    let hashed = [&zone.as_wire().to_ascii_lowercase(), dnskey].concat();
    let mut rdata = Vec::with_capacity(4 + 48);
    rdata.extend_from_slice(&key_tag(dnskey).to_be_bytes());
    rdata.extend_from_slice(&[*dnskey.get(3)?, digest_type]);
    rdata.extend_from_slice(digest(algorithm, &hashed).as_ref());
    Some(rdata)
}

/// DS RDATA in presentation format, as PowerDNS prints it: the digest in lower case without spaces.
pub fn ds_text(rdata: &[u8]) -> String {
    let (numbers, digest) = rdata.split_at(rdata.len().min(4));
    let mut text = match numbers {
        &[high, low, algorithm, digest_type] => {
            format!("{} {algorithm} {digest_type} ", u16::from_be_bytes([high, low]))
        }
        _ => return String::new(),
    };
    for octet in digest {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}
