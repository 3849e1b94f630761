//! One edit of one locked zone: read what the change needs, apply it, write what differs.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use wire::{Name, RecordType};

use crate::apply::{self, Applied};
use crate::derive::Order;
use crate::journal::{self, ChangedRrset, Entry};
use crate::rectify::{Rectifier, changed_cuts};
use crate::rows::{self, Extent};
use crate::rrsets::{RecordRow, Rows, RrsetState, Rrsets, rrsets_of};
use crate::serial::soa_edit_api;
use crate::session::{BULK_STALL_MAX, Session, Sql, Value};
use crate::settings::{self, Metadata};
use crate::soa::{serial_of, with_serial};
use crate::{Commit, Rectify, RrsetEdit, SerialBump, StoreError, ZoneEdit, ZoneKind};

/// A zone whose row is locked, as it was found.
pub(crate) struct LockedZone {
    pub(crate) id: i64,
    /// The apex.
    pub(crate) name: Name,
    /// As `domains.name` has it, with its variant.
    pub(crate) stored_name: String,
    pub(crate) kind: String,
    pub(crate) masters: String,
    pub(crate) account: String,
    pub(crate) catalog: String,
    pub(crate) options: String,
    pub(crate) notified_serial: Option<i64>,
    pub(crate) generation: u64,
    /// What a row without a TTL has.
    pub(crate) default_ttl: u32,
    /// Created in this transaction: nothing is there yet, and the feed knows of it.
    pub(crate) is_new: bool,
}

/// Applies an edit. Nothing is committed here.
pub(crate) async fn edit(
    session: &mut Session,
    zone: &LockedZone,
    edit: &ZoneEdit,
    extent: Extent,
    now: i64,
) -> Result<Commit, StoreError> {
    let is_domain_changed = settings::update_domain(session, zone, edit).await?;
    if edit.expects_generation.is_some_and(|expected| expected != zone.generation) {
        return Err(StoreError::Changed { what: "zone" });
    }
    let metadata_before = settings::metadata(session, zone.id).await?;
    let order_before = order(session, zone.id, &metadata_before).await?;
    if let Some(expected) = edit.expects_secured
        && expected != is_secured(session, zone.id, &metadata_before).await?
    {
        return Err(StoreError::Changed { what: "zone" });
    }
    let metadata = settings::update_metadata(session, zone.id, &metadata_before, edit).await?;
    let keys = settings::update_keys(session, zone.id, &edit.keys).await?;
    let order = if keys.any || metadata != metadata_before {
        order(session, zone.id, &metadata).await?
    } else {
        order_before.clone()
    };
    let is_denial_changed = order != order_before || is_presigned(&metadata) != is_presigned(&metadata_before);

    let before = read_rows(session, zone, edit).await?;
    let mut present = rrsets_of(&before);
    read_comments(session, zone, edit, &mut present).await?;
    let mut applied = apply::apply(&zone.name, &present, &edit.rrsets)?;
    let is_data_changed = is_any_changed(&present, &applied.rrsets);
    let kind = edit.kind.unwrap_or_else(|| ZoneKind::parse_lenient(&zone.kind));
    let is_bumped = match edit.serial {
        SerialBump::Keep => false,
        SerialBump::Increase => true,
        // Keys of secondary zones are no reason: their serial is the primary's (PDNS-DIALECT section 7.3).
        // The serial of a presigned zone is part of what was signed.
        SerialBump::BySoaEditApi if is_presigned(&metadata) => false,
        SerialBump::BySoaEditApi if edit.writes_unchanged => true,
        SerialBump::BySoaEditApi => is_data_changed || ((keys.any || is_denial_changed) && !kind.is_secondary()),
    };
    let serials = if is_bumped { bump(&mut applied, zone, &metadata, edit.serial, now) } else { None };
    let changed = changed_rrsets(&present, &applied.rrsets);

    let mut after = before.clone();
    let removed = replace_rows(&mut after, &changed);
    let rectified_rows = {
        let work = RowWork { zone, order: &order, before: &before, changed: &changed, removed, extent };
        let how = rectification(edit.rectify, is_denial_changed, &metadata, &zone.name, &after);
        work.write(session, &mut after, how).await?
    };
    for rrset in changed.iter().filter(|rrset| !rrset.before.has_same_comments(&rrset.after)) {
        rows::replace_comments(session, zone.id, &rrset.name, rrset.rtype, &rrset.after.comments, now).await?;
    }

    let serial_before = present.get(&zone.name).and_then(soa_serial);
    let serial_after = applied.rrsets.get(&zone.name).and_then(soa_serial);
    let is_notified = edit.mark_notified && mark_notified(session, zone, serial_after).await?;
    let is_changed = is_domain_changed || metadata != metadata_before || keys.any || !changed.is_empty();
    let mut commit = Commit {
        changed: is_changed || is_notified || rectified_rows > 0,
        generation: zone.generation,
        serials,
        key_ids: keys.added,
        rectified_rows,
    };
    if is_changed {
        let is_listed = zone.is_new || is_domain_changed || metadata != metadata_before || keys.any;
        list_in_feed(session, zone, &changed, is_listed, extent).await?;
        let entry = Entry {
            zone: zone.id,
            actor: edit.actor.as_deref(),
            serials: (serial_before, serial_after),
            name: zone.is_new.then(|| zone.stored_name.clone()),
            settings: match zone.is_new {
                true => vec!["zone created".to_owned()],
                false => [
                    settings::column_notes(zone, edit),
                    settings::metadata_notes(&metadata_before, &metadata),
                    keys.notes,
                ]
                .concat(),
            },
            changed: &changed,
        };
        commit.generation = journal::append(session, &entry).await?;
    }
    Ok(commit)
}

fn first<'a>(metadata: &'a Metadata, kind: &str) -> Option<&'a str> {
    metadata.get(kind).and_then(|values| values.first()).map(String::as_str)
}

fn is_presigned(metadata: &Metadata) -> bool {
    first(metadata, "PRESIGNED") == Some("1")
}

/// As lists show it: an active key, or PRESIGNED.
async fn is_secured(session: &mut Session, zone: i64, metadata: &Metadata) -> Result<bool, StoreError> {
    let is_presigned = metadata.get("PRESIGNED").is_some_and(|values| values.iter().any(|value| value == "1"));
    Ok(is_presigned || settings::has_active_key(session, zone).await?)
}

async fn order(session: &mut Session, zone: i64, metadata: &Metadata) -> Result<Order, StoreError> {
    let has_active_key = settings::has_active_key(session, zone).await?;
    Ok(Order::of(has_active_key, first(metadata, "NSEC3PARAM"), first(metadata, "NSEC3NARROW") == Some("1")))
}

/// The rows an edit has to see: of its names, of what is between them and the apex, and of the apex for the SOA.
async fn read_rows(session: &mut Session, zone: &LockedZone, edit: &ZoneEdit) -> Result<Rows, StoreError> {
    if zone.is_new {
        return Ok(Rows::new());
    }
    if matches!(edit.rrsets, RrsetEdit::ReplaceAll(_)) {
        return rows::all(session, zone.id, zone.default_ttl).await;
    }
    let mut wanted = HashSet::from([zone.name.clone()]);
    for name in apply::names_of(&edit.rrsets) {
        let mut next = Some(name);
        while let Some(name) = next {
            next = name.parent().filter(|parent| parent.is_under(&zone.name));
            if !wanted.insert(name) {
                break;
            }
        }
    }
    rows::at(session, zone.id, &wanted.iter().collect::<Vec<_>>(), zone.default_ttl).await
}

async fn read_comments(
    session: &mut Session,
    zone: &LockedZone,
    edit: &ZoneEdit,
    rrsets: &mut Rrsets,
) -> Result<(), StoreError> {
    match &edit.rrsets {
        _ if zone.is_new => Ok(()),
        RrsetEdit::Keep => Ok(()),
        RrsetEdit::ReplaceAll(_) => rows::comments(session, zone.id, None, rrsets).await,
        RrsetEdit::Patch(_) => {
            let names = apply::names_of(&edit.rrsets);
            rows::comments(session, zone.id, Some(&names.iter().collect::<Vec<_>>()), rrsets).await
        }
    }
}

fn keys_of<'a>(before: &'a Rrsets, after: &'a Rrsets) -> impl Iterator<Item = (&'a Name, RecordType)> {
    let keys: BTreeSet<(&Name, RecordType)> = [before, after]
        .into_iter()
        .flat_map(|rrsets| rrsets.iter().flat_map(|(name, types)| types.keys().map(move |rtype| (name, *rtype))))
        .collect();
    keys.into_iter()
}

fn rrset_of<'a>(rrsets: &'a Rrsets, name: &Name, rtype: RecordType, none: &'a RrsetState) -> &'a RrsetState {
    rrsets.get(name).and_then(|types| types.get(&rtype)).unwrap_or(none)
}

fn is_any_changed(before: &Rrsets, after: &Rrsets) -> bool {
    let none = RrsetState::default();
    keys_of(before, after)
        .any(|(name, rtype)| !rrset_of(after, name, rtype, &none).is_same(rrset_of(before, name, rtype, &none)))
}

fn changed_rrsets(before: &Rrsets, after: &Rrsets) -> Vec<ChangedRrset> {
    let none = RrsetState::default();
    keys_of(before, after)
        .filter_map(|(name, rtype)| {
            let (before, after) = (rrset_of(before, name, rtype, &none), rrset_of(after, name, rtype, &none));
            (!after.is_same(before)).then(|| ChangedRrset {
                name: name.clone(),
                rtype,
                before: before.clone(),
                after: after.clone(),
            })
        })
        .collect()
}

fn soa_serial(types: &BTreeMap<RecordType, RrsetState>) -> Option<u32> {
    let soa = types.get(&RecordType::SOA)?;
    soa.records.iter().find(|(record, _)| !record.disabled).and_then(|(record, _)| serial_of(&record.content))
}

/// Moves the serial of the enabled SOA, and leaves one of several. Returns both serials if the client did not bring a
/// SOA of its own: then there is nothing to tell (PDNS-DIALECT section 1.5).
fn bump(
    applied: &mut Applied,
    zone: &LockedZone,
    metadata: &Metadata,
    how: SerialBump,
    now: i64,
) -> Option<(u32, u32)> {
    let soa = applied.rrsets.get_mut(&zone.name)?.get_mut(&RecordType::SOA)?;
    let mode = match how {
        SerialBump::Increase => "SOA-EDIT-INCREASE",
        SerialBump::Keep | SerialBump::BySoaEditApi => first(metadata, "SOA-EDIT-API").unwrap_or_default(),
    };
    let at = soa.records.iter().position(|(record, _)| !record.disabled)?;
    let old = serial_of(&soa.records[at].0.content).unwrap_or(0);
    let new = soa_edit_api(mode, first(metadata, "SOA-EDIT").unwrap_or_default(), old, now);
    if new == old {
        return None;
    }
    soa.records[at].0.content = with_serial(&soa.records[at].0.content, new);
    // PowerDNS's races leave two; two serials cannot both be right.
    let mut index = 0;
    soa.records.retain(|(record, _)| {
        index += 1;
        record.disabled || index - 1 == at
    });
    (!applied.has_soa_given).then_some((old, new))
}

/// Puts the new RRsets into `rows`, keeps the rows that stay, and returns the ids of those that go.
fn replace_rows(rows: &mut Rows, changed: &[ChangedRrset]) -> Vec<i64> {
    let mut removed = Vec::new();
    for rrset in changed {
        let here = rows.entry(rrset.name.clone()).or_default();
        let mut wanted: Vec<_> = rrset.after.records.iter().collect();
        here.retain(|row| {
            if row.rtype != Some(rrset.rtype) {
                return true;
            }
            match wanted.iter().position(|(record, ttl)| row.is_same_record(record, *ttl)) {
                Some(at) => {
                    wanted.swap_remove(at);
                    true
                }
                None => {
                    removed.extend(row.id);
                    false
                }
            }
        });
        here.extend(wanted.into_iter().map(|(record, ttl)| RecordRow {
            id: None,
            rtype: Some(rrset.rtype),
            content: record.content.clone(),
            prio: record.prio,
            ttl: *ttl,
            is_disabled: record.disabled,
            ordername: None,
            auth: None,
        }));
    }
    removed
}

/// How far the derived columns are put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rectification {
    No,
    Touched,
    Whole,
}

fn rectification(
    asked: Rectify,
    is_denial_changed: bool,
    metadata: &Metadata,
    apex: &Name,
    rows: &Rows,
) -> Rectification {
    let has_soa = rows.get(apex).is_some_and(|rows| rows.iter().any(|row| row.is_enabled(RecordType::SOA)));
    if is_presigned(metadata) || !has_soa {
        return Rectification::No;
    }
    match asked {
        Rectify::Skip => Rectification::No,
        Rectify::Whole => Rectification::Whole,
        Rectify::Touched => match first(metadata, "API-RECTIFY") {
            None | Some("" | "1") if is_denial_changed => Rectification::Whole,
            None | Some("" | "1") => Rectification::Touched,
            Some(_) => Rectification::No,
        },
    }
}

/// Rows to write, and where from.
struct RowWork<'a> {
    zone: &'a LockedZone,
    order: &'a Order,
    before: &'a Rows,
    changed: &'a [ChangedRrset],
    removed: Vec<i64>,
    extent: Extent,
}

impl RowWork<'_> {
    /// Writes rows and derived columns; returns how many rows a rectification of the whole zone changed.
    async fn write(mut self, session: &mut Session, after: &mut Rows, how: Rectification) -> Result<u64, StoreError> {
        let zone = self.zone;
        let names: HashSet<Name> = self.changed.iter().map(|rrset| rrset.name.clone()).collect();
        match how {
            Rectification::No => {
                self.clear_ents(after, &names);
                self.write_data(session, after).await?;
                Ok(0)
            }
            Rectification::Touched if self.extent == Extent::Names => {
                if names.is_empty() {
                    return Ok(0);
                }
                let cuts = changed_cuts(&zone.name, self.before, after, &names);
                let (rectifier, derived) =
                    Rectifier::for_names(session, zone.id, &zone.name, self.order, after, &names, &cuts).await?;
                self.write_data(session, after).await?;
                rows::update_derived(session, &derived).await?;
                rectifier.settle_ents(session, after).await?;
                Ok(0)
            }
            Rectification::Touched | Rectification::Whole if self.extent == Extent::Zone => {
                let (rectifier, derived) = Rectifier::for_zone(zone.id, &zone.name, self.order, after);
                self.write_data(session, after).await?;
                rows::update_derived(session, &derived).await?;
                Ok(derived.len() as u64 + rectifier.settle_ents(session, after).await?)
            }
            Rectification::Touched | Rectification::Whole => {
                session.unhurried(BULK_STALL_MAX).await?;
                self.write_data(session, after).await?;
                let mut all = rows::all_without_content(session, zone.id).await?;
                let (rectifier, derived) = Rectifier::for_zone(zone.id, &zone.name, self.order, &mut all);
                rows::update_derived(session, &derived).await?;
                Ok(derived.len() as u64 + rectifier.settle_ents(session, &all).await?)
            }
        }
    }

    /// An empty non-terminal ceases to be one when real records come, rectified or not (PDNS-DIALECT section 5).
    fn clear_ents(&mut self, rows: &Rows, names: &HashSet<Name>) {
        for rows in names.iter().filter_map(|name| rows.get(name)) {
            if rows.iter().any(RecordRow::is_data) {
                self.removed.extend(rows.iter().filter(|row| row.rtype.is_none()).filter_map(|row| row.id));
            }
        }
    }

    async fn write_data(&self, session: &mut Session, rows: &Rows) -> Result<(), StoreError> {
        rows::delete(session, &self.removed).await?;
        let new: Vec<(&Name, &RecordRow)> = rows
            .iter()
            .flat_map(|(name, rows)| rows.iter().filter(|row| row.id.is_none()).map(move |row| (name, row)))
            .collect();
        rows::insert(session, self.zone.id, &new).await
    }
}

async fn mark_notified(session: &mut Session, zone: &LockedZone, serial: Option<u32>) -> Result<bool, StoreError> {
    const MARK: Sql = Sql::both("UPDATE domains SET notified_serial = $2 WHERE id = $1");
    let serial = match serial {
        Some(serial) => i64::from(serial),
        None => return Ok(false),
    };
    if zone.notified_serial == Some(serial) {
        return Ok(false);
    }
    session.execute("noting the serial", MARK, [Value::Int(zone.id), Value::Int(serial)]).await?;
    Ok(true)
}

/// Adds the feed rows that no trigger has: for what is quiet in bulk, and for comments, so that readers learn of every
/// new generation.
async fn list_in_feed(
    session: &mut Session,
    zone: &LockedZone,
    changed: &[ChangedRrset],
    is_listed: bool,
    extent: Extent,
) -> Result<(), StoreError> {
    const LIST: Sql = Sql {
        postgres: "INSERT INTO signpost_feed (zone_id, kind, own) VALUES ($1, $2, TRUE)",
        sqlite: "INSERT INTO signpost_feed (zone_id, kind, own) VALUES ($1, $2, 1)",
    };
    let has_records = changed.iter().any(|rrset| rrset.before.records != rrset.after.records);
    let kind = match extent {
        Extent::Zone if has_records && !zone.is_new => "zone",
        Extent::Zone | Extent::Names if !has_records && !is_listed => "header",
        Extent::Zone | Extent::Names => return Ok(()),
    };
    session.execute("listing the change", LIST, [Value::Int(zone.id), Value::from(kind)]).await?;
    Ok(())
}
