//! The NSEC3 owner-name hash (RFC 5155 section 5).

use wire::Name;

/// The raw 20 octets of a hashed owner name.
pub type Nsec3Hash = [u8; 20];

/// Hash algorithm 1 with these parameters (RFC 5155 section 4); default `1 0 0 -` (RFC 9276).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nsec3Params {
    /// Whether insecure delegations are left out of the chain (flag of the NSEC3 records, RFC 5155 section 6).
    pub opt_out: bool,
    /// Additional iterations.
    pub iterations: u16,
    /// At most 255 octets.
    pub salt: Vec<u8>,
}

/// Returns the NSEC3 hash of `name` (canonical form) under `params`.
pub fn nsec3_hash(_name: &Name, _params: &Nsec3Params) -> Nsec3Hash {
    todo!()
}
/// The same for a name already in lower-case wire format.
pub fn nsec3_hash_wire(_lower: &[u8], _params: &Nsec3Params) -> Nsec3Hash {
    todo!()
}
/// Lower-case base32hex without padding (32 characters), as owner names and `ordername` hold it.
pub fn base32hex(_hash: &Nsec3Hash) -> String {
    todo!()
}
