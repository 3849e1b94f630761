//! What is proved, and that the proof can fail.

use super::world::{Caller, DAY, HOUR, Start, World};
use crate::next::Rule;
use crate::{Act, KeyState, Plan, RequestedDs, Role};

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

/// Three years in which nobody does anything.
fn undisturbed(start: Start, seed: u64, mut look: impl FnMut(&World, &Plan)) {
    let mut world = World::new(seed, start, None, Caller::Careful);
    let end = world.now + 3 * 365 * DAY;
    while world.now < end {
        world.tick().unwrap_or_else(|error| panic!("{error}"));
        if let Some(plan) = &world.plan {
            look(&world, plan);
        }
        world.pass(world.now + 4 * HOUR).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn no_key_in_use_grows_older_than_policy_says_and_none_is_rolled_early() {
    for (seed, start) in STARTS.into_iter().enumerate() {
        let mut replaced = [0, 0];
        undisturbed(start, seed as u64, |world, plan| {
            for key in world.keys.iter().filter(|key| key.published) {
                let (life, count) = match key.role {
                    Role::Zsk => (world.policy.zsk_lifetime, 0),
                    _ => (world.policy.ksk_lifetime, 1),
                };
                let age = world.now - key.created.0;
                assert!(age <= life.expect("the default").as_secs(), "{start:?}: {key:?} is {} days old", age / DAY);
                let leaves = plan.steps.contains(&crate::Step::Unpublish(key.id));
                replaced[count] += usize::from(leaves);
            }
        });
        let [zsk, ksk] = replaced;
        assert!(zsk <= 20 && ksk <= 10, "{start:?}: {zsk} ZSKs and {ksk} KSKs in three years");
    }
}

#[test]
fn a_zone_that_goes_insecure_signs_until_no_cache_has_a_ds() {
    let mut world = World::new(1, Start::KskAndZsk, None, Caller::Careful);
    let mut asked = None;
    for _ in 0..30 * 12 {
        world.tick().unwrap_or_else(|error| panic!("{error}"));
        if world.now > 1_700_000_000 + 8 * DAY && asked.is_none() {
            world.acts.push(Act::GoInsecure);
            asked = Some(world.now);
        }
        world.pass(world.now + 2 * HOUR).unwrap_or_else(|error| panic!("{error}"));
    }
    let plan = world.plan.as_ref().expect("it ran");
    assert_eq!(plan.request, RequestedDs::Delete);
    assert!(world.keys.iter().all(|key| !key.published && !key.signs_zone), "{:?}", world.keys);
    assert!(plan.keys.iter().all(|key| key.state == KeyState::Generated), "{:?}", plan.keys);
}
