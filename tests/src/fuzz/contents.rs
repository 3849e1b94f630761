//! Texts and data of records: contents of the API, master files, RDATA of anybody, parameters of SVCB, bodies of requests.

use hickory_proto::rr::{RData, RecordType as TheirType};
use hickory_proto::serialize::binary::{BinDecoder, BinEncodable, BinEncoder, Restrict};
use wire::{Name, RecordType, content};

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

/// A path of the API with its ids. A zone that an id names has one id, which names it again and needs no escape in a path.
pub fn api_path(data: &[u8]) {
    let path = String::from_utf8_lossy(data);
    for segment in api::open_segments(&path).unwrap_or_default() {
        let Ok(zone) = api::read_zone_id(&segment) else { continue };
        let id = api::zone_id_of(&zone);
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b".-=".contains(&octet);
        assert!(id.bytes().all(is_plain), "{segment:?} has the id {id:?}");
        assert_eq!(api::read_zone_id(&id).ok().as_ref(), Some(&zone), "{segment:?} has the id {id:?}");
    }
}

/// A body that External-DNS, or somebody else, sends to the webhook. What is adjusted is not adjusted again: else plans would never end.
pub fn webhook_json(data: &[u8]) {
    let Ok(adjusted) = api::read_webhook_body(data, vec![webhook_zone()]) else { return };
    if adjusted.is_empty() {
        return;
    }
    let again = api::read_webhook_body(&adjusted, vec![webhook_zone()]);
    assert_eq!(again.ok().as_ref(), Some(&adjusted), "{:?}", String::from_utf8_lossy(data));
}

fn webhook_zone() -> store::ZoneSummary {
    store::ZoneSummary {
        id: store::ZoneId(1),
        name: wire::ZoneName::parse("example.").expect("a name"),
        kind: store::ZoneKind::Native,
        masters: Vec::new(),
        account: String::new(),
        catalog: None,
        options: String::new(),
        last_check: 0,
        notified_serial: 0,
        serial: Some(1),
        is_secured: false,
        is_presigned: false,
        soa_edit: None,
        soa_edit_api: None,
        api_rectify: None,
        nsec3param: None,
        nsec3narrow: false,
    }
}

/// RDATA in wire format, of a transfer or an update. What is accepted is printed as text that means the same, has one canonical
/// form, and is what hickory-proto reads where it knows the type.
///
/// The first two octets are the type.
pub fn rdata_wire(data: &[u8]) {
    let Some((rtype, octets)) = data.split_first_chunk::<2>() else { return };
    let rtype = RecordType(u16::from_be_bytes(*rtype));
    let printed = wire::rdata::print(rtype, octets);
    assert_eq!(wire::rdata::check(rtype, octets).is_ok(), printed.is_ok(), "{rtype} {octets:02x?}");
    let canonical = wire::rdata::canonical(rtype, octets).into_owned();
    assert_eq!(canonical.len(), octets.len(), "{rtype} {octets:02x?}");
    assert_eq!(wire::rdata::canonical(rtype, &canonical), canonical, "{rtype} {octets:02x?}");
    let Ok(text) = printed else { return };
    let again = wire::rdata::parse(rtype, &text, None);
    if matches!(rtype, RecordType::APL | RecordType::WKS | RecordType::LOC) {
        // The same thing can be said in several ways, and is written in one: zeros at the end, bits beyond a prefix, zero times a
        // power of ten (RFC 3123 section 4, RFC 1035 section 3.4.2, RFC 1876 section 2).
        let shown = again.map(|again| wire::rdata::print(rtype, &again));
        assert_eq!(shown, Ok(Ok(text)), "{octets:02x?}");
        return;
    }
    assert_eq!(again.as_deref(), Ok(octets), "{rtype} is printed as {text:?}");
    // OPT is part of a message and never stored.
    let theirs = hickory_encodes(rtype, octets).filter(|_| !rtype.is_meta());
    if let Some(theirs) = theirs {
        assert_eq!(theirs, canonical, "{rtype} {text:?} is something else to hickory-proto");
    }
}

/// The canonical form that hickory-proto has for RDATA; `None` where it does not know the type, or refuses what it calls unusual.
fn hickory_encodes(rtype: RecordType, octets: &[u8]) -> Option<Vec<u8>> {
    let length = Restrict::new(u16::try_from(octets.len()).ok()?);
    let theirs = RData::read(&mut BinDecoder::new(octets), TheirType::from(rtype.0), length).ok()?;
    if matches!(theirs, RData::Unknown { .. }) {
        return None;
    }
    let mut encoded = Vec::new();
    let mut encoder = BinEncoder::new(&mut encoded);
    encoder.set_canonical_form(true);
    theirs.emit(&mut encoder).ok()?;
    Some(encoded)
}

/// Parameters of SVCB and HTTPS as text (RFC 9460 section 2.1). What is accepted is printed as text that means the same, and
/// hickory-proto reads what it means.
pub fn svcb_text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(octets) = wire::rdata::parse(RecordType::SVCB, &format!("1 . {text}"), None) else { return };
    let printed = wire::rdata::print(RecordType::SVCB, &octets).expect("what was parsed can be printed");
    let again = wire::rdata::parse(RecordType::SVCB, &printed, None);
    assert_eq!(again.as_ref(), Ok(&octets), "{text:?} is printed as {printed:?}");
    // What PowerDNS prints for it is what the API takes.
    let sent = content::from_api(RecordType::SVCB, &printed);
    assert_eq!(sent.map(|sent| sent.wire), Ok(octets.clone()), "{printed:?}");
    if let Some(theirs) = hickory_encodes(RecordType::SVCB, &octets) {
        assert_eq!(theirs, octets, "{printed:?} is something else to hickory-proto");
    }
}
