//! How the differences of [`crate::rules`] are recognised: from the question, our answer, and what the zones hold.

use crate::compare::{Case, Part, Section};
use crate::lab::Transport;
use crate::world::Zone;
use signpost_tests::reply::{Record, Reply};
use wire::{Name, RecordType};

const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const SIG: u16 = 24;
const KEY: u16 = 25;
const NXT: u16 = 30;
const DNAME: u16 = 39;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const NSEC3: u16 = 50;
const NXNAME: u16 = 128;

const NOERROR: u16 = 0;
const FORMERR: u16 = 1;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const YXDOMAIN: u16 = 6;

const AD: u16 = 0x0020;
const CD: u16 = 0x0010;

pub(crate) fn is_cd(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    case.question.flags & CD != 0 && *part == Part::Flags { ours: CD, theirs: 0 }
}

pub(crate) fn is_ad(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    case.question.flags & AD != 0 && *part == Part::Flags { ours: 0, theirs: AD }
}

pub(crate) fn is_meta_type(case: &Case<'_>, theirs: &Reply, _: &Part) -> bool {
    theirs.rcode == FORMERR && matches!(case.question.rtype.0, 128..=254)
}

pub(crate) fn is_nxname(case: &Case<'_>, _: &Reply, _: &Part) -> bool {
    case.question.rtype.0 == NXNAME && case.whole.rcode == FORMERR
}

/// Whether our chain has steps that theirs lacks, and theirs none that ours lacks.
pub(crate) fn is_longer_chain(case: &Case<'_>, theirs: &Reply, part: &Part) -> bool {
    let steps = |reply: &Reply| reply.answer.iter().filter(|record| record.rtype == CNAME).count();
    let is_shorter = has_chain(theirs) && steps(&case.whole) > steps(theirs);
    let gave_up = matches!(part, Part::Rcode { theirs: SERVFAIL, .. }) && has_chain(&case.whole);
    gave_up || is_shorter && !matches!(part, Part::Missing(Section::Answer, _))
}

/// Whether our chain leads from one of the served zones into another.
pub(crate) fn leads_elsewhere(case: &Case<'_>, _: &Reply, _: &Part) -> bool {
    let zone = |name: &Name| case.world.zone_of(name).map(|zone| &zone.apex);
    let crosses = |record: &Record| {
        let ends = (Name::from_wire(&record.owner), Name::from_wire(&record.rdata));
        matches!(ends, (Ok(owner), Ok(target)) if zone(&target).is_some() && zone(&owner) != zone(&target))
    };
    // DS at an apex is the parent's.
    let is_apex = |record: &Record| case.world.zones.iter().any(|zone| zone.apex.as_wire() == record.rdata);
    let is_ds = case.question.rtype == RecordType::DS;
    let mut steps = case.whole.answer.iter().filter(|record| record.rtype == CNAME);
    steps.any(|record| crosses(record) || is_ds && is_apex(record))
}

/// Whether a type was asked at a CNAME that may stand there too, but does not.
pub(crate) fn is_beside_cname(case: &Case<'_>, theirs: &Reply, _: &Part) -> bool {
    let is_beside = matches!(case.question.rtype.0, KEY | SIG | NXT | NSEC | RRSIG);
    is_beside && has_chain(&case.whole) && theirs.answer.len() < case.whole.answer.len()
}

pub(crate) fn is_nsec3_at_cname(case: &Case<'_>, theirs: &Reply, _: &Part) -> bool {
    case.question.rtype == RecordType::NSEC3 && has_chain(&case.whole) && theirs.answer.is_empty()
}

/// Whether DS is asked of an apex below a cut of the served zone above, whose other side is not served.
pub(crate) fn is_ds_below_unserved(case: &Case<'_>, theirs: &Reply, _: &Part) -> bool {
    let target = case.target();
    let above = target.parent().and_then(|parent| case.world.zone_of(&parent));
    let is_cut = |record: &Record| {
        let owner = Name::from_wire(&record.owner).expect("it was read");
        record.rtype == NS && owner != target && above.is_some_and(|zone| zone.delegates(&owner))
    };
    is_nodata_of_child(case, &target) && (theirs.is_truncated() || theirs.authority.iter().any(is_cut))
}

/// Whether DS is asked of an apex that the served zone above has no name for.
pub(crate) fn is_ds_of_unknown(case: &Case<'_>, theirs: &Reply, _: &Part) -> bool {
    let target = case.target();
    let above = target.parent().and_then(|parent| case.world.zone_of(&parent));
    let knows = |zone: &Zone| zone.rrsets.iter().any(|rrset| rrset.lower.is_under(&target));
    is_nodata_of_child(case, &target) && theirs.rcode == NXDOMAIN && above.is_some_and(|zone| !knows(zone))
}

/// Whether DS is asked of an apex that the served zone above does not delegate.
pub(crate) fn is_ds_of_undelegated(case: &Case<'_>, _: &Reply, _: &Part) -> bool {
    let target = case.target();
    let is_apex = case.world.zones.iter().any(|zone| zone.apex == target);
    let above = target.parent().and_then(|parent| case.world.zone_of(&parent));
    case.question.rtype == RecordType::DS && is_apex && !above.is_some_and(|zone| zone.delegates(&target))
}

/// Whether DS was asked, and our answer is that the child's apex has none.
fn is_nodata_of_child(case: &Case<'_>, apex: &Name) -> bool {
    let is_childs = |record: &Record| record.rtype == SOA && record.owner == apex.as_wire();
    let is_denied = case.whole.rcode == NOERROR && case.whole.authority.iter().any(is_childs);
    case.question.rtype == RecordType::DS && is_denied
}

pub(crate) fn is_nsec_at_cut(case: &Case<'_>, theirs: &Reply, _: &Part) -> bool {
    case.question.rtype == RecordType::NSEC && !case.whole.is_authoritative() && theirs.is_authoritative()
}

pub(crate) fn is_subset(case: &Case<'_>, theirs: &Reply, part: &Part) -> bool {
    let is_asked = matches!(case.question.rtype, RecordType::ANY | RecordType::RRSIG);
    is_asked && !theirs.answer.is_empty() && matches!(part, Part::Extra(Section::Answer, _))
}

pub(crate) fn is_any_below_dname(case: &Case<'_>, _: &Reply, _: &Part) -> bool {
    case.question.rtype == RecordType::ANY && has_dname(&case.whole)
}

pub(crate) fn is_signature_with_any(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    let is_any = case.question.rtype == RecordType::ANY && !case.question.is_dnssec_ok();
    is_any && matches!(part, Part::Missing(_, record) if record.rtype == RRSIG)
}

pub(crate) fn is_expanded_glue(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    matches!(part, Part::Missing(Section::Glue, record) if !case.world.has(record))
}

pub(crate) fn is_lost_glue(case: &Case<'_>, theirs: &Reply, part: &Part) -> bool {
    case.transport == Transport::Udp && !theirs.is_truncated() && matches!(part, Part::Extra(Section::Glue, _))
}

pub(crate) fn is_glue_below_dname(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    let Part::Extra(Section::Glue, record) = part else { return false };
    let owner = Name::from_wire(&record.owner).expect("it was read");
    case.world.zones.iter().any(|zone| zone.is_below_dname(&owner))
}

/// Whether a name on the way begins with an asterisk, or lies below one that does not exist.
pub(crate) fn has_asterisk(case: &Case<'_>, _: &Reply, _: &Part) -> bool {
    case.path().iter().any(|name| name.is_wildcard() || case.world.facts(name).next_closer.is_wildcard())
}

pub(crate) fn is_proof_of_asterisk(case: &Case<'_>, theirs: &Reply, part: &Part) -> bool {
    let is_omitted = matches!(part, Part::Extra(..)) && (is_proof(part, NSEC) || is_proof(part, NSEC3));
    is_omitted && has_asterisk(case, theirs, part)
}

pub(crate) fn is_below_wildcard_dname(case: &Case<'_>, _: &Reply, _: &Part) -> bool {
    case.whole.answer.iter().any(|record| record.rtype == DNAME && record.owner.starts_with(b"\x01*"))
}

pub(crate) fn is_proof_by_answer(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    let Part::Extra(Section::Authority, record) = part else { return false };
    let is_in_answer = case.whole.answer.iter().any(|other| other.rtype == NSEC);
    case.question.rtype == RecordType::NSEC && is_in_answer && record.covered() == NSEC
}

pub(crate) fn is_proof_of_empty_wildcard(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    let target = case.target();
    let is_childs = is_nodata_of_child(case, &target) || !case.world.zones.iter().any(|zone| zone.apex == target);
    let is_of_above = case.question.rtype == RecordType::DS && !is_childs;
    let facts = if is_of_above { case.world.facts_above(&target) } else { case.world.facts(&target) };
    let has_data = |zone: &Zone, name: &Name| zone.rrsets.iter().any(|rrset| rrset.lower == *name);
    let is_empty = |name: &Name| facts.zone.is_some_and(|zone| !has_data(zone, name));
    matches!(part, Part::Extra(..)) && is_proof(part, NSEC) && facts.wildcard.as_ref().is_some_and(is_empty)
}

pub(crate) fn is_proof_of_encloser(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    matches!(part, Part::Extra(..)) && is_proof(part, NSEC3) && case.world.facts(&case.target()).wildcard.is_some()
}

pub(crate) fn is_below_opted_out(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    is_proof(part, NSEC3) && has_opted_out_encloser(case)
}

pub(crate) fn is_lost_below_opted_out(case: &Case<'_>, theirs: &Reply, _: &Part) -> bool {
    let is_bare = theirs.rcode == NXDOMAIN && !theirs.is_authoritative() && theirs.authority.is_empty();
    is_bare && has_opted_out_encloser(case)
}

/// Whether the name, the closest above it that exists, or its wildcard, has no data in a zone with opt-out, and so perhaps no NSEC3.
fn has_opted_out_encloser(case: &Case<'_>) -> bool {
    let target = case.target();
    let facts = case.world.facts(&target);
    let Some(zone) = facts.zone.filter(|zone| zone.is_opt_out()) else { return false };
    let nearest = if facts.exists { Some(target) } else { facts.encloser };
    let is_empty = |name: &Name| zone.rrsets.iter().all(|rrset| rrset.lower != *name);
    [nearest, facts.wildcard].iter().flatten().any(is_empty)
}

pub(crate) fn is_nsec_at_nul(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    let has_nul = |name: &Name| name.labels().any(|label| label.contains(&0));
    is_proof(part, NSEC) && case.path().iter().any(has_nul)
}

pub(crate) fn is_nsec_after_dname(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    is_proof(part, NSEC) && has_dname(&case.whole)
}

pub(crate) fn is_nsec_for_asterisk(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    let has_names_before = |name: &Name| {
        let facts = case.world.facts(name);
        let (Some(zone), Some(encloser)) = (facts.zone, facts.encloser) else { return false };
        let is_before = |owner: &Name| {
            let depth = owner.label_count().checked_sub(encloser.label_count() + 1);
            let label = depth.and_then(|depth| owner.labels().nth(depth));
            owner.is_under(&encloser) && label.is_some_and(|label| label < &b"*"[..])
        };
        zone.rrsets.iter().any(|rrset| is_before(&rrset.owner))
    };
    is_proof(part, NSEC) && case.path().iter().any(has_names_before)
}

pub(crate) fn is_in_another_zone(case: &Case<'_>, _: &Reply, _: &Part) -> bool {
    case.path().iter().any(|name| case.world.facts(name).is_in_another_zone)
}

pub(crate) fn is_after_yxdomain(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    let is_further = matches!(part, Part::Missing(..) | Part::Rcode { theirs: NXDOMAIN, .. });
    case.whole.rcode == YXDOMAIN && is_further
}

pub(crate) fn is_pointer_forward(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    let is_in_additional = matches!(case.question.rtype, RecordType::SVCB | RecordType::HTTPS | RecordType::ANY);
    is_in_additional && matches!(part, Part::Unreadable(reason) if reason.starts_with("a pointer forward"))
}

pub(crate) fn is_later_yxdomain(case: &Case<'_>, _: &Reply, part: &Part) -> bool {
    has_cname(&case.whole) && *part == Part::Rcode { ours: YXDOMAIN, theirs: 0 }
}

pub(crate) fn is_rcode_of_truncated(_: &Case<'_>, theirs: &Reply, part: &Part) -> bool {
    theirs.is_truncated() && matches!(part, Part::Rcode { theirs: 0, .. })
}

fn has_chain(reply: &Reply) -> bool {
    reply.answer.iter().any(|record| matches!(record.rtype, CNAME | DNAME))
}

fn has_cname(reply: &Reply) -> bool {
    reply.answer.iter().any(|record| record.rtype == CNAME)
}

fn has_dname(reply: &Reply) -> bool {
    reply.answer.iter().any(|record| record.rtype == DNAME)
}

/// Whether the part is about a record of the denial chain, or its signature.
fn is_proof(part: &Part, rtype: u16) -> bool {
    let (Part::Missing(Section::Authority, record) | Part::Extra(Section::Authority, record)) = part else {
        return false;
    };
    record.covered() == rtype
}
