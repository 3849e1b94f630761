//! How a zone is drawn: an apex, and then owners near those that are there, each for a purpose.

use crate::contents::{DATA_TYPES, content};
use crate::world::{Denial, Mode, Rrset, Zone};
use signpost_tests::peers::plain;
use signpost_tests::random::Random;
use std::collections::BTreeMap;
use wire::Name;

/// Labels that names are made of. Few, so that they meet; the odd ones sort, compare, print and hash oddly.
const LABELS: &[&[u8]] = &[
    b"a",
    b"a",
    b"b",
    b"b",
    b"c",
    b"*",
    b"*",
    b"A",
    b"www",
    b"ns",
    b"_tcp",
    b"-",
    b"~",
    b"0",
    b"\0",
    b"\x01",
    b" ",
    b"\xff",
    b".",
    b"a.b",
    b"*a",
    b"**",
    b"@",
    b"$a",
    b";",
    b"\"",
    b"\\",
    b"(",
    b"xn--bcher-kva",
    b"a\0",
    b"sixty-three-octets-are-the-most-that-a-label-may-have-no-more-o",
];

/// A label that no zone has.
const STRANGE_LABEL: &[u8] = b"nope";

/// A name drawn from the labels above, `depth` below `base`; shorter where it would be too long.
pub(crate) fn below(random: &mut Random, base: &Name, depth: usize) -> Name {
    (0..depth).fold(base.clone(), |name, _| name.child(label(random)).unwrap_or(name))
}

/// One of the labels, or one that nobody has.
pub(crate) fn label(random: &mut Random) -> &'static [u8] {
    let label = if random.chance(8) { STRANGE_LABEL } else { *random.pick(LABELS) };
    // Few, since Knot is not asked about zones that have them.
    if label.contains(&0) && random.chance(85) { b"z" } else { label }
}

/// A zone on its way.
pub(crate) struct Draft<'r> {
    random: &'r mut Random,
    apex: Name,
    /// Owners in lower case, in the order they came.
    owners: Vec<Name>,
    rrsets: BTreeMap<(Name, String), Rrset>,
    is_presigned: bool,
}

/// What an owner is made for.
#[derive(Clone, Copy)]
enum Plan {
    Data,
    Cname,
    Loop,
    Dname,
    Cut,
    /// Data below names that have none.
    Deep,
    /// A name near 255 octets.
    Long,
}

impl Draft<'_> {
    /// Draws the zone at `apex`.
    pub(crate) fn zone(random: &mut Random, apex: &Name, mode: Mode) -> Zone {
        let is_presigned = matches!(mode, Mode::Presigned(_));
        let apex = apex.clone();
        let mut draft =
            Draft { random, apex: apex.clone(), owners: vec![apex.clone()], rrsets: BTreeMap::new(), is_presigned };
        draft.apex_rrsets();
        for _ in 0..6 + draft.random.below(20) {
            let plan = draft.random.weighted(&[
                (40, Plan::Data),
                (14, Plan::Cname),
                (3, Plan::Loop),
                (10, Plan::Dname),
                (17, Plan::Cut),
                (8, Plan::Deep),
                (2, Plan::Long),
            ]);
            draft.carry_out(plan);
        }
        let mut rrsets: Vec<Rrset> = draft.rrsets.into_values().collect();
        rrsets.sort_by_key(|rrset| rrset.rtype != "SOA");
        Zone { apex, mode, rrsets }
    }

    fn apex_rrsets(&mut self) {
        let apex = self.apex.clone();
        let minimum = *self.random.pick(&[0, 5, 300, 86_400]);
        let soa = format!("ns.{0} hostmaster.{0} 1 7200 3600 604800 {minimum}", suffix(&apex));
        self.put_contents(&apex, "SOA", vec![soa]);
        // Nothing is outside the root zone.
        let has_dname = self.random.chance(8) && !apex.is_root();
        if has_dname {
            self.put(&apex, "DNAME", 1);
        }
        // BIND wants addresses of an apex's servers, and wants them outside where a DNAME occludes them.
        let outside = Name::parse("ns.outside.invalid.").expect("a name");
        let servers: Vec<Name> = ["ns", "ns1", "*", "a"][..1 + self.random.below(4)]
            .iter()
            .map(|label| match has_dname || self.random.chance(20) && !apex.is_root() {
                true => outside.clone(),
                false => apex.child(label.as_bytes()).expect("an apex is short"),
            })
            .collect();
        self.put_contents(&apex, "NS", servers.iter().map(plain).collect());
        for server in servers.iter().filter(|server| **server != outside) {
            let rtype = *self.random.pick(&["A", "AAAA"]);
            self.put(server, rtype, 1);
        }
        for _ in 0..self.random.below(4) {
            let rtype = *self.random.pick(DATA_TYPES);
            self.put(&apex, rtype, 1);
        }
    }

    fn carry_out(&mut self, plan: Plan) {
        match plan {
            Plan::Data => {
                let owner = self.new_owner();
                self.data(&owner);
            }
            Plan::Cname => {
                let owner = self.new_owner();
                self.put(&owner, "CNAME", 1);
            }
            Plan::Loop => {
                let (first, second) = (self.new_owner(), self.new_owner());
                self.put_contents(&first, "CNAME", vec![plain(&second)]);
                self.put_contents(&second, "CNAME", vec![plain(&first)]);
            }
            Plan::Dname => self.dname(),
            Plan::Cut => self.cut(),
            Plan::Deep => {
                let base = self.random.pick(&self.owners).clone();
                let depth = 2 + self.random.below(3);
                let owner = below(self.random, &base, depth);
                self.data(&owner);
            }
            // dnssec-signzone wants room for a wildcard below each name.
            Plan::Long if self.is_presigned => {}
            Plan::Long => {
                let mut owner = self.random.pick(&self.owners).clone();
                while let Ok(longer) = owner.child(LABELS[LABELS.len() - 1]) {
                    owner = longer;
                }
                let room = 254_usize.saturating_sub(owner.as_wire().len());
                let label = vec![b'l'; room.saturating_sub(self.random.below(4)).min(63)];
                let owner = owner.child(&label).unwrap_or(owner);
                self.data(&owner);
            }
        }
    }

    /// A name near one that is there, half of the time a wildcard.
    fn new_owner(&mut self) -> Name {
        let base = self.random.pick(&self.owners).clone();
        let depth = self.random.weighted(&[(70, 1), (25, 2), (5, 3)]);
        let name = below(self.random, &base, depth);
        if self.random.chance(25) { name.child(b"*").unwrap_or(name) } else { name }
    }

    fn data(&mut self, owner: &Name) {
        for _ in 0..1 + self.random.below(3) {
            let rtype = *self.random.pick(DATA_TYPES);
            let records = 1 + self.random.below(3);
            self.put(owner, rtype, records);
        }
    }

    /// DNAME, with what RFC 6672 section 2.4 forbids below it.
    fn dname(&mut self) {
        let owner = self.new_owner();
        // What a DNAME at a wildcard means is left open (RFC 4592 section 4.4), and at a cut there is none (RFC 6672 section 2.3).
        if self.has(&owner, "NS") || owner.is_wildcard() && self.random.chance(70) || owner == self.apex {
            return;
        }
        match self.random.below(8) {
            // Onto itself, and ever longer.
            0 => self.put_contents(&owner, "DNAME", vec![plain(&owner)]),
            1 => {
                let target = below(self.random, &owner, 1);
                self.put_contents(&owner, "DNAME", vec![plain(&target)]);
            }
            _ => self.put(&owner, "DNAME", 1),
        }
        if self.random.chance(40) {
            self.data(&owner);
        }
        if self.random.chance(30) {
            let below = below(self.random, &owner, 1);
            self.data(&below);
        }
    }

    fn cut(&mut self) {
        let owner = self.new_owner();
        // What NS at a wildcard means is left open (RFC 4592 section 4.2): BIND does not load it, NSD and Knot take it for a cut.
        if self.has(&owner, "DNAME") || owner.is_wildcard() || owner == self.apex {
            return;
        }
        self.name_servers(&owner);
        if self.random.chance(50) {
            let records = 1 + self.random.below(2);
            self.put(&owner, "DS", records);
        }
        // Occluded: addresses at the cut and data below.
        if self.random.chance(25) {
            self.data(&owner);
        }
        if self.random.chance(35) {
            let depth = 1 + self.random.below(2);
            let below = below(self.random, &owner, depth);
            self.data(&below);
        }
    }

    /// NS records for a cut, with glue or without.
    fn name_servers(&mut self, owner: &Name) {
        let servers: Vec<Name> = (0..1 + self.random.below(3))
            .map(|_| match self.random.below(3) {
                0 => self.target(),
                _ => {
                    let label = *self.random.pick(&["ns", "ns1", "a", "*"]);
                    owner.child(label.as_bytes()).unwrap_or_else(|_| owner.clone())
                }
            })
            .collect();
        self.put_contents(owner, "NS", servers.iter().map(plain).collect());
        for server in servers {
            if server.is_under(&self.apex) && self.random.chance(70) {
                for rtype in ["A", "AAAA"] {
                    if self.random.chance(70) {
                        let records = 1 + self.random.below(2);
                        self.put(&server, rtype, records);
                    }
                }
            }
        }
    }

    /// Somewhere: a name of the zone, one near it, one outside.
    fn target(&mut self) -> Name {
        let name = self.random.pick(&self.owners).clone();
        match self.random.below(20) {
            0..8 => name,
            8..15 => {
                let depth = 1 + self.random.below(2);
                below(self.random, &name, depth)
            }
            15..17 => name.parent().unwrap_or(name),
            17 => self.apex.clone(),
            18 => below(self.random, &Name::parse("outside.invalid.").expect("a name"), 1),
            _ => Name::root(),
        }
    }

    fn put(&mut self, owner: &Name, rtype: &str, records: usize) {
        let contents = (0..records)
            .map(|_| {
                let target = self.target();
                content(self.random, rtype, &target)
            })
            .collect();
        self.put_contents(owner, rtype, contents);
    }

    /// Adds an RRset, unless there is one, or a CNAME stands in the way (RFC 1034 section 3.6.2).
    fn put_contents(&mut self, owner: &Name, rtype: &str, mut contents: Vec<String>) {
        let lower = owner.to_lowercase();
        let is_alone = matches!(rtype, "CNAME");
        let has_other = self.rrsets.keys().any(|(name, other)| *name == lower && (is_alone || other == "CNAME"));
        let is_there = self.rrsets.contains_key(&(lower.clone(), rtype.to_owned()));
        let is_dname_at_cut = rtype == "NS" && lower != self.apex && self.has(&lower, "DNAME");
        // The column of PowerDNS's tables holds 255 characters, escapes counted.
        let is_too_long = lower.to_dotless().len() > 255;
        if has_other || is_there || is_dname_at_cut || is_too_long {
            return;
        }
        contents.sort();
        contents.dedup_by_key(|content| content.to_lowercase());
        let ttl = *self.random.pick(&[0, 60, 300, 3600, 86_400]);
        let rrset = Rrset::new(owner, ttl, rtype, contents);
        self.rrsets.insert((lower.clone(), rtype.to_owned()), rrset);
        if !self.owners.contains(&lower) {
            self.owners.push(lower);
        }
    }

    fn has(&self, owner: &Name, rtype: &str) -> bool {
        self.rrsets.contains_key(&(owner.to_lowercase(), rtype.to_owned()))
    }
}

/// How a zone is signed, if it is.
pub(crate) fn mode(random: &mut Random, is_signed: bool) -> Mode {
    if !is_signed {
        return Mode::Unsigned;
    }
    let is_presigned = random.chance(30);
    let salt: &&str = random.pick(&["-", "-", "ab", "00ff00ff00ff00ff"]);
    let denial = match random.below(3) {
        0 => Denial::Nsec,
        _ => Denial::Nsec3 { iterations: *random.pick(&[0, 0, 1, 10]), salt, opt_out: random.chance(25) },
    };
    if is_presigned { Mode::Presigned(denial) } else { Mode::Ours(denial) }
}

/// A name as the end of another one's text.
fn suffix(name: &Name) -> String {
    if name.is_root() { String::new() } else { plain(name) }
}
