//! Answers in zones that are large enough for memory to be fetched ahead are those that are given one by one.

mod fixture;

use dataplane::answer::Desk;
use dataplane::udp::{Clerk, Moment, Readings};
use dataplane::{DataPlaneSettings, Profile};
use fixture::{EXAMPLE, Mode, NOW, ask, table, zone};
use std::fmt::Write;
use std::net::SocketAddr;
use wire::message::NameBuffer;
use wire::name::NAME_OCTETS_MAX;

/// RRsets with which a zone is large, and some.
const NAMES: u32 = 40_500;
const BATCH: usize = 64;

fn questions() -> Vec<Vec<u8>> {
    let names = [
        "n17.example",
        "N4711.example",
        "n40499.team9.example",
        "nope.example",
        "nope.n17.example",
        "nope.team9.example",
        "team9.example",
        "example",
        "www.example",
        "alias.example",
        "x.wild.example",
        "wild.example",
        "x.cwild.example",
        "ent.example",
        "under.child.example",
        "child.example",
        "under.safe.example",
        "elsewhere.test",
    ];
    let mut all = Vec::new();
    for name in names {
        for qtype in ["A", "AAAA", "TXT", "NS", "DS", "SOA", "ANY"] {
            all.extend([ask(name, qtype), ask(name, qtype).with_do()].map(|ask| ask.message()));
        }
    }
    // What is no query has its place among them.
    all.insert(5, vec![0; 3]);
    all.insert(40, vec![0xff; 40]);
    all
}

#[test]
fn answers_are_the_same_with_memory_fetched_ahead() {
    let mut text = EXAMPLE.to_owned();
    for number in 0..NAMES {
        let team = if number % 3 == 0 { "team9." } else { "" };
        writeln!(text, "n{number}.{team}example. 60 A 192.0.2.{}", number % 250).unwrap();
    }
    for mode in [Mode::Unsigned, Mode::Nsec, Mode::Nsec3] {
        let zones = table([zone(mode, &text)]);
        let (view, profile) = (zones.view(), Profile::default());
        let desk = Desk { zones: &view, profile: &profile };
        let mut clerk = Clerk::new(&DataPlaneSettings::default());
        let at = Moment { now: NOW, micros: 1_000_000 };
        let source = SocketAddr::from(([203, 0, 113, 7], 5353));
        let mut reply = vec![0; 4096];
        let questions = questions();
        let mut attend = |message: &Vec<u8>| {
            let length = clerk.attend(desk, message, source, at, &mut reply)?;
            Some(reply[..length].to_vec())
        };
        // Signatures are made the first time.
        questions.iter().for_each(|message| drop(attend(message)));
        let wanted: Vec<_> = questions.iter().map(&mut attend).collect();
        assert!(wanted.iter().flatten().any(|reply| reply[3] & 0xf == 3), "{mode:?}");

        let mut names: Vec<NameBuffer> = vec![[0; NAME_OCTETS_MAX]; BATCH];
        for (messages, wanted) in questions.chunks(BATCH).zip(wanted.chunks(BATCH)) {
            let mut readings = Readings::default();
            for ((index, message), name) in messages.iter().enumerate().zip(&mut names) {
                readings.put(index, clerk.read(desk, message, source, name));
            }
            assert!(readings.fetch_ahead() > BATCH / 2, "{mode:?}");
            let mut seen = vec![None; messages.len()];
            for (index, reading) in readings.iter() {
                let length = clerk.answer(desk, reading, at, &mut reply);
                seen[index] = length.map(|length| reply[..length].to_vec());
            }
            for ((message, seen), wanted) in messages.iter().zip(seen).zip(wanted) {
                assert_eq!(&seen, wanted, "{mode:?} {message:02x?}");
            }
        }
    }
}

#[test]
fn in_a_small_zone_nothing_is_fetched_ahead() {
    let zones = table([zone(Mode::Nsec3, EXAMPLE)]);
    let (view, profile) = (zones.view(), Profile::default());
    let desk = Desk { zones: &view, profile: &profile };
    let mut clerk = Clerk::new(&DataPlaneSettings::default());
    let mut readings = Readings::default();
    let message = ask("www.example", "A").message();
    let mut names: Vec<NameBuffer> = vec![[0; NAME_OCTETS_MAX]; BATCH];
    for (index, name) in names.iter_mut().enumerate() {
        readings.put(index, clerk.read(desk, &message, SocketAddr::from(([203, 0, 113, 7], 5353)), name));
    }
    assert_eq!(readings.fetch_ahead(), 0);
}
