//! What a reply has to be, whatever the peers say: it is held against the zones as they were drawn. Lookup is not repeated here; what is
//! asked is whether each record has a reason to be there, and whether what is not there was denied.
//!
//! Where all three peers answer otherwise, each for a reason of its own, this and the validator are who look at our answer.

use crate::compare::Case;
use crate::world::{Mode, Rrset, Zone};
use signpost_tests::reply::{Record, Reply};
use wire::{Name, RecordType};

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const DNAME: u16 = 39;
const DS: u16 = 43;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const DNSKEY: u16 = 48;
const NSEC3: u16 = 50;
const NSEC3PARAM: u16 = 51;
const CDS: u16 = 59;
const CDNSKEY: u16 = 60;
const NXNAME: u16 = 128;
const ANY: u16 = 255;

const NOERROR: u16 = 0;
const FORMERR: u16 = 1;
const NXDOMAIN: u16 = 3;
const REFUSED: u16 = 5;
const YXDOMAIN: u16 = 6;

/// Steps after which our chains end.
const CHAIN_MAX: usize = 16;

/// Where the chain of an answer has led.
enum End<'w> {
    /// Into no zone that is served, round in a circle, or too far.
    Nowhere,
    Zone(&'w Zone),
}

/// What is wrong with our reply.
pub(crate) fn faults(case: &Case<'_>) -> Vec<String> {
    let reply = &case.ours;
    let mut faults = Vec::new();
    let is_dnssec_ok = case.question.is_dnssec_ok();
    let wanted_edns = case.question.edns.map(|_| is_dnssec_ok);
    if reply.edns.as_ref().map(|edns| edns.flags & 0x8000 != 0) != wanted_edns {
        faults.push("OPT: RFC 6891 section 7, RFC 3225 section 3".to_owned());
    }
    let is_served = case.world.zone_of(&case.question.name.to_lowercase()).is_some();
    match reply.rcode {
        NOERROR | NXDOMAIN | YXDOMAIN if is_served => {}
        FORMERR if case.question.rtype.0 == NXNAME => return faults,
        REFUSED if !is_served && reply.answer.is_empty() && reply.authority.is_empty() => return faults,
        rcode => return vec![format!("RCODE: {rcode}")],
    }
    if reply.is_truncated() {
        return faults;
    }
    let mut check = |is_so: bool, fault: &str| {
        if !is_so {
            faults.push(fault.to_owned());
        }
    };
    for record in &reply.answer {
        check(has_place(case, record), &format!("the answer has no place for: {record}"));
        check(is_whole(case, reply, record), &format!("no zone has in this way: {record}"));
    }
    for record in reply.answer.iter().chain(&reply.authority) {
        check(is_signed_as_wanted(case, reply, record), &format!("signatures are not as wanted: {record}"));
    }
    let proofs = reply.authority.iter().filter(|record| matches!(record.rtype, NSEC | NSEC3 | RRSIG)).count();
    check(is_dnssec_ok || proofs == 0, "a proof: nobody asked for it");
    faults.extend(faults_of_end(case, reply));
    faults
}

/// What the sections say about the last name of the chain.
fn faults_of_end(case: &Case<'_>, reply: &Reply) -> Vec<String> {
    let path = case.path();
    let target = path.last().expect("it begins with a name");
    let qtype = case.question.rtype.0;
    let in_authority = |rtype: u16| reply.authority.iter().filter(move |record| record.rtype == rtype);
    let (soas, servers) = (in_authority(SOA).count(), in_authority(NS).count());
    let is_at_target = |record: &&Record| record.owner == target.as_wire();
    let is_over = reply.rcode == YXDOMAIN || path[..path.len() - 1].contains(target) || path.len() > CHAIN_MAX;
    let end = case.world.zone_of(target).filter(|_| !is_over).map_or(End::Nowhere, End::Zone);
    // ANY and RRSIG at a CNAME are answered there; so is CNAME itself.
    let is_answered = match qtype {
        ANY | RRSIG | NSEC => !reply.answer.is_empty() && !case.follows_to(target),
        _ => reply.answer.iter().filter(is_at_target).any(|record| record.rtype == qtype),
    };
    let is_referral = !is_answered && servers > 0;
    let mut faults = Vec::new();
    let mut check = |is_so: bool, fault: &str| {
        if !is_so {
            faults.push(fault.to_owned());
        }
    };
    check(reply.is_authoritative() != (is_referral && reply.answer.is_empty()), "AA: RFC 1035 section 4.1.1");
    let End::Zone(zone) = end else {
        check(soas == 0 && servers == 0, "a chain that ends nowhere: something is in the authority section");
        check(reply.rcode != NXDOMAIN, "a chain that ends nowhere: NXDOMAIN");
        return faults;
    };
    let facts = case.world.facts(target);
    if is_answered {
        check(reply.rcode == NOERROR && soas == 0 && servers == 0, "an answer: it is denied as well");
    } else if is_referral {
        check(reply.rcode == NOERROR && soas == 0, "a referral: it is denied as well");
        let zones: Vec<&Zone> = case.world.zones.iter().filter(|zone| target.is_under(&zone.apex)).collect();
        let is_of_cut = |record: &Record| {
            let cut = Name::from_wire(&record.owner).expect("it was read");
            target.is_under(&cut) && zones.iter().any(|zone| zone.delegates(&cut)) && case.world.has(record)
        };
        check(in_authority(NS).all(is_of_cut), "a referral: no zone has this cut");
        check(has_all_servers(zone, reply), "a referral: a name server is missing");
        check(has_all_glue(zone, reply), "a referral: glue is missing");
    } else {
        let is_apex = case.world.zones.iter().any(|zone| zone.apex == *target);
        let is_parent = |record: &Record| {
            let owner = Name::from_wire(&record.owner).expect("it was read");
            qtype == DS && is_apex && target.is_under(&owner)
        };
        check(soas == 1, "a denial: it has no SOA, or several (RFC 2308 section 2)");
        check(
            in_authority(SOA).all(|soa| soa.owner == zone.apex.as_wire() || is_parent(soa)),
            "a denial: the SOA is another zone's",
        );
        check(
            in_authority(SOA).all(|soa| is_soa_of(case, soa)),
            "a denial: TTL or data of the SOA (RFC 2308 section 3)",
        );
        if qtype == DS && is_apex {
            return faults;
        }
        let has_name = facts.exists || facts.wildcard.is_some();
        check((reply.rcode == NOERROR) == has_name, "a denial: RCODE (RFC 2308 section 2)");
        let source = facts.wildcard.as_ref().unwrap_or(target);
        let has_type = zone.rrsets.iter().any(|rrset| rrset.lower == *source && rrset.number == qtype);
        check(!has_type, "a denial: the zone has the type");
    }
    faults
}

/// Whether a record is at one of the names that the answer is about, and of a type that was asked for or leads on.
fn has_place(case: &Case<'_>, record: &Record) -> bool {
    let qtype = case.question.rtype.0;
    let is_wanted = [qtype, CNAME, DNAME].contains(&record.covered()) || matches!(qtype, ANY | RRSIG);
    let path = case.path();
    let is_on_path = path.iter().any(|name| name.as_wire() == record.owner);
    let is_above_path = record.covered() == DNAME
        && Name::from_wire(&record.owner).is_ok_and(|owner| path.iter().any(|name| name.is_under(&owner)));
    is_wanted && (is_on_path || is_above_path)
}

/// Whether the zones hold the record, and all records of its RRset are there; or a DNAME of the answer makes it.
fn is_whole(case: &Case<'_>, reply: &Reply, record: &Record) -> bool {
    if matches!(record.rtype, RRSIG | NSEC | NSEC3 | NSEC3PARAM | DNSKEY | CDS | CDNSKEY)
        || is_synthesised(reply, record)
    {
        return true;
    }
    let Ok(owner) = Name::from_wire(&record.owner) else { return false };
    let there = reply.answer.iter().filter(|other| other.owner == record.owner && other.rtype == record.rtype).count();
    // Several zones may have the name, or a wildcard for it; one of them has what was answered.
    sources(&owner)
        .flat_map(|source| case.world.rrsets(source, record.rtype))
        .any(|rrset| rrset.has(record) && rrset.rdatas.len() == there)
}

/// The name, and the wildcards that might stand for it.
fn sources(name: &Name) -> impl Iterator<Item = Name> {
    let wildcards = std::iter::successors(name.parent(), Name::parent).filter_map(|above| above.child(b"*").ok());
    std::iter::once(name.clone()).chain(wildcards)
}

/// Whether a CNAME is made by a DNAME of the answer (RFC 6672 section 2.2).
fn is_synthesised(reply: &Reply, record: &Record) -> bool {
    let makes_it = |dname: &&Record| {
        let prefix = record.owner.strip_suffix(&dname.owner[..]);
        let target = prefix.map(|prefix| [prefix, &dname.rdata].concat());
        prefix.is_some_and(|prefix| !prefix.is_empty())
            && target.as_ref() == Some(&record.rdata)
            && dname.ttl == record.ttl
    };
    record.rtype == CNAME && reply.answer.iter().filter(|other| other.rtype == DNAME).any(|dname| makes_it(&dname))
}

/// Whether the signatures of an RRset are there if they are wanted, and only then (RFC 4035 section 3.1).
fn is_signed_as_wanted(case: &Case<'_>, reply: &Reply, record: &Record) -> bool {
    let qtype = case.question.rtype.0;
    if record.rtype == RRSIG {
        return case.question.is_dnssec_ok() || qtype == RRSIG;
    }
    // NS at a cut is not signed, nor is what a DNAME makes; at RRSIG a chain may have less.
    let is_ns_of_cut = record.rtype == NS && !case.world.zones.iter().any(|zone| zone.apex.as_wire() == record.owner);
    let is_referral = record.rtype == NS && reply.authority.contains(record);
    if is_ns_of_cut || is_referral || is_synthesised(reply, record) {
        return true;
    }
    let Ok(owner) = Name::from_wire(&record.owner) else { return false };
    let is_signed = |zone: &Zone| zone.mode != Mode::Unsigned;
    // DS is the parent's, and so is the NSEC at a cut.
    let above = case.world.zones.iter().filter(|zone| owner.is_under(&zone.apex));
    let may_be_parents = matches!(record.rtype, DS | NSEC);
    let must = match may_be_parents {
        true => above.map(is_signed).reduce(|all, one| all && one),
        false => case.world.zone_of(&owner).map(is_signed),
    };
    let section = if reply.answer.contains(record) { &reply.answer } else { &reply.authority };
    let has = section
        .iter()
        .any(|other| other.rtype == RRSIG && other.owner == record.owner && other.covered() == record.rtype);
    has || !case.question.is_dnssec_ok() || must == Some(false)
}

fn is_soa_of(case: &Case<'_>, soa: &Record) -> bool {
    let Ok(owner) = Name::from_wire(&soa.owner) else { return false };
    let minimum = soa.rdata.last_chunk().map_or(0, |minimum| u32::from_be_bytes(*minimum));
    case.world.rrsets(owner, SOA).any(|own| soa.ttl == own.ttl.min(minimum) && own.rdatas.contains(&soa.rdata))
}

/// The RRset of a referral's cut.
fn cut<'z>(zone: &'z Zone, reply: &Reply) -> Option<&'z Rrset> {
    let ns = reply.authority.iter().find(|record| record.rtype == NS)?;
    zone.rrsets.iter().find(|rrset| rrset.number == NS && rrset.lower.as_wire() == ns.owner)
}

fn has_all_servers(zone: &Zone, reply: &Reply) -> bool {
    let there = reply.authority.iter().filter(|record| record.rtype == NS).count();
    cut(zone, reply).is_none_or(|rrset| rrset.rdatas.len() == there)
}

/// Whether all addresses of servers at or below the cut are there (RFC 9471 section 3.1).
fn has_all_glue(zone: &Zone, reply: &Reply) -> bool {
    let Some(cut) = cut(zone, reply) else { return true };
    let is_glue = |rrset: &&Rrset| {
        matches!(rrset.number, A | AAAA)
            && rrset.lower.is_under(&cut.lower)
            && cut.rdatas.iter().any(|server| server == rrset.lower.as_wire())
            && !zone.is_below_dname(&rrset.lower)
    };
    let is_there = |rrset: &Rrset| {
        let is_of_it = |record: &&Record| record.owner == rrset.lower.as_wire() && rrset.has(record);
        reply.additional.iter().filter(is_of_it).count() == rrset.rdatas.len()
    };
    zone.rrsets.iter().filter(is_glue).all(is_there)
}

impl Case<'_> {
    /// Whether a name other than that asked for is where a CNAME of the answer leads.
    fn follows_to(&self, target: &Name) -> bool {
        let is_last = |record: &&Record| record.rtype == CNAME && record.rdata == target.as_wire();
        self.question.rtype != RecordType::ANY
            && self.ours.answer.iter().any(|record| is_last(&record))
            && !self.ours.answer.iter().any(|record| record.owner == target.as_wire())
    }
}
