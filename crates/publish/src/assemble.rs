//! One zone from its header and records: what loading, reloading and `signpost export` share.

use crate::serving::Serving;
use dnssec::{ServedZone, SigningPolicy};
use std::sync::Arc;
use store::{ServedRecord, ZoneHeader, serial};
use wire::RecordType;
use zone::{BuildError, ZoneBuilder};

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
}

/// Takes the records of one zone as they come.
#[derive(Debug)]
pub struct Assembler {
    serving: Serving,
    builder: ZoneBuilder,
    soa: Option<ServedRecord>,
    record_count: usize,
    now: u32,
}

/// A zone ready to be served, and what is needed to change it later.
pub(crate) struct Assembled {
    pub(crate) served: ServedZone,
    pub(crate) serving: Serving,
    /// The SOA as stored, before SOA-EDIT.
    pub(crate) soa: ServedRecord,
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
        let builder = ZoneBuilder::new(serving.apex.clone(), serving.mode.clone());
        Assembler { serving, builder, soa: None, record_count: 0, now }
    }

    /// Takes one record.
    pub fn add(&mut self, record: ServedRecord) {
        self.record_count += 1;
        if record.rtype == RecordType::SOA && record.name == self.serving.apex {
            // Two SOA rows are a fault of whoever wrote them; the later serial is the newer data.
            let is_newer = self.soa.as_ref().is_none_or(|old| serial_of(&old.rdata) < serial_of(&record.rdata));
            if is_newer {
                self.soa = Some(record);
            }
            return;
        }
        self.builder.add(&record.name, record.rtype, record.ttl, &record.rdata);
    }

    /// Records taken so far.
    pub(crate) fn record_count(&self) -> usize {
        self.record_count
    }

    /// The zone as it is served.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoSoa`]: there is nothing to serve.
    pub fn finish(self) -> Result<ServedZone, BuildError> {
        self.assemble().map(|assembled| assembled.served)
    }

    pub(crate) fn assemble(mut self) -> Result<Assembled, BuildError> {
        let soa = self.soa.ok_or_else(|| BuildError::NoSoa(self.serving.apex.clone()))?;
        let edited = edited_soa(&soa.rdata, &self.serving.soa_edit, self.now);
        self.builder.add(&soa.name, soa.rtype, soa.ttl, &edited);
        for (_, rrset) in self.serving.made(made_ttl(&soa)) {
            if let Some(rrset) = rrset {
                self.builder.set_apex(rrset);
            }
        }
        let zone = Arc::new(self.builder.finish()?);
        let served = ServedZone { zone, signer: self.serving.signer.clone() };
        Ok(Assembled { served, serving: self.serving, soa })
    }
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
