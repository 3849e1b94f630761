//! What holds for any input: nothing panics, and what was understood goes both ways.

use proptest::prelude::*;
use wire::rdata::{canonical, check, parse, print};
use wire::{Name, RecordType, content, zonefile};

/// Texts and octets of every type, to be damaged.
const VECTORS: &str = include_str!("../src/rdata/vectors.txt");

fn vectors() -> Vec<(RecordType, &'static str, Vec<u8>)> {
    VECTORS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (rtype, rest) = line.split_once('|').unwrap();
            let (text, hex) = rest.rsplit_once('|').unwrap();
            (rtype.parse().unwrap(), text, data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap())
        })
        .collect()
}

/// A type with its own format, mostly.
fn any_type() -> impl Strategy<Value = RecordType> {
    prop_oneof![
        8 => prop::sample::select(vectors()).prop_map(|(rtype, _, _)| rtype),
        2 => (0..300_u16).prop_map(RecordType),
        1 => any::<u16>().prop_map(RecordType),
        1 => prop::sample::select(vec![RecordType::ALIAS, RecordType::LUA, RecordType::DLV]),
    ]
}

/// Octets that are nearly right for their type.
fn damaged_octets() -> impl Strategy<Value = (RecordType, Vec<u8>)> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::sample::select(vectors()), edits, any::<prop::sample::Index>(), 0..4_u8).prop_map(
        |((rtype, _, mut octets), edits, cut, how)| {
            for (at, octet) in edits {
                if !octets.is_empty() {
                    let at = at.index(octets.len());
                    octets[at] = octet;
                }
            }
            match how {
                0 if !octets.is_empty() => octets.truncate(cut.index(octets.len())),
                1 => octets.insert(cut.index(octets.len() + 1), 1),
                _ => {}
            }
            (rtype, octets)
        },
    )
}

/// Text that is nearly right for its type.
fn damaged_text() -> impl Strategy<Value = (RecordType, String)> {
    let pieces = prop::sample::select(vec![
        "\"", "\\", " ", ".", "0", "9", "-", "=", ",", ";", "(", ")", "\\000", "\\256", "é", "\u{0}", "@", "a",
        "\\# 1 00", "\n", "!", "/", ":",
    ]);
    let edits = prop::collection::vec((any::<prop::sample::Index>(), pieces, any::<bool>()), 0..4);
    (prop::sample::select(vectors()), edits).prop_map(|((rtype, text, _), edits)| {
        let mut characters: Vec<String> = text.chars().map(String::from).collect();
        for (at, piece, replaces) in edits {
            let at = at.index(characters.len() + 1);
            if replaces && at < characters.len() {
                characters[at] = piece.to_string();
            } else {
                characters.insert(at, piece.to_string());
            }
        }
        (rtype, characters.concat())
    })
}

/// Everything that takes octets, on octets.
fn octets_are_survived(rtype: RecordType, octets: &[u8]) -> Result<(), TestCaseError> {
    let printed = print(rtype, octets);
    prop_assert_eq!(printed.is_ok(), check(rtype, octets).is_ok());
    let lowered = canonical(rtype, octets);
    prop_assert_eq!(lowered.len(), octets.len());
    prop_assert_eq!(canonical(rtype, &lowered), lowered.clone());
    if let Ok(text) = printed {
        // Some octets have more than one form (an empty window, a zero precision); the text settles it.
        let again = parse(rtype, &text, None);
        prop_assert!(again.is_ok(), "{} {}: {:?}", rtype, text, again);
        prop_assert_eq!(print(rtype, &again.unwrap()), Ok(text));
        if let Ok(stored) = content::from_wire(rtype, octets) {
            let wire = content::to_wire(rtype, &stored.stored, Some(stored.prio));
            prop_assert_eq!(print(rtype, &wire.unwrap()), print(rtype, octets), "{}", stored.stored);
        }
    }
    Ok(())
}

/// Everything that takes text, on text.
fn text_is_survived(rtype: RecordType, text: &str) -> Result<(), TestCaseError> {
    let origin: Name = "example.com".parse().unwrap();
    if let Ok(wire) = parse(rtype, text, Some(&origin)) {
        prop_assert_eq!(check(rtype, &wire), Ok(()), "{} {}", rtype, text);
    }
    for prio in [None, Some(10), Some(-1)] {
        let wire = content::to_wire(rtype, text, prio);
        let api = content::to_api(rtype, text, prio);
        // LUA goes out as it came; nothing else does without being understood.
        if rtype != RecordType::LUA {
            prop_assert_eq!(wire.is_ok(), api.is_ok(), "{} {}: {:?} {:?}", rtype, text, wire, api);
        }
    }
    if let Ok(taken) = content::from_api(rtype, text) {
        let wire = content::to_wire(rtype, &taken.stored, Some(taken.prio));
        prop_assert_eq!(wire.as_ref(), Ok(&taken.wire), "{} {} {}", rtype, text, taken.stored);
        let api = content::to_api(rtype, &taken.stored, Some(taken.prio)).unwrap();
        let again = content::from_api(rtype, &api);
        prop_assert_eq!(again.as_ref(), Ok(&taken), "{} {}", text, api);
    }
    if let Ok(taken) = content::from_zone_file(rtype, text, &origin) {
        let wire = content::to_wire(rtype, &taken.stored, Some(taken.prio));
        prop_assert_eq!(wire, Ok(taken.wire), "{} {} {}", rtype, text, taken.stored);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_are_survived(rtype in any_type(), octets in prop::collection::vec(any::<u8>(), 0..80)) {
        octets_are_survived(rtype, &octets)?;
    }

    #[test]
    fn nearly_right_octets_are_survived((rtype, octets) in damaged_octets()) {
        octets_are_survived(rtype, &octets)?;
    }

    #[test]
    fn any_text_is_survived(rtype in any_type(), text in "[ -~\t\né\u{0}]{0,40}") {
        text_is_survived(rtype, &text)?;
    }

    #[test]
    fn nearly_right_text_is_survived((rtype, text) in damaged_text()) {
        text_is_survived(rtype, &text)?;
    }

    /// RFC 1035 section 5.1: any octets can be written in a string.
    #[test]
    fn any_octets_go_through_a_text_record(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut wire = Vec::new();
        for string in octets.chunks(255) {
            wire.push(string.len() as u8);
            wire.extend(string);
        }
        if octets.is_empty() {
            wire.push(0);
        }
        let text = print(RecordType::TXT, &wire).unwrap();
        let taken = content::from_api(RecordType::TXT, &text).unwrap();
        prop_assert_eq!(&taken.wire, &wire);
        prop_assert_eq!(content::to_api(RecordType::TXT, &taken.stored, None), Ok(text));
    }

    /// What a person writes between quotes comes back letter for letter.
    #[test]
    fn printable_text_comes_back_as_sent(inner in "([ !#-\\[\\]-~é✓]|\\\\\"|\\\\\\\\|\\\\12[0-9]){0,400}") {
        let sent = format!("\"{inner}\"");
        let taken = content::from_api(RecordType::TXT, &sent).unwrap();
        prop_assert_eq!(&taken.stored, &sent);
        prop_assert_eq!(content::to_api(RecordType::TXT, &taken.stored, None), Ok(sent));
    }

    #[test]
    fn any_master_file_is_survived(text in "([ \t\n;()\"\\\\$@.a]|A |IN |TXT |60 |192\\.0\\.2\\.1|\\$TTL |\\$ORIGIN |\\$GENERATE 1-3 |\\$\\{0,2,x\\}|\r\n|é){0,60}") {
        let origin: Name = "example.com".parse().unwrap();
        if let Err(error) = zonefile::parse(&text, &origin, 60) {
            prop_assert!(error.line >= 1 && error.line <= text.split(['\n', '\r']).count());
        }
    }

    /// What we print, one record a line, is a master file of the same records.
    #[test]
    fn printed_records_are_a_master_file(chosen in prop::collection::vec(prop::sample::select(vectors()), 1..20)) {
        let origin = Name::root();
        let mut file = String::new();
        let mut wanted = Vec::new();
        for (index, (rtype, text, wire)) in chosen.into_iter().enumerate() {
            if rtype == RecordType::SOA && wanted.iter().any(|(_, seen, _)| *seen == RecordType::SOA) {
                continue;
            }
            file.push_str(&format!("n{index}.test.\t{index}\tIN\t{rtype}\t{text}\n"));
            wanted.push((index as u32, rtype, wire));
        }
        let records = zonefile::parse(&file, &origin, 0).unwrap();
        let found: Vec<_> = records.into_iter().map(|record| (record.ttl, record.rtype, record.content.wire)).collect();
        prop_assert_eq!(found, wanted);
    }
}
