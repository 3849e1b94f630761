//! NSD, Knot and BIND answer as we do. Zones are drawn from a seed, and so are questions that probe their edges; all four servers
//! have the same zones, unsigned and with the very same keys, NSEC and NSEC3, and every answer is compared over UDP and TCP.
//!
//! Without `SIGNPOST_TEST_SEED` the zones are the same each time, so that what is green stays green; with it they are others. What is compared is said in `peers/compare.rs`; what peers do otherwise, with the RFC
//! that is on our side, stands in `peers/rules.rs`. A difference is printed with the seed, the four answers, and zones from which
//! all records are dropped that it does not need.

#[path = "peers/compare.rs"]
mod compare;
#[path = "peers/contents.rs"]
mod contents;
#[path = "peers/draft.rs"]
mod draft;
#[path = "peers/lab.rs"]
mod lab;
#[path = "peers/planted.rs"]
mod planted;
#[path = "peers/proofs.rs"]
mod proofs;
#[path = "peers/questions.rs"]
mod questions;
#[path = "peers/reasons.rs"]
mod reasons;
#[path = "peers/report.rs"]
mod report;
#[path = "peers/rules.rs"]
mod rules;
#[path = "peers/shrink.rs"]
mod shrink;
#[path = "peers/sound.rs"]
mod sound;
#[path = "peers/survey.rs"]
mod survey;
#[path = "peers/world.rs"]
mod world;

use signpost_tests::random;
use signpost_tests::server::workspace;
use survey::{Apexes, Findings, Plan};

/// Kinds of difference that are printed in full.
const SHOWN_MAX: usize = 3;

/// Of a thousand planted bugs of a kind, so many are found at least. Proofs around empty non-terminals that opt-out leaves out are
/// where peers agree least.
fn found_min(bug: planted::Bug) -> usize {
    if bug == planted::Bug::LostProof { 950 } else { 990 }
}

#[test]
fn every_answer_is_that_of_nsd_knot_and_bind() {
    let findings = survey(random::wanted_seed().unwrap_or(1), 1);
    assert_eq!(findings.questions, 10_000);
}

#[test]
#[ignore = "full set: 200,000 questions to zones of twenty seeds"]
fn every_answer_is_that_of_nsd_knot_and_bind_in_twenty_sets_of_zones() {
    let findings = survey(random::wanted_seed().unwrap_or(101), 20);
    assert_eq!(findings.questions, 200_000);
    if random::wanted_seed().is_some() {
        return;
    }
    let unused: Vec<_> = findings.hits.all().filter(|(_, rule, hits)| *hits == 0 && !rules::is_seldom(rule)).collect();
    let unused: Vec<String> = unused.iter().map(|(peer, rule, _)| format!("{peer} {}", rule.what)).collect();
    assert!(unused.is_empty(), "no longer needed, if it is so with several seeds: {unused:#?}");
}

#[test]
fn bugs_planted_into_our_answers_are_found() {
    let mut findings = Findings { catch: Some(planted::Catch::default()), ..Findings::default() };
    let seed = random::wanted_seed().unwrap_or(1);
    survey::carry_out(Plan { seed, apexes: Apexes::Beside(24), questions: 3_000 }, &mut findings);
    let catch = findings.catch.expect("it was asked for");
    for (bug, (planted, found)) in &catch.bugs {
        eprintln!("{bug:?}: {found} of {planted} found");
    }
    let mut hidden: Vec<_> = catch.hidden_by.iter().collect();
    hidden.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (rules, count) in hidden {
        eprintln!("{count:6} hidden by {rules}");
    }
    let is_too_few =
        |(bug, (planted, found)): &(&planted::Bug, &(usize, usize))| found * 1000 < planted * found_min(**bug);
    let too_few: Vec<_> = catch.bugs.iter().filter(is_too_few).collect();
    assert!(too_few.is_empty(), "the comparison is worth less than it was: {too_few:?}");
    assert_eq!(catch.bugs.len(), planted::BUGS.len(), "some kind of bug was never planted");
}

#[test]
fn unbound_believes_every_denial_and_every_wildcard_in_each_mode() {
    prove(random::wanted_seed().unwrap_or(1), 200);
}

#[test]
#[ignore = "full set: proofs in zones of twenty seeds"]
fn unbound_believes_every_denial_and_every_wildcard_in_zones_of_twenty_seeds() {
    let seed = random::wanted_seed().unwrap_or(101);
    (seed..seed + 20).for_each(|seed| prove(seed, 400));
}

fn prove(seed: u64, questions: usize) {
    eprintln!("zones are drawn from SIGNPOST_TEST_SEED={seed}");
    let verdicts = proofs::Exam::prepare(seed, proofs::WAYS, questions).judge();
    let proofs::Verdicts { secure, open, proofs, left_out, faults } = verdicts;
    eprintln!("{proofs} proofs; {secure} answers secure, {open} in spans of opt-out, {left_out} not asked");
    let shown: Vec<&String> = faults.iter().take(SHOWN_MAX).collect();
    assert!(
        faults.is_empty(),
        "SIGNPOST_TEST_SEED={seed}: {} wrong\n{}",
        faults.len(),
        shown.into_iter().cloned().collect::<String>()
    );
    assert!(proofs * 10 > questions * proofs::WAYS.len(), "too few questions have a proof");
}

#[test]
fn unbound_believes_nothing_from_which_a_record_of_the_proof_was_taken() {
    let seed = random::wanted_seed().unwrap_or(1);
    // Where opt-out leaves spans open, less proof is asked for.
    let ways: Vec<_> = proofs::WAYS.iter().filter(|way| !way.is_opt_out()).cloned().collect();
    let (asked, believed) = proofs::Exam::prepare(seed, &ways, 20).judge_without_proofs();
    eprintln!("{asked} proofs lacked a record");
    assert!(asked > 50, "{asked} are too few");
    assert!(believed.is_empty(), "SIGNPOST_TEST_SEED={seed}: {} of {asked}\n{}", believed.len(), believed.concat());
}

/// Surveys `sets` sets of zones from `seed` on, 10,000 questions each, a tenth of them of a root zone.
fn survey(seed: u64, sets: u64) -> Findings {
    let mut findings = Findings::default();
    for seed in seed..seed + sets {
        eprintln!("zones are drawn from SIGNPOST_TEST_SEED={seed}");
        survey::carry_out(Plan { seed, apexes: Apexes::Beside(24), questions: 9_000 }, &mut findings);
        survey::carry_out(Plan { seed, apexes: Apexes::Root, questions: 1_000 }, &mut findings);
        assert!(findings.differences.is_empty(), "SIGNPOST_TEST_SEED={seed}\n{}", describe(&findings));
    }
    for (peer, rule, hits) in findings.hits.all() {
        eprintln!("{hits:8} {peer} {} ({})", rule.what, rule.rfc);
    }
    findings
}

/// The kinds of difference, the most frequent first, and the first few of them with zones as small as can be.
fn describe(findings: &Findings) -> String {
    let mut kinds: Vec<_> = findings.differences.iter().collect();
    kinds.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.count));
    let mut text = String::new();
    for (kind, finding) in kinds.iter().take(SHOWN_MAX) {
        let shrunk = shrink::shrink(kind, finding);
        let shown = shrunk.as_ref().unwrap_or(finding);
        text += &format!("\n=== {} times {kind}\n{}{}", finding.count, shown.text, report::zones(&shown.world));
    }
    for (kind, finding) in kinds {
        text += &format!("KIND {} {kind}\n", finding.count);
    }
    text
}

#[test]
fn the_manual_lists_what_peers_do_otherwise() {
    let manual = std::fs::read_to_string(workspace().join("docs/testing.md")).expect("the manual has the page");
    let row = |rule: &rules::Rule| {
        let peers: Vec<String> = rule.peers.iter().map(ToString::to_string).collect();
        format!("| {} | {} | {} |", peers.join(", "), rule.what, rule.rfc)
    };
    let missing: Vec<String> = rules::RULES.iter().map(row).filter(|row| !manual.contains(row)).collect();
    assert!(missing.is_empty(), "docs/testing.md lacks\n{}", missing.join("\n"));
    let rows = manual
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains(" | RFC ") && !line.ends_with("| RFC |"))
        .count();
    assert_eq!(rows, rules::RULES.len(), "docs/testing.md has rows that are no rule");
}
