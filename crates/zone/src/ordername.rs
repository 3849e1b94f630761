//! What PowerDNS derives and keeps in its tables: `ordername` and `auth` (PDNS-DIALECT section 8).

use crate::Nsec3Params;
use wire::Name;

/// How a zone's `ordername` column is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderMode {
    /// Not signed: NULL.
    Unsigned,
    /// NSEC: labels below the apex, reversed, separated by spaces, lower case; the apex is "".
    Nsec,
    /// NSEC3: base32hex of the hash.
    Nsec3(Nsec3Params),
    /// NSEC3 narrow: NULL.
    Narrow,
}

/// The NSEC `ordername` of `name` in the zone `apex`: `a.b.example.com` gives `b a`.
pub fn nsec_ordername(_name: &Name, _apex: &Name) -> String {
    todo!()
}
