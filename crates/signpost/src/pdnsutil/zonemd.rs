//! zonemd-verify-file: whether a master file is as whole as its ZONEMD says (RFC 8976).

use std::collections::BTreeMap;

use ring::digest::{Context, SHA384, SHA512};
use wire::zonefile::{self, ZoneFileRecord};
use wire::{Name, RecordType, content, rdata};

use super::output::{Failure, Outcome, Output};
use super::{Tool, load};

/// The one scheme there is, SIMPLE (RFC 8976 section 3.3.1).
const SCHEME_SIMPLE: u8 = 1;
/// Serial, scheme and hash algorithm stand before the digest.
const HEAD_OCTETS: usize = 6;
/// TTL of records that have none: as in the zone's transfers, it is part of the digest.
const TTL_DEFAULT: u32 = 3600;
const CLASS_IN: u16 = 1;

/// `ZONE FILE`.
pub(super) fn verify_file(output: &mut Output, parameters: &[String]) -> Outcome {
    let (zone, file) = (Tool::zone_name(&parameters[0])?, &parameters[1]);
    let records = zonefile::parse(&load::read(file)?, zone.apex(), TTL_DEFAULT)
        .map_err(|error| Failure::Said(format!("Error: {file}: {error}")))?;
    match verify(zone.apex(), records)? {
        Verdict::Matches => {
            output.data("zonemd-verify-file: Verification of ZONEMD record succeeded");
            Ok(())
        }
        Verdict::Differs => Err(Failure::said("zonemd-verify-file: Verification of ZONEMD record(s) failed")),
        Verdict::NothingToVerify => {
            Err(Failure::said("zonemd-verify-file: No suitable ZONEMD record found to verify against"))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// One of the ZONEMD records has the zone's digest: that is enough (RFC 8976 section 4).
    Matches,
    /// Some could be verified, and none has it.
    Differs,
    /// None is of the SOA's serial with a scheme and hash that are known, and alone in that.
    NothingToVerify,
}

/// Where a record stands in the digest: its owner's labels from the root, its type, its RDATA in canonical form (section 3.3.1).
type Place = (Vec<Vec<u8>>, u16, Vec<u8>);

/// Steps 2 to 5 of RFC 8976 section 4; whether the zone validates is not asked of a file.
fn verify(apex: &Name, records: Vec<ZoneFileRecord>) -> Result<Verdict, Failure> {
    // Each record once, whole and in canonical form.
    let mut hashed: BTreeMap<Place, Vec<u8>> = BTreeMap::new();
    let (mut soa_serial, mut zonemds) = (None, Vec::new());
    for record in records {
        let owner = record.name.to_lowercase();
        // What is outside of the zone does not count (section 3.3.1.1).
        if !owner.is_under(apex) {
            continue;
        }
        let refused = |error| Failure::Said(format!("Error: {} {}: {error}", owner.to_dotless(), record.rtype));
        let wire =
            content::to_wire(record.rtype, &record.content.stored, Some(record.content.prio)).map_err(refused)?;
        let wire = rdata::canonical(record.rtype, &wire).into_owned();
        let is_apex = owner == *apex;
        match record.rtype {
            RecordType::SOA if is_apex => soa_serial = serial(&wire),
            RecordType::ZONEMD if is_apex => {
                zonemds.push(wire);
                continue;
            }
            RecordType::RRSIG if is_apex && wire.starts_with(&RecordType::ZONEMD.0.to_be_bytes()) => continue,
            _ => {}
        }
        let whole = whole(&owner, record.rtype, record.ttl, &wire)?;
        let mut labels: Vec<Vec<u8>> = owner.labels().map(<[u8]>::to_vec).collect();
        labels.reverse();
        hashed.insert((labels, record.rtype.0, wire), whole);
    }
    let serial = soa_serial.ok_or_else(|| Failure::said("zonemd-verify-file: Zone has no SOA"))?;
    zonemds.retain(|zonemd| zonemd.len() > HEAD_OCTETS && zonemd[..4] == serial);
    let mut verdict = Verdict::NothingToVerify;
    for zonemd in &zonemds {
        let kind = &zonemd[4..HEAD_OCTETS];
        // Two of one scheme and hash are as good as none (section 4, step 4).
        let is_alone = zonemds.iter().filter(|other| other[4..HEAD_OCTETS] == *kind).count() == 1;
        let algorithm = match kind {
            [SCHEME_SIMPLE, 1] if is_alone => &SHA384,
            [SCHEME_SIMPLE, 2] if is_alone => &SHA512,
            _ => continue,
        };
        let mut context = Context::new(algorithm);
        hashed.values().for_each(|record| context.update(record));
        if context.finish().as_ref() == &zonemd[HEAD_OCTETS..] {
            return Ok(Verdict::Matches);
        }
        verdict = Verdict::Differs;
    }
    Ok(verdict)
}

/// The serial of a SOA's RDATA, which ends in five numbers of four octets.
fn serial(soa: &[u8]) -> Option<[u8; 4]> {
    soa[soa.len().checked_sub(20)?..][..4].try_into().ok()
}

/// `name | type | class | TTL | length | RDATA` (RFC 4034 section 6.2).
fn whole(owner: &Name, rtype: RecordType, ttl: u32, wire: &[u8]) -> Result<Vec<u8>, Failure> {
    let length = u16::try_from(wire.len())
        .map_err(|_| Failure::Said(format!("Error: {} {rtype} is longer than 65535 octets", owner.to_dotless())))?;
    let (rtype, class) = (rtype.0.to_be_bytes(), CLASS_IN.to_be_bytes());
    Ok([owner.as_wire(), &rtype, &class, &ttl.to_be_bytes(), &length.to_be_bytes(), wire].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8976 appendix A.1.
    const SIMPLE: &str = "example. 86400 IN SOA ns1 admin 2018031900 1800 900 604800 86400\n\
        @ 86400 IN NS ns1\n@ 86400 IN NS ns2\n\
        @ 86400 IN ZONEMD 2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c\n\
        ns1 3600 IN A 203.0.113.63\nns2 3600 IN AAAA 2001:db8::63\n";

    fn verdict(text: &str) -> Verdict {
        let apex = Name::parse("example.").unwrap();
        verify(&apex, zonefile::parse(text, &apex, TTL_DEFAULT).unwrap()).unwrap()
    }

    #[test]
    fn rfc8976_a_1_the_simple_zone_verifies_and_no_other() {
        assert_eq!(verdict(SIMPLE), Verdict::Matches);
        // Neither order nor case, nor what is outside of the zone or said twice, counts.
        let twice =
            SIMPLE.replace("@ 86400 IN NS ns1\n", "@ 86400 IN NS NS1\n@ 86400 IN NS ns1\nx.test. 1 IN A 192.0.2.1\n");
        assert_eq!(verdict(&twice), Verdict::Matches);
        for (of, to) in [("203.0.113.63", "203.0.113.64"), ("ns2 3600", "ns2 3601"), ("c680", "c681")] {
            assert_eq!(verdict(&SIMPLE.replace(of, to)), Verdict::Differs, "{of}");
        }
    }

    #[test]
    fn rfc8976_section_4_what_cannot_be_verified_is_told_apart() {
        for (of, to) in [("ZONEMD 2018031900", "ZONEMD 2018031901"), (" 1 1 c6", " 2 1 c6"), (" 1 1 c6", " 1 240 c6")] {
            assert_eq!(verdict(&SIMPLE.replace(of, to)), Verdict::NothingToVerify, "{to}");
        }
        // Two with SHA-384: none of them counts.
        let again = format!("{SIMPLE}@ 86400 IN ZONEMD 2018031900 1 1 {}\n", "ab".repeat(48));
        assert_eq!(verdict(&again), Verdict::NothingToVerify);
        // One of another hash that fails does no harm.
        let other = format!("{SIMPLE}@ 86400 IN ZONEMD 2018031900 1 2 {}\n", "ab".repeat(64));
        assert_eq!(verdict(&other), Verdict::Matches);
        let apex = Name::parse("example.").unwrap();
        let records = zonefile::parse("@ 1 IN A 192.0.2.1\n", &apex, TTL_DEFAULT).unwrap();
        assert_eq!(verify(&apex, records).unwrap_err().to_string(), "zonemd-verify-file: Zone has no SOA");
    }
}
