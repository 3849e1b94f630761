//! A zone that was signed elsewhere is served as it is: what our own signer made, stored and found again, is the same zone.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use dnssec::presigned::{Depth, Examined, Fault, examine};
use dnssec::signer::{HeldSignatures, KeyInUse};
use dnssec::{Algorithm, SigningPolicy, VerifyError, Workbench, ZoneKey, ZoneSigner, prove};
use support::{name, owners, zone};
use wire::{Name, RecordType};
use zone::{DenialMode, Nsec3Params, Proofs, Rrset, Zone, ZoneBuilder, ZoneEditor};

const NOW: u32 = 1_790_000_000;

const RECORDS: &str = "
    example.             3600 SOA ns.example. host.example. 1 3600 300 3600000 300
    example.             3600 NS  ns.example.
    ns.example.          3600 A   192.0.2.1
    www.example.         60   A   192.0.2.2
    www.example.         60   TXT \"text\"
    *.w.example.         60   A   192.0.2.3
    a.b.c.example.       60   A   192.0.2.4
    insecure.example.    60   NS  ns.insecure.example.
    ns.insecure.example. 60   A   192.0.2.5
    secure.example.      60   NS  ns.example.
    secure.example.      60   DS  57855 13 2 6fdd3aa8d9b0e1de1a3a1ea5ca1bd1b6ae7f1fa3cb30d3f0d0e4a0f42f4d2a7e
";

fn modes() -> [DenialMode; 3] {
    let opt_out = Nsec3Params { opt_out: true, iterations: 2, salt: vec![0xab] };
    [DenialMode::Nsec, DenialMode::Nsec3(Nsec3Params::default()), DenialMode::Nsec3(opt_out)]
}

type Record = (Name, RecordType, u32, Vec<u8>);

/// All records of a zone signed by us, with two algorithms: data, signatures and chain.
fn signed(mode: &DenialMode) -> Vec<Record> {
    let unsigned = Arc::new(zone("example", mode.clone(), RECORDS));
    let key = |algorithm| {
        let text = ZoneKey::generate(algorithm).unwrap();
        KeyInUse { key: Arc::new(ZoneKey::from_isc(&text, 257).unwrap()), active: true, published: true }
    };
    let keys = vec![key(Algorithm::EcdsaP256Sha256), key(Algorithm::Ed25519)];
    let signer = ZoneSigner::new(name("example"), keys, SigningPolicy::default());
    let mut editor = ZoneEditor::new(&unsigned);
    editor.set_apex(RecordType::DNSKEY, signer.dnskey_rrset(60));
    if let DenialMode::Nsec3(params) = mode {
        let param = Rrset::new(RecordType::NSEC3PARAM, 0, vec![params.nsec3param_rdata()]);
        editor.set_apex(RecordType::NSEC3PARAM, Some(param));
    }
    let zone = editor.finish().unwrap();
    let mut records = Vec::new();
    let mut put = |owner: &Name, rtype, ttl, rdata: &[u8]| records.push((owner.clone(), rtype, ttl, rdata.to_vec()));
    for (owner, rrset) in zone.signable() {
        let signatures = signer.signatures(&owner, rrset, NOW);
        signatures.rdatas().for_each(|rdata| put(&owner, RecordType::RRSIG, rrset.ttl(), rdata));
    }
    for (owner, rrset) in zone.denial_records() {
        rrset.rdatas().for_each(|rdata| put(&owner, rrset.rtype(), rrset.ttl(), rdata));
    }
    for node in zone.nodes() {
        for rrset in node.rrsets() {
            rrset.rdatas().for_each(|rdata| put(node.name(), rrset.rtype(), rrset.ttl(), rdata));
        }
    }
    records
}

fn presigned(configured: Option<Nsec3Params>, records: &[Record]) -> Zone {
    let mut builder = ZoneBuilder::new(name("example"), DenialMode::Presigned(configured));
    for (owner, rtype, ttl, rdata) in records {
        builder.add(owner, *rtype, *ttl, rdata);
    }
    assert_eq!(builder.ignored(), 0);
    builder.finish().unwrap()
}

/// Everything that is served, signatures included.
fn dump(zone: &Zone) -> BTreeSet<String> {
    let line = |owner: &Name, rrset: &Rrset| {
        let signatures = HeldSignatures::stored(rrset);
        format!("{owner} {} {} {:?} {:?}", rrset.rtype(), rrset.ttl(), rrset.encoded(), signatures.encoded)
    };
    let nodes = zone.nodes().flat_map(|node| node.rrsets().iter().map(|rrset| line(node.name(), rrset)));
    nodes.chain(zone.denial_records().map(|(owner, rrset)| line(&owner, rrset))).collect()
}

fn faults(zone: &Zone) -> Vec<String> {
    examine(zone, NOW, Depth::Signatures).faults.iter().map(Fault::to_string).collect()
}

#[test]
fn signatures_and_chain_are_found_and_hold() {
    for mode in modes() {
        let zone = presigned(None, &signed(&mode));
        let Examined { faults, expires_at } = examine(&zone, NOW, Depth::Signatures);
        assert_eq!(faults, [], "{mode:?}");
        assert!(expires_at.is_some_and(|at| at > NOW));
        assert!(zone.has_stored_chain());
        match (&mode, zone.proofs()) {
            (DenialMode::Nsec, Proofs::Nsec) => {}
            (DenialMode::Nsec3(params), Proofs::Nsec3(found)) => {
                assert_eq!((found.iterations, &found.salt), (params.iterations, &params.salt));
            }
            other => panic!("{other:?}"),
        }
        for (_, rrset) in zone.signable() {
            let signatures = rrset.signatures().load();
            assert_eq!(signatures.as_ref().unwrap().rdatas().count(), 2, "both algorithms");
        }
        // Names are those of the data alone: owners of NSEC3 records do not exist (RFC 5155 section 7.2.8).
        assert!(zone.nodes().all(|node| node.name().labels().next().is_none_or(|label| label.len() != 32)));
    }
}

/// The proofs are those that the signer's own zone gives.
#[test]
fn proofs_are_made_of_what_is_stored() {
    for mode in modes() {
        let records = signed(&mode);
        let stored = presigned(None, &records);
        let mut builder = ZoneBuilder::new(name("example"), mode.clone());
        records.iter().for_each(|(owner, rtype, ttl, rdata)| builder.add(owner, *rtype, *ttl, rdata));
        let made = builder.finish().unwrap();
        for asked in [
            "nope.example",
            "c.example",
            "x.c.example",
            "any.w.example",
            "www.example",
            "x.insecure.example",
            "insecure.example",
            "example",
        ] {
            for rtype in [RecordType::A, RecordType::DS, RecordType::MX] {
                let qname = name(asked);
                let proof = |zone: &Zone| {
                    owners(&prove(zone, qname.as_wire(), &zone.lookup(qname.as_wire(), rtype), &Workbench::default()))
                };
                assert_eq!(proof(&stored), proof(&made), "{mode:?} {asked} {rtype}");
            }
        }
    }
}

#[test]
fn an_edit_of_names_with_their_signatures_equals_the_zone_built_afresh() {
    for mode in modes() {
        let (before, after) = (signed(&mode), signed(&mode));
        // All names of another signing of the same data, one after the other, NSEC3 owners among them.
        let mut zone = Arc::new(presigned(None, &before));
        let owners: BTreeSet<&Name> = after.iter().map(|(owner, ..)| owner).collect();
        for owner in owners {
            let of_owner = || after.iter().filter(|record| record.0 == *owner);
            let types: BTreeSet<RecordType> = of_owner().map(|record| record.1).collect();
            let rrset = |rtype| {
                let of_type = || of_owner().filter(|record| record.1 == rtype);
                let ttl = of_type().map(|record| record.2).min().unwrap();
                Rrset::new(rtype, ttl, of_type().map(|record| record.3.clone()).collect())
            };
            let rrsets: Vec<Rrset> = types.into_iter().map(rrset).collect();
            assert!(zone.can_take(owner, &rrsets));
            let mut editor = ZoneEditor::new(&zone);
            editor.replace_name(owner, rrsets);
            zone = Arc::new(editor.finish().unwrap());
        }
        assert_eq!(dump(&zone), dump(&presigned(None, &after)), "{mode:?}");
        assert_eq!(faults(&zone), [""; 0]);
        // A name that goes, and its link with it, leaves a gap that is named.
        let mut editor = ZoneEditor::new(&zone);
        editor.replace_name(&name("www.example"), Vec::new());
        let gone = editor.finish().unwrap();
        assert!(gone.node(name("www.example").as_wire()).is_none());
        assert!(!faults(&gone).is_empty());
        // NSEC3PARAM that changes may mean another chain: that is for a build.
        assert!(mode == DenialMode::Nsec || !zone.can_take(&name("example"), &[]));
    }
}

#[test]
fn what_is_missing_or_wrong_is_named_and_the_rest_served() {
    for mode in modes() {
        let records = signed(&mode);
        let www = name("www.example");
        let without = |is_out: &dyn Fn(&Record) -> bool| {
            let kept: Vec<Record> = records.iter().filter(|record| !is_out(record)).cloned().collect();
            faults(&presigned(None, &kept))
        };
        let covers = |rdata: &[u8], rtype: RecordType| rdata.starts_with(&rtype.0.to_be_bytes());
        let unsigned = without(&|(owner, rtype, _, rdata)| {
            *owner == www && *rtype == RecordType::RRSIG && covers(rdata, RecordType::A)
        });
        assert_eq!(unsigned, ["no RRSIG over A at www.example."]);
        let missing = without(&|(owner, ..)| *owner == www);
        assert!(
            missing
                .iter()
                .any(|fault| fault.contains("does not lead to the next one") || fault.contains("belongs to no name")),
            "{missing:?}"
        );
        let no_keys = without(&|(_, rtype, ..)| *rtype == RecordType::DNSKEY);
        assert_eq!(no_keys[0], "no DNSKEY at the apex");
        // Data that is not what was signed, and times that are over.
        let mut changed = records.clone();
        changed
            .iter_mut()
            .filter(|(owner, rtype, ..)| *owner == www && *rtype == RecordType::A)
            .for_each(|record| record.3[3] = 99);
        let zone = presigned(None, &changed);
        let found = examine(&zone, NOW, Depth::Signatures).faults;
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found.iter().all(
                |fault| matches!(fault, Fault::Signature { owner, error: VerifyError::Wrong, .. } if *owner == www)
            )
        );
        assert_eq!(examine(&zone, NOW, Depth::Presence).faults, []);
        let late = examine(&presigned(None, &records), NOW + 400 * 86_400, Depth::Signatures).faults;
        assert!(
            late.iter().all(|fault| matches!(fault, Fault::Signature { error: VerifyError::Expired, .. }))
                && late.len() > 10
        );
    }
}

/// PowerDNS stores neither NSEC nor NSEC3 records of zones it transfers in, only what signs them, and NSEC3PARAM in the metadata.
#[test]
fn a_chain_that_is_not_stored_is_made_for_its_signatures() {
    for mode in modes() {
        let chain = [RecordType::NSEC, RecordType::NSEC3, RecordType::NSEC3PARAM];
        let records: Vec<Record> = signed(&mode).into_iter().filter(|(_, rtype, ..)| !chain.contains(rtype)).collect();
        let configured = match &mode {
            DenialMode::Nsec3(params) => Some(params.clone()),
            _ => None,
        };
        let zone = presigned(configured, &records);
        assert_eq!(faults(&zone), [""; 0], "{mode:?}");
        assert!(!zone.has_stored_chain() && !zone.can_take(&name("www.example"), &[]));
    }
}

/// RFC 5155 section 4.1.2: NSEC3PARAM says which chain to use.
#[test]
fn of_several_chains_the_one_that_nsec3param_names_is_used() {
    let long = DenialMode::Nsec3(Nsec3Params { opt_out: false, iterations: 5, salt: vec![1] });
    let mut records = signed(&DenialMode::Nsec3(Nsec3Params::default()));
    let other: Vec<Record> = signed(&long).into_iter().filter(|(_, rtype, ..)| *rtype == RecordType::NSEC3).collect();
    records.extend(other.clone());
    let used = |records: &[Record]| match presigned(None, records).proofs() {
        Proofs::Nsec3(params) => Some(params.clone()),
        _ => None,
    };
    assert_eq!(used(&records), Some(Nsec3Params::default()));
    // Beside NSEC records a chain that nothing names is not in use yet, or no longer.
    let mut nsec = signed(&DenialMode::Nsec);
    nsec.extend(other);
    assert_eq!(used(&nsec), None);
}
