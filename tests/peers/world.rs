//! Small zones, drawn so that every rule about names meets every other: wildcards, DNAME, CNAME, cuts, glue, empty non-terminals,
//! occluded data, and labels of any octets.

use crate::draft::{Draft, below, mode};
use signpost_tests::peers::{PeerKind, plain};
use signpost_tests::random::Random;
use signpost_tests::reply::{Record, lower_rdata};
use std::fmt;
use wire::{Name, RecordType};

/// Zones under one name, which refer to each other.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) zones: Vec<Zone>,
}

/// One zone.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    pub(crate) apex: Name,
    pub(crate) mode: Mode,
    pub(crate) rrsets: Vec<Rrset>,
}

/// One RRset as it stands in a master file.
#[derive(Debug, Clone)]
pub(crate) struct Rrset {
    pub(crate) owner: Name,
    pub(crate) ttl: u32,
    pub(crate) rtype: String,
    pub(crate) contents: Vec<String>,
    /// The owner in lower case.
    pub(crate) lower: Name,
    /// The type.
    pub(crate) number: u16,
    /// The contents as octets, names in lower case.
    pub(crate) rdatas: Vec<Vec<u8>>,
    /// The names in the contents.
    mentions: Vec<Name>,
}

/// Who signs a zone, and how it denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    Unsigned,
    /// We sign; the peers serve what we export.
    Ours(Denial),
    /// `dnssec-signzone` signs; all four serve it as it is.
    Presigned(Denial),
}

/// How a signed zone denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denial {
    Nsec,
    Nsec3 {
        iterations: u16,
        salt: &'static str,
        opt_out: bool,
    },
    /// NSEC3 records made for each question (RFC 7129 appendix B). No peer has it.
    Narrow,
    /// RFC 9824. No peer has it.
    Compact,
}

/// What is known about a name.
pub(crate) struct Facts<'w> {
    /// The zone that answers for it.
    pub(crate) zone: Option<&'w Zone>,
    /// Whether that zone has it, or names below it.
    pub(crate) exists: bool,
    /// The longest name above it that the zone has.
    pub(crate) encloser: Option<Name>,
    /// The wildcard that stands for it, if that exists.
    pub(crate) wildcard: Option<Name>,
    /// The name one label longer than the closest ancestor that exists (RFC 5155 section 1.3).
    pub(crate) next_closer: Name,
    /// Whether it, a name above it, or the wildcard for it is none of that zone but one that another zone has occluded, or mentions.
    pub(crate) is_in_another_zone: bool,
}

/// The names above, nearest first.
fn ancestors(name: &Name) -> impl Iterator<Item = Name> {
    std::iter::successors(name.parent(), Name::parent)
}

impl World {
    /// A world of one zone, which we sign.
    pub(crate) fn signed(random: &mut Random, apex: &Name, denial: Denial) -> World {
        World { zones: vec![Draft::zone(random, apex, Mode::Ours(denial))] }
    }

    /// A world whose zones are under `apex`.
    pub(crate) fn draw(random: &mut Random, apex: &Name) -> World {
        let mut world = World { zones: Vec::new() };
        let is_signed = random.chance(75);
        let way = mode(random, is_signed);
        world.zones.push(Draft::zone(random, apex, way));
        // Some of the children are served too, and now and then a zone nobody delegates.
        for _ in 0..random.below(4) {
            let cuts: Vec<Name> = world.zones.iter().flat_map(Zone::cuts).collect();
            let child = if cuts.is_empty() || random.chance(12) {
                let depth = 1 + random.below(2);
                below(random, apex, depth)
            } else {
                random.pick(&cuts).clone()
            };
            // A zone of more than 222 octets cannot have NSEC3 (RFC 5155 section 3), and what a cut at a wildcard is, is left open.
            if child.as_wire().len() > 200 || child.is_wildcard() {
                continue;
            }
            let is_signed = if random.chance(85) { is_signed } else { !is_signed };
            let way = mode(random, is_signed);
            let child = Draft::zone(random, &child.to_lowercase(), way);
            if world.has_room_for(&child) {
                world.zones.push(child);
            }
        }
        world
    }

    fn has_room_for(&self, zone: &Zone) -> bool {
        let is_new = self.zones.iter().all(|other| other.apex != zone.apex);
        // NSD has one tree for all zones, and nothing may be below a DNAME, whichever zone it is of.
        let occludes = |zone: &Zone, other: &Zone| {
            let mut owners = other.rrsets.iter().map(|rrset| &rrset.owner);
            owners.any(|owner| zone.dnames().iter().any(|&dname| owner.is_under(dname)))
        };
        is_new && !self.zones.iter().any(|other| occludes(other, zone) || occludes(zone, other))
    }

    /// Whether a peer can load these zones at all.
    pub(crate) fn suits(&self, peer: PeerKind) -> bool {
        let has = |is_so: fn(&Rrset) -> bool| self.zones.iter().flat_map(|zone| &zone.rrsets).any(is_so);
        let has_nsec3 = self.zones.iter().any(Zone::has_nsec3);
        match peer {
            // It looks for the wildcard below each name without asking whether that is too long for a name, and crashes.
            PeerKind::Nsd => !has_nsec3 || !has(|rrset| rrset.owner.as_wire().len() > 253),
            // It misses names of zones where labels hold the octet 0 (RFC 2181 section 11), with and without.
            PeerKind::Knot => !has(|rrset| rrset.owner.labels().any(|label| label.contains(&0))),
            PeerKind::Bind => true,
        }
    }

    /// Whether one of the zones has the record.
    pub(crate) fn has(&self, record: &Record) -> bool {
        let is_it = |rrset: &Rrset| rrset.lower.as_wire() == record.owner && rrset.has(record);
        self.zones.iter().flat_map(|zone| &zone.rrsets).any(is_it)
    }

    /// The RRsets at a name, of whichever zone.
    pub(crate) fn rrsets(&self, name: Name, rtype: u16) -> impl Iterator<Item = &Rrset> {
        let rrsets = self.zones.iter().flat_map(|zone| &zone.rrsets);
        rrsets.filter(move |rrset| rrset.number == rtype && rrset.lower == name)
    }

    /// Where the RRsets are that servers can do without: zone and place.
    pub(crate) fn droppable(&self) -> Vec<(usize, usize)> {
        let is_needed = |zone: &Zone, rrset: &Rrset| {
            let apex = zone.rrsets.iter().find(|rrset| rrset.rtype == "NS" && rrset.owner == zone.apex);
            let is_server = apex.is_some_and(|ns| ns.contents.contains(&plain(&rrset.owner)));
            match rrset.rtype.as_str() {
                "SOA" | "NS" => rrset.owner == zone.apex,
                // BIND wants these.
                "A" | "AAAA" => is_server,
                _ => false,
            }
        };
        let zones = self.zones.iter().enumerate();
        zones
            .flat_map(|(at, zone)| zone.rrsets.iter().enumerate().map(move |(place, rrset)| (at, zone, place, rrset)))
            .filter(|(_, zone, _, rrset)| !is_needed(zone, rrset))
            .map(|(at, _, place, _)| (at, place))
            .collect()
    }

    /// The world without these RRsets.
    pub(crate) fn without(&self, dropped: &[(usize, usize)]) -> World {
        let mut world = self.clone();
        for (at, zone) in world.zones.iter_mut().enumerate() {
            let mut place = 0;
            zone.rrsets.retain(|_| {
                place += 1;
                !dropped.contains(&(at, place - 1))
            });
        }
        world
    }

    /// What the zones say about a name, as far as it explains what peers do.
    pub(crate) fn facts(&self, name: &Name) -> Facts<'_> {
        let name = name.to_lowercase();
        self.facts_in(self.zone_of(&name), name)
    }

    /// The same, where DS is asked of an apex: what the zone above says.
    pub(crate) fn facts_above(&self, apex: &Name) -> Facts<'_> {
        let above = apex.parent().and_then(|parent| self.zone_of(&parent));
        self.facts_in(above, apex.to_lowercase())
    }

    fn facts_in<'w>(&'w self, zone: Option<&'w Zone>, name: Name) -> Facts<'w> {
        let is_there = |zone: &Zone, name: &Name| zone.rrsets.iter().any(|rrset| rrset.lower.is_under(name));
        let exists = zone.is_some_and(|zone| is_there(zone, &name));
        let encloser = zone.and_then(|zone| ancestors(&name).find(|above| is_there(zone, above)));
        let wildcard = encloser
            .as_ref()
            .and_then(|encloser| encloser.child(b"*").ok())
            .filter(|wildcard| !exists && zone.is_some_and(|zone| is_there(zone, wildcard)));
        let next_closer = ancestors(&name).chain([name.clone()]).min_by_key(|at| match &encloser {
            Some(encloser) if at.is_under(encloser) && at != encloser => at.label_count(),
            _ => usize::MAX,
        });
        // NSD has one tree for all zones, and for names in RDATA.
        let occluded = encloser.as_ref().and_then(|encloser| encloser.child(b"*").ok());
        let is_in_another_zone = !exists
            && ancestors(&name).chain([name.clone()]).chain(occluded).any(|name| {
                zone.is_some_and(|zone| name.is_under(&zone.apex) && !is_there(zone, &name))
                    && self.zones.iter().any(|zone| is_there(zone, &name) || zone.mentions(&name))
            });
        Facts { zone, exists, encloser, wildcard, next_closer: next_closer.unwrap_or(name), is_in_another_zone }
    }

    /// The zone with the longest apex above or at `name`.
    pub(crate) fn zone_of(&self, name: &Name) -> Option<&Zone> {
        let above = self.zones.iter().filter(|zone| name.is_under(&zone.apex));
        above.max_by_key(|zone| zone.apex.label_count())
    }
}

impl Denial {
    pub(crate) fn is_opt_out(&self) -> bool {
        matches!(self, Denial::Nsec3 { opt_out: true, .. })
    }
}

impl Zone {
    /// Owners of NS below the apex.
    pub(crate) fn cuts(&self) -> Vec<Name> {
        let is_cut = |rrset: &&Rrset| rrset.rtype == "NS" && rrset.owner != self.apex;
        self.rrsets.iter().filter(is_cut).map(|rrset| rrset.lower.clone()).collect()
    }

    /// Whether a name at or below `name` stands in a record's data.
    fn mentions(&self, name: &Name) -> bool {
        self.rrsets.iter().flat_map(|rrset| &rrset.mentions).any(|other| other.is_under(name))
    }

    /// Whether insecure delegations are left out of its chain (RFC 5155 section 6).
    pub(crate) fn is_opt_out(&self) -> bool {
        matches!(&self.mode, Mode::Ours(denial) | Mode::Presigned(denial) if denial.is_opt_out())
    }

    fn has_nsec3(&self) -> bool {
        matches!(self.mode, Mode::Ours(Denial::Nsec3 { .. }) | Mode::Presigned(Denial::Nsec3 { .. }))
    }

    /// Whether the zone ends at a name: there is a cut, and nothing above it occludes it.
    pub(crate) fn delegates(&self, name: &Name) -> bool {
        let is_above = |other: &Name| name != other && name.is_under(other);
        let cuts = self.cuts();
        cuts.contains(name) && !cuts.iter().any(is_above) && !self.dnames().into_iter().any(is_above)
    }

    /// Whether a DNAME occludes the name.
    pub(crate) fn is_below_dname(&self, name: &Name) -> bool {
        self.dnames().iter().any(|&dname| name != dname && name.is_under(dname))
    }

    /// Owners of DNAME.
    fn dnames(&self) -> Vec<&Name> {
        self.rrsets.iter().filter(|rrset| rrset.rtype == "DNAME").map(|rrset| &rrset.owner).collect()
    }

    /// The zone as a master file (RFC 1035 section 5), SOA first.
    pub(crate) fn text(&self) -> String {
        self.rrsets.iter().map(Rrset::to_string).collect()
    }

    /// The same without what stands below a DNAME, which has no effect (RFC 6672 section 2.4): NSD refuses it, and Knot answers
    /// from it.
    pub(crate) fn text_without_occluded(&self) -> String {
        let dnames: Vec<&Name> =
            self.rrsets.iter().filter(|rrset| rrset.rtype == "DNAME").map(|rrset| &rrset.owner).collect();
        let is_below = |rrset: &&Rrset| {
            dnames.iter().any(|&dname| rrset.owner.is_under(dname) && rrset.owner.label_count() > dname.label_count())
        };
        self.rrsets.iter().filter(|rrset| !is_below(rrset)).map(Rrset::to_string).collect()
    }
}

impl Rrset {
    /// An RRset of these contents.
    pub(crate) fn new(owner: &Name, ttl: u32, rtype: &str, contents: Vec<String>) -> Rrset {
        let number = rtype.parse::<RecordType>().expect("worlds have types that have names");
        let rdata = |content: &String| {
            let rdata = wire::rdata::parse(number, content, None).expect("contents are drawn as they should be");
            lower_rdata(number.0, &rdata).expect("it was made of them")
        };
        let words = contents.iter().flat_map(|content| content.split(' ')).filter(|word| word.ends_with('.'));
        Rrset {
            lower: owner.to_lowercase(),
            number: number.0,
            rdatas: contents.iter().map(rdata).collect(),
            mentions: words.filter_map(|word| Name::parse(word).ok()).map(|name| name.to_lowercase()).collect(),
            owner: owner.clone(),
            ttl,
            rtype: rtype.to_owned(),
            contents,
        }
    }

    /// Whether this is one of its records, whatever its owner.
    pub(crate) fn has(&self, record: &Record) -> bool {
        self.number == record.rtype && self.ttl == record.ttl && self.rdatas.contains(&record.rdata)
    }
}

impl fmt::Display for Rrset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rrset { owner, ttl, rtype, contents, .. } = self;
        let owner = plain(owner);
        contents.iter().try_for_each(|content| writeln!(f, "{owner} {ttl} IN {rtype} {content}"))
    }
}
