//! `signpost export`: a zone as it is served, made from the database in this process.
//!
//! Signed, it holds DNSKEY, RRSIG, NSEC or NSEC3 records, in the form that ldns-verify-zone and dnssec-verify read.

use std::collections::HashMap;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use dnssec::signer::HeldSignatures;
use dnssec::{ServedZone, ZoneSigner};
use publish::{Assembler, Unmade};
use store::{LoadItem, LoadZones, ServedRecord};
use wire::{Name, RecordType, ZoneName};
use zone::{Rrset, Zone};

use crate::config::Settings;
use crate::{database, serve};

/// Prints `zone` to `out`. Without `with_dnssec` only what is stored, so that it can be loaded elsewhere.
///
/// # Errors
///
/// No database, no such zone, no SOA, or `out` failed.
pub async fn export(settings: &Settings, zone: &str, with_dnssec: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let zone = ZoneName::parse(zone).with_context(|| format!("'{zone}' is not the name of a zone"))?;
    // What validators of the whole zone see must be all there is; what is to be loaded elsewhere, all that is stored.
    let unmade = if with_dnssec { Unmade::LeftOut } else { Unmade::AsStored };
    let (served, stored) = load(settings, &zone, unmade).await?;
    if served.zone.has_stored_chain() || served.zone.is_presigned() && !with_dnssec {
        return print_stored(out, stored);
    }
    let signer = served.signer.as_deref().filter(|_| with_dnssec);
    if with_dnssec && !signer.is_some_and(ZoneSigner::can_sign) && !served.zone.is_presigned() {
        bail!("zone {zone} is not signed: it has no active key that can be used");
    }
    let mut rrsets = if with_dnssec { signed_zone(&served.zone) } else { stored_zone(&served) };
    // The SOA first, as master files begin (RFC 1035 section 5.2).
    rrsets.sort_by(|a, b| {
        let key = |rrset: &Rrset| (rrset.rtype() != RecordType::SOA, rrset.rtype());
        a.owner.cmp(&b.owner).then(key(a.rrset).cmp(&key(b.rrset)))
    });
    let now = unix_now()?;
    for Line { owner, rrset, is_signed } in &rrsets {
        print(out, owner, rrset.ttl(), rrset.rtype(), rrset.rdatas())?;
        if *is_signed {
            let made = signer.map(|signer| signer.signatures(owner, rrset, now));
            let stored = HeldSignatures::stored(rrset);
            print(out, owner, rrset.ttl(), RecordType::RRSIG, made.as_deref().unwrap_or(&stored).rdatas())?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Prints a presigned zone as it is stored, its signatures and its chain included.
fn print_stored(out: &mut dyn Write, mut records: Vec<ServedRecord>) -> anyhow::Result<()> {
    records.sort_by(|a, b| {
        let key = |record: &ServedRecord| (record.rtype != RecordType::SOA, record.rtype);
        a.name.cmp(&b.name).then(key(a).cmp(&key(b))).then_with(|| a.rdata.cmp(&b.rdata))
    });
    let ttls: HashMap<(&Name, RecordType), u32> = records.iter().map(|r| ((&r.name, r.rtype), r.ttl)).collect();
    for ServedRecord { name, rtype, ttl, rdata } in &records {
        // RRSIGs have the TTL of what they cover (RFC 4034 section 3); the tables hold one TTL for all of an owner's.
        let covered = rdata.first_chunk::<2>().filter(|_| *rtype == RecordType::RRSIG);
        let covered = covered.map(|octets| RecordType(u16::from_be_bytes(*octets)));
        let ttl = covered.and_then(|covered| ttls.get(&(name, covered))).unwrap_or(ttl);
        print(out, name, *ttl, *rtype, [rdata.as_slice()].into_iter())?;
    }
    out.flush()?;
    Ok(())
}

/// One RRset to print.
struct Line<'z> {
    owner: Name,
    rrset: &'z Rrset,
    is_signed: bool,
}

/// What a validator of the whole zone wants to see: signed data and chain, cuts and their glue, nothing occluded.
fn signed_zone(zone: &Zone) -> Vec<Line<'_>> {
    let mut lines: Vec<Line> = zone.signable().map(|(owner, rrset)| Line { owner, rrset, is_signed: true }).collect();
    for node in zone.nodes() {
        let is_below = zone.is_below_cut(node.name().as_wire());
        if !is_below && !node.is_cut() || is_below && !is_delegated(zone, node.name()) {
            continue;
        }
        let wanted = |rtype| match rtype {
            RecordType::A | RecordType::AAAA => true,
            RecordType::NS => !is_below,
            _ => false,
        };
        let glue = node.rrsets().iter().filter(|rrset| wanted(rrset.rtype()));
        lines.extend(glue.map(|rrset| Line { owner: node.name().clone(), rrset, is_signed: false }));
    }
    lines
}

/// Whether what hides a name is a cut and not a DNAME: only then there is glue.
fn is_delegated(zone: &Zone, name: &Name) -> bool {
    let mut above = name.parent();
    while let Some(name) = above.filter(|name| name.is_under(zone.apex())) {
        if zone.node(name.as_wire()).is_some_and(|node| node.rrset(RecordType::DNAME).is_some()) {
            return false;
        }
        above = name.parent();
    }
    true
}

/// Everything but what is made for the apex of a signed zone.
fn stored_zone(served: &ServedZone) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for node in served.zone.nodes() {
        let is_apex = node.name() == served.zone.apex();
        let is_made = |rrset: &Rrset| is_apex && served.signer.is_some() && is_made(rrset.rtype());
        let stored = node.rrsets().iter().filter(|rrset| !is_made(rrset));
        lines.extend(stored.map(|rrset| Line { owner: node.name().clone(), rrset, is_signed: false }));
    }
    lines
}

fn is_made(rtype: RecordType) -> bool {
    matches!(rtype, RecordType::DNSKEY | RecordType::NSEC3PARAM | RecordType::CDS | RecordType::CDNSKEY)
}

fn unix_now() -> anyhow::Result<u32> {
    Ok(u32::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}

/// The zone as it is served and, if it is presigned, its records as they are stored.
async fn load(settings: &Settings, zone: &ZoneName, unmade: Unmade) -> anyhow::Result<(ServedZone, Vec<ServedRecord>)> {
    let Some(database) = &settings.database else {
        bail!("no database is configured: set database-url (SIGNPOST_DATABASE_URL, --database-url)");
    };
    database::refuse_missing_file(database)?;
    let store = database::open_to_read(database, &settings.zones).await?;
    let Some(summary) = store.zone(zone).await? else { bail!("zone {zone} not found") };
    let rules = serve::zone_rules(settings);
    let now = unix_now()?;
    let mut assembler = None;
    let mut stored = Vec::new();
    let mut is_presigned = false;
    store
        .load(LoadZones::Some(vec![summary.id]), &mut |item| match item {
            LoadItem::Zone(header) => {
                is_presigned = header.is_presigned();
                assembler = Some(Assembler::with_chain(&header, &rules, now));
            }
            LoadItem::Record(record) => {
                if is_presigned {
                    stored.push(record.clone());
                }
                if unmade == Unmade::LeftOut && matches!(record.rtype, RecordType::ALIAS | RecordType::LUA) {
                    tracing::warn!(name = %record.name, rtype = %record.rtype, "left out: it is made while serving");
                }
                if let Some(assembler) = &mut assembler {
                    assembler.add(record);
                }
            }
            LoadItem::BadRow { name, rtype, reason } => {
                tracing::error!(%name, %rtype, %reason, "row cannot be served and is left out");
            }
            LoadItem::Views(_) | LoadItem::EndOfZone => {}
        })
        .await?;
    let assembler = assembler.with_context(|| format!("zone {zone} went away while it was read"))?;
    Ok((assembler.finish(unmade)?, stored))
}

fn print<'r>(
    out: &mut dyn Write,
    owner: &Name,
    ttl: u32,
    rtype: RecordType,
    rdatas: impl Iterator<Item = &'r [u8]>,
) -> anyhow::Result<()> {
    let owner = owner.to_master_file();
    for rdata in rdatas {
        let text = wire::rdata::print(rtype, rdata).with_context(|| format!("{owner} {rtype}"))?;
        writeln!(out, "{owner}\t{ttl}\tIN\t{rtype}\t{text}")?;
    }
    Ok(())
}
