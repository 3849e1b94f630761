//! A snapshot answers as the RFCs want, and an edited one equals one built afresh.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wire::{Name, RecordType};
use zone::nsec3hash::{nsec3_hash, nsec3_hash_wire};
use zone::{DenialMode, Found, Nsec3Params, Rrset, Signatures, Zone, ZoneBuilder, ZoneEditor};

const SOA: &[u8] =
    b"\x02ns\x07example\0\x04host\x07example\0\0\0\0\x07\0\0\x0e\x10\0\0\x0e\x10\0\x01\x51\x80\0\0\x01\x2c";
const APEX: &str = "example";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn rrset(rtype: RecordType, rdata: &[u8]) -> Rrset {
    Rrset::new(rtype, 3600, vec![rdata.to_vec()])
}

fn build(mode: DenialMode, records: &[(&str, RecordType, &[u8])]) -> Arc<Zone> {
    let mut builder = ZoneBuilder::new(name(APEX), mode);
    builder.add(&name(APEX), RecordType::SOA, 3600, SOA);
    builder.add(&name(APEX), RecordType::NS, 3600, name("ns.example").as_wire());
    for (owner, rtype, rdata) in records {
        builder.add(&name(owner), *rtype, 3600, rdata);
    }
    Arc::new(builder.finish().unwrap())
}

const A: (RecordType, &[u8]) = (RecordType::A, &[192, 0, 2, 1]);

/// The zone of RFC 4592 section 2.2.1.
fn rfc4592() -> Arc<Zone> {
    build(
        DenialMode::Nsec3(Nsec3Params::default()),
        &[
            ("*.example", RecordType::TXT, b"\x01t"),
            ("*.example", RecordType::MX, b"\0\x0a\x05host1\x07example\0"),
            ("sub.*.example", RecordType::TXT, b"\x01t"),
            ("host1.example", A.0, A.1),
            ("_ssh._tcp.host1.example", RecordType::SRV, b"\0\0\0\0\0\x16\x05host1\x07example\0"),
            ("subdel.example", RecordType::NS, b"\x02ns\x07example\x03com\0"),
        ],
    )
}

fn describe(found: Found<'_>) -> String {
    match found {
        Found::Answer { node, wildcard, .. } => format!("answer {} {}", node.name(), wildcard.is_some()),
        Found::Cname { node, .. } => format!("cname {}", node.name()),
        Found::Dname { node, .. } => format!("dname {}", node.name()),
        Found::NoData { node, wildcard } => format!("nodata {} {}", node.name(), wildcard.is_some()),
        Found::NameError { closest_encloser } => format!("nxdomain {}", closest_encloser.name()),
        Found::Referral { cut } => format!("referral {}", cut.name()),
        Found::Withheld { node, .. } => format!("withheld {}", node.name()),
    }
}

fn ask(zone: &Zone, qname: &str, rtype: RecordType) -> String {
    describe(zone.lookup(name(qname).to_lowercase().as_wire(), rtype))
}

#[test]
fn rfc4592_section_2_2_1_every_example() {
    let zone = rfc4592();
    assert_eq!(ask(&zone, "host3.example", RecordType::MX), "answer *.example. true");
    assert_eq!(ask(&zone, "host3.example", RecordType::A), "nodata *.example. true");
    assert_eq!(ask(&zone, "foo.bar.example", RecordType::TXT), "answer *.example. true");
    assert_eq!(ask(&zone, "host1.example", RecordType::MX), "nodata host1.example. false");
    assert_eq!(ask(&zone, "sub.*.example", RecordType::MX), "nodata sub.*.example. false");
    assert_eq!(ask(&zone, "_telnet._tcp.host1.example", RecordType::SRV), "nxdomain _tcp.host1.example.");
    assert_eq!(ask(&zone, "host.subdel.example", RecordType::A), "referral subdel.example.");
    assert_eq!(ask(&zone, "ghost.*.example", RecordType::MX), "nxdomain *.example.");
}

#[test]
fn empty_non_terminals_exist_and_ds_is_the_parents() {
    let zone = rfc4592();
    assert_eq!(ask(&zone, "_tcp.host1.example", RecordType::A), "nodata _tcp.host1.example. false");
    assert_eq!(ask(&zone, "subdel.example", RecordType::DS), "nodata subdel.example. false");
    assert_eq!(ask(&zone, "subdel.example", RecordType::NS), "referral subdel.example.");
    assert_eq!(ask(&zone, "EXAMPLE", RecordType::NS), "answer example. false");
}

#[test]
fn dname_and_cname_redirect() {
    let zone = build(
        DenialMode::Unsigned,
        &[
            ("d.example", RecordType::DNAME, b"\x01t\0"),
            ("x.d.example", A.0, A.1),
            ("c.example", RecordType::CNAME, b"\x01t\0"),
        ],
    );
    assert_eq!(ask(&zone, "x.d.example", RecordType::A), "dname d.example.");
    assert_eq!(ask(&zone, "d.example", RecordType::A), "nodata d.example. false");
    assert_eq!(ask(&zone, "c.example", RecordType::A), "cname c.example.");
    assert_eq!(ask(&zone, "c.example", RecordType::CNAME), "answer c.example. false");
}

#[test]
fn a_zone_without_soa_is_none() {
    let mut builder = ZoneBuilder::new(name(APEX), DenialMode::Nsec);
    builder.add(&name(APEX), RecordType::NS, 3600, name("ns.example").as_wire());
    builder.add(&name("elsewhere"), A.0, 1, A.1);
    assert_eq!(builder.ignored(), 1);
    builder.finish().unwrap_err();
    let zone = build(DenialMode::Nsec, &[]);
    let mut editor = ZoneEditor::new(&zone);
    editor.replace_name(&name(APEX), vec![rrset(RecordType::NS, b"\x01a\0")]);
    editor.finish().unwrap_err();
}

#[test]
fn numbers_come_from_the_soa() {
    let zone = build(DenialMode::Unsigned, &[]);
    assert_eq!((zone.serial(), zone.negative_ttl()), (7, 300));
}

#[test]
fn unchanged_rrsets_keep_their_signatures_and_the_old_snapshot_stays() {
    let zone = build(
        DenialMode::Nsec3(Nsec3Params::default()),
        &[("a.example", A.0, A.1), ("a.example", RecordType::TXT, b"\x01t")],
    );
    let signatures = Signatures { key_set: 1, refresh_at: 2, expires_at: 3, encoded: Box::new([]) };
    let owner = name("a.example");
    let node = Arc::clone(zone.node(owner.as_wire()).unwrap());
    for rrset in node.rrsets() {
        rrset.signatures().store(Arc::new(Signatures { encoded: Box::new([]), ..signatures }));
    }
    let mut editor = ZoneEditor::new(&zone);
    editor.replace_name(&owner, vec![rrset(A.0, A.1), rrset(RecordType::TXT, b"\x01u")]);
    let next = editor.finish().unwrap();
    let has =
        |zone: &Zone, rtype| zone.node(owner.as_wire()).unwrap().rrset(rtype).unwrap().signatures().load().is_some();
    assert!(has(&next, RecordType::A) && !has(&next, RecordType::TXT));
    assert!(has(&zone, RecordType::A) && has(&zone, RecordType::TXT));
}

#[test]
fn made_rrsets_replace_stored_ones_at_the_apex() {
    let zone = build(DenialMode::Nsec, &[(APEX, RecordType::DNSKEY, b"stored")]);
    let mut editor = ZoneEditor::new(&zone);
    editor.set_apex(RecordType::DNSKEY, Some(rrset(RecordType::DNSKEY, b"made")));
    let signed = Arc::new(editor.finish().unwrap());
    let mut editor = ZoneEditor::new(&signed);
    editor.replace_name(&name(APEX), vec![rrset(RecordType::SOA, SOA), rrset(RecordType::DNSKEY, b"stored again")]);
    let zone = editor.finish().unwrap();
    let dnskey = zone.apex_node().rrset(RecordType::DNSKEY).unwrap();
    assert_eq!(dnskey.rdatas().collect::<Vec<_>>(), [b"made"]);
    assert!(zone.apex_node().rrset(RecordType::NS).is_none());
}

/// All nodes and links of a snapshot, for comparison.
fn dump(zone: &Zone) -> BTreeSet<String> {
    let data = |rrset: &Rrset| format!("{} {} {:?}", rrset.rtype().0, rrset.ttl(), rrset.encoded());
    let nodes = zone.nodes().map(|node| {
        let rrsets: Vec<String> = node.rrsets().iter().map(|rrset| data(rrset)).collect();
        format!("{} {rrsets:?} {} {}", node.name(), node.has_wildcard_child(), node.is_cut())
    });
    let links = zone.denial_records().map(|(owner, rrset)| format!("{owner} {}", data(rrset)));
    nodes.chain(links).collect()
}

/// Follows the chain from its first link and returns how many there are before it closes.
fn chain_length(zone: &Zone) -> usize {
    let links: BTreeMap<Vec<u8>, Vec<u8>> = zone
        .denial_records()
        .map(|(owner, rrset)| {
            let rdata = rrset.rdatas().next().unwrap();
            let next = match rrset.rtype() {
                RecordType::NSEC => Name::split_wire(rdata).unwrap().0,
                _ => {
                    let hash: [u8; 20] = rdata[6..26].try_into().unwrap();
                    zone.apex().child(zone::nsec3hash::base32hex(&hash).as_bytes()).unwrap()
                }
            };
            (owner.as_wire().to_vec(), next.as_wire().to_vec())
        })
        .collect();
    let Some(first) = links.keys().next() else { return 0 };
    let mut at = first;
    let mut length = 0;
    loop {
        at = &links[at];
        length += 1;
        if at == first {
            assert_eq!(length, links.len(), "every link is on the one ring");
            return length;
        }
    }
}

fn some_name() -> impl Strategy<Value = String> {
    let label = prop::sample::select(vec!["a", "b", "*", "c"]);
    prop::collection::vec(label, 0..4).prop_map(|labels| {
        let mut labels: Vec<&str> = labels;
        labels.push(APEX);
        labels.join(".")
    })
}

fn some_data() -> impl Strategy<Value = Vec<(RecordType, Vec<u8>)>> {
    let choices = vec![
        (RecordType::A, vec![192, 0, 2, 1]),
        (RecordType::TXT, b"\x01t".to_vec()),
        (RecordType::NS, b"\x01n\0".to_vec()),
        (RecordType::DS, vec![0, 1, 13, 2, 9]),
        (RecordType::DNAME, b"\x01t\0".to_vec()),
    ];
    prop::sample::subsequence(choices, 0..3)
}

fn opt_out() -> DenialMode {
    DenialMode::Nsec3(Nsec3Params { opt_out: true, ..Nsec3Params::default() })
}

type Data = BTreeMap<String, Vec<(RecordType, Vec<u8>)>>;

fn built_afresh(mode: &DenialMode, data: &Data) -> Zone {
    let mut builder = ZoneBuilder::new(name(APEX), mode.clone());
    builder.add(&name(APEX), RecordType::SOA, 3600, SOA);
    for (owner, rrsets) in data {
        for (rtype, rdata) in rrsets {
            builder.add(&name(owner), *rtype, 3600, rdata);
        }
    }
    builder.finish().unwrap()
}

proptest! {
    #[test]
    fn old_snapshot_and_change_equal_the_new_snapshot(
        mode in prop::sample::select(vec![DenialMode::Unsigned, DenialMode::Nsec, DenialMode::Nsec3(Nsec3Params::default()), opt_out()]),
        start in prop::collection::btree_map(some_name(), some_data(), 0..12),
        changes in prop::collection::vec(prop::collection::vec((some_name(), some_data()), 1..4), 1..8),
    ) {
        let mut data: Data = start;
        let mut zone = Arc::new(built_afresh(&mode, &data));
        for change in changes {
            let mut editor = ZoneEditor::new(&zone);
            for (owner, rrsets) in change {
                let mut new: Vec<Rrset> = rrsets.iter().map(|(rtype, rdata)| rrset(*rtype, rdata)).collect();
                if owner == APEX {
                    new.push(rrset(RecordType::SOA, SOA));
                }
                editor.replace_name(&name(&owner), new);
                data.insert(owner, rrsets);
            }
            zone = Arc::new(editor.finish().unwrap());
            let fresh = built_afresh(&mode, &data);
            prop_assert_eq!(dump(&zone), dump(&fresh));
            prop_assert_eq!(zone.rrset_count(), fresh.rrset_count());
            prop_assert_eq!(zone.name_count(), fresh.name_count());
            chain_length(&zone);
        }
    }
}

/// Hashes of the chain, as owner names.
fn hashed<'n>(names: impl IntoIterator<Item = &'n str>) -> BTreeSet<Name> {
    let hash = |text| zone::nsec3hash::base32hex(&nsec3_hash(&name(text), &Nsec3Params::default()));
    names.into_iter().map(|text| name(APEX).child(hash(text).as_bytes()).unwrap()).collect()
}

/// RFC 5155 sections 6 and 7.1.
#[test]
fn opt_out_leaves_out_insecure_delegations_and_what_leads_only_to_them() {
    let ns: (RecordType, &[u8]) = (RecordType::NS, b"\x01n\0");
    let ds: (RecordType, &[u8]) = (RecordType::DS, &[0, 1, 13, 2, 9]);
    let zone = build(
        opt_out(),
        &[
            ("insecure.example", ns.0, ns.1),
            ("glue.insecure.example", A.0, A.1),
            ("a.deep.er.example", ns.0, ns.1),
            ("b.deep.er.example", ns.0, ns.1),
            ("secure.example", ns.0, ns.1),
            ("secure.example", ds.0, ds.1),
            ("data.ent.example", A.0, A.1),
            ("insecure.ent.example", ns.0, ns.1),
        ],
    );
    let mut chained = vec![APEX, "secure.example", "ent.example", "data.ent.example"];
    let owners = |zone: &Zone| zone.denial_records().map(|(owner, _)| owner).collect::<BTreeSet<Name>>();
    assert_eq!(owners(&zone), hashed(chained.clone()));
    assert!(zone.denial_records().all(|(_, rrset)| rrset.rdatas().next().unwrap()[1] == 1), "the flag is in each");
    // A DS comes to one of the deep ones, and its empty non-terminals come with it; they go with it again.
    let mut editor = ZoneEditor::new(&zone);
    editor.replace_name(&name("b.deep.er.example"), vec![rrset(ns.0, ns.1), rrset(ds.0, ds.1)]);
    let secured = Arc::new(editor.finish().unwrap());
    chained.extend(["er.example", "deep.er.example", "b.deep.er.example"]);
    assert_eq!(owners(&secured), hashed(chained.clone()));
    let mut editor = ZoneEditor::new(&secured);
    editor.replace_name(&name("b.deep.er.example"), vec![rrset(ns.0, ns.1)]);
    assert_eq!(owners(&editor.finish().unwrap()), owners(&zone));
    // The same where the name goes for good, and where one delegation of two under a name is left.
    let mut editor = ZoneEditor::new(&secured);
    editor.replace_name(&name("b.deep.er.example"), Vec::new());
    editor.replace_name(&name("data.ent.example"), Vec::new());
    assert_eq!(owners(&editor.finish().unwrap()), hashed([APEX, "secure.example"]));
}

#[test]
fn a_large_zone_finds_every_link() {
    let mut builder = ZoneBuilder::new(name(APEX), DenialMode::Nsec3(Nsec3Params::default()));
    builder.add(&name(APEX), RecordType::SOA, 3600, SOA);
    for n in 0..20_000 {
        builder.add(&name(&format!("host{n}.example")), A.0, 60, A.1);
    }
    let zone = builder.finish().unwrap();
    assert_eq!(chain_length(&zone), 20_001);
    let params = Nsec3Params::default();
    for node in zone.nodes() {
        assert!(zone.nsec3_matching(&nsec3_hash(node.name(), &params)).is_some());
    }
    for n in 0..1000 {
        let hash = nsec3_hash_wire(name(&format!("nope{n}.example")).as_wire(), &params);
        let (&owner, rrset) = zone.nsec3_covering(&hash).unwrap();
        let next: [u8; 20] = rrset.rdatas().next().unwrap()[6..26].try_into().unwrap();
        let is_covered = if owner < next { owner < hash && hash < next } else { owner < hash || hash < next };
        assert!(is_covered && zone.nsec3_matching(&hash).is_none());
    }
}

#[test]
fn a_zone_built_afresh_keeps_the_signatures_of_what_is_the_same() {
    for mode in [DenialMode::Nsec, DenialMode::Nsec3(Nsec3Params::default())] {
        let records = [("a.example", A.0, A.1), ("b.example", A.0, A.1), ("c.d.example", A.0, A.1)];
        let old = build(mode.clone(), &records);
        for (number, (_, rrset)) in old.signable().enumerate() {
            let encoded = Box::from((number as u16).to_be_bytes());
            rrset.signatures().store(Arc::new(Signatures { key_set: 1, refresh_at: 2, expires_at: 3, encoded }));
        }
        let is_signed = |zone: &Zone, owner: &str| {
            let node = zone.node(name(owner).as_wire()).unwrap();
            node.rrsets().iter().all(|rrset| rrset.signatures().load().is_some())
        };
        let same = build(mode.clone(), &records);
        same.adopt_signatures(&old);
        assert!(same.signable().all(|(_, rrset)| rrset.signatures().load().is_some()));
        let other =
            build(mode, &[("a.example", A.0, &[192, 0, 2, 2]), ("b.example", A.0, A.1), ("e.example", A.0, A.1)]);
        other.adopt_signatures(&old);
        assert!(is_signed(&other, "b.example") && is_signed(&other, APEX));
        assert!(!is_signed(&other, "a.example") && !is_signed(&other, "e.example"));
        let of_old: BTreeMap<Name, u16> =
            old.denial_records().map(|(owner, rrset)| (owner, mark(rrset).unwrap())).collect();
        for (owner, rrset) in other.denial_records() {
            let same = old.denial_records().any(|(other, old)| other == owner && old.has_same_data(rrset));
            assert_eq!(mark(rrset), same.then(|| of_old[&owner]), "{owner}");
        }
    }
}

/// The number that a test signature holds.
fn mark(rrset: &Rrset) -> Option<u16> {
    let signatures = rrset.signatures().load();
    signatures.as_ref().map(|signatures| u16::from_be_bytes([signatures.encoded[0], signatures.encoded[1]]))
}
