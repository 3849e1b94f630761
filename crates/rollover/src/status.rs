//! What to tell people: where each key stands, what it waits for, and what they must do.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::chain::DsSet;
use crate::key::{Key, KeyState, RecordState, Time};
use crate::memory::{Memory, Watched};
use crate::next::Roller;
use crate::observe::Ds;
use crate::plan::{KeyStatus, Plan, Step, Wait};
use crate::policy::{Cds, words};

/// Fills in what `plan` tells people, with its memory as it is after its steps.
pub(crate) fn describe(roller: &Roller<'_>, plan: &mut Plan) {
    let zone = zone_wait(roller).map(|found| remember(roller, &mut plan.memory.waiting, found));
    if zone.is_none() {
        plan.memory.waiting = None;
    }
    for key in roller.keys {
        let mut status = key_status(roller, key);
        let wait = key_wait(roller, &status);
        let record = plan.memory.keys.get_mut(&key.id).expect("take_stock() knows every key");
        if record.state != status.state {
            (record.state, record.since) = (status.state, roller.now);
        }
        status.since = record.since;
        status.wait = wait.map(|found| remember(roller, &mut record.waiting, found));
        if status.wait.is_none() {
            record.waiting = None;
        }
        plan.keys.push(status);
    }
    plan.keys.sort_by_key(|status| status.id);
    plan.zone = zone;
    plan.wake = wake(roller);
}

/// A wait without its beginning.
struct Found {
    what: String,
    not_before: Option<Time>,
    person: Option<String>,
}

/// Says since when it was waited for what was `found`.
fn remember(roller: &Roller<'_>, waiting: &mut Option<(String, Time)>, found: Found) -> Wait {
    let since = match waiting {
        Some((what, since)) if *what == found.what => *since,
        _ => roller.now,
    };
    *waiting = Some((found.what.clone(), since));
    Wait { what: found.what, since, not_before: found.not_before, person: found.person }
}

fn key_status(roller: &Roller<'_>, key: &Key) -> KeyStatus {
    let memory = &roller.memory;
    let record = &memory.keys[&key.id];
    let dnskey = memory.dnskey.state(|set| set.contains_key(&key.id));
    let signatures = memory.signers.state(|set| set.contains(&key.id));
    let ds = ds_state(memory, Ds::Ours(key.id));
    let signs = memory.signers.current.contains(&key.id);
    let needed = memory.may_be_needed(key.id);
    let entry = key.role.is_entry();
    // A key to be replaced works on until another does its work.
    let works = if key.role.is_signer() { signs } else { ds == RecordState::Known };
    let state = match record.retire {
        Some(_) if !needed => KeyState::Dead,
        Some(_) if !works && dnskey != RecordState::Introducing => KeyState::Retired,
        _ if dnskey == RecordState::Hidden && !signs => KeyState::Generated,
        _ if entry && ds == RecordState::Known && dnskey == RecordState::Known => KeyState::Active,
        _ if !entry && signs => KeyState::Active,
        _ if dnskey == RecordState::Known => KeyState::Ready,
        _ if dnskey == RecordState::Withdrawing => KeyState::Retired,
        _ => KeyState::Published,
    };
    KeyStatus { id: key.id, tag: key.tag, role: key.role, state, since: roller.now, dnskey, signatures, ds, wait: None }
}

/// The DS of a key is in the caches' sets, which are those that were seen, not those that were asked for.
fn ds_state(memory: &Memory, ds: Ds) -> RecordState {
    let parent = &memory.parent;
    let with = parent.seen.keys().filter(|set| set.contains(&ds)).count();
    let served = parent.servers.values().any(|set| set.contains(&ds));
    match with {
        0 => RecordState::Hidden,
        _ if with == parent.seen.len() => RecordState::Known,
        _ if served => RecordState::Introducing,
        _ => RecordState::Withdrawing,
    }
}

fn zone_wait(roller: &Roller<'_>) -> Option<Found> {
    let memory = &roller.memory;
    if let Some(why) = &roller.observations.halt {
        let person = Some("find out what is wrong: rolls go on by themselves once it is right".to_owned());
        return Some(Found { what: format!("halted: {why}"), not_before: None, person });
    }
    if !roller.observations.lagging.is_empty() {
        let what = format!("these do not serve the present keys yet: {}", roller.observations.lagging.join(", "));
        return Some(Found { what, not_before: None, person: None });
    }
    if memory.settled {
        return None;
    }
    let unheard: Vec<&str> = memory.parent.unheard().collect();
    if memory.found_signed && (!memory.parent.is_known() || !unheard.is_empty()) {
        let who = if unheard.is_empty() { "no server of the parent is known".to_owned() } else { unheard.join(", ") };
        return Some(Found {
            what: format!("the parent has not said which DS set it has: {who}"),
            not_before: None,
            person: Some("make the parent's servers reachable, or confirm its DS set by hand".to_owned()),
        });
    }
    Some(Found {
        what: "what the zone served before it was taken over is still in caches".to_owned(),
        not_before: Some(at(roller, roller.settles())),
        person: None,
    })
}

fn key_wait(roller: &Roller<'_>, status: &KeyStatus) -> Option<Found> {
    let memory = &roller.memory;
    let id = status.id;
    if let Some(why) = roller.observations.unverified.get(&id) {
        return Some(Found {
            what: format!("not every replica can sign with it: {why}"),
            not_before: None,
            person: None,
        });
    }
    let until = |watched: Option<Watched>| watched.map(|watched| at(roller, watched));
    let request = memory.parent.requests.last();
    let asked = request.is_some_and(|request| request.set.contains(&Ds::Ours(id)));
    match status.state {
        KeyState::Published => Some(Found {
            what: "caches may hold a DNSKEY set without it".to_owned(),
            not_before: until(memory.dnskey.gone(roller.dnskey_wait(), |set| !set.contains_key(&id))),
            person: None,
        }),
        KeyState::Ready if status.role.is_entry() && asked => Some(ds_wait(roller, &request?.set)),
        KeyState::Ready if status.role.is_entry() && !memory.insecure => Some(Found {
            what: "caches may hold data that its DS would not validate".to_owned(),
            not_before: until(memory.signers.gone(roller.zone_wait(), |_| true)),
            person: None,
        }),
        KeyState::Active if memory.insecure && status.role.is_entry() => Some(ds_wait(roller, &DsSet::new())),
        KeyState::Active => memory.keys[&id].retire.as_ref().map(|why| Found {
            what: format!("another key is to take its place: {why}"),
            not_before: None,
            person: None,
        }),
        KeyState::Retired => Some(retired_wait(roller, status)),
        KeyState::Generated | KeyState::Ready | KeyState::Dead => None,
    }
}

/// Why a key that was replaced can not go.
fn retired_wait(roller: &Roller<'_>, status: &KeyStatus) -> Found {
    let memory = &roller.memory;
    let (id, ds) = (status.id, Ds::Ours(status.id));
    let parent = &memory.parent;
    if let Some(request) = parent.requests.last().filter(|request| !parent.agrees_on(&request.set))
        && status.role.is_entry()
    {
        return ds_wait(roller, &request.set);
    }
    let seen = parent.seen.iter().filter(|(set, _)| set.contains(&ds)).map(|(_, last)| *last + roller.ds_wait()).max();
    let asked = parent.requests.iter().filter(|request| request.set.contains(&ds));
    let asked = asked.filter_map(|request| request.replaced).map(|at| at + roller.policy.registration_delay).max();
    let signatures = memory.signers.gone(roller.zone_wait(), |set| set.contains(&id));
    let dnskey = memory.dnskey.gone(roller.dnskey_wait(), |set| set.contains_key(&id));
    let reasons = [
        (seen, "caches may hold a DS set that needs it"),
        (asked, "the parent may still carry out an older request for its DS"),
        (signatures, "caches may hold signatures by it"),
        (dnskey, "caches may hold a DNSKEY set with it"),
    ];
    let found = reasons.into_iter().find_map(|(until, what)| until.map(|until| (at(roller, until), what)));
    match found {
        Some((until, what)) if parent.silent.is_empty() || !status.role.is_entry() => {
            Found { what: what.to_owned(), not_before: Some(until), person: None }
        }
        Some((until, what)) => {
            let silent: Vec<&str> = parent.silent.keys().map(String::as_str).collect();
            Found {
                what: format!("{what}; silent: {}", silent.join(", ")),
                not_before: Some(until),
                person: Some("make the parent's servers reachable, or confirm its DS set by hand".to_owned()),
            }
        }
        None => Found { what: "another key is to take its place first".to_owned(), not_before: None, person: None },
    }
}

/// Which servers of the parent do not have what was asked for.
fn ds_wait(roller: &Roller<'_>, wanted: &DsSet) -> Found {
    let parent = &roller.memory.parent;
    let mut lack: Vec<String> = Vec::new();
    for (name, set) in &parent.servers {
        if set != wanted {
            lack.push(format!("{name} has {}", list(roller, set)));
        }
    }
    for (name, why) in &parent.silent {
        if !parent.servers.contains_key(name) {
            lack.push(format!("{name} is silent: {why}"));
        }
    }
    if lack.is_empty() && parent.servers.is_empty() {
        lack.push("no server of the parent is known".to_owned());
    }
    let wanted_words = list(roller, wanted);
    if lack.is_empty() {
        let until =
            parent.seen.iter().filter(|(set, _)| *set != wanted).map(|(_, last)| *last + roller.ds_wait()).max();
        let what = format!("caches may hold another DS set than {wanted_words}");
        return Found { what, not_before: until.map(|until| at(roller, until)), person: None };
    }
    let what = format!("the parent is to have {wanted_words}; {}", lack.join("; "));
    let since = parent.requests.last().map(|request| request.since + roller.policy.registration_delay);
    let late = since.is_some_and(|late| late < roller.now);
    let person = match roller.policy.cds {
        Cds::Off => Some(format!("make the parent's DS set {wanted_words} and nothing else, at the registrar")),
        Cds::Publish if late => Some(format!(
            "the parent has not acted on CDS for more than {}: make its DS set {wanted_words}, at the registrar",
            words(roller.policy.registration_delay)
        )),
        Cds::Publish => None,
    };
    Found { what, not_before: None, person }
}

fn list(roller: &Roller<'_>, set: &DsSet) -> String {
    if set.is_empty() {
        return "no DS".to_owned();
    }
    let tag = |ds: &Ds| match ds {
        Ds::Ours(key) => roller.memory.keys.get(key).map_or_else(|| "?".to_owned(), |record| record.tag.to_string()),
        Ds::Foreign { tag, .. } => format!("{tag} (of no key here)"),
    };
    let tags: BTreeSet<String> = set.iter().map(tag).collect();
    format!("DS {}", tags.into_iter().collect::<Vec<_>>().join(", "))
}

/// The wall clock's time when `watched` will have been watched, if nothing keeps us from watching.
fn at(roller: &Roller<'_>, watched: Watched) -> Time {
    roller.now + watched.saturating_sub(roller.memory.watched)
}

fn wake(roller: &Roller<'_>) -> Option<Time> {
    let memory = &roller.memory;
    let dnskey = memory.dnskey.past.iter().map(|past| past.left + roller.dnskey_wait());
    let signers = memory.signers.past.iter().map(|past| past.left + roller.zone_wait());
    let seen = memory.parent.seen.values().map(|last| *last + roller.ds_wait());
    let delay = roller.policy.registration_delay;
    let requests = memory.parent.requests.iter().filter_map(|request| request.replaced).map(|at| at + delay);
    let settled = (!memory.settled).then(|| roller.settles());
    let watched: Option<Duration> =
        dnskey.chain(signers).chain(seen).chain(requests).chain(settled).filter(|until| *until > memory.watched).min();
    let due = memory.keys.keys().filter_map(|key| roller.due(*key)).filter(|due| *due > roller.now);
    due.chain(watched.map(|until| at(roller, until))).min()
}

/// Steps are named here so that what operators read and what is stored have one spelling.
impl Step {
    /// The word for operators.
    pub fn word(&self) -> &'static str {
        match self {
            Step::Create { .. } => "create",
            Step::Publish(_) => "publish",
            Step::SignDnskey(_) => "sign the DNSKEY set",
            Step::SignZone(_) => "sign the zone",
            Step::StopSigningZone(_) => "stop signing the zone",
            Step::StopSigningDnskey(_) => "stop signing the DNSKEY set",
            Step::Unpublish(_) => "unpublish",
            Step::Remove(_) => "remove",
        }
    }
}
