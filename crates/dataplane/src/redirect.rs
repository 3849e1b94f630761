//! Where CNAME and DNAME lead (RFC 1034 section 3.6.2, RFC 6672).

use crate::plan::{Data, Item, Owner, Plan, Signing};
use wire::message::Rcode;
use wire::{Name, RecordType};
use zone::{Node, Rrset};

/// The target of a CNAME or DNAME RRset.
pub(crate) fn cname_target(rrset: &Rrset) -> Option<Name> {
    debug_assert!(matches!(rrset.rtype(), RecordType::CNAME | RecordType::DNAME));
    rrset.rdatas().next().and_then(|rdata| Name::from_wire(rdata).ok())
}

/// Adds a DNAME with the CNAME it makes of `name`, and returns that CNAME's target.
///
/// The CNAME is unsigned and has the DNAME's TTL (RFC 6672 section 3.1); a target that would be longer than 255 octets is YXDOMAIN
/// with the DNAME alone (section 2.2).
pub(crate) fn substitute<'a>(plan: &mut Plan<'a>, name: &[u8], node: &'a Node, rrset: &'a Rrset) -> Option<Name> {
    // A chain may come through it again.
    if !plan.answer.iter().any(|item| item.is(rrset)) {
        plan.answer.push(plan.signed(Owner::Node(node.name()), rrset));
    }
    let target = cname_target(rrset)?;
    let prefix = &name[..name.len() - node.name().as_wire().len()];
    let Ok(target) = Name::from_wire(&[prefix, target.as_wire()].concat()) else {
        plan.rcode = Rcode::YXDOMAIN;
        return None;
    };
    let owner = Owner::Made(Name::from_wire(name).ok()?);
    let data = Data::Cname(target.clone());
    plan.answer.push(Item { owner, data, ttl: rrset.ttl(), signing: Signing::Unsigned });
    Some(target)
}
