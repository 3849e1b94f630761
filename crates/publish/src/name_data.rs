//! The records of one name as they are served: RRsets, and what ALIAS and LUA records stand for.

use crate::AliasRule;
use crate::alias::{ALIAS_TYPES, Alias, AliasBook};
use store::{ServedRecord, ZoneId};
use wire::{Name, RecordType};
use zone::{Rrset, Supply, WithheldReason, ZoneEditor};

/// All records of one name.
#[derive(Debug, Default)]
pub(crate) struct NameData {
    sets: Vec<(RecordType, u32, Vec<Vec<u8>>)>,
    special: Special,
}

/// What a name has beside data.
#[derive(Debug, Default)]
pub(crate) struct Special {
    has_alias: bool,
    alias: Option<(Name, u32)>,
    /// Types that LUA records would make.
    lua: Vec<RecordType>,
}

impl Special {
    /// Takes a record that is no data; returns it if it is.
    pub(crate) fn take(&mut self, record: ServedRecord, rule: AliasRule) -> Option<ServedRecord> {
        match record.rtype {
            RecordType::ALIAS => {
                self.has_alias = true;
                if rule == AliasRule::LeaveOut {
                    return None;
                }
                let Ok(target) = Name::from_wire(&record.rdata) else { return None };
                let target = target.to_lowercase();
                // Of several the first in canonical order counts, with the least TTL.
                self.alias = Some(match self.alias.take() {
                    Some((other, ttl)) => (other.min(target), ttl.min(record.ttl)),
                    None => (target, record.ttl),
                });
                None
            }
            RecordType::LUA => {
                if let Some(rtype) = record.rdata.first_chunk::<2>() {
                    self.lua.push(RecordType(u16::from_be_bytes(*rtype)));
                }
                None
            }
            _ => Some(record),
        }
    }

    /// Whether there is an ALIAS, expanded or not: the name is there then, whatever becomes of it.
    pub(crate) fn has_alias(&self) -> bool {
        self.has_alias
    }

    /// The ALIAS, given the types of which the name has records: those it does not make, and beside a CNAME it makes none.
    pub(crate) fn alias(&self, has: impl Fn(RecordType) -> bool) -> Option<Alias> {
        let (target, ttl) = self.alias.clone()?;
        let makes = ALIAS_TYPES.map(|rtype| !has(rtype) && !has(RecordType::CNAME));
        Some(Alias { target, ttl, makes })
    }

    /// Types that LUA records would make.
    pub(crate) fn lua(&self) -> &[RecordType] {
        &self.lua
    }
}

impl NameData {
    /// The least TTL of an RRset holds (RFC 2181 section 5.2).
    pub(crate) fn new(records: Vec<ServedRecord>, rule: AliasRule) -> NameData {
        let mut data = NameData::default();
        for record in records {
            let Some(record) = data.special.take(record, rule) else { continue };
            match data.sets.iter_mut().find(|(rtype, _, _)| *rtype == record.rtype) {
                Some((_, ttl, rdatas)) => {
                    *ttl = record.ttl.min(*ttl);
                    rdatas.push(record.rdata);
                }
                None => data.sets.push((record.rtype, record.ttl, vec![record.rdata])),
            }
        }
        data
    }

    /// The RRsets, and what is beside them.
    pub(crate) fn split(self) -> (Vec<Rrset>, Special) {
        let rrsets = self.sets.into_iter().map(|(rtype, ttl, rdatas)| Rrset::new(rtype, ttl, rdatas)).collect();
        (rrsets, self.special)
    }

    /// Makes all of it the data of `name`, and notes its ALIAS in the book.
    pub(crate) fn put(self, editor: &mut ZoneEditor, zone: ZoneId, name: &Name, book: &mut AliasBook) {
        let (rrsets, special) = self.split();
        let has = |rtype| rrsets.iter().any(|rrset| rrset.rtype() == rtype);
        let alias = special.alias(has);
        let lua: Vec<RecordType> = special.lua().iter().copied().filter(|&rtype| !has(rtype)).collect();
        let name = name.to_lowercase();
        editor.replace_name(&name, rrsets);
        if special.has_alias() {
            editor.supply(&name, RecordType::ALIAS, Supply::Nothing);
        }
        for rtype in lua {
            editor.supply(&name, rtype, Supply::Withheld(WithheldReason::Lua));
        }
        book.set(zone, &name, alias.clone());
        for rtype in ALIAS_TYPES {
            if let Some(alias) = alias.as_ref().filter(|alias| alias.makes(rtype)) {
                editor.supply(&name, rtype, book.supply(alias, rtype));
            }
        }
    }
}
