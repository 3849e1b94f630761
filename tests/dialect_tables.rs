//! The rules of the PowerDNS dialect, each with the tests that hold it (`tests/dialect/`).
//!
//! A table is one section: `[[rule]]` entries in its order, each in our own words, with the tests that would fail if the rule
//! were broken, or with the reason why there is none. Where we answer otherwise than PowerDNS on purpose, `differs` says how and
//! why, and the tests hold ours. What is checked here is that the tables are whole and that every test they name is there and
//! runs; that a test says what its rule says is for people to review.

use serde::Deserialize;
use signpost_tests::named::Sources;
use signpost_tests::server::workspace;
use std::collections::BTreeSet;
use std::fs;

/// Sections that must have a table.
const REQUIRED: &[u16] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17];

/// A longer one is more than one rule.
const SAYS_CHARS_MAX: usize = 300;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    section: u16,
    title: String,
    rule: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    section: String,
    says: String,
    /// `FILE::FUNCTION`. Those of `crates/api/tests/dialect` and of `tests/store_suite` run on both databases.
    #[serde(default)]
    tests: Vec<String>,
    /// What we do instead, and why.
    differs: Option<String>,
    /// Why no test holds it.
    left_out: Option<String>,
}

fn tables() -> Vec<Table> {
    let folder = workspace().join("tests/dialect");
    let mut tables: Vec<Table> = fs::read_dir(&folder)
        .expect("the tables are there")
        .flatten()
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).expect("a table is text");
            let table: Table =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
            assert_eq!(entry.file_name().to_string_lossy(), format!("section{:02}.toml", table.section));
            assert!(!table.title.is_empty(), "{}", entry.path().display());
            table
        })
        .collect();
    tables.sort_by_key(|table| table.section);
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
    for rule in tables().iter().flat_map(|table| &table.rule) {
        for test in &rule.tests {
            if let Err(fault) = sources.find(test) {
                faults.push(format!("{}: {test}: {fault}", rule.section));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_rule_has_a_test_or_a_reason() {
    let mut faults = Vec::new();
    for rule in tables().iter().flat_map(|table| &table.rule) {
        let is_empty = |text: &Option<String>| text.as_deref() == Some("");
        let fault = match (&rule.tests[..], rule.left_out.as_deref()) {
            ([], None) => "neither a test nor a reason",
            ([_, ..], Some(_)) => "a test and a reason to have none",
            _ if is_empty(&rule.left_out) || is_empty(&rule.differs) => "an empty reason",
            _ if rule.says.is_empty() => "says nothing",
            _ if rule.says.chars().count() > SAYS_CHARS_MAX => "too long for one rule",
            _ => continue,
        };
        faults.push(format!("{}: {fault}: {}", rule.section, rule.says));
    }
    assert_none(&faults);
}

#[test]
fn every_section_has_its_rules_in_order_and_once() {
    let tables = tables();
    let there: BTreeSet<u16> = tables.iter().map(|table| table.section).collect();
    let mut faults: Vec<String> = REQUIRED
        .iter()
        .filter(|section| !there.contains(section))
        .map(|section| format!("no table {section}"))
        .collect();
    for table in &tables {
        let mut seen = BTreeSet::new();
        for rule in &table.rule {
            if !seen.insert(&rule.says) {
                faults.push(format!("{}: twice: {}", rule.section, rule.says));
            }
            if number(&rule.section).first() != Some(&table.section) {
                faults.push(format!("{} in the table of section {}", rule.section, table.section));
            }
        }
        for pair in table.rule.windows(2) {
            if number(&pair[0].section) > number(&pair[1].section) {
                faults.push(format!("{} before {}", pair[0].section, pair[1].section));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_manual_links_to_every_table() {
    let page = fs::read_to_string(workspace().join("docs/powerdns.md")).expect("the page is there");
    let link = |section: u16| format!("(../tests/dialect/section{section:02}.toml)");
    let missing: Vec<u16> =
        tables().iter().map(|table| table.section).filter(|section| !page.contains(&link(*section))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// `4.3` as numbers.
fn number(section: &str) -> Vec<u16> {
    section.split('.').map(|part| part.parse().unwrap_or(u16::MAX)).collect()
}
