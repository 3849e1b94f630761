//! Answers that say no: SOA for how long, and the proof (RFC 2308, RFC 4035 section 3.1.3).

use crate::plan::{Item, Owner, Plan};
use wire::message::Rcode;
use zone::Found;

/// The name exists without the type (RFC 2308 section 2.2).
pub(crate) fn no_data<'a>(plan: &mut Plan<'a>, name: &[u8], found: &Found<'a>) {
    add_soa(plan);
    plan.prove(name, found);
}

/// The name does not exist (RFC 2308 section 2.1); after a CNAME this is said of its target (RFC 6604 section 3).
pub(crate) fn name_error<'a>(plan: &mut Plan<'a>, name: &[u8], found: &Found<'a>) {
    // RFC 9824 section 3.1: to those who cannot tell, the name exists without the type.
    let is_hidden = plan.is_compact() && !plan.restores_rcode();
    plan.rcode = if is_hidden { Rcode::NOERROR } else { Rcode::NXDOMAIN };
    add_soa(plan);
    plan.prove(name, found);
}

/// The SOA under the TTL of negative answers (RFC 2308 section 3).
fn add_soa(plan: &mut Plan<'_>) {
    let zone = plan.zone;
    let item = plan.signed(Owner::Node(zone.apex()), zone.soa());
    plan.authority.push(Item { ttl: zone.negative_ttl(), ..item });
}
