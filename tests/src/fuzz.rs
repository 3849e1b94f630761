//! Bodies of the fuzz targets, one for each parser that meets strangers.
//!
//! They are plain functions, so that a stable toolchain runs them too: over seeds and their mutations ([`Mutations`]), a
//! bounded number of times. `tests/fuzz/` wraps the same functions for libFuzzer. A body panics when a promise is broken.

use dataplane::Profile;
use dataplane::answer::{Asker, Desk, Outcome, Transport, respond};
use dataplane::tail::Refusal;
use dnssec::signer::KeyInUse;
use dnssec::{Algorithm, ServedZone, SigningPolicy, ZoneKey, ZoneSigner, ZoneTable};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use wire::{Name, RecordType, content};
use zone::{DenialMode, Nsec3Params, ZoneBuilder};

/// A target by name: its folder in `tests/fuzz/seeds/` is called the same.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] =
    &[("message", message), ("record_text", record_text), ("zone_file", zone_file), ("api_json", api_json)];

/// Any time will do; signatures are made around it.
const NOW: u32 = 1_800_000_000;

/// Two zones with every kind of node, one with NSEC3 and one with NSEC.
static ZONES: LazyLock<Arc<ZoneTable>> = LazyLock::new(|| {
    const TEXT: &str = "\
        @ 60 SOA ns.@ hostmaster.@ 1 10800 3600 604800 60\n@ 60 NS ns.@\n@ 60 MX 10 ns.@\nns.@ 60 A 192.0.2.1\n\
        alias.@ 60 CNAME ns.@\nloop.@ 60 CNAME loop2.@\nloop2.@ 60 CNAME loop.@\nmoved.@ 60 DNAME other.\n\
        *.wild.@ 60 TXT \"x\"\na.b.c.ent.@ 60 A 192.0.2.2\ncut.@ 60 NS ns.cut.@\nns.cut.@ 60 AAAA 2001:db8::1\n\
        secure.@ 60 NS ns.@\nsecure.@ 60 DS 1 13 2 abababababababababababababababababababababababababababababababab\n";
    let table = ZoneTable::new();
    table.put(signed_zone("example.", DenialMode::Nsec3(Nsec3Params::default()), TEXT));
    table.put(signed_zone("other.", DenialMode::Nsec, TEXT));
    table
});

fn signed_zone(apex: &str, denial: DenialMode, text: &str) -> ServedZone {
    let name = |text: &str| Name::parse(text).expect("the text above has names");
    let mut builder = ZoneBuilder::new(name(apex), denial);
    for line in text.replace("@", apex).replace("..", ".").lines() {
        let fields: Vec<&str> = line.splitn(4, ' ').collect();
        let rtype: RecordType = fields[2].parse().expect("the text above has types");
        let rdata = wire::rdata::parse(rtype, fields[3], None).expect("the text above has data");
        builder.add(&name(fields[0]), rtype, 60, &rdata);
    }
    let isc = ZoneKey::generate(Algorithm::EcdsaP256Sha256).expect("the system has random numbers");
    let key = Arc::new(ZoneKey::from_isc(&isc, 257).expect("a key just made"));
    let keys = vec![KeyInUse { key, active: true, published: true }];
    let signer = Arc::new(ZoneSigner::new(name(apex), keys, SigningPolicy::default()));
    builder.set_apex(signer.dnskey_rrset(3600).expect("a signer has keys"));
    ServedZone { zone: Arc::new(builder.finish().expect("the text above has a SOA")), signer: Some(signer) }
}

/// A DNS message from anybody. Whatever it is, the reply is none or one that hickory-proto decodes, within its limit.
///
/// The first octet chooses the transport.
pub fn message(data: &[u8]) {
    let Some((choice, message)) = data.split_first() else { return };
    let transport = match choice % 4 {
        0 => Transport::Udp { payload_max: 512 },
        1 => Transport::Udp { payload_max: 1232 },
        2 => Transport::Udp { payload_max: 4096 },
        _ => Transport::Tcp,
    };
    let mut buffer = vec![0; 65_535];
    let view = ZONES.view();
    let desk = Desk { zones: &view, profile: &Profile::default() };
    let asker = Asker { address: IpAddr::V4(Ipv4Addr::LOCALHOST), transport };
    let Outcome::Reply(reply) = respond(desk, message, asker, NOW, &mut buffer) else { return };
    // A panic is caught per query and answered with SERVFAIL: here it counts.
    assert_ne!(reply.refusal, Some(Refusal::Internal), "a caught panic");
    let octets = &buffer[..reply.octets];
    if let Transport::Udp { payload_max } = transport {
        assert!(octets.len() <= usize::from(payload_max), "{} octets", octets.len());
    }
    assert_eq!(octets[..2], message[..2], "another id");
    crate::query::decode(octets);
}

/// A record's content from the API. What is accepted comes back as it was, in text and in wire format.
///
/// The first two octets are the type.
pub fn record_text(data: &[u8]) {
    let Some((rtype, text)) = data.split_first_chunk::<2>() else { return };
    let rtype = RecordType(u16::from_be_bytes(*rtype));
    let text = String::from_utf8_lossy(text);
    let Ok(first) = content::from_api(rtype, &text) else { return };
    assert!(wire::rdata::check(rtype, &first.wire).is_ok(), "{rtype} {text:?} is accepted and not valid");
    let wire = content::to_wire(rtype, &first.stored, Some(first.prio)).expect("what was accepted can be served");
    assert_eq!(wire, first.wire, "{rtype} {text:?} is served as something else");
    let shown = content::to_api(rtype, &first.stored, Some(first.prio)).expect("what was accepted can be shown");
    let again = content::from_api(rtype, &shown).unwrap_or_else(|error| panic!("{rtype} {shown:?}: {error}"));
    assert_eq!(again, first, "{rtype} {text:?} is shown as {shown:?}, which is something else");
}

/// A master file from a user.
pub fn zone_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let origin = Name::parse("example.").expect("a name");
    let Ok(records) = wire::zonefile::parse(&text, &origin, 3600) else { return };
    for record in records {
        assert!(record.ttl <= wire::zonefile::TTL_MAX);
        assert!(wire::rdata::check(record.rtype, &record.content.wire).is_ok(), "{record:?}");
    }
}

/// A body of the API: PATCH and PUT of a zone.
pub fn api_json(data: &[u8]) {
    let zone = Name::parse("example.").expect("a name");
    // A DELETE may name anything, to clean up; both end in a list or an error, and never in a panic.
    let _ = api::read_patch_body(data, &zone);
    let _ = api::read_put_body(data, &zone);
}

/// Endless mutations of one seed, the same for the same number.
#[derive(Debug)]
pub struct Mutations<'s> {
    seed: &'s [u8],
    state: u64,
}

impl<'s> Mutations<'s> {
    /// Mutations of `seed`, drawn from `number`.
    pub fn new(seed: &'s [u8], number: u64) -> Mutations<'s> {
        Mutations { seed, state: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    fn draw(&mut self, below: usize) -> usize {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        /// What parsers treat specially.
        const SPECIAL: &[u8] = b"\0\x01\xff\x3f\x40\xc0\x80\"\\;()@$.*{}[]:,-0129 \t\n";
        let mut data = self.seed.to_vec();
        for _ in 0..=self.draw(4) {
            let at = self.draw(data.len());
            match self.draw(7) {
                0 if !data.is_empty() => data[at] ^= 1 << self.draw(8),
                1 if !data.is_empty() => data[at] = SPECIAL[self.draw(SPECIAL.len())],
                2 => data.insert(at, SPECIAL[self.draw(SPECIAL.len())]),
                3 if !data.is_empty() => drop(data.remove(at)),
                4 => data.truncate(at),
                5 => {
                    // A piece doubled: repeated labels, quotes, brackets.
                    let end = (at + self.draw(40)).min(data.len());
                    let piece = data[at..end].to_vec();
                    data.splice(at..at, piece);
                }
                _ => data.extend((0..self.draw(9)).map(|_| SPECIAL[self.draw(SPECIAL.len())]).collect::<Vec<u8>>()),
            }
        }
        Some(data)
    }
}
