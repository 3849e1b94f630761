//! Which NSEC or NSEC3 records prove what (RFC 4035 section 3.1.3, RFC 5155 section 7.2).

use std::sync::Arc;
use wire::Name;
use zone::{Found, Rrset, Zone};

/// The records of one proof, each with its owner, without duplicates; at most four.
#[derive(Default)]
pub struct Proof<'z> {
    /// In the order they are to be sent.
    pub records: Vec<(Name, &'z Arc<Rrset>)>,
}

/// The proof that belongs to what was found for `qname` (lower-case wire): name error, no data (also of a wildcard), wildcard
/// expansion, referral without DS. Empty where none is needed or the zone is unsigned.
pub fn prove<'z>(_zone: &'z Zone, _qname: &[u8], _found: &Found<'z>) -> Proof<'z> {
    todo!()
}
