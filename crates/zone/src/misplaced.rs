//! Records that mean nothing where they stand, and are left out of the zone.

use wire::{Name, RecordType};

/// Why a record is not served where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// It would look like the apex of another zone.
    #[error("SOA is not at the apex")]
    Soa,
    /// A delegation is the parent's to sign (RFC 4035 section 2.4).
    #[error("DS is at the apex")]
    Ds,
    /// What it means was left undefined (RFC 4592 section 4.2): as data it would have to be signed, as a cut it must not be, and
    /// validators refuse either.
    #[error("NS is at a wildcard")]
    WildcardNs,
}

/// Whether a record of this type can stand at `name` in the zone `apex`.
///
/// # Errors
///
/// [`Misplaced`] tells why not.
pub fn check(apex: &Name, name: &Name, rtype: RecordType) -> Result<(), Misplaced> {
    match rtype {
        RecordType::SOA if name != apex => Err(Misplaced::Soa),
        RecordType::DS if name == apex => Err(Misplaced::Ds),
        RecordType::NS if name != apex && name.is_wildcard() => Err(Misplaced::WildcardNs),
        _ => Ok(()),
    }
}
