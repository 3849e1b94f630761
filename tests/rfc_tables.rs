//! The sentences of the RFCs about authoritative answers, each with the tests that hold it (`tests/rfc/`).
//!
//! A table is one RFC: `[[sentence]]` entries in the order of the text, each with the tests that would fail if the sentence
//! were not obeyed, or with the reason why there is none. What is checked here is that the tables are whole and that every test
//! they name is there and runs; that a test says what its sentence says is for people to review.

use serde::Deserialize;
use signpost_tests::named::Sources;
use signpost_tests::server::workspace;
use std::collections::BTreeSet;
use std::fs;

/// RFCs that must have a table.
const REQUIRED: &[u16] = &[
    1034, 1035, 2181, 2308, 4034, 4035, 4592, 5155, 6672, 6840, 6891, 7873, 8482, 8914, 9018, 9077, 9276, 9460, 9619,
    9824,
];

/// A quotation longer than this is no single sentence.
const SAYS_CHARS_MAX: usize = 360;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    rfc: u16,
    title: String,
    /// Where the wording is ours although the sentence is another's: the text was not at hand.
    #[serde(default)]
    is_paraphrased: bool,
    sentence: Vec<Sentence>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentence {
    section: String,
    says: String,
    /// `FILE::FUNCTION`, or the folder of a golden case.
    #[serde(default)]
    tests: Vec<String>,
    /// Why no test holds it.
    left_out: Option<String>,
}

fn tables() -> Vec<Table> {
    let folder = workspace().join("tests/rfc");
    let mut tables: Vec<Table> = fs::read_dir(&folder)
        .expect("the tables are there")
        .flatten()
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).expect("a table is text");
            let table: Table =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
            assert_eq!(entry.file_name().to_string_lossy(), format!("rfc{}.toml", table.rfc));
            table
        })
        .collect();
    tables.sort_by_key(|table| table.rfc);
    tables
}

/// All faults at once, since a table is mended in one go.
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_named_test_exists_and_runs() {
    let mut sources = Sources::default();
    let mut faults = Vec::new();
    for table in tables() {
        for sentence in &table.sentence {
            for test in &sentence.tests {
                if let Err(fault) = sources.find(test) {
                    faults.push(format!("RFC {} section {}: {test}: {fault}", table.rfc, sentence.section));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_sentence_has_a_test_or_a_reason() {
    let mut faults = Vec::new();
    for table in tables() {
        for sentence in &table.sentence {
            let fault = match (&sentence.tests[..], sentence.left_out.as_deref()) {
                ([], None | Some("")) => "neither a test nor a reason",
                ([_, ..], Some(_)) => "a test and a reason to have none",
                _ if sentence.says.is_empty() => "says nothing",
                _ if sentence.says.chars().count() > SAYS_CHARS_MAX => "too long for a sentence",
                _ => continue,
            };
            faults.push(format!("RFC {} section {}: {fault}: {}", table.rfc, sentence.section, sentence.says));
        }
    }
    assert_none(&faults);
}

#[test]
fn sentences_stand_in_the_order_of_the_text_and_once() {
    let mut faults = Vec::new();
    for table in tables() {
        let mut seen = BTreeSet::new();
        for sentence in &table.sentence {
            if !seen.insert(&sentence.says) {
                faults.push(format!("RFC {}: twice: {}", table.rfc, sentence.says));
            }
        }
        for pair in table.sentence.windows(2) {
            if number(&pair[0].section) > number(&pair[1].section) {
                faults.push(format!("RFC {}: {} before {}", table.rfc, pair[0].section, pair[1].section));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_rfc_that_must_have_a_table_has_one() {
    let there: BTreeSet<u16> = tables().iter().map(|table| table.rfc).collect();
    let missing: Vec<&u16> = REQUIRED.iter().filter(|rfc| !there.contains(rfc)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_manual_links_to_every_table() {
    let page = fs::read_to_string(workspace().join("docs/rfcs.md")).expect("the page is there");
    let mut faults = Vec::new();
    for table in tables() {
        assert!(!table.title.is_empty(), "RFC {}", table.rfc);
        if !page.contains(&format!("[{0}](../tests/rfc/rfc{0}.toml)", table.rfc)) {
            faults.push(format!("docs/rfcs.md does not link to tests/rfc/rfc{}.toml", table.rfc));
        }
        let is_marked = page.lines().any(|line| line.contains("paraphrased") && line.contains(&table.rfc.to_string()));
        if table.is_paraphrased != is_marked {
            faults
                .push(format!("docs/rfcs.md and the table of RFC {} disagree on whether it is paraphrased", table.rfc));
        }
    }
    assert_none(&faults);
}

/// `3.1.3.2` as numbers; appendices come after all sections.
fn number(section: &str) -> Vec<u32> {
    let part = |part: &str| match part.parse() {
        Ok(number) => number,
        Err(_) => 1000 + part.bytes().fold(0, |sum, octet| sum * 256 + u32::from(octet)),
    };
    section.split('.').map(part).collect()
}

#[test]
fn sections_are_ordered_by_number() {
    assert!(number("3.1.10") > number("3.1.9") && number("A.1") > number("99") && number("3") < number("3.1"));
}
