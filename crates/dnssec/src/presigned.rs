//! What is wrong with a zone that was signed elsewhere. It is served all the same, as well as it can be.

use crate::rrsig::RrsigFields;
use crate::verify::{VerifyError, verify};
use crate::window::is_after;
use wire::{Name, RecordType};
use zone::presigned::ChainFault;
use zone::{Rrset, Zone};

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Whether everything that has to be there is there.
    Presence,
    /// Whether the signatures hold, too.
    Signatures,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examined {
    /// Faults, those of the chain last.
    pub faults: Vec<Fault>,
    /// When the first signature ends, Unix seconds; `None` without any.
    pub expires_at: Option<u32>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing can be validated.
    #[error("no DNSKEY at the apex")]
    NoKeys,
    /// An RRset has no signature (RFC 4035 section 2.2).
    #[error("no RRSIG over {rtype} at {owner}")]
    Unsigned {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: RecordType,
    },
    /// A signature that does not hold with any key of the zone.
    #[error("RRSIG with key tag {key_tag} over {rtype} at {owner} does not hold: {error}")]
    Signature {
        /// Owner of what it covers.
        owner: Name,
        /// Type of what it covers.
        rtype: RecordType,
        /// The key it names.
        key_tag: u16,
        /// Why not.
        error: VerifyError,
    },
    /// No link for a name that exists.
    #[error("{} exists and no NSEC or NSEC3 record says so", .0)]
    Unlinked(Name),
    /// A link that denies a type that is there, or the other way round.
    #[error("the types in the NSEC or NSEC3 record of {} are not those it has", .0)]
    Types(Name),
    /// The chain has a gap.
    #[error("the NSEC or NSEC3 record at {} does not lead to the next one", .0)]
    Gap(Name),
    /// A link without a name.
    #[error("the NSEC or NSEC3 record at {} belongs to no name", .0)]
    Surplus(Name),
}

/// Examines a presigned zone at `now`, Unix seconds.
pub fn examine(zone: &Zone, now: u32, depth: Depth) -> Examined {
    let mut examined = Examined::default();
    let keys = zone.apex_node().rrset(RecordType::DNSKEY);
    let keys: Vec<&[u8]> = keys.into_iter().flat_map(|rrset| rrset.rdatas()).collect();
    if keys.is_empty() {
        examined.faults.push(Fault::NoKeys);
    }
    for (owner, rrset) in zone.signable() {
        let stored = rrset.signatures().load();
        let Some(signatures) = stored.as_ref() else {
            examined.faults.push(Fault::Unsigned { owner, rtype: rrset.rtype() });
            continue;
        };
        if examined.expires_at.is_none_or(|earliest| is_after(earliest, signatures.expires_at)) {
            examined.expires_at = Some(signatures.expires_at);
        }
        if depth == Depth::Signatures {
            let faults = signatures.rdatas().filter_map(|rrsig| fault_of(zone, &owner, rrset, rrsig, &keys, now));
            examined.faults.extend(faults);
        }
    }
    examined.faults.extend(zone.chain_faults().into_iter().map(|fault| match fault {
        ChainFault::Missing(name) => Fault::Unlinked(name),
        ChainFault::Types(name) => Fault::Types(name),
        ChainFault::Next(owner) => Fault::Gap(owner),
        ChainFault::Surplus(owner) => Fault::Surplus(owner),
    }));
    examined
}

/// Why a signature does not hold, if it does not. Of algorithms we do not know nothing is said.
fn fault_of(zone: &Zone, owner: &Name, rrset: &Rrset, rrsig: &[u8], keys: &[&[u8]], now: u32) -> Option<Fault> {
    let key_tag = RrsigFields::parse(rrsig).map_or(0, |(fields, _)| fields.key_tag);
    let mut worst = VerifyError::Field("key tag");
    for key in keys {
        match verify(owner, rrset, rrsig, key, zone.apex(), now) {
            Ok(_) | Err(VerifyError::Algorithm(_)) => return None,
            // Another key than the one that is named says nothing.
            Err(VerifyError::Field("key tag")) => {}
            Err(error) => worst = error,
        }
    }
    Some(Fault::Signature { owner: owner.clone(), rtype: rrset.rtype(), key_tag, error: worst })
}
