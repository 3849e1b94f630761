//! The fuzz targets on a stable toolchain: every seed as it is, and a bounded number of mutations of each.
//!
//! Each crash that was ever found is a named seed in `tests/fuzz/seeds/`.

use signpost_tests::fuzz::{Mutations, TARGETS};
use signpost_tests::server::workspace;
use std::panic::catch_unwind;

/// Executions of one target; about twenty seconds of a debug build.
const EXECUTIONS: usize = 100_000;

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = workspace().join("tests/fuzz/seeds").join(target);
    let mut seeds: Vec<(String, Vec<u8>)> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .flatten()
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).expect("a seed is a file"))
        })
        .collect();
    seeds.sort();
    seeds
}

fn hold(target: &str) {
    let (_, body) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target of that name");
    let seeds = seeds(target);
    assert!(seeds.len() >= 3, "{target} has {} seeds", seeds.len());
    for (name, seed) in &seeds {
        body(seed);
        for (round, mutation) in Mutations::new(seed, seeds.len() as u64).take(EXECUTIONS / seeds.len()).enumerate() {
            if catch_unwind(|| body(&mutation)).is_err() {
                panic!("{target}: mutation {round} of seed {name} breaks a promise; make it a seed: {mutation:02x?}");
            }
        }
    }
}

#[test]
fn message() {
    hold("message");
}

#[test]
fn record_text() {
    hold("record_text");
}

#[test]
fn zone_file() {
    hold("zone_file");
}

#[test]
fn api_json() {
    hold("api_json");
}

#[test]
fn every_target_is_wrapped_for_libfuzzer() {
    let manifest = std::fs::read_to_string(workspace().join("tests/fuzz/Cargo.toml")).expect("the wrappers are there");
    for (target, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} has no [[bin]]");
        let wrapper = workspace().join(format!("tests/fuzz/targets/{target}.rs"));
        let text = std::fs::read_to_string(&wrapper).expect("a wrapper");
        assert!(text.contains(&format!("signpost_tests::fuzz::{target}(")), "{}", wrapper.display());
    }
}
