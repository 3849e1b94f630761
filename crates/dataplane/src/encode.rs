//! From a plan to bytes: the one encoder behind every transport.

use crate::answer::{Limits, Reply};
use crate::plan::{Data, Item, Plan, Signing};
use crate::tail::Refusal;
use wire::RecordType;
use wire::message::{Full, Opt, Query, Section, Writer};

/// Writes the answer. Too long for a datagram: TC and empty sections, since a resolver that sees TC must not rely on what is
/// there (RFC 2181 section 9), and the reply then amplifies nothing.
///
/// # Errors
///
/// [`Refusal::TooLong`] where there is no longer transport to send the client to.
pub(crate) fn encode(
    plan: &Plan<'_>,
    query: &Query<'_>,
    limits: Limits,
    now: u32,
    reply: &mut [u8],
) -> Result<Reply, Refusal> {
    let opt = limits.opt(query.edns(), &[]);
    let too_long = |Full| Refusal::TooLong;
    let mut writer = Writer::new(reply, query.header(), query.question(), limits.reply_octets).map_err(too_long)?;
    let kept = opt.as_ref().map_or(0, Opt::octets);
    writer.reserve(kept).map_err(too_long)?;
    writer.set_rcode(plan.rcode);
    if plan.is_authoritative {
        writer.set_authoritative();
    }
    let start = writer.mark();
    let mut is_truncated = false;
    if sections(plan, &mut writer, now).is_err() {
        if limits.is_last_resort {
            return Err(Refusal::TooLong);
        }
        writer.rollback(start);
        is_truncated = true;
    } else {
        for item in plan.glue.iter() {
            // Without all of it the child may be out of reach (RFC 9471 section 3.1).
            is_truncated |= put(plan, &mut writer, Section::Additional, item, now).is_err() && !limits.is_last_resort;
        }
        for item in plan.additional.iter() {
            let _: Result<(), Full> = put(plan, &mut writer, Section::Additional, item, now);
        }
    }
    if is_truncated {
        writer.set_truncated();
    }
    writer.release(kept);
    if let Some(opt) = &opt {
        writer.opt(opt).map_err(too_long)?;
    }
    Ok(Reply {
        octets: writer.finish(),
        rcode: plan.rcode,
        qtype: Some(query.qtype()),
        is_dnssec_ok: query.is_dnssec_ok(),
        is_truncated,
        refusal: None,
    })
}

fn sections(plan: &Plan<'_>, writer: &mut Writer<'_>, now: u32) -> Result<(), Full> {
    for item in plan.answer.iter() {
        put(plan, writer, Section::Answer, item, now)?;
    }
    for item in plan.authority.iter() {
        put(plan, writer, Section::Authority, item, now)?;
    }
    Ok(())
}

/// Writes one RRset with its signatures, all or nothing.
fn put(plan: &Plan<'_>, writer: &mut Writer<'_>, section: Section, item: &Item<'_>, now: u32) -> Result<(), Full> {
    let mark = writer.mark();
    let written = data(writer, section, item).and_then(|()| signatures(plan, writer, section, item, now));
    if written.is_err() {
        writer.rollback(mark);
    }
    written
}

fn data(writer: &mut Writer<'_>, section: Section, item: &Item<'_>) -> Result<(), Full> {
    let owner = item.owner.as_wire();
    match &item.data {
        _ if item.signing == Signing::SignaturesOnly => Ok(()),
        Data::Rrset(rrset) => writer.rrset(section, owner, rrset.rtype(), item.ttl, rrset.encoded()),
        Data::Cname(target) => {
            let encoded = [&(target.as_wire().len() as u16).to_be_bytes(), target.as_wire()].concat();
            writer.rrset(section, owner, RecordType::CNAME, item.ttl, &encoded)
        }
    }
}

/// The RRSIGs of an item have its TTL (RFC 4034 section 3).
fn signatures(
    plan: &Plan<'_>,
    writer: &mut Writer<'_>,
    section: Section,
    item: &Item<'_>,
    now: u32,
) -> Result<(), Full> {
    let is_wanted = match item.signing {
        Signing::Signed => plan.is_secure,
        Signing::Unsigned => false,
        Signing::SignaturesOnly => true,
    };
    let (true, Some(signer), Data::Rrset(rrset)) = (is_wanted, plan.signer, &item.data) else { return Ok(()) };
    let signatures = signer.signatures(item.owner.signed_as(), rrset, now);
    writer.rrset(section, item.owner.as_wire(), RecordType::RRSIG, item.ttl, &signatures.encoded)
}
