//! Queries for more than one type, or for what stands beside the data: ANY (RFC 8482), RRSIG, and NSEC.

use crate::plan::{Breadth, Owner, Plan, Signatory, Signing};
use wire::RecordType;
use zone::{Found, Node, Rrset};

/// Whether `qtype` is answered from what stands at `node`, though no RRset of that type does.
pub(crate) fn wants_subset(plan: &Plan<'_>, node: &Node, qtype: RecordType) -> bool {
    match qtype {
        RecordType::ANY | RecordType::RRSIG => smallest(plan, node, qtype).is_some(),
        RecordType::NSEC => nsec_at(plan, node).is_some(),
        _ => false,
    }
}

/// Adds the answer to a query that [`wants_subset`].
pub(crate) fn add<'a>(plan: &mut Plan<'a>, owner: Owner<'a>, node: &'a Node, qtype: RecordType) {
    if qtype == RecordType::NSEC {
        if let Some(rrset) = nsec_at(plan, node) {
            plan.add_answer(plan.signed(owner, rrset));
        }
        return;
    }
    let signing = match plan.signer {
        Some(signer) if qtype == RecordType::RRSIG => Signing::Alone(signer),
        _ => plan.signing(),
    };
    match plan.breadth {
        Breadth::One => {
            // Any will do (RFC 8482 section 4.1). The smallest makes the worst amplifier.
            if let Some(rrset) = smallest(plan, node, qtype) {
                plan.add_answer(plan.item(owner, rrset, signing));
            }
        }
        Breadth::All => {
            // The NSEC stands at the name as well, though the zone's data does not hold it.
            let nsec = nsec_at(plan, node);
            for rrset in node.rrsets().iter().map(|rrset| &**rrset).chain(nsec) {
                let owner = match &owner {
                    Owner::Expanded { name, source } => Owner::Expanded { name: name.clone(), source },
                    _ => Owner::Node(node.name()),
                };
                plan.add_answer(plan.item(owner, rrset, signing));
            }
        }
    }
}

/// Adds the NSEC record that compact denial has at every name, whether that exists or not (RFC 9824), or its signature where that was
/// asked for: it says itself that both are there, and they could not be denied. Not where names are another zone's or rewritten, or other
/// signatures are there; returns whether it did.
pub(crate) fn add_compact_nsec<'a>(plan: &mut Plan<'a>, name: &[u8], found: &Found<'a>, qtype: RecordType) -> bool {
    let Some(signer) = plan.secure.filter(|_| plan.is_compact()) else { return false };
    let absent = match (*found, qtype) {
        (Found::Cname { node, wildcard, .. }, RecordType::NSEC) => Found::NoData { node, wildcard },
        (Found::NoData { .. }, RecordType::NSEC) | (Found::NameError { .. }, RecordType::NSEC | RecordType::RRSIG) => {
            *found
        }
        (Found::NoData { node, .. }, RecordType::RRSIG) if node.rrsets().is_empty() => *found,
        _ => return false,
    };
    let signing = if qtype == RecordType::RRSIG { Signing::Alone(signer) } else { Signing::By(signer) };
    plan.answer_with_proof(name, &absent, signing);
    true
}

/// The smallest RRset that stands at the node, for a query for RRSIG of those that are signed; the NSEC where there is no other.
fn smallest<'a>(plan: &Plan<'a>, node: &'a Node, qtype: RecordType) -> Option<&'a Rrset> {
    let is_wanted = |rrset: &&Rrset| qtype == RecordType::ANY || has_signatures(plan, rrset);
    let rrsets = node.rrsets().iter().map(|rrset| &**rrset);
    let nsec = || nsec_at(plan, node).filter(|_| node.rrsets().is_empty());
    rrsets.filter(is_wanted).min_by_key(|rrset| rrset.encoded().len()).or_else(nsec)
}

/// Whether an RRset has signatures, or can be given some.
fn has_signatures(plan: &Plan<'_>, rrset: &Rrset) -> bool {
    match plan.signer {
        None => false,
        Some(Signatory::Keys(_)) => true,
        Some(Signatory::Stored) => rrset.signatures().load().is_some(),
    }
}

/// The NSEC RRset that the chain holds for the node (RFC 4034 section 4); NSEC3 owners are no names of the zone (RFC 5155 section 7.2.8).
fn nsec_at<'a>(plan: &Plan<'a>, node: &Node) -> Option<&'a Rrset> {
    plan.signer?;
    let (owner, rrset) = plan.zone.nsec_at_or_before(node.name())?;
    (owner == node.name()).then_some(&**rrset)
}
