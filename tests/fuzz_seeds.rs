//! The fuzz targets on a stable toolchain: every seed as it is, and a bounded number of mutations of each.
//!
//! Each crash that was ever found is a named seed in `tests/fuzz/seeds/`. Messages drawn as structure are far more, since no
//! other input comes from everybody.

use dataplane::answer::Transport;
use signpost_tests::fuzz::draft::{Decisions, draft};
use signpost_tests::fuzz::{Mutations, TARGETS, answer_draft};
use signpost_tests::query::decode;
use signpost_tests::server::workspace;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};

/// Executions of one target, some seconds of a debug build.
const MANY: usize = 100_000;
/// The same for bodies that write files or compute with RSA keys.
const SOME: usize = 5_000;

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

fn hold(target: &str, executions: usize) {
    let (_, body) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target of that name");
    let seeds = seeds(target);
    assert!(seeds.len() >= 3, "{target} has {} seeds", seeds.len());
    for (name, seed) in &seeds {
        body(seed);
        for (round, mutation) in Mutations::new(seed, seeds.len() as u64).take(executions / seeds.len()).enumerate() {
            if catch_unwind(|| body(&mutation)).is_err() {
                panic!("{target}: mutation {round} of seed {name} breaks a promise; make it a seed: {mutation:02x?}");
            }
        }
    }
}

#[test]
fn message() {
    hold("message", MANY);
}

#[test]
fn drafted() {
    hold("drafted", MANY);
}

#[test]
fn record_text() {
    hold("record_text", MANY);
}

#[test]
fn zone_file() {
    hold("zone_file", MANY);
}

#[test]
fn api_json() {
    hold("api_json", MANY);
}

#[test]
fn api_path() {
    hold("api_path", MANY);
}

#[test]
fn webhook_json() {
    hold("webhook_json", MANY);
}

#[test]
fn edns_options() {
    hold("edns_options", MANY);
}

#[test]
fn rdata_wire() {
    hold("rdata_wire", MANY);
}

#[test]
fn svcb_text() {
    hold("svcb_text", MANY);
}

#[test]
fn isc_key() {
    hold("isc_key", SOME);
}

#[test]
fn settings() {
    hold("settings", SOME);
}

const TRANSPORTS: [Transport; 6] = [
    Transport::Udp { payload_max: 1232 },
    Transport::Tcp,
    Transport::Udp { payload_max: 512 },
    Transport::Tls,
    Transport::Udp { payload_max: 4096 },
    Transport::Https,
];

/// Draws messages by number, on all cores.
fn draw(numbers: std::ops::Range<u64>) {
    let next = AtomicU64::new(numbers.start);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= numbers.end {
                return;
            }
            let draft = draft(&mut Decisions::seeded(number));
            let transport = TRANSPORTS[(number % 6) as usize];
            let answered = catch_unwind(|| {
                // hickory-proto takes longer than all the rest together.
                if let Some(reply) = answer_draft(&draft, transport)
                    && number.is_multiple_of(16)
                {
                    decode(&reply);
                }
            });
            if answered.is_err() {
                let octets = &draft.octets;
                panic!("message {number} over {transport:?} breaks a promise; make it a seed: {octets:02x?}");
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}

#[test]
fn messages_drawn_as_structure() {
    draw(0..200_000);
}

#[test]
#[ignore = "full set: ten million messages"]
fn ten_million_messages_drawn_as_structure() {
    draw(200_000..10_200_000);
}

/// None is forgotten above.
#[test]
fn every_target_has_a_test() {
    let suite = include_str!("fuzz_seeds.rs");
    for (target, _) in TARGETS {
        assert!(suite.contains(&format!("hold(\"{target}\",")), "{target} is not run");
    }
}

#[test]
fn proxy_header() {
    hold("proxy_header", MANY);
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
