//! The zones that fuzzed messages are answered from: every kind of node, under NSEC3, under NSEC, unsigned, and a child beside its
//! parent.

use dnssec::signer::KeyInUse;
use dnssec::{Algorithm, ServedZone, SigningPolicy, ZoneKey, ZoneSigner, ZoneTable};
use std::sync::{Arc, LazyLock};
use wire::{Name, RecordType};
use zone::{DenialMode, Nsec3Params, ZoneBuilder};

/// Any time will do; signatures are made around it.
pub const NOW: u32 = 1_800_000_000;

/// The apexes, as wire format in lower case.
pub const APEXES: &[&[u8]] = &[b"\x07example\0", b"\x05other\0", b"\x05plain\0", b"\x03sub\x07example\0"];

/// All zones.
pub static ZONES: LazyLock<Arc<ZoneTable>> = LazyLock::new(|| {
    let table = ZoneTable::new();
    table.put(zone("example.", DenialMode::Nsec3(Nsec3Params::default())));
    table.put(zone("other.", DenialMode::Nsec));
    table.put(zone("plain.", DenialMode::Unsigned));
    table.put(zone("sub.example.", DenialMode::Nsec));
    table
});

/// What stands in each zone, `@` for its apex.
const TEXT: &str = "\
    @ 60 SOA ns.@ hostmaster.@ 1 10800 3600 604800 60\n@ 60 NS ns.@\n@ 60 MX 10 ns.@\nns.@ 60 A 192.0.2.1\n\
    ns.@ 60 AAAA 2001:db8::53\nalias.@ 60 CNAME ns.@\nloop.@ 60 CNAME loop2.@\nloop2.@ 60 CNAME loop.@\n\
    moved.@ 60 DNAME other.\n*.wild.@ 60 TXT \"x\"\n*.c.@ 60 CNAME ns.@\na.b.c.ent.@ 60 A 192.0.2.2\ncut.@ 60 NS ns.cut.@\n\
    ns.cut.@ 60 AAAA 2001:db8::1\nsecure.@ 60 NS ns.@\n\
    secure.@ 60 DS 1 13 2 abababababababababababababababababababababababababababababababab\n\
    sub.@ 60 NS ns.sub.@\n_tcp.@ 60 SRV 0 0 53 ns.@\nx.@ 60 HTTPS 1 . alpn=h2 port=443\n\\000.@ 60 TYPE65280 \\# 2 0001\n\
    \\255\\..@ 60 LUA A \"return 1\"\nb.@ 60 ALIAS ns.@\n";

fn zone(apex: &str, denial: DenialMode) -> ServedZone {
    let name = |text: &str| Name::parse(text).expect("the text above has names");
    let mut builder = ZoneBuilder::new(name(apex), denial.clone());
    let mut text = TEXT.replace('@', apex);
    for number in 0..60 {
        text.push_str(&format!("many.{apex} 60 A 198.51.100.{number}\n"));
    }
    text.push_str(&format!("long.{apex} 60 TXT {}\n", format!("\"{}\" ", "l".repeat(200)).repeat(20)));
    for line in text.lines() {
        let fields: Vec<&str> = line.splitn(4, ' ').collect();
        let rtype: RecordType = fields[2].parse().expect("the text above has types");
        let rdata = wire::content::to_wire(rtype, fields[3].trim(), None);
        let rdata = match rtype {
            RecordType::MX | RecordType::SRV => {
                wire::rdata::parse(rtype, fields[3], None).expect("the text above has data")
            }
            _ => rdata.expect("the text above has data"),
        };
        builder.add(&name(fields[0]), rtype, 60, &rdata);
    }
    if denial == DenialMode::Unsigned {
        return ServedZone::new(Arc::new(builder.finish().expect("the text above has a SOA")), None);
    }
    let isc = ZoneKey::generate(Algorithm::EcdsaP256Sha256).expect("the system has random numbers");
    let key = Arc::new(ZoneKey::from_isc(&isc, 257).expect("a key just made"));
    let keys = vec![KeyInUse { key, active: true, published: true }];
    let signer = Arc::new(ZoneSigner::new(name(apex), keys, SigningPolicy::default()));
    builder.set_apex(signer.dnskey_rrset(3600).expect("a signer has keys"));
    ServedZone::new(Arc::new(builder.finish().expect("the text above has a SOA")), Some(signer))
}
