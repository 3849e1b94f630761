//! Referrals to a child zone, with what proves them secure or insecure, and glue (RFC 1034 section 4.3.2, RFC 4035 section 3.1.4, RFC 9471).

use crate::plan::{Data, Item, Owner, Plan, Signing};
use wire::RecordType;
use wire::name::NAME_OCTETS_MAX;
use zone::{Found, Node, Rrset};

/// Name servers of one cut whose addresses are looked up.
const SERVERS_MAX: usize = 64;

/// Adds the referral to the zone that `cut` delegates.
pub(crate) fn refer<'a>(plan: &mut Plan<'a>, name: &[u8], cut: &'a Node, found: &Found<'a>) {
    plan.is_authoritative = !plan.answer.is_empty();
    let Some(servers) = cut.rrset(RecordType::NS) else { return };
    plan.authority.push(unsigned(cut, servers));
    match cut.rrset(RecordType::DS) {
        Some(ds) if plan.secure.is_some() => plan.authority.push(plan.signed(Owner::Node(cut.name()), ds)),
        Some(_) => {}
        None => plan.prove(name, found),
    }
    for rdata in servers.rdatas().take(SERVERS_MAX) {
        let mut lower = [0; NAME_OCTETS_MAX];
        if let Some(lower) = lower.get_mut(..rdata.len()) {
            lower.copy_from_slice(rdata);
            lower.make_ascii_lowercase();
            add_glue(plan, cut, lower);
        }
    }
}

/// Adds the addresses of one name server, as far as this zone knows them.
fn add_glue<'a>(plan: &mut Plan<'a>, cut: &'a Node, server: &[u8]) {
    let Some(node) = plan.zone.node(server) else { return };
    // Addresses outside every cut are this zone's own data, and signed (RFC 4035 section 3.1.1). Below a DNAME there is nothing:
    // the name stands for another one (RFC 6672 section 2.3).
    let is_own = match plan.zone.redirect_above(server) {
        Some(above) if !above.is_cut() => return,
        Some(_) => false,
        None => !node.is_cut(),
    };
    let is_required = node.name().is_under(cut.name());
    for rtype in [RecordType::A, RecordType::AAAA] {
        let Some(rrset) = node.rrset(rtype) else { continue };
        if is_required {
            plan.glue.push(unsigned(node, rrset));
        } else if is_own {
            plan.additional.push(plan.signed(Owner::Node(node.name()), rrset));
        } else {
            plan.additional.push(unsigned(node, rrset));
        }
    }
}

fn unsigned<'a>(node: &'a Node, rrset: &'a Rrset) -> Item<'a> {
    Item { owner: Owner::Node(node.name()), data: Data::Rrset(rrset), ttl: rrset.ttl(), signing: Signing::Unsigned }
}
