//! What a list of changes makes of the RRsets that are there: no database, no clock (PDNS-DIALECT section 5, pass 2).

use std::collections::BTreeSet;

use wire::{Name, RecordType};

use crate::ownership::external_dns_owner;
use crate::rrsets::{RrsetState, Rrsets};
use crate::{Comment, RrsetChange, RrsetEdit, StoreError, StoredRecord};

/// Bounds of PowerDNS's columns (PDNS-DIALECT section 12).
const CONTENT_CHARS_MAX: usize = 65_535;
const ACCOUNT_CHARS_MAX: usize = 40;
const NAME_CHARS_MAX: usize = 255;
const TTL_SECS_MAX: u32 = i32::MAX as u32;

/// Octets that the records of an RRset may take in a message: 65,535 without header, the longest question, an OPT, and 1,024
/// for signatures. What is longer could be stored and never answered.
pub const RRSET_OCTETS_MAX: usize = 65_535 - 12 - 259 - 11 - 1024;

/// Owner (compressed), type, class, TTL and length of one record in a message (RFC 1035 section 4.1.3).
pub const RECORD_HEAD_OCTETS: usize = 12;

/// Why an RRset whose records take `octets` is refused.
pub fn rrset_too_large(octets: usize) -> String {
    format!("records take {octets} octets, more than the {RRSET_OCTETS_MAX} that a DNS message can carry")
}

/// Why an RRset beside a CNAME is refused, in the dialect's words.
const CNAME_CONFLICT: &str = "Conflicts with pre-existing RRset";

/// Whether a [`StoreError::Refused`] says that a CNAME and something else would meet at a name (RFC 1034 section 3.6.2).
pub fn is_cname_conflict(why: &str) -> bool {
    why.ends_with(CNAME_CONFLICT)
}

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Every RRset of the names involved, afterwards.
    pub(crate) rrsets: Rrsets,
    /// The request brought a SOA of its own for the apex.
    pub(crate) has_soa_given: bool,
}

/// Applies the edit to the RRsets in `present`: of the names it touches, or of the whole zone for
/// [`RrsetEdit::ReplaceAll`].
pub(crate) fn apply(apex: &Name, present: &Rrsets, edit: &RrsetEdit) -> Result<Applied, StoreError> {
    let mut applied = Applied { rrsets: present.clone(), has_soa_given: false };
    match edit {
        RrsetEdit::Keep => {}
        RrsetEdit::Patch(changes) => {
            for change in changes {
                applied.change(apex, present, change)?;
            }
            applied.check_sizes(changes)?;
        }
        RrsetEdit::ReplaceAll(changes) => {
            // Comments stay unless new ones are given (PDNS-DIALECT section 4.4).
            for rrset in applied.rrsets.values_mut().flat_map(|types| types.values_mut()) {
                rrset.records.clear();
            }
            for change in changes {
                if !matches!(change, RrsetChange::Replace { .. }) {
                    return Err(StoreError::Refused("a whole zone is replaced by REPLACE items only".to_owned()));
                }
                applied.change(apex, present, change)?;
            }
            applied.check_sizes(changes)?;
        }
    }
    Ok(applied)
}

/// The names an edit speaks of.
pub(crate) fn names_of(edit: &RrsetEdit) -> BTreeSet<Name> {
    let (RrsetEdit::Patch(changes) | RrsetEdit::ReplaceAll(changes)) = edit else { return BTreeSet::new() };
    let mut names = BTreeSet::new();
    for change in changes {
        names.insert(change.owner().0.to_lowercase());
        if let RrsetChange::DeleteOwned { registry, .. } = change {
            names.insert(registry.to_lowercase());
        }
    }
    names
}

/// Whether External-DNS's `owner` made what the TXT at `registry` is about.
fn is_owned(present: &Rrsets, registry: &Name, owner: &str) -> bool {
    let Some(texts) = present.get(registry).and_then(|types| types.get(&RecordType::TXT)) else { return false };
    let names_owner = |(record, _): &(StoredRecord, u32)| external_dns_owner(&record.content) == Some(owner);
    !texts.records.is_empty() && texts.records.iter().all(names_owner)
}

impl Applied {
    fn change(&mut self, apex: &Name, present: &Rrsets, change: &RrsetChange) -> Result<(), StoreError> {
        let (name, rtype) = change.owner();
        let refuse = |why: &str| Err(StoreError::Refused(format!("RRset {name} IN {rtype}: {why}")));
        // Names out of the zone may be deleted, to clean up.
        if !matches!(change, RrsetChange::Delete { .. } | RrsetChange::DeleteOwned { .. }) && !name.is_under(apex) {
            return refuse("Name is out of zone");
        }
        if name.to_dotless().len() > NAME_CHARS_MAX {
            return refuse("Name is longer than 255 characters in presentation format");
        }
        let name = name.to_lowercase();
        match change {
            RrsetChange::Delete { .. } => *self.rrset(&name, rtype) = RrsetState::default(),
            RrsetChange::DeleteOwned { registry, owner, .. } => {
                let registry = registry.to_lowercase();
                let is_there =
                    self.rrsets.get(&name).and_then(|types| types.get(&rtype)).is_some_and(RrsetState::is_enabled);
                if is_there && is_owned(present, &registry, owner) {
                    *self.rrset(&name, rtype) = RrsetState::default();
                    *self.rrset(&registry, RecordType::TXT) = RrsetState::default();
                }
            }
            RrsetChange::Replace { ttl, records, comments, .. } => {
                if let Some(records) = records {
                    check_ttl(*ttl).or_else(refuse)?;
                    check_records(rtype, records).or_else(|why| refuse(&why))?;
                    if records.is_empty() {
                        *self.rrset(&name, rtype) = RrsetState::default();
                    } else {
                        self.check_conflicts(apex, &name, rtype).or_else(refuse)?;
                        self.rrset(&name, rtype).records =
                            records.iter().map(|record| (record.clone(), *ttl)).collect();
                        self.has_soa_given |= rtype == RecordType::SOA && name == *apex;
                    }
                }
                if let Some(comments) = comments {
                    check_comments(comments).or_else(refuse)?;
                    self.rrset(&name, rtype).comments = comments.clone();
                }
            }
            RrsetChange::Extend { ttl, record, .. } => {
                check_ttl(*ttl).or_else(refuse)?;
                check_records(rtype, std::slice::from_ref(record)).or_else(|why| refuse(&why))?;
                let is_same = |(present, _): &(StoredRecord, u32)| {
                    !present.disabled && present.content == record.content && present.prio == record.prio
                };
                let rrset = self.rrset(&name, rtype);
                if rrset.records.iter().any(is_same) {
                    return Ok(());
                }
                if rrset.records.iter().any(|(_, present)| present != ttl) {
                    return refuse("uses a different TTL value than the remainder of the RRset");
                }
                if is_single(rtype) && !rrset.records.is_empty() {
                    return refuse("only one such record allowed");
                }
                self.check_conflicts(apex, &name, rtype).or_else(refuse)?;
                self.rrset(&name, rtype).records.push((record.clone(), *ttl));
            }
            RrsetChange::Prune { record, .. } => {
                self.rrset(&name, rtype)
                    .records
                    .retain(|(present, _)| present.content != record.content || present.prio != record.prio);
            }
        }
        Ok(())
    }

    /// Refuses RRsets that grew, or came, beyond what can be answered. One that was too large before may shrink.
    fn check_sizes(&self, changes: &[RrsetChange]) -> Result<(), StoreError> {
        let mut grown: BTreeSet<(Name, RecordType)> = BTreeSet::new();
        for change in changes {
            if let RrsetChange::Replace { name, rtype, records: Some(_), .. }
            | RrsetChange::Extend { name, rtype, .. } = change
            {
                grown.insert((name.to_lowercase(), *rtype));
            }
        }
        for (name, rtype) in grown {
            let Some(rrset) = self.rrsets.get(&name).and_then(|types| types.get(&rtype)) else { continue };
            let octets = octets(rtype, rrset);
            if octets > RRSET_OCTETS_MAX {
                let why = rrset_too_large(octets);
                return Err(StoreError::Refused(format!("RRset {name} IN {rtype}: {why}")));
            }
        }
        Ok(())
    }

    fn rrset(&mut self, name: &Name, rtype: RecordType) -> &mut RrsetState {
        self.rrsets.entry(name.clone()).or_default().entry(rtype).or_default()
    }

    /// RFC 1034 section 3.6.2 and RFC 6672 section 2.4, in the dialect's words. Only enabled records of other types
    /// count.
    fn check_conflicts(&self, apex: &Name, name: &Name, rtype: RecordType) -> Result<(), &'static str> {
        let Some(types) = self.rrsets.get(name) else { return Ok(()) };
        let mut others = types.iter().filter(|(other, rrset)| **other != rtype && rrset.is_enabled());
        let (mut has_ns, mut has_dname) = (rtype == RecordType::NS, rtype == RecordType::DNAME);
        for (&other, _) in &mut others {
            let has_cname = rtype == RecordType::CNAME || other == RecordType::CNAME;
            if has_cname && !is_beside_cname(rtype) && !is_beside_cname(other) {
                return Err(CNAME_CONFLICT);
            }
            has_ns |= other == RecordType::NS;
            has_dname |= other == RecordType::DNAME;
        }
        if has_ns && has_dname && name != apex {
            return Err("Cannot have both NS and DNAME except in zone apex");
        }
        Ok(())
    }
}

/// What signed zone files have at the name of a CNAME (RFC 4035 section 2.5). It is stored and not served: we sign ourselves.
fn is_beside_cname(rtype: RecordType) -> bool {
    matches!(rtype, RecordType::RRSIG | RecordType::NSEC)
}

/// Octets of the enabled records in a message. Contents that cannot be read are never answered, and count as nothing.
fn octets(rtype: RecordType, rrset: &RrsetState) -> usize {
    let enabled = || rrset.records.iter().map(|(record, _)| record).filter(|record| !record.disabled);
    // No type's data is longer than this; reading contents is needed only where it comes near the limit.
    let at_most: usize = enabled().map(|record| RECORD_HEAD_OCTETS + 64 + 4 * record.content.len()).sum();
    if at_most <= RRSET_OCTETS_MAX {
        return at_most;
    }
    let wire = |record: &StoredRecord| wire::content::to_wire(rtype, &record.content, Some(record.prio));
    enabled().filter_map(|record| Some(RECORD_HEAD_OCTETS + wire(record).ok()?.len())).sum()
}

fn is_single(rtype: RecordType) -> bool {
    matches!(rtype, RecordType::CNAME | RecordType::DNAME | RecordType::SOA)
}

fn check_ttl(ttl: u32) -> Result<(), &'static str> {
    if ttl > TTL_SECS_MAX { Err("ttl is above 2147483647") } else { Ok(()) }
}

/// PDNS-DIALECT section 6.3. The API has checked most of it already; transfers and the command line come here directly.
fn check_records(rtype: RecordType, records: &[StoredRecord]) -> Result<(), String> {
    if is_single(rtype) && records.len() > 1 {
        return Err("only one such record allowed".to_owned());
    }
    let mut seen = BTreeSet::new();
    for record in records {
        if record.content.chars().count() > CONTENT_CHARS_MAX {
            return Err(format!("content is longer than {CONTENT_CHARS_MAX} characters"));
        }
        if record.content.contains('\0') {
            return Err("content has a NUL character".to_owned());
        }
        if !seen.insert((&record.content, record.prio)) {
            return Err(format!("duplicate record with content \"{}\"", record.content));
        }
    }
    Ok(())
}

fn check_comments(comments: &[Comment]) -> Result<(), &'static str> {
    for comment in comments {
        if comment.content.chars().count() > CONTENT_CHARS_MAX {
            return Err("comment content is longer than 65535 characters");
        }
        if comment.account.chars().count() > ACCOUNT_CHARS_MAX {
            return Err("comment account is longer than 40 characters");
        }
        if comment.content.contains('\0') || comment.account.contains('\0') {
            return Err("comment has a NUL character");
        }
        if comment.modified_at.is_some_and(|at| i32::try_from(at).is_err() || at < 0) {
            return Err("comment modified_at is not between 0 and 2147483647");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn record(content: &str) -> StoredRecord {
        StoredRecord { content: content.to_owned(), prio: 0, disabled: false }
    }

    fn replace(owner: &str, rtype: RecordType, contents: &[&str]) -> RrsetChange {
        let records = Some(contents.iter().map(|content| record(content)).collect());
        RrsetChange::Replace { name: name(owner), rtype, ttl: 60, records, comments: None }
    }

    fn patched(present: &Rrsets, changes: Vec<RrsetChange>) -> Result<Rrsets, String> {
        match apply(&name("x"), present, &RrsetEdit::Patch(changes)) {
            Ok(applied) => Ok(applied.rrsets),
            Err(error) => Err(error.to_string()),
        }
    }

    fn contents(rrsets: &Rrsets, owner: &str, rtype: RecordType) -> Vec<String> {
        let records = rrsets.get(&name(owner)).and_then(|types| types.get(&rtype)).map(|rrset| &rrset.records);
        records.into_iter().flatten().map(|(record, _)| record.content.clone()).collect()
    }

    fn zone() -> Rrsets {
        patched(
            &Rrsets::new(),
            vec![
                replace("a.x", RecordType::A, &["192.0.2.1", "192.0.2.2"]),
                replace("c.x", RecordType::CNAME, &["a.x"]),
                replace("s.x", RecordType::NS, &["ns.y"]),
            ],
        )
        .unwrap()
    }

    #[test]
    fn a_cname_stands_alone_either_way_round() {
        let refused = "Conflicts with pre-existing RRset";
        for change in [replace("a.x", RecordType::CNAME, &["b.x"]), replace("c.x", RecordType::TXT, &["\"t\""])] {
            assert!(patched(&zone(), vec![change]).unwrap_err().ends_with(refused));
        }
        let why = patched(&zone(), vec![replace("a.x", RecordType::CNAME, &["b.x"])]).unwrap_err();
        assert_eq!(why, "RRset a.x. IN CNAME: Conflicts with pre-existing RRset");
    }

    #[test]
    fn signatures_of_a_signed_zone_file_stand_beside_a_cname() {
        let rrsig = "CNAME 13 2 60 20261211060808 20261120050808 16076 x. AAAA";
        let changes = [replace("c.x", RecordType::RRSIG, &[rrsig]), replace("c.x", RecordType::NSEC, &["s.x CNAME"])];
        let zone = patched(&zone(), changes.to_vec()).unwrap();
        // And the other way round.
        assert!(patched(&zone, vec![replace("c.x", RecordType::CNAME, &["s.x"])]).is_ok());
        assert!(patched(&zone, vec![replace("c.x", RecordType::A, &["192.0.2.1"])]).is_err());
    }

    #[test]
    fn a_delete_before_it_clears_the_way() {
        let changes = vec![
            RrsetChange::Delete { name: name("a.x"), rtype: RecordType::A },
            replace("a.x", RecordType::CNAME, &["b.x"]),
        ];
        assert_eq!(contents(&patched(&zone(), changes).unwrap(), "a.x", RecordType::CNAME), ["b.x"]);
    }

    #[test]
    fn what_one_owner_made_gives_way_to_the_same_owner() {
        let text =
            |owner: &str| format!("\"heritage=external-dns,external-dns/owner={owner},external-dns/resource=r\"");
        let delete_owned = |owner: &str| RrsetChange::DeleteOwned {
            name: name("c.x"),
            rtype: RecordType::CNAME,
            registry: name("cname-c.x"),
            owner: owner.to_owned(),
        };
        let a = replace("c.x", RecordType::A, &["192.0.2.1"]);
        let owned = patched(&zone(), vec![replace("cname-c.x", RecordType::TXT, &[&text("me")])]).unwrap();
        let after = patched(&owned, vec![delete_owned("me"), a.clone()]).unwrap();
        assert_eq!(contents(&after, "c.x", RecordType::A), ["192.0.2.1"]);
        assert!(contents(&after, "c.x", RecordType::CNAME).is_empty());
        assert!(contents(&after, "cname-c.x", RecordType::TXT).is_empty());
        // Another's, nobody's, two people's, and one that only this request says is mine.
        assert!(patched(&owned, vec![delete_owned("you"), a.clone()]).is_err());
        assert!(patched(&zone(), vec![delete_owned("me"), a.clone()]).is_err());
        let both = vec![replace("cname-c.x", RecordType::TXT, &[&text("me"), &text("you")])];
        assert!(patched(&patched(&zone(), both).unwrap(), vec![delete_owned("me"), a.clone()]).is_err());
        let mine = replace("cname-c.x", RecordType::TXT, &[&text("me")]);
        assert!(patched(&zone(), vec![mine, delete_owned("me"), a]).is_err());
        // Where the record is not, its TXT stays.
        let elsewhere = RrsetChange::DeleteOwned {
            name: name("a.x"),
            rtype: RecordType::CNAME,
            registry: name("cname-c.x"),
            owner: "me".to_owned(),
        };
        assert_eq!(contents(&patched(&owned, vec![elsewhere]).unwrap(), "cname-c.x", RecordType::TXT), [text("me")]);
    }

    #[test]
    fn disabled_records_do_not_conflict() {
        let mut present = zone();
        for rrset in present.get_mut(&name("a.x")).unwrap().values_mut() {
            rrset.records.iter_mut().for_each(|(record, _)| record.disabled = true);
        }
        assert!(patched(&present, vec![replace("a.x", RecordType::CNAME, &["b.x"])]).is_ok());
    }

    #[test]
    fn ns_and_dname_meet_only_at_the_apex() {
        let why = patched(&zone(), vec![replace("s.x", RecordType::DNAME, &["d.y"])]).unwrap_err();
        assert_eq!(why, "RRset s.x. IN DNAME: Cannot have both NS and DNAME except in zone apex");
        let at_apex = vec![replace("x", RecordType::NS, &["ns.y"]), replace("x", RecordType::DNAME, &["d.y"])];
        assert!(patched(&zone(), at_apex).is_ok());
    }

    #[test]
    fn extend_and_prune_see_each_other() {
        let extend = |content: &str, ttl| RrsetChange::Extend {
            name: name("a.x"),
            rtype: RecordType::A,
            ttl,
            record: record(content),
        };
        let prune = |content: &str| RrsetChange::Prune {
            name: name("a.x"),
            rtype: RecordType::A,
            ttl: 60,
            record: record(content),
        };
        let changes = vec![extend("192.0.2.3", 60), extend("192.0.2.1", 60), prune("192.0.2.2"), prune("192.0.2.9")];
        let rrsets = patched(&zone(), changes).unwrap();
        assert_eq!(contents(&rrsets, "a.x", RecordType::A), ["192.0.2.1", "192.0.2.3"]);
        let why = patched(&zone(), vec![extend("192.0.2.3", 61)]).unwrap_err();
        assert_eq!(why, "RRset a.x. IN A: uses a different TTL value than the remainder of the RRset");
    }

    #[test]
    fn an_empty_replace_takes_the_comments_along() {
        let comment = Comment { content: "c".to_owned(), account: "me".to_owned(), modified_at: Some(1) };
        let comments_only = RrsetChange::Replace {
            name: name("a.x"),
            rtype: RecordType::A,
            ttl: 0,
            records: None,
            comments: Some(vec![comment]),
        };
        let present = patched(&zone(), vec![comments_only]).unwrap();
        assert_eq!(present[&name("a.x")][&RecordType::A].comments.len(), 1);
        assert_eq!(present[&name("a.x")][&RecordType::A].records.len(), 2);
        let after = patched(&present, vec![replace("a.x", RecordType::A, &[])]).unwrap();
        assert_eq!(after[&name("a.x")][&RecordType::A], RrsetState::default());
        let after = patched(&present, vec![replace("a.x", RecordType::A, &["192.0.2.7"])]).unwrap();
        assert_eq!(after[&name("a.x")][&RecordType::A].comments.len(), 1);
    }

    #[test]
    fn bounds_name_the_field() {
        for (change, wanted) in [
            (replace("a.y", RecordType::A, &["192.0.2.1"]), "RRset a.y. IN A: Name is out of zone"),
            (replace("d.x", RecordType::CNAME, &["a.x", "b.x"]), "RRset d.x. IN CNAME: only one such record allowed"),
            (replace("d.x", RecordType::A, &["1", "1"]), "RRset d.x. IN A: duplicate record with content \"1\""),
            (
                replace("d.x", RecordType::TXT, &[&"x".repeat(65_536)]),
                "RRset d.x. IN TXT: content is longer than 65535 characters",
            ),
        ] {
            assert_eq!(patched(&zone(), vec![change]).unwrap_err(), wanted);
        }
        assert!(patched(&zone(), vec![RrsetChange::Delete { name: name("a.y"), rtype: RecordType::A }]).is_ok());
    }

    #[test]
    fn an_rrset_grows_no_further_than_a_message_carries() {
        let extend = |number: usize| RrsetChange::Extend {
            name: name("big.x"),
            rtype: RecordType::TXT,
            ttl: 60,
            record: record(&format!("\"{number:0250}\"")),
        };
        // 263 octets each: 244 fit.
        let full = patched(&Rrsets::new(), (0..244).map(extend).collect()).unwrap();
        let why = patched(&full, vec![extend(999)]).unwrap_err();
        assert!(why.starts_with("RRset big.x. IN TXT: records take 64"), "{why}");
        assert!(why.ends_with("more than the 64229 that a DNS message can carry"), "{why}");
        // What an earlier server let grow may shrink.
        let mut over = full.clone();
        over.get_mut(&name("big.x"))
            .unwrap()
            .get_mut(&RecordType::TXT)
            .unwrap()
            .records
            .extend((900..910).map(|number| (record(&format!("\"{number:0250}\"")), 60)));
        let prune =
            RrsetChange::Prune { name: name("big.x"), rtype: RecordType::TXT, ttl: 60, record: record("\"none\"") };
        assert!(patched(&over, vec![prune]).is_ok());
        // Names are the longest there is for their text, and no figure: none is refused by the estimate alone.
        let names: Vec<String> = (0..2000).map(|number| format!("h{number}.x")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(patched(&Rrsets::new(), vec![replace("n.x", RecordType::NS, &names)]).is_ok());
    }

    #[test]
    fn the_same_again_is_the_same() {
        let again = patched(&zone(), vec![replace("a.x", RecordType::A, &["192.0.2.2", "192.0.2.1"])]).unwrap();
        let rrset = &again[&name("a.x")][&RecordType::A];
        assert!(rrset.is_same(&zone()[&name("a.x")][&RecordType::A]));
    }
}
