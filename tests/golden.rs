//! Each case of `tests/golden/` gives the reply it wants, in every signing mode and over every transport.
//!
//! `BLESS=1 cargo test -p signpost-tests --test golden` writes what is answered now as what is wanted; review the difference
//! against the RFC before it is kept (docs/testing.md).

use signpost_tests::golden::{Case, Keys, MODES, Mode, Server, Transport, show};
use std::time::{SystemTime, UNIX_EPOCH};
use wire::ZoneName;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_is_answered_as_wanted_in_every_mode_and_over_every_transport() {
    let keys = Keys::generate();
    let server = Server::start();
    let mut faults = Vec::new();
    for case in Case::all() {
        let replies: Vec<(&Mode, String)> =
            MODES.iter().map(|mode| (mode, replies(&server, &case, mode, &keys))).collect();
        if is_blessing() {
            case.bless(&replies);
        }
        for (mode, text) in &replies {
            let want = case.want(mode).unwrap_or_default();
            if want != *text {
                faults.push(format!("{} in mode {}:\n{}", case.name, mode.name, difference(&want, text)));
            }
        }
    }
    assert!(faults.is_empty(), "{} replies are not as wanted\n\n{}", faults.len(), faults.join("\n"));
}

fn is_blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}

/// All questions of a case, one after the other; each must get the same reply over every transport it goes over.
fn replies(server: &Server, case: &Case, mode: &Mode, keys: &Keys) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let now = u32::try_from(now).expect("it is before 2106");
    let zones = case.zones(mode, keys, now);
    let apexes: Vec<wire::Name> = zones.iter().map(|served| served.zone.apex().clone()).collect();
    server.zones.put_all(zones);
    let mut texts = Vec::new();
    for ask in &case.asks {
        let mut first: Option<(Transport, String)> = None;
        for &transport in ask.transports() {
            let reply = server.ask(ask, transport);
            let text = show(ask, &reply, &keys.known(), now);
            let (other, same) = first.get_or_insert_with(|| (transport, text.clone()));
            assert_eq!(*same, text, "{} in mode {}: {other:?} and {transport:?} differ", case.name, mode.name);
        }
        texts.extend(first.map(|(_, text)| text));
    }
    for apex in apexes {
        server.zones.remove(&ZoneName::from(apex));
    }
    texts.join("\n")
}

/// The lines that differ, with `-` what is wanted and with `+` what came.
fn difference(want: &str, text: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (want, text) = (lines(want), lines(text));
    let same = want.iter().zip(&text).take_while(|(a, b)| a == b).count();
    let same_at_end = want[same..].iter().rev().zip(text[same..].iter().rev()).take_while(|(a, b)| a == b).count();
    let context = text[..same].iter().map(|line| format!("  {line}\n"));
    let gone = want[same..want.len() - same_at_end].iter().map(|line| format!("- {line}\n"));
    let came = text[same..text.len() - same_at_end].iter().map(|line| format!("+ {line}\n"));
    context.chain(gone).chain(came).collect()
}

#[test]
fn every_case_has_a_want_for_every_mode_and_no_file_besides() {
    let known = |file: &str| {
        let of_mode = |ending: &str| MODES.iter().any(|mode| mode.name == ending);
        matches!(file, "about" | "ask" | "zone" | "want")
            || file.starts_with("zone.")
            || file.strip_prefix("want.").is_some_and(of_mode)
    };
    if is_blessing() {
        // The other test is writing them.
        return;
    }
    let cases = Case::all();
    assert!(!cases.is_empty());
    for case in cases {
        for mode in MODES {
            assert!(case.want(mode).is_some(), "{} has no want for {}", case.name, mode.name);
        }
        for entry in std::fs::read_dir(&case.path).expect("the folder was just read").flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            assert!(known(&file), "{}: what is {file}?", case.name);
        }
    }
}
