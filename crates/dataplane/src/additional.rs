//! What else a client will want to know (RFC 1034 section 4.3.2, step 6): for SVCB and HTTPS alone, where RFC 9460 section 4.1 asks
//! for it.
//!
//! Addresses of MX, SRV and NS targets are left to be asked for: resolvers believe no address that they did not ask for, and it
//! would only make every such answer longer. Glue is another matter, see [`crate::referral`].

use crate::plan::{Owner, Plan};
use wire::RecordType;
use wire::name::NAME_OCTETS_MAX;
use zone::{Found, Rrset};

/// Targets of one RRset that are looked up.
const TARGETS_MAX: usize = 4;
/// Octets of SVCB's priority, which stands before the target (RFC 9460 section 2.2).
const PRIORITY_OCTETS: usize = 2;

/// Adds what the zone has at the targets of `rrset`, found at `owner` (lower-case wire): addresses, and for AliasMode the target's own
/// records of the type. Only data that is there: proofs that something is not would outweigh the answer.
pub(crate) fn add<'a>(plan: &mut Plan<'a>, owner: &[u8], rrset: &'a Rrset) {
    if !matches!(rrset.rtype(), RecordType::SVCB | RecordType::HTTPS) {
        return;
    }
    for rdata in rrset.rdatas().take(TARGETS_MAX) {
        let Some((priority, rest)) = rdata.split_at_checked(PRIORITY_OCTETS) else { continue };
        let is_alias = priority == [0, 0];
        let mut buffer = [0; NAME_OCTETS_MAX];
        let target = match lower_name(rest, &mut buffer) {
            // RFC 9460 section 2.5: "." is the owner itself, in AliasMode it says that there is no such service.
            Some([0]) if is_alias => continue,
            Some([0]) => owner,
            Some(target) => target,
            None => continue,
        };
        if !is_under(target, plan.zone.apex().as_wire()) {
            continue;
        }
        if is_alias {
            add_rrset(plan, target, rrset.rtype());
        }
        add_rrset(plan, target, RecordType::A);
        add_rrset(plan, target, RecordType::AAAA);
    }
}

/// Adds one RRset of the zone's own data. What a wildcard makes would need a proof, and is left out.
fn add_rrset<'a>(plan: &mut Plan<'a>, name: &[u8], rtype: RecordType) {
    let Found::Answer { node, rrset, wildcard: None } = plan.zone.lookup(name, rtype) else { return };
    let is_there = plan.answer.iter().chain(plan.additional.iter()).any(|item| item.is(rrset));
    if !is_there {
        plan.additional.push(plan.signed(Owner::Node(node.name()), rrset));
    }
}

/// The uncompressed name that `octets` begins with, in lower case.
fn lower_name<'b>(octets: &[u8], buffer: &'b mut [u8; NAME_OCTETS_MAX]) -> Option<&'b [u8]> {
    let mut end = 0;
    while let length @ 1.. = *octets.get(end)? {
        end += 1 + usize::from(length);
    }
    let name = buffer.get_mut(..=end)?;
    name.copy_from_slice(octets.get(..=end)?);
    name.make_ascii_lowercase();
    Some(name)
}

/// Whether a name is at or below another one, both in lower-case wire format.
fn is_under(name: &[u8], ancestor: &[u8]) -> bool {
    let Some(above) = name.len().checked_sub(ancestor.len()) else { return false };
    let mut at = 0;
    while at < above {
        at += 1 + usize::from(name[at]);
    }
    at == above && &name[at..] == ancestor
}
