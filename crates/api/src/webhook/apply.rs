//! `POST /records`: changes of endpoints as one edit of each zone, deletions first, so that a name turns from CNAME to A in
//! one step.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Deserialize;
use store::{RrsetChange, RrsetEdit, RrsetFilter, StoreError, StoredRecord, StoredRrset, ZoneEdit, ZoneSummary};
use wire::{Name, RecordType, ZoneName};

use super::endpoint::{Endpoint, shorten};
use super::zones::{Place, Zones};
use super::{ACTOR, adjust};
use crate::commit::await_publication;
use crate::error::ApiError;
use crate::fields::TTL_MAX;
use crate::rrset_input::{InputRecord, RrsetKey};
use crate::state::Api;

/// TTL where none is asked for, the same as with `--provider=pdns`.
const DEFAULT_TTL: u32 = 300;

/// External-DNS's plan. Old releases write the fields in upper case.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Changes {
    #[serde(alias = "Create")]
    create: Option<Vec<Option<Endpoint>>>,
    #[serde(alias = "UpdateOld")]
    update_old: Option<Vec<Option<Endpoint>>>,
    #[serde(alias = "UpdateNew")]
    update_new: Option<Vec<Option<Endpoint>>>,
    #[serde(alias = "Delete")]
    delete: Option<Vec<Option<Endpoint>>>,
}

/// A record and its ownership record stand or fall together: the name they are for.
type Group = String;

/// What becomes of one RRset.
struct Wish {
    group: Group,
    /// None: it goes.
    records: Option<(u32, Vec<StoredRecord>)>,
}

#[derive(Default)]
struct ZonePlan {
    wishes: BTreeMap<(Name, RecordType), Wish>,
}

/// What becomes of the zones.
#[derive(Default)]
pub(crate) struct Plan {
    zones: Vec<(ZoneSummary, ZonePlan)>,
    left_out: Vec<String>,
}

impl Plan {
    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// 400 if it is none. What is wrong with one endpoint only leaves that one out.
    pub(crate) fn read(body: &[u8], zones: &Zones) -> Result<Plan, ApiError> {
        let refuse =
            |why: &dyn std::fmt::Display| ApiError::BadRequest(format!("request body is not a plan of changes: {why}"));
        // serde would take a list for the fields in their order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(refuse(&"it is no object"));
        }
        let changes: Changes = serde_json::from_slice(body).map_err(|why| refuse(&why))?;
        let list = |endpoints: Option<Vec<Option<Endpoint>>>| endpoints.into_iter().flatten().flatten();
        let gone: Vec<Endpoint> = list(changes.delete).chain(list(changes.update_old)).collect();
        let wanted: Vec<Endpoint> = list(changes.create).chain(list(changes.update_new)).collect();

        let mut plan = Plan::default();
        let mut at: HashMap<ZoneName, usize> = HashMap::new();
        let mut refused: HashSet<Group> = HashSet::new();
        let mut wish = |plan: &mut Plan, place: &Place<'_>, rtype: RecordType, wish: Wish| {
            let index = *at.entry(place.zone.name.clone()).or_insert_with(|| {
                plan.zones.push((place.zone.clone(), ZonePlan::default()));
                plan.zones.len() - 1
            });
            plan.zones[index].1.wishes.insert((place.owner.clone(), rtype), wish);
        };
        for endpoint in &gone {
            // What is in no zone of ours, or no record, is not there.
            let Ok(Some(place)) = zones.place(endpoint) else { continue };
            let Ok(rtype) = endpoint.rtype(&place.owner, place.zone.name.apex()) else { continue };
            for rtype in both_aliases(rtype) {
                wish(&mut plan, &place, rtype, Wish { group: group(endpoint), records: None });
            }
        }
        for endpoint in &wanted {
            match read_wanted(endpoint, zones) {
                Ok((place, rtype, records)) => {
                    for other in both_aliases(rtype).filter(|other| *other != rtype) {
                        wish(&mut plan, &place, other, Wish { group: group(endpoint), records: None });
                    }
                    wish(&mut plan, &place, rtype, Wish { group: group(endpoint), records: Some(records) });
                }
                Err(why) => {
                    let (name, rtype) = (shorten(&endpoint.dns_name), shorten(&endpoint.record_type));
                    plan.left_out.push(format!("{name} {rtype}: {why}"));
                    refused.insert(group(endpoint));
                }
            }
        }
        for (_, zone) in &mut plan.zones {
            zone.leave_out(&refused);
        }
        Ok(plan)
    }
}

/// A CNAME of External-DNS may be stored as either.
fn both_aliases(rtype: RecordType) -> impl Iterator<Item = RecordType> {
    let other = match rtype {
        RecordType::CNAME => Some(RecordType::ALIAS),
        RecordType::ALIAS => Some(RecordType::CNAME),
        _ => None,
    };
    other.into_iter().chain([rtype])
}

fn group(endpoint: &Endpoint) -> Group {
    let name = endpoint.owned_record().unwrap_or(&endpoint.dns_name);
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

type Records = (u32, Vec<StoredRecord>);

fn read_wanted<'z>(endpoint: &Endpoint, zones: &'z Zones) -> Result<(Place<'z>, RecordType, Records), String> {
    let place = zones.place(endpoint)?.ok_or("it is in no zone that the webhook may write")?;
    let rtype = endpoint.rtype(&place.owner, place.zone.name.apex())?;
    let contents = endpoint.contents(rtype)?;
    let records: Vec<InputRecord> =
        contents.into_iter().map(|content| InputRecord { content, disabled: false }).collect();
    adjust::check(&RrsetKey { name: place.owner.clone(), rtype }, &records, place.zone.name.apex())?;
    let ttl = match endpoint.record_ttl {
        ..=0 => DEFAULT_TTL,
        ttl => u32::try_from(ttl.min(TTL_MAX)).unwrap_or(DEFAULT_TTL),
    };
    Ok((place, rtype, (ttl, records.into_iter().map(InputRecord::stored).collect())))
}

impl ZonePlan {
    fn leave_out(&mut self, groups: &HashSet<Group>) {
        self.wishes.retain(|_, wish| !groups.contains(&wish.group));
    }

    /// Deletions, then what is wanted.
    fn changes(&self) -> Vec<RrsetChange> {
        let delete = |((name, rtype), wish): (&(Name, RecordType), &Wish)| match wish.records {
            None => Some(RrsetChange::Delete { name: name.clone(), rtype: *rtype }),
            Some(_) => None,
        };
        let replace = |((name, rtype), wish): (&(Name, RecordType), &Wish)| {
            let (ttl, records) = wish.records.clone()?;
            let name = name.clone();
            Some(RrsetChange::Replace { name, rtype: *rtype, ttl, records: Some(records), comments: None })
        };
        self.wishes.iter().filter_map(delete).chain(self.wishes.iter().filter_map(replace)).collect()
    }

    /// The groups that cannot be stored beside what is at their names, each with the reason.
    fn clashes(&self, zone: &Name, present: &[StoredRrset]) -> BTreeMap<Group, String> {
        let mut types: HashMap<&Name, BTreeSet<RecordType>> = HashMap::new();
        for rrset in present.iter().filter(|rrset| rrset.records.iter().any(|record| !record.disabled)) {
            types.entry(&rrset.name).or_default().insert(rrset.rtype);
        }
        for ((name, rtype), wish) in &self.wishes {
            let types = types.entry(name).or_default();
            match wish.records {
                Some(_) => types.insert(*rtype),
                None => types.remove(rtype),
            };
        }
        let mut clashes = BTreeMap::new();
        for ((name, rtype), wish) in self.wishes.iter().filter(|(_, wish)| wish.records.is_some()) {
            let others = types.get(name).into_iter().flatten().filter(|other| *other != rtype);
            for other in others {
                let pair = [*rtype, *other];
                let is_cname = pair.contains(&RecordType::CNAME)
                    && !pair.contains(&RecordType::RRSIG)
                    && !pair.contains(&RecordType::NSEC);
                let is_cut = name != zone && pair.contains(&RecordType::NS) && pair.contains(&RecordType::DNAME);
                if is_cname || is_cut {
                    clashes.insert(wish.group.clone(), format!("{name} {rtype}: there is {other} at this name"));
                }
            }
        }
        clashes
    }
}

/// Stores the plan, and returns once DNS answers with it; what was left out is told.
///
/// # Errors
///
/// If the database does not do it. Zones that were stored before stay so; the next try changes nothing in them.
pub(crate) async fn apply(api: &Api, plan: Plan) -> Result<Vec<String>, ApiError> {
    let Plan { zones, mut left_out } = plan;
    let mut last = None;
    for (zone, mut wanted) in zones {
        match edit(api, &zone, &wanted).await {
            Err(StoreError::Refused(why)) => {
                let present = api.state.store.rrsets(zone.id, &RrsetFilter::default()).await?;
                let clashes = wanted.clashes(zone.name.apex(), &present);
                if clashes.is_empty() {
                    return Err(beyond_the_client(&zone.name, StoreError::Refused(why)));
                }
                wanted.leave_out(&clashes.keys().cloned().collect());
                left_out.extend(clashes.into_values());
                edit(api, &zone, &wanted).await.map_err(|why| beyond_the_client(&zone.name, why))?;
            }
            // It went since the zones were read, and so did its records.
            Err(StoreError::NotFound { .. }) => left_out.push(format!("zone {} is gone", zone.name)),
            result => result?,
        }
        last = Some(zone.name);
    }
    if let Some(zone) = last {
        await_publication(api, &zone).await;
    }
    Ok(left_out)
}

/// A refusal that no endpoint can be blamed for is no 422, over which External-DNS would end.
fn beyond_the_client(zone: &ZoneName, error: StoreError) -> ApiError {
    match error {
        StoreError::Refused(why) => ApiError::Internal(format!("zone {zone}: {why}")),
        error => error.into(),
    }
}

async fn edit(api: &Api, zone: &ZoneSummary, plan: &ZonePlan) -> Result<(), StoreError> {
    let changes = plan.changes();
    if changes.is_empty() {
        return Ok(());
    }
    let edit = ZoneEdit {
        rrsets: RrsetEdit::Patch(changes),
        rectify: api.rectify_of(zone),
        actor: Some(ACTOR.to_owned()),
        ..ZoneEdit::default()
    };
    api.state.store.edit_zone(&zone.name, edit).await.map(|_| ())
}
