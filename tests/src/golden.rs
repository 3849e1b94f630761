//! Golden cases: a zone, questions, and the reply that each signing mode must give, over every transport.
//!
//! A case is a folder of `tests/golden/` (docs/testing.md):
//!
//! | file | holds |
//! | --- | --- |
//! | `about` | what the case shows, and the RFC that says so |
//! | `zone`, `zone.*` | master files, one zone each |
//! | `ask` | a question a line ([`Ask`]) |
//! | `want` | the replies, where all modes give the same |
//! | `want.plain`, `want.nsec`, ... | the replies of one mode, and of those that are like it |
//!
//! Replies come through real sockets and are decoded by hickory-proto ([`show`]). What differs from run to run (times, key tags,
//! key material, signatures) is checked and then masked.

mod ask;
mod show;
mod transport;

pub use ask::Ask;
pub use show::{Known, show};
pub use transport::{Server, Transport};

use dnssec::{Algorithm, ServedZone, ZoneKey};
use publish::{Assembler, Unmade, ZoneRules};
use std::fs;
use std::path::PathBuf;
use store::{ServedRecord, StoredKey, ZoneHeader, ZoneId};
use wire::{Name, RecordType, ZoneName};

/// How the zones of a case are signed and denied: the metadata that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// The ending of `want`.
    pub name: &'static str,
    /// Whether the zones have keys.
    pub is_signed: bool,
    /// Metadata of each zone.
    pub metadata: &'static [(&'static str, &'static str)],
    /// The mode whose wanted replies hold here too where this mode has none of its own.
    pub like: Option<&'static str>,
}

/// All modes.
pub const MODES: &[Mode] = &[
    Mode { name: "plain", is_signed: false, metadata: &[], like: None },
    Mode { name: "nsec", is_signed: true, metadata: &[], like: None },
    Mode { name: "nsec3", is_signed: true, metadata: &[("NSEC3PARAM", "1 0 0 -")], like: None },
    Mode { name: "optout", is_signed: true, metadata: &[("NSEC3PARAM", "1 1 0 -")], like: Some("nsec3") },
    Mode {
        name: "narrow",
        is_signed: true,
        metadata: &[("NSEC3PARAM", "1 0 0 -"), ("NSEC3NARROW", "1")],
        like: Some("nsec3"),
    },
    Mode { name: "compact", is_signed: true, metadata: &[("X-SIGNPOST-COMPACT-DENIAL", "1")], like: Some("nsec") },
];

/// A KSK and a ZSK, new in each run and shared by all zones of it.
#[derive(Clone)]
pub struct Keys {
    /// As stored, the KSK first.
    stored: [(u16, String); 2],
}

impl Keys {
    /// Makes new ones.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    pub fn generate() -> Keys {
        let isc = || ZoneKey::generate(Algorithm::EcdsaP256Sha256).expect("the system has random numbers");
        Keys { stored: [(257, isc()), (256, isc())] }
    }

    /// The DNSKEYs with the names that stand for them in wanted replies.
    pub fn known(&self) -> Known {
        let dnskey = |(flags, isc): &(u16, String)| {
            ZoneKey::from_isc(isc, *flags).expect("a key just made is read").dnskey().to_vec()
        };
        Known::new(self.stored.iter().map(dnskey).zip(["ksk", "zsk"]))
    }
}

/// One folder of `tests/golden/`.
#[derive(Debug)]
pub struct Case {
    /// The folder.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// The questions.
    pub asks: Vec<Ask>,
    /// The master files.
    zones: Vec<String>,
}

impl Case {
    /// All cases, by name.
    ///
    /// # Panics
    ///
    /// When a folder has no `about`, `zone` or `ask`, or `ask` has a line that is no question.
    pub fn all() -> Vec<Case> {
        let folder = crate::server::workspace().join("tests/golden");
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut cases: Vec<Case> = entries.flatten().map(|entry| Case::read(entry.path())).collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        cases
    }

    fn read(path: PathBuf) -> Case {
        let text = |file: &str| {
            let file = path.join(file);
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        };
        assert!(!text("about").trim().is_empty(), "{}: about is empty", path.display());
        let asks: Vec<Ask> = text("ask").lines().filter_map(Ask::parse).collect();
        assert!(!asks.is_empty(), "{}: nothing is asked", path.display());
        let mut zones = vec![text("zone")];
        let names = fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.file_name());
        zones.extend(names.filter_map(|name| name.to_str().filter(|name| name.starts_with("zone.")).map(&text)));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Case { path, name, asks, zones }
    }

    /// The zones as they are served in `mode`.
    ///
    /// # Panics
    ///
    /// When a master file cannot be read or has no SOA.
    pub fn zones(&self, mode: &Mode, keys: &Keys, now: u32) -> Vec<ServedZone> {
        self.zones.iter().map(|text| self.zone(text, mode, keys, now)).collect()
    }

    fn zone(&self, text: &str, mode: &Mode, keys: &Keys, now: u32) -> ServedZone {
        let records = wire::zonefile::parse(text, &Name::root(), 3600)
            .unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
        let soa = records.iter().find(|record| record.rtype == RecordType::SOA);
        let apex = soa.unwrap_or_else(|| panic!("{}: a zone has no SOA", self.path.display())).name.clone();
        let stored = |(id, (flags, isc)): (i64, &(u16, String))| StoredKey {
            id,
            flags: *flags,
            active: true,
            published: true,
            content: isc.clone(),
        };
        let header = ZoneHeader {
            id: ZoneId(1),
            incarnation: 1,
            generation: 1,
            name: ZoneName::from(apex),
            metadata: mode.metadata.iter().map(|(kind, value)| ((*kind).into(), vec![(*value).into()])).collect(),
            keys: if mode.is_signed { (1..).zip(&keys.stored).map(stored).collect() } else { Vec::new() },
        };
        let mut assembler = Assembler::new(&header, &ZoneRules::default(), now);
        for record in records {
            let (name, rtype, ttl) = (record.name, record.rtype, record.ttl);
            assembler.add(ServedRecord { name, rtype, ttl, rdata: record.content.wire });
        }
        assembler.finish(Unmade::Withheld).unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
    }

    /// The replies wanted in `mode`; `None`: nobody has said yet.
    pub fn want(&self, mode: &Mode) -> Option<String> {
        let read = |file: &str| fs::read_to_string(self.path.join(file)).ok();
        let of = |name: &str| read(&format!("want.{name}"));
        of(mode.name).or_else(|| mode.like.and_then(of)).or_else(|| read("want"))
    }

    /// Writes the replies as wanted from now on: one file if all modes agree, else one for each that is not like another.
    ///
    /// # Panics
    ///
    /// When the files cannot be written.
    pub fn bless(&self, replies: &[(&Mode, String)]) {
        let write = |file: &str, text: Option<&str>| {
            let file = self.path.join(file);
            match text {
                Some(text) => fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display())),
                None => drop(fs::remove_file(&file)),
            }
        };
        let same = replies.iter().all(|(_, text)| *text == replies[0].1).then_some(&*replies[0].1);
        write("want", same);
        for (mode, text) in replies {
            let is_others = replies.iter().any(|(other, same)| mode.like == Some(other.name) && same == text);
            write(&format!("want.{}", mode.name), (same.is_none() && !is_others).then_some(text));
        }
    }
}
