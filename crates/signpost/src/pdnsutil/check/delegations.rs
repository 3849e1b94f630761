//! Name servers that cannot be found: none with an address, delegations that lead in a circle; and more of them than are of use.

use std::collections::BTreeSet;

use store::StoredRecord;
use wire::{Name, RecordType};

use super::{Contents, Findings};

/// Resolvers bound how many name servers they follow, and referrals with more do not fit (NXNSAttack).
const NAME_SERVERS_MAX: usize = 13;

pub(super) fn examine(findings: &mut Findings, contents: &Contents<'_>) {
    let zone = contents.zone.to_dotless();
    for (name, servers) in name_servers(contents) {
        if servers.len() > NAME_SERVERS_MAX {
            findings.warning(format!(
                "{} NS records at '{}' in zone '{zone}': more than {NAME_SERVERS_MAX} are too many to be of use",
                servers.len(),
                name.to_dotless()
            ));
        }
    }
    for target in contents.records(contents.zone, RecordType::NS).iter().filter_map(|record| target(record)) {
        if target.is_under(contents.zone) && contents.cut(&target).is_none() && !contents.answers(&target) {
            findings.warning(format!("Name server '{}' of zone '{zone}' has no address in it", target.to_dotless()));
        }
    }
    for cut in lost(contents) {
        findings.warning(format!(
            "No name server of the delegation '{}' in zone '{zone}' can be found: they are below delegations of which \
             that is true as well",
            cut.to_dotless()
        ));
    }
}

fn name_servers<'c, 'z>(
    contents: &'c Contents<'z>,
) -> impl Iterator<Item = (&'z Name, &'c [&'z StoredRecord])> + use<'c, 'z> {
    let of = |name: &'z Name| (name, contents.records(name, RecordType::NS));
    contents.names.keys().map(move |name| of(name)).filter(|(_, servers)| !servers.is_empty())
}

fn target(record: &StoredRecord) -> Option<Name> {
    Name::parse(record.content.trim_end_matches('.')).ok().map(|target| target.to_lowercase())
}

/// Delegations all of whose name servers are below other such delegations, without glue. (A server below its own delegation
/// without glue is named as missing glue.)
fn lost(contents: &Contents<'_>) -> Vec<Name> {
    let mut open: Vec<(Name, BTreeSet<Name>)> = Vec::new();
    for (cut, servers) in name_servers(contents).filter(|(name, _)| *name != contents.zone) {
        let mut needs = BTreeSet::new();
        let mut is_found = false;
        for target in servers.iter().filter_map(|record| target(record)) {
            let has_glue = contents.has(&target, RecordType::A) || contents.has(&target, RecordType::AAAA);
            match contents.cut(&target).filter(|_| target.is_under(contents.zone) && !has_glue) {
                Some(other) => drop(needs.insert(other)),
                None => is_found = true,
            }
        }
        if !is_found {
            open.push((cut.clone(), needs));
        }
    }
    // Those that need one that can be found can be found.
    loop {
        let names: BTreeSet<Name> = open.iter().map(|(cut, _)| cut.clone()).collect();
        let before = open.len();
        open.retain(|(_, needs)| needs.iter().all(|need| names.contains(need)));
        if open.len() == before {
            break;
        }
    }
    open.into_iter().filter(|(cut, needs)| needs.iter().any(|need| need != cut)).map(|(cut, _)| cut).collect()
}
