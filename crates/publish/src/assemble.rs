//! One zone from its header and records: what loading, reloading and `signpost export` share.

use crate::alias::{ALIAS_TYPES, Alias};
use crate::name_data::Special;
use crate::serving::Serving;
use dnssec::{ServedZone, SigningPolicy};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use store::{ServedRecord, ZoneHeader, serial};
use wire::{Name, RecordType};
use zone::{BuildError, Supply, WithheldReason, ZoneBuilder};

/// What holds for every zone unless its metadata says otherwise.
#[derive(Debug, Clone, Default)]
pub struct ZoneRules {
    /// Signature lifetimes.
    pub signing: SigningPolicy,
    /// `default-soa-edit`, "" for none.
    pub soa_edit: String,
    /// `default-soa-edit-signed`, "" for none.
    pub soa_edit_signed: String,
    /// `default-publish-cds`, digest types separated by commas; "" for none.
    pub publish_cds: String,
    /// `default-publish-cdnskey`, "1" or "".
    pub publish_cdnskey: String,
    /// `expand-alias`.
    pub alias: AliasRule,
}

/// What ALIAS records are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AliasRule {
    /// They stand for the addresses of their targets.
    #[default]
    Expand,
    /// They make nothing: their owners are there, without addresses.
    LeaveOut,
}

/// What becomes of ALIAS and LUA records where nothing is resolved or run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmade {
    /// What they stand for exists and cannot be answered, as it is served.
    Withheld,
    /// They are left out, so that the zone is whole without them.
    LeftOut,
    /// They stand in the zone as records of their own types, as they are stored.
    AsStored,
}

/// Takes the records of one zone as they come.
#[derive(Debug)]
pub struct Assembler {
    serving: Serving,
    builder: ZoneBuilder,
    soa: Option<ServedRecord>,
    /// ALIAS and LUA records.
    unmade: Vec<ServedRecord>,
    record_count: usize,
    now: u32,
}

/// A zone ready to be served, and what is needed to change it later.
pub(crate) struct Assembled {
    pub(crate) served: ServedZone,
    pub(crate) serving: Serving,
    /// The SOA as stored, before SOA-EDIT.
    pub(crate) soa: ServedRecord,
    pub(crate) aliases: BTreeMap<Name, Alias>,
}

impl Assembler {
    /// Starts a zone; `now` is Unix seconds and decides the served serial (SOA-EDIT).
    pub fn new(header: &ZoneHeader, rules: &ZoneRules, now: u32) -> Assembler {
        Assembler::with(Serving::new(header, rules, None), now)
    }

    /// The same, but with a denial chain also where proofs are made for each query: to write the zone out whole.
    pub fn with_chain(header: &ZoneHeader, rules: &ZoneRules, now: u32) -> Assembler {
        Assembler::with(Serving::new(header, rules, None).with_chain(), now)
    }

    /// The same for a zone that is served already.
    pub(crate) fn with(serving: Serving, now: u32) -> Assembler {
        let builder = ZoneBuilder::new(serving.name.apex().clone(), serving.mode.clone());
        Assembler { serving, builder, soa: None, unmade: Vec::new(), record_count: 0, now }
    }

    /// Takes one record.
    pub fn add(&mut self, record: ServedRecord) {
        self.record_count += 1;
        match record.rtype {
            RecordType::SOA if record.name == *self.serving.name.apex() => {
                let soas = self.soa.take().into_iter().chain([record]);
                self.soa = newest_soa(soas);
            }
            RecordType::ALIAS | RecordType::LUA => self.unmade.push(record),
            _ => self.builder.add(&record.name, record.rtype, record.ttl, &record.rdata),
        }
    }

    /// Records taken so far.
    pub(crate) fn record_count(&self) -> usize {
        self.record_count
    }

    /// The zone as it is served when nothing is resolved.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoSoa`]: there is nothing to serve.
    pub fn finish(mut self, unmade: Unmade) -> Result<ServedZone, BuildError> {
        let records = match unmade {
            Unmade::Withheld => Vec::new(),
            Unmade::LeftOut | Unmade::AsStored => std::mem::take(&mut self.unmade),
        };
        for record in records.into_iter().filter(|_| unmade == Unmade::AsStored) {
            self.builder.add(&record.name, record.rtype, record.ttl, &record.rdata);
        }
        self.assemble().map(|assembled| assembled.served)
    }

    /// The zone, with its aliases withheld.
    pub(crate) fn assemble(mut self) -> Result<Assembled, BuildError> {
        let soa = self.soa.take().ok_or_else(|| BuildError::NoSoa(self.serving.name.apex().clone()))?;
        let edited = edited_soa(&soa.rdata, &self.serving.soa_edit, self.now);
        self.builder.add(&soa.name, soa.rtype, soa.ttl, &edited);
        let aliases = self.supply_unmade();
        for (_, rrset) in self.serving.made(made_ttl(&soa)) {
            if let Some(rrset) = rrset {
                self.builder.set_apex(rrset);
            }
        }
        let served = self.serving.served(self.builder.finish()?);
        Ok(Assembled { served, serving: self.serving, soa, aliases })
    }

    /// Puts in what ALIAS and LUA records stand for, and returns the former.
    fn supply_unmade(&mut self) -> BTreeMap<Name, Alias> {
        let mut specials = BTreeMap::<Name, Special>::new();
        for record in std::mem::take(&mut self.unmade) {
            specials.entry(record.name.clone()).or_default().take(record, self.serving.alias);
        }
        let mut aliases = BTreeMap::new();
        for (name, special) in specials {
            let alias = special.alias(|rtype| self.builder.has(&name, rtype));
            for &rtype in special.lua() {
                if !self.builder.has(&name, rtype) {
                    self.builder.supply(&name, rtype, &Supply::Withheld(WithheldReason::Lua));
                }
            }
            if special.has_alias() {
                self.builder.supply(&name, RecordType::ALIAS, &Supply::Nothing);
            }
            let Some(alias) = alias else { continue };
            for rtype in ALIAS_TYPES.into_iter().filter(|&rtype| alias.makes(rtype)) {
                self.builder.supply(&name, rtype, &Supply::Withheld(WithheldReason::AliasOff));
            }
            aliases.insert(name, alias);
        }
        aliases
    }
}

/// The SOA that counts. Two are a fault of whoever wrote them: the greater serial is the newer data, and whatever order they come in
/// the choice is the same.
pub(crate) fn newest_soa(soas: impl Iterator<Item = ServedRecord>) -> Option<ServedRecord> {
    soas.max_by(|a, b| {
        let key = |soa: &ServedRecord| (serial_of(&soa.rdata), Reverse(soa.ttl));
        key(a).cmp(&key(b)).then_with(|| a.rdata.cmp(&b.rdata))
    })
}

/// TTL in seconds of DNSKEY, CDS, CDNSKEY and NSEC3PARAM: that of negative answers, as PowerDNS has it.
pub(crate) fn made_ttl(soa: &ServedRecord) -> u32 {
    let minimum = soa.rdata.last_chunk::<4>().map_or(0, |octets| u32::from_be_bytes(*octets));
    soa.ttl.min(minimum)
}

/// The SOA's RDATA with the serial that is served (SOA-EDIT).
pub(crate) fn edited_soa(rdata: &[u8], soa_edit: &str, now: u32) -> Vec<u8> {
    let mut edited = rdata.to_vec();
    if let Some(at) = rdata.len().checked_sub(SOA_NUMBERS_OCTETS) {
        let serial = serial::soa_edit(soa_edit, serial_of(rdata), i64::from(now));
        edited[at..at + 4].copy_from_slice(&serial.to_be_bytes());
    }
    edited
}

/// The five numbers that end a SOA's RDATA (RFC 1035 section 3.3.13).
const SOA_NUMBERS_OCTETS: usize = 20;

pub(crate) fn serial_of(rdata: &[u8]) -> u32 {
    let numbers = rdata.last_chunk::<SOA_NUMBERS_OCTETS>();
    numbers.and_then(|numbers| numbers.first_chunk::<4>()).map_or(0, |serial| u32::from_be_bytes(*serial))
}
