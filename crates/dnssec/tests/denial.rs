//! Proofs for random questions to random zones, judged by a validator that sees only the records sent.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dnssec::denial::ProofRecord;
use dnssec::{Workbench, prove};
use proptest::prelude::*;
use support::checker::{Claim, Evidence, path};
use support::name;
use wire::{Name, RecordType};
use zone::{DenialMode, Found, Nsec3Params, Rrset, Zone, ZoneBuilder, ZoneEditor};

const APEX: &str = "z.test";

/// What stands at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Data {
    A,
    ATxt,
    Cname,
    Dname,
    Insecure,
    Secure,
}

impl Data {
    fn types(self) -> &'static [RecordType] {
        match self {
            Data::A => &[RecordType::A],
            Data::ATxt => &[RecordType::A, RecordType::TXT],
            Data::Cname => &[RecordType::CNAME],
            Data::Dname => &[RecordType::DNAME],
            Data::Insecure => &[RecordType::NS],
            Data::Secure => &[RecordType::NS, RecordType::DS],
        }
    }

    fn redirects(self) -> bool {
        matches!(self, Data::Dname | Data::Insecure | Data::Secure)
    }
}

fn rdata(rtype: RecordType) -> Vec<u8> {
    match rtype {
        RecordType::A => vec![192, 0, 2, 1],
        RecordType::TXT => b"\x01t".to_vec(),
        RecordType::DS => [&[0, 1, 13, 2][..], &[7; 32]].concat(),
        RecordType::SOA => [name("ns.test").as_wire(), name("h.test").as_wire(), &[0, 0, 0, 60].repeat(5)].concat(),
        _ => name("elsewhere.test").as_wire().to_vec(),
    }
}

fn any_labels(depth: std::ops::Range<usize>) -> impl Strategy<Value = Vec<&'static str>> {
    let label = prop_oneof![4 => Just("a"), 4 => Just("b"), 2 => Just("c"), 2 => Just("*"), 1 => Just("\\000"), 1 => Just("\\255")];
    proptest::collection::vec(label, depth)
}

fn below_apex(labels: &[&str]) -> Name {
    name(&[labels, &[APEX]].concat().join("."))
}

fn any_data() -> impl Strategy<Value = Data> {
    prop_oneof![
        4 => Just(Data::A),
        2 => Just(Data::ATxt),
        2 => Just(Data::Cname),
        1 => Just(Data::Dname),
        2 => Just(Data::Insecure),
        2 => Just(Data::Secure),
    ]
}

/// Names with their data; no cut or DNAME at a wildcard, which RFC 4592 section 4 leaves undefined.
fn any_content() -> impl Strategy<Value = BTreeMap<Name, Data>> {
    proptest::collection::vec((any_labels(1..5), any_data()), 0..14).prop_map(|names| {
        let mut content = BTreeMap::new();
        for (labels, data) in names {
            if labels[0] != "*" || !data.redirects() {
                content.insert(below_apex(&labels), data);
            }
        }
        content
    })
}

fn any_chain() -> impl Strategy<Value = DenialMode> {
    let salted = Nsec3Params { opt_out: false, iterations: 3, salt: vec![0xaa, 0xbb] };
    let opt_out = Nsec3Params { opt_out: true, ..Nsec3Params::default() };
    prop_oneof![
        3 => Just(DenialMode::Nsec),
        3 => Just(DenialMode::Nsec3(Nsec3Params::default())),
        1 => Just(DenialMode::Nsec3(salted)),
        3 => Just(DenialMode::Nsec3(opt_out)),
    ]
}

/// Those with a chain, and those without.
fn any_mode() -> impl Strategy<Value = DenialMode> {
    let salted = Nsec3Params { opt_out: false, iterations: 3, salt: vec![0xaa, 0xbb] };
    prop_oneof![
        4 => any_chain(),
        1 => Just(DenialMode::Narrow(Nsec3Params::default())),
        1 => Just(DenialMode::Narrow(salted)),
        2 => Just(DenialMode::Compact),
    ]
}

fn rrsets(data: Data) -> Vec<Rrset> {
    data.types().iter().map(|&rtype| Rrset::new(rtype, 60, vec![rdata(rtype)])).collect()
}

/// The zone, its first names by the builder and the rest by an edit, after which some of the first are gone.
fn build(content: &BTreeMap<Name, Data>, mode: &DenialMode, built: usize, doomed: &[Name]) -> Zone {
    let apex = name(APEX);
    let mut builder = ZoneBuilder::new(apex.clone(), mode.clone());
    for rtype in [RecordType::SOA, RecordType::NS] {
        builder.add(&apex, rtype, 60, &rdata(rtype));
    }
    let doomed = doomed.iter().filter(|name| !content.contains_key(name));
    doomed.clone().for_each(|name| builder.add(name, RecordType::A, 60, &rdata(RecordType::A)));
    for (name, data) in content.iter().take(built) {
        data.types().iter().for_each(|&rtype| builder.add(name, rtype, 60, &rdata(rtype)));
    }
    let zone = Arc::new(builder.finish().unwrap());
    let mut editor = ZoneEditor::new(&zone);
    content.iter().skip(built).for_each(|(name, data)| editor.replace_name(name, rrsets(*data)));
    doomed.for_each(|name| editor.replace_name(name, Vec::new()));
    editor.finish().unwrap()
}

/// What must be proved for what was found; `None` where nothing has to be.
fn claim(found: &Found<'_>, mode: &DenialMode) -> Option<Claim> {
    let is_compact = *mode == DenialMode::Compact;
    match found {
        // RFC 9824 section 3.3: the answer is signed as if the name existed.
        Found::Answer { .. } | Found::Cname { .. } if is_compact => None,
        Found::NoData { .. } if is_compact => Some(Claim::NoData),
        Found::NameError { .. } if is_compact => Some(Claim::NxName),
        Found::Answer { wildcard, .. } | Found::Cname { wildcard, .. } => {
            wildcard.map(|wildcard| Claim::Expanded(path(wildcard.closest_encloser.name())))
        }
        Found::NoData { wildcard: Some(_), .. } => Some(Claim::ExpandedNoData),
        Found::NoData { .. } => Some(Claim::NoData),
        Found::NameError { .. } => Some(Claim::NameError),
        Found::Referral { cut } if cut.rrset(RecordType::DS).is_none() => Some(Claim::Insecure(path(cut.name()))),
        Found::Referral { .. } | Found::Dname { .. } | Found::Withheld { .. } => None,
    }
}

fn params(mode: &DenialMode) -> Nsec3Params {
    match mode {
        DenialMode::Nsec3(params) | DenialMode::Narrow(params) => params.clone(),
        _ => Nsec3Params::default(),
    }
}

/// Names that must be in the chain: those with authoritative data and cuts, for NSEC3 also what leads to them; with opt-out no
/// insecure cuts and, unless there are wildcards, nothing that leads only to them.
fn linked(content: &BTreeMap<Name, Data>, mode: &DenialMode) -> BTreeSet<Name> {
    let with_empty = *mode != DenialMode::Nsec;
    let is_opt_out = params(mode).opt_out;
    let apex = name(APEX);
    let is_occluded = |name: &Name| {
        let mut above = name.parent();
        while let Some(ancestor) = above {
            if content.get(&ancestor).is_some_and(|data| data.redirects()) {
                return true;
            }
            above = ancestor.parent();
        }
        false
    };
    let mut linked = BTreeSet::from([apex.clone()]);
    let is_out = |data: Data| is_opt_out && data == Data::Insecure;
    let has_wildcard = content.keys().any(|name| name.labels().any(|label| label == b"*"));
    for (name, data) in content.iter().filter(|(name, _)| !is_occluded(name)) {
        if is_out(*data) && !has_wildcard {
            continue;
        }
        if !is_out(*data) {
            linked.insert(name.clone());
        }
        let mut above = name.parent();
        while let Some(ancestor) = above.filter(|ancestor| with_empty && *ancestor != apex) {
            above = ancestor.parent();
            linked.insert(ancestor);
        }
    }
    linked
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_proof_proves_and_needs_each_of_its_records(
        content in any_content(),
        mode in any_mode(),
        built in 0usize..14,
        doomed in proptest::collection::vec(any_labels(1..5), 0..4),
        asked in proptest::collection::vec(any_labels(0..6), 1..24),
    ) {
        let doomed: Vec<Name> = doomed.iter().map(|labels| below_apex(labels)).collect();
        let zone = build(&content, &mode, built, &doomed);
        let bench = Workbench::default();
        for labels in &asked {
            let qname = below_apex(labels);
            for qtype in [RecordType::A, RecordType::TXT, RecordType::DS, RecordType::NS, RecordType::CNAME] {
                let found = zone.lookup(qname.as_wire(), qtype);
                let proof = prove(&zone, qname.as_wire(), &found, &bench);
                let Some(claim) = claim(&found, &mode) else {
                    prop_assert!(proof.is_empty(), "{} {:?} needs no proof", qname, qtype);
                    continue;
                };
                let evidence = Evidence::new(&proof, &params(&mode));
                let check = |evidence: &Evidence| evidence.check(zone.apex(), &qname, qtype, &claim);
                prop_assert_eq!(check(&evidence), Ok(()), "{} {:?} {:?}: {:?}", qname, qtype, claim, evidence);
                prop_assert!(proof.len() <= 3);
                for index in 0..evidence.len() {
                    let less = evidence.without(index);
                    prop_assert!(check(&less).is_err(), "{} {:?} {:?} has more than needed: {:?}", qname, qtype, claim, evidence);
                }
            }
        }
    }

    #[test]
    fn the_chain_is_closed_and_holds_exactly_the_names_there_are(
        content in any_content(),
        mode in any_chain(),
        built in 0usize..14,
        doomed in proptest::collection::vec(any_labels(1..5), 0..4),
    ) {
        let doomed: Vec<Name> = doomed.iter().map(|labels| below_apex(labels)).collect();
        let zone = build(&content, &mode, built, &doomed);
        let is_nsec = mode == DenialMode::Nsec;
        let linked = linked(&content, &mode);
        // Owner and next owner of each record, as sortable octets.
        let mut links: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let key = |name: &Name| path(name).into_iter().flat_map(|label| [label, vec![0]].concat()).collect::<Vec<u8>>();
        for (owner, rrset) in zone.denial_records() {
            let rdata = rrset.rdatas().next().unwrap();
            let link = if is_nsec {
                (key(&owner), key(&Name::split_wire(rdata).unwrap().0))
            } else {
                let hash = owner.labels().next().unwrap().to_ascii_uppercase();
                let at = 6 + usize::from(rdata[4]);
                (data_encoding::BASE32HEX_NOPAD.decode(&hash).unwrap(), rdata[at..at + 20].to_vec())
            };
            prop_assert!(links.insert(link.0, link.1).is_none(), "an owner stands once");
        }
        let evidence = Evidence::new(&dnssec::Proof::default(), &params(&mode));
        let wanted: BTreeSet<Vec<u8>> = linked.iter().map(|name| if is_nsec { key(name) } else { evidence.hash(&path(name)) }).collect();
        prop_assert_eq!(links.keys().cloned().collect::<BTreeSet<_>>(), wanted);
        let start = links.keys().next().unwrap().clone();
        let mut at = start.clone();
        for step in 1..=links.len() {
            at = links[&at].clone();
            prop_assert_eq!(at == start, step == links.len(), "one circle through all of them");
        }
    }
}

#[test]
fn an_unsigned_zone_proves_nothing() {
    let content = BTreeMap::from([(name("a.z.test"), Data::Insecure)]);
    let zone = build(&content, &DenialMode::Unsigned, 1, &[]);
    for asked in ["b.z.test", "x.a.z.test", "z.test"] {
        let found = zone.lookup(name(asked).as_wire(), RecordType::TXT);
        assert!(prove(&zone, name(asked).as_wire(), &found, &Workbench::default()).is_empty());
    }
}

/// RFC 1035 section 2.3.4: at 255 octets there is no room for a wildcard or a hash below, and none is needed.
#[test]
fn names_of_255_octets_have_proofs() {
    let long = format!("{}.{}.{}.{}.z.test", "b".repeat(63), "c".repeat(63), "d".repeat(63), "e".repeat(54));
    assert_eq!(name(&long).as_wire().len(), 255);
    let bench = Workbench::default();
    let params3 = Nsec3Params::default;
    for mode in [DenialMode::Nsec, DenialMode::Nsec3(params3()), DenialMode::Narrow(params3()), DenialMode::Compact] {
        for content in [BTreeMap::new(), BTreeMap::from([(name(&long), Data::A), (name(&long[128..]), Data::A)])] {
            let zone = build(&content, &mode, 9, &[]);
            for asked in [long.clone(), long.replacen('b', "a", 1), long.replacen('c', "a", 1), "*.z.test".to_owned()] {
                let qname = name(&asked);
                let found = zone.lookup(qname.as_wire(), RecordType::TXT);
                let proof = prove(&zone, qname.as_wire(), &found, &bench);
                let claim = claim(&found, &mode).unwrap();
                let evidence = Evidence::new(&proof, &params(&mode));
                assert_eq!(evidence.check(zone.apex(), &qname, RecordType::TXT, &claim), Ok(()), "{asked}");
            }
        }
    }
}

/// RFC 5155 section 3: the owner is a hash of 32 characters below the apex, which must leave room for it.
#[test]
fn an_apex_without_room_for_hashes_gets_no_malformed_owners() {
    let long = format!("{}.{}.{}.{}", "b".repeat(63), "c".repeat(63), "d".repeat(63), "e".repeat(29));
    for (apex, records) in [(&long[1..], 2), (&long[..], 0)] {
        assert!((222..=223).contains(&name(apex).as_wire().len()));
        let mut builder = ZoneBuilder::new(name(apex), DenialMode::Nsec3(Nsec3Params::default()));
        for (owner, rtype) in [(name(apex), RecordType::SOA), (name(apex).child(b"a").unwrap(), RecordType::A)] {
            builder.add(&owner, rtype, 60, &rdata(rtype));
        }
        let zone = builder.finish().unwrap();
        let qname = name(apex).child(b"x").unwrap();
        let proof = prove(&zone, qname.as_wire(), &zone.lookup(qname.as_wire(), RecordType::A), &Workbench::default());
        assert_eq!(proof.is_empty(), records == 0);
        for record in proof.iter() {
            let mut buffer = [0; 255];
            let ProofRecord::Chained(owner, _) = record else { panic!("{record:?}") };
            assert_eq!(Name::from_wire(owner.wire(&mut buffer)).unwrap(), owner.to_name());
        }
    }
}
