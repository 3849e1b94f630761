//! What is proved, and that the proof can fail.

use super::world::{Caller, Start, World};
use crate::next::Rule;

const STARTS: [Start; 5] = [Start::Unsigned, Start::KskAndZsk, Start::Csk, Start::MidZskRoll, Start::MidKskRoll];

fn simulate(seed: u64, without: Option<Rule>, caller: Caller) -> Result<World, String> {
    let start = STARTS[(seed % 5) as usize];
    let mut world = World::new(seed, start, without, caller);
    let ended = world.run(3);
    match ended {
        Ok(()) => Ok(world),
        Err(error) => Err(format!("seed {seed} from {start:?}, at {}: {error}", world.now)),
    }
}

fn all_hold(seeds: std::ops::Range<u64>) {
    let (mut steps, mut refused) = (0, 0);
    for seed in seeds {
        let world = simulate(seed, None, Caller::Careful).unwrap_or_else(|error| panic!("{error}"));
        steps += world.steps_taken;
        refused += world.refused;
    }
    println!("{steps} steps, {refused} acts refused");
    assert!(steps > 0 && refused > 0);
}

/// The seeds at which a simulation without a rule, or with a careless caller, fails.
fn caught(without: Option<Rule>, caller: Caller) -> Option<(u64, String)> {
    (0..400).find_map(|seed| simulate(seed, without, caller).err().map(|error| (seed, error)))
}

#[test]
fn no_cache_fails_to_validate_in_three_years_of_trouble() {
    all_hold(0..200);
}

#[test]
#[ignore = "minutes: 10,000 runs"]
fn no_cache_fails_to_validate_in_ten_thousand_runs() {
    all_hold(0..10_000);
}

#[test]
fn every_rule_is_missed_when_it_is_taken_away() {
    let rules = [
        Rule::DnskeyTtl,
        Rule::ZoneTtl,
        Rule::DsTtl,
        Rule::OldTtls,
        Rule::Propagation,
        Rule::Lagging,
        Rule::EveryParentServer,
        Rule::SilentParent,
        Rule::OldRequests,
        Rule::EveryAlgorithm,
        Rule::TakeOver,
        Rule::Tags,
        Rule::Unverified,
        Rule::Halt,
    ];
    let mut missed = Vec::new();
    for rule in rules {
        match caught(Some(rule), Caller::Careful) {
            Some((seed, error)) => println!("{rule:?}: {seed}: {}", error.lines().next().unwrap_or_default()),
            None => missed.push(rule),
        }
    }
    assert!(missed.is_empty(), "nobody notices when {missed:?} is taken away");
}

#[test]
fn a_caller_who_trusts_the_wall_clock_is_caught() {
    let (_, error) = caught(None, Caller::TrustsWallClock).expect("clocks that step shorten waits");
    println!("{error}");
}
