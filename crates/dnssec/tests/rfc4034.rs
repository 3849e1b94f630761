//! RFC 4034: keys that we make, and the canonical order of what is signed.

use dnssec::{Algorithm, ZoneKey};
use wire::RecordType;
use zone::Rrset;

#[test]
fn section_2_1_keys_are_zone_keys_of_protocol_3() {
    for (flags, is_entry_point) in [(256, false), (257, true)] {
        let isc = ZoneKey::generate(Algorithm::EcdsaP256Sha256).unwrap();
        let key = ZoneKey::from_isc(&isc, flags).unwrap();
        // Flags, protocol, algorithm, and a point of 64 octets (RFC 6605 section 4).
        assert_eq!(key.dnskey()[..4], [1, u8::from(is_entry_point), 3, 13]);
        assert_eq!((key.dnskey().len(), key.is_entry_point()), (68, is_entry_point));
    }
    // Bit 7 is clear, reserved bits are set, and the key has been revoked (RFC 5011): none may sign a zone.
    for flags in [0, 1, 258, 0x8100, 384, 385] {
        let isc = ZoneKey::generate(Algorithm::EcdsaP256Sha256).unwrap();
        assert!(ZoneKey::from_isc(&isc, flags).is_err(), "flags {flags}");
    }
}

#[test]
fn section_6_3_records_are_sorted_by_their_data_and_stand_there_once() {
    let rdatas: [&[u8]; 6] = [&[2], &[1, 0], &[1], &[], &[1, 0], &[0xff, 0]];
    let rrset = Rrset::new(RecordType(65_280), 60, rdatas.iter().map(|rdata| rdata.to_vec()).collect());
    let sorted: Vec<&[u8]> = rrset.rdatas().collect();
    // Absence of an octet sorts before a zero octet.
    assert_eq!(sorted, [&[][..], &[1], &[1, 0], &[2], &[0xff, 0]]);
}
